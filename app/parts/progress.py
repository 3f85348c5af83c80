"""Progress of a grid: its cells by setup and seed, how many runs are in which state, how long the rest will take."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from parts import text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIGNED_SEEDS = 40
"""Up to so many seeds a cell has room for a sign; of more, colour and hovering tell."""
COLUMN = 30
"""Width of a column of cells, in pixels, where there is room."""
LEAST, MOST = 340, 1300
"""Widths between which a figure is."""


@dataclass(frozen=True)
class Cells:
    """The runs of a grid laid out: `state` and `run_id` [setup, seed], "" where there is no run."""

    setups: tuple[str, ...]
    seeds: tuple[int, ...]
    state: np.ndarray
    run_id: np.ndarray


def cells(runs: pd.DataFrame, variants: dict[str, str]) -> Cells:
    """Lay out the runs of a grid; `variants` says what the grid's axes set, by run_id, where it has some.

    Setups come in the order in which they run. Of several runs in a place the last registered is shown.
    """
    said = runs["run_id"].map(lambda run_id: variants.get(run_id, "")).astype(str)
    rows, setups = pd.factorize(text.setups(runs["label"], said))
    columns, seeds = pd.factorize(runs["seed"], sort=True)
    state = np.full((len(setups), len(seeds)), "", object)
    run_id = state.copy()
    state[rows, columns] = runs["state"]
    run_id[rows, columns] = runs["run_id"]
    return Cells(tuple(setups), tuple(int(s) for s in seeds), state, run_id)


def seconds_left(runs: pd.DataFrame, epoch_seconds: float | None) -> float | None:
    """Time that the pending and running runs take if as many go on side by side as now; None where nobody knows."""
    going = int((runs["state"] == "running").sum())
    if not going or epoch_seconds is None:
        return None
    left = runs[runs["state"].isin(["running", "pending"])]
    return float((left["epochs_planned"] - left["epochs"]).sum()) * epoch_seconds / going


def width(what: Cells) -> int:
    """Width of the cells on a page, in pixels, where the page is that wide."""
    names = 7.5 * max(len(name) for name in what.setups)
    return int(min(max(LEAST, names + 40 + COLUMN * len(what.seeds)), MOST))


def drawn(what: Cells, title: str) -> "Figure":
    """The cells as a figure for a file, with what the colours mean."""
    from matplotlib.colors import BoundaryNorm, ListedColormap
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    codes = {state: code for code, state in enumerate(text.STATES)}
    values = np.array([[codes.get(state, np.nan) for state in row] for row in what.state], float)
    seeds, setups = len(what.seeds), len(what.setups)
    figure = Figure(figsize=(min(14, 3 + 0.28 * max(seeds, 12)), 1.4 + 0.24 * setups), layout="constrained")
    ax = figure.add_subplot()
    colours, norm = (
        ListedColormap(list(text.FILLS.values())),
        BoundaryNorm(np.arange(len(codes) + 1) - 0.5, len(codes)),
    )
    ax.pcolormesh(
        values, cmap=colours, norm=norm, edgecolor="white", linewidth=1 if seeds <= SIGNED_SEEDS else 0
    )
    if seeds <= SIGNED_SEEDS:
        for (row, column), state in np.ndenumerate(what.state):
            if state:
                ax.text(column + 0.5, row + 0.5, text.STATES[state][0], ha="center", va="center", fontsize=8)
    every = max(1, -(-seeds // 20))
    ax.set_xticks(np.arange(0, seeds, every) + 0.5, [str(seed) for seed in what.seeds[::every]])
    ax.set_yticks(np.arange(setups) + 0.5, what.setups)
    ax.invert_yaxis()
    ax.tick_params(length=0, labelsize=8)
    ax.spines[:].set_visible(False)
    ax.set_xlabel("seed")
    ax.set_title(title, loc="left", fontsize=10, parse_math=False)
    there = [state for state in codes if (what.state == state).any()]
    keys = [Patch(color=text.FILLS[s], label=f"{text.state(s)} ({(what.state == s).sum():,})") for s in there]
    figure.legend(handles=keys, loc="outside lower center", ncols=len(keys), frameon=False, fontsize=8)
    return figure
