"""Novelty by hand, and errors that grow with it."""

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.ensemble import HistGradientBoostingRegressor

from landlab_mgr.prediction import novelty
from landlab_mgr.prediction.novelty import Range


def learned(encoded, unit=1.0, ranges=None):
    return novelty.Learned("an encoder", np.asarray(encoded, float), unit, ranges or {})


def test_the_unit_is_the_distance_to_another_patch():
    x = np.array([[0.0], [0.1], [3.0], [7.0]])
    # to another patch: 3, 2.9, 2.9 and 4; numpy's quantile of 95 % is 3.85
    assert novelty.unit_of(x, np.array([0, 0, 1, 2])) == pytest.approx(3.85)
    assert novelty.unit_of(x, np.zeros(4, int)) == 1
    assert novelty.unit_of(x[:1], np.zeros(1, int)) == 1
    assert novelty.unit_of(np.zeros((4, 0)), np.arange(4)) == 1


def test_places_by_distance_and_weather_by_range():
    of = learned([[0.0, 0.0], [3.0, 4.0]], 2.0, {"tmax": Range(0, 30, 5.0), "co2": Range(400, 400, 0.0)})
    assert of.of_places(np.array([[0.0, 0.0], [0.0, 1.0], [6.0, 8.0]])).tolist() == [0, 0.5, 2.5]
    series = {
        "tmax": np.array([[30.0, 31.0], [-10.0, 5.0]]),
        "co2": np.array([[400.0, 400.0], [400.5, 400.0]]),
    }
    np.testing.assert_allclose(of.of_weather(series), [[0, 0.2], [2, 0]], atol=0.02)
    nothing = novelty.Learned(None, np.zeros((2, 0)), 1.0, {})
    assert nothing.of_places(np.zeros((3, 0))).tolist() == [0, 0, 0]


def test_ranges_over_blocks():
    x = np.random.default_rng(0).normal(10, 3, (20, 9))
    [found] = novelty.ranges_of([{"tmax": x[:, :4]}, {"tmax": x[:, 4:]}]).values()
    assert found.low == x.min()
    assert found.high == x.max()
    assert found.sd == pytest.approx(x.std())


def test_the_error_of_a_learner_grows_with_it():
    """Boosting on one side of the predictors' space, asked about all of it."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(600, 3))
    y = np.sin(x[:, 0]) + x[:, 1] * x[:, 2]
    train = (x[:, 0] < 0.5) & (rng.random(600) < 0.7)
    fitted = HistGradientBoostingRegressor(max_iter=40).fit(x[train], y[train])
    patch = np.arange(600)
    score = learned(x[train], novelty.unit_of(x[train], patch[train])).of_places(x[~train])
    error = np.abs(fitted.predict(x[~train]) - y[~train])
    assert spearmanr(score, error).statistic > 0.3
    assert error[score > 1].mean() > 2 * error[score < 0.5].mean()
