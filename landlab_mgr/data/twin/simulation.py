"""The land model on the planet: pools in balance with a normal year, then the months of the record; float64.

Pixels go through one compiled program LANES at a time, so that what comes out does not depend on how many there are.
"""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

import jax
import numpy as np

from landlab_mgr.data.twin.geography import Field
from landlab_mgr.data.twin.weather import DAYS_PER_MONTH, DOY
from landlab_mgr.models.dalec import model
from landlab_mgr.models.dalec.climate import Forcing, make_forcing, prepare
from landlab_mgr.models.dalec.parameters import BY_NAME, POOLS
from landlab_mgr.models.dalec.process import bind, water_stress

LANES = 256
SPINUP_YEARS, SPINUP_ROUNDS = 12, 5
"""Wood and soil are set to their balance after so many years, in all but the last of so many rounds."""
MATURITY_YEARS = 25.0
"""Wood has grown to 1 - exp(-age / it) of its balance: young forests are sinks."""
SOIL_LEGACY = 0.8
"""Soil carbon as a fraction of its balance: what was lost before the record comes back in it."""
START: Mapping[str, float] = {
    "labile": 100.0,
    "foliar": 150.0,
    "root": 200.0,
    "wood": 3000.0,
    "litter": 300.0,
    "som": 6000.0,
}
"""Pools before the spin-up, gC m-2: a canopy that begins too sparse may never close."""
_FLUXES = ("wood_production", "wood_litter", "litter_to_som", "respiration_som")

Item = TypeVar("Item")
Answer = TypeVar("Answer")


def side_by_side(work: Callable[[Item], Answer], items: Iterable[Item]) -> Iterator[Answer]:
    """What becomes of each item, in order, on all cores; a few are in memory at once."""
    cores = len(os.sched_getaffinity(0))
    waiting: deque[Future[Answer]] = deque()
    with ThreadPoolExecutor(cores, "landlab-twin") as pool:
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) > cores:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)


def spin_up(
    params: Mapping[str, Field], normal_year: Mapping[str, Field], lat: Field, age: Field
) -> dict[str, Field]:
    """Pools, [N] by name, in balance with a normal year ([12, N]); soils, and the wood of young forests, are below it.

    Nothing burns meanwhile.
    """
    start = {name: np.full(len(lat), value) for name, value in START.items()}
    start["water"] = np.clip(0.8 * params["field_capacity"], BY_NAME["water"].low, BY_NAME["water"].high)
    months = 12 * SPINUP_YEARS
    axis = {"time_days": (np.arange(months) + 0.5) * DAYS_PER_MONTH, "doy": np.tile(DOY, SPINUP_YEARS)}

    def balanced(pixels: np.ndarray) -> dict[str, Field]:
        here = {name: x[pixels] for name, x in params.items()}
        pools = {name: x[pixels] for name, x in start.items()}
        years = {name: np.tile(x[:, pixels], (SPINUP_YEARS, 1)) for name, x in normal_year.items()}
        with jax.enable_x64(True):
            forcing = make_forcing(years | axis, lat[pixels], DAYS_PER_MONTH, np.float64)
            for turn in reversed(range(SPINUP_ROUNDS)):
                run = _run(here | pools, forcing, (*POOLS, *_FLUXES), False)
                year = {name: np.asarray(x)[-12:] for name, x in run.items()}
                pools = {name: year[name][-1] for name in POOLS}
                if turn:
                    pools |= _slow_balance(pools, {name: year[name].mean(axis=0) for name in _FLUXES})
        return pools

    found = list(side_by_side(balanced, _lanes(len(lat))))
    pools = {name: np.concatenate([f[name] for f in found])[: len(lat)] for name in POOLS}
    below = {"wood": pools["wood"] * (1 - np.exp(-age / MATURITY_YEARS)), "som": pools["som"] * SOIL_LEGACY}
    return pools | {name: np.maximum(x, BY_NAME[name].low) for name, x in below.items()}


def _slow_balance(pools: Mapping[str, Field], flux: Mapping[str, Field]) -> dict[str, Field]:
    """Wood and soil organic matter where their gains and losses of a year would balance: losses are in proportion."""
    none = 1e-12
    growth = flux["wood_production"] / np.maximum(flux["wood_litter"], none)
    influx = flux["wood_litter"] * growth + flux["litter_to_som"]
    balance = {
        "wood": pools["wood"] * growth,
        "som": pools["som"] * influx / np.maximum(flux["respiration_som"], none),
    }
    return {name: np.clip(x, BY_NAME[name].low, BY_NAME[name].high) for name, x in balance.items()}


def record(
    params: Mapping[str, Field], forcing: Mapping[str, Field], lat: Field, keep: tuple[str, ...]
) -> dict[str, Field]:
    """Monthly outputs of n pixels, [T, n] by name; `params` with the initial pools, forcing [T, n] (axes [T])."""
    found = []
    with jax.enable_x64(True):
        for pixels in _lanes(len(lat)):
            here = {name: x[:, pixels] if x.ndim == 2 else x for name, x in forcing.items()}
            drawn = make_forcing(here, lat[pixels], DAYS_PER_MONTH, np.float64)
            run = _run({name: x[pixels] for name, x in params.items()}, drawn, keep, True)
            found.append({name: np.asarray(x) for name, x in run.items()})
    return {name: np.concatenate([f[name] for f in found], axis=1)[:, : len(lat)] for name in keep}


def _lanes(n: int) -> Iterator[np.ndarray]:
    """Indices of n pixels, LANES at a time; the last ones repeat the last pixel."""
    for first in range(0, n, LANES):
        yield np.minimum(np.arange(first, first + LANES), n - 1)


@partial(jax.jit, static_argnums=(2, 3))
def _run(params: Mapping[str, Any], forcing: Forcing, keep: tuple[str, ...], fires: bool) -> dict[str, Any]:
    return model.simulate(params, prepare(forcing), bind(water_stress("linear")), keep, fires)
