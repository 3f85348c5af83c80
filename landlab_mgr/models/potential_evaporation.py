"""Weather of rainfall-runoff models, and potential evaporation, a process that they swap.

Constants as in FAO Irrigation and Drainage Paper 56 (Allen et al. 1998).
"""

from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array

from landlab_mgr.models.model import Forcing
from landlab_mgr.models.process import Process
from landlab_mgr.models.sun import Sun, saturation, sun

LATENT_HEAT = 2.45
"""Energy that evaporates a kg of water, MJ kg-1; a kg on a square metre is 1 mm."""
PSYCHROMETRIC = 0.0665
"""At 1,000 hPa, kPa degC-1: 0.665e-3 of the pressure."""
ALBEDO = 0.23
STEFAN_BOLTZMANN = 4.903e-9
"""MJ K-4 m-2 d-1."""
CLEAR_SKY = 0.75
"""Share of the sun's radiation above the air that reaches the ground on a clear day, at sea level."""
ABSOLUTE_ZERO = 273.16
"""K at 0 degC, as FAO 56 has it."""


class Air(NamedTuple):
    """State that a potential-evaporation process reads, [N] each."""

    tmin: Array
    """degC."""
    tmax: Array
    """degC."""
    sun: Sun
    ssrd: Array | None = None
    """Radiation at the ground, MJ m-2 d-1; None where the dataset has none."""


class Weather(NamedTuple):
    """Forcing of each day, [T, N], as rainfall-runoff models read it."""

    precip: Array
    """mm d-1."""
    air: Air


def prepare(forcing: Forcing) -> Weather:
    """Add the sun of each day to the forcing."""
    series = forcing.series
    bright = sun(forcing.doy, forcing.latitude)
    return Weather(series["precip"], Air(series["tmin"], series["tmax"], bright, series.get("ssrd")))


def hargreaves(params: Any, air: Air) -> Array:
    """0.0023 (T + 17.8) (tmax - tmin)^0.5 Ra / 2.45, mm d-1: Hargreaves & Samani 1985, doi:10.13031/2013.26773."""
    span = jnp.maximum(air.tmax - air.tmin, 1e-3)  # the slope of a root is infinite at 0
    warmth = jnp.maximum(0.5 * (air.tmin + air.tmax) + 17.8, 0.0)
    return 0.0023 * warmth * jnp.sqrt(span) * air.sun.radiation / LATENT_HEAT


def hamon(params: Any, air: Air) -> Array:
    """29.8 D e(T) / (T + 273.2), mm d-1, with D hours of daylight: Hamon 1963, as in EXP-HYDRO."""
    temperature = 0.5 * (air.tmin + air.tmax)
    return 29.8 * air.sun.daylight * saturation(temperature) / (temperature + 273.2)


def priestley_taylor(params: Any, air: Air) -> Array:
    """1.26 s / (s + g) Rn / 2.45, mm d-1: Priestley & Taylor 1972, doi:10.1175/1520-0493(1972)100<0081:OTAOSH>2.3.CO;2.

    Net radiation Rn of equations 38 to 40 of FAO 56, the air's vapour pressure being saturation at tmin.
    """
    assert air.ssrd is not None
    temperature = 0.5 * (air.tmin + air.tmax)
    slope = 4098 * saturation(temperature) / (temperature + 237.3) ** 2
    clear = jnp.maximum(CLEAR_SKY * air.sun.radiation, 1e-3)
    cloudiness = 1.35 * jnp.minimum(air.ssrd / clear, 1.0) - 0.35
    emitted = 0.5 * ((air.tmax + ABSOLUTE_ZERO) ** 4 + (air.tmin + ABSOLUTE_ZERO) ** 4)
    dampness = 0.34 - 0.14 * jnp.sqrt(saturation(air.tmin))
    net = (1 - ALBEDO) * air.ssrd - STEFAN_BOLTZMANN * emitted * dampness * cloudiness
    return 1.26 * slope / (slope + PSYCHROMETRIC) * jnp.maximum(net, 0.0) / LATENT_HEAT


HARGREAVES, HAMON, PRIESTLEY_TAYLOR = Process(hargreaves), Process(hamon), Process(priestley_taylor)
