"""Tuning studies: what the package's summary says of one, as figures."""

import html
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from landlab_mgr.catalog.records import StudyRecord, WeightSetRecord
from landlab_mgr.workspace.workspace import Workspace
from parts import figures, reading
from parts.ensembles import round_numbers, rows

if TYPE_CHECKING:
    from landlab_mgr.tuning.summary import Summary

SECONDS = 20
"""Greatest age of a study's summary while it goes on: Optuna tells the catalog nothing of its trials."""
BEST = 10
"""Trials that the parallel view shows."""
STATES = {
    "complete": "complete",
    "pruned": "pruned",
    "fail": "failed",
    "running": "running",
    "waiting": "waiting",
}


def records(root: str, database: str) -> list[StudyRecord]:
    """All studies, newest first."""
    return reading.recorded(root, database, "studies")[::-1]


def weight_sets(root: str, database: str) -> list[WeightSetRecord]:
    """Weights with a name."""
    return reading.recorded(root, database, "weight_sets")


def summary(root: str, database: str, name: str) -> "Summary":
    """A study as it stands, on train and dev; LandlabError where it has no trial yet."""
    return _summary(root, database, name, reading.version(root, database).last_event)


@st.cache_resource(max_entries=8, ttl=SECONDS, show_spinner="Reading the study…")
def _summary(root: str, database: str, name: str, last_event: int) -> "Summary":
    from landlab_mgr.tuning import summary  # Optuna, which the other pages do without

    workspace = Workspace.at(root, database)
    with workspace.open(read_only=True) as catalog:
        return summary.summarise(workspace, catalog, name)


def history(found: "Summary", objective: str) -> go.Figure:
    """The objective of every trial, and the best so far among those that keep the constraint."""
    trials = found.trials
    figure = figures.blank(height=360)
    complete = trials["state"] == "complete"
    kinds = (
        ("complete", complete & trials["feasible"], figures.MODEL, "circle"),
        ("breaks the constraint", complete & ~trials["feasible"], figures.VERMILION, "x"),
        ("pruned, early in its training", trials["state"] == "pruned", figures.GREY, "circle-open"),
    )
    for name, of_kind, colour, symbol in kinds:
        part = trials[of_kind & np.isfinite(trials[objective])]
        if part.empty:
            continue
        figure.add_scatter(
            x=part["trial"],
            y=part[objective],
            mode="markers",
            name=name,
            marker={"color": colour, "symbol": symbol, "size": 8, "line": {"width": 1.4, "color": colour}},
            hovertemplate="trial %{x}: %{y:.4f}<extra></extra>",
        )
    good = trials[complete & trials["feasible"]].sort_values("trial")
    if len(good) and len(found.spec.objectives) == 1:
        figure.add_scatter(
            x=np.repeat(good["trial"], 2)[1:],  # in steps
            y=np.repeat(good[objective].cummax(), 2)[:-1],
            mode="lines",
            name="best so far",
            line={"color": figures.GREEN, "width": 2},
            hovertemplate="best until trial %{x}: %{y:.4f}<extra></extra>",
        )
    figure.update_xaxes(title="trial")
    figure.update_yaxes(title=f"{html.escape(objective)} on dev (1)")
    return figure


def importances(found: "Summary") -> go.Figure:
    """Share of the objective's variance over the space that each number explains alone."""
    table = found.numbers[["number", "importance"]].dropna().sort_values("importance", ascending=False)
    places = np.arange(len(table))
    figure = figures.blank(height=100 + 28 * len(table))
    share = table["importance"].to_numpy()
    figure.add_scatter(
        x=np.column_stack([np.zeros(len(share)), share, np.full(len(share), np.nan)]).ravel(),
        y=np.repeat(places, 3),
        mode="lines",
        line={"color": figures.MODEL, "width": 2},
        hoverinfo="skip",
        showlegend=False,
    )
    figure.add_scatter(
        x=share,
        y=places,
        mode="markers",
        marker={"color": figures.MODEL, "size": 10},
        hovertemplate="%{x:.3f}<extra></extra>",
        showlegend=False,
    )
    figure.update_xaxes(title="share of the variance (fANOVA)", rangemode="tozero")
    rows(figure, [plain(key) for key in table["number"]])
    return figure


def parallel(found: "Summary") -> go.Figure:
    """Values that the best trials drew, each number in multiples of trial 0's, between the ends of the space."""
    space, start = found.spec.space, found.spec.start()
    names = [html.escape(plain(key)) for key in space]
    places = list(range(len(names)))
    figure = figures.blank(height=420)
    ends = np.array([[low / start[key], high / start[key]] for key, (low, high) in space.items()])
    for place, (low, high) in zip(places, ends, strict=True):
        figure.add_scatter(
            x=[place, place],
            y=[low, high],
            mode="lines",
            line={"color": "rgba(138,146,156,0.3)", "width": 10},
            hoverinfo="skip",
            showlegend=False,
        )
    best = best_trials(found)
    for place, row in reversed(list(enumerate(best.to_dict("records")))):
        first = place == 0
        colour = figures.VERMILION if first else figures.faint(figures.MODEL, 0.55)
        figure.add_scatter(
            x=places,
            y=[row[key] / start[key] for key in space],
            mode="lines+markers",
            name=f"trial {row['trial']}"
            + (", the best" if first and len(found.spec.objectives) == 1 else ""),
            line={"color": colour, "width": 3 if first else 1.2},
            marker={"size": 7 if first else 4, "color": colour},
            customdata=[[name, row[found.spec.objectives[0].name]] for name in names],
            hovertemplate=f"trial {row['trial']}<br>%{{customdata[0]}}: %{{y:.3g}} times trial 0's"
            "<br>objective %{customdata[1]:.4f}<extra></extra>",
            showlegend=first or place == 1,
            legendgroup="first" if first else "others",
        )
    if len(best) > 1:
        figure.data[-2].name = f"the {len(best) - 1} next"
    figure.add_scatter(
        x=places,
        y=np.ones(len(names)),
        mode="lines",
        name="trial 0",
        line={"color": figures.GREEN, "dash": "dash", "width": 2},
        hoverinfo="skip",
    )
    ticks = round_numbers(ends.ravel())
    figure.update_yaxes(
        type="log", title="multiple of trial 0's (1)", tickvals=ticks, ticktext=[f"{t:g}" for t in ticks]
    )
    figure.update_xaxes(tickvals=places, ticktext=names, range=[-0.4, len(names) - 0.6], automargin=True)
    return figure


def best_trials(found: "Summary") -> pd.DataFrame:
    """The best trials that keep the constraint, best first; of several objectives, the Pareto front's."""
    if len(found.spec.objectives) > 1:
        return found.pareto.head(BEST)
    trials = found.trials[(found.trials["state"] == "complete") & found.trials["feasible"]]
    return trials.sort_values([found.spec.objectives[0].name, "trial"], ascending=[False, True]).head(BEST)


def pareto(found: "Summary", x: str, y: str) -> go.Figure:
    """Two objectives of every trial; those that none beats in all objectives stand out."""
    trials = found.trials[found.trials["state"] == "complete"]
    front = trials["trial"].isin(found.pareto["trial"]) if len(found.pareto) else trials["trial"] < 0
    figure = figures.blank(height=400)
    for name, part, colour, size in (
        ("beaten by another", trials[~front], figures.GREY, 7),
        ("Pareto front", trials[front], figures.VERMILION, 10),
    ):
        figure.add_scatter(
            x=part[x],
            y=part[y],
            mode="markers",
            name=name,
            marker={"color": colour, "size": size, "symbol": "circle" if size > 8 else "circle-open"},
            customdata=part["trial"],
            hovertemplate="trial %{customdata}<br>%{x:.4f}<br>%{y:.4f}<extra></extra>",
        )
    figure.update_xaxes(title=f"{html.escape(x)} on dev (1)")
    figure.update_yaxes(title=f"{html.escape(y)} on dev (1)")
    return figure


def gains(gain: pd.DataFrame) -> go.Figure:
    """The gain of the best trial over trial 0 on fresh seeds, with its 95 % interval, a row for each score."""
    table = gain.reset_index(drop=True)
    figure = figures.blank(height=110 + 28 * len(table))
    figure.add_scatter(
        x=[0, 0],
        y=[-0.5, len(table) - 0.5],
        mode="lines",
        line={"color": figures.GREY, "width": 1, "dash": "dash"},
        hoverinfo="skip",
        showlegend=False,
    )
    away = (table["low"] > 0) | (table["high"] < 0)
    kinds = (
        (True, "interval without 0", figures.MODEL, "circle"),
        (False, "interval with 0", figures.GREY, "circle-open"),
    )
    for told, name, colour, symbol in kinds:
        part = table[away == told]
        if part.empty:
            continue
        ends = np.column_stack([part["low"], part["high"], np.full(len(part), np.nan)]).ravel()
        line = {"color": colour, "width": 1.6}
        figure.add_scatter(
            x=ends, y=np.repeat(part.index, 3), mode="lines", line=line, hoverinfo="skip", showlegend=False
        )
        figure.add_scatter(
            x=part["gain"],
            y=part.index,
            mode="markers",
            name=name,
            marker={"color": colour, "size": 9, "symbol": symbol},
            customdata=part[["low", "high", "seeds"]],
            hovertemplate="%{x:+.3f}<br>[%{customdata[0]:.3f}, %{customdata[1]:.3f}], %{customdata[2]} seeds"
            "<extra></extra>",
        )
    figure.update_xaxes(title="gain in NNSE, 95 % interval (1)")
    rows(figure, [str(score).removeprefix("NNSE of ") for score in table["score"]])
    return figure


def plain(key: str) -> str:
    """A number of the space without the table that it is in: optimizer.epochs becomes epochs."""
    return key.rpartition(".")[2].replace("_", " ")
