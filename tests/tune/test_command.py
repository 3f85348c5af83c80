"""`landlab tune` in real processes: trained, killed, resumed, shown, promoted, and the weights used in a grid."""

import json
import signal
import subprocess
import time

import optuna
import pytest
from sqlalchemy import create_engine, inspect

from landlab_mgr.workspace import Workspace

from ..cli.command import command, landlab, refused

STUDY = """
name = "tiny"
dataset = "twin-6x2x3-s0"
predictors = ["PFT"]
trials = 3
fresh_seeds = 2
{more}
[space.loss_weights]
lai = {lai}
[base]
warmup_months = 12
[base.optimizer]
epochs = 60
patches_per_batch = 0
"""


def study_file(path, more="", lai="[0.1, 10]"):
    path.write_text(STUDY.format(more=more, lai=lai))
    return path


@pytest.fixture(scope="module")
def tuned(tmp_path_factory):
    """A workspace whose study was killed twice, and went on."""
    root = tmp_path_factory.mktemp("tuned") / "ws"
    landlab("data", "twin", "--patches", 6, "--pixels", 2, "--years", 3, workspace=root)
    file = study_file(root / "tiny.toml")
    kills = 0
    with Workspace.at(root).open(read_only=True) as catalog:
        for trials in (1, 2):
            going = subprocess.Popen(
                command("tune", file, "--workers", 1, workspace=root),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            while (
                going.poll() is None and catalog.counts()["running"] + catalog.counts()["completed"] < trials
            ):
                time.sleep(0.05)
            going.send_signal(signal.SIGKILL)
            kills += going.wait() == -signal.SIGKILL
    assert kills == 2
    said = landlab("tune", file, "--workers", 1, workspace=root).stdout
    return root, file, said


def shown(root, *options):
    return json.loads(landlab("tune", "show", "tiny", "--json", *options, workspace=root).stdout)


def test_killed_twice_it_has_all_its_trials_once(tuned):
    root, _, said = tuned
    found = shown(root)
    assert found["trials"] | {"fail": 0} == {
        "complete": 3,
        "pruned": 0,
        "fail": 0,
        "running": 0,
        "waiting": 0,
    }
    assert len({t["loss_weights.lai"] for t in found["all"] if t["state"] == "complete"}) == 3
    assert "3 of 3 over" in said
    assert "next: `landlab tune promote tiny --as NAME`" in said
    with Workspace.at(root).open(read_only=True) as catalog:
        states = catalog.counts()
        assert states["completed"] == sum(states.values())
        assert states["completed"] == 3 + (4 if found["best"] != found["start"] else 2)
        assert catalog.test_reads() == 0


def test_looking_at_test_is_a_decision_and_counted(tuned):
    root, _, _ = tuned
    before = shown(root)
    assert {row["split"] for row in before["gain"]} <= {"train", "dev"}
    after = shown(root, "--test")
    assert after["test_reads"] > before["test_reads"] or after["best"] == after["start"]


def test_promoted_weights_are_numbers_in_a_grid(tuned):
    root, _, _ = tuned
    said = landlab("tune", "promote", "tiny", "--as", "mine", "--trial", 1, workspace=root).stdout
    assert "weight set mine: trial 1 of tiny: lai " in said
    grid = root / "grid.toml"
    grid.write_text(
        'name = "with"\ndataset = "twin-6x2x3-s0"\nsetups = [["PFT"]]\nseeds = 1\n[base]\nwarmup_months = 12\n'
        'loss_weights = "mine"\n[base.optimizer]\nepochs = 60\npatches_per_batch = 0\n'
    )
    assert "0 runs added, 1 already there" in landlab("grid", "register", grid, workspace=root).stdout
    with Workspace.at(root).open(read_only=True) as catalog:
        [run_id] = catalog.runs("grid = 'with'")["run_id"]
        assert run_id in catalog.study("tiny").trials[1]
        weights = catalog.weight_set("mine").weights
        assert catalog.grid("with").spec.base["loss_weights"] == {"lai": weights["lai"]}
    grid.write_text(grid.read_text().replace('"mine"', '"yours"'))
    assert "no weight set 'yours'; there is: mine" in refused("grid", "register", grid, workspace=root)
    assert "with other weights" in refused(
        *("tune", "promote", "tiny", "--as", "mine", "--trial", 0), workspace=root
    )


def test_what_is_asked_wrongly_is_one_line(tuned, tmp_path):
    root, _, _ = tuned
    said = refused("tune", study_file(tmp_path / "s.toml", lai="[0.5, 10]"), workspace=root)
    assert "study 'tiny' is registered with another specification: `space` is" in said
    more = 'objectives = [{variables = ["yield"]}]'
    said = refused("tune", study_file(tmp_path / "o.toml", more=more), workspace=root)
    assert "does not observe 'yield'; it has " in said
    assert "no study file nowhere.toml" in refused("tune", "nowhere.toml", workspace=root)
    assert "no study 'nothing'" in refused("tune", "show", "nothing", workspace=root)
    assert "--trial 99" in refused("tune", "promote", "tiny", "--as", "x", "--trial", 99, workspace=root)


def test_optuna_and_its_dashboard_find_the_study_in_the_same_database(tuned):
    root, _, _ = tuned
    url = f"sqlite:///{root / 'landlab.db'}"
    assert optuna.get_all_study_names(url) == ["tiny"]
    study = optuna.load_study(study_name="tiny", storage=url)
    assert study.metric_names == ["NNSE of all variables"]
    engine = create_engine(url)
    assert {"alembic_version", "landlab_version"} <= set(inspect(engine).get_table_names())
    engine.dispose()
    landlab("catalog", "current", workspace=root)
