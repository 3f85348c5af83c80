"""Water: stress on photosynthesis, evapotranspiration, runoff.

Evapotranspiration: Zhou et al. (2014, doi:10.1002/2013WG002546) with the radiation term of Boese et al. (2017,
doi:10.1002/2017GL073096); runoff: Bloom et al. (2020, doi:10.5194/bg-17-6393-2020).
"""

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array


class WaterState(NamedTuple):
    """What a water-stress process may use of a pixel's month."""

    potential_gpp: Array
    """GPP without water stress, gC m-2 d-1."""
    lai: Array
    water: Array
    """Plant-available water at the start of the step, mm."""
    root_vpd: Array
    """sqrt(vpd), hPa^0.5."""
    radiation_term: Array
    """ssrd boese_r, mm d-1."""
    field_capacity: Array
    """mm."""
    wilting_point: Array
    """wilting_point_frac field_capacity, mm."""
    uwue: Array
    """gC hPa^0.5 kg-1."""


class WaterFluxes(NamedTuple):
    """What a water-stress process returns: GPP (gC m-2 d-1), ET (mm d-1) and the stress factor beta."""

    gpp: Array
    et: Array
    beta: Array


def evapotranspiration(gpp: Array, root_vpd: Array, uwue: Array, radiation_term: Array) -> Array:
    """ET = GPP sqrt(vpd) / uwue + ssrd boese_r, mm d-1; root_vpd = sqrt(vpd)."""
    return gpp * root_vpd / uwue + radiation_term


def linear_stress(state: WaterState) -> WaterFluxes:
    """beta = clip((W - wp) / (field capacity - wp), 0, 1) scales GPP; ET follows GPP."""
    beta = jnp.clip(
        (state.water - state.wilting_point) / (state.field_capacity - state.wilting_point), 0.0, 1.0
    )
    gpp = beta * state.potential_gpp
    return WaterFluxes(gpp, evapotranspiration(gpp, state.root_vpd, state.uwue, state.radiation_term), beta)


def no_stress(state: WaterState) -> WaterFluxes:
    """beta = 1: photosynthesis never lacks water."""
    gpp = state.potential_gpp
    et = evapotranspiration(gpp, state.root_vpd, state.uwue, state.radiation_term)
    return WaterFluxes(gpp, et, jnp.ones_like(gpp))


def runoff(water: Array, focal_point: Array, dt: Array | float) -> Array:
    """W^2 / focal point / dt while W <= focal point / 2, else (W - focal point / 4) / dt; mm d-1."""
    quick = water > 0.5 * focal_point
    return jnp.where(quick, water - 0.25 * focal_point, water * water / focal_point) / dt
