"""What the baselines learn from: forcing with its recent past, the season, statics; and the observations they learn."""

from dataclasses import dataclass

import numpy as np
import xarray as xr

from landlab_mgr.data import batch, split
from landlab_mgr.errors import LandlabError
from landlab_mgr.models.dalec.parameters import FORCING, LOSS_TERMS, STREAMS
from landlab_mgr.spec.run import RunSpec

LAGS = 3
"""Months of the past that come with each month's forcing; before the first month, the first."""
DAYS_PER_YEAR = 365.25


def features(ds: xr.Dataset, statics: np.ndarray) -> np.ndarray:
    """Inputs of every month and pixel, float32 [T, N, F].

    Columns: each forcing of the month and of the LAGS months before it; sine and cosine of the time of year; statics.

    Args:
        ds: forcing of N pixels, in memory.
        statics: their encoded predictors, [N, P].
    """
    columns = []
    for name in FORCING:
        x = ds[name].transpose("time", "pixel").values
        columns += [np.concatenate([x[:1]] * lag + [x[: len(x) - lag]]) for lag in range(LAGS + 1)]
    angle = 2 * np.pi * ds["doy"].values / DAYS_PER_YEAR
    season = [np.broadcast_to(wave[:, None], columns[0].shape) for wave in (np.sin(angle), np.cos(angle))]
    fixed = [np.broadcast_to(x, columns[0].shape) for x in statics.T]
    return np.stack([*columns, *season, *fixed], axis=-1).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Target:
    """What is learned of one variable, over all pixels and months."""

    variable: str
    observed: tuple[np.ndarray, ...]
    """[T, N] of each stream that observes it, 0 where missing."""
    weight: tuple[np.ndarray, ...]
    """[T, N] likewise: the observations' own weights, 0 where missing, and in months that the split withholds."""
    mean: float
    sd: float
    """Of the training observations."""


def learnable(ds: xr.Dataset, spec: RunSpec) -> list[str]:
    """Streams that a baseline learns: observed month by month at pixels. LandlabError where there is none."""
    streams = [s for s in batch.streams_of(ds) if spec.streams is None or s in spec.streams]
    found = [s for s in streams if (LOSS_TERMS[s].level, LOSS_TERMS[s].average) == ("pixel", "month")]
    if not found:
        monthly = [s for s in STREAMS if (LOSS_TERMS[s].level, LOSS_TERMS[s].average) == ("pixel", "month")]
        raise LandlabError(
            f"model {spec.model!r} learns what is observed monthly at pixels ({', '.join(monthly)}), "
            f"and there is only {', '.join(streams) or 'nothing'}; use another dataset, or model 'dalec'"
        )
    return found


def targets(spec: RunSpec, ds: xr.Dataset, member: batch.Member) -> list[Target]:
    """What a member learns, a target for each variable that is observed at its training pixels."""
    by_variable: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
    kept = 1.0 if member.months is None else member.months[:, None]
    for stream in learnable(ds, spec):
        values, weight = batch.observations(ds, stream)
        by_variable.setdefault(STREAMS[stream], []).append((values, weight * np.float32(kept)))
    train, found = member.label == split.TRAIN, []
    for variable, pairs in by_variable.items():
        values, weights = zip(*pairs, strict=True)
        seen = np.concatenate([x[:, train][w[:, train] > 0] for x, w in pairs]).astype(np.float64)
        if seen.size:
            sd = float(seen.std())
            found.append(Target(variable, values, weights, float(seen.mean()), sd if sd > 0 else 1.0))
    if not found:
        raise LandlabError(f"no training pixel of run {spec.run_id} has an observation to learn from")
    return found
