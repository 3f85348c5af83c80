"""Data by month, written block by block: for datasets larger than memory."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from landlab_mgr.errors import LandlabError

if TYPE_CHECKING:
    import xarray as xr

Part = tuple[slice, Mapping[str, np.ndarray]]
"""A block of pixels, and by name every variable over months, [n, time]."""


def declared(shape: tuple[int, int], dtype: type = np.float32) -> np.ndarray:
    """Values of a skeleton's variable over [pixel, time], whose real ones come in parts: NaN, without memory."""
    return np.broadcast_to(np.array(np.nan, dtype), shape)


def monthly(skeleton: "xr.Dataset") -> list[str]:
    """Names of the variables that come in parts."""
    return [str(name) for name, variable in skeleton.data_vars.items() if variable.ndim > 1]


def write(skeleton: "xr.Dataset", parts: Iterable[Part], path: Path, chunk_bytes: int) -> None:
    """Add what comes in parts to the zarr group at `path`, in chunks of whole pixels.

    Raises:
        LandlabError: for parts that leave pixels out, repeat them, or are not of the skeleton's variables and shape.
    """
    names = monthly(skeleton)
    n, months = skeleton.sizes["pixel"], skeleton.sizes["time"]
    dtypes = {name: skeleton[name].dtype for name in names}
    rows = min(n, max(1, chunk_bytes // (months * max(dtype.itemsize for dtype in dtypes.values()))))
    import zarr

    group = zarr.open_group(path, mode="r+")
    arrays = {
        name: group.create_array(
            name,
            shape=(n, months),
            chunks=(rows, months),
            dtype=dtype,
            fill_value=np.nan if dtype.kind == "f" else 0,
            dimension_names=("pixel", "time"),
            attributes={str(key): _plain(value) for key, value in skeleton[name].attrs.items()},
        )
        for name, dtype in dtypes.items()
    }
    # whole chunks: to write a piece of one, zarr would read and pack the rest again
    chunk = {name: np.empty((rows, months), dtype) for name, dtype in dtypes.items()}
    done = 0
    for pixels, values in parts:
        _check(skeleton, pixels, values, done)
        while done < pixels.stop:
            first = done - done % rows
            until = min(first + rows, pixels.stop)
            for name in names:
                piece = values[name][done - pixels.start : until - pixels.start]
                chunk[name][done - first : until - first] = piece
            done = until
            if done in (first + rows, n):
                for name in names:
                    arrays[name][first:done] = chunk[name][: done - first]
    if done != n:
        raise LandlabError(f"{skeleton.attrs['name']}: the parts end at pixel {done} of {n}")


def _check(skeleton: "xr.Dataset", pixels: slice, values: Mapping[str, np.ndarray], done: int) -> None:
    name, n, months = skeleton.attrs["name"], skeleton.sizes["pixel"], skeleton.sizes["time"]
    if pixels.start != done or not done < pixels.stop <= n:
        raise LandlabError(
            f"{name}: a part of pixels {pixels.start}..{pixels.stop} after {done} of {n}; each pixel once, in order"
        )
    different = set(values) ^ set(monthly(skeleton))
    if different:
        raise LandlabError(
            f"{name}: the part from pixel {done} and the skeleton differ in {', '.join(sorted(different))}; "
            "a part holds every variable over months"
        )
    shape = (pixels.stop - done, months)
    for variable, x in values.items():
        if x.shape != shape:
            raise LandlabError(
                f"{name}: {variable} of the part from pixel {done} has shape {x.shape}, not {shape}"
            )


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value
