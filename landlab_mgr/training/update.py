"""One update of members side by side: the compiled programs that learn from a batch, or score it.

Members that share data and shapes are lanes of one program; one alone is a group of one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array

from landlab_mgr.data.batch import (
    Arrays,
    Batch,
    Member,
    Packed,
    Selection,
    View,
    Window,
    gather,
    lane_axes,
    setup_of,
)
from landlab_mgr.models import registry
from landlab_mgr.models.land import is_free, with_latitude
from landlab_mgr.models.model import Number, Setup
from landlab_mgr.models.network import LATITUDE_SCALE
from landlab_mgr.observations.calendar import Calendar
from landlab_mgr.spec.run import RunSpec
from landlab_mgr.training import objective

PROCESS = "process"
"""The part of a parameter tree whose learning rate `optimizer.process_rate` scales."""


class State(NamedTuple):
    """Trained parameters and their optimiser state."""

    params: dict[str, Any]
    """Parts of the model's parameter tree by name."""
    moments: Any


@dataclass(frozen=True)
class Static:
    """Values that a compiled program depends on, besides shapes.

    They are equal for all setups of a process choice.
    """

    setup: Setup
    terms: tuple[str, ...]
    patches: int
    off: tuple[str, ...]
    calendar: Calendar
    window: Window | None = None
    """Windows that updates run over; None: the whole record."""


class Hyper(NamedTuple):
    """Numbers of the optimiser and the loss that are traced, so that changing them compiles nothing."""

    learning_rate: Number
    process_rate: Number
    weight_decay: Number
    clip_norm: Number
    loss_weights: dict[str, Number]
    expected: dict[str, Number]
    """Weights of a term's observations, summed, per training pixel; {} where the model does not weigh by variance."""


_ADAM = optax.scale_by_adam()


def terms_of(spec: RunSpec, streams: Sequence[str]) -> tuple[str, ...]:
    """Loss terms of a run's model that a dataset with these observation streams can compute, penalties included."""
    return tuple(n for n, t in spec.tables.terms.items() if t.stream is None or t.stream.name in streams)


def hyper(
    spec: RunSpec, member: Member, terms: Sequence[str], part: Literal["train", "dev"] = "train"
) -> Hyper:
    """Return the numbers of this member for one part of its split.

    The weight of a term is 0 for the streams that its spec leaves out. Where the model weighs by variance, a term is
    the mean squared error of the standardised observations of that part, times its weight.
    """
    weights: dict[str, Number] = {}
    expected: dict[str, Number] = {}
    for name in terms:
        stream = spec.tables.terms[name].stream
        weight = spec.weights[name]
        if stream is not None:
            if spec.streams is not None and stream.name not in spec.streams:
                weight = 0.0
            elif member.targets is not None and member.factors is None:
                per_pixel = member.targets.per_pixel[part].get(stream.name, 0.0)
                sd = float(member.targets.scale.sd.get(stream.variable, 1.0))
                weight = weight / (sd**2 * per_pixel) if per_pixel else 0.0
                expected[name] = np.float32(per_pixel)
        weights[name] = np.float32(weight)
    o = spec.optimizer
    return Hyper(
        learning_rate=np.float32(o.learning_rate),
        process_rate=np.float32(o.process_rate),
        weight_decay=np.float32(o.weight_decay),
        clip_norm=np.float32(o.clip_norm),
        loss_weights=weights,
        expected=expected,
    )


def _weighted_terms(params: Any, batch: Batch, hyper: Hyper, static: Static) -> dict[str, Array]:
    model = registry.model(static.setup.model)
    keep = model.outputs_needed(static.terms)
    parameters, outputs = model.predict(params, batch.inputs, static.setup, keep, static.off)
    values = objective.terms(model, static.terms, parameters, outputs, batch, static.calendar)
    return {name: jnp.asarray(hyper.loss_weights[name]) * value for name, value in values.items()}


def _loss_of(values: dict[str, Array], batch: Batch, hyper: Hyper, static: Static) -> Array:
    """Compute what an update lowers: the terms' sum per pixel of the batch's capacity.

    Where the model weighs by variance, each term is the mean over what the batch observes: few observations of a
    stream in a batch count as much as many.
    """
    if not hyper.expected:
        return sum(values.values(), start=jnp.zeros(())) / batch.mask.shape[0]
    terms = registry.tables(static.setup.model).terms
    total = jnp.zeros(())
    for name, expected in hyper.expected.items():
        stream = terms[name].stream
        assert stream is not None
        total += values[name] * expected / jnp.maximum(batch.weight[stream.name].sum(), 1.0)
    return total


def _update(state: State, batch: Batch, hyper: Hyper, static: Static) -> tuple[State, dict[str, Array]]:
    """One Adam step on the batch's loss."""

    def loss(params: Any) -> tuple[Array, dict[str, Array]]:
        values = _weighted_terms(params, batch, hyper, static)
        return _loss_of(values, batch, hyper, static), values

    gradient, values = jax.grad(loss, has_aux=True)(state.params)
    gradient = _limited(gradient, hyper.clip_norm, is_free(static.setup))
    direction, moments = _ADAM.update(gradient, state.moments)
    params = {}
    for part in state.params:
        rate = hyper.learning_rate * hyper.process_rate if part == PROCESS else hyper.learning_rate
        params[part] = jax.tree.map(
            lambda w, d, rate=rate: w - rate * (d + hyper.weight_decay * w),
            state.params[part],
            direction[part],
        )
        if LATITUDE_SCALE in params[part]:  # it is no weight, and must not decay
            params[part] = params[part] | {LATITUDE_SCALE: state.params[part][LATITUDE_SCALE]}
    return State(params, moments), values


def _limited(gradient: Any, limit: Number, by_place: bool) -> Any:
    """Scale a gradient so that its norm is within the limit, where that is not 0.

    `by_place`: each place, along the first axis, by its own norm. A member of local calibration is many fits at once,
    and one that leaves its bounds must neither slow the others nor, by Adam's memory of its square, itself.
    """
    norm = jax.vmap(optax.tree.norm)(gradient) if by_place else optax.tree.norm(gradient)
    factor = jnp.where((limit > 0) & (norm > limit), limit / norm, 1.0)
    return jax.tree.map(
        lambda g: g * factor.reshape(factor.shape + (1,) * (g.ndim - factor.ndim)).astype(g.dtype), gradient
    )


@lru_cache(maxsize=8)
def no_terms(terms: tuple[str, ...], lanes: int) -> dict[str, Array]:
    """Return the sum of each term of each lane before the first batch.

    It is put on the device once, not every epoch.
    """
    return jax.device_put({name: np.zeros(lanes, np.float32) for name in terms})


def _in_turn(static: Static) -> bool:
    """Check whether lanes take turns (`Model.takes_turns`)."""
    return registry.model(static.setup.model).takes_turns and jax.default_backend() == "cpu"


def _over_batches(
    one: Callable[[Any, Batch, Hyper], tuple[Any, dict[str, Array]]],
    learned: Any,
    total: dict[str, Array],
    arrays: Arrays | Packed,
    view: View,
    order: Selection,
    hyper: Hyper,
    static: Static,
    in_turn: bool = False,
) -> tuple[Any, dict[str, Array]]:
    """Carry what is learned, and the sums of the terms, through the batches of `order` [lane, batch, N].

    Every lane by itself. A lane alone is not mapped over: its program has no dimension of length 1.
    """
    alone, carried = order.mask.shape[0] == 1, (learned, total)
    if in_turn and not alone:

        def of_lane(lane: Any) -> Any:
            first = jax.tree.map(lambda x: x[None], lane)
            (learned, total), view, order, hyper = first
            after = _over_batches(one, learned, total, arrays, view, order, hyper, static)
            return jax.tree.map(lambda x: x[0], after)

        return jax.lax.map(of_lane, (carried, view, order, hyper))
    if alone:
        carried, view, order, hyper = jax.tree.map(lambda x: x[0], (carried, view, order, hyper))
    else:
        order = jax.tree.map(lambda x: jnp.swapaxes(x, 0, 1), order)

    def body(carried: tuple[Any, dict[str, Array]], selection: Selection) -> tuple[Any, None]:
        learned, total = carried
        batch = gather(arrays, view, selection, static.patches, static.window)
        learned, terms = (one if alone else jax.vmap(one, in_axes=(0, lane_axes(batch), 0)))(
            learned, batch, hyper
        )
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

    def one(state: State, batch: Batch, hyper: Hyper) -> tuple[State, dict[str, Array]]:
        return _update(state, batch, hyper, static)

    return _over_batches(one, state, total, arrays, view, order, hyper, static, _in_turn(static))


@partial(jax.jit, static_argnames="static")
def score_batches(
    params: Any,
    total: dict[str, Array],
    arrays: Arrays | Packed,
    view: View,
    order: Selection,
    hyper: Hyper,
    static: Static,
) -> dict[str, Array]:
    """`total` with the weighted terms of each lane and batch added to it, and nothing is learned."""

    def one(params: Any, batch: Batch, hyper: Hyper) -> tuple[Any, dict[str, Array]]:
        return params, _weighted_terms(params, batch, hyper, static)

    return _over_batches(one, params, total, arrays, view, order, hyper, static, _in_turn(static))[1]


def initial_state(spec: RunSpec, member: Member) -> State:
    """Make the state of a new member, from its init seed."""
    model = registry.model(spec.model)
    setup = setup_of(spec, member.scale_of_targets)
    params = model.initialise(setup, spec.seeds.init, member.sizes)
    params = with_latitude(params, member.latitude[member.pixels("train")])
    return State(params, _ADAM.init(params))


def stack(trees: Sequence[Any]) -> Any:
    """Trees of equal shapes as one whose arrays begin with the lane."""
    return jax.tree.map(lambda *x: np.stack([np.asarray(a) for a in x]), *trees)
