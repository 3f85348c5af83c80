"""A small dataset of sites, imported from a miniature of FluxVal."""

from collections.abc import Callable
from pathlib import Path

import pytest
import xarray as xr

from landlab_mgr.data.sources import fluxval

from .sources.towers import write_fluxval


@pytest.fixture
def fluxval_directory(tmp_path: Path) -> Path:
    """A complete miniature directory, the test's own."""
    return write_fluxval(tmp_path / "fluxval")


@pytest.fixture(scope="session")
def _dataset(tmp_path_factory: pytest.TempPathFactory) -> xr.Dataset:
    directory = write_fluxval(tmp_path_factory.mktemp("data") / "fluxval")
    return fluxval.read(directory, directory / "site_predictors.csv")[0]


@pytest.fixture
def dataset(_dataset: xr.Dataset) -> xr.Dataset:
    """A valid dataset of 11 pixels and 24 months, the test's own to change."""
    return _dataset.copy(deep=True)


@pytest.fixture
def edited(dataset: xr.Dataset) -> Callable[..., xr.Dataset]:
    """The dataset with one value set: edited("tmin", (3, 5), np.nan)."""

    def edit(name: str, index: tuple[int, ...] | int, value: float) -> xr.Dataset:
        changed = dataset.copy(deep=True)
        changed[name].values[index] = value
        return changed

    return edit
