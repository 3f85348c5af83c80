"""Importer of CARDAMOM driver files (.cbf.nc, .cbf): one cell or tower each, in any of the variants that are about.

Variants differ in the name of the time dimension (`time`, `time_dim`), in the time axis (CF; `Days`, whose date another
attribute tells; or a bare index beside `DOY`), in fill values (-9999, declared or not) and in whether a variable tells
its unit; where it does not, it is CARDAMOM's. One file is one pixel; the files of one 4 x 5 degree box are one patch.

- Forcing: `T2M_MIN`, `T2M_MAX`, `SSRD`, `CO2`, `VPD`, `TOTAL_PREC` (snowfall is in it), `BURNED_AREA`.
- Observations: `LAI`, `GPP`, `ET`, `EWT`, `SOM`; `ABGB` as the biomass of its year; `NBE`, which is a tower's NEE
  (stream nee_site) where nothing burns and a cell's NBE (nbe) where something does; GPP + NEE as RECO.
- Withheld months: `GPP_val`, `NBE_val`, `ET_val`.
- A prior of the initial soil carbon (`PEQ_iniSOM`) is stream som, unless `SOM` was observed.

Uncertainties (`GPPunc`, the attribute `single_unc`) do not become weights: the terms of the loss have weights of their
own, which are data of a run. Everything else in a file is left alone, and a notice says what.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import xarray as xr

from landlab_mgr.data import schema, split
from landlab_mgr.data.sources import cbf, forcing, months, source_files, timestamps, units
from landlab_mgr.errors import LandlabError
from landlab_mgr.observations.steps import DAYS_PER_MONTH, MONTHS_PER_YEAR
from landlab_mgr.observations.streams import STREAMS
from landlab_mgr.observations.variables import FORCING, VARIABLES

MISSING = -9999.0
FOOTPRINT_M2 = 1e6
"""Area of a pixel: a tower's footprint, the same for all, since the files do not say what they stand for."""

DEFAULT_START = "2001-01"
"""Year of a file without dates, whose first month its `DOY` tells."""

_FORCING = {
    "T2M_MIN": "tmin",
    "T2M_MAX": "tmax",
    "SSRD": "ssrd",
    "CO2": "co2",
    "VPD": "vpd",
    "TOTAL_PREC": "precip",
    "BURNED_AREA": "burned_area",
}
_OBSERVATIONS = {
    "LAI": "lai",
    "GPP": "gpp_fluxnet",
    "NBE": "nee_site",
    "ET": "et_fluxnet",
    "EWT": "ewt",
    "ABGB": "biomass",
    "SOM": "som",
}
_WITHHELD = {"GPP_val": "gpp_fluxnet", "NBE_val": "nee_site", "ET_val": "et_fluxnet"}
_SOM_PRIOR = "PEQ_iniSOM"
_KNOWN = {
    *_FORCING,
    *_OBSERVATIONS,
    *_WITHHELD,
    _SOM_PRIOR,
    "LAT",
    "LON",
    "DOY",
    "time",
    "ID",
    "EDC",
    "MCMCID",
}


def read(
    paths: Sequence[str | Path],
    lon: float | None = None,
    unit_of: Mapping[str, str] | None = None,
    start: str | None = None,
    lat: float | None = None,
) -> tuple[xr.Dataset, list[str]]:
    """Read driver files into a dataset of a pixel each; nothing is written.

    Args:
        paths: the files; all must cover the same months.
        lon: longitude (degrees east) of files that do not tell theirs.
        lat: latitude (degrees north) of files whose own is none.
        unit_of: unit by variable of the files, where they tell none or a wrong one: {"TOTAL_PREC": "mm d-1"}.
        start: first month (2001-01) of files whose time axis has no date, or a wrong one.

    Returns:
        The dataset, and notices of what was assumed, changed or left alone, one line each. With less than 3 patches
        no pixel is for testing: such a dataset trains with split kind "all".

    Raises:
        LandlabError: for a file that is missing, damaged, no driver file, or of other months than the first.
    """
    if not paths:
        raise LandlabError("no file given; name one or more CARDAMOM driver files (.cbf.nc)")
    if start is not None and not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", start):
        raise LandlabError(f"start {start!r}; write the first month as 2001-01")
    if lat is not None and not -90 <= lat <= 90:
        raise LandlabError(f"latitude {lat:g}; allowed: -90..90")
    if lon is not None and not -180 <= lon <= 180:
        raise LandlabError(f"longitude {lon:g}; allowed: -180..180")
    notices: list[str] = []
    files = [_File(Path(path), unit_of or {}, notices) for path in paths]
    names = [file.site for file in files]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise LandlabError(f"two files are called {twice}; the name of a file is the name of its pixel")
    for name in sorted(set(unit_of or {}) - {variable for file in files for variable in file.names}):
        raise LandlabError(f"no file has a variable {name!r}, whose unit was given; {files[0].path} has: "
                           f"{', '.join(files[0].names)}")  # fmt: skip
    axis = files[0].axis(start, notices)
    for file in files[1:]:
        if not np.array_equal(file.axis(start, []).time, axis.time):
            raise LandlabError(f"{file.path} covers other months than {files[0].path}; import it on its own")
    for file in files:
        file.days_of_month = axis.days_of_month
    ds = months.dataset(axis)
    _add_forcing(ds, files, notices)
    _add_streams(ds, files)
    _add_geometry(ds, files, lat, lon, notices)
    for name, (values, unit, about) in months.climate(ds).items():
        schema.add(ds, name, values, "predictor", unit, about, group="CLIM", kind="continuous")
    unitless = {
        name: unit for file in files for name, unit in file.unitless.items() if name not in ("LAT", "LON")
    }
    if unitless:
        assumed = ", ".join(f"{name} ({unit})" for name, unit in unitless.items())
        notices.append(f"variables that tell no unit are taken as CARDAMOM's: {assumed}")
    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", files[0].site).strip("-._") if len(files) == 1 else "cardamom"
    ds.attrs = {
        "name": name or "cardamom",
        "kind": "real",
        "source": f"CARDAMOM driver files: {', '.join(file.path.name for file in files)}",
        "licence": "not stated in the files; CARDAMOM and its examples are under Apache-2.0",
        "citation": "Bloom et al. (2016), PNAS 113, 1285, doi:10.1073/pnas.1515160113",
        "dt_days": DAYS_PER_MONTH,
        "origin": axis.origin,
    }
    return schema.validate(ds), notices


class _File:
    """One driver file, opened."""

    def __init__(self, path: Path, given_units: Mapping[str, str], notices: list[str]) -> None:
        self.path, self.given_units = path, given_units
        self.unitless: dict[str, str] = {}
        self.days_of_month: np.ndarray | None = None
        if path.is_dir():
            raise LandlabError(f"{path} is a directory; name the files in it: {path}/*.nc")
        self.site = path.name.removesuffix(".nc").removesuffix(".cbf") or path.name
        with cbf.dataset(path) if path.suffix == ".cbf" else source_files.open_(path) as ds:
            self.names = sorted(map(str, ds.variables))
            missing = [name for name in (*_FORCING, "LAT") if name not in self.names]
            if missing:
                raise LandlabError(
                    f"{path} has no {', '.join(missing)}; a CARDAMOM driver file has {', '.join((*_FORCING, 'LAT'))}"
                )
            shape = ds["T2M_MIN"].shape
            dims = [dim for dim, size in ds["T2M_MIN"].sizes.items() if size > 1]
            if len(dims) != 1:
                raise LandlabError(
                    f"{path}: T2M_MIN has shape {shape}; a driver file holds one cell over its months"
                )
            self.time, self.count = dims[0], ds.sizes[dims[0]]
            other = [name for name in self.names if name not in _KNOWN and not name.endswith("unc")]
            unused = [name for name in other if self.time in ds[name].dims]
            kept = [name for name in self.names if name in _KNOWN]
            if "time" in kept and (bounds := timestamps.bounds_of(ds, ds["time"])) is not None:
                kept.append(str(bounds.name))
            with source_files.readable(str(path)):
                self.ds = ds[kept].load()
        uncertainties = [name for name in self.names if name.endswith("unc")]
        if uncertainties:
            notices.append(f"{path.name}: uncertainties are not used: {', '.join(uncertainties)}")
        if unused:
            notices.append(f"{path.name}: not used: {', '.join(unused)}")

    def numbers(self, name: str) -> np.ndarray:
        """Return a variable as float64 without dimensions of length 1.

        The fill value is NaN.
        """
        values = source_files.values(self.ds[name], f"{self.path}: {name}")
        if values.dtype.kind not in "fiu":
            raise LandlabError(f"{self.path}: {name} holds {values.dtype}, not numbers")
        numbers = values.astype(np.float64)
        return np.where(numbers == MISSING, np.nan, numbers)

    def series(self, name: str, unit: str) -> np.ndarray:
        """Return a variable by month in our unit, [time].

        It is NaN where the file lacks the variable.
        """
        if name not in self.ds.variables:
            return np.full(self.count, np.nan)
        values = self.numbers(name)
        if values.size != self.count:
            raise LandlabError(
                f"{self.path}: {name} has shape {values.shape}; {self.count} months are needed"
            )
        converted = self.converted(name, values.reshape(-1), unit)
        if self.days_of_month is not None and units.per_month(self.unit_of(name), unit):
            converted = converted * DAYS_PER_MONTH / self.days_of_month
        return converted

    def scalar(self, name: str, unit: str) -> float:
        """Return a variable that is one number, NaN where the file lacks it."""
        if name not in self.ds.variables:
            return np.nan
        values = self.numbers(name)
        if values.size != 1:
            raise LandlabError(f"{self.path}: {name} has shape {values.shape}; one number is needed")
        return float(self.converted(name, values.reshape(-1), unit)[0])

    def unit_of(self, name: str) -> str | None:
        """Return the unit said by hand, or else by the file."""
        return self.given_units.get(name) or self.ds[name].attrs.get("units")

    def converted(self, name: str, values: np.ndarray, unit: str) -> np.ndarray:
        """Values in our unit; without one of its own a variable is in CARDAMOM's, which is ours."""
        have = self.unit_of(name)
        if have is None or not str(have).strip():
            if np.isfinite(values).any():
                self.unitless[name] = unit
            return values
        return units.convert(values, str(have), unit, f"{self.path.name}: {name}", f"--units {name}=UNIT")

    def axis(self, start: str | None, notices: list[str]) -> months.Axis:
        """Return the months of the file."""
        where = str(self.path)
        own = self.ds["time"] if "time" in self.ds.variables else None
        if start is not None and own is not None and timestamps.is_dated(own) and own.size == self.count:
            return months.read(own.squeeze(), start, where, bounds=timestamps.bounds_of(self.ds, own))
        if start is not None:
            return months.axis(np.datetime64(start, "M"), self.count)
        if "time" in self.ds.variables and self.ds["time"].size == self.count:
            time = self.ds["time"].copy()
            dated = _dated(time.attrs)
            if dated is not None:
                if dated != time.attrs.get("units"):
                    notices.append(
                        f"time is in {dated}, as an attribute tells in prose; --start 2001-01 overrides it"
                    )
                bounds = timestamps.bounds_of(self.ds, time)
                time.attrs = {"units": dated, "calendar": str(time.attrs.get("calendar", "standard"))}
                return months.read(time, None, where, bounds=bounds)
        advice = "give the first month: --start 2001-01"
        if "DOY" not in self.ds.variables:
            raise LandlabError(f"{where} has neither dates in time nor DOY; {advice}")
        doy = self.numbers("DOY").reshape(-1)
        month = np.floor(doy / DAYS_PER_MONTH)
        if doy.size != self.count or not np.isin(month, np.arange(MONTHS_PER_YEAR)).all():
            raise LandlabError(f"{where}: DOY is no day of the year in {self.count} months; {advice}")
        steps = np.diff(month) % MONTHS_PER_YEAR
        if (steps != 1).any():
            at = int((steps != 1).argmax())
            raise LandlabError(
                f"{where}: DOY goes from {doy[at]:g} to {doy[at + 1]:g} at month {at + 2}; every month once, in order"
            )
        notices.append(
            f"time has no date: the first year is taken as {DEFAULT_START[:4]}, its month from DOY; or {advice}"
        )
        return months.axis(np.datetime64(DEFAULT_START[:5] + f"{int(month[0]) + 1:02d}", "M"), self.count)


def _dated(attrs: Mapping[str, object]) -> str | None:
    """Return the CF unit of a time axis.

    It is the axis's own, or `Days` with a date like 01/01/2000 after "since" in another attribute.
    """
    own = str(attrs.get("units", ""))
    if re.match(r"\s*\w+\s+since\s", own):
        return own
    for text in map(str, attrs.values()):
        date = re.search(r"since\s+(?:[A-Za-z]+\s+)?(\d\d)/(\d\d)/(\d{4})", text)
        if date is not None and date[1] == date[2] and own.strip().lower() in ("d", "day", "days"):
            return f"days since {date[3]}-{date[1]}-{date[2]}"
    return None


def _add_forcing(ds: xr.Dataset, files: Sequence[_File], notices: list[str]) -> None:
    def place(pixel: int, month: int) -> str:
        return f"{files[pixel].path.name}, month {month + 1}"

    for theirs, name in _FORCING.items():
        variable = FORCING[name]
        values = np.stack([file.series(theirs, variable.unit) for file in files])
        values, clipped = forcing.sound(name, values, theirs, place)
        notices += clipped
        schema.add(ds, name, values, "forcing", variable.unit, variable.meaning)


def _add_streams(ds: xr.Dataset, files: Sequence[_File]) -> None:
    burns: np.ndarray = np.any(ds["burned_area"].values > 0, axis=1)
    observed, withheld = _streams(files, _OBSERVATIONS, burns), _streams(files, _WITHHELD, burns)
    observed["biomass"] = months.over_years(observed["biomass"])
    prior = np.array([file.scalar(_SOM_PRIOR, VARIABLES["som"].unit) for file in files])
    measured = np.isfinite(observed["som"]).any(axis=1)
    observed["som"] = np.where(measured[:, None], observed["som"], prior[:, None])
    for stream, values in observed.items():
        kept = withheld.get(stream, np.array(np.nan))
        variable = VARIABLES[STREAMS[stream].variable]
        if np.isfinite(values).any() or np.isfinite(kept).any():
            schema.add(ds, stream, values, "observation", variable.unit, variable.meaning)
        if np.isfinite(kept).any():
            name = schema.stream_variable(stream, "withheld")
            schema.add(ds, name, kept, "withheld", variable.unit, variable.meaning)
    if not schema.names(ds, "observation"):
        raise LandlabError(
            f"{files[0].path} holds no observation; at least one of {', '.join(_OBSERVATIONS)} is needed"
        )


def _streams(files: Sequence[_File], table: Mapping[str, str], burns: np.ndarray) -> dict[str, np.ndarray]:
    """Streams of the files' variables, [pixel, time]; NEE is what NBE is of pixels that never burn."""
    found = {}
    for theirs, stream in table.items():
        found[stream] = np.stack(
            [file.series(theirs, VARIABLES[STREAMS[stream].variable].unit) for file in files]
        )
    found["nbe"] = np.where(burns[:, None], found["nee_site"], np.nan)
    found["nee_site"] = np.where(burns[:, None], np.nan, found["nee_site"])
    found["reco_fluxnet"] = found["gpp_fluxnet"] + found["nee_site"]
    return found


def _add_geometry(
    ds: xr.Dataset, files: Sequence[_File], lat: float | None, lon: float | None, notices: list[str]
) -> None:
    lats = np.array([file.scalar("LAT", "degrees_north") for file in files])
    wrong = ~((lats >= -90) & (lats <= 90))
    if wrong.any():
        which = ", ".join(
            f"{file.site} ({x:g})" for file, x, bad in zip(files, lats, wrong, strict=True) if bad
        )
        if lat is None:
            raise LandlabError(f"LAT of {which} is no latitude: give it with --lat")
        notices.append(f"LAT of {which} is no latitude: taken as {lat:g}")
        lats = np.where(wrong, lat, lats)
    lons = np.array([file.scalar("LON", "degrees_east") for file in files])
    lons = np.where((lons > 180) & (lons <= 360), lons - 360, lons)
    unknown = np.isnan(lons)
    if unknown.any():
        which = ", ".join(file.site for file, bare in zip(files, unknown, strict=True) if bare)
        assumed = 0.0 if lon is None else lon
        if lon is None:
            notices.append(
                f"no longitude in {which}: taken as 0; give --lon for maps and patches to be right"
            )
        lons = np.where(unknown, assumed, lons)
    cells = np.floor(np.stack([(lats + 90) / 4, (lons + 180) / 5], axis=1))
    patch = np.unique(cells, axis=0, return_inverse=True)[1].reshape(-1).astype(np.int32)
    if patch.max() < 2:
        n = patch.max() + 1
        plural = "es" if n > 1 else ""
        notices.append(f'{n} patch{plural}: too few to keep one for testing; train with split.kind = "all"')
        test = np.zeros(len(patch), bool)
    else:
        test = split.choose_test_patches(patch)
    schema.add(ds, "patch", patch, "geometry", "1", "number of the 4 x 5 degree box")
    schema.add(ds, "lat", lats, "geometry", "degrees_north", "latitude of the cell or tower")
    schema.add(ds, "lon", lons, "geometry", "degrees_east", "longitude of the cell or tower")
    schema.add(
        ds, "area_m2", np.full(len(files), FOOTPRINT_M2), "geometry", "m2", "nominal area, the same for all"
    )
    schema.add(ds, "test", test, "geometry", "1", "the pixel is of a test patch")
    schema.add(
        ds, "site", np.array([file.site for file in files], dtype=object), "geometry", "1", "name of the file"
    )
