"""The bucket as functions of arrays: one step, and two processes of evaporation."""

from typing import NamedTuple

import jax.numpy as jnp
from bucket_tables import TABLES
from jax import Array

from landlab_mgr.models.land import Dynamics, land
from landlab_mgr.models.process import Process


class Dryness(NamedTuple):
    """State that an evaporation process reads: water over capacity, 0 to 1."""

    share: Array


# Each gives actual over potential evaporation. 1e-6: the slope of a square root is infinite at 0.
LINEAR = Process(lambda params, state: state.share)
SUDDEN = Process(lambda params, state: jnp.sqrt(state.share + 1e-6))


def prepare(forcing):
    """Weather that needs no parameters: rain and warmth [T, N], length of a step in days."""
    return {
        "precip": forcing.series["precip"],
        "warmth": jnp.maximum(forcing.series["tmax"], 0.0),
        "dt": forcing.dt,
    }


def drivers(parameters, weather):
    """Rain and potential evaporation of each step, mm, [T, N]."""
    demand = weather["warmth"] * parameters["demand"][None]
    return {"rain": weather["precip"] * weather["dt"], "demand": demand * weather["dt"]}


def constants(parameters, weather):
    """Capacity, and the share of the water that drains in a step."""
    undrained = jnp.exp(weather["dt"] * jnp.log1p(-parameters["drainage"]))
    return {"capacity": parameters["capacity"], "drained": 1 - undrained, "dt": weather["dt"]}


def step(storage, now, constant, processes, off):
    """Add rain, then take evaporation, overflow and drainage. Water closes at every step."""
    wet = storage + now["rain"]
    share = jnp.clip(storage / constant["capacity"], 0.0, 1.0)
    evaporation = jnp.minimum(now["demand"] * processes["evaporation"](Dryness(share)), wet)
    water = wet - evaporation
    overflow = jnp.maximum(water - constant["capacity"], 0.0)
    drained = (water - overflow) * constant["drained"]
    storage = water - overflow - drained
    dt = constant["dt"]
    return storage, {
        "discharge": (overflow + drained) / dt,
        "evaporation": evaporation / dt,
        "storage": storage,
    }


DYNAMICS = Dynamics(
    tables=TABLES,
    prepare=prepare,
    initial=lambda parameters: 0.5 * parameters["capacity"],
    step=step,
    drivers=drivers,
    constants=constants,
)
MODEL = land(DYNAMICS)
