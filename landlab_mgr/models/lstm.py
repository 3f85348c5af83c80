"""A long short-term memory network (Hochreiter & Schmidhuber 1997, doi:10.1162/neco.1997.9.8.1735) for all variables.

One layer reads the steps of a pixel from the first to the last; a linear head gives every variable of each step. Inputs
are the forcing of a step and of the steps before it, the time of year, and the encoded predictors, all standardised by
the training pixels; outputs are standardised inside, so that every variable weighs alike.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from jax import Array

from landlab_mgr.models.model import PREDICTORS, Forcing, Inputs, Model, Params, Scale, Setup, Sizes, Weather
from landlab_mgr.models.options import LstmNetwork
from landlab_mgr.models.statistical import LSTM
from landlab_mgr.observations.steps import DAYS_PER_YEAR

LAGS = 3
"""Steps of the past that come with each step's forcing; before the first step, the first."""
SEASON = ("season sine", "season cosine")
"""Inputs that tell the time of year."""
PART = "lstm"
"""The one part of its parameter tree."""
CELL, HEAD = "OptimizedLSTMCell_0", "Dense_0"
"""Parts of that part, as Flax names them: checkpoints hold these names."""
GATES = "ifgo"
"""Input, forget, cell and output gate, in the order of the gates' columns."""


class Network(nn.Module):
    """Parameters as Flax draws them; `predict` computes the same in less time."""

    hidden: int
    outputs: int

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Return outputs [N, T, outputs] of inputs [N, T, F]."""
        return nn.Dense(self.outputs)(nn.RNN(nn.OptimizedLSTMCell(self.hidden))(x))


def _angle(doy: Any) -> Any:
    return doy * (2 * np.pi / DAYS_PER_YEAR)


def _sine(forcing: Mapping[str, Any]) -> Any:
    return np.sin(_angle(forcing["doy"]))


def _cosine(forcing: Mapping[str, Any]) -> Any:
    return np.cos(_angle(forcing["doy"]))


def standardised(setup: Setup) -> Mapping[str, Callable[[Mapping[str, Any]], Any]]:
    """Return the functions of the time of year, by name."""
    return dict(zip(SEASON, (_sine, _cosine), strict=True))


def prepare(forcing: Forcing) -> Weather:
    """Return the forcing as it is, and the time of year."""
    angle = _angle(forcing.doy)
    return {"forcing": forcing.series, "season": (jnp.sin(angle), jnp.cos(angle))}


def initialise(setup: Setup, seed: int, sizes: Sizes) -> Params:
    """Draw the parameters of a new member."""
    assert isinstance(setup.network, LstmNetwork)
    features = len(sizes.forcing) * (LAGS + 1) + len(SEASON) + sizes.width
    network = Network(setup.network.hidden, len(setup.outputs))
    example = jnp.zeros((1, 1, features), jnp.float32)
    return {PART: network.init(jax.random.key(seed), example)["params"]}


def predict(
    params: Params, inputs: Inputs, setup: Setup, keep: Collection[str], off: Collection[str]
) -> tuple[dict[str, Array], dict[str, Array]]:
    """Predict outputs [T, N] by variable; there are no parameters of a process model."""
    assert inputs.targets is not None
    cell, head = params[PART][CELL], params[PART][HEAD]
    x = _series(inputs)
    kernel = jnp.concatenate([cell[f"i{gate}"]["kernel"] for gate in GATES], axis=1)
    recurrent = jnp.concatenate([cell[f"h{gate}"]["kernel"] for gate in GATES], axis=1)
    bias = jnp.concatenate([cell[f"h{gate}"]["bias"] for gate in GATES])
    of_time, of_pixel = kernel[: x.shape[-1]], kernel[x.shape[-1] :]
    # what does not vary in time enters every step alike: once, not T times
    fixed = _standard(inputs.predictors, PREDICTORS, inputs.scale) @ of_pixel + bias[None]
    hidden = _layer(x, fixed, of_time, recurrent)
    standard = hidden.reshape(-1, hidden.shape[-1]) @ head["kernel"] + head["bias"][None]
    standard = standard.reshape(*hidden.shape[:2], -1)
    mean, sd = inputs.targets
    return {}, {
        name: standard[..., i] * sd[name] + mean[name] for i, name in enumerate(setup.outputs) if name in keep
    }


def _standard(x: Array, name: str, scale: Scale | None) -> Array:
    """Standardise an input; keep it as it is where the member's scale lacks it.

    Version 2 standardised the forcing alone.
    """
    assert scale is not None
    if name not in scale.mean:
        return x
    mean, sd = (jnp.asarray(part[name]) for part in scale)
    return (x - mean[None]) / sd[None] if mean.ndim else (x - mean) / sd


def _series(inputs: Inputs) -> Array:
    """Standardised inputs that vary in time, [T, N, F]."""
    columns: list[Array] = []
    for name, x in sorted(inputs.weather["forcing"].items()):  # as JAX sorts what passes a compiled program
        standard = _standard(x, name, inputs.scale)
        padded = jnp.concatenate([jnp.repeat(standard[:1], LAGS, axis=0), standard])
        columns += [padded[LAGS - lag : len(padded) - lag] for lag in range(LAGS + 1)]
    for name, wave in zip(SEASON, inputs.weather["season"], strict=True):
        columns.append(jnp.broadcast_to(_standard(wave, name, inputs.scale)[:, None], columns[0].shape))
    return jnp.stack(columns, axis=-1)


@jax.custom_vjp
def _layer(x: Array, fixed: Array, of_time: Array, recurrent: Array) -> Array:
    """Hidden states [T, N, H] of inputs x [T, N, F]; i, f, g, o = gates(x of_time + fixed + h recurrent).

    c = f c + i g, h = o tanh(c). The gradient is written out: it adds up those of the weights step by step while what
    it needs is in the processor's cache.
    """

    def step(carried: tuple[Array, Array], now: Array) -> tuple[tuple[Array, Array], Array]:
        h, c = carried
        h, c, _ = _cell(fixed + now @ of_time + h @ recurrent, c)
        return (h, c), h

    return jax.lax.scan(step, _start(x, recurrent), x)[1]


def _start(x: Array, recurrent: Array) -> tuple[Array, Array]:
    zero = jnp.zeros((x.shape[1], len(recurrent)), x.dtype)
    return zero, zero


def _cell(z: Array, c: Array) -> tuple[Array, Array, tuple[Array, ...]]:
    """Hidden state, cell state and gates from what enters the gates, [N, 4 H], and the cell state before."""
    i, f, g, o = jnp.split(z, 4, axis=-1)
    i, f, g, o = jax.nn.sigmoid(i), jax.nn.sigmoid(f), jnp.tanh(g), jax.nn.sigmoid(o)
    c = f * c + i * g
    return o * jnp.tanh(c), c, (i, f, g, o)


def _forward(x: Array, fixed: Array, of_time: Array, recurrent: Array) -> tuple[Array, Any]:
    """`_layer`, and what its gradient needs."""

    def step(carried: tuple[Array, Array], now: Array) -> tuple[tuple[Array, Array], Any]:
        h, c = carried
        h, c, gates = _cell(fixed + now @ of_time + h @ recurrent, c)
        return (h, c), (h, c, gates)

    _, (h, c, gates) = jax.lax.scan(step, _start(x, recurrent), x)
    return h, (x, of_time, recurrent, h, c, gates)


def _backward(kept: Any, slope: Array) -> tuple[Array, Array, Array, Array]:
    """Gradients from `slope`, that of the hidden states: the rule of `_layer`, from the last step to the first."""
    x, of_time, recurrent, h, c, gates = kept
    back_in_time, to_inputs = recurrent.T, of_time.T

    def before(states: Array) -> Array:
        return jnp.concatenate([jnp.zeros_like(states[:1]), states[:-1]])

    def step(carried: Any, now: Any) -> tuple[Any, Array]:
        dh, dc, sums = carried
        slope, x, h_before, c_before, c, (i, f, g, o) = now
        dh, level = dh + slope, jnp.tanh(c)
        dc = dc + dh * o * (1 - level**2)
        dz = jnp.concatenate(
            [
                dc * g * i * (1 - i),
                dc * c_before * f * (1 - f),
                dc * i * (1 - g**2),
                dh * level * o * (1 - o),
            ],
            axis=-1,
        )
        sums = sums[0] + dz, sums[1] + x.T @ dz, sums[2] + h_before.T @ dz
        return (dz @ back_in_time, dc * f, sums), dz @ to_inputs

    width = recurrent.shape[1]
    sums = tuple(jnp.zeros((n, width), x.dtype) for n in (x.shape[1], x.shape[2], len(recurrent)))
    series = slope, x, before(h), before(c), c, gates
    (_, _, (of_fixed, of_kernel, of_recurrent)), of_x = jax.lax.scan(
        step, (*_start(x, recurrent), sums), series, reverse=True
    )
    return of_x, of_fixed, of_kernel, of_recurrent


_layer.defvjp(_forward, _backward)

MODEL = Model(
    tables=LSTM,
    prepare=prepare,
    initialise=initialise,
    predict=predict,
    standardised=standardised,
    standardises_forcing=True,
    standardises_predictors=True,
    takes_turns=True,
)
