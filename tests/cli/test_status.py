"""`landlab status` and `landlab completion`."""

import json
import os
import subprocess
import sys

import pytest

from landlab_mgr.spec.grid import GridSpec
from landlab_mgr.workspace.workspace import Workspace
from tests.catalog.sample import DATASET, FINGERPRINT, claim, metric

from .command import landlab, refused


def told(root):
    return json.loads(landlab("status", "--json", workspace=root).stdout)


def test_what_is_done_who_trains_what_failed_and_the_next_step(tmp_path):
    root = tmp_path / "ws"
    workspace = Workspace.at(root, str(root / "landlab.db"))
    grid = GridSpec(name="g", dataset=FINGERPRINT, setups=(("PFT",),), seeds=4)
    with workspace.create() as catalog:
        assert "makes a dataset" in told(root)["next"]
        catalog.register_dataset(DATASET)
        assert "grid register" in told(root)["next"]
        catalog.register_runs(list(grid.expand(FINGERPRINT)), grid)
        assert "`landlab run` trains" in told(root)["next"]
        catalog.finish(claim(catalog).token, [metric(0.5)])
        catalog.fail(claim(catalog).token, "nan", "loss is NaN")
        catalog.fail(claim(catalog).token, "oom", "too large")
        going = claim(catalog)
        now = told(root)
        assert now["grids"] == {
            "g": {"pending": 0, "running": 1, "completed": 1, "failed": 2, "cancelled": 0}
        }
        assert now["failures"] == {"nan": 1, "oom": 1}
        [driver] = now["drivers"]
        assert (driver["host"], driver["pid"], driver["runs"]) == ("host", 1, 1)
        assert driver["silent"] < 60
        shown = landlab("status", workspace=root).stdout
        assert "driver 1 on host: 1 runs" in shown
        assert "failed: 1 nan, 1 oom" in shown
        catalog.finish(going.token)
        assert "outcome != 'nan'" in told(root)["next"]
    assert "no workspace at" in refused("status", workspace=tmp_path / "none")


def test_a_shell_completes_verbs_and_options():
    assert "_LANDLAB_COMPLETE" in landlab("completion", "bash").stdout
    asked = os.environ | {
        "_LANDLAB_COMPLETE": "complete_bash",
        "COMP_WORDS": "landlab sta",
        "COMP_CWORD": "1",
    }
    done = subprocess.run(
        [sys.executable, "-m", "landlab_mgr.cli"], env=asked, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.split() == ["status"]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells(shell):
    assert "landlab" in landlab("completion", shell).stdout
