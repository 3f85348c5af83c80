"""Conformal factors: by hand, and on places that are exchangeable."""

import numpy as np
import pytest

from landlab_mgr.observations import conformal

ONE_EACH = np.array([[4.0, 1.0, 3.0, 2.0]])


@pytest.mark.parametrize(
    ("level", "factor"), [(0.2, 1), (0.5, 3), (0.6, 3), (0.61, 4), (0.8, 4), (0.81, np.nan)]
)
def test_of_one_observation_a_place_it_is_split_conformal(level, factor):
    """The ceil((n + 1) level)-th smallest of n = 4 scores, as crepes has it; more than 4 / 5 is out of reach."""
    assert conformal.factors(ONE_EACH, np.arange(4), [level])[0] == pytest.approx(factor, nan_ok=True)


def test_a_place_counts_once_however_much_it_observes():
    # places weigh 1/3 each, the new one too: [1, 1, 1, 9] of the first, 5 of the second
    scores = np.array([[1.0, 5.0], [1.0, np.nan], [1.0, np.nan], [9.0, np.nan]])
    found = conformal.factors(scores, np.arange(2), [0.25, 0.5, 0.58, 0.6, 0.67])
    assert found == pytest.approx([1, 5, 5, 9, np.nan], nan_ok=True)
    columns = np.array([[1.0, 9.0, 5.0], [1.0, 1.0, np.nan]])
    assert conformal.factors(columns, np.array([7, 7, 2]), [0.25, 0.5, 0.6])[:3] == pytest.approx([1, 5, 9])
    assert np.isnan(conformal.factors(np.full((2, 2), np.nan), np.arange(2))).all()


def test_winkler_by_hand():
    low, high, seen = np.zeros(3), np.full(3, 2.0), np.array([1.0, -1.0, 2.5])
    assert conformal.winkler(low, high, seen, 0.9) == pytest.approx([2, 2 + 20, 2 + 10])


def places(rng, n):
    """Errors and spreads, [40, n]: half the error is the place's own, its size follows the spread in part."""
    spread = np.exp(rng.normal(size=(1, n))) * np.exp(0.3 * rng.normal(size=(40, n)))
    error = (0.5 + spread) * (rng.normal(size=(1, n)) + rng.normal(size=(40, n)))
    return error, spread


@pytest.mark.parametrize("level", [0.5, 0.9])
def test_coverage_of_exchangeable_places(level):
    rng, shares = np.random.default_rng(1), []
    for _ in range(60):
        error, spread = places(rng, 60)
        floor = conformal.floor_of(error[:, :40], spread[:, :40], np.arange(40))
        scores = conformal.scores_of(error, spread, floor)
        factor = conformal.factors(scores[:, :40], np.arange(40), [level])[0]
        shares.append((scores[:, 40:] <= factor).mean())
    assert level - 0.01 <= np.mean(shares) <= level + 0.04


def test_the_floor_is_high_where_the_spread_tells_nothing():
    error, spread = places(np.random.default_rng(2), 200)
    told = conformal.floor_of(error, spread, np.arange(200))
    shuffled = conformal.floor_of(error, np.random.default_rng(3).permuted(spread), np.arange(200))
    assert told < shuffled
    assert conformal.floor_of(0 * error, spread, np.arange(200)) == 0
    assert conformal.scores_of(np.array([0.0]), np.zeros(1), 0.0) == 0
