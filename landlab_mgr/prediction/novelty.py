"""Novelty: how far places and months are from those that members learned from. JAX-free.

A place's novelty is the distance of its predictors, standardised, to the nearest training pixel, over the distance that
all but one in twenty training pixels have to the nearest one of another patch (after the dissimilarity index of Meyer &
Pebesma 2021, doi:10.1111/2041-210X.13650). A month's is how far its forcing is outside the range of the training
pixels, in their standard deviations, of the variable that is furthest out. Novelty is the sum: 0 at a training pixel in
weather that was seen, and above 1 further away than nearly all that was learned from is from each other.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from landlab_mgr.data.predictors import Encoder

Values = npt.NDArray[np.floating]

TYPICAL = 0.95
"""Share of the training pixels whose distances are below the unit of distance."""
NEIGHBOURS = 50
"""Nearest training pixels among which one of another patch is looked for."""
ROUND_OFF = 1e-5
"""Part of a range by which float32 may exceed it."""


@dataclass(frozen=True)
class Range:
    """Range and standard deviation of one forcing over the training pixels."""

    low: float
    high: float
    sd: float


@dataclass(frozen=True)
class Learned:
    """Training pixels of members, as far as novelty is measured by them."""

    encoder: Encoder | None
    """Of the predictors, made from the pixels that any member trained on; None where they read none."""
    encoded: Values
    """[training pixel, column]."""
    unit: float
    """Distance that is 1."""
    ranges: Mapping[str, Range]
    """By forcing."""

    def of_places(self, encoded: Values) -> Values:
        """Novelty of places, [N], by their predictors as `encoder` gives them."""
        if self.encoder is None or not self.encoded.shape[1]:
            return np.zeros(len(encoded))
        return np.asarray(cKDTree(self.encoded).query(encoded)[0]) / self.unit

    def of_weather(self, series: Mapping[str, Values]) -> Values | float:
        """Novelty of forcing, [T, N] by name; 0 where none is outside."""
        out: Values | float = 0.0
        for name, r in self.ranges.items():
            x = np.asarray(series[name], np.float64)
            slack = ROUND_OFF * max(r.high - r.low, abs(r.high), abs(r.low))
            outside = np.maximum(np.maximum(r.low - slack - x, x - r.high - slack), 0.0)
            out = np.maximum(out, outside / r.sd if r.sd > 0 else outside)
        return out


def unit_of(encoded: Values, patch: npt.NDArray[np.integer]) -> float:
    """Distance that TYPICAL of the training pixels stay below, to the nearest one of another patch.

    1, which is a standard deviation, where no pixel has one near.
    """
    k = min(NEIGHBOURS, len(encoded))
    if k < 2 or not encoded.shape[1]:
        return 1.0
    distance, index = cKDTree(encoded).query(encoded, k=k)
    other = np.where(patch[index] != patch[:, None], distance, np.inf).min(axis=1)
    other = other[np.isfinite(other)]
    unit = float(np.quantile(other, TYPICAL)) if other.size else 0.0
    return unit if unit > 0 else 1.0


def ranges_of(blocks: Iterable[Mapping[str, Values]]) -> dict[str, Range]:
    """Range of each forcing over blocks of training pixels."""
    sums: dict[str, npt.NDArray[np.float64]] = {}
    for series in blocks:
        for name, values in series.items():
            x = np.asarray(values, np.float64)
            own = np.array([x.min(), x.max(), x.size, x.sum(), (x**2).sum()])
            before = sums.setdefault(name, np.array([np.inf, -np.inf, 0, 0, 0]))
            before[0], before[1] = min(before[0], own[0]), max(before[1], own[1])
            before[2:] += own[2:]
    return {
        name: Range(float(low), float(high), float(np.sqrt(max(square / n - (total / n) ** 2, 0.0))))
        for name, (low, high, n, total, square) in sums.items()
    }
