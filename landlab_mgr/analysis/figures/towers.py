"""Figure of `towers`: modelled against observed site means."""

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from landlab_mgr.analysis.figures import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SITES = ("all", "held out")


def text(x: float) -> str:
    """Write a statistic with two decimals."""
    return f"{x:.2f}" if np.isfinite(x) else "undefined"


def figure(ds: xr.Dataset) -> "Figure":
    """For each flux the sites' means, ensemble mean against observed; held-out ones with the members' sd."""
    from matplotlib.figure import Figure

    n = ds.sizes["variable"]
    across = min(n, 2)
    down = -(-n // across)
    sd_of = ", bars: sd of the members" if ds.sizes["run"] > 1 else ""
    fig = Figure(figsize=(4.4 * across, 0.9 + 4.2 * down), layout="constrained")
    for i, name in enumerate(ds["variable"].values):
        one = ds.sel(variable=name)
        ax = fig.add_subplot(down, across, i + 1)
        x, y, sd = (one[v].values for v in ("observed", "modelled", "spread"))
        sd = np.where(ds["held_out"].values, np.nan_to_num(sd), 0.0)
        low, high = _range(np.concatenate([x, y - sd, y + sd]))
        ax.plot([low, high], [low, high], color="0.5", linewidth=1, zorder=1)
        held_out = ds["held_out"].values
        here, there = np.isfinite(x) & held_out, np.isfinite(x) & ~held_out
        bars: dict[str, Any] = {
            "fmt": "none",
            "ecolor": style.PALETTE[1],
            "alpha": 0.5,
            "linewidth": 0.9,
            "zorder": 2,
        }
        ax.errorbar(x[here], y[here], sd[here], **bars)
        marks: dict[str, Any] = {"s": 22, "edgecolor": "white", "linewidth": 0.4, "zorder": 3}
        ax.scatter(
            x[here], y[here], color=style.PALETTE[1], marker="D", label=f"held-out sites{sd_of}", **marks
        )
        ax.scatter(x[there], y[there], color="0.6", label="other sites", **marks | {"zorder": 1})
        ax.set(xlim=(low, high), ylim=(low, high), aspect="equal")
        ax.set_xlabel(f"observed {style.named(name)} ({one['units'].item()})")
        ax.set_ylabel(f"modelled {style.named(name)} ({one['units'].item()})")
        lines = []
        for sites in SITES:
            count = int(one["n_sites"].sel(sites=sites))
            r = text(float(one["mean"].sel(sites=sites, statistic="r")))
            lines.append(f"{sites}: r = {r} (n = {count})" if count else f"{sites}: none")
        ax.set_title("   ".join(lines), loc="left", fontsize=9)
        ax.spines[["top", "right"]].set_visible(False)
    handles, labels = fig.axes[0].get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False)
    runs = f"mean of {ds.sizes['run']} runs of {ds.attrs['setup']}"
    synthetic = ", synthetic data" if ds.attrs["synthetic"] else ""
    style.headline(fig, f"Site means at towers: {runs}{synthetic}", ds.attrs)
    return fig


def _range(x: np.ndarray) -> tuple[float, float]:
    low, high = float(np.nanmin(x)), float(np.nanmax(x))
    margin = 0.05 * (high - low) or 1.0
    return low - margin, high + margin
