"""Files of monthly predictions that follow the CF conventions (1.11): NetCDF or zarr, written in pieces. JAX-free.

Cells of a regular grid are written on (time, lat, lon), others as a discrete sampling geometry of time series on
(time, site) (CF chapter 9, featureType timeSeries). A file is published whole or not at all.
"""

import io
import os
import shutil
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import h5netcdf
import numpy as np
import pandas as pd
import xarray as xr
import zarr

from landlab_mgr.data import store
from landlab_mgr.data.sources import gridded
from landlab_mgr.errors import LandlabError
from landlab_mgr.models import registry
from landlab_mgr.observations.variables import Variable

CONVENTIONS = "CF-1.11"
SUFFIXES = (".nc", ".zarr")
TILE_CELLS, TILE_MONTHS = 32, 24
"""A chunk of a grid is so many rows, columns and months: 98 kB, between maps of a month and series of a cell."""
SITES = 1024
"""A chunk of time series is so many sites and all months."""
FILLED = 0.05
"""Pixels are written on a grid where they fill this share of its box; fewer are places."""
CELL_AREAS = (0.05, 2.0)
"""Pixels are cells of a grid where their area is this part of a cell's; towers far apart have none of their size."""

WGS84 = {
    "grid_mapping_name": "latitude_longitude",
    "long_name": "coordinate system",
    "semi_major_axis": 6378137.0,
    "inverse_flattening": 298.257223563,
    "longitude_of_prime_meridian": 0.0,
}
"""Coordinate reference system of latitudes and longitudes, as GDAL and the CF conventions (appendix F) have it."""

Layout = Literal["auto", "grid", "points"]

_UNITS = {"gC m-2 d-1": "g m-2 d-1", "gC m-2": "g m-2", "mm d-1": "kg m-2 d-1", "mm": "kg m-2"}
"""As UDUNITS knows them: of carbon; 1 mm of water is 1 kg m-2."""


def about(variable: Variable) -> dict[str, str]:
    """CF attributes of a model output, without how it was averaged over the ensemble."""
    carbon = " (as carbon)" if "gC" in variable.unit else ""
    upward = ", positive upward" if variable.upward else ""
    attrs = {
        "units": _UNITS.get(variable.unit, variable.unit),
        "long_name": f"{variable.meaning}{carbon}{upward}",
    }
    if variable.standard_name:
        attrs["standard_name"] = variable.standard_name
    if variable.stock:
        attrs["comment"] = "at the end of the month"
    return attrs | {"cell_methods": "time: point" if variable.stock else "time: mean"}


@dataclass(frozen=True)
class Places:
    """Positions of the pixels of a dataset in a file."""

    dims: tuple[str, ...]
    """lat and lon, or site."""
    axes: tuple[np.ndarray, ...]
    """Of a grid: centres of its rows and columns, degrees, ascending."""
    index: tuple[np.ndarray, ...]
    """[pixel] where each pixel is along these dims."""

    @property
    def grid(self) -> bool:
        """Return whether the pixels are on a grid."""
        return len(self.dims) == 2

    def tiles(self) -> Iterator[np.ndarray]:
        """Pixels by chunk of the file, chunk by chunk."""
        if not self.grid:
            n = len(self.index[0])
            yield from np.split(np.arange(n), range(SITES, n, SITES))
            return
        row, column = (i // TILE_CELLS for i in self.index)
        tile = row * (int(column.max()) + 1) + column
        order = np.argsort(tile, kind="stable")
        yield from np.split(order, np.flatnonzero(np.diff(tile[order])) + 1)


def places_of(ds: xr.Dataset, layout: Layout = "auto") -> Places:
    """Return the positions of a dataset's pixels in a file.

    Pixels with names are points, unless a grid is asked for.

    Raises:
        LandlabError: where a grid is asked for and the pixels are on none.
    """
    lat, lon = (ds[name].values.astype(np.float64) for name in ("lat", "lon"))
    found = [] if layout == "points" else [a for a in (_axis(lat), _axis(lon)) if a is not None]
    if len(found) == 2:
        (lats, row), (lons, column) = found
        alone = len(np.unique(row * len(lons) + column)) == len(row)
        cells = gridded.cell_areas(lat, float(lats[1] - lats[0]), float(lons[1] - lons[0]))
        part = float(np.median(ds["area_m2"].values / cells))
        if layout == "grid" and alone and not CELL_AREAS[0] <= part <= CELL_AREAS[1]:
            raise LandlabError(
                f"the pixels of {ds.attrs.get('name')} are {100 * part:.2g} % of the cells that a grid through them "
                f"would have, {lats[1] - lats[0]:.3g} x {lons[1] - lons[0]:.3g} degrees: write them as points: "
                "--layout points"
            )
        cells_of_grid = "site" not in ds and CELL_AREAS[0] <= part <= CELL_AREAS[1]
        dense = cells_of_grid and len(row) >= FILLED * len(lats) * len(lons)
        if alone and (layout == "grid" or dense):
            return Places(("lat", "lon"), (lats, lons), (row, column))
    if layout == "grid":
        raise LandlabError(
            f"the pixels of {ds.attrs.get('name')} are on no regular grid of latitude and longitude; "
            "write them as points: --layout points"
        )
    return Places(("site",), (), (np.arange(len(lat)),))


def _axis(values: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Evenly spaced centres that all values are on, and the place of each among them; None where there are none."""
    distinct = np.unique(values.round(6))
    if len(distinct) < 2:
        return None
    step = float(np.diff(distinct).min())
    exact = (values - distinct[0]) / step
    place = exact.round().astype(int)
    # centres of 1/12 degree come rounded to some digits
    if step < 1e-3 or np.abs(exact - place).max() > 0.01 or place.max() > 1e5:
        return None
    return np.linspace(distinct[0], distinct[-1], place.max() + 1), place


class Written(NamedTuple):
    """A variable by month and place: its attributes, and dims before those."""

    attrs: Mapping[str, Any]
    before: tuple[str, ...] = ()


@dataclass(frozen=True)
class Writer:
    """A file that is being written."""

    places: Places
    arrays: Mapping[str, Any]
    disk: "_Disk | None" = None
    """File under a netCDF one, whose `check` tells that the disk is full."""

    def put(self, name: str, pixels: np.ndarray, values: np.ndarray) -> None:
        """Write the values [..., time, n] of the pixels of one tile, float32."""
        if self.disk is not None:
            self.disk.check()
        array = self.arrays[name]
        if not self.places.grid:
            array[..., slice(int(pixels[0]), int(pixels[-1]) + 1)] = values
            return
        row, column = (i[pixels] for i in self.places.index)
        first = [int(i.min()) // TILE_CELLS * TILE_CELLS for i in (row, column)]
        last = [
            min(start + TILE_CELLS, len(axis)) for start, axis in zip(first, self.places.axes, strict=True)
        ]
        tile = np.full((*values.shape[:-1], last[0] - first[0], last[1] - first[1]), np.nan, np.float32)
        tile[..., row - first[0], column - first[1]] = values
        array[..., slice(first[0], last[0]), slice(first[1], last[1])] = tile


def check_target(path: str | Path) -> Path:
    """Check that a prediction can be written to a path, and return it.

    Raises:
        LandlabError: before anything is computed, where none can be written.
    """
    path = Path(path)
    if path.suffix not in SUFFIXES:
        raise LandlabError(f"{path}: a prediction is {' or '.join(SUFFIXES)}; give it one of these endings")
    if path.exists():
        raise LandlabError(f"{path} is there already; remove it, or name another place")
    if not path.absolute().parent.is_dir():
        raise LandlabError(
            f"cannot write {path}: there is no directory {path.absolute().parent}; name another place"
        )
    return path


@contextmanager
def create(
    path: str | Path,
    ds: xr.Dataset,
    places: Places,
    variables: Mapping[str, Written],
    extra: Mapping[str, xr.Variable],
    attrs: Mapping[str, Any],
) -> Iterator[Writer]:
    """Write a file, which appears when the block ends without an exception.

    Args:
        path: ends in .nc or .zarr; nothing is there yet.
        ds: whose months and pixels these are.
        places: of the pixels.
        variables: by name, float32, over their own dims and then time and place.
        extra: coordinates and other small variables, those of dims that the variables have of their own among them.
        attrs: of the file.

    Raises:
        LandlabError: where it cannot be written.
    """
    path = check_target(path).absolute()
    folder = store.temporary_of(path.with_name(f"{path.name}.zarr"))  # `sweep` knows such names
    try:
        store.sweep(path.parent)
        folder.mkdir()
        temporary = folder / path.name
        skeleton = _skeleton(ds, places, extra).assign_attrs(Conventions=CONVENTIONS, **attrs)
        with ExitStack() as opened:
            if path.suffix == ".nc":
                yield _in_netcdf(opened, temporary, skeleton, places, variables)
            else:
                yield Writer(places, _in_zarr(temporary, skeleton, places, variables))
        store.sync(folder)
        if path.exists():
            raise LandlabError(f"{path} appeared meanwhile; remove it, or name another place")
        os.rename(temporary, path)
    except OSError as error:
        raise LandlabError(f"cannot write {path}: {error.strerror or error}; name another place") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _layout(
    sizes: Mapping[Any, int], places: Places, v: Written
) -> tuple[tuple[str, ...], tuple[int, ...], tuple[int, ...]]:
    """Dims, shape and chunks of a variable."""
    dims = (*v.before, "time", *places.dims)
    wanted = {"time": TILE_MONTHS, "lat": TILE_CELLS, "lon": TILE_CELLS}
    if not places.grid:
        wanted = {"site": SITES, "time": sizes["time"]}
    chunks = tuple(min(wanted.get(d, 1), sizes[d]) for d in dims)
    return dims, tuple(sizes[d] for d in dims), chunks


def _in_netcdf(
    opened: ExitStack, path: Path, skeleton: xr.Dataset, places: Places, variables: Mapping[str, Written]
) -> Writer:
    path.write_bytes(skeleton.to_netcdf(engine="h5netcdf"))
    disk = opened.enter_context(_Disk(path, "r+"))
    opened.callback(disk.check)
    file = opened.enter_context(h5netcdf.File(disk, "a"))
    arrays = {}
    for name, v in variables.items():
        dims, _, chunks = _layout(skeleton.sizes, places, v)
        arrays[name] = file.create_variable(
            name,
            dims,
            np.float32,
            fillvalue=np.float32(np.nan),
            chunks=chunks,
            compression="gzip",
            compression_opts=1,
            shuffle=True,
        )
        for key, value in _attrs(v, places).items():
            arrays[name].attrs[key] = value
    return Writer(places, arrays, disk)


class _Disk(io.FileIO):
    """A file for HDF5 to write, which never hears that the disk is full: it would crash, or print tracebacks.

    `check` raises the first error; what is written after it is lost.
    """

    error: OSError | None = None

    def write(self, data: Any) -> int:
        """Write all of it, unless something could not be written before."""
        left = memoryview(data).cast("B")
        size = len(left)
        try:
            while left and self.error is None:
                left = left[super().write(left) :]
        except OSError as error:
            self.error = error
        return size

    def truncate(self, size: int | None = None) -> int:
        """Set the length, unless something could not be written before."""
        try:
            return super().truncate(size) if self.error is None else size or 0
        except OSError as error:
            self.error = error
            return size or 0

    def check(self) -> None:
        """OSError where not all is on the disk."""
        if self.error is not None:
            raise self.error


def _in_zarr(
    path: Path, skeleton: xr.Dataset, places: Places, variables: Mapping[str, Written]
) -> dict[str, Any]:
    skeleton.to_zarr(path, zarr_format=3, consolidated=False)
    group = zarr.open_group(path, mode="r+", use_consolidated=False)
    arrays = {}
    for name, v in variables.items():
        dims, shape, chunks = _layout(skeleton.sizes, places, v)
        arrays[name] = group.create_array(
            name,
            shape=shape,
            chunks=chunks,
            dtype="float32",
            fill_value=np.nan,
            dimension_names=dims,
            attributes=_attrs(v, places),
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of version 3, whose specification does not have it yet
        zarr.consolidate_metadata(path)
    return arrays


def _attrs(v: Written, places: Places) -> dict[str, Any]:
    more = {"cell_measures": "area: cell_area"} if places.grid else {"coordinates": "lat lon site_name"}
    return {**v.attrs, **more, "grid_mapping": "crs"}


def _skeleton(ds: xr.Dataset, places: Places, extra: Mapping[str, xr.Variable]) -> xr.Dataset:
    """All of the file but what varies by month."""
    time = {"standard_name": "time", "long_name": "time", "axis": "T", "bounds": "time_bnds"}
    found = xr.Dataset(
        {"time_bnds": (("time", "bnds"), _months(ds))}, {"time": ("time", ds["time"].values, time)}
    )
    units = f"days since {pd.Timestamp(ds['time'].values[0]).year}-01-01"
    for name in ("time", "time_bnds"):
        found[name].encoding = {
            "units": units,
            "calendar": "standard",
            "dtype": "float64",
            "_FillValue": None,
        }
    lat = {"standard_name": "latitude", "long_name": "latitude", "units": "degrees_north"}
    lon = {"standard_name": "longitude", "long_name": "longitude", "units": "degrees_east"}
    area = {"standard_name": "cell_area", "long_name": "area of the pixel", "units": "m2"}
    if places.grid:
        found = found.assign_coords(
            lat=("lat", places.axes[0], lat | {"axis": "Y", "bounds": "lat_bnds"}),
            lon=("lon", places.axes[1], lon | {"axis": "X", "bounds": "lon_bnds"}),
        )
        for name, axis in zip(places.dims, places.axes, strict=True):
            half = (axis[1] - axis[0]) / 2
            limit = 90 if name == "lat" else np.inf
            edges = np.clip(np.stack([axis - half, axis + half], axis=1), -limit, limit)
            found[f"{name}_bnds"] = ((name, "bnds"), edges)
        cells = np.full((len(places.axes[0]), len(places.axes[1])), np.nan)
        cells[places.index] = ds["area_m2"].values
        found["cell_area"] = (places.dims, cells, area)
    else:
        names = _distinct(ds["site"].values.tolist() if "site" in ds else ["pixel"] * ds.sizes["pixel"])
        named = {"cf_role": "timeseries_id", "long_name": "name of the site"}
        # as strings of variable length: neither zarr nor Panoply takes others
        found["site_name"] = ("site", np.array(names, object), named)
        found["lat"] = ("site", ds["lat"].values, lat)
        found["lon"] = ("site", ds["lon"].values, lon)
        found["cell_area"] = ("site", ds["area_m2"].values, area)
        found.attrs["featureType"] = "timeSeries"
    found["crs"] = ((), np.int32(0), WGS84)
    found = found.assign(extra)
    for name in (*places.dims, "lat_bnds", "lon_bnds", "lat", "lon", *extra):
        if name in found.variables:
            found[name].encoding = {"_FillValue": None}  # coordinates have none
    return found


def _distinct(names: Sequence[object]) -> list[str]:
    """Names as an identifier of series needs them: those that several pixels have get the pixel's number."""
    texts = [str(name) for name in names]
    count = Counter(texts)
    return [text if count[text] == 1 else f"{text} {k}" for k, text in enumerate(texts)]


def _months(ds: xr.Dataset) -> np.ndarray:
    """[T, 2] begin and end of each month: the calendar's where each time is in a month of its own, else steps of dt."""
    times = pd.DatetimeIndex(ds["time"].values)
    months = times.to_period("M")
    if months.is_unique:
        return np.stack([months.start_time.values, (months + 1).start_time.values], axis=1)
    half = pd.Timedelta(days=float(ds.attrs["dt_days"])) / 2
    return np.stack([(times - half).values, (times + half).values], axis=1)


def check_variables(names: Sequence[str], known: Mapping[str, Variable]) -> tuple[Variable, ...]:
    """Return the named outputs of a model that gives the known ones, each once.

    Raises:
        LandlabError: for an unknown name, and for no names at all.
    """
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        what = f"no variable {unknown[0]!r}" if unknown else "no variable asked for"
        derived = {d.name for model in registry.names() for d in registry.tables(model).derived}
        if unknown and unknown[0] in {*registry.parameters(), *derived}:
            raise LandlabError(
                f"{unknown[0]} is a parameter of the places and no output by month: `landlab analyse parameters FILTER "
                f"-o parameters={unknown[0]}` has its values"
            )
        raise LandlabError(f"{what}; the model has {', '.join(known)}")
    return tuple(known[name] for name in dict.fromkeys(names))
