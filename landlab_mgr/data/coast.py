"""Coastlines as lines, traced once from the mask of `land`. JAX-free.

`python -m landlab_mgr.data.coast` writes the file anew.
"""

from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from landlab_mgr.data import land

FILE = Path(__file__).with_name("coast.npz")
EIGHTH = 8
"""Corners of the lines lie on eighths of a degree."""
FEWEST = 8
"""Rings of fewer corners are islands of a few cells, left out."""

Line = npt.NDArray[np.float32]


@cache
def lines() -> tuple[Line, Line]:
    """Latitude and longitude of the coastlines in degrees, one line after the other with NaN between them."""
    with np.load(FILE) as stored:
        corners, ends = stored["corners"], stored["ends"]
    return _joined([corners[a:b] for a, b in zip([0, *ends[:-1]], ends, strict=True)])


def traced() -> list[npt.NDArray[np.int16]]:
    """Trace the lines between land and sea of the mask.

    Each is [corner, (lat, lon)] in eighths of a degree.
    """
    from contourpy import contour_generator

    mask = land.mask()
    rows, columns = mask.shape
    lat, lon = 90 - (np.arange(rows) + 0.5) * 180 / rows, (np.arange(columns) + 0.5) * 360 / columns - 180
    found = contour_generator(lon, lat, mask.astype(float)).lines(0.5)
    return [
        _straightened(np.rint(EIGHTH * np.asarray(line)[:, ::-1]).astype(np.int16))
        for line in found
        if len(line) >= FEWEST
    ]


def _straightened(line: npt.NDArray[np.int16]) -> npt.NDArray[np.int16]:
    """Without the corners at which it goes straight on."""
    step = np.diff(line, axis=0)
    turns = (step[1:] != step[:-1]).any(axis=1)
    return line[np.concatenate([[True], turns, [True]])]


def _joined(parts: list[npt.NDArray[np.int16]]) -> tuple[Line, Line]:
    gap = np.full((1, 2), np.nan, np.float32)
    whole = np.concatenate([x for part in parts for x in (part.astype(np.float32) / EIGHTH, gap)])
    return whole[:, 0], whole[:, 1]


def _write() -> None:
    parts = traced()
    np.savez_compressed(FILE, corners=np.concatenate(parts), ends=np.cumsum([len(part) for part in parts]))


if __name__ == "__main__":
    _write()
