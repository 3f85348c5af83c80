"""PostgreSQL restarts while a driver trains: the driver goes on, and records what was trained meanwhile."""

import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from sqlalchemy import make_url

from landlab_mgr.catalog import Catalog
from landlab_mgr.spec.grid import load_grid
from landlab_mgr.workspace import register as registering
from landlab_mgr.workspace.workspace import Workspace
from tests.bench import postgres

from ..cli.command import command
from .conftest import until

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server():
    """URL of a server of these tests alone, and what stops and starts it."""
    with postgres.temporary_server(durable=False) as url:
        folder = Path(make_url(url).query["host"])

        def control(*arguments):
            program = [postgres._binaries() / "pg_ctl", "-D", folder / "data", "-w", *arguments]
            # a pipe would stay open as long as the server
            quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            subprocess.run(program, cwd="/", check=True, **quiet, **postgres._unprivileged())

        yield url, lambda: control("stop", "-m", "fast"), lambda: control("start", "-l", folder / "log")


@pytest.fixture
def workspace(planet_workspace, server, tmp_path):
    """A workspace whose catalog is on that server."""
    root = shutil.copytree(planet_workspace, tmp_path / "ws")
    with Workspace.at(root).open() as catalog:
        [dataset] = catalog.datasets()
    with postgres.temporary_database(server[0]) as url:
        with Catalog.create(url) as catalog:
            catalog.register_dataset(dataset)
        yield Workspace.at(root, url)


def grid(workspace, tmp_path, seeds, epochs):
    path = tmp_path / "away.toml"
    path.write_text(
        f'name = "away"\ndataset = "twin-6x2x3-s0"\nsetups = [["PFT"]]\nseeds = {seeds}\n[base]\n'
        f"warmup_months = 12\n[base.optimizer]\nepochs = {epochs}\npatches_per_batch = 0\n"
    )
    with workspace.open() as catalog:
        registering.grid(workspace, catalog, load_grid(path))


def drive(workspace, *options):
    arguments = command("run", "--db", workspace.database, *options, workspace=workspace.root)
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def epochs(workspace):
    with workspace.open(read_only=True) as catalog:
        return sum(catalog.runs()["epochs"])


@pytest.mark.parametrize("executor", ["local", "ray"])
def test_no_epoch_is_lost_or_trained_again(workspace, server, tmp_path, executor):
    _, stop, start = server
    grid(workspace, tmp_path, 2, 1200)
    driver = drive(workspace, "--executor", executor)
    try:
        for _ in range(2):
            before = epochs(workspace)
            until(lambda before=before: epochs(workspace) > before or driver.poll() is not None, 400)
            stop()
            time.sleep(5)
            start()
        said, _ = driver.communicate(timeout=300)
    finally:
        driver.kill()
    assert driver.returncode == 0, said
    assert "2 ok" in said
    assert "training goes on, to be recorded" in said
    assert "answers again" in said
    with workspace.open(read_only=True) as catalog:
        for run_id in catalog.runs()["run_id"]:
            assert list(catalog.epochs(run_id)["epoch"]) == list(range(1, 1201))
            assert list(catalog.attempts(run_id)["outcome"]) == ["ok"]


def test_a_server_that_stays_away_is_one_line(workspace, server, tmp_path):
    _, stop, start = server
    grid(workspace, tmp_path, 1, 1_000_000)
    driver = drive(workspace, "--executor", "local", "--outage", "0.05")
    until(lambda: epochs(workspace) or driver.poll() is not None, 120)
    stop()
    try:
        said, _ = driver.communicate(timeout=120)
    finally:
        start()
    assert driver.returncode == 2, said
    assert re.search(r"error: catalog .*; it was away for 0.05 minutes \(--outage waits longer\)", said)
    assert "Traceback" not in said
