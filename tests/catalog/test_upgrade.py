"""Stored databases of every revision: up to the newest schema and down again, row by row."""

import math

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import MetaData, create_engine, select

from landlab_mgr import resources
from landlab_mgr.catalog import Catalog, session
from landlab_mgr.errors import LandlabError

from . import stored

SCRIPTS = ScriptDirectory(str(resources.resource("migrations")))
REVISIONS = sorted(r.revision for r in SCRIPTS.walk_revisions())


@pytest.fixture(params=REVISIONS)
def old(request, databases):
    """URL of a database as a revision left it, and that revision."""
    with databases(with_catalog=False) as url:
        engine = create_engine(session.parse_url(url))
        with engine.begin() as connection:
            stored.load(connection, request.param)
        engine.dispose()
        yield url, request.param


def rows(url):
    """Every row of every table, read without this code's mappings."""
    engine = create_engine(session.parse_url(url))
    with engine.connect() as connection:
        found = MetaData()
        found.reflect(connection)
        content = {
            name: sorted(map(repr, connection.execute(select(table)).mappings()))
            for name, table in found.tables.items()
            if name != session.VERSION_TABLE
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


def test_what_was_stored_reads_as_it_was_written(old):
    url, _ = old
    with Catalog.upgrade(url) as catalog:
        assert {d.name for d in catalog.datasets()} == {"twin", "türme-塔"}
        assert list(catalog.counts().values()) == [1, 1, 1, 2, 1]
        done = catalog.runs("status = 'completed'")["run_id"][0]
        values = catalog.metrics(done)["value"].tolist()
        assert [*map(str, values)] == ["nan", "inf", "-inf", "-0.0", "0.0", "5e-324", "0.1"]
        assert [*map(str, catalog.epochs(done)["sif"])] == [*map(str, values)]
        assert math.copysign(1, catalog.epochs(done)["dev"].iloc[4]) == -1
        assert catalog.artifacts(done)["bytes"].tolist() == [2**40]
        assert catalog.claim("host", 1, directory_of=lambda run_id, token: token).number == 1
