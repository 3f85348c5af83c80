"""The calendar: which steps make a month, a season or a year, whatever the first day; means by pandas and by hand."""

from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from landlab_mgr.observations.calendar import Calendar
from landlab_mgr.observations.steps import DAYS_PER_MONTH

FIRST_DAYS = ("2001-01-01", "2003-03-01", "2004-02-29", "2003-07-15", "2001-12-31")
RULES = {"month": "MS", "season": "QS-DEC"}


def daily(first, steps):
    return Calendar(first, steps, 1.0)


def monthly(first, steps):
    return Calendar(first, steps, DAYS_PER_MONTH)


def values(steps, *shape, dtype=np.float32):
    return np.random.default_rng(0).normal(size=(steps, *shape)).astype(dtype)


def days(calendar, period):
    """First day of each segment, and the day after its last."""
    after = np.append(calendar.dates, calendar.dates[-1] + 1)
    return [(str(after[a]), str(after[b])) for a, b in calendar.segments(period)]


@pytest.mark.parametrize(
    ("first", "steps", "expected"),
    [
        ("2001-01-01", 730, [("2001-01-01", "2002-01-01"), ("2002-01-01", "2003-01-01")]),
        ("2003-07-15", 731, [("2003-07-15", "2004-07-15"), ("2004-07-15", "2005-07-15")]),
        ("2004-01-01", 365, []),
        ("2004-01-01", 366, [("2004-01-01", "2005-01-01")]),
        # there is no 29 February in between: these years begin on the day after the 28th
        ("2004-02-29", 731, [("2004-02-29", "2005-03-01"), ("2005-03-01", "2006-03-01")]),
        (
            "2004-02-29",
            366 + 365 + 365 + 365,
            [
                ("2004-02-29", "2005-03-01"),
                ("2005-03-01", "2006-03-01"),
                ("2006-03-01", "2007-03-01"),
                ("2007-03-01", "2008-02-29"),
            ],
        ),
        ("2003-12-31", 400, [("2003-12-31", "2004-12-31")]),
    ],
)
def test_a_year_is_twelve_months_from_the_first_day_on(first, steps, expected):
    assert days(daily(first, steps), "year") == expected


def test_a_month_and_a_season_begin_where_the_calendar_says():
    calendar = daily("2003-11-15", 31 + 31 + 29 + 16)  # to 29 February 2004
    assert days(calendar, "month") == [
        ("2003-12-01", "2004-01-01"),
        ("2004-01-01", "2004-02-01"),
        ("2004-02-01", "2004-03-01"),
    ]
    assert days(calendar, "season") == [("2003-12-01", "2004-03-01")]
    assert days(daily("2003-11-15", calendar.steps - 1), "season") == [], "only whole ones"
    assert days(daily("2003-12-02", 120), "season") == [], "only whole ones"


def test_monthly_data_are_whole_months():
    assert monthly("2001-01-15", 24).segments("year").tolist() == [[0, 12], [12, 24]]
    calendar = monthly("2001-04-01", 30)
    assert calendar.step == "month"
    assert calendar.segments("month").tolist() == [[i, i + 1] for i in range(30)]
    assert calendar.segments("season").tolist() == [[2 + 3 * i, 5 + 3 * i] for i in range(9)]
    assert calendar.segments("year").tolist() == [[0, 12], [12, 24]]
    assert calendar.steps_per_year == 12


@pytest.mark.parametrize("first", ["2001-01-01", "2001-04-01"])
@pytest.mark.parametrize("steps", [36, 41])
def test_years_of_months_are_the_old_reshape_to_the_bit(first, steps):
    x, calendar = values(steps, 5), monthly(first, steps)
    years = steps // 12
    old = x[: years * 12].reshape(years, 12, 5)
    np.testing.assert_array_equal(calendar.split(x, "year"), old)
    np.testing.assert_array_equal(calendar.mean(x, "year"), old.mean(axis=1))
    np.testing.assert_array_equal(calendar.last(x, "year"), x[11::12][:years])
    for of, reference in (
        (lambda x: calendar.split(x, "year", fill=1.0), lambda x: x[: years * 12].reshape(years, 12, 5)),
        (
            lambda x: calendar.mean(x, "year"),
            lambda x: x[: years * 12].reshape(years, 12, 5).mean(axis=1),
        ),
        (lambda x: calendar.last(x, "year"), lambda x: x[11 : years * 12 : 12]),
    ):
        np.testing.assert_array_equal(jax.jit(of)(jnp.asarray(x)), jax.jit(reference)(jnp.asarray(x)))


@pytest.mark.parametrize("first", FIRST_DAYS)
@pytest.mark.parametrize("period", RULES)
def test_daily_means_are_those_of_pandas(first, period):
    steps = 1200
    calendar, x = daily(first, steps), values(steps, 2, dtype=np.float64)
    table = pd.DataFrame(x, index=pd.date_range(first, periods=steps))
    groups = table.resample(RULES[period])
    starts = groups.mean().index
    ends = starts + pd.tseries.frequencies.to_offset(RULES[period])
    whole = (starts >= table.index[0]) & (ends <= table.index[-1] + pd.Timedelta(days=1))
    assert len(calendar.segments(period)) == whole.sum() > 10
    np.testing.assert_allclose(calendar.mean(x, period), groups.mean()[whole], rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(calendar.last(x, period), groups.last()[whole])
    for how in ("mean", "last"):
        ours = jax.jit(lambda x, how=how: getattr(calendar, how)(x, period))(jnp.asarray(x))
        np.testing.assert_allclose(ours, getattr(calendar, how)(x, period), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("first", FIRST_DAYS)
def test_daily_years_by_hand(first):
    steps = 3 * 366
    calendar, x = daily(first, steps), values(steps, dtype=np.float64)
    start = pd.Timestamp(first)
    # pandas moves 29 February to the 28th, where ours goes on to 1 March
    turns = [start + pd.DateOffset(years=k) for k in range(4)]
    if first.endswith("02-29"):
        turns[1:] = [pd.Timestamp(2004 + k, 3, 1) for k in range(1, 4)]
    at = [(turn - start).days for turn in turns if (turn - start).days <= steps]
    assert calendar.segments("year").tolist() == [list(pair) for pair in pairwise(at)]
    for mean, (a, b) in zip(calendar.mean(x, "year"), pairwise(at), strict=True):
        assert mean == pytest.approx(x[a:b].mean(), rel=1e-12)


@pytest.mark.parametrize("xp", [np, jnp])
def test_shorter_segments_end_with_the_fill(xp):
    steps = 31 + 28 + 31
    calendar, x = daily("2001-01-01", steps), values(steps, 3)
    x[31] = np.nan  # the first of February, of which the padding is made
    parts = calendar.split(xp.asarray(x), "month", fill=7.0)
    assert parts.shape == (3, 31, 3)
    assert parts.dtype == np.float32
    assert (parts[1, 28:] == 7.0).all()
    np.testing.assert_array_equal(parts[1, :28], x[31:59])
    np.testing.assert_array_equal(parts[::2], np.stack([x[:31], x[59:]]))


def test_values_of_segments_spread_over_their_steps():
    calendar = daily("2003-12-30", 400)
    x = np.arange(2.0 * len(calendar.segments("month"))).reshape(-1, 2)
    spread = calendar.spread(x, "month")
    assert np.isnan(spread[:2]).all()
    np.testing.assert_array_equal(spread[2:33], np.repeat(x[:1], 31, axis=0))
    np.testing.assert_allclose(calendar.mean(spread, "month"), x)


@pytest.mark.parametrize(
    ("calendar", "months", "steps"),
    [
        (monthly("2001-01-01", 36), 24, 24),
        (monthly("2001-01-01", 36), 48, 36),
        (daily("2001-01-01", 1000), 0, 0),
        (daily("2001-01-01", 1000), 1, 31),
        (daily("2001-01-15", 1000), 1, 31),
        (daily("2004-01-01", 1000), 24, 366 + 365),
        (daily("2004-02-29", 1000), 12, 366),
        (daily("2001-01-01", 100), 24, 100),
        (Calendar("2001-01-01", 200, 0.5), 2, 2 * 59),
    ],
)
def test_steps_of_the_warm_up(calendar, months, steps):
    assert calendar.steps_in_months(months) == steps


@pytest.mark.parametrize("calendar", [monthly("2001-01-01", 7), daily("2001-01-01", 364)])
@pytest.mark.parametrize("xp", [np, jnp])
def test_less_than_a_year_has_no_year(calendar, xp):
    x = xp.asarray(values(calendar.steps, 4))
    assert calendar.segments("year").shape == (0, 2)
    assert calendar.split(x, "year").shape[0] == 0
    assert calendar.mean(x, "year").shape == (0, 4)
    assert calendar.last(x, "year").shape == (0, 4)
    assert np.isnan(calendar.spread(np.zeros((0, 4)), "year")).all()


def test_the_calendar_of_a_dataset():
    times = pd.date_range("2001-03-01", periods=5, freq="MS") + pd.Timedelta(days=14)
    ds = xr.Dataset(coords={"time": times}, attrs={"dt_days": DAYS_PER_MONTH})
    assert Calendar.of(ds) == Calendar("2001-03-15", 5, DAYS_PER_MONTH)
    assert list(Calendar.of(ds).dates.astype(str)) == [f"2001-0{m}-01" for m in range(3, 8)]
    assert Calendar.of(ds.assign_attrs(dt_days=1.0)).step == "day"
