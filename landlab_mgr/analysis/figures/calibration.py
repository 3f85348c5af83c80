"""The picture of `calibration`: how wide an interval of each level is. JAX-free."""

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from landlab_mgr.analysis.figures import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def figure(ds: xr.Dataset) -> "Figure":
    """Factor against level, a line for each variable, beside that of normally distributed errors."""
    from matplotlib.figure import Figure
    from scipy.stats import norm

    fig = Figure(figsize=(7.5, 4.5), layout="constrained")
    ax = fig.subplots()
    level = ds["level"].values
    for i, name in enumerate(ds["variable"].values):
        one = ds.sel(variable=name)
        label = f"{style.named(name)}, {int(one['places'])} places"
        ax.plot(
            100 * level,
            one["factor"],
            color=style.PALETTE[i % len(style.PALETTE)],
            linewidth=1.5,
            label=label,
        )
    ax.plot(
        100 * level,
        norm.ppf((1 + level) / 2),
        color="0.5",
        linewidth=1,
        linestyle="--",
        label="normal errors",
    )
    shown = ds["factor"].values[:, level < 0.955]
    top = 1.2 * float(np.nanmax(shown, initial=2.0))
    ax.set(
        xlim=(0, 100), ylim=(0, top), xlabel="observations inside (%)", ylabel="factor of (spread + floor)"
    )
    ax.set_xticks(np.arange(0, 101, 10))
    ax.legend(fontsize=8, frameon=False)
    ax.spines[["top", "right"]].set_visible(False)
    synthetic = ", synthetic data" if ds.attrs["synthetic"] else ""
    style.headline(
        fig, f"Calibration of {ds.attrs['members']} runs of {ds.attrs['setup']}{synthetic}", ds.attrs
    )
    return fig
