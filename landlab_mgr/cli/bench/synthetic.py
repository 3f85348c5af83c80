"""Data of any shape for benchmarks: plausible weather, every observation stream, and nothing to be learned."""

from typing import Any, Literal

import numpy as np
import pandas as pd
import xarray as xr

from landlab_mgr.data import parts
from landlab_mgr.models import registry
from landlab_mgr.observations.steps import DAYS_PER_MONTH
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


Step = Literal["month", "day"]
STEPS: dict[Step, tuple[float, int, str]] = {"month": (DAYS_PER_MONTH, 12, "MS"), "day": (1.0, 365, "D")}
"""Of each step: its days, how many a year has, and pandas' name for it."""


def weather(
    pixels: int, steps: int, seed: int = 0, step: Step = "month"
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Draw forcing [steps, pixels] by name, with fires, and the pixels' latitudes."""
    rng = np.random.default_rng(seed)
    shape = (steps, pixels)
    days, per_year, _ = STEPS[step]
    t = np.arange(steps)[:, None] * 12 / per_year  # in months
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
        "time_days": (np.arange(steps) + 0.5) * days,
        "doy": np.tile((np.arange(per_year) + 0.5) * days, -(-steps // per_year))[:steps],
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


def skeleton(name: str, patches: int, pixels: int, steps: int, step: Step = "month") -> xr.Dataset:
    """Make a planet of noise, which has nothing to be learned.

    Its series are declared only.
    """
    n = patches * pixels
    rng = np.random.default_rng([patches, pixels, steps])
    patch = np.repeat(np.arange(patches, dtype=np.int32), pixels)
    pixel, series = ("pixel",), ("pixel", "time")

    def about(role: str, units: str, meaning: str, **more: str) -> dict[str, str]:
        return {"role": role, "units": units, "long_name": meaning, **more}

    axes, _ = weather(1, steps, step=step)
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
    declared = parts.declared((n, steps))
    for v in forcing():
        variables[v.name] = (series, declared, about("forcing", v.unit, v.meaning))
    for stream in streams():
        unit = registry.variables()[stream.variable].unit
        variables[stream.name] = (series, declared, about("observation", unit, stream.variable))
        if stream.tower:
            attrs = about("weight", "1", f"weight of {stream.name}")
            variables[stream_variable(stream.name, "weight")] = (series, declared, attrs)
    days, _, frequency = STEPS[step]
    provenance = {
        "name": name,
        "kind": "synthetic",
        "source": "landlab bench",
        "licence": "MIT",
        "citation": "landlab_mgr",
        "dt_days": days,
        "origin": "2001-01-01",
    }
    time_axis = pd.date_range("2001-01-01", periods=steps, freq=frequency) + pd.Timedelta(days=days // 2)
    return xr.Dataset(variables, coords={"time": time_axis}, attrs=provenance)


def series_of(first: int, n: int, steps: int, step: Step = "month") -> dict[str, np.ndarray]:
    """Plausible weather and every stream of some pixels, [n, steps]; few pixels have a tower."""
    rng = np.random.default_rng([first, 1])
    drawn, _ = weather(n, steps, seed=first, step=step)
    values = {v.name: drawn[v.name].T.astype(np.float32) for v in forcing()}
    for stream in streams():
        values[stream.name] = rng.random((n, steps), np.float32)
        values[stream.name][rng.random((n, steps), np.float32) > COVERAGE] = np.nan
        if stream.tower:
            values[stream.name][np.arange(n) % PIXELS_OF_A_TOWER != 0] = np.nan
            values[stream_variable(stream.name, "weight")] = rng.random((n, steps), np.float32)
    return values


def dataset(pixels: int, steps: int, step: Step = "month") -> xr.Dataset:
    """One patch of so many pixels, in memory."""
    ds = skeleton("bench", 1, pixels, steps, step)
    series = series_of(0, pixels, steps, step)
    return ds.assign({name: ds[name].copy(data=x) for name, x in series.items()})
