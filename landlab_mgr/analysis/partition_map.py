"""Hierarchical partitioning at every pixel: which predictor group brings most of the skill where. JAX-free.

The arithmetic is `partition`'s; the skill is that of each pixel's own series over time, from the runs' skill files. Of
a split, a pixel counts for the members to which it is a pixel of that split: test pixels for all members, train and
dev pixels for those whose split has them so. What is compared by patches counts at every pixel of its patch.

The skill of CONTROL, which no predictor explains, is that of the model's structure and forcing: a part beside those of
the groups, in the map and in the shares.
"""

from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from pydantic import Field

from landlab_mgr.analysis import levels, members, partition, runs
from landlab_mgr.analysis.contract import Analysis, Needs, Options
from landlab_mgr.analysis.figures.partition_map import NONE, STRUCTURE, UNKNOWN, figure
from landlab_mgr.analysis.of_models import in_order, streams_in
from landlab_mgr.data import split
from landlab_mgr.errors import LandlabError
from landlab_mgr.observations.comparable import score_name

FEWEST_MONTHS = 12
"""Months compared without which a pixel has no skill of its own: two always correlate."""


class PartitionMapOptions(Options):
    """Options: which skill is partitioned at each pixel."""

    split: Literal["train", "dev", "test", "all", "withheld"] = Field(
        "dev",
        description="pixels scored; all: every pixel by every member; withheld: months of training pixels",
    )
    statistic: Literal["R2", "r2"] = Field(
        "r2", description="over the months of a pixel; R2: Nash-Sutcliffe; r2: squared Pearson correlation"
    )
    variables: str = Field("", description="variables, with commas between; none: every one that is scored")


class _Means:
    """Mean skill of one variable, [set, pixel], over the members that have it there."""

    def __init__(self, sets: int, pixels: int) -> None:
        self.total = np.zeros((sets, pixels))
        self.n = np.zeros((sets, pixels), np.int16)
        self.observed = np.zeros(pixels, bool)
        """Pixels with a pair at least, where a member is scored."""
        self.long = np.zeros(pixels, bool)
        """Those with enough pairs."""

    def add(
        self,
        of_set: int,
        skill: npt.NDArray[np.floating],
        n: npt.NDArray[np.floating],
        fewest: int,
        counts: npt.NDArray[np.bool_],
    ) -> None:
        self.observed |= counts & (n > 0)
        self.long |= counts & (n >= fewest)
        scored = counts & (n >= fewest) & np.isfinite(skill)
        self.total[of_set, scored] += skill[scored]
        self.n[of_set] += scored

    @property
    def values(self) -> npt.NDArray[np.floating]:
        return np.where(self.n > 0, self.total / np.maximum(self.n, 1), np.nan)


def compute(ds: xr.Dataset, options: PartitionMapOptions) -> xr.Dataset:
    """Parts of the skill by variable, group and pixel; NaN where a set has no member scored at a pixel.

    `control`, `full`, `members` (the fewest of any set) and `dominant` [variable, pixel], which is the index of the
    group with the largest independent part, STRUCTURE where CONTROL has more, NONE, or UNKNOWN; `independent`, `joint`
    [group, variable, pixel]; `share` [group, variable] and `share_of_structure` [variable] of the partitioned area
    where they are dominant; `explained` [group, variable] and `explained_by_structure` [variable]: the area's mean of a
    part over that of the full set; `lat`, `lon` [pixel]. Pixels with fewer than FEWEST_MONTHS compared (of what is
    compared by year, `levels.MIN_YEARS`) are left out.

    The runs' files are read one after the other: memory is 10 bytes for each set, variable and pixel.

    LandlabError where `partition.design` raises it, for an unknown variable, or where nothing can be partitioned.
    """
    sets = partition.design(ds)
    set_of = {int(i): s for s, rows in enumerate(sets.rows) for i in rows}
    wanted = members.names_in(options.variables)
    streams = streams_in(ds)
    levels_of = {score_name(s, streams): s.level for s in streams}
    yearly = {score_name(s, streams) for s in streams if s.average == "year"}
    label_of = "train" if options.split == "withheld" else options.split
    period = "withheld" if options.split == "withheld" else "observation"
    means: dict[str, _Means] = {}
    scored: dict[str, None] = {}
    used = sorted(set_of)
    for row, file in zip(used, runs.files(ds, "skill", used), strict=True):
        if file.sizes.get("pixel") != ds.sizes["pixel"]:
            raise LandlabError(
                f"run {file.attrs['run_id']} was scored at {file.sizes.get('pixel')} pixels of {ds.sizes['pixel']}; "
                "run it again"
            )
        label = file["split"].values
        counts = label != split.UNUSED if options.split == "all" else label == label_of
        names = [str(n) for n in file.data_vars if n != "split"] if period in file.get("period", ()) else []
        scored |= dict.fromkeys(names)
        for name in names:
            if not wanted or name in wanted:
                both = file[name].sel(period=period, statistic=[options.statistic, "n"])
                skill, n = both.transpose("statistic", "pixel").values
                fewest = levels.MIN_YEARS if name in yearly else FEWEST_MONTHS
                mean = means.setdefault(name, _Means(len(sets.sets), ds.sizes["pixel"]))
                mean.add(set_of[row], skill, n, fewest, counts)
    unknown = [v for v in wanted if v not in scored]
    if unknown:
        names_scored = ", ".join(in_order(list(scored))) or "none"
        raise LandlabError(
            f"option variables: no run has skill of {unknown[0]!r} by pixel; there are: {names_scored}"
        )
    variables = in_order([v for v, m in means.items() if (m.n > 0).all(axis=0).any()])
    where = _where(options)
    if not variables:
        raise LandlabError(
            f"none of {len(means)} variables has {options.statistic} {where} from a member of every set at any pixel; "
            "name another split with -o split=..., or give runs with the same seeds in every setup"
        )
    area = ds["area_m2"].values
    maps = [_of_variable(sets.groups, means[v], area) for v in variables]
    notes = [
        f"{v} is not partitioned: no pixel has its {options.statistic} {where} in every set "
        "(not observed there, in too few months or years, or constant)"
        for v in in_order(list(means))
        if v not in variables
    ]
    if absent := [n for n in (score_name(s, streams) for s in streams) if n not in scored]:
        notes.append(
            f"not in the runs' files of skill: {', '.join(absent)} (a mean over the run, never compared, or runs of an "
            "older version, without what is compared by patches)"
        )
    notes += [_coverage(v, means[v], m, where) for v, m in zip(variables, maps, strict=True)]
    by_patch = [v for v in variables if levels_of.get(v) == "patch"]
    if by_patch:
        notes.append(f"compared by patches, and counted at each of their pixels: {', '.join(by_patch)}")
    hopeless = [v for v, m in zip(variables, maps, strict=True) if float(m["control"].median()) < -1]
    if hopeless:
        notes.append(
            f"CONTROL's R2 is below -1 at most pixels for {', '.join(hopeless)}: there it is large errors that groups "
            "mend; -o statistic=r2 asks about the course in time alone"
        )
    result = xr.concat(maps, xr.Variable("variable", variables)).transpose("group", "variable", "pixel", ...)
    return result.assign(lat=("pixel", ds["lat"].values), lon=("pixel", ds["lon"].values)).assign_attrs(
        options.model_dump()
        | {
            "level": "flat",
            "synthetic": ds.attrs["synthetic"],
            "runs": len(used),
            "pixels": ds.sizes["pixel"],
        }
        | {"notes": "\n".join(notes)}
    )


def _of_variable(groups: list[str], means: _Means, area: npt.NDArray[np.floating]) -> xr.Dataset:
    values = means.values
    parts = partition.parts(groups, values)
    independent = parts["independent"]
    defined = np.isfinite(independent).all(axis=0)
    best = np.where(defined, np.where(defined, independent, 0).max(axis=0), np.nan)
    dominant = np.where(best > 0, np.where(defined, independent, -np.inf).argmax(axis=0), NONE)
    dominant = np.where((values[0] > 0) & (values[0] > np.maximum(best, 0)), STRUCTURE, dominant)
    dominant = np.where(defined, dominant, UNKNOWN).astype(np.int8)
    land = area[defined].sum()
    share = np.array([area[dominant == j].sum() for j in (*range(len(groups)), STRUCTURE)])
    share = share / land if land > 0 else np.full(len(share), np.nan)
    parts_here = np.where(defined, np.concatenate([independent, values[:1]]), 0) @ area
    whole = float(np.where(defined, values[-1], 0) @ area)
    explained = parts_here / whole if whole > 0 else np.full(len(share), np.nan)
    return xr.Dataset(
        {
            "control": ("pixel", values[0].astype(np.float32)),
            "full": ("pixel", values[-1].astype(np.float32)),
            "independent": (("group", "pixel"), independent.astype(np.float32)),
            "joint": (("group", "pixel"), parts["joint"].astype(np.float32)),
            "members": ("pixel", means.n.min(axis=0)),
            "dominant": ("pixel", dominant),
            "share": ("group", share[:-1]),
            "share_of_structure": ((), share[-1]),
            "explained": ("group", explained[:-1]),
            "explained_by_structure": ((), explained[-1]),
        },
        {"group": groups},
    )


def _where(options: PartitionMapOptions) -> str:
    if options.split == "all":
        return "on all pixels by every member"
    return "on withheld months" if options.split == "withheld" else f"on {options.split} pixels"


def _coverage(variable: str, means: _Means, result: xr.Dataset, where: str) -> str:
    members = result["members"].values
    of = members[members > 0]
    n = f"{of.min()}" if of.min() == of.max() else f"{of.min()} to {of.max()}"
    plural = "" if n == "1" else "s"
    short = int((means.observed & ~means.long).sum())
    left_out = {
        "not observed there": int((~means.observed).sum()),
        "observed too shortly": short,
        "without a member of every set, or constant": len(members) - len(of) - int((~means.long).sum()),
    }
    reasons = ", ".join(f"{count} {why}" for why, count in left_out.items() if count > 0)
    return (
        f"{variable}: {len(of)} of {len(members)} pixels, {where}, with {n} member{plural} in every set"
        f"{f'; left out: {reasons}' if reasons else ''}"
    )


def table(ds: xr.Dataset) -> pd.DataFrame:
    """Return a row for each variable.

    Pixels, median skill of CONTROL and of all groups, and shares in %.

    `first`: of the area, where a part is the largest; `of all`: a part's mean over the area, of that of the full set.
    """
    rows = []
    for variable in ds["variable"].values:
        one = ds.sel(variable=variable)
        defined = one["dominant"].values != UNKNOWN
        groups = [str(g) for g in ds["group"].values]
        first = [float(one["share_of_structure"]), *map(float, one["share"].sel(group=groups))]
        explained = [float(one["explained_by_structure"]), *map(float, one["explained"].sel(group=groups))]
        names = ["structure", *groups]
        rows.append(
            {
                "variable": str(variable),
                "pixels": int(defined.sum()),
                "control": float(np.median(one["control"].values[defined])),
                "all": float(np.median(one["full"].values[defined])),
                **{f"{n} first": 100 * x for n, x in zip(names, first, strict=True)},
                "none first": 100 * (1.0 - sum(first)),
                **{f"{n} of all": 100 * x for n, x in zip(names, explained, strict=True)},
            }
        )
    return pd.DataFrame(rows)


ANALYSIS = Analysis(
    name="partition_map",
    summary="predictor group that contributes most to the skill at each pixel",
    options=PartitionMapOptions,
    needs=lambda options: Needs(
        ("train", "dev", "test") if options.split == "all" else (options.split,), files={"skill": ()}
    ),
    check=partition.check,
    compute=compute,
    table=table,
    figure=figure,
)
