"""`landlab tune` in real processes: trained, killed, resumed, shown, promoted, and the weights used in a grid."""

import json
import signal
import subprocess

import alembic.command
import optuna
import pytest
from sqlalchemy import create_engine, inspect

from landlab_mgr.catalog import Registration, session
from landlab_mgr.data import twin
from landlab_mgr.errors import LandlabError
from landlab_mgr.spec.grid import load_grid
from landlab_mgr.tuning.summary import promote, summarise
from landlab_mgr.workspace import register
from landlab_mgr.workspace.workspace import Workspace

from ..campaign.conftest import until
from ..cli.command import command, landlab, refused

pytestmark = pytest.mark.slow

STUDY = """
name = "tiny"
dataset = "twin-6x2x3-s0"
predictors = ["PFT"]
trials = 3
fresh_seeds = 2
[space.loss_weights]
lai = {lai}
[base]
warmup_months = 12
[base.optimizer]
epochs = 60
patches_per_batch = 0
"""


def study_file(path, lai="[0.1, 10]"):
    path.write_text(STUDY.format(lai=lai))
    return path


@pytest.fixture(scope="module")
def tuned(tmp_path_factory):
    """A workspace whose study was killed while it trained, and went on; what the command said at last."""
    root = tmp_path_factory.mktemp("tuned") / "ws"
    ws, file = Workspace.at(root), study_file(tmp_path_factory.mktemp("study") / "tiny.toml")
    with ws.create() as catalog:
        register.dataset(ws, catalog, twin.make(n_patches=6, pixels_per_patch=2, years=3))
        asked = command("tune", file, "--workers", 1, workspace=root)
        going = subprocess.Popen(asked, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(lambda: catalog.counts()["completed"], 300)
        going.send_signal(signal.SIGKILL)
        assert going.wait() == -signal.SIGKILL
    return ws, file, landlab("tune", file, "--workers", 1, workspace=root).stdout


def test_killed_it_goes_on_and_has_all_its_trials_once(tuned):
    ws, _, said = tuned
    found = json.loads(landlab("tune", "show", "tiny", "--json", workspace=ws.root).stdout)
    assert found["trials"] | {"fail": 0} == {
        "complete": 3,
        "pruned": 0,
        "fail": 0,
        "running": 0,
        "waiting": 0,
    }
    kept = [t for t in found["all"] if t["state"] == "complete"]
    assert len({t["loss_weights.lai"] for t in kept}) == 3
    assert all(0 < t["NNSE of all variables"] < 1 for t in kept)
    assert "3 of 3 over" in said
    with ws.open(read_only=True) as catalog:
        better = summarise(ws, catalog, "tiny").verdict == "better"
        assert ("next: `landlab tune promote tiny --as NAME`" in said) == better
        states = catalog.counts()
        assert states["completed"] == sum(states.values())
        assert states["completed"] == 3 + 2 * (1 + (found["best"] != found["start"]))
        assert catalog.events(kind="read_test").empty


def test_promoted_weights_are_numbers_in_a_grid(tuned, tmp_path):
    ws, _, _ = tuned
    with ws.open() as catalog:
        trial = next(t for t in summarise(ws, catalog, "tiny").trials["trial"][::-1])
        made = promote(ws, catalog, "tiny", "mine", trial)
        other = next(t for t in summarise(ws, catalog, "tiny").trials["trial"])
        with pytest.raises(LandlabError, match="with other weights"):
            promote(ws, catalog, "tiny", "mine", other)
        with pytest.raises(LandlabError, match=r"--trial 99: study 'tiny' completed 0, "):
            promote(ws, catalog, "tiny", "x", 99)
        grid = tmp_path / "grid.toml"
        grid.write_text(
            'name = "with"\ndataset = "twin-6x2x3-s0"\nsetups = [["PFT"]]\nseeds = 1\n[base]\nwarmup_months = 12\n'
            'loss_weights = "mine"\n[base.optimizer]\nepochs = 60\npatches_per_batch = 0\n'
        )
        assert register.grid(ws, catalog, load_grid(grid)) == Registration(added=0, existing=1)
        [run_id] = catalog.runs("grid = 'with'")["run_id"]
        assert run_id in catalog.study("tiny").trials[trial]
        assert catalog.grid("with").spec.base["loss_weights"] == {"lai": made.weights["lai"]}
        grid.write_text(grid.read_text().replace('"mine"', '"yours"'))
        with pytest.raises(LandlabError, match="no weight set 'yours'; there is: mine"):
            register.grid(ws, catalog, load_grid(grid))
    said = landlab("tune", "promote", "tiny", "--as", "best", workspace=ws.root).stdout
    assert "weight set best: trial " in said


def test_another_space_under_the_same_name_is_one_line(tuned, tmp_path):
    ws, _, _ = tuned
    said = refused("tune", study_file(tmp_path / "s.toml", lai="[0.5, 10]"), workspace=ws.root)
    assert "study 'tiny' is registered with another specification: `space` is" in said


def test_optuna_finds_the_study_in_the_same_database(tuned):
    ws, _, _ = tuned
    url = f"sqlite:///{ws.database}"
    assert optuna.get_all_study_names(url) == ["tiny"]
    assert optuna.load_study(study_name="tiny", storage=url).metric_names == ["NNSE of all variables"]
    engine = create_engine(url)
    assert {"alembic_version", "landlab_version"} <= set(inspect(engine).get_table_names())
    engine.dispose()
    with session.migrating(ws.database) as config:
        alembic.command.check(config)  # Optuna's tables are no change of ours
