"""Checks of a dataset before training; its table and picture are in `survey` and `picture`.

`schema` says what is a dataset at all; here is what its values ought to satisfy. Errors make training wrong
or unfair; warnings are for a person to look at. A dataset is read once, by blocks of pixels.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from hashlib import blake2b
from typing import Literal

import numpy as np
import pandas as pd
import xarray as xr

from landlab_mgr.data import schema, store, survey
from landlab_mgr.data.picture import figure as figure
from landlab_mgr.data.survey import summary as summary
from landlab_mgr.models import registry
from landlab_mgr.observations.calendar import Calendar
from landlab_mgr.observations.steps import LONGEST_DAY_STEP, Step
from landlab_mgr.observations.variables import Variable
from landlab_mgr.spec.run import RunSpec

MIN_PIXELS = 32
"""Of a patch of gridded data (science: patches with fewer valid pixels say little of their mean)."""

_STEP_TOLERANCE_DAYS: dict[Step, float] = {"month": 3.0, "day": 0.1}
"""Months may be counted as calendar months (28..31 days) or as twelfths of a year."""

_AXIS_TOLERANCE_DAYS: dict[Step, float] = {"month": 15.0, "day": LONGEST_DAY_STEP}
"""Half a month, or a day and a half: time_days beyond it names another step than the time axis."""

_DATE_UNIT: dict[Step, Literal["M", "D"]] = {"month": "M", "day": "D"}
"""Precision of dates by step, as they are written: 2001-06, 2001-06-15."""

_ENOUGH = ("tmin", "precip")
"""Forcing that tells cells apart where a dataset has both."""
_SHARED = ("co2", "burned_area")
"""Forcing that tells no cells apart: the same everywhere, or 0 in most."""

_SAYS_NOTHING = ("unknown", "none", "n/a", "na", "todo", "tbd", "?", "-")


@dataclass(frozen=True)
class Report:
    """Errors and warnings of `check`, one line each, and the table of `summary`.

    The table is empty where the schema already fails.
    """

    errors: list[str]
    warnings: list[str]
    table: pd.DataFrame

    @property
    def ok(self) -> bool:
        """Return whether there is no error; there may be warnings."""
        return not self.errors


def check(ds: xr.Dataset) -> Report:
    """Check a dataset: its schema, then forcing, ranges, time, leakage, provenance and integrity."""
    errors = list(schema.problems(ds))
    if errors:
        return Report(errors, [], pd.DataFrame())
    rules = list(_rules(ds))
    cells, table = _Cells(ds["patch"].values, ds["test"].values), survey.Table()
    signs = _Signs()
    unseen = 0
    for start, part in survey.blocks(ds):
        for rule in rules:
            rule.look(start, part)
        cells.look(start, part)
        table.add(part)
        seen = [np.isfinite(part[name].values).any(axis=1) for name in schema.names(ds, "observation")]
        unseen += int((~np.logical_or.reduce(seen)).sum()) if seen else 0
        signs.look(part)
    lines = {
        kind: [rule.line(ds) for rule in rules if rule.kind == kind and rule.count]
        for kind in ("error", "warning")
    }
    frame = table.frame(ds)
    errors = [*lines["error"], *_time_errors(ds), *_static_errors(ds), *cells.errors(), *signs.errors()]
    stored = ds.attrs.get("fingerprint")
    if stored is not None and store.fingerprint(ds) != stored:
        errors.append(
            f"content is not what was published as {stored}: the store is damaged; publish it again"
        )
    warnings = [*lines["warning"], *_warnings(ds, frame, unseen), *cells.warnings()]
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
        where = self.where(part)
        if not where.any():
            return
        if not self.count:
            pixel, step = np.argwhere(where)[0]
            self.first = (start + int(pixel), int(step))
        self.count += int(where.sum())
        if self.name:
            values = part[self.name].values[where].astype(np.float64)
            far = float(values[np.argmax(np.abs(values))])
            self.worst = max(self.worst, far, key=abs)

    def line(self, ds: xr.Dataset) -> str:
        return self.text.format(count=self.count, worst=f"{self.worst:g}", place=_place(ds, *self.first))


def _date(ds: xr.Dataset, time: np.datetime64) -> str:
    """Return a step as people name it."""
    return str(np.datetime_as_string(time, _DATE_UNIT[Calendar.of(ds).step]))


def _place(ds: xr.Dataset, pixel: int, step: int) -> str:
    """Return a pixel and step as people name them."""
    site = f" ({ds['site'].values[pixel]})" if "site" in ds else ""
    return f"pixel {pixel}{site}, {_date(ds, ds['time'].values[step])}"


def _rules(ds: xr.Dataset) -> Iterator[_Rule]:
    """Yield the rules that every step of every pixel is checked by."""
    present = {name: v for name, v in registry.forcing().items() if name in ds}
    for name in present:
        text = f"{name} misses {{count}} values, first at {{place}}; forcing must have no gaps"
        yield _Rule("error", partial(_gap, name), text)
    for name, v in present.items():
        low, high = schema.possible(v)
        if low == 0:
            text = f"{name} {{worst}} is below 0 ({{count}} values, first at {{place}}); clip round-off at 0"
            yield _Rule("error", partial(_outside, name, low, np.inf), text, name)
        if high == 1:
            text = f"{name} {{worst}} is above 1 ({{count}} values, first at {{place}}); it is a fraction"
            yield _Rule("error", partial(_outside, name, -np.inf, high), text, name)
        if v.unit == "degC":
            text = (
                f"{name} {{worst}} degC is no temperature of air ({{count}} values outside {low:g}..{high:g}, first at "
                "{place}); is the unit right?"
            )
            yield _Rule("error", partial(_outside, name, low, high), text, name)
    if "tmin" in present and "tmax" in present:
        yield _Rule("error", _crossed, "tmax is below tmin {count} times, first at {place}")
    step = Calendar.of(ds).step
    for name in schema.names(ds, "withheld"):
        stream = schema.stream_of(name)
        text = f"{{count}} {step}s of {stream} are withheld and for training too, first at {{place}}"
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
    yield from ((name, v) for name, v in registry.forcing().items() if name in ds)
    for role in ("observation", "withheld"):
        for name in schema.names(ds, role):
            yield name, schema.stream(name)


# --- time and split-- ---------------------------------------------------------------------------------------


def _time_errors(ds: xr.Dataset) -> Iterator[str]:
    time, dt = ds["time"].values, float(ds.attrs["dt_days"])
    step = Calendar.of(ds).step
    if np.isnat(time).any():
        yield f"time is missing at {step} {np.isnat(time).argmax() + 1}; every {step} once, in order"
        return
    steps = np.diff(_numbered(time, step, dt))
    for what, at in (("appears twice", steps == 0), ("is followed by an earlier one", steps < 0)):
        if at.any():
            yield f"{step} {_date(ds, time[:-1][at][0])} {what}; every {step} once, in order"
    if (steps > 1).any():
        yield f"{step}s are missing after {_date(ds, time[:-1][steps > 1][0])}; every {step} once, in order"
    since_origin = (time - np.datetime64(ds.attrs["origin"])) / np.timedelta64(1, "D")
    off = np.abs(ds["time_days"].values - since_origin)
    if not np.isfinite(off).all():
        yield f"time_days is missing at {step} {(~np.isfinite(off)).argmax() + 1}"
    elif not (off < _AXIS_TOLERANCE_DAYS[step]).all():
        origin = ds.attrs["origin"]
        where = _date(ds, time[int(off.argmax())])
        yield f"time_days is {off.max():.0f} days off the time axis at {where}; count from {origin}"
    uneven = np.abs(np.diff(ds["time_days"].values) - dt) > _STEP_TOLERANCE_DAYS[step]
    if uneven.any():
        yield f"time_days steps by other than dt_days = {ds.attrs['dt_days']} after {step} {uneven.argmax() + 1}"
    doy = ds["doy"].values
    if not ((doy >= 0) & (doy <= 367)).all():
        yield f"doy ranges from {doy.min():g} to {doy.max():g}; allowed: 0..367"


def _numbered(time: np.ndarray, step: Step, dt: float) -> np.ndarray:
    """[T] the calendar month of each step, or how many steps of `dt` days lie before it."""
    if step == "month":
        return time.astype("datetime64[M]").astype(int)
    return np.round((time - time[0]) / np.timedelta64(1, "D") / dt).astype(int)


def _static_errors(ds: xr.Dataset) -> Iterator[str]:
    for name in schema.names(ds, "predictor"):
        infinite = np.isinf(ds[name].values)
        if infinite.any():
            yield f"predictor {name} is infinite at pixel {infinite.argmax()}; missing is NaN"
    if ds["test"].values.all():
        yield "all pixels are of the test set, none is left to learn from; `split.choose_test_patches` draws one"


def _telling(ds: xr.Dataset) -> list[str]:
    """Names of the forcing that is the same only in pixels of one cell."""
    if all(name in ds for name in _ENOUGH):
        return list(_ENOUGH)
    return [name for name in registry.forcing() if name in ds and name not in _SHARED]


class _Cells:
    """Pixels with the same weather but different patches: what one learns, the other has seen."""

    def __init__(self, patch: np.ndarray, test: np.ndarray) -> None:
        self.patch, self.test = patch, test
        self.first: dict[bytes, int] = {}
        self.twins: tuple[int, int] | None = None
        self.straddling: tuple[int, int] | None = None

    def look(self, start: int, part: xr.Dataset) -> None:
        names = _telling(part)
        if not names:
            return
        weather = np.ascontiguousarray(np.stack([part[name].values for name in names], axis=1))
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


class _Signs:
    """Net exchange of towers beside the two fluxes that it is the difference of: its sign is theirs or the opposite."""

    def __init__(self) -> None:
        self.same = self.opposite = 0.0
        streams = {s.variable: s.name for s in registry.streams().values() if s.tower}
        self.net, self.uptake, self.release = (streams[name] for name in ("nee", "gpp", "reco"))

    def look(self, part: xr.Dataset) -> None:
        if not all(name in part for name in (self.net, self.uptake, self.release)):
            return
        net = part[self.net].values
        difference = part[self.release].values - part[self.uptake].values
        self.same += float(np.nansum(np.abs(net - difference)))
        self.opposite += float(np.nansum(np.abs(net + difference)))

    def errors(self) -> Iterator[str]:
        if self.opposite < 0.5 * self.same:
            yield (
                f"{self.net} is {self.uptake} - {self.release}; it must be positive to the atmosphere, "
                f"{self.release} - {self.uptake}: change its sign"
            )


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
    if not schema.names(ds, "observation"):
        yield "nothing is observed: members are applied to this dataset, and none is trained on it"
    elif not ds["test"].values.any():
        yield 'no pixel is kept for testing; train with split.kind = "all" or a kind that draws its own test set'
    calendar = Calendar.of(ds)
    dated = np.isfinite(ds["time"].values[0])
    warmup = calendar.steps_in_months(RunSpec.model_fields["warmup_months"].default) if dated else 0
    if dated and calendar.steps <= warmup and schema.names(ds, "observation"):
        yield (
            f"{calendar.steps} {calendar.step}s are no more than the warm-up that a grid skips by default: give it a "
            "smaller warmup_months"
        )
    remainder = calendar.steps - int(calendar.segments("year").max(initial=0)) if dated else 0
    if remainder:
        yield f"{calendar.steps} {calendar.step}s are no whole years; annual terms leave the last {remainder} out"
    for key in ("source", "licence", "citation"):
        if str(ds.attrs[key]).strip().lower() in _SAYS_NOTHING:
            yield f"{key} is {ds.attrs[key]!r}; say where the data come from and on what terms they may be used"
