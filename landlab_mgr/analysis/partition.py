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
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from pydantic import Field

from landlab_mgr.analysis import truth
from landlab_mgr.analysis.base import Analysis, Ensemble, Options
from landlab_mgr.analysis.figures import style
from landlab_mgr.errors import LandlabError
from landlab_mgr.models.dalec.parameters import VARIABLES

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CONTROL = "CONTROL"
LEFT_OUT = (CONTROL, "LATLON")
"""Sets that are no combination of the groups."""

NEAR = 0.05
"""A part that far from the truth's counts as recovered, whatever its interval."""

Values = npt.NDArray[np.floating]


class PartitionOptions(Options):
    """Which skill is partitioned, and how its uncertainty is drawn."""

    split: Literal["train", "dev", "test", "withheld"] = Field("dev", description="pixels or months scored")
    statistic: Literal["R2", "r2"] = Field(
        "R2", description="R2: Nash-Sutcliffe; r2: squared Pearson correlation"
    )
    level: Literal["flat", "temporal", "spatial"] = Field(
        "flat", description="over pixel-months, medians of pixels in time, or pixels' means"
    )
    draws: int = Field(1000, ge=0, le=100_000, description="bootstrap draws of seeds; 0: no intervals")


def subsets(groups: Sequence[str]) -> list[tuple[str, ...]]:
    """Every set of the groups, the empty one first, smaller ones before larger ones."""
    return [s for size in range(len(groups) + 1) for s in itertools.combinations(groups, size)]


def independent_parts(groups: Sequence[str], values: Values) -> Values:
    """The Shapley value of each group, [group, ...], from the skill of every set, [set, ...] in `subsets` order."""
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


def design(ensemble: Ensemble) -> Design:
    """Which runs stand for which set of groups; the first set is CONTROL's.

    LandlabError where sets are missing, or where the runs differ in more than predictors and seeds.
    """
    setups, labels = ensemble.setups(), list(ensemble.runs["label"])
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
    known = set(of_run)
    missing = [name for name in names if frozenset(name.split("+")) not in known]
    if missing:
        raise LandlabError(
            f"{len(missing)} of {len(names)} setups have no completed run: {', '.join(missing)}; "
            "partitioning needs every combination of the groups, and CONTROL; see `landlab grid missing GRID`"
        )
    rows = [np.flatnonzero([x == frozenset(n.split("+")) for x in of_run]) for n in names]
    return Design(groups, names, rows)


def compute(ensemble: Ensemble, options: PartitionOptions) -> xr.Dataset:
    """Parts of the skill by variable and group, with 95 % intervals over the members.

    `control`, `full` [variable]; `alone`, `independent`, `joint` [group, variable], the last two with `_low` and
    `_high`; `skill` and `members` [set, variable], how many have the skill. NaN where a set has no member with it.
    On a twin planet also `truth` [group, variable] and `true_skill` [set, variable]: V*, the skill of the true model
    driven by the parameters that a set lets expect, and its independent parts.

    LandlabError where `design` raises it, or where no run has the statistic.
    """
    found = design(ensemble)
    groups, names, of_set = found.groups, found.sets, found.rows
    cube = ensemble.metrics([options.split], options.level).sel(split=options.split, drop=True)
    cube = cube.reindex(statistic=[options.statistic]).isel(statistic=0, drop=True)
    if not np.isfinite(cube).any():
        raise LandlabError(
            f"none of {len(ensemble.runs)} runs has {options.statistic} on {options.split} ({options.level}); "
            "`landlab show RUN` lists what a run has"
        )
    variables = in_order([str(v) for v in cube["variable"].values])
    scores = cube.sel(variable=variables).values
    values = np.stack([_mean(scores[rows]) for rows in of_set])
    seeds = np.unique(ensemble.runs["seed"], return_inverse=True)[1]
    times = _drawn(int(seeds.max()) + 1, options.draws)
    drawn = np.stack([_weighted_mean(times[:, seeds[rows]], scores[rows]) for rows in of_set], axis=1)
    parts_found = parts(groups, values)
    intervals: dict[str, Values] = {}
    if options.draws:
        of_draws = parts(groups, np.moveaxis(drawn, 0, -1))
        for name in ("independent", "joint"):
            low, high = _middle(of_draws[name])
            intervals |= {f"{name}_low": low, f"{name}_high": high}
    counts = np.stack([np.isfinite(scores[rows]).sum(axis=0) for rows in of_set])
    by_group = {n: (("group", "variable"), x) for n, x in (parts_found | intervals).items()}
    notes = _notes(names, variables, counts, options)
    true, why = truth.skill(ensemble, names, variables, options)
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
            "members": (("set", "variable"), counts),
            **of_truth,
        },
        {"group": groups, "variable": variables, "set": names},
        options.model_dump()
        | {"synthetic": int(ensemble.synthetic), "runs": int(sum(map(len, of_set)))}
        | {"notes": "\n".join([*notes, why] if why else notes)},
    )


def _drawn(n: int, draws: int) -> npt.NDArray[np.int64]:
    """[draw, n] how often each of n is in a bootstrap draw of n.

    Seeds are drawn, for all sets at once: members of equal seed share their dev pixels, whose luck is not the groups'.
    """
    return np.random.default_rng(0).multinomial(n, np.full(n, 1 / n), draws)


def _weighted_mean(times: npt.NDArray[np.int64], scores: Values) -> Values:
    """[draw, variable] means of scores [member, variable] that count so many times [draw, member]; NaN of none."""
    there = np.isfinite(scores)
    n = times @ there
    return np.where(n > 0, times @ np.where(there, scores, 0.0) / np.maximum(n, 1), np.nan)


def _middle(draws: Values) -> Values:
    """Ends of the middle 95 % of the draws (last axis) in which every set has a member; NaN of none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # numpy warns of none
        found: Values = np.nanquantile(draws, (0.025, 0.975), axis=-1)
    return found


def _notes(
    sets: Sequence[str], variables: Sequence[str], counts: Values, options: PartitionOptions
) -> list[str]:
    """Why variables are not partitioned, and where few members stand for a set."""
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


def _recovered(found: Values, true: Values, intervals: dict[str, Values]) -> str:
    """How far parts [group, variable] agree with the truth's: their order, and each with its interval."""
    known = np.isfinite(found + true).all(axis=0)
    same = (found.argsort(axis=0) == true.argsort(axis=0)).all(axis=0)[known]
    leading = (found.argmax(axis=0) == true.argmax(axis=0))[known]
    near = np.abs(found - true) <= NEAR
    if intervals:
        near |= (intervals["independent_low"] <= true) & (true <= intervals["independent_high"])
    near = near[:, known]
    a, b = np.triu_indices(len(true), 1)
    apart = (true[a] - true[b])[:, known]
    agree = apart * (found[a] - found[b])[:, known] > 0
    clear = np.abs(apart) > NEAR
    return (
        f"against the truth V*: the leading group is the same in {leading.sum()} of {known.sum()} variables, the order "
        f"of all in {same.sum()}; {(agree & clear).sum()} of {clear.sum()} pairs that truly differ by more than {NEAR} "
        f"are in that order; {near.sum()} of {near.size} parts are within their interval or {NEAR} of the truth's"
    )


def in_order(variables: Sequence[str]) -> list[str]:
    """Variables in the order of the table of observed variables, then, sorted, those it lacks."""
    return [v for v in VARIABLES if v in variables] + sorted(v for v in variables if v not in VARIABLES)


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
    there = np.isfinite(x)
    n = there.sum(axis=axis)
    return np.where(n > 0, np.where(there, x, 0.0).sum(axis=axis) / np.maximum(n, 1), np.nan)


def table(ds: xr.Dataset) -> pd.DataFrame:
    """A row for each variable: control, each group's independent part, all of them, and the joint parts.

    On a twin planet a second row holds the truth's.
    """
    rows = []
    for v in _partitioned(ds):
        one = ds.sel(variable=v)
        parts = {str(g): float(one["independent"].sel(group=g)) for g in ds["group"].values}
        joint = {f"joint {g}": float(one["joint"].sel(group=g)) for g in ds["group"].values}
        rows.append(
            {"variable": v, "control": float(one["control"]), **parts, "all": float(one["full"]), **joint}
        )
        if "truth" in ds:
            parts = {str(g): float(one["truth"].sel(group=g)) for g in ds["group"].values}
            ends = {"control": float(one["true_skill"][0]), "all": float(one["true_skill"][-1])}
            rows.append({"variable": f"{v}, truth", **ends, **parts})
    return pd.DataFrame(rows)


def figure(ds: xr.Dataset) -> "Figure":
    """For each variable a bar for each group's independent part, with its interval; a tick where its joint part is."""
    from matplotlib.figure import Figure

    ds = ds.sel(variable=_partitioned(ds))
    groups, variables = list(ds["group"].values), list(ds["variable"].values)
    fig = Figure(figsize=(8.5, 1.9 + (0.3 + 0.2 * len(groups)) * len(variables)), layout="constrained")
    ax = fig.add_subplot()
    thick = 0.8 / len(groups)
    rows = np.arange(len(variables))
    for row in rows[::2]:
        ax.axhspan(row - 0.5, row + 0.5, color="0.96", linewidth=0)
    for j, group in enumerate(groups):
        y = rows + (j - (len(groups) - 1) / 2) * thick
        x = ds["independent"].sel(group=group).values
        colour = style.PALETTE[j % len(style.PALETTE)]
        ax.barh(y, x, 0.9 * thick, color=colour, label=group)
        if "independent_low" in ds:
            low, high = (ds[f"independent_{end}"].sel(group=group).values for end in ("low", "high"))
            ax.hlines(y, low, high, color="0.2", linewidth=1)
        joint = ds["joint"].sel(group=group).values
        ax.scatter(joint, y, s=26, marker="D", facecolor="white", edgecolor=colour, zorder=3)
        if "truth" in ds:
            x = ds["truth"].sel(group=group).values
            ax.scatter(x, y, s=60, marker="|", color="black", linewidth=1.8, zorder=4)
    ax.scatter([], [], s=26, marker="D", facecolor="white", edgecolor="0.3", label="joint part")
    if "truth" in ds:
        ax.scatter([], [], s=60, marker="|", color="black", linewidth=1.8, label="truth (of V*)")
    ax.axvline(0, color="0.4", linewidth=0.8)
    ax.set_yticks(rows, [_row_name(ds, v) for v in variables])
    ax.set_ylim(len(variables) - 0.5, -0.5)
    interval = ", 95 % over seeds" if "independent_low" in ds else ""
    ax.set_xlabel(f"independent part of {style.skill_label(ds.attrs)}{interval}")
    style.quiet(ax)
    synthetic = ", synthetic data" if ds.attrs["synthetic"] else ""
    style.entitle(ax, f"What each predictor group brings ({ds.attrs['runs']} runs{synthetic})", ds.attrs)
    fig.legend(loc="outside lower center", ncols=len(groups) + 2, frameon=False)
    return fig


def _partitioned(ds: xr.Dataset) -> list[str]:
    return [str(v) for v in ds["variable"].values if (ds["members"].sel(variable=v) > 0).all()]


def _row_name(ds: xr.Dataset, variable: str) -> str:
    one = ds.sel(variable=variable)
    return f"{style.named(variable)}\n{float(one['control']):.2f} → {float(one['full']):.2f}"


ANALYSIS = Analysis(
    name="partition",
    summary="how much of the skill each predictor group brings, by itself and jointly",
    options=PartitionOptions,
    splits=lambda options: (options.split,),
    compute=compute,
    table=table,
    figure=figure,
)
