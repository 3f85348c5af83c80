"""Workspaces with metrics."""

import pytest

from . import sample


@pytest.fixture(scope="session")
def scored(planet, tmp_path_factory):
    """Three setups x two seeds, completed; tests that write take a copy."""
    return sample.make(tmp_path_factory.mktemp("scored") / "ws", planet)
