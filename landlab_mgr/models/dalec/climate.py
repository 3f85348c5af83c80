"""The weather as the land model wants it: forcing, and all of the model that depends on forcing alone.

Shapes: T months, N pixels; arrays over both are [T, N], with the pixels contiguous.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array

from landlab_mgr.models import model
from landlab_mgr.models.dalec.process import phenology, photosynthesis
from landlab_mgr.observations.variables import FORCING

WEATHER: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {
    "temperature": lambda x: 0.5 * (x["tmin"] + x["tmax"]),
    "ssrd": lambda x: x["ssrd"],
    "vpd": lambda x: x["vpd"],
    "co2": lambda x: x["co2"],
}
"""The weather that learned processes read, in the order of `process.weather.Weather`."""
DRIEST_MEAN = 1e-3
"""mm d-1; a pixel without any precipitation would divide by its mean of 0."""


class Forcing(NamedTuple):
    """Meteorological forcing of a set of pixels; units as in the dictionary of variables."""

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
    """Terms of the model that depend on the forcing alone; [T, N] unless said otherwise."""

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
    """Compute the terms that depend on the forcing alone; once per dataset."""
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


def climatology(series: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Means over time [N] that turnover compares each step with."""
    return {
        "mean_temp": (0.5 * (series["tmin"] + series["tmax"])).mean(axis=0),
        "mean_precip": np.maximum(series["precip"].mean(axis=0), DRIEST_MEAN),
    }


def make_forcing(values: Mapping[str, np.ndarray], latitude: np.ndarray, dt: float, dtype: Any) -> Forcing:
    """Make a forcing from arrays [T, N] by name, with each pixel's means over time.

    The arrays include time_days and doy, [T].
    """
    derived = climatology(values) | {"latitude": latitude, "dt": np.asarray(dt)}
    named = {name: values[name] for name in (*FORCING, "time_days", "doy")} | derived
    return Forcing(**{name: jnp.asarray(x, dtype) for name, x in named.items()})


def of_any(forcing: model.Forcing) -> Forcing:
    """DALEC's forcing from what every model is given."""
    f = forcing
    axes = {"time_days": f.time_days, "doy": f.doy, "latitude": f.latitude, "dt": f.dt}
    return Forcing(**f.series, **f.climatology, **axes)
