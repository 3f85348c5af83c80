"""Inputs of gradient boosting: forcing with its recent past, the season, statics."""

from collections.abc import Mapping

import numpy as np

from landlab_mgr.observations.steps import DAYS_PER_YEAR
from landlab_mgr.observations.variables import FORCING

LAGS = 3
"""Steps of the past that come with each step's forcing; before the first step, the first."""


def features(series: Mapping[str, np.ndarray], doy: np.ndarray, statics: np.ndarray) -> np.ndarray:
    """Compute the inputs of every step and pixel, float32 [T, N, F].

    Columns: each forcing of the step and of the LAGS steps before it; sine and cosine of the time of year; statics.

    Args:
        series: forcing by name, [T, N] each; in any order, since JAX sorts what passes a compiled program.
        doy: day of year of each step, [T].
        statics: encoded predictors, [N, P].
    """
    columns: list[np.ndarray] = []
    known = [name for name in FORCING if name in series]
    for name in (*known, *sorted(set(series) - set(known))):
        x = series[name]
        columns += [np.concatenate([x[:1]] * lag + [x[: len(x) - lag]]) for lag in range(LAGS + 1)]
    angle = 2 * np.pi * np.asarray(doy, np.float64) / DAYS_PER_YEAR
    season = [np.broadcast_to(wave[:, None], columns[0].shape) for wave in (np.sin(angle), np.cos(angle))]
    fixed = [np.broadcast_to(x, columns[0].shape) for x in statics.T]
    return np.stack([*columns, *season, *fixed], axis=-1).astype(np.float32)
