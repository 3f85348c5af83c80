"""Evaluating a trained member: predict every pixel, score it against everything observed, and write its files.

The dataset is read, predicted and compared block by block; only parameters, moments and what the files hold are kept.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np
import xarray as xr

from landlab_mgr.data import batch, schema, split
from landlab_mgr.models import network
from landlab_mgr.models.dalec import model
from landlab_mgr.models.dalec.climate import Forcing, prepare
from landlab_mgr.models.dalec.parameters import (
    BY_NAME,
    DERIVED,
    FORCING,
    LOSS_TERMS,
    MODELLED,
    POOLS,
    STREAMS,
    VARIABLES,
)
from landlab_mgr.models.dalec.process import bind, water_stress
from landlab_mgr.observations import metrics
from landlab_mgr.observations.comparable import comparable, is_compared, observed, patch_means, score_name
from landlab_mgr.records import COLLAPSED, ArtifactRecord, MetricRecord
from landlab_mgr.spec.run import NetworkSpec, RunSpec
from landlab_mgr.storage import artifacts
from landlab_mgr.storage.location import Location

CHUNK_PIXELS = 512
"""Pixels that an evaluation integrates at once."""
MONTHLY_PIXELS = 2000
"""A dataset of at most this many pixels gets monthly series per pixel; a larger one per patch."""
SPLITS = (split.TRAIN, split.DEV, split.TEST)
"""What pixels are scored as; those that a split leaves unused are not."""
PERIODS = ("observation", "withheld")
LEAFY_LAI = 0.3
"""Mean observed LAI (m2 m-2) above which a pixel has leaves."""
BARE_LEAF_CARBON = 2.0
"""Mean leaf carbon (gC m-2) below which a modelled pixel has none."""
ALWAYS_MONTHLY = ("gpp", "nee", "reco", "et", "lai")


Named = dict[str, np.ndarray]


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
    return write(spec, ds, member, predict(spec, ds, member, weights, fires), directory)


def write(
    spec: RunSpec, ds: xr.Dataset, member: batch.Member, found: Prediction, directory: Location
) -> tuple[list[MetricRecord], list[ArtifactRecord]]:
    """Score a prediction and write its files; one without parameters leaves no `parameters`."""
    scores: list[MetricRecord] = []
    skill: dict[str, dict[str, xr.DataArray]] = {}
    for (stream, period), moments in found.moments.items():
        variable, label = score_name(stream, batch.streams_of(ds)), member.label
        if LOSS_TERMS[stream].level == "patch":
            label = _label_of_patches(member)
        else:
            skill.setdefault(variable, {})[period] = _skill_of_pixels(moments)
        # withheld months are scored at the pixels that trained: unseen months of seen pixels
        parts = (
            {"withheld": split.TRAIN}
            if period == "withheld"
            else {p: p for p in SPLITS if (label == p).any()}
        )
        for part, of in parts.items():
            scores += metrics.scores(part, variable, moments.of(label == of))
    if "lcma" in found.params and (lai := found.moments.get(("lai", "observation"))) is not None:
        scores += _collapsed(lai, found.params["lcma"], member)
    files = {"skill": _skill_dataset(skill, member)}
    if found.params:
        files["parameters"] = _parameter_dataset(found.params, ds, member)
    files["monthly"] = _monthly_dataset(found.monthly, ds, member)
    attrs = {"run_id": spec.run_id, "setup": spec.label, "dataset": spec.dataset, "source": "landlab_mgr"}
    written = [
        artifacts.write(kind, content.assign_attrs(attrs), directory) for kind, content in files.items()
    ]
    return scores, written


def predict(
    spec: RunSpec, ds: xr.Dataset, member: batch.Member, weights: Any, fires: bool = True
) -> Prediction:
    """Predict every pixel and compare it with what was observed there, in blocks of whole patches."""
    chunk = min(len(member.label), CHUNK_PIXELS)

    def simulated(part: xr.Dataset, pixels: np.ndarray, keep: tuple[str, ...]) -> tuple[Named, Named]:
        view = member.view._replace(encoded=member.encoded[pixels])
        return _predict_block(spec, weights, part, view, keep, fires, chunk)

    return compare(spec, ds, member, simulated)


def compare(
    spec: RunSpec,
    ds: xr.Dataset,
    member: batch.Member,
    simulated: Callable[[xr.Dataset, np.ndarray, tuple[str, ...]], tuple[Named, Named]],
    variables: tuple[str, ...] | None = None,
) -> Prediction:
    """What a model predicts beside what was observed, in blocks of whole patches.

    Args:
        spec: of the run.
        ds: the dataset; it need not fit in memory.
        member: its split.
        simulated: parameters [N] and monthly outputs [T, N] by name, of pixels of the dataset (in memory, and their
            indices) and the names of the outputs.
        variables: what the model predicts; default: all that the land model does.
    """
    held_out = np.zeros(ds.sizes["time"], bool) if member.months is None else member.months == 0
    modelled = {s: MODELLED.get(STREAMS[s], STREAMS[s]) for s in batch.streams_of(ds)}
    keep = variables or tuple(dict.fromkeys((*ALWAYS_MONTHLY, *modelled.values())))
    compared = [
        (stream, period)
        for stream in modelled
        for period in PERIODS
        if modelled[stream] in keep and is_compared(ds, stream, period, bool(held_out.any()))
    ]
    names = [schema.stream_variable(s, p) for s in batch.streams_of(ds) for p in PERIODS]
    wanted = ds[[*FORCING, *schema.TIME_AXIS, "lat", *(n for n in names if n in ds)]]
    n_pixels = len(member.label)

    params: list[dict[str, np.ndarray]] = []
    monthly: list[dict[str, np.ndarray]] = []
    moments: list[dict[tuple[str, str], metrics.Moments]] = []
    blocks = list(batch.blocks(member.patch, ds.sizes["time"]))
    for pixels in blocks:
        part = batch.read(wanted, pixels)
        patch = np.unique(member.patch[pixels], return_inverse=True)[1]
        drawn, outputs = simulated(part, pixels, keep)
        pairs = {
            (stream, period): comparable(
                LOSS_TERMS[stream],
                outputs[modelled[stream]],
                observed(part, stream, period, held_out),
                patch,
                spec.warmup_months,
            )
            for stream, period in compared
        }
        params.append(drawn)
        moments.append({key: metrics.moments(*pair) for key, pair in pairs.items()})
        if n_pixels > MONTHLY_PIXELS:
            outputs = {n: patch_means(x, patch) for n, x in outputs.items()}
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


def _collapsed(lai: metrics.Moments, lcma: np.ndarray, member: batch.Member) -> list[MetricRecord]:
    """Share of the training pixels with leaves that the model leaves bare: gone for good, as their gradients are."""
    leafy = (member.label == split.TRAIN) & (lai.n > 0) & (lai.observed > LEAFY_LAI)
    bare = lai.model * lcma < BARE_LEAF_CARBON
    if not leafy.any():
        return []
    return [MetricRecord(*COLLAPSED, float(bare[leafy].mean()))]


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
    parts = []
    for pixels, forcing in chunks(ds, chunk):
        part = view._replace(encoded=view.encoded[pixels])
        found = simulate(weights, forcing, part, spec.network, spec.process.water_stress, keep, fires)
        parts.append(jax.device_get(found))
    n = ds.sizes["pixel"]
    params = {k: np.concatenate([p[0][k] for p in parts])[:n] for k in parts[0][0]}
    monthly = {k: np.concatenate([p[1][k] for p in parts], axis=1)[:, :n] for k in keep}
    return params, monthly


def chunks(
    ds: xr.Dataset, size: int, forcing_of: Callable[[xr.Dataset], Forcing] = batch.forcing_of
) -> Iterator[tuple[np.ndarray, Forcing]]:
    """The pixels of a dataset in memory, `size` at once, with their forcing.

    The last chunk repeats the last pixel: one compiled program serves them all.
    """
    n = ds.sizes["pixel"]
    for start in range(0, n, size):
        pixels = np.minimum(np.arange(start, start + size), n - 1)
        yield pixels, forcing_of(ds.isel(pixel=pixels))


@partial(jax.jit, static_argnums=(3, 4, 5, 6))
def simulate(
    weights: Any,
    forcing: Forcing,
    view: batch.View,
    spec: NetworkSpec,
    process: str,
    keep: tuple[str, ...],
    fires: bool,
) -> tuple[dict[str, jax.Array], dict[str, jax.Array]]:
    """Parameters [N] and monthly outputs [T, N] of pixels with this forcing, by name.

    Args:
        weights: of a checkpoint.
        forcing: of N pixels.
        view: their encoded predictors, and the scale of the weather.
        spec: of the network.
        process: the water stress.
        keep: names of the monthly outputs.
        fires: False leaves fire out of the program; only where nothing burns.
    """
    params = network.parameters(spec, weights["spatialization"], view.encoded, forcing.latitude)
    stress = bind(water_stress(process), weights["process"]["water_stress"], view.scale)
    return params, model.simulate(params, prepare(forcing), stress, keep, fires)


def _label_of_patches(member: batch.Member) -> np.ndarray:
    first = [np.flatnonzero(member.patch == p)[0] for p in range(member.patch.max() + 1)]
    return member.label[first]


def _flags(dim: str, label: np.ndarray) -> tuple[str, np.ndarray, dict[str, Any]]:
    return artifacts.flags(dim, label, (*SPLITS, split.UNUSED) if (label == split.UNUSED).any() else SPLITS)


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
    return ds.assign(split=_flags("pixel", member.label))


def _parameter_dataset(params: dict[str, np.ndarray], ds: xr.Dataset, member: batch.Member) -> xr.Dataset:
    variables: dict[str, Any] = {}
    for name, x in params.items():
        variables[name] = ("pixel", x, {"units": BY_NAME[name].unit, "long_name": BY_NAME[name].meaning})
    for d in DERIVED:
        variables[d.name] = ("pixel", d.compute(params), {"units": d.unit, "long_name": d.meaning})
    return xr.Dataset(variables).assign(_where(ds, member))


def _where(ds: xr.Dataset, member: batch.Member) -> dict[str, Any]:
    there = {n: ("pixel", ds[n].values, ds[n].attrs) for n in ("lat", "lon", "site", "patch") if n in ds}
    return there | {"split": _flags("pixel", member.label)}


def _monthly_dataset(monthly: dict[str, np.ndarray], ds: xr.Dataset, member: batch.Member) -> xr.Dataset:
    where, dim = _where(ds, member), "pixel"
    if len(member.label) > MONTHLY_PIXELS:
        where, dim = {"split": _flags("patch", _label_of_patches(member))}, "patch"
    units = {n: v.unit for n, v in VARIABLES.items()} | {n: BY_NAME[n].unit for n in POOLS}
    if member.months is not None:
        meaning = {"long_name": "the month is withheld from training and dev", "units": "1"}
        where["withheld"] = ("time", member.months == 0, meaning)
    series = {n: ((dim, "time"), x.T.astype(np.float32), {"units": units[n]}) for n, x in monthly.items()}
    return xr.Dataset(series, coords={"time": ds["time"]}).assign(where)
