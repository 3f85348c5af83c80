"""A plotly figure of lines and markers as a matplotlib figure, which a file with provenance is made from.

The pages draw with plotly, to zoom and hover; plotly writes no file here that says where it comes from.
"""

import html
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DASHES = {"solid": "-", "dash": "--", "dot": ":", "dashdot": "-."}
MARKERS = {"circle": "o", "circle-open": "o", "square": "s", "diamond": "D"}
MARKERS |= {"triangle-left": "<", "line-ns-open": "|", "x": "x"}
NO_LABEL = "_nolegend_"


def drawn(figure: go.Figure, title: str, small: str = "", size: tuple[float, float] = (8, 4.8)) -> "Figure":
    """Lines, markers, bands (`fill` "toself" or "tonexty"), axes and legend of a plotly figure with one pair of axes.

    `small` is said below the title: the runs that are shown, and whether the data are synthetic. Size in inches.
    """
    from matplotlib.figure import Figure

    made = Figure(figsize=size, layout="constrained")
    ax = made.add_subplot()
    before: Any = None
    for trace in figure.data:
        before = _draw(ax, trace, before)
    for shape in figure.layout.shapes:
        if shape.type == "rect":
            ax.axvspan(np.datetime64(shape.x0), np.datetime64(shape.x1), color="0.6", alpha=0.2, lw=0)
        elif shape.type == "line":
            ax.plot([shape.x0, shape.x1], [shape.y0, shape.y1], color="0.6", ls="--", lw=1, zorder=0)
    _axes(ax, figure.layout)
    handles, labels = ax.get_legend_handles_labels()
    if labels and figure.layout.showlegend is not False:
        made.legend(
            handles, labels, loc="outside lower center", ncols=min(4, len(labels)), frameon=False, fontsize=8
        )
    ax.set_title(title, loc="left", fontsize=11, pad=18 if small else 6, parse_math=False)
    if small:
        ax.annotate(
            small, (0, 1), (0, 5), "axes fraction", "offset points", fontsize=7, color="0.4", parse_math=False
        )
    return made


def _draw(ax: "Axes", trace: Any, before: Any) -> Any:
    """Draw a trace; returns its x and y, which a band may be drawn down to."""
    if not isinstance(trace, go.Scatter | go.Scattergl):
        raise TypeError(f"a {trace.type} trace is neither lines nor markers")
    x, y = np.asarray(trace.x), np.asarray(trace.y, float)
    label = html.unescape(trace.name) if trace.name and trace.showlegend is not False else NO_LABEL
    if trace.fill == "tonexty" and before is not None:
        ax.fill_between(x, before[1], y, color=_colour(trace.fillcolor), lw=0, label=label)
        return x, y
    mode = trace.mode or "lines"
    if "lines" in mode and trace.line.width != 0:
        style = DASHES.get(trace.line.dash or "solid", "-")
        ax.plot(x, y, style, color=_colour(trace.line.color), lw=1.4, label=label)
        label = NO_LABEL
    if "markers" in mode:
        marker = trace.marker
        colour, symbol = _colour(marker.color), str(marker.symbol or "circle")
        face = "none" if symbol.endswith("-open") else colour
        if len(y) == 0 or y.dtype == object:
            return x, y
        ax.plot(
            *(x, y, MARKERS.get(symbol, "o")),
            mfc=face,
            mec=colour,
            ms=0.6 * (marker.size or 6),
            mew=marker.line.width if marker.line.width is not None else 1,
            alpha=marker.opacity if marker.opacity is not None else 1,
            label=label,
        )
    return x, y


def _axes(ax: "Axes", layout: Any) -> None:
    for axis, name in ((layout.xaxis, "x"), (layout.yaxis, "y")):
        getattr(ax, f"set_{name}label")(html.unescape(axis.title.text or ""), parse_math=False)
        if axis.type == "log":
            getattr(ax, f"set_{name}scale")("log")
        if axis.range is not None and axis.type != "log":
            getattr(ax, f"set_{name}lim")(*axis.range)
        if axis.tickvals is not None:
            texts = [html.unescape(t) for t in axis.ticktext or map(str, axis.tickvals)]
            getattr(ax, f"set_{name}ticks")(list(axis.tickvals), texts)
    ax.grid(color="0.92")
    ax.set_axisbelow(True)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)


def _colour(colour: str | None) -> Any:
    """A colour of plotly's as matplotlib takes it: rgba(0,114,178,0.2) becomes four numbers."""
    if colour and colour.startswith("rgba("):
        red, green, blue, alpha = (float(part) for part in colour[5:-1].split(","))
        return red / 255, green / 255, blue / 255, alpha
    return colour
