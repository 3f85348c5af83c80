"""The months (or days) of a dataset: read from a file's time axis, and what importers derive from them.

A month is a twelfth of a Julian year here, as in the source data of FluxVal: `time_days` counts them from the first of
January of the first year, `doy` from the first of January of each, both to mid-month.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr

from landlab_mgr.data import schema
from landlab_mgr.data.sources import source_files, timestamps
from landlab_mgr.errors import LandlabError
from landlab_mgr.observations.steps import DAYS_PER_MONTH, DAYS_PER_YEAR, MONTHS_PER_YEAR, Step

MOST_MONTHS = MONTHS_PER_YEAR * 500
BLOCK_VALUES = 2**22
"""Pixel-months of each variable that are in memory at once."""
EARLIEST, LATEST = np.datetime64("1600-01", "M"), np.datetime64("2250-01", "M")
"""Beyond these datetime64[ns] ends, and so do records of the land."""
_LONGEST_TO_SHORTEST = 1.15
"""A step of a monthly axis may be so many times its shortest: 31 days to 28, and rounding."""


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
    calendar: str = "standard"
    """CF name of the calendar of the file."""
    source: np.ndarray | None = None
    """Step of the file that each step is, where the file lacks leap days: theirs are those of the day before."""

    @property
    def leap(self) -> np.ndarray:
        """Steps that the file lacks, bool [time]."""
        if self.source is None:
            return np.zeros(len(self.time), bool)
        return np.append(False, np.diff(self.source) == 0)

    @property
    def days_of_month(self) -> np.ndarray:
        """Days of the month in which each step lies, by the calendar of the file."""
        import cftime

        years_and_months = (str(m).split("-") for m in self.time.astype("datetime64[M]"))
        first = (cftime.datetime(int(y), int(m), 1, calendar=self.calendar) for y, m in years_and_months)
        return np.array([date.daysinmonth for date in first], np.float64)

    @property
    def step(self) -> Step:
        """Length of a step: a month or a day."""
        return "month" if self.dt_days == DAYS_PER_MONTH else "day"


def dataset(axis: Axis) -> xr.Dataset:
    """Make a dataset that holds a time axis and nothing else."""
    ds = xr.Dataset(coords={"time": axis.time})
    middle = f"mid-{axis.step}"
    schema.add(ds, "time_days", axis.time_days, "time axis", "d", f"days since {axis.origin}, {middle}")
    schema.add(ds, "doy", axis.doy, "time axis", "d", f"day of year, {middle}")
    return ds


def axis(first: np.datetime64, count: int) -> Axis:
    """Return the axis of `count` months from a first one.

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
    """Return the axis of `count` days from a first one.

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


def read(
    time: xr.DataArray, start: str | None, where: str, daily: bool = False, bounds: xr.DataArray | None = None
) -> Axis:
    """Read the months that a file's time variable holds.

    With `daily` these are its days, where it steps by days.

    Where `start` (2001-01) is given and the variable has no dates, months are counted from it.

    Raises:
        LandlabError: for a time that cannot be read, is of other steps, leaves some out, or contradicts `start`.
    """
    name = str(time.name)
    if time.ndim != 1:
        raise LandlabError(
            f"{where}: time {name!r} has dimensions {time.dims}; allowed: one, over the months"
        )
    advice = 'if each step is a month, say which is the first: start = "2001-01"'
    if start is not None:
        advice = "correct the time of the file, or remove its units so that start alone counts"
    if not timestamps.is_dated(time):
        if start is None:
            units = str(time.attrs.get("units", ""))
            raise LandlabError(f"{where}: time {name!r} has unit {units!r}, not days since a date; {advice}")
        _check_order(time, where)
        return axis(np.datetime64(start, "M"), time.size)
    steps = timestamps.read(time, bounds, where, advice)
    if daily and np.mean(np.diff(steps.second) == np.timedelta64(1, "D")) > 0.5:
        found = _days(steps, name, where)
    else:
        found = consecutive(steps.month, name, where, advice)
        found = replace(found, calendar=steps.calendar)
        if start is None and steps.at_month_start and _ends_years(steps.month):
            raise LandlabError(
                f"{where}: time {name!r} runs from the start of {steps.month[0]} to that of {steps.month[-1]} without "
                f'bounds: these may be the ends of whole years; say which: start = "{steps.month[0] - 1}" or '
                f'"{steps.month[0]}"'
            )
    if start is None or np.datetime64(start, "M") == steps.month[0]:
        return found
    if steps.at_month_start and np.datetime64(start, "M") == steps.month[0] - 1:
        return replace(axis(np.datetime64(start, "M"), time.size), calendar=steps.calendar)
    raise LandlabError(
        f"{where}: time {name!r} begins in {steps.month[0]}, not in start = {start!r}; leave start out, or {advice}"
    )


def _days(steps: timestamps.Steps, name: str, where: str) -> Axis:
    if steps.calendar in timestamps.WITHOUT_LEAP_DAYS:
        every = np.arange(steps.day[0], steps.day[-1] + 1)
        lacking = np.setdiff1d(every, steps.day)
        if all(str(day).endswith("-02-29") for day in lacking) and (np.diff(steps.day).astype(int) > 0).all():
            source = np.searchsorted(steps.day, every, side="right") - 1
            return replace(axis_of_days(steps.day[0], len(every)), source=source)
    elif steps.calendar not in timestamps.REAL_CALENDARS:
        raise LandlabError(
            f"{where}: time {name!r} has days of the calendar {steps.calendar!r}; days must be real ones: make monthly "
            "means first (cdo monmean)"
        )
    day = steps.day
    step = np.diff(day).astype(int)
    if (step != 1).any():
        at = int((step != 1).argmax())
        raise LandlabError(
            f"{where}: time {name!r} goes from {day[at]} to {day[at + 1]} at step {at + 2}; every day once, in "
            "order: fill the gaps, or make monthly means first (cdo monmean)"
        )
    return axis_of_days(day[0], len(day))


def _ends_years(month: np.ndarray) -> bool:
    """Return whether months are whole years only if each stamp ends its month.

    This is so from a February to a January.
    """
    return len(month) % MONTHS_PER_YEAR == 0 and str(month[0]).endswith("-02")


def _check_order(time: xr.DataArray, where: str) -> None:
    """LandlabError where numbers without a date show that steps run backwards or leave months out."""
    values = source_files.values(time, f"{where}: time {str(time.name)!r}")
    if values.dtype.kind not in "fiu" or not np.isfinite(values).all() or (values == values[:1]).all():
        return  # says nothing of the order
    numbers = values.astype(np.float64)
    year, month = np.divmod(numbers, 100)
    if (np.isin(month, np.arange(1, MONTHS_PER_YEAR + 1)) & (year >= 1600) & (year < 2250)).all():
        numbers = year * MONTHS_PER_YEAR + month
    step = np.diff(numbers)
    wrong = (step <= 0) | (step > _LONGEST_TO_SHORTEST * step[step > 0].min(initial=np.inf))
    if wrong.any():
        at = int(wrong.argmax())
        raise LandlabError(
            f"{where}: time {str(time.name)!r} goes from {values[at]:g} to {values[at + 1]:g} at step {at + 2}; start "
            "counts every month once, in order: sort the file, or fill its gaps"
        )


def consecutive(month: np.ndarray, name: str, where: str, advice: str) -> Axis:
    """Return the axis of months that follow each other, datetime64[M] [time].

    Raises:
        LandlabError: for months that do not; it names the first.
    """
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
