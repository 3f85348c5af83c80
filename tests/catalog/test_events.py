"""Events: each verb that changes something says so once, in its own transaction; caches see every change."""

import pytest

from landlab_mgr.catalog import AnalysisRecord, Catalog, MemberRecord, StaleToken
from landlab_mgr.catalog.events import happened
from landlab_mgr.errors import LandlabError
from tests.bench.postgres import temporary_database

from .sample import CHECKPOINT, DATASET, claim, epoch, metric


@pytest.fixture
def news(catalog):
    """news(): what happened since it was last asked, oldest first, as (kind, run_id, detail)."""
    seen = [catalog.last_event()]

    def news():
        table = catalog.events(limit=10_000)
        new = table[table["id"] > seen[0]].iloc[::-1]
        seen[0] = catalog.last_event()
        return list(new[["kind", "run_id", "detail"]].itertuples(index=False, name=None))

    return news


def test_registration_is_one_event(catalog, grid, runs, news):
    assert catalog.events(kind="registered")["detail"].tolist() == [{"grid": "g", "added": 6, "existing": 0}]
    catalog.register_runs(runs[:2])
    catalog.register_dataset(DATASET)
    assert news() == [
        ("registered", None, {"grid": None, "added": 0, "existing": 2}),
        ("dataset_registered", None, {"fingerprint": DATASET.fingerprint, "name": "twin"}),
    ]


def test_the_life_of_attempts(catalog, runs, news):
    taken = claim(catalog)
    first = taken.run_id
    catalog.record(taken.token, [epoch(1)], CHECKPOINT)
    catalog.heartbeat([taken.token])
    assert news() == [("claimed", first, {"attempt": 1, "host": "host"})]  # progress is no event
    catalog.fail(taken.token, "nan", "said why")
    catalog.retry([first, runs[1].run_id])
    catalog.finish(claim(catalog, run_ids=[first]).token, [metric(1.0)])
    assert news() == [
        ("ended", first, {"attempt": 1, "outcome": "nan", "state": "failed"}),
        ("retried", first, {}),
        ("claimed", first, {"attempt": 2, "host": "host"}),
        ("ended", first, {"attempt": 2, "outcome": "ok", "state": "completed"}),
    ]
    lost = claim(catalog).run_id
    catalog.reclaim(3600, lambda host, pid: True)
    assert news()[1:] == [("reclaimed", lost, {"attempt": 1, "outcome": "lost", "state": "pending"})]
    assert catalog.events(run_id=first)["kind"].tolist() == [
        "ended",
        "claimed",
        "retried",
        "ended",
        "claimed",
    ]


def test_a_verb_on_many_runs_writes_one_for_each_that_it_changed(catalog, runs, news):
    ids = [spec.run_id for spec in runs]
    catalog.tag(ids[:2], "paper")
    catalog.tag(ids[:3], "paper")
    catalog.untag(ids, "paper")
    catalog.cancel(ids[:2])
    catalog.cancel(ids[:2])
    tag = {"tag": "paper"}
    assert [sorted(part) for part in (lambda n: (n[:2], n[2:3], n[3:6], n[6:]))(news())] == [
        sorted(("tagged", run_id, tag) for run_id in ids[:2]),
        [("tagged", ids[2], tag)],
        sorted(("untagged", run_id, tag) for run_id in ids[:3]),
        sorted(("cancelled", run_id, {}) for run_id in ids[:2]),
    ]


def test_results_are_events_too(catalog, runs, news):
    run_id = runs[0].run_id
    record = AnalysisRecord("a" * 16, "skill", {}, "", "p", "b" * 64, 1, {})
    catalog.record_analysis(record, catalog.evidence([run_id]))
    catalog.create_ensemble("best", {}, "", [MemberRecord(run_id, 1, 0.5)])
    catalog.register_study("tune", {})
    catalog.register_study("tune", {})
    catalog.link_trial("tune", 3, [run_id])
    assert [kind for kind, _, _ in news()] == ["analysis", "ensemble", "study", "trial"]


def test_what_is_refused_is_no_event(catalog, runs, news):
    taken = claim(catalog)
    news()
    catalog.cancel([taken.run_id])
    assert len(news()) == 1
    with pytest.raises(StaleToken):
        catalog.finish(taken.token)
    with pytest.raises(LandlabError):
        catalog.tag([runs[0].run_id, "nobody"], "x")
    assert news() == []


def test_every_change_has_another_version(catalog, runs):
    seen = [catalog.version()]

    def is_new():
        seen.append(catalog.version())
        return seen[-1] not in seen[:-1]

    taken = claim(catalog)
    assert is_new()
    catalog.record(taken.token, [epoch(1)])  # no event, yet runs look different
    assert is_new()
    catalog.finish(taken.token)
    assert is_new()
    catalog.tag([taken.run_id], "x")
    assert is_new()
    catalog.runs()
    assert not is_new()


def test_an_event_that_appears_after_a_later_one_is_noticed(postgres):
    """PostgreSQL numbers events as they are written and shows them as they are committed; SQLite has one writer."""
    with temporary_database(postgres) as url, Catalog.create(url) as catalog:
        catalog.register_dataset(DATASET)
        with Catalog(url) as other, other.transaction(write=True) as tx:
            happened(tx, "dataset_registered", name="late")
            catalog.register_dataset(DATASET)
            before = catalog.version()
        after = catalog.version()
    assert after.last_event == before.last_event
    assert after != before


def test_an_empty_catalog_has_no_event(url):
    with Catalog(url) as catalog:
        assert catalog.last_event() == 0
        assert catalog.version() == (0, 0, None)
        assert list(catalog.events().columns) == ["id", "time", "kind", "run_id", "detail"]
