"""Maps as figures: linked panels of dots for the screen, and every map for paper. Coastlines come with the package.

Pixels of a regular grid are a raster, which canvasmap draws on the screen; others are dots.
"""

import html
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import plotly.graph_objects as go

from landlab_mgr.analysis.figures import style
from landlab_mgr.data import coast
from parts.figures import GREY
from parts.maps import Panel, Places, Values

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FEWEST = 2000
"""Fewer pixels than this are dots: of a raster one would not see them."""
LARGEST = 3_000_000
"""Cells of a raster at most."""
SIGNED = ((0.0, style.PALETTE[1]), (0.5, "#F7F7F7"), (1.0, style.PALETTE[0]))
# Magma without its black end: Streamlit takes #000004 and its like for names of its own colours
MAGMA = ("#180F3D", "#440F76", "#721F81", "#9E2F7F", "#CD4071", "#F1605D", "#FD9668", "#FECA8D", "#FCFDBF")
CIVIDIS = (
    *("#00224E", "#123570", "#3B496C", "#575D6D", "#707173"),
    *("#8A8678", "#A59C74", "#C3B369", "#E1CC55", "#FEE838"),
)
SCALES = {"amount": list(CIVIDIS), "spread": list(MAGMA), "signed": [list(step) for step in SIGNED]}
LEVELS = 256
"""Colours of a scale where it is not continuous."""
FONT = '"Source Sans", sans-serif'
INK = "#7A828C"
"""Letters, to be read on a light page and on a dark one: a map goes without Streamlit's theme (see views/maps.py)."""
WIDE, NARROW = 1330, 350
"""Width of a page's content on a screen and on a phone, in pixels, from which heights follow."""
HEAD, FOOT = 34, 74
"""Room for the title of a panel and for its colours, in pixels."""


class Raster(NamedTuple):
    """Positions of the pixels in a regular grid: row (from the south) and column of each; the grid's shape and axes."""

    row: Values
    column: Values
    shape: tuple[int, int]
    south: float
    west: float
    steps: tuple[float, float]

    def fill(self, values: Values) -> Values:
        """Values as an array [row, column], float32, NaN where there is no pixel."""
        whole = np.full(self.shape, np.nan, np.float32)
        whole[self.row, self.column] = values
        return whole


def raster(where: Places) -> Raster | None:
    """The regular grid that the pixels lie on; None where they are few or lie on none."""
    if len(where.lat) < FEWEST:
        return None
    rows, columns = _positions(where.lat), _positions(where.lon)
    if rows is None or columns is None:
        return None
    (row, south, dy), (column, west, dx) = rows, columns
    shape = (int(row.max()) + 1, int(column.max()) + 1)
    if shape[0] * shape[1] > LARGEST:
        return None
    return Raster(row, column, shape, south, west, (dy, dx))


def _positions(degrees: Values) -> tuple[Values, float, float] | None:
    """Number of the step at which each value lies, the first value and the step; None where steps are uneven."""
    first, unique = float(degrees.min()), np.unique(np.round(degrees, 5))
    if len(unique) < 2:
        return None
    step = float(np.diff(unique).min())
    place = (degrees - first) / step
    number = np.rint(place)
    return (number.astype(int), first, step) if np.abs(place - number).max() < 0.02 else None


def figure(where: Places, panels: Sequence[Panel], stacked: bool, narrow: bool) -> go.Figure:
    """The panels as dots, panned and zoomed as one."""
    west, east, south, north = extent(where)
    side_by_side = len(panels) > 1 and not stacked
    width = (NARROW if narrow else WIDE) / (len(panels) if side_by_side else 1)
    tall = float(np.clip(width * (north - south) / (east - west), 140, 680))
    rows = 1 if side_by_side else len(panels)
    height = rows * (tall + HEAD + FOOT)
    figure = go.Figure()
    for i, panel in enumerate(panels):
        across = (i / len(panels) + 0.015 * (i > 0), (i + 1) / len(panels) - 0.015 * (i + 1 < len(panels)))
        x = across if side_by_side else (0.0, 1.0)
        top = 1 - (0 if side_by_side else i) / rows - HEAD / height
        y = (top - tall / height, top)
        _axes(figure, i, x, y, (west, east), (south, north), labelled=i == 0 or not side_by_side)
        figure.add_trace(_dots(panel, where, i, narrow))
        lat, lon = coast.lines()
        kept = near(lat, lon, west, east, south, north)
        figure.add_scatter(
            x=lon[kept],
            y=lat[kept],
            mode="lines",
            line={"color": GREY, "width": 0.8},
            hoverinfo="skip",
            showlegend=False,
            xaxis=f"x{_number(i)}",
            yaxis=f"y{_number(i)}",
        )
        _colours(figure, panel, i, x, y[0])
        figure.add_annotation(
            text=f"<b>{html.escape(panel.title)}</b>",
            x=x[0],
            y=y[1],
            xref="paper",
            yref="paper",
            xanchor="left",
            yanchor="bottom",
            yshift=5,
            showarrow=False,
        )
    figure.update_layout(
        height=height,
        margin={"l": 34, "r": 6, "t": 0, "b": 0, "autoexpand": False},
        dragmode="pan",
        hovermode="closest",
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": FONT, "color": INK, "size": 12},
        modebar={"bgcolor": "rgba(0,0,0,0)", "color": INK, "activecolor": INK},
        uirevision="kept",
        showlegend=False,
    )
    return figure


def extent(where: Places) -> tuple[float, float, float, float]:
    """West, east, south and north of what is shown: all places with some room, or most of the globe."""
    west, east = float(where.lon.min()), float(where.lon.max())
    south, north = float(where.lat.min()), float(where.lat.max())
    if east - west > 200:
        return -180.0, 180.0, -60.0, max(85.0, north)
    room = max(2.0, 0.08 * max(east - west, north - south))
    return (
        max(west - room, -180.0),
        min(east + room, 180.0),
        max(south - room, -90.0),
        min(north + room, 90.0),
    )


def near(lat: Values, lon: Values, west: float, east: float, south: float, north: float) -> Values:
    """The corners of coastlines in and around what is shown, and the gaps between lines."""
    dx, dy = east - west, north - south
    with np.errstate(invalid="ignore"):
        inside = (lon > west - dx) & (lon < east + dx) & (lat > south - dy) & (lat < north + dy)
    return inside | np.isnan(lat)


def _number(i: int) -> str:
    return "" if i == 0 else str(i + 1)


def _axes(
    figure: go.Figure,
    i: int,
    x: tuple[float, float],
    y: tuple[float, float],
    lon: tuple[float, float],
    lat: tuple[float, float],
    labelled: bool,
) -> None:
    n = _number(i)
    common: dict[str, Any] = {
        "showgrid": False,
        "zeroline": False,
        "ticks": "",
        "nticks": 7,
        "ticksuffix": "°",
    }
    linked = i > 0
    figure.update_layout(
        {
            f"xaxis{n}": common
            | {"domain": x, "range": lon, "anchor": f"y{n}", "constrain": "domain", "tickfont": {"size": 10}}
            | ({"matches": "x"} if linked else {}),
            f"yaxis{n}": common
            | {
                "domain": y,
                "range": lat,
                "anchor": f"x{n}",
                "showticklabels": labelled,
                "tickfont": {"size": 10},
            }
            | {"constrain": "domain", "constraintoward": "top"}
            | ({"matches": "y"} if linked else {"scaleanchor": "x", "scaleratio": 1}),
        }
    )


def _dots(panel: Panel, where: Places, i: int, narrow: bool) -> go.Scatter | go.Scattergl:
    there = np.isfinite(panel.values)
    values = panel.values[there].astype(np.float32)
    n = len(values)
    names = (
        np.array([f"{html.escape(s)}<br>" for s in where.site])
        if where.site is not None
        else np.full(len(there), "")
    )
    said = f"%{{marker.color:.4g}} {html.escape(panel.unit)}"
    about: list[Any] = [names[there]]
    if panel.groups:
        about.append(np.array(list(map(html.escape, panel.groups)))[values.astype(int)])
        said = "%{customdata[1]}"
    kind = go.Scattergl if n > style.MANY else go.Scatter
    return kind(
        x=where.lon[there],
        y=where.lat[there],
        mode="markers",
        marker={
            "color": values,
            "coloraxis": f"coloraxis{_number(i)}",
            "size": float(np.clip(140 / np.sqrt(max(n, 1)), 3, 10)) * (0.6 if narrow else 1),
            "line": {"width": 0.4, "color": GREY},
        },
        customdata=np.column_stack(about),
        hovertemplate=f"%{{customdata[0]}}%{{y:.2f}}°, %{{x:.2f}}°<br>{said}<extra></extra>",
        xaxis=f"x{_number(i)}",
        yaxis=f"y{_number(i)}",
    )


def _colours(figure: go.Figure, panel: Panel, i: int, x: tuple[float, float], bottom: float) -> None:
    bar: dict[str, Any] = {
        "orientation": "h",
        "x": (x[0] + x[1]) / 2,
        "xanchor": "center",
        "y": bottom,
        "yanchor": "top",
        "ypad": 22,
        "len": 0.9 * (x[1] - x[0]),
        "thickness": 10,
        "outlinewidth": 0,
        "nticks": 6,
        "tickfont": {"size": 11},
        "title": {"text": html.escape(panel.label), "side": "top", "font": {"size": 12}},
    }
    scale: Any = SCALES.get(panel.how)
    if panel.groups:
        n = len(panel.groups)
        colours = group_colours(panel.groups)
        scale = [[edge / n, colour] for k, colour in enumerate(colours) for edge in (k, k + 1)]
        bar |= {"tickvals": list(range(n)), "ticktext": list(map(html.escape, panel.groups))}
    figure.update_layout(
        {
            f"coloraxis{_number(i)}": {
                "cmin": panel.low,
                "cmax": panel.high,
                "colorscale": scale,
                "colorbar": bar,
            }
        }
    )


def colours(panel: Panel) -> list[str]:
    """From low to high in equal steps, or one for each group."""
    if panel.groups:
        return group_colours(panel.groups)
    scale = SCALES[panel.how]
    stops = [step if isinstance(step, list) else [i / (len(scale) - 1), step] for i, step in enumerate(scale)]
    rgb = np.array([[int(colour[i : i + 2], 16) for i in (1, 3, 5)] for _, colour in stops], float)
    at = np.linspace(0, 1, LEVELS)
    levels = np.rint([np.interp(at, [place for place, _ in stops], channel) for channel in rgb.T]).astype(int)
    return [f"#{r:02x}{g:02x}{b:02x}" for r, g, b in levels.T]


def group_colours(groups: Sequence[str]) -> list[str]:
    """A colour for each group; grey for none."""
    return [
        style.NEUTRAL if g == "none" else style.PALETTE[j % len(style.PALETTE)] for j, g in enumerate(groups)
    ]


def on_paper(where: Places, panels: Sequence[Panel], title: str) -> "Figure":
    """The same panels, below each other, for a file."""
    from matplotlib.figure import Figure

    west, east, south, north = extent(where)
    fig = Figure(
        figsize=(8.5, 0.6 + len(panels) * (1.0 + 7.0 * (north - south) / (east - west))), layout="constrained"
    )
    axes = fig.subplots(len(panels), 1, squeeze=False)[:, 0]
    for ax, panel in zip(axes, panels, strict=True):
        drawn = _drawn(ax, where, panel)
        lat, lon = coast.lines()
        ax.plot(lon, lat, color="0.4", linewidth=0.4)
        ax.set(xlim=(west, east), ylim=(south, north), aspect="equal")
        ax.tick_params(labelsize=8)
        ax.spines[:].set_color("#bbbbbb")
        ax.set_title(panel.title, loc="left", fontsize=10)
        bar = fig.colorbar(drawn, ax=ax, shrink=0.85, label="" if panel.groups else panel.label)
        if panel.groups:
            bar.set_ticks(range(len(panel.groups)), labels=panel.groups)
    fig.suptitle(title, x=0.01, ha="left", fontsize=10, parse_math=False)
    return fig


def _drawn(ax: "Axes", where: Places, panel: Panel) -> Any:
    from matplotlib.colors import ListedColormap

    limits: dict[str, Any] = {"cmap": ListedColormap(colours(panel)), "vmin": panel.low, "vmax": panel.high}
    grid = raster(where)
    if grid is None:
        there = np.isfinite(panel.values)
        return style.dots(ax, where.lat[there], where.lon[there], c=panel.values[there], **limits)
    dy, dx = grid.steps
    rows, columns = grid.shape
    box = (
        *(grid.west - dx / 2, grid.west + (columns - 0.5) * dx),
        *(grid.south - dy / 2, grid.south + (rows - 0.5) * dy),
    )
    return ax.imshow(grid.fill(panel.values), extent=box, origin="lower", interpolation="none", **limits)
