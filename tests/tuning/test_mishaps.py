"""Studies on paper in which runs fail, diverge, or are there already: nothing is left over, nothing miscounted."""

import shutil

import pandas as pd
import pytest

from landlab_mgr.campaign import launch, live
from landlab_mgr.errors import LandlabError
from landlab_mgr.records import Failed
from landlab_mgr.tuning.search import search as search_on
from landlab_mgr.tuning.summary import promote
from landlab_mgr.workspace.workspace import Workspace

from .sample import EPOCHS, Paper, Told, result_of, search, study, summary, workspace

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def template(tmp_path_factory, planet):
    return workspace(tmp_path_factory.mktemp("tune") / "ws", planet).root


@pytest.fixture
def ws(template, tmp_path):
    root = shutil.copytree(template, tmp_path / "ws")
    return Workspace.at(root, str(root / "landlab.db"))


def failing(which, outcome="error"):
    """An end of runs: badly where `which(job, number of its run in order)` holds."""
    order = []

    def end(job):
        order.append(job)
        return Failed(outcome, "no such process", "") if which(job, len(order) - 1) else result_of(job)

    return end


def test_trial_0_that_failed_is_asked_again(ws, monkeypatch):
    paper = Paper(ws.root, end=failing(lambda job, n: n == 0))
    search(ws, study(trials=4, fresh_seeds=2), paper, monkeypatch)
    found = summary(ws)
    assert found.counts == {"complete": 4, "pruned": 0, "fail": 1, "running": 0, "waiting": 0}
    assert found.start.state == "complete"
    assert found.start.numbers == {"loss_weights.lai": 1.0, "loss_weights.nbe": 1.0}


def test_fresh_members_that_diverge_have_no_skill_in_the_gain(ws, monkeypatch):
    def end(job):
        bad = job.spec.seeds.init == 2 and job.spec.weights["lai"] < 10  # of the best trial, not of trial 0
        return Failed("nan", "loss is not finite at epoch 3", "") if bad else result_of(job)

    search(ws, study(trials=8, fresh_seeds=4), Paper(ws.root, end=end), monkeypatch)
    gain = summary(ws).gain.set_index(["split", "score"])
    row = gain.loc[("dev", "NNSE of lai")]
    assert row["seeds"] == 4
    assert row["low"] < row["gain"] - 0.1  # one seed of four lost all


def test_fresh_members_that_failed_are_tried_again(ws, monkeypatch):
    spec = study(trials=4, fresh_seeds=2)
    search(ws, spec, Paper(ws.root, end=failing(lambda job, n: job.spec.seeds.init > 0)), monkeypatch)
    assert summary(ws).gain.empty
    search(ws, spec, Paper(ws.root), monkeypatch)
    assert set(summary(ws).gain["seeds"]) == {2}


def test_what_is_left_counts_what_was_done_before_and_what_failed(ws, monkeypatch):
    search(ws, study(trials=3, seeds=2), Paper(ws.root), monkeypatch)
    spec = study(trials=6, seeds=2)
    monkeypatch.setattr(launch, "executor_for", lambda *_: Paper(ws.root, end=failing(lambda job, n: n == 0)))
    with ws.open() as catalog, live.LiveReport(12, 12 * EPOCHS) as report:
        search_on(ws, catalog, spec, launch.Workers(), report, Told())
        assert report._counts().startswith("6 done, 1 failed, 0 left")
        assert report._epochs_left == 0


def test_the_cost_counts_the_comparison(ws, monkeypatch):
    search(ws, study(trials=3, fresh_seeds=6), Paper(ws.root), monkeypatch)
    with ws.open(read_only=True) as catalog:
        attempts = pd.concat([catalog.attempts(run_id) for run_id in catalog.runs()["run_id"]])
    whole = (attempts["ended"].max() - attempts["started"].min()).total_seconds()
    assert len(attempts) == 3 + 2 * 6
    assert summary(ws).cost["hours"] == pytest.approx(whole / 3600)


def test_a_study_all_of_whose_trials_break_the_constraint_says_so(ws, monkeypatch):
    search(ws, study(trials=2), Paper(ws.root, end=lambda job: result_of(job, bare=0.5)), monkeypatch)
    with (
        ws.open() as catalog,
        pytest.raises(LandlabError, match="no trial that completed and keeps the cons"),
    ):
        promote(ws, catalog, "s", "x", None)
