"""Figure of `curve`: skill and spread against ensemble size."""

from typing import TYPE_CHECKING

import xarray as xr

from landlab_mgr.analysis.figures import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def figure(ds: xr.Dataset) -> "Figure":
    """For each variable the skill of means of subsets, median and 5-95 %; last the spread between them, of all."""
    from matplotlib.figure import Figure

    names, n = list(ds["variable"].values), int(ds["size"].max())
    panels = len(names) + 1
    across = min(4, panels) if panels > 4 else 2
    down = -(-panels // across)
    fig = Figure(figsize=(3.1 * across, 1.1 + 2.5 * down), layout="constrained")
    axes = fig.subplots(down, across, squeeze=False, sharex=True).ravel()
    size = ds["size"].values
    for i, (ax, name) in enumerate(zip(axes, names, strict=False)):
        low, middle, high = ds["skill"].sel(variable=name).transpose("quantile", "size").values
        colour = style.PALETTE[0]
        ax.fill_between(size, low, high, color=colour, alpha=0.2, linewidth=0, label="5-95 % of subsets")
        ax.plot(size, middle, color=colour, marker="o", markersize=3, label="median of subsets")
        ax.axvline(
            n // 2, color="0.6", linestyle="--", linewidth=0.9, label=f"half of the members ({n // 2})"
        )
        floor = min(-0.05, float(middle.min()) - 0.05)
        ax.set_ylim(bottom=max(float(low.min()) - 0.02, floor) if low.min() < floor else None)
        ax.set_title(style.named(name), loc="left", fontsize=10)
        if i % across == 0:
            ax.set_ylabel(ds.attrs["statistic"])
    last = axes[len(names)]
    for i, name in enumerate(names):
        relative = ds["spread"].sel(variable=name).values / float(ds["observed_sd"].sel(variable=name))
        colour, marker = style.PALETTE[i % len(style.PALETTE)], style.MARKERS[i // len(style.PALETTE)]
        last.plot(
            size[:-1], relative[:-1], color=colour, marker=marker, markersize=3, label=style.named(name)
        )
    last.set_ylim(bottom=0)
    last.set_title("spread of subset means\n/ sd of observations", loc="left", fontsize=10)
    last.legend(fontsize=7, frameon=False, ncols=1 + (len(names) > 7))
    for ax in axes[: len(names) + 1]:
        ax.grid(axis="y", color="0.92")
        ax.set_axisbelow(True)
        ax.spines[["top", "right"]].set_visible(False)
        ax.xaxis.get_major_locator().set_params(integer=True)
        ax.tick_params(labelbottom=True)
        ax.set_xlabel("members")
    for ax in axes[len(names) + 1 :]:
        ax.set_visible(False)
    handles, labels = axes[0].get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False)
    synthetic = ", synthetic data" if ds.attrs["synthetic"] else ""
    what = f"{style.skill_label(ds.attrs)} of means of 1 to {n} runs of {ds.attrs['setup']}{synthetic}"
    style.headline(fig, what, ds.attrs)
    return fig
