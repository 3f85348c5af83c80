"""Evaluating a trained member: predict every pixel, score it against everything observed, and write its files.

The dataset is read, predicted and compared block by block; only parameters, moments and what the files hold are kept.
"""

from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np
import xarray as xr

from landlab_mgr import artifacts, metrics, model, network
from landlab_mgr.climate import Forcing, prepare
from landlab_mgr.data import batch, schema, split
from landlab_mgr.losses import annual
from landlab_mgr.parameters import (
    BY_NAME,
    DERIVED,
    FORCING,
    LOSS_TERMS,
    MODELLED,
    POOLS,
    STREAMS,
    VARIABLES,
    LossTerm,
)
from landlab_mgr.process import bind, water_stress
from landlab_mgr.records import ArtifactRecord, MetricRecord
from landlab_mgr.spec import NetworkSpec, RunSpec
from landlab_mgr.storage import Location

CHUNK_PIXELS = 512
"""Pixels that an evaluation integrates at once."""
MONTHLY_PIXELS = 2000
"""A dataset of at most this many pixels gets monthly series per pixel; a larger one per patch."""
SPLITS = (split.TRAIN, split.DEV, split.TEST)
ALWAYS_MONTHLY = ("gpp", "nee", "reco", "et", "lai")


class Prediction(NamedTuple):
    """What is kept of a member's prediction of a dataset; pixels and patches in the dataset's order."""

    params: dict[str, np.ndarray]
    """[N] by name."""
    monthly: dict[str, np.ndarray]
    """[T, N] by name, or [T, patches] where the dataset has more than MONTHLY_PIXELS pixels."""
    moments: dict[tuple[str, str], metrics.Moments]
    """By stream and period (observation, withheld): of each pixel, or of each patch where the stream is compared so."""


def evaluate(
    spec: RunSpec, ds: xr.Dataset, member: batch.Member, weights: Any, directory: Location, fires: bool = True
) -> tuple[list[MetricRecord], list[ArtifactRecord]]:
    """Predict every pixel with these weights, score it against everything observed, and write the run's files.

    Args:
        spec: what was trained.
        ds: the dataset; it need not fit in memory.
        member: its split and predictors.
        weights: of its checkpoint.
        directory: where the files go.
        fires: False leaves fire out of the program; only where nothing burns.
    """
    found = predict(spec, ds, member, weights, fires)
    scores: list[MetricRecord] = []
    skill: dict[str, dict[str, xr.DataArray]] = {}
    for (stream, period), moments in found.moments.items():
        variable, label = _variable_name(stream, ds), member.label
        if LOSS_TERMS[stream].level == "patch":
            label = _label_of_patches(member)
        else:
            skill.setdefault(variable, {})[period] = _skill_of_pixels(moments)
        # withheld months are scored at the pixels that trained: unseen months of seen pixels
        parts = {"withheld": split.TRAIN} if period == "withheld" else {p: p for p in SPLITS}
        for part, of in parts.items():
            scores += metrics.scores(part, variable, moments.of(label == of))
    files = {
        "skill": _skill_dataset(skill, member),
        "parameters": _parameter_dataset(found.params, ds, member),
        "monthly": _monthly_dataset(found.monthly, ds, member),
    }
    attrs = {"run_id": spec.run_id, "setup": spec.label, "dataset": spec.dataset, "source": "landlab_mgr"}
    written = [
        artifacts.write(kind, content.assign_attrs(attrs), directory) for kind, content in files.items()
    ]
    return scores, written


def predict(
    spec: RunSpec, ds: xr.Dataset, member: batch.Member, weights: Any, fires: bool = True
) -> Prediction:
    """Predict every pixel and compare it with what was observed there, in blocks of whole patches."""
    compared = [
        (stream, period, schema.stream_variable(stream, period))
        for stream in batch.streams_of(ds)
        for period in ("observation", "withheld")
        if schema.stream_variable(stream, period) in ds
    ]
    modelled = {s: MODELLED.get(STREAMS[s], STREAMS[s]) for s in batch.streams_of(ds)}
    keep = tuple(dict.fromkeys((*ALWAYS_MONTHLY, *modelled.values())))
    wanted = ds[[*FORCING, *schema.TIME_AXIS, "lat", *(name for *_, name in compared)]]
    n_pixels = len(member.label)

    params: list[dict[str, np.ndarray]] = []
    monthly: list[dict[str, np.ndarray]] = []
    moments: list[dict[tuple[str, str], metrics.Moments]] = []
    blocks = list(batch.blocks(member.patch, ds.sizes["time"]))
    for pixels in blocks:
        part = batch.read(wanted, pixels)
        patch = np.unique(member.patch[pixels], return_inverse=True)[1]
        view = member.view._replace(encoded=member.encoded[pixels])
        drawn, outputs = _predict_block(spec, weights, part, view, keep, fires, min(n_pixels, CHUNK_PIXELS))
        pairs = {
            (stream, period): comparable(
                LOSS_TERMS[stream],
                outputs[modelled[stream]],
                part[name].transpose("time", "pixel").values,
                patch,
                spec.warmup_months,
            )
            for stream, period, name in compared
        }
        params.append(drawn)
        moments.append({key: metrics.moments(*pair) for key, pair in pairs.items()})
        if n_pixels > MONTHLY_PIXELS:
            outputs = {n: _patch_means(x, patch) for n, x in outputs.items()}
        monthly.append(outputs)

    by_pixel = np.argsort(np.concatenate(blocks))
    by_place = np.arange(member.patch.max() + 1) if n_pixels > MONTHLY_PIXELS else by_pixel
    joined = {key: metrics.joined([m[key] for m in moments]) for key in moments[0]}
    return Prediction(
        params={n: np.concatenate([p[n] for p in params])[by_pixel] for n in params[0]},
        monthly={n: np.concatenate([m[n] for m in monthly], axis=1)[:, by_place] for n in keep},
        moments={
            key: m if LOSS_TERMS[key[0]].level == "patch" else m.of(by_pixel) for key, m in joined.items()
        },
    )


def _predict_block(
    spec: RunSpec,
    weights: Any,
    ds: xr.Dataset,
    view: batch.View,
    keep: tuple[str, ...],
    fires: bool,
    chunk: int,
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Parameters [N] and monthly outputs [T, N] of the pixels of a dataset in memory, by name, `chunk` at once."""
    n = ds.sizes["pixel"]
    parts = []
    for start in range(0, n, chunk):
        index = np.minimum(np.arange(start, start + chunk), n - 1)  # the last chunk repeats its last pixel
        forcing = batch.forcing_of(ds.isel(pixel=index))
        part = view._replace(encoded=view.encoded[index])
        found = _simulate(weights, forcing, part, spec.network, spec.process.water_stress, keep, fires)
        parts.append(jax.device_get(found))
    params = {k: np.concatenate([p[0][k] for p in parts])[:n] for k in parts[0][0]}
    monthly = {k: np.concatenate([p[1][k] for p in parts], axis=1)[:, :n] for k in keep}
    return params, monthly


@partial(jax.jit, static_argnums=(3, 4, 5, 6))
def _simulate(
    weights: Any,
    forcing: Forcing,
    view: batch.View,
    spec: NetworkSpec,
    process: str,
    keep: tuple[str, ...],
    fires: bool,
) -> tuple[dict[str, jax.Array], dict[str, jax.Array]]:
    params = network.parameters(spec, weights["spatialization"], view.encoded, forcing.latitude)
    stress = bind(water_stress(process), weights["process"]["water_stress"], view.scale)
    return params, model.simulate(params, prepare(forcing), stress, keep, fires)


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


def _skill_of_pixels(moments: metrics.Moments) -> xr.DataArray:
    values = metrics.statistics_of(moments)
    return xr.DataArray(
        np.stack([values[n] for n in metrics.STATISTICS], axis=1),
        dims=("pixel", "statistic"),
        coords={"statistic": list(metrics.STATISTICS)},
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


def _monthly_dataset(monthly: dict[str, np.ndarray], ds: xr.Dataset, member: batch.Member) -> xr.Dataset:
    where, dim = _where(ds, member), "pixel"
    if len(member.label) > MONTHLY_PIXELS:
        where, dim = {"split": artifacts.flags("patch", _label_of_patches(member), SPLITS)}, "patch"
    units = {n: v.unit for n, v in VARIABLES.items()} | {n: BY_NAME[n].unit for n in POOLS}
    series = {n: ((dim, "time"), x.T.astype(np.float32), {"units": units[n]}) for n, x in monthly.items()}
    return xr.Dataset(series, coords={"time": ds["time"]}).assign(where)
