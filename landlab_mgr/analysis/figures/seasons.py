"""Figure of `seasons`: a panel for each variable and region."""

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from landlab_mgr.analysis.figures import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MONTHS = "JFMAMJJASOND"


def figure(ds: xr.Dataset) -> "Figure":
    """Observed cycle in black; the members' mean in colour, one standard deviation of them around it."""
    from matplotlib.figure import Figure

    seen = np.isfinite(ds["observed"].values).any(axis=(0, 2))
    variables, regions = list(ds["variable"].values), list(ds["region"].values[seen])
    fig = Figure(figsize=(1.2 + 1.75 * len(regions), 1.2 + 1.35 * len(variables)), layout="constrained")
    axes = fig.subplots(len(variables), len(regions), squeeze=False, sharex=True, sharey="row")
    month = ds["month"].values
    for i, variable in enumerate(variables):
        colour = style.PALETTE[i % (len(style.PALETTE) - 1)]
        for j, region in enumerate(regions):
            ax, one = axes[i, j], ds.sel(variable=variable, region=region)
            x = one["modelled"].values
            mean = x.mean(axis=0)
            sd = x.std(axis=0, ddof=1) if len(x) > 1 else np.zeros_like(mean)
            ax.fill_between(month, mean - sd, mean + sd, color=colour, alpha=0.3, linewidth=0)
            ax.plot(month, mean, color=colour, linewidth=1.4)
            ax.plot(month, one["observed"].values, color="black", linewidth=1.2)
            ax.set_xticks(range(1, 13, 3), MONTHS[::3])
            ax.tick_params(labelsize=7)
            ax.grid(color="0.92")
            ax.spines[["top", "right"]].set_visible(False)
            if i == 0:
                ax.set_title(str(region), fontsize=8)
        unit = ds["units"].sel(variable=variable).item()
        axes[i, 0].set_ylabel(f"{style.named(variable)}\n({unit})", fontsize=7)
    synthetic = ", synthetic data" if ds.attrs["synthetic"] else ""
    style.headline(
        fig,
        f"Seasonal cycles at {ds.attrs['split']} pixels: observed black, mean and sd of {ds.sizes['run']} members of "
        f"{ds.attrs['setup']} in colour{synthetic}",
        ds.attrs,
    )
    return fig
