"""Hierarchical partitioning: how much of the skill each predictor group brings by itself and jointly. JAX-free.

Chevan & Sutherland (1991, doi:10.1080/00031305.1991.10475776). V(S) is the mean skill of the members of predictor set
S, and V of the empty set that of CONTROL, which has noise for a predictor. The independent part of group j is the mean
over k = 0..N-1 of the mean over the sets S of k other groups of V(S + j) - V(S), which is its Shapley value; its joint
part is V({j}) - V(empty) less that. The independent parts add up to V(all) - V(empty).
"""

import itertools
import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from pydantic import Field

from landlab_mgr.analysis import runs, truth
from landlab_mgr.analysis.contract import Analysis, Needs, Options
from landlab_mgr.analysis.figures.partition import figure, partitioned
from landlab_mgr.analysis.of_models import in_order
from landlab_mgr.data import split
from landlab_mgr.errors import LandlabError
from landlab_mgr.observations import metrics
from landlab_mgr.records import SUMS

CONTROL = "CONTROL"
LEFT_OUT = (CONTROL, "LATLON")
"""Sets that are no combination of the groups."""

NEAR = 0.05
"""A part that far from the truth's counts as recovered, whatever its interval."""

Values = npt.NDArray[np.floating]


class PartitionOptions(Options):
    """Options: which skill is partitioned, and how its uncertainty is drawn."""

    split: Literal["train", "dev", "test", "withheld"] = Field("dev", description="pixels or months scored")
    statistic: Literal["R2", "r2"] = Field(
        "R2", description="R2: Nash-Sutcliffe; r2: squared Pearson correlation"
    )
    level: Literal["flat", "temporal", "spatial"] = Field(
        "flat", description="over pixel-months, medians of pixels in time, or pixels' means"
    )
    draws: int = Field(
        1000, ge=0, le=100_000, description="bootstrap draws of seeds and patches; 0: no intervals"
    )


def subsets(groups: Sequence[str]) -> list[tuple[str, ...]]:
    """Every set of the groups, the empty one first, smaller ones before larger ones."""
    return [s for size in range(len(groups) + 1) for s in itertools.combinations(groups, size)]


def independent_parts(groups: Sequence[str], values: Values) -> Values:
    """Compute the Shapley value of each group, [group, ...].

    It comes from the skill of every set, [set, ...] in `subsets` order.
    """
    place = {frozenset(s): i for i, s in enumerate(subsets(groups))}
    n = len(groups)
    weights = np.zeros((n, len(place)))
    for s, i in place.items():
        for j, group in enumerate(groups):
            if group not in s:
                weight = math.factorial(len(s)) * math.factorial(n - 1 - len(s)) / math.factorial(n)
                weights[j, place[s | {group}]] += weight
                weights[j, i] -= weight
    return np.tensordot(weights, values, axes=1)


@dataclass(frozen=True)
class Design:
    """The combinations of predictor groups that an ensemble has; `rows`: the runs of each set, in `subsets` order."""

    groups: list[str]
    sets: list[str]
    rows: list[npt.NDArray[np.intp]]


def design(ds: xr.Dataset) -> Design:
    """Return which runs stand for which set of groups.

    The first set is CONTROL's.

    LandlabError where sets are missing, or where the runs differ in more than predictors and seeds.
    """
    setups, labels = runs.setups(ds), [str(label) for label in ds["label"].values]
    if len(set(setups)) > len(set(labels)):
        several = next(
            x
            for x in dict.fromkeys(labels)
            if len({s for s, y in zip(setups, labels, strict=True) if x == y}) > 1
        )
        both = [s for s, x in zip(setups, labels, strict=True) if x == several]
        raise LandlabError(
            f"the runs of {several} are of different kinds: {both[0]!r} and {next(s for s in both if s != both[0])!r}; "
            "give a filter that leaves one"
        )
    groups = list(
        dict.fromkeys(g for x in labels if x not in LEFT_OUT for g in x.split("+") if g not in LEFT_OUT)
    )
    groups = sorted(groups, key=lambda g: _rank(labels, g))
    if not groups:
        raise LandlabError(
            "no run has predictor groups to partition among; give the runs of a factorial grid"
        )
    names = [CONTROL, *("+".join(s) for s in subsets(groups)[1:])]
    of_run = [frozenset(x.split("+")) for x in labels]
    trained = set(of_run)
    missing = [name for name in names if frozenset(name.split("+")) not in trained]
    if missing:
        raise LandlabError(
            f"{len(missing)} of {len(names)} setups have no completed run: {', '.join(missing)}; "
            "partitioning needs every combination of the groups, and CONTROL; see `landlab grid missing GRID`"
        )
    rows = [np.flatnonzero([x == frozenset(n.split("+")) for x in of_run]) for n in names]
    return Design(groups, names, rows)


def check(ds: xr.Dataset, options: Options) -> None:
    """LandlabError where `design` raises it."""
    design(ds)


def compute(ds: xr.Dataset, options: PartitionOptions) -> xr.Dataset:
    """Parts of the skill by variable and group, with 95 % intervals over draws of seeds and of patches.

    `control`, `full` [variable]; `alone`, `independent`, `joint` [group, variable], the last two with `_low` and
    `_high`; `skill` and `members` [set, variable], how many have the skill. NaN where a set has no member with it.
    On a twin planet also `truth` [group, variable] and `true_skill` [set, variable]: V*, the skill of the true model
    driven by the parameters that a set lets expect, and its independent parts.

    LandlabError where `design` raises it, or where no run has the statistic.
    """
    sets = design(ds)
    groups, names, of_set = sets.groups, sets.sets, sets.rows
    cube = (
        ds["metric"]
        .sel(split=options.split, drop=True)
        .reindex(statistic=[options.statistic])
        .isel(statistic=0, drop=True)
    )
    if not np.isfinite(cube).any():
        raise LandlabError(
            f"none of {ds.sizes['run']} runs has {options.statistic} on {options.split} ({options.level}); "
            "`landlab show RUN` lists what a run has"
        )
    variables = in_order([str(v) for v in cube["variable"].values])
    scores = cube.sel(variable=variables).values
    values = np.stack([_mean(scores[rows]) for rows in of_set])
    seeds = np.unique(ds["seed"].values, return_inverse=True)[1]
    times = _drawn(int(seeds.max()) + 1, options.draws)
    of_patches = _over_patches(ds, variables, options) if options.draws else None
    drawn_scores = np.broadcast_to(scores[:, None], (len(scores), options.draws, len(variables)))
    drawn_scores = drawn_scores if of_patches is None else of_patches
    drawn = np.stack([_weighted_mean(times[:, seeds[rows]], drawn_scores[rows]) for rows in of_set], axis=1)
    parts_found = parts(groups, values)
    intervals: dict[str, Values] = {}
    if options.draws:
        of_draws = parts(groups, np.moveaxis(drawn, 0, -1))
        for name in ("independent", "joint"):
            low, high = _middle(of_draws[name])
            intervals |= {f"{name}_low": low, f"{name}_high": high}
    counts = np.stack([np.isfinite(scores[rows]).sum(axis=0) for rows in of_set])
    by_group = {n: (("group", "variable"), x) for n, x in (parts_found | intervals).items()}
    notes = _notes(names, variables, counts, options) + _uncommon(ds, of_set, names, options)
    if options.draws and of_patches is None:
        notes.append(f"intervals are over draws of seeds alone: {_no_patches(options)}")
    true, why = truth.skill(ds, names, variables, options)
    of_truth: dict[str, Any] = {}
    if true is not None:
        true_parts = independent_parts(groups, true)
        of_truth = {"truth": (("group", "variable"), true_parts), "true_skill": (("set", "variable"), true)}
        notes.append(_recovered(parts_found["independent"], true_parts, intervals))
    return xr.Dataset(
        {
            "control": ("variable", values[0]),
            "full": ("variable", values[-1]),
            **by_group,
            "skill": (("set", "variable"), values),
            "skill_sd": (("set", "variable"), np.stack([_sd(scores[rows]) for rows in of_set])),
            "members": (("set", "variable"), counts),
            **of_truth,
        },
        {"group": groups, "variable": variables, "set": names},
        options.model_dump()
        | {"drawn": "seeds" if of_patches is None else "seeds and patches"}
        | {"synthetic": ds.attrs["synthetic"], "runs": int(sum(map(len, of_set)))}
        | {"notes": "\n".join([*notes, why] if why else notes)},
    )


def _drawn(n: int, draws: int, stream: int = 0) -> npt.NDArray[np.int64]:
    """[draw, n] how often each of n is in a bootstrap draw of n; draws of another stream are independent.

    Seeds are drawn, for all sets at once: members of equal seed share their dev pixels, whose luck is not the groups'.
    """
    return np.random.default_rng(stream).multinomial(n, np.full(n, 1 / n), draws)


def _over_patches(ds: xr.Dataset, variables: Sequence[str], options: PartitionOptions) -> Values | None:
    """Skill of each run over draws of patches, [run, draw, variable]; None where the runs do not tell it.

    Pixels of a patch share their weather and their luck, so that whole patches are drawn, the same for all runs. A
    run is scored on those that its split has in this part. It follows from the moments of each patch.
    """
    if options.level not in SUMMED or "sums.split" not in ds:
        return None
    label = split.TRAIN if options.split == "withheld" else options.split
    period = "withheld" if options.split == "withheld" else "observation"
    out = np.full((ds.sizes["run"], options.draws, len(variables)), np.nan)
    times = None
    for row, file in enumerate(runs.files(ds, "sums")):
        here = np.flatnonzero(file["split"].values == label)
        times = _drawn(file.sizes["patch"], options.draws, stream=1) if times is None else times
        if period not in file.get("period", ()):
            continue
        for column, name in enumerate(variables):
            if name in file:
                sums = file[name].sel(period=period, level=options.level).transpose("moment", "patch").values
                drawn = metrics.resampled(metrics.Moments(*sums[:, here]), times[:, here])
                out[row, :, column] = metrics.statistics_of(drawn)[options.statistic]
    return out


SUMMED = ("flat", "spatial")
"""Levels of which runs keep the moments of patches."""


def _no_patches(options: PartitionOptions) -> str:
    if options.level not in SUMMED:
        return f"a median over pixels ({options.level}) does not follow from sums over patches"
    return "the runs are of a version that kept no sums over patches"


def _weighted_mean(times: npt.NDArray[np.int64], scores: Values) -> Values:
    """[draw, variable] means of scores [member, draw, variable] that count so many times [draw, member].

    NaN of none.
    """
    finite = np.isfinite(scores)
    n = np.einsum("dm,mdv->dv", times, finite)
    total = np.einsum("dm,mdv->dv", times, np.where(finite, scores, 0.0))
    return np.where(n > 0, total / np.maximum(n, 1), np.nan)


def _middle(draws: Values) -> Values:
    """Return the ends of the middle 95 % of the draws (last axis).

    They are of the draws in which every set has a member; NaN of none.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # numpy warns of none
        ends: Values = np.nanquantile(draws, (0.025, 0.975), axis=-1)
    return ends


def _notes(
    sets: Sequence[str], variables: Sequence[str], counts: Values, options: PartitionOptions
) -> list[str]:
    """Tell why variables are not partitioned, and where few members stand for a set."""
    notes = []
    for variable, n in zip(variables, counts.T, strict=True):
        without = [name for name, k in zip(sets, n, strict=True) if k == 0]
        if without:
            where = "any set" if len(without) == len(sets) else ", ".join(without)
            why = f"no member of {where} has {options.statistic} on {options.split}"
            notes.append(f"{variable} is not partitioned: {why} (never observed there, or constant)")
        elif n.min() < n.max():
            few, many = (f"{k} ({sets[i]})" for k, i in ((n.min(), n.argmin()), (n.max(), n.argmax())))
            notes.append(f"{variable}: sets stand on different numbers of members, {few} to {many}")
    if counts.max(axis=1).min() < 2 and options.draws:
        alone = [name for name, k in zip(sets, counts.max(axis=1), strict=True) if k < 2]
        notes.append(
            f"{len(alone)} sets have one member only ({', '.join(alone[:4])}): intervals are too narrow"
        )
    return notes


def _uncommon(
    ds: xr.Dataset, of_set: Sequence[npt.NDArray[np.intp]], names: Sequence[str], options: PartitionOptions
) -> list[str]:
    """Return a line where sets are scored at different pixels.

    Dev and train pixels follow the seed.
    """
    if options.split == "test":
        return []
    seeds = [frozenset(map(int, ds["seed"].values[rows])) for rows in of_set]
    common = frozenset.intersection(*seeds)
    if all(own == common for own in seeds):
        return []
    other = next(name for name, own in zip(names, seeds, strict=True) if own != common)
    way_out = (
        f'a filter such as "seed in ({", ".join(map(str, sorted(common)))})" takes' if common else "take"
    )
    return [
        f"sets have members of different seeds ({len(common)} are common to all; {other} has others), and so other "
        f"{options.split} pixels: {way_out} common ones; -o split=test scores all at the same pixels, as the paper does"
    ]


def _recovered(parts: Values, true: Values, intervals: dict[str, Values]) -> str:
    """Tell how far parts [group, variable] agree with the truth's.

    Their order, and each with its interval.
    """
    defined = np.isfinite(parts + true).all(axis=0)
    same = (parts.argsort(axis=0) == true.argsort(axis=0)).all(axis=0)[defined]
    leading = (parts.argmax(axis=0) == true.argmax(axis=0))[defined]
    near = np.abs(parts - true) <= NEAR
    if intervals:
        near |= (intervals["independent_low"] <= true) & (true <= intervals["independent_high"])
    near = near[:, defined]
    a, b = np.triu_indices(len(true), 1)
    apart = (true[a] - true[b])[:, defined]
    agree = apart * (parts[a] - parts[b])[:, defined] > 0
    clear = np.abs(apart) > NEAR
    return (
        f"against the truth V*: the leading group is the same in {leading.sum()} of {defined.sum()} variables, the "
        f"order of all in {same.sum()}; {(agree & clear).sum()} of {clear.sum()} pairs that truly differ by more "
        f"than {NEAR} are in that order; {near.sum()} of {near.size} parts are within their "
        f"interval or {NEAR} of the truth's"
    )


def parts(groups: Sequence[str], values: Values) -> dict[str, Values]:
    """Each group's skill `alone` above CONTROL's, its `independent` and `joint` part: [set, ...] to [group, ...]."""
    independent = independent_parts(groups, values)
    alone = values[1 : 1 + len(groups)] - values[:1]
    return {"alone": alone, "independent": independent, "joint": alone - independent}


def _rank(labels: Sequence[str], group: str) -> int:
    """Place in the order in which labels name groups, which is everywhere the same."""
    longest = max(labels, key=lambda x: x.count("+")).split("+")
    return longest.index(group) if group in longest else len(longest)


def _mean(x: Values, axis: int = 0) -> Values:
    """Mean of what is there; NaN where nothing is."""
    finite = np.isfinite(x)
    n = finite.sum(axis=axis)
    return np.where(n > 0, np.where(finite, x, 0.0).sum(axis=axis) / np.maximum(n, 1), np.nan)


def _sd(x: Values) -> Values:
    """Compute the standard deviation over the first axis of what is there.

    NaN of fewer than two.
    """
    finite = np.isfinite(x)
    n = finite.sum(axis=0)
    squares = np.where(finite, x - _mean(x), 0.0) ** 2
    return np.where(n > 1, np.sqrt(squares.sum(axis=0) / np.maximum(n - 1, 1)), np.nan)


def _percent(part: float, whole: float) -> float:
    return 100 * part / whole if whole > 0 else np.nan


def table(ds: xr.Dataset) -> pd.DataFrame:
    """Return a row for each variable.

    Control, each group's independent part, all of them, and the joint parts.

    `sd` is that over the members of CONTROL and of all groups. `% of all` are shares of the skill of all groups
    (control / full, I_j / full), `% of gain` of what the groups add to CONTROL's (I_j / sum I).
    On a twin planet a second row holds the truth's.
    """
    rows = []
    for v in partitioned(ds):
        one = ds.sel(variable=v)
        parts = {str(g): float(one["independent"].sel(group=g)) for g in ds["group"].values}
        joint = {f"joint {g}": float(one["joint"].sel(group=g)) for g in ds["group"].values}
        ends = {"control": float(one["control"]), "all": float(one["full"])}
        gain = sum(parts.values())
        spread = {}
        if "skill_sd" in ds:
            spread = {"sd of control": float(one["skill_sd"][0]), "sd of all": float(one["skill_sd"][-1])}
        shares = {
            f"{n} % of all": _percent(x, ends["all"])
            for n, x in ({"control": ends["control"]} | parts).items()
        }
        shares |= {f"{n} % of gain": _percent(x, gain) for n, x in parts.items()}
        rows.append(
            {"variable": v, "control": ends["control"], **parts, "all": ends["all"], **joint}
            | spread
            | shares
        )
        if "truth" in ds:
            parts = {str(g): float(one["truth"].sel(group=g)) for g in ds["group"].values}
            ends = {"control": float(one["true_skill"][0]), "all": float(one["true_skill"][-1])}
            rows.append({"variable": f"{v}, truth", **ends, **parts})
    return pd.DataFrame(rows)


ANALYSIS = Analysis(
    name="partition",
    summary="contribution of each predictor group to the skill, by itself and jointly",
    options=PartitionOptions,
    needs=lambda options: Needs(
        (options.split,), options.level, dataset="if synthetic", if_kept={SUMS: ()} if options.draws else {}
    ),
    check=check,
    compute=compute,
    table=table,
    figure=figure,
)
