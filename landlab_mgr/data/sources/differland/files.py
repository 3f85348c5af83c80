"""The files of DifferLand's global drivers: their names, grid, months, units, and what is read of them whole."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from landlab_mgr.data import schema
from landlab_mgr.data.sources import gridded, source_files, timestamps, units
from landlab_mgr.data.sources import months as calendar
from landlab_mgr.data.sources.source_files import readable
from landlab_mgr.errors import LandlabError
from landlab_mgr.observations.steps import MONTHS_PER_YEAR

DRIVER = "differland_global_driver_v6.nc"
RUNS = "run_simulation_idx_v6.nc"
VALID = "era_valid_v6.nc"
BULK = "assimilate_bulk_variable_v6.nc"
CO2 = "co2_mm_gl_01_23.csv"
FILES = (DRIVER, RUNS, VALID, BULK, CO2)
MONTHLY = ("time", "lat", "lon")
"""Dims of what varies by month."""

PREDICTORS: Mapping[str, tuple[str, str, str, str, str]] = {
    **{name: (name, "PFT", "1", "%", f"fraction of plant type {name}") for name in schema.PLANT_TYPES},
    "MAT": ("MAT", "CLIM", "degC", "degC", "mean annual temperature, ERA5 2001-2023"),
    "MAP": ("MAP", "CLIM", "mm yr-1", "mm yr-1", "mean annual precipitation, ERA5 2001-2023"),
    "elevation": ("elevation", "CLIM", "m", "m", "elevation"),
    "canopy_height": ("canopy_height", "AGE", "m", "m", "maximum canopy height"),
    "tree_age": (
        "tree_age_000_filled",
        "AGE",
        "yr",
        "yr",
        "forest age about 2010, 1 where there is no forest",
    ),
    "bulk_density": ("BULK_DEN", "SOIL", "g cm-3", "g cm-3", "bulk density, 0-100 cm"),
    "sand": ("SAND", "SOIL", "%", "%", "sand, 0-100 cm"),
    "silt": ("SILT", "SOIL", "%", "%", "silt, 0-100 cm"),
    "clay": ("CLAY", "SOIL", "%", "%", "clay, 0-100 cm"),
    "gravel": ("GRAVEL", "SOIL", "%", "%", "gravel, 0-100 cm"),
}
"""Predictors: variable of the file, group, unit here, unit that the published code takes for granted, meaning."""

GLOBE = (720, 1440)
"""Rows from north to south and columns from west to east that the published code takes for granted."""
_ORIGINS = ("2000-01-01", "2001-01-01")
"""Days from which DAYS may count; the published code says the first."""
_HALF_MONTH_DAYS, _MONTH_DAYS = 15.0, 31.0
_NO_DATA = -9999
_PLANT_TYPE_SUM = (0.2, 1.05)
"""Fractions of plant types in the middle pixel: up to half of a pixel may be water."""


@contextmanager
def netcdf(path: Path) -> Iterator[xr.Dataset]:
    """Open a NetCDF file, lazy.

    Another process has read it once before, so that damage cannot take this one with it.

    Raises:
        LandlabError: where it is missing or cannot be read.
    """
    if not path.is_file():
        raise LandlabError(f"no file {path}; `landlab data fetch differland --to {path.parent}` brings it")
    ds = source_files.open_(path)
    ds.encoding["source"] = path.name
    try:
        yield ds
    finally:
        ds.close()


def require(ds: xr.Dataset, name: str, advice: str = "") -> xr.DataArray:
    """Return a numeric variable of a file, lazy.

    Raises:
        LandlabError: where it is missing or not numeric.
    """
    file = ds.encoding["source"]
    if name not in ds.variables:
        raise LandlabError(f"{file} lacks {name!r}; it has {_some(ds)}{advice}")
    if ds[name].dtype.kind not in "fiub":
        raise LandlabError(f"{file}: {name} holds {ds[name].dtype}, not numbers")
    return ds[name]


def _some(ds: xr.Dataset) -> str:
    names = sorted(map(str, ds.variables))
    return ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "") or "none"


def shaped(ds: xr.Dataset, name: str, dims: tuple[str, ...], shape: tuple[int, ...]) -> xr.DataArray:
    """Return a variable that must have these dims and lengths.

    Raises:
        LandlabError: also where it has others.
    """
    return checked(ds, require(ds, name), dims, shape)


def checked(
    ds: xr.Dataset, array: xr.DataArray, dims: tuple[str, ...], shape: tuple[int, ...]
) -> xr.DataArray:
    """Return the variable, if it has these dims and lengths."""
    if array.dims != dims or array.shape != shape:
        have, want = (layout(*x) for x in ((array.dims, array.shape), (dims, shape)))
        raise LandlabError(f"{ds.encoding['source']}: {array.name} has dims {have}; {want} is needed")
    return array


def layout(dims: tuple, shape: tuple[int, ...]) -> str:
    """Dims and lengths, as messages show them."""
    return "(" + ", ".join(f"{d}: {n}" for d, n in zip(dims, shape, strict=True)) + ")"


def with_gaps(values: np.ndarray) -> np.ndarray:
    """Floats, NaN where the file says no data, be it by attribute or by -9999."""
    values = values if values.dtype.kind == "f" else values.astype(np.float64)
    return np.where(values == _NO_DATA, values.dtype.type(np.nan), values)


@dataclass(frozen=True)
class Grid:
    """Centres of the pixels, and their height and width; degrees."""

    lat: np.ndarray
    lon: np.ndarray
    height: float
    width: float

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return len(self.lat), len(self.lon)

    @classmethod
    def of(cls, ds: xr.Dataset) -> "Grid":
        """Return the grid that a file's coordinates lat and lon name.

        Without them it is the published code's, where it fits.

        Raises:
            LandlabError: where they are missing, uneven, or outside the globe.
        """
        file = ds.encoding["source"]
        if "lat" not in ds.variables and (ds.sizes.get("lat"), ds.sizes.get("lon")) == GLOBE:
            return cls(
                np.linspace(89.875, -89.875, GLOBE[0]), np.linspace(-179.875, 179.875, GLOBE[1]), 0.25, 0.25
            )
        with readable(f"{file}: the grid"):
            lat, lon = (require(ds, name).values for name in ("lat", "lon"))
        centres = gridded.axis(lat, "lat", -90, 90, file), gridded.axis(lon, "lon", -180, 180, file)
        return cls(centres[0][0], centres[1][0], float(centres[0][1][0]), float(centres[1][1][0]))

    def check(self, ds: xr.Dataset) -> None:
        """LandlabError where a file has coordinates of another grid."""
        for name, mine in (("lat", self.lat), ("lon", self.lon)):
            if name not in ds.coords:
                continue
            with readable(f"{ds.encoding['source']}: {name}"):
                theirs = ds[name].values
            step = self.height if name == "lat" else self.width
            if theirs.shape != mine.shape or not (np.abs(theirs - mine) < 0.01 * step).all():
                raise LandlabError(
                    f"{ds.encoding['source']} has another {name} than {DRIVER}; take files of one version"
                )


@dataclass
class Units:
    """Units of the file's variables: said by hand, by the file, or by the published code."""

    by_hand: Mapping[str, str]
    assume: bool
    _used: set[str] = field(default_factory=set)

    def of(self, array: xr.DataArray, want: str, assumed: str, group: str = "") -> str:
        """Return the unit of a variable; it can be converted to `want`.

        Raises:
            LandlabError: for a unit that is missing, unreadable or of something else.
        """
        name = str(array.name)
        key = name if name in self.by_hand else group
        given = self.by_hand.get(key) if key else None
        override = f"--units {name}=UNIT"
        if given is not None:
            self._used.add(key)
        else:
            stated = array.attrs.get("units")
            given = None if stated is None or not str(stated).strip() else str(stated)
        if given is None and self.assume:
            given = assumed
        if given is None:
            override += f", or --assume-units for what the published code takes for granted ({assumed} here)"
        units.convert(np.zeros(1), given, want, name, override)
        if units.per_month(given, want):
            raise LandlabError(
                f"{name} is in {given!r}, and months have 28 to 31 days; make a rate by day of it first (cdo divdpm)"
            )
        return units.parse(given, name, want, override)

    def refuse_unused(self) -> None:
        """LandlabError for a unit said of what is not read."""
        unused = [name for name in self.by_hand if name not in self._used]
        if unused:
            raise LandlabError(
                f"--units {unused[0]}={self.by_hand[unused[0]]}: no {unused[0]} is read; name a variable of {DRIVER}, "
                "or a group of predictors (PFT, CLIM, AGE, SOIL)"
            )


def months(ds: xr.Dataset) -> np.ndarray:
    """Return the file's months, each by its middle, datetime64[ns].

    Raises:
        LandlabError: where its time is no row of consecutive months.
    """
    file = ds.encoding["source"]
    if "time" not in ds.coords or ds["time"].dims != ("time",):
        raise LandlabError(f"{file} has no coordinate time; its months are needed")
    if not timestamps.is_dated(ds["time"]):
        unit = ds["time"].attrs.get("units")
        raise LandlabError(
            f"{file}: time in {unit!r} is no row of dates; 'days since 2001-01-01' would be one"
        )
    bounds = timestamps.bounds_of(ds, ds["time"])
    month = timestamps.read(ds["time"], bounds, str(file), "get the file again").month
    if len(month) < MONTHS_PER_YEAR:
        raise LandlabError(f"{file} has {len(month)} months; a year is the least")
    steps = np.diff(month).astype(int)
    if (steps != 1).any():
        first = int((steps != 1).argmax())
        raise LandlabError(
            f"{file}: time goes from {month[first]} to {month[first + 1]}; every month once, in order"
        )
    return calendar.axis(month[0], len(month)).time


def time_axis(
    ds: xr.Dataset,
    shape: tuple[int, int, int],
    time: np.ndarray,
    row: np.ndarray,
    column: np.ndarray,
    notices: list[str],
) -> tuple[np.ndarray, np.ndarray, str]:
    """DAYS and DOY [time], of the first of these pixels, and the day from which DAYS counts.

    Where DAYS is of another day of the month than its middle, the middle is taken, with a notice.

    Raises:
        LandlabError: where they differ between pixels, or name other days than time does.
    """
    found = []
    for name in ("DAYS", "DOY"):
        first, last = (_series(ds, name, shape, int(row[i]), int(column[i])) for i in (0, -1))
        if not np.isfinite(first).all() or not np.array_equal(first, last):
            raise LandlabError(
                f"{DRIVER}: {name} is missing in some month or differs between pixels; it belongs to the month"
            )
        found.append(first)
    days, doy = found
    if doy.min() < 0 or doy.max() > 367:
        raise LandlabError(f"{DRIVER}: DOY ranges from {doy.min():g} to {doy.max():g}; allowed: 0..367")
    for origin in _ORIGINS:
        middle = (time - np.datetime64(origin)) / np.timedelta64(1, "D")
        off = np.abs(days - middle)
        if (off < _HALF_MONTH_DAYS).all():
            return days, doy, origin
        if (off < _MONTH_DAYS).all():
            notices.append(f"DAYS is up to {off.max():.1f} days off the middle of its month, which is taken")
            return middle, doy, origin
    start = np.datetime_as_string(time[0], "M")
    since = " or ".join(_ORIGINS)
    raise LandlabError(f"{DRIVER}: DAYS begins with {days[0]:g} in {start}; it counts days since {since}")


def _series(ds: xr.Dataset, name: str, shape: tuple[int, int, int], row: int, column: int) -> np.ndarray:
    """One pixel of a variable over months, or the variable where it is of the month alone."""
    array = require(ds, name)
    if array.dims != ("time",):
        array = checked(ds, array, MONTHLY, shape)[:, row, column]
    with readable(f"{DRIVER}: {name}"):
        return with_gaps(array.values).astype(np.float64)


def co2(path: Path, time: np.ndarray) -> np.ndarray:
    """CO2 of each month, ppm [time], from columns year, month and average.

    Raises:
        LandlabError: for a file that cannot be read, or lacks a month.
    """
    if not path.is_file():
        raise LandlabError(f"no file {path}; `landlab data fetch differland --to {path.parent}` brings it")
    with readable(str(path)):
        table = pd.read_csv(path, comment="#", skipinitialspace=True, dtype=str, keep_default_na=False)
    columns = ("year", "month", "average")
    missing = [name for name in columns if name not in table]
    if missing:
        raise LandlabError(
            f"{path} lacks columns {', '.join(missing)}; it has {', '.join(map(str, table))[:200]}"
        )
    numbers = {name: pd.to_numeric(table[name], errors="coerce").to_numpy(np.float64) for name in columns}
    listed = {(y, m): x for y, m, x in zip(*numbers.values(), strict=True)}
    if len(listed) < len(table):
        raise LandlabError(f"{path} lists a month twice, or one without a number; leave one row for each")
    month = time.astype("datetime64[M]").astype(int)
    values = np.array(
        [listed.get((1970.0 + m // MONTHS_PER_YEAR, 1.0 + m % MONTHS_PER_YEAR), np.nan) for m in month]
    )
    bad = ~((values > 0) & np.isfinite(values))
    if bad.any():
        first = np.datetime_as_string(time[int(bad.argmax())], "M")
        raise LandlabError(f"{path} has no CO2 of {first}; each month of {DRIVER} needs one, in ppm")
    return values


def map_of(ds: xr.Dataset, name: str, grid: Grid, unit: str, want: str) -> np.ndarray:
    """Return a variable that does not vary by month, float64 [lat, lon]."""
    array = shaped(ds, name, ("lat", "lon"), grid.shape)
    with readable(f"{ds.encoding['source']}: {name}"):
        values = with_gaps(array.values).astype(np.float64)
    return units.convert(values, unit, want, name)


def predictors(ds: xr.Dataset, grid: Grid, reader: Units) -> dict[str, np.ndarray]:
    """Every predictor in our units, [lat, lon].

    Raises:
        LandlabError: also where the plant types cannot be fractions.
    """
    found = {}
    for name, (source, group, want, assumed, _) in PREDICTORS.items():
        unit = reader.of(require(ds, source), want, assumed, group)
        found[name] = map_of(ds, source, grid, unit, want)
    total = np.sum([found[name] for name in schema.PLANT_TYPES], axis=0)
    land = total[np.isfinite(total) & (total > 0)]
    low, high = _PLANT_TYPE_SUM
    if not land.size or not low <= np.median(land) <= high:
        adds = f"add up to {np.median(land):g} in the middle pixel" if land.size else "are nowhere"
        raise LandlabError(
            f"{DRIVER}: the plant types {adds}; fractions add up to {low}..{high}: try --units PFT=% or PFT=1"
        )
    return found
