"""Evaluating a trained member: predict every pixel, score it against everything observed, and write its files."""

from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np
import xarray as xr

from landlab_mgr import artifacts, metrics, model, network
from landlab_mgr.climate import take
from landlab_mgr.data import batch, schema, split
from landlab_mgr.losses import annual
from landlab_mgr.parameters import BY_NAME, DERIVED, LOSS_TERMS, MODELLED, POOLS, STREAMS, VARIABLES, LossTerm
from landlab_mgr.process import bind, water_stress
from landlab_mgr.records import ArtifactRecord, MetricRecord
from landlab_mgr.spec import NetworkSpec, RunSpec

CHUNK_PIXELS = 512
"""Pixels that an evaluation integrates at once."""
MONTHLY_PIXELS = 2000
"""A dataset of at most this many pixels gets monthly series per pixel; a larger one per patch."""
SPLITS = (split.TRAIN, split.DEV, split.TEST)
ALWAYS_MONTHLY = ("gpp", "nee", "reco", "et", "lai")


def evaluate(
    spec: RunSpec,
    ds: xr.Dataset,
    arrays: batch.Arrays,
    member: batch.Member,
    weights: Any,
    directory: Path,
) -> tuple[list[MetricRecord], list[ArtifactRecord]]:
    """Predict every pixel with these weights, score it against everything observed, and write the run's files."""
    params, monthly = predict(spec, weights, arrays, member.view)
    seen = [(stream, _variable_name(stream, ds)) for stream in batch.streams_of(ds)]
    scores: list[MetricRecord] = []
    per_pixel: dict[str, dict[str, xr.DataArray]] = {}
    for stream, variable in seen:
        term = LOSS_TERMS[stream]
        modelled = monthly[MODELLED.get(STREAMS[stream], STREAMS[stream])]
        for period in ("observation", "withheld"):
            name = schema.stream_variable(stream, period)
            if name not in ds:
                continue
            observed = ds[name].transpose("time", "pixel").values.astype(np.float64)
            pair = comparable(term, modelled, observed, member.patch, spec.warmup_months)
            label = member.label if pair[0].shape[1] == len(member.label) else _label_of_patches(member)
            # withheld months are scored at the pixels that trained: unseen months of seen pixels
            parts = {"withheld": split.TRAIN} if period == "withheld" else {p: p for p in SPLITS}
            for part, of in parts.items():
                scores += metrics.scores(part, variable, pair[0][:, label == of], pair[1][:, label == of])
            if pair[0].shape[1] == len(member.label):
                per_pixel.setdefault(variable, {})[period] = _skill_of_pixels(*pair)
    files = {
        "skill": _skill_dataset(per_pixel, member),
        "parameters": _parameter_dataset(params, ds, member),
        "monthly": _monthly_dataset(monthly, ds, member, [variable for _, variable in seen]),
    }
    attrs = {"run_id": spec.run_id, "setup": spec.label, "dataset": spec.dataset, "source": "landlab_mgr"}
    written = [
        artifacts.write(kind, content.assign_attrs(attrs), directory) for kind, content in files.items()
    ]
    return scores, written


def predict(
    spec: RunSpec, weights: Any, arrays: batch.Arrays, view: batch.View
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Parameters [N] and monthly outputs [T, N] of every pixel, by name."""
    n = view.encoded.shape[0]
    chunk = min(n, CHUNK_PIXELS)
    keep = tuple(sorted({*ALWAYS_MONTHLY, *(MODELLED.get(v, v) for v in VARIABLES), *POOLS}))
    parts = []
    for start in range(0, n, chunk):
        index = np.minimum(np.arange(start, start + chunk), n - 1)  # the last chunk repeats its last pixel
        part = view._replace(encoded=view.encoded[index])
        parts.append(_predict(weights, arrays, part, index, spec.network, spec.process.water_stress, keep))
    names = parts[0]
    params = {k: np.concatenate([p[0][k] for p in parts])[:n] for k in names[0]}
    monthly = {k: np.concatenate([p[1][k] for p in parts], axis=1)[:, :n] for k in names[1]}
    return params, monthly


@partial(jax.jit, static_argnums=(4, 5, 6))
def _predict(
    weights: Any,
    arrays: batch.Arrays,
    view: batch.View,
    index: jax.Array,
    spec: NetworkSpec,
    process: str,
    keep: tuple[str, ...],
) -> tuple[dict[str, jax.Array], dict[str, jax.Array]]:
    params = network.parameters(spec, weights["spatialization"], view.encoded, arrays.latitude[index])
    stress = bind(water_stress(process), weights["process"]["water_stress"], view.scale)
    return params, model.simulate(params, take(arrays.climate, index), stress, keep, arrays.fires)


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
        m, o = (_patch_means(x, patch) for x in (m, o))
    return m, o


def _patch_means(x: np.ndarray, patch: np.ndarray) -> np.ndarray:
    """[T, N] to [T, patches]; NaN where any pixel of the patch is, so that model and observation cover the same."""
    return np.stack([x[:, patch == p].mean(axis=1) for p in range(patch.max() + 1)], axis=1)


def _nanmean(x: np.ndarray) -> np.ndarray:
    count = np.isfinite(x).sum(axis=0)
    return np.where(count > 0, np.nansum(x, axis=0) / np.maximum(count, 1), np.nan)


def _variable_name(stream: str, ds: xr.Dataset) -> str:
    """What a stream's scores are filed under: its variable, or the stream where several observe that variable."""
    same = [s for s in batch.streams_of(ds) if STREAMS[s] == STREAMS[stream]]
    return STREAMS[stream] if len(same) == 1 else stream


def _label_of_patches(member: batch.Member) -> np.ndarray:
    first = [np.flatnonzero(member.patch == p)[0] for p in range(member.patch.max() + 1)]
    return member.label[first]


def _skill_of_pixels(modelled: np.ndarray, observed: np.ndarray) -> xr.DataArray:
    rows = [
        list(metrics.statistics(modelled[:, k], observed[:, k]).values()) for k in range(observed.shape[1])
    ]
    return xr.DataArray(
        np.array(rows), dims=("pixel", "statistic"), coords={"statistic": list(metrics.STATISTICS)}
    )


def _skill_dataset(per_pixel: dict[str, dict[str, xr.DataArray]], member: batch.Member) -> xr.Dataset:
    """Skill over time of each pixel: variable x (pixel, period, statistic); period = observation or withheld."""
    variables = {v: xr.concat(list(p.values()), xr.Variable("period", list(p))) for v, p in per_pixel.items()}
    ds = xr.Dataset(variables) if variables else xr.Dataset()
    return ds.assign(split=artifacts.flags("pixel", member.label, SPLITS))


def _parameter_dataset(params: dict[str, np.ndarray], ds: xr.Dataset, member: batch.Member) -> xr.Dataset:
    variables: dict[str, Any] = {}
    for name, x in params.items():
        variables[name] = ("pixel", x, {"units": BY_NAME[name].unit, "long_name": BY_NAME[name].meaning})
    for d in DERIVED:
        variables[d.name] = ("pixel", d.compute(params), {"units": d.unit, "long_name": d.meaning})
    return xr.Dataset(variables).assign(_where(ds, member))


def _where(ds: xr.Dataset, member: batch.Member) -> dict[str, Any]:
    there = {n: ("pixel", ds[n].values, ds[n].attrs) for n in ("lat", "lon", "site", "patch") if n in ds}
    return there | {"split": artifacts.flags("pixel", member.label, SPLITS)}


def _monthly_dataset(
    monthly: dict[str, np.ndarray], ds: xr.Dataset, member: batch.Member, seen: list[str]
) -> xr.Dataset:
    wanted = dict.fromkeys((*ALWAYS_MONTHLY, *(STREAMS.get(v, v) for v in seen)))
    names = [MODELLED.get(n, n) for n in wanted]
    values = {n: monthly[n].astype(np.float32) for n in names}
    where, dim = _where(ds, member), "pixel"
    if len(member.label) > MONTHLY_PIXELS:
        values = {n: _patch_means(x, member.patch) for n, x in values.items()}
        where, dim = {"split": artifacts.flags("patch", _label_of_patches(member), SPLITS)}, "patch"
    units = {n: v.unit for n, v in VARIABLES.items()} | {n: BY_NAME[n].unit for n in POOLS}
    series = {n: ((dim, "time"), x.T.astype(np.float32), {"units": units[n]}) for n, x in values.items()}
    return xr.Dataset(series, coords={"time": ds["time"]}).assign(where)
