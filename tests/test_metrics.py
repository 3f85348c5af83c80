"""Skill scores against scikit-free definitions, and honest where they are undefined."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from landlab_mgr import metrics


def test_hand_computed():
    s = metrics.statistics(np.array([1.0, 2.0, 4.0]), np.array([1.0, 3.0, 5.0]))
    assert s["n"] == 3
    assert s["bias"] == pytest.approx(-2 / 3)
    assert s["mae"] == pytest.approx(2 / 3)
    assert s["rmse"] == pytest.approx(np.sqrt(2 / 3))
    assert s["R2"] == pytest.approx(1 - 2 / 8)
    assert s["r"] == pytest.approx(np.corrcoef([1, 2, 4], [1, 3, 5])[0, 1])
    assert s["r2"] == pytest.approx(s["r"] ** 2)
    assert s["slope"] == pytest.approx(np.polyfit([1, 3, 5], [1, 2, 4], 1)[0])


def test_nan_is_left_out_and_nothing_is_nothing():
    s = metrics.statistics(np.array([1.0, np.nan, 3.0]), np.array([1.0, 2.0, np.nan]))
    assert s["n"] == 1
    empty = metrics.statistics(np.full(3, np.nan), np.zeros(3))
    assert empty["n"] == 0
    assert all(np.isnan(empty[k]) for k in metrics.STATISTICS if k != "n")


@pytest.mark.parametrize("value", [0.0, 0.1, 1e6])
def test_constant_observations_have_no_r2(value):
    s = metrics.statistics(np.linspace(0, 1, 20), np.full(20, value))
    assert np.isnan(s["R2"])
    assert np.isnan(s["r"])
    assert np.isfinite(s["rmse"])
    flat_model = metrics.statistics(np.full(20, value), np.linspace(0, 1, 20))
    assert np.isnan(flat_model["r2"])
    assert np.isfinite(flat_model["R2"])


@given(arrays(float, 30, elements=st.floats(-100, 100)), arrays(float, 30, elements=st.floats(-100, 100)))
def test_bounds(model, observed):
    s = metrics.statistics(model, observed)
    assert not s["R2"] > 1
    assert not s["r2"] > 1 + 1e-9
    assert not s["R2"] > s["r2"] + 1e-6  # no linear rescaling beats the best one


def test_levels():
    rng = np.random.default_rng(0)
    site_mean = rng.normal(size=5) * 10
    observed = site_mean + rng.normal(size=(48, 5))
    model = np.broadcast_to(site_mean, observed.shape).copy()
    observed[5, 2] = np.nan
    by = {
        (m.level, m.statistic): m.value
        for m in metrics.scores("dev", "gpp", metrics.moments(model, observed))
    }
    assert by["spatial", "r"] > 0.99
    assert by["spatial", "n"] == 5
    assert by["flat", "n"] == 48 * 5 - 1
    assert abs(by["temporal", "R2"]) < 0.2  # a constant at each site explains nothing in time
    assert by["temporal", "n"] == 5


def test_blocks_of_series_score_as_all_of_them():
    rng = np.random.default_rng(1)
    observed = rng.normal(3, 2, (60, 40)) + rng.normal(0, 5, 40)
    model = observed + rng.normal(0.5, 1, observed.shape)
    observed[rng.random(observed.shape) < 0.3] = np.nan
    observed[:, 7] = np.nan
    whole = metrics.scores("dev", "gpp", metrics.moments(model, observed))
    parts = [metrics.moments(model[:, a : a + 9], observed[:, a : a + 9]) for a in range(0, 40, 9)]
    for a, b in zip(whole, metrics.scores("dev", "gpp", metrics.joined(parts)), strict=True):
        assert (a.level, a.statistic) == (b.level, b.statistic)
        assert a.value == pytest.approx(b.value, rel=1e-12)
    by = {(m.level, m.statistic): m.value for m in whole}
    there = np.isfinite(observed)
    flat = metrics.statistics(model[there], observed[there])
    assert {name: by["flat", name] for name in flat} == pytest.approx(flat, rel=1e-9)
    alone = [metrics.statistics(model[:, k], observed[:, k])["rmse"] for k in range(40) if k != 7]
    assert by["temporal", "rmse"] == pytest.approx(np.median(alone), rel=1e-12)


def test_a_long_constant_series_does_not_vary_by_rounding():
    assert np.isnan(metrics.statistics(np.arange(1e6), np.full(10**6, 0.1))["R2"])
