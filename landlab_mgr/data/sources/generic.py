"""Importer of anybody's data: NetCDF, zarr or CSV files, and a TOML mapping that says what their names and units mean.

The files hold monthly or daily values over a list of pixels (sites), over a grid, or of one place; EXAMPLE is a
mapping. Group CLIM has MAT and MAP, of the mapping or means over the forcing. Of a grid, cells are left out that the
mask excludes, that lack forcing, or that have no observation at all; what is observed of patches as a whole (NBE, EWT)
counts where the dataset has 80 % of a patch's cells. Nothing large is held in memory.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import xarray as xr

from landlab_mgr.data import schema
from landlab_mgr.data.sources import (
    classes,
    forcing,
    gridded,
    months,
    places,
    source_files,
    tables,
    timestamps,
    units,
)
from landlab_mgr.data.sources.mapped import Files, Pixels
from landlab_mgr.data.sources.mapping import Mapping, Source, load
from landlab_mgr.errors import LandlabError
from landlab_mgr.models import registry
from landlab_mgr.observations.calendar import Calendar
from landlab_mgr.observations.steps import DAYS_PER_YEAR, MONTHS_PER_YEAR
from landlab_mgr.observations.variables import Variable

_NO_WORD = ("", "nan", "None", "NA", "N/A", "-9999")

EXAMPLE = """\
name = "my-sites"                     # of the dataset
source = "towers of my project, 2001-2016"
licence = "CC-BY-4.0"
citation = "Doe et al. (2026), doi:10.1234/5678"
missing = [-9999]                     # codes of missing values that the files do not declare
outside = "repeat"                    # of a list: pixels may have records of other years (else refused)
unobserved = "keep"                   # of a grid: cells with forcing alone, for predictions and budgets
test_fraction = 0.1                   # share of the patches that is kept for testing

[dims]
time = "time"                         # months (CF time axis, or give start = "2001-01" above) or days
pixel = "site"                        # a list; of a grid: lat = "latitude", lon = "longitude" (or y = "y", x = "x", if
                                      # its lat and lon have two dimensions); of one place: none of these

[geometry]
lat = "site_lat"                      # of a list; a grid has its axes
lon = "site_lon"
site = "site_name"                    # optional: names; also region, area_m2, test, and mask (of a grid)

[patches]
degrees = [4, 5]                      # boxes of latitude x longitude, or variable = "cell_number"
min_pixels = 1                        # smaller patches are left out
whole_share = 0.8                     # of a grid: NBE and EWT of patches with fewer of their cells are left out

[forcing]                             # what the models read; "name" alone where the file says the unit
tmin = {variable = "t2m_min", units = "K"}
tmax = {variable = "t2m_max", units = "K"}
ssrd = {variable = "swdown", units = "W m-2"}
co2 = {value = 400, units = "ppm"}    # a number is the same everywhere and always
vpd = "vpd"
precip = {variable = "rain", units = "kg m-2 s-1", fill = "rain_era"}   # fill: a variable for its gaps
burned_area = {value = 0}

[observations]                        # by stream; each value may have a weight
lai = "LAI"
gpp_fluxnet = {variable = "GPP", units = "umol m-2 s-1", weight = "GPP_weight"}

[withheld]                            # months of a stream that are scored and never learnt from
gpp_fluxnet = "GPP_validation"

[predictors.PFT]                      # by group; kind is "continuous" unless it says "class"
forest = {variable = "forest_fraction", units = "%"}

[predictors.SOIL]
soil_class = {variable = "texture", kind = "class", units = "1"}        # numbers, or words such as ENF
"""
"""A mapping with everything that one may hold; to copy and change."""


def read(
    path: str | Path | Sequence[str | Path], mapping: str | Path | Mapping
) -> tuple[xr.Dataset, list[str]]:
    """Read files by a mapping; nothing is written.

    Args:
        path: files that together hold the variables: NetCDF, zarr or CSV, directories of them, or patterns (`*.nc`).
        mapping: path of the TOML mapping, or a loaded one.

    Returns:
        The dataset, and notices of what was left out or changed, one line each.

    Raises:
        LandlabError: for a mapping or file that is missing or malformed; it names the mapping's key.
    """
    if not isinstance(mapping, Mapping):
        mapping = load(mapping)
    paths = source_files.expanded([path] if isinstance(path, str | Path) else path, tables.SUFFIXES)
    what = str(paths[0]) if len(paths) == 1 else f"{paths[0]} and {len(paths) - 1} more"
    csv = [p for p in paths if tables.is_table(p)]
    others = [p for p in paths if p not in csv]
    if not others:
        ds = tables.read(csv, mapping.dims, mapping.missing)
        return _dataset(_of_one_place(Files(ds, what, mapping)))
    with source_files.open_(others, mapping.dims.time) as opened:
        files = _of_one_place(Files(opened, what, mapping))
        if csv:
            files = _with_table(files, csv)
        return _dataset(files)


def _of_one_place(files: Files) -> Files:
    """Return files whose mapping names no dimension over places as those of a list of one."""
    dims = files.mapping.dims
    if dims.space:
        return files
    dim = tables.ONE_SITE
    ds = files.ds if dim in files.ds.dims else files.ds.assign_coords({dim: [0]})
    if ds.sizes[dim] != 1:
        raise LandlabError(
            f"dims: {files.path} has dimension {dim!r} of {ds.sizes[dim]}: name it as dims.pixel"
        )
    mapping = files.mapping.model_copy(update={"dims": dims.model_copy(update={"pixel": dim})})
    return replace(files, ds=ds, mapping=mapping)


def _with_table(files: Files, csv: list[Path]) -> Files:
    """Return files with the static variables of tables, joined by the names of the sites."""
    mapping = files.mapping
    dim, where = mapping.dims.pixel, ", ".join(map(str, csv))
    if dim is None:
        raise LandlabError(
            f"{where}: a table beside a grid has no place in it; give NetCDF with the grid's dimensions"
        )
    if len(files.ds[dim]) == 1:
        names = np.array(["site"])
        columns = tables.read(csv, mapping.dims.model_copy(update={"pixel": None}), mapping.missing)
    else:
        if mapping.geometry.site is None:
            raise LandlabError(f"key geometry.site is missing: {where} is joined by the names of the sites")
        columns = tables.read(
            csv, mapping.dims.model_copy(update={"pixel": _site_column(csv[0])}), mapping.missing
        )
        names = places.names(files, "site", mapping.geometry.site)
    return replace(files, ds=tables.beside(files.ds, columns, names, dim, where))


def _site_column(path: Path) -> str:
    """First column of a table: what names its rows."""
    with source_files.readable(str(path)), path.open(encoding="utf-8-sig") as file:
        return re.split(r"[,;\t]", file.readline().strip())[0].strip().strip('"')


def _dataset(files: Files) -> tuple[xr.Dataset, list[str]]:
    mapping = files.mapping
    files.check_units()
    notices: list[str] = []
    pixels, geometry = places.geometry(files, notices)
    time = files.array("dims.time", mapping.dims.time)
    axis = months.read(time, mapping.start, files.path, True, timestamps.bounds_of(files.ds, time))
    if axis.source is not None and axis.leap.any():
        files = replace(files, ds=files.ds.isel({mapping.dims.time: axis.source}))
        notices.append(
            "the files lack 29 February: its forcing is that of the day before, and nothing is observed"
        )
    files = replace(files, days_of_month=axis.days_of_month)
    attrs = {key: getattr(mapping, key) for key in ("name", "kind", "source", "licence", "citation")}
    attrs |= {"dt_days": axis.dt_days, "origin": axis.origin}
    ds = months.dataset(axis).assign_attrs(attrs)
    for name, (values, unit, about) in geometry.items():
        schema.add(ds, name, values, "geometry", unit, about)
    unforced = _add_forcing(ds, files, pixels, notices)
    for role, streams in (("observation", mapping.observations), ("withheld", mapping.withheld)):
        for stream, given in streams.items():
            variable = schema.stream(stream)
            key = f"{'observations' if role == 'observation' else role}.{stream}"
            values = _observed(ds, files, key, given, variable, pixels)
            if unforced is not None or axis.leap.any():
                values = np.where(axis.leap if unforced is None else unforced | axis.leap, np.nan, values)
            schema.add(
                ds, schema.stream_variable(stream, role), values, role, variable.unit, variable.meaning
            )
            weight = getattr(given, "weight", None)
            if weight is not None:
                values = files.series(f"{key}.weight", weight, None, "1", "1", pixels)
                schema.add(ds, f"{stream}_weight", values, "weight", "1", f"weight of each value of {stream}")
    if mapping.dims.grid:
        ds = gridded.drop_parts(ds, places.cells_of_a_patch(files, ds), mapping.patches.whole_share, notices)
    _add_predictors(ds, files, pixels)
    return schema.validate(ds), notices


def _observed(
    ds: xr.Dataset, files: Files, key: str, given: Source, variable: Variable, pixels: Pixels
) -> np.ndarray:
    """Read a stream [pixel, time]; evapotranspiration may be latent heat, by the air's temperature."""
    have = given.units
    if have is None and given.variable is not None:
        have = files.array(key, given.variable).attrs.get("units")
    if variable.name != "et" or not units.is_power(None if have is None else str(have)):
        return files.series(key, given.variable, given.value, given.units, variable.unit, pixels)
    energy = files.series(key, given.variable, given.value, given.units, "MJ m-2 d-1", pixels)
    if "tmin" not in ds or "tmax" not in ds:
        raise LandlabError(
            f"{key} is latent heat in {have}, which needs forcing tmin and tmax to become water"
        )
    return energy / units.latent_heat((ds["tmin"].values + ds["tmax"].values) / 2)


def _add_forcing(ds: xr.Dataset, files: Files, pixels: Pixels, notices: list[str]) -> np.ndarray | None:
    """Add the forcing; return the steps [pixel, time] at which it is another year's, None where all is its own."""
    unit: Literal["M", "D"] = "M" if Calendar.of(ds).step == "month" else "D"

    def place(pixel: int, step: int) -> str:
        return f"pixel {pixel}, {np.datetime_as_string(ds['time'].values[step], unit)}"

    series: dict[str, np.ndarray] = {}
    flag: np.ndarray | None = None
    for name, variable in registry.forcing().items():
        given = files.mapping.forcing.get(name)
        if given is None:
            continue
        key = f"forcing.{name}"
        values = files.series(key, given.variable, given.value, given.units, variable.unit, pixels)
        if given.fill is not None:
            fill, own = given.fill, given.fill.units
            if own is None and fill.variable and not files.array(key, fill.variable).attrs.get("units"):
                own = given.units  # of one file with the variable that it fills
            other = files.series(f"{key}.fill", fill.variable, fill.value, own, variable.unit, pixels)
            gap = ~np.isfinite(values) & np.isfinite(other)
            values = np.where(gap, other, values)
            flag = np.zeros(values.shape, np.int8) if flag is None else flag
            flag[gap] = forcing.FILLED
        series[name] = values
    unforced = None
    if files.mapping.outside == "repeat":
        unforced = _repeat(series, ds)
        flag = np.zeros(unforced.shape, np.int8) if flag is None else flag
        flag[unforced] = forcing.REPEATED
        if unforced.any():
            notices.append(
                f"{unforced.any(axis=1).sum()} pixels have no forcing in some of the years: there the stores of a "
                "model stand still, and nothing is observed"
            )
    for name, values in series.items():
        variable = registry.forcing()[name]
        values, clipped = forcing.sound(name, values, f"forcing.{name}", place)
        notices += clipped
        schema.add(ds, name, values, "forcing", variable.unit, variable.meaning)
    if flag is not None:
        forcing.add_sources(ds, flag)
    return unforced


def _repeat(series: dict[str, np.ndarray], ds: xr.Dataset) -> np.ndarray:
    """Repeat each pixel's own record over the whole axis, in place; return where [pixel, time]."""
    complete = np.logical_and.reduce([np.isfinite(x) for x in series.values()])
    count = complete.shape[1]
    outside = np.zeros(complete.shape, bool)
    per_year = MONTHS_PER_YEAR if Calendar.of(ds).step == "month" else DAYS_PER_YEAR
    for name in series:
        series[name] = np.array(series[name])
    for pixel in np.flatnonzero(complete.any(axis=1) & ~complete.all(axis=1)):
        there = np.flatnonzero(complete[pixel])
        first, last = int(there[0]), int(there[-1])
        outside[pixel] = True
        outside[pixel, first : last + 1] = False
        for values in series.values():
            values[pixel] = forcing.repeated(values[pixel, first : last + 1], first, count, per_year)
    return outside


def _add_predictors(ds: xr.Dataset, files: Files, pixels: Pixels) -> None:
    for group, predictors in files.mapping.predictors.items():
        for name, given in predictors.items():
            key = f"predictors.{group}.{name}"
            attrs: dict[str, Any] = {"group": group, "kind": given.kind}
            if given.variable is None:
                values, unit = np.full(len(pixels), float(given.value or 0)), given.units or "1"
            elif given.kind == "class" and files.array(key, given.variable).dtype.kind in "OUST":
                words = places.words(files, key, given.variable, pixels)
                about = given.long_name or name.replace("_", " ")
                classes.add(ds, name, [w if w not in _NO_WORD else None for w in words], group, about)
                continue
            else:
                quantity = given.kind == "continuous"
                values = files.static(key, given.variable, None, None, pixels, quantity)
                unit = given.units or str(files.array(key, given.variable).attrs.get("units") or "1")
            if given.kind == "class":
                attrs["classes"] = np.unique(values[np.isfinite(values)]).tolist()
                if not attrs["classes"]:
                    raise LandlabError(
                        f"{key}: {given.variable!r} is missing at every pixel; leave the predictor out"
                    )
            schema.add(
                ds, name, values, "predictor", unit, given.long_name or name.replace("_", " "), **attrs
            )
    for name, (values, unit, about) in months.climate(ds).items():
        if name not in ds:
            schema.add(ds, name, values, "predictor", unit, about, group="CLIM", kind="continuous")
