"""What becomes of runs that go wrong, each in its way, of their neighbours, and of a campaign with several drivers."""

import os
import signal
import subprocess

import psutil
import pytest

from landlab_mgr.catalog import Catalog
from landlab_mgr.workspace.workspace import Workspace

from ..catalog.conftest import databases, postgres  # noqa: F401 - fixtures
from ..cli.command import command, landlab
from .conftest import until

pytestmark = pytest.mark.slow


def start(workspace, *arguments):
    """A driver in a session of its own."""
    return subprocess.Popen(
        command("run", *arguments, workspace=workspace),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def workers_of(driver):
    family = psutil.Process(driver.pid).children(recursive=True)
    return [p for p in family if p.name().startswith("ray::Worker")]


def test_enough_failures_end_a_campaign(ray_workspace, register):
    bad = register("bad", 6, 3, "[base.loss_weights]\nsif = 1e38")
    done = landlab(
        *("run", "--grid", "bad", "--workers", 1, "--max-failures", 2), workspace=ray_workspace, code=1
    )
    assert "2 nan" in done.stdout
    with Workspace.at(ray_workspace).open(read_only=True) as catalog:
        assert [catalog.run(run_id).state for run_id in bad] == ["failed"] * 2 + ["pending"] * 4
    landlab("cancel", "grid = 'bad' and status = 'pending'", workspace=ray_workspace)
    done = landlab(
        *("run", "--grid", "bad", "--only", "missing", "--workers", 1), workspace=ray_workspace, code=1
    )
    assert "6 nan" in done.stdout


def test_a_cancelled_run_is_let_go_and_the_worker_takes_the_next(ray_workspace, register):
    [endless] = register("endless", [10], 1_000_000)
    [short] = register("short", [11], 2)
    driver = start(ray_workspace, "grid = 'endless' or grid = 'short'", "--executor", "ray", "--workers", 1)
    with Workspace.at(ray_workspace).open(read_only=True) as catalog:
        until(lambda: catalog.run(endless).epochs > 0)
        landlab("cancel", "grid = 'endless'", workspace=ray_workspace)
        said, _ = driver.communicate(timeout=300)
        assert driver.returncode == 0, said
        assert catalog.run(endless).state == "cancelled"
        assert catalog.run(short).state == "completed"


def test_ctrl_c_commits_and_gives_the_runs_back(ray_workspace, register):
    run_ids = register("pressed", [21, 31], 1_000_000)
    driver = start(ray_workspace, "--grid", "pressed", "--executor", "ray", "--workers", 2)
    with Workspace.at(ray_workspace).open(read_only=True) as catalog:

        def all_train():
            assert driver.poll() is None, driver.communicate()
            return all(catalog.run(run_id).epochs > 0 for run_id in run_ids)

        until(all_train)
        os.killpg(driver.pid, signal.SIGINT)  # as a terminal does: to its workers too
        said, _ = driver.communicate(timeout=300)
        assert driver.returncode == 130, said
        for run_id in run_ids:
            run = catalog.run(run_id)
            assert run.state == "pending"
            assert list(catalog.epochs(run_id)["epoch"]) == list(range(1, run.epochs + 1))
    landlab("cancel", "grid = 'pressed'", workspace=ray_workspace)


def test_each_failure_has_its_outcome_and_the_grid_goes_on(ray_workspace, register):
    """After the others, whose compiled programs are in the cache: a first epoch well within --stall."""
    good = register("good", 4, 2)
    [nan] = register("nan", 1, 3, "[base.loss_weights]\nlai = 1e38")
    [oom] = register("oom", 1, 3, "[base.network]\nhidden = [1000000, 1000000]")
    [error] = register("error", 1, 5)
    (ray_workspace / "runs").mkdir(exist_ok=True)
    (ray_workspace / "runs" / error).write_text("in the way of its directory")
    last = register("last", 3, 2)
    [hung] = register("hung", 1, 1_000_000)
    driver = start(ray_workspace, "--executor", "ray", "--workers", 1, "--stall", 0.75, "--retries", 0)
    with Workspace.at(ray_workspace).open(read_only=True) as catalog:
        until(lambda: catalog.run(hung).state == "running" or driver.poll() is not None, 200)
        assert driver.poll() is None, driver.communicate()
        [worker] = workers_of(driver)
        worker.send_signal(signal.SIGSTOP)  # before its first epochs are committed
        said, _ = driver.communicate(timeout=400)
        assert driver.returncode == 1, said
        failed = catalog.runs("status = 'failed' and grid != 'bad'").set_index("run_id")
        reasons = {run_id: failed.loc[run_id, "message"] for run_id in failed.index}
        assert catalog.run(hung).epochs == 0
        outcomes = {run_id: catalog.attempts(run_id)["outcome"].iloc[-1] for run_id in failed.index}
        assert outcomes == {nan: "nan", oom: "oom", error: "error", hung: "lost"}, (reasons, said)
        assert reasons[nan] == "loss is not finite at epoch 1"
        assert reasons[oom].startswith("MemoryError: hidden layers (1000000, 1000000) have 4000")
        assert reasons[error].startswith(("NotADirectoryError", "FileExistsError"))
        assert reasons[hung].startswith("hung: no epoch for ")
        assert all(catalog.run(run_id).state == "completed" for run_id in (*good, *last))
    listed = landlab("ls", "status = 'failed'", workspace=ray_workspace).stdout
    assert all(run_id in listed for run_id in (nan, oom, error, hung))


def test_two_drivers_share_a_grid(ray_workspace, databases, tmp_path):  # noqa: F811
    """40 runs: none twice, none left."""
    grid = tmp_path / "shared.toml"
    grid.write_text(
        'name = "shared"\ndataset = "twin-6x2x3-s0"\nsetups = [["CLIM"]]\nseeds = 40\n[base]\n'
        "warmup_months = 12\n[base.optimizer]\nepochs = 1\npatches_per_batch = 0\n"
    )
    with databases() as url:
        with Workspace.at(ray_workspace).open(read_only=True) as catalog, Catalog(url) as other:
            other.register_dataset(catalog.dataset("twin-6x2x3-s0"))
        landlab("grid", "register", grid, "--db", url, workspace=ray_workspace)
        drivers = [start(ray_workspace, "--db", url, "--workers", 1) for _ in range(2)]
        said = [driver.communicate(timeout=600)[0] for driver in drivers]
        assert [driver.returncode for driver in drivers] == [0, 0], said
        with Catalog(url, read_only=True) as catalog:
            assert catalog.counts() == {**dict.fromkeys(catalog.counts(), 0), "completed": 40}
            attempts = [catalog.attempts(run_id) for run_id in catalog.runs()["run_id"]]
            assert [len(table) for table in attempts] == [1] * 40
            shares = [sum(table["pid"].iloc[0] == d.pid for table in attempts) for d in drivers]
        assert sum(shares) == 40
        assert min(shares) > 4, f"both worked: {shares}"
