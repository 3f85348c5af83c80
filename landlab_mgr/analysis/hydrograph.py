"""Observed and modelled series of chosen places, with the spread of the members. JAX-free."""

from datetime import date
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from pydantic import Field

from landlab_mgr.analysis import basins, members, runs
from landlab_mgr.analysis.contract import Analysis, Needs, Options
from landlab_mgr.analysis.figures.hydrograph import figure
from landlab_mgr.analysis.of_models import streams_in
from landlab_mgr.errors import LandlabError
from landlab_mgr.observations import metrics
from landlab_mgr.observations.comparable import score_name

Values = npt.NDArray[np.floating]

RANKS = (0.95, 0.5, 0.05)
"""Places that are drawn unless told otherwise: by the rank of their NSE, from the worst."""
YEARS = 2
"""Years that are drawn unless told otherwise: the last that are compared."""


class HydrographOptions(Options):
    """Options: which places and days."""

    split: Literal["train", "dev", "test", "withheld"] = Field(
        "train", description="places scored; withheld: steps that the split holds out, at places that train"
    )
    variable: str = Field("", description="what is drawn; none: the first that is observed step by step")
    places: str = Field(
        "", description="names of places, with commas between; none: a good, a middling and a poor one"
    )
    start: date | None = Field(None, description="first day, as 2003-10-01; none: two years before the last")
    end: date | None = Field(None, description="last day; none: the last that is compared")


def check(ds: xr.Dataset, options: HydrographOptions) -> None:
    """LandlabError where nothing is observed step by step, for an unknown place, and for no days."""
    basins.stream_of(ds, options.variable)
    names = runs.places(ds)
    for place in members.names_in(options.places):
        if place not in names:
            raise LandlabError(
                f"option places: dataset {ds.attrs['name']} has no place {place!r}; it has {', '.join(names[:3])} "
                f"and others, {len(names)} in all"
            )
    if options.start and options.end and options.start > options.end:
        raise LandlabError(f"option start: {options.start} is after the end, {options.end}")


def compute(ds: xr.Dataset, options: HydrographOptions) -> xr.Dataset:
    """`observed` [place, time] and `modelled`, `low`, `high` [setup, place, time] of each setup's runs.

    The mean prediction, the lowest and the highest of the members. `nse` [setup, place] is of the mean prediction over
    all steps compared, not of those drawn alone. LandlabError where a place is not scored, or nothing in these days.
    """
    check(ds, options)
    stream = basins.stream_of(ds, options.variable)
    name = score_name(stream, streams_in(ds))
    means: dict[str, members.Mean] = {}
    for _, setup, target, modelled, scored in basins.of_runs(ds, options.split, name):
        means.setdefault(setup, members.Mean(target)).add(modelled, scored)
    target = next(iter(means.values())).target
    nse = np.full((len(means), ds.sizes["pixel"]), np.nan)
    for row, mean in enumerate(means.values()):
        scored = mean.count > 0
        moments = metrics.moments(mean.of(scored), mean.target.observed[:, scored])
        nse[row, scored] = metrics.statistics_of(moments)["R2"]
    names = runs.places(ds)
    at = _places(nse[0], options, names)
    steps = _steps(target, at, options)
    extremes = {setup: [np.full((len(at), len(steps)), x) for x in (np.inf, -np.inf)] for setup in means}
    for _, setup, _, modelled, _ in basins.of_runs(ds, options.split, name):
        own, (low, high) = modelled[np.ix_(steps, at)].T, extremes[setup]
        np.fmin(low, own, out=low)
        np.fmax(high, own, out=high)
    seen = target.observed[np.ix_(steps, at)].T
    dims = ("setup", "place", "time")
    drawn = np.stack([mean.of(at)[steps].T for mean in means.values()])
    low, high = (np.stack([extremes[s][i] for s in means]) for i in (0, 1))
    series = {"modelled": drawn, "low": low, "high": high}
    return xr.Dataset(
        {
            "observed": (dims[1:], seen.astype(np.float32)),
            **{n: (dims, np.where(np.isfinite(x), x, np.nan).astype(np.float32)) for n, x in series.items()},
            "nse": (dims[:2], nse[:, at]),
            "members": ("setup", [int(mean.count.max()) for mean in means.values()]),
        },
        {"setup": list(means), "place": [names[i] for i in at], "time": ds["time"].values[steps]},
        options.model_dump(mode="json", exclude_none=True)
        | {"synthetic": ds.attrs["synthetic"], "drawn": name, "unit": target.unit},
    )


def _places(nse: Values, options: HydrographOptions, names: list[str]) -> npt.NDArray[np.intp]:
    """Return the indices of the places that are drawn."""
    scored = np.flatnonzero(np.isfinite(nse))
    if not len(scored):
        raise LandlabError(f"no place is scored on {options.split}; -o split= train, dev, test or withheld")
    wanted = members.names_in(options.places)
    if not wanted:
        by_skill = scored[np.argsort(nse[scored])]
        ranks = [by_skill[round(q * (len(by_skill) - 1))] for q in RANKS]
        return np.array(list(dict.fromkeys(ranks)))
    at = np.array([names.index(place) for place in wanted])
    for i in at:
        if i not in scored:
            raise LandlabError(f"option places: {names[i]} is not scored on {options.split}")
    return at


def _steps(
    target: members.Target, at: npt.NDArray[np.intp], options: HydrographOptions
) -> npt.NDArray[np.intp]:
    """Return the indices of the steps that are drawn."""
    dates = target.calendar.dates.astype("M8[D]")
    compared = dates[np.isfinite(target.observed[:, at]).any(axis=1)]
    end = np.datetime64(options.end, "D") if options.end else compared[-1]
    start = np.datetime64(options.start, "D") if options.start else end - np.timedelta64(365 * YEARS, "D")
    steps = np.flatnonzero((dates >= start) & (dates <= end))
    if not ((compared >= start) & (compared <= end)).any():
        raise LandlabError(
            f"nothing is compared from {start} to {end} on {options.split}; it is from {compared[0]} to {compared[-1]}"
        )
    return steps


def table(ds: xr.Dataset) -> pd.DataFrame:
    """Return a row for each place and setup: its NSE, and means and highest values of the days drawn."""
    rows = []
    for place in ds["place"].values:
        for setup in ds["setup"].values:
            one = ds.sel(place=place, setup=setup)
            seen, own = one["observed"].values, one["modelled"].values
            both = np.isfinite(seen) & np.isfinite(own)
            inside = (seen >= one["low"].values) & (seen <= one["high"].values)
            rows.append(
                {
                    "place": place,
                    "setup": setup,
                    "NSE": float(one["nse"]),
                    "observed": seen[both].mean(),
                    "modelled": own[both].mean(),
                    "highest observed": seen[both].max(),
                    "highest modelled": own[both].max(),
                    "within the members": inside[both].mean(),
                }
            )
    return pd.DataFrame(rows)


ANALYSIS = Analysis(
    name="hydrograph",
    summary="observed and modelled series of chosen places, with the spread of the members",
    options=HydrographOptions,
    needs=lambda options: Needs((options.split,), files={"monthly": ()}, hashed=False),
    check=check,
    compute=compute,
    table=table,
    figure=figure,
)
