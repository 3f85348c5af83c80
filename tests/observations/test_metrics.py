"""Skill scores against scikit-free definitions, and honest where they are undefined."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from landlab_mgr.observations import metrics


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


# --- of ensembles


def by_pairs(x, y):
    x = x[np.isfinite(x)]
    m = len(x)
    return np.abs(x - y).mean() - np.abs(x[:, None] - x).sum() / (2 * m * (m - 1))


def test_crps_against_all_pairs_of_members():
    rng = np.random.default_rng(2)
    x, y = rng.normal(300, 2, (7, 40)), rng.normal(300, 2, 40)
    x[rng.random(x.shape) < 0.2] = np.nan
    found = metrics.crps(x, y)
    assert found == pytest.approx([by_pairs(x[:, k], y[k]) for k in range(40)], rel=1e-9, abs=1e-9)
    assert np.isnan(metrics.crps(x[:1], y)).all(), "one member has no spread"
    assert metrics.crps(np.array([[1.0], [3.0]]), np.array([2.0])) == pytest.approx(0)  # 1 - 2 / 2


def test_fair_crps_does_not_depend_on_the_number_of_members():
    rng = np.random.default_rng(3)
    y = rng.normal(size=40_000)
    few, many = (metrics.crps(rng.normal(size=(m, y.size)), y).mean() for m in (2, 10))
    assert few == pytest.approx(1 / np.sqrt(np.pi), abs=0.01)  # of the normal distribution against itself
    assert many == pytest.approx(few, abs=0.01)


@pytest.mark.parametrize("level", [0.5, 0.9])
@pytest.mark.parametrize("m", [2, 5, 20])
def test_intervals_hold_the_share_that_is_expected(level, m):
    rng = np.random.default_rng(4)
    y = rng.normal(size=40_000)
    held, expected = metrics.coverage(rng.normal(size=(m, y.size)), y, level)
    assert held.mean() == pytest.approx(expected[0], abs=0.01)
    assert expected[0] == pytest.approx(min(level, (m - 1) / (m + 1)))


def test_intervals_of_few_and_missing_members():
    x = np.array([[1.0, 4.0], [2.0, np.nan], [3.0, np.nan]])
    held, expected = metrics.coverage(x, np.array([3.0, 4.0]), 0.5)
    assert (held[0], expected[0]) == (1, 0.5), "bounds belong to it"
    assert np.isnan(held[1])
    assert np.isnan(expected[1])
    between = np.arange(5.0)[:, None]  # from 1.5 to 3.5 of five: half the outermost, half the inner one
    assert metrics.coverage(between, np.array([0.5]), 0.5)[0] == pytest.approx(0.5)
    assert metrics.coverage(between, np.array([2.0]), 0.5)[0] == pytest.approx(1)


def test_ranks_are_even_if_members_are_right():
    rng = np.random.default_rng(5)
    y = rng.normal(size=40_000)
    x = rng.normal(size=(12, y.size))
    x[8:, ::2] = np.nan
    assert metrics.rank_histogram(x, y, 10) == pytest.approx(0.1, abs=0.006)
    assert metrics.rank_histogram(np.zeros((5, 3)), np.zeros(3), 10) == pytest.approx(0.1), (
        "ties are anywhere"
    )
    assert metrics.rank_histogram(np.zeros((1, 3)), np.ones(3), 2) == pytest.approx([0, 1])
    assert metrics.rank_histogram(0.3 * x, y, 10)[[0, -1]].min() > 0.2, "too narrow: outside too often"


def test_draws_of_groups_are_scored_from_their_moments():
    """As the series of the groups that are drawn, so many times each, are scored."""
    rng = np.random.default_rng(3)
    observed = 5000 + rng.normal(size=(24, 12)) + 10 * rng.normal(size=12)
    model = observed + rng.normal(size=observed.shape)
    observed[3, :4], observed[:, 5] = np.nan, np.nan
    group = np.array([0, 0, 1, 1, 1, 2, 2, 3, 3, 3, 3, 3])
    times = rng.multinomial(4, np.full(4, 0.25), 5)
    x = metrics.moments(model, observed)
    flat = metrics.statistics_of(metrics.resampled(metrics.grouped(x, group, 4), times))
    means = metrics.statistics_of(metrics.resampled(metrics.grouped(metrics.of_means(x), group, 4), times))
    seen = x.n > 0
    for draw, t in enumerate(times):
        columns = np.repeat(np.arange(12), t[group])
        brute = metrics.statistics(*(y[:, columns].ravel() for y in (model, observed)))
        assert {n: v[draw] for n, v in flat.items()} == pytest.approx(brute, rel=1e-9, nan_ok=True)
        own = columns[seen[columns]]
        brute = metrics.statistics(x.model[own], x.observed[own])
        assert {n: v[draw] for n, v in means.items()} == pytest.approx(brute, rel=1e-9, nan_ok=True)


def test_kling_gupta_by_hand():
    observed = np.array([1.0, 2.0, 3.0, 6.0])
    columns = [observed, 2 * observed, observed + 3, np.full(4, 3.0), np.full(4, np.nan)]
    values = metrics.kling_gupta(metrics.moments(np.stack(columns, 1), np.repeat(observed[:, None], 5, 1)))
    np.testing.assert_allclose(values["r"][:4], [1, 1, 1, 0])
    np.testing.assert_allclose(values["alpha"][:4], [1, 2, 1, 0])
    np.testing.assert_allclose(values["beta"][:4], [1, 2, 2, 1])
    np.testing.assert_allclose(values["kge"][:4], 1 - np.sqrt([0, 2, 1, 2]))
    assert all(np.isnan(x[4]) for x in values.values())
    still = metrics.kling_gupta(metrics.moments(observed[:, None], np.full((4, 1), 2.0)))
    assert np.isnan(still["kge"][0])


def test_biases_of_the_ends_of_the_flow_duration_curve_by_hand():
    observed = np.arange(1.0, 101.0)
    gap = np.where(observed == 50, np.nan, observed)  # the middle of the curve is in neither end
    shuffled = np.random.default_rng(0).permutation(observed)
    columns = [observed, 2 * observed, observed**2, shuffled, gap, np.zeros(100)]
    values = metrics.duration_biases(np.stack(columns, 1), np.repeat(observed[:, None], 6, 1))
    np.testing.assert_allclose(values["fhv"][:4], [0, 100, 100 * (99**2 + 100**2) / 199 - 100, 0], atol=1e-12)
    np.testing.assert_allclose(values["flv"][:4], [0, 0, -100, 0], atol=1e-9)
    assert values["fhv"][4] == 0
    assert (values["fhv"][5], values["flv"][5]) == (-100, 100)
    dry = metrics.duration_biases(np.ones((10, 1)), np.zeros((10, 1)))
    assert np.isnan([dry["fhv"][0], dry["flv"][0]]).all()
    nothing = metrics.duration_biases(np.full((3, 1), np.nan), np.ones((3, 1)))
    assert np.isnan([nothing["fhv"][0], nothing["flv"][0]]).all()
