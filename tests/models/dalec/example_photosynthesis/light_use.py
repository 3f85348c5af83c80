"""A photosynthesis process in a package of its own: light-use efficiency that is learned, one for all pixels.

GPP = e f ssrd with f = 0.5 (1 - exp(-0.5 lai)), the share of the radiation that leaves absorb and can use (Monteith
1972, doi:10.2307/2401901); e starts at 1 gC MJ-1.
"""

import jax.numpy as jnp

from landlab_mgr.models.process import Process

EXTINCTION = 0.5
"""Of light in the canopy, per leaf area."""
PHOTOSYNTHETIC = 0.5
"""Share of the radiation that plants can use."""


def initialise(key):
    """Give ln e, from 0."""
    return {"log_efficiency": jnp.zeros((), jnp.float32)}


def gpp(params, state):
    """GPP without water stress, gC m-2 d-1."""
    absorbed = PHOTOSYNTHETIC * (1 - jnp.exp(-EXTINCTION * state.lai))
    return jnp.exp(params["log_efficiency"]) * absorbed * state.ssrd


light_use = Process(gpp, initialise, version=2)
