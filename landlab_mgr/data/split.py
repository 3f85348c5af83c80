"""The split: pixels that train, develop and test, and steps that are withheld, by the kind of split alone.

Patches are never divided. What is held out is the same for every seed and setup, so that members compare.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from landlab_mgr.errors import LandlabError
from landlab_mgr.models import registry
from landlab_mgr.observations.calendar import Calendar
from landlab_mgr.observations.steps import MONTHS_PER_YEAR
from landlab_mgr.spec.run import WITHOUT_DEV, SplitSpec

TRAIN, DEV, TEST = "train", "dev", "test"
UNUSED = "unused"
"""Test pixels of the dataset that `region_out` leaves aside: neither learned from nor scored."""

_DEV_STREAM, _TEST_STREAM, _FOLD_STREAM = 1, 2, 3
"""Second words of the seeds, so that equal seeds do not pick alike for dev, test and folds."""

BLOCK_VALUES = 4 * 2**20
"""Pixel-steps of temperature that are read at once."""


def assign(geometry: xr.Dataset | Mapping[str, Any], split: SplitSpec, seed: int) -> np.ndarray:
    """Split of each pixel, [pixel] of "train", "dev", "test" or "unused".

    `geometry` is a dataset or anything with `patch` (int, [pixel]), `test` (bool, [pixel]) and, for `region_out`,
    `region`, `lat` and `lon`. The kind says which patches are held out:

    - patch, years_out: those of the dataset's test set;
    - kfold: one of `folds` equal parts of all patches, the dataset's test patches among them;
    - region_out: those with a pixel in a region or the box; the dataset's other test patches are unused;
    - all, years: none, and none is dev either.

    Of the other patches `dev_fraction` (rounded, at least one) are drawn for dev by the seed. Neither setup nor weights
    enter, so members of equal seed compare pairwise. Raises `LandlabError` where fewer than two patches are left to
    draw from, or the dataset lacks what the kind asks for.
    """
    patch, reserved = np.asarray(geometry["patch"]), np.asarray(geometry["test"], dtype=bool)
    if split.kind in WITHOUT_DEV:
        return np.full(patch.shape, TRAIN)
    test, unused = reserved, np.zeros_like(reserved)
    if split.kind == "kfold":
        test = _fold(patch, split)
    elif split.kind == "region_out":
        test = np.isin(patch, patch[_inside(geometry, split)])
        unused = reserved & ~test
    candidates = np.setdiff1d(patch, patch[test | unused])
    if candidates.size < 2:
        raise LandlabError(
            f"{candidates.size} patches are not of the test set; train and dev need at least 2: "
            "use a dataset with more patches"
            + ("" if split.kind == "patch" else ", or hold out fewer")
            + '; of one place, split.kind = "years" withholds years and "all" nothing'
        )
    count = min(_share(split.dev_fraction, candidates.size), candidates.size - 1)
    dev = _generator(seed, _DEV_STREAM).choice(candidates, size=count, replace=False)
    label = np.where(test, TEST, np.where(np.isin(patch, dev), DEV, TRAIN))
    return np.where(unused, UNUSED, label) if unused.any() else label


def _fold(patch: np.ndarray, split: SplitSpec) -> np.ndarray:
    """Pixels of the fold that is held out; sizes of folds differ by a patch at most."""
    shuffled = _generator(0, _FOLD_STREAM).permutation(np.unique(patch))
    if shuffled.size < split.folds:
        raise LandlabError(
            f"split.folds = {split.folds} of {shuffled.size} patches; allowed: as many as patches"
        )
    return np.isin(patch, shuffled[split.fold :: split.folds])


def _inside(geometry: xr.Dataset | Mapping[str, Any], split: SplitSpec) -> np.ndarray:
    """Pixels in one of the regions, or in the box."""
    inside = np.zeros(len(np.asarray(geometry["patch"])), bool)
    if split.regions is not None:
        if "region" not in geometry:
            raise LandlabError(
                "the dataset names no regions; give split.box = [south, north, west, east] instead of split.regions"
            )
        region = np.asarray(geometry["region"], dtype=object).astype(str)
        known = sorted(set(region) - {""})
        for name in split.regions:
            if name not in known:
                raise LandlabError(f"unknown region {name!r}; this dataset has {', '.join(known)}")
        inside |= np.isin(region, split.regions)
    if split.box is not None:
        south, north, west, east = split.box
        lat, lon = np.asarray(geometry["lat"]), np.asarray(geometry["lon"])
        between = (lon >= west) & (lon <= east) if west < east else (lon >= west) | (lon <= east)
        boxed = between & (lat >= south) & (lat <= north)
        if not boxed.any():
            raise LandlabError(f"no pixel is in split.box = {list(split.box)} (south, north, west, east)")
        inside |= boxed
    return inside


def withheld_months(ds: xr.Dataset, split: SplitSpec) -> np.ndarray | None:
    """Return the steps that no member trains or develops on.

    They are bool [time, 1], or [time, pixel] where pixels differ; None: none.

    Withheld are all steps of a month or year. A year is one of the calendar; for the warmest and coolest, one that the
    dataset has whole. Its temperature is the area-weighted mean over the pixels that are not of the dataset's test set.
    A fraction that trains is one of a pixel's own record, from its first observation of any stream to its last. Raises
    `LandlabError` for years and months that the dataset lacks, and where nothing is left to learn from.
    """
    if split.kind not in ("years_out", "years"):
        return None
    out = _named_steps(ds, split)[:, None]
    if split.train_until is not None:
        out = out | (Calendar.of(ds).dates > np.datetime64(split.train_until))[:, None]
    if split.train_fraction is not None:
        out = out | _after_fraction(ds, split.train_fraction)
    if out.all():
        raise LandlabError(
            f"split holds out every {Calendar.of(ds).step} of the dataset; leave some to learn from"
        )
    return out


def _after_fraction(ds: xr.Dataset, fraction: float) -> np.ndarray:
    """Return the steps after this share of each pixel's record, bool [time, pixel]."""
    observed = np.zeros((ds.sizes["time"], ds.sizes["pixel"]), bool)
    for name in (n for n in registry.streams() if n in ds):
        observed |= np.isfinite(ds[name].transpose("time", "pixel").values)
    first = observed.argmax(axis=0)
    last = observed.shape[0] - 1 - observed[::-1].argmax(axis=0)
    end = first + np.round(fraction * (last + 1 - first)).astype(int)
    return np.arange(observed.shape[0])[:, None] >= np.where(observed.any(axis=0), end, observed.shape[0])


def _named_steps(ds: xr.Dataset, split: SplitSpec) -> np.ndarray:
    """Return the steps of the years and months that a split names, bool [time]."""
    year = ds["time"].dt.year.values
    month = ds["time"].dt.strftime("%Y-%m").values.astype(str)
    for name, given, of_step in (("year", split.years, year), ("month", split.months, month)):
        for value in given or ():
            if value not in of_step:
                raise LandlabError(
                    f"split.{name}s: the dataset has no {name} {value}; it goes from {of_step[0]} to {of_step[-1]}"
                )
    out = np.isin(year, split.years or ()) | np.isin(month, split.months or ())
    if split.warmest or split.coolest:
        whole, temperature = _yearly_temperature(ds)
        count = (split.warmest or 0) + (split.coolest or 0)
        if count >= whole.size:
            raise LandlabError(
                f"split holds out {count} years by temperature of {whole.size} whole ones; leave at least one"
            )
        by_warmth = whole[np.argsort(temperature, kind="stable")]
        out |= np.isin(year, by_warmth[: split.coolest or 0])
        out |= np.isin(year, by_warmth[whole.size - (split.warmest or 0) :])
    return out


_TEMPERATURE = ("tmin", "tmax")
_TEMPERATURES: dict[str, tuple[np.ndarray, np.ndarray]] = {}
"""Results of `_yearly_temperature`, by fingerprint.

A large dataset is read once in a process, not for every member.
"""


def _yearly_temperature(ds: xr.Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Return the calendar years that a dataset has whole.

    With them comes the mean temperature of each, degC.
    """
    fingerprint = ds.attrs.get("fingerprint")
    if fingerprint in _TEMPERATURES:
        return _TEMPERATURES[fingerprint]
    missing = [name for name in _TEMPERATURE if name not in ds]
    if missing:
        raise LandlabError(
            f"split.warmest and split.coolest need tmin and tmax; the dataset has no {' and '.join(missing)}: "
            "name years with split.years"
        )
    year = ds["time"].dt.year.values
    by_step, area = np.zeros(len(year)), 0.0
    rows = max(1, BLOCK_VALUES // len(year))
    for start in range(0, ds.sizes["pixel"], rows):
        part = ds[[*_TEMPERATURE, "area_m2", "test"]].isel(pixel=slice(start, start + rows)).load()
        weight = np.where(part["test"].values, 0.0, part["area_m2"].values)
        both = (part[name].transpose("pixel", "time").values.astype(np.float64) for name in _TEMPERATURE)
        by_step += weight @ (0.5 * sum(both))
        area += weight.sum()
    whole = _whole_years(Calendar.of(ds))
    temperature = np.array([by_step[year == y].mean() / area for y in whole])
    if fingerprint is not None:
        _TEMPERATURES[fingerprint] = whole, temperature
    return whole, temperature


def _whole_years(calendar: Calendar) -> np.ndarray:
    """Calendar years of which a dataset has every month whole."""
    first = calendar.dates[calendar.segments("month")[:, 0]]
    years, months = np.unique(first.astype("datetime64[Y]").astype(int) + 1970, return_counts=True)
    return years[months == MONTHS_PER_YEAR]


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
