"""Grids of latitude and longitude that do not fit in memory: read slab by slab, kept pixel by pixel. JAX-free."""

import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr

from landlab_mgr.data.sources import source_files
from landlab_mgr.errors import LandlabError
from landlab_mgr.observations.comparable import ENOUGH_OF_A_PATCH
from landlab_mgr.observations.streams import STREAMS

SLAB_VALUES = 2**24
"""Values of a variable that are read at once: 64 MB of float32."""

EARTH_RADIUS_M = 6_371_007.2
"""Of the sphere with the area of the GRS80 ellipsoid (Moritz 2000, doi:10.1007/s001900050278)."""

WHOLE_SHARE = 0.8
"""Of the cells of a patch's box, that must be land for what is observed of patches as a whole."""

_UNEVEN = 1e-3
"""Steps of a grid may differ by this fraction of a step."""
_NEARLY_EVEN = 0.25
"""The same for latitudes of a Gaussian grid."""


def axis(
    values: np.ndarray, name: str, low: float, high: float, where: str, even: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """Centres of a grid along an axis, float64, and the width of each cell (> 0, whichever way they run).

    An axis of one centre is of a cell that is as wide as it may be, but no more than a degree.

    Raises:
        LandlabError: unless the centres are evenly spaced (or with `even` False nearly so, as of a Gaussian grid) and
            within low..high.
    """
    centres = np.asarray(values)
    if centres.ndim != 1 or centres.size < 1 or centres.dtype.kind not in "fiu":
        raise LandlabError(f"{where}: {name} is no axis of numbers but {centres.dtype}{list(centres.shape)}")
    centres = centres.astype(np.float64)
    steps = np.diff(centres) if centres.size > 1 else np.ones(1)
    step = float(steps.mean())
    slack = _UNEVEN if even else _NEARLY_EVEN
    if not np.isfinite(centres).all() or not step or (np.abs(steps - step) > slack * abs(step)).any():
        raise LandlabError(f"{where}: {name} is not evenly spaced; an axis of a regular grid is needed")
    if centres.min() < low or centres.max() > high:
        outside = centres[(centres < low) | (centres > high)][0]
        raise LandlabError(f"{where}: {name} {outside:g} is outside {low:g}..{high:g}")
    widths = np.full(centres.size, abs(step))
    if (np.abs(steps - step) > _UNEVEN * abs(step)).any():
        edges = np.concatenate([[1.5 * centres[0] - 0.5 * centres[1]], (centres[1:] + centres[:-1]) / 2])
        edges = np.append(edges, 1.5 * centres[-1] - 0.5 * centres[-2])
        widths = np.abs(np.diff(np.clip(edges, low, high)))
    return centres, widths


def areas_between(lat: np.ndarray, lon: np.ndarray) -> np.ndarray:
    """Areas of cells by the places of their neighbours, m2 [y, x]: of parallelograms between half-way points."""
    phi, lam = np.deg2rad(lat), np.deg2rad(lon)
    place = np.stack([np.cos(phi) * np.cos(lam), np.cos(phi) * np.sin(lam), np.sin(phi)], axis=-1)
    along, across = np.gradient(place, axis=1), np.gradient(place, axis=0)
    return EARTH_RADIUS_M**2 * np.linalg.norm(np.cross(along, across), axis=-1)


def cell_areas(lat: np.ndarray, height: float | np.ndarray, width: float) -> np.ndarray:
    """Area of cells `height` x `width` degrees that are centred at these latitudes, m2."""
    north, south = (np.deg2rad(np.clip(lat + sign * height / 2, -90, 90)) for sign in (1, -1))
    return EARTH_RADIUS_M**2 * np.deg2rad(width) * (np.sin(north) - np.sin(south))


def drop_parts(ds: xr.Dataset, cells: float, share: float, notices: list[str]) -> xr.Dataset:
    """Leave out, in place, what inversions and gravity see of patches of which the dataset holds a part only.

    That are streams of whole patches where the dataset has less than `share` of the patch's cells, and months of an
    anomaly where less than ENOUGH_OF_A_PATCH of its pixels are observed: so that the loss and scores see the same.

    Args:
        ds: a gridded dataset in memory or in files that may be written.
        cells: of a whole patch.
        share: of these, that a patch needs.
        notices: gets a line for each stream of which something is left out.

    Returns:
        the dataset, with the share as its attribute `whole_patch_share`.
    """
    patch = ds["patch"].values
    counts = np.bincount(patch)
    small = counts < share * cells - 1e-6
    for name, stream in STREAMS.items():
        if not stream.whole_patches or name not in ds:
            continue
        values = ds[name].values
        if not values.flags.writeable:  # the same everywhere
            values = np.array(values)
            ds[name] = ds[name].copy(data=values)
        lost = gone = 0
        for p in range(len(counts)):
            here = np.flatnonzero(patch == p)
            seen = np.isfinite(values[here])
            if small[p]:
                lost += bool(seen.any())
                values[here] = np.nan
            elif stream.average == "anomaly":
                few = seen.any(axis=0) & (seen.mean(axis=0) < ENOUGH_OF_A_PATCH)
                gone += int(few.sum())
                values[np.ix_(here, np.flatnonzero(few))] = np.nan
        if lost:
            notices.append(
                f"{name} of {lost} of {len(counts)} patches is left out: the dataset has less than {share:.0%} of "
                f"their {cells:.0f} cells"
            )
        if gone:
            notices.append(
                f"{gone} months of {name} are left out: less than {ENOUGH_OF_A_PATCH:.0%} of the patch observed"
            )
    return ds.assign_attrs(whole_patch_share=float(share))


def slabs(shape: Sequence[int], chunks: Sequence[int] | None) -> Iterator[tuple[slice, ...]]:
    """Index ranges that cover an array [time, lat, lon], each of whole chunks and of SLAB_VALUES or one chunk.

    `chunks` is the file's; None where it is one piece, month after month.
    """
    unit = chunks or (1, *shape[1:])
    step = [min(of_unit, size) for of_unit, size in zip(unit, shape, strict=True)]
    for i in reversed(range(len(shape))):  # what lies together in the file is read together
        others = int(np.prod(step)) // step[i]
        count = max(1, SLAB_VALUES // (others * step[i]))
        step[i] = min(shape[i], step[i] * count)
    ranges = [
        [slice(start, min(start + by, size)) for start in range(0, size, by)]
        for size, by in zip(shape, step, strict=True)
    ]
    return itertools.product(*ranges)


@dataclass(frozen=True)
class Spool:
    """Series of pixels in a file, [pixel, time] float32; reading some pixels takes no more memory than they do."""

    path: Path
    shape: tuple[int, int]

    @classmethod
    def reserve(cls, path: Path, shape: tuple[int, int]) -> "Spool":
        """Reserve a new file and its room on the disk.

        The room is taken at once: no later write can fail.

        Raises:
            OSError: where there is not enough room.
        """
        with path.open("xb") as file:
            os.posix_fallocate(file.fileno(), 0, 4 * shape[0] * shape[1])
        return cls(path, shape)

    def fill(
        self,
        array: xr.DataArray,
        row: np.ndarray,
        column: np.ndarray,
        finish: Callable[[np.ndarray], np.ndarray],
    ) -> None:
        """Write the series of some pixels of a lazy array [time, lat, lon].

        Whichever way the source is chunked, each chunk is decompressed once; patch by patch, a source whose chunks are
        whole months would be decompressed again for every patch.

        Args:
            row, column: [pixel] where each pixel is.
            finish: makes of values [month, pixel] what is kept of them, e.g. in another unit.
        """
        kept = np.memmap(self.path, np.float32, "r+", shape=self.shape)
        for months, rows, columns in slabs(array.shape, array.encoding.get("chunksizes")):
            here = np.flatnonzero(
                (row >= rows.start) & (row < rows.stop) & (column >= columns.start) & (column < columns.stop)
            )
            if len(here):
                slab = source_files.values(array[months, rows, columns], str(array.name))
                kept[here, months] = finish(slab[:, row[here] - rows.start, column[here] - columns.start]).T

    def __getitem__(self, pixels: slice) -> np.ndarray:
        count, months = pixels.stop - pixels.start, self.shape[1]
        values = np.fromfile(self.path, np.float32, count * months, offset=4 * pixels.start * months)
        return values.reshape(count, months)
