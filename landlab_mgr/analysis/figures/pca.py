"""Figure of `pca`: loadings and a map for each component, and the plane of the first two."""

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from landlab_mgr.analysis.figures import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def figure(ds: xr.Dataset) -> "Figure":
    """For each component its loadings, on a twin planet beside those of the true axis most like it, and a map.

    Below them the ordination: parameters as arrows on the plane of PC1 with PC2, and with PC3, over the pixels' scores.
    """
    from matplotlib.figure import Figure

    n, names = ds.sizes["component"], list(ds["parameter"].values)
    planes = [(0, k) for k in range(1, min(n, 3))]
    fig = Figure(figsize=(11, 0.9 + 3.0 * n + 5.2 * bool(planes)), layout="constrained")
    parts: Any = fig.subfigures(2, 1, height_ratios=[3.0 * n, 5.2]) if planes else [fig]
    above = parts[0]
    axes = above.subplots(n, 2, squeeze=False, width_ratios=[1, 2])
    if planes:
        for ax, plane in zip(parts[1].subplots(1, len(planes), squeeze=False)[0], planes, strict=True):
            _ordination(ax, ds, plane)
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
        above.colorbar(points, ax=right, shrink=0.85, label="score (standard deviations)")
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


def _ordination(ax: "Axes", ds: xr.Dataset, plane: tuple[int, int]) -> None:
    """Scores of the pixels on the plane of two components, and each parameter as an arrow of its loadings."""
    x, y = (ds["scores"].values[k] for k in plane)
    reach = float(np.quantile(np.hypot(x, y), 0.98))
    ax.scatter(x, y, s=float(np.clip(4000 / len(x), 0.5, 8)), color="0.75", linewidths=0, rasterized=True)
    loadings = ds["loadings"].values[list(plane)]
    scale = reach / np.hypot(*loadings).max()
    for name, (dx, dy) in zip(ds["parameter"].values, loadings.T * scale, strict=True):
        arrow: dict[str, Any] = {"arrowstyle": "->", "color": style.PALETTE[0], "linewidth": 1.1}
        ax.annotate("", (dx, dy), (0, 0), arrowprops=arrow)
        side: dict[str, Any] = {"ha": "left" if dx >= 0 else "right", "va": "bottom" if dy >= 0 else "top"}
        ax.annotate(str(name).replace("_", " "), (dx, dy), fontsize=7, color="0.15", **side)
    components = ds["component"].values
    for label, k in ((ax.set_xlabel, plane[0]), (ax.set_ylabel, plane[1])):
        label(f"{components[k]} ({float(ds['explained'][k]):.0%})")
    ax.axhline(0, color="0.85", linewidth=0.8, zorder=0)
    ax.axvline(0, color="0.85", linewidth=0.8, zorder=0)
    ax.set(xlim=(-1.35 * reach, 1.35 * reach), ylim=(-1.2 * reach, 1.2 * reach))
    ax.spines[["top", "right"]].set_visible(False)


def _mark_truth(ax: "Axes", one: xr.Dataset) -> str:
    """Ticks at the loadings of the true axis that one component's scores follow most closely, and what they are."""
    if "r_truth" not in one or not np.isfinite(one["r_truth"]).any():
        return ""
    axis = one["axis"].values[int(np.nanargmax(np.abs(one["r_truth"].values)))]
    r = float(one["r_truth"].sel(axis=axis))
    x = np.sign(r) * one["true_loadings"].sel(axis=axis).values
    ax.scatter(x, range(len(x)), s=90, marker="|", color="black", linewidth=1.6, zorder=3)
    return f"   (ticks: {axis}, |r| {abs(r):.2f})"
