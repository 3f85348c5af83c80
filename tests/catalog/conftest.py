"""A catalog with one dataset; on PostgreSQL too where LANDLAB_TEST_POSTGRES is the URL of a server."""

import multiprocessing
import os
import secrets
from contextlib import contextmanager

import pytest
from sqlalchemy import create_engine, make_url

from landlab_mgr.catalog import Catalog
from landlab_mgr.spec import GridSpec

from .sample import DATASET, FINGERPRINT

POSTGRES = os.environ.get("LANDLAB_TEST_POSTGRES")


BACKENDS = ["sqlite", "postgresql"] if POSTGRES else ["sqlite"]


@contextmanager
def new_database(backend, folder):
    """URL of a database without a catalog in it."""
    if backend == "sqlite":
        yield str(folder / "landlab.db")
        return
    address = make_url(POSTGRES).set(drivername="postgresql+psycopg")
    server = create_engine(address, isolation_level="AUTOCOMMIT")
    name = f"landlab_test_{secrets.token_hex(4)}"
    with server.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    yield address.set(database=name).render_as_string(hide_password=False)
    with server.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
    server.dispose()


@pytest.fixture(params=BACKENDS)
def url(request, tmp_path):
    with new_database(request.param, tmp_path) as url:
        yield url


@pytest.fixture
def catalog(url):
    with Catalog.create(url) as catalog:
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
