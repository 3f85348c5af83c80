"""DALEC's balances of pools, and the ecological and dynamic constraint on them.

Bloom & Williams (2015, doi:10.5194/bg-12-1299-2015).
"""

from collections.abc import Mapping

import jax.numpy as jnp
from jax import Array

from landlab_mgr.models.dalec.parameters import CARBON_POOLS
from landlab_mgr.models.dalec.process.allocation import allocate
from landlab_mgr.models.land import Parameters
from landlab_mgr.observations.calendar import Calendar

EDC_EPSILON = 1e-3
_INFLUXES = ("influx_foliar", "influx_litter", "influx_som")


BALANCE_OUTPUTS = frozenset({"gpp", *_INFLUXES, *CARBON_POOLS})
"""Monthly outputs that `balances` needs."""


def balances(monthly: Mapping[str, Array], params: Parameters, dt: Array) -> dict[str, Array]:
    """Influx and outflux of each carbon pool, summed over all months, gC m-2 d-1: `influx_<pool>`, `outflux_<pool>`.

    Allocation is linear in GPP, and what leaves a pool (to other pools, the air, or in fire) is what came in less
    what stayed: only three influxes need be stored in the loop.
    """
    p = params
    share = allocate(monthly["gpp"].sum(axis=0), p["f_auto"], p["f_foliar"], p["f_labile"], p["f_root"])
    influx = {"labile": share.labile, "root": share.root, "wood": share.wood}
    influx |= {name.removeprefix("influx_"): monthly[name].sum(axis=0) for name in _INFLUXES}
    sums = {f"influx_{n}": x for n, x in influx.items()}
    for n, x in influx.items():
        sums[f"outflux_{n}"] = x - (monthly[n][-1] - p[n]) / dt
    return sums


def ecological_constraint(
    monthly: Mapping[str, Array], sums: Mapping[str, Array], initial: Parameters, calendar: Calendar
) -> Array:
    """Departure of each pixel from steady state, [N].

    Sum over the carbon pools of log2(R + 1e-3)^2 with R = max(0, influx / max(outflux, 1e-3)) * (mean over the year
    ends of the pool) / (initial pool); 0 where every pool gains what it loses and keeps its size.
    """
    total = jnp.zeros_like(initial["labile"])
    for name in CARBON_POOLS:
        ratio = jnp.maximum(sums[f"influx_{name}"] / jnp.maximum(sums[f"outflux_{name}"], 1e-3), 0.0)
        growth = calendar.last(monthly[name], "year").mean(axis=0) / initial[name]
        total += jnp.log2(ratio * growth + EDC_EPSILON) ** 2
    return total
