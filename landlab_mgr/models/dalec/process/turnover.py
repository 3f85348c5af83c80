"""Turnover: first-order losses over a step, and how temperature and moisture scale them.

Bloom & Williams (2015, doi:10.5194/bg-12-1299-2015).
"""

import jax
import jax.numpy as jnp
from jax import Array

MAX_DAILY_RATE = 1 - 1e-6
"""A daily rate of 1 empties the pool within the day; the environment factor can pass 100 in a desert month."""


def step_rate(daily_rate: Array, dt: Array) -> Array:
    """Mean loss rate over a step, d-1, of a pool that loses `daily_rate` of itself each day: (1 - (1 - r)^dt) / dt.

    The rate is bounded before the power, since a `where` afterwards would still give NaN gradients.
    """
    return _mean_rate(jnp.minimum(daily_rate, MAX_DAILY_RATE), dt)


@jax.custom_jvp
def _mean_rate(r: Array, dt: Array) -> Array:
    """(1 - (1 - r)^dt) / dt as 2 t / (t - 1) / dt with t = tanh(dt log1p(-r) / 2).

    As worded it errs by 19 % in float32 at r = 1e-7; expm1 is as exact as tanh and slower in XLA.
    """
    t = jnp.tanh(0.5 * dt * jnp.log1p(-r))
    return 2 * t / (t - 1) / dt


@_mean_rate.defjvp
def _mean_rate_jvp(primals: tuple[Array, Array], tangents: tuple[Array, Array]) -> tuple[Array, Array]:
    """d/dr = (1 - r)^(dt - 1), from the rate itself; the length of a step is no parameter."""
    r, dt = primals
    rate = _mean_rate(r, dt)
    return rate, (1 - dt * rate) / (1 - r) * tangents[0]


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
