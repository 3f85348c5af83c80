"""The loss: named terms, unweighted; their weights are data in the spec and the catalog.

DifferLand's terms with the ecological and dynamic constraints of Bloom & Williams (2015,
doi:10.5194/bg-12-1299-2015). Every term is a sum over a batch of w (model - observed)^2.
"""

from collections.abc import Collection, Mapping
from functools import partial

import jax.numpy as jnp
from jax import Array

from landlab_mgr.models.dalec.model import BALANCE_OUTPUTS, Batch, Params
from landlab_mgr.models.dalec.parameters import (
    CARBON_POOLS,
    LOSS_TERMS,
    MODELLED,
    MONTHS_PER_YEAR,
    LossTerm,
    annual,
)

ANOMALY_EPSILON = 1e-3
EDC_EPSILON = 1e-3


def stream_of(term: LossTerm) -> str:
    """The observation stream that a term compares with."""
    return "nbe" if term.name == "nbe_iav" else term.name


def outputs_needed(terms: Collection[str]) -> frozenset[str]:
    """Names of the monthly model outputs that these terms read."""
    needed: set[str] = set()
    for name in terms:
        variable = LOSS_TERMS[name].variable
        if variable is not None:
            needed.add(MODELLED.get(variable, variable))
        elif name == "edc":
            needed |= BALANCE_OUTPUTS
        else:
            needed.add(name)
    return frozenset(needed)


def _pixel(model: Array, observed: Array, weight: Array) -> Array:
    return jnp.sum(weight * (model - observed) ** 2)


def _patch(model: Array, observed: Array, weight: Array, patch_mean: Array) -> Array:
    """Sum over time and patches of (mean_k(w model) - mean_k(w observed))^2 mean_k(w), for [T, N] arrays."""
    over_patch = partial(jnp.matmul, precision="highest")
    difference = over_patch(weight * (model - observed), patch_mean.T)
    return jnp.sum(difference**2 * over_patch(weight, patch_mean.T))


def observation_term(
    term: LossTerm, model: Array, observed: Array, weight: Array, patch_mean: Array
) -> Array:
    """One term that compares the model with an observation stream; arrays [T, N], patch_mean [G, N]."""
    if term.average == "year":
        # a year counts where all its months are observed; its weight is the product of theirs
        weight = jnp.prod(annual(weight), axis=1)
        model, observed = annual(model).mean(axis=1), annual(observed).mean(axis=1)
    elif term.average == "run":
        model, observed = model.mean(axis=0, keepdims=True), observed.mean(axis=0, keepdims=True)
        weight = weight[:1]
    elif term.average == "anomaly":
        mean = jnp.sum(weight * model, axis=0) / (jnp.sum(weight, axis=0) + ANOMALY_EPSILON)
        model = model - mean[None]
    if term.level == "patch":
        return _patch(model, observed, weight, patch_mean)
    return _pixel(model, observed, weight)


def ecological_constraint(monthly: Mapping[str, Array], sums: Mapping[str, Array], initial: Params) -> Array:
    """Departure of each pixel from steady state, [N].

    Sum over the carbon pools of log2(R + 1e-3)^2 with R = max(0, influx / max(outflux, 1e-3)) * (mean over the year
    ends of the pool) / (initial pool); 0 where every pool gains what it loses and keeps its size.
    """
    total = jnp.zeros_like(initial["labile"])
    for name in CARBON_POOLS:
        ratio = jnp.maximum(sums[f"influx_{name}"] / jnp.maximum(sums[f"outflux_{name}"], 1e-3), 0.0)
        year_ends = monthly[name][MONTHS_PER_YEAR - 1 :: MONTHS_PER_YEAR]
        growth = year_ends.mean(axis=0) / initial[name]
        total += jnp.log2(ratio * growth + EDC_EPSILON) ** 2
    return total


def terms(
    names: Collection[str],
    monthly: Mapping[str, Array],
    sums: Mapping[str, Array],
    initial: Params,
    batch: Batch,
) -> dict[str, Array]:
    """The named, unweighted terms of the loss over a batch, each a scalar.

    Args:
        names: terms to compute; observation terms need their stream in the batch.
        monthly: model outputs, [T, N] each.
        sums: flux sums of the run, [N] each, from `model.balances`; only the edc term reads them.
        initial: the initial carbon pools by name, [N] each.
        batch: observations, weights and patches.
    """
    values = {}
    for name in names:
        term = LOSS_TERMS[name]
        if name == "edc":
            values[name] = jnp.sum(ecological_constraint(monthly, sums, initial) * batch.mask)
        elif name == "violation":
            values[name] = jnp.sum(monthly["violation"] * batch.mask[None])
        else:
            assert term.variable is not None
            stream = stream_of(term)
            model = monthly[MODELLED.get(term.variable, term.variable)]
            values[name] = observation_term(
                term, model, batch.observed[stream], batch.weight[stream], batch.patch_mean
            )
    return values
