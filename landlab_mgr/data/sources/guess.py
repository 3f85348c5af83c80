"""A mapping proposed for files that nobody has described: names, units and roles, with doubts as comments.

It is text to be edited. Nothing is imported by it, and whatever it is unsure of says so.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import xarray as xr

from landlab_mgr.data.sources import source_files, tables, timestamps, units
from landlab_mgr.data.sources.mapping import Dims
from landlab_mgr.errors import LandlabError
from landlab_mgr.models import registry
from landlab_mgr.observations.streams import STREAMS
from landlab_mgr.observations.variables import Variable

_FORCING = {
    "tmin": r"tn|t(2m)?_?mi?n|tas_?min|mn2t|min(imum)?_?temp\w*|temp\w*_?min|ta_f?_?night",
    "tmax": r"tx|t(2m)?_?ma?x|tas_?max|mx2t|max(imum)?_?temp\w*|temp\w*_?max|ta_f?_?day",
    "ssrd": r"ssrd|rsds|sw_?(in|down)\w*|solr|srad|swdown|shortwave\w*|radiation",
    "co2": r"co2\w*|xco2",
    "vpd": r"vpd\w*",
    "precip": r"p|p_f|pr|pre|prec|precip\w*|prcp|rain\w*|tp|total_prec\w*",
    "burned_area": r"burn\w*|ba",
}
"""Names that people give to forcing, in lower case."""
_OBSERVED = {
    "gpp": r"gpp\w*",
    "nee": r"nee\w*|fc",
    "reco": r"reco\w*|er|ter",
    "et": r"et\w*|le\w*|evap\w*|latent\w*",
}
"""Names that people give to fluxes of towers; of other variables they are ours."""
_PLACES = {
    "lat": r"(\w+_)?lat(itude)?\d?(_n|_deg)?",
    "lon": r"(\w+_)?lon(g|gitude)?\d?(_e|_deg)?",
    "site": r"site(_?(name|id|code))?|station\w*|name|id|tower|plot|pixel",
    "time": r"time|date|month|day|timestamp\w*",
}


def propose(paths: list[str]) -> str:
    """Return a mapping for files, as TOML with comments.

    Raises:
        LandlabError: for files that cannot be read.
    """
    files = source_files.expanded(paths, tables.SUFFIXES)
    csv = [p for p in files if tables.is_table(p)]
    if len(csv) < len(files):
        with source_files.open_([p for p in files if p not in csv]) as ds:
            return "\n".join(_lines(ds, files, csv, _dims(ds)))
    dims = _dims_of_tables(csv)
    return "\n".join(_lines(tables.read(csv, dims), files, [], dims))


def _dims_of_tables(paths: list[Path]) -> Dims:
    columns: list[str] = []
    for path in paths:
        with source_files.readable(str(path)), path.open(encoding="utf-8-sig") as file:
            columns += [c.strip().strip('"') for c in re.split(r"[,;\t]", file.readline().strip())]
    time = next((c for c in columns if _is(c, "time")), None)
    return Dims(pixel=next((c for c in columns if _is(c, "site")), None), time=time or "time")


def _dims(ds: xr.Dataset) -> Dims:
    names = [str(d) for d in ds.dims if ds.sizes[d] > 1 or d in ds.coords]
    time = next((d for d in names if _is(d, "time") or (d in ds and timestamps.is_dated(ds[d]))), "time")
    space = [d for d in names if d != time and d not in ("bnds", "nv") and ds.sizes[d] > 1]
    lat, lon = (next((d for d in space if _is(d, key) and d in ds.variables), None) for key in ("lat", "lon"))
    if lat and lon:
        return Dims(time=time, lat=lat, lon=lon)
    two = next((v.dims for n, v in ds.variables.items() if _is(str(n), "lat") and v.ndim == 2), None)
    if two is not None:
        return Dims(time=time, y=str(two[0]), x=str(two[1]))
    return Dims(time=time, pixel=space[0] if space else None)


def _is(name: str, what: str) -> bool:
    return re.fullmatch(_PLACES[what], name.lower()) is not None


def _lines(ds: xr.Dataset, files: list[Path], csv: list[Path], dims: Dims) -> Iterator[str]:
    yield f"# Proposed for {', '.join(p.name for p in files)[:200]}: check every line, above all those with a '?'."
    yield f'name = "{re.sub(r"[^A-Za-z0-9_.-]+", "-", files[0].stem).strip("-._") or "mine"}"'
    yield 'source = "?"                     # ? where the data come from'
    yield 'licence = "?"                    # ? under which they may be used'
    yield 'citation = "?"                   # ? what to cite'
    if _has_code(ds):
        yield "missing = [-9999]                # found among the values"
    yield ""
    yield "[dims]"
    yield f'time = "{dims.time}"' + (
        "" if dims.time in ds.dims else "                    # ? not in the files"
    )
    for key in ("pixel", "lat", "lon", "y", "x"):
        if getattr(dims, key):
            yield f'{key} = "{getattr(dims, key)}"'
    if not dims.space:
        yield "# no dimension over places: the files are of one"
    yield ""
    used = {dims.time, *dims.space}
    if not dims.lat:
        yield "[geometry]"
        for key in ("lat", "lon", *(("site",) if dims.pixel else ())):
            name = next((str(n) for n in ds.variables if _is(str(n), key)), None)
            used |= {name} if name else set()
            missing = f"{key} = {{value = 0}}                # ? not among the variables"
            yield (
                f'{key} = "{name}"' if name else missing if key != "site" else "# site = ? no names of places"
            )
        yield ""
    forcing, fluxes = registry.forcing(), {s.variable: s.name for s in STREAMS.values() if s.tower}
    own = {s.variable: s.name for s in reversed(list(STREAMS.values())) if s.variable not in fluxes}
    yield "[forcing]"
    for key, pattern in _FORCING.items():
        yield from _entry(ds, dims, key, pattern, forcing[key], used, True)
    yield ""
    yield "[observations]"
    for key, stream in (fluxes | own).items():
        variable = registry.variables()[key]
        pattern = _OBSERVED.get(key) or rf"{key}\w*|{variable.symbol.lower() or key}"
        yield from _entry(ds, dims, stream, pattern, variable, used, False)
    yield ""
    yield from _predictors(ds, dims, used)
    if csv:
        yield f"# predictors of {', '.join(p.name for p in csv)} are joined by geometry.site; name its columns above"
    left = [str(n) for n in ds.data_vars if str(n) not in used]
    if left:
        yield f"# not used: {', '.join(left)}"


def _entry(
    ds: xr.Dataset, dims: Dims, key: str, pattern: str, variable: Variable, used: set[str], forcing: bool
) -> Iterator[str]:
    """One line of forcing or observations, and what is doubtful in it."""
    names = [str(n) for n in ds.data_vars if str(n) not in used and re.fullmatch(pattern, str(n).lower())]
    names = [n for n in names if dims.time in ds[n].dims]
    if not names:
        if forcing:
            value = "0" if variable.unit == "1" else "?"
            yield f'# {key} = {{value = {value}, units = "{variable.unit}"}}   # ? no variable of such a name'
        return
    name = names[0]
    used.add(name)
    others = f"; or {', '.join(names[1:4])}" if names[1:] else ""
    unit = str(ds[name].attrs.get("units", "")).strip()
    try:
        if key not in STREAMS or not units.is_power(unit):
            units.convert(np.zeros(1), unit or None, variable.unit, name)
        yield f'{key} = "{name}"' + (f"   # ?{others}" if others else "")
    except LandlabError:
        why = f"its unit {unit!r} is not one of {variable.unit}" if unit else "the files tell no unit"
        yield f'{key} = {{variable = "{name}", units = "{variable.unit}"}}   # ? {why}{others}'


def _predictors(ds: xr.Dataset, dims: Dims, used: set[str]) -> Iterator[str]:
    lines = []
    for name, variable in ds.data_vars.items():
        if str(name) in used or dims.time in variable.dims or not set(variable.dims) <= set(dims.space):
            continue
        if not variable.dims:
            continue
        used.add(str(name))
        key = re.sub(r"\W+", "_", str(name))
        words = variable.dtype.kind in "OUST"
        lines.append(f'{key} = {{variable = "{name}", kind = "class"}}' if words else f'{key} = "{name}"')
    if lines:
        yield "[predictors.SITE]                # ? the group: PFT, SOIL, AGE, or a name of yours"
        yield from lines
        yield ""


def _has_code(ds: xr.Dataset) -> bool:
    return any(
        bool((v.values == -9999).any()) for v in ds.data_vars.values() if v.dtype.kind == "f" and v.size < 1e7
    )
