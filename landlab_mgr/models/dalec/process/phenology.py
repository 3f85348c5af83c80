"""Phenology: when leaves unfold and fall (Bloom & Williams 2015, doi:10.5194/bg-12-1299-2015, eqs 1-4)."""

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array

OFFSET_POLYNOMIAL = (
    2.3599784710e-5,
    3.32730053021e-4,
    9.01865258885e-4,
    -5.437736864888e-3,
    -2.0836027517787e-2,
    0.126972018064287,
    -0.188459767342504,
)
"""Coefficients of the offset in ln(lifespan - 1), from the 6th power down."""
DAYS_PER_YEAR = 365.25


class Season(NamedTuple):
    """Sine and cosine of pi t / 365.25, which turn the phase of every pixel and month into two products."""

    sine: Array
    cosine: Array


def season(time_days: Array) -> Season:
    """Return the season of days since the dataset's origin."""
    angle = time_days * (jnp.pi / DAYS_PER_YEAR)
    return Season(jnp.sin(angle), jnp.cos(angle))


def daily_rate(at: Season, lifespan: Array, period: Array, day: Array) -> Array:
    """Rate, d-1, at which a pool of this lifespan empties around one day of the year.

    With s = 365.25 / pi, w = period sqrt(2) / 2, f = (ln L - ln(L - 1)) / 2 and offset = w poly6(ln(L - 1)):
    rate = 2 / sqrt(pi) * (f / w) * exp(-(sin((t - D + offset) / s) s / w)^2).

    Args:
        at: from `season` of t.
        lifespan: L, years, above 1.
        period: P, days.
        day: D, day of onset or fall, days.
    """
    s = DAYS_PER_YEAR / jnp.pi
    w = period * (2**0.5 / 2)
    log_beyond = jnp.log(lifespan - 1)
    f = (jnp.log(lifespan) - log_beyond) / 2
    offset = jnp.zeros_like(log_beyond)
    for coefficient in OFFSET_POLYNOMIAL:
        offset = offset * log_beyond + coefficient
    centre = (day - offset * w) / s
    # sin(t / s - centre), with no sine of a pixel's month
    sine = at.sine * jnp.cos(centre) - at.cosine * jnp.sin(centre)
    phase = sine * (s / w)
    return 2 / jnp.pi**0.5 * (f / w) * jnp.exp(-phase * phase)
