"""What landlab puts into the environment before JAX starts."""

import os
import shutil
import subprocess
import sys

import jax
import pytest

from landlab_mgr.training import device, run
from landlab_mgr.workspace.workspace import Workspace

from ..cli.command import command, grid_file, landlab

OURS = f"--xla_backend_extra_options={device.XLA_OPTION}"


@pytest.fixture
def environment(monkeypatch):
    """A copy of the environment: what is set in it ends with the test."""
    monkeypatch.setattr(device.os, "environ", dict(os.environ))
    return device.os.environ


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, OURS),
        ("", OURS),
        ("--xla_cpu_enable_fast_math=false", f"--xla_cpu_enable_fast_math=false {OURS}"),
        ("--xla_backend_extra_options=a=b", "--xla_backend_extra_options=a=b"),  # XLA takes them once
    ],
    ids=["unset", "empty", "other flags", "backend options of one's own"],
)
def test_the_option_is_added_once_and_nobodys_choice_is_overruled(environment, before, after):
    environment.pop("XLA_FLAGS", None)
    if before is not None:
        environment["XLA_FLAGS"] = before
    assert device.worker_environment(1, gpus=0)["XLA_FLAGS"] == after
    assert environment.get("XLA_FLAGS") == before, "a worker's environment is not the driver's"
    for _ in range(2):
        device.configure()
        assert environment["XLA_FLAGS"] == after


def test_programs_are_kept_where_the_host_keeps_its_copies_or_where_the_user_says(environment, tmp_path):
    environment |= {"LANDLAB_CACHE": str(tmp_path)}
    environment.pop("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS")
    environment.pop("JAX_COMPILATION_CACHE_DIR", None)
    device.configure()
    assert environment["JAX_COMPILATION_CACHE_DIR"] == str(tmp_path / "xla")
    assert environment["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] == "0"
    environment["JAX_COMPILATION_CACHE_DIR"] = "/elsewhere"
    device.configure()
    assert environment["JAX_COMPILATION_CACHE_DIR"] == "/elsewhere"


FUSED = """
import sys
from landlab_mgr.training import device
if sys.argv[1] == "configured":
    device.configure()
import jax, jax.numpy as jnp
def two_results(x):
    y = jnp.exp(x)
    return 2 * y, jnp.tanh(y)
program = jax.jit(two_results).lower(jnp.ones(1000)).compile()
print(program.as_text().count(" fusion("))
"""


@pytest.mark.slow
def test_xla_still_does_what_the_option_says():
    """XLA says nothing of an option that it does not know; two results of one loop then take more loops."""
    environment = {n: x for n, x in os.environ.items() if n != "XLA_FLAGS"} | {"JAX_PLATFORMS": "cpu"}
    loops = {}
    for how in ("plain", "configured"):
        done = subprocess.run(
            [sys.executable, "-c", FUSED, how], capture_output=True, text=True, env=environment
        )
        assert done.returncode == 0, done.stderr
        loops[how] = int(done.stdout)
    assert 0 < loops["configured"] < loops["plain"]


def test_importing_it_starts_no_jax():
    code = "import sys, landlab_mgr.training.device; print('jax' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize(("cpus", "threads"), [(0.25, "1"), (1, "1"), (2.5, "2"), (8, "8")])
def test_a_worker_runs_as_many_threads_as_it_has_cores(cpus, threads):
    settings = device.worker_environment(cpus, gpus=0)
    counts = ("NPROC", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    assert {name: settings[name] for name in counts} == dict.fromkeys(counts, threads)
    assert settings["JAX_PLATFORMS"] == "cpu"
    assert "xla_backend_extra_options" in settings["XLA_FLAGS"]


@pytest.mark.parametrize(("gpus", "share"), [(0.25, 0.225), (1, 0.9), (2, 0.9)])
def test_a_worker_of_part_of_a_gpu_takes_that_part_of_its_memory(gpus, share):
    settings = device.worker_environment(1, gpus)
    assert float(settings["XLA_PYTHON_CLIENT_MEM_FRACTION"]) == pytest.approx(share)
    assert "JAX_PLATFORMS" not in settings, "JAX finds the GPU"


@pytest.mark.parametrize("wide", [True, False])
def test_the_width_of_numbers_is_on_record(wide):
    """It changes losses, as flags of XLA may."""
    with jax.enable_x64(wide):
        assert run.environment()["versions"]["jax_enable_x64"] == str(wide)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("JAX_PLATFORMS", "nonsense", "Unable to initialize backend 'nonsense'"),
        ("JAX_PLATFORMS", "cuda", "does not start with JAX_PLATFORMS=cuda"),
        ("XLA_FLAGS", "--xla_nonsense=1", "Unknown flag in XLA_FLAGS: --xla_nonsense=1"),
        ("JAX_ENABLE_X64", "maybe", "invalid truth value 'maybe'"),
    ],
)
def test_an_environment_in_which_jax_cannot_start_is_one_line(planet_workspace, tmp_path, name, value, says):
    if value == "cuda" and any(d.platform == "gpu" for d in jax.devices()):
        pytest.skip("there is a GPU")
    workspace = shutil.copytree(planet_workspace, tmp_path / "ws")
    landlab("grid", "register", grid_file(tmp_path / "tiny.toml", "twin-6x2x3-s0"), workspace=workspace)
    for executor in ("local", "ray"):
        done = subprocess.run(
            command("run", "--executor", executor, workspace=workspace),
            env=os.environ | {name: value},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 2, done.stderr
        [line] = done.stderr.splitlines()
        assert says in line
    with Workspace.at(workspace).open(read_only=True) as catalog:
        assert catalog.counts()["pending"] == 2
        assert not len(catalog.events(kind="claimed"))
    # what needs no JAX works
    subprocess.run(command("ls", workspace=workspace), env=os.environ | {name: value}, check=True)
