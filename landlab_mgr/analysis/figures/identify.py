"""Figure of `identify`: each parameter's coefficient of variation."""

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from landlab_mgr.analysis.figures import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WELL_KNOWN = 0.9
"""Pearson r with the truth over the test pixels from which on a parameter counts as found."""


def largest(ds: xr.Dataset) -> list[str]:
    """Return the two setups with the most predictor groups."""
    return sorted((str(s) for s in ds["setup"].values), key=lambda s: -s.split(",")[0].count("+"))[:2]


def figure(ds: xr.Dataset) -> "Figure":
    """Of the two largest setups: each parameter's median and quartiles of the coefficient of variation."""
    from matplotlib.figure import Figure

    shown = ds.sel(setup=largest(ds))
    order = np.argsort(shown["cv"].isel(setup=0).sel(quantile=0.5).values)
    shown = shown.isel(parameter=order)
    names = list(shown["parameter"].values)
    fig = Figure(figsize=(8.5, 2.2 + 0.2 * len(names)), layout="constrained")
    ax = fig.add_subplot()
    rows = np.arange(len(names))
    for row in rows[::2]:
        ax.axhspan(row - 0.5, row + 0.5, color="0.96", linewidth=0)
    for i, setup in enumerate(shown["setup"].values):
        low, middle, high = shown["cv"].sel(setup=setup).values.T
        y = rows + (i - (shown.sizes["setup"] - 1) / 2) * 0.36
        ax.hlines(y, low, high, color=style.PALETTE[i], linewidth=1.5)
        n = int(shown["members"].sel(setup=setup))
        how: dict[str, Any] = {
            "s": 26,
            "edgecolor": style.PALETTE[i],
            "marker": style.MARKERS[i],
            "zorder": 3,
        }
        one = shown.sel(setup=setup)
        full = one["r_truth"].values >= WELL_KNOWN if "r_truth" in one else np.ones(len(names), bool)
        ax.scatter(middle, y, color=np.where(full, style.PALETTE[i], "white"), **how)
        ax.scatter([], [], color=style.PALETTE[i], label=f"{setup} ({n} members)", **how)
    if "r_truth" in shown:
        hollow: dict[str, Any] = {"s": 26, "color": "white", "edgecolor": "0.3"}
        ax.scatter([], [], label=f"hollow: r < {WELL_KNOWN} with the truth on {ds.attrs['judged']}", **hollow)
    if "null" in shown and np.isfinite(shown["null"]).any():
        null = shown["null"].isel(setup=0).values
        ax.scatter(null, rows, marker="|", s=60, color="0.45", zorder=2, label="untrained members")
    ax.axvline(ds.attrs["threshold"], color="0.4", linestyle="--", linewidth=1)
    ax.set_xscale("log")
    ax.set_yticks(rows, [n.replace("_", " ") for n in names], fontsize=8)
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.set_xlabel(
        f"coefficient of variation over members (days: circular sd, rad): median and quartiles of {ds.attrs['pixels']} "
        "pixels"
    )
    style.quiet(ax)
    synthetic = ", synthetic data" if ds.attrs["synthetic"] else ""
    style.entitle(ax, f"Which parameters the members agree on{synthetic}", ds.attrs)
    fig.legend(loc="outside lower center", ncols=1, frameon=False)
    return fig
