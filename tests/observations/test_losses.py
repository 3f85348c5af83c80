"""Loss terms on arrays small enough to compute by hand; the reference numbers are in regression/."""

import jax.numpy as jnp
import numpy as np
import pytest

from landlab_mgr.data.batch import Batch
from landlab_mgr.models.dalec import constraints
from landlab_mgr.models.dalec.model import MODEL
from landlab_mgr.models.dalec.parameters import CARBON_POOLS
from landlab_mgr.models.dalec.tables import TABLES
from landlab_mgr.models.model import Inputs
from landlab_mgr.observations.calendar import Calendar
from landlab_mgr.observations.losses import squared_difference
from landlab_mgr.training import objective


def batch(observed, weight, stream, patch_mean=None, mask=None):
    n = observed.shape[1]
    return Batch(
        inputs=Inputs(None, None, None),
        observed={stream: jnp.asarray(observed)},
        weight={stream: jnp.asarray(weight)},
        patch_mean=jnp.full((1, n), 1 / n) if patch_mean is None else jnp.asarray(patch_mean),
        mask=jnp.ones(n) if mask is None else jnp.asarray(mask),
    )


def value(name, model, observed, weight, **kwargs):
    term = TABLES.terms[name]
    b = batch(observed, weight, term.stream.name, **kwargs)
    outputs = {term.output: jnp.asarray(model)}
    return float(objective.terms(MODEL, [name], {}, outputs, b, monthly(len(model)))[name])


def monthly(steps):
    return Calendar("2001-01-01", steps, 30.4375)


def test_nee_site_and_violation():
    observed, model = np.zeros((2, 3)), np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    weight = np.array([[1.0, 0.0, 1.0], [0.0, 0.5, 0.0]])
    assert value("nee_site", model, observed, weight) == pytest.approx(1 + 9 + 0.5 * 25)
    b = batch(observed, weight, "lai", mask=np.array([1.0, 1.0, 0.0]))
    outputs = {"violation": jnp.asarray(model)}
    assert objective.terms(MODEL, ["violation"], {}, outputs, b, monthly(2))["violation"] == 1 + 2 + 4 + 5


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
    pools = {n: jnp.ones((24, 1)) * 100 for n in CARBON_POOLS}

    def constraint(pools):
        return float(constraints.ecological_constraint(pools, sums, initial, monthly(24))[0])

    assert constraint(pools) == pytest.approx(0, abs=1e-4)
    assert constraint({n: 2 * x for n, x in pools.items()}) == pytest.approx(6, rel=1e-2)


def test_outputs_needed():
    assert MODEL.outputs_needed(["gpp_fluxnet", "ewt", "violation"]) == {"gpp", "water", "violation"}
    assert MODEL.outputs_needed(["edc"]) == constraints.BALANCE_OUTPUTS


def test_daily_years_count_as_monthly_ones():
    """Two years of days, 2004 longer: a constant difference of 2 costs 4 a year and pixel, a gap its whole year."""
    calendar = Calendar("2004-01-01", 366 + 365, 1.0)
    model, weight = np.full((731, 2), 2.0), np.ones((731, 2))
    weight[370, 1] = 0
    patch_mean = jnp.full((1, 2), 0.5)

    def cost(average):
        arrays = (jnp.asarray(x) for x in (model, np.zeros_like(model), weight))
        return float(squared_difference(*arrays, patch_mean, "pixel", average, calendar))

    assert cost("year") == pytest.approx(4 * 3)
    assert cost("step") == pytest.approx(4 * (2 * 731 - 1))
    assert cost("run") == pytest.approx(4 * 2)
