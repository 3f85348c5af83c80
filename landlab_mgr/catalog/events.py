"""Events: what changed the catalog, when, and who looked at held-back skill. Each verb writes its own."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import Connection, func, select

from landlab_mgr.catalog.session import Database, insert
from landlab_mgr.catalog.tables import Attempt, Event

if TYPE_CHECKING:
    import pandas as pd

_LATE = 1000  # more ids than could be taken while one transaction on PostgreSQL goes on


class Version(NamedTuple):
    """A state of the catalog: any that differs in what runs are, and how far, has another."""

    last_event: int
    recent_events: int
    heartbeat: datetime | None


class Events(Database):
    """Events of the catalog: what happened."""

    def last_event(self) -> int:
        """Return the number of the newest event; 0 where nothing has happened."""
        with self.transaction() as tx:
            return tx.scalar(select(func.max(Event.id))) or 0

    def version(self) -> Version:
        """Return the key for a cache of anything read from this catalog.

        It is quick, whatever the catalog's size.

        Committed epochs are no events: they renew the heartbeat of an attempt. And on PostgreSQL an event may
        become visible after one with a higher number, hence the count of recent ones.
        """
        newest = select(func.max(Event.id)).scalar_subquery()
        recent = select(func.count()).where(Event.id > newest - _LATE).scalar_subquery()
        beat = select(func.max(Attempt.heartbeat)).where(Attempt.outcome.is_(None)).scalar_subquery()
        with self.transaction() as tx:
            row = tx.execute(select(newest, recent, beat)).one()
        return Version(row[0] or 0, row[1], row[2])

    def events(self, run_id: str | None = None, kind: str | None = None, limit: int = 100) -> "pd.DataFrame":
        """Return the newest events, of one run or of a kind where given.

        The newest comes first; columns: id, time, kind, run_id, detail.
        """
        import pandas as pd

        query = select(*Event.__table__.columns).order_by(Event.id.desc()).limit(limit)
        if run_id is not None:
            query = query.where(Event.run_id == run_id)
        if kind is not None:
            query = query.where(Event.kind == kind)
        with self.transaction() as tx:
            rows = tx.execute(query).all()
        table = pd.DataFrame(rows, columns=["id", "time", "kind", "run_id", "detail"])
        return table.astype({"time": "datetime64[us, UTC]"})


def happened(tx: Connection, kind: str, run_id: str | None = None, **detail: Any) -> None:
    """Write one event in the transaction of what it tells of."""
    happened_to(tx, kind, [run_id], **detail)


def happened_to(tx: Connection, kind: str, run_ids: Iterable[str | None], **detail: Any) -> None:
    """Write an event of one kind for each of many runs."""
    now = datetime.now(UTC)
    rows = [{"time": now, "kind": kind, "run_id": run_id, "detail": detail} for run_id in run_ids]
    if rows:
        tx.execute(insert(tx, Event), rows)
