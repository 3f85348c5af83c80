"""Figure of `pixels`: for each variable a density scatter of all means, and a map of the statistic."""

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from landlab_mgr.analysis.figures import style
from landlab_mgr.observations import metrics

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BINS = 60
"""Cells of the density on each side."""
MANY = 2000
"""Dots from which on they are drawn as a density."""


def figure(ds: xr.Dataset) -> "Figure":
    """For each variable all places' means, modelled against observed, and the statistic of each on the map."""
    from matplotlib.figure import Figure

    variables, s = list(ds["variable"].values), ds.attrs["statistic"]
    columns = min(2, len(variables))
    rows = -(-len(variables) // columns)
    fig = Figure(figsize=(7.2 * columns, 1.2 + 2.25 * rows))
    # titles of square panels stand higher than those of maps
    fig.set_layout_engine("constrained", h_pad=0.1)
    grid = fig.subplots(rows, 2 * columns, squeeze=False, width_ratios=columns * [1, 2.4])
    axes = grid.reshape(-1, 2)
    for ax in axes[len(variables) :].ravel():
        ax.set_visible(False)
    low = 0.0 if s != "r" else -1.0
    drawn: Any = None
    for (left, right), variable in zip(axes, variables, strict=False):
        one = ds.sel(variable=variable)
        by_patch = one["level"].item() == "patch"
        places = one["first"].values if by_patch else np.ones(ds.sizes["pixel"], bool)
        own, seen = (one[n].values[places].astype(float) for n in ("modelled", "observed"))
        there = np.isfinite(own) & np.isfinite(seen)
        if there.any():
            _scatter(left, seen[there], own[there])
        else:
            left.text(0.5, 0.5, "no means", ha="center", transform=left.transAxes, color="0.4")
        r = f": r {metrics.statistics(own, seen)['r']:.2f}, n {there.sum()}" if there.any() else ""
        what = "patches" if by_patch else "pixels"
        left.set_title(f"{style.named(str(variable))}, {what}{r}", loc="left", fontsize=8)
        left.tick_params(labelsize=7)
        skill = one["skill"].values
        mapped = np.isfinite(skill)
        style.coast(right, ds["lat"].values, ds["lon"].values)
        drawn = style.dots(
            right,
            ds["lat"].values[mapped],
            ds["lon"].values[mapped],
            len(skill),
            c=skill[mapped],
            cmap="cividis" if s != "r" else "PuOr",
            vmin=low,
            vmax=1,
        )
        median = f", median {np.median(skill[mapped]):.2f}" if mapped.any() else ""
        right.set_title(f"{s} over time{median} (n = {mapped.sum()})", loc="left", fontsize=9)
    fig.colorbar(drawn, ax=grid.ravel().tolist(), location="bottom", shrink=0.4, aspect=40, label=s)
    fig.supxlabel("observed mean of each place; up: modelled mean", fontsize=8, x=0.01, ha="left")
    synthetic = ", synthetic data" if ds.attrs["synthetic"] else ""
    style.headline(
        fig,
        f"Means of all places and {s} of their series, {ds.attrs['split']} pixels ({ds.attrs['members']} members of "
        f"{ds.attrs['setup']}{synthetic})",
        ds.attrs,
    )
    return fig


def _scatter(ax: Any, seen: np.ndarray, own: np.ndarray) -> None:
    """All means against the observed ones: dots, or where they are many their density."""
    low, high = (
        float(f(np.concatenate([seen, own]), q)) for f, q in ((np.quantile, 0.001), (np.quantile, 0.999))
    )
    high = high if high > low else low + 1.0
    if len(seen) > MANY:
        density, x, y = np.histogram2d(seen, own, BINS, [[low, high], [low, high]])
        shown = np.where(density > 0, np.log10(np.maximum(density, 1)), np.nan).T
        ax.pcolormesh(x, y, shown, cmap="viridis", rasterized=True)
    else:
        ax.scatter(seen, own, s=6, color=style.PALETTE[0], linewidth=0, alpha=0.6)
    ax.plot([low, high], [low, high], color="0.4", linewidth=0.8)
    ax.set(xlim=(low, high), ylim=(low, high), aspect="equal")
