"""The life of an attempt: claims, fencing, reclaiming, and what survives a kill."""

import math
import os
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from landlab_mgr.catalog import ArtifactRecord, Catalog, Environment, StaleToken
from landlab_mgr.errors import LandlabError
from landlab_mgr.spec.grid import GridSpec
from landlab_mgr.spec.run import RunSpec

from .sample import CHECKPOINT, FINGERPRINT, age, claim, epoch, metric, reclaim, work


def same(a, b):
    """Equal as floats go: NaN is NaN, and -0.0 is not 0.0."""
    return (a == b and math.copysign(1, a) == math.copysign(1, b)) or (math.isnan(a) and math.isnan(b))


def test_claims_come_in_order_of_registration_until_none_is_left(catalog, runs):
    claims = [claim(catalog) for _ in runs]
    assert [c.run_id for c in claims] == [s.run_id for s in runs]
    assert [c.spec for c in claims] == runs
    assert len({c.token for c in claims}) == 6
    assert claim(catalog) is None


def test_claims_within_a_grid_or_a_list(catalog, grid, runs):
    other = GridSpec(name="other", dataset="twin", setups=(("AGE",),), seeds=1)
    catalog.register_runs(other.expand(FINGERPRINT), other)
    assert claim(catalog, grid="other").spec.label == "AGE"
    assert claim(catalog, grid="other") is None
    wanted = [runs[4].run_id, runs[2].run_id]
    assert [claim(catalog, run_ids=wanted).run_id for _ in wanted] == [runs[2].run_id, runs[4].run_id]
    assert claim(catalog, run_ids=wanted) is None
    assert claim(catalog, run_ids=[]) is None
    assert claim(catalog, run_ids=["x"] * 40_000 + [runs[5].run_id]).run_id == runs[5].run_id
    with pytest.raises(LandlabError, match="no grid 'typo'; registered: g, other"):
        claim(catalog, grid="typo")


def test_an_attempt_carries_its_provenance(catalog, runs):
    environment = Environment("abc", "def", {"jax": "0.7"}, "cpu", "bitwise")
    claimed = claim(catalog, environment=environment)
    (attempt,) = catalog.attempts(claimed.run_id).to_dict("records")
    assert attempt["directory"] == claimed.directory == f"runs/{claimed.run_id}/{claimed.token}"
    assert (attempt["git_commit"], attempt["versions"], attempt["mode"]) == ("abc", {"jax": "0.7"}, "bitwise")
    assert (attempt["host"], attempt["pid"], attempt["number"]) == ("host", 1, 1)
    assert attempt["outcome"] is None
    assert abs(attempt["started"] - datetime.now(UTC)) < timedelta(minutes=1)


def test_a_run_is_recorded_and_finished(catalog, runs):
    claimed = claim(catalog)
    assert (claimed.resume, claimed.epochs_done) == (None, 0)
    catalog.record(claimed.token, [epoch(0, sif=1.5), epoch(1, sif=1.25)], CHECKPOINT)
    catalog.record(claimed.token, [epoch(1, total=7.0, sif=1.0)], replace(CHECKPOINT, path="later"))
    curve = catalog.epochs(claimed.run_id)
    assert list(curve.columns) == ["epoch", "total", "dev", "sif", "seconds"]
    assert curve.values.tolist() == [
        [0, 1, 2, 1.5, 0.5],
        [1, 7, 2, 1, 0.5],
    ]  # the replay took the old one's place
    catalog.finish(claimed.token, [metric(0.75)], [ArtifactRecord("skill", "skill.zarr", "b" * 64, 1)])
    assert catalog.run(claimed.run_id).state == "completed"
    assert catalog.attempts(claimed.run_id)["outcome"].tolist() == ["ok"]
    assert catalog.artifacts(claimed.run_id)[["kind", "path", "bytes", "attempt"]].values.tolist() == [
        ["checkpoint", "later", 2**40, 1],
        ["skill", "skill.zarr", 1, 1],
    ]
    row = catalog.runs().iloc[0]
    assert row[["state", "epochs", "train_loss", "dev_loss", "dev.gpp.R2"]].tolist() == [
        *("completed", 2, 7.0, 2.0, 0.75)
    ]


@pytest.mark.parametrize(
    "value", [math.nan, math.inf, -math.inf, -0.0, 0.0, 5e-324, 0.1, 1.7976931348623157e308]
)
def test_every_float_survives(catalog, runs, value):
    claimed = claim(catalog)
    catalog.record(claimed.token, [epoch(0, total=value, dev=value, sif=value)])
    catalog.finish(claimed.token, [metric(value)])
    read = [
        *catalog.epochs(claimed.run_id)[["total", "dev", "sif"]].iloc[0],
        *catalog.metrics(claimed.run_id)["value"],
        *catalog.metrics_of("", "dev", "gpp", "R2")["value"],
        *catalog.runs(limit=1)[["train_loss", "dev_loss", "dev.gpp.R2"]].iloc[0],
    ]
    assert len(read) == 8
    assert all(same(value, x) for x in read)


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        ("nan", "failed"),
        ("oom", "failed"),
        ("error", "failed"),
        ("lost", "pending"),
        ("cancelled", "pending"),
    ],
)
def test_how_an_attempt_can_fail(catalog, runs, outcome, state):
    claimed = claim(catalog)
    catalog.fail(claimed.token, outcome, "seed 3 gave NaN", "Traceback ...")
    assert catalog.run(claimed.run_id).state == state
    (attempt,) = catalog.attempts(claimed.run_id).to_dict("records")
    assert (attempt["outcome"], attempt["message"]) == (outcome, "seed 3 gave NaN")
    assert attempt["traceback"] == "Traceback ..."
    assert catalog.runs()["message"].tolist()[0] == "seed 3 gave NaN"
    with pytest.raises(ValueError, match="'ok' is none of"):
        catalog.fail("any", "ok", "")


def test_integers_and_words_survive(catalog):
    hidden, months = (2**62, 2**63 - 1), 2**62
    spec = RunSpec(
        dataset=FINGERPRINT, predictors=("türme-塔",), network={"hidden": hidden}, warmup_months=months
    )
    spec = spec.model_copy(update={"optimizer": spec.optimizer.model_copy(update={"epochs": 2**31 - 1})})
    catalog.register_runs([spec])
    taken = claim(catalog)
    assert taken.spec == catalog.run(spec.run_id).spec == catalog.specs([spec.run_id])[spec.run_id] == spec
    assert catalog.runs()["epochs_planned"].tolist() == [2**31 - 1]
    message = "日本 🌍 'it' \\ \n \u202e %s {}"
    catalog.record(taken.token, [epoch(2**31 - 1, **{"ünit": 1.0})], replace(CHECKPOINT, bytes=2**62))
    catalog.fail(taken.token, "error", message, message)
    assert catalog.epochs(spec.run_id)[["epoch", "ünit"]].values.tolist() == [[2**31 - 1, 1.0]]
    assert catalog.artifacts(spec.run_id)["bytes"].tolist() == [2**62]
    assert catalog.attempts(spec.run_id)[["message", "traceback"]].values.tolist() == [[message, message]]


def test_a_retry_resumes_from_the_checkpoint(catalog, runs):
    first = claim(catalog)
    catalog.record(first.token, [epoch(0), epoch(1)], CHECKPOINT)
    catalog.fail(first.token, "oom", "out of memory")
    assert catalog.retry([first.run_id, runs[1].run_id]) == [first.run_id]
    second = claim(catalog)
    assert (second.run_id, second.number) == (first.run_id, 2)
    assert (second.resume, second.epochs_done) == (CHECKPOINT, 2)
    assert second.token != first.token


def snapshot(catalog, run_id):
    tables = (catalog.epochs, catalog.metrics, catalog.artifacts, catalog.attempts)
    return [table(run_id).to_json(date_format="iso") for table in tables], catalog.run(run_id)


@pytest.mark.parametrize("end", ["reclaimed", "cancelled", "failed", "finished"])
def test_a_stale_token_changes_no_row(catalog, runs, end):
    zombie = claim(catalog)
    catalog.record(zombie.token, [epoch(0)], CHECKPOINT)
    if end == "reclaimed":
        assert catalog.reclaim(3600, lambda host, pid: True) == [zombie.run_id]
        claim(catalog)  # the run now has another, living attempt
    elif end == "cancelled":
        catalog.cancel([zombie.run_id])
    elif end == "failed":
        catalog.fail(zombie.token, "error", "message")
    else:
        catalog.finish(zombie.token)
    before = snapshot(catalog, zombie.run_id)
    writes = (
        lambda: catalog.record(zombie.token, [epoch(0, total=9.0), epoch(1)], replace(CHECKPOINT, path="z")),
        lambda: catalog.finish(zombie.token, [metric(1.0)], [CHECKPOINT]),
        lambda: catalog.fail(zombie.token, "error", "late"),
        lambda: catalog.record("no such token", [epoch(5)]),
    )
    for write in writes:
        with pytest.raises(StaleToken, match="no longer holds its run"):
            write()
    assert catalog.heartbeat([zombie.token]) == set()
    assert snapshot(catalog, zombie.run_id) == before


def test_reclaim_takes_what_lapsed_or_lost_its_driver(catalog, runs):
    lapsed, dead, alive, beating = (
        catalog.claim(host, pid, directory_of=lambda run_id, token: token)
        for host, pid in [("a", 1), ("a", 2), ("b", 2), ("a", 1)]
    )
    for late in (lapsed, beating):
        age(catalog, late.token, 700)
    assert catalog.heartbeat([beating.token, alive.token, "unknown"]) == {beating.token, alive.token}
    reclaimed = catalog.reclaim(600, lambda host, pid: (host, pid) == ("a", 2))
    assert reclaimed == [lapsed.run_id, dead.run_id]
    assert catalog.reclaim(600) == []
    assert catalog.counts() == {"pending": 4, "running": 2, "completed": 0, "failed": 0, "cancelled": 0}
    (attempt,) = catalog.attempts(lapsed.run_id).to_dict("records")
    assert (attempt["outcome"], attempt["message"]) == ("lost", "reclaimed: no heartbeat")
    again = claim(catalog)
    assert (again.run_id, again.number) == (lapsed.run_id, 2)


def test_a_heartbeat_while_reclaim_looks_keeps_the_run(catalog, runs):
    late = claim(catalog)
    age(catalog, late.token, 700)

    def beats_meanwhile(host, pid):
        catalog.heartbeat([late.token])
        return False

    assert catalog.reclaim(600, beats_meanwhile) == []
    assert catalog.run(late.run_id).state == "running"


def lose(catalog, run_id, retries, epochs=0, how="fail"):
    """One more attempt that is lost, and the state that it leaves."""
    taken = claim(catalog, run_ids=[run_id])
    catalog.record(taken.token, [epoch(taken.epochs_done + i) for i in range(epochs)])
    if how == "reclaim":
        assert catalog.reclaim(3600, lambda host, pid: True, retries) == [run_id]
    else:
        assert catalog.fail(taken.token, "lost", "gone", retries=retries) == catalog.run(run_id).state
    return catalog.run(run_id).state


@pytest.mark.parametrize("how", ["fail", "reclaim"])
def test_a_run_that_is_lost_too_often_fails(catalog, runs, how):
    run_id = runs[0].run_id
    assert [lose(catalog, run_id, 2, how=how) for _ in range(3)] == ["pending", "pending", "failed"]
    messages = catalog.attempts(run_id)["message"].tolist()
    assert [("lost more than 2 times in a row" in m, "--only failed" in m) for m in messages] == [
        *[(False, False)] * 2,
        (True, True),
    ]
    # who tries again begins again to count
    catalog.retry([run_id])
    assert [lose(catalog, run_id, 2, how=how) for _ in range(3)] == ["pending", "pending", "failed"]


def test_what_begins_the_count_of_losses_again(catalog, runs):
    first, second, third, fourth = (spec.run_id for spec in runs[:4])
    # epochs that an attempt committed
    assert [lose(catalog, first, 1, epochs) for epochs in (0, 1, 0, 0)] == [*["pending"] * 3, "failed"]
    # an end that is no loss
    assert lose(catalog, second, 1) == "pending"
    catalog.fail(claim(catalog, run_ids=[second]).token, "cancelled", "let go", retries=1)
    assert [lose(catalog, second, 1) for _ in range(2)] == ["pending", "failed"]
    # without a limit nothing does, and with 0 the first loss is the last
    assert {lose(catalog, third, None) for _ in range(6)} == {"pending"}
    assert lose(catalog, fourth, 0) == "failed"
    # other failures know no limit
    assert (
        catalog.fail(claim(catalog, run_ids=[runs[4].run_id]).token, "cancelled", "", retries=0) == "pending"
    )


def test_cancel_and_retry(catalog, runs):
    claimed = claim(catalog)
    done = claim(catalog)
    catalog.finish(done.token)
    ids = [s.run_id for s in runs]
    assert set(catalog.cancel(ids[:3])) == {claimed.run_id, runs[2].run_id}
    assert [catalog.run(i).state for i in ids[:4]] == ["cancelled", "completed", "cancelled", "pending"]
    assert catalog.attempts(claimed.run_id)["outcome"].tolist() == ["cancelled"]
    assert set(catalog.retry(ids)) == {claimed.run_id, runs[2].run_id}
    with pytest.raises(LandlabError, match="no run 'zz'; nothing was changed"):
        catalog.cancel([ids[3], "zz"])
    assert catalog.run(ids[3]).state == "pending"


def test_record_takes_only_checkpoints(catalog, runs):
    with pytest.raises(ValueError, match="kind 'checkpoint', not 'skill'"):
        catalog.record(claim(catalog).token, [], replace(CHECKPOINT, kind="skill"))


# --- several processes ----------------------------------------------------------------------------


def test_four_processes_share_200_runs(catalog, url, processes):
    grid = GridSpec(name="shared", dataset="twin", setups=(("PFT",),), seeds=200)
    catalog.register_runs(grid.expand(FINGERPRINT), grid)
    shares = processes.map_async(work, [url] * 4, chunksize=1).get(timeout=120)
    claimed = [run_id for share in shares for run_id in share]
    assert len(claimed) == len(set(claimed)) == 200
    assert catalog.counts()["completed"] == 200
    assert sum(len(share) > 0 for share in shares) > 1  # they did run side by side
    with catalog.transaction() as tx:
        assert tx.exec_driver_sql("SELECT count(*) FROM attempt").scalar() == 200


def test_exactly_one_process_reclaims_each_run(catalog, url, processes):
    grid = GridSpec(name="lost", dataset="twin", setups=(("PFT",),), seeds=60)
    catalog.register_runs(grid.expand(FINGERPRINT), grid)
    lost = {claim(catalog).run_id for _ in range(60)}
    shares = processes.map_async(reclaim, [url] * 4, chunksize=1).get(timeout=120)
    assert sorted(run_id for share in shares for run_id in share) == sorted(lost)
    assert catalog.counts()["pending"] == 60


WRITER = """
import sys, time
from landlab_mgr.catalog import Catalog
with Catalog(sys.argv[1]).transaction(write=True) as tx:
    tx.exec_driver_sql("UPDATE run SET state = 'failed'")
    print("writing", flush=True)
    time.sleep(60)
"""


def test_a_killed_writer_leaves_a_usable_catalog(catalog, runs, url):
    writer = subprocess.Popen([sys.executable, "-c", WRITER, url], stdout=subprocess.PIPE, text=True)
    assert writer.stdout.readline() == "writing\n"
    assert (
        catalog.counts()["pending"] == 6
    )  # readers do not wait for a writer, nor see what it has not committed
    os.kill(writer.pid, signal.SIGKILL)
    writer.wait()
    writer.stdout.close()
    assert claim(catalog).run_id == runs[0].run_id
    assert catalog.counts() == {"pending": 5, "running": 1, "completed": 0, "failed": 0, "cancelled": 0}
    if catalog.url.startswith("sqlite"):
        with catalog.transaction() as tx:
            assert tx.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"


def test_a_writer_that_never_ends_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("landlab_mgr.catalog.session.BUSY_SECONDS", 0.1)
    with Catalog.create(tmp_path / "busy.db") as one, Catalog(tmp_path / "busy.db") as two:
        with (
            one.transaction(write=True),
            pytest.raises(LandlabError, match="another process has been writing"),
        ):
            two.heartbeat(["x"])
        assert two.heartbeat(["x"]) == set()
