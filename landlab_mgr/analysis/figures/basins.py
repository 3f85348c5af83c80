"""Figure of `basins`: distribution of NSE and KGE over places, and NSE on the map. JAX-free."""

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from landlab_mgr.analysis.figures import style
from landlab_mgr.observations import metrics

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LOWEST = -0.5
"""Skill below which places are not drawn apart: their share stands at the left edge."""
DRAWN = ("nse", "kge")


def figure(ds: xr.Dataset) -> "Figure":
    """Shares of places with lower NSE and KGE, members thin, their means thick; NSE of the best setup on the map."""
    from matplotlib.figure import Figure

    fig = Figure(figsize=(13, 4.4), layout="constrained")
    *curves, ax = fig.subplots(1, 3, width_ratios=(1, 1, 1.5))
    for panel, statistic in zip(curves, DRAWN, strict=True):
        _distribution(panel, ds, statistic)
    curves[0].set_ylabel("share of the places that are lower")
    medians = [metrics.median(x) for x in ds["mean"].sel(statistic="nse").values]
    best = int(np.nanargmax(medians))
    nse = ds["mean"].sel(statistic="nse").values[best]
    scored = np.isfinite(nse)
    lat, lon = (ds[n].values[scored] for n in ("lat", "lon"))
    style.coast(ax, lat, lon)
    drawn = style.dots(ax, lat, lon, c=nse[scored], cmap="PuOr", vmin=-1, vmax=1)
    ax.set_title(f"NSE of {ds['setup'].values[best]}", loc="left", fontsize=9)
    fig.colorbar(drawn, ax=ax, location="bottom", shrink=0.5, aspect=40, extend="min")
    synthetic = ", synthetic data" if ds.attrs["synthetic"] else ""
    style.headline(
        fig,
        f"Skill in {style.named(ds.attrs['scored'])} by place, {ds.attrs['split']} "
        f"({ds.sizes['run']} runs, {scored.sum()} places{synthetic})",
        ds.attrs,
    )
    return fig


def _distribution(ax: "Axes", ds: xr.Dataset, statistic: str) -> None:
    for row, setup in enumerate(ds["setup"].values):
        colour = style.PALETTE[row % len(style.PALETTE)]
        own = ds["mean"].sel(setup=setup, statistic=statistic).values
        for member in ds["member"].sel(run=ds["setup_of"] == setup, statistic=statistic).values:
            ax.plot(*_steps(member), color=colour, linewidth=0.5, alpha=0.4)
        ax.plot(*_steps(own), color=colour, linewidth=1.8, label=f"{setup}: {metrics.median(own):.2f}")
    ax.axhline(0.5, color="0.6", linestyle="--", linewidth=0.8)
    ax.set(xlim=(LOWEST, 1), ylim=(0, 1), xlabel=f"{statistic.upper()} of a place")
    ax.grid(color="0.92")
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(fontsize=7, frameon=False, loc="upper left", title="median", title_fontsize=7)


def _steps(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sorted values, and the share of them up to each."""
    ordered = np.sort(values[np.isfinite(values)])
    return ordered, np.arange(1, len(ordered) + 1) / max(len(ordered), 1)
