"""Real coastlines: which places are land, from the file that global-land-mask carries. JAX-free."""

import zipfile
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from landlab_mgr.errors import LandlabError


@lru_cache(maxsize=2)
def mask(step: int = 30) -> np.ndarray:
    """Land mask of the globe every `step` / 120 degrees, bool [north to south, west to east].

    Rows are read one by one from global-land-mask's file: importing the package would hold the whole mask,
    1 GB.
    """
    package = find_spec("global_land_mask")
    if package is None or package.origin is None:
        raise LandlabError(
            "coastlines need the package global-land-mask; install it: pip install global-land-mask"
        )
    path = Path(package.origin).with_name("globe_combined_mask_compressed.npz")
    with zipfile.ZipFile(path) as archive, archive.open("mask.npy") as file:
        version = np.lib.format.read_magic(file)
        layout = np.lib.format.read_array_header_1_0(file) if version == (1, 0) else None
        if layout is None or layout[1] or layout[2] != np.dtype(bool):
            raise LandlabError(f"{path} is not laid out as global-land-mask 1.0 is; install that version")
        height, width = layout[0]
        rows = []
        for row in range(height):
            values = file.read(width)
            if row % step == step // 2:
                rows.append(np.frombuffer(values, bool)[step // 2 :: step])
    return ~np.stack(rows)  # the file marks the sea


def is_land(lat: np.ndarray, lon: np.ndarray) -> np.ndarray:
    """Return whether the 0.25 degree cells of these places are land; bool.

    Places are in degrees; a cell is judged by its centre.
    """
    grid = mask()
    rows = np.clip(((90 - lat) * 4).astype(int), 0, grid.shape[0] - 1)
    columns = np.clip(((lon + 180) * 4).astype(int), 0, grid.shape[1] - 1)
    return grid[rows, columns]
