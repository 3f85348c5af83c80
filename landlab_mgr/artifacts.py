"""Files that runs leave: written whole or not at all, known by their hash, read back. JAX-free."""

import hashlib
import os
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
import zarr

from landlab_mgr.errors import LandlabError
from landlab_mgr.records import ArtifactRecord


def replace_durably(path: Path, fill: Callable[[Path], None]) -> None:
    """Let `fill` write a temporary file, then put it at `path` durably: readers see nothing or the whole."""
    temporary = path.with_name(f".{os.getpid()}-{path.name}")
    try:
        fill(temporary)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def record(kind: str, path: Path) -> ArtifactRecord:
    """The record of a file: its path, content hash and size."""
    content = path.read_bytes()
    return ArtifactRecord(kind, str(path), hashlib.sha256(content).hexdigest(), len(content))


def intact(artifact: ArtifactRecord, path: Path) -> bool:
    """Whether the file at `path` is there and is what the record says."""
    return path.is_file() and record(artifact.kind, path).sha256 == artifact.sha256


def write(kind: str, ds: xr.Dataset, directory: Path) -> ArtifactRecord:
    """Write a dataset as one zipped zarr file named after its kind."""
    path = directory / f"{kind}.zarr.zip"
    names = [n for n in ds.variables if ds[n].dtype.kind == "U"]  # zarr v3 specifies no fixed-width strings
    plain = ds.assign({n: ds[n].astype(object) for n in names})
    content: dict[str, Any] = {}
    plain.to_zarr(zarr.storage.MemoryStore(content), consolidated=False, zarr_format=3)

    def fill(temporary: Path) -> None:
        # zipped at the end: writing into a zip, xarray would store every variable's metadata twice
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
            for key in sorted(content):
                archive.writestr(zipfile.ZipInfo(key), content[key].to_bytes())

    replace_durably(path, fill)
    return record(kind, path)


def flags(dim: str, labels: np.ndarray, meanings: Sequence[str]) -> tuple[str, np.ndarray, dict[str, Any]]:
    """Labels as a variable of codes with the CF attributes flag_values and flag_meanings."""
    codes = np.array([meanings.index(label) for label in labels], np.int8)
    attrs = {"flag_values": list(range(len(meanings))), "flag_meanings": " ".join(meanings)}
    return dim, codes, attrs


def labels(variable: xr.DataArray) -> np.ndarray:
    """What `flags` encoded."""
    return np.array(variable.attrs["flag_meanings"].split())[variable.values]


def read(path: str | Path) -> xr.Dataset:
    """Load what `write` wrote; LandlabError where it is missing or damaged."""
    if not Path(path).is_file():
        raise LandlabError(f"no file {path}; `landlab show RUN` lists what the run wrote")
    try:
        with zarr.storage.ZipStore(path, mode="r") as source:
            return xr.open_zarr(source, consolidated=False).load()
    except Exception as error:
        raise LandlabError(f"{path} is damaged ({type(error).__name__}: {error}); run it again") from None
