"""Loss terms on arrays small enough to compute by hand; the reference numbers are in regression/."""

import jax.numpy as jnp
import numpy as np
import pytest

from landlab_mgr.models.dalec.model import BALANCE_OUTPUTS, Batch
from landlab_mgr.models.dalec.parameters import CARBON_POOLS, LOSS_TERMS
from landlab_mgr.observations import losses


def batch(observed, weight, stream, patch_mean=None, mask=None):
    n = observed.shape[1]
    return Batch(
        climate=None,
        latitude=None,
        predictors=None,
        observed={stream: jnp.asarray(observed)},
        weight={stream: jnp.asarray(weight)},
        patch_mean=jnp.full((1, n), 1 / n) if patch_mean is None else jnp.asarray(patch_mean),
        mask=jnp.ones(n) if mask is None else jnp.asarray(mask),
    )


def value(name, model, observed, weight, **kwargs):
    term = LOSS_TERMS[name]
    b = batch(observed, weight, losses.stream_of(term), **kwargs)
    monthly = {losses.MODELLED.get(term.variable, term.variable): jnp.asarray(model)}
    return float(losses.terms([name], monthly, {}, {}, b)[name])


def test_nee_site_and_violation():
    observed, model = np.zeros((2, 3)), np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    weight = np.array([[1.0, 0.0, 1.0], [0.0, 0.5, 0.0]])
    assert value("nee_site", model, observed, weight) == pytest.approx(1 + 9 + 0.5 * 25)
    b = batch(observed, weight, "lai", mask=np.array([1.0, 1.0, 0.0]))
    violation = losses.terms(["violation"], {"violation": jnp.asarray(model)}, {}, {}, b)["violation"]
    assert violation == 1 + 2 + 4 + 5


def test_a_year_counts_only_where_all_its_months_are_observed():
    model, observed, weight = np.ones((30, 2)), np.zeros((30, 2)), np.ones((30, 2))
    weight[3, 0] = 0
    # pixel 0 loses its first year; the six months beyond two years count nowhere
    assert value("vod", model, observed, weight) == pytest.approx(3.0)


def test_patches_are_compared_by_their_means_in_a_batch_of_several():
    model = np.array([[1.0, 3.0, 10.0, 99.0]])
    patch_mean = np.array([[0.5, 0.5, 0, 0], [0, 0, 1, 0]])
    weight = np.array([[1.0, 1.0, 1.0, 0.0]])
    together = value("nbe", model, np.zeros((1, 4)), weight, patch_mean=patch_mean)
    assert together == pytest.approx(2.0**2 + 10.0**2)


def test_steady_state_costs_nothing():
    sums = {f"{way}_{n}": jnp.ones(1) * 5 for n in CARBON_POOLS for way in ("influx", "outflux")}
    initial = {n: jnp.ones(1) * 100 for n in CARBON_POOLS}
    monthly = {n: jnp.ones((24, 1)) * 100 for n in CARBON_POOLS}
    assert float(losses.ecological_constraint(monthly, sums, initial)[0]) == pytest.approx(0, abs=1e-4)
    doubled = {n: 2 * x for n, x in monthly.items()}
    assert float(losses.ecological_constraint(doubled, sums, initial)[0]) == pytest.approx(6, rel=1e-2)


def test_outputs_needed():
    assert losses.outputs_needed(["gpp_fluxnet", "ewt", "violation"]) == {"gpp", "water", "violation"}
    assert losses.outputs_needed(["edc"]) == BALANCE_OUTPUTS
