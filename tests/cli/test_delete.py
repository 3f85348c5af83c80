"""Deleting, pruning and training again from the command line."""

import json
import shutil

import pytest

from .command import GRID, landlab, refused

pytestmark = pytest.mark.slow


@pytest.fixture
def workspace(twin_workspace, tmp_path):
    return shutil.copytree(twin_workspace, tmp_path / "ws")


def listed(workspace):
    return json.loads(landlab("ls", "--json", workspace=workspace).stdout)


def test_runs_go_with_their_files(workspace):
    first, second = (row["run_id"] for row in listed(workspace))
    said = landlab("delete", f"run = '{first}'", workspace=workspace).stdout
    assert said.startswith("would delete 1 runs; ")
    assert len(listed(workspace)) == 2
    assert landlab("delete", f"run = '{first}'", "--yes", workspace=workspace).stdout.startswith(
        "deleted 1 runs"
    )
    assert [row["run_id"] for row in listed(workspace)] == [second]
    assert not list((workspace / "runs" / first).iterdir())
    assert "0 errors" in landlab("doctor", workspace=workspace).stdout
    assert "name one thing" in refused("delete", workspace=workspace)
    assert "1 runs use the dataset" in refused(
        "delete", "--dataset", "twin-6x2x3-s0", "--yes", workspace=workspace
    )
    landlab("delete", "epochs >= 0", "--yes", workspace=workspace)
    landlab("delete", "--grid", "tiny", "--yes", workspace=workspace)
    landlab("delete", "--dataset", "twin-6x2x3-s0", "--yes", workspace=workspace)
    assert "0 errors, 0 warnings" in landlab("doctor", workspace=workspace).stdout


def test_a_run_that_lost_a_file_is_trained_again(workspace):
    before = listed(workspace)
    lost = next((workspace / "runs" / before[0]["run_id"]).rglob("*.zarr.zip"))
    lost.unlink()
    assert "--only damaged" in landlab("doctor", workspace=workspace, code=1).stdout
    said = landlab("run", "--only", "damaged", workspace=workspace).stdout
    assert "1 ok" in said
    columns = [c for c in before[0] if c not in ("updated", "message", "outcome")]
    assert [{c: row[c] for c in columns} for row in listed(workspace)] == [
        {c: row[c] for c in columns} for row in before
    ]
    assert "0 errors" in landlab("doctor", workspace=workspace).stdout
    assert "nothing to do" in landlab("run", "--only", "damaged", workspace=workspace).stdout


def test_a_grid_says_that_it_lost_cells(workspace, tmp_path):
    path = tmp_path / "tiny.toml"
    path.write_text(GRID.format(dataset="twin-6x2x3-s0", seeds=3, epochs=3))
    landlab("grid", "register", path, workspace=workspace)
    path.write_text(GRID.format(dataset="twin-6x2x3-s0", seeds=1, epochs=3))
    said = landlab("grid", "register", path, workspace=workspace).stdout
    assert "4 runs that it no longer asks for stay in it: `landlab grid prune tiny`" in said
    assert "4 runs, such as" in landlab("grid", "prune", "tiny", workspace=workspace).stdout
    said = landlab("grid", "prune", "tiny", "--yes", workspace=workspace).stdout
    assert "4 runs left grid tiny; 4 of them were pending" in said
    assert "holds only what it asks for" in landlab("grid", "prune", "tiny", workspace=workspace).stdout
