"""Connections, transactions and the schema's revision: all that depends on which database it is."""

import json
import os
import sqlite3
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self, runtime_checkable

from sqlalchemy import (
    URL,
    ColumnElement,
    Connection,
    Engine,
    Text,
    any_,
    create_engine,
    event,
    func,
    inspect,
    literal,
    make_url,
    select,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, DatabaseError, DBAPIError, InterfaceError
from sqlalchemy.pool import NullPool

from landlab_mgr.catalog.tables import REVISION, Base
from landlab_mgr.catalog.turns import turn
from landlab_mgr.errors import LandlabError
from landlab_mgr.storage.resources import resource

if TYPE_CHECKING:  # Alembic takes a sixth of a second to import, and only migrations need it
    from alembic.config import Config

VERSION_TABLE = "landlab_version"
"""Not Alembic's default: Optuna shares the database and will not start beside another's `alembic_version`."""

FILE = "landlab.db"
"""Catalog of a workspace, in its directory, unless it keeps another one's URL."""
BUSY_SECONDS = 30
_WRITE = "landlab_write"
_BASE = "base"  # Alembic's word for a schema below the first revision
_UPGRADE_LOCK = 0x1A9D1AB  # any constant: the PostgreSQL advisory lock that upgraders queue for


class CatalogAway(LandlabError):  # noqa: N818 - a state of affairs
    """The database cannot be reached for now: it restarts, or somebody else keeps it. Trying again may help."""


@runtime_checkable
class InWorkspace(Protocol):
    """A workspace, as far as it names its catalog."""

    database: str


class Database:
    """An open catalog database whose schema is the one this code was written for.

    `url` is a file path, an SQLAlchemy URL, or a workspace or its directory. A database that is missing, older or newer
    raises LandlabError.
    """

    def __init__(self, url: "str | Path | InWorkspace", read_only: bool = False):
        if isinstance(url, InWorkspace):
            url = url.database
        elif "://" not in str(url) and Path(url).is_dir() and (Path(url) / FILE).is_file():
            url = Path(url) / FILE
        self._url = parse_url(url)
        self.read_only = read_only
        revision = self.current(url)
        if revision != REVISION:
            raise LandlabError(_refusal(self._url, revision))
        self._engine = _engine(self._url, read_only=read_only)

    @classmethod
    def create(cls, url: str | Path) -> Self:
        """Make a catalog, or open the one that is there."""
        target = parse_url(url)
        if target.get_backend_name() == "sqlite":
            assert target.database is not None
            try:
                Path(target.database).parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                reason = error.strerror or error
                raise LandlabError(
                    f"cannot make {Path(target.database).parent}: {reason}; name another place"
                ) from None
        if _revision(target) is None:
            _upgrade(url)
        return cls(url)

    @classmethod
    def upgrade(cls, url: str | Path) -> Self:
        """Bring an existing catalog to the schema of this code, in one transaction; then open it.

        Takes the URL, as an older catalog cannot be opened.
        """
        revision = cls.current(url)
        if not _is_known(revision):
            raise LandlabError(_refusal(parse_url(url), revision))
        _upgrade(url)
        return cls(url)

    @staticmethod
    def current(url: str | Path) -> str:
        """Revision of a catalog's schema, whether or not this code can open it."""
        target = parse_url(url)
        if target.get_backend_name() == "sqlite" and not Path(target.database or "").is_file():
            raise LandlabError(f"no catalog at {_where(target)}; make one with `landlab init`")
        revision = _revision(target)
        if revision is None:
            raise LandlabError(f"{_where(target)} is not a landlab catalog; make one with `landlab init`")
        return revision

    @property
    def url(self) -> str:
        """The database's URL, without its password."""
        return self._url.render_as_string(hide_password=True)

    @property
    def file(self) -> str | None:
        """Path of a SQLite file; None on a server."""
        return self._url.database if self._url.get_backend_name() == "sqlite" else None

    def close(self) -> None:
        """Give back every connection."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def transaction(self, write: bool = False) -> Iterator[Connection]:
        """One transaction: committed at the end, rolled back by any exception.

        A write takes SQLite's write lock at BEGIN: one that starts as a read fails at once, whatever the
        timeout, when another process has written in between.
        """
        if write and self.read_only:
            raise LandlabError(f"the catalog {_where(self._url)} is open for reading only")
        with _plain_errors(self._url), _begin(self._engine, write) as connection:
            yield connection


def parse_url(url: str | Path) -> URL:
    """Make an SQLAlchemy URL from a URL or a bare file path.

    SQLite files and PostgreSQL are allowed.
    """
    text = str(url)
    try:
        parsed = make_url(text) if "://" in text else URL.create("sqlite", database=text)
    except ArgumentError:
        raise LandlabError("the catalog's URL cannot be read; give a file path or postgresql://...") from None
    if parsed.get_backend_name() == "sqlite":
        if parsed.database in (None, "", ":memory:"):
            raise LandlabError(
                f"a catalog must outlive its process: {text!r} names no file; give a file path"
            )
        return parsed
    if parsed.get_backend_name() == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    raise LandlabError(
        f"no catalog in {parsed.get_backend_name()!r} databases; give a file path or postgresql://..."
    )


@contextmanager
def migrating(url: str | Path) -> Iterator["Config"]:
    """Yield an Alembic configuration inside one exclusive transaction on the database.

    Foreign keys are off meanwhile, as Alembic rebuilds SQLite tables by dropping them, which would delete
    their children; they are checked before the commit.
    """
    from alembic.config import Config

    target = parse_url(url)
    engine = _engine(target, foreign_keys=False)
    try:
        with _plain_errors(target), _begin(engine, write=True) as connection:
            if connection.dialect.name == "postgresql":
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_UPGRADE_LOCK})")
            config = Config(stdout=sys.stdout)  # not what it was when Alembic was imported
            config.set_main_option("script_location", str(resource("migrations")).replace("%", "%%"))
            config.attributes["connection"] = connection
            yield config
            if connection.dialect.name == "sqlite":
                orphans = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
                if orphans:
                    raise LandlabError(
                        f"{_where(target)}: a row of {orphans[0][0]} has no parent in {orphans[0][2]}; "
                        "nothing was changed; please report this"
                    )
    finally:
        engine.dispose()


def insert(connection: Connection, table: type[Base]) -> postgresql.Insert | sqlite.Insert:
    """Make an INSERT that knows ON CONFLICT.

    SQLAlchemy has one per dialect, spelled alike.
    """
    build = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    return build(table)


def upsert(
    connection: Connection, table: type[Base], key: Iterable[str], rows: Iterable[dict[str, Any]]
) -> None:
    """Insert rows; where one with the same key is there, set its other columns to the new values."""
    rows, key = list(rows), list(key)
    if not rows:
        return
    statement = insert(connection, table)
    changed = {name: statement.excluded[name] for name in rows[0] if name not in key}
    connection.execute(statement.on_conflict_do_update(index_elements=key, set_=changed), rows)


def clock(connection: Connection) -> Any:
    """Return the present time for a column.

    It is the server's, where one serves drivers whose own clocks differ.
    """
    return func.clock_timestamp() if connection.dialect.name == "postgresql" else datetime.now(UTC)


def now(connection: Connection) -> datetime:
    """Return the present time, by the same clock."""
    if connection.dialect.name == "postgresql":
        return connection.execute(select(clock(connection))).scalar_one()
    return datetime.now(UTC)


def among(connection: Connection, column: Any, values: Iterable[str]) -> ColumnElement[bool]:
    """Make the condition that a column is one of many texts.

    They are bound as one value: no list is too long.
    """
    values = list(values)
    if connection.dialect.name == "postgresql":
        return column == any_(literal(values, postgresql.ARRAY(Text)))
    return column.in_(select(func.json_each(json.dumps(values)).table_valued("value").c.value))


def _engine(url: URL, read_only: bool = False, foreign_keys: bool = True) -> Engine:
    try:
        if url.get_backend_name() == "postgresql":
            options = {"options": "-c default_transaction_read_only=on"} if read_only else {}
            engine = create_engine(url, connect_args=options, pool_pre_ping=True)

            @event.listens_for(engine, "connect")
            def _no_compiler(connection: Any, _record: Any) -> None:
                connection.execute("SET client_encoding = 'UTF8'")
                connection.execute("SET datestyle = 'ISO'")  # psycopg reads no other
                connection.execute("SET extra_float_digits = 1")  # fewer lose bits
                connection.execute("SET jit = off")  # compiling our queries takes longer than they do
                connection.execute("SET work_mem = '64MB'")  # `not` of a metric hashes a million runs
                connection.commit()

            return engine
        waiting = {"timeout": BUSY_SECONDS}
        engine = _engine_to_read(url) if read_only else create_engine(url, connect_args=waiting)
    except ModuleNotFoundError as error:
        raise LandlabError(f"PostgreSQL needs {error.name}; pip install 'psycopg[binary]'") from None

    @event.listens_for(engine, "connect")
    def _settings(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # BEGIN is ours, below; sqlite3 would omit it before a SELECT
        run = connection.execute
        if not read_only and run("PRAGMA journal_mode").fetchone()[0] != "wal":
            run("PRAGMA journal_mode=WAL")
        run("PRAGMA synchronous=NORMAL")
        run(f"PRAGMA foreign_keys={'ON' if foreign_keys else 'OFF'}")
        run(f"PRAGMA query_only={'ON' if read_only else 'OFF'}")

    @event.listens_for(engine, "begin")
    def _begin_transaction(connection: Connection) -> None:
        write = connection.get_execution_options().get(_WRITE, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    return engine


def _engine_to_read(url: URL) -> Engine:
    """Make an engine on an SQLite file that may lie where nothing can be written.

    An immutable connection never sees what is written later: it is used for one transaction.
    """
    path = Path(url.database or "").absolute()
    keep: dict[str, Any] = {}
    try:
        connection, immutable = _connect_to_read(path)
        connection.close()
        if immutable:
            keep["poolclass"] = NullPool
    except sqlite3.Error:  # the first use says what is wrong
        pass
    return create_engine(url, creator=lambda: _connect_to_read(path)[0], **keep)


_CANNOT_WRITE = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL)
_PENDING = "has changes pending in its -wal file"


def _connect_to_read(path: Path) -> tuple[sqlite3.Connection, bool]:
    """Open a connection for reading; return it, and whether it takes the file as immutable.

    SQLite writes beside a file in WAL mode even to read it. Where it cannot, and no change is pending in the -wal
    file, the file alone is the catalog.
    """
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, check_same_thread=False)
    try:
        connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()
        return connection, False
    except sqlite3.OperationalError as error:
        connection.close()
        if error.sqlite_errorcode & 0xFF not in _CANNOT_WRITE or not os.access(path, os.R_OK):
            raise
    wal = path.with_name(f"{path.name}-wal")
    if wal.exists() and wal.stat().st_size:
        raise sqlite3.OperationalError(_PENDING)
    immutable = f"{path.as_uri()}?immutable=1"
    return sqlite3.connect(immutable, uri=True, check_same_thread=False), True


@contextmanager
def _begin(engine: Engine, write: bool) -> Iterator[Connection]:
    file = engine.url.database if engine.dialect.name == "sqlite" and write else None
    waiting = nullcontext() if file is None else turn(Path(file).parent, BUSY_SECONDS)
    with waiting, engine.connect() as connection:
        connection.execution_options(**{_WRITE: write})
        with connection.begin():
            yield connection


_ADVICE = (
    (
        _PENDING,
        "{}, which only who can write here can read; let its owner run `landlab doctor`, or copy the file with its "
        "-wal to a place where you can write, and name it with --db",
    ),
    ("locked", f"another process has been writing for more than {BUSY_SECONDS} s; end it or try again"),
    ("disk is full", "{}; free some space and go on: of this write nothing was kept"),
    ("disk I/O error", "{}: is the disk full, over its quota or failing? of this write nothing was kept"),
    ("readonly", "{}; allow writing to the file and to its directory, or name another catalog with --db"),
    ("unable to open", "{}; allow reading the file and its directory, and for writing also to write there"),
    (
        "permission denied",
        "{}; let the owner of the database grant this role its rights, or name another with --db",
    ),
    ("no schema has been selected", "{}; let the owner of the database grant this role a schema"),
    ("malformed", "{}; take the file from a backup, or save what is left with `sqlite3 FILE .recover`"),
)
"""Advice on what a database says."""

_SURROUNDINGS = {"25006", "42501", "0LP01", "28000", "28P01", "3F000"}
"""PostgreSQL's SQLSTATE of a read-only transaction, of rights, logins and schemas that lack."""


_RESTARTING = ("57P01", "57P02", "57P03", "53300")
"""PostgreSQL's SQLSTATEs of a server that stops, crashed, starts, or has no connection left."""


@contextmanager
def _plain_errors(url: URL) -> Iterator[None]:
    """Restate an error of the surroundings in one line.

    Such is a lock, a full disk, no server, not a database.

    Other subclasses of DatabaseError are mistakes of this code and keep their traceback.
    """
    try:
        yield
    except (DatabaseError, InterfaceError) as error:
        surroundings = type(error).__name__ in ("DatabaseError", "OperationalError")
        away = _is_away(error)
        if not (surroundings or away) and getattr(error.orig, "sqlstate", None) not in _SURROUNDINGS:
            raise
        reason = str(error.orig).strip().splitlines()[0]
        advice = next((advice for words, advice in _ADVICE if words in reason), "{}")
        kind = CatalogAway if away else LandlabError
        raise kind(f"catalog {_where(url)}: {advice.format(reason)}") from error


def _is_away(error: DBAPIError) -> bool:
    """Check whether a database may be back soon.

    The server stops or starts, the line is cut, or SQLite's lock is held.
    """
    if "sqlite3" in type(error.orig).__module__:
        return "locked" in str(error.orig)
    sqlstate = getattr(error.orig, "sqlstate", None)
    if sqlstate is None:
        return error.connection_invalidated or type(error.orig).__name__ in (
            "OperationalError",
            "InterfaceError",
        )
    return sqlstate.startswith("08") or sqlstate in _RESTARTING


def _upgrade(url: str | Path) -> None:
    from alembic import command

    with migrating(url) as config:
        command.upgrade(config, "head")


def _revision(url: URL) -> str | None:
    """Revision of the schema in a database; None where no catalog is."""
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").is_file():
        return None  # connecting would create it
    engine = _engine(url, read_only=True)
    try:
        with _plain_errors(url), _begin(engine, write=False) as connection:
            if not inspect(connection).has_table(VERSION_TABLE):
                return None
            revision: str | None = connection.scalar(text(f"SELECT version_num FROM {VERSION_TABLE}"))
            return revision or _BASE
    finally:
        engine.dispose()


def _where(url: URL) -> str:
    return (
        url.database or "" if url.get_backend_name() == "sqlite" else url.render_as_string(hide_password=True)
    )


def _is_known(revision: str) -> bool:
    from alembic.script import ScriptDirectory

    ours = ScriptDirectory(str(resource("migrations"))).walk_revisions()
    return revision == _BASE or revision in {script.revision for script in ours}


def _refusal(url: URL, revision: str) -> str:
    if _is_known(revision):
        return (
            f"the catalog {_where(url)} is older (revision {revision}) than this landlab; "
            "bring it up to date with `landlab catalog upgrade`"
        )
    return (
        f"the catalog {_where(url)} is newer (revision {revision}) than this landlab; "
        "install the landlab_mgr that last upgraded it"
    )
