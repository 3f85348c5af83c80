"""Is a dataset fit to learn from: its checks; its table and picture are `survey`'s and `picture`'s.

`schema` says what is a dataset at all; here is what its values ought to satisfy. Errors make training wrong
or unfair; warnings are for a person to look at. A dataset is read once, by blocks of pixels.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from hashlib import blake2b

import numpy as np
import pandas as pd
import xarray as xr

from landlab_mgr.data import schema, store, survey
from landlab_mgr.data.picture import figure as figure
from landlab_mgr.data.survey import summary as summary
from landlab_mgr.models.dalec.parameters import FORCING, STREAMS, VARIABLES, Variable

MIN_PIXELS = 32
"""Of a patch of gridded data (science: patches with fewer valid pixels say little of their mean)."""

_STEP_TOLERANCE_DAYS = 3.0
"""Months may be counted as calendar months (28..31 days) or as twelfths of a year."""

_MONTH_TOLERANCE_DAYS = 15.0
"""Half a month: time_days beyond it names another month than the time axis."""

_AT_LEAST_ZERO = ("vpd", "precip", "ssrd", "burned_area")
_SAYS_NOTHING = ("unknown", "none", "n/a", "na", "todo", "tbd", "?", "-")


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
    rules = list(_rules(ds))
    cells, table = _Cells(ds["patch"].values, ds["test"].values), survey.Table()
    unseen = 0
    for start, part in survey.blocks(ds):
        for rule in rules:
            rule.look(start, part)
        cells.look(start, part)
        table.add(part)
        seen = [np.isfinite(part[name].values).any(axis=1) for name in schema.names(ds, "observation")]
        unseen += int((~np.logical_or.reduce(seen)).sum())
    found = {
        kind: [rule.line(ds) for rule in rules if rule.kind == kind and rule.count]
        for kind in ("error", "warning")
    }
    frame = table.frame(ds)
    errors = [*found["error"], *_time_errors(ds), *_static_errors(ds), *cells.errors()]
    stored = ds.attrs.get("fingerprint")
    if stored is not None and store.fingerprint(ds) != stored:
        errors.append(
            f"content is not what was published as {stored}: the store is damaged; publish it again"
        )
    warnings = [*found["warning"], *_warnings(ds, frame, unseen), *cells.warnings()]
    return Report(errors, warnings, frame)


# --- values -------------------------------------------------------------------------------------------------


@dataclass
class _Rule:
    """Something no value (or few) may be: how often it is, where first, and what is said of it."""

    kind: str
    where: Callable[[xr.Dataset], np.ndarray]
    """Of a block: bool [pixel, time]."""
    text: str
    """Said of it; may hold {count}, {worst} and {place}."""
    name: str = ""
    """Variable whose worst value {worst} is: the one farthest from 0."""
    count: int = 0
    first: tuple[int, int] = (0, 0)
    worst: float = field(default=0.0)

    def look(self, start: int, part: xr.Dataset) -> None:
        there = self.where(part)
        if not there.any():
            return
        if not self.count:
            pixel, month = np.argwhere(there)[0]
            self.first = (start + int(pixel), int(month))
        self.count += int(there.sum())
        if self.name:
            values = part[self.name].values[there].astype(np.float64)
            far = float(values[np.argmax(np.abs(values))])
            self.worst = max(self.worst, far, key=abs)

    def line(self, ds: xr.Dataset) -> str:
        return self.text.format(count=self.count, worst=f"{self.worst:g}", place=_place(ds, *self.first))


def _place(ds: xr.Dataset, pixel: int, month: int) -> str:
    """A pixel and month, as people name them."""
    site = f" ({ds['site'].values[pixel]})" if "site" in ds else ""
    return f"pixel {pixel}{site}, {np.datetime_as_string(ds['time'].values[month], 'M')}"


def _rules(ds: xr.Dataset) -> Iterator[_Rule]:
    """What every month of every pixel is looked at for."""
    for name in FORCING:
        text = f"{name} misses {{count}} values, first at {{place}}; forcing must have no gaps"
        yield _Rule("error", partial(_gap, name), text)
    for name in _AT_LEAST_ZERO:
        text = f"{name} {{worst}} is below 0 ({{count}} values, first at {{place}}); clip round-off at 0"
        yield _Rule("error", partial(_outside, name, 0, np.inf), text, name)
    text = "burned_area {worst} is above 1 ({count} values, first at {place}); it is a fraction"
    yield _Rule("error", partial(_outside, "burned_area", -np.inf, 1), text, "burned_area")
    yield _Rule("error", _crossed, "tmax is below tmin {count} times, first at {place}")
    for name in schema.names(ds, "withheld"):
        stream = schema.stream_of(name)
        text = f"{{count}} months of {stream} are withheld and for training too, first at {{place}}"
        yield _Rule("error", partial(_both, name, stream), text)
    for name in schema.names(ds, "weight"):
        text = f"{name} {{worst}} at {{place}} ({{count}} such); a weight is 0 or more, and finite"
        yield _Rule("error", partial(_outside, name, 0, np.finfo(float).max), text, name)
    for name, v in _ranged(ds):
        text = (
            f"{name} {{worst}} {v.unit} is implausible ({{count}} values outside {v.low:g}..{v.high:g}, "
            "first at {place})"
        )
        yield _Rule("warning", partial(_outside, name, v.low, v.high), text, name)


def _gap(name: str, part: xr.Dataset) -> np.ndarray:
    return ~np.isfinite(part[name].values)


def _outside(name: str, low: float, high: float, part: xr.Dataset) -> np.ndarray:
    values = part[name].values
    return (values < low) | (values > high)


def _both(one: str, other: str, part: xr.Dataset) -> np.ndarray:
    return np.isfinite(part[one].values) & np.isfinite(part[other].values)


def _crossed(part: xr.Dataset) -> np.ndarray:
    return part["tmax"].values < part["tmin"].values


def _ranged(ds: xr.Dataset) -> Iterator[tuple[str, Variable]]:
    yield from FORCING.items()
    for role in ("observation", "withheld"):
        for name in schema.names(ds, role):
            yield name, VARIABLES[STREAMS[schema.stream_of(name)]]


# --- months and split ---------------------------------------------------------------------------------------


def _time_errors(ds: xr.Dataset) -> Iterator[str]:
    time = ds["time"].values
    if np.isnat(time).any():
        yield f"time is missing at month {np.isnat(time).argmax() + 1}; every month once, in order"
        return
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
    if not np.isfinite(off).all():
        yield f"time_days is missing at month {(~np.isfinite(off)).argmax() + 1}"
    elif not (off < _MONTH_TOLERANCE_DAYS).all():
        where = np.datetime_as_string(time[int(off.argmax())], "M")
        origin = ds.attrs["origin"]
        yield f"time_days is {off.max():.0f} days off the time axis at {where}; count from {origin}"
    uneven = np.abs(np.diff(ds["time_days"].values) - ds.attrs["dt_days"]) > _STEP_TOLERANCE_DAYS
    if uneven.any():
        dt = ds.attrs["dt_days"]
        yield f"time_days steps by other than dt_days = {dt} after month {uneven.argmax() + 1}"
    doy = ds["doy"].values
    if not ((doy >= 0) & (doy <= 367)).all():
        yield f"doy ranges from {doy.min():g} to {doy.max():g}; allowed: 0..367"


def _static_errors(ds: xr.Dataset) -> Iterator[str]:
    for name in schema.names(ds, "predictor"):
        infinite = np.isinf(ds[name].values)
        if infinite.any():
            yield f"predictor {name} is infinite at pixel {infinite.argmax()}; missing is NaN"
    if ds["test"].values.all():
        yield "all pixels are of the test set, none is left to learn from; `split.choose_test_patches` draws one"


class _Cells:
    """Pixels with the same weather but different patches: what one learns, the other has seen."""

    def __init__(self, patch: np.ndarray, test: np.ndarray) -> None:
        self.patch, self.test = patch, test
        self.first: dict[bytes, int] = {}
        self.twins: tuple[int, int] | None = None
        self.straddling: tuple[int, int] | None = None

    def look(self, start: int, part: xr.Dataset) -> None:
        weather = np.ascontiguousarray(np.stack([part["tmin"].values, part["precip"].values], axis=1))
        for pixel, series in enumerate(weather, start=start):
            twin = self.first.setdefault(blake2b(series.tobytes(), digest_size=12).digest(), pixel)
            if self.patch[twin] != self.patch[pixel]:
                self.twins = self.twins or (twin, pixel)
                if self.test[twin] != self.test[pixel]:
                    self.straddling = self.straddling or (twin, pixel)

    def errors(self) -> Iterator[str]:
        if self.straddling is not None:
            one, other = self.straddling
            yield (
                f"pixels {one} and {other} have the same forcing on two sides of the test split; put the "
                "pixels of one cell into one patch"
            )

    def warnings(self) -> Iterator[str]:
        if self.twins is not None:
            one, other = self.twins
            yield f"pixels {one} and {other} have the same forcing in two patches, so train and dev may share it"


# --- for a person to look at --------------------------------------------------------------------------------


def _warnings(ds: xr.Dataset, table: pd.DataFrame, unseen: int) -> Iterator[str]:
    empty = {str(row.variable): str(row.role) for row in table.itertuples() if row.coverage == 0}
    for name in (n for n, role in empty.items() if role == "observation"):
        yield f"{name} holds no observation at all"
    for name in (n for n, role in empty.items() if role == "predictor"):
        yield f"predictor {name} is missing at every pixel"
    if 0 < unseen < ds.sizes["pixel"]:
        yield f"{unseen} of {ds.sizes['pixel']} pixels have no observation in any stream; nothing is learnt from them"
    size = np.bincount(ds["patch"].values)
    if np.median(size) >= MIN_PIXELS and size.min() < MIN_PIXELS:
        few = int((size < MIN_PIXELS).sum())
        yield f"{few} of {size.size} patches have less than {MIN_PIXELS} pixels, the least {size.min()}; leave them out"
    if not ds["test"].values.any():
        yield 'no pixel is kept for testing; train with split.kind = "all" or a kind that draws its own test set'
    if ds.sizes["time"] % 12:
        left = ds.sizes["time"] % 12
        yield f"{ds.sizes['time']} months are no whole years; annual terms leave the last {left} out"
    for key in ("source", "licence", "citation"):
        if str(ds.attrs[key]).strip().lower() in _SAYS_NOTHING:
            yield f"{key} is {ds.attrs[key]!r}; say where the data come from and on what terms they may be used"
