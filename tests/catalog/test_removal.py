"""What is deleted goes with all that is its own; what others rest on stays."""

from dataclasses import replace

import pytest
from sqlalchemy import func, select

from landlab_mgr.catalog import AnalysisRecord, ArtifactRecord, MemberRecord
from landlab_mgr.catalog.design import former
from landlab_mgr.catalog.tables import Artifact, Attempt, Epoch, Event, GridRun, Metric, Run, Tag
from landlab_mgr.errors import LandlabError

from .sample import CHECKPOINT, FINGERPRINT, claim, epoch, metric


@pytest.fixture
def done(catalog, runs):
    """A completed run with an epoch, a metric, files and a tag."""
    taken = claim(catalog)
    catalog.record(taken.token, [epoch(1)], CHECKPOINT)
    catalog.finish(taken.token, [metric(0.5)], [ArtifactRecord("skill", "skill.zarr", "b" * 64, 1)])
    catalog.tag([taken.run_id], "paper")
    return taken


def rows_of(catalog, run_id):
    tables = (Run, GridRun, Tag, Attempt, Epoch, Metric, Artifact, Event)
    with catalog.transaction() as tx:
        return [tx.scalar(select(func.count()).select_from(t).where(t.run_id == run_id)) for t in tables]


def test_a_run_goes_with_all_that_is_its_own(catalog, done, runs):
    assert all(rows_of(catalog, done.run_id))
    others = [rows_of(catalog, s.run_id) for s in runs[1:]]
    removed = catalog.delete_runs([done.run_id], dry=True)
    assert removed.directories == (done.directory,)
    assert all(rows_of(catalog, done.run_id))
    before = catalog.version()
    assert catalog.delete_runs([done.run_id]) == removed
    assert not any(rows_of(catalog, done.run_id))
    assert catalog.version() != before  # caches notice
    assert [rows_of(catalog, s.run_id) for s in runs[1:]] == others
    catalog.shrink()
    catalog.register_runs(runs)  # and it may come again
    assert catalog.run(done.run_id).state == "pending"


def test_what_results_rest_on_stays_unless_they_go_too(catalog, done):
    catalog.create_ensemble("best", {"keep": 1}, "", [MemberRecord(done.run_id, 1, 0.5)])
    analysis = AnalysisRecord("a" * 16, "skill", {}, "", "analyses/a", "b" * 64, 1, {})
    catalog.record_analysis(analysis, catalog.evidence([done.run_id]))
    with pytest.raises(LandlabError, match=r"ensemble 'best', analysis a+ rest on these runs; nothing was"):
        catalog.delete_runs([done.run_id])
    removed = catalog.delete_runs([done.run_id], with_results=True)
    assert (removed.ensembles, removed.analyses, removed.paths) == (("best",), ("a" * 16,), ("analyses/a",))
    assert catalog.ensembles() == []
    assert catalog.analyses() == []


def test_what_cannot_go(catalog, done, runs):
    going = claim(catalog)
    with pytest.raises(LandlabError, match=f"run {going.run_id} is running; nothing was deleted"):
        catalog.delete_runs([done.run_id, going.run_id])
    catalog.register_study("tune", {"trials": 2})
    catalog.link_trial("tune", 0, [done.run_id])
    with pytest.raises(LandlabError, match="is a trial of study 'tune'"):
        catalog.delete_runs([done.run_id])
    with pytest.raises(LandlabError, match="no run 'zz'"):
        catalog.delete_runs(["zz"])
    with pytest.raises(LandlabError, match=f"6 runs use the dataset {FINGERPRINT}; nothing was deleted"):
        catalog.delete_dataset(FINGERPRINT)
    assert catalog.counts()["completed"] == 1


def test_grids_datasets_and_analyses(catalog, done):
    analysis = AnalysisRecord("a" * 16, "skill", {}, "", "analyses/a", "b" * 64, 1, {})
    catalog.record_analysis(analysis, catalog.evidence([done.run_id]))
    catalog.delete_analysis("a" * 16)
    assert catalog.analyses() == []
    assert catalog.delete_grid("g") == 6
    assert catalog.grids() == []
    with pytest.raises(LandlabError, match="no grid 'g'"):
        catalog.delete_grid("g")
    catalog.delete_runs(list(catalog.outline()["run_id"]))
    [record] = catalog.datasets()
    catalog.register_dataset(replace(record, name="another-name"))
    assert len(catalog.dataset(FINGERPRINT).names) == 2
    catalog.delete_dataset(FINGERPRINT)
    assert catalog.datasets() == []
    for name in (record.name, "another-name"):
        with pytest.raises(LandlabError, match="is not registered"):
            catalog.dataset(name)


def test_what_a_run_has_come_to_is_given_up(catalog, done, runs):
    going = claim(catalog)
    assert catalog.redo([done.run_id, going.run_id]) == [done.run_id]
    again = claim(catalog)
    assert (again.run_id, again.number, again.resume, again.epochs_done) == (done.run_id, 2, None, 0)
    assert rows_of(catalog, done.run_id)[4:7] == [0, 0, 0]


def test_a_grid_that_lost_a_value_is_pruned(catalog, grid, runs, done):
    smaller = grid.model_copy(update={"seeds": 1})
    catalog.register_runs(smaller.expand(FINGERPRINT), smaller)
    gone = former(catalog, "g")
    assert gone == [s.run_id for s in runs if s.seeds.init == 1]
    other = grid.model_copy(update={"name": "other", "setups": (("PFT",),), "factorial": ()})
    catalog.register_runs(other.expand(FINGERPRINT), other)
    shared = {s.run_id for s in other.expand(FINGERPRINT)}
    assert sorted(catalog.prune("g", gone)) == sorted(set(gone) - shared)
    assert former(catalog, "g") == []
    assert catalog.grid("g").counts["pending"] + catalog.grid("g").counts["completed"] == 3
    assert catalog.counts()["cancelled"] == len(set(gone) - shared)
