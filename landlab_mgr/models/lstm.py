"""A long short-term memory network (Hochreiter & Schmidhuber 1997, doi:10.1162/neco.1997.9.8.1735) for all variables.

One layer reads the steps of a pixel from the first to the last; a linear head gives every variable of each step. Inputs
are the standardised forcing of a step and of the steps before it, the time of year, and the encoded predictors; outputs
are standardised inside, so that every variable weighs alike.
"""

from collections.abc import Collection
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import Array

from landlab_mgr.models.model import Forcing, Inputs, Model, Params, Setup, Sizes, Weather
from landlab_mgr.models.options import LstmNetwork
from landlab_mgr.models.statistical import LSTM
from landlab_mgr.observations.calendar import DAYS_PER_YEAR

LAGS = 3
"""Steps of the past that come with each step's forcing; before the first step, the first."""
SEASON = 2
"""Inputs that tell the time of year: its sine and cosine."""
PART = "lstm"
"""The one part of its parameter tree."""


class Network(nn.Module):
    """Inputs [N, T, F] to standardised outputs [N, T, outputs]."""

    hidden: int
    outputs: int

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Give the outputs of every step."""
        return nn.Dense(self.outputs)(nn.RNN(nn.OptimizedLSTMCell(self.hidden))(x))


def _network(setup: Setup) -> Network:
    assert isinstance(setup.network, LstmNetwork)
    return Network(setup.network.hidden, len(setup.outputs))


def prepare(forcing: Forcing) -> Weather:
    """The forcing as it is, and the time of year."""
    angle = forcing.doy * (2 * jnp.pi / DAYS_PER_YEAR)
    return {"forcing": forcing.series, "season": (jnp.sin(angle), jnp.cos(angle))}


def initialise(setup: Setup, seed: int, sizes: Sizes) -> Params:
    """Draw the parameters of a new member."""
    features = len(sizes.forcing) * (LAGS + 1) + SEASON + sizes.width
    example = jnp.zeros((1, 1, features), jnp.float32)
    return {PART: _network(setup).init(jax.random.key(seed), example)["params"]}


def predict(
    params: Params, inputs: Inputs, setup: Setup, keep: Collection[str], off: Collection[str]
) -> tuple[dict[str, Array], dict[str, Array]]:
    """Outputs [T, N] by variable; it has no parameters of a process model."""
    assert inputs.targets is not None
    standard: Any = _network(setup).apply({"params": params[PART]}, _features(inputs))
    mean, sd = inputs.targets
    return {}, {
        name: standard[..., i].T * sd[name] + mean[name]
        for i, name in enumerate(setup.outputs)
        if name in keep
    }


def _features(inputs: Inputs) -> Array:
    """Standardised inputs of every step, [N, T, F]."""
    assert inputs.scale is not None
    columns: list[Array] = []
    for name, x in sorted(inputs.weather["forcing"].items()):  # as JAX sorts what passes a compiled program
        standard = (x - inputs.scale.mean[name]) / inputs.scale.sd[name]
        padded = jnp.concatenate([jnp.repeat(standard[:1], LAGS, axis=0), standard])
        columns += [padded[LAGS - lag : len(padded) - lag] for lag in range(LAGS + 1)]
    columns += [jnp.broadcast_to(wave[:, None], columns[0].shape) for wave in inputs.weather["season"]]
    steps = columns[0].shape[0]
    fixed = jnp.broadcast_to(
        inputs.predictors[:, None], (len(inputs.predictors), steps, inputs.predictors.shape[1])
    )
    return jnp.concatenate([jnp.stack(columns, axis=-1).swapaxes(0, 1), fixed], axis=-1)


MODEL = Model(tables=LSTM, prepare=prepare, initialise=initialise, predict=predict, standardises_forcing=True)
