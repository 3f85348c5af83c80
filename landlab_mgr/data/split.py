"""Which pixels train, which develop, which test: whole patches, drawn from a seed and nothing else."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from landlab_mgr.errors import LandlabError
from landlab_mgr.spec import SplitSpec

TRAIN, DEV, TEST = "train", "dev", "test"

_DEV_STREAM, _TEST_STREAM = 1, 2
"""Second words of the seeds, so that equal seeds do not pick alike for dev and for test."""


def assign(geometry: xr.Dataset | Mapping[str, Any], split: SplitSpec, seed: int) -> np.ndarray:
    """Split of each pixel, [pixel] of "train", "dev" or "test".

    `geometry` is a dataset or anything with `patch` (int, [pixel]) and `test` (bool, [pixel]). Test pixels
    are the dataset's; of the other patches `dev_fraction` (rounded, at least one) are drawn for dev by the
    seed. Neither setup nor weights enter, so members of equal seed compare pairwise. Raises `LandlabError`
    where fewer than two patches are left to draw from.
    """
    if split.kind != "patch":
        raise LandlabError(f"split kind {split.kind!r}; allowed: patch")
    patch, test = np.asarray(geometry["patch"]), np.asarray(geometry["test"], dtype=bool)
    candidates = np.setdiff1d(patch, patch[test])
    if candidates.size < 2:
        raise LandlabError(
            f"{candidates.size} patches are not of the test set; train and dev need at least 2: "
            "use a dataset with more patches"
        )
    count = min(_share(split.dev_fraction, candidates.size), candidates.size - 1)
    dev = _generator(seed, _DEV_STREAM).choice(candidates, size=count, replace=False)
    return np.where(test, TEST, np.where(np.isin(patch, dev), DEV, TRAIN))


def choose_test_patches(patch: np.ndarray, fraction: float = 0.1, seed: int = 0) -> np.ndarray:
    """Test mask of each pixel, bool [pixel], for importers: a fraction of the patches, rounded, at least one.

    At least two patches are always left. Raises `LandlabError` for fewer than three patches or a fraction
    outside 0..1.
    """
    distinct = np.unique(patch)
    if not 0 < fraction < 1:
        raise LandlabError(f"test fraction {fraction}; allowed: between 0 and 1, e.g. 0.1")
    if distinct.size < 3:
        raise LandlabError(f"{distinct.size} patches; train, dev and test need one each: give at least 3")
    count = min(_share(fraction, distinct.size), distinct.size - 2)
    return np.isin(patch, _generator(seed, _TEST_STREAM).choice(distinct, size=count, replace=False))


def _share(fraction: float, size: int) -> int:
    return max(1, int(fraction * size + 0.5))


def _generator(seed: int, stream: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64([seed, stream]))
