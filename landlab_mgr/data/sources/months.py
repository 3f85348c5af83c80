"""The months (or days) of a dataset: read from a file's time axis, and what importers derive from them.

A month is a twelfth of a Julian year here, as in the source data of FluxVal: `time_days` counts them from the first of
January of the first year, `doy` from the first of January of each, both to mid-month.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import xarray as xr

from landlab_mgr.data.sources import source_files
from landlab_mgr.errors import LandlabError
from landlab_mgr.observations.calendar import DAYS_PER_MONTH, DAYS_PER_YEAR, MONTHS_PER_YEAR, Step

MOST_MONTHS = MONTHS_PER_YEAR * 500
BLOCK_VALUES = 2**22
"""Pixel-months of each variable that are in memory at once."""
EARLIEST, LATEST = np.datetime64("1600-01", "M"), np.datetime64("2250-01", "M")
"""Beyond these datetime64[ns] ends, and so do records of the land."""


@dataclass(frozen=True)
class Axis:
    """The time axis of a dataset, [time] each."""

    time: np.ndarray
    """Middle of the calendar month or day, datetime64[ns]."""
    time_days: np.ndarray
    """Days from the origin to the middle of the step; months are of equal length."""
    doy: np.ndarray
    """Day of the year of the middle of the step."""
    origin: str
    """First of January of the first year."""
    dt_days: float = DAYS_PER_MONTH

    @property
    def step(self) -> Step:
        """What a step is."""
        return "month" if self.dt_days == DAYS_PER_MONTH else "day"


def axis(first: np.datetime64, count: int) -> Axis:
    """The axis of `count` months from a first one.

    Raises:
        LandlabError: for months that no dataset can have.
    """
    month = first.astype("datetime64[M]")
    if not 1 <= count <= MOST_MONTHS or not month >= EARLIEST or not month + count <= LATEST:
        raise LandlabError(
            f"{count} months from {month}; allowed: 1..{MOST_MONTHS} between {EARLIEST} and {LATEST}"
        )
    edges = (month + np.arange(count + 1)).astype("datetime64[s]")
    year = month.astype("datetime64[Y]")
    since = int((month - year.astype("datetime64[M]")).astype(int)) + np.arange(count)
    return Axis(
        time=(edges[:-1] + (edges[1:] - edges[:-1]) // 2).astype("datetime64[ns]"),
        time_days=(since + 0.5) * DAYS_PER_MONTH,
        doy=(since % MONTHS_PER_YEAR + 0.5) * DAYS_PER_MONTH,
        origin=f"{year}-01-01",
    )


def axis_of_days(first: np.datetime64, count: int) -> Axis:
    """The axis of `count` days from a first one.

    Raises:
        LandlabError: for days that no dataset can have.
    """
    day = first.astype("datetime64[D]") + np.arange(count)
    if not day[0] >= EARLIEST or not day[-1] < LATEST:
        raise LandlabError(f"{count} days from {day[0]}; allowed: days between {EARLIEST} and {LATEST}")
    year = day.astype("datetime64[Y]").astype("datetime64[D]")
    return Axis(
        time=(day.astype("datetime64[h]") + 12).astype("datetime64[ns]"),
        time_days=(day - year[0]).astype(int) + 0.5,
        doy=(day - year).astype(int) + 0.5,
        origin=str(year[0]),
        dt_days=1.0,
    )


def read(time: xr.DataArray, start: str | None, where: str, daily: bool = False) -> Axis:
    """The months that a file's time variable holds, or with `daily` its days where it steps by days.

    Where `start` (2001-01) is given, months are counted from it.

    Raises:
        LandlabError: for a time that cannot be read, is of other steps, or leaves some out; it names `start`.
    """
    name = str(time.name)
    if time.ndim != 1:
        raise LandlabError(
            f"{where}: time {name!r} has dimensions {time.dims}; allowed: one, over the months"
        )
    if start is not None:
        return axis(np.datetime64(start, "M"), time.size)
    advice = 'if each step is a month, say which is the first: start = "2001-01"'
    units = str(time.attrs.get("units", ""))
    if not re.match(r"\s*\w+\s+since\s", units):
        raise LandlabError(f"{where}: time {name!r} has unit {units!r}, not days since a date; {advice}")
    values = source_files.values(time, f"{where}: time {name!r}")
    if values.dtype.kind not in "fiu" or not np.isfinite(values).all():
        raise LandlabError(f"{where}: time {name!r} holds values that are no numbers; {advice}")
    attrs = {key: str(value) for key, value in time.attrs.items() if key in ("units", "calendar")}
    try:
        decoded = xr.decode_cf(xr.Dataset(coords={"t": ("t", values, attrs)}))["t"].values
        second = decoded.astype("datetime64[s]")
    except Exception as error:  # pandas, cftime and xarray each have their own
        reason = " ".join(str(error).split())[:120]
        raise LandlabError(
            f"{where}: time {name!r} in {units!r} cannot be read: {reason}; {advice}"
        ) from None
    if daily and np.mean(np.diff(second) == np.timedelta64(1, "D")) > 0.5:
        day = second.astype("datetime64[D]")
        step = np.diff(day).astype(int)
        if (step != 1).any():
            at = int((step != 1).argmax())
            raise LandlabError(
                f"{where}: time {name!r} goes from {day[at]} to {day[at + 1]} at step {at + 2}; every day once, in "
                "order: fill the gaps, or make monthly means first (cdo monmean)"
            )
        return axis_of_days(day[0], len(day))
    return consecutive(second.astype("datetime64[M]"), name, where, advice)


def consecutive(month: np.ndarray, name: str, where: str, advice: str) -> Axis:
    """The axis of months that follow each other, datetime64[M] [time]; LandlabError names the first that do not."""
    step = np.diff(month.astype(np.int64))
    if (step != 1).any():
        at = int((step != 1).argmax())
        raise LandlabError(
            f"{where}: time {name!r} goes from {month[at]} to {month[at + 1]} at step {at + 2}; every month once, in "
            f"order: make monthly means first (cdo monmean), or {advice}"
        )
    return axis(month[0], len(month))


def over_years(values: np.ndarray) -> np.ndarray:
    """Fill each year [pixel, 12 months from the first] with the mean of its observed values; NaN where it has none.

    For what is observed once a year but compared with annual means, in which all months must be there.
    """
    filled = np.full_like(values, np.nan)
    for start in range(0, values.shape[1], MONTHS_PER_YEAR):
        year = values[:, start : start + MONTHS_PER_YEAR]
        count = np.isfinite(year).sum(axis=1)
        mean = np.nansum(year, axis=1) / np.maximum(count, 1)
        filled[:, start : start + MONTHS_PER_YEAR] = np.where(count > 0, mean, np.nan)[:, None]
    return filled


def climate(ds: xr.Dataset) -> dict[str, tuple[np.ndarray, str, str]]:
    """MAT and MAP, values [pixel], unit and meaning, as far as the forcing tells them."""
    means: dict[str, tuple[np.ndarray, str, str]] = {}
    if "tmin" in ds and "tmax" in ds:
        warmth = _over_time(ds, ("tmin", "tmax"), lambda tmin, tmax: (tmin.astype(np.float64) + tmax) / 2)
        means["MAT"] = (warmth, "degC", "mean annual temperature, from the forcing")
    if "precip" in ds:
        rain = DAYS_PER_YEAR * _over_time(ds, ("precip",), lambda precip: precip)
        means["MAP"] = (rain, "mm yr-1", "mean annual precipitation, from the forcing")
    return means


def _over_time(ds: xr.Dataset, names: tuple[str, ...], of: Callable[..., np.ndarray]) -> np.ndarray:
    """Mean over time [pixel] of a function of variables [pixel, time], some pixels in memory at once."""
    rows = max(1, BLOCK_VALUES // ds.sizes["time"])
    mean = np.empty(ds.sizes["pixel"])
    for start in range(0, len(mean), rows):
        part = ds[list(names)].isel(pixel=slice(start, start + rows))
        mean[start : start + rows] = of(*(part[n].values for n in names)).mean(axis=1, dtype=np.float64)
    return mean
