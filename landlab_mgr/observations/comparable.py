"""Model and observation made comparable: at the resolution of the observation, without the warm-up. JAX-free."""

from collections.abc import Collection

import numpy as np
import xarray as xr

from landlab_mgr.observations.calendar import Calendar
from landlab_mgr.observations.streams import Stream, stream_variable

ENOUGH_OF_A_PATCH = 0.7
"""Share of a patch's pixels without which the anomaly of its water storage is not scored, as in DifferLand."""


def is_compared(ds: xr.Dataset, stream: Stream, period: str, held_out: bool) -> bool:
    """Check whether a stream is compared in a period, observation or withheld.

    Where the split holds months out, those are withheld; a mean over the run has no months that were not seen.
    """
    if period == "withheld" and held_out:
        return stream.average != "run"
    return stream_variable(stream.name, period) in ds


def observed(ds: xr.Dataset, stream: str, period: str, held_out: np.ndarray) -> np.ndarray:
    """Return a stream in a period, [T, N].

    Withheld are the steps that the split holds out ([T, 1 or N]), or the dataset's.
    """

    def values(name: str) -> np.ndarray:
        return ds[name].transpose("time", "pixel").values

    name = stream_variable(stream, period)
    if not held_out.any():
        return values(name)
    seen = values(stream)
    if period == "observation":
        return np.where(held_out, np.nan, seen)
    own = values(name) if name in ds else np.full_like(seen, np.nan)
    return np.where(held_out, np.where(np.isnan(own), seen, own), np.nan)


def weight_of(ds: xr.Dataset, stream: str, period: str) -> np.ndarray | None:
    """Weights of a stream's observations, [T, N]; None where all that is observed counts alike."""
    name = stream_variable(stream, "weight")
    if period != "observation" or name not in ds:
        return None
    return ds[name].transpose("time", "pixel").values


def comparable(
    stream: Stream,
    modelled: np.ndarray,
    observed: np.ndarray,
    patch: np.ndarray,
    warmup: int,
    calendar: Calendar,
    weight: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Model and observation at the resolution of the observation: [T or years or 1, pixels or patches].

    The first `warmup` steps count for nothing; NaN where the observation is missing or incomplete. A patch counts, as
    in the loss, by the weighted mean over what was observed of it; an anomaly where that is ENOUGH_OF_A_PATCH of it.
    """
    m = np.where(np.isfinite(observed), modelled, np.nan).astype(np.float64)
    o = observed.astype(np.float64)
    m[:warmup], o[:warmup] = np.nan, np.nan
    if stream.average == "year":
        m, o = (calendar.mean(x, "year") for x in (m, o))
    elif stream.average == "run":
        m, o = (_nanmean(x)[None] for x in (m, o))
    elif stream.average == "anomaly":
        m, o = (x - _nanmean(x) for x in (m, o))
    if stream.level == "patch":
        w = np.isfinite(o).astype(np.float64)
        if weight is not None:
            own = np.nan_to_num(weight.astype(np.float64))
            if stream.average == "year":
                own = calendar.split(own, "year", fill=1.0).prod(axis=1)
            elif stream.average == "run":
                own = own[:1]
            w *= own
        least = ENOUGH_OF_A_PATCH if stream.average == "anomaly" else 0.0
        m, o = (observed_means(x, patch, w, least) for x in (m, o))
    return m, o


def patch_means(x: np.ndarray, patch: np.ndarray) -> np.ndarray:
    """Means over all pixels of each patch, [T, N] to [T, patches]; NaN where any is."""
    return np.stack([x[:, patch == p].mean(axis=1) for p in range(patch.max() + 1)], axis=1)


def observed_means(
    x: np.ndarray, patch: np.ndarray, weight: np.ndarray | None = None, least: float = 0.0
) -> np.ndarray:
    """Weighted means over what is finite of each patch, [T, N] to [T, patches].

    Args:
        x: NaN where nothing is observed.
        patch: of each pixel, from 0 on.
        weight: [T, N]; default: 1 where finite.
        least: share of the patch's pixels that must be observed.
    """
    w = np.isfinite(x).astype(np.float64) if weight is None else weight
    means = []
    for p in range(patch.max() + 1):
        own, values = w[:, patch == p], x[:, patch == p]
        total = own.sum(axis=1)
        mean = (own * np.where(own > 0, values, 0.0)).sum(axis=1) / np.where(total > 0, total, 1.0)
        mean = np.where((own == 1).all(axis=1), values.mean(axis=1), mean)  # to the bit as without weights
        means.append(np.where((total > 0) & ((own > 0).mean(axis=1) >= least), mean, np.nan))
    return np.stack(means, axis=1)


COMPARED = "compared_"
"""Beginning of the names of what a member's file holds of patches, each over what was observed of it."""


def means_of_patches(stream: Stream, x: np.ndarray, patch: np.ndarray, calendar: Calendar) -> np.ndarray:
    """Return what `comparable` gives as means of patches at every step, [T, patches].

    The means are over what was observed of each patch.

    Such means of several members can be averaged: they are of the same pixels.
    """
    means = x if stream.level == "patch" else observed_means(x, patch)
    if stream.average == "year":
        return calendar.spread(means, "year")
    return np.repeat(means, calendar.steps, axis=0) if stream.average == "run" else means


def from_steps(stream: Stream, x: np.ndarray, calendar: Calendar) -> np.ndarray:
    """Return what `means_of_patches` spread over the steps, at the observation's resolution."""
    if stream.average == "year":
        return calendar.mean(x, "year")
    return x[:1] if stream.average == "run" else x


def score_name(stream: Stream, streams: Collection[Stream]) -> str:
    """Return the name that a stream's scores are filed under.

    It is the variable, or the stream where several of `streams` observe that.
    """
    same = [s for s in streams if s.variable == stream.variable]
    return stream.variable if len(same) == 1 else stream.name


def _nanmean(x: np.ndarray) -> np.ndarray:
    count = np.isfinite(x).sum(axis=0)
    return np.where(count > 0, np.nansum(x, axis=0) / np.maximum(count, 1), np.nan)
