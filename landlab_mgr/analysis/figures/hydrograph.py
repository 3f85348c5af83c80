"""Figure of `hydrograph`: a panel for each place, observed in black. JAX-free."""

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from landlab_mgr.analysis.figures import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def figure(ds: xr.Dataset) -> "Figure":
    """Observed series in black; mean of each setup in colour, and a band from the lowest member to the highest."""
    from matplotlib.figure import Figure

    places, time = list(ds["place"].values), ds["time"].values
    fig = Figure(figsize=(11, 1.4 + 2.1 * len(places)), layout="constrained")
    axes = fig.subplots(len(places), 1, squeeze=False, sharex=True)[:, 0]
    for ax, place in zip(axes, places, strict=True):
        one = ds.sel(place=place)
        ax.plot(time, one["observed"].values, color="black", linewidth=0.9, label="observed")
        for row, setup in enumerate(ds["setup"].values):
            own, colour = one.sel(setup=setup), style.PALETTE[row % (len(style.PALETTE) - 1)]
            if int(own["members"]) > 1:
                low, high = own["low"].values, own["high"].values
                ax.fill_between(time, low, high, color=colour, alpha=0.3, linewidth=0)
            label = f"{setup}: NSE {float(own['nse']):.2f}"
            ax.plot(time, own["modelled"].values, color=colour, linewidth=0.9, label=label)
        highest = np.nanmax(np.concatenate([one[n].values.ravel() for n in ("observed", "high")]))
        ax.set_ylim(top=1.05 * highest if highest > 0 else None)
        ax.set_title(str(place), loc="left", fontsize=9)
        ax.set_ylabel(f"{style.named(ds.attrs['drawn'])} ({ds.attrs['unit']})", fontsize=8)
        ax.tick_params(labelsize=8)
        ax.grid(color="0.92")
        ax.spines[["top", "right"]].set_visible(False)
        ax.legend(fontsize=7, frameon=False, loc="upper right", ncols=1 + ds.sizes["setup"])
    synthetic = ", synthetic data" if ds.attrs["synthetic"] else ""
    runs = int(ds["members"].sum())
    style.headline(
        fig,
        f"Series of {len(places)} places, {ds.attrs['split']}: mean and range of the members ({runs} runs{synthetic})",
        ds.attrs,
    )
    return fig
