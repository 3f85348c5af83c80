"""A workspace that the tests of the verbs share."""

import pytest

from .command import grid_file, landlab


@pytest.fixture(scope="session")
def twin_workspace(tmp_path_factory):
    """A workspace with a small twin planet and compiled programs in its cache."""
    root = tmp_path_factory.mktemp("twin") / "ws"
    landlab("data", "twin", "--patches", 6, "--pixels", 2, "--years", 3, workspace=root)
    landlab("grid", "register", grid_file(root / "tiny.toml", "twin-6x2x3-s0"), workspace=root)
    landlab("run", workspace=root)
    return root
