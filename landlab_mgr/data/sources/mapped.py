"""Variables of somebody's files by their mapping: found, read piece by piece, converted, and put at the pixels."""

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import xarray as xr

from landlab_mgr.data.sources import gridded, source_files, units, validity
from landlab_mgr.data.sources.mapping import Mapping, one_of, sources
from landlab_mgr.errors import LandlabError
from landlab_mgr.observations.steps import DAYS_PER_MONTH
from landlab_mgr.storage.location import cache_directory

IN_MEMORY_BYTES = 2**26
"""Larger arrays are kept in unnamed temporary files."""


@dataclass(frozen=True)
class Pixels:
    """Places of the files that become pixels: index [pixel] by spatial dimension."""

    index: dict[str, np.ndarray]

    def __len__(self) -> int:
        return len(next(iter(self.index.values())))


@dataclass(frozen=True)
class Files:
    """The opened files and their mapping."""

    ds: xr.Dataset
    path: str
    mapping: Mapping
    days_of_month: np.ndarray | None = None
    """Days of the calendar month of each step, [time]; None before the time axis is read."""

    def array(self, key: str, variable: str) -> xr.DataArray:
        """Return a variable by its name in the files, lazy.

        Raises:
            LandlabError: where there is none; it names the mapping's key.
        """
        if variable not in self.ds.variables:
            names = sorted(map(str, self.ds.variables))
            raise LandlabError(f"{key}: {self.path} has {one_of('variable', variable, names)}")
        return self.ds[variable]

    def check_units(self) -> None:
        """Compare the mapping's units with the files' own; LandlabError where they differ and none is forced."""
        for key, given in sources(self.mapping):
            if given.variable is None or given.units is None or given.force_units:
                continue
            if getattr(given, "kind", "") == "class":  # names of kinds have no unit
                continue
            own = self.array(key, given.variable).attrs.get("units")
            if own and units.contradict(given.units, str(own)):
                raise LandlabError(
                    f"{key}: the file says that {given.variable!r} is in {str(own)!r}, the mapping {given.units!r}; "
                    "leave units out, or write force_units = true beside them if the file is wrong"
                )

    def over(self, key: str, variable: str, time: bool) -> xr.DataArray:
        """Return a variable over space, and time where that is allowed.

        Dimensions of length 1 are dropped.
        """
        array = self.array(key, variable)
        wanted = (*self.mapping.dims.space, *((self.mapping.dims.time,) if time else ()))
        spare = [dim for dim in array.dims if dim not in wanted and array.sizes[dim] == 1]
        array = array.isel(dict.fromkeys(spare, 0))
        strange = [str(dim) for dim in array.dims if dim not in wanted]
        if strange:
            raise LandlabError(
                f"{key}: variable {variable!r} has dimensions {', '.join(map(str, array.dims))}; allowed: "
                f"{', '.join(wanted)} (see [dims] of the mapping: pixel names a list of places, lat and lon a grid)"
            )
        return array

    def numbers(self, key: str, variable: str, values: np.ndarray, quantity: bool = False) -> np.ndarray:
        """Values as floats, with the mapping's codes of missing values as NaN, and of a quantity its flags."""
        if values.dtype.kind not in "fiub":
            advice = ': of words, write kind = "class"' if key.startswith("predictors.") else ""
            raise LandlabError(f"{key}: variable {variable!r} holds {values.dtype}, not numbers{advice}")
        numbers = values if values.dtype.kind == "f" else values.astype(np.float64)
        if quantity:
            numbers = validity.without_flags(self.ds[variable], numbers)
        codes = np.asarray(self.mapping.missing, numbers.dtype)
        return np.where(np.isin(numbers, codes), np.nan, numbers) if codes.size else numbers

    def converted(
        self, key: str, array: xr.DataArray, given: str | None, unit: str
    ) -> Callable[[np.ndarray], np.ndarray]:
        """Return a function that converts the file's values to our unit.

        Raises:
            LandlabError: at once, where their unit does not allow it.
        """
        name = str(array.name)
        have = given if given is not None else array.attrs.get("units")
        have = None if have is None else str(have)
        table, _, last = key.rpartition(".")
        advice = f'in [{table}] of the mapping write {last} = {{variable = "{name}", units = "..."}}'
        convert = partial(units.convert, have=have, want=unit, name=f"{key} ({name!r})", override=advice)
        convert(np.zeros(1))
        quantity = not key.endswith(".weight")
        return lambda values: convert(self.numbers(key, name, values, quantity))

    def static(
        self,
        key: str,
        variable: str,
        given: str | None,
        unit: str | None,
        pixels: Pixels,
        quantity: bool = False,
    ) -> np.ndarray:
        """Return a variable without time at the pixels, [pixel].

        `unit` None keeps the file's.
        """
        array = self.over(key, variable, time=False)
        values = source_files.values(array, f"{key}: {self.path}: {variable!r}")
        finish = (
            partial(self.numbers, key, variable, quantity=quantity)
            if unit is None
            else self.converted(key, array, given, unit)
        )
        return finish(at_pixels(values, array.dims, pixels))

    def series(
        self,
        key: str,
        variable: str | None,
        value: float | None,
        given: str | None,
        unit: str,
        pixels: Pixels,
    ) -> np.ndarray:
        """Return a variable by month at the pixels in our unit, [pixel, time].

        Without space or time it is the same in all.
        """
        time = self.mapping.dims.time
        shape = (len(pixels), self.ds.sizes[time])
        if variable is None:
            number = units.convert(np.array([float(value or 0)]), given or unit, unit, key)
            return np.broadcast_to(number, shape)
        array = self.over(key, variable, time=True)
        finish = self.converted(key, array, given, unit)
        by_month = time in array.dims and units.per_month(given or array.attrs.get("units"), unit)
        actual = DAYS_PER_MONTH / self.days_of_month if by_month and self.days_of_month is not None else 1.0
        if not set(array.dims) & set(pixels.index):  # such as CO2
            whole = finish(source_files.values(array, f"{key}: {self.path}: {variable!r}"))
            return np.broadcast_to(whole * actual, shape)
        kept = empty(shape, array.dtype if array.dtype.kind == "f" else np.dtype(np.float64))
        for ranges, part in slabs(array, f"{key}: {self.path}: {variable!r}"):
            here = np.ones(len(pixels), bool)
            local = {}
            for dim, index in pixels.index.items():
                if dim in ranges:
                    here &= (index >= ranges[dim].start) & (index < ranges[dim].stop)
                    local[dim] = index - ranges[dim].start
            if here.any():
                inside = Pixels({dim: index[here] for dim, index in local.items()})
                chosen = finish(at_pixels(part, array.dims, inside))
                kept[here, ranges.get(time, slice(None))] = chosen if chosen.ndim == 2 else chosen[:, None]
        if by_month:
            kept *= actual
        return kept


def at_pixels(values: np.ndarray, dims: tuple[Any, ...], pixels: Pixels) -> np.ndarray:
    """Values at the pixels: spatial dimensions become [pixel], first; one that the array lacks is the same in all."""
    space = [dim for dim in pixels.index if dim in dims]
    moved = np.moveaxis(values, [dims.index(dim) for dim in space], range(len(space)))
    if not space:
        return np.broadcast_to(moved, (len(pixels), *moved.shape))
    return moved[tuple(pixels.index[dim] for dim in space)]


def slabs(array: xr.DataArray, what: str) -> Iterator[tuple[dict[Any, slice], np.ndarray]]:
    """Yield an array in pieces as its file has them.

    Each piece is the ranges by dimension, and the values.
    """
    chunks = array.encoding.get("chunksizes") or array.encoding.get("chunks")
    whole = chunks if chunks is not None and len(chunks) == array.ndim else None
    for index in gridded.slabs(array.shape, whole):
        ranges = dict(zip(array.dims, index, strict=True))
        yield ranges, source_files.values(array.isel(ranges), what)


def empty(shape: tuple[int, int], dtype: np.dtype) -> np.ndarray:
    """Return an array to be filled, in memory if it is small.

    Else it is in a file without a name, which ends with the process.
    """
    if shape[0] * shape[1] * dtype.itemsize <= IN_MEMORY_BYTES:
        return np.empty(shape, dtype)
    directory = cache_directory()
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=directory) as file:
        return np.memmap(file, dtype, "w+", shape=shape)
