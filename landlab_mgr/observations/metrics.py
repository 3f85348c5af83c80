"""Skill of the model against observations: named statistics at named levels. JAX-free.

R2 is the Nash-Sutcliffe efficiency 1 - SSE / SST (Nash & Sutcliffe 1970, doi:10.1016/0022-1694(70)90255-6); r2 is
the squared Pearson correlation. Where a statistic is undefined (no data, no variance) it is NaN, never 0.

Statistics follow from the moments of each series, and moments of series add up to those of all their pairs: so a
dataset that does not fit in memory is scored block by block, exactly.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from landlab_mgr.records import MetricRecord

Values = npt.NDArray[np.floating]

MEANINGS = {
    "r": "correlation",
    "r2": "squared correlation: 1 also where a bias remains",
    "R2": "1 - SSE/SST, the Nash-Sutcliffe efficiency: 0 where the mean of the observations does as well",
    "rmse": "root mean square error, in the variable's unit",
    "mae": "mean absolute error, in the variable's unit",
    "bias": "mean of model less observation, in the variable's unit",
    "slope": "of the least-squares line of model on observation",
    "n": "pairs compared",
}
STATISTICS = tuple(MEANINGS)

ROUND_OFF = 1e-12
"""A series whose spread is below this fraction of its largest value is constant but for rounding."""


class Moments(NamedTuple):
    """Moments of paired series that their statistics need, float64, [N].

    One entry for each series; 0 where it has no pair.
    """

    n: Values
    """Number of pairs."""
    model: Values
    """Mean of the model; likewise the observations'."""
    observed: Values
    model_spread: Values
    """Sum of squared deviations from the mean."""
    observed_spread: Values
    product: Values
    """Sum of the products of the two deviations."""
    error: Values
    """Sum of model - observed; then of its absolute value, and of its square."""
    absolute_error: Values
    squared_error: Values
    model_size: Values
    """Largest absolute value."""
    observed_size: Values

    def of(self, chosen: npt.NDArray[np.bool_ | np.intp]) -> "Moments":
        """Those of the chosen series: a mask, or indices."""
        return Moments(*(x[chosen] for x in self))


def moments(model: Values, observed: Values) -> Moments:
    """Compute the moments of each column of [T, N].

    Pairs where either is NaN are left out.
    """
    there = np.isfinite(model) & np.isfinite(observed)
    n = there.sum(axis=0).astype(np.float64)
    m, o = (np.where(there, x, 0.0).astype(np.float64) for x in (model, observed))
    size_m, size_o = (np.abs(x).max(axis=0, initial=0.0) for x in (m, o))
    error = m - o
    pairs = np.maximum(n, 1)
    mean_m, mean_o = (x.sum(axis=0) / pairs for x in (m, o))
    for x, mean in ((m, mean_m), (o, mean_o)):
        x -= mean
        x *= there
    # what the sums' rounding left in the means: without it a long constant series would seem to vary
    rest_m, rest_o = (x.sum(axis=0) / pairs for x in (m, o))

    def summed(x: Values, y: Values) -> Values:
        return np.einsum("tn,tn->n", x, y)

    return Moments(
        n=n,
        model=mean_m + rest_m,
        observed=mean_o + rest_o,
        model_spread=np.maximum(summed(m, m) - n * rest_m**2, 0.0),
        observed_spread=np.maximum(summed(o, o) - n * rest_o**2, 0.0),
        product=summed(m, o) - n * rest_m * rest_o,
        error=error.sum(axis=0),
        absolute_error=np.abs(error).sum(axis=0),
        squared_error=summed(error, error),
        model_size=size_m,
        observed_size=size_o,
    )


def joined(parts: Sequence[Moments]) -> Moments:
    """Join the series of several sets of moments, one set after the other."""
    return Moments(*(np.concatenate(x) for x in zip(*parts, strict=True)))


def pooled(x: Moments) -> Moments:
    """Compute the moments, [1], of the pairs of all series together."""
    n = x.n.sum(keepdims=True)
    mean_m, mean_o = ((x.n * mean).sum(keepdims=True) / np.maximum(n, 1) for mean in (x.model, x.observed))
    dm, do = x.model - mean_m, x.observed - mean_o
    return Moments(
        n=n,
        model=mean_m,
        observed=mean_o,
        model_spread=(x.model_spread + x.n * dm**2).sum(keepdims=True),
        observed_spread=(x.observed_spread + x.n * do**2).sum(keepdims=True),
        product=(x.product + x.n * dm * do).sum(keepdims=True),
        error=x.error.sum(keepdims=True),
        absolute_error=x.absolute_error.sum(keepdims=True),
        squared_error=x.squared_error.sum(keepdims=True),
        model_size=x.model_size.max(keepdims=True, initial=0.0),
        observed_size=x.observed_size.max(keepdims=True, initial=0.0),
    )


def grouped(x: Moments, group: npt.NDArray[np.integer], groups: int) -> Moments:
    """Compute the moments, [groups], of the pairs of each group's series together; 0 of none."""

    def total(values: Values) -> Values:
        return np.bincount(group, values, minlength=groups).astype(np.float64)

    n = total(x.n)
    mean_m, mean_o = (total(x.n * mean) / np.maximum(n, 1) for mean in (x.model, x.observed))
    dm, do = x.model - mean_m[group], x.observed - mean_o[group]
    sizes = np.zeros((2, groups))
    for largest, size in zip(sizes, (x.model_size, x.observed_size), strict=True):
        np.maximum.at(largest, group, size)
    return Moments(
        n=n,
        model=mean_m,
        observed=mean_o,
        model_spread=total(x.model_spread + x.n * dm**2),
        observed_spread=total(x.observed_spread + x.n * do**2),
        product=total(x.product + x.n * dm * do),
        error=total(x.error),
        absolute_error=total(x.absolute_error),
        squared_error=total(x.squared_error),
        model_size=sizes[0],
        observed_size=sizes[1],
    )


def of_means(x: Moments) -> Moments:
    """Moments of the means of series, [N]: one pair for each series that has any."""
    some, none = (x.n > 0).astype(float), np.zeros(len(x.n))
    error = some * (x.model - x.observed)
    return Moments(
        n=some,
        model=x.model,
        observed=x.observed,
        model_spread=none,
        observed_spread=none,
        product=none,
        error=error,
        absolute_error=np.abs(error),
        squared_error=error**2,
        model_size=np.abs(x.model),
        observed_size=np.abs(x.observed),
    )


def resampled(x: Moments, times: npt.NDArray[Any]) -> Moments:
    """Compute the moments, [draw], of all pairs where series count so many times, [draw, N]."""
    mean_m, mean_o = ((x.n * mean).sum() / max(x.n.sum(), 1.0) for mean in (x.model, x.observed))
    dm, do = x.model - mean_m, x.observed - mean_o  # from the middle: squares of large means would cancel
    sums = np.stack(
        [
            *(x.n, x.n * dm, x.n * do, x.model_spread + x.n * dm**2, x.observed_spread + x.n * do**2),
            *(x.product + x.n * dm * do, x.error, x.absolute_error, x.squared_error),
        ]
    )
    drawn: Values = sums @ times.T
    n, first_m, first_o, second_m, second_o, product, error, absolute_error, squared_error = drawn
    at_m, at_o = first_m / np.maximum(n, 1), first_o / np.maximum(n, 1)
    return Moments(
        n,
        mean_m + at_m,
        mean_o + at_o,
        np.maximum(second_m - n * at_m**2, 0.0),
        np.maximum(second_o - n * at_o**2, 0.0),
        product - n * at_m * at_o,
        error,
        absolute_error,
        squared_error,
        np.full(len(n), x.model_size.max(initial=0.0)),
        np.full(len(n), x.observed_size.max(initial=0.0)),
    )


def statistics_of(x: Moments) -> dict[str, Values]:
    """Every statistic of each series, [N] by name.

    slope is that of the least-squares line of model on observed; bias is mean(model - observed); n counts pairs.
    """

    def varies(spread: Values, size: Values) -> npt.NDArray[np.bool_]:
        return spread > x.n * (ROUND_OFF * (size + 1e-300)) ** 2

    some = x.n > 0
    observed = some & varies(x.observed_spread, x.observed_size)
    both = observed & varies(x.model_spread, x.model_size)
    n = np.where(some, x.n, np.nan)
    sst = np.where(observed, x.observed_spread, np.nan)
    # roots first: the product of two small spreads underflows
    r = np.clip(x.product / (np.sqrt(sst) * np.sqrt(np.where(both, x.model_spread, np.nan))), -1, 1)
    return {
        "r": r,
        "r2": r * r,
        "R2": 1 - x.squared_error / sst,
        "rmse": np.sqrt(x.squared_error / n),
        "mae": x.absolute_error / n,
        "bias": x.error / n,
        "slope": x.product / sst,
        "n": x.n,
    }


def statistics(model: Values, observed: Values) -> dict[str, float]:
    """Statistics of one paired series; pairs where either is NaN are left out."""
    values = statistics_of(moments(model[:, None], observed[:, None]))
    return {name: float(x[0]) for name, x in values.items()}


KLING_GUPTA = ("kge", "r", "alpha", "beta")
"""Kling-Gupta efficiency and its parts: correlation, ratio of the standard deviations, ratio of the means."""
HIGHEST, LOWEST = 0.02, 0.3
"""Shares of the flow duration curve that are its peaks and its low flows, after Yilmaz et al. (2008)."""
DRY = 1e-6
"""Flow that counts for none, mm d-1: no lower one has a logarithm here."""


def kling_gupta(x: Moments) -> dict[str, Values]:
    """Kling-Gupta efficiency of each series, [N], and its parts: Gupta et al. 2009, doi:10.1016/j.jhydrol.2009.08.003.

    kge = 1 - sqrt((r - 1)^2 + (alpha - 1)^2 + (beta - 1)^2). NaN where the observations do not vary or have no mean; of
    a model that does not vary, r is 0.
    """
    own = statistics_of(x)
    varies, flows = np.isfinite(own["R2"]), np.abs(x.observed) > ROUND_OFF * x.observed_size
    r = np.where(varies, np.nan_to_num(own["r"]), np.nan)
    alpha = np.sqrt(x.model_spread / np.where(varies, x.observed_spread, np.nan))
    beta = x.model / np.where(flows & (x.n > 0), x.observed, np.nan)
    kge = 1 - np.sqrt((r - 1) ** 2 + (alpha - 1) ** 2 + (beta - 1) ** 2)
    return dict(zip(KLING_GUPTA, (kge, r, alpha, beta), strict=True))


def duration_biases(model: Values, observed: Values) -> dict[str, Values]:
    """Biases of the ends of the flow duration curve, %, [N]: Yilmaz et al. 2008, doi:10.1029/2007WR006716.

    fhv: volume of the highest 2 % of the flows, modelled less observed, over the observed one. flv: likewise the sum of
    the logarithms of the lowest 30 % above that of the lowest flow, with its sign turned: positive where the modelled
    curve is too flat. Each series is sorted by itself; pairs where either is NaN are left out.

    Args:
        model: [T, N].
        observed: [T, N], mm d-1.
    """
    there = np.isfinite(model) & np.isfinite(observed)
    n = there.sum(axis=0)
    # the highest first, missing ones last
    m, o = (-np.sort(-np.where(there, x, -np.inf), axis=0) for x in (model, observed))
    place = np.arange(len(m))[:, None]
    peaks = place < np.maximum(np.rint(HIGHEST * n), np.minimum(n, 1))
    low = (place >= n - np.rint(LOWEST * n)) & (place < n)

    def total(x: Values, chosen: npt.NDArray[np.bool_]) -> Values:
        return np.where(chosen, x, 0.0).sum(axis=0)

    def of_low(x: Values) -> Values:
        logarithm = np.log(np.maximum(x, DRY))
        least = np.where(low, logarithm, np.inf).min(axis=0)
        return total(logarithm - np.where(np.isfinite(least), least, 0.0), low)

    high, (flat_m, flat_o) = total(o, peaks), (of_low(m), of_low(o))
    return {
        "fhv": 100 * (total(m, peaks) - high) / np.where(high > 0, high, np.nan),
        "flv": -100 * (flat_m - flat_o) / np.where(flat_o > 0, flat_o, np.nan),
    }


def scores(split: str, variable: str, x: Moments, min_months: int = 12) -> list[MetricRecord]:
    """Every statistic of one variable over some pixels, at three levels.

    flat: over all pixel-months; spatial: of the pixels' means over their observed months; temporal: the median over
    the pixels (with at least `min_months` observed) of their own statistic.

    Args:
        split: part of the split that the pixels belong to.
        variable: what the scores are filed under.
        x: moments of the pixels' series, from `moments`.
        min_months: pixels with fewer pairs are too short for statistics of their own.
    """
    seen, long = x.of(x.n > 0), x.of(x.n >= min_months)
    flat = statistics_of(pooled(x))
    levels = {
        "flat": {name: float(values[0]) for name, values in flat.items()},
        "spatial": statistics(seen.model, seen.observed),
        "temporal": {name: median(values) for name, values in statistics_of(long).items()}
        | {"n": float(len(long.n))},
    }
    return [
        MetricRecord(split, variable, name, level, value)
        for level, values in levels.items()
        for name, value in values.items()
    ]


def median(values: Values) -> float:
    """Median of the finite values, NaN where there is none."""
    there = values[np.isfinite(values)]
    return float(np.median(there)) if there.size else float("nan")


# --- of ensembles: members [M, K] of K predictions, NaN where a member takes no part; observations [K]


def crps(members: Values, observed: Values) -> Values:
    """Fair continuous ranked probability score of each prediction, [K], in the unit of the observations.

    Mean |x_i - y| less half the mean |x_i - x_j| over pairs of different members (Ferro 2014, doi:10.1002/qj.2270):
    its expectation does not depend on how many members there are. NaN for fewer than two.
    """
    x, m = _sorted(members - observed)
    there = np.isfinite(x)
    absolute = np.abs(np.where(there, x, 0.0)).sum(axis=0) / m
    # sum over pairs |x_i - x_j| = 2 sum_i (2 i - m - 1) x_(i), i = 1..m
    weight = 2 * np.arange(1, len(x) + 1)[:, None] - m - 1
    return absolute - (weight * np.where(there, x, 0.0)).sum(axis=0) / (m * np.where(m > 1, m - 1, np.nan))


def coverage(members: Values, observed: Values, level: float) -> tuple[Values, Values]:
    """Return whether central intervals hold observations, 0 to 1, and a probability, [K] each.

    The probability is how likely that is if the members are right.

    An interval goes from the j-th smallest member to the j-th largest, which an exchangeable observation is between
    with probability (m + 1 - 2 j) / (m + 1); where j is no whole number, both neighbours count in proportion. m members
    reach (m - 1) / (m + 1): fewer than 19 have no 90 % interval, and the probability says what they have. NaN for fewer
    than two.
    """
    x, m = _sorted(members)
    j = np.maximum((1 - level) / 2 * (m + 1), 1.0)
    j = np.where(m > 1, j, 1.0)
    whole = np.floor(j).astype(int)

    def held(j: npt.NDArray[np.intp]) -> Values:
        last = np.nan_to_num(m, nan=1.0).astype(int) - j
        low, high = (np.take_along_axis(x, np.clip(i, 0, len(x) - 1)[None], axis=0)[0] for i in (j - 1, last))
        return ((low <= observed) & (observed <= high)).astype(float)

    found = held(whole) + (j - whole) * (held(whole + 1) - held(whole))
    return np.where(m > 1, found, np.nan), np.where(m > 1, (m + 1 - 2 * j) / (m + 1), np.nan)


def rank_histogram(members: Values, observed: Values, bins: int) -> Values:
    """Shares of the observations by their rank among the members, [bins]; all 1 / bins if the members are right.

    An observation that j members are below, and e equal to, is spread evenly over (j .. j + e + 1) / (m + 1), so that
    ties and predictions with other numbers of members need no draw (Hamill 2001, on ranks,
    doi:10.1175/1520-0493(2001)129<0550:IORHFV>2.0.CO;2).
    """
    m = np.isfinite(members).sum(axis=0)
    below, equal = (members < observed).sum(axis=0), (members == observed).sum(axis=0)
    low, high = below / (m + 1), (below + equal + 1) / (m + 1)
    edges = np.linspace(0, 1, bins + 1)[:, None]
    filled = np.clip((edges - low) / (high - low), 0, 1)
    return np.diff(filled, axis=0).mean(axis=1)


def _sorted(members: Values) -> tuple[Values, Values]:
    """Members in ascending order, missing ones last, and how many there are, [K]."""
    m = np.isfinite(members).sum(axis=0).astype(float)
    return np.sort(members, axis=0), np.where(m > 0, m, np.nan)
