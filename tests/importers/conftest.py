"""What tests of importers start from."""

from pathlib import Path

import pytest

from .towers import write_fluxval


@pytest.fixture
def fluxval_directory(tmp_path: Path) -> Path:
    """A complete miniature directory, to be broken by the test that uses it."""
    return write_fluxval(tmp_path / "fluxval")
