"""The months of a dataset: read from a file's time axis, and what every importer derives from them.

A month is a twelfth of a Julian year here, as in the source data of FluxVal: `time_days` counts them from the first of
January of the first year, `doy` from the first of January of each, both to mid-month.
"""

import re
from dataclasses import dataclass

import numpy as np
import xarray as xr

from landlab_mgr.data.sources import source_files
from landlab_mgr.errors import LandlabError

DT_DAYS = 30.4375
MOST_MONTHS = 12 * 500
EARLIEST, LATEST = np.datetime64("1600-01", "M"), np.datetime64("2250-01", "M")
"""Beyond these datetime64[ns] ends, and so do records of the land."""


@dataclass(frozen=True)
class Axis:
    """The time axis of a dataset, [time] each."""

    time: np.ndarray
    """Middle of the calendar month, datetime64[ns]."""
    time_days: np.ndarray
    """Days from the origin to mid-month, of months of equal length."""
    doy: np.ndarray
    """Day of the year of mid-month."""
    origin: str
    """First of January of the first year."""


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
        time_days=(since + 0.5) * DT_DAYS,
        doy=(since % 12 + 0.5) * DT_DAYS,
        origin=f"{year}-01-01",
    )


def read(time: xr.DataArray, start: str | None, where: str) -> Axis:
    """The months that a file's time variable holds; where `start` (2001-01) is given, they are counted from it.

    Raises:
        LandlabError: for a time that cannot be read, is not monthly, or leaves months out; it names `start`.
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
        month = decoded.astype("datetime64[M]")
    except Exception as error:  # pandas, cftime and xarray each have their own
        reason = " ".join(str(error).split())[:120]
        raise LandlabError(
            f"{where}: time {name!r} in {units!r} cannot be read: {reason}; {advice}"
        ) from None
    return consecutive(month, name, where, advice)


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
    for start in range(0, values.shape[1], 12):
        year = values[:, start : start + 12]
        count = np.isfinite(year).sum(axis=1)
        mean = np.nansum(year, axis=1) / np.maximum(count, 1)
        filled[:, start : start + 12] = np.where(count > 0, mean, np.nan)[:, None]
    return filled


def climate(ds: xr.Dataset) -> dict[str, tuple[np.ndarray, str, str]]:
    """MAT and MAP, values [pixel], unit and meaning: what every dataset with forcing can have as predictors."""
    rows = max(1, 2**22 // ds.sizes["time"])
    warmth, rain = np.empty(ds.sizes["pixel"]), np.empty(ds.sizes["pixel"])
    for start in range(0, len(warmth), rows):
        part = ds[["tmin", "tmax", "precip"]].isel(pixel=slice(start, start + rows))
        both = part["tmin"].values.astype(np.float64) + part["tmax"].values
        warmth[start : start + rows] = both.mean(axis=1) / 2
        rain[start : start + rows] = 365.25 * part["precip"].values.mean(axis=1, dtype=np.float64)
    return {
        "MAT": (warmth, "degC", "mean annual temperature, from the forcing"),
        "MAP": (rain, "mm yr-1", "mean annual precipitation, from the forcing"),
    }
