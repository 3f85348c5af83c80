"""Files that others wrote: NetCDF-4, NetCDF-3 and zarr, opened so that whatever is wrong with one is one line.

The HDF5 library may crash, loop or ask for all memory on a damaged file. Another process therefore reads each NetCDF-4
file once before this one opens it.
"""

import glob
import json
import logging
import os
import selectors
import subprocess
import sys
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from landlab_mgr.data.sources import validity
from landlab_mgr.errors import LandlabError

HDF5, NETCDF3, CDF5 = b"\x89HDF\r\n\x1a\n", b"CDF", b"CDF\x05"
_MARKERS = ("zarr.json", ".zgroup", ".zmetadata")
_SUFFIXES = (".nc", ".nc4", ".netcdf", ".cdf")

SILENCE_SECONDS = 60.0
"""A reader that says nothing for so long hangs (one damaged file in a hundred does it): it speaks after every block."""

_MOST_UNSTORED = 2**30
_MOST_JOINED = 2**31
"""Files that follow each other in time are joined in memory up to so many bytes."""
_MOST_COMPRESSED = 1000
"""An array larger than so many bytes, and so many times its file, is damage of the header."""


def open_(path: str | Path | Sequence[Path], time: str | None = None) -> xr.Dataset:
    """Open a file, a zarr store, or files (or a directory of NetCDF) that together hold the variables; lazy.

    Times stay numbers with their attributes; `_FillValue` and the like are NaN, and `values` gives the valid ones.

    Args:
        path: one, or several.
        time: dimension along which files with the same variables follow each other; None: none does.

    Raises:
        LandlabError: where nothing is, or something that cannot be read.
    """
    files = expanded([path]) if isinstance(path, str | Path) else list(path)
    if len(files) == 1:
        return _open(files[0])
    return _merged([(file, _open(file)) for file in files], time)


def expanded(paths: Sequence[str | Path], also: tuple[str, ...] = ()) -> list[Path]:
    """Files of paths: of directories their NetCDF files (and those of other suffixes), of patterns what fits.

    Raises:
        LandlabError: for a directory or pattern without any.
    """
    files: dict[Path, None] = {}
    for path in map(Path, paths):
        if path.is_dir() and not any((path / marker).is_file() for marker in _MARKERS):
            inside = sorted(p for p in path.iterdir() if p.suffix.lower() in (*_SUFFIXES, *also))
            if not inside:
                raise LandlabError(
                    f"{path} holds no NetCDF file ({', '.join(_SUFFIXES)}) and is no zarr store; give a file, or a "
                    "directory of them"
                )
        elif not path.exists() and any(c in str(path) for c in "*?["):
            inside = sorted(Path(p) for p in glob.glob(str(path)))
            if not inside:
                raise LandlabError(f"no file fits {path}")
        else:
            inside = [path]
        files |= dict.fromkeys(inside)
    return list(files)


def values(array: xr.DataArray, what: str) -> np.ndarray:
    """Return the values of an opened variable, NaN where they are not valid.

    LandlabError names it where they cannot be read.
    """
    with readable(what):
        return validity.without_invalid(array, np.asarray(array.values))


@contextmanager
def readable(what: str) -> Iterator[None]:
    """Whatever fails on reading becomes one line: each format and codec has error classes of its own.

    Raises:
        LandlabError: names what cannot be read, and why.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd attributes: what matters is checked
            yield
    except LandlabError:
        raise
    except Exception as error:
        reason = " ".join(str(error).split())[:160] or type(error).__name__
        raise LandlabError(
            f"{what} cannot be read: {reason}; it is damaged or no such file: get it again"
        ) from None


def _open(path: Path) -> xr.Dataset:
    engine = _engine(path)
    if engine == "h5netcdf":
        _survives_reading(path)
    options: dict[str, Any] = {}
    if engine == "zarr":
        options["consolidated"] = False
        logging.getLogger("asyncio").addFilter(_is_news)
    with readable(str(path)):
        raw = xr.open_dataset(
            path,
            engine=engine,
            decode_times=False,
            decode_timedelta=False,
            mask_and_scale=False,
            cache=False,
            **options,
        )
        ds = validity.decoded(raw)
        size = _size(path)
    for name, variable in ds.variables.items():
        if variable.nbytes > max(_MOST_UNSTORED, _MOST_COMPRESSED * size):
            raise LandlabError(
                f"{path}: {str(name)!r} would have shape {variable.shape} in a file of {size} bytes: it is damaged, "
                "get it again"
            )
    return ds


def _is_news(record: logging.LogRecord) -> bool:
    """Not that zarr, having raised the first error of a store, leaves those of its other tasks for asyncio to print."""
    return not record.getMessage().startswith("Task exception was never retrieved")


def _engine(path: Path) -> str:
    """xarray's name of the format, by content."""
    if path.is_dir():
        return "zarr"
    try:
        with path.open("rb") as file:
            start = file.read(8)
    except FileNotFoundError:
        raise LandlabError(f"no file {path}") from None
    except OSError as error:
        raise LandlabError(f"{path} cannot be read: {error.strerror or error}") from None
    if start == HDF5:
        return "h5netcdf"
    if start[:3] == NETCDF3 and start[3:4] in (b"\x01", b"\x02"):
        return "scipy"
    if start[:4] == CDF5:
        raise LandlabError(
            f"{path} is a CDF-5 file (NetCDF-3 with 64-bit data), which is not read here; make NetCDF-4 of it: "
            f"nccopy -k nc4 {path.name} new.nc"
        )
    raise LandlabError(f"{path} is no NetCDF file (it begins with {start[:4]!r}) and no zarr store")


def _size(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())


def _merged(parts: Iterable[tuple[Path, xr.Dataset]], time: str | None = None) -> xr.Dataset:
    merged, home = xr.Dataset(), dict[str, Path]()
    for path, ds in _in_time(list(parts), time):
        for name in map(str, ds.data_vars):
            if name in home:
                raise LandlabError(
                    f"{name!r} is in {home[name].name} and in {path.name}; join the files into one first "
                    "(cdo mergetime, ncrcat), or give a directory where each variable is in one file"
                )
            home[name] = path
        try:
            merged = xr.merge([merged, ds], join="exact", compat="equals", combine_attrs="drop_conflicts")
        except ValueError as error:
            reason = " ".join(str(error).split())[:160]
            raise LandlabError(f"{path} and the files before it have different axes: {reason}") from None
    return merged


def _in_time(parts: list[tuple[Path, xr.Dataset]], time: str | None) -> Iterable[tuple[Path, xr.Dataset]]:
    """Join files that hold the same variables at other times; in memory, so only where they are small."""
    by_names: dict[tuple[str, ...], list[tuple[Path, xr.Dataset]]] = {}
    for path, ds in parts:
        own = tuple(sorted(map(str, ds.data_vars))) if time in ds.coords else (str(path),)
        by_names.setdefault(own, []).append((path, ds))
    for group in by_names.values():
        if len(group) == 1 or time is None or sum(ds.nbytes for _, ds in group) > _MOST_JOINED:
            yield from group
            continue
        units = {str(ds[time].attrs.get("units")) for _, ds in group}
        if len(units) > 1:
            raise LandlabError(
                f"{group[0][0].name} and {group[1][0].name} count {time} from other dates; join the files into one "
                "first (cdo mergetime)"
            )
        group.sort(key=lambda pair: float(pair[1][time].values[0]) if pair[1].sizes[time] else -np.inf)
        with readable(f"{group[0][0]} and the files like it"):
            whole = xr.concat(
                [ds for _, ds in group],
                time,
                data_vars="minimal",
                coords="minimal",
                compat="equals",
                join="exact",
                combine_attrs="override",
            )
        yield group[0][0], whole


_READER = """
import json, os, sys
import h5py, numpy as np
import resource
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[2]),) * 2)
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

def say(**news):
    print(json.dumps(news), flush=True)

def attributes(thing):
    for key in thing.attrs:
        try:
            thing.attrs[key]
        except TypeError:  # of a type that numpy does not know, e.g. the references of a dimension scale
            pass

def visit(name, thing):
    attributes(thing)
    if not isinstance(thing, h5py.Dataset) or thing.shape is None:
        return
    say(at=name)
    if thing.size * thing.dtype.itemsize > max(2**30, 1000 * size):
        raise ValueError(f"{name} would have shape {thing.shape}")
    if thing.ndim == 0 or thing.size == 0:
        thing[()]
        return
    rows = max(1, 2**24 * thing.shape[0] // max(1, thing.size * thing.dtype.itemsize))
    if thing.chunks:
        rows = -(-rows // thing.chunks[0]) * thing.chunks[0]
    for start in range(0, thing.shape[0], rows):
        thing[start : start + rows]
        say(at=name)

size = os.path.getsize(sys.argv[1])
try:
    with h5py.File(sys.argv[1], "r") as file:
        attributes(file)
        file.visititems(visit)
except BaseException as error:
    say(error=" ".join(str(error).split())[:160] or type(error).__name__)
"""

_READER_BYTES = 6 * 2**30
"""Address space of the reader: what a damaged length asks for beyond it is an error and not the machine's memory."""


def _survives_reading(path: Path) -> None:
    """Have another process read a whole NetCDF-4 file; LandlabError where it fails, crashes or hangs."""
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-I", "-c", _READER, str(path), str(_READER_BYTES)]
    reader = subprocess.Popen(
        command, bufsize=0, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
    )
    assert reader.stdout is not None
    last: dict[str, str] = {}
    hangs = False
    with reader, selectors.DefaultSelector() as selector:
        selector.register(reader.stdout, selectors.EVENT_READ)
        try:
            while True:
                if not selector.select(SILENCE_SECONDS):
                    hangs = True
                    break
                line = reader.stdout.readline()
                if not line:
                    break
                last = json.loads(line)
        finally:
            if hangs or sys.exc_info()[0] is not None:
                reader.kill()
    at = f" at {last['at']!r}" if last.get("at") else ""
    if "error" in last:
        raise LandlabError(
            f"{path} cannot be read: {last['error']}; it is damaged or no NetCDF file: get it again"
        )
    if hangs:
        raise LandlabError(f"{path} cannot be read: its reader hangs{at}; it is damaged, get it again")
    if reader.returncode:
        raise LandlabError(
            f"{path} cannot be read: its reader ended with {reader.returncode}{at}; it is damaged, get it again"
        )
