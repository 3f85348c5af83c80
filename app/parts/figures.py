"""Figures in one palette: Okabe & Ito's colours, which read on light and on dark. Every axis has its unit."""

import html
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from parts import text
from parts.series import Observed, Series

BLUE, VERMILION, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
MODEL, OBSERVED, WITHHELD = "#3B8FC4", (VERMILION, PURPLE), GREEN
GREY = "#8A929C"
GROUPS = (MODEL, VERMILION, GREEN, PURPLE, "#E69F00", "#56B4E9", GREY)
"""Colours of groups of runs, in turn; a lighter blue, since the palette's own is hard to see on a dark page."""


def config(name: str, still: bool = False) -> dict[str, Any]:
    """Settings of a figure's buttons; a picture that is saved is called after what it shows.

    A figure that is `still` has no buttons, and does not zoom: a page is scrolled over it.
    """
    if still:
        return {"displayModeBar": False, "scrollZoom": False, "doubleClick": False}
    unneeded = ["select2d", "lasso2d", "autoScale2d"]
    return {
        "displaylogo": False,
        "modeBarButtonsToRemove": unneeded,
        "toImageButtonOptions": {"filename": re.sub(r"\W+", "-", name), "scale": 2},
    }


def losses(epochs: pd.DataFrame, term: str) -> go.Figure:
    """Train and dev loss of each epoch; `term` is "total" or one term. Logarithmic unless a value is not positive."""
    train, dev = ("total", "dev") if term == "total" else (term, f"dev_{term}")
    curves = {split: epochs[column] for split, column in (("train", train), ("dev", dev)) if column in epochs}
    figure = blank(height=400)
    for (split, values), colour in zip(curves.items(), (MODEL, VERMILION), strict=False):
        figure.add_scatter(
            x=epochs["epoch"],
            y=values.where(np.isfinite(values)),
            name=split,
            mode="lines+markers" if len(epochs) <= 30 else "lines",
            line={"color": colour, "width": 2, "dash": "solid" if split == "train" else "dot"},
            marker={"size": 5},
            hovertemplate=f"epoch %{{x}}<br>{split} %{{y:.4g}}<extra></extra>",
        )
    finite = np.concatenate([v[np.isfinite(v)] for v in curves.values()])
    logarithmic = bool(finite.size) and bool((finite > 0).all())
    what = "loss" if term == "total" else f"{term} loss"
    figure.update_yaxes(
        title=f"weighted {what} per pixel (1)",
        type="log" if logarithmic else None,
        tickformat="~s" if finite.size and finite.min() >= 1 else "~g",
        nticks=7,
    )
    figure.update_xaxes(title="epoch", dtick=1 if len(epochs) <= 12 else None)
    return figure


def learning(curves: pd.DataFrame, groups: Sequence[str], what: str) -> go.Figure:
    """Mean and range of a loss by epoch for each group, as `contrast.curve` gives them; `what` is the axis' name."""
    figure = blank(height=430)
    for place, group in enumerate(groups):
        part = curves[curves["group"] == group]
        if part.empty:
            continue
        colour, dash = line_of(place)
        several = int(part["n"].max()) > 1
        if several:
            for side, fill in (("low", None), ("high", "tonexty")):
                figure.add_scatter(
                    x=part["epoch"],
                    y=part[side],
                    mode="lines",
                    line={"width": 0, "color": colour},
                    fill=fill,
                    fillcolor=faint(colour),
                    legendgroup=group,
                    showlegend=False,
                    hoverinfo="skip",
                )
        count = f", {int(part['n'].max())} runs" if several else ""
        figure.add_scatter(
            x=part["epoch"],
            y=part["mean"],
            name=html.escape(group) + count,
            mode="lines" if len(part) > 1 else "markers",
            line={"color": colour, "width": 2, "dash": dash},
            legendgroup=group,
            hovertemplate=f"{html.escape(group)}<br>epoch %{{x}}<br>%{{y:.4g}}<extra></extra>",
        )
    positive = bool(len(curves)) and bool((curves["low"] > 0).all())
    figure.update_yaxes(title=html.escape(what), type="log" if positive else None, nticks=7)
    figure.update_xaxes(title="epoch")
    return figure


def skills(values: pd.DataFrame, groups: Sequence[str], statistic: str, floor: float | None) -> go.Figure:
    """A row for each variable, within it one for each group: a dot for each run and a line at the median.

    `values` are as `contrast.skills` gives them; those below `floor` are triangles at it.
    """
    variables = list(dict.fromkeys(values["variable"]))
    figure = blank(height=120 + max(26, 11 * len(groups)) * max(1, len(variables)))
    row = {variable: float(place) for place, variable in enumerate(variables)}
    step = 0.8 / max(1, len(groups))
    for place, group in enumerate(groups):
        part = values[values["group"] == group]
        if part.empty:
            continue
        colour, name = line_of(place)[0], html.escape(group)
        shift = (place - (len(groups) - 1) / 2) * step
        below = part["value"] < (-np.inf if floor is None else floor)
        for those, symbol in ((part[~below], "circle"), (part[below], "triangle-left")):
            figure.add_scatter(
                x=those["value"].clip(lower=floor),
                y=[row[variable] + shift for variable in those["variable"]],
                name=name,
                mode="markers",
                marker={
                    "color": colour,
                    "size": 6 if symbol == "circle" else 9,
                    "opacity": 0.65,
                    "symbol": symbol,
                },
                customdata=those[["variable", "seed", "run_id", "value"]],
                hovertemplate=f"{name}<br>%{{customdata[0]}} %{{customdata[3]:.3f}}<br>"
                "seed %{customdata[1]}, run %{customdata[2]}<extra></extra>",
                legendgroup=name,
                showlegend=symbol == "circle",
            )
        median = part.groupby("variable", sort=False)["value"].median()
        figure.add_scatter(
            x=median.clip(lower=floor),
            y=[row[v] + shift for v in median.index],
            mode="markers",
            marker={"symbol": "line-ns-open", "color": colour, "size": 12, "line": {"width": 2.5}},
            customdata=median,
            hovertemplate=f"{name}<br>median %{{customdata:.3f}}<extra></extra>",
            legendgroup=name,
            showlegend=False,
        )
    figure.update_yaxes(
        tickvals=list(row.values()),
        ticktext=[html.escape(text.name(v)) for v in variables],
        range=[len(variables) - 0.5, -0.5],
        zeroline=False,
        showgrid=False,
    )
    if floor is not None:
        figure.update_xaxes(range=[floor - 0.05, 1.05])
    figure.update_xaxes(title=statistic, zeroline=True)
    return figure


def line_of(place: int) -> tuple[str, str]:
    """Colour and dash of the group at this place; from the eighth on the colours come again, dashed."""
    return GROUPS[place % len(GROUPS)], ("solid", "dash", "dot")[place // len(GROUPS) % 3]


def faint(colour: str, alpha: float = 0.18) -> str:
    """A colour as the area around a line of it."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{alpha})"


def series(what: Series, warmup_months: int) -> go.Figure:
    """The model as a line, observations as dots, withheld months as open dots; the unscored warm-up is shaded."""
    figure = blank(height=380)
    line = {"color": MODEL, "width": 2}
    figure.add_scatter(
        x=what.time, y=what.modelled, name="modelled", mode="lines", line=line, hovertemplate="%{y:.3g}"
    )
    for index, observed in enumerate(what.observed):
        for name, values, marker in _marks(what, index, observed):
            figure.add_scatter(
                x=what.time, y=values, name=name, mode="markers", marker=marker, hovertemplate="%{y:.3g}"
            )
    first = what.time[0].astype("datetime64[D]")
    scored = (first.astype("datetime64[M]") + warmup_months).astype("datetime64[D]")
    if warmup_months and scored < what.time[-1]:
        ends = {"x0": str(first), "x1": str(scored)}
        figure.add_shape(
            type="rect",
            **ends,
            y0=0,
            y1=1,
            yref="paper",
            fillcolor=GREY,
            opacity=0.15,
            line_width=0,
            layer="below",
        )
        key = {
            "symbol": "square",
            "color": GREY,
            "opacity": 0.3,
            "size": 12,
        }  # a shape has no entry in the legend
        figure.add_scatter(x=[None], y=[None], mode="markers", marker=key, name="warm-up, not scored")
    figure.update_layout(hovermode="x unified")
    figure.update_xaxes(title="time", hoverformat="%d %b %Y" if what.daily else "%b %Y")
    figure.update_yaxes(title=html.escape(text.quantity(what.variable, what.unit)))
    return figure


def scatter(what: Series, warmup_months: int) -> go.Figure:
    """Modelled against observed months at one place, after the warm-up, with the line where they are equal."""
    figure = blank(height=380)
    shown = [what.modelled[warmup_months:]]
    for index, observed in enumerate(what.observed):
        for name, values, marker in _marks(what, index, observed):
            x, y = values[warmup_months:], what.modelled[warmup_months:]
            shown.append(x)
            figure.add_scatter(
                x=x,
                y=y,
                name=name,
                mode="markers",
                marker=marker,
                customdata=what.time[warmup_months:].astype("datetime64[M]").astype(str),
                hovertemplate="%{customdata}<br>observed %{x:.3g}<br>modelled %{y:.3g}<extra></extra>",
            )
    there = np.concatenate(shown)
    there = there[np.isfinite(there)]
    if there.size:
        low, high = float(there.min()), float(there.max())
        margin = 0.05 * (high - low) or 1.0
        ends = [low - margin, high + margin]
        line = {"color": GREY, "width": 1, "dash": "dash"}
        figure.add_shape(
            type="line", x0=ends[0], x1=ends[1], y0=ends[0], y1=ends[1], line=line, layer="below"
        )
        figure.update_xaxes(range=ends, nticks=6)
        figure.update_yaxes(range=ends, nticks=6)
    quantity = html.escape(text.quantity(what.variable, what.unit))
    figure.update_xaxes(title=f"observed {quantity}")
    figure.update_yaxes(title=f"modelled {quantity}")
    figure.update_layout(showlegend=False)
    return figure


def _marks(what: Series, index: int, observed: Observed) -> list[tuple[str, np.ndarray, dict[str, Any]]]:
    """Name, values and marker of a stream's observed and withheld months, those that there are."""
    which = f" ({observed.stream})" if len(what.observed) > 1 else ""
    filled = {"color": OBSERVED[index % len(OBSERVED)], "size": 6, "opacity": 0.85}
    opened = {"color": WITHHELD, "size": 7, "symbol": "circle-open", "line": {"width": 1.8}}
    marks = [(f"observed{which}", observed.seen, filled), (f"withheld{which}", observed.withheld, opened)]
    return [mark for mark in marks if np.isfinite(mark[1]).any()]


def blank(height: int) -> go.Figure:
    """An empty figure of this height in pixels, with the legend above and little around it."""
    figure = go.Figure()
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 8, "t": 32, "b": 8},
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "title": None},
        uirevision="kept",  # a live figure keeps the reader's zoom
    )
    return figure
