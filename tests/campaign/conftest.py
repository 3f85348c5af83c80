"""A workspace for drivers with workers, and what tests of them ask."""

import shutil
import time

import pytest

import landlab_mgr.campaign.cluster  # noqa: F401 - says how Ray starts workers, before a test imports it
from landlab_mgr.spec.grid import load_grid
from landlab_mgr.workspace import register as registering
from landlab_mgr.workspace.workspace import Workspace


@pytest.fixture(scope="module")
def ray_workspace(planet_workspace, tmp_path_factory):
    """A workspace with a small twin planet."""
    return shutil.copytree(planet_workspace, tmp_path_factory.mktemp("ray") / "ws")


@pytest.fixture
def register(ray_workspace, tmp_path):
    """Register a grid of PFT runs, one for each seed; returns their ids."""

    def grid(name, seeds, epochs, base=""):
        path = tmp_path / f"{name}.toml"
        path.write_text(
            f'name = "{name}"\ndataset = "twin-6x2x3-s0"\nsetups = [["PFT"]]\nseeds = {seeds}\n[base]\n'
            f"warmup_months = 12\n{base}\n[base.optimizer]\nepochs = {epochs}\npatches_per_batch = 0\n"
        )
        ws = Workspace.at(ray_workspace)
        with ws.open() as catalog:
            registering.grid(ws, catalog, load_grid(path))
            return list(catalog.runs(f"grid = '{name}'")["run_id"])

    return grid


def until(condition, seconds=300):
    """What a condition gives once it gives something; it is asked often."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.1)
    raise AssertionError(f"not so within {seconds} s")
