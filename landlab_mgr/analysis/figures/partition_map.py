"""Figure of `partition_map`: a map of the leading group for each variable."""

from typing import TYPE_CHECKING

import xarray as xr

from landlab_mgr.analysis.figures import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NONE, UNKNOWN, STRUCTURE = -1, -2, -3
"""Labels: nothing has a positive part; a set has no member that is scored there; CONTROL has more than any group."""
BASE = "#e8c547"
"""Colour of CONTROL."""
STRUCTURE_LABEL = "structure and forcing"
"""Label of the skill of CONTROL: the model and its forcing, without predictors."""


def figure(ds: xr.Dataset) -> "Figure":
    """Draw a map for each variable of what brings most at each pixel.

    Grey where nothing brings anything.
    """
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    groups, variables = list(ds["group"].values), list(ds["variable"].values)
    columns = 1 if len(variables) == 1 else 2
    rows = -(-len(variables) // columns)
    fig = Figure(figsize=(6.2 * columns, 1.3 + 2.85 * rows), layout="constrained")
    axes = fig.subplots(rows, columns, squeeze=False)
    for ax in axes.ravel()[len(variables) :]:
        ax.set_visible(False)
    lat, lon = ds["lat"].values, ds["lon"].values
    colours = [style.PALETTE[j % len(style.PALETTE)] for j in range(len(groups))]
    for i, (ax, variable) in enumerate(zip(axes.ravel(), variables, strict=False)):
        one = ds.sel(variable=variable)
        dominant, share = one["dominant"].values, one["share"].values
        style.coast(ax, lat, lon)
        ax.tick_params(labelleft=i % columns == 0, labelbottom=i >= len(variables) - columns)
        for code, colour in ((NONE, style.NEUTRAL), (STRUCTURE, BASE), *enumerate(colours)):
            here = dominant == code
            style.dots(ax, lat[here], lon[here], len(lat), color=colour)
        n = int((dominant != UNKNOWN).sum())
        shares = [f"{g} {s:.0%}" for g, s in zip(groups, share, strict=True)]
        if "share_of_structure" in ds:
            shares.insert(0, f"structure {float(one['share_of_structure']):.0%}")
        ax.set_title(f"{style.named(str(variable))}: {', '.join(shares)} (n = {n})", loc="left", fontsize=9)
    marks = [
        Line2D([], [], marker="o", linestyle="", color=c, label=g)
        for g, c in zip([STRUCTURE_LABEL, *groups, "none"], [BASE, *colours, style.NEUTRAL], strict=True)
    ]
    fig.legend(handles=marks, loc="outside lower center", ncols=len(marks), frameon=False)
    synthetic = ", synthetic data" if ds.attrs["synthetic"] else ""
    style.headline(
        fig,
        f"What brings the largest part of {style.skill_label(ds.attrs)} at each pixel: the model's structure and "
        f"forcing (CONTROL), or a predictor group (independent part); shares of the area "
        f"({ds.attrs['runs']} runs{synthetic})",
        ds.attrs,
    )
    return fig
