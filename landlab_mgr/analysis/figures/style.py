"""Common style of figures of analyses. JAX-free.

Colours, names of variables, and what each figure says of its making.
"""

import textwrap
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from landlab_mgr.data import land
from landlab_mgr.models import registry

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PathCollection
    from matplotlib.figure import Figure

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe & Ito's colour-blind safe colours."""
NEUTRAL = "#8a8a8a"
"""Colour of what is none of the coloured things."""
MANY = 5000
"""More dots than this are pixels even in a PDF or SVG."""
MARKERS = "osD^vPX"


def named(variable: str) -> str:
    """Return a variable as figures write it."""
    known = registry.variables().get(variable)
    return known.symbol or variable if known else variable


def skill_label(attrs: Mapping[str, Any]) -> str:
    """Tell which skill an axis shows, from the options statistic, split and level."""
    how = {"flat": "", "temporal": ", median over pixels", "spatial": ", means of pixels"}[attrs["level"]]
    where = (
        "all pixels"
        if attrs["split"] == "all"
        else "withheld months"
        if attrs["split"] == "withheld"
        else f"{attrs['split']} pixels"
    )
    return f"{attrs['statistic']} on {where}{how}"


def entitle(ax: "Axes", title: str, attrs: Mapping[str, Any]) -> None:
    """Title, and in small letters the filter and the id of the analysis."""
    ax.set_title(title, loc="left", pad=20)
    which = attrs["filter"] or "every completed run"
    which = which if len(which) <= 100 else which[:99] + "…"
    small: dict[str, Any] = {"fontsize": 8, "color": "0.4"}
    ax.annotate(which, (0, 1), (0, 6), "axes fraction", "offset points", parse_math=False, **small)
    ax.annotate(attrs["analysis"], (1, 1), (0, 6), "axes fraction", "offset points", ha="right", **small)


def quiet(ax: "Axes") -> None:
    """Values along x, a row for each thing: no frame but the axis, light lines behind."""
    ax.grid(axis="x", color="0.9")
    ax.set_axisbelow(True)
    for side in ("top", "right", "left"):
        ax.spines[side].set_visible(False)
    ax.tick_params(axis="y", length=0)


def headline(fig: "Figure", title: str, attrs: Mapping[str, Any]) -> None:
    """Title of a figure of several panels, below it the filter and the id of the analysis."""
    which = attrs["filter"] or "every completed run"
    which = which if len(which) <= 100 else which[:99] + "…"
    lines = textwrap.wrap(title, int(13 * fig.get_figwidth()))
    text = "\n".join([*lines, f"{which}   {attrs['analysis']}"])
    fig.suptitle(text, x=0.01, ha="left", fontsize=10, parse_math=False)


def coast(ax: "Axes", lat: np.ndarray, lon: np.ndarray) -> None:
    """Draw the map under everything: real coastlines and degrees, of the globe or the region of these places."""
    from matplotlib.colors import ListedColormap

    ax.imshow(
        land.mask(),
        extent=(-180, 180, -90, 90),
        cmap=ListedColormap(["#ffffff", "#e3e3df"]),
        interpolation="none",
        zorder=0,
    )
    west, east, south, north, step = land.view(lat, lon)
    ax.set(xlim=(west, east), ylim=(south, north))
    xs = [x for x in range(-180, 181, step) if west <= x <= east]
    ys = [y for y in range(-90, 91, min(step, 30)) if south <= y <= north]
    ax.set_xticks(xs, [f"{abs(x)}°{'W' * (x < 0) or 'E' * (x > 0)}" for x in xs])
    ax.set_yticks(ys, [f"{abs(y)}°{'S' * (y < 0) or 'N' * (y > 0)}" for y in ys])
    ax.tick_params(labelsize=8)
    ax.spines[:].set_color("#bbbbbb")


def dots(
    ax: "Axes", lat: np.ndarray, lon: np.ndarray, places: int | None = None, **how: Any
) -> "PathCollection":
    """Dots at places, smaller the more `places` (by default these) the map has; `how` as in `Axes.scatter`."""
    n = len(lat) if places is None else places
    size = float(np.clip(8000 / n, 0.4, 34))
    edge = {"edgecolor": "0.3", "linewidth": 0.2} if size > 4 else {"linewidth": 0}
    return ax.scatter(lon, lat, s=size, rasterized=n > MANY, **edge, **how)


def draw_map(
    ax: "Axes", lat: np.ndarray, lon: np.ndarray, values: np.ndarray, bound: float
) -> "PathCollection":
    """Values at places on real coastlines, coloured from -bound (orange) over white to bound (blue)."""
    from matplotlib.colors import LinearSegmentedColormap

    coast(ax, lat, lon)
    colours = LinearSegmentedColormap.from_list("signed", [PALETTE[1], "#ffffff", PALETTE[0]])
    return dots(ax, lat, lon, c=values, cmap=colours, vmin=-bound, vmax=bound)


def draw_amounts(
    ax: "Axes", lat: np.ndarray, lon: np.ndarray, values: np.ndarray, low: float, high: float
) -> "PathCollection":
    """Values at places on real coastlines, from low (dark) to high (light)."""
    coast(ax, lat, lon)
    return dots(ax, lat, lon, c=values, cmap="cividis", vmin=low, vmax=high)


def without_shared_words(setups: list[str]) -> list[str]:
    """Leave out the words that all names share."""
    words = [name.replace(",", " ").split() for name in setups]
    shared = set.intersection(*map(set, words)) if len(words) > 1 else set()
    return [
        " ".join(w for w in own if w not in shared) or name for own, name in zip(words, setups, strict=True)
    ]
