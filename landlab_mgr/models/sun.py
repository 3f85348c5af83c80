"""The sun and the moisture of the air, by FAO Irrigation and Drainage Paper 56 (Allen et al. 1998). JAX-free.

Functions of NumPy or JAX arrays alike: models and importers use the same equations.
"""

import math
from typing import Any, NamedTuple

SOLAR_CONSTANT = 0.0820
"""MJ m-2 min-1."""
MINUTES_PER_DAY = 24 * 60


class Sun(NamedTuple):
    """The sun of each day and place, [T, N]."""

    radiation: Any
    """Above the air, MJ m-2 d-1."""
    daylight: Any
    """Hours of the day."""


def sun(doy: Any, latitude: Any) -> Sun:
    """Radiation above the air and length of the day: equations 21 to 25 and 34.

    Args:
        doy: [T] day of the year.
        latitude: [N] degrees north.
    """
    xp = doy.__array_namespace__()
    phase = (2 * math.pi / 365) * doy[:, None]
    distance = 1 + 0.033 * xp.cos(phase)
    declination = 0.409 * xp.sin(phase - 1.39)
    phi = (math.pi / 180) * latitude[None]
    sunset = xp.arccos(xp.clip(-xp.tan(phi) * xp.tan(declination), -1.0, 1.0))
    height = sunset * xp.sin(phi) * xp.sin(declination) + xp.cos(phi) * xp.cos(declination) * xp.sin(sunset)
    return Sun(MINUTES_PER_DAY / math.pi * SOLAR_CONSTANT * distance * height, 24 / math.pi * sunset)


def saturation(temperature: Any) -> Any:
    """Saturation vapour pressure over water, kPa, at a temperature in degC: equation 11."""
    xp = temperature.__array_namespace__()
    return 0.6108 * xp.exp(17.27 * temperature / (temperature + 237.3))
