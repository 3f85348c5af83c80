"""EXP-HYDRO as functions of arrays.

Patil & Stieglitz 2014 (doi:10.5194/hess-18-3423-2014), as in Jiang et al. 2020 (doi:10.1029/2020GL088229). Stores in
mm, fluxes in mm d-1, a step is a day.
"""

from collections.abc import Collection, Mapping
from typing import NamedTuple

import jax.numpy as jnp
from jax import Array

from landlab_mgr.models.exphydro.tables import TABLES
from landlab_mgr.models.land import Bound, Dynamics, Parameters, land
from landlab_mgr.models.model import Model
from landlab_mgr.models.potential_evaporation import Weather, prepare


class Stores(NamedTuple):
    """Water of a basin, mm."""

    snow: Array
    stored_water: Array


def initial(p: Parameters) -> Stores:
    """No snow, and a store that is half full."""
    return Stores(jnp.zeros_like(p["smax"]), 0.5 * p["smax"])


def step(
    stores: Stores, day: Weather, p: Parameters, processes: Mapping[str, Bound], off: Collection[str]
) -> tuple[Stores, dict[str, Array]]:
    """Advance the stores by a day: inflow less outflow is what stays.

    Where evaporation and runoff together ask for more than the store holds, each gets its share of it.
    """
    temperature = 0.5 * (day.air.tmin + day.air.tmax)
    snowfall = jnp.where(temperature < p["t_snow"], day.precip, 0.0)
    snow = stores.snow + snowfall
    melt = jnp.minimum(p["degree_day"] * jnp.maximum(temperature - p["t_melt"], 0.0), snow)

    water = stores.stored_water + day.precip - snowfall + melt
    spilled = jnp.maximum(water - p["smax"], 0.0)
    water = water - spilled
    asked_by_air = processes["potential_evaporation"](day.air) * (water / p["smax"])
    asked_below = p["qmax"] * jnp.exp(-p["recession"] * (p["smax"] - water))
    share = jnp.minimum(1.0, water / (asked_by_air + asked_below))
    evaporation, baseflow = share * asked_by_air, share * asked_below

    after = Stores(snow - melt, jnp.maximum(water - evaporation - baseflow, 0.0))
    return after, {"discharge": baseflow + spilled, "et": evaporation} | after._asdict()


DYNAMICS = Dynamics(tables=TABLES, prepare=prepare, initial=initial, step=step)
MODEL: Model = land(DYNAMICS)
