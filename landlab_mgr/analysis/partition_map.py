"""Hierarchical partitioning at every pixel: which predictor group brings most of the skill where. JAX-free.

The arithmetic is `partition`'s; the skill is that of each pixel's own series over time, from the runs' skill files. Of
a split, a pixel counts for the members to which it is a pixel of that split: test pixels for all members, train and
dev pixels for those whose split has them so.
"""

from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from pydantic import Field

from landlab_mgr.analysis import levels, members, partition, runs
from landlab_mgr.analysis.contract import Analysis, Needs, Options
from landlab_mgr.analysis.figures.partition_map import NONE, UNKNOWN, figure
from landlab_mgr.analysis.of_models import in_order, streams_in
from landlab_mgr.errors import LandlabError
from landlab_mgr.observations.comparable import score_name

FEWEST_MONTHS = 12
"""Months compared without which a pixel has no skill of its own: two always correlate."""


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
        scored = counts & np.isfinite(skill)
        self.total[of_set, scored] += skill[scored]
        self.n[of_set] += scored

    @property
    def values(self) -> npt.NDArray[np.floating]:
        return np.where(self.n > 0, self.total / np.maximum(self.n, 1), np.nan)


def compute(ds: xr.Dataset, options: PartitionMapOptions) -> xr.Dataset:
    """Parts of the skill by variable, group and pixel; NaN where a set has no member scored at a pixel.

    `control`, `full`, `members` (the fewest of any set) and `dominant` [variable, pixel], which is the index of the
    group with the largest independent part, or NONE, or UNKNOWN; `independent`, `joint` [group, variable, pixel];
    `share` [group, variable] of the partitioned area where a group is dominant; `lat`, `lon` [pixel]. Pixels with fewer
    than FEWEST_MONTHS compared (of what is compared by year, `levels.MIN_YEARS`) are left out.

    The runs' files are read one after the other: memory is 10 bytes for each set, variable and pixel.

    LandlabError where `partition.design` raises it, for an unknown variable, or where nothing can be partitioned.
    """
    sets = partition.design(ds)
    set_of = {int(i): s for s, rows in enumerate(sets.rows) for i in rows}
    wanted = members.names_in(options.variables)
    streams = streams_in(ds)
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
        counts = file["split"].values == label_of
        names = [str(n) for n in file.data_vars if n != "split"] if period in file.get("period", ()) else []
        scored |= dict.fromkeys(names)
        for name in names:
            if not wanted or name in wanted:
                both = file[name].sel(period=period, statistic=[options.statistic, "n"])
                skill, n = both.transpose("statistic", "pixel").values
                enough = n >= (levels.MIN_YEARS if name in yearly else FEWEST_MONTHS)
                mean = means.setdefault(name, _Means(len(sets.sets), ds.sizes["pixel"]))
                mean.add(set_of[row], skill, counts & enough)
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
    notes += [_coverage(v, m["members"].values, where) for v, m in zip(variables, maps, strict=True)]
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
    dominant = np.where(defined, dominant, UNKNOWN).astype(np.int8)
    land = area[defined].sum()
    share = np.array([area[dominant == j].sum() for j in range(len(groups))])
    share = share / land if land > 0 else np.full(len(groups), np.nan)
    return xr.Dataset(
        {
            "control": ("pixel", values[0].astype(np.float32)),
            "full": ("pixel", values[-1].astype(np.float32)),
            "independent": (("group", "pixel"), independent.astype(np.float32)),
            "joint": (("group", "pixel"), parts["joint"].astype(np.float32)),
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
        defined = one["dominant"].values != UNKNOWN
        shares = {f"{g} first": float(one["share"].sel(group=g)) for g in ds["group"].values}
        rows.append(
            {
                "variable": str(variable),
                "pixels": int(defined.sum()),
                "control": float(np.median(one["control"].values[defined])),
                "all": float(np.median(one["full"].values[defined])),
                **shares,
                "none first": 1.0 - sum(shares.values()),
            }
        )
    return pd.DataFrame(rows)


ANALYSIS = Analysis(
    name="partition_map",
    summary="which predictor group brings most of the skill at each pixel",
    options=PartitionMapOptions,
    needs=lambda options: Needs((options.split,), files={"skill": ()}),
    check=partition.check,
    compute=compute,
    table=table,
    figure=figure,
)
