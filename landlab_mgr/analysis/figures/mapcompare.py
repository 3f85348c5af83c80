"""Figure of `mapcompare`: two maps, and one against the other."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from landlab_mgr.analysis.figures import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def _p(attrs: Mapping[str, Any], name: str) -> str:
    """Significance, where the result has it."""
    if name not in attrs:
        return ""
    return f" (p = {attrs[name]:.2g})" if attrs[name] >= 0.001 else " (p < 0.001)"


def figure(ds: xr.Dataset) -> "Figure":
    """Draw the two maps, and one against the other.

    The latter has a dot for each pixel that both have.
    """
    from matplotlib.figure import Figure

    a = ds.attrs
    x, y = ds["map"].values, ds["ensemble"].values
    both = np.isfinite(x) & np.isfinite(y)
    lat, lon = ds["lat"].values[both], ds["lon"].values[both]
    mine = f"{a['of'].replace('_', ' ')} ({a['of_units']})"
    theirs = f"{a['map_name']} ({a['map_units']})"
    fig = Figure(figsize=(12, 5.9), layout="constrained")
    axes = fig.subplot_mosaic([["mine", "scatter"], ["theirs", "scatter"]], width_ratios=[1.25, 1])
    for name, values, label in (("mine", y, mine), ("theirs", x, theirs)):
        low, high = np.quantile(values[both], [0.02, 0.98])
        points = style.draw_amounts(axes[name], lat, lon, values[both], low, high)
        fig.colorbar(points, ax=axes[name], shrink=0.9, extend="both").set_label(label, parse_math=False)
        axes[name].label_outer()
    ax = axes["scatter"]
    size = float(np.clip(6000 / a["n"], 1, 16))
    ax.scatter(x[both], y[both], s=size, color=style.PALETTE[0], alpha=0.5, linewidths=0, rasterized=True)
    ax.set_xlabel(theirs, parse_math=False)
    ax.set_ylabel(mine, parse_math=False)
    ax.spines[["top", "right"]].set_visible(False)
    ax.set_title(
        f"Pearson r {a['pearson']:.2f}{_p(a, 'p_pearson')}, Spearman {a['spearman']:.2f}{_p(a, 'p_spearman')}, "
        f"n = {a['n']} pixels",
        loc="left",
        fontsize=10,
    )
    synthetic = ", synthetic data" if a["synthetic"] else ""
    many = f"mean of {a['members']} runs" if a["members"] > 1 else "1 run"
    style.headline(
        fig, f"{a['of'].replace('_', ' ')} of {a['setup']} ({many}{synthetic}) against {a['map_name']}", a
    )
    return fig
