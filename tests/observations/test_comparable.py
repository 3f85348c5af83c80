"""Patches of which a part is observed: scored as the loss weighs them."""

import jax.numpy as jnp
import numpy as np
import pytest

from landlab_mgr.observations.calendar import Calendar
from landlab_mgr.observations.comparable import comparable
from landlab_mgr.observations.losses import squared_difference
from landlab_mgr.observations.streams import STREAMS

CALENDAR = Calendar("2001-01-01", 24, 30.4375)
PATCH = np.repeat([0, 1], 10)


@pytest.fixture
def pair():
    rng = np.random.default_rng(0)
    modelled, observed = rng.normal(size=(2, 24, 20))
    observed[:, 0] = np.nan  # one pixel of the first patch is never observed
    observed[12:, 10:14] = np.nan  # of the second six are left in the second year
    observed[20, 10:] = np.nan
    return modelled, observed


@pytest.mark.parametrize("name", ["nbe", "fire"])
def test_the_error_of_a_patch_is_that_of_the_loss(pair, name):
    modelled, observed = pair
    weight = np.where(np.isfinite(observed), np.linspace(0.5, 1.5, 20), 0.0)
    m, o = comparable(STREAMS[name], modelled, observed, PATCH, 0, CALENDAR, weight)
    assert np.isfinite(o[:, 0]).all(), "one pixel of ten is missing: every month counts"
    assert np.isnan(o[20, 1])
    assert np.isfinite(np.delete(o[:, 1], 20)).all()
    np.testing.assert_allclose(
        o[0, 0], (weight[0, 1:10] * observed[0, 1:10]).sum() / weight[0, 1:10].sum(), rtol=1e-12
    )
    mean = np.stack([np.where(p == PATCH, 1 / 10, 0) for p in (0, 1)])
    share = weight @ mean.T
    expected = np.nansum((share * (m - o)) ** 2 * share)
    of_loss = squared_difference(
        jnp.asarray(modelled),
        jnp.asarray(np.nan_to_num(observed)),
        jnp.asarray(weight),
        jnp.asarray(mean),
        "patch",
        "step",
        CALENDAR,
    )
    assert float(of_loss) == pytest.approx(expected, rel=1e-6)


def test_water_storage_counts_from_seven_tenths_of_a_patch(pair):
    _, o = comparable(STREAMS["ewt"], *pair, PATCH, 0, CALENDAR)
    assert np.isfinite(o[:, 0]).all(), "nine of ten"
    assert np.isfinite(o[:12, 1]).all()
    assert np.isnan(o[12:, 1]).all(), "six of ten"


def test_whole_patches_are_scored_as_ever(pair):
    modelled, _ = pair
    m, _ = comparable(STREAMS["nbe"], modelled, modelled, PATCH, 0, CALENDAR)
    np.testing.assert_array_equal(m[:, 0], modelled[:, PATCH == 0].mean(axis=1))
