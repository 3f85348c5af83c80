"""HBV as functions of arrays: a day of snow, soil and zones, and the unit hydrograph.

Bergstrom 1992; Seibert & Vis 2012 (doi:10.5194/hess-16-3315-2012); evaporation's exponent as in Feng et al. 2022
(doi:10.1029/2022WR032404). Stores in mm, fluxes in mm d-1, a step is a day.
"""

from collections.abc import Collection, Mapping
from typing import NamedTuple

import jax.numpy as jnp
from jax import Array

from landlab_mgr.models.hbv.runoff import DRIEST, Soil
from landlab_mgr.models.hbv.tables import TABLES
from landlab_mgr.models.land import Bound, Dynamics, Parameters, land
from landlab_mgr.models.model import Model
from landlab_mgr.models.potential_evaporation import Weather, prepare

ROUTING_DAYS = 15
"""Length of the unit hydrograph."""


class Stores(NamedTuple):
    """Water of a basin, mm."""

    snow: Array
    snow_water: Array
    soil_moisture: Array
    upper_zone: Array
    lower_zone: Array


def initial(p: Parameters) -> Stores:
    """No snow, and soil that is half full."""
    nothing = jnp.zeros_like(p["fc"])
    return Stores(nothing, nothing, 0.5 * p["fc"], nothing, nothing)


def step(
    stores: Stores, day: Weather, p: Parameters, processes: Mapping[str, Bound], off: Collection[str]
) -> tuple[Stores, dict[str, Array]]:
    """Advance the stores by a day of precipitation, melt, evaporation and drainage.

    Inflow less outflow is what stays.
    """
    air = day.air
    above = 0.5 * (air.tmin + air.tmax) - p["tt"]
    snowfall = jnp.where(above < 0, day.precip, 0.0)

    snow = stores.snow + snowfall
    melt = jnp.minimum(p["cfmax"] * jnp.maximum(above, 0.0), snow)
    liquid = stores.snow_water + melt
    refrozen = jnp.minimum(p["cfr"] * p["cfmax"] * jnp.maximum(-above, 0.0), liquid)
    snow, liquid = snow - melt + refrozen, liquid - refrozen
    released = jnp.maximum(liquid - p["cwh"] * snow, 0.0)

    inflow = day.precip - snowfall + released
    soil = Soil(jnp.clip(stores.soil_moisture / p["fc"], 0.0, 1.0), inflow, p["beta"])
    recharge = inflow * processes["runoff_generation"](soil)
    moisture = stores.soil_moisture + inflow - recharge
    excess = jnp.maximum(moisture - p["fc"], 0.0)
    moisture = moisture - excess
    shortage = jnp.clip(moisture / (p["lp"] * p["fc"]), DRIEST, 1.0) ** p["betaet"]
    potential = processes["potential_evaporation"](air)
    evaporation = jnp.minimum(potential * shortage, moisture)

    upper = stores.upper_zone + recharge + excess
    percolation = jnp.minimum(p["perc"], upper)
    upper = upper - percolation
    quick = p["k0"] * jnp.maximum(upper - p["uzl"], 0.0)
    upper = upper - quick
    interflow = p["k1"] * upper
    lower = stores.lower_zone + percolation
    baseflow = p["k2"] * lower

    after = Stores(snow, liquid - released, moisture - evaporation, upper - interflow, lower - baseflow)
    return after, {"discharge": quick + interflow + baseflow, "et": evaporation} | after._asdict()


def unit_hydrograph(a: Array, b: Array) -> Array:
    """Share of a day's runoff that leaves on it and on each day after it, [15, N]: a gamma density, normalised."""
    day = jnp.arange(ROUTING_DAYS, dtype=a.dtype)[:, None] + 0.5
    logarithm = (a - 1)[None] * jnp.log(day) - day / b[None]
    density = jnp.exp(logarithm - logarithm.max(axis=0, keepdims=True))
    return density / density.sum(axis=0, keepdims=True)


def finish(series: dict[str, Array], p: Parameters) -> dict[str, Array]:
    """Route the discharge [T, N] by the unit hydrograph; none flows before the first day."""
    if "discharge" not in series:
        return series
    share, runoff = unit_hydrograph(p["route_a"], p["route_b"]), series["discharge"]
    before = jnp.zeros((ROUTING_DAYS - 1, runoff.shape[1]), runoff.dtype)
    padded, days = jnp.concatenate([before, runoff]), runoff.shape[0]
    routed = sum(
        (
            share[k][None] * padded[ROUTING_DAYS - 1 - k : ROUTING_DAYS - 1 - k + days]
            for k in range(ROUTING_DAYS)
        ),
        start=jnp.zeros_like(runoff),
    )
    return series | {"discharge": routed}


DYNAMICS = Dynamics(tables=TABLES, prepare=prepare, initial=initial, step=step, finish=finish)
MODEL: Model = land(DYNAMICS)
