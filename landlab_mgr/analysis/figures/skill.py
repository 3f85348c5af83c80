"""The picture of `skill`: a row for each setup. JAX-free."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from landlab_mgr.analysis.figures import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FLOOR = -1.0
"""Worse than this is no worse for the mean of all: R2 has no lower bound."""


def figure(ds: xr.Dataset) -> "Figure":
    """Draw a row for each setup: the mean over its runs of each variable.

    Few variables are marks among the runs, many a table.
    """
    return _marks(ds) if ds.sizes["variable"] <= len(style.PALETTE) else _coloured_table(ds)


def _coloured_table(ds: xr.Dataset) -> "Figure":
    """Draw setup by variable, each cell with the mean over the runs.

    The first column is the mean of all variables.
    """
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.figure import Figure

    row_of, setups = _rows(ds)
    values = np.array([[_mean(x) for x in ds["skill"].values[row_of == row].T] for row in range(len(setups))])
    cells = np.column_stack([_mean_of_rows(np.maximum(values, FLOOR)), values])
    columns = ["mean", *(style.named(v) for v in ds["variable"].values)]
    fig = Figure(figsize=(3.2 + 0.72 * len(columns), 2.2 + 0.34 * len(setups)), layout="constrained")
    ax = fig.add_subplot()
    stops = [(0, "#e08214"), (0.5, "#ffffff"), (0.75, "#6baed6"), (1, "#08306b")]
    colours = LinearSegmentedColormap.from_list("skill", stops).with_extremes(bad="#dddddd")
    mesh = ax.pcolormesh(
        np.ma.masked_invalid(cells), cmap=colours, vmin=FLOOR, vmax=1, edgecolor="white", linewidth=1
    )
    for (row, column), value in np.ndenumerate(cells):
        text = f"{value:.2f}" if np.isfinite(value) else "–"
        ink = "white" if value > 0.6 else "0.15"
        weight = "bold" if column == 0 else "normal"
        ax.text(
            column + 0.5, row + 0.5, text, ha="center", va="center", fontsize=8, color=ink, fontweight=weight
        )
    ax.axvline(1, color="white", linewidth=6)
    ax.set_yticks(np.arange(len(setups)) + 0.5, setups)
    ax.set_xticks(np.arange(len(columns)) + 0.5, columns, rotation=35, ha="right", rotation_mode="anchor")
    ax.tick_params(length=0)
    ax.invert_yaxis()
    ax.spines[:].set_visible(False)
    label = f"{_label(ds.attrs)}, {_averaged(ds)}"
    bar = fig.colorbar(
        mesh, ax=ax, orientation="horizontal", shrink=0.6, aspect=40, extend="min", label=label
    )
    bar.outline.set_visible(False)
    style.entitle(ax, _title(ds), ds.attrs)
    note = f"below {FLOOR:g} counts as {FLOOR:g} in the mean"
    if np.nanmin(values) < FLOOR:
        ax.annotate(
            note, (1, 1), (0, 18), "axes fraction", "offset points", ha="right", fontsize=7, color="0.4"
        )
    return fig


def _mean_of_rows(x: np.ndarray) -> np.ndarray:
    there = np.isfinite(x)
    return np.where(
        there.any(axis=1), np.where(there, x, 0).sum(axis=1) / np.maximum(there.sum(axis=1), 1), np.nan
    )


def _marks(ds: xr.Dataset) -> "Figure":
    from matplotlib.figure import Figure

    values, variables = ds["skill"].values, list(ds["variable"].values)
    row_of, setups = _rows(ds)
    each = ds.attrs["of"] == "member"
    fig = Figure(figsize=(8.5, 1.9 + 0.32 * len(setups)), layout="constrained")
    ax = fig.add_subplot()
    lowest = float(np.nanmin(values))
    floor = max(FLOOR, min(0.0, lowest - 0.05))
    rows = np.arange(len(setups))
    for row in rows[::2]:
        ax.axhspan(row - 0.5, row + 0.5, color="0.96", linewidth=0)
    overall = [_mean(np.clip(values[row_of == row], floor, None)) for row in rows]
    ax.scatter(overall, rows, s=420, color="black", marker="|", linewidths=1.8, label="mean of all", zorder=4)
    for i, variable in enumerate(variables):
        x = np.where(values[:, i] < floor, np.nan, values[:, i])
        offset = (i - (len(variables) - 1) / 2) * 0.8 / max(len(variables), 7)
        colour = style.PALETTE[i % len(style.PALETTE)]
        marker = style.MARKERS[(i + i // len(style.MARKERS)) % len(style.MARKERS)]
        if each:
            ax.scatter(x, row_of + offset, s=7, color=colour, alpha=0.45, linewidths=0)
        means = [_mean(values[row_of == row, i]) for row in rows]
        ax.scatter(
            means, rows + offset, s=34, color=colour, marker=marker, label=style.named(variable), zorder=3
        )
    ax.set_yticks(rows, setups)
    ax.set_xlim(floor, 1.0)
    ax.set_xlabel(f"{_label(ds.attrs)} ({'large: ' * each}{_averaged(ds)})")
    style.quiet(ax)
    ax.set_ylim(len(setups) - 0.5, -0.5)
    style.entitle(ax, _title(ds), ds.attrs)
    columns = len(variables) + 1 if len(variables) < 7 else 4
    fig.legend(loc="outside lower center", ncols=columns, frameon=False)
    if lowest < floor:
        note = f"below {floor:g}: not drawn, {floor:g} in the mean of all"
        ax.annotate(note, (0, 0), (4, 4), "axes fraction", "offset points", fontsize=7, color="0.4")
    return fig


def _rows(ds: xr.Dataset) -> tuple[np.ndarray, list[str]]:
    """Return the index of each entry's setup, and the setups, in their order."""
    setups = [str(s) for s in dict.fromkeys(ds["setup"].values)]
    return np.array([setups.index(s) for s in ds["setup"].values]), setups


def _title(ds: xr.Dataset) -> str:
    of = "members" if ds.attrs["of"] == "member" else "ensemble means"
    synthetic = ", synthetic data" if ds.attrs["synthetic"] else ""
    return f"Skill of {of} by predictor set ({int(ds['members'].sum())} runs{synthetic})"


def _label(attrs: Mapping[str, Any]) -> str:
    if attrs["level"] not in ("trend", "anomaly"):
        return style.skill_label(attrs)
    what = {"trend": "linear trends of pixels", "anomaly": "anomalies from the seasonal cycle"}[
        attrs["level"]
    ]
    return f"{style.skill_label({**attrs, 'level': 'flat'})}, {what}"


def _averaged(ds: xr.Dataset) -> str:
    """Tell what a setup's number is.

    A mean of scores, or the score of a mean.
    """
    row_of, _ = _rows(ds)
    counts = np.bincount(row_of, ds["members"].values).astype(int)
    few, many = int(counts.min()), int(counts.max())
    runs = f"{many} run{'s' * (many > 1)}" if few == many else f"{few} to {many} runs"
    if ds.attrs["of"] == "member":
        return f"mean of {runs}"
    return f"{'out-of-bag ' * (ds.attrs['split'] == 'dev')}ensemble mean of {runs}"


def _mean(x: np.ndarray) -> float:
    there = x[np.isfinite(x)]
    return float(there.mean()) if there.size else float("nan")
