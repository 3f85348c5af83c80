"""A catalog with one dataset, on SQLite and on PostgreSQL: the one suite holds for both."""

import multiprocessing
import os
import secrets
import shutil
from contextlib import ExitStack, contextmanager

import pytest
from sqlalchemy import make_url

from landlab_mgr.catalog import Catalog
from landlab_mgr.errors import LandlabError
from landlab_mgr.spec.grid import GridSpec
from tests.bench.postgres import temporary_database, temporary_server

from .sample import DATASET, FINGERPRINT


@pytest.fixture(scope="session")
def postgres():
    """URL of a PostgreSQL server: LANDLAB_TEST_POSTGRES where set, else one that lives as long as the tests."""
    if given := os.environ.get("LANDLAB_TEST_POSTGRES"):
        yield given
        return
    with ExitStack() as stack:
        try:
            url = stack.enter_context(temporary_server(durable=False))
        except LandlabError as error:
            pytest.skip(str(error))
        yield url


@pytest.fixture(scope="session", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def databases(request, tmp_path_factory):
    """A context manager that makes databases of one engine: a new one's URL, with an empty catalog in it or not."""
    if request.param == "sqlite":
        folder = tmp_path_factory.mktemp("catalogs")
        template = folder / "template"
        Catalog.create(template).close()

        @contextmanager
        def database(with_catalog=True):
            path = folder / f"{secrets.token_hex(4)}.db"
            if with_catalog:
                shutil.copyfile(template, path)
            yield str(path)

        yield database
        return
    server = request.getfixturevalue("postgres")
    with temporary_database(server) as template:
        Catalog.create(template).close()

        @contextmanager
        def database(with_catalog=True):
            source = make_url(template).database if with_catalog else "template1"
            with temporary_database(server, source) as url:
                yield url

        yield database


@pytest.fixture
def url(databases):
    """URL of an empty catalog."""
    with databases() as url:
        yield url


@pytest.fixture
def catalog(url):
    with Catalog(url) as catalog:
        catalog.register_dataset(DATASET)
        yield catalog


@pytest.fixture
def grid():
    """Six runs: three setups x two seeds."""
    return GridSpec(name="g", dataset="twin", factorial=("PFT", "CLIM"), seeds=2)


@pytest.fixture
def runs(catalog, grid):
    """The specifications of the grid's runs, registered."""
    specs = list(grid.expand(FINGERPRINT))
    catalog.register_runs(specs, grid)
    return specs


@pytest.fixture(scope="session")
def processes():
    """Four processes of their own; spawned, as a fork would share connections and JAX's threads."""
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        yield pool
