"""Hierarchical partitioning at every pixel: which predictor group brings most of the skill where. JAX-free.

The arithmetic is `partition`'s; the skill is that of each pixel's own series over time, from the runs' skill files. Of
a split, a pixel counts for the members to which it is a pixel of that split: test pixels for all members, train and
dev pixels for those whose split has them so.
"""

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from pydantic import Field

from landlab_mgr.analysis import levels, members, partition
from landlab_mgr.analysis.base import Analysis, Ensemble, Options
from landlab_mgr.analysis.figures import style
from landlab_mgr.errors import LandlabError
from landlab_mgr.models.dalec.parameters import LOSS_TERMS, STREAMS
from landlab_mgr.observations.comparable import score_name
from landlab_mgr.storage import artifacts

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FEWEST_MONTHS = 12
"""Months compared without which a pixel has no skill of its own: two always correlate."""
NONE, UNKNOWN = -1, -2
"""Where no group has a positive independent part; where a set has no member that is scored there."""


class PartitionMapOptions(Options):
    """Which skill is partitioned at each pixel."""

    split: Literal["train", "dev", "test", "withheld"] = Field(
        "dev", description="pixels scored; withheld: months of training pixels"
    )
    statistic: Literal["R2", "r2"] = Field(
        "R2", description="over the months of a pixel; R2: Nash-Sutcliffe; r2: squared Pearson correlation"
    )
    variables: str = Field("", description="variables, with commas between; none: every one that is scored")


class _Means:
    """Mean skill of one variable, [set, pixel], over the members that have it there."""

    def __init__(self, sets: int, pixels: int) -> None:
        self.total = np.zeros((sets, pixels))
        self.n = np.zeros((sets, pixels), np.int16)

    def add(self, of_set: int, skill: npt.NDArray[np.floating], counts: npt.NDArray[np.bool_]) -> None:
        there = counts & np.isfinite(skill)
        self.total[of_set, there] += skill[there]
        self.n[of_set] += there

    @property
    def values(self) -> npt.NDArray[np.floating]:
        return np.where(self.n > 0, self.total / np.maximum(self.n, 1), np.nan)


def compute(ensemble: Ensemble, options: PartitionMapOptions) -> xr.Dataset:
    """Parts of the skill by variable, group and pixel; NaN where a set has no member scored at a pixel.

    `control`, `full`, `members` (the fewest of any set) and `dominant` [variable, pixel], which is the index of the
    group with the largest independent part, or NONE, or UNKNOWN; `independent`, `joint` [group, variable, pixel];
    `share` [group, variable] of the partitioned area where a group is dominant; `lat`, `lon` [pixel]. Pixels with fewer
    than FEWEST_MONTHS compared (of what is compared by year, `levels.MIN_YEARS`) are left out.

    The runs' files are read one after the other: memory is 10 bytes for each set, variable and pixel.

    LandlabError where `partition.design` raises it, for an unknown variable, or where nothing can be partitioned.
    """
    found = partition.design(ensemble)
    ensemble.look([options.split])
    data = ensemble.dataset()
    pixels = data.sizes["pixel"]
    of_run = {int(i): s for s, rows in enumerate(found.rows) for i in rows}
    used = replace(ensemble, runs=ensemble.runs.iloc[sorted(of_run)])
    asked = members.names_in(options.variables)
    streams = [s for s in STREAMS if s in data]
    yearly = {score_name(s, streams) for s in streams if LOSS_TERMS[s].average == "year"}
    label_of = "train" if options.split == "withheld" else options.split
    period = "withheld" if options.split == "withheld" else "observation"
    means: dict[str, _Means] = {}
    scored: dict[str, None] = {}
    for run_id, s, file in zip(
        used.run_ids, [of_run[i] for i in sorted(of_run)], used.files("skill"), strict=True
    ):
        if file.sizes.get("pixel") != pixels:
            raise LandlabError(
                f"run {run_id} was scored at {file.sizes.get('pixel')} pixels of {pixels}; run it again"
            )
        counts = artifacts.labels(file["split"]) == label_of
        names = [str(n) for n in file.data_vars if n != "split"] if period in file.get("period", ()) else []
        scored |= dict.fromkeys(names)
        for name in names:
            if not asked or name in asked:
                both = file[name].sel(period=period, statistic=[options.statistic, "n"])
                skill, n = both.transpose("statistic", "pixel").values
                enough = n >= (levels.MIN_YEARS if name in yearly else FEWEST_MONTHS)
                means.setdefault(name, _Means(len(found.sets), pixels)).add(s, skill, counts & enough)
    unknown = [v for v in asked if v not in scored]
    if unknown:
        there = ", ".join(partition.in_order(list(scored))) or "none"
        raise LandlabError(
            f"option variables: no run has skill of {unknown[0]!r} by pixel; there are: {there}"
        )
    variables = partition.in_order([v for v, m in means.items() if (m.n > 0).all(axis=0).any()])
    where = _where(options)
    if not variables:
        raise LandlabError(
            f"none of {len(means)} variables has {options.statistic} {where} from a member of every set at any pixel; "
            "name another split with -o split=..., or give runs with the same seeds in every setup"
        )
    area = data["area_m2"].values
    maps = [_of_variable(found.groups, means[v], area) for v in variables]
    notes = [
        f"{v} is not partitioned: no pixel has its {options.statistic} {where} in every set "
        "(not observed there, in too few months or years, or constant)"
        for v in partition.in_order(list(means))
        if v not in variables
    ]
    notes += [_coverage(v, m["members"].values, where) for v, m in zip(variables, maps, strict=True)]
    hopeless = [v for v, m in zip(variables, maps, strict=True) if float(m["control"].median()) < -1]
    if hopeless:
        notes.append(
            f"CONTROL's R2 is below -1 at most pixels for {', '.join(hopeless)}: there it is large errors that groups "
            "mend; -o statistic=r2 asks about the course in time alone"
        )
    ds = xr.concat(maps, xr.Variable("variable", variables)).transpose("group", "variable", "pixel", ...)
    return ds.assign(lat=("pixel", data["lat"].values), lon=("pixel", data["lon"].values)).assign_attrs(
        options.model_dump()
        | {"level": "flat", "synthetic": int(ensemble.synthetic), "runs": len(used.runs), "pixels": pixels}
        | {"notes": "\n".join(notes)}
    )


def _of_variable(groups: list[str], means: _Means, area: npt.NDArray[np.floating]) -> xr.Dataset:
    values = means.values
    found = partition.parts(groups, values)
    independent = found["independent"]
    known = np.isfinite(independent).all(axis=0)
    best = np.where(known, np.where(known, independent, 0).max(axis=0), np.nan)
    dominant = np.where(best > 0, np.where(known, independent, -np.inf).argmax(axis=0), NONE)
    dominant = np.where(known, dominant, UNKNOWN).astype(np.int8)
    land = area[known].sum()
    share = np.array([area[dominant == j].sum() for j in range(len(groups))])
    share = share / land if land > 0 else np.full(len(groups), np.nan)
    return xr.Dataset(
        {
            "control": ("pixel", values[0].astype(np.float32)),
            "full": ("pixel", values[-1].astype(np.float32)),
            "independent": (("group", "pixel"), independent.astype(np.float32)),
            "joint": (("group", "pixel"), found["joint"].astype(np.float32)),
            "members": ("pixel", means.n.min(axis=0)),
            "dominant": ("pixel", dominant),
            "share": ("group", share),
        },
        {"group": groups},
    )


def _where(options: PartitionMapOptions) -> str:
    return "on withheld months" if options.split == "withheld" else f"on {options.split} pixels"


def _coverage(variable: str, members: npt.NDArray[np.integer], where: str) -> str:
    of = members[members > 0]
    n = f"{of.min()}" if of.min() == of.max() else f"{of.min()} to {of.max()}"
    plural = "" if n == "1" else "s"
    return f"{variable}: {len(of)} of {len(members)} pixels, {where}, with {n} member{plural} in every set"


def table(ds: xr.Dataset) -> pd.DataFrame:
    """A row for each variable: pixels, median skill of CONTROL and of all groups, area shares by dominant group."""
    rows = []
    for variable in ds["variable"].values:
        one = ds.sel(variable=variable)
        known = one["dominant"].values != UNKNOWN
        shares = {f"{g} first": float(one["share"].sel(group=g)) for g in ds["group"].values}
        rows.append(
            {
                "variable": str(variable),
                "pixels": int(known.sum()),
                "control": float(np.median(one["control"].values[known])),
                "all": float(np.median(one["full"].values[known])),
                **shares,
                "none first": 1.0 - sum(shares.values()),
            }
        )
    return pd.DataFrame(rows)


def figure(ds: xr.Dataset) -> "Figure":
    """A map for each variable of the group that brings most at each pixel; grey where none brings anything."""
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    groups, variables = list(ds["group"].values), list(ds["variable"].values)
    columns = 1 if len(variables) == 1 else 2
    rows = -(-len(variables) // columns)
    fig = Figure(figsize=(6.2 * columns, 1.3 + 2.85 * rows), layout="constrained")
    axes = fig.subplots(rows, columns, squeeze=False)
    for ax in axes.ravel()[len(variables) :]:
        ax.set_visible(False)
    lat, lon = ds["lat"].values, ds["lon"].values
    colours = [style.PALETTE[j % len(style.PALETTE)] for j in range(len(groups))]
    for i, (ax, variable) in enumerate(zip(axes.ravel(), variables, strict=False)):
        one = ds.sel(variable=variable)
        dominant, share = one["dominant"].values, one["share"].values
        style.coast(ax)
        ax.tick_params(labelleft=i % columns == 0, labelbottom=i >= len(variables) - columns)
        for code, colour in ((NONE, style.NEUTRAL), *enumerate(colours)):
            here = dominant == code
            style.dots(ax, lat[here], lon[here], len(lat), color=colour)
        n = int((dominant != UNKNOWN).sum())
        said = [f"{g} {s:.0%}" for g, s in zip(groups, share, strict=True)]
        ax.set_title(f"{style.named(str(variable))}: {', '.join(said)} (n = {n})", loc="left", fontsize=9)
    marks = [
        Line2D([], [], marker="o", linestyle="", color=c, label=g)
        for g, c in zip([*groups, "none"], [*colours, style.NEUTRAL], strict=True)
    ]
    fig.legend(handles=marks, loc="outside lower center", ncols=len(marks), frameon=False)
    synthetic = ", synthetic data" if ds.attrs["synthetic"] else ""
    style.headline(
        fig,
        f"Group with the largest independent part of {style.skill_label(ds.attrs)} at each pixel, and its share of "
        f"the area ({ds.attrs['runs']} runs{synthetic})",
        ds.attrs,
    )
    return fig


ANALYSIS = Analysis(
    name="partition_map",
    summary="which predictor group brings most of the skill at each pixel",
    options=PartitionMapOptions,
    splits=lambda options: (options.split,),
    compute=compute,
    table=table,
    figure=figure,
    kinds=("skill",),
)
