"""A driver that is stopped and outlived by its worker: who takes the run over loses no committed epoch."""

import os
import signal
import subprocess
import sys
from datetime import timedelta

import psutil
import pytest
from sqlalchemy import select, update

from landlab_mgr.catalog.tables import Attempt
from landlab_mgr.workspace.workspace import Workspace

from .conftest import until
from .test_outcomes import workers_of

pytestmark = pytest.mark.slow

SHORT_LEASE = "from landlab_mgr.catalog import lease; lease.HEARTBEAT_SECONDS, lease.LEASE_SECONDS = 1.0, 6.0"


def start(workspace, *options, grid="stopped"):
    """A driver with a short lease."""
    program = f"{SHORT_LEASE}; from landlab_mgr.cli import main; main()"
    return subprocess.Popen(
        [sys.executable, "-c", program, "run", "--grid", grid, "-w", str(workspace), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def end(driver):
    if driver.poll() is None:
        for process in [*psutil.Process(driver.pid).children(recursive=True), driver]:
            process.kill()
    driver.wait()


def test_another_driver_goes_on_after_the_epoch_that_the_catalog_names(ray_workspace, register):
    [run_id] = register("stopped", 1, 1_000_000)
    ws, drivers = Workspace.at(ray_workspace), []
    with ws.open(read_only=True) as catalog:

        def named():
            files = catalog.artifacts(run_id)
            return [] if files.empty else [ws.path(files["path"].iloc[0])]

        try:
            drivers.append(first := start(ray_workspace, "--executor", "ray", "--workers", "1"))
            [checkpoint] = until(named, 120)
            [worker] = workers_of(first)
            first.send_signal(signal.SIGSTOP)
            until(lambda: not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE, 60)
            [checkpoint], done = named(), catalog.run(run_id).epochs
            assert max(checkpoint.parent.iterdir()) > checkpoint, "it went on for a while"
            assert checkpoint.is_file()

            drivers.append(second := start(ray_workspace, "--executor", "local"))
            until(lambda: catalog.run(run_id).epochs > done or second.poll() is not None, 120)
            assert second.poll() is None, second.communicate()
            assert list(catalog.attempts(run_id)["outcome"].fillna("")) == ["lost", ""]
            epochs = catalog.epochs(run_id)
            assert list(epochs["epoch"]) == list(range(1, len(epochs) + 1))

            first.send_signal(signal.SIGCONT)
            said, _ = first.communicate(timeout=60)
            assert first.returncode == 0, said
            assert checkpoint.is_file()
            os.killpg(second.pid, signal.SIGINT)
            said, _ = second.communicate(timeout=60)
            assert f"going on after epoch {done}" in said
        finally:
            for driver in drivers:
                end(driver)


@pytest.mark.slow
def test_a_run_of_a_machine_that_is_gone_is_waited_for(ray_workspace, register):
    """Its clock or ours may be wrong: only that no sign comes tells that it is gone."""
    [run_id] = register("gone", 1, 3)
    with Workspace.at(ray_workspace).open() as catalog:
        held = catalog.claim("elsewhere", 1, directory_of=lambda run_id, token: token, run_ids=[run_id])
        with catalog.transaction(write=True) as tx:
            beat = tx.scalar(select(Attempt.heartbeat).where(Attempt.token == held.token))
            beat -= timedelta(hours=1)
            tx.execute(update(Attempt).where(Attempt.token == held.token).values(heartbeat=beat))
        driver = start(ray_workspace, "--executor", "local", grid="gone")
        try:
            said, _ = driver.communicate(timeout=120)
        finally:
            end(driver)
        assert "1 runs are held by drivers that look dead" in said
        assert "1 ok" in said
        assert list(catalog.attempts(run_id)["outcome"]) == ["lost", "ok"]
