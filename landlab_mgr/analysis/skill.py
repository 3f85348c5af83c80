"""Skill by setup: one statistic of every variable, for the members of each predictor set. JAX-free."""

from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
import xarray as xr
from pydantic import Field

from landlab_mgr.analysis import style
from landlab_mgr.analysis.pattern import Analysis, Ensemble, Options
from landlab_mgr.errors import LandlabError
from landlab_mgr.parameters import VARIABLES

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FLOOR = -1.0
"""Worse than this is no worse for the mean of all: R2 has no lower bound."""
FIRST = ("CONTROL", "LATLON")
"""What the other predictor sets are held against."""


class SkillOptions(Options):
    """Which skill: the statistics that need no unit, so that variables share an axis."""

    split: Literal["train", "dev", "test", "withheld"] = Field("dev", description="pixels or months scored")
    statistic: Literal["R2", "r2", "r"] = Field(
        "R2", description="R2: Nash-Sutcliffe; r: Pearson, r2: its square"
    )
    level: Literal["flat", "temporal", "spatial"] = Field(
        "flat", description="over pixel-months, medians of pixels in time, or pixels' means"
    )


def compute(ensemble: Ensemble, options: SkillOptions) -> xr.Dataset:
    """`skill` [run, variable], with each run's `setup` and `seed`; setups by their number of predictor groups.

    NaN where a statistic is undefined. LandlabError where no run has it.
    """
    cube = ensemble.metrics([options.split], options.level).sel(split=options.split, drop=True)
    cube = (
        cube.reindex(statistic=[options.statistic]).isel(statistic=0, drop=True).dropna("variable", how="all")
    )
    if not cube.size:
        raise LandlabError(
            f"none of {len(ensemble.runs)} runs has {options.statistic} on {options.split} ({options.level}); "
            "`landlab show RUN` lists what a run has"
        )
    known = [v for v in VARIABLES if v in cube["variable"]]
    others = [v for v in cube["variable"].values if v not in VARIABLES]
    setups, labels = ensemble.setups(), list(ensemble.runs["label"])
    rank = [FIRST.index(x) if x in FIRST else len(FIRST) + x.count("+") for x in labels]
    order = sorted(range(len(setups)), key=lambda i: (rank[i], setups[i], ensemble.runs["seed"].iloc[i]))
    plain = xr.DataArray(
        cube.sel(variable=known + others).values,
        {
            "run": ensemble.run_ids,
            "variable": known + others,
            "setup": ("run", setups),
            "seed": ("run", ensemble.runs["seed"].to_numpy(int)),
        },
        ("run", "variable"),
    )
    attrs = options.model_dump() | {"synthetic": int(ensemble.synthetic)}
    return plain.isel(run=order).to_dataset(name="skill").assign_attrs(attrs)


def table(ds: xr.Dataset) -> pd.DataFrame:
    """A row for each setup: its runs, the mean of all variables, and each variable's mean over the runs."""
    frame = pd.DataFrame(ds["skill"].values, columns=list(ds["variable"].values))
    by_setup = frame.groupby(ds["setup"].values, sort=False)
    means = by_setup.mean()
    means.insert(0, "runs", by_setup.size())
    means.insert(1, "mean", means.drop(columns="runs").mean(axis=1))
    return means.rename_axis("predictors").reset_index().rename_axis(None, axis=1)


def figure(ds: xr.Dataset) -> "Figure":
    """A row for each setup: the mean over its runs of each variable, as marks among the runs, or of many as a table."""
    return _marks(ds) if ds.sizes["variable"] <= len(style.PALETTE) else _coloured_table(ds)


def _coloured_table(ds: xr.Dataset) -> "Figure":
    """Setup by variable, each cell with the mean over the runs; the first column is the mean of all variables."""
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.figure import Figure

    means = ds["skill"].groupby(ds["setup"]).map(lambda x: x.mean("run"))
    setups = list(dict.fromkeys(ds["setup"].values))
    values = means.sel(setup=setups).transpose("setup", "variable").values
    cells = np.column_stack([_mean_of_rows(np.maximum(values, FLOOR)), values])
    columns = ["mean", *(style.named(v) for v in ds["variable"].values)]
    fig = Figure(figsize=(3.2 + 0.72 * len(columns), 2.2 + 0.34 * len(setups)), layout="constrained")
    ax = fig.add_subplot()
    stops = [(0, "#e08214"), (0.5, "#ffffff"), (0.75, "#6baed6"), (1, "#08306b")]
    colours = LinearSegmentedColormap.from_list("skill", stops).with_extremes(bad="#dddddd")
    mesh = ax.pcolormesh(
        np.ma.masked_invalid(cells), cmap=colours, vmin=FLOOR, vmax=1, edgecolor="white", linewidth=1
    )
    for (row, column), value in np.ndenumerate(cells):
        text = f"{value:.2f}" if np.isfinite(value) else "–"
        ink = "white" if value > 0.6 else "0.15"
        weight = "bold" if column == 0 else "normal"
        ax.text(
            column + 0.5, row + 0.5, text, ha="center", va="center", fontsize=8, color=ink, fontweight=weight
        )
    ax.axvline(1, color="white", linewidth=6)
    ax.set_yticks(np.arange(len(setups)) + 0.5, setups)
    ax.set_xticks(np.arange(len(columns)) + 0.5, columns, rotation=35, ha="right", rotation_mode="anchor")
    ax.tick_params(length=0)
    ax.invert_yaxis()
    ax.spines[:].set_visible(False)
    row_of = np.array([setups.index(s) for s in ds["setup"].values])
    label = f"{style.skill_label(ds.attrs)}, mean of {_members(row_of)}"
    bar = fig.colorbar(
        mesh, ax=ax, orientation="horizontal", shrink=0.6, aspect=40, extend="min", label=label
    )
    bar.outline.set_visible(False)
    synthetic = ", synthetic data" if ds.attrs["synthetic"] else ""
    style.entitle(ax, f"Skill by predictor set ({len(row_of)} runs{synthetic})", ds.attrs)
    note = f"below {FLOOR:g} counts as {FLOOR:g} in the mean"
    if np.nanmin(values) < FLOOR:
        ax.annotate(
            note, (1, 1), (0, 18), "axes fraction", "offset points", ha="right", fontsize=7, color="0.4"
        )
    return fig


def _mean_of_rows(x: np.ndarray) -> np.ndarray:
    there = np.isfinite(x)
    return np.where(
        there.any(axis=1), np.where(there, x, 0).sum(axis=1) / np.maximum(there.sum(axis=1), 1), np.nan
    )


def _marks(ds: xr.Dataset) -> "Figure":
    from matplotlib.figure import Figure

    values, variables = ds["skill"].values, list(ds["variable"].values)
    of_run = ds["setup"].values
    setups = list(dict.fromkeys(of_run))
    row_of = np.array([setups.index(s) for s in of_run])
    fig = Figure(figsize=(8.5, 1.9 + 0.32 * len(setups)), layout="constrained")
    ax = fig.add_subplot()
    lowest = float(np.nanmin(values))
    floor = max(FLOOR, min(0.0, lowest - 0.05))
    rows = np.arange(len(setups))
    for row in rows[::2]:
        ax.axhspan(row - 0.5, row + 0.5, color="0.96", linewidth=0)
    overall = [_mean(np.clip(values[row_of == row], floor, None)) for row in rows]
    ax.scatter(overall, rows, s=420, color="black", marker="|", linewidths=1.8, label="mean of all", zorder=4)
    for i, variable in enumerate(variables):
        x = np.where(values[:, i] < floor, np.nan, values[:, i])
        offset = (i - (len(variables) - 1) / 2) * 0.8 / max(len(variables), 7)
        colour = style.PALETTE[i % len(style.PALETTE)]
        marker = style.MARKERS[(i + i // len(style.MARKERS)) % len(style.MARKERS)]
        ax.scatter(x, row_of + offset, s=7, color=colour, alpha=0.45, linewidths=0)
        means = [_mean(values[row_of == row, i]) for row in rows]
        ax.scatter(
            means, rows + offset, s=34, color=colour, marker=marker, label=style.named(variable), zorder=3
        )
    ax.set_yticks(rows, setups)
    ax.set_xlim(floor, 1.0)
    ax.set_xlabel(f"{style.skill_label(ds.attrs)} (large: mean of {_members(row_of)})")
    style.quiet(ax)
    ax.set_ylim(len(setups) - 0.5, -0.5)
    synthetic = ", synthetic data" if ds.attrs["synthetic"] else ""
    style.entitle(ax, f"Skill by predictor set ({len(of_run)} runs{synthetic})", ds.attrs)
    fig.legend(loc="outside lower center", ncols=min(7, len(variables) + 1), frameon=False)
    if lowest < floor:
        note = f"below {floor:g}: not drawn, {floor:g} in the mean of all"
        ax.annotate(note, (0, 0), (4, 4), "axes fraction", "offset points", fontsize=7, color="0.4")
    return fig


def _members(row_of: np.ndarray) -> str:
    counts = np.bincount(row_of)
    few, many = int(counts.min()), int(counts.max())
    return f"{many} run{'s' * (many > 1)}" if few == many else f"{few} to {many} runs"


def _mean(x: np.ndarray) -> float:
    there = x[np.isfinite(x)]
    return float(there.mean()) if there.size else float("nan")


ANALYSIS = Analysis(
    name="skill",
    summary="how well each predictor set predicts each variable",
    options=SkillOptions,
    splits=lambda options: (options.split,),
    compute=compute,
    table=table,
    figure=figure,
)
