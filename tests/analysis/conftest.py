"""Workspaces with metrics."""

import pytest

from . import forecasts, sample


@pytest.fixture(scope="session")
def scored(planet, tmp_path_factory):
    """Three setups x two seeds, completed; tests that write take a copy."""
    return sample.make(tmp_path_factory.mktemp("scored") / "ws", planet)


@pytest.fixture(scope="session")
def towers(planet):
    """The dataset that `forecast` members predict."""
    return forecasts.dataset(planet)


@pytest.fixture(scope="session")
def forecast(towers, tmp_path_factory):
    """Two setups x six seeds with monthly predictions; tests that look at test pixels count them here."""
    return forecasts.make(tmp_path_factory.mktemp("forecast") / "ws", towers)


@pytest.fixture(scope="module")
def catalog(forecast):
    """Of `forecast`."""
    with forecast.open() as catalog:
        yield catalog
