"""Calibration of intervals: how wide they are that cover places which members did not learn from. JAX-free."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from pydantic import Field

from landlab_mgr.analysis import benchmark, members, runs
from landlab_mgr.analysis.contract import Analysis, Needs, Options
from landlab_mgr.analysis.figures.calibration import figure
from landlab_mgr.data import split
from landlab_mgr.errors import LandlabError
from landlab_mgr.observations import conformal
from landlab_mgr.observations.calendar import Calendar

Values = npt.NDArray[np.floating]
Mask = npt.NDArray[np.bool_]

SHOWN = (0.5, 0.9, 0.95)
"""Levels of the table."""
PLACES = (
    "dev: each by the runs that have it in dev; folds: also those that some runs hold out and others do not"
)
POOL = "fields, with commas between, over whose values an ensemble goes, as it does over folds: process.NAME"


class CalibrationOptions(Options):
    """Options: which places calibrate, and what an ensemble is."""

    method: Literal["conformal"] = Field("conformal", description="how errors become intervals")
    places: Literal["dev", "folds"] = Field(
        "dev", description=f"places that calibrate. {PLACES}, which is counted"
    )
    pool: str = Field("", description=POOL)
    version: int = Field(1, ge=1, description="number of this calibration of the same runs")


@dataclass
class Prediction:
    """Mean and spread at every place, over the members that a choice of labels takes there."""

    target: members.Target
    total: Values
    square: Values
    count: npt.NDArray[np.integer]
    """Members at each place, [P]."""

    def add(self, x: Values, chosen: Mask) -> None:
        """Add a member's prediction [T', P] at chosen places."""
        self.total[:, chosen] += x[:, chosen]
        self.square[:, chosen] += x[:, chosen] ** 2
        self.count += chosen

    @property
    def mean(self) -> Values:
        """Mean of two members or more, [T', P]; NaN elsewhere and where nothing is observed."""
        return self.total / self._members

    @property
    def spread(self) -> Values:
        """Standard deviation, likewise."""
        n = self._members
        return np.sqrt(np.maximum(self.square - n * self.mean**2, 0.0) / (n - 1))

    @property
    def error(self) -> Values:
        """Observed less mean."""
        return self.target.observed - self.mean

    @property
    def patch(self) -> npt.NDArray[np.integer]:
        """Patch of each place, [P]: places of one patch are one where exchangeability is about places."""
        of = self.target.patch
        return of if len(of) == self.target.observed.shape[1] else np.unique(of)

    @property
    def _members(self) -> Values:
        return np.where(self.count >= 2, self.count, np.nan)


def predictions(
    ds: xr.Dataset, part: str, labels: Collection[str], variables: Sequence[str] = ()
) -> dict[str, Prediction]:
    """Mean and spread of the runs whose label at a place is among these, by variable.

    A place that every run holds out belongs to nobody's labels but those of the part itself.
    """
    of: dict[str, Prediction] = {}
    held_out: dict[str, list[Mask]] = {}
    for file, targets in members.predictions(ds, part, variables):
        for target in targets:
            shape = target.observed.shape
            own = of.setdefault(
                target.name, Prediction(target, np.zeros(shape), np.zeros(shape), np.zeros(shape[1], int))
            )
            label = target.labels(file)
            held_out.setdefault(target.name, []).append(label == split.TEST)
            own.add(target.of(file).astype(np.float64), np.isin(label, list(labels)))
    if part != split.TEST:
        for name, own in of.items():
            own.count[np.logical_and.reduce(held_out[name])] = 0
    return of


def one_ensemble(ds: xr.Dataset, pool: str) -> str:
    """Name of what all runs are instances of, folds apart; LandlabError where there are several, or one run."""
    names = list(dict.fromkeys(benchmark.names_of(runs.specs(ds), members.names_in(pool))))
    if len(names) > 1:
        raise LandlabError(
            f"the runs are of {len(names)} setups ({'; '.join(names[:3])}{'; ...' * (len(names) > 3)}), and intervals "
            f"are of one: give a filter such as \"setup.groups = '{ds['label'].values[0]}'\", or pool the fields in "
            "which they differ"
        )
    if ds.sizes["run"] < 2:
        raise LandlabError(f"one run of {names[0]}; a spread needs 2 or more: run more seeds")
    return names[0]


def check(ds: xr.Dataset, options: CalibrationOptions) -> None:
    """LandlabError for several setups, or one member."""
    one_ensemble(ds, options.pool)


def compute(ds: xr.Dataset, options: CalibrationOptions) -> xr.Dataset:
    """`factor` [variable, level]: an interval is the mean -+ factor (spread + floor).

    `floor`, `places`, `pairs`, `fewest`, `most` [variable]: in the variable's unit; patches, and observations, that
    calibrate; members at each place. NaN where so few places allow no such interval. LandlabError for several setups,
    one member, or where no place has two members that did not learn from it.
    """
    setup = one_ensemble(ds, options.pool)
    labels = (split.DEV, split.TEST) if options.places == "folds" else (split.DEV,)
    rows: dict[str, dict[str, Any]] = {}
    empty = []
    for name, own in predictions(ds, split.DEV, labels).items():
        error, spread, place = own.error, own.spread, own.patch
        seen = np.isfinite(error)
        if not seen.any():
            empty.append(name)
            continue
        floor, here = conformal.floor_of(error, spread, place), seen.any(axis=0)
        rows[name] = {
            "factor": conformal.factors(conformal.scores_of(error, spread, floor), place),
            "floor": floor,
            "places": len(np.unique(place[here])),
            "pairs": int(seen.sum()),
            "fewest": int(own.count[here].min()),
            "most": int(own.count[here].max()),
            "output": own.target.output,
            "average": own.target.average,
            "of": own.target.level,
            "units": own.target.unit,
        }
    if not rows:
        raise LandlabError(
            f"nothing is observed where two of {ds.sizes['run']} runs of {setup} have a dev pixel: more seeds share "
            "more dev pixels, and of folds `--places folds` takes the cells that each holds out"
        )
    result = xr.Dataset(
        {
            name: (
                ("variable", *(["level"] if name == "factor" else [])),
                np.array([r[name] for r in rows.values()]),
            )
            for name in next(iter(rows.values()))
        },
        {"variable": list(rows), "level": conformal.LEVELS},
    )
    few = [f"{n} {r['places']}" for n, r in rows.items() if r["places"] < 19]
    notes = [PLACES.split("; ")[options.places == "folds"]]
    notes.append(f"members at a place: {int(result['fewest'].min())} to {int(result['most'].max())}")
    if few:
        notes.append(f"n places allow intervals of n / (n + 1) at most, 95 % needs 19: {', '.join(few)}")
    if empty:
        notes.append(f"not calibrated, not observed where two members did not learn: {', '.join(empty)}")
    attrs = options.model_dump() | {
        "synthetic": ds.attrs["synthetic"],
        "setup": setup,
        "members": ds.sizes["run"],
    }
    return result.assign_attrs(attrs | {"step": Calendar.of(ds).step, "notes": "\n".join(notes)})


def table(ds: xr.Dataset) -> pd.DataFrame:
    """Return a row for each variable: what calibrates it, its floor, and factors."""
    rows = []
    for name in ds["variable"].values:
        one = ds.sel(variable=name)
        row = {
            "variable": name,
            "places": int(one["places"]),
            "n": int(one["pairs"]),
            "floor": float(one["floor"]),
        }
        at = {f"factor {x:.0%}": float(one["factor"].sel(level=x, method="nearest")) for x in SHOWN}
        rows.append(row | at | {"units": one["units"].item()})
    return pd.DataFrame(rows)


ANALYSIS = Analysis(
    name="calibration",
    summary="how wide intervals are that cover places which members did not learn from",
    options=CalibrationOptions,
    needs=lambda options: Needs(
        (split.DEV, split.TEST) if options.places == "folds" else (split.DEV,), files={"monthly": ()}
    ),
    check=check,
    compute=compute,
    table=table,
    figure=figure,
)
