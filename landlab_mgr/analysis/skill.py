"""Skill by setup: one statistic of every variable, for the members of each predictor set. JAX-free."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr

from landlab_mgr.catalog import Catalog
from landlab_mgr.errors import LandlabError
from landlab_mgr.parameters import VARIABLES

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe & Ito's colour-blind safe colours."""
MARKERS = "osD^vPX"


def compute(catalog: Catalog, grid: str, split: str = "dev", statistic: str = "R2") -> xr.Dataset:
    """`skill` over (setup, seed, variable) of a grid's completed runs, setups by number of groups.

    NaN where a run is missing or its statistic is undefined. LandlabError where nothing has completed.
    """
    runs = catalog.runs(f"grid = '{grid}' and status = 'completed'")
    if runs.empty:
        raise LandlabError(f"grid {grid!r} has no completed run; `landlab run --grid {grid}` makes them")
    frames = []
    for variable in VARIABLES:
        frame = catalog.metrics_of(f"grid = '{grid}' and status = 'completed'", split, variable, statistic)
        frames.append(frame.assign(variable=variable))
    table = pd.concat(frames)
    cube = table.set_index(["label", "seed", "variable"])["value"].to_xarray().rename(label="setup")
    special = {"CONTROL": -2, "LATLON": -1}
    order = sorted(cube["setup"].values, key=lambda s: (special.get(s, s.count("+")), s))
    known = [v for v in VARIABLES if v in cube["variable"]]
    ds = cube.sel(setup=order, variable=known).to_dataset(name="skill")
    kinds = {d.name: d.kind for d in catalog.datasets()}
    return ds.assign_attrs(
        grid=grid,
        kind=kinds[runs["dataset"].iloc[0]],
        split=split,
        statistic=statistic,
        runs=list(runs["run_id"]),
    )


def figure(ds: xr.Dataset) -> "Figure":
    """A row for each setup: the mean over seeds of each variable, with the seeds as small dots."""
    from matplotlib.figure import Figure

    setups, variables = list(ds["setup"].values), list(ds["variable"].values)
    fig = Figure(figsize=(8.5, 1.6 + 0.32 * len(setups)), layout="constrained")
    ax = fig.add_subplot()
    values = ds["skill"].transpose("setup", "seed", "variable").values
    lowest = np.nanmin(values) if np.isfinite(values).any() else 0.0
    floor = max(-1.0, min(0.0, float(lowest) - 0.05))
    rows = np.arange(len(setups))
    for row in rows[::2]:
        ax.axhspan(row - 0.5, row + 0.5, color="0.96", linewidth=0)
    overall = _nanmean(np.clip(values, floor, None).reshape(len(setups), -1))
    ax.scatter(overall, rows, s=420, color="black", marker="|", linewidths=1.8, label="mean of all", zorder=4)
    for i, variable in enumerate(variables):
        x = np.where(values[:, :, i] < floor, np.nan, values[:, :, i])
        offset = (i - (len(variables) - 1) / 2) * 0.11
        colour, marker = PALETTE[i % len(PALETTE)], MARKERS[i % len(MARKERS)]
        ax.scatter(
            x, np.repeat((rows + offset)[:, None], x.shape[1], 1), s=7, color=colour, alpha=0.45, linewidths=0
        )
        mean = _nanmean(values[:, :, i])
        ax.scatter(mean, rows + offset, s=34, color=colour, marker=marker, label=_label(variable), zorder=3)
    ax.set_yticks(rows, setups)
    ax.set_xlim(floor, 1.0)
    ax.set_xlabel(
        f"{ds.attrs['statistic']} on {ds.attrs['split']} pixels (large: mean of {values.shape[1]} seeds)"
    )
    ax.grid(axis="x", color="0.9")
    ax.set_axisbelow(True)
    for side in ("top", "right", "left"):
        ax.spines[side].set_visible(False)
    ax.tick_params(axis="y", length=0)
    synthetic = ", synthetic data" if ds.attrs["kind"] == "synthetic" else ""
    what = f"{len(ds.attrs['runs'])} runs{synthetic}"
    ax.set_title(f"Grid {ds.attrs['grid']}: skill by predictor set ({what})", loc="left")
    ax.set_ylim(len(setups) - 0.5, -0.5)
    fig.legend(loc="outside lower center", ncols=min(7, len(variables) + 1), frameon=False)
    if float(lowest) < floor:
        note = f"members below {floor:g} are not drawn"
        ax.annotate(note, (0, 0), (4, 4), "axes fraction", "offset points", fontsize=7, color="0.4")
    return fig


def _label(variable: str) -> str:
    return {
        "lai": "LAI",
        "gpp": "GPP",
        "nee": "NEE",
        "reco": "RECO",
        "et": "ET",
        "sif": "SIF",
        "vod": "VOD",
    }.get(variable, variable.upper() if len(variable) == 3 else variable)


def _nanmean(x: np.ndarray) -> np.ndarray:
    count = np.isfinite(x).sum(axis=1)
    return np.where(
        count > 0, np.nansum(np.where(np.isfinite(x), x, 0), axis=1) / np.maximum(count, 1), np.nan
    )
