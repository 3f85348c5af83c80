"""Turnover: first-order losses over a step, and how temperature and moisture scale them.

Bloom & Williams (2015, doi:10.5194/bg-12-1299-2015).
"""

import jax.numpy as jnp
from jax import Array

MAX_DAILY_RATE = 1 - 1e-6
"""A daily rate of 1 empties the pool within the day; the environment factor can pass 100 in a desert month."""


def step_rate(daily_rate: Array, dt: Array) -> Array:
    """Mean loss rate over a step, d-1, of a pool that loses `daily_rate` of itself each day: (1 - (1 - r)^dt) / dt.

    Written with expm1 and log1p, since 1 - (1 - r)^dt in float32 errs by 19 % at r = 1e-7; the rate is bounded
    before the power, since a `where` afterwards would still give NaN gradients.
    """
    return -jnp.expm1(dt * jnp.log1p(-jnp.minimum(daily_rate, MAX_DAILY_RATE))) / dt


def environment_factor(warmth: Array, wetness: Array, q10_exponent: Array, moisture_factor: Array) -> Array:
    """Temperature and moisture scaling of heterotrophic rates, 1 at the pixel's mean climate.

    T = exp(q10_exponent warmth) (wetness moisture_factor + 1).

    Args:
        warmth: (tmin + tmax) / 2 minus its mean over time, degC.
        wetness: precipitation / its mean over time, minus 1.
        q10_exponent: degC-1.
        moisture_factor: sensitivity to wetness.
    """
    return jnp.exp(q10_exponent * warmth) * (wetness * moisture_factor + 1)
