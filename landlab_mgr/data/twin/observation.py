"""What instruments see of the planet: each stream at its resolution, with its gaps and its errors."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from landlab_mgr.data.twin.geography import Field, Places, generator
from landlab_mgr.models.dalec.parameters import LOSS_TERMS, MODELLED, STREAMS, annual

OUTPUTS = tuple(sorted({MODELLED.get(v, v) for v in STREAMS.values()}))
"""Monthly model outputs that are observed."""


class Sensor(NamedTuple):
    """Standard deviation of the error, absolute and as a fraction of the value; and how much is seen at all."""

    absolute: float
    relative: float
    coverage: float
    """Share of the months (of the pixels, where a stream is annual or one value)."""
    clouded: float = 0.0
    """Share of the months lost where it always rains."""


SENSORS: Mapping[str, Sensor] = {
    "lai": Sensor(0.15, 0.08, 0.95, clouded=0.3),
    "sif": Sensor(0.03, 0.08, 0.95, clouded=0.3),
    "et_gleam": Sensor(0.10, 0.10, 1.0),
    "biomass": Sensor(100.0, 0.12, 0.95),
    "vod": Sensor(0.02, 0.05, 0.95),
    "som": Sensor(500.0, 0.15, 0.9),
    "nbe": Sensor(0.10, 0.10, 0.95),
    "ewt": Sensor(12.0, 0.05, 0.97),
    "fire": Sensor(0.0, 0.20, 1.0),
    "gpp_fluxnet": Sensor(0.3, 0.08, 0.92),
    "reco_fluxnet": Sensor(0.3, 0.08, 0.92),
    "et_fluxnet": Sensor(0.1, 0.10, 0.92),
    "nee_site": Sensor(0.3, 0.08, 0.92),
}
"""Of the size that comparisons of products with one another and with towers find; chosen, not measured."""
NOT_BELOW_ZERO = ("lai", "biomass", "vod", "som", "fire")
SATURATED_LAI = 10.0
"""Largest leaf area index that a satellite's retrieval gives, as MODIS's."""
TOWERS = ("gpp_fluxnet", "reco_fluxnet", "et_fluxnet", "nee_site")
TOWER_SHARE = 0.2
"""Patches with a tower; about 190 of 939, as in FLUXNET."""
PERSISTENT = 0.8
"""Share of the error of annual maps that stays from year to year."""
DARK = 2.0
"""MJ m-2 d-1; below, satellites see neither leaves nor fluorescence."""
GRACE_START, GRACE_GAP = 15, slice(197, 209)
"""Month of the record (from January 2001) of the first gravity mission, and the months between the two."""


class Instruments(NamedTuple):
    """Where there are towers and inversions."""

    tower: npt.NDArray[np.bool_]
    """[N]: one pixel of some patches."""
    inverted: npt.NDArray[np.bool_]
    """[patches] with NBE; those without have a tower, whose NEE is observed instead."""


def instruments(seed: int, places: Places) -> Instruments:
    """Towers in TOWER_SHARE of the patches, a third of which no inversion resolves."""
    patches = len(places.cell)
    order = generator(seed, "towers").permutation(patches)
    with_tower = order[: max(2, round(TOWER_SHARE * patches))]
    tower = np.zeros(len(places.lat), bool)
    for patch in with_tower:
        pixels = places.pixels(patch)
        size = pixels.stop - pixels.start
        tower[pixels.start + generator(seed, "tower", int(places.cell[patch])).integers(size)] = True
    inverted = np.ones(patches, bool)
    inverted[with_tower[: max(1, len(with_tower) // 3)]] = False
    return Instruments(tower, inverted)


def observe(
    seed: int,
    cell: int,
    monthly: Mapping[str, Field],
    forcing: Mapping[str, Field],
    tower: npt.NDArray[np.bool_],
    inverted: bool,
    errors: bool = True,
) -> dict[str, Field]:
    """Every stream of the n pixels of a patch, [T, n] float32, NaN where nothing is observed.

    Args:
        seed: of the planet.
        cell: of the patch.
        monthly: OUTPUTS of the model, [T, n].
        forcing: what it was driven by: it rains and gets dark.
        tower: pixels with a tower, [n].
        inverted: whether the patch has NBE.
        errors: False leaves the errors out, and nothing else: the gaps stay.
    """
    observed = {}
    for stream, sensor in SENSORS.items():
        rng = generator(seed, stream, cell)
        values = _resolved(stream, monthly[MODELLED.get(STREAMS[stream], STREAMS[stream])])
        seen = _seen(rng, stream, sensor, values.shape, forcing)
        if stream in TOWERS:
            seen &= tower
        if stream in ("nbe", "nee_site"):
            seen &= inverted == (stream == "nbe")
        if errors:
            size = sensor.absolute + sensor.relative * np.abs(values)
            values = values + size * _error(rng, stream, values.shape)
            if stream == "lai":
                values = np.minimum(values, SATURATED_LAI)
        if stream in NOT_BELOW_ZERO:
            values = np.maximum(values, 0)
        observed[stream] = np.where(seen, values, np.nan).astype(np.float32)
    return observed


def _resolved(stream: str, values: Field) -> Field:
    """What of monthly values [T, n] a stream resolves in space and time, on the same axes."""
    term = LOSS_TERMS[stream]
    months, n = values.shape
    if term.level == "patch":
        values = np.repeat(values.mean(axis=1, keepdims=True), n, axis=1)
    if term.average == "year":
        values = np.repeat(annual(values).mean(axis=1), 12, axis=0)
    elif term.average == "run":
        values = np.repeat(values.mean(axis=0, keepdims=True), months, axis=0)
    elif term.average == "anomaly":
        values = values - values.mean(axis=0)
    return values


def _seen(
    rng: np.random.Generator,
    stream: str,
    sensor: Sensor,
    shape: tuple[int, int],
    forcing: Mapping[str, Field],
) -> npt.NDArray[np.bool_]:
    term = LOSS_TERMS[stream]
    months, n = shape
    if term.level == "patch":
        seen = np.repeat(rng.random((months, 1)) < sensor.coverage, n, axis=1)
        if stream == "ewt":
            seen[:GRACE_START] = False
            seen[GRACE_GAP] = False
        return seen
    if term.average in ("year", "run"):
        return np.repeat(rng.random((1, n)) < sensor.coverage, months, axis=0)
    clouds = forcing["precip"] / (forcing["precip"] + 4.0)
    seen = rng.random(shape) < sensor.coverage - sensor.clouded * clouds
    if stream in ("lai", "sif"):
        seen &= forcing["ssrd"] > DARK
    if stream in TOWERS:  # a tower stands for part of the record
        first, last = rng.integers(0, months // 4 + 1), months - rng.integers(0, months // 4 + 1)
        seen &= ((np.arange(months) >= first) & (np.arange(months) < last))[:, None]
    return seen


def _error(rng: np.random.Generator, stream: str, shape: tuple[int, int]) -> Field:
    """Errors of unit spread, [T, n], at the stream's resolution."""
    term = LOSS_TERMS[stream]
    months, n = shape
    if term.level == "patch":
        return np.repeat(rng.normal(size=(months, 1)), n, axis=1)
    if term.average == "year":
        yearly = np.repeat(rng.normal(size=(months // 12, n)), 12, axis=0)
        return np.sqrt(PERSISTENT) * rng.normal(size=(1, n)) + np.sqrt(1 - PERSISTENT) * yearly
    if term.average == "run":
        return np.repeat(rng.normal(size=(1, n)), months, axis=0)
    return rng.normal(size=shape)
