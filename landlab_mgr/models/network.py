"""The spatialization network: static predictors of a pixel -> the parameters of the land model there.

One embedding MLP shared by all pixels, with three linear heads: ecological parameters and initial pools from the
embedding, phenology from the embedding and sigmoid(latitude), as in DifferLand.
"""

import itertools
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import psutil
from flax import linen as nn
from jax import Array

from landlab_mgr.models.dalec.model import transform
from landlab_mgr.models.dalec.parameters import BY_NAME, TYPICAL, Head, names_of
from landlab_mgr.spec.run import NetworkSpec

HEADS: tuple[Head, ...] = ("ecological", "phenology", "pool")


def _dense(width: int, name: str) -> nn.Dense:
    return nn.Dense(
        width, kernel_init=nn.initializers.glorot_normal(), bias_init=nn.initializers.ones, name=name
    )


class Spatialization(nn.Module):
    """Embedding and heads; returns the unbounded parameters by name."""

    hidden: tuple[int, ...]
    negative_slope: float

    @nn.compact
    def __call__(self, predictors: Array, latitude: Array) -> dict[str, Array]:
        """Predictors [N, P] and latitude [N] (degrees) -> unbounded parameters by name, [N] each."""
        x = predictors
        for i, width in enumerate(self.hidden):
            x = nn.leaky_relu(_dense(width, f"embedding_{i}")(x), self.negative_slope)
        inputs: dict[Head, Array] = dict.fromkeys(HEADS, x)
        inputs["phenology"] = jnp.concatenate([x, jax.nn.sigmoid(latitude)[:, None]], axis=1)
        raw = {}
        for head in HEADS:
            names = names_of(head)
            values = _dense(len(names), head)(inputs[head])
            raw.update({name: values[:, i] for i, name in enumerate(names)})
        return raw


def _module(spec: NetworkSpec) -> Spatialization:
    return Spatialization(hidden=spec.hidden, negative_slope=spec.negative_slope)


def initialise(spec: NetworkSpec, seed: int, n_predictors: int, width: int) -> Any:
    """Weights (float32) for `n_predictors` inputs, padded with zero rows to `width` inputs.

    Drawn at the true fan-in and then padded: a member's initial function does not depend on the padding, and one
    compiled program serves every predictor set of a dataset. Zero rows meet zero inputs and stay zero. MemoryError
    where the weights do not fit into this machine: there XLA says so at times, and ends the process at others.
    """
    needed = 4 * sum(a * b for a, b in itertools.pairwise((width, *spec.hidden)))
    if needed > psutil.virtual_memory().total:
        raise MemoryError(
            f"hidden layers {spec.hidden} have {needed / 1e9:.0f} GB of weights, more than this machine has memory"
        )
    example = jnp.zeros((1, n_predictors), jnp.float32)
    variables = _module(spec).init(jax.random.key(seed), example, jnp.zeros((1,), jnp.float32))
    weights = jax.tree.map(lambda x: x.astype(jnp.float32), variables["params"])
    first = weights["embedding_0"]
    padded = jnp.pad(first["kernel"], ((0, width - n_predictors), (0, 0)))
    return (
        weights | {"embedding_0": first | {"kernel": padded}} | {h: _head(spec, h, weights[h]) for h in HEADS}
    )


def _head(spec: NetworkSpec, head: Head, drawn: Any) -> Any:
    """Where a head starts. Small weights let all pixels start near the biases, which may be typical parameters."""
    bias = drawn["bias"]
    if spec.head_bias == "typical":
        bias = jnp.array([unbounded(name, TYPICAL[name]) for name in names_of(head)], jnp.float32)
    return {"kernel": drawn["kernel"] * np.float32(spec.head_scale), "bias": bias}


def unbounded(name: str, value: float) -> float:
    """The network output that `model.transform` makes this value of a parameter, inside its bounds."""
    low, high = BY_NAME[name].low, BY_NAME[name].high
    return math.tan(math.pi * (math.log(value / low) / math.log(high / low) - 0.5))


def parameters(spec: NetworkSpec, weights: Any, predictors: Array, latitude: Array) -> dict[str, Array]:
    """Physical parameters by name, [N] each, of pixels with these encoded predictors [N, P] and latitudes [N]."""
    raw: Any = _module(spec).apply({"params": weights}, predictors, latitude)
    return transform(raw)
