"""The picture of `benchmark`: every model's skill, and the differences to the reference. JAX-free."""

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from landlab_mgr.analysis.figures import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FLOOR = -1.0
"""R2 has no lower bound; worse than this is not drawn."""
TITLES = {"withheld": "withheld months", "test": "held-out cells"}


def figure(ds: xr.Dataset) -> "Figure":
    """Draw a row of panels for each split.

    R2 of the models by variable, and R2 less the reference's, with intervals.
    """
    from matplotlib.figure import Figure

    models = list(ds["model"].values)
    one = ds.sel(statistic="R2", drop=True)
    parts = [one.sel(split=part, variable=one["cells"].sel(split=part) > 0) for part in one["split"].values]
    counts = [part.sizes["variable"] for part in parts]
    height = 1.5 + 0.5 * len(parts) + sum(counts) * (0.24 + 0.14 * max(len(models), 2))
    fig = Figure(figsize=(9.2, height), layout="constrained")
    shapes: dict[str, Any] = {"width_ratios": (1.25, 1), "height_ratios": counts}
    axes = fig.subplots(len(parts), 2, squeeze=False, sharey="row", **shapes)
    floor = max(FLOOR, min(0.0, float(np.nanmin(one["skill_low"].values)) - 0.03))
    for (left, right), of in zip(axes, parts, strict=True):
        _marks(left, of, "skill", floor)
        _marks(right, of, "difference", FLOOR)
        right.axvline(0, color="0.4", linewidth=1, zorder=1)
        names = [
            f"{style.named(str(v))}\n{int(n):,} months"
            for v, n in zip(of["variable"].values, of["months"].values, strict=True)
        ]
        left.set_yticks(range(len(names)), names)
        cells = of["cells"].values
        several = f"{cells.min()} to {cells.max()}" if cells.min() < cells.max() else str(cells.max())
        left.set_title(f"{TITLES[str(of['split'].values)]} ({several} cells)", loc="left", fontsize=10)
        left.set_ylim(len(names) - 0.5, -0.5)
        left.set_xlim(left=floor, right=1.0)
        right.xaxis.get_major_locator().set_params(nbins=5)
    axes[-1, 0].set_xlabel("R2 of ensemble means (1 = perfect)")
    axes[-1, 1].set_xlabel(f"R2 less that of {ds.attrs['reference']}")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    columns = min(len(models), 3 if max(map(len, labels)) < 34 else 2)
    fig.legend(handles, labels, loc="outside lower center", ncols=columns, frameon=False)
    synthetic = ", synthetic data" if ds.attrs["synthetic"] else ""
    runs = int(ds["runs"].sum())
    what = f"Models on what they have not seen ({runs} runs{synthetic}; bars: 95 % bootstrap intervals over cells)"
    style.headline(fig, what, ds.attrs)
    return fig


def _marks(ax: "Axes", of: xr.Dataset, what: str, floor: float) -> None:
    """Draw a mark with its interval for each variable and model.

    Models are below one another.
    """
    models, runs = list(of["model"].values), of["runs"].values
    rows = np.arange(of.sizes["variable"])
    for row in rows[::2]:
        ax.axhspan(row - 0.5, row + 0.5, color="0.96", linewidth=0)
    for i, model in enumerate(models):
        at = of.sel(model=model)
        x, low, high = (at[f"{what}{end}"].values for end in ("", "_low", "_high"))
        drawn = np.isfinite(x) & (x >= floor)
        y = (rows + (i - (len(models) - 1) / 2) * 0.8 / max(len(models), 3))[drawn]
        colour, marker = style.PALETTE[i % len(style.PALETTE)], style.MARKERS[i % len(style.MARKERS)]
        ax.hlines(y, np.maximum(low[drawn], floor), high[drawn], color=colour, alpha=0.55, linewidth=2)
        label = f"{model} ({runs[i]} run{'' if runs[i] == 1 else 's'})"
        ax.scatter(x[drawn], y, s=30, color=colour, marker=marker, zorder=3, label=label)
    style.quiet(ax)
