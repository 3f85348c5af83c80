"""Workspace contents as the catalog lists them: attempts with their directories, and files."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from landlab_mgr.catalog.records import DatasetRecord
from landlab_mgr.catalog.session import Database, now
from landlab_mgr.catalog.tables import Artifact, Attempt, Base, Dataset, DatasetAlias, Run
from landlab_mgr.errors import LandlabError
from landlab_mgr.records import ArtifactRecord, Columns


@dataclass(frozen=True)
class AttemptEntry:
    """One attempt; no outcome while it goes on. `state` is its run's."""

    run_id: str
    number: int
    outcome: str | None
    state: str
    heartbeat: datetime
    host: str
    pid: int
    directory: str
    git_commit: str | None
    dirty_hash: str | None


@dataclass(frozen=True)
class FileEntry:
    """One catalogued file, and the state of its run."""

    run_id: str
    state: str
    artifact: ArtifactRecord


@dataclass(frozen=True)
class Contents:
    """Everything that may lie on disk, as one state of the database."""

    datasets: tuple[DatasetRecord, ...]
    attempts: tuple[AttemptEntry, ...]
    files: tuple[FileEntry, ...]
    time: datetime
    """By the clock that heartbeats go by: the server's, or this machine's."""


def dataset_records(tx: Connection) -> list[DatasetRecord]:
    """All datasets with their names, by the first of these."""
    aliases: dict[str, list[str]] = {}
    for alias in tx.execute(select(DatasetAlias.name, DatasetAlias.fingerprint).order_by(DatasetAlias.name)):
        aliases.setdefault(alias.fingerprint, []).append(alias.name)
    rows = tx.execute(select(*Dataset.__table__.columns).order_by(Dataset.name)).mappings()
    return [DatasetRecord(**row, aliases=tuple(aliases.get(row["fingerprint"], ()))) for row in rows]


@dataclass(frozen=True)
class Driver:
    """A process whose attempts go on, and the seconds since it last gave a sign."""

    host: str
    pid: int
    runs: int
    silent: float


class Inventory(Database):
    """Taking stock."""

    def drivers(self) -> list[Driver]:
        """List the processes that train runs, by their open attempts."""
        query = (
            select(Attempt.host, Attempt.pid, func.count(), func.max(Attempt.heartbeat))
            .where(Attempt.outcome.is_(None))
            .group_by(Attempt.host, Attempt.pid)
            .order_by(Attempt.host, Attempt.pid)
        )
        with self.transaction() as tx:
            time = now(tx)
            return [
                Driver(host, pid, runs, max((time - sign).total_seconds(), 0.0))
                for host, pid, runs, sign in tx.execute(query)
            ]

    def failures(self) -> dict[str, int]:
        """Count the failed runs by the outcome of their last attempt."""
        last = (
            select(Attempt.run_id, func.max(Attempt.number).label("number"))
            .group_by(Attempt.run_id)
            .subquery()
        )
        query = (
            select(Attempt.outcome, func.count())
            .join(last, (last.c.run_id == Attempt.run_id) & (last.c.number == Attempt.number))
            .join(Run, Run.run_id == Attempt.run_id)
            .where(Run.state == "failed")
            .group_by(Attempt.outcome)
            .order_by(Attempt.outcome)
        )
        with self.transaction() as tx:
            return {str(row[0]): row[1] for row in tx.execute(query)}

    def bytes_of_files(self) -> int:
        """Sum the sizes of all catalogued files of runs."""
        with self.transaction() as tx:
            return int(tx.scalar(select(func.sum(Artifact.bytes))) or 0)

    def damage(self, deep: bool = False) -> list[str]:
        """Problems of a SQLite file, as SQLite tells them; `deep` also compares every index with its table.

        A PostgreSQL server checks its pages as it reads them: all rows are read where `deep`.
        """
        try:
            with self.transaction() as tx:
                if tx.dialect.name == "sqlite":
                    check = "integrity_check" if deep else "quick_check"
                    told = [str(row[0]) for row in tx.exec_driver_sql(f"PRAGMA {check}(20)")]
                    return [] if told == ["ok"] else [" ".join(line.split()) for line in told]
                for table in Base.metadata.sorted_tables if deep else ():
                    tx.exec_driver_sql(f"SELECT count({table.name}::text) FROM {table.name}")
        except LandlabError as error:
            return [str(error)]
        return []

    def files_of_runs(self) -> Columns:
        """Tabulate the catalogued files of runs: run_id, state, kind, path, sha256, bytes."""
        names = ("run_id", "state", "kind", "path", "sha256", "bytes")
        with self.transaction() as tx:
            columns = list(zip(*tx.execute(_FILES).all(), strict=True)) or [()] * len(names)
        return {name: list(values) for name, values in zip(names, columns, strict=True)}

    def inventory(self) -> Contents:
        """Datasets, attempts and files of every run, in one transaction."""
        attempts = select(
            *(Attempt.run_id, Attempt.number, Attempt.outcome, Run.state, Attempt.heartbeat, Attempt.host),
            *(Attempt.pid, Attempt.directory, Attempt.git_commit, Attempt.dirty_hash),
        ).join(Run, Run.run_id == Attempt.run_id)
        with self.transaction() as tx:
            return Contents(
                tuple(dataset_records(tx)),
                tuple(AttemptEntry(**row) for row in tx.execute(attempts.order_by(Attempt.id)).mappings()),
                tuple(
                    FileEntry(
                        row.run_id, row.state, ArtifactRecord(row.kind, row.path, row.sha256, row.bytes)
                    )
                    for row in tx.execute(_FILES)
                ),
                now(tx),
            )


_FILES = (
    select(Artifact.run_id, Run.state, Artifact.kind, Artifact.path, Artifact.sha256, Artifact.bytes)
    .join(Run, Run.run_id == Artifact.run_id)
    .order_by(Artifact.id)
)
