"""Ensembles: what a rule kept of which candidates, and sets of runs that analyses and maps can be about."""

import html
import re
import shlex
from collections import Counter
from dataclasses import dataclass

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from landlab_mgr.analysis import selection
from landlab_mgr.analysis.base import Ensemble, completed
from landlab_mgr.catalog import Catalog
from landlab_mgr.catalog.events import Version
from landlab_mgr.catalog.records import EnsembleRecord
from landlab_mgr.workspace.workspace import Workspace
from parts import figures, reading, text

LOSSES = {"train_loss": "train", "dev_loss": "dev"}
ROW, AROUND = 24, 110
"""Height of a setup and of what is around them, in pixels."""


@dataclass(frozen=True)
class Choice:
    """Runs that something may be about: a key for the address, a name, and the filter that finds them."""

    key: str
    label: str
    filter: str


def quoted(name: str) -> str:
    """A name as the filter grammar takes it."""
    return "'" + name.replace("'", "''") + "'"


def shell(filter: str) -> str:
    """A filter as a shell takes it: in double quotes, as people write it, where nothing in it is special."""
    return shlex.quote(filter) if re.search(r'["$`\\!]', filter) else f'"{filter}"'


def choices(root: str, database: str, run_id: str | None = None) -> list[Choice]:
    """Ensembles, newest first, then grids, then all runs; and before them one run, where an id is given."""
    contents = reading.contents(root, database)
    found = [
        Choice(f"ensemble:{e.name}", f"ensemble {e.name}", f"ensemble = {quoted(e.name)}")
        for e in reversed(records(root, database))
    ]
    found += [Choice(f"grid:{g.name}", f"grid {g.name}", f"grid = {quoted(g.name)}") for g in contents.grids]
    found.append(Choice("all", "every completed run", ""))
    if run_id:
        found.insert(0, Choice(f"run:{run_id}", f"run {run_id[:8]}", f"run = {quoted(run_id)}"))
    return found


def members(root: str, database: str, filter: str) -> pd.DataFrame:
    """Completed runs that a filter holds for, as `Catalog.outline`; `model`, and `setup`, what tells setups apart."""
    return _members(root, database, filter, reading.version(root, database))


@st.cache_data(max_entries=16, show_spinner=False)
def _members(root: str, database: str, filter: str, version: Version) -> pd.DataFrame:
    workspace = Workspace.at(root, database)
    with workspace.open(read_only=True) as catalog:
        runs = catalog.outline(completed(filter))
        setups = Ensemble(workspace, catalog, filter, runs).setups() if len(runs) else []
        first = dict(zip(reversed(setups), reversed(list(runs["run_id"])), strict=True))
        specs = catalog.specs(list(first.values()))
        return runs.assign(setup=setups, model=[specs[first[setup]].model for setup in setups])


def labels(root: str, database: str, filter: str) -> list[str]:
    """Labels of the completed runs that a filter holds for."""
    return _labels(root, database, filter, reading.version(root, database))


@st.cache_data(max_entries=16, show_spinner=False)
def _labels(root: str, database: str, filter: str, version: Version) -> list[str]:
    with Workspace.at(root, database).open(read_only=True) as catalog:
        return catalog.labels(completed(filter))


def skilled(root: str, database: str, run_ids: tuple[str, ...]) -> list[str]:
    """Variables of which some of these runs has skill on dev."""
    return _skilled(root, database, run_ids, reading.version(root, database))


@st.cache_data(max_entries=16, show_spinner=False)
def _skilled(root: str, database: str, run_ids: tuple[str, ...], version: Version) -> list[str]:
    with Workspace.at(root, database).open(read_only=True) as catalog:
        return catalog.skilled(run_ids)


def records(root: str, database: str) -> list[EnsembleRecord]:
    """All ensembles, oldest first."""
    return reading.recorded(root, database, "ensembles")


def candidates(root: str, database: str, name: str) -> pd.DataFrame:
    """Every candidate of an ensemble, a row each, those of a setup together, best first.

    Columns: setup (what tells it apart), seed, rank, score, kept, reason, train_loss, dev_loss, run_id.
    """
    return _candidates(root, database, name, reading.version(root, database))


@st.cache_data(max_entries=8, show_spinner=False)
def _candidates(root: str, database: str, name: str, version: Version) -> pd.DataFrame:
    with Workspace.at(root, database).open(read_only=True) as catalog:
        made = catalog.ensemble(name)
        table = selection.table(catalog, made) if "grid" in made.rule else _plain(catalog, made)
        runs = catalog.runs(made.filter).set_index("run_id")
    table = table.join(runs[list(LOSSES)], on="run_id")
    table["setup"] = text.setups(table["setup"], table.pop("variant"))
    return table[["setup", "seed", "rank", "score", "kept", "reason", *LOSSES, "run_id"]]


def _plain(catalog: Catalog, made: EnsembleRecord) -> pd.DataFrame:
    """The candidates of an ensemble that was made in Python, whatever its rule."""
    runs = catalog.runs().set_index("run_id")
    table = pd.DataFrame([vars(m) | {"kept": m.kept} for m in made.members])
    table = table.join(runs[["label", "seed"]], on="run_id").rename(columns={"label": "setup"})
    return table.assign(variant="").sort_values(["setup", "rank"], kind="stable").reset_index(drop=True)


def looks(root: str, database: str) -> pd.DataFrame:
    """Every time that test or withheld skill was looked at, newest first: time, splits, runs, filter."""
    found = reading.events(root, database, ("read_test",), 1000)
    detail = [d or {} for d in found["detail"]]
    return pd.DataFrame(
        {
            "time": found["time"],
            "splits": [", ".join(d.get("splits", ())) for d in detail],
            "runs": [d.get("runs") for d in detail],
            "filter": [d.get("filter") or "" for d in detail],
        }
    )


def by_setup(table: pd.DataFrame) -> pd.DataFrame:
    """A row for each setup: how many are kept of how many, the best score, and why the others are not."""
    rows = []
    for setup, part in table.groupby("setup", sort=False):
        why = Counter(str(reason).split()[0].rstrip(":") for reason in part["reason"].dropna())
        rows.append(
            {
                "setup": setup,
                "kept": int(part["kept"].sum()),
                "candidates": len(part),
                "best score": part.loc[part["rank"].idxmin(), "score"],
                "dropped for": ", ".join(f"{n} {reason}" for reason, n in why.items()),
            }
        )
    return pd.DataFrame(rows)


def losses(table: pd.DataFrame, loss: str) -> go.Figure:
    """The loss of every candidate in its setup's row: kept ones filled, dropped ones open, a line at the median."""
    setups = list(dict.fromkeys(table["setup"]))
    row = {setup: place for place, setup in enumerate(setups)}
    figure = figures.blank(height=AROUND + ROW * max(3, len(setups)))
    finite = table[np.isfinite(table[loss])]
    dropped = {"color": figures.GREY, "symbol": "circle-open", "size": 8, "line": {"width": 1.5}}
    kept = {"color": figures.MODEL, "size": 8, "opacity": 0.85}
    for is_kept, name, marker in ((False, "dropped", dropped), (True, "kept", kept)):
        part = finite[finite["kept"] == is_kept]
        if part.empty:
            continue
        why = ["kept" if pd.isna(reason) else html.escape(str(reason)) for reason in part["reason"]]
        names = [html.escape(setup) for setup in part["setup"]]
        figure.add_scatter(
            x=part[loss],
            y=[row[setup] for setup in part["setup"]],
            mode="markers",
            name=name,
            marker=marker,
            customdata=np.column_stack([part["seed"], part["rank"], why, names]),
            hovertemplate="%{customdata[3]}<br>seed %{customdata[0]}, rank %{customdata[1]}: %{customdata[2]}"
            "<br>%{x:.4g}<extra></extra>",
        )
    median = finite[finite["kept"]].groupby("setup")[loss].median()
    figure.add_scatter(
        x=median.to_numpy(),
        y=[row[setup] for setup in median.index],
        mode="markers",
        name="median of the kept",
        marker={"symbol": "line-ns-open", "size": 16, "color": figures.VERMILION, "line": {"width": 2}},
        hovertemplate="median of the kept %{x:.4g}<extra></extra>",
    )
    ticks = round_numbers(finite[loss])
    figure.update_xaxes(
        title=f"weighted {LOSSES[loss]} loss per pixel (1)",
        type="log",
        tickvals=ticks,
        ticktext=[f"{tick:,g}" for tick in ticks],
    )
    rows(figure, setups)
    return figure


def rows(figure: go.Figure, names: list[str]) -> None:
    """Name the rows 0, 1, ... of a figure, the first one at the top."""
    figure.update_yaxes(
        tickvals=list(range(len(names))),
        ticktext=[html.escape(name) for name in names],
        range=[len(names) - 0.5, -0.5],
        automargin=True,
    )


def round_numbers(values: pd.Series | np.ndarray) -> list[float]:
    """Ticks for a logarithmic axis over positive values: 1, 2, 5, 10, 20, ..., fewer over many decades."""
    values = np.asarray(values, float)
    values = values[np.isfinite(values) & (values > 0)]
    if not values.size:
        return []
    low, high = np.floor(np.log10(values.min())), np.ceil(np.log10(values.max()))
    steps = (1, 2, 5) if high - low <= 3 else (1,)
    ticks = [float(step * 10**power) for power in np.arange(low, high + 1) for step in steps]
    inside = [tick for tick in ticks if 0.9 * values.min() <= tick <= 1.1 * values.max()]
    return inside if len(inside) > 1 else ticks
