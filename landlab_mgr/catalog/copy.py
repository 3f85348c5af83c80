"""A whole catalog in another place: of a SQLite file in use by SQLite's own backup, otherwise row by row."""

import sqlite3
from contextlib import suppress
from pathlib import Path

from sqlalchemy import Connection, insert, select, text

from landlab_mgr.catalog.session import Database, parse_url
from landlab_mgr.catalog.tables import Base
from landlab_mgr.errors import LandlabError

ROWS = 5000
"""Rows of one statement."""


def copy(catalog: Database, target: str | Path) -> dict[str, int]:
    """Copy a catalog as it is at one moment, whoever writes to it meanwhile; returns the rows of each table.

    The file beside `landlab.db` that ends in -wal holds what was written last: a plain copy of the one without the
    other loses it. Tables of others, such as Optuna's, come along from SQLite to SQLite only.

    LandlabError where something is there already.
    """
    url = parse_url(target)
    if url.get_backend_name() == "sqlite":
        assert url.database is not None
        path = Path(url.database)
        if path.exists():
            raise LandlabError(f"{path} is there already; name a new file")
        if catalog.file is not None:
            _backup(Path(catalog.file), path)
            with Database(target, read_only=True) as made, made.transaction() as tx:
                return _counts(tx)
    elif _has_catalog(target):
        raise LandlabError("a catalog is in that database already; name an empty one")
    with Database.create(target) as made:
        with catalog.transaction() as source, made.transaction(write=True) as tx:
            if source.dialect.name == "postgresql":
                source.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            for table in Base.metadata.sorted_tables:
                rows = source.execution_options(yield_per=ROWS).execute(select(table))
                for part in rows.mappings().partitions(ROWS):
                    tx.execute(insert(table), [dict(row) for row in part])
            _go_on_counting(tx)
        with made.transaction() as tx:
            return _counts(tx)


def _backup(source: Path, target: Path) -> None:
    """SQLite's backup: consistent, with what the -wal file holds; in place of the target once it is whole."""
    part = target.with_name(f".{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        part.unlink(missing_ok=True)
        reading, writing = sqlite3.connect(source), sqlite3.connect(part)
        try:
            reading.backup(writing)
            writing.execute("PRAGMA journal_mode=DELETE")  # all in one file
        finally:
            reading.close()
            writing.close()
        part.rename(target)
    except (sqlite3.Error, OSError) as error:
        with suppress(OSError):
            part.unlink()
        raise LandlabError(f"cannot copy the catalog to {target}: {error}; name another place") from None


def _has_catalog(url: str | Path) -> bool:
    try:
        Database.current(url)
    except LandlabError as error:
        if "is not a landlab catalog" in str(error):
            return False
        raise
    return True


def _go_on_counting(tx: Connection) -> None:
    """Numbers that PostgreSQL gives to later rows come after those that were copied."""
    if tx.dialect.name != "postgresql":
        return
    for table in Base.metadata.sorted_tables:
        if [c.name for c in table.primary_key] == ["id"] and table.c.id.type.python_type is int:
            sequence = f"pg_get_serial_sequence('{table.name}', 'id')"
            tx.execute(text(f"SELECT setval({sequence}, greatest((SELECT max(id) FROM {table.name}), 1))"))


def _counts(tx: Connection) -> dict[str, int]:
    return {
        t.name: tx.exec_driver_sql(f"SELECT count(*) FROM {t.name}").scalar_one()
        for t in Base.metadata.sorted_tables
    }
