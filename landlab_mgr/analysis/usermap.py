"""A user's map (NetCDF, zarr or csv) brought to the pixels of a dataset. JAX-free.

A map is a regular grid of one-dimensional lat and lon, in any order and with longitudes to 180 or 360 degrees, or a
table of places (csv with columns lat and lon).
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from landlab_mgr.data.sources import gridded, source_files
from landlab_mgr.errors import LandlabError

Values = npt.NDArray[np.floating]

LAT, LON = ("lat", "latitude"), ("lon", "longitude")
"""Names of the axes in files, in any case."""
EARTH_RADIUS_M = gridded.EARTH_RADIUS_M


@dataclass(frozen=True)
class UserMap:
    """Values of a file's variable, [lat, lon] on a grid or [place], with `lat` and `lon` of its rows and columns."""

    name: str
    units: str
    values: npt.NDArray
    lat: Values
    lon: Values
    meanings: dict[int, str]

    @property
    def is_grid(self) -> bool:
        """True if it has rows and columns."""
        return self.values.ndim == 2


def read(path: str, variable: str = "", units: str = "") -> UserMap:
    """One variable of a file; LandlabError where there is none, or which one is meant is not said.

    Args:
        path: of a .csv file, a NetCDF file, or a zarr store.
        variable: its name; "" where the file has one.
        units: instead of those that the file states.
    """
    ds = _csv(path) if Path(path).suffix.lower() == ".csv" else source_files.open_(path)
    lat, lon = (_axis(ds, names, path) for names in (LAT, LON))
    there = [
        str(n)
        for n in ds.data_vars
        if n not in (lat, lon) and {*ds[lat].dims, *ds[lon].dims} <= {*ds[n].dims}
    ]
    if not variable and len(there) != 1:
        raise LandlabError(
            f"{path} has {len(there)} variables of lat and lon ({_some(there)}); name one of them"
        )
    name = variable or there[0]
    if name not in there:
        raise LandlabError(f"{path} has no variable {name!r} of lat and lon; it has: {_some(there)}")
    dims = list(dict.fromkeys((*ds[lat].dims, *ds[lon].dims)))
    array = ds[name].squeeze([d for d, n in ds[name].sizes.items() if n == 1 and d not in dims], drop=True)
    more = {str(d): n for d, n in array.sizes.items() if d not in dims}
    if more or ds[lat].ndim != 1 or ds[lon].ndim != 1:
        why = ", ".join(f"{d} ({n})" for d, n in more.items()) or "lat and lon of two dimensions"
        raise LandlabError(
            f"{path}: {name} has {why}; make a map of it first: one value for each lat and lon"
        )
    return UserMap(
        name=name,
        units=units or str(array.attrs.get("units", "")).strip(),
        values=source_files.values(array.transpose(*dims), f"{path}: {name}"),
        lat=source_files.values(ds[lat], f"{path}: {lat}").astype(float),
        lon=_wrapped(source_files.values(ds[lon], f"{path}: {lon}").astype(float)),
        meanings=_meanings(array),
    )


def at_pixels(given: UserMap, lat: Values, lon: Values, area: Values, cell: float, how: str) -> Values:
    """Values of a numeric map at pixels, NaN where it has none; the area mean, or the nearest value.

    Args:
        given: the map.
        lat, lon, area: [pixel], degrees and m2.
        cell: width and height of the pixels' cells in degrees; 0: squares of their areas.
        how: mean, over what lies in the pixel's cell, or nearest to its centre. Where the map is so coarse that no
            centre lies in the cell, both are the value of the map's cell that holds the pixel.
    """
    if given.values.dtype.kind not in "fiub":
        raise LandlabError(f"{given.name} is text, not numbers; name another variable")
    values = given.values.astype(float)
    half = _half_widths(lat, area, cell)
    return (
        _of_grid(given, values, lat, lon, half, how)
        if given.is_grid
        else _of_places(given, values, lat, lon, half, how)
    )


def regions_at(given: UserMap, lat: Values, lon: Values, area: Values, cell: float) -> npt.NDArray[np.str_]:
    """Return the region of each pixel by a map of regions.

    It is the nearest value's name; "" where there is none.

    Names are the text, or the flag_meanings of the numbers; of other numbers `variable number`, 0 being none.
    """
    x = given.values
    if x.dtype.kind in "OUST":
        names, codes = np.unique(np.where(pd.isna(x), "", x).astype(str), return_inverse=True)
        called = dict(enumerate(names))
        x = codes.reshape(x.shape)
    else:
        numbers = np.unique(x[np.isfinite(x)])
        if len(numbers) > 1000 or (numbers % 1 != 0).any():
            raise LandlabError(
                f"{given.name} is no map of regions: its numbers are not whole, or more than 1000"
            )
        called = {int(k): given.meanings.get(int(k), f"{given.name} {int(k)}" if k else "") for k in numbers}
    coded = UserMap(given.name, given.units, x, given.lat, given.lon, {})
    found = at_pixels(coded, lat, lon, area, cell, "nearest")
    return np.array([called[int(k)] if np.isfinite(k) else "" for k in found])


def fingerprint(path: str) -> str:
    """16 hex digits of the SHA-256 of what the file, or every file of the store, holds."""
    root, digest = Path(path), hashlib.sha256()
    for file in sorted(p for p in root.rglob("*") if p.is_file()) if root.is_dir() else [root]:
        with file.open("rb") as content:
            digest.update(hashlib.file_digest(content, "sha256").digest())
    return digest.hexdigest()[:16]


def _csv(path: str) -> xr.Dataset:
    try:
        frame = pd.read_csv(path)
    except FileNotFoundError:
        raise LandlabError(f"no file {path}") from None
    except (OSError, UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise LandlabError(f"{path} is no csv table: {' '.join(str(error).split())[:160]}") from None
    return xr.Dataset({str(name): ("place", column.to_numpy()) for name, column in frame.items()})


def _axis(ds: xr.Dataset, names: tuple[str, ...], path: str) -> str:
    by_units = {"lat": "degrees_north", "lon": "degrees_east"}[names[0]]
    for n in map(str, ds.variables):
        if n.lower() in names or ds[n].attrs.get("units") == by_units:
            if ds[n].dtype.kind not in "fiu":
                raise LandlabError(f"{path}: {n} holds no numbers")
            return n
    raise LandlabError(f"{path} has no {names[0]}; it has: {_some([str(n) for n in ds.variables])}")


def _some(names: list[str]) -> str:
    return ", ".join(names[:8]) + (", ..." if len(names) > 8 else "") or "none"


def _meanings(array: xr.DataArray) -> dict[int, str]:
    """CF's flag_values and flag_meanings."""
    values, meanings = array.attrs.get("flag_values"), str(array.attrs.get("flag_meanings", "")).split()
    return (
        {int(v): m for v, m in zip(np.atleast_1d(values), meanings, strict=False)}
        if values is not None
        else {}
    )


def _wrapped(lon: Values) -> Values:
    return np.where(lon >= 180, lon - 360, lon)


def _half_widths(lat: Values, area: Values, cell: float) -> Values:
    """Half the side of each pixel's cell in degrees; cells are as wide as high, in degrees, if `cell` is 0."""
    if cell:
        return np.full(len(lat), cell / 2)
    squares = area / np.maximum(np.cos(np.deg2rad(lat)), 0.01)
    return np.rad2deg(np.sqrt(squares) / EARTH_RADIUS_M) / 2


def _of_grid(given: UserMap, values: Values, lat: Values, lon: Values, half: Values, how: str) -> Values:
    # each once: some files have the first meridian at both ends
    (y, rows), (x, columns) = (np.unique(axis, return_index=True) for axis in (given.lat, given.lon))
    values = values[np.ix_(rows, columns)]
    if len(x) > 1 and x[0] + 360 - x[-1] < 1.5 * np.diff(x).max():
        # around the world: what is east of the last column is the first one
        x, values = np.r_[x[-1] - 360, x, x[0] + 360], values[:, [-1, *range(len(x)), 0]]
    i, near_y = _nearest(y, lat)
    j, near_x = _nearest(x, lon)
    nearest = np.where(near_y & near_x, values[i, j], np.nan)
    if how == "nearest":
        return nearest
    # sums over rectangles, from sums over all that is south and west of each corner
    there = np.isfinite(values)
    weight = np.cos(np.deg2rad(y))[:, None] * there
    sums, weights = (_cumulative(a) for a in (np.where(there, values, 0.0) * weight, weight))
    small = 1e-9  # centres on the edge of a cell belong to it, whatever rounding says
    south, north = np.searchsorted(y, lat - half - small), np.searchsorted(y, lat + half + small, "right")
    west, east = np.searchsorted(x, lon - half - small), np.searchsorted(x, lon + half + small, "right")

    def within(a: Values) -> Values:
        return a[north, east] - a[south, east] - a[north, west] + a[south, west]

    total = within(weights)
    mean = np.divide(within(sums), total, out=np.full(len(lat), np.nan), where=total > 1e-6)
    empty = (north == south) | (east == west)
    return np.where(empty, nearest, mean)


def _cumulative(a: Values) -> Values:
    return np.pad(a.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))


def _nearest(axis: Values, at: Values) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.bool_]]:
    """Index of the nearest value of a sorted axis, and whether it is no farther than half a step of the axis."""
    if len(axis) < 2:
        raise LandlabError("the map has a single row or column; a map has more")
    right = np.clip(np.searchsorted(axis, at), 1, len(axis) - 1)
    index = np.where(at - axis[right - 1] <= axis[right] - at, right - 1, right)
    step = np.diff(axis)
    side = np.where(
        at < axis[index], index - 1, index
    )  # the step on this side of the value, or the outermost
    reach = step[np.clip(side, 0, len(step) - 1)] / 2 + 1e-6
    return index, np.abs(axis[index] - at) <= reach


def _of_places(given: UserMap, values: Values, lat: Values, lon: Values, half: Values, how: str) -> Values:
    there = np.isfinite(values) & np.isfinite(given.lat) & np.isfinite(given.lon)
    if not there.any():
        return np.full(len(lat), np.nan)
    values, y = values[there], given.lat[there]
    from scipy.spatial import cKDTree

    tree = cKDTree(np.column_stack([y, given.lon[there]]))
    pixels = np.column_stack([lat, lon])
    if how == "nearest":
        distance, index = tree.query(pixels, p=np.inf)
        return np.where(distance <= half, values[np.minimum(index, len(values) - 1)], np.nan)
    found = tree.query_ball_point(pixels, half, p=np.inf)
    return np.array([values[i].mean() if i else np.nan for i in found])
