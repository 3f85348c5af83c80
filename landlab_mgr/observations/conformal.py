"""Conformal intervals: how many spreads wide an interval is that covers new places. JAX-free.

A score is |observed - mean| / (spread + floor). Observations of one place are alike and places are exchangeable, so
that every place counts the same, with its observations in equal parts, and a new place counts as one more whose scores
are as high as any (Lee, Barber & Willett 2023, doi:10.48550/arXiv.2306.06342; Dunn, Wasserman & Ramdas 2022,
doi:10.1080/01621459.2022.2060112). With one observation a place this is split-conformal prediction: the
ceil((n + 1) level)-th smallest of n scores.
"""

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.floating]

LEVELS = np.arange(1, 100) / 100
"""Shares of new observations for which factors are kept."""
FLOORS = (0.1, 0.3, 1.0, 3.0)
"""Floors that are tried, in units of the median absolute error."""
ROUND_OFF = 1e-12


def factors(scores: Values, place: npt.NDArray[np.integer], levels: npt.ArrayLike = LEVELS) -> Values:
    """Return the factor of each level: an interval is mean -+ factor (spread + floor).

    Args:
        scores: [T, P], NaN where nothing is observed.
        place: of each column; columns of one place count together as one.
        levels: shares of a new place's observations that are inside, 0 to 1.

    Returns:
        [level]; NaN where so few places allow no such interval: n places reach n / (n + 1).
    """
    levels, seen = np.asarray(levels, float), ~np.isnan(scores)
    values, of = scores[seen], np.broadcast_to(place, scores.shape)[seen]
    if not values.size:
        return np.full(len(levels), np.nan)
    _, which, count = np.unique(of, return_inverse=True, return_counts=True)
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(1 / ((len(count) + 1) * count[which[order]]))
    at = np.searchsorted(reached, levels - ROUND_OFF)
    return np.where(at < len(values), values[order][np.minimum(at, len(values) - 1)], np.nan)


def floor_of(error: Values, spread: Values, place: npt.NDArray[np.integer], level: float = 0.9) -> float:
    """Return the floor of which intervals score best, from errors and spreads [T, P]; 0 where there is no error."""
    seen = ~np.isnan(error)
    size = float(np.median(np.abs(error[seen]))) if seen.any() else 0.0
    if size == 0:
        return 0.0
    n = len(np.unique(np.broadcast_to(place, error.shape)[seen]))
    level = min(level, n / (n + 1))  # few places allow no more
    scores = []
    for floor in (share * size for share in FLOORS):
        half = factors(scores_of(error, spread, floor), place, [level])[0] * (spread + floor)
        scores.append((float(winkler(-half, half, error, level)[seen].mean()), floor))
    return min(scores)[1]


def scores_of(error: Values, spread: Values, floor: float) -> Values:
    """Score errors, by the members' spread and a floor; 0 / 0 is 0."""
    scale = spread + floor
    return np.abs(error) / np.where(scale > 0, scale, np.finfo(float).tiny)


def winkler(low: Values, high: Values, observed: Values, level: float) -> Values:
    """Interval score: width, and 2 / (1 - level) times what an observation is outside by; lower is better.

    Winkler (1972), doi:10.1080/01621459.1972.10481224; Gneiting & Raftery (2007), doi:10.1198/016214506000001437.
    """
    outside = np.maximum(low - observed, 0) + np.maximum(observed - high, 0)
    return high - low + 2 / (1 - level) * outside
