"""The calendar of a dataset: its steps, and means over months, years and seasons. Works on NumPy and JAX arrays.

A year is twelve months from the first step on, a month is a calendar month, a season one of DJF, MAM, JJA, SON. Steps
may have any length; a segment counts only where the dataset covers it whole. Monthly data are months of equal weight.
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from landlab_mgr.observations.steps import (
    DAYS_PER_YEAR,
    LONGEST_DAY_STEP,
    MONTHS_PER_YEAR,
    Period,
    Step,
)

if TYPE_CHECKING:
    import xarray as xr


@dataclass(frozen=True)
class Calendar:
    """`steps` steps of `dt` days from the date `first` (YYYY-MM-DD); equal calendars compile once."""

    first: str
    steps: int
    dt: float

    @classmethod
    def of(cls, ds: "xr.Dataset") -> "Calendar":
        """Return the calendar of a dataset, from its times and its attribute `dt_days`."""
        first = str(ds["time"].values[0].astype("datetime64[D]"))
        return cls(first, ds.sizes["time"], float(ds.attrs["dt_days"]))

    @property
    def step(self) -> Step:
        """Kind of a step: a calendar month, or a day (or less, or a day and a half)."""
        return "day" if self.dt <= LONGEST_DAY_STEP else "month"

    @cached_property
    def dates(self) -> np.ndarray:
        """[T] datetime64[D]: the first day of each step."""
        if self.step == "month":
            return (np.datetime64(self.first, "M") + np.arange(self.steps)).astype("datetime64[D]")
        return np.datetime64(self.first, "D") + np.floor(np.arange(self.steps) * self.dt).astype(int)

    @cached_property
    def month_of_year(self) -> np.ndarray:
        """[T] calendar month of each step, 0 for January."""
        return self.dates.astype("datetime64[M]").astype(int) % MONTHS_PER_YEAR

    @cached_property
    def steps_per_year(self) -> int:
        """Steps of a mean year."""
        return MONTHS_PER_YEAR if self.step == "month" else round(DAYS_PER_YEAR / self.dt)

    def segments(self, period: Period) -> np.ndarray:
        """[S, 2] first step and end of each whole month, season or year, in order."""
        return _segments(self, period)

    def split(self, x: Any, period: Period, fill: float = 0.0) -> Any:
        """Split steps [T, ...] into segments [S, longest, ...].

        Shorter segments end with `fill`.
        """
        bounds = self.segments(period)
        sizes = bounds[:, 1] - bounds[:, 0]
        if len(sizes) == 0:
            return x[:0].reshape(0, 1, *x.shape[1:])
        longest = int(sizes.max())
        if (sizes == longest).all() and (bounds[1:, 0] == bounds[:-1, 1]).all():
            first = int(bounds[0, 0])
            return x[first : int(bounds[-1, 1])].reshape(len(sizes), longest, *x.shape[1:])
        place = np.arange(longest)
        inside = place < sizes[:, None]
        taken = x[np.where(inside, bounds[:, :1] + place, bounds[:, :1])]
        mask = inside.reshape(*inside.shape, *[1] * (x.ndim - 1))
        # where, not a product: what pads a segment may be NaN
        return x.__array_namespace__().where(mask, taken, fill)

    def mean(self, x: Any, period: Period) -> Any:
        """Means [S, ...] of steps [T, ...] over whole months, seasons or years."""
        bounds = self.segments(period)
        sizes = bounds[:, 1] - bounds[:, 0]
        parts = self.split(x, period)
        if len(sizes) == 0 or (sizes == sizes[0]).all():
            return parts.mean(axis=1)
        return parts.sum(axis=1) / sizes.astype(x.dtype).reshape(-1, *[1] * (x.ndim - 1))

    def spread(self, x: np.ndarray, period: Period) -> np.ndarray:
        """Values of segments [S, ...] at each of their steps, [T, ...]; NaN at steps of no whole segment."""
        bounds = self.segments(period)
        out = np.full((self.steps, *x.shape[1:]), np.nan, x.dtype)
        for value, (start, end) in zip(x, bounds, strict=True):
            out[start:end] = value
        return out

    def last(self, x: Any, period: Period) -> Any:
        """Values [S, ...] at the last step of whole months, seasons or years."""
        ends = self.segments(period)[:, 1] - 1
        size = np.diff(ends)
        if len(ends) > 1 and (size == size[0]).all():
            return x[int(ends[0]) : int(ends[-1]) + 1 : int(size[0])]
        # slices, no gather: XLA's CPU compiler fails on one of these where chunks of steps were joined before
        return x.__array_namespace__().stack([x[int(end)] for end in ends]) if len(ends) else x[:0]

    def steps_in_months(self, months: int) -> int:
        """Count the steps in so many months from the first step."""
        end = np.datetime64(self.first, "M") + months
        if self.step == "month":
            return min(months, self.steps)
        offset = np.datetime64(self.first, "D") - np.datetime64(self.first, "M").astype("datetime64[D]")
        return int(np.searchsorted(self.dates, end.astype("datetime64[D]") + offset))


@lru_cache(maxsize=64)
def _segments(calendar: Calendar, period: Period) -> np.ndarray:
    turns = _turns(calendar, period)
    edges = np.searchsorted(_with_end(calendar), turns)
    bounds = np.stack([edges[:-1], edges[1:]], axis=1)
    covered = (turns[:-1] >= calendar.dates[0]) & (turns[1:] <= _with_end(calendar)[-1])
    return bounds[covered & (bounds[:, 1] > bounds[:, 0])]


def _with_end(calendar: Calendar) -> np.ndarray:
    """[T + 1] first day of each step, and the day after the last."""
    if calendar.step == "month":
        end = (np.datetime64(calendar.first, "M") + calendar.steps).astype("datetime64[D]")
    else:
        end = calendar.dates[0] + int(np.ceil(calendar.steps * calendar.dt))
    return np.append(calendar.dates, end)


def _turns(calendar: Calendar, period: Period) -> np.ndarray:
    """Days on which a month, season or year may begin, from before the first step to after the last."""
    month = calendar.dates[0].astype("datetime64[M]")
    offset = np.timedelta64(0, "D")
    if period == "month":
        size = 1
    elif period == "season":
        size = 3
        month = month - (month.astype(int) + 1) % 3
    else:
        size = MONTHS_PER_YEAR
        offset = calendar.dates[0] - month.astype("datetime64[D]")
    months = calendar.steps * max(calendar.dt, 1.0) / 28 + 2 * size
    return (month + np.arange(0, int(months) + size, size)).astype("datetime64[D]") + offset
