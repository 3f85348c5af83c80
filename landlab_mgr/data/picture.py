"""The picture of a dataset: where its pixels are, when each stream was observed, what it shows on average. JAX-free."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from landlab_mgr.data import land, schema, survey
from landlab_mgr.models import registry
from landlab_mgr.observations.calendar import Calendar

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TRAINABLE_COLOUR, TEST_COLOUR = "#0072B2", "#D55E00"
"""Blue and vermilion of Okabe and Ito (2008): told apart with every common colour-vision deficiency."""
_LAND, _SEA, _INK = "#e3e3df", "#ffffff", "#333333"

MOST_SERIES = 4
"""Streams whose mean is drawn step by step: the first that the dataset has, in the order of tables."""


def figure(ds: xr.Dataset) -> "Figure":
    """Draw a map, steps observed and series of a dataset.

    The map shows pixels by side of the test split.
    """
    from matplotlib.figure import Figure  # drawing is no business of training processes

    streams = schema.names(ds, "observation")
    counts, means = _by_step(ds, streams)
    vary = [n for n, s in registry.streams().items() if n in streams and s.average in ("step", "anomaly")]
    drawn = [name for name in vary if np.isfinite(means[name]).sum() > 1][:MOST_SERIES]
    strips = 1.2 + 0.28 * len(streams)
    heights = [4.3, *([strips] if streams else []), *([1.0] * len(drawn))]
    figure = Figure(figsize=(10, sum(heights)), layout="constrained")
    axes = np.atleast_1d(figure.subplots(len(heights), 1, height_ratios=heights))
    kind = " (synthetic)" if ds.attrs.get("kind") == "synthetic" else ""
    figure.suptitle(
        f"{ds.attrs['name']}{kind}, {ds.sizes['time']} {Calendar.of(ds).step}s",
        x=0.01,
        ha="left",
        fontsize=12,
    )
    _draw_map(axes[0], ds)
    if streams:
        _draw_steps(axes[1], ds, counts)
    for place, name in zip(axes[2:], drawn, strict=True):
        _draw_series(place, ds, name, means[name], first=name == drawn[0], last=name == drawn[-1])
    return figure


def _by_step(ds: xr.Dataset, streams: list[str]) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Pixels observed in each step by variable, withheld too; area-weighted mean of each stream."""
    area = ds["area_m2"].values
    names = [*streams, *schema.names(ds, "withheld")]
    counts = {name: np.zeros(ds.sizes["time"], int) for name in names}
    total, weight = ({name: np.zeros(ds.sizes["time"]) for name in streams} for _ in range(2))
    for start, part in survey.blocks(ds[[*names, *schema.TIME_AXIS]]) if names else ():
        for name in names:
            values = part[name].values
            present = np.isfinite(values)
            counts[name] += present.sum(axis=0)
            if name in total:
                observed_area = area[start : start + len(values), None] * present
                total[name] += (observed_area * np.where(present, values, 0)).sum(axis=0)
                weight[name] += observed_area.sum(axis=0)
    means = {
        name: np.where(weight[name] > 0, total[name] / np.where(weight[name] > 0, weight[name], 1), np.nan)
        for name in streams
    }
    return counts, means


def _draw_map(axes: "Axes", ds: xr.Dataset) -> None:
    from matplotlib.colors import ListedColormap

    lat, lon, test = (ds[name].values for name in ("lat", "lon", "test"))
    axes.imshow(
        land.mask(),
        extent=(-180, 180, -90, 90),
        cmap=ListedColormap([_SEA, _LAND]),
        interpolation="none",
        zorder=0,
    )
    size = float(np.clip(6000 / len(lat), 2, 34))
    sides: Mapping[str, tuple[np.ndarray, str, str]] = {
        "train or dev": (~test, TRAINABLE_COLOUR, "o"),
        "test": (test, TEST_COLOUR, "^"),
    }
    for label, (mask, colour, marker) in sides.items():
        patches = len(np.unique(ds["patch"].values[mask]))
        label = f"{label}: {mask.sum()} pixels in {patches} patches"
        style: dict[str, Any] = {
            "s": size,
            "marker": marker,
            "color": colour,
            "edgecolor": "white",
            "linewidth": 0.3,
        }
        axes.scatter(lon[mask], lat[mask], label=label, **style)
    west, east, south, north, step = land.view(lat, lon)
    axes.set(xlabel="longitude (°E)", ylabel="latitude (°N)")
    axes.set_xticks(np.arange(-180, 181, step))
    axes.set_yticks(np.arange(-90, 91, min(step, 30)))
    axes.set(xlim=(west, east), ylim=(south, north))
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False, fontsize=9, borderpad=0)
    axes.spines[:].set_color("#bbbbbb")


def _draw_steps(axes: "Axes", ds: xr.Dataset, counts: Mapping[str, np.ndarray]) -> None:
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.dates import date2num

    streams, step = schema.names(ds, "observation"), Calendar.of(ds).step
    share = np.ma.masked_equal(100 * np.stack([counts[name] for name in streams]) / ds.sizes["pixel"], 0)
    colours = LinearSegmentedColormap.from_list("observed", ["#c6dbef", "#08306b"]).with_extremes(bad=_LAND)
    edges = _edges(ds)
    mesh = axes.pcolormesh(
        date2num(edges),
        np.arange(len(streams) + 1),
        share,
        cmap=colours,
        vmin=0,
        vmax=100,
        rasterized=True,
    )
    axes.hlines(np.arange(1, len(streams)), *date2num(edges[[0, -1]]), color="white", linewidth=2)
    axes.xaxis_date()
    axes.invert_yaxis()
    axes.set_yticks(np.arange(len(streams)) + 0.5, streams)
    axes.tick_params(axis="y", length=0)
    for row, name in enumerate(streams):
        text = f"{counts[name].sum():,}"
        withheld = schema.stream_variable(name, "withheld")
        if withheld in counts:
            text += f"  + {counts[withheld].sum():,} withheld"
        axes.text(
            1.01, row + 0.5, text, transform=axes.get_yaxis_transform(), va="center", color=_INK, fontsize=9
        )
    axes.set_title(
        f"{step.capitalize()}s observed by stream (grey: none), and the number of pixel-{step}s",
        loc="left",
        fontsize=11,
    )
    axes.spines[:].set_visible(False)
    bar = axes.figure.colorbar(mesh, ax=axes, orientation="horizontal", fraction=0.06, aspect=50, pad=0.04)
    bar.set_label(f"pixels observed in the {step} (%)")
    bar.outline.set_visible(False)


def _edges(ds: xr.Dataset) -> np.ndarray:
    """[T + 1] days on which steps begin, and the end of the last."""
    calendar = Calendar.of(ds)
    return np.append(calendar.dates, Calendar(calendar.first, calendar.steps + 1, calendar.dt).dates[-1])


def _draw_series(axes: "Axes", ds: xr.Dataset, name: str, mean: np.ndarray, first: bool, last: bool) -> None:
    variable = schema.stream(name)
    axes.plot(ds["time"].values, mean, color=TRAINABLE_COLOUR, linewidth=1.3, marker=".", markersize=2)
    axes.set_ylabel(f"{name}\n({variable.unit})", fontsize=9)
    axes.set_xlim(*_edges(ds)[[0, -1]])
    axes.grid(axis="x", color="#dddddd", linewidth=0.8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelbottom=last)
    if first:
        title = f"Area-weighted mean of what is observed in the {Calendar.of(ds).step}"
        axes.set_title(title, loc="left", fontsize=11)
