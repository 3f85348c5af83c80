"""Photosynthesis: the aggregated canopy model (ACM).

Williams et al. (1997), Ecological Applications 7(3), doi:10.1890/1051-0761(1997)007[0882:PGPPIT]2.0.CO;2;
coefficients as in DALEC (Bloom & Williams 2015, doi:10.5194/bg-12-1299-2015).
"""

from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array

from landlab_mgr.models.dalec.process.weather import Weather
from landlab_mgr.models.process import Process

PSI_D = 2.0
"""|Soil-leaf water potential difference|, MPa."""
CONDUCTANCE_EXPONENT = 0.789798
CONDUCTANCE_OFFSET = 0.37836
TEMPERATURE_EXPONENT = 0.011136
"""Temperature response of carboxylation, degC-1."""
COMPENSATION = 4.22273
"""CO2 compensation, ppm."""
HALF_SATURATION = 208.868
"""CO2 half saturation, ppm."""
LIGHT_EFFICIENCY = 7.19298
LIGHT_HALF_SATURATION = 2.1001
DAYLENGTH_SLOPE = 0.0156935
DAYLENGTH_OFFSET = 0.0453194
OBLIQUITY = 23.4
"""Tilt of the Earth's axis, degrees."""


class CanopyState(NamedTuple):
    """Inputs of a photosynthesis process, which returns GPP without water stress, gC m-2 d-1."""

    lai: Array
    """Leaf area index, m2 m-2."""
    uptake_per_lai: Array
    """canopy_efficiency exp(0.011136 tmax) / conductance."""
    ssrd: Array
    """MJ m-2 d-1."""
    co2: Array
    """ppm."""
    conductance: Array
    """Canopy conductance, from `conductance`."""
    day_factor: Array
    """Scaling by day length, from `day_factor`."""
    weather: Weather


def day_length(doy: Array, latitude: Array) -> Array:
    """Hours of daylight: 24 arccos(-tan(lat) tan(declination)) / pi; 24 in polar day, 0 in polar night.

    Args:
        doy: day of year.
        latitude: degrees north.
    """
    declination = -jnp.deg2rad(OBLIQUITY) * jnp.cos(2 * jnp.pi * (doy + 10) / 365)
    m = jnp.tan(jnp.deg2rad(latitude)) * jnp.tan(declination)
    return 24 / jnp.pi * jnp.arccos(-jnp.clip(m, -1, 1))


def conductance(tmin: Array, tmax: Array) -> Array:
    """gc = 2**0.789798 / (0.37836 + 0.5 (tmax - tmin)); temperatures in degC (no unit in the source)."""
    return PSI_D**CONDUCTANCE_EXPONENT / (CONDUCTANCE_OFFSET + 0.5 * (tmax - tmin))


def day_factor(daylength: Array) -> Array:
    """Scaling of GPP by day length (hours): 0.0156935 day length + 0.0453194."""
    return DAYLENGTH_SLOPE * daylength + DAYLENGTH_OFFSET


def gross_primary_productivity(
    lai: Array, uptake_per_lai: Array, ssrd: Array, co2: Array, gc: Array, scale: Array
) -> Array:
    """GPP without water stress, gC m-2 d-1.

    With ca = co2, q = 4.22273 - 208.868 and p = lai ce exp(0.011136 tmax) / gc, the internal CO2 is
    ci = (ca + q - p + sqrt((ca + q - p)^2 - 4 (ca q - 4.22273 p))) / 2. The drawdown d = ca - ci is computed
    from the same quadratic without the cancellation that costs float32 its digits at low leaf area:
    d = 2 p (ca - 4.22273) / (ca - q + p + sqrt((ca - q + p)^2 - 4 p (ca - 4.22273))).
    Then e0 = 7.19298 lai^2 / (2.1001 + lai^2), pd = gc d, GPP = e0 ssrd pd / (e0 ssrd + pd) * scale.

    Args:
        lai: leaf area index, m2 m-2.
        uptake_per_lai: p / lai = ce exp(0.011136 tmax) / gc.
        ssrd: MJ m-2 d-1.
        co2: ca, ppm.
        gc: from `conductance`.
        scale: from `day_factor`.
    """
    p = lai * uptake_per_lai
    b = co2 - (COMPENSATION - HALF_SATURATION) + p
    c = p * (co2 - COMPENSATION)
    # b^2 - 4 c = (ca - q - p)^2 + 4 p 208.868 > 0: the root needs no guard
    drawdown = 2 * c / (b + jnp.sqrt(b * b - 4 * c))
    lai_squared = lai * lai
    light = LIGHT_EFFICIENCY * lai_squared / (LIGHT_HALF_SATURATION + lai_squared) * ssrd
    diffusion = gc * drawdown
    # without leaves both are 0: 0/0
    total = light + diffusion
    return light * diffusion / jnp.where(total > 0, total, 1.0) * scale


def acm(params: Any, state: CanopyState) -> Array:
    """Potential GPP of the aggregated canopy model."""
    return gross_primary_productivity(
        state.lai, state.uptake_per_lai, state.ssrd, state.co2, state.conductance, state.day_factor
    )


ACM = Process(acm)
