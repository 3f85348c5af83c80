"""Skill of the model against observations: named statistics at named levels. JAX-free.

R2 is the Nash-Sutcliffe efficiency 1 - SSE / SST (Nash & Sutcliffe 1970, doi:10.1016/0022-1694(70)90255-6); r2 is
the squared Pearson correlation. Where a statistic is undefined (no data, no variance) it is NaN, never 0.
"""

import numpy as np
import numpy.typing as npt

from landlab_mgr.records import MetricRecord

Values = npt.NDArray[np.floating]

STATISTICS = ("r", "r2", "R2", "rmse", "mae", "bias", "slope", "n")


def statistics(model: Values, observed: Values) -> dict[str, float]:
    """Statistics of paired values; pairs where either is NaN are left out.

    slope is that of the least-squares line of model on observed; bias is mean(model - observed); n counts pairs.
    """
    there = np.isfinite(model) & np.isfinite(observed)
    m, o = np.asarray(model, np.float64)[there], np.asarray(observed, np.float64)[there]
    result = dict.fromkeys(STATISTICS, float("nan")) | {"n": float(len(m))}
    if len(m) == 0:
        return result
    error = m - o
    result |= {
        "rmse": float(np.sqrt(np.mean(error**2))),
        "mae": float(np.mean(np.abs(error))),
        "bias": float(np.mean(error)),
    }
    dm, do = m - m.mean(), o - o.mean()
    sst, ssm, cross = float(do @ do), float(dm @ dm), float(dm @ do)
    # below this a spread is rounding: a constant series has no R2 and no correlation
    tiny_o, tiny_m = (len(m) * (1e-12 * (np.abs(x).max() + 1e-300)) ** 2 for x in (o, m))
    if sst > tiny_o:
        result |= {"R2": 1 - float(error @ error) / sst, "slope": cross / sst}
        if ssm > tiny_m:
            # roots first: the product of two small spreads underflows
            r = float(np.clip(cross / (np.sqrt(sst) * np.sqrt(ssm)), -1, 1))
            result |= {"r": r, "r2": r * r}
    return result


def scores(
    split: str, variable: str, model: Values, observed: Values, min_months: int = 12
) -> list[MetricRecord]:
    """Every statistic of one variable over some pixels, at three levels.

    flat: over all pixel-months; spatial: of the pixels' means over their observed months; temporal: the median over
    the pixels (with at least `min_months` observed) of their own statistic.

    Args:
        model: [T, N]; NaN where it does not count.
        observed: [T, N], NaN = missing.
    """
    both = np.where(np.isfinite(model), observed, np.nan)
    modelled = np.where(np.isfinite(both), model, np.nan)
    count = np.isfinite(both).sum(axis=0)
    seen = count > 0
    means = [np.nansum(x[:, seen], axis=0) / count[seen] for x in (modelled, both)]
    levels = {"flat": statistics(modelled, both), "spatial": statistics(means[0], means[1])}
    per_pixel = [statistics(modelled[:, k], both[:, k]) for k in np.flatnonzero(count >= min_months)]
    levels["temporal"] = {
        name: _median([s[name] for s in per_pixel]) if name != "n" else float(len(per_pixel))
        for name in STATISTICS
    }
    return [
        MetricRecord(split, variable, name, level, value)
        for level, values in levels.items()
        for name, value in values.items()
    ]


def _median(values: list[float]) -> float:
    there = [v for v in values if np.isfinite(v)]
    return float(np.median(there)) if there else float("nan")
