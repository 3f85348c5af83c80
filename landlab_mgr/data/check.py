"""Is a dataset fit to learn from: its checks, its table of variables, and its picture.

`schema` says what is a dataset at all; here is what its values ought to satisfy. Errors make training wrong
or unfair; warnings are for a person to look at.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from landlab_mgr.data import land, schema, store
from landlab_mgr.parameters import FORCING, STREAMS, VARIABLES, Variable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TRAINABLE_COLOUR, TEST_COLOUR = "#0072B2", "#D55E00"
"""Blue and vermilion of Okabe and Ito (2008): told apart with every common colour-vision deficiency."""
_LAND, _SEA, _INK = "#e3e3df", "#ffffff", "#333333"

_STEP_TOLERANCE_DAYS = 3.0
"""Months may be counted as calendar months (28..31 days) or as twelfths of a year."""


_MONTH_TOLERANCE_DAYS = 15.0
"""Half a month: time_days beyond it names another month than the time axis."""


@dataclass(frozen=True)
class Report:
    """What `check` found: one line each, and the table of `summary` (empty if the schema already fails)."""

    errors: list[str]
    warnings: list[str]
    table: pd.DataFrame

    @property
    def ok(self) -> bool:
        """Whether there is no error; warnings may be."""
        return not self.errors


def check(ds: xr.Dataset) -> Report:
    """Check a dataset: its schema, then forcing, ranges, months, leakage, provenance and integrity."""
    errors = list(schema.problems(ds))
    if errors:
        return Report(errors, [], pd.DataFrame())
    errors += _forcing_errors(ds)
    errors += _time_errors(ds)
    errors += _leaks(ds)
    stored = ds.attrs.get("fingerprint")
    if stored is not None and store.fingerprint(ds) != stored:
        errors.append(
            f"content is not what was published as {stored}: the store is damaged; publish it again"
        )
    return Report(errors, list(_warnings(ds)), summary(ds))


def _forcing_errors(ds: xr.Dataset) -> Iterator[str]:
    for name in FORCING:
        gaps = ~np.isfinite(ds[name].values)
        if gaps.any():
            yield f"{name} misses {gaps.sum()} values, first at {_place(ds, gaps)}; forcing must have no gaps"
    at_least_zero = ("vpd", "precip", "ssrd", "burned_area")
    for name in at_least_zero:
        below = ds[name].values < 0
        if below.any():
            yield f"{name} {ds[name].values.min():g} is below 0 at {_place(ds, below)}; clip round-off at 0"
    above = ds["burned_area"].values > 1
    if above.any():
        highest = ds["burned_area"].values.max()
        yield f"burned_area {highest:g} is above 1 at {_place(ds, above)}; it is a fraction"
    crossed = ds["tmax"].values < ds["tmin"].values
    if crossed.any():
        yield f"tmax is below tmin {crossed.sum()} times, first at {_place(ds, crossed)}"


def _time_errors(ds: xr.Dataset) -> Iterator[str]:
    time = ds["time"].values
    month = time.astype("datetime64[M]").astype(int)
    steps = np.diff(month)
    for what, at in (("appears twice", steps == 0), ("is followed by an earlier one", steps < 0)):
        if at.any():
            yield f"month {np.datetime_as_string(time[:-1][at][0], 'M')} {what}; every month once, in order"
    if (steps > 1).any():
        last = np.datetime_as_string(time[:-1][steps > 1][0], "M")
        yield f"months are missing after {last}; every month once, in order"
    since_origin = (time - np.datetime64(ds.attrs["origin"])) / np.timedelta64(1, "D")
    off = np.abs(ds["time_days"].values - since_origin)
    if not (off < _MONTH_TOLERANCE_DAYS).all():
        where = np.datetime_as_string(time[int(np.nanargmax(off))], "M")
        origin = ds.attrs["origin"]
        yield f"time_days is {np.nanmax(off):.0f} days off the time axis at {where}; count from {origin}"
    uneven = np.abs(np.diff(ds["time_days"].values) - ds.attrs["dt_days"]) > _STEP_TOLERANCE_DAYS
    if uneven.any():
        dt = ds.attrs["dt_days"]
        yield f"time_days steps by other than dt_days = {dt} after month {uneven.argmax() + 1}"
    doy = ds["doy"].values
    if not ((doy >= 0) & (doy <= 367)).all():
        yield f"doy ranges from {doy.min():g} to {doy.max():g}; allowed: 0..367"


def _leaks(ds: xr.Dataset) -> Iterator[str]:
    for name in schema.names(ds, "withheld"):
        stream = schema.stream_of(name)
        both = np.isfinite(ds[name].values) & np.isfinite(ds[stream].values)
        if both.any():
            place = _place(ds, both)
            yield f"{both.sum()} months of {stream} are withheld and for training too, first at {place}"
    for name in schema.names(ds, "weight"):
        weight = ds[name].values
        bad = (weight < 0) | np.isinf(weight)
        if bad.any():
            yield f"{name} {weight[bad][0]:g} at {_place(ds, bad)}; a weight is 0 or more, and finite"
    for pixel, twin in _shared_forcing(ds):
        if ds["test"].values[pixel] != ds["test"].values[twin]:
            yield (
                f"pixels {twin} and {pixel} have the same forcing on two sides of the test split; put the "
                "pixels of one cell into one patch"
            )
            break
    if not ds["test"].values.any() or ds["test"].values.all():
        yield "all pixels are on one side of the test split; `split.choose_test_patches` draws one"


def _shared_forcing(ds: xr.Dataset) -> Iterator[tuple[int, int]]:
    """Pairs of pixels with the same weather but different patches: what one learns, the other has seen."""
    weather = np.ascontiguousarray(np.stack([ds["tmin"].values, ds["precip"].values], axis=1))
    patch = ds["patch"].values
    first: dict[bytes, int] = {}
    for pixel in range(ds.sizes["pixel"]):
        twin = first.setdefault(weather[pixel].tobytes(), pixel)
        if patch[twin] != patch[pixel]:
            yield pixel, twin


def _warnings(ds: xr.Dataset) -> Iterator[str]:
    for name, variable, values in _ranged(ds):
        outside = (values < variable.low) | (values > variable.high)
        if outside.any():
            worst = values[outside][np.argmax(np.abs(values[outside]))]
            yield (
                f"{name} {worst:g} {variable.unit} is implausible ({outside.sum()} values outside "
                f"{variable.low:g}..{variable.high:g}, first at {_place(ds, outside)})"
            )
    for name in schema.names(ds, "observation"):
        if not np.isfinite(ds[name].values).any():
            yield f"{name} holds no observation at all"
    for name in schema.names(ds, "predictor"):
        if not np.isfinite(ds[name].values).any():
            yield f"predictor {name} is missing at every pixel"
    for pixel, twin in _shared_forcing(ds):
        yield f"pixels {twin} and {pixel} have the same forcing in two patches, so train and dev may share it"
        break
    if ds.sizes["time"] % 12:
        left = ds.sizes["time"] % 12
        yield f"{ds.sizes['time']} months are no whole years; annual terms leave the last {left} out"


def _ranged(ds: xr.Dataset) -> Iterator[tuple[str, Variable, np.ndarray]]:
    for name, variable in FORCING.items():
        yield name, variable, ds[name].values
    for role in ("observation", "withheld"):
        for name in schema.names(ds, role):
            yield name, VARIABLES[STREAMS[schema.stream_of(name)]], ds[name].values


def _place(ds: xr.Dataset, where: np.ndarray) -> str:
    """The first true pixel and month, as people name them."""
    pixel, month = np.argwhere(where)[0]
    site = f" ({ds['site'].values[pixel]})" if "site" in ds else ""
    return f"pixel {pixel}{site}, {np.datetime_as_string(ds['time'].values[month], 'M')}"


def summary(ds: xr.Dataset) -> pd.DataFrame:
    """Table of the variables, in the order of the roles.

    Columns: variable, role, group (of a predictor, else ""), units, coverage (% of values that are there),
    min, mean, max (NaN for strings, and where nothing is there).
    """
    rows = []
    for role in schema.ROLES:
        for name in schema.names(ds, role):
            attrs, values = ds[name].attrs, ds[name].values
            numbers = values.astype(float) if values.dtype.kind in "fiub" else np.array([])
            there = numbers[np.isfinite(numbers)]
            low, mean, high = (there.min(), there.mean(), there.max()) if there.size else (np.nan,) * 3
            coverage = 100 * there.size / values.size if numbers.size else 100.0
            rows.append((name, role, attrs.get("group", ""), attrs["units"], coverage, low, mean, high))
    return pd.DataFrame(
        rows, columns=["variable", "role", "group", "units", "coverage", "min", "mean", "max"]
    )


def figure(ds: xr.Dataset) -> "Figure":
    """A map of the pixels by side of the test split, and below it the months observed by stream."""
    from matplotlib.figure import Figure  # drawing is no business of training processes

    streams = schema.names(ds, "observation")
    strips = 1.2 + 0.28 * len(streams)
    figure = Figure(figsize=(10, 4.3 + strips), layout="constrained")
    top, bottom = figure.subplots(2, 1, height_ratios=[4.3, strips])
    _draw_map(top, ds)
    _draw_months(bottom, ds, streams)
    return figure


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
    axes.set(xlim=(-180, 180), ylim=(-60, 85), xlabel="longitude (°E)", ylabel="latitude (°N)")
    axes.set_xticks(range(-180, 181, 60))
    axes.set_yticks(range(-60, 90, 30))
    axes.legend(
        loc="lower right", bbox_to_anchor=(1, 1), ncols=2, frameon=False, borderaxespad=0.2, fontsize=9
    )
    kind = " (synthetic)" if ds.attrs.get("kind") == "synthetic" else ""
    axes.set_title(f"{ds.attrs['name']}{kind}, {ds.sizes['time']} months", loc="left", fontsize=11)
    axes.spines[:].set_color("#bbbbbb")


def _draw_months(axes: "Axes", ds: xr.Dataset, streams: list[str]) -> None:
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.dates import date2num

    observed = [np.isfinite(ds[name].values) for name in streams]
    share = np.ma.masked_equal(100 * np.stack([there.mean(axis=0) for there in observed]), 0)
    colours = LinearSegmentedColormap.from_list("observed", ["#c6dbef", "#08306b"]).with_extremes(bad=_LAND)
    edges = _month_edges(ds["time"].values)
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
    for row, (name, there) in enumerate(zip(streams, observed, strict=True)):
        text = f"{there.sum():,}"
        withheld = schema.stream_variable(name, "withheld")
        if withheld in ds:
            text += f"  + {np.isfinite(ds[withheld].values).sum():,} withheld"
        axes.text(
            1.01, row + 0.5, text, transform=axes.get_yaxis_transform(), va="center", color=_INK, fontsize=9
        )
    axes.set_title(
        "Months observed by stream (grey: none), and the number of pixel-months", loc="left", fontsize=11
    )
    axes.spines[:].set_visible(False)
    bar = axes.figure.colorbar(mesh, ax=axes, orientation="horizontal", fraction=0.06, aspect=50, pad=0.04)
    bar.set_label("pixels observed in the month (%)")
    bar.outline.set_visible(False)


def _month_edges(time: np.ndarray) -> np.ndarray:
    first = time.astype("datetime64[M]")
    return np.append(first, first[-1] + 1).astype("datetime64[D]")
