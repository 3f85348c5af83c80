"""A single pixel from the command line: no dev and no test pixels, and nobody stumbles over it."""

import json

import pytest

from landlab_mgr.campaign.live import LiveReport
from landlab_mgr.catalog import Claim
from landlab_mgr.records import ArtifactRecord, EpochRecord, Progress
from landlab_mgr.workspace import register
from landlab_mgr.workspace.workspace import Workspace

from ..cli.command import landlab

pytestmark = pytest.mark.slow

GRID = """
name = "single"
dataset = "{dataset}"
setups = [["CLIM"]]
seeds = 1
[base]
warmup_months = 12
split.kind = "all"
[base.optimizer]
epochs = 3
learning_rate = 1e-3
"""


@pytest.fixture(scope="module")
def workspace(planet, tmp_path_factory):
    """A workspace in which a run on one pixel has completed."""
    workspace = Workspace.at(tmp_path_factory.mktemp("single") / "ws")
    one = planet.isel(pixel=[3]).assign(patch=planet["patch"][[3]] * 0, test=planet["test"][[3]] & False)
    with workspace.create() as catalog:
        name = register.dataset(workspace, catalog, one.assign_attrs(name="single-pixel")).name
    grid = workspace.root / "single.toml"
    grid.write_text(GRID.format(dataset=name))
    landlab("grid", "register", grid, workspace=workspace.root)
    landlab("run", workspace=workspace.root)
    return workspace


@pytest.mark.filterwarnings("error::RuntimeWarning", "error::FutureWarning")
def test_every_reading_verb_copes_with_no_dev_loss(workspace, tmp_path):
    [run] = json.loads(landlab("ls", "--json", workspace=workspace.root).stdout)
    assert (run["state"], run["epochs"], run["dev_loss"]) == ("completed", 3, None)
    assert run["train_loss"] > 0
    assert not [name for name in run if name.startswith("dev.")]
    assert "completed" in landlab("ls", workspace=workspace.root).stdout
    shown = landlab("show", run["run_id"], workspace=workspace.root)
    assert "loss per pixel: train " in shown.stdout
    assert "dev" not in shown.stdout.split("loss per pixel")[1].split("skill after the warm-up")[0]
    assert "nan" not in shown.stdout.lower()
    assert "Warning" not in shown.stderr
    said = json.loads(landlab("show", run["run_id"], "--json", "--test", workspace=workspace.root).stdout)
    assert {metric["split"] for metric in said["metrics"]} == {"train"}
    landlab("catalog", "export", tmp_path, workspace=workspace.root)
    assert landlab("ls", "metrics.dev.lai.R2 > 0", "--json", workspace=workspace.root).stdout.strip() == "[]"


def test_its_curve_in_the_catalog(workspace):
    with workspace.open(read_only=True) as catalog:
        run_id = catalog.runs()["run_id"][0]
        epochs = catalog.epochs(run_id)
        assert epochs["dev"].isna().all()
        assert (epochs["total"] > 0).all()
        assert catalog.run(run_id).spec.split.kind == "all"


def test_progress_without_a_dev_loss(workspace, capsys):
    with workspace.open(read_only=True) as catalog:
        spec = catalog.run(catalog.runs()["run_id"][0]).spec
    claim = Claim(spec.run_id, "t", 1, 1, "d", spec, None, 0)
    report = LiveReport(1, 3)
    report.claimed(claim)
    capsys.readouterr()
    report._spoke = 0.0
    epoch = EpochRecord(1, 2.0, float("nan"), {"lai": 2.0}, 0.1)
    report.progress(claim, Progress((epoch,), ArtifactRecord("checkpoint", "p", "0", 1)))
    said = capsys.readouterr().out
    assert "epoch 1/3, loss 2; 1 running" in said
    assert "nan" not in said
