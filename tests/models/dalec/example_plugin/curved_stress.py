"""A water-stress process in a package of its own: linear stress to a power that is learned, one for all pixels.

beta = s^q with the curvature q of Egea et al. (2011, doi:10.1016/j.agrformet.2011.05.019); q = 1 is landlab's
`linear`, where training starts.
"""

import jax.numpy as jnp

from landlab_mgr.process import WaterFluxes, WaterStress, evapotranspiration


def initialise(key):
    """What the process learns: dicts of float32 arrays. Here ln q, from 0; a network would draw from the key."""
    return {"log_curvature": jnp.zeros((), jnp.float32)}


def fluxes(weights, state):
    """beta = s^q scales GPP, s = (W - wilting point) / (field capacity - wilting point); ET follows GPP."""
    # from just above 0, where the slope of s^q is infinite for q < 1
    saturation = jnp.clip((state.water - state.wilting_point) / state.available_range, 1e-6, 1.0)
    beta = saturation ** jnp.exp(weights["log_curvature"])
    gpp = beta * state.potential_gpp
    return WaterFluxes(gpp, evapotranspiration(gpp, state), beta)


curved = WaterStress(fluxes, initialise, version=1)
