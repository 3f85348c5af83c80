"""One update of members side by side: the compiled programs that learn from a batch, or score it.

Members that share data and shapes are lanes of one program; one alone is a group of one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array

from landlab_mgr.data.batch import LANE_AXES, Arrays, Packed, Selection, View, gather
from landlab_mgr.models import network
from landlab_mgr.models.dalec import model
from landlab_mgr.models.dalec.parameters import LOSS_TERMS
from landlab_mgr.models.dalec.process import bind, water_stress
from landlab_mgr.observations import losses
from landlab_mgr.spec.run import NetworkSpec, RunSpec

Number = Array | np.float32


class State(NamedTuple):
    """The trained tree and its optimiser state."""

    weights: dict[str, Any]
    """{"spatialization": network weights, "process": {"water_stress": weights of that process}}."""
    moments: Any


@dataclass(frozen=True)
class Static:
    """What a compiled program depends on, besides shapes; equal for all setups of a process choice."""

    network: NetworkSpec
    water_stress: str
    terms: tuple[str, ...]
    patches: int
    fires: bool


class Hyper(NamedTuple):
    """Numbers of the optimiser and the loss that are traced, so that changing them compiles nothing."""

    learning_rate: Number
    process_rate: Number
    weight_decay: Number
    clip_norm: Number
    loss_weights: dict[str, Number]


_ADAM = optax.scale_by_adam()


def terms_of(streams: Sequence[str]) -> tuple[str, ...]:
    """Loss terms that a dataset with these observation streams can compute, penalties included."""
    return tuple(
        name for name, t in LOSS_TERMS.items() if t.variable is None or losses.stream_of(t) in streams
    )


def hyper(spec: RunSpec, terms: Sequence[str]) -> Hyper:
    """The numbers of this member; the weight of a term is 0 for the streams that its spec leaves out."""
    weights: dict[str, Number] = {}
    for name in terms:
        used = LOSS_TERMS[name].variable is None or spec.streams is None
        used = used or losses.stream_of(LOSS_TERMS[name]) in (spec.streams or ())
        weights[name] = np.float32(spec.weights[name] if used else 0.0)
    o = spec.optimizer
    rates = np.float32(o.learning_rate), np.float32(o.process_rate)
    return Hyper(*rates, np.float32(o.weight_decay), np.float32(o.clip_norm), weights)


def _weighted_terms(weights: Any, batch: model.Batch, hyper: Hyper, static: Static) -> dict[str, Array]:
    params = network.parameters(static.network, weights["spatialization"], batch.predictors, batch.latitude)
    keep = losses.outputs_needed(static.terms)
    stress = bind(water_stress(static.water_stress), weights["process"]["water_stress"], batch.scale)
    monthly = model.simulate(params, batch.climate, stress, keep, static.fires)
    sums = model.balances(monthly, params, batch.climate.dt)
    values = losses.terms(static.terms, monthly, sums, params, batch)
    return {name: hyper.loss_weights[name] * value for name, value in values.items()}


def _update(state: State, batch: model.Batch, hyper: Hyper, static: Static) -> tuple[State, dict[str, Array]]:
    """One Adam step on the batch's loss, per pixel of the batch's capacity."""

    def objective(weights: Any) -> tuple[Array, dict[str, Array]]:
        values = _weighted_terms(weights, batch, hyper, static)
        return sum(values.values(), start=jnp.zeros(())) / batch.mask.shape[0], values

    gradient, values = jax.grad(objective, has_aux=True)(state.weights)
    norm = optax.tree.norm(gradient)
    limited = jnp.where((hyper.clip_norm > 0) & (norm > hyper.clip_norm), hyper.clip_norm / norm, 1.0)
    gradient = jax.tree.map(lambda g: g * limited.astype(g.dtype), gradient)
    direction, moments = _ADAM.update(gradient, state.moments)
    rates = {"spatialization": hyper.learning_rate, "process": hyper.learning_rate * hyper.process_rate}
    weights = {
        part: jax.tree.map(
            lambda w, d, rate=rate: w - rate * (d + hyper.weight_decay * w),
            state.weights[part],
            direction[part],
        )
        for part, rate in rates.items()
    }
    return State(weights, moments), values


@lru_cache(maxsize=8)
def no_terms(terms: tuple[str, ...], lanes: int) -> dict[str, Array]:
    """The sum of each term of each lane before the first batch; put on the device once, not every epoch."""
    return jax.device_put({name: np.zeros(lanes, np.float32) for name in terms})


def _over_batches(
    one: Callable[[Any, model.Batch, Hyper], tuple[Any, dict[str, Array]]],
    learned: Any,
    total: dict[str, Array],
    arrays: Arrays | Packed,
    view: View,
    order: Selection,
    hyper: Hyper,
    n_patches: int,
) -> tuple[Any, dict[str, Array]]:
    """Carry what is learned, and the sums of the terms, through the batches of `order` [lane, batch, N].

    Every lane by itself. A lane alone is not mapped over: its program has no dimension of length 1.
    """
    alone = order.mask.shape[0] == 1
    carried = learned, total
    if alone:
        carried, view, order, hyper = jax.tree.map(lambda x: x[0], (carried, view, order, hyper))
    else:
        order = jax.tree.map(lambda x: jnp.swapaxes(x, 0, 1), order)

    def body(carried: tuple[Any, dict[str, Array]], selection: Selection) -> tuple[Any, None]:
        learned, total = carried
        batch = gather(arrays, view, selection, n_patches)
        learned, terms = (one if alone else jax.vmap(one, in_axes=(0, LANE_AXES, 0)))(learned, batch, hyper)
        return (learned, {n: total[n] + x for n, x in terms.items()}), None

    carried, _ = jax.lax.scan(body, carried, order)
    return jax.tree.map(lambda x: x[None], carried) if alone else carried


@partial(jax.jit, static_argnames="static", donate_argnames="state")
def train_batches(
    state: State,
    total: dict[str, Array],
    arrays: Arrays | Packed,
    view: View,
    order: Selection,
    hyper: Hyper,
    static: Static,
) -> tuple[State, dict[str, Array]]:
    """One update of each lane per batch, in order: the new state, and `total` with the weighted terms added to it."""

    def one(state: State, batch: model.Batch, hyper: Hyper) -> tuple[State, dict[str, Array]]:
        return _update(state, batch, hyper, static)

    return _over_batches(one, state, total, arrays, view, order, hyper, static.patches)


@partial(jax.jit, static_argnames="static")
def score_batches(
    weights: Any,
    total: dict[str, Array],
    arrays: Arrays | Packed,
    view: View,
    order: Selection,
    hyper: Hyper,
    static: Static,
) -> dict[str, Array]:
    """`total` with the weighted terms of each lane and batch added to it, without learning from them."""

    def one(weights: Any, batch: model.Batch, hyper: Hyper) -> tuple[Any, dict[str, Array]]:
        return weights, _weighted_terms(weights, batch, hyper, static)

    return _over_batches(one, weights, total, arrays, view, order, hyper, static.patches)[1]


def initial_state(spec: RunSpec, n_columns: int, width: int) -> State:
    """A new member, from its init seed: `n_columns` predictors, padded to `width`."""
    process = water_stress(spec.process.water_stress)
    weights = {
        "spatialization": network.initialise(spec.network, spec.seeds.init, n_columns, width),
        "process": {
            "water_stress": process.initialise(jax.random.fold_in(jax.random.key(spec.seeds.init), 1))
        },
    }
    return State(weights, _ADAM.init(weights))


def stack(trees: Sequence[Any]) -> Any:
    """Trees of equal shapes as one whose arrays begin with the lane."""
    return jax.tree.map(lambda *x: np.stack([np.asarray(a) for a in x]), *trees)
