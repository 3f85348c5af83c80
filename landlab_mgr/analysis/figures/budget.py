"""Figure of `budget`: yearly totals of all the land."""

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from landlab_mgr.analysis.figures import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def figure(ds: xr.Dataset) -> "Figure":
    """For each flux the yearly total of all the land: mean of the members, one standard deviation of them around it."""
    from matplotlib.figure import Figure

    names = list(ds["variable"].values)
    fig = Figure(figsize=(8.5, 0.9 + 1.9 * len(names)), layout="constrained")
    rows = fig.subplots(len(names), 1, squeeze=False, sharex=True)[:, 0]
    year = ds["year"].values
    for i, (ax, name) in enumerate(zip(rows, names, strict=True)):
        x = ds["total"].sel(variable=name).isel(region=0)  # all the land
        mean = x.mean("run").values
        sd = x.std("run", ddof=1).values if x.sizes["run"] > 1 else np.zeros_like(mean)
        colour = style.PALETTE[i % len(style.PALETTE)]
        ax.fill_between(year, mean - sd, mean + sd, color=colour, alpha=0.25, linewidth=0)
        ax.plot(year, mean, color=colour, marker="o", markersize=4)
        ax.set_ylabel(f"{style.named(name)}\n({ds['units'].sel(variable=name).item()})")
        ax.grid(axis="y", color="0.9")
        ax.spines[["top", "right"]].set_visible(False)
    rows[-1].xaxis.get_major_locator().set_params(integer=True)
    land = f"{ds.attrs['area_m2'] / 1e12:.3g} million km2"
    synthetic = ", synthetic data" if ds.attrs["synthetic"] else ""
    runs = f"{ds.sizes['run']} runs of {ds.attrs['setup']}{synthetic}"
    style.entitle(rows[0], f"Yearly totals over {land}, mean and sd of members\n{runs}", ds.attrs)
    return fig
