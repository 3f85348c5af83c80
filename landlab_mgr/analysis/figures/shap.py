"""The figure of analysis shap: shares as a matrix, or one parameter's as bars beside what is behind them. JAX-free."""

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from landlab_mgr.analysis.figures import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def figure(ds: xr.Dataset) -> "Figure":
    """Shares as a matrix of parameters and predictors; of one parameter as bars, with curves of the leading ones."""
    from matplotlib.figure import Figure

    fig = Figure(figsize=(9.5, 4.8), layout="constrained")
    if ds.sizes["parameter"] == 1:
        _draw_one(fig, ds)
    else:
        fig.set_size_inches(3.4 + 0.52 * ds.sizes["predictor"], 2.6 + 0.33 * ds.sizes["parameter"])
        _draw_matrix(fig, ds)
    attrs = ds.attrs
    synthetic = ", synthetic data" if attrs["synthetic"] else ""
    of_type = f", pixels of {attrs['pft']}" if attrs["pft"] else ""
    how = "kernel SHAP" if attrs["method"] == "kernel" else "integrated gradients"
    n = attrs["members_used"]
    members = "1 member" if n == 1 else f"{n} members {'pooled' if attrs['style'] == 'paper' else 'averaged'}"
    fig.suptitle(
        f"What the parameters owe to the predictors: {attrs['setup']}{synthetic}{of_type}\n"
        f"shares of the absolute values; {how}, {members}, {attrs['n_pixels']} pixels   {attrs['analysis']}",
        x=0.01,
        ha="left",
        fontsize=10,
    )
    return fig


def _draw_matrix(fig: "Figure", ds: xr.Dataset) -> None:
    ax = fig.add_subplot()
    share = 100 * ds["share"].values
    high = float(np.nanmax(share)) if np.isfinite(share).any() else 1.0
    image = ax.imshow(np.ma.masked_invalid(share), cmap="Blues", vmin=0, vmax=high, aspect="auto")
    ax.set_facecolor("0.9")
    for (row, column), value in np.ndenumerate(share):
        text = "–" if np.isnan(value) else f"{value:.0f}"
        ink = "white" if value > 0.6 * high else "0.15"
        ax.text(column, row, text, ha="center", va="center", fontsize=8, color=ink)
    groups = [str(g) for g in ds["group_of"].values]
    ax.set_xticks(
        range(len(groups)),
        [str(p).replace("_", " ") for p in ds["predictor"].values],
        rotation=45,
        ha="right",
        rotation_mode="anchor",
    )
    ax.set_yticks(range(ds.sizes["parameter"]), [str(p).replace("_", " ") for p in ds["parameter"].values])
    ax.tick_params(length=0, labelsize=8)
    ax.spines[:].set_visible(False)
    start = 0
    for k in range(1, len(groups) + 1):
        if k == len(groups) or groups[k] != groups[start]:
            ax.text((start + k - 1) / 2, -0.65, groups[start], ha="center", va="bottom", fontsize=9)
            if k < len(groups):
                ax.axvline(k - 0.5, color="white", linewidth=4)
            start = k
    fig.colorbar(image, ax=ax, shrink=0.8, pad=0.01).set_label("share (%)", size=9)


def _draw_one(fig: "Figure", ds: xr.Dataset) -> None:
    left, right = fig.subfigures(1, 2, squeeze=False, width_ratios=[1, 1.15])[0]
    one = ds.isel(parameter=0)
    share = one["share"].values
    order = [i for i in np.argsort(-np.nan_to_num(share)) if np.isfinite(share[i])]
    ax = left.add_subplot()
    groups = list(ds["group"].values)
    rows = np.arange(len(order))
    for g, group in enumerate(groups):
        mine = [k for k in rows if one["group_of"].values[order[k]] == group]
        ax.barh(mine, [100 * share[order[k]] for k in mine], color=style.PALETTE[g], label=str(group))
    ax.set_yticks(rows, [str(ds["predictor"].values[i]).replace("_", " ") for i in order], fontsize=8)
    ax.invert_yaxis()
    ax.set_xlabel("share of the absolute SHAP values (%)")
    ax.tick_params(labelsize=8)
    ax.xaxis.label.set_size(9)
    ax.legend(frameon=False, fontsize=8, loc="lower right")
    style.quiet(ax)
    name = str(one["parameter"].item()).replace("_", " ")
    ax.set_title(name, loc="left", fontsize=10)
    unit = "ranges of the parameter" if ds.attrs["style"] == "paper" else str(one["unit"].item())
    drawn = [i for i in order if np.isfinite(one["curve"].values[i]).all()][:4]
    axes = right.subplots(2, 2, sharey=True, squeeze=False)
    for small, i in zip(axes.ravel(), drawn, strict=False):
        _draw_curve(small, one, i, groups)
    for small in axes.ravel()[len(drawn) :]:
        small.set_axis_off()
    right.supylabel(f"SHAP value ({unit})", fontsize=9)


def _draw_curve(ax: "Axes", one: xr.Dataset, i: int, groups: list[Any]) -> None:
    """Draw a predictor's values at the pixels, and the polynomial through them."""
    colour = style.PALETTE[groups.index(one["group_of"].values[i])]
    for run in one["shap"].values:
        ax.scatter(one["value"].values[:, i], run[:, i], s=3, color=colour, alpha=0.25, linewidth=0)
    ax.plot(one["at"].values[i], one["curve"].values[i], color="0.1", linewidth=1.5)
    ax.axhline(0, color="0.6", linewidth=0.8)
    units = str(one["units_of"].values[i])
    name = str(one["predictor"].values[i]).replace("_", " ")
    ax.set_xlabel(name if units == "1" else f"{name} ({units})", fontsize=8)
    ax.tick_params(labelsize=7)
    ax.spines[["top", "right"]].set_visible(False)
