"""Runoff generation: which share of rain and melt the soil passes on to the zones below."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from landlab_mgr.models.process import Process

HIDDEN = 8
"""Width of the learned share's hidden layer."""
INFLOW_SCALE = 20.0
"""Inflow for a network input of 1, mm d-1."""
DRIEST = 1e-6
"""Saturation below which a power's slope may be infinite."""


class Soil(NamedTuple):
    """State that a runoff-generation process reads, [N] each."""

    saturation: Array
    """Soil moisture over fc, 0 to 1."""
    inflow: Array
    """Rain and outflow of snow, mm d-1."""
    beta: Array
    """Exponent of recharge."""


def power(params: Any, soil: Soil) -> Array:
    """saturation^beta: Bergstrom 1992."""
    return jnp.maximum(soil.saturation, DRIEST) ** soil.beta


def initialise_nn_share(key: Array) -> Any:
    """Weights of `nn_share`: one hidden layer; at the start it adds nothing to the power."""
    hidden = jax.random.normal(key, (2, HIDDEN), jnp.float32)
    zeros = jnp.zeros((HIDDEN,), jnp.float32)
    return {"hidden": hidden, "bias": zeros, "output": zeros}


def nn_share(weights: Any, soil: Soil) -> Array:
    """Return a share between 0 and 1: the power's logit and a network's, added.

    The network reads saturation and inflow.
    """
    share = jnp.clip(power(None, soil), DRIEST, 1 - DRIEST)
    features = jnp.stack([soil.saturation, soil.inflow / INFLOW_SCALE], axis=-1)
    bias = jnp.broadcast_to(weights["bias"], (*features.shape[:-1], HIDDEN))
    learned = jnp.tanh(features @ weights["hidden"] + bias) @ weights["output"]
    return jax.nn.sigmoid(jnp.log(share) - jnp.log1p(-share) + learned)


POWER, NN_SHARE = Process(power), Process(nn_share, initialise_nn_share)
