"""Figure of `response`: a panel for each place, a line for each member, the chosen one of each setup thick."""

import math
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from landlab_mgr.analysis.figures import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS = 4


def figure(ds: xr.Dataset) -> "Figure":
    """Means of y in bins of x: restarts as faint lines, the one of the best training skill at the place thick."""
    from matplotlib.figure import Figure

    places, setups = list(ds["place"].values), [str(s) for s in ds["setup"].values]
    columns = min(COLUMNS, len(places))
    rows = math.ceil(len(places) / columns)
    fig = Figure(figsize=(0.8 + 2.6 * columns, 1.2 + 2.1 * rows), layout="constrained")
    axes = fig.subplots(rows, columns, squeeze=False, sharey=True).ravel()
    shown = style.without_shared_words(setups)
    for i, (ax, place) in enumerate(zip(axes, places, strict=False)):
        for k, setup in enumerate(setups):
            colour = style.PALETTE[k % len(style.PALETTE)]
            for run in np.flatnonzero(ds["of_setup"].values == setup):
                best = ds["run"].values[run] == ds["chosen"].values[k, i]
                ax.plot(
                    ds["at"].values[run, i],
                    ds["response"].values[run, i],
                    color=colour,
                    alpha=1.0 if best else 0.3,
                    linewidth=2.0 if best else 0.7,
                    label=shown[k] if best else None,
                )
        ax.set_title(str(place), fontsize=9)
        ax.grid(color="0.92")
        ax.tick_params(labelsize=7)
        ax.spines[["top", "right"]].set_visible(False)
    for ax in axes[len(places) :]:
        ax.set_visible(False)
    x, y = (
        f"{style.named(ds.attrs[n])} ({ds[v].attrs['units']})" for n, v in (("x", "at"), ("y", "response"))
    )
    fig.supxlabel(x, fontsize=9)
    fig.supylabel(y, fontsize=9)
    axes[0].legend(fontsize=7, frameon=False)
    synthetic = ", synthetic data" if ds.attrs["synthetic"] else ""
    style.headline(
        fig,
        f"{style.named(ds.attrs['y'])} against {style.named(ds.attrs['x'])} at {len(places)} places: members thin, the "
        f"one of the best training skill thick{synthetic}",
        ds.attrs,
    )
    return fig
