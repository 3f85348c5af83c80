"""Figure of `complexity`: a panel for each variable, setups by their learned weights."""

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from landlab_mgr.analysis.figures import style
from landlab_mgr.observations import metrics

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LOWEST = -0.5
"""Skill below which a place is drawn at the edge: a few failures would hide the others."""


def figure(ds: xr.Dataset) -> "Figure":
    """Places as faint dots, their medians on lines: training hollow, withheld filled; published medians as crosses."""
    from matplotlib.figure import Figure

    variables, setups = list(ds["variable"].values), [str(s) for s in ds["setup"].values]
    shown = style.without_shared_words(setups)
    fig = Figure(figsize=(1.5 + 2.5 * len(variables), 4.0), layout="constrained")
    axes = fig.subplots(1, len(variables), squeeze=False, sharey=True)[0]
    x = np.arange(len(setups))
    for i, (ax, variable) in enumerate(zip(axes, variables, strict=True)):
        one = ds.sel(variable=variable)
        for k, (part, face) in enumerate((("train", "white"), ("withheld", None))):
            skill = np.clip(one["skill"].sel(part=part).values, LOWEST, None)
            colour = style.PALETTE[k]
            at = x[:, None] + 0.12 * (2 * k - 1) + np.zeros_like(skill)
            ax.plot(at.ravel(), skill.ravel(), ".", color=colour, alpha=0.25, markersize=4, markeredgewidth=0)
            ax.plot(
                x,
                [metrics.median(row) for row in skill],
                "o-",
                color=colour,
                mfc=face,
                markersize=5,
                linewidth=1.2,
                label=part,
            )
            theirs = one["published"].sel(part=part).values
            if np.isfinite(theirs).any():
                ax.plot(
                    x, [metrics.median(row) for row in theirs], "x", color=colour, label=f"{part}, published"
                )
        ax.set_title(style.named(str(variable)), fontsize=9)
        ax.set_xticks(x, shown, rotation=60, ha="right", fontsize=7)
        ax.set_ylim(LOWEST - 0.04, 1.0)
        ax.grid(color="0.92")
        ax.spines[["top", "right"]].set_visible(False)
        if i == 0:
            ax.set_ylabel("R2 (Nash-Sutcliffe) of a place")
            ax.legend(fontsize=7, loc="lower left")
    synthetic = ", synthetic data" if ds.attrs["synthetic"] else ""
    style.headline(
        fig,
        f"Local calibration at {ds.sizes['place']} places by learned weights: the best restart by training "
        f"skill, medians and places{synthetic}",
        ds.attrs,
    )
    return fig
