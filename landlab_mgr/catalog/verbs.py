"""Verbs that move runs through their states: claiming, recording, ending, reclaiming.

A run that is running has exactly one attempt without an outcome, and the token of that attempt signs every
write: all verbs here keep that in a single transaction each.
"""

import secrets
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, select, update

from landlab_mgr.catalog.columns import split_float
from landlab_mgr.catalog.events import happened, happened_to
from landlab_mgr.catalog.lease import Watch
from landlab_mgr.catalog.records import Claim, Environment, StaleToken
from landlab_mgr.catalog.register import require_runs
from landlab_mgr.catalog.session import Database, among, clock, insert, upsert
from landlab_mgr.catalog.tables import Artifact, Attempt, Epoch, Event, Grid, GridRun, Metric, Run
from landlab_mgr.errors import LandlabError
from landlab_mgr.records import CHECKPOINT, ArtifactRecord, EpochRecord, MetricRecord
from landlab_mgr.spec.run import RunSpec, validated

STATE_AFTER = {
    "nan": "failed",
    "oom": "failed",
    "error": "failed",
    "lost": "pending",
    "cancelled": "pending",
}
"""State of a run after an unsuccessful attempt.

Infrastructure loss and release are no fault of the run.
"""


@dataclass(frozen=True)
class _Going:
    """An attempt without an outcome. `silent` seconds by a clock to be trusted; `looks` so by the one at hand."""

    id: int
    run_id: str
    number: int
    host: str
    pid: int
    heartbeat: datetime
    silent: float
    looks: float


class Attempts(Database):
    """The life of an attempt."""

    def __init__(self, url: str | Path, read_only: bool = False) -> None:
        super().__init__(url, read_only)
        self._watch = Watch()

    def claim(
        self,
        host: str,
        pid: int,
        *,
        directory_of: Callable[[str, str], str],
        run_ids: Sequence[str] | None = None,
        grid: str | None = None,
        environment: Environment | None = None,
    ) -> Claim | None:
        """Take the pending run that was registered first, among `run_ids` and in `grid` where given.

        `directory_of(run_id, token)` names the attempt's directory. None when nothing is pending. However
        many processes claim, a run goes to one of them.
        """
        environment = environment or Environment()
        token = secrets.token_hex(8)
        with self.transaction(write=True) as tx:
            now = clock(tx)
            where = [] if grid is None else [_in_grid(tx, grid)]
            if run_ids is not None:
                where.append(among(tx, Run.run_id, run_ids))
            taken = _take_pending(tx, where, now)
            if taken is None:
                return None
            run_id = taken.run_id
            spec = validated(RunSpec, taken.spec, f"run {run_id}")
            before = select(func.coalesce(func.max(Attempt.number), 0)).where(Attempt.run_id == run_id)
            directory = directory_of(run_id, token)
            attempt = {
                "run_id": run_id,
                "number": before.scalar_subquery() + 1,
                "token": token,
                "started": now,
                "heartbeat": now,
                "host": host,
                "pid": pid,
                "directory": directory,
                "epochs_planned": spec.optimizer.epochs,
                **asdict(environment),
            }
            added = insert(tx, Attempt).values(attempt).returning(Attempt.id, Attempt.number)
            attempt_id, number = tx.execute(added).one()
            resume = _checkpoint(tx, run_id) if number > 1 else None  # files are of attempts
            happened(tx, "claimed", run_id, attempt=number, host=host)
        return Claim(
            run_id=run_id,
            token=token,
            attempt_id=attempt_id,
            number=number,
            directory=directory,
            spec=spec,
            resume=resume,
            epochs_done=taken.epochs,
        )

    def heartbeat(self, tokens: Iterable[str]) -> set[str]:
        """Say that these attempts are alive; returns those that still hold their run."""
        with self.transaction(write=True) as tx:
            going = among(tx, Attempt.token, tokens), Attempt.outcome.is_(None)
            beat = update(Attempt).where(*going).values(heartbeat=clock(tx))
            return set(tx.scalars(beat.returning(Attempt.token)))

    def record(
        self, token: str, epochs: Sequence[EpochRecord], checkpoint: ArtifactRecord | None = None
    ) -> None:
        """Commit epochs and the checkpoint that holds them; epochs run again take the place of the old.

        Call it once the checkpoint is durable. StaleToken, and no row changed, if the attempt has ended.
        """
        if checkpoint is not None and checkpoint.kind != CHECKPOINT:
            raise ValueError(f"record() takes an artifact of kind {CHECKPOINT!r}, not {checkpoint.kind!r}")
        with self.transaction(write=True) as tx:
            attempt = _sign(tx, token)
            rows = [_epoch_row(attempt, epoch) for epoch in epochs]
            upsert(tx, Epoch, ["run_id", "epoch"], rows)
            if rows:
                count = select(func.count()).where(Epoch.run_id == attempt.run_id).scalar_subquery()
                tx.execute(update(Run).where(Run.run_id == attempt.run_id).values(epochs=count))
            _put_artifacts(tx, attempt, [] if checkpoint is None else [checkpoint])

    def finish(
        self, token: str, metrics: Sequence[MetricRecord] = (), artifacts: Sequence[ArtifactRecord] = ()
    ) -> None:
        """End an attempt well: its metrics and artifacts are catalogued and the run is completed."""
        with self.transaction(write=True) as tx:
            attempt = _sign(tx, token)
            upsert(
                tx,
                Metric,
                ["run_id", "split", "variable", "statistic", "level"],
                [_metric_row(attempt.run_id, metric) for metric in metrics],
            )
            _put_artifacts(tx, attempt, artifacts)
            _end(tx, attempt, "ok", "completed")

    def fail(
        self,
        token: str,
        outcome: str,
        message: str,
        traceback: str | None = None,
        retries: int | None = None,
    ) -> str:
        """End an attempt badly; returns the state of its run: nan, oom and error fail it, else it is pending again.

        `cancelled` is what an interrupted driver says of the runs that it lets go. A run that was lost more than
        `retries` times in a row, and no attempt committed an epoch, is failed too; None = no limit.
        """
        if outcome not in STATE_AFTER:
            raise ValueError(f"outcome {outcome!r} is none of {', '.join(STATE_AFTER)}")
        with self.transaction(write=True) as tx:
            attempt, state = _sign(tx, token), STATE_AFTER[outcome]
            if outcome == "lost" and _is_hopeless(tx, attempt, retries):
                state, message = "failed", message + _HOPELESS.format(retries)
            _end(tx, attempt, outcome, state, message, traceback)
        return state

    def ending(self, token: str) -> tuple[str, str] | None:
        """Outcome of an attempt that has ended, and the state of its run; None while it goes on."""
        query = select(Attempt.outcome, Run.state).join(Run, Run.run_id == Attempt.run_id)
        with self.transaction() as tx:
            row = tx.execute(query.where(Attempt.token == token)).one_or_none()
        return None if row is None or row.outcome is None else (row.outcome, row.state)

    def release(self, host: str, pid: int, tokens: Iterable[str]) -> list[str]:
        """Give back the runs of a driver's attempts beside these: claims whose answer never reached it."""
        of_driver = Attempt.host == host, Attempt.pid == pid, Attempt.outcome.is_(None)
        with self.transaction() as tx:
            unknown = set(tx.scalars(select(Attempt.token).where(*of_driver))) - {*tokens}
        for token in unknown:
            with suppress(StaleToken):
                self.fail(token, "cancelled", "its driver never learned of the claim")
        return sorted(unknown)

    def cancel(self, run_ids: Sequence[str]) -> list[str]:
        """Cancel runs that are pending or running; returns those that were. Their attempts lose the run."""
        with self.transaction(write=True) as tx:
            cancelled = _move(tx, run_ids, ("pending", "running"), "cancelled")
            tx.execute(
                update(Attempt)
                .where(among(tx, Attempt.run_id, cancelled), Attempt.outcome.is_(None))
                .values(outcome="cancelled", ended=clock(tx), message="the run was cancelled")
            )
            happened_to(tx, "cancelled", cancelled)
        return cancelled

    def retry(self, run_ids: Sequence[str]) -> list[str]:
        """Make failed and cancelled runs pending again; returns those that were."""
        with self.transaction(write=True) as tx:
            retried = _move(tx, run_ids, ("failed", "cancelled"), "pending")
            happened_to(tx, "retried", retried)
        return retried

    def reclaim(
        self,
        lease_seconds: float,
        is_dead: Callable[[str, int], bool] = lambda host, pid: False,
        retries: int | None = None,
    ) -> list[str]:
        """Give back the runs of attempts without a heartbeat for `lease_seconds`, or whose driver is dead.

        `is_dead(host, pid)` is asked about every going attempt; `retries` is as in `fail`. Returns the run_ids that
        this call, and no other process's, took back. No two machines' clocks are compared: PostgreSQL's tells how old
        a heartbeat is; on SQLite, and on a server just started, this catalog watches for so long that none comes.
        """
        with self.transaction() as tx:
            going = self._going(tx, lease_seconds)
        late = {a.id: "no heartbeat" for a in going if a.silent > lease_seconds}
        dead = {a.id: "its driver is dead" for a in going if is_dead(a.host, a.pid)}
        reclaimed = []
        for attempt in going:
            reason = dead.get(attempt.id) or late.get(attempt.id)
            if reason is None:
                continue
            # One that beat in between is alive after all, unless its driver is known to be dead.
            seen = () if attempt.id in dead else (Attempt.heartbeat == attempt.heartbeat,)
            with self.transaction(write=True) as tx:
                tx.execute(select(Run.run_id).where(Run.run_id == attempt.run_id).with_for_update())
                state, message = "pending", f"reclaimed: {reason}"
                if _is_hopeless(tx, attempt, retries):
                    state, message = "failed", message + _HOPELESS.format(retries)
                if _end(tx, attempt, "lost", state, message, where=seen, event="reclaimed"):
                    reclaimed.append(attempt.run_id)
        return reclaimed

    def undecided(self, lease_seconds: float) -> list[str]:
        """Return runs whose attempt looks lapsed by the clocks.

        They will be reclaimed unless a sign of it comes.
        """
        with self.transaction() as tx:
            return [a.run_id for a in self._going(tx, lease_seconds) if a.silent <= lease_seconds < a.looks]

    def _going(self, tx: Connection, lease_seconds: float) -> list[_Going]:
        columns = (Attempt.id, Attempt.run_id, Attempt.number, Attempt.host, Attempt.pid, Attempt.heartbeat)
        attempts = tx.execute(select(*columns).where(Attempt.outcome.is_(None)).order_by(Attempt.id)).all()
        silences = self._watch.silences({a.id: a.heartbeat for a in attempts})
        now = datetime.now(UTC)
        if tx.dialect.name == "postgresql":
            now, start = tx.execute(select(clock(tx), func.pg_postmaster_start_time())).one()
            if _age(now, start) > lease_seconds:  # before, nobody could give a sign while the server was away
                return [_Going(*a, _age(now, a.heartbeat), _age(now, a.heartbeat)) for a in attempts]
        return [
            _Going(*a, silences[a.id].seconds, 0 if silences[a.id].watched else abs(_age(now, a.heartbeat)))
            for a in attempts
        ]


def _age(now: datetime, time: datetime) -> float:
    return (now - time).total_seconds()


def _in_grid(tx: Connection, name: str) -> ColumnElement[bool]:
    grid_id = tx.scalar(select(Grid.id).where(Grid.name == name))
    if grid_id is None:
        known = ", ".join(tx.scalars(select(Grid.name).order_by(Grid.name))) or "none"
        raise LandlabError(f"no grid {name!r}; registered: {known}; see `landlab grid register`")
    return Run.run_id.in_(select(GridRun.run_id).where(GridRun.grid_id == grid_id))


def _take_pending(tx: Connection, where: Sequence[ColumnElement[bool]], now: datetime) -> Row | None:
    """Turn the first pending run to running in one conditional update.

    SQLite's BEGIN IMMEDIATE admits one writer at a time and ignores FOR UPDATE; PostgreSQL admits many,
    each of which skips what another is taking.
    """
    first = (
        select(Run.run_id)
        .where(Run.state == "pending", *where)
        .order_by(Run.position)
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    return tx.execute(
        update(Run)
        .where(Run.run_id == first, Run.state == "pending")
        .values(state="running", updated=now)
        .returning(Run.run_id, Run.spec, Run.epochs)
    ).one_or_none()


def _sign(tx: Connection, token: str) -> Row:
    """Renew the heartbeat of the going attempt that holds this token; return it.

    It cannot end before we commit.

    PostgreSQL locks rows one by one, so every verb locks the run before its attempt: two that lock in
    opposite orders would wait for each other. In SQLite the lock is already ours.
    """
    tx.execute(
        select(Run.run_id)
        .join(Attempt, Attempt.run_id == Run.run_id)
        .where(Attempt.token == token)
        .with_for_update(of=Run)
    )
    attempt = tx.execute(
        update(Attempt)
        .where(Attempt.token == token, Attempt.outcome.is_(None))
        .values(heartbeat=clock(tx))
        .returning(Attempt.id, Attempt.run_id, Attempt.number)
    ).one_or_none()
    if attempt is None:
        raise StaleToken(f"attempt {token} no longer holds its run; what it wrote is not catalogued: stop it")
    return attempt


_HOPELESS = "; lost more than {} times in a row without a new epoch: `landlab run --only failed` tries again"


def _is_hopeless(tx: Connection, attempt: Row | _Going, retries: int | None) -> bool:
    """Check whether this attempt, were it lost, is one too many.

    Lost attempts that came to nothing count, from when somebody last said retry.
    """
    if retries is None:
        return False
    # by the numbers of events, as the times that they name are of several clocks
    retried = select(func.max(Event.id)).where(Event.run_id == attempt.run_id, Event.kind == "retried")
    claims = select(func.count()).where(Event.run_id == attempt.run_id, Event.kind == "claimed")
    since = tx.scalar(retried)
    tries = retries + 1 if since is None else tx.scalar(claims.where(Event.id > since)) or 0
    committed = select(Epoch.epoch).where(Epoch.attempt_id == Attempt.id).correlate(Attempt).exists()
    last = tx.execute(
        select(Attempt.id, Attempt.outcome, committed.label("committed"))
        .where(Attempt.run_id == attempt.run_id)
        .order_by(Attempt.number.desc())
        .limit(min(tries, retries + 1))
    ).all()
    lost = [a for a in last if not a.committed and (a.id == attempt.id or a.outcome == "lost")]
    return len(lost) == retries + 1


def _end(
    tx: Connection,
    attempt: Row | _Going,
    outcome: str,
    state: str,
    message: str | None = None,
    traceback: str | None = None,
    where: Sequence[ColumnElement[bool]] = (),
    event: str = "ended",
) -> bool:
    """Close an attempt and move its run, if the attempt still goes on and the conditions hold."""
    now = clock(tx)
    ended = tx.execute(
        update(Attempt)
        .where(Attempt.id == attempt.id, Attempt.outcome.is_(None), *where)
        .values(outcome=outcome, ended=now, message=message, traceback=traceback)
    ).rowcount
    if ended:
        tx.execute(update(Run).where(Run.run_id == attempt.run_id).values(state=state, updated=now))
        happened(tx, event, attempt.run_id, attempt=attempt.number, outcome=outcome, state=state)
    return bool(ended)


def _move(tx: Connection, run_ids: Sequence[str], before: tuple[str, ...], after: str) -> list[str]:
    require_runs(tx, run_ids)
    return list(
        tx.scalars(
            update(Run)
            .where(among(tx, Run.run_id, run_ids), Run.state.in_(before))
            .values(state=after, updated=clock(tx))
            .returning(Run.run_id)
        )
    )


def _epoch_row(attempt: Row, epoch: EpochRecord) -> dict[str, Any]:
    total, total_kind = split_float(epoch.total)
    dev, dev_kind = split_float(epoch.dev)
    return {
        "run_id": attempt.run_id,
        "epoch": epoch.epoch,
        "attempt_id": attempt.id,
        "total": total,
        "total_kind": total_kind,
        "dev": dev,
        "dev_kind": dev_kind,
        "terms": epoch.terms,
        "seconds": epoch.seconds,
    }


def _metric_row(run_id: str, metric: MetricRecord) -> dict[str, Any]:
    value, kind = split_float(metric.value)
    return asdict(metric) | {"run_id": run_id, "value": value, "kind": kind}


def _checkpoint(tx: Connection, run_id: str) -> ArtifactRecord | None:
    of_file = select(Artifact.kind, Artifact.path, Artifact.sha256, Artifact.bytes)
    row = tx.execute(of_file.where(Artifact.run_id == run_id, Artifact.kind == CHECKPOINT)).one_or_none()
    return None if row is None else ArtifactRecord(*row)


def _put_artifacts(tx: Connection, attempt: Row, artifacts: Sequence[ArtifactRecord]) -> None:
    rows = [asdict(a) | {"run_id": attempt.run_id, "attempt_id": attempt.id} for a in artifacts]
    upsert(tx, Artifact, ["run_id", "kind"], rows)
