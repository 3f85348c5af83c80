"""Intervals judged: coverage, width and score of calibrated intervals beside the members' raw spread. JAX-free.

A place that judges does not calibrate: places are in groups, the folds of a k-fold or ten by chance, and each group is
judged by the calibration of the others.
"""

from collections.abc import Iterator
from statistics import NormalDist
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from pydantic import Field

from landlab_mgr.analysis import calibration, members, runs
from landlab_mgr.analysis.calibration import Prediction
from landlab_mgr.analysis.contract import Analysis, Needs, Options
from landlab_mgr.analysis.figures.intervals import figure
from landlab_mgr.data import predictors, split
from landlab_mgr.errors import LandlabError
from landlab_mgr.observations import conformal

Values = npt.NDArray[np.floating]
Mask = npt.NDArray[np.bool_]

LEVELS = (0.5, 0.9, 0.95)
KINDS = ("raw", "calibrated")
GROUPS = 10
"""Groups of places, where no folds are."""
SEASONS = {"DJF": (11, 0, 1), "MAM": (2, 3, 4), "JJA": (5, 6, 7), "SON": (8, 9, 10)}
NUMBERS = ("coverage", "coverage_of_places", "width", "winkler")


class IntervalsOptions(Options):
    """Options: which places or months are judged, and which places calibrate."""

    split: Literal["dev", "test", "withheld"] = Field("dev", description="pixels or months judged")
    places: Literal["dev", "folds"] = Field("dev", description=f"places that calibrate. {calibration.PLACES}")
    variables: str = Field("", description="variables, with commas between; empty for all")
    pool: str = Field("", description=calibration.POOL)
    by: Literal["all", "season", "biome", "years"] = Field(
        "all", description="rows of the table; years: each place's warmer and cooler half"
    )


def check(ds: xr.Dataset, options: IntervalsOptions) -> None:
    """LandlabError for several setups, or one member."""
    calibration.one_ensemble(ds, options.pool)


def compute(ds: xr.Dataset, options: IntervalsOptions) -> xr.Dataset:
    """NUMBERS [variable, kind, level, group] of raw and calibrated intervals.

    `coverage` is the share of observations inside, `coverage_of_places` the mean of each place's; `width` and
    `winkler`, the interval score, are means in the variable's unit. `spearman` [variable, kind, group] is the rank
    correlation of width and absolute error. `pairs`, `judging` [variable, group]: observations and places. Raw is the
    mean -+ as many spreads as a normal distribution has. LandlabError for several setups, one member, or where nothing
    is judged.
    """
    setup = calibration.one_ensemble(ds, options.pool)
    names = members.names_in(options.variables)
    labels = (split.DEV, split.TEST) if options.places == "folds" else (split.DEV,)
    of_part = (split.TRAIN if options.split == members.WITHHELD else options.split,)
    judged = calibration.predictions(ds, options.split, of_part, names)
    calibrating = calibration.predictions(ds, split.DEV, labels, names) if judged else {}
    group_of_patch, how = _groups(ds)
    parts = _Parts(ds)
    rows: dict[str, dict[str, dict[str, Any]]] = {}
    empty = []
    for name, own in judged.items():
        if (
            name in calibrating
            and np.isfinite(own.error).any()
            and np.isfinite(calibrating[name].error).any()
        ):
            rows[name] = _numbers(own, _calibrated(own, calibrating[name], group_of_patch), parts)
        else:
            empty.append(name)
    if not rows:
        raise LandlabError(
            f"{options.split}: nothing is observed where two of {ds.sizes['run']} runs of {setup} are judged, and "
            "elsewhere where two calibrate; more seeds share more dev pixels, and of folds -o places=folds takes what "
            "each holds out"
        )
    groups = list(dict.fromkeys(group for row in rows.values() for group in row))
    shape = {"kind": len(KINDS), "level": len(LEVELS)}
    dims = dict.fromkeys(NUMBERS, ("kind", "level")) | {"spearman": ("kind",)}
    content: dict[str, Any] = {}
    for number in (*NUMBERS, "spearman", "pairs", "judging"):
        own_dims = dims.get(number, ())
        missing = np.full([shape[d] for d in own_dims], np.nan) if own_dims else 0
        values = [[row.get(g, {}).get(number, missing) for g in groups] for row in rows.values()]
        content[number] = (("variable", "group", *own_dims), np.array(values))
    content["units"] = ("variable", [judged[n].target.unit for n in rows])
    result = xr.Dataset(
        content, {"variable": list(rows), "group": groups, "kind": list(KINDS), "level": list(LEVELS)}
    )
    used = np.concatenate([own.count[np.isfinite(own.error).any(axis=0)] for own in judged.values()])
    notes = [
        f"{options.split} judged, each place by {used.min()} to {used.max()} members, calibrated by others: {how}",
        f"calibrating places: {calibration.PLACES.split('; ')[options.places == 'folds']}",
        "raw: mean -+ 0.67, 1.64 and 1.96 standard deviations of the members, for 50, 90 and 95 %",
    ]
    if empty:
        notes.append(f"not judged, for want of observations or calibration: {', '.join(empty)}")
    attrs = options.model_dump() | {
        "synthetic": ds.attrs["synthetic"],
        "setup": setup,
        "members": ds.sizes["run"],
    }
    return result.assign_attrs(attrs | {"notes": "\n".join(notes)})


def _groups(ds: xr.Dataset) -> tuple[npt.NDArray[np.integer], str]:
    """Group of each patch number, and what the groups are."""
    patch = ds["patch"].values
    group = np.random.default_rng(0).permutation(int(patch.max()) + 1) % GROUPS
    folds = {s.split: s.seeds.split for s in runs.specs(ds) if s.split.kind == "kfold"}
    if len(folds) < 2:
        return group, "ten groups of places, each by the calibration of the other nine"
    for k, (kind, seed) in enumerate(folds.items()):
        group[patch[split.assign(ds, kind, seed) == split.TEST]] = GROUPS + k
    return group, "each fold by the calibration of the others"


def _calibrated(
    own: Prediction, other: Prediction, group_of_patch: npt.NDArray[np.integer]
) -> tuple[Values, Values]:
    """Lower and upper bounds [level, T', P] of what is judged, from places of other groups."""
    error, spread, place = other.error, other.spread, other.patch
    calibrating = np.isfinite(error).any(axis=0)
    groups = group_of_patch[own.patch]
    if not np.isin(own.patch[np.isfinite(own.error).any(axis=0)], place[calibrating]).any():
        groups = np.full(len(groups), -1)  # no place does both
    half = np.full((len(LEVELS), *own.error.shape), np.nan)
    for group in np.unique(groups):
        of = calibrating & (group_of_patch[place] != group)
        if not of.any():
            continue
        e, s, p = error[:, of], spread[:, of], place[of]
        floor = conformal.floor_of(e, s, p)
        factor = conformal.factors(conformal.scores_of(e, s, floor), p, LEVELS)
        at = groups == group
        half[:, :, at] = np.multiply.outer(factor, own.spread[:, at] + floor)
    return own.mean - half, own.mean + half


class _Parts:
    """Parts of what is judged: all, seasons, biomes, warm and cool years."""

    def __init__(self, ds: xr.Dataset) -> None:
        self._first = np.unique(ds["patch"].values, return_index=True)[1]
        biome = predictors.plant_types(ds)
        if predictors.IGBP in ds:
            words = predictors.class_words(ds, predictors.IGBP)
            named = {f"{predictors.IGBP}={code:g}": word for code, word in words.items()}
            biome = np.array([named.get(str(x), str(x)) for x in biome])
        self._biome = biome
        self._warmth: Values | None = None
        if {"tmin", "tmax"} <= set(ds.data_vars):
            low, high = (ds[name].transpose("time", "pixel").values for name in ("tmin", "tmax"))
            self._warmth = (low + high) / 2

    def of(self, own: Prediction) -> Iterator[tuple[str, Mask]]:
        """Name and mask [T', P] of each part."""
        shape, t = own.error.shape, own.target
        pixel = np.arange(shape[1]) if t.level == "pixel" else self._first[own.patch]
        yield "all", np.ones(shape, bool)
        if shape[0] == t.calendar.steps:
            month = t.calendar.month_of_year[:, None]
            for season, months in SEASONS.items():
                yield season, np.broadcast_to(np.isin(month, months), shape)
            if self._warmth is not None:
                warm = _warm(
                    self._warmth[:, pixel], t.calendar.dates.astype("datetime64[Y]"), np.isfinite(own.error)
                )
                yield "warm years", warm == 1
                yield "cool years", warm == 0
        for biome in sorted(set(self._biome[pixel]) - {""}):
            yield f"biome {biome}", np.broadcast_to(self._biome[pixel] == biome, shape)


def _warm(temperature: Values, year: npt.NDArray[Any], seen: Mask) -> npt.NDArray[np.integer]:
    """1 in years warmer than the median of a place's observed years, 0 in others, -1 where it has only one, [T, P]."""
    years, which = np.unique(year, return_inverse=True)
    mean = np.stack([temperature[which == y].mean(axis=0) for y in range(len(years))])
    observed = np.stack([seen[which == y].any(axis=0) for y in range(len(years))])
    out = np.full(seen.shape, -1)
    for place in np.flatnonzero(observed.sum(axis=0) >= 2):
        middle = np.median(mean[observed[:, place], place])
        out[:, place] = (mean[:, place] > middle)[which]
    return out


def _numbers(own: Prediction, bounds: tuple[Values, Values], parts: _Parts) -> dict[str, dict[str, Any]]:
    """Numbers of each part in which something is judged, by its name."""
    y, mean, spread = own.target.observed, own.mean, own.spread
    normal = np.array([NormalDist().inv_cdf((1 + level) / 2) for level in LEVELS])
    half = np.multiply.outer(normal, spread)
    judged = np.isfinite(own.error) & np.isfinite(bounds[0]).any(axis=0)
    out: dict[str, dict[str, Any]] = {}
    for name, part in parts.of(own):
        at = judged & part
        if at.any():
            place = np.broadcast_to(own.patch, at.shape)[at]
            both = [
                _scores(low[:, at], high[:, at], y[at], place)
                for low, high in ((mean - half, mean + half), bounds)
            ]
            numbers: dict[str, Any] = {number: np.stack([b[number] for b in both]) for number in both[0]}
            out[name] = numbers | {"pairs": int(at.sum()), "judging": len(np.unique(place))}
    return out


def _scores(low: Values, high: Values, y: Values, place: npt.NDArray[np.integer]) -> dict[str, Any]:
    """NUMBERS [level] and `spearman` of intervals [level, n]; NaN of levels that are out of reach."""
    from scipy.stats import spearmanr

    reached: Mask = np.all(np.isfinite(low), axis=1)
    inside = np.where(reached[:, None], (low <= y) & (y <= high), np.nan)
    _, which, count = np.unique(place, return_inverse=True, return_counts=True)
    score = np.stack(
        [conformal.winkler(a, b, y, level) for a, b, level in zip(low, high, LEVELS, strict=True)]
    )
    k = int(np.argmax(reached))
    width, error = high[k] - low[k], np.abs(y - (high[k] + low[k]) / 2)
    varies = len(y) > 2 and np.ptp(width) > 0 and np.ptp(error) > 0
    return {
        "coverage": inside.mean(axis=1),
        "coverage_of_places": np.stack([np.mean(np.bincount(which, x) / count) for x in inside]),
        "width": (high - low).mean(axis=1),
        "winkler": score.mean(axis=1),
        "spearman": float(spearmanr(width, error).statistic) if varies else np.nan,
    }


def table(ds: xr.Dataset) -> pd.DataFrame:
    """Return a row for each variable, part and level: raw beside calibrated."""
    every = [str(g) for g in ds["group"].values]
    chosen = {
        "all": ["all"],
        "season": [g for g in every if g in SEASONS],
        "biome": [g for g in every if g.startswith("biome ")],
        "years": [g for g in every if g.endswith(" years")],
    }[ds.attrs["by"]]
    rows = []
    for variable in ds["variable"].values:
        for group in chosen:
            for level in ds["level"].values:
                one = ds.sel(variable=variable, group=group, level=level)
                if not int(one["pairs"]):
                    continue
                row: dict[str, Any] = {"variable": variable, "of": group, "level": f"{level:.0%}"}
                row |= {"places": int(one["judging"]), "n": int(one["pairs"])}
                for number, short in (("coverage", "in"), ("width", "width"), ("winkler", "Winkler")):
                    row |= {f"{short} {k}": float(one[number].sel(kind=k)) for k in KINDS}
                row["by place"] = float(one["coverage_of_places"].sel(kind="calibrated"))
                row["Spearman"] = float(one["spearman"].sel(kind="calibrated"))
                rows.append(row | {"units": one["units"].item()})
    return pd.DataFrame(rows)


ANALYSIS = Analysis(
    name="intervals",
    summary="coverage and score of calibrated intervals beside the raw spread, at places that did not calibrate",
    options=IntervalsOptions,
    needs=lambda options: Needs(
        tuple(
            dict.fromkeys((split.DEV, options.split, *([split.TEST] if options.places == "folds" else [])))
        ),
        files={"monthly": ()},
    ),
    check=check,
    compute=compute,
    table=table,
    figure=figure,
)
