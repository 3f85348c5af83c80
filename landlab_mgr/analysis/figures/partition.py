"""Figure of `partition`: a bar for each group's independent part."""

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from landlab_mgr.analysis.figures import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def figure(ds: xr.Dataset) -> "Figure":
    """For each variable a bar for each group's independent part, with its interval; a tick where its joint part is."""
    from matplotlib.figure import Figure

    ds = ds.sel(variable=partitioned(ds))
    groups, variables = list(ds["group"].values), list(ds["variable"].values)
    fig = Figure(figsize=(8.5, 1.9 + (0.3 + 0.2 * len(groups)) * len(variables)), layout="constrained")
    ax = fig.add_subplot()
    thick = 0.8 / len(groups)
    rows = np.arange(len(variables))
    for row in rows[::2]:
        ax.axhspan(row - 0.5, row + 0.5, color="0.96", linewidth=0)
    for j, group in enumerate(groups):
        y = rows + (j - (len(groups) - 1) / 2) * thick
        x = ds["independent"].sel(group=group).values
        colour = style.PALETTE[j % len(style.PALETTE)]
        ax.barh(y, x, 0.9 * thick, color=colour, label=group)
        if "independent_low" in ds:
            low, high = (ds[f"independent_{end}"].sel(group=group).values for end in ("low", "high"))
            ax.hlines(y, low, high, color="0.2", linewidth=1)
        joint = ds["joint"].sel(group=group).values
        ax.scatter(joint, y, s=26, marker="D", facecolor="white", edgecolor=colour, zorder=3)
        if "truth" in ds:
            x = ds["truth"].sel(group=group).values
            ax.scatter(x, y, s=60, marker="|", color="black", linewidth=1.8, zorder=4)
    ax.scatter([], [], s=26, marker="D", facecolor="white", edgecolor="0.3", label="joint part")
    if "truth" in ds:
        ax.scatter([], [], s=60, marker="|", color="black", linewidth=1.8, label="truth (of V*)")
    ax.axvline(0, color="0.4", linewidth=0.8)
    ax.set_yticks(rows, [_row_name(ds, v) for v in variables])
    ax.set_ylim(len(variables) - 0.5, -0.5)
    interval = f", 95 % over {ds.attrs.get('drawn', 'seeds')}" if "independent_low" in ds else ""
    ax.set_xlabel(f"independent part of {style.skill_label(ds.attrs)}{interval}")
    style.quiet(ax)
    synthetic = ", synthetic data" if ds.attrs["synthetic"] else ""
    style.entitle(ax, f"Contribution of predictor groups ({ds.attrs['runs']} runs{synthetic})", ds.attrs)
    fig.legend(loc="outside lower center", ncols=len(groups) + 2, frameon=False)
    return fig


def partitioned(ds: xr.Dataset) -> list[str]:
    """Variables of which every set has a member with skill."""
    return [str(v) for v in ds["variable"].values if (ds["members"].sel(variable=v) > 0).all()]


def _row_name(ds: xr.Dataset, variable: str) -> str:
    one = ds.sel(variable=variable)
    return f"{style.named(variable)}\n{float(one['control']):.2f} → {float(one['full']):.2f}"
