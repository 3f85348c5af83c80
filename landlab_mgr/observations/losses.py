"""Squared differences of model and observations over pixels, patches, steps, years, the run.

DifferLand's terms (Fang et al.); each is a sum over a batch of w (model - observed)^2.
"""

from functools import partial

import jax.numpy as jnp
from jax import Array

from landlab_mgr.observations.calendar import Calendar
from landlab_mgr.observations.streams import Average, Level

ANOMALY_EPSILON = 1e-3


def _pixel(model: Array, observed: Array, weight: Array) -> Array:
    return jnp.sum(weight * (model - observed) ** 2)


def _patch(model: Array, observed: Array, weight: Array, patch_mean: Array) -> Array:
    """Sum over time and patches of (mean_k(w model) - mean_k(w observed))^2 mean_k(w), for [T, N] arrays."""
    over_patch = partial(jnp.matmul, precision="highest")
    difference = over_patch(weight * (model - observed), patch_mean.T)
    return jnp.sum(difference**2 * over_patch(weight, patch_mean.T))


def squared_difference(
    model: Array,
    observed: Array,
    weight: Array,
    patch_mean: Array,
    level: Level,
    average: Average,
    calendar: Calendar,
) -> Array:
    """Weighted squared difference of a model and a stream, a scalar; arrays [T, N], patch_mean [G, N]."""
    if average == "year":
        # a year counts where all its steps are observed; its weight is the product of theirs
        weight = calendar.split(weight, "year", fill=1.0).prod(axis=1)
        model, observed = calendar.mean(model, "year"), calendar.mean(observed, "year")
    elif average == "run":
        model, observed = model.mean(axis=0, keepdims=True), observed.mean(axis=0, keepdims=True)
        weight = weight[:1]
    elif average == "anomaly":
        mean = jnp.sum(weight * model, axis=0) / (jnp.sum(weight, axis=0) + ANOMALY_EPSILON)
        model = model - mean[None]
    if level == "patch":
        return _patch(model, observed, weight, patch_mean)
    return _pixel(model, observed, weight)
