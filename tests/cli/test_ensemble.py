"""`landlab ensemble`."""

import json
import shutil

from .command import landlab, refused


def test_select_list_and_show(twin_workspace, tmp_path):
    root = tmp_path / "ws"
    shutil.copytree(twin_workspace, root, ignore=shutil.ignore_patterns("cache"))
    assert "no ensemble yet: `landlab ensemble select" in landlab("ensemble", "ls", workspace=root).stdout
    assert "have fewer than 10 members" in refused("ensemble", "select", "--grid", "tiny", workspace=root)
    said = landlab("ensemble", "select", "--grid", "tiny", "--keep", 1, workspace=root).stdout
    assert "2 of 2 candidates kept; the best 1 of each setup by train_loss" in said
    found = json.loads(landlab("ls", "ensemble = 'tiny@1'", "--json", workspace=root).stdout)
    candidates = json.loads(landlab("ensemble", "show", "tiny@1", "--json", workspace=root).stdout)
    assert {r["run_id"] for r in found} == {c["run_id"] for c in candidates if c["kept"]}
    assert [
        e["ensemble"] for e in json.loads(landlab("ensemble", "ls", "--json", workspace=root).stdout)
    ] == ["tiny@1"]
    assert (
        "test or withheld metrics were read 0 times"
        in landlab("ensemble", "show", "tiny@1", workspace=root).stdout
    )
    assert "no ensemble 'tiny@2'" in refused("ensemble", "show", "tiny@2", workspace=root)
    refusal = refused("ensemble", "select", "--grid", "tiny", "--by", "test.lai.R2", workspace=root)
    assert "selection on test is refused" in refusal
