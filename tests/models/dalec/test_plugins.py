"""Processes of other packages: the example is installed and trained with, and each way to be wrong is one line."""

import json
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from landlab_mgr.errors import LandlabError
from landlab_mgr.models import process
from landlab_mgr.models.dalec.process.photosynthesis import CanopyState
from landlab_mgr.models.dalec.tables import PHOTOSYNTHESIS
from landlab_mgr.spec.grid import GridSpec
from landlab_mgr.workspace import register
from landlab_mgr.workspace.workspace import Workspace

from .processes import WATER_STRESS, bind, water_stress
from .test_water_learned import state

HERE = Path(__file__).parent
EXAMPLE = HERE / "example_plugin"
GUIDE = (HERE.parents[2] / "landlab_mgr/guide/model-of-your-own.md").read_text()
GRID = GridSpec(
    name="stress",
    dataset="planet",
    setups=(("PFT", "CLIM"),),
    seeds=1,
    base={"warmup_months": 12, "optimizer": {"epochs": 2, "learning_rate": 3e-3, "patches_per_batch": 2}},
)
TRAIN = """
import json, sys
from landlab_mgr.records import Result, Task
from landlab_mgr.spec.grid import GridSpec
from landlab_mgr.storage.location import located
from landlab_mgr.training import checkpoint, run
from landlab_mgr.workspace import register
from landlab_mgr.workspace.workspace import Workspace

ws, grid, kind = Workspace.at(sys.argv[1]), GridSpec.model_validate_json(sys.argv[2]), sys.argv[3]
with ws.open() as catalog:
    register.grid(ws, catalog, grid)
    record = catalog.dataset(grid.dataset)
[spec] = grid.expand(record.fingerprint)
task = Task("only", spec, str(ws.path(record.url)), str(ws.root / "runs" / spec.run_id))
*progress, (_, result) = run.execute([task])
assert isinstance(result, Result), result
[saved] = [a.path for a in result.artifacts if a.kind == "checkpoint"]
params = checkpoint.load(located(saved))["weights"]["process"][kind]
wanted = ("train", "lai", "R2", "flat")
[lai] = [m.value for m in result.metrics if (m.split, m.variable, m.statistic, m.level) == wanted]
learned, versions = {n: float(x) for n, x in params.items()}, run.environment()["versions"]
epochs = [e.epoch for _, event in progress for e in event.epochs]
content = {"run_id": spec.run_id, "learned": learned, "lai": lai, "versions": versions, "epochs": epochs}
print(json.dumps(content))
"""


class Example(NamedTuple):
    """A package that offers a process, and what a grid asks of it."""

    folder: Path
    kind: str
    name: str
    choice: str
    parameter: str
    package: str
    version: str


EXAMPLES = (
    Example(EXAMPLE, "water_stress", "curved", "curved", "log_curvature", "landlab-curved-stress", "1.0"),
    Example(
        HERE / "example_photosynthesis",
        "photosynthesis",
        "light_use",
        "light_use@2",
        "log_efficiency",
        "landlab-light-use",
        "2.0",
    ),
)


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A directory with the example packages, installed as a user would."""
    uv = os.environ.get("UV") or shutil.which("uv")
    assert uv, "uv is not on the PATH: `pip install uv`, or name it in the environment variable UV"
    target = tmp_path_factory.mktemp("site")
    options = ["--no-deps", "--python", sys.executable, "--target", str(target)]
    folders = [str(example.folder) for example in EXAMPLES]
    done = subprocess.run([uv, "pip", "install", *options, *folders], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return target


def python(*arguments, path=()):
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, (*path, HERE.parents[2])))}
    return subprocess.run(
        [sys.executable, *map(str, arguments)], capture_output=True, text=True, timeout=600, env=environment
    )


@pytest.mark.slow
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.kind)
def test_the_example_is_installed_registered_and_trained(example, installed, planet, tmp_path):
    ws = Workspace.at(tmp_path / "ws")
    with ws.create() as catalog:
        dataset = register.dataset(ws, catalog, planet).name
        # with linear stress the planet's soils are too dry at the start for any process to learn
        axes = {"process.water_stress": ("none",)} | {f"process.{example.kind}": (example.choice,)}
        grid = GridSpec.model_validate(GRID.model_dump() | {"dataset": dataset, "axes": axes})
        with pytest.raises(LandlabError, match=f"unknown {example.kind} process '{example.name}'; known: "):
            register.grid(ws, catalog, grid)
        assert catalog.runs().empty

    done = python("-c", TRAIN, ws.root, grid.model_dump_json(), example.kind, path=[installed])
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["epochs"] == [1, 2]
    assert set(result["learned"]) == {example.parameter}
    assert abs(result["learned"][example.parameter]) > 1e-3
    assert np.isfinite(result["lai"])
    assert result["versions"][example.package] == example.version

    # whoever reads the catalog does not need the package
    chosen = f"process.{example.kind} = '{example.choice}'"
    listed = python("-m", "landlab_mgr.cli", "ls", chosen, "-w", ws.root)
    assert result["run_id"] in listed.stdout, listed.stderr
    shown = python("-m", "landlab_mgr.cli", "show", result["run_id"], "-w", ws.root)
    assert f"'{example.kind}': '{example.choice}'" in shown.stdout, shown.stderr


def test_the_example_is_linear_stress_to_a_power(installed, monkeypatch):
    monkeypatch.syspath_prepend(installed)
    curved = water_stress("curved")
    water = np.array([0.0, 50.0, 87.5, 125.0, 200.0, 900.0])
    month = state((6,))._replace(water=water)
    straight = bind(water_stress("linear"))(month)
    as_drawn = bind(curved, curved.initialise(None))(month)
    np.testing.assert_allclose(as_drawn.gpp, straight.gpp, atol=1e-4)
    squared = bind(curved, {"log_curvature": np.log(2.0)})(month)
    np.testing.assert_allclose(squared.beta, straight.beta**2, atol=1e-6)


def test_the_other_example_is_photosynthesis_in_proportion_to_light(installed, monkeypatch):
    monkeypatch.syspath_prepend(installed)
    light_use = process.process(PHOTOSYNTHESIS, "light_use@2")
    canopy = CanopyState(*[None] * len(CanopyState._fields))._replace(
        lai=np.array([0.0, 2.0, 2.0]), ssrd=np.array([20.0, 10.0, 20.0])
    )
    gpp = bind(light_use, light_use.initialise(None))(canopy)
    np.testing.assert_allclose(gpp, [0, 5 * (1 - np.exp(-1)), 10 * (1 - np.exp(-1))], rtol=1e-6)


def test_the_readme_shows_the_example():
    code = (EXAMPLE / "curved_stress.py").read_text()
    for text in (code[code.index("import jax.numpy") :], (EXAMPLE / "pyproject.toml").read_text()):
        assert text in GUIDE


def package(site, name, entries, code="", module="stranger"):
    """A distribution in a directory of installed packages."""
    info = site / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[landlab_mgr.water_stress]\n" + "\n".join(entries))
    (site / f"{module}.py").write_text(textwrap.dedent(code))


GOOD = """
from landlab_mgr.models.dalec.process.water import NONE
stress = NONE._replace(version=3)
"""


@pytest.mark.parametrize(
    ("entries", "code", "asked", "says"),
    [
        (
            ["linear = stranger:stress"],
            GOOD,
            "linear",
            "package foreign offers a water_stress process 'linear', which the model has itself",
        ),
        (
            ["mine = stranger:stress"],
            "raise RuntimeError('no\\nlicence')",
            "mine",
            "package foreign, which offers the water_stress process 'mine', does not import "
            "(RuntimeError: no licence)",
        ),
        (["mine = stranger:absent"], GOOD, "mine", "does not import (AttributeError: "),
        (
            ["mine = stranger:stress"],
            "stress = 3",
            "mine",
            "which is an int: it must be a landlab_mgr.models.process.Process",
        ),
        (
            ["mine = stranger:stress"],
            GOOD,
            "mine",
            "'mine' is installed in version 3, not 1: ask for 'mine@3'",
        ),
        (["mine = stranger:stress"], GOOD, "mine@2", "is installed in version 3, not 2"),
        (
            ["mine = stranger:stress"],
            GOOD,
            "yours",
            "known: linear, none, nn_paw, nn_flux, nn_flux_no_lai, acm_nn_et, nn_flux_terms, acm_nn_et_terms, mine",
        ),
    ],
)
def test_a_wrong_package_is_one_line(tmp_path, monkeypatch, entries, code, asked, says):
    package(tmp_path, "foreign", entries, code)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "stranger", raising=False)
    with pytest.raises(LandlabError) as error:
        water_stress(asked)
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_a_later_version_is_found_by_its_number(tmp_path, monkeypatch):
    package(tmp_path, "foreign", ["mine = stranger:stress"], GOOD)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "stranger", raising=False)
    assert water_stress("mine@3").fluxes is WATER_STRESS["none"].fluxes


def test_two_packages_cannot_share_a_name(tmp_path, monkeypatch):
    for name in ("one", "two"):
        package(tmp_path, name, ["mine = stranger:stress"], GOOD)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(LandlabError, match="packages one and two offer a water_stress process 'mine' each"):
        water_stress("mine")
