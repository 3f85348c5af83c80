"""Pixels of DifferLand's grid that count, their patches, and the test patches."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import xarray as xr

from landlab_mgr.data.sources.differland.files import (
    BULK,
    RUNS,
    VALID,
    Grid,
    layout,
    require,
    shaped,
    with_gaps,
)
from landlab_mgr.data.sources.source_files import readable
from landlab_mgr.errors import LandlabError

PATCH_DEGREES = (4.0, 5.0)
VALID_SHARE = 0.8
"""Of a patch's pixels, for what is observed by patches."""


@dataclass(frozen=True)
class Land:
    """The pixels that count, patch by patch; each [pixel]."""

    row: np.ndarray
    column: np.ndarray
    patch: np.ndarray
    test: np.ndarray
    counts: np.ndarray
    """True where what is observed by patches counts."""


def choose(
    grid: Grid,
    maps: Mapping[str, np.ndarray],
    runs: xr.Dataset,
    valid: xr.Dataset,
    bulk: xr.Dataset,
    min_pixels: int,
) -> tuple[Land, list[str]]:
    """Choose the land by patch, and tell what is left out.

    Patches go from north to south by their first pixel. The second item has a line for what is left out.

    Raises:
        LandlabError: for masks and ranks that cannot be what they should be, and where no patch is left.
    """
    for ds in (runs, valid, bulk):
        grid.check(ds)
    ranks, last = _ranks(runs, grid)
    era, whole = (
        _truth(ds, name, grid) for ds, name in ((valid, "era_valid"), (bulk, "assimilate_bulk_variable"))
    )
    there = era & np.isfinite(ranks)
    complete = np.all([np.isfinite(x) for x in maps.values()], axis=0)
    row, column = np.nonzero(there)
    kinds, patch = np.unique(ranks[row, column], return_inverse=True)
    if not len(kinds):
        raise LandlabError(
            f"no pixel has a rank in {RUNS} and is valid in {VALID}; take files of one version"
        )
    _check_boxes(grid, kinds, patch, row, column)
    pixels_of_box = PATCH_DEGREES[0] / grid.height * PATCH_DEGREES[1] / grid.width
    flagged = np.bincount(patch, whole[row, column]) == np.bincount(patch)
    large = np.bincount(patch) >= VALID_SHARE * pixels_of_box - 1e-6

    kept = complete[row, column]
    enough = np.bincount(patch[kept], minlength=len(kinds)) >= min_pixels
    notices = []
    if not kept.all():
        notices.append(f"{(~kept).sum()} of {len(kept)} valid pixels lack a predictor and are left out")
    if not enough.all():
        notices.append(
            f"{(~enough).sum()} of {len(kinds)} patches have less than {min_pixels} pixels and are left out"
        )
    if not enough.any():
        raise LandlabError(f"no patch has {min_pixels} valid pixels; ask for less: --min-pixels")
    differ = enough & (flagged != large)
    if differ.any():
        notices.append(
            f"{BULK} and the rule of {VALID_SHARE:.0%} valid pixels differ in {differ.sum()} patches: what is observed "
            "by patches counts where both hold"
        )
    if last is not None and ((last < 0) != (ranks < 0))[row, column].any():
        notices.append(f"the runs in {RUNS} have different test pixels: those of the first are taken")
    kept &= enough[patch]
    row, column, patch = row[kept], column[kept], patch[kept]
    left, first = np.unique(
        patch, return_index=True
    )  # pixels go by row and column: first is the northernmost
    number = np.full(len(kinds), -1)
    number[left[np.argsort(first)]] = np.arange(len(left))
    order = np.lexsort((column, row, number[patch]))
    row, column, patch = row[order], column[order], patch[order]
    land = Land(row, column, number[patch], kinds[patch] < 0, (flagged & large)[patch])
    return land, notices


def _ranks(runs: xr.Dataset, grid: Grid) -> tuple[np.ndarray, np.ndarray | None]:
    """Ranks of patches in the first run [lat, lon], NaN outside; and in the last, where there are several."""
    name = "run_simulation_idx"
    array = require(runs, name)
    if array.dims[1:] != ("lat", "lon") or array.shape[1:] != grid.shape or not array.shape[0]:
        have, want = layout(array.dims, array.shape), layout(("lat", "lon"), grid.shape)
        raise LandlabError(f"{RUNS}: {name} has dims {have}; runs x {want} is needed")
    with readable(f"{RUNS}: {name}"):
        found = [with_gaps(array[i].values) for i in sorted({0, array.shape[0] - 1})]
    fraction = np.isfinite(found[0]) & (found[0] != np.round(found[0]))
    if fraction.any() or np.isinf(found[0]).any():
        raise LandlabError(f"{RUNS}: {name} holds what is no rank of a patch; whole numbers are needed")
    return found[0], found[1] if len(found) > 1 else None


def _truth(ds: xr.Dataset, name: str, grid: Grid) -> np.ndarray:
    """Read a mask [lat, lon] of booleans, or of 0, 1 and missing."""
    array = shaped(ds, name, ("lat", "lon"), grid.shape)
    with readable(f"{ds.encoding['source']}: {name}"):
        values = array.values
    if values.dtype.kind == "b":
        return values
    values = np.nan_to_num(with_gaps(values))
    if not np.isin(values, (0, 1)).all():
        strange = values[~np.isin(values, (0, 1))][0]
        raise LandlabError(f"{ds.encoding['source']}: {name} holds {strange:g}; it is true or false (1 or 0)")
    return values == 1


def _check_boxes(
    grid: Grid, kinds: np.ndarray, patch: np.ndarray, row: np.ndarray, column: np.ndarray
) -> None:
    """LandlabError where the pixels of a rank do not lie together in one box; the date line may cut it."""
    columns = len(grid.lon)
    spans = {"latitude": _span(row, patch) * grid.height / PATCH_DEGREES[0]}
    across = np.minimum(_span(column, patch), _span((column + columns // 2) % columns, patch))
    spans["longitude"] = across * grid.width / PATCH_DEGREES[1]
    for what, span in spans.items():
        if (span > 1.001).any():
            raise LandlabError(
                f"{RUNS}: pixels of rank {kinds[span.argmax()]:g} are too far apart in {what}; a patch is a box of "
                "4 x 5 degrees"
            )


def _span(at: np.ndarray, patch: np.ndarray) -> np.ndarray:
    """Rows or columns from the first to the last pixel of each patch."""
    first, last = np.full(patch.max() + 1, at.max()), np.full(patch.max() + 1, -1)
    np.minimum.at(first, patch, at)
    np.maximum.at(last, patch, at)
    return last - first + 1
