"""The verbs in any order, by holders of right and stale tokens, against a model of the catalog in memory."""

import tempfile
from collections import Counter
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule
from sqlalchemy import select

from landlab_mgr.catalog import Catalog, StaleToken
from landlab_mgr.catalog.tables import Artifact, Attempt, Base, Epoch, Event, Metric, Run
from landlab_mgr.catalog.verbs import STATE_AFTER
from landlab_mgr.spec.grid import GridSpec

from .sample import CHECKPOINT, DATASET, FINGERPRINT, age, epoch, metric

GRID = GridSpec(name="g", dataset="twin", setups=(("PFT",),), seeds=3)
RUN_IDS = [spec.run_id for spec in GRID.expand(FINGERPRINT)]
LEASE = 600


@cache
def registered():
    """The file of a catalog with the three runs, all pending."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "landlab.db"
        with Catalog.create(path) as catalog:
            catalog.register_dataset(DATASET)
            catalog.register_runs(GRID.expand(FINGERPRINT), GRID)
        return path.read_bytes()


@dataclass
class ModelRun:
    state: str = "pending"
    tries: int = 0
    tries_before_retry: int = 0  # those before somebody last said retry
    epochs: dict = field(default_factory=dict)  # number: (loss, token of the last writer)
    checkpoint: str | None = None
    skill: float | None = None


@dataclass
class ModelAttempt:
    run_id: str
    number: int
    pid: int
    outcome: str | None = None
    late: bool = False


class Lifecycle(RuleBasedStateMachine):
    tokens = Bundle("tokens")
    a_limit = st.none() | st.integers(0, 2)
    a_token = st.one_of(tokens, st.just("never issued"))
    some_runs = st.lists(st.sampled_from(RUN_IDS), unique=True, max_size=3)

    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        path = Path(self.folder.name) / "landlab.db"
        path.write_bytes(registered())
        self.catalog = Catalog(path)
        self.runs = {run_id: ModelRun() for run_id in RUN_IDS}
        self.attempts = {}

    def teardown(self):
        self.catalog.close()
        self.folder.cleanup()

    def rows(self):
        """Every row of every table."""
        with self.catalog.transaction() as tx:
            return {t.name: tx.execute(select(t)).all() for t in Base.metadata.sorted_tables}

    def going(self, token):
        attempt = self.attempts.get(token)
        return attempt if attempt is not None and attempt.outcome is None else None

    def signed(self, token, write):
        """The attempt, if the model lets the write through; one that it refuses must change no row."""
        attempt = self.going(token)
        if attempt is None:
            before = self.rows()
            with pytest.raises(StaleToken):
                write()
            assert self.rows() == before
            return None
        write()
        attempt.late = False
        return attempt

    def end(self, attempt, outcome, state):
        attempt.outcome = outcome
        self.runs[attempt.run_id].state = state

    @rule(target=tokens)
    def claim(self):
        pid = len(self.attempts)
        claimed = self.catalog.claim("host", pid, directory_of=lambda run_id, token: f"{run_id}/{token}")
        run_id = next((run_id for run_id, run in self.runs.items() if run.state == "pending"), None)
        if claimed is None or run_id is None:
            assert claimed is run_id is None
            return multiple()
        run = self.runs[run_id]
        run.state, run.tries = "running", run.tries + 1
        assert claimed.token not in self.attempts
        assert (claimed.run_id, claimed.number, claimed.epochs_done) == (run_id, run.tries, len(run.epochs))
        assert (claimed.resume and claimed.resume.path) == run.checkpoint
        self.attempts[claimed.token] = ModelAttempt(run_id, run.tries, pid)
        return claimed.token

    @rule(
        token=a_token,
        first=st.integers(1, 4),
        count=st.integers(0, 2),
        path=st.sampled_from("ab") | st.none(),
    )
    def record(self, token, first, count, path):
        checkpoint = path and replace(CHECKPOINT, path=path)
        loss = float(len(self.attempts))
        epochs = [epoch(first + i, total=loss) for i in range(count)]
        if attempt := self.signed(token, lambda: self.catalog.record(token, epochs, checkpoint)):
            run = self.runs[attempt.run_id]
            run.epochs |= {e.epoch: (loss, token) for e in epochs}
            run.checkpoint = path or run.checkpoint

    @rule(chosen=st.lists(a_token, max_size=3))
    def heartbeat(self, chosen):
        alive = {token for token in chosen if self.going(token)}
        before = self.rows()
        assert self.catalog.heartbeat(chosen) == alive
        for old, new in zip(before.pop("attempt"), (after := self.rows()).pop("attempt"), strict=True):
            assert (new.heartbeat > old.heartbeat) if new.token in alive else (new == old)
        assert after == before
        for token in alive:
            self.attempts[token].late = False

    @rule(token=a_token, skill=st.floats(-1, 1), path=st.sampled_from("ab") | st.none())
    def finish(self, token, skill, path):
        files = [replace(CHECKPOINT, path=path)] if path else []
        if attempt := self.signed(token, lambda: self.catalog.finish(token, [metric(skill)], files)):
            run = self.runs[attempt.run_id]
            run.skill, run.checkpoint = skill, path or run.checkpoint
            self.end(attempt, "ok", "completed")

    def state_when_lost(self, attempt, retries):
        """Failed once the last attempts were all lost with no epoch, more than `retries` of them since a retry."""
        run, attempt.outcome = self.runs[attempt.run_id], "lost"
        writers = {token for _, token in run.epochs.values()}
        tries = {a.number: (token, a) for token, a in self.attempts.items() if a.run_id == attempt.run_id}
        row = 0
        for number in range(run.tries, run.tries_before_retry, -1):
            token, a = tries[number]
            if a.outcome != "lost" or token in writers:
                break
            row += 1
        return "pending" if retries is None or row <= retries else "failed"

    @rule(token=a_token, outcome=st.sampled_from(sorted(STATE_AFTER)), retries=a_limit)
    def fail(self, token, outcome, retries):
        states = []
        if attempt := self.signed(
            token, lambda: states.append(self.catalog.fail(token, outcome, "said why", retries=retries))
        ):
            lost = outcome == "lost"
            state = self.state_when_lost(attempt, retries) if lost else STATE_AFTER[outcome]
            assert states == [state]
            self.end(attempt, outcome, state)

    @rule(chosen=some_runs)
    def cancel(self, chosen):
        expected = [run_id for run_id in chosen if self.runs[run_id].state in ("pending", "running")]
        assert sorted(self.catalog.cancel(chosen)) == sorted(expected)
        for run_id in expected:
            self.runs[run_id].state = "cancelled"
        for attempt in self.attempts.values():
            if attempt.run_id in expected and attempt.outcome is None:
                attempt.outcome = "cancelled"

    @rule(chosen=some_runs)
    def retry(self, chosen):
        expected = [run_id for run_id in chosen if self.runs[run_id].state in ("failed", "cancelled")]
        assert sorted(self.catalog.retry(chosen)) == sorted(expected)
        for run_id in expected:
            self.runs[run_id].state = "pending"
            self.runs[run_id].tries_before_retry = self.runs[run_id].tries

    @rule(token=tokens)
    def lapse(self, token):
        """Time passes without a sign of this attempt."""
        age(self.catalog, token, 2 * LEASE)
        self.attempts[token].late = True

    @rule(dead=st.sets(st.integers(0, 9), max_size=3), retries=a_limit)
    def reclaim(self, dead, retries):
        lost = [a for a in self.attempts.values() if a.outcome is None and (a.late or a.pid in dead)]
        reclaimed = self.catalog.reclaim(LEASE, lambda host, pid: pid in dead, retries)
        assert sorted(reclaimed) == sorted(a.run_id for a in lost)
        for attempt in lost:
            self.end(attempt, "lost", self.state_when_lost(attempt, retries))

    @invariant()
    def the_catalog_says_what_the_model_says(self):
        with self.catalog.transaction() as tx:
            states = dict(tx.execute(select(Run.run_id, Run.state)).all())
            counts = dict(tx.execute(select(Run.run_id, Run.epochs)).all())
            kinds = Counter(tx.scalars(select(Event.kind)))
            attempts = {a.token: a for a in tx.execute(select(*Attempt.__table__.columns))}
            epochs = tx.execute(select(Epoch.run_id, Epoch.epoch, Epoch.total, Epoch.attempt_id)).all()
            files = dict(tx.execute(select(Artifact.run_id, Artifact.path)).all())
            skill = dict(tx.execute(select(Metric.run_id, Metric.value)).all())
        runs = self.runs.items()
        assert states == {run_id: run.state for run_id, run in runs}
        assert {token: (a.run_id, a.number, a.pid, a.outcome) for token, a in attempts.items()} == {
            token: (a.run_id, a.number, a.pid, a.outcome) for token, a in self.attempts.items()
        }
        assert {(e.run_id, e.epoch): (e.total, e.attempt_id) for e in epochs} == {
            (run_id, number): (loss, attempts[token].id)
            for run_id, run in runs
            for number, (loss, token) in run.epochs.items()
        }
        assert counts == {run_id: len(run.epochs) for run_id, run in runs}
        ended = Counter(a.outcome for a in self.attempts.values() if a.outcome is not None)
        assert kinds["claimed"] == len(self.attempts)
        # an attempt whose run was cancelled has the event of its run; drivers that let go say cancelled too
        assert ended.total() - ended["cancelled"] <= kinds["ended"] + kinds["reclaimed"] <= ended.total()
        assert files == {run_id: run.checkpoint for run_id, run in runs if run.checkpoint}
        assert skill == {run_id: run.skill for run_id, run in runs if run.skill is not None}


class TestLifecycle(Lifecycle.TestCase):
    settings = settings(max_examples=60, stateful_step_count=30, deadline=None, derandomize=True)
