"""Figure of `split_map`: one map, coloured by what pixels are held out for."""

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from landlab_mgr.analysis.figures import style
from landlab_mgr.data import split

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NEVER = "#9aa7b4"
"""Colour of pixels that no draw holds out."""


def figure(ds: xr.Dataset) -> "Figure":
    """Pixels held out for the test of all in orange; of the others, in how many draws they are dev pixels."""
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.figure import Figure

    blues = LinearSegmentedColormap.from_list("dev", ["#a8d5f5", style.PALETTE[0], "#00264d"])
    fig = Figure(figsize=(9, 4.1), layout="constrained")
    ax = fig.add_subplot()
    counts = {str(p): x for p, x in zip(ds["part"].values, ds["draws"].values, strict=True)}
    none = np.zeros(ds.sizes["pixel"], int)
    lat, lon, n = ds["lat"].values, ds["lon"].values, ds.attrs["drawn"]
    style.coast(ax, lat, lon)
    dev, test = counts.get(split.DEV, none), counts.get(split.TEST, none) == n
    never = (dev == 0) & ~test
    style.dots(ax, lat[never], lon[never], len(lat), color=NEVER)
    most = max(int(dev[~test].max(initial=0)), 1)
    some = ~test & ~never
    drawn = style.dots(
        ax,
        lat[some],
        lon[some],
        len(lat),
        c=100 * dev[some] / n,
        cmap=blues,
        vmin=0,
        vmax=100 * most / n,
    )
    fig.colorbar(drawn, ax=ax, shrink=0.85, label="% of draws in which it is a dev pixel")
    style.dots(ax, lat[test], lon[test], len(lat), color=style.PALETTE[1])
    ax.scatter(
        [], [], color=style.PALETTE[1], s=25, label=f"test of all ({test.sum()} of {len(test)} pixels)"
    )
    ax.scatter([], [], color=NEVER, s=25, label="trained on in every draw")
    ax.legend(loc="lower left", frameon=False, fontsize=8)
    synthetic = ", synthetic data" if ds.attrs["synthetic"] else ""
    style.headline(
        fig, f"What members train on and are tested on ({n} draws of the split{synthetic})", ds.attrs
    )
    return fig
