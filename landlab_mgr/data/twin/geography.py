"""Positions of the planet's pixels.

The planet has whole patches on real land, regions by name, and smooth random fields of position.
"""

import zlib
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from landlab_mgr.data import land
from landlab_mgr.errors import LandlabError

Field = np.ndarray

PATCH_DEGREES = (4, 5)
"""Latitude x longitude of a patch, as in DifferLand."""
PIXEL_DEGREES = 0.25
MIN_LAND = 32
"""A patch with fewer land pixels is left out, as in DifferLand."""
LARGEST_PATCH = 320
"""Pixels of a patch that is all land."""
SOUTH, NORTH = -56, 80
"""Patches lie between; further polewards nothing grows."""
ICE = ((58, 84), (-56, -26))
"""Latitudes and longitudes of a box with little but the ice of Greenland."""

REGIONS: tuple[tuple[str, tuple[int, int], tuple[int, int]], ...] = (
    ("Boreal North America", (50, 90), (-180, -30)),
    ("Temperate North America", (13, 50), (-180, -30)),
    ("Tropical South America", (-20, 13), (-120, -30)),
    ("Temperate South America", (-90, -20), (-120, -30)),
    ("Europe", (35, 90), (-30, 40)),
    ("Northern Africa", (0, 35), (-30, 60)),
    ("Southern Africa", (-90, 0), (-30, 60)),
    ("Boreal Asia", (50, 90), (40, 180)),
    ("Temperate Asia", (28, 50), (40, 180)),
    ("Tropical Asia", (-10, 28), (60, 180)),
    ("Oceania", (-90, 90), (-180, 180)),
)
"""Boxes of latitude and longitude, near the regions of inversions; a patch is in the first that holds its centre."""


class Places(NamedTuple):
    """The planet's pixels, by patch, from north to south."""

    lat: Field
    """[N] degrees north."""
    lon: Field
    patch: npt.NDArray[np.int64]
    """[N] patch of each pixel, 0, 1, ..."""
    cell: npt.NDArray[np.int64]
    """[patches] where each lies on the globe: what its draws depend on, whatever other patches there are."""
    bounds: npt.NDArray[np.int64]
    """[patches + 1] first pixel of each patch."""

    def pixels(self, patch: int) -> slice:
        """Those of a patch."""
        return slice(int(self.bounds[patch]), int(self.bounds[patch + 1]))


def generator(seed: int, what: str, *keys: int) -> np.random.Generator:
    """Random numbers of their own for everything that is drawn, so that nothing depends on what is drawn before it."""
    return np.random.default_rng([seed, zlib.crc32(what.encode()), *keys])


def choose(seed: int, n_patches: int, per_patch: int) -> Places:
    """Land pixels in randomly chosen patches: `per_patch` of each, or all of its land where that is less.

    Raises:
        LandlabError: where the Earth has fewer patches.
    """
    side = (int(PATCH_DEGREES[0] / PIXEL_DEGREES), int(PATCH_DEGREES[1] / PIXEL_DEGREES))
    rows, columns = (NORTH - SOUTH) // PATCH_DEGREES[0], 360 // PATCH_DEGREES[1]
    first = int((90 - NORTH) / PIXEL_DEGREES)
    inside = land.mask()[first : first + rows * side[0]]
    cells = inside.reshape(rows, side[0], columns, side[1]).swapaxes(1, 2).reshape(rows * columns, -1)
    row, column = np.divmod(np.arange(rows * columns), columns)
    centre_lat = NORTH - (row + 0.5) * PATCH_DEGREES[0]
    centre_lon = -180 + (column + 0.5) * PATCH_DEGREES[1]
    ice = (
        (centre_lat > ICE[0][0])
        & (centre_lat < ICE[0][1])
        & (centre_lon > ICE[1][0])
        & (centre_lon < ICE[1][1])
    )
    eligible = np.flatnonzero((cells.sum(axis=1) >= MIN_LAND) & ~ice)
    if len(eligible) < n_patches:
        raise LandlabError(
            f"the Earth has {len(eligible)} patches with {MIN_LAND} land pixels; ask for at most that, not {n_patches}"
        )
    chosen = np.sort(generator(seed, "patches").permutation(eligible)[:n_patches])
    lats, lons = [], []
    for cell in chosen:
        on_land = np.flatnonzero(cells[cell])
        count = min(per_patch, len(on_land))
        here = np.sort(generator(seed, "pixels", int(cell)).choice(on_land, count, replace=False))
        i, j = np.divmod(here, side[1])
        lats.append(NORTH - (row[cell] * side[0] + i + 0.5) * PIXEL_DEGREES)
        lons.append(-180 + (column[cell] * side[1] + j + 0.5) * PIXEL_DEGREES)
    sizes = [len(x) for x in lats]
    return Places(
        lat=np.concatenate(lats),
        lon=np.concatenate(lons),
        patch=np.repeat(np.arange(n_patches), sizes),
        cell=chosen,
        bounds=np.concatenate([[0], np.cumsum(sizes)]),
    )


def regions(places: Places) -> npt.NDArray[np.object_]:
    """Name of the region of each pixel, [N]: that of its patch, so that no patch lies in two."""
    row, column = np.divmod(places.cell, 360 // PATCH_DEGREES[1])
    lat = NORTH - (row + 0.5) * PATCH_DEGREES[0]
    lon = -180 + (column + 0.5) * PATCH_DEGREES[1]
    names = np.full(len(lat), "", object)
    for name, (south, north), (west, east) in reversed(REGIONS):
        names[(lat >= south) & (lat < north) & (lon >= west) & (lon < east)] = name
    return names[places.patch]


def field(seed: int, what: str, lat: Field, lon: Field, scale: float = 25.0, waves: int = 24) -> Field:
    """Evaluate a smooth random function of position.

    It has mean 0 and sd 1 over the sphere; `scale` is its length in degrees.
    """
    rng = generator(seed, what)
    k = rng.normal(size=(waves, 3)) * (180 / np.pi / scale)
    phase = rng.uniform(0, 2 * np.pi, waves)
    x, y, z = _unit(lat, lon)
    # term by term: the rounding of a matrix product depends on its shape
    total = np.zeros(len(lat))
    for w in range(waves):
        total += np.cos(k[w, 0] * x + k[w, 1] * y + k[w, 2] * z + phase[w])
    return total * np.sqrt(2 / waves)


def patterns(seed: int, what: str, lat: Field, lon: Field, scale: float, count: int) -> Field:
    """[count, N] smooth waves over the sphere, each of mean square 1: what large-scale weather is made of."""
    rng = generator(seed, what)
    k = rng.normal(size=(count, 3)) * (180 / np.pi / scale)
    phase = rng.uniform(0, 2 * np.pi, count)
    x, y, z = _unit(lat, lon)
    waves = [np.cos(k[w, 0] * x + k[w, 1] * y + k[w, 2] * z + phase[w]) for w in range(count)]
    return np.sqrt(2) * np.stack(waves)


def _unit(lat: Field, lon: Field) -> tuple[Field, Field, Field]:
    a, o = np.deg2rad(lat), np.deg2rad(lon)
    return np.cos(a) * np.cos(o), np.cos(a) * np.sin(o), np.sin(a)


def standardise(x: Field) -> Field:
    """Mean 0, sd 1 over the planet's pixels."""
    return (x - x.mean()) / max(float(x.std()), 1e-9)
