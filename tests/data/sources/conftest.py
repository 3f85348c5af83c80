"""What tests of importers start from."""

from pathlib import Path

import pytest
import xarray as xr

from landlab_mgr.data.sources import differland, source_files

from .miniature import write_differland
from .towers import write_fluxval


@pytest.fixture
def fluxval_directory(tmp_path: Path) -> Path:
    """A complete miniature directory, to be broken by the test that uses it."""
    return write_fluxval(tmp_path / "fluxval")


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The miniature of DifferLand's files; not to be changed."""
    return write_differland(tmp_path_factory.mktemp("differland") / "files")


@pytest.fixture(scope="session")
def imported(files: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[xr.Dataset, list[str]]:
    """The miniature as a dataset, and what was noticed."""
    return differland.read(files, tmp_path_factory.mktemp("scratch"))


@pytest.fixture
def unguarded(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests that do not damage HDF5 itself: no other process need read each file first; `imported` has it all."""
    monkeypatch.setattr(source_files, "_survives_reading", lambda path: None)
