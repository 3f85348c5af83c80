"""Real coastlines: which places are land. JAX-free.

`python -m landlab_mgr.data.land` writes the file anew from that of the package global-land-mask (MIT licence), whose
reading takes seconds.
"""

import zipfile
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from landlab_mgr.errors import LandlabError

FILE = Path(__file__).with_name("land.npz")
CELLS_PER_DEGREE = 4
FINEST = 120
"""Cells of a degree in global-land-mask's file."""
REGION_DEGREES = (120.0, 80.0)
"""Width and height up to which places are of a region, whose map is no globe."""


@cache
def mask() -> np.ndarray:
    """Land mask of the globe in cells of 0.25 degrees, bool [north to south, west to east]."""
    shape = 180 * CELLS_PER_DEGREE, 360 * CELLS_PER_DEGREE
    with np.load(FILE) as stored:
        return np.unpackbits(stored["land"], count=shape[0] * shape[1]).reshape(shape).astype(bool)


def view(lat: np.ndarray, lon: np.ndarray) -> tuple[float, float, float, float, int]:
    """West, east, south and north of a map of places, and degrees between its lines.

    It is the globe, or the region where all places are in a smaller one.
    """
    west, east = float(np.min(lon)), float(np.max(lon))
    south, north = float(np.min(lat)), float(np.max(lat))
    if east - west > REGION_DEGREES[0] or north - south > REGION_DEGREES[1]:
        return -180.0, 180.0, -60.0, 85.0, 60
    room = max(2.0, 0.08 * max(east - west, north - south))
    wide = max(east - west, north - south) + 2 * room
    step = next(s for s in (1, 2, 5, 10, 20, 30) if wide / s <= 8 or s == 30)
    return (
        max(west - room, -180.0),
        min(east + room, 180.0),
        max(south - room, -90.0),
        min(north + room, 90.0),
        step,
    )


def is_land(lat: np.ndarray, lon: np.ndarray) -> np.ndarray:
    """Return whether the 0.25 degree cells of these places are land; bool.

    Places are in degrees; a cell is judged by its centre.
    """
    grid = mask()
    rows = np.clip(((90 - lat) * CELLS_PER_DEGREE).astype(int), 0, grid.shape[0] - 1)
    columns = np.clip(((lon + 180) * CELLS_PER_DEGREE).astype(int), 0, grid.shape[1] - 1)
    return grid[rows, columns]


def original() -> np.ndarray:
    """Read the mask from global-land-mask's file, as `mask` gives it.

    Rows are read one by one: importing the package would hold all of it, 1 GB.

    Raises:
        LandlabError: where the package is not installed, or of another version.
    """
    package = find_spec("global_land_mask")
    if package is None or package.origin is None:
        raise LandlabError("the file of coastlines is made from the package global-land-mask; install it")
    path = Path(package.origin).with_name("globe_combined_mask_compressed.npz")
    with zipfile.ZipFile(path) as archive, archive.open("mask.npy") as file:
        version = np.lib.format.read_magic(file)
        layout = np.lib.format.read_array_header_1_0(file) if version == (1, 0) else None
        if layout is None or layout[1] or layout[2] != np.dtype(bool):
            raise LandlabError(f"{path} is not laid out as global-land-mask 1.0 is; install that version")
        height, width = layout[0]
        step = FINEST // CELLS_PER_DEGREE
        rows = []
        for row in range(height):
            values = file.read(width)
            if row % step == step // 2:
                rows.append(np.frombuffer(values, bool)[step // 2 :: step])
    return ~np.stack(rows)  # the file marks the sea


if __name__ == "__main__":
    np.savez_compressed(FILE, land=np.packbits(original()))
