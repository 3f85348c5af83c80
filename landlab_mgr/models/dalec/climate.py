"""The weather as the land model wants it: forcing, and all of the model that depends on forcing alone.

Shapes: T months, N pixels; arrays over both are [T, N], with the pixels contiguous.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from landlab_mgr.models.dalec.parameters import FORCING
from landlab_mgr.models.dalec.process import phenology, photosynthesis

DRIEST_MEAN = 1e-3
"""mm d-1; a pixel without any precipitation would divide by its mean of 0."""


class Forcing(NamedTuple):
    """Meteorological forcing of a set of pixels; units as in `parameters.FORCING`."""

    tmin: Array
    tmax: Array
    ssrd: Array
    co2: Array
    vpd: Array
    precip: Array
    burned_area: Array
    time_days: Array
    """[T] days since the dataset's origin."""
    doy: Array
    """[T] mid-month day of year."""
    latitude: Array
    """[N] degrees north."""
    mean_temp: Array
    """[N] time mean of (tmin + tmax) / 2, degC."""
    mean_precip: Array
    """[N] time mean of precipitation, mm d-1."""
    dt: Array
    """[] length of a step, days."""


class Climate(NamedTuple):
    """What the model needs of a forcing, whatever the parameters; [T, N] unless said otherwise."""

    conductance: Array
    """gc of the aggregated canopy model."""
    uptake: Array
    """exp(0.011136 tmax) / gc."""
    day_factor: Array
    ssrd: Array
    co2: Array
    root_vpd: Array
    """sqrt(vpd), hPa^0.5."""
    precip: Array
    burned_area: Array
    temperature: Array
    """(tmin + tmax) / 2, degC."""
    warmth: Array
    """Temperature of the month minus the pixel's mean over time, degC."""
    wetness: Array
    """Precipitation / its mean, minus 1."""
    season: phenology.Season
    """[T] each."""
    dt: Array
    """[] length of a step, days."""


def prepare(forcing: Forcing) -> Climate:
    """The part of the model that depends on the forcing alone; once per dataset."""
    f = forcing
    gc = photosynthesis.conductance(f.tmin, f.tmax)
    temperature = 0.5 * (f.tmin + f.tmax)
    daylength = photosynthesis.day_length(f.doy[:, None], f.latitude[None])
    return Climate(
        conductance=gc,
        uptake=jnp.exp(photosynthesis.TEMPERATURE_EXPONENT * f.tmax) / gc,
        day_factor=photosynthesis.day_factor(daylength),
        ssrd=f.ssrd,
        co2=f.co2,
        root_vpd=jnp.sqrt(f.vpd),
        precip=f.precip,
        burned_area=f.burned_area,
        temperature=temperature,
        warmth=temperature - f.mean_temp[None],
        wetness=f.precip / f.mean_precip[None] - 1,
        season=phenology.season(f.time_days),
        dt=f.dt,
    )


def make_forcing(values: Mapping[str, np.ndarray], latitude: np.ndarray, dt: float, dtype: Any) -> Forcing:
    """Forcing from monthly arrays [T, N] by name (and time_days, doy [T]), with each pixel's means over time."""
    derived = {
        "latitude": latitude,
        "mean_temp": (0.5 * (values["tmin"] + values["tmax"])).mean(axis=0),
        "mean_precip": np.maximum(values["precip"].mean(axis=0), DRIEST_MEAN),
        "dt": np.asarray(dt),
    }
    named = {name: values[name] for name in (*FORCING, "time_days", "doy")} | derived
    return Forcing(**{name: jnp.asarray(x, dtype) for name, x in named.items()})


def take(climate: Climate, index: Array) -> Climate:
    """The climate of some pixels."""
    return jax.tree.map(lambda x: jnp.take(x, index, axis=1) if x.ndim == 2 else x, climate)
