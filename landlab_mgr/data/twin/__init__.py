"""The twin planet: synthetic observations by our own model from a known predictor -> parameter function.

Coastlines are real (`data.land`); climate, plants, soils and forest age are drawn, plausibly related
(`geography`, `weather`, `surface`); `mapping` is the truth to be learned, `simulation` and `observation` make the
observations, `attainable` computes the skill that each set of predictors allows. Always labelled synthetic.

Everything is drawn per patch or is a function of position: the same seed makes the same planet to the bit, in memory
or in blocks.
"""

import numpy as np
import xarray as xr

from landlab_mgr.data import parts
from landlab_mgr.data.twin.planet import design as design


def make(
    n_patches: int = 128, pixels_per_patch: int = 3, years: int = 6, seed: int = 0, errors: bool = True
) -> xr.Dataset:
    """Make a planet of whole patches in memory, ready for `data.store.publish`.

    Args:
        n_patches: patches of 4 x 5 degrees, drawn from those with at least 32 land pixels.
        pixels_per_patch: land pixels of 0.25 degrees in each, at most 320; a patch with less land gives all it has.
        years: length of the record, from January 2001.
        seed: of everything that is drawn.
        errors: False leaves out the errors of the observations, and nothing else: their gaps stay.

    Raises:
        LandlabError: where the numbers cannot make a planet.
    """
    planet = design(n_patches, pixels_per_patch, years, seed, errors)
    ds = planet.skeleton()
    monthly = {name: np.empty(ds[name].shape, ds[name].dtype) for name in parts.monthly(ds)}
    for pixels, values in planet.parts():
        for name, x in values.items():
            monthly[name][pixels] = x
    return ds.assign({name: (ds[name].dims, x, ds[name].attrs) for name, x in monthly.items()})
