"""Skill and spread against the size of the ensemble: how many members of one setup are enough? JAX-free.

For every size, subsets of the members are drawn and the skill of each subset's mean prediction is taken. A mean over
members is linear, so that its moments follow from those of pairs of members at each place: no subset's prediction is
ever made.
"""

from itertools import combinations
from math import comb
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from pydantic import Field

from landlab_mgr.analysis import members, runs
from landlab_mgr.analysis.contract import Analysis, Needs, Options
from landlab_mgr.analysis.figures.curve import figure
from landlab_mgr.errors import LandlabError
from landlab_mgr.observations import metrics

Values = npt.NDArray[np.floating]

QUANTILES = (0.05, 0.5, 0.95)
MIN_MEMBERS = 3
MOST_SIZES = 30
"""Sizes that are looked at; of larger ensembles only some."""


class CurveOptions(Options):
    """Options: which skill, and how many subsets."""

    split: Literal["train", "test", "withheld"] = Field(
        "train", description="pixels or months scored; of dev a pixel has too few members"
    )
    statistic: Literal["R2", "r2", "r"] = Field("R2", description="as of analysis skill, over pixel-months")
    variables: str = Field("", description="variables, with commas between; empty for all")
    draws: int = Field(100, ge=10, le=10_000, description="subsets of each size, where there are as many")
    seed: int = Field(0, ge=0, description="of the draw of the subsets")
    enough: float = Field(
        0.01, gt=0, description="gain in skill, from half of the members to all, that is none"
    )


def check(ds: xr.Dataset, options: CurveOptions) -> None:
    """LandlabError for several setups, or fewer than 3 members."""
    setup, n = runs.one_setup(ds), ds.sizes["run"]
    if n < MIN_MEMBERS:
        raise LandlabError(
            f"{n} run{'s' * (n > 1)} of {setup}; a curve needs {MIN_MEMBERS} or more: run more seeds"
        )


def compute(ds: xr.Dataset, options: CurveOptions) -> xr.Dataset:
    """`skill` [variable, size, quantile] of the means of subsets, and `spread` [variable, size] between them.

    The spread is the standard deviation over the subsets of their mean predictions (root mean square over pixel-months,
    in the variable's unit); `observed_sd` [variable] is that of the observations; `subsets` [size]. At each pixel a
    subset's mean is over its members that are scored there. LandlabError for several setups or datasets, fewer than
    3 members, or where nothing has the statistic.
    """
    check(ds, options)
    setup, n = runs.one_setup(ds), ds.sizes["run"]
    sizes = np.unique(np.linspace(1, n, min(n, MOST_SIZES)).round().astype(int))
    if n // 2 not in sizes:
        sizes = np.sort(np.append(sizes, n // 2))
    subsets = [_subsets(n, int(k), options.draws, options.seed) for k in sizes]
    curves, undefined, notes = {}, [], []
    stacks = members.stacks(ds, options.split, members.names_in(options.variables))
    for stack in stacks:
        pairs = _Pairs(stack, options.split)
        scored = [pairs.score(chosen, options.statistic) for chosen in subsets]
        if np.isfinite(scored[-1][0]).all():
            skill = np.array([np.quantile(x[np.isfinite(x)], QUANTILES) for x, _ in scored])
            curves[stack.target] = skill, np.array([s for _, s in scored]), pairs.observed_sd
        else:
            undefined.append(stack.target.name)
    if not curves:
        raise LandlabError(
            f"no variable has {options.statistic} on {options.split}: {', '.join(undefined)} are not "
            "observed there, or do not vary"
        )
    if undefined:
        notes.append(
            f"no {options.statistic}: {', '.join(undefined)} (not observed there, or they do not vary)"
        )
    skill, spread, sd = (np.stack(x) for x in zip(*curves.values(), strict=True))
    names = [t.name for t in curves]
    half = int(np.flatnonzero(sizes == n // 2)[0])
    gain = skill[:, -1, 1] - skill[:, half, 1]
    notes += _verdict(names, gain, n, options)
    notes.append(
        f"subsets are of the same {n} members: they overlap, and their range closes towards {n} by itself"
    )
    if options.split != "test":
        seen = (
            "pixels that members learned from"
            if options.split == "train"
            else "months withheld, of pixels seen"
        )
        notes.append(f"{options.split}: {seen}; -o split=test asks about unseen pixels, and is counted")
    notes += members.resolution_note(list(curves))
    return xr.Dataset(
        {
            "skill": (("variable", "size", "quantile"), skill),
            "spread": (("variable", "size"), spread),
            "observed_sd": ("variable", sd),
            "units": ("variable", [t.unit for t in curves]),
            "subsets": ("size", [len(x) for x in subsets]),
        },
        {"variable": names, "size": sizes, "quantile": list(QUANTILES)},
        options.model_dump()
        | {"synthetic": ds.attrs["synthetic"], "setup": setup, "notes": "\n".join(notes), "level": "flat"},
    )


def _verdict(names: list[str], gain: Values, n: int, options: CurveOptions) -> list[str]:
    """Tell whether half of the members would have done."""
    does = [v for v, g in zip(names, gain, strict=True) if g < options.enough]
    more = [f"{v} {g:+.3f}" for v, g in zip(names, gain, strict=True) if g >= options.enough]
    notes = []
    if does:
        notes.append(
            f"{n // 2} of {n} members are enough (median gain < {options.enough:g}): {', '.join(does)}"
        )
    if more:
        notes.append(f"from {n // 2} to {n} members {options.statistic} still gains: {', '.join(more)}")
    return notes


def _subsets(n: int, size: int, draws: int, seed: int) -> npt.NDArray[np.bool_]:
    """Subsets of n members, [subsets, n]: all of a size where there are at most so many, else drawn."""
    if comb(n, size) <= draws:
        chosen = np.array(list(combinations(range(n), size)))
    else:
        rng = np.random.default_rng([seed, size])
        chosen = rng.permuted(np.tile(np.arange(n), (draws, 1)), axis=1)[:, :size]
    out = np.zeros((len(chosen), n), bool)
    np.put_along_axis(out, chosen, True, axis=1)
    return out


class _Pairs:
    """Sums over time, at every place, of the members' predictions x, of the observations o, and of their products."""

    def __init__(self, stack: members.Stack, part: str) -> None:
        observed = stack.target.observed
        scored = stack.scored(part)
        used = scored.any(axis=0) & np.isfinite(observed).any(axis=0)
        self.scored, observed = scored[:, used], observed[:, used]
        seen = np.isfinite(observed)
        self.n = seen.sum(axis=0)
        self.centre = float(observed[seen].mean()) if seen.any() else 0.0
        o = np.where(seen, observed - self.centre, 0.0).T
        x = np.where(seen, stack.modelled[:, :, used] - self.centre, 0.0).transpose(2, 0, 1)
        self.size = (
            float(np.abs(observed[seen]).max(initial=0.0)),
            float(np.abs(x).max(initial=0.0) + abs(self.centre)),
        )
        self.observed_sd = float(observed[seen].std()) if seen.any() else np.nan
        self.o, self.oo = o.sum(axis=1), (o * o).sum(axis=1)
        self.x, self.xo, self.xx = x.sum(axis=2), x @ o[:, :, None], x @ x.transpose(0, 2, 1)

    def score(self, subsets: npt.NDArray[np.bool_], statistic: str) -> tuple[Values, float]:
        """Return the statistic of each subset's mean, and the spread between the means.

        The spread is in the variable's unit.
        """
        weight = (subsets[:, None, :] & self.scored.T).astype(float)  # [subsets, places, members]
        count = weight.sum(axis=2)
        scored = count > 0
        weight = (weight / np.maximum(count, 1)[:, :, None]).transpose(1, 0, 2)
        x = np.einsum("psm,pm->sp", weight, self.x)
        xo = np.einsum("psm,pm->sp", weight, self.xo[:, :, 0])
        xx = np.einsum("psm,psm->sp", weight @ self.xx, weight)
        n, o, oo = (np.where(scored, y, 0.0) for y in (self.n, self.o, self.oo))
        n_, x_, o_, xo_, xx_, oo_ = (y.sum(axis=1) for y in (n, x, o, xo, xx, oo))
        pairs = np.maximum(n_, 1)
        nothing = np.full_like(n_, np.nan)
        moments = metrics.Moments(
            n=n_,
            model=x_ / pairs + self.centre,
            observed=o_ / pairs + self.centre,
            model_spread=np.maximum(xx_ - x_**2 / pairs, 0),
            observed_spread=np.maximum(oo_ - o_**2 / pairs, 0),
            product=xo_ - x_ * o_ / pairs,
            error=x_ - o_,
            absolute_error=nothing,  # not a sum of moments
            squared_error=np.maximum(xx_ - 2 * xo_ + oo_, 0),
            model_size=np.full_like(n_, self.size[1]),
            observed_size=np.full_like(n_, self.size[0]),
        )
        always = scored.all(axis=0)
        mean = weight.mean(axis=1)  # of the subsets' means
        about = np.einsum("pm,pmk,pk->p", mean, self.xx, mean)
        variance = (xx.mean(axis=0) - about)[always].sum() / max(self.n[always].sum(), 1)
        return metrics.statistics_of(moments)[statistic], float(np.sqrt(max(variance, 0.0)))


def table(ds: xr.Dataset) -> pd.DataFrame:
    """Return a row for each variable.

    Median skill of one member, half of them and all, the gain, and the spread at half.
    """
    n, s = int(ds["size"].max()), ds.attrs["statistic"]
    half = n // 2
    at = {size: ds["skill"].sel(size=size) for size in (1, half, n)}
    middle = {size: x.sel(quantile=0.5).values for size, x in at.items()}
    columns = {
        "variable": ds["variable"].values,
        f"{s}, 1 member": middle[1],
        f"{half} members": middle[half],
        "5 %": at[half].sel(quantile=0.05).values,
        "95 %": at[half].sel(quantile=0.95).values,
        f"{n} members": middle[n],
        f"gain {half} to {n}": middle[n] - middle[half],
        f"spread of means of {half}": ds["spread"].sel(size=half).values,
        "units": ds["units"].values,
    }
    return pd.DataFrame(columns)


ANALYSIS = Analysis(
    name="curve",
    summary="how the skill of one setup's ensemble mean grows with its size, and how many members are enough",
    options=CurveOptions,
    needs=lambda options: Needs((options.split,), files={"monthly": ()}),
    check=check,
    compute=compute,
    table=table,
    figure=figure,
)
