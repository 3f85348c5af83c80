"""Correlation of two maps whose neighbours are alike: how many independent pixels it is worth. JAX-free.

Clifford, Richardson & Hémon (1989, doi:10.2307/2532039), with the t test of Dutilleul (1993, doi:10.2307/2532625): the
variance of r is the mean, over all pairs of pixels, of the product of the two maps' autocorrelations at their distance.
"""

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.floating]

EDGES_KM = (0.0, 50.0, 100.0, 200.0, 400.0, 800.0, 1600.0, 3200.0, 6400.0, 20_100.0)
"""Classes of distance, in each of which pairs are taken to be equally alike."""
SAMPLE = 1500
"""Pixels whose pairs stand for all."""
EARTH_KM = 6371.0


def effective_size(x: Values, y: Values, lat: Values, lon: Values) -> float:
    """Return how many independent pixels a correlation of x and y is worth.

    The correlation is over n places; the number is from 3 to n.
    """
    n = len(x)
    rng = np.random.default_rng(0)
    some = np.arange(n) if n <= SAMPLE else np.sort(rng.choice(n, SAMPLE, replace=False))
    z = [(v - v.mean()) / v.std() for v in (x, y)]
    first, second = np.triu_indices(len(some), 1)
    distance = _distance(lat[some], lon[some])[first, second]
    of = np.clip(np.searchsorted(EDGES_KM, distance, side="right") - 1, 0, len(EDGES_KM) - 2)
    pairs = np.bincount(of, minlength=len(EDGES_KM) - 1)
    alike = [
        np.bincount(of, v[some][first] * v[some][second], len(EDGES_KM) - 1) / np.maximum(pairs, 1) for v in z
    ]
    between = float((pairs * alike[0] * alike[1]).sum() / max(pairs.sum(), 1))
    variance = 1 / n + (1 - 1 / n) * between
    return float(np.clip(1 + 1 / max(variance, 1 / n), 3, n))


def p_value(r: float, size: float) -> float:
    """Two-sided probability of a correlation as far from 0 between independent maps of so many pixels."""
    from scipy.stats import t

    freedom = size - 2
    return float(2 * t.sf(abs(r) * np.sqrt(freedom / max(1 - r * r, 1e-300)), freedom))


def _distance(lat: Values, lon: Values) -> Values:
    """Great-circle distances of all pairs, km."""
    phi, lam = np.deg2rad(lat), np.deg2rad(lon)
    point = np.stack([np.cos(phi) * np.cos(lam), np.cos(phi) * np.sin(lam), np.sin(phi)], axis=1)
    chord = np.linalg.norm(point[:, None] - point[None], axis=2)
    return EARTH_KM * 2 * np.arcsin(np.clip(chord / 2, 0, 1))
