"""Model and observation made comparable: at the resolution of the observation, without the warm-up."""

from collections.abc import Collection

import numpy as np

from landlab_mgr.losses import annual
from landlab_mgr.parameters import STREAMS, LossTerm


def comparable(
    term: LossTerm, modelled: np.ndarray, observed: np.ndarray, patch: np.ndarray, warmup: int
) -> tuple[np.ndarray, np.ndarray]:
    """Model and observation at the resolution of the observation: [T or years or 1, pixels or patches].

    The warm-up counts for nothing; NaN where the observation is missing or incomplete.
    """
    m = np.where(np.isfinite(observed), modelled, np.nan).astype(np.float64)
    o = observed.astype(np.float64)
    m[:warmup], o[:warmup] = np.nan, np.nan
    if term.average == "year":
        m, o = (annual(x).mean(axis=1) for x in (m, o))
    elif term.average == "run":
        m, o = (_nanmean(x)[None] for x in (m, o))
    elif term.average == "anomaly":
        m, o = (x - _nanmean(x) for x in (m, o))
    if term.level == "patch":
        m, o = (patch_means(x, patch) for x in (m, o))
    return m, o


def patch_means(x: np.ndarray, patch: np.ndarray) -> np.ndarray:
    """[T, N] to [T, patches]; NaN where any pixel of the patch is, so that model and observation cover the same."""
    return np.stack([x[:, patch == p].mean(axis=1) for p in range(patch.max() + 1)], axis=1)


def score_name(stream: str, streams: Collection[str]) -> str:
    """What a stream's scores are filed under: its variable, or the stream where several of `streams` observe that."""
    same = [s for s in streams if STREAMS[s] == STREAMS[stream]]
    return STREAMS[stream] if len(same) == 1 else stream


def _nanmean(x: np.ndarray) -> np.ndarray:
    count = np.isfinite(x).sum(axis=0)
    return np.where(count > 0, np.nansum(x, axis=0) / np.maximum(count, 1), np.nan)
