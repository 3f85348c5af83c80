"""Settings, data and small workspaces that the tests share."""

import atexit
import os
import pickle
import shutil
import sys
import tempfile
from pathlib import Path

import hypothesis
import jax
import pytest
from filelock import FileLock

from landlab_mgr.errors import LandlabError
from landlab_mgr.training import device

# Many tests start the command line: without bytecode each start compiles pandas and SQLAlchemy again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
for setting in (
    "LANDLAB_DB",
    "LANDLAB_WORKSPACE",
    "LANDLAB_STORAGE",
    "LANDLAB_ZENODO",
):  # a developer's own must not reach a test
    os.environ.pop(setting, None)
# Ray's workers would stand back behind the tests beside theirs until these time out.
os.environ["RAY_worker_niceness"] = "0"  # noqa: SIM112 - its name
# Every process of the session, whoever starts it, finds the programs that another one compiled.
if "PYTEST_XDIST_WORKER" not in os.environ:
    os.environ["LANDLAB_CACHE"] = tempfile.mkdtemp(prefix="landlab-cache-")
    atexit.register(shutil.rmtree, os.environ["LANDLAB_CACHE"], ignore_errors=True)

CACHE = Path(os.environ["LANDLAB_CACHE"])

device.configure()
del os.environ["JAX_COMPILATION_CACHE_DIR"]  # programs that tests start find it by LANDLAB_CACHE
jax.config.update("jax_compilation_cache_dir", str(CACHE / "xla"))
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
jax.config.update("jax_enable_x64", True)
jax.config.update("jax_numpy_rank_promotion", "raise")

# The gate asks the same questions each time, on a busy machine; at home hypothesis goes on looking for new ones.
hypothesis.settings.register_profile(
    "gate", derandomize=True, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
if os.environ.get("LANDLAB_REQUIRE_ALL") == "1":
    hypothesis.settings.load_profile("gate")

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """../shared with the real data and the reference numbers; tests that need it skip where it is absent."""
    path = REPOSITORY.parent / "shared"
    if not (path / "data").is_dir():
        pytest.skip("../shared is not here")
    return path


@pytest.fixture(scope="session")
def planet():
    """A small twin planet, in memory."""
    from landlab_mgr.data import twin

    def make(path):
        path.write_bytes(pickle.dumps(twin.make(n_patches=6, pixels_per_patch=2, years=3, seed=1)))

    return pickle.loads(once("planet.pickle", make).read_bytes())


def once(name, make):
    """A file or directory that one process of the session makes, for all of them to read or copy."""
    root = CACHE / name
    with FileLock(root.with_suffix(".lock")):
        if not root.exists():
            part = root.with_suffix(".part")
            make(part)
            part.rename(root)
    return root


def _planet(root):
    from .cli.command import landlab

    landlab("data", "twin", "--patches", 6, "--pixels", 2, "--years", 3, workspace=root)


def _trained(root):
    from .cli.command import grid_file, landlab

    shutil.copytree(once("planet", _planet), root)
    landlab("grid", "register", grid_file(root / "tiny.toml", "twin-6x2x3-s0"), workspace=root)
    landlab("run", workspace=root)


@pytest.fixture(scope="session")
def planet_workspace():
    """A workspace with a small twin planet, to copy."""
    return once("planet", _planet)


@pytest.fixture(scope="session")
def twin_workspace(tmp_path_factory):
    """A workspace with a small twin planet, two trained runs and compiled programs in its cache."""
    return shutil.copytree(once("trained", _trained), tmp_path_factory.mktemp("twin") / "ws")


@pytest.fixture(scope="session")
def gridded(tmp_path_factory):
    """A workspace with a gridded twin that has gaps, and the members of four setups, as training begins."""
    from . import gridded as module

    root = shutil.copytree(once("gridded", module.make), tmp_path_factory.mktemp("gridded") / "ws")
    return module.Workspace.at(root, str(root / "landlab.db"))


@pytest.fixture(scope="session")
def browser():
    """Debian's Chromium, one for all tests of a process; CHROMIUM names another one."""
    from .bench import app

    opened = app.chromium()
    try:
        chromium = opened.__enter__()
    except LandlabError as error:
        pytest.skip(str(error))
    yield chromium
    opened.__exit__(None, None, None)


SLOWEST = (
    "test_wheel.py",
    "bench/test_chaos.py",
    "analysis/test_trace.py",
    "campaign/test_outcomes.py",
    "cli/test_path.py",
    "training/test_lanes.py",
    "bench/test_stream.py",
    "storage/test_storage.py",
    "campaign/test_nodes.py",
    "analysis/test_report.py",
    "campaign/test_cluster.py",
    "tuning/test_search.py",
    "app/test_browser.py",
    "campaign/test_stopped.py",
    "models/test_plugin_model.py",
    "test_notebooks.py",
    "guide/test_site.py",
    "cli/test_verbs.py",
)
"""Files that take the longest, the longest first; the last one makes the workspace that others wait for."""


def pytest_xdist_auto_num_workers(config):
    """A process for each core, but none beside this one where files or tests are named."""
    return 0 if config.option.file_or_dir else len(os.sched_getaffinity(0))


def pytest_collection_modifyitems(items):
    """With several processes (`pytest -n 3`, a file in one of them) what takes longest comes first."""

    def place(item):
        return next((k for k, name in enumerate(SLOWEST) if name in item.nodeid), len(SLOWEST))

    items.sort(key=place)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Under LANDLAB_REQUIRE_ALL=1 a skipped test is a failure: nothing is left out unseen."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and os.environ.get("LANDLAB_REQUIRE_ALL") == "1":
        report.outcome = "failed"
        report.longrepr = f"skipped under LANDLAB_REQUIRE_ALL=1: {report.longrepr}"
    return report
