"""Stored databases of every revision: up to the newest schema and down again, row by row."""

import math
from contextlib import contextmanager

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import MetaData, create_engine, select

from landlab_mgr.catalog import Catalog, session
from landlab_mgr.errors import LandlabError
from landlab_mgr.storage import resources

from . import stored
from .sample import upgrade

SCRIPTS = ScriptDirectory(str(resources.resource("migrations")))
REVISIONS = sorted(r.revision for r in SCRIPTS.walk_revisions())


@contextmanager
def loaded(databases, revision):
    """URL of a database as a revision left it."""
    with databases(with_catalog=False) as url:
        engine = create_engine(session.parse_url(url))
        with engine.begin() as connection:
            stored.load(connection, revision)
        engine.dispose()
        yield url


@pytest.fixture(params=REVISIONS)
def old(request, databases):
    """URL of a database as a revision left it, and that revision."""
    with loaded(databases, request.param) as url:
        yield url, request.param


def columns_of(tables):
    return {n: sorted(t.c.keys()) for n, t in tables.tables.items() if n != session.VERSION_TABLE}


def rows(url, columns=None):
    """Every row of every table, read without this code's mappings; only of some tables and columns where given."""
    engine = create_engine(session.parse_url(url))
    with engine.connect() as connection:
        found = MetaData()
        found.reflect(connection)
        content = {
            name: sorted(
                map(repr, connection.execute(select(*(found.tables[name].c[c] for c in known))).all())
            )
            for name, known in (columns or columns_of(found)).items()
        }
    engine.dispose()
    return content


def test_up_and_down_row_by_row(old):
    url, revision = old
    before = rows(url)
    assert all(before[table] for table in ("dataset", "run", "attempt", "epoch", "metric", "artifact"))
    if revision != REVISIONS[-1]:
        with pytest.raises(LandlabError, match=rf"older \(revision {revision}\).*`landlab catalog upgrade`"):
            Catalog(url)
    Catalog.upgrade(url).close()
    with session.migrating(url) as config:
        command.check(config)
    with session.migrating(url) as config:
        command.downgrade(config, revision)
    assert rows(url) == before


def test_down_from_the_newest_keeps_all_that_the_oldest_knew(databases):
    with loaded(databases, REVISIONS[-1]) as url:
        full = rows(url)
        with session.migrating(url) as config:
            command.downgrade(config, REVISIONS[0])
        engine, oldest = create_engine(session.parse_url(url)), MetaData()
        oldest.reflect(engine)
        engine.dispose()
        after = rows(url)
    with loaded(databases, REVISIONS[-1]) as url:
        assert rows(url, columns_of(oldest)) == after
        assert after.keys() < full.keys()


def test_several_that_upgrade_what_is_stored(databases, processes):
    with loaded(databases, REVISIONS[0]) as url:
        assert processes.map(upgrade, [url] * 4, chunksize=1) == [REVISIONS[-1]] * 4
        with session.migrating(url) as config:
            command.check(config)
        with Catalog(url) as catalog:
            assert sum(catalog.counts().values()) == 6


def test_what_was_stored_reads_as_it_was_written(old):
    url, _ = old
    with Catalog.upgrade(url) as catalog:
        assert {d.name for d in catalog.datasets()} == {"twin", "türme-塔"}
        assert list(catalog.counts().values()) == [1, 1, 1, 2, 1]
        done = catalog.runs("status = 'completed'")["run_id"][0]
        assert sorted(catalog.runs()["epochs"]) == [0, 0, 0, 0, 1, 7]
        values = catalog.metrics(done)["value"].tolist()
        assert [*map(str, values)] == ["nan", "inf", "-inf", "-0.0", "0.0", "5e-324", "0.1"]
        assert [*map(str, catalog.epochs(done)["sif"])] == [*map(str, values)]
        assert math.copysign(1, catalog.epochs(done)["dev"].iloc[4]) == -1
        assert catalog.artifacts(done)["bytes"].tolist() == [2**40]
        assert catalog.claim("host", 1, directory_of=lambda run_id, token: token).number == 1
