"""Time axes as files have them: bounds, zones, calendars, and what contradicts `start`; each gives its own months."""

import re

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from landlab_mgr.data.sources import cardamom_nc, months, timestamps
from landlab_mgr.errors import LandlabError

from . import others

MONTHS = pd.period_range("2001-01", periods=24, freq="M")
DAYS = "days since 2000-01-01"


def days_since_2000(dates):
    return (pd.DatetimeIndex(dates) - pd.Timestamp("2000-01-01")) / pd.Timedelta("1D")


BEGINS = days_since_2000(MONTHS.start_time)
ENDS = days_since_2000((MONTHS + 1).start_time)


def read(values, units=DAYS, bounds=None, start=None, attrs=()):
    attrs = {**dict(attrs), "units": units}
    ds = xr.Dataset(coords={"time": ("time", np.asarray(values), attrs)})
    if bounds is not None:
        ds["time_bnds"] = (("time", "bnds"), np.stack(bounds, axis=1))
        ds["time"].attrs["bounds"] = "time_bnds"
    return months.read(ds["time"], start, "FILE", True, timestamps.bounds_of(ds, ds["time"]))


def first_and_last(axis):
    return [str(t)[:7] for t in axis.time[[0, -1]]]


WHOLE = ["2001-01", "2002-12"]


@pytest.mark.parametrize("stamp", [0, 0.5, 1], ids=["begin", "middle", "end"])
def test_the_month_is_that_of_the_bounds_wherever_the_stamp_is(stamp):
    assert first_and_last(read(BEGINS + stamp * (ENDS - BEGINS), bounds=(BEGINS, ENDS))) == WHOLE


def test_the_day_is_that_of_the_bounds():
    days = np.arange(1.0, 400)
    axis = read(days, bounds=(days - 1, days))
    assert (axis.step, str(axis.time[0])[:10]) == ("day", "2000-01-01")


@pytest.mark.parametrize(
    ("unit", "hours"),
    [("{} 00:00:00 +10:00", 0), ("{} 00:00 -0800", 0), ("{} 00:00:00 -05:00", -5), ("{}T00:00:00Z", 0)],
)
def test_months_are_those_of_the_zone_in_which_they_begin_at_midnight(unit, hours):
    assert first_and_last(read(24 * BEGINS + hours, unit.format("hours since 2000-01-01"))) == WHOLE


def test_months_of_bounds_in_utc_and_stamps_in_a_zone():
    axis = read(24 * ENDS, "hours since 2000-01-01 00:00 +10:00", bounds=(24 * BEGINS, 24 * ENDS))
    assert first_and_last(axis) == WHOLE


@pytest.mark.parametrize("unit", ["months since 2000-03-01", "month since 2000-03-01 00:00:00"])
@pytest.mark.parametrize("part", [0, 0.5])
def test_months_since_a_date(unit, part):
    assert first_and_last(read(np.arange(10, 34) + part, unit)) == WHOLE


@pytest.mark.parametrize("calendar", ["noleap", "365_day", "360_day", "julian", "all_leap", "standard"])
def test_every_calendar(calendar):
    first = {"360_day": 360.0, "julian": 366.0, "standard": 366.0, "all_leap": 366.0}.get(calendar, 365.0)
    lengths = {
        "360_day": [30] * 12,
        "all_leap": [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31],
    }.get(calendar, [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
    begins = first + np.cumsum([0, *lengths[:-1]])
    axis = read(begins + 14, attrs={"calendar": calendar})
    assert first_and_last(axis) == ["2001-01", "2001-12"]
    np.testing.assert_array_equal(axis.days_of_month, lengths)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"values": ENDS}, 'the ends of whole years; say which: start = "2001-01" or "2001-02"'),
        ({"values": BEGINS, "attrs": {"bounds": "gone"}}, "names the bounds 'gone', which are not in the file"),
        ({"values": BEGINS, "bounds": (BEGINS, BEGINS + 90)}, "with bounds from 2001-01-01"),
        ({"values": BEGINS, "bounds": (BEGINS + 90, ENDS + 90)}, "bounds hold their stamp and a month or a day"),
        ({"values": BEGINS, "attrs": {"climatology": "x"}}, "is a climatology"),
        ({"values": 24 * BEGINS + 3, "units": "hours since 2000-01-01 00:00 +10:00"}, "other months in its time zone"),
        ({"values": np.arange(400.0), "attrs": {"calendar": "360_day"}}, "days of the calendar '360_day'"),
        ({"values": ENDS[::-1] - 1, "start": "2001-01"}, "goes from 2002-12 to 2002-11 at step 2"),
        ({"values": np.delete(ENDS, 5) - 1, "start": "2001-01"}, "goes from 2001-05 to 2001-07 at step 6"),
        ({"values": ENDS - 1, "start": "1999-01"}, "begins in 2001-01, not in start = '1999-01'"),
        ({"values": np.arange(24)[::-1], "units": "", "start": "2001-01"}, "goes from 23 to 22 at step 2"),
        ({"values": [0, 1, 2, 5, 6], "units": "month", "start": "2001-01"}, "goes from 2 to 5 at step 4"),
        ({"values": [200111, 200112, 200202], "units": "", "start": "2001-11"}, "from 200112 to 200202 at step 3"),
    ],
)  # fmt: skip
def test_what_is_ambiguous_or_contradicts_start_is_refused(given, says):
    with pytest.raises(LandlabError, match=re.escape(says)):
        read(**given)


@pytest.mark.parametrize(
    ("given", "first"),
    [
        ({"values": ENDS, "start": "2001-01"}, "2001-01"),
        ({"values": ENDS, "start": "2001-02"}, "2001-02"),
        ({"values": BEGINS, "start": "2001-01"}, "2001-01"),
        ({"values": np.arange(24), "units": "", "start": "1999-07"}, "1999-07"),
        ({"values": [200111, 200112, 200201], "units": "", "start": "2001-11"}, "2001-11"),
        ({"values": np.zeros(24), "units": "", "start": "2001-01"}, "2001-01"),
        ({"values": 2001 + np.arange(24) / 12, "units": "year", "start": "2001-01"}, "2001-01"),
    ],
)
def test_start_says_what_the_stamps_do_not(given, first):
    assert first_and_last(read(**given))[0] == first


def test_start_of_a_cardamom_file_does_not_override_its_dates(tmp_path):
    path = others.write_drivers(others.drivers(), tmp_path / "a.nc")
    with pytest.raises(LandlabError, match="begins in 2001-01, not in start = '1999-07'"):
        cardamom_nc.read([path], lon=12.5, start="1999-07")
