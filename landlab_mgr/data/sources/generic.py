"""Importer of anybody's data: NetCDF or zarr files, and a TOML mapping that says what their names and units mean.

The files hold monthly or daily values over a list of pixels (sites) or a latitude-longitude grid; EXAMPLE is a
mapping. Group CLIM has MAT and MAP, of the mapping or means over the forcing. Of a grid, cells are left out that the
mask excludes, that lack forcing, or that have no observation at all; what is observed of patches as a whole (NBE, EWT)
counts where the dataset has 80 % of a patch's cells. Nothing large is held in memory.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import xarray as xr

from landlab_mgr.data import schema
from landlab_mgr.data.sources import forcing, gridded, months, places, source_files, timestamps
from landlab_mgr.data.sources.mapped import Files, Pixels
from landlab_mgr.data.sources.mapping import Mapping, load
from landlab_mgr.errors import LandlabError
from landlab_mgr.models import registry
from landlab_mgr.observations.calendar import Calendar

EXAMPLE = """\
name = "my-sites"                     # of the dataset
source = "towers of my project, 2001-2016"
licence = "CC-BY-4.0"
citation = "Doe et al. (2026), doi:10.1234/5678"
missing = [-9999]                     # codes of missing values that the files do not declare
test_fraction = 0.1                   # share of the patches that is kept for testing

[dims]
time = "time"                         # months (CF time axis, or give start = "2001-01" above) or days
pixel = "site"                        # a list; of a grid: lat = "latitude", lon = "longitude"

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
precip = {variable = "rain", units = "kg m-2 s-1"}
burned_area = {value = 0}

[observations]                        # by stream; each value may have a weight
lai = "LAI"
gpp_fluxnet = {variable = "GPP", units = "umol m-2 s-1", weight = "GPP_weight"}

[withheld]                            # months of a stream that are scored and never learnt from
gpp_fluxnet = "GPP_validation"

[predictors.PFT]                      # by group; kind is "continuous" unless it says "class"
forest = {variable = "forest_fraction", units = "%"}

[predictors.SOIL]
soil_class = {variable = "texture", kind = "class", units = "1"}
"""
"""A mapping with everything that one may hold; to copy and change."""


def read(path: str | Path, mapping: str | Path | Mapping) -> tuple[xr.Dataset, list[str]]:
    """Read files by a mapping; nothing is written.

    Args:
        path: a NetCDF file, a zarr store, or a directory whose NetCDF files together hold the variables.
        mapping: path of the TOML mapping, or a loaded one.

    Returns:
        The dataset, and notices of what was left out or changed, one line each.

    Raises:
        LandlabError: for a mapping or file that is missing or malformed; it names the mapping's key.
    """
    if not isinstance(mapping, Mapping):
        mapping = load(mapping)
    with source_files.open_(path) as opened:
        return _dataset(Files(opened, str(path), mapping))


def _dataset(files: Files) -> tuple[xr.Dataset, list[str]]:
    mapping = files.mapping
    files.check_units()
    notices: list[str] = []
    pixels, geometry = places.geometry(files, notices)
    time = files.array("dims.time", mapping.dims.time)
    axis = months.read(time, mapping.start, files.path, True, timestamps.bounds_of(files.ds, time))
    files = replace(files, days_of_month=axis.days_of_month)
    attrs = {key: getattr(mapping, key) for key in ("name", "kind", "source", "licence", "citation")}
    attrs |= {"dt_days": axis.dt_days, "origin": axis.origin}
    ds = months.dataset(axis).assign_attrs(attrs)
    for name, (values, unit, about) in geometry.items():
        schema.add(ds, name, values, "geometry", unit, about)
    _add_forcing(ds, files, pixels, notices)
    for role, streams in (("observation", mapping.observations), ("withheld", mapping.withheld)):
        for stream, given in streams.items():
            variable = schema.stream(stream)
            key = f"{'observations' if role == 'observation' else role}.{stream}"
            values = files.series(key, given.variable, given.value, given.units, variable.unit, pixels)
            schema.add(
                ds, schema.stream_variable(stream, role), values, role, variable.unit, variable.meaning
            )
            weight = getattr(given, "weight", None)
            if weight is not None:
                values = files.series(f"{key}.weight", weight, None, "1", "1", pixels)
                schema.add(ds, f"{stream}_weight", values, "weight", "1", f"weight of each value of {stream}")
    if mapping.dims.lat:
        ds = gridded.drop_parts(ds, places.cells_of_a_patch(files, ds), mapping.patches.whole_share, notices)
    _add_predictors(ds, files, pixels)
    return schema.validate(ds), notices


def _add_forcing(ds: xr.Dataset, files: Files, pixels: Pixels, notices: list[str]) -> None:
    unit: Literal["M", "D"] = "M" if Calendar.of(ds).step == "month" else "D"

    def place(pixel: int, step: int) -> str:
        return f"pixel {pixel}, {np.datetime_as_string(ds['time'].values[step], unit)}"

    for name, variable in registry.forcing().items():
        given = files.mapping.forcing.get(name)
        if given is None:
            continue
        key = f"forcing.{name}"
        values = files.series(key, given.variable, given.value, given.units, variable.unit, pixels)
        values, clipped = forcing.sound(name, values, key, place)
        notices += clipped
        schema.add(ds, name, values, "forcing", variable.unit, variable.meaning)


def _add_predictors(ds: xr.Dataset, files: Files, pixels: Pixels) -> None:
    for group, predictors in files.mapping.predictors.items():
        for name, given in predictors.items():
            key = f"predictors.{group}.{name}"
            attrs: dict[str, Any] = {"group": group, "kind": given.kind}
            if given.variable is None:
                values, unit = np.full(len(pixels), float(given.value or 0)), given.units or "1"
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
