"""Parts of the land that an analysis of one setup's members beside observations is about. JAX-free."""

from typing import Literal

import numpy as np
import numpy.typing as npt
import xarray as xr

from landlab_mgr.analysis import budget, members
from landlab_mgr.data import split
from landlab_mgr.errors import LandlabError

Part = Literal["seen", "test", "all"]
"""Pixels that members train or develop on, those held out, or both."""
PARTS: dict[Part, tuple[str, ...]] = {
    "seen": (split.TRAIN, split.DEV),
    "test": (split.TEST,),
    "all": (split.TRAIN, split.DEV, split.TEST),
}
MEANING = "seen: pixels that members train or develop on; test: those held out; all: both"
OPTION_REGIONS = "file with a map of regions (NetCDF, zarr, csv); none: the dataset's regions"


def counted(label: npt.NDArray[np.str_], part: Part) -> npt.NDArray[np.bool_]:
    """Return which places are of a part, by their labels."""
    return np.isin(label, PARTS[part])


class Areas:
    """Areas of places, by region: of all the land first."""

    def __init__(self, ds: xr.Dataset, file: str, variable: str) -> None:
        region = budget.regions_of(ds, file, variable)
        if budget.ALL in region:
            raise LandlabError(
                f"a region is called {budget.ALL!r}, as all the land is here; give it another name"
            )
        self.names = [budget.ALL, *sorted(set(region) - {""})]
        area = ds["area_m2"].values.astype(float)
        self._patch = ds["patch"].values
        self._of_pixel = np.stack([area * ((region == r) | (r == budget.ALL)) for r in self.names])

    def of(self, target: members.Target) -> npt.NDArray[np.floating]:
        """Areas [region, place] at the resolution at which a variable is compared."""
        if target.level == "pixel" and target.stream.level == "pixel":
            return self._of_pixel
        return np.stack([np.bincount(self._patch, w) for w in self._of_pixel])
