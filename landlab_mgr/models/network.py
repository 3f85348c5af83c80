"""Parameterisations of land models: from the predictors of a pixel to its parameters, by a network or freely.

- static: one embedding MLP shared by all pixels, with a linear head for each kind of parameter; heads may read
  sigmoid(latitude) beside the embedding, as in DifferLand, where it is standardised over the training pixels;
- free: a vector for each place of the dataset, as in local calibration; members are restarts.
"""

import itertools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import psutil
from flax import linen as nn
from jax import Array

from landlab_mgr.models.model import Sizes, bounded
from landlab_mgr.models.options import LandNetwork, NetworkOptions
from landlab_mgr.models.tables import Tables

LATITUDE_SCALE = "latitude_scale"
"""Part of the parameters that is not trained: of sigmoid(latitude) over the member's training pixels."""


TRUNCATED_SD = 0.87962566103423978
"""Standard deviation of the standard normal distribution cut at -2 and 2."""
ROWS_DRAWN = 64
"""Rows of a kernel that are drawn at once: a program is compiled for each number of rows, and one for all is enough."""


def _glorot_normal(key: Array, shape: tuple[int, int], dtype: Any = jnp.float32) -> Array:
    """Draw a kernel as `nn.initializers.glorot_normal` does, to the bit, from more rows than it has."""
    rows, columns = shape
    drawn = jax.random.truncated_normal(key, -2, 2, (-(-rows // ROWS_DRAWN) * ROWS_DRAWN, columns), dtype)
    deviation = jnp.sqrt(jnp.array(2 / (rows + columns), dtype)) / jnp.array(TRUNCATED_SD, dtype)
    return (drawn * deviation)[:rows]


def _dense(width: int, name: str) -> nn.Dense:
    return nn.Dense(width, kernel_init=_glorot_normal, bias_init=nn.initializers.ones, name=name)


class Spatialization(nn.Module):
    """Embedding and heads; returns the unbounded parameters by name."""

    tables: Tables
    hidden: tuple[int, ...]
    negative_slope: float

    @nn.compact
    def __call__(self, predictors: Array, latitude: Array) -> dict[str, Array]:
        """Predictors [N, P] and what heads read of the latitude [N] -> unbounded parameters by name, [N] each."""
        x = predictors
        for i, width in enumerate(self.hidden):
            x = nn.leaky_relu(_dense(width, f"embedding_{i}")(x), self.negative_slope)
        raw = {}
        for head in self.tables.heads:
            names, inputs = self.tables.names_of(head), x
            if head in self.tables.latitude_heads:
                inputs = jnp.concatenate([x, latitude[:, None]], axis=1)
            values = _dense(len(names), head)(inputs)
            raw.update({name: values[:, i] for i, name in enumerate(names)})
        return raw


def _module(tables: Tables, options: LandNetwork) -> Spatialization:
    return Spatialization(tables, hidden=options.hidden, negative_slope=options.negative_slope)


def place_of(predictors: Array) -> Array:
    """Return the number of each pixel's place, [N] int32.

    It is read from the predictors of group PLACE, [N, P].
    """
    return predictors[:, 0].astype(jnp.int32)


def initialise(tables: Tables, options: NetworkOptions, seed: int, sizes: Sizes) -> Any:
    """Parameters (float32) of the kind that the options ask for, by head."""
    assert isinstance(options, LandNetwork)
    if options.kind == "free":
        return _free(tables, options, seed, sizes)
    return _static(tables, options, seed, sizes)


START_SHARES = (0.02, 0.98)
"""Shares of the way between bounds within which free parameters start: nearer the bounds gradients vanish."""


def _free(tables: Tables, options: LandNetwork, seed: int, sizes: Sizes) -> Any:
    """Unbounded parameters of each place, [places, names] by head, uniform over `spread` around the typical values."""
    key, drawn = jax.random.key(seed), {}
    for i, head in enumerate(tables.heads):
        names = tables.names_of(head)
        typical = jnp.array([tables.by_name[name].share(tables.by_name[name].typical) for name in names])
        uniform = jax.random.uniform(
            jax.random.fold_in(key, i), (sizes.places, len(names)), minval=-0.5, maxval=0.5
        )
        share = jnp.clip(typical[None] + options.spread * uniform, *START_SHARES)
        drawn[head] = jnp.tan(jnp.pi * (share - 0.5)).astype(jnp.float32)
    return drawn


def _static(tables: Tables, options: LandNetwork, seed: int, sizes: Sizes) -> Any:
    """Initialise the network for `sizes.predictors` inputs, padded with zero rows to `sizes.width`.

    Drawn at the true fan-in and then padded: a member's initial function does not depend on the padding, and one
    compiled program serves every predictor set of a dataset. Zero rows meet zero inputs and stay zero. MemoryError
    where they do not fit into this machine: there XLA says so at times, and ends the process at others.
    """
    needed = 4 * sum(a * b for a, b in itertools.pairwise((sizes.width, *options.hidden)))
    if needed > psutil.virtual_memory().total:
        raise MemoryError(
            f"hidden layers {options.hidden} have {needed / 1e9:.0f} GB of weights, more than this machine has memory"
        )
    example = jnp.zeros((1, sizes.predictors), jnp.float32)
    variables = _module(tables, options).init(jax.random.key(seed), example, jnp.zeros((1,), jnp.float32))
    drawn = jax.tree.map(lambda x: x.astype(jnp.float32), variables["params"])
    first = drawn["embedding_0"]
    padded = np.pad(np.asarray(first["kernel"]), ((0, sizes.width - sizes.predictors), (0, 0)))
    heads = {head: _head(tables, options, head, drawn[head]) for head in tables.heads}
    scale = (
        {}
        if options.latitude == "raw"
        else {LATITUDE_SCALE: {"mean": np.float32(0.0), "sd": np.float32(1.0)}}
    )
    return drawn | {"embedding_0": first | {"kernel": padded}} | heads | scale


def latitude_scale(latitude: np.ndarray) -> dict[str, np.float32]:
    """Mean and sd of sigmoid(latitude) over training pixels [N] (degrees), as LATITUDE_SCALE; a constant's sd is 1."""
    value = 1 / (1 + np.exp(-np.asarray(latitude, np.float64)))
    mean, sd = float(value.mean()), float(value.std())
    return {"mean": np.float32(mean), "sd": np.float32(sd if sd > 1e-6 * abs(mean) else 1.0)}


def _head(tables: Tables, options: LandNetwork, head: str, drawn: Any) -> Any:
    """Return the initial values of a head.

    Small weights start all pixels near the biases, which may be typical parameters.
    """
    bias = drawn["bias"]
    if options.head_bias == "typical":
        parameters = (tables.by_name[name] for name in tables.names_of(head))
        bias = jnp.array([p.unbounded(p.typical) for p in parameters], jnp.float32)
    return {"kernel": drawn["kernel"] * np.float32(options.head_scale), "bias": bias}


def parameters(
    tables: Tables, options: NetworkOptions, params: Any, predictors: Array, latitude: Array
) -> dict[str, Array]:
    """Physical parameters by name, [N] each, of pixels with these encoded predictors [N, P] and latitudes [N]."""
    assert isinstance(options, LandNetwork)
    if options.kind == "free":
        own = jax.tree.map(lambda x: jnp.take(x, place_of(predictors), axis=0), params)
        return bounded(
            tables, {n: own[h][:, i] for h in tables.heads for i, n in enumerate(tables.names_of(h))}
        )
    feature = jax.nn.sigmoid(latitude)
    if LATITUDE_SCALE in params:
        scale = jax.lax.stop_gradient(params[LATITUDE_SCALE])
        feature = (feature - scale["mean"]) / scale["sd"]
        params = {name: x for name, x in params.items() if name != LATITUDE_SCALE}
    raw: Any = _module(tables, options).apply({"params": params}, predictors, feature)
    return bounded(tables, raw)
