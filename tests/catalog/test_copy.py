"""Catalogs copied while they are in use, from each engine to each: every row, and numbers that go on."""

import shutil
import sqlite3

import pytest
from sqlalchemy import create_engine, select

from landlab_mgr.catalog import Catalog
from landlab_mgr.catalog.copy import copy
from landlab_mgr.catalog.session import parse_url
from landlab_mgr.catalog.tables import Base
from landlab_mgr.errors import LandlabError
from tests.bench.postgres import temporary_database

from . import stored
from .sample import claim, epoch
from .test_upgrade import REVISIONS


@pytest.fixture
def full(databases):
    """URL of a catalog with every state, outcome and odd value."""
    with databases(with_catalog=False) as url:
        engine = create_engine(parse_url(url))
        with engine.begin() as connection:
            stored.load(connection, REVISIONS[-1])
        engine.dispose()
        yield url


def rows(catalog):
    with catalog.transaction() as tx:
        return {t.name: sorted(map(repr, tx.execute(select(t)))) for t in Base.metadata.sorted_tables}


@pytest.mark.parametrize("target", ["sqlite", "postgresql"])
def test_every_row_comes_along_and_work_goes_on(full, target, request, tmp_path):
    with Catalog(full) as catalog:
        going = claim(catalog)
        catalog.record(going.token, [epoch(1)])
        if target == "sqlite":
            check(catalog, tmp_path / "copy.db", going)
            return
        with temporary_database(request.getfixturevalue("postgres")) as url:
            check(catalog, url, going)


def check(catalog, target, going):
    counts = copy(catalog, target)
    assert counts["run"] == sum(catalog.counts().values())
    with Catalog(target) as copied:
        assert rows(copied) == rows(catalog)
        copied.record(going.token, [epoch(2)])  # the same attempts hold the same runs
        copied.finish(going.token)
        catalog.retry(list(copied.retry(list(copied.outline("status = 'failed'")["run_id"]))))
        assert claim(copied).attempt_id == claim(catalog).attempt_id  # numbers go on where they were
    with pytest.raises(LandlabError, match=r"name a new file|name an empty one"):
        copy(catalog, target)


def test_what_is_in_the_wal_comes_along(tmp_path, runs, catalog):
    going = claim(catalog)
    catalog.record(going.token, [epoch(n) for n in range(1, 51)])
    copy(catalog, tmp_path / "copy.db")
    assert [p.name for p in tmp_path.iterdir()] == ["copy.db"]  # one file, which may be taken anywhere
    with Catalog(tmp_path / "copy.db") as copied:
        assert len(copied.epochs(going.run_id)) == 50
    if catalog.file is None:
        return
    # of SQLite: the file alone knows nothing of it
    alone = tmp_path / "alone.db"
    shutil.copyfile(catalog.file, alone)
    with sqlite3.connect(alone) as connection:
        assert connection.execute("SELECT count(*) FROM epoch").fetchone() == (0,)


def test_a_copy_that_cannot_be_written_leaves_nothing(tmp_path, catalog, runs):
    (tmp_path / "file").write_text("")
    with pytest.raises(LandlabError, match=r"cannot (copy the catalog|make) "):
        copy(catalog, tmp_path / "file" / "copy.db")


@pytest.mark.parametrize("deep", [False, True])
def test_a_damaged_database_is_told(tmp_path, catalog, runs, deep):
    assert catalog.damage(deep) == []
    if catalog.file is None:
        return
    for _ in range(300):
        catalog.tag([runs[0].run_id], "t")
        catalog.untag([runs[0].run_id], "t")
    copy(catalog, tmp_path / "copy.db")
    with open(tmp_path / "copy.db", "r+b") as file:
        size = file.seek(0, 2)
        for page in range(size // 4096 - 6, size // 4096 - 1):
            file.seek(4096 * page)
            file.write(b"\x5a" * 4096)
    with Catalog(tmp_path / "copy.db", read_only=True) as damaged:
        assert damaged.damage(deep) != []
