"""Figure of `drought`: a panel for each variable, over all the land."""

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from landlab_mgr.analysis.figures import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def figure(ds: xr.Dataset) -> "Figure":
    """Mean anomalies around dry months: observed in black; the members' mean, and their sd around it, in colour."""
    from matplotlib.figure import Figure

    variables, lag = list(ds["variable"].values), ds["lag"].values
    columns = min(3, len(variables))
    rows = -(-len(variables) // columns)
    fig = Figure(figsize=(3.3 * columns, 1.2 + 2.1 * rows), layout="constrained")
    axes = fig.subplots(rows, columns, squeeze=False, sharex=True).ravel()
    for ax in axes[len(variables) :]:
        ax.set_visible(False)
    for i, (ax, variable) in enumerate(zip(axes, variables, strict=False)):
        one = ds.sel(variable=variable).isel(region=0)
        colour = style.PALETTE[i % (len(style.PALETTE) - 1)]
        x = one["modelled"].values
        mean = x.mean(axis=0)
        sd = x.std(axis=0, ddof=1) if len(x) > 1 else np.zeros_like(mean)
        ax.axhline(0, color="0.6", linewidth=0.8)
        ax.axvline(0, color="0.85", linewidth=5, zorder=0)
        ax.fill_between(lag, mean - sd, mean + sd, color=colour, alpha=0.3, linewidth=0)
        ax.plot(lag, mean, color=colour, linewidth=1.5)
        ax.plot(lag, one["observed"].values, color="black", marker="o", markersize=3, linewidth=1.2)
        unit = ds["units"].sel(variable=variable).item()
        ax.set_title(f"{style.named(str(variable))} ({unit})", loc="left", fontsize=9)
        ax.tick_params(labelsize=8, labelbottom=i + columns >= len(variables))
        ax.spines[["top", "right"]].set_visible(False)
    fig.supxlabel("months after a dry month", fontsize=9)
    synthetic = ", synthetic data" if ds.attrs["synthetic"] else ""
    style.headline(
        fig,
        f"Mean anomalies around the driest {ds.attrs['percentile']:g} % of months, all the land at "
        f"{ds.attrs['split']} pixels: observed black, mean and sd of {ds.sizes['run']} members of "
        f"{ds.attrs['setup']} in colour{synthetic}",
        ds.attrs,
    )
    return fig
