"""The store: one zarr v3 directory per dataset, named by content, published whole or not at all.

At a remote storage nothing can be renamed: a dataset is written here, and uploaded with MARKER last.
"""

import hashlib
import json
import os
import shutil
import socket
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from landlab_mgr.data import parts as monthly_parts
from landlab_mgr.data import schema
from landlab_mgr.data.parts import Part as Part
from landlab_mgr.errors import LandlabError
from landlab_mgr.storage.location import Location, cache_directory, folders, located, reached, reason

if TYPE_CHECKING:
    import xarray as xr

SCIENTIFIC_ATTRS = ("dt_days", "origin")
SCIENTIFIC_VARIABLE_ATTRS = ("role", "group", "kind", "classes", "units")

_DTYPE_OF_KIND = {"O": "str", "U": "str", "T": "str", "M": "datetime64[ns]"}
"""Types that stores may keep in another width than they were given."""

CHUNK_BYTES = 8 * 2**20
"""Target of a chunk: small data is one chunk per variable, large data blocks of pixels with all months."""

FOREIGN_TEMPORARY_SECONDS = 24 * 3600
"""A temporary of another host, whose processes cannot be asked after, is stale after this long."""

MARKER = "zarr.json"
"""The file of a zarr store without which nothing opens it."""


@dataclass(frozen=True)
class Published:
    """A dataset in a store: its name, its fingerprint (16 hex digits) and where it lies."""

    name: str
    fingerprint: str
    path: Location


def fingerprint(ds: "xr.Dataset") -> str:
    """First 16 hex digits of the SHA-256 of the decoded arrays and the scientific attributes.

    Independent of the order of variables, of chunks and compression, of the NaN's payload, and of the width
    in which strings and times are kept; names, licences and other prose do not count.
    """
    digest = hashlib.sha256()
    digest.update(_canonical_json({key: ds.attrs.get(key) for key in SCIENTIFIC_ATTRS}))
    for name in sorted(map(str, ds.variables)):
        variable = ds.variables[name]
        dtype = _DTYPE_OF_KIND.get(variable.dtype.kind) or variable.dtype.newbyteorder("<").str
        attrs = {key: variable.attrs[key] for key in SCIENTIFIC_VARIABLE_ATTRS if key in variable.attrs}
        digest.update(_canonical_json([name, variable.dims, variable.shape, dtype, attrs]))
        for block in _blocks(variable):
            digest.update(_canonical_bytes(block))
    return digest.hexdigest()[:16]


def publish(ds: "xr.Dataset", root: str | Location) -> Published:
    """Validate a dataset and write it to `root/<name>-<first 8 of its fingerprint>.zarr`, atomically.

    Publishing the same content again, also under another name, returns what is there. Whatever interrupts it, `root`
    shows either the whole dataset or nothing. Raises `LandlabError` for an invalid dataset or a root that cannot be
    written.
    """
    ds = schema.validate(ds)
    root = located(root)
    result = _named(ds, fingerprint(ds), root)
    with _temporary(root, result.name) as temporary:
        if _is_there(result):
            return result
        _write(ds.assign_attrs(fingerprint=result.fingerprint), temporary)
        _put(temporary, result)
    return result


def publish_parts(
    skeleton: "xr.Dataset",
    parts: Iterable[Part],
    root: str | Location,
    accept: Callable[["xr.Dataset"], None] | None = None,
) -> Published:
    """Publish what does not fit in memory, as `publish` would the whole of it: same content, same fingerprint.

    Args:
        skeleton: a valid dataset; each variable over [pixel, time] is declared with its dtype and attributes over
            `np.broadcast_to(nan, shape)`, which takes no memory, and its values come in parts. The rest is in memory.
        parts: consecutive blocks of pixels in order, from the first to the last, each once. A few MB to some 100 MB a
            part are fast; parts need not be aligned to anything. One part is in memory at a time, and a chunk
            (CHUNK_BYTES) of each variable.
        root: where datasets lie.
        accept: sees the whole, read from disk as it is used, before anybody else does; it raises what speaks against
            publication.

    Raises:
        LandlabError: as `publish`; and for parts that leave pixels out, repeat them, or lack a variable.
    """
    skeleton = schema.validate(skeleton)
    root = located(root)
    with _temporary(root, str(skeleton.attrs["name"])) as temporary:
        _write(skeleton.drop_vars(monthly_parts.monthly(skeleton)), temporary)
        monthly_parts.write(skeleton, parts, temporary, CHUNK_BYTES)
        written = _decoded(temporary)
        if accept is not None:
            accept(written)
        result = _named(skeleton, fingerprint(written), root)
        if not _is_there(result):
            import zarr

            zarr.open_group(temporary, mode="r+").attrs["fingerprint"] = result.fingerprint
            _put(temporary, result)
    return result


def _named(ds: "xr.Dataset", digest: str, root: Location) -> Published:
    """Return the dataset and its place.

    The place is where the same content lies under any name, else one of its own name.
    """
    name = str(ds.attrs["name"])
    own = root / f"{name}-{digest[:8]}.zarr"
    with reached(root):
        if not (own / MARKER).exists():
            same = [p.path for p in list_published(root) if p.fingerprint == digest]
            return Published(name, digest, same[0] if same else own)
    return Published(name, digest, own)


@contextmanager
def _temporary(root: Location, name: str) -> Iterator[Path]:
    """Yield a place for writing a dataset before it is put under a root.

    Nothing is left of it, whatever happens.
    """
    directory = root if isinstance(root, Path) else cache_directory() / "publishing"
    temporary = temporary_of(directory / f"{name}.zarr")
    try:
        directory.mkdir(parents=True, exist_ok=True)
        sweep(directory)
        yield temporary
    except OSError as error:
        raise LandlabError(f"cannot publish {name} under {root}: {reason(error)}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _is_there(expected: Published) -> bool:
    with reached(expected.path):
        if not (expected.path / MARKER).exists():
            return False
    stored = open_dataset(expected.path).attrs["fingerprint"]
    if stored != expected.fingerprint:
        raise LandlabError(
            f"{expected.path} holds {stored}, not {expected.fingerprint}; give the new dataset another name"
        )
    return True


def _put(temporary: Path, result: Published) -> None:
    """Show a dataset that is written, at once and durably."""
    target = result.path
    if isinstance(target, Path):
        sync(temporary)
        try:
            os.rename(temporary, target)
        except OSError:  # a concurrent publish of the same content came first
            if not _is_there(result):
                raise
            return
        _sync_directory(target.parent)
        return
    names = [str(p.relative_to(temporary)) for p in temporary.rglob("*") if p.is_file()]
    names.remove(MARKER)
    with reached(target):
        target.fs.put([str(temporary / n) for n in names], [(target / n).path for n in names])
        target.fs.pipe_file((target / MARKER).path, (temporary / MARKER).read_bytes())


def open_dataset(path: str | Location) -> "xr.Dataset":
    """Open a published dataset, decoded: what varies by pixel and month is read each time it is used, the rest now.

    Raises `LandlabError` where nothing is, or something that `publish` did not write.
    """
    path = located(path)
    try:
        with reached(path):
            ds = _decoded(path)
    except FileNotFoundError:
        raise LandlabError(f"no dataset at {path}; `landlab data ls` lists the published ones") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise LandlabError(
            f"{path} cannot be read as a dataset: {_one_line(error)}; remove and publish it again"
        ) from None
    if "fingerprint" not in ds.attrs or "schema_version" not in ds.attrs:
        raise LandlabError(
            f"{path} is a zarr store, but no published dataset; import it with `landlab data import`"
        )
    if ds.attrs["schema_version"] != schema.SCHEMA_VERSION:
        version = ds.attrs["schema_version"]
        raise LandlabError(
            f"{path} has schema {version}, this landlab reads {schema.SCHEMA_VERSION}; import it again"
        )
    return ds


def _decoded(path: Location) -> "xr.Dataset":
    import xarray as xr  # a second with zarr, which verbs that only list datasets need not wait

    ds = xr.open_dataset(
        str(path),
        engine="zarr",
        chunks=None,
        cache=False,
        consolidated=False,
        decode_timedelta=False,
        storage_options=None if isinstance(path, Path) else dict(path.storage_options),
    )
    for variable in ds.variables.values():
        if variable.ndim < 2:
            variable.load()
    return ds


def list_published(root: str | Location) -> list[Published]:
    """List the datasets under a root, by name.

    Temporaries and whatever else lies there are not among them.
    """
    found = []
    paths: list[Location] = list(located(root).glob("[!.]*.zarr"))
    for path in sorted(paths, key=str):
        try:
            attrs = json.loads((path / MARKER).read_bytes())["attributes"]
            found.append(Published(attrs["name"], attrs["fingerprint"], path))
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return found


def _write(ds: "xr.Dataset", path: Path) -> None:
    ds = ds.drop_encoding()
    # zarr v3 specifies no fixed-width strings
    ds = ds.assign({name: ds[name].astype(object) for name in ds.data_vars if ds[name].dtype.kind == "U"})
    encoding: dict[str, dict[str, Any]] = {}
    for name, variable in ds.variables.items():
        per_row = max(1, variable.dtype.itemsize * int(np.prod(variable.shape[1:])))
        rows = min(variable.shape[0], max(1, CHUNK_BYTES // per_row))
        encoding[str(name)] = {"chunks": (rows, *variable.shape[1:])}
    encoding["time"] |= {"units": "seconds since 1970-01-01", "dtype": "int64"}

    def write(part: "xr.Dataset", mode: Literal["w-", "a"]) -> None:
        of_part = {name: encoding[name] for name in map(str, part.variables)}
        part.to_zarr(path, zarr_format=3, consolidated=False, mode=mode, encoding=of_part)

    # one by one, since xarray holds all that it writes at once
    large = [name for name, variable in ds.data_vars.items() if variable.ndim > 1]
    write(ds.drop_vars(large), "w-")
    for name in large:
        write(ds[[name]].drop_vars(ds.coords), "a")


def sync(directory: Path) -> None:
    """Make a directory and all in it durable."""
    for folder, _, files in os.walk(directory):
        for file in files:
            with open(os.path.join(folder, file), "rb") as handle:
                os.fsync(handle.fileno())
        _sync_directory(Path(folder))


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def temporary_of(path: Path) -> Path:
    """Return the place where this process writes what shall become `path`.

    `sweep` knows whose it is.
    """
    hidden = "." + path.name.removeprefix(".")
    return path.with_name(f"{hidden}.{socket.gethostname()}.{os.getpid()}.{uuid.uuid4().hex[:8]}.tmp")


def sweep(root: Path) -> None:
    """Remove what killed writers left behind."""
    for path in stale_temporaries(root):
        shutil.rmtree(path, ignore_errors=True)


def unfinished_uploads(root: Location) -> Iterator[Location]:
    """Yield the datasets that killed publishers left at a remote root.

    They lack MARKER, and have for a while.
    """
    if isinstance(root, Path):
        return
    for path in folders(root):
        assert not isinstance(path, Path)
        files = path.fs.find(path.path)
        if path.suffix != ".zarr" or not files or (path / MARKER).path in files:
            continue
        if time.time() - root.fs.modified(files[0]).timestamp() > FOREIGN_TEMPORARY_SECONDS:
            yield path


def stale_temporaries(root: Path) -> Iterator[Path]:
    """Yield what killed writers left behind."""
    for path in root.glob(".*.zarr.*.tmp"):
        owner, pid = path.name.removesuffix(".tmp").split(".zarr.", 1)[1].rsplit(".", 2)[:2]
        if owner == socket.gethostname():
            stale = pid.isdigit() and not _alive(int(pid))
        else:
            try:
                stale = time.time() - path.stat().st_mtime > FOREIGN_TEMPORARY_SECONDS
            except FileNotFoundError:  # published meanwhile
                continue
        if stale:
            yield path


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _blocks(variable: "xr.Variable") -> Iterator[np.ndarray]:
    """Yield the values in pieces along the first dim.

    Their C-order bytes add up to the whole array's.
    """
    per_row = max(1, variable.dtype.itemsize * int(np.prod(variable.shape[1:])))
    rows = max(1, CHUNK_BYTES // per_row)
    for start in range(0, variable.shape[0], rows):
        yield variable[start : start + rows].values


def _canonical_bytes(values: np.ndarray) -> bytes:
    if values.dtype.kind in "OUT":  # one line each, so that the split into blocks does not show
        return b"".join(_canonical_json(str(value)) + b"\n" for value in values.ravel())
    if values.dtype.kind == "M":
        values = values.astype("datetime64[ns]").astype(np.int64)
    if values.dtype.kind == "f":
        values = np.where(np.isnan(values), values.dtype.type(np.nan), values)
    return np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<")).tobytes()


def _canonical_json(content: Any) -> bytes:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), default=lambda value: value.tolist())
    return text.encode()


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
