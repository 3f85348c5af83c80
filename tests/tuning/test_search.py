"""Studies on paper: what is asked, told, pruned, refused; and killed at any write, they go on."""

import math
import os
import shutil
from contextlib import contextmanager

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from landlab_mgr.errors import LandlabError
from landlab_mgr.records import Failed
from landlab_mgr.tuning import optuna_study
from landlab_mgr.tuning.score import so_far, spreads
from landlab_mgr.workspace.workspace import Workspace

from .sample import Paper, epochs_of, nse_of, result_of, search, study, summary, workspace

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def template(tmp_path_factory, planet):
    return workspace(tmp_path_factory.mktemp("tune") / "ws", planet).root


@pytest.fixture
def new(template, tmp_path):
    """Makes workspaces with the planet in them."""

    def copied(name="ws"):
        root = shutil.copytree(template, tmp_path / name)
        return Workspace.at(root, str(root / "landlab.db"))

    return copied


@pytest.fixture
def ws(new):
    return new()


@pytest.fixture(autouse=True)
def _few_to_start_with(monkeypatch):
    monkeypatch.setattr(optuna_study, "STARTUP", 4)


def nnse(x):
    return 1 / (2 - x)


def test_trial_0_is_where_base_begins_and_the_study_gains_over_it(ws, monkeypatch):
    spec = study(trials=20, seeds=2, fresh_seeds=4)
    told = search(ws, spec, Paper(ws.root), monkeypatch)
    found = summary(ws)
    first = told[0]
    assert (first.number, first.numbers) == (0, {"loss_weights.lai": 1.0, "loss_weights.nbe": 1.0})
    mean_of_seeds = np.mean([(nnse(0.0 - 0.01 * s) + nnse(0.5 - 0.01 * s)) / 2 for s in (0, 1)])
    assert first.values == pytest.approx((mean_of_seeds,))
    assert found.counts == {"complete": 20, "pruned": 0, "fail": 0, "running": 0, "waiting": 0}
    assert abs(math.log10(found.best.numbers["loss_weights.lai"] * 10)) < 0.3
    assert found.numbers["number"].iloc[0] == "loss_weights.lai"
    assert found.numbers["importance"].iloc[0] > 0.8
    gain = found.gain.set_index(["split", "score"]).loc[("dev", "NNSE of all variables")]
    assert gain["seeds"] == 4
    assert gain["low"] > 0.1
    assert found.verdict == "better"
    assert (found.spec.trials, len(found.spec.fresh)) == (20, 4), "its own settings are on record"
    assert set(found.gain["split"]) == {"train", "dev"}
    # the fresh members are of seeds that no trial had
    with ws.open(read_only=True) as catalog:
        links = catalog.study("s").trials
        seeds = [s.seeds.init for s in catalog.specs(links[found.best.number]).values()]
        assert sorted(seeds) == [0, 1, 2, 3, 4, 5]
        assert catalog.events(kind="read_test").empty
    looked = summary(ws, splits=("train", "dev", "test", "withheld")).gain
    assert set(looked["split"]) == {"train", "dev", "test"}
    with ws.open(read_only=True) as catalog:
        assert catalog.test_reads() == 2  # of the best's members, and of trial 0's


def test_a_study_goes_on_where_it_was_and_can_be_extended(ws, monkeypatch):
    search(ws, study(trials=3), Paper(ws.root), monkeypatch)
    again = Paper(ws.root)
    assert search(ws, study(trials=3), again, monkeypatch) == []
    assert again.tasks == []
    more = search(ws, study(trials=5), again, monkeypatch)
    assert [t.number for t in more] == [3, 4]
    with pytest.raises(
        LandlabError, match=r"another specification: `space` is .* give this one another name"
    ):
        search(ws, study(space={"loss_weights": {"lai": [0.1, 10]}}), again, monkeypatch)


def test_it_does_not_depend_on_interruptions_what_a_trial_draws(ws, new, monkeypatch):
    search(ws, study(trials=7), Paper(ws.root), monkeypatch)
    other = new("other")
    for trials in (1, 6, 7):
        search(other, study(trials=trials), Paper(other.root), monkeypatch)
    assert summary(ws).trials.equals(summary(other).trials)


@contextmanager
def dying(after):
    """A process that is killed instead of its commit of this number: from then on nothing of it reaches a database."""
    count = 0

    def commit(connection):
        nonlocal count
        count += 1
        if count > after:
            connection.connection.rollback()  # as the database does when its client is gone
            raise Killed

    def execute(*_):
        if count > after:
            raise Killed

    event.listen(Engine, "commit", commit)
    event.listen(Engine, "before_cursor_execute", execute)
    try:
        yield lambda: count
    finally:
        event.remove(Engine, "commit", commit)
        event.remove(Engine, "before_cursor_execute", execute)


class Killed(BaseException):
    pass


STRIDE = int(os.environ.get("LANDLAB_KILL_STRIDE", "17"))
"""Every so many writes a kill; 1 takes minutes."""


def test_killed_at_any_write_it_goes_on(new, monkeypatch):
    spec = study(trials=2, pruner="median", fresh_seeds=1)
    whole = new("whole")
    with dying(10**9) as commits:
        search(whole, spec, Paper(whole.root), monkeypatch)
        total = commits()
    assert total > 3 * STRIDE
    failed = 0
    for after in range(7, total, STRIDE):
        ws = new(str(after))
        with pytest.raises(Killed), dying(after):
            search(ws, spec, Paper(ws.root), monkeypatch)
        with ws.open() as catalog:
            catalog.reclaim(0, lambda host, pid: True)
        search(ws, spec, Paper(ws.root), monkeypatch)
        found = summary(ws)
        counts = found.counts
        assert counts["complete"] + counts["pruned"] == 2, (after, counts)
        assert (counts["running"], counts["waiting"]) == (0, 0), (after, counts)
        assert counts["fail"] <= 1
        failed += counts["fail"]
        assert found.start.numbers == {"loss_weights.lai": 1.0, "loss_weights.nbe": 1.0}
        kept = [t for t in found.trials.to_dict("records") if t["state"] != "fail"]
        assert len({(t["loss_weights.lai"], t["loss_weights.nbe"]) for t in kept}) == 2
        with ws.open(read_only=True) as catalog:
            runs = catalog.runs()
            linked = {run_id for ids in catalog.study("s").trials.values() for run_id in ids}
            assert set(runs["run_id"]) == linked, after
            assert set(runs["state"]) <= {"completed", "cancelled"}
            for run_id in runs.loc[runs["state"] == "completed", "run_id"]:
                assert list(catalog.attempts(run_id)["outcome"]).count("ok") == 1
    assert failed > 0 or STRIDE > 5  # some kills come while a trial is asked


def test_what_trials_see_of_the_test_split_is_nothing(ws, new, monkeypatch):
    search(ws, study(trials=7), Paper(ws.root), monkeypatch)
    other = new("other")
    paper = Paper(other.root, end=lambda job: result_of(job, test=99.0))
    search(other, study(trials=7), paper, monkeypatch)
    assert summary(ws).trials.equals(summary(other).trials)
    with other.open() as catalog:
        assert catalog.events(kind="read_test").empty
    with pytest.raises(ValueError, match="split"):
        study(objectives=[{"variables": ["lai"], "split": "test"}])


@pytest.mark.parametrize("pruner", ["median", "asha", "hyperband"])
def test_what_is_bad_early_is_pruned_and_its_run_cancelled(ws, monkeypatch, pruner):
    spec = study(trials=14, pruner=pruner)
    paper = Paper(ws.root, steps=10)
    told = search(ws, spec, paper, monkeypatch)
    pruned = [t for t in told if t.state == "pruned"]
    kept = [t for t in told if t.state == "complete"]
    assert 2 <= len(pruned) <= 11
    assert kept[0].number == 0
    with ws.open(read_only=True) as catalog:
        assert {catalog.run(t.run_ids[0]).state for t in pruned} == {"cancelled"}
        assert {catalog.run(t.run_ids[0]).state for t in kept} == {"completed"}
        skill = {True: [], False: []}
        for t in told:
            skill[t.state == "pruned"].append(nse_of(catalog.run(t.run_ids[0]).spec)["lai"])
        assert np.mean(skill[True]) < np.mean(skill[False])
        assert max(skill[False]) > max(skill[True])


def test_an_intermediate_value_is_the_nnse_whatever_the_weights():
    one, other = (
        s.runs("0" * 16, {"loss_weights.lai": x, "loss_weights.nbe": 2.0}, (0,))[0]
        for s, x in ((study(), 0.1), (study(), 5.0))
    )
    curve = pd.DataFrame([dict(e.terms) for e in epochs_of(one)])
    spread = spreads(study().objectives[0], curve, nse_of(one), one.weights)
    assert spread == pytest.approx({"nbe": 7.0})  # LAI is perfect there: it tells no spread
    curve = pd.DataFrame([dict(e.terms) for e in epochs_of(other)])
    spread = spreads(study().objectives[0], curve, nse_of(other), other.weights)
    assert spread == pytest.approx({"lai": 4.0, "nbe": 7.0})
    last = list(epochs_of(one))[-1]
    assert so_far(last.terms, one.weights, spread) == pytest.approx((1.0 + nnse(0.5)) / 2)


@pytest.mark.parametrize("sampler", ["tpe", "nsga2", "nsga3", "random"])
def test_several_objectives_make_a_pareto_front(ws, monkeypatch, sampler):
    objectives = [{"variables": ["lai"]}, {"variables": ["nbe"]}]
    search(ws, study(trials=7, sampler=sampler, objectives=objectives), Paper(ws.root), monkeypatch)
    found = summary(ws)
    assert found.best is None
    assert len(found.pareto) >= 1
    best = found.trials["NNSE of lai"].max()
    assert found.pareto["NNSE of lai"].max() == best


def test_cmaes_finds_it_too(ws, monkeypatch):
    search(ws, study(trials=12, sampler="cmaes"), Paper(ws.root), monkeypatch)
    assert summary(ws).best.values[0] > summary(ws).start.values[0]


def test_who_diverges_has_no_skill_and_who_collapses_is_no_solution(ws, monkeypatch):
    def end(job):
        if job.spec.weights["lai"] == 10:
            return Failed("nan", "loss is not finite at epoch 3", "")
        return result_of(job, bare=0.5 if job.spec.weights["lai"] < 3 else 0.0)

    told = search(ws, study(trials=15), Paper(ws.root, end=end), monkeypatch)
    found = summary(ws)
    assert told[0].values == (0.0,)
    assert found.infeasible > 0
    with ws.open(read_only=True) as catalog:
        assert catalog.run(found.best.run_ids[0]).spec.weights["lai"] >= 3
    assert (
        not found.trials.set_index("trial").loc[found.trials[found.trials["state"] == "complete"].index].empty
    )


def test_five_trials_that_fail_in_a_row_end_a_study(ws, monkeypatch):
    paper = Paper(ws.root, end=lambda job: Failed("error", "no such process", ""))
    with pytest.raises(LandlabError, match=r"5 trials failed in a row, the last: run .* is failed"):
        search(ws, study(trials=50), paper, monkeypatch)
    assert summary(ws).counts["fail"] == 5


def test_two_workers_are_never_idle_while_trials_are_left(ws, monkeypatch):
    paper = Paper(ws.root, workers=2, steps=3)
    search(ws, study(trials=12, parallel=4), paper, monkeypatch)
    assert len(paper.tasks) == 12
    assert paper.busy.count(2) >= len(paper.busy) - 4  # but for the last run's polls
    one_by_one = Paper(ws.root, workers=2, steps=3)
    search(ws, study(name="pairs", trials=6, seeds=3, sampler_seed=2), one_by_one, monkeypatch)
    assert one_by_one.busy.count(2) >= len(one_by_one.busy) - 4
    lanes = Paper(ws.root, workers=1, width=3)
    search(ws, study(name="lanes", trials=6, sampler_seed=1), lanes, monkeypatch)
    assert len(lanes.busy) == 4  # two groups of three


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"objectives": [{"variables": ["gpp", "yield"]}]}, "does not observe 'yield'; it has "),
        ({"base": {"split": {"kind": "all"}, "warmup_months": 12}}, "split 'all' has no dev pixels"),
        ({"base": {"streams": ["lai"], "warmup_months": 12}}, "loss_weights.nbe: nothing of nbe is learned"),
        ({"space": {"loss_weights": {"lai": [2, 10]}}}, "leaves out 1, where trial 0 starts"),
        ({"space": {"optimizer": {"weight_decay": [1e-6, 1e-2]}}}, "leaves out 0, where trial 0 starts"),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_is_registered(ws, monkeypatch, more, said):
    with pytest.raises(LandlabError, match=said):
        search(ws, study(**more), Paper(ws.root), monkeypatch)
    with ws.open(read_only=True) as catalog:
        assert catalog.studies() == []
