"""At which level a prediction is held against observations, and how much of it could be. JAX-free."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from landlab_mgr.observations import metrics
from landlab_mgr.observations.calendar import Calendar

Values = npt.NDArray[np.floating]

MEANINGS = {
    "flat": "over all months and places at once",
    "temporal": "of each place over time; the median of the places",
    "spatial": "of the places' means over their observed months",
    "trend": "of the places' linear trends over years",
    "anomaly": "over all months and places, each month less its place's linear trend and mean of that calendar month",
}
MIN_YEARS = 5
"""Whole years without which a place has no trend."""
MIN_SAME_MONTHS = 3
"""Years in which a calendar month is compared, without which it has no mean to depart from."""


NEEDED = {
    "trend": f" (places with {MIN_YEARS} whole years or more)",
    "anomaly": f" (calendar months that a place has {MIN_SAME_MONTHS} times or more)",
}
"""Note on what a level leaves out."""


class Score(NamedTuple):
    """A statistic, NaN where it is undefined, and the values it rests on."""

    value: float
    compared: int
    """Values compared: months, years or places, as `possible`."""
    possible: int
    """Values there would be, were everything observed."""


NOTHING = Score(float("nan"), 0, 0)


def score(
    level: str,
    statistic: str,
    modelled: Values,
    observed: Values,
    average: str,
    steps: int,
    calendar: Calendar,
) -> Score:
    """Compute a statistic of one prediction at a level.

    Args:
        level: one of MEANINGS.
        statistic: one of `metrics.STATISTICS`.
        modelled: [T', P]; likewise `observed`: pairs where either is NaN are left out.
        average: what a value is, as `Stream.average`. A mean over the record has no trend; what is compared by year
            or record has no anomalies.
        steps: how many of the T' could be observed.
        calendar: of the dataset.
    """
    places = observed.shape[1]
    if (average == "run" and level == "trend") or (average in ("year", "run") and level == "anomaly"):
        return NOTHING
    if level == "trend":
        both = np.isfinite(modelled) & np.isfinite(observed)
        values = metrics.statistics(
            *(_trends(np.where(both, x, np.nan), average, calendar) for x in (modelled, observed))
        )
    else:
        if level == "anomaly":
            modelled, observed = anomalies(modelled, observed, calendar)
        records = metrics.scores("", "", metrics.moments(modelled, observed))
        at = "flat" if level == "anomaly" else level
        values = {r.statistic: r.value for r in records if r.level == at}
    return Score(values[statistic], int(values["n"]), possible(level, steps, places))


def possible(level: str, steps: int, places: int) -> int:
    """Count the values that a score rests on where everything is observed."""
    return steps * places if level in ("flat", "anomaly") else places


def unit(level: str, average: str, place: str) -> str:
    """Name what the values of a score are: pixel-months, pixel-years, pixels or patches."""
    if level in ("flat", "anomaly") and average != "run":
        return f"{place}-{'years' if average == 'year' else 'months'}"
    return "pixels" if place == "pixel" else "patches"


def _trends(x: Values, average: str, calendar: Calendar) -> Values:
    """Least-squares slopes, per year, over each place's whole years; NaN for fewer than MIN_YEARS. [T', P] to [P]."""
    yearly = x if average == "year" else calendar.mean(x, "year")
    finite = np.isfinite(yearly)
    n = finite.sum(axis=0)
    year = np.arange(len(yearly), dtype=float)[:, None]
    pairs = np.maximum(n, 1)
    t = np.where(finite, year - (finite * year).sum(axis=0) / pairs, 0.0)
    y = np.where(finite, yearly, 0.0)
    y = np.where(finite, y - y.sum(axis=0) / pairs, 0.0)
    spread = (t * t).sum(axis=0)
    return np.where(n >= MIN_YEARS, (t * y).sum(axis=0) / np.where(spread > 0, spread, np.nan), np.nan)


def anomalies(modelled: Values, observed: Values, calendar: Calendar) -> tuple[Values, Values]:
    """Remove each place's trend and its calendar months' means from steps [T, P].

    Both are fitted together, over the steps that modelled and observed both have: a trend fitted first would take a
    part of the season for a trend, since a season does not begin and end alike.
    """
    both = np.isfinite(modelled) & np.isfinite(observed)
    months = [calendar.month_of_year == month for month in range(12)]
    for at in months:
        both[at] &= both[at].sum(axis=0) >= MIN_SAME_MONTHS
    step = np.broadcast_to(np.arange(len(both), dtype=float)[:, None], both.shape)
    t = _less_months(step, both, months)
    spread = (t * t).sum(axis=0)
    out = []
    for x in (modelled, observed):
        own = _less_months(x, both, months)
        slope = (t * own).sum(axis=0) / np.where(spread > 0, spread, 1.0)
        out.append(np.where(both, own - slope * t, np.nan))
    return out[0], out[1]


def _less_months(x: Values, there: npt.NDArray[np.bool_], months: Sequence[npt.NDArray[np.bool_]]) -> Values:
    """Remove each calendar month's mean over what is there from steps [T, P]; 0 where nothing is."""
    out = np.where(there, x, 0.0)
    for at in months:
        mean = out[at].sum(axis=0) / np.maximum(there[at].sum(axis=0), 1)
        out[at] = np.where(there[at], out[at] - mean, 0.0)
    return out
