"""A model of another package, from dataset to app. Each mistake is one line."""

import json
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from typer.testing import CliRunner

from landlab_mgr import cli
from landlab_mgr.errors import LandlabError
from landlab_mgr.models import registry
from landlab_mgr.models.land import bind, simulate
from landlab_mgr.models.model import make_forcing
from landlab_mgr.models.process import process
from landlab_mgr.spec.grid import load_grid

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]
EXAMPLE = HERE / "example_plugin"
MONTH = 30.4375
CUBIC = """
from landlab_mgr.models.process import Process

CUBIC = Process(lambda params, state: state.share**3)
"""


def package(site, name, group, entry, code, module="stranger"):
    """Put a package with one entry point into a directory of installed packages."""
    info = site / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{group}]\n{entry}\n")
    (site / f"{module}.py").write_text(textwrap.dedent(code))


# --- from dataset to app ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Directory with the installed model. A second package adds a process to it."""
    uv = os.environ.get("UV") or shutil.which("uv")
    assert uv, "uv is not on the PATH: `pip install uv`, or name it in the environment variable UV"
    target = tmp_path_factory.mktemp("site")
    options = ["--no-deps", "--python", sys.executable, "--target", str(target)]
    done = subprocess.run([uv, "pip", "install", *options, str(EXAMPLE)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    package(target, "landlab-cubic", "bucket.evaporation", "cubic = cubic:CUBIC", CUBIC, module="cubic")
    return target


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Directory of the workspace `ws`."""
    return tmp_path_factory.mktemp("hills")


@pytest.fixture(scope="module")
def path(site, root):
    """What every step gave, by name (`bucket_path`)."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, (site, REPOSITORY)))}
    command = [sys.executable, "-m", "tests.models.bucket_path", str(root)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=600, env=environment, cwd=REPOSITORY
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_a_dataset_of_two_forcings_and_a_gauge_is_registered(path):
    assert path["problems"] == []
    assert path["pixels"] == 24
    assert "hills" in path["output"]["data"]


def test_a_grid_of_the_model_is_trained(path):
    assert "24 runs added, 0 already there (12 setups x 2 seeds)" in path["output"]["register"]
    assert path["output"]["run"].splitlines()[-1] == "24 ok"
    assert path["packages"] == {"landlab-bucket": "1.0", "landlab-cubic": "1.0"}


@pytest.mark.parametrize("step", ["ls", "cubic"])
def test_filters_know_its_processes_and_loss_terms(path, step):
    runs = json.loads(path["output"][step])
    assert {(run["label"], run["seed"]) for run in runs} == {
        (label, seed) for label in ("SOIL", "CLIM", "CLIM+SOIL", "CONTROL") for seed in (0, 1)
    }
    assert all(np.isfinite(run["dev.discharge.R2"]) for run in runs)
    assert all(run["epochs"] == 30 for run in runs)


def test_members_are_selected_and_analysed(path):
    assert "12 of 24 candidates kept" in path["output"]["select"]
    [row] = json.loads(path["output"]["partition"])["table"]
    assert row["variable"] == "discharge"
    assert row["all"] > row["control"]
    for row in json.loads(path["output"]["identify"])["table"]:
        assert (row["members"], row["parameters"]) == (2, 3)


def test_predictions_have_its_outputs_with_units(path):
    assert "by 3 members of CLIM+SOIL, pooled over process.evaporation" in path["output"]["predict"]
    assert {name: path["units"][name] for name in ("discharge", "storage", "discharge_sd")} == {
        "discharge": "kg m-2 d-1",
        "storage": "kg m-2",
        "discharge_sd": "kg m-2 d-1",
    }


def test_the_report_is_about_its_variable(path):
    assert "discharge" in path["page"]


def test_the_app_maps_its_parameters(path):
    maps = path["maps"]
    assert [label.split(" ")[0] for label in maps["offered"]] == ["capacity", "drainage", "demand"]
    assert maps["setup"] == "CLIM+SOIL, evaporation linear"
    np.testing.assert_allclose(maps["drawn"], maps["capacity"], rtol=1e-5)
    assert min(maps["drawn"]) > 20
    assert np.std(maps["drawn"]) > 0


def test_without_the_package_runs_are_listed_and_the_rest_is_one_line(path, root):
    workspace = ["-w", str(root / "ws")]
    listed = CliRunner().invoke(cli.app, ["ls", "model = 'bucket'", "--json", *workspace])
    runs = json.loads(listed.stdout)
    assert len(runs) == 24
    shown = CliRunner().invoke(cli.app, ["show", runs[0]["run_id"], *workspace])
    assert isinstance(shown.exception, LandlabError)
    assert "unknown model 'bucket'; known: dalec" in str(shown.exception)


# --- the model itself ---------------------------------------------------------------------------------------


@pytest.fixture
def bucket(monkeypatch):
    monkeypatch.syspath_prepend(EXAMPLE)
    import bucket

    return bucket


def simulated(bucket, parameters, precip, tmax, dt, evaporation="LINEAR"):
    """Outputs [T, N] by name of a bucket under rain and temperature [T, N]."""
    steps, pixels = precip.shape
    days = (np.arange(steps) + 0.5) * dt
    series = {"precip": precip, "tmax": tmax}
    forcing = make_forcing(bucket.MODEL, series, np.zeros(pixels), days, days % 365.25, dt, np.float64)
    bound = {"evaporation": bind(getattr(bucket, evaporation))}
    return simulate(bucket.DYNAMICS, parameters, bucket.prepare(forcing), bound)


def drawn(bucket, pixels, rng):
    """Parameters [N] by name, over the whole of their bounds."""
    return {
        p.name: jnp.asarray(p.low * (p.high / p.low) ** rng.uniform(size=pixels))
        for p in bucket.TABLES.parameters
    }


@pytest.mark.parametrize("evaporation", ["LINEAR", "SUDDEN"])
@pytest.mark.parametrize("dt", [1.0, MONTH])
def test_water_closes_at_every_step(bucket, dt, evaporation):
    rng = np.random.default_rng(0)
    parameters = drawn(bucket, 50, rng)
    precip, tmax = rng.gamma(0.5, 10.0, (40, 50)), rng.normal(10, 15, (40, 50))
    outputs = simulated(bucket, parameters, precip, tmax, dt, evaporation)
    initial = 0.5 * parameters["capacity"][None]
    change = np.diff(np.concatenate([initial, outputs["storage"]]), axis=0)
    losses = dt * (outputs["evaporation"] + outputs["discharge"])
    np.testing.assert_allclose(dt * precip - losses - change, 0, atol=1e-9)
    assert all((np.asarray(x) >= 0).all() for x in outputs.values())
    assert (outputs["storage"] <= parameters["capacity"][None]).all()


def test_one_day_by_hand(bucket):
    """100 of 200 mm at the start. 0.5 x 20 degC x 0.2 mm evaporate, then 1 % of 108 mm drains."""
    parameters = {"capacity": jnp.array([200.0]), "drainage": jnp.array([0.01]), "demand": jnp.array([0.2])}
    outputs = simulated(bucket, parameters, np.array([[10.0]]), np.array([[20.0]]), 1.0)
    by_hand = {"evaporation": 2.0, "discharge": 1.08, "storage": 106.92}
    for name, value in by_hand.items():
        np.testing.assert_allclose(outputs[name], [[value]], rtol=1e-12)


def test_gradients_are_finite_at_the_bounds_and_for_an_empty_bucket(bucket):
    tables = bucket.TABLES.by_name
    at_bounds = {name: jnp.array([p.low, p.high]) for name, p in tables.items()}
    precip, tmax = np.zeros((24, 2)), np.full((24, 2), 30.0)

    def discharge(parameters):
        return simulated(bucket, parameters, precip, tmax, MONTH, "SUDDEN")["discharge"].sum()

    gradients = jax.grad(discharge)(at_bounds)
    assert all(np.isfinite(g).all() for g in gradients.values())


# --- mistakes -------------------------------------------------------------------------------------------------


@pytest.fixture
def strangers(tmp_path, monkeypatch):
    """An empty directory of installed packages."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "stranger", raising=False)
    cached = [f for f in vars(registry).values() if hasattr(f, "cache_clear")]
    for function in cached:
        function.cache_clear()
    yield tmp_path
    for function in cached:
        function.cache_clear()


TABLES = """
from landlab_mgr.models.tables import Tables
TABLES = Tables(name={name!r}, summary="", implementation={implementation!r})
MODEL = 3
"""
GRID = """
name = "g"
dataset = "d"
setups = [["CONTROL"]]
[base]
model = "{model}"
"""


def line(call, *arguments):
    """Message of the LandlabError that a call raises, which must be one line."""
    with pytest.raises(LandlabError) as error:
        call(*arguments)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize(
    ("entry", "code", "message"),
    [
        (
            "mine = stranger:TABLES",
            "raise RuntimeError('no\\nlicence')",
            "package foreign, which offers the model 'mine', does not import (RuntimeError: no licence): "
            "repair or uninstall it",
        ),
        ("mine = stranger:ABSENT", "", "does not import (AttributeError: "),
        (
            "mine = stranger:TABLES",
            "TABLES = 3",
            "package foreign offers stranger:TABLES as model 'mine', which is an int: "
            "it must be a landlab_mgr.models.tables.Tables",
        ),
        (
            "mine = stranger:TABLES",
            TABLES.format(name="yours", implementation="stranger:MODEL"),
            "package foreign offers the model 'mine', whose tables call it 'yours'",
        ),
        ("lstm = stranger:TABLES", "", "offer a model 'lstm' each: uninstall all but one"),
        ("dalec = stranger:TABLES", "", "offer a model 'dalec' each: uninstall all but one"),
        ("yours = stranger:TABLES", "", "unknown model 'mine'; known: dalec, "),
    ],
)
def test_a_wrong_package_is_one_line(strangers, entry, code, message):
    package(strangers, "foreign", registry.PLUGINS, entry, code)
    name = entry.partition(" ")[0]
    grid = strangers / "grid.toml"
    grid.write_text(GRID.format(model="mine" if name == "yours" else name))
    assert message in line(load_grid, grid)


@pytest.mark.parametrize(
    ("implementation", "message"),
    [
        ("stranger:MODEL", "as model 'mine', which is an int: it must be a landlab_mgr.models.model.Model"),
        ("nowhere:MODEL", "package foreign, which offers the model 'mine', does not import (ModuleNotFound"),
    ],
)
def test_a_wrong_implementation_is_one_line(strangers, implementation, message):
    code = TABLES.format(name="mine", implementation=implementation)
    package(strangers, "foreign", registry.PLUGINS, "mine = stranger:TABLES", code)
    assert message in line(registry.model, "mine")


def test_a_process_cannot_take_the_name_of_the_models_own(strangers, bucket):
    package(strangers, "foreign", "bucket.evaporation", "linear = stranger:LINEAR", "")
    kind = bucket.TABLES.processes["evaporation"]
    message = line(process, kind, "linear")
    assert "package foreign" in message
    assert "evaporation process 'linear', which the model has itself" in message
