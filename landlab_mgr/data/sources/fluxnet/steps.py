"""Values of a tower's file made into those of months or days: forcing, fluxes, and the share that is measured.

Night and day are those of the sun (SW_IN_POT): tmin and tmax are the mean temperatures of nights and of days, in files
of any step, as the networks' daily and monthly files have no extremes. Where the sun does not set (or rise), they are
the mean of all hours.
"""

from typing import Literal

import numpy as np
import pandas as pd

from landlab_mgr.data.sources import units
from landlab_mgr.data.sources.fluxnet.files import Table
from landlab_mgr.errors import LandlabError
from landlab_mgr.observations.streams import STREAMS
from landlab_mgr.observations.variables import FORCING, VARIABLES

Target = Literal["month", "day"]
SECONDS_PER_DAY = 86400.0
GOOD_FLAG = 1
"""Flag of half-hours: 0 is measured, 1 filled with high confidence; what daily and monthly files count as good."""
ENOUGH_TIMES = 0.9
"""Of the steps of a file, that a month or day of forcing needs."""

UNITS = {"TA": "degC", "SW": "W m-2", "VPD": "hPa", "CO2": "ppm", "LE": "W m-2"}
"""Units of the files by the beginning of a column's name; fluxes and rain depend on the step."""
_FLUXES = ("NEE", "GPP", "RECO")


def unit_of(column: str, table: Table, by_hand: dict[str, str]) -> str:
    """Return the unit of a column of a file."""
    if column in by_hand:
        return by_hand[column]
    start = column.partition("_")[0]
    if start in _FLUXES:
        return "umol m-2 s-1" if table.per_day > 1 else "gC m-2 d-1"
    if start == "P":  # rain of a half-hour in its file, of a day in all others
        return f"{table.per_day} mm d-1" if table.per_day > 1 else "mm d-1"
    return UNITS[start]


def forcing(
    table: Table, suffix: str, target: Target, by_hand: dict[str, str]
) -> dict[str, "pd.Series[float]"]:
    """Compute forcing by month or day, from the columns of the tower (F) or ERA; NaN where too little is there."""
    values = table.values

    def column(name: str, want: str) -> "pd.Series[float]":
        if name not in values:
            return pd.Series(np.nan, values.index)
        return _converted(table, values[name], name, want, by_hand)

    air = column(f"TA_{suffix}", FORCING["tmin"].unit)
    night, day = (column(f"TA_{suffix}_{part}", FORCING["tmin"].unit) for part in ("NIGHT", "DAY"))
    if table.per_day > 1 and "SW_IN_POT" in values:
        dark = values["SW_IN_POT"] <= 0
        night, day = air.where(dark), air.where(~dark)
    series = {
        "ssrd": mean(column(f"SW_IN_{suffix}", FORCING["ssrd"].unit), table, target, ENOUGH_TIMES),
        "vpd": mean(column(f"VPD_{suffix}", FORCING["vpd"].unit), table, target, ENOUGH_TIMES),
        "precip": mean(column(f"P_{suffix}", FORCING["precip"].unit), table, target, ENOUGH_TIMES),
    }
    if suffix == "F":
        co2 = column("CO2_F_MDS", FORCING["co2"].unit)
        series["co2"] = mean(co2, table, target, ENOUGH_TIMES)
    whole = mean(air, table, target, ENOUGH_TIMES)
    if table.per_day > 1:
        lows, highs = (_plain_mean(part, target) for part in (night, day))
    else:
        lows, highs = (mean(part.fillna(air), table, target, ENOUGH_TIMES) for part in (night, day))
    lows, highs = (x.reindex(whole.index).where(whole.notna()).fillna(whole) for x in (lows, highs))
    series["tmin"], series["tmax"] = np.minimum(lows, highs), np.maximum(lows, highs)
    return series


def stream(
    table: Table, name: str, column: str, quality: str, target: Target, least: float, by_hand: dict[str, str]
) -> tuple["pd.Series[float]", "pd.Series[float]"] | None:
    """Observations by month or day, and those that had a value before the least share of good data was asked for.

    Evapotranspiration is the latent heat over that of vaporising water at the air's temperature.

    Returns:
        None where the file lacks the column.
    """
    values = table.values
    if column not in values:
        return None
    given = values[column]
    unit = VARIABLES[STREAMS[name].variable].unit
    if column.startswith("LE"):
        energy = _converted(table, given, column, "MJ m-2 d-1", by_hand)
        air = values["TA_F"] if "TA_F" in values else pd.Series(np.nan, values.index)
        celsius = _converted(table, air, "TA_F", "degC", by_hand)
        flux = energy / units.latent_heat(celsius.to_numpy())
    else:
        flux = _converted(table, given, column, unit, by_hand)
    means = mean(flux, table, target, 0.0)
    if least == 0:
        return means, means
    flags = values[quality] if quality in values else pd.Series(np.nan, values.index)
    good = (flags <= GOOD_FLAG).astype(float) if table.per_day > 1 else flags.clip(0, 1)
    good = good.where(flux.notna(), 0.0).fillna(0.0)
    share = _share(good, table, target).reindex(means.index)
    return means.where(share >= least - 1e-9), means


def mean(series: "pd.Series[float]", table: Table, target: Target, least: float) -> "pd.Series[float]":
    """Mean by month or day, where at least a share of the file's times has a value.

    Of half-hours, a month's mean is that of its mean day, so that gaps at one time of day do not tilt it.
    """
    if table.step == _own_step(target):
        return _at_starts(series, target)
    if table.per_day > 1 and target == "month":
        clock = series.index - series.index.normalize()
        course = series.groupby([_starts(series.index, target), clock]).mean()
        means = course.groupby(level=0).mean()
    else:
        series = _daily(series, table)
        means = series.groupby(_starts(series.index, target)).mean()
    present = _share(series.notna().astype(float), table, target, spread=False)
    return means.where(present.reindex(means.index) >= least - 1e-9)


def _plain_mean(series: "pd.Series[float]", target: Target) -> "pd.Series[float]":
    return series.groupby(_starts(series.index, target)).mean()


def _share(each: "pd.Series[float]", table: Table, target: Target, spread: bool = True) -> "pd.Series[float]":
    """Sum of a number by step, over the steps that a whole month or day has."""
    if table.step == _own_step(target):
        return _at_starts(each, target)
    each = _daily(each, table) if spread else each
    starts = _starts(each.index, target)
    total = each.groupby(starts).sum()
    index = pd.DatetimeIndex(total.index)
    days = index.days_in_month.to_numpy() if target == "month" else np.ones(len(total))
    return total / (days * table.per_day)


def _daily(series: "pd.Series[float]", table: Table) -> "pd.Series[float]":
    """Weeks as the seven days of each, the last of a year as all that are left of it; other steps as they are."""
    if table.step != "WW":
        return series
    first = series.index.to_numpy().astype("datetime64[D]")
    new_year = (first.astype("datetime64[Y]") + 1).astype("datetime64[D]")
    following = np.append(first[1:], first[-1] + 7)
    length = np.minimum(np.minimum(following, new_year) - first, np.timedelta64(9, "D")).astype(int)
    days = np.concatenate([start + np.arange(count) for start, count in zip(first, length, strict=True)])
    return pd.Series(np.repeat(series.to_numpy(), length), pd.DatetimeIndex(days.astype("datetime64[ns]")))


def _own_step(target: Target) -> str:
    return {"month": "MM", "day": "DD"}[target]


def _starts(index: pd.Index, target: Target) -> pd.DatetimeIndex:
    code: Literal["M", "D"] = "M" if target == "month" else "D"
    return pd.DatetimeIndex(index.to_numpy().astype(f"datetime64[{code}]").astype("datetime64[ns]"))


def _at_starts(series: "pd.Series[float]", target: Target) -> "pd.Series[float]":
    return pd.Series(series.to_numpy(), _starts(series.index, target))


def _converted(
    table: Table, series: "pd.Series[float]", column: str, want: str, by_hand: dict[str, str]
) -> "pd.Series[float]":
    try:
        values = units.convert(series.to_numpy(), unit_of(column, table, by_hand), want, column)
    except LandlabError as error:
        raise LandlabError(f"{table.source.name}: {error}") from None
    return pd.Series(values, series.index)
