"""Time axes of files by the CF conventions: bounds, calendars and time zones, read into months or days. JAX-free."""

import re
from dataclasses import dataclass

import numpy as np
import xarray as xr

from landlab_mgr.data.sources import source_files
from landlab_mgr.errors import LandlabError

REAL_CALENDARS = ("standard", "gregorian", "proleptic_gregorian")
WITHOUT_LEAP_DAYS = ("noleap", "365_day")
"""Calendars whose days are all real ones, but that lack 29 February."""
LONGEST_STEP_DAYS = 45.0
"""Bounds of a month are shorter; longer ones are of a season or a year."""
_ZONE = re.compile(r"^(.*\d:\d{2}(?::\d{2}(?:\.\d*)?)?)\s*([+-])(\d{1,2}):?(\d{2})?\s*$")
_DAY = np.timedelta64(1, "D")


@dataclass(frozen=True)
class Steps:
    """The steps of a time axis, [time] each."""

    second: np.ndarray
    """Middle of the bounds, or else the stamp, datetime64[s] as the calendar names it."""
    calendar: str
    at_month_start: bool
    """All stamps are the first instant of a month, and no bounds say whether they begin or end it."""

    @property
    def month(self) -> np.ndarray:
        """Calendar months, datetime64[M]."""
        return self.second.astype("datetime64[M]")

    @property
    def day(self) -> np.ndarray:
        """Days, datetime64[D]."""
        return self.second.astype("datetime64[D]")


def is_dated(time: xr.DataArray) -> bool:
    """Return whether a time variable counts from a date.

    Its unit is then like "days since 2001-01-01".
    """
    return re.match(r"\s*\w+\s+since\s", str(time.attrs.get("units", ""))) is not None


def bounds_of(ds: xr.Dataset, time: xr.DataArray) -> xr.DataArray | None:
    """Return the variable that the time axis names as its bounds.

    It is None where the file lacks it.
    """
    name = time.attrs.get("bounds", time.encoding.get("bounds"))
    return ds[name] if name in ds.variables else None


def read(time: xr.DataArray, bounds: xr.DataArray | None, where: str, advice: str) -> Steps:
    """Read the steps that a dated time variable holds.

    Raises:
        LandlabError: for times that cannot be read, or that may mean two things; it ends with `advice`.
    """
    name = f"time {str(time.name)!r}"
    if "climatology" in time.attrs:
        raise LandlabError(f"{where}: {name} is a climatology, not months of their own years; {advice}")
    calendar = str(time.attrs.get("calendar", "standard")).lower()
    units, zone = _without_zone(str(time.attrs["units"]))
    stamps = _seconds(time, units, calendar, f"{where}: {name}", advice)
    first_instants = (stamps == stamps.astype("datetime64[M]")).all()
    if bounds is not None:
        own_units, own_zone = _without_zone(str(bounds.attrs.get("units", time.attrs["units"])))
        edges = _seconds(bounds, own_units, calendar, f"{where}: bounds {str(bounds.name)!r}", advice)
        return Steps(_middles(stamps, edges + (zone - own_zone), where, name, advice), calendar, False)
    if time.attrs.get("bounds") and first_instants:
        raise LandlabError(
            f"{where}: {name} names the bounds {time.attrs['bounds']!r}, which are not in the file: its stamps may "
            f"begin or end their months; {advice}"
        )
    if zone and not np.array_equal(stamps.astype("datetime64[M]"), (stamps - zone).astype("datetime64[M]")):
        midnights = [x for x in (stamps, stamps - zone) if (x == x.astype("datetime64[D]")).all()]
        if len(midnights) != 1:
            raise LandlabError(
                f"{where}: {name} in {time.attrs['units']!r} is of other months in its time zone than in UTC; {advice}"
            )
        stamps = midnights[0]
        first_instants = (stamps == stamps.astype("datetime64[M]")).all()
    return Steps(stamps, calendar, bool(first_instants))


def _without_zone(units: str) -> tuple[str, np.timedelta64]:
    """Return a unit without its time zone, and the zone's offset.

    Months and days are those of the local calendar.
    """
    zone = _ZONE.match(units)
    if zone is None:
        return units, np.timedelta64(0, "s")
    seconds = 3600 * int(zone[3]) + 60 * int(zone[4] or 0)
    return zone[1], np.timedelta64(seconds if zone[2] == "+" else -seconds, "s")


def _seconds(variable: xr.DataArray, units: str, calendar: str, what: str, advice: str) -> np.ndarray:
    """Return times as datetime64[s].

    They have the year, month and day that their calendar gives them.
    """
    values = source_files.values(variable, what)
    if values.dtype.kind not in "fiu" or not np.isfinite(values).all():
        raise LandlabError(f"{what} holds values that are no numbers; {advice}")
    import cftime

    try:
        counted = re.match(r"\s*months?\s+since\s+(.*)", units, re.IGNORECASE)
        if counted:  # which cftime knows of 360-day years only
            zero = cftime.num2date(0, f"days since {counted[1]}", calendar)
            whole = np.floor(values).astype(int)
            month = np.datetime64(f"{zero.year:04d}-{zero.month:02d}", "M") + whole
            return month.astype("datetime64[s]") + (30 * 86400 * (values - whole)).astype("timedelta64[s]")
        dates = cftime.num2date(values.astype(np.float64), units, calendar)
        if calendar in (*REAL_CALENDARS, *WITHOUT_LEAP_DAYS):
            texts = [d.isoformat() for d in dates.flat]
        else:  # 30 February is no date of numpy's: days after the first of the month are counted from it
            texts = [d.replace(day=1).isoformat() for d in dates.flat]
        seconds = np.array(texts, "datetime64[us]").reshape(values.shape).astype("datetime64[s]")
        if calendar not in (*REAL_CALENDARS, *WITHOUT_LEAP_DAYS):
            days = np.array([min(d.day, 28) - 1 for d in dates.flat]).reshape(values.shape)
            seconds = seconds + days * _DAY
    except Exception as error:  # cftime and numpy each have their own
        reason = " ".join(str(error).split())[:120]
        raise LandlabError(
            f"{what} in {variable.attrs.get('units', units)!r} cannot be read: {reason}; {advice}"
        ) from None
    return seconds


def _middles(stamps: np.ndarray, edges: np.ndarray, where: str, name: str, advice: str) -> np.ndarray:
    """Middles of the bounds [time, 2]; LandlabError where these are no bounds of the stamps."""
    if edges.shape != (*stamps.shape, 2):
        raise LandlabError(
            f"{where}: {name} has bounds of shape {edges.shape}, not {(*stamps.shape, 2)}; {advice}"
        )
    begin, end = edges.min(axis=1), edges.max(axis=1)
    length = (end - begin) / _DAY
    outside = (stamps < begin - _DAY) | (stamps > end + _DAY) | (length <= 0) | (length > LONGEST_STEP_DAYS)
    if outside.any():
        at = int(outside.argmax())
        raise LandlabError(
            f"{where}: {name} is {stamps[at]} at step {at + 1}, with bounds from {begin[at]} to {end[at]}; bounds hold "
            f"their stamp and a month or a day; {advice}"
        )
    return begin + (end - begin) // 2
