"""Data of any shape for benchmarks: plausible weather, every observation stream, and nothing to be learned."""

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from landlab_mgr.data import parts
from landlab_mgr.models import registry
from landlab_mgr.observations.calendar import DAYS_PER_MONTH
from landlab_mgr.observations.streams import Stream, stream_variable
from landlab_mgr.observations.variables import Variable

N_PREDICTORS = 20
"""Columns of PFT + CLIM + AGE + SOIL in the paper."""
GROUP = "CLIM"
"""The predictor group that all of them are of."""
COVERAGE = 0.8
"""Share of the months that each stream observes."""
PIXELS_OF_A_TOWER = 160
"""Pixels of which one has a tower."""


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


def forcing() -> list[Variable]:
    """Return the forcing that the default model reads."""
    return [registry.forcing()[name] for name in registry.tables(registry.DEFAULT).forcing or ()]


def streams() -> list[Stream]:
    """Streams that the default model learns from."""
    return [registry.streams()[name] for name in registry.tables(registry.DEFAULT).modelled]


def stepwise() -> Stream:
    """Return the first stream of pixels and steps.

    It is all that a planet observes where one stream is enough.
    """
    return next(s for s in streams() if (s.level, s.average, s.tower) == ("pixel", "step", False))


def skeleton(name: str, patches: int, pixels: int, months: int) -> xr.Dataset:
    """Make a planet of noise, which has nothing to be learned.

    Its months are declared only.
    """
    n = patches * pixels
    rng = np.random.default_rng([patches, pixels, months])
    patch = np.repeat(np.arange(patches, dtype=np.int32), pixels)
    pixel, monthly = ("pixel",), ("pixel", "time")

    def about(role: str, units: str, meaning: str, **more: str) -> dict[str, str]:
        return {"role": role, "units": units, "long_name": meaning, **more}

    axes, _ = weather(1, months)
    variables: dict[str, Any] = {
        "lat": (pixel, rng.uniform(-55, 70, n), about("geometry", "degrees_north", "latitude")),
        "lon": (pixel, rng.uniform(-180, 180, n), about("geometry", "degrees_east", "longitude")),
        "area_m2": (pixel, np.full(n, 7e8), about("geometry", "m2", "pixel area")),
        "patch": (pixel, patch, about("geometry", "1", "patch")),
        "test": (pixel, patch % 10 == 9, about("geometry", "1", "pixel of a test patch")),
        "time_days": (("time",), axes["time_days"], about("time axis", "d", "days since origin")),
        "doy": (("time",), axes["doy"], about("time axis", "d", "day of year")),
    }
    for k in range(N_PREDICTORS):
        attrs = about("predictor", "1", "noise", group=GROUP, kind="continuous")
        variables[f"predictor_{k}"] = (pixel, rng.normal(size=n), attrs)
    declared = parts.declared((n, months))
    for v in forcing():
        variables[v.name] = (monthly, declared, about("forcing", v.unit, v.meaning))
    for stream in streams():
        unit = registry.variables()[stream.variable].unit
        variables[stream.name] = (monthly, declared, about("observation", unit, stream.variable))
        if stream.tower:
            attrs = about("weight", "1", f"weight of {stream.name}")
            variables[stream_variable(stream.name, "weight")] = (monthly, declared, attrs)
    provenance = {
        "name": name,
        "kind": "synthetic",
        "source": "landlab bench",
        "licence": "MIT",
        "citation": "landlab_mgr",
        "dt_days": DAYS_PER_MONTH,
        "origin": "2001-01-01",
    }
    time_axis = pd.date_range("2001-01-01", periods=months, freq="MS") + pd.Timedelta(days=14)
    return xr.Dataset(variables, coords={"time": time_axis}, attrs=provenance)


def months_of(first: int, n: int, months: int) -> dict[str, np.ndarray]:
    """Plausible weather and every stream of some pixels, [n, months]; few pixels have a tower."""
    rng = np.random.default_rng([first, 1])
    drawn, _ = weather(n, months, seed=first)
    values = {v.name: drawn[v.name].T.astype(np.float32) for v in forcing()}
    for stream in streams():
        values[stream.name] = rng.random((n, months), np.float32)
        values[stream.name][rng.random((n, months), np.float32) > COVERAGE] = np.nan
        if stream.tower:
            values[stream.name][np.arange(n) % PIXELS_OF_A_TOWER != 0] = np.nan
            values[stream_variable(stream.name, "weight")] = rng.random((n, months), np.float32)
    return values


def dataset(pixels: int, months: int) -> xr.Dataset:
    """One patch of so many pixels, in memory."""
    ds = skeleton("bench", 1, pixels, months)
    return ds.assign({name: ds[name].copy(data=x) for name, x in months_of(0, pixels, months).items()})
