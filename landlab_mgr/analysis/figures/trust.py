"""The picture of `trust`: intervals, spread against error, ranks, and where predictors are new. JAX-free."""

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from landlab_mgr.analysis.figures import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

ACROSS, ACROSS_MANY = 4, 5
"""Variables side by side, and of more than two rows of them."""


def figure(ds: xr.Dataset) -> "Figure":
    """Coverage of the intervals and a map of new predictors; below, of each variable, spread-error and ranks."""
    from matplotlib.figure import Figure

    names = list(ds["variable"].values)
    across = min(ACROSS if len(names) <= 2 * ACROSS else ACROSS_MANY, len(names))
    down = -(-len(names) // across)
    top = 1.3 + max(2.4, 0.3 * len(names))
    fig = Figure(figsize=(12.5, 0.6 + top + 3.5 * down), layout="constrained")
    upper, lower = fig.subfigures(2, 1, squeeze=False, height_ratios=[top, 3.5 * down])[:, 0]
    left, right = upper.subplots(1, 2, width_ratios=[1, 1.35])
    _coverage(left, ds)
    _map(right, ds)
    what = "Error against spread, of equal parts of the observations by spread; and observations by rank among members"
    lower.suptitle(what, x=0.01, ha="left", fontsize=9)
    axes = lower.subplots(2 * down, across, squeeze=False, height_ratios=[1.5, 1] * down)
    for ax in axes.ravel():
        ax.set_visible(False)
    for i, name in enumerate(names):
        row, column = divmod(i, across)
        one = ds.sel(variable=name)
        _spread_and_error(axes[2 * row, column], one, name)
        _ranks(axes[2 * row + 1, column], one, column == 0)
    where = "withheld months" if ds.attrs["split"] == "withheld" else f"{ds.attrs['split']} pixels"
    synthetic = ", synthetic data" if ds.attrs["synthetic"] else ""
    noise = "no observation error added" if ds.attrs["noise"] == "none" else "with observation error"
    title = f"Trust in {ds.attrs['members']} runs of {ds.attrs['setup']} on {where}, {noise}{synthetic}"
    style.headline(fig, title, ds.attrs)
    return fig


def _coverage(ax: "Axes", ds: xr.Dataset) -> None:
    names = list(ds["variable"].values)
    rows = np.arange(len(names))
    for row in rows[::2]:
        ax.axhspan(row - 0.5, row + 0.5, color="0.96", linewidth=0)
    for i, level in enumerate(ds["interval"].values):
        one, colour, y = ds.sel(interval=level), style.PALETTE[i], rows + (i - 0.5) * 0.3
        found, expected = one["coverage"].values, one["expected"].values
        ax.hlines(
            y,
            np.minimum(found, expected),
            np.maximum(found, expected),
            color=colour,
            linewidth=1.2,
            alpha=0.6,
        )
        ax.scatter(expected, y, s=60, color=colour, marker="|", linewidths=2)
        ax.scatter(
            found, y, s=30, color=colour, marker=style.MARKERS[i], label=f"in the {level:.0%} interval"
        )
    ax.scatter([], [], s=60, color="0.3", marker="|", linewidths=2, label="expected of so many members")
    ax.set_yticks(rows, [style.named(n) for n in names])
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.set_xlim(0, 1)
    ax.set_xlabel("share of observations")
    style.quiet(ax)
    ax.legend(
        loc="lower left",
        bbox_to_anchor=(-0.02, 1.0),
        ncols=3,
        fontsize=8,
        frameon=False,
        handletextpad=0.2,
        columnspacing=0.9,
        borderaxespad=0.2,
    )


def _map(ax: "Axes", ds: xr.Dataset) -> None:
    share = ds["outside"].values
    order = np.argsort(share, kind="stable")
    style.coast(ax, ds["lat"].values, ds["lon"].values)
    lat, lon = ds["lat"].values[order], ds["lon"].values[order]
    points = style.dots(ax, lat, lon, c=share[order], cmap=_colours(), vmin=0, vmax=1)
    bar = ax.figure.colorbar(points, ax=ax, shrink=0.5)
    bar.set_label("share of members", fontsize=8)
    bar.ax.tick_params(labelsize=8)
    n = int((share > 0.5).sum())
    ax.set_title(
        f"A predictor outside the training range: {n} of {len(share)} pixels, for most members",
        loc="left",
        fontsize=9,
    )


def _colours() -> "Colormap":
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("outside", ["#ffffff", style.PALETTE[4], style.PALETTE[1]])


def _spread_and_error(ax: "Axes", one: xr.Dataset, name: str) -> None:
    ax.set_visible(True)
    x, y = one["bin_spread"].values, one["bin_rmse"].values
    top = float(np.nanmax([x, y])) * 1.08 or 1.0
    ax.plot([0, top], [0, top], color="0.5", linewidth=1)
    ax.plot(x, y, color=style.PALETTE[0], marker="o", markersize=4, linewidth=1)
    ax.set(xlim=(0, top), ylim=(0, top), aspect="equal")
    ax.set_box_aspect(1)
    unit = one["units"].item()
    ax.set_xlabel(f"spread ({unit})", fontsize=8)
    ax.set_ylabel(f"RMSE ({unit})", fontsize=8)
    ax.locator_params(nbins=3)
    ax.tick_params(labelsize=8)
    rmse, spread = float(one["rmse"]), float(one["spread"])
    ratio = f"RMSE/spread {rmse / spread:.2f}" if spread > 0 else "no spread"
    ax.set_title(f"{style.named(name)}, n = {int(one['pairs']):,}\n{ratio}", loc="left", fontsize=9)
    ax.spines[["top", "right"]].set_visible(False)


def _ranks(ax: "Axes", one: xr.Dataset, first: bool) -> None:
    ax.set_visible(True)
    ranks = one["ranks"].values
    ax.bar(np.arange(len(ranks)), ranks * len(ranks), color=style.PALETTE[5], width=0.9)
    ax.axhline(1, color="0.4", linewidth=1, linestyle="--")
    ax.set_xticks([0, len(ranks) - 1], ["below\nmembers", "above\nmembers"], fontsize=8)
    ax.tick_params(axis="y", labelsize=8)
    ax.locator_params(axis="y", nbins=4)
    if first:
        ax.set_ylabel("rank frequency\n/ expected", fontsize=8)
    ax.spines[["top", "right"]].set_visible(False)
