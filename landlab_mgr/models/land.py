"""Land models: parameters from a network, and one loop over the steps of any process model.

`land` makes a `Model` of a `Dynamics`, which a process model fills with pure functions of arrays.
"""

import math
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from landlab_mgr.models import network
from landlab_mgr.models.model import Forcing, Inputs, Model, Params, Penalty, Scale, Setup, Sizes, Weather
from landlab_mgr.models.options import LandNetwork
from landlab_mgr.models.process import Process, processes
from landlab_mgr.models.tables import Tables
from landlab_mgr.observations.calendar import Calendar

Parameters = Mapping[str, Array]
"""Physical parameters by name, initial pools included, each [N]."""
Bound = Callable[[Any], Any]
"""A process with what it learned: its state to its fluxes."""
SPATIALIZATION, PROCESS = "spatialization", "process"
"""Parts of what a land model trains: the network that predictors go through, and what processes learn."""


MANY_STEPS = 1000
"""From so many steps on, as daily data have, chunks grow with the square root of their number."""


def with_latitude(params: Params, latitude: np.ndarray) -> Params:
    """Return parameters with the scale of the training pixels' latitudes [N] (degrees).

    They are as before where their network does not read it.
    """
    own = params.get(SPATIALIZATION, {})
    if network.LATITUDE_SCALE not in own:
        return params
    return params | {SPATIALIZATION: own | {network.LATITUDE_SCALE: network.latitude_scale(latitude)}}


class Diagnosed(NamedTuple):
    """An output that is computed after the loop: from which others, and how, of outputs [T, N] and parameters [N]."""

    needs: tuple[str, ...]
    value: Callable[[Mapping[str, Array], Parameters], Array]


def _weather_itself(parameters: Parameters, weather: Weather) -> Any:
    return weather


def _parameters_themselves(parameters: Parameters, weather: Weather) -> Any:
    return parameters


def _nothing_more(parameters: Parameters, weather: Weather) -> dict[str, Array]:
    return {}


def _as_they_are(outputs: dict[str, Array], parameters: Parameters) -> dict[str, Array]:
    return outputs


class Recorded(NamedTuple):
    """Weather of pixels whose records cover other steps: where `record` [T, N] is 0, stores stand still."""

    weather: Weather
    record: Array


class Dynamics(NamedTuple):
    """A process model in functions of arrays; see `Tables` for what it says of itself.

    `prepare` makes of a forcing what needs no parameters; `drivers` of parameters and weather what needs no state
    ([T, N] each); `constants` what of a step depends on parameters alone; `initial` the state before the first step;
    `step(state, drivers of the step, constants, processes, off)` gives the next state and the outputs of the step [N]
    by name; `finish` works on whole series (routing).
    """

    tables: Tables
    prepare: Callable[[Forcing], Weather]
    initial: Callable[[Parameters], Any]
    step: Callable[[Any, Any, Any, Mapping[str, Bound], Collection[str]], tuple[Any, dict[str, Array]]]
    drivers: Callable[[Parameters, Weather], Any] = _weather_itself
    constants: Callable[[Parameters, Weather], Any] = _parameters_themselves
    finish: Callable[[dict[str, Array], Parameters], dict[str, Array]] = _as_they_are
    diagnosed: Mapping[str, Diagnosed] = {}
    factors: Callable[[Parameters, Weather], dict[str, Array]] = _nothing_more
    """Outputs that need no state, [T, N] by name."""
    factor_names: tuple[str, ...] = ()
    dormant: Mapping[str, tuple[str, ...]] = {}
    """Outputs that are 0 where a switch (`Tables.switches`) is off, by switch."""
    penalties: Mapping[str, Penalty] = {}
    weather: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {}
    """Weather that learned processes read, as functions of the forcing, by name."""
    climatology: Callable[[Mapping[str, np.ndarray]], Mapping[str, np.ndarray]] = lambda series: {}
    chunk: int = 12
    """Steps whose states the backward pass keeps at once: it computes the others again, in cache."""


def simulate(
    dynamics: Dynamics,
    parameters: Parameters,
    weather: Weather,
    bound: Mapping[str, Bound],
    keep: Collection[str] | None = None,
    off: Collection[str] = (),
) -> dict[str, Array]:
    """Integrate a process model over its weather.

    The loop runs over chunks of a loop over steps, both rematerialised. T may be any length.

    Args:
        dynamics: the model.
        parameters: [N] each.
        weather: from `dynamics.prepare`, or that as Recorded.
        bound: each swappable process, from `bind`.
        keep: names of the outputs to return; None returns all.
        off: switches that are 0 everywhere, whose part of the model is left out.

    Returns:
        outputs by name, [T, N] each.
    """
    d = dynamics
    weather, record = weather if isinstance(weather, Recorded) else (weather, None)
    template = next(x for x in jax.tree.leaves(weather) if x.ndim == 2)
    steps = template.shape[0]
    # of n steps the backward pass keeps n / size states, and size more at once: the root keeps fewest
    size = d.chunk if steps < MANY_STEPS else math.isqrt(steps)
    chunks = -(-steps // size)
    padding = chunks * size - steps

    def by_chunk(x: Array) -> Array:
        padded = jnp.concatenate([x, jnp.repeat(x[-1:], padding, axis=0)]) if padding else x
        return padded.reshape(chunks, size, *x.shape[1:])

    if keep is not None:
        keep = set(keep)
        needed = keep.union(*(d.diagnosed[name].needs for name in keep & set(d.diagnosed)))
    constant = d.constants(parameters, weather)

    @partial(jax.checkpoint, prevent_cse=False)
    def one_step(state: Any, inputs: tuple[Any, Array | None]) -> tuple[Any, dict[str, Array]]:
        drivers, record = inputs
        after, outputs = d.step(state, drivers, constant, bound, off)
        if record is not None:
            after = jax.tree.map(partial(jnp.where, record > 0), after, state)
        # what is not asked for is not stored
        return after, outputs if keep is None else {n: x for n, x in outputs.items() if n in needed}

    @partial(jax.checkpoint, prevent_cse=False)
    def one_chunk(state: Any, part: tuple[Weather, Array | None]) -> tuple[Any, dict[str, Array]]:
        return jax.lax.scan(one_step, state, (d.drivers(parameters, part[0]), part[1]))

    varying = jax.tree.map(
        lambda x: by_chunk(x) if x.ndim else jnp.broadcast_to(x, (chunks,)), (weather, record)
    )
    _, outputs = jax.lax.scan(one_chunk, d.initial(parameters), varying)
    series = {n: x.reshape(chunks * size, *x.shape[2:])[:steps] for n, x in outputs.items()}

    dormant = [n for switch, names in d.dormant.items() if switch in off for n in names]
    everything = {*series, *d.diagnosed, *d.factor_names, *dormant}
    asked = everything if keep is None else keep
    series |= {n: jnp.zeros_like(template) for n in dormant}
    series = d.finish(series, parameters)
    # in the table's order: a set's changes from process to process, and with it the compiled program
    series |= {n: what.value(series, parameters) for n, what in d.diagnosed.items() if n in asked}
    if asked & set(d.factor_names):
        series |= d.factors(parameters, weather)
    return {n: x for n, x in series.items() if n in asked}


def bind(process: Process, params: Any = None, scale: Scale | None = None) -> Bound:
    """Bind a process to what it learned and to the scale of its weather.

    The result is a function of the state that its kind passes.
    """

    def bound(state: Any) -> Any:
        if scale is not None:
            weather = state.weather
            standard = [
                (x - scale.mean[n]) / scale.sd[n] for n, x in zip(weather._fields, weather, strict=True)
            ]
            state = state._replace(weather=type(weather)(*standard))
        return process.fluxes(params, state)

    return bound


def of_each_place(process: Process) -> Process:
    """Make a process that learns by itself at every place.

    Its parameters begin with the pixel, [N, ...].
    """

    def fluxes(params: Any, state: Any) -> Any:
        return jax.vmap(process.fluxes)(params, state)

    return process._replace(fluxes=fluxes)


def is_free(setup: Setup) -> bool:
    """Check whether each place has parameters of its own."""
    return isinstance(setup.network, LandNetwork) and setup.network.kind == "free"


def _of_weather_alone(penalty: Penalty) -> Penalty:
    """Return a penalty that reads the weather of a Recorded."""

    def value(
        parameters: Mapping[str, Array], outputs: Mapping[str, Array], weather: Weather, calendar: Calendar
    ) -> Array:
        own = weather.weather if isinstance(weather, Recorded) else weather
        return penalty.value(parameters, outputs, own, calendar)

    return penalty._replace(value=value)


def land(dynamics: Dynamics) -> Model:
    """Make the model of a process model.

    Its parameters come from a network of the predictors, its processes may learn.
    """
    tables = dynamics.tables

    def prepare(forcing: Forcing) -> Weather:
        weather = dynamics.prepare(forcing)
        return weather if forcing.record is None else Recorded(weather, forcing.record)

    def initialise(setup: Setup, seed: int, sizes: Sizes) -> Params:
        chosen = processes(tables.processes, setup.choices)
        key = jax.random.key(seed)

        def learned(process: Process, key: Array) -> Params:
            if not is_free(setup):
                return process.initialise(key)
            return jax.vmap(process.initialise)(jax.random.split(key, sizes.places))

        return {
            SPATIALIZATION: network.initialise(tables, setup.network, seed, sizes),
            PROCESS: {
                name: learned(p, jax.random.fold_in(key, i))
                for i, (name, p) in enumerate(chosen.items(), start=1)
            },
        }

    def predict(
        params: Params, inputs: Inputs, setup: Setup, keep: Collection[str], off: Collection[str]
    ) -> tuple[dict[str, Array], dict[str, Array]]:
        parameters = network.parameters(
            tables, setup.network, params[SPATIALIZATION], inputs.predictors, inputs.latitude
        )
        chosen = processes(tables.processes, setup.choices)
        learned = {name: params[PROCESS].get(name, {}) for name in chosen}
        if is_free(setup):
            place = network.place_of(inputs.predictors)
            learned = jax.tree.map(lambda x: jnp.take(x, place, axis=0), learned)
            chosen = {n: of_each_place(p) if jax.tree.leaves(learned[n]) else p for n, p in chosen.items()}
        bound = {
            name: bind(p, learned[name], inputs.scale if p.weather else None) for name, p in chosen.items()
        }
        return parameters, simulate(dynamics, parameters, inputs.weather, bound, keep, off)

    def standardised(setup: Setup) -> Mapping[str, Callable[[Mapping[str, Any]], Any]]:
        learns = any(p.weather for p in processes(tables.processes, setup.choices).values())
        return dynamics.weather if learns else {}

    return Model(
        tables=tables,
        prepare=prepare,
        initialise=initialise,
        predict=predict,
        standardised=standardised,
        climatology=dynamics.climatology,
        penalties={name: _of_weather_alone(p) for name, p in dynamics.penalties.items()},
    )
