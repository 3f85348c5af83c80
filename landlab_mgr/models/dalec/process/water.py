"""Water: stress on photosynthesis, evapotranspiration, runoff.

Evapotranspiration: Zhou et al. (2014, doi:10.1002/2013WG002546) with the radiation term of Boese et al. (2017,
doi:10.1002/2017GL073096); runoff: Bloom et al. (2020, doi:10.5194/bg-17-6393-2020).
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array

from landlab_mgr.models.dalec.process.weather import Weather
from landlab_mgr.models.process import Process
from landlab_mgr.observations.steps import DAYS_PER_MONTH


class WaterState(NamedTuple):
    """State of a pixel's month that a water-stress process may use."""

    potential_gpp: Array
    """GPP without water stress, gC m-2 d-1."""
    lai: Array
    water: Array
    """Plant-available water at the start of the step, mm."""
    water_per_carbon: Array
    """sqrt(vpd) / uwue: kg of water for a gC, mm d-1 / (gC m-2 d-1)."""
    radiation_term: Array
    """ssrd boese_r, mm d-1."""
    wilting_point: Array
    """wilting_point_frac field_capacity, mm."""
    available_range: Array
    """field_capacity - wilting point, mm."""
    precip: Array
    """mm d-1."""
    weather: Weather


class WaterFluxes(NamedTuple):
    """Result of a water-stress process.

    GPP (gC m-2 d-1), ET (mm d-1) and the stress factor beta.
    """

    gpp: Array
    et: Array
    beta: Array


Stress = Callable[[WaterState], WaterFluxes]
"""Photosynthesis and evapotranspiration of a month, as far as water allows: what the model's step calls."""


def evapotranspiration(gpp: Array, state: WaterState) -> Array:
    """ET = GPP sqrt(vpd) / uwue + ssrd boese_r, mm d-1."""
    return gpp * state.water_per_carbon + state.radiation_term


def linear_stress(weights: Any, state: WaterState) -> WaterFluxes:
    """beta = clip((W - wp) / (field capacity - wp), 0, 1) scales GPP; ET follows GPP."""
    beta = jnp.clip((state.water - state.wilting_point) / state.available_range, 0.0, 1.0)
    gpp = beta * state.potential_gpp
    return WaterFluxes(gpp, evapotranspiration(gpp, state), beta)


def no_stress(weights: Any, state: WaterState) -> WaterFluxes:
    """beta = 1: photosynthesis never lacks water."""
    gpp = state.potential_gpp
    return WaterFluxes(gpp, evapotranspiration(gpp, state), jnp.ones_like(gpp))


LINEAR, NONE = Process(linear_stress), Process(no_stress)


class RunoffState(NamedTuple):
    """Inputs of a runoff process, which returns runoff, mm d-1."""

    water: Array
    """Plant-available water at the start of the step, mm."""
    focal_point: Array
    """mm."""
    dt: Array
    """Days of the step."""


RUNOFF_DAYS = DAYS_PER_MONTH
"""The time over which the focal point speaks of runoff. The source divides by the length of a step instead, so that a
day would shed as much as a month: there the parameter means something else for each step, and nothing converges."""


def runoff(water: Array, focal_point: Array, days: float | Array = RUNOFF_DAYS) -> Array:
    """W^2 / focal point in so many days while W <= focal point / 2, else W - focal point / 4; mm d-1."""
    quick = water > 0.5 * focal_point
    return jnp.where(quick, water - 0.25 * focal_point, water * water / focal_point) / days


def runoff_per_month(weights: Any, state: RunoffState) -> Array:
    """Runoff of a month, whatever the step."""
    return runoff(state.water, state.focal_point)


def runoff_per_step(weights: Any, state: RunoffState) -> Array:
    """Runoff of a step, as the published code has it: the same for months of 30.4375 days."""
    return runoff(state.water, state.focal_point, state.dt)


PER_MONTH, PER_STEP = Process(runoff_per_month), Process(runoff_per_step)
