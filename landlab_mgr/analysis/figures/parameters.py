"""Figure of `parameters`: means by plant type and latitude, and what members trade."""

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from landlab_mgr.analysis.figures import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def figure(ds: xr.Dataset) -> "Figure":
    """Each parameter's means by place, from its lowest to its highest, and correlations over the members."""
    from matplotlib.figure import Figure

    names, places = list(ds["parameter"].values), list(ds["place"].values)
    correlated = bool(np.isfinite(ds["traded"].values).any())
    height = 2.2 + 0.19 * len(names)
    fig = Figure(
        figsize=(3.2 + 0.42 * len(places) + (0.4 + height) * correlated, height), layout="constrained"
    )
    axes = fig.subplots(
        1, 1 + correlated, squeeze=False, width_ratios=[0.42 * len(places) + 1, height][: 1 + correlated]
    )
    left = axes[0, 0]
    mean = ds["mean"].values
    low, high = mean.min(axis=1, keepdims=True), mean.max(axis=1, keepdims=True)
    shown = (mean - low) / np.where(high > low, high - low, 1.0)
    left.imshow(shown, cmap="cividis", aspect="auto", vmin=0, vmax=1)
    for i, row in enumerate(mean):
        for j, x in enumerate(row):
            colour = "white" if shown[i, j] < 0.55 else "black"
            left.text(j, i, f"{x:.2g}", ha="center", va="center", fontsize=5, color=colour)
    left.set_xticks(range(len(places)), places, rotation=60, ha="right", fontsize=7)
    left.set_yticks(range(len(names)), [n.replace("_", " ") for n in names], fontsize=7)
    left.set_title("means; colours from a row's lowest to its highest", loc="left", fontsize=9)
    if correlated:
        right = axes[0, 1]
        drawn = right.imshow(ds["traded"].values, cmap="RdBu", vmin=-1, vmax=1)
        right.set_xticks(range(len(names)), [n.replace("_", " ") for n in names], rotation=90, fontsize=6)
        right.set_yticks(range(len(names)), [n.replace("_", " ") for n in names], fontsize=6)
        right.set_title("correlation over the members of their means", loc="left", fontsize=9)
        fig.colorbar(drawn, ax=right, shrink=0.6, label="r")
    synthetic = ", synthetic data" if ds.attrs["synthetic"] else ""
    style.headline(
        fig, f"Parameters of {ds.attrs['setup']} ({ds.attrs['members']} members{synthetic})", ds.attrs
    )
    return fig
