"""A full disk and databases that may not be written: one clear line, and a catalog that is whole afterwards."""

import os
import subprocess
import sys
from dataclasses import replace

import pytest
from sqlalchemy import create_engine, make_url

from landlab_mgr.catalog import Catalog
from landlab_mgr.catalog.session import parse_url
from landlab_mgr.errors import LandlabError
from landlab_mgr.spec.grid import GridSpec
from tests.bench.postgres import temporary_database

from .sample import CHECKPOINT, DATASET, FINGERPRINT, claim, epoch

GRID = GridSpec(name="g", dataset="twin", setups=(("PFT",),), seeds=2)


@pytest.fixture
def path(tmp_path):
    """A SQLite catalog with two pending runs, in a directory of its own and with no process that has it open."""
    folder = tmp_path / "folder"
    with Catalog.create(folder / "landlab.db") as catalog:
        catalog.register_dataset(DATASET)
        catalog.register_runs(GRID.expand(FINGERPRINT), GRID)
    return folder / "landlab.db"


def is_whole(path):
    with Catalog(path) as catalog, catalog.transaction() as tx:
        assert tx.exec_driver_sql("PRAGMA foreign_key_check").all() == []
        return tx.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"


def one_line(error):
    message = str(error)
    assert "\n" not in message
    return message


# Writes epochs until the disk gives out, says how many were acknowledged and what the error was; then, as a driver
# that goes on would, beats once more.
UNTIL_FULL = """
import resource, sys
from landlab_mgr.catalog import Catalog
from landlab_mgr.errors import LandlabError
from tests.catalog.sample import claim, epoch
path, limit = sys.argv[1], int(sys.argv[2])
with Catalog(path) as catalog:
    token = claim(catalog).token
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    done = 0
    try:
        while True:
            catalog.record(token, [epoch(done + i, sif=1.0) for i in range(50)])
            done += 50
    except LandlabError as error:
        print(done, error, sep="\\n")
    try:
        print(len(catalog.epochs(catalog.runs(limit=1)["run_id"][0])))
        catalog.heartbeat([token])
    except LandlabError as error:
        print(error)
"""


def test_a_file_that_may_not_grow(path):
    """What a quota does: the file system refuses to write on."""
    limit = path.stat().st_size + 400_000
    done = subprocess.run(
        [sys.executable, "-c", UNTIL_FULL, path, str(limit)], capture_output=True, text=True, check=True
    )
    acknowledged, error, read, *_ = done.stdout.splitlines()
    assert error == (
        f"catalog {path}: disk I/O error: is the disk full, over its quota or failing? of this write nothing was kept"
    )
    assert int(acknowledged) >= 50
    assert read == acknowledged  # still readable, while it cannot be written
    assert is_whole(path)
    with Catalog(path) as catalog:
        run_id = catalog.runs(limit=1)["run_id"][0]
        assert len(catalog.epochs(run_id)) == int(acknowledged)  # every acknowledged epoch and no other
        assert claim(catalog) is not None  # and with space again, on it goes


def test_a_full_disk(path):
    """What SQLite says of a file system without space, here of a file that has all the pages it may have."""
    with Catalog(path) as catalog:
        token = claim(catalog).token
        with catalog.transaction() as tx:
            pages = tx.exec_driver_sql("PRAGMA page_count").scalar()
            tx.exec_driver_sql(f"PRAGMA max_page_count = {pages + 20}")
        done, error = 0, None
        while error is None:
            try:
                catalog.record(token, [epoch(done + i) for i in range(50)], CHECKPOINT)
                done += 50
            except LandlabError as caught:
                error = caught
        assert one_line(error) == (
            f"catalog {path}: database or disk is full; free some space and go on: of this write nothing was kept"
        )
        assert done >= 50
        assert len(catalog.epochs(catalog.runs(limit=1)["run_id"][0])) == done
        with catalog.transaction() as tx:
            tx.exec_driver_sql("PRAGMA max_page_count = 1000000")
        catalog.record(token, [epoch(done)])
        catalog.finish(token)
    assert is_whole(path)


# What an account without root's right to write everywhere can do.
READ_THEN_WRITE = """
import sys
from landlab_mgr.catalog import Catalog
from landlab_mgr.errors import LandlabError
from tests.catalog.sample import claim
for read_only in (True, False):
    try:
        with Catalog(sys.argv[1], read_only=read_only) as catalog:
            print(catalog.counts()["pending"] if read_only else claim(catalog))
    except LandlabError as error:
        print(error)
"""


@pytest.mark.parametrize("what", ["file", "directory", "both"])
def test_a_catalog_that_may_not_be_written(path, what):
    before = path.read_bytes()
    if what != "directory":
        path.chmod(0o444)
    if what != "file":
        path.parent.chmod(0o555)
    command = [sys.executable, "-c", READ_THEN_WRITE, path]
    if os.geteuid() == 0:
        command = ["setpriv", "--bounding-set=-dac_override", *command]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    path.parent.chmod(0o755)
    path.chmod(0o644)
    refused = (
        f"catalog {path}: attempt to write a readonly database; allow writing to the file and to its directory, "
        "or name another catalog with --db"
    )
    assert done.stdout.splitlines() == ["2", refused]
    assert path.read_bytes() == before
    assert is_whole(path)


def test_a_server_that_takes_no_writes(postgres):
    with temporary_database(postgres) as url:
        Catalog.create(url).close()
        engine = create_engine(parse_url(url), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            name = connection.exec_driver_sql("SELECT current_database()").scalar()
            connection.exec_driver_sql(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        engine.dispose()
        with Catalog(url) as catalog:
            assert catalog.counts()["pending"] == 0
            with pytest.raises(LandlabError) as error:
                catalog.register_dataset(DATASET)
        assert "read-only transaction" in one_line(error.value)


SETTINGS = (
    "datestyle = 'SQL, DMY'",
    "datestyle = 'German'",
    "extra_float_digits = -15",
    "client_encoding = 'LATIN1'",
)


@pytest.mark.parametrize("setting", SETTINGS)
def test_settings_of_a_server_change_nothing(postgres, setting):
    with temporary_database(postgres) as url:
        with Catalog.create(url) as catalog:
            catalog.register_dataset(replace(DATASET, source="Höhe"))
        engine = create_engine(parse_url(url), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            name = connection.exec_driver_sql("SELECT current_database()").scalar()
            connection.exec_driver_sql(f"ALTER DATABASE {name} SET {setting}")
        engine.dispose()
        with Catalog(url) as catalog:
            catalog.register_dataset(replace(DATASET, source="塔"))
            catalog.register_runs(GRID.expand(FINGERPRINT), GRID)
            taken = claim(catalog)
            catalog.record(taken.token, [epoch(1, total=1 / 3)])
            assert catalog.epochs(taken.run_id)["total"][0] == 1 / 3
            assert catalog.datasets()[0].source == "塔"
            assert catalog.runs()["created"].notna().all()


def _read_and_write(url):
    with Catalog(url) as catalog:
        assert catalog.datasets() == []
        catalog.register_dataset(DATASET)


@pytest.mark.parametrize("right", ["none", "schema", "read"])
def test_a_role_without_rights(postgres, right):
    with temporary_database(postgres) as url:
        Catalog.create(url).close()
        engine = create_engine(parse_url(url), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            run = connection.exec_driver_sql
            run("DROP ROLE IF EXISTS guest")
            run("CREATE ROLE guest LOGIN")
            run("REVOKE ALL ON SCHEMA public FROM PUBLIC")
            if right != "none":
                run("GRANT USAGE ON SCHEMA public TO guest")
            if right == "read":
                run("GRANT SELECT ON ALL TABLES IN SCHEMA public TO guest")
        guest = make_url(url).set(username="guest").render_as_string(hide_password=False)
        try:
            with pytest.raises(LandlabError) as error:
                _read_and_write(guest)
            line = one_line(error.value)
            expected = (
                "is not a landlab catalog" if right == "none" else "let the owner of the database grant"
            )
            assert expected in line
        finally:
            with engine.connect() as connection:
                connection.exec_driver_sql("DROP OWNED BY guest")
                connection.exec_driver_sql("DROP ROLE guest")
            engine.dispose()


# Fills a file system of one mebibyte, says what was acknowledged and what was read back; then makes space and goes on.
ON_A_SMALL_DISK = """
import sys
from pathlib import Path
from landlab_mgr.catalog import Catalog
from landlab_mgr.errors import LandlabError
from tests.catalog.sample import DATASET, FINGERPRINT, claim, epoch
from tests.catalog.test_adversity import GRID, is_whole
disk = Path(sys.argv[1])
(disk / "ballast").write_bytes(bytes(100_000))
with Catalog.create(disk / "landlab.db") as catalog:
    catalog.register_dataset(DATASET)
    catalog.register_runs(GRID.expand(FINGERPRINT), GRID)
    taken = claim(catalog)
    done = 0
    try:
        while True:
            catalog.record(taken.token, [epoch(done + i, sif=1.0) for i in range(20)])
            done += 20
    except LandlabError as error:
        print(error)
    print(done, len(catalog.epochs(taken.run_id)))
    (disk / "ballast").unlink()
    catalog.record(taken.token, [epoch(done)])
    catalog.finish(taken.token)
    print(catalog.run(taken.run_id).state, len(catalog.epochs(taken.run_id)))
print(is_whole(disk / "landlab.db"))
"""


def test_a_small_file_system_that_runs_full(tmp_path):
    """A real one, mounted where only the child sees it."""
    mounted = 'mount -t tmpfs -o size=1m landlab "$1" && exec "$2" -c "$3" "$1"'
    command = ["unshare", "--map-root-user", "--mount", "sh", "-c", mounted, "sh"]
    done = subprocess.run(
        [*command, tmp_path, sys.executable, ON_A_SMALL_DISK], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    error, counts, after, whole = done.stdout.splitlines()
    assert error.startswith(f"catalog {tmp_path}/landlab.db: ")
    assert "free some space and go on: of this write nothing was kept" in error or "is the disk full" in error
    acknowledged, read = map(int, counts.split())
    assert acknowledged == read >= 20
    assert after == f"completed {acknowledged + 1}"
    assert whole == "True"
