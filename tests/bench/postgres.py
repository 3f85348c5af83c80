"""PostgreSQL for a benchmark or a test: a server for as long as it is needed, and databases on a server."""

import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine

from landlab_mgr.catalog.session import parse_url
from landlab_mgr.errors import LandlabError

DEBIAN = Path("/usr/lib/postgresql")
"""Where Debian installs the server, outside the PATH: a directory for each major version."""

START_SECONDS = 60


@contextmanager
def temporary_server(durable: bool = True) -> Iterator[str]:
    """URL of a new server that only a socket in a temporary directory leads to; afterwards nothing is left of it.

    `durable=False` spares the disk: a crash of the machine would lose commits, which no test waits for.
    """
    binaries = _binaries()
    account = _unprivileged()
    with tempfile.TemporaryDirectory(prefix="landlab-postgres-") as folder:
        if account:
            os.chown(folder, account["user"], account["group"])
        data = Path(folder) / "data"

        def call(program: str, *arguments: str) -> None:
            with open(Path(folder) / "said", "w+") as said:  # a pipe would stay open as long as the server
                done = subprocess.run(
                    [str(binaries / program), "-D", str(data), *arguments],
                    cwd="/",  # the account may not be allowed into ours
                    stdin=subprocess.DEVNULL,
                    stdout=said,
                    stderr=said,
                    **account,
                )
                if done.returncode:
                    said.seek(0)
                    last = (said.read().strip().splitlines() or ["no reason given"])[-1]
                    raise LandlabError(f"no temporary PostgreSQL server: {program} failed: {last}")

        call("initdb", "--username=landlab", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")
        settings = f"listen_addresses = ''\nunix_socket_directories = '{folder}'\nmax_connections = 200\n"
        if not durable:
            settings += "fsync = off\nsynchronous_commit = off\nfull_page_writes = off\n"
        with open(data / "postgresql.conf", "a") as file:
            file.write(settings)
        call("pg_ctl", "start", "--wait", f"--timeout={START_SECONDS}", f"--log={folder}/log")
        try:
            yield f"postgresql://landlab@/postgres?host={folder}"
        finally:
            call("pg_ctl", "stop", "--mode=immediate")


@contextmanager
def temporary_database(server: str, template: str = "template1") -> Iterator[str]:
    """URL of a new database on a server, a copy of the database `template`; dropped afterwards."""
    address = parse_url(server)
    name = f"landlab_{secrets.token_hex(6)}"
    engine = create_engine(address, isolation_level="AUTOCOMMIT", pool_pre_ping=True)
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql(f'CREATE DATABASE {name} TEMPLATE "{template}"')
        try:
            yield address.set(database=name).render_as_string(hide_password=False)
        finally:
            with engine.connect() as connection:
                connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        engine.dispose()


def _binaries() -> Path:
    on_path = shutil.which("initdb")
    if on_path is not None:
        return Path(on_path).resolve().parent
    newest_last = sorted(DEBIAN.glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    if not newest_last:
        raise LandlabError(
            f"no PostgreSQL here: initdb is neither on the PATH nor in {DEBIAN}; "
            "`apt install postgresql`, or give the URL of a server"
        )
    return newest_last[-1].parent


def _unprivileged() -> dict[str, Any]:
    """How subprocess gives up root, as which PostgreSQL refuses to run; nothing to give up where we are not root."""
    if os.geteuid() != 0:
        return {}
    names = {account.pw_name for account in pwd.getpwall()}
    account = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
