"""The picture of `intervals`: coverage and interval score, raw and calibrated, and coverage by part. JAX-free."""

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from landlab_mgr.analysis.figures import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LEVEL = 0.9
"""Level of all but the first panel."""


def figure(ds: xr.Dataset) -> "Figure":
    """Coverage against level, interval scores, and coverage of the 90 % interval by season, years and biome."""
    from matplotlib.figure import Figure

    parts = [g for g in ds["group"].values if g != "all"]
    fig = Figure(figsize=(12.5, 2.0 + max(3.4, 0.24 * len(parts))), layout="constrained")
    axes = fig.subplots(1, 3, width_ratios=[1, 1, 1.4])
    _coverage(axes[0], ds)
    _scores(axes[1], ds)
    _parts(axes[2], ds, parts)
    judged = "withheld months" if ds.attrs["split"] == "withheld" else f"{ds.attrs['split']} pixels"
    synthetic = ", synthetic data" if ds.attrs["synthetic"] else ""
    title = f"Intervals of {ds.attrs['members']} runs of {ds.attrs['setup']} on {judged}{synthetic}"
    style.headline(fig, title, ds.attrs)
    return fig


def _coverage(ax: "Axes", ds: xr.Dataset) -> None:
    ax.plot([0, 1], [0, 1], color="0.6", linewidth=1)
    for i, name in enumerate(ds["variable"].values):
        one, colour = ds.sel(variable=name, group="all"), style.PALETTE[i % len(style.PALETTE)]
        for kind, line in (("raw", ":"), ("calibrated", "-")):
            label = style.named(name) if kind == "calibrated" else None
            shares = one["coverage"].sel(kind=kind)
            ax.plot(ds["level"], shares, line, color=colour, marker="o", markersize=4, label=label)
    ax.set(xlim=(0, 1), ylim=(0, 1), xlabel="level", ylabel="observations inside")
    ax.set_title("Coverage; dotted: raw spread", loc="left", fontsize=9)
    ax.legend(fontsize=8, frameon=False, loc="upper left")
    ax.spines[["top", "right"]].set_visible(False)


def _scores(ax: "Axes", ds: xr.Dataset) -> None:
    names, one = list(ds["variable"].values), ds.sel(group="all", level=LEVEL)
    ratio = one["winkler"].sel(kind="calibrated") / one["winkler"].sel(kind="raw")
    ax.barh(np.arange(len(names)), ratio, color=style.PALETTE[0], height=0.6)
    ax.axvline(1, color="0.3", linewidth=1, linestyle="--")
    ax.set_yticks(np.arange(len(names)), [style.named(n) for n in names])
    ax.invert_yaxis()
    ax.set_xlabel("interval score, calibrated / raw")
    ax.set_title("Score of 90 % intervals: below 1 is better", loc="left", fontsize=9)
    style.quiet(ax)


def _parts(ax: "Axes", ds: xr.Dataset, parts: list[str]) -> None:
    for i, name in enumerate(ds["variable"].values):
        shares = ds["coverage"].sel(variable=name, kind="calibrated", level=LEVEL, group=parts)
        colour = style.PALETTE[i % len(style.PALETTE)]
        ax.scatter(shares, np.arange(len(parts)), s=18, color=colour, alpha=0.8)
    ax.axvline(LEVEL, color="0.3", linewidth=1, linestyle="--")
    ax.set_yticks(np.arange(len(parts)), parts, fontsize=8)
    ax.invert_yaxis()
    ax.set_xlim(None, 1)
    ax.set_xlabel("observations inside calibrated 90 % intervals")
    style.quiet(ax)
