"""Data of any shape for benchmarks: plausible weather, every observation stream, and nothing to be learned."""

import jax
import jax.numpy as jnp
import numpy as np

from landlab_mgr.data.batch import Arrays
from landlab_mgr.models.dalec.climate import make_forcing, prepare
from landlab_mgr.models.dalec.parameters import STREAMS
from landlab_mgr.models.dalec.process import Scale, Weather

DAYS_PER_MONTH = 30.4375
N_PREDICTORS = 20
"""Columns of PFT + CLIM + AGE + SOIL in the paper."""
SCALE = Scale(
    mean=Weather(*(np.float32(x) for x in (12.0, 16.0, 8.0, 385.0))),
    sd=Weather(*(np.float32(x) for x in (12.0, 7.0, 6.0, 10.0))),
)
"""Roughly of the weather below."""


def weather(pixels: int, months: int, seed: int = 0) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Monthly forcing [months, pixels] by name, with fires, and the pixels' latitudes."""
    rng = np.random.default_rng(seed)
    shape = (months, pixels)
    t = np.arange(months)[:, None]
    latitude = rng.uniform(-55, 70, pixels)
    hemisphere = np.sign(latitude)
    mean = 28 - 0.5 * np.abs(latitude)
    temperature = mean + 10 * np.cos(2 * np.pi * (t - 6) / 12) * hemisphere + rng.normal(0, 2, shape)
    half_range = rng.uniform(2, 8, shape)
    light = 16 + 9 * np.cos(2 * np.pi * (t - 5) / 12) * hemisphere + rng.normal(0, 2, shape)
    values = {
        "tmin": temperature - half_range,
        "tmax": temperature + half_range,
        "ssrd": np.clip(light, 0, 40),
        "co2": np.broadcast_to(370 + t * 0.17, shape),
        "vpd": rng.gamma(2, 4, shape),
        "precip": rng.gamma(0.7, 4, shape),
        "burned_area": np.where(rng.random(shape) < 0.05, 0.1 * rng.random(shape), 0.0),
        "time_days": (np.arange(months) + 0.5) * DAYS_PER_MONTH,
        "doy": np.tile((np.arange(12) + 0.5) * DAYS_PER_MONTH, -(-months // 12))[:months],
    }
    return values, latitude


def arrays(pixels: int, months: int, seed: int = 0) -> Arrays:
    """A dataset in which every stream is observed everywhere, so that every loss term costs what it can."""
    rng = np.random.default_rng(seed)
    values, latitude = weather(pixels, months, seed)
    forcing = make_forcing(values, latitude, DAYS_PER_MONTH, np.float32)
    observed = {name: jnp.asarray(rng.random((months, pixels)), jnp.float32) for name in STREAMS}
    weight = {name: jnp.ones((months, pixels), jnp.float32) for name in STREAMS}
    return Arrays(jax.jit(prepare)(forcing), forcing.latitude, observed, weight, fires=True)
