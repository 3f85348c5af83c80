"""Figure of `pca`: loadings and a map for each component."""

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from landlab_mgr.analysis.figures import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def figure(ds: xr.Dataset) -> "Figure":
    """For each component its loadings, on a twin planet beside those of the true axis most like it, and a map."""
    from matplotlib.figure import Figure

    n, names = ds.sizes["component"], list(ds["parameter"].values)
    fig = Figure(figsize=(11, 0.9 + 3.0 * n), layout="constrained")
    axes = fig.subplots(n, 2, squeeze=False, width_ratios=[1, 2])
    bound = float(np.quantile(np.abs(ds["scores"].values), 0.98))
    for (left, right), component in zip(axes, ds["component"].values, strict=True):
        one = ds.sel(component=component)
        x = one["loadings"].values
        left.barh(names, x, color=np.where(x > 0, style.PALETTE[0], style.PALETTE[1]))
        left.set_yticks(range(len(names)), [name.replace("_", " ") for name in names], fontsize=8)
        left.set_xlim(-1, 1)
        left.invert_yaxis()
        left.axvline(0, color="0.4", linewidth=0.8)
        left.set_xlabel("loading" + _mark_truth(left, one))
        style.quiet(left)
        left.set_title(f"{component}: {float(one['explained']):.0%} of the variance", loc="left", fontsize=10)
        points = style.draw_map(right, ds["lat"].values, ds["lon"].values, one["scores"].values, bound)
        fig.colorbar(points, ax=right, shrink=0.85, label="score (standard deviations)")
    synthetic = ", synthetic data" if ds.attrs["synthetic"] else ""
    title = (
        f"Components of the parameters: {ds.attrs['setup']}, mean of {ds.attrs['members']} runs{synthetic}"
    )
    fig.suptitle(
        f"{title}\n{ds.attrs['filter'] or 'every completed run'}   {ds.attrs['analysis']}",
        x=0.01,
        ha="left",
        fontsize=10,
    )
    return fig


def _mark_truth(ax: "Axes", one: xr.Dataset) -> str:
    """Ticks at the loadings of the true axis that one component's scores follow most closely, and what they are."""
    if "r_truth" not in one or not np.isfinite(one["r_truth"]).any():
        return ""
    axis = one["axis"].values[int(np.nanargmax(np.abs(one["r_truth"].values)))]
    r = float(one["r_truth"].sel(axis=axis))
    x = np.sign(r) * one["true_loadings"].sel(axis=axis).values
    ax.scatter(x, range(len(x)), s=90, marker="|", color="black", linewidth=1.6, zorder=3)
    return f"   (ticks: {axis}, |r| {abs(r):.2f})"
