"""Evaluating a trained member: predict every pixel, score it against everything observed, and write its files.

The dataset is read, predicted and compared block by block; only parameters, moments and what the files hold are kept.
"""

import os
from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np
import xarray as xr

from landlab_mgr.data import batch, split
from landlab_mgr.errors import LandlabError
from landlab_mgr.models import registry
from landlab_mgr.models.model import Forcing, Inputs, Setup
from landlab_mgr.observations import metrics
from landlab_mgr.observations.calendar import Calendar
from landlab_mgr.observations.comparable import (
    COMPARED,
    comparable,
    is_compared,
    means_of_patches,
    observed,
    patch_means,
    score_name,
    weight_of,
)
from landlab_mgr.observations.streams import Stream, stream_of, stream_variable
from landlab_mgr.records import SUMS, ArtifactRecord, MetricRecord
from landlab_mgr.spec.run import RunSpec
from landlab_mgr.storage import artifacts
from landlab_mgr.storage.location import Location

CHUNK_PIXELS = 512
"""Pixels that an evaluation integrates at once."""
MONTHLY_PIXELS = 2000
"""A dataset of at most this many pixels gets monthly series per pixel; a larger one per patch, and per tower."""
MONTHLY_PIXELS_SETTING = "LANDLAB_WHOLE_PIXELS"
"""Environment variable with another limit."""
TOWER = "tower"
"""Dim of the pixels with a tower, where series are per patch; names of their series begin with it."""
SPLITS = (split.TRAIN, split.DEV, split.TEST)
"""Splits that pixels are scored as; pixels that a split leaves unused are not."""
PERIODS = ("observation", "withheld")
OBSERVED = "observed"
"""Mean of the observations that were compared: with the bias, it gives that of the model."""
SUMMED_LEVELS = ("flat", "spatial")
"""Levels of skill of which the moments of each patch are kept."""

Named = dict[str, np.ndarray]


def whole_pixels() -> int:
    """Pixels up to which a dataset gets monthly series of each; LandlabError for a setting that is no number."""
    text = os.environ.get(MONTHLY_PIXELS_SETTING, "")
    if text and not text.isdecimal():
        raise LandlabError(f"{MONTHLY_PIXELS_SETTING}={text}; allowed: a number of pixels, such as 2000")
    return int(text) if text else MONTHLY_PIXELS


class Prediction(NamedTuple):
    """Values kept of a member's prediction of a dataset.

    Pixels and patches are in the dataset's order.
    """

    parameters: dict[str, np.ndarray]
    """[N] by name; of a network without a process model, none."""
    series: dict[str, np.ndarray]
    """[T, N] by name, or [T, patches] where the dataset has more pixels than `whole_pixels`."""
    towers: Named
    """[T, towers] by name, where `series` are per patch."""
    tower: np.ndarray
    """Pixels with a tower, ascending; none where `series` are per pixel."""
    compared: Named
    """[T, patches] by COMPARED and name: of streams over what was observed of each patch, where `series` are so."""
    moments: dict[tuple[str, str], metrics.Moments]
    """By stream and period (observation, withheld): of each pixel, or of each patch where the stream is compared so."""


def evaluate(
    spec: RunSpec,
    ds: xr.Dataset,
    member: batch.Member,
    params: Any,
    directory: Location,
    off: tuple[str, ...] = (),
) -> tuple[list[MetricRecord], list[ArtifactRecord]]:
    """Predict every pixel, score it against everything observed, and write the run's files.

    Args:
        spec: what was trained.
        ds: the dataset; it need not fit in memory.
        member: its split and predictors.
        params: what was trained, as its checkpoint holds it.
        directory: where the files go.
        off: switches of the model that are 0 everywhere in the dataset.
    """
    prediction = predict(spec, ds, member, params, off)
    scores = _scores(spec, ds, member, prediction)
    files = {"skill": _skill_dataset(spec, ds, member, prediction)}
    if prediction.parameters:
        files["parameters"] = _parameter_dataset(spec, prediction.parameters, ds, member)
    files[SUMS] = _sums_dataset(ds, member, prediction)
    files["monthly"] = _series_dataset(prediction, ds, member)
    attrs = {"run_id": spec.run_id, "setup": spec.label, "dataset": spec.dataset, "source": "landlab_mgr"}
    written = [
        artifacts.write(kind, content.assign_attrs(attrs), directory) for kind, content in files.items()
    ]
    return scores, written


def _scores(
    spec: RunSpec, ds: xr.Dataset, member: batch.Member, prediction: Prediction
) -> list[MetricRecord]:
    scores: list[MetricRecord] = []
    streams = _streams(ds)
    for (name, period), moments in prediction.moments.items():
        stream = streams[name]
        label = _label_of_patches(member) if stream.level == "patch" else member.label
        # withheld steps are scored at the pixels that trained: unseen steps of seen pixels
        parts = (
            {"withheld": split.TRAIN}
            if period == "withheld"
            else {p: p for p in SPLITS if (label == p).any()}
        )
        for part, of in parts.items():
            scores += metrics.scores(part, score_name(stream, streams.values()), moments.of(label == of))
    collapse = spec.tables.collapse
    if collapse and (moments_ := prediction.moments.get((collapse.stream.name, "observation"))) is not None:
        alive = (
            (member.label == split.TRAIN) & (moments_.n > 0) & (moments_.observed > collapse.observed_above)
        )
        dead = collapse.dead(moments_.model, prediction.parameters)
        if alive.any():
            scores.append(MetricRecord(*collapse.metric, float(dead[alive].mean())))
    return scores


def _streams(ds: xr.Dataset) -> dict[str, Stream]:
    return {name: registry.streams()[name] for name in batch.streams_of(ds)}


def predict(
    spec: RunSpec, ds: xr.Dataset, member: batch.Member, params: Any, off: tuple[str, ...] = ()
) -> Prediction:
    """Predict every pixel and compare it with what was observed there, in blocks of whole patches."""
    model, calendar = registry.model(spec.model), Calendar.of(ds)
    chunk = min(len(member.label), CHUNK_PIXELS)
    learned = None if member.targets is None else member.targets.learned
    setup = batch.setup_of(spec, member.scale_of_targets)
    held_out = np.zeros((ds.sizes["time"], 1), bool) if member.steps is None else member.steps == 0
    streams, outputs_of = _streams(ds), spec.tables.modelled
    modelled = {s: outputs_of[s] for s in streams if s in outputs_of}
    keep = learned or tuple(dict.fromkeys((*spec.tables.always, *modelled.values())))
    compared = [
        (name, period)
        for name in modelled
        for period in PERIODS
        if modelled[name] in keep and is_compared(ds, streams[name], period, bool(held_out.any()))
    ]
    names = [stream_variable(s, role) for s in streams for role in (*PERIODS, "weight")]
    wanted = ds[[*batch.read_by(ds, model), *(n for n in names if n in ds)]]
    warmup, of_patches = calendar.steps_in_months(spec.warmup_months), len(member.label) > whole_pixels()
    observed_by = [stream_variable(s, period) for s in streams if streams[s].tower for period in PERIODS]
    of_towers = [n for n in observed_by if n in ds] if of_patches else []

    parameters: list[Named] = []
    series: list[Named] = []
    towers: list[Named] = []
    tower: list[np.ndarray] = []
    means: list[Named] = []
    moments: list[dict[tuple[str, str], metrics.Moments]] = []
    blocks = list(batch.blocks(member.patch, ds.sizes["time"]))
    for pixels in blocks:
        part = batch.read(wanted, pixels)
        patch = np.unique(member.patch[pixels], return_inverse=True)[1]
        view = batch.View(member.encoded[pixels], member.scale, member.scale_of_targets)
        unseen = held_out if held_out.shape[1] == 1 else held_out[:, pixels]
        own, outputs = predict_block(params, part, view, setup, keep, off, chunk)
        of_block: dict[tuple[str, str], metrics.Moments] = {}
        means_of_block: Named = {}
        for name, period in compared:  # one at a time: each is as large as an output
            pair = comparable(
                streams[name],
                outputs[modelled[name]],
                observed(part, name, period, unseen),
                patch,
                warmup,
                calendar,
                weight_of(part, name, period),
            )
            of_block[name, period] = metrics.moments(*pair)
            if of_patches:
                means_of_block[COMPARED + stream_variable(name, period)] = means_of_patches(
                    streams[name], pair[0], patch, calendar
                )
        parameters.append(own)
        moments.append(of_block)
        means.append(means_of_block)
        series.append({n: patch_means(x, patch) for n, x in outputs.items()} if of_patches else outputs)
        has_tower = np.zeros(len(pixels), bool)
        for name in of_towers:
            has_tower |= np.isfinite(part[name].transpose("pixel", "time").values).any(axis=1)
        tower.append(pixels[has_tower])
        towers.append({n: x[:, has_tower] for n, x in outputs.items()})

    by_pixel = np.argsort(np.concatenate(blocks))
    by_place = np.arange(member.patch.max() + 1) if of_patches else by_pixel
    by_tower = np.argsort(np.concatenate(tower))
    joined = {key: metrics.joined([m[key] for m in moments]) for key in moments[0]}
    return Prediction(
        parameters={n: np.concatenate([p[n] for p in parameters])[by_pixel] for n in parameters[0]},
        series={n: np.concatenate([m[n] for m in series], axis=1)[:, by_place] for n in keep},
        towers={n: np.concatenate([x[n] for x in towers], axis=1)[:, by_tower] for n in keep},
        tower=np.concatenate(tower)[by_tower],
        compared={n: np.concatenate([m[n] for m in means], axis=1) for n in means[0]},
        moments={key: m if streams[key[0]].level == "patch" else m.of(by_pixel) for key, m in joined.items()},
    )


def predict_block(
    params: Any,
    ds: xr.Dataset,
    view: batch.View,
    setup: Setup,
    keep: tuple[str, ...],
    off: tuple[str, ...],
    chunk: int,
) -> tuple[Named, Named]:
    """Predict parameters [N] and outputs [T, N] of a dataset in memory, by name, `chunk` pixels at once."""
    model = registry.model(setup.model)
    parts = []
    n = ds.sizes["pixel"]
    for pixels in chunks(n, chunk):
        forcing = batch.forcing_of(ds.isel(pixel=pixels), model)
        part = view._replace(encoded=view.encoded[pixels])
        parts.append(jax.device_get(forward(params, forcing, part, setup, keep, off)))
    parameters = {k: np.concatenate([p[0][k] for p in parts])[:n] for k in parts[0][0]}
    outputs = {k: np.concatenate([p[1][k] for p in parts], axis=1)[:, :n] for k in keep}
    return parameters, outputs


def chunks(n: int, size: int) -> Iterator[np.ndarray]:
    """Yield indices of n pixels, `size` at once.

    The last chunk repeats the last pixel: one compiled program serves all.
    """
    for start in range(0, n, size):
        yield np.minimum(np.arange(start, start + size), n - 1)


@partial(jax.jit, static_argnums=(3, 4, 5))
def forward(
    params: Any,
    forcing: Forcing,
    view: batch.View,
    setup: Setup,
    keep: tuple[str, ...],
    off: tuple[str, ...] = (),
) -> tuple[dict[str, jax.Array], dict[str, jax.Array]]:
    """Parameters [N] and outputs [T, N] of pixels with this forcing, by name.

    Args:
        params: of a checkpoint.
        forcing: of N pixels.
        view: their encoded predictors, and the scales of the member.
        setup: of the member.
        keep: names of the outputs.
        off: switches that are 0 everywhere, whose part of the model is left out.
    """
    model = registry.model(setup.model)
    inputs = Inputs(model.prepare(forcing), forcing.latitude, view.encoded, view.scale, view.targets)
    return model.predict(params, inputs, setup, keep, off)


def _label_of_patches(member: batch.Member) -> np.ndarray:
    return member.label[np.unique(member.patch, return_index=True)[1]]


def _flags(dim: str, label: np.ndarray) -> tuple[str, np.ndarray, dict[str, Any]]:
    return artifacts.flags(dim, label, (*SPLITS, split.UNUSED) if (label == split.UNUSED).any() else SPLITS)


def _skill_of_pixels(moments: metrics.Moments) -> xr.DataArray:
    values = metrics.statistics_of(moments)
    return xr.DataArray(
        np.stack(
            [*(values[n] for n in metrics.STATISTICS), np.where(moments.n > 0, moments.observed, np.nan)], 1
        ),
        dims=("pixel", "statistic"),
        coords={"statistic": [*metrics.STATISTICS, OBSERVED]},
    )


def _skill_dataset(spec: RunSpec, ds: xr.Dataset, member: batch.Member, prediction: Prediction) -> xr.Dataset:
    """Skill over time of each pixel: variable x (pixel, period, statistic); period = observation or withheld.

    Statistics are those of `metrics` and OBSERVED.

    Of what is compared by patches a pixel has the skill of its patch, and the variable the attribute `level`.
    """
    streams = _streams(ds)
    by_variable: dict[str, dict[str, xr.DataArray]] = {}
    for (name, period), moments in prediction.moments.items():
        stream = streams[name]
        of_pixels = moments.of(member.patch) if stream.level == "patch" else moments
        values = _skill_of_pixels(of_pixels).assign_attrs(level=stream.level)
        by_variable.setdefault(score_name(stream, streams.values()), {})[period] = values
    variables = {
        v: xr.concat(list(p.values()), xr.Variable("period", list(p))) for v, p in by_variable.items()
    }
    skill = xr.Dataset(variables) if variables else xr.Dataset()
    return skill.assign(split=_flags("pixel", member.label))


def _sums_dataset(ds: xr.Dataset, member: batch.Member, prediction: Prediction) -> xr.Dataset:
    """Moments of each patch, as `Moments` has them: variable x (period, level, patch, moment).

    From them follows the skill of any draw of patches: flat over all pairs, spatial over the means of pixels.
    """
    streams, patches = _streams(ds), int(member.patch.max()) + 1
    by_variable: dict[str, dict[str, xr.Variable]] = {}
    for (name, period), moments in prediction.moments.items():
        stream = streams[name]
        patch = np.arange(patches) if stream.level == "patch" else member.patch
        both = [metrics.grouped(x, patch, patches) for x in (moments, metrics.of_means(moments))]
        values = np.stack([np.stack(x, axis=1) for x in both])
        of_variable = by_variable.setdefault(score_name(stream, streams.values()), {})
        of_variable[period] = xr.Variable(("level", "patch", "moment"), values)
    periods = list(dict.fromkeys(period for of in by_variable.values() for period in of))
    nothing = xr.Variable(("level", "patch", "moment"), np.zeros((2, patches, len(metrics.Moments._fields))))
    variables = {
        v: xr.Variable.concat([of.get(p, nothing) for p in periods], "period")
        for v, of in by_variable.items()
    }
    coords = {"period": periods, "level": list(SUMMED_LEVELS), "moment": list(metrics.Moments._fields)}
    return xr.Dataset(variables, coords).assign(split=_flags("patch", _label_of_patches(member)))


def _parameter_dataset(spec: RunSpec, parameters: Named, ds: xr.Dataset, member: batch.Member) -> xr.Dataset:
    variables: dict[str, Any] = {}
    for p in spec.tables.parameters:
        variables[p.name] = ("pixel", parameters[p.name], {"units": p.unit, "long_name": p.meaning})
    for d in spec.tables.derived:
        variables[d.name] = ("pixel", d.compute(parameters), {"units": d.unit, "long_name": d.meaning})
    return xr.Dataset(variables).assign(_where(ds, member))


def _where(ds: xr.Dataset, member: batch.Member) -> dict[str, Any]:
    places = {n: ("pixel", ds[n].values, ds[n].attrs) for n in ("lat", "lon", "site", "patch") if n in ds}
    return places | {"split": _flags("pixel", member.label)}


def _series_dataset(prediction: Prediction, ds: xr.Dataset, member: batch.Member) -> xr.Dataset:
    where, dim = _where(ds, member), "pixel"
    if len(member.label) > whole_pixels():
        where, dim = {"split": _flags("patch", _label_of_patches(member))}, "patch"
    if member.steps is not None:
        meaning = {"long_name": "the step is withheld from training and dev", "units": "1"}
        withheld = member.steps == 0
        if withheld.shape[1] == 1:
            where["withheld"] = ("time", withheld[:, 0], meaning)
        elif dim == "pixel":
            where["withheld"] = (("pixel", "time"), withheld.T, meaning)
    known = registry.variables()
    variables = {
        n: ((dim, "time"), x.T.astype(np.float32), {"units": known[n].unit})
        for n, x in prediction.series.items()
    }
    for n, x in prediction.compared.items():
        stream = registry.streams()[stream_of(n.removeprefix(COMPARED))]
        variables[n] = (("patch", "time"), x.T.astype(np.float32), {"units": known[stream.variable].unit})
    if len(prediction.tower):
        where[f"{TOWER}_pixel"] = (TOWER, prediction.tower, {"long_name": "pixel of the tower", "units": "1"})
        for n, x in prediction.towers.items():
            variables[f"{TOWER}_{n}"] = ((TOWER, "time"), x.T.astype(np.float32), {"units": known[n].unit})
    return xr.Dataset(variables, coords={"time": ds["time"]}).assign(where)
