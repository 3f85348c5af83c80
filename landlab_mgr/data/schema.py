"""Schema of a dataset: dims, roles, attributes, and what each must satisfy.

A dataset is an `xarray.Dataset` over `pixel` and `time`. Every data variable has attrs `units`, `long_name`
and `role`; the coordinate is `time`. Missing is NaN. What is plausible (ranges, gaps) is `check`'s business:
here is only what every reader relies on. Forcing and streams are those of the dictionaries and of the installed models
(`models.registry`); a dataset holds the forcing of the models that shall be trained on it, at least one variable.
"""

import re
from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from landlab_mgr.errors import LandlabError
from landlab_mgr.models import registry
from landlab_mgr.models.options import PLACE
from landlab_mgr.observations.streams import stream_of as stream_of
from landlab_mgr.observations.streams import stream_variable as stream_variable
from landlab_mgr.observations.variables import IN_RECORD, Variable

if TYPE_CHECKING:
    import xarray as xr

SCHEMA_VERSION = 1

ROLES: dict[str, tuple[str, ...]] = {
    "forcing": ("pixel", "time"),
    "record": ("pixel", "time"),
    "time axis": ("time",),
    "predictor": ("pixel",),
    "observation": ("pixel", "time"),
    "weight": ("pixel", "time"),
    "withheld": ("pixel", "time"),
    "geometry": ("pixel",),
    "truth": ("pixel",),
    "flag": ("pixel", "time"),
}
"""Roles of variables and the dims each has.

Record: the steps of a pixel's own record, outside of which its forcing is a filling (IN_RECORD). Truth: what synthetic
data know and nobody learns from. A flag says how a value came about, for people.
"""

ATTRIBUTES = ("name", "kind", "source", "licence", "citation", "dt_days", "origin")
TIME_AXIS = ("time_days", "doy")
GEOMETRY = ("patch", "lat", "lon", "area_m2", "test")
OPTIONAL_GEOMETRY = ("site", "region")

PLANT_TYPES = ("NF", "DBF", "EBF", "MF", "SH", "SAV", "GRA", "WET", "CRO", "NVG")
"""Fractions of plant types, the continuous predictors of group PFT in the datasets that have them all."""

IMPLICIT_GROUPS = ("CONTROL", "LATLON", PLACE)
"""Predictor groups of every dataset: noise drawn by the member, the pixel's own lat and lon, and its number."""

BESIDE_STREAMS = ("weight", "withheld")
"""Roles of variables that belong to the observation stream of their name."""
TRUTH = "true_"
"""Prefix of a parameter's name in the role of truth."""


def names(ds: "xr.Dataset", role: str) -> list[str]:
    """Sorted names of the variables of a role (sorted, because stores do not keep an order)."""
    return sorted(str(name) for name, variable in ds.data_vars.items() if variable.attrs.get("role") == role)


def stream(name: str) -> Variable:
    """Return what the stream that a variable belongs to observes."""
    return registry.variables()[registry.streams()[stream_of(name)].variable]


AIR_TEMPERATURE = (-100.0, 80.0)
"""Bounds of air temperature in degC, beyond the records of -89.2 (Vostok, 1983) and 56.7 (Furnace Creek, 1913)."""


def possible(variable: Variable) -> tuple[float, float]:
    """Bounds of what a variable can be.

    0 below where it is never negative, 1 above where it is a fraction, those of air for temperatures of air.
    """
    if variable.unit == "degC":
        return AIR_TEMPERATURE
    fraction = variable.never_negative and variable.unit == "1" and variable.high == 1
    return (0.0 if variable.never_negative else -np.inf), (1.0 if fraction else np.inf)


def add(
    ds: "xr.Dataset", name: str, values: np.ndarray, role: str, units: str, long_name: str, **attrs: Any
) -> None:
    """Put a variable into a dataset, over the dims of its role and with the attributes that each needs."""
    ds[name] = (ROLES[role], values, {"units": units, "long_name": long_name, "role": role, **attrs})


def validate(ds: "xr.Dataset") -> "xr.Dataset":
    """Return the dataset, stamped with the schema's version, if it is valid.

    Raises `LandlabError` with the first of its `problems`, and how many more there are.
    """
    lines = list(problems(ds))
    if lines:
        more = f" (and {len(lines) - 1} more)" if len(lines) > 1 else ""
        raise LandlabError(f"dataset {ds.attrs.get('name', 'without a name')!r}: {lines[0]}{more}")
    return ds.assign_attrs(schema_version=SCHEMA_VERSION)


def problems(ds: "xr.Dataset") -> Iterator[str]:
    """Everything in which a dataset departs from the schema, one line each; empty when it is valid."""
    yield from _attribute_problems(ds)
    yield from _dimension_problems(ds)
    for name, variable in ds.data_vars.items():
        yield from _variable_problems(str(name), variable)
    if not names(ds, "forcing"):
        yield f"no forcing; give at least one of {', '.join(registry.forcing())}"
    required = (("time axis", TIME_AXIS), ("geometry", GEOMETRY))
    for role, members in required:
        missing = [name for name in members if name not in names(ds, role)]
        if missing:
            yield f"no {', '.join(missing)} with role {role!r}; every dataset needs {', '.join(members)}"
    if ds.attrs.get("kind") == "real" and names(ds, "truth"):
        yield f"{names(ds, 'truth')[0]} has role 'truth', which only synthetic data can have"
    for role in BESIDE_STREAMS:
        for name in names(ds, role):
            if stream_of(name) in registry.streams() and stream_of(name) not in names(ds, "observation"):
                yield f"{name} has no observation stream {stream_of(name)} beside it"
    if all(name in ds and ds[name].dims == ("pixel",) for name in GEOMETRY):
        yield from _geometry_problems(ds)


def _attribute_problems(ds: "xr.Dataset") -> Iterator[str]:
    attrs = ds.attrs
    missing = [name for name in ATTRIBUTES if attrs.get(name) in (None, "")]
    if missing:
        yield f"attributes {', '.join(missing)} are missing or empty"
    if "name" in attrs and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", str(attrs["name"])):
        yield f"name {attrs['name']!r}: letters, digits, '_', '.', '-' only, the first a letter or digit"
    if "kind" in attrs and attrs["kind"] not in ("real", "synthetic"):
        yield f"kind {attrs['kind']!r}; allowed: real, synthetic"
    dt = attrs.get("dt_days")
    if dt is not None and not (isinstance(dt, int | float | np.number) and np.isfinite(dt) and dt > 0):
        yield f"dt_days {dt!r} is not a positive number of days"
    if "origin" in attrs:
        try:
            date.fromisoformat(str(attrs["origin"]))
        except ValueError:
            yield f"origin {attrs['origin']!r} is not a date like 2001-01-01"
    if attrs.get("schema_version", SCHEMA_VERSION) != SCHEMA_VERSION:
        yield f"schema_version {attrs['schema_version']!r}; this landlab reads {SCHEMA_VERSION}"


def _dimension_problems(ds: "xr.Dataset") -> Iterator[str]:
    if set(ds.dims) != {"pixel", "time"}:
        yield f"dims {', '.join(map(str, ds.dims)) or 'none'}; allowed: exactly pixel and time"
    empty = [str(dim) for dim, size in ds.sizes.items() if size == 0]
    if empty:
        yield f"{' and '.join(empty)} of length 0"
    if not {"time"} <= set(ds.coords) <= {"time", "pixel"}:
        yield f"coordinates {', '.join(map(str, ds.coords)) or 'none'}; allowed: time, and pixel if need be"
    elif ds["time"].dtype.kind != "M" or ds["time"].dims != ("time",):
        yield f"coordinate time has dtype {ds['time'].dtype}; it must be datetime64 over time"


def _variable_problems(name: str, variable: "xr.DataArray") -> Iterator[str]:
    attrs = variable.attrs
    missing = [key for key in ("units", "long_name", "role") if not attrs.get(key)]
    if missing:
        yield f"{name} has no attribute {', '.join(missing)}"
    role = attrs.get("role")
    if role is None:
        return
    if role not in ROLES:
        yield f"{name} has role {role!r}; allowed: {', '.join(ROLES)}"
        return
    if variable.dims != ROLES[role]:
        yield f"{name} has dims {variable.dims}; role {role!r} needs {ROLES[role]}"
    kinds, what = _KINDS.get(name, ("fiu", "numbers"))
    if variable.dtype.kind not in kinds:
        yield f"{name} has dtype {variable.dtype}; it must hold {what}"
        return
    yield from _role_problems(name, variable, role)


_KINDS = {
    **dict.fromkeys(OPTIONAL_GEOMETRY, ("OUT", "strings")),
    "test": ("b", "booleans"),
    "patch": ("iu", "integers"),
}
"""Kinds of dtype of the variables that are no numbers, and what they hold."""


def _role_problems(name: str, variable: "xr.DataArray", role: str) -> Iterator[str]:
    """Yield what a variable's role forbids: another name, or another unit."""
    forcing, streams = registry.forcing(), registry.streams()
    allowed = {
        "forcing": tuple(forcing),
        "record": (IN_RECORD,),
        "time axis": TIME_AXIS,
        "geometry": GEOMETRY + OPTIONAL_GEOMETRY,
    }
    if role in allowed and name not in allowed[role]:
        yield f"{name} is no {role} variable; allowed: {', '.join(allowed[role])}"
    if role == "observation" or role in BESIDE_STREAMS:
        suffix = stream_variable("", role)
        if name.removesuffix(suffix) not in streams or not name.endswith(suffix):
            yield f"{name} with role {role!r} must be named <stream>{suffix}; streams: {', '.join(streams)}"
        elif role != "weight":
            yield from _unit_problem(name, variable, stream(name).unit)
    if role == "forcing" and name in forcing:
        yield from _unit_problem(name, variable, forcing[name].unit)
    if role == "truth" and name.removeprefix(TRUTH) not in registry.parameters():
        yield f"{name} with role 'truth' must be named {TRUTH}<parameter>"
    if role == "predictor":
        yield from _predictor_problems(name, variable)


def _unit_problem(name: str, variable: "xr.DataArray", unit: str) -> Iterator[str]:
    if variable.attrs.get("units") != unit:
        yield f"{name} is in {variable.attrs.get('units')!r}; convert it to {unit!r}"


def _predictor_problems(name: str, variable: "xr.DataArray") -> Iterator[str]:
    group, kind = variable.attrs.get("group"), variable.attrs.get("kind")
    if not group or group in IMPLICIT_GROUPS:
        reserved = " and ".join(IMPLICIT_GROUPS)
        yield f"predictor {name} has group {group!r}; give it a group name ({reserved} are taken)"
    if kind not in ("continuous", "class"):
        yield f"predictor {name} has kind {kind!r}; allowed: continuous, class"
    if kind == "class":
        classes = [float(code) for code in np.atleast_1d(variable.attrs.get("classes", []))]
        if not classes or classes != sorted(set(classes)):
            yield f"predictor {name} has classes {classes}; give its codes as a sorted list, each once"
        values = variable.values.astype(float)
        strange = np.setdiff1d(values[~np.isnan(values)], classes)
        if classes and strange.size:
            yield f"predictor {name} holds code {strange[0]:g}, which is not in its classes"


def _geometry_problems(ds: "xr.Dataset") -> Iterator[str]:
    if ds["patch"].dtype.kind not in "iu" or ds["test"].dtype.kind != "b":
        return  # already reported with the variable
    patch, test = ds["patch"].values, ds["test"].values
    distinct = np.unique(patch)
    if not np.array_equal(distinct, np.arange(distinct.size)):
        yield f"patch numbers must be 0..{distinct.size - 1} without gaps, not {distinct[0]}..{distinct[-1]}"
    else:
        share = np.bincount(patch, weights=test) / np.bincount(patch)
        mixed = np.flatnonzero((share > 0) & (share < 1))
        if mixed.size:
            yield f"patch {mixed[0]} holds test and other pixels; a patch is test as a whole or not at all"
    for name, low, high in (("lat", -90, 90), ("lon", -180, 180), ("area_m2", 0, np.inf)):
        values = ds[name].values
        bad = ~(np.isfinite(values) & (values >= low) & (values <= high))
        if bad.any():
            yield f"{name} {values[bad][0]} at pixel {bad.argmax()}; allowed: {low}..{high}"
