"""Observations of the planet: each stream at its resolution, with gaps and errors."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from landlab_mgr.data.twin.geography import Field, Places, generator
from landlab_mgr.models import registry
from landlab_mgr.models.dalec.planet import SENSORS, Sensor
from landlab_mgr.models.dalec.tables import TABLES
from landlab_mgr.observations.calendar import Calendar
from landlab_mgr.observations.steps import DAYS_PER_MONTH, MONTHS_PER_YEAR
from landlab_mgr.observations.streams import Stream

ORIGIN = "2001-01-01"
"""First day of the record."""
MODELLED: Mapping[str, str] = {stream: TABLES.modelled[stream] for stream in SENSORS}
"""Model output that each stream observes."""
OUTPUTS = tuple(sorted(set(MODELLED.values())))
"""Monthly model outputs that are observed."""


TOWER_SHARE = 0.2
"""Patches with a tower; about 190 of 939, as in FLUXNET."""
PERSISTENT = 0.8
"""Share of the error of annual maps that stays from year to year."""
DARK = 2.0
"""MJ m-2 d-1; below, satellites see neither leaves nor fluorescence."""


class Instruments(NamedTuple):
    """Places of towers and inversions."""

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
    streams = registry.streams()
    for name, sensor in SENSORS.items():
        stream, rng = streams[name], generator(seed, name, cell)
        values = _resolved(stream, monthly[MODELLED[name]])
        seen = _seen(rng, stream, sensor, values.shape, forcing)
        if stream.tower:
            seen &= tower
        if sensor.patches != "all":
            seen &= inverted == (sensor.patches == "inverted")
        if errors:
            size = sensor.absolute + sensor.relative * np.abs(values)
            values = values + size * _error(rng, stream, values.shape)
            values = np.minimum(values, sensor.saturation)
        if registry.variables()[stream.variable].never_negative:
            values = np.maximum(values, 0)
        observed[name] = np.where(seen, values, np.nan).astype(np.float32)
    return observed


def _calendar(months: int) -> Calendar:
    return Calendar(ORIGIN, months, DAYS_PER_MONTH)


def _resolved(stream: Stream, values: Field) -> Field:
    """Return what a stream resolves of monthly values [T, n].

    It resolves in space and time; the axes stay the same.
    """
    months, n = values.shape
    if stream.level == "patch":
        values = np.repeat(values.mean(axis=1, keepdims=True), n, axis=1)
    if stream.average == "year":
        calendar = _calendar(months)
        values = calendar.spread(calendar.mean(values, "year"), "year")
    elif stream.average == "run":
        values = np.repeat(values.mean(axis=0, keepdims=True), months, axis=0)
    elif stream.average == "anomaly":
        values = values - values.mean(axis=0)
    return values


def _seen(
    rng: np.random.Generator,
    stream: Stream,
    sensor: Sensor,
    shape: tuple[int, int],
    forcing: Mapping[str, Field],
) -> npt.NDArray[np.bool_]:
    """Return which values [T, n] there are, towers and inversions aside."""
    months, n = shape
    if stream.level == "patch":
        seen = np.repeat(rng.random((months, 1)) < sensor.coverage, n, axis=1)
        for gap in sensor.blind:
            seen[gap] = False
        return seen
    if stream.average in ("year", "run"):
        return np.repeat(rng.random((1, n)) < sensor.coverage, months, axis=0)
    clouds = forcing["precip"] / (forcing["precip"] + 4.0)
    seen = rng.random(shape) < sensor.coverage - sensor.clouded * clouds
    if sensor.needs_light:
        seen &= forcing["ssrd"] > DARK
    if stream.tower:  # a tower stands for part of the record
        first, last = rng.integers(0, months // 4 + 1), months - rng.integers(0, months // 4 + 1)
        seen &= ((np.arange(months) >= first) & (np.arange(months) < last))[:, None]
    return seen


def _error(rng: np.random.Generator, stream: Stream, shape: tuple[int, int]) -> Field:
    """Errors of unit spread, [T, n], at the stream's resolution."""
    months, n = shape
    if stream.level == "patch":
        return np.repeat(rng.normal(size=(months, 1)), n, axis=1)
    if stream.average == "year":
        yearly = _calendar(months).spread(rng.normal(size=(months // MONTHS_PER_YEAR, n)), "year")
        return np.sqrt(PERSISTENT) * rng.normal(size=(1, n)) + np.sqrt(1 - PERSISTENT) * yearly
    if stream.average == "run":
        return np.repeat(rng.normal(size=(1, n)), months, axis=0)
    return rng.normal(size=shape)
