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
from landlab_mgr.data.twin.weather import DOY
from landlab_mgr.models import land
from landlab_mgr.models.dalec import planet as dalec
from landlab_mgr.models.dalec.model import DYNAMICS, MODEL
from landlab_mgr.models.model import Forcing, make_forcing
from landlab_mgr.models.process import process
from landlab_mgr.observations.steps import DAYS_PER_MONTH, MONTHS_PER_YEAR

LANES = 256
SPINUP_YEARS, SPINUP_ROUNDS = 12, 5
"""Wood and soil are set to their balance after so many years, in all but the last of so many rounds."""
Item = TypeVar("Item")
Answer = TypeVar("Answer")


def side_by_side(work: Callable[[Item], Answer], items: Iterable[Item]) -> Iterator[Answer]:
    """Yield what becomes of each item, in order, on all cores.

    A few are in memory at once.
    """
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
    """Pools [N] by name in balance with a normal year ([12, N]).

    Soils, and the wood of young forests, are below their balance. Nothing burns meanwhile.
    """
    pools_of = DYNAMICS.tables.pools
    start = dalec.start(params)
    months = MONTHS_PER_YEAR * SPINUP_YEARS
    axis = {"time_days": (np.arange(months) + 0.5) * DAYS_PER_MONTH, "doy": np.tile(DOY, SPINUP_YEARS)}
    series = [name for name, x in normal_year.items() if x.ndim == 2]

    def balanced(pixels: np.ndarray) -> dict[str, Field]:
        here = {name: x[pixels] for name, x in params.items()}
        pools = {name: x[pixels] for name, x in start.items()}
        years = {name: np.tile(normal_year[name][:, pixels], (SPINUP_YEARS, 1)) for name in series}
        with jax.enable_x64(True):
            forcing = _forcing(years | axis, lat[pixels])
            for turn in reversed(range(SPINUP_ROUNDS)):
                run = _run(here | pools, forcing, (*pools_of, *dalec.SLOW_FLUXES), False)
                year = {name: np.asarray(x)[-MONTHS_PER_YEAR:] for name, x in run.items()}
                pools = {name: year[name][-1] for name in pools_of}
                if turn:
                    means = {name: year[name].mean(axis=0) for name in dalec.SLOW_FLUXES}
                    pools |= dalec.slow_balance(pools, means)
        return pools

    parts = list(side_by_side(balanced, _lanes(len(lat))))
    pools = {name: np.concatenate([part[name] for part in parts])[: len(lat)] for name in pools_of}
    return dalec.disturbed(pools, age)


def record(
    params: Mapping[str, Field], forcing: Mapping[str, Field], lat: Field, keep: tuple[str, ...]
) -> dict[str, Field]:
    """Monthly outputs of n pixels, [T, n] by name; `params` with the initial pools, forcing [T, n] (axes [T])."""
    parts = []
    with jax.enable_x64(True):
        for pixels in _lanes(len(lat)):
            here = {name: x[:, pixels] if x.ndim == 2 else x for name, x in forcing.items()}
            run = _run(
                {name: x[pixels] for name, x in params.items()}, _forcing(here, lat[pixels]), keep, True
            )
            parts.append({name: np.asarray(x) for name, x in run.items()})
    return {name: np.concatenate([part[name] for part in parts], axis=1)[:, : len(lat)] for name in keep}


def _forcing(drawn: Mapping[str, Field], lat: Field) -> Forcing:
    """Make forcing of the model from what is drawn, [T, n], and its axes of time."""
    series = {name: np.asarray(drawn[name]) for name in DYNAMICS.tables.forcing or ()}
    return make_forcing(MODEL, series, lat, drawn["time_days"], drawn["doy"], DAYS_PER_MONTH, np.float64)


def _lanes(n: int) -> Iterator[np.ndarray]:
    """Yield the indices of n pixels, LANES at a time.

    The last ones repeat the last pixel.
    """
    for first in range(0, n, LANES):
        yield np.minimum(np.arange(first, first + LANES), n - 1)


@partial(jax.jit, static_argnums=(2, 3))
def _run(params: Mapping[str, Any], forcing: Forcing, keep: tuple[str, ...], fires: bool) -> dict[str, Any]:
    """Run the model with its default processes."""
    kinds = DYNAMICS.tables.processes
    bound = {name: land.bind(process(kind, kind.default)) for name, kind in kinds.items()}
    off = () if fires else DYNAMICS.tables.switches
    return land.simulate(DYNAMICS, params, DYNAMICS.prepare(forcing), bound, keep, off)
