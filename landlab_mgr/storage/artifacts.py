"""Files that runs leave, local or remote: written whole or not at all, known by their hash, read back. JAX-free."""

import hashlib
import io
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from landlab_mgr.errors import LandlabError
from landlab_mgr.records import ArtifactRecord
from landlab_mgr.storage import location
from landlab_mgr.storage.location import Location, located
from landlab_mgr.storage.location import replace_durably as replace_durably

if TYPE_CHECKING:
    import numpy as np
    import xarray as xr


OF_RUN = "run_id"
"""Attribute of the files of runs."""
PLACES = ("lat", "lon", "site")
"""Coordinates in the files of runs, for other programs; within landlab variables, as files of early versions have."""


def put(kind: str, content: bytes, path: Location) -> ArtifactRecord:
    """Write a file durably, readers seeing nothing or the whole; returns its record."""
    location.write(path, content)
    return _record(kind, path, content)


def _record(kind: str, path: Location, content: bytes) -> ArtifactRecord:
    return ArtifactRecord(kind, str(path), hashlib.sha256(content).hexdigest(), len(content))


def record(kind: str, path: Location) -> ArtifactRecord:
    """Return the record of a file: path or URL, content hash and size."""
    return _record(kind, path, location.content(path))


def intact(artifact: ArtifactRecord, path: Location) -> bool:
    """Return whether `path` holds the file that the record describes.

    Raises:
        LandlabError: where `path` is out of reach.
    """
    if isinstance(path, Path) and not path.is_file():
        return False
    try:
        return record(artifact.kind, path).sha256 == artifact.sha256
    except FileNotFoundError:
        return False


def write(kind: str, ds: "xr.Dataset", directory: Location) -> ArtifactRecord:
    """Write a dataset as one zipped zarr file named after its kind."""
    import zarr  # half a second, which verbs that only list files need not wait

    path = directory / f"{kind}.zarr.zip"
    names = [n for n in ds.variables if ds[n].dtype.kind == "U"]  # zarr v3 specifies no fixed-width strings
    # as variables: an array would bring its coordinates as they were
    plain = ds.assign({n: ds[n].variable.astype(object) for n in names})
    if OF_RUN in ds.attrs:
        plain = plain.set_coords([n for n in PLACES if n in plain])
    content: dict[str, Any] = {}
    plain.to_zarr(zarr.storage.MemoryStore(content), consolidated=False, zarr_format=3)
    zipped = io.BytesIO()
    # zipped at the end: writing into a zip, xarray would store every variable's metadata twice
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_STORED) as archive:
        for key in sorted(content):
            archive.writestr(zipfile.ZipInfo(key), content[key].to_bytes())
    return put(kind, zipped.getvalue(), path)


def flags(
    dim: str, labels: "np.ndarray", meanings: Sequence[str]
) -> "tuple[str, np.ndarray, dict[str, Any]]":
    """Labels as a variable of codes with the CF attributes flag_values and flag_meanings."""
    import numpy as np

    codes = np.array([meanings.index(label) for label in labels], np.int8)
    attrs = {"flag_values": list(range(len(meanings))), "flag_meanings": " ".join(meanings)}
    return dim, codes, attrs


def labels(variable: "xr.DataArray") -> "np.ndarray":
    """Return the labels that `flags` encoded."""
    import numpy as np

    return np.array(variable.attrs["flag_meanings"].split())[variable.values]


def read(path: str | Location, names: Sequence[str] | None = None) -> "xr.Dataset":
    """Load what `write` wrote, or those of these variables that it holds.

    LandlabError where it is missing, damaged or out of reach.
    """
    import xarray as xr
    import zarr

    path = located(path)
    with ExitStack() as copies:
        try:
            local = path if isinstance(path, Path) else copies.enter_context(_downloaded(path))
        except FileNotFoundError:
            local = None
        if local is None or not local.is_file():
            raise LandlabError(f"no file {path}; `landlab show RUN` lists what the run wrote")
        try:
            with zarr.storage.ZipStore(local, mode="r") as source:
                ds = xr.open_zarr(source, consolidated=False)
                if OF_RUN in ds.attrs:
                    ds = ds.reset_coords([n for n in PLACES if n in ds.coords])
                return (ds if names is None else ds[[n for n in names if n in ds]]).load()
        except Exception as error:
            raise LandlabError(f"{path} is damaged ({type(error).__name__}: {error}); run it again") from None


@contextmanager
def _downloaded(path: Location) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as directory:
        local = Path(directory) / path.name
        local.write_bytes(location.content(path))
        yield local
