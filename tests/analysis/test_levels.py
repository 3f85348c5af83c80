"""Levels of skill: what an anomaly is less of."""

import numpy as np
import pytest

from landlab_mgr.analysis import levels
from landlab_mgr.observations.calendar import Calendar

CALENDAR = Calendar("2001-01-01", 120, 30.4375)


def test_a_trend_is_no_anomaly():
    rng, t = np.random.default_rng(0), np.arange(120)
    season, noise = 3 * np.sin(2 * np.pi * t / 12), rng.normal(size=(120, 4))
    observed = (season + 0.1 * t)[:, None] + noise
    modelled = (season - 0.1 * t)[:, None] + noise
    observed[rng.random(observed.shape) < 0.1] = np.nan
    score = levels.score("anomaly", "r2", modelled, observed, "step", 120, CALENDAR)
    assert score.value == pytest.approx(1, abs=0.02), "the same noise under opposite trends"
    apart = levels.score(
        "anomaly", "r2", modelled, observed + 5 * rng.normal(size=(120, 4)), "step", 120, CALENDAR
    )
    assert apart.value < 0.2


def test_a_season_is_no_trend():
    """A sine over whole years has a slope of its own."""
    season = 3 * np.sin(2 * np.pi * np.arange(120) / 12)[:, None] * np.ones(2)
    trend = 0.02 * np.arange(120)[:, None]
    x, y = levels.anomalies(season, season + trend, CALENDAR)
    np.testing.assert_allclose(x, 0, atol=1e-12)
    np.testing.assert_allclose(y, 0, atol=1e-12)
