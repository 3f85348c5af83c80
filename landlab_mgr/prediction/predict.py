"""Trained members, applied to any dataset: unseen places, later years, another climate.

Each member brings its own standardiser, imputation and scale of the weather. Initial pools are those that its network
gives a place: of its predictors alone, so that a changed climate starts from the same pools.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jax
import numpy as np
import xarray as xr

from landlab_mgr import __version__
from landlab_mgr.data import batch, predictors, schema, split
from landlab_mgr.errors import LandlabError
from landlab_mgr.models import registry
from landlab_mgr.models.model import Forcing
from landlab_mgr.models.options import PLACE
from landlab_mgr.observations.variables import Variable
from landlab_mgr.prediction import cf
from landlab_mgr.prediction import novelty as novelties
from landlab_mgr.prediction.intervals import Intervals
from landlab_mgr.prediction.member import Trained
from landlab_mgr.prediction.scenario import Scenario
from landlab_mgr.spec import fields
from landlab_mgr.storage import provenance
from landlab_mgr.training.evaluate import CHUNK_PIXELS, chunks, forward, predict_block

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Of the members, where quantiles are asked for."""
NOVELTY = "novelty"
NOVELTY_MEANING = (
    "distance of predictors and forcing from those that the members learned from; above 1: further than nearly all of "
    "those are from each other"
)
BLOCK_BYTES = 2**28
"""Statistics of so many pixels are in memory at once."""
COMPARED = "Months are compared with the mean climate of the unchanged dataset (see landlab_mgr.prediction.scenario)."


def write(
    members: Mapping[str, Trained],
    ds: xr.Dataset,
    path: str | Path,
    variables: Sequence[str] | None = None,
    scenario: Scenario | None = None,
    quantiles: bool = False,
    each: bool = False,
    layout: cf.Layout = "auto",
    attrs: Mapping[str, Any] | None = None,
    tell: Callable[[int, int], None] = lambda number, total: None,
    pool: Sequence[str] = (),
    intervals: Intervals | None = None,
    learned: xr.Dataset | None = None,
) -> None:
    """Predict a dataset with an ensemble into a CF file: mean and spread of each variable by place and month.

    The dataset is read and the file is written block by block: neither need fit in memory.

    Args:
        members: trained members of one setup, or of setups that differ in `pool` only, by run_id.
        ds: the dataset.
        path: .nc or .zarr; nothing is there yet.
        variables: outputs of their model; default: those that every run keeps.
        scenario: changes of the dataset.
        quantiles: write the QUANTILES over the members too.
        each: write every member too.
        layout: on a grid, as points, or what the pixels suggest.
        attrs: more global attributes.
        tell: hears the number of each block, and how many there are.
        pool: fields of the specification in which members may differ, as they may in their seeds.
        intervals: write lower and upper bounds of the outputs that it has.
        learned: write the novelty of each place and month against this dataset, that the members learned from.

    Raises:
        LandlabError: for one member only, members that differ in another field, a dataset or scenario that does not
            fit them, or where the file cannot be written.
    """
    scenario = scenario or Scenario()
    if len(members) < 2:
        raise LandlabError("a spread needs two members or more, not 1: run more seeds, or take more runs")
    fields.require_alike([fields.values(m.spec.model_dump(mode="json")) for m in members.values()], pool)
    models = [registry.model(name) for name in dict.fromkeys(m.spec.model for m in members.values())]
    asked = chosen(members, variables)
    names = tuple(v.name for v in asked)
    scenario.check(ds)
    changed = scenario.predictors_of(ds)
    places = cf.places_of(ds, layout)
    trained = [(m, m.encode(changed)) for m in members.values()]
    written, extra = _contents(asked, list(members), quantiles, each, intervals)
    known = None if learned is None else learned_by(members, learned)
    if known is not None:
        written[NOVELTY] = cf.Written({"units": "1", "long_name": NOVELTY_MEANING})
        encoded = known.encoder.apply(changed) if known.encoder else np.zeros((ds.sizes["pixel"], 0))
    bounds = 2 * len(intervals.levels) if intervals else 0
    kept = 2 + len(QUANTILES) * quantiles + len(members) * each + bounds
    per_pixel = 4 * ds.sizes["time"] * len(names) * kept
    blocks = list(_joined(places.tiles(), max(1, BLOCK_BYTES // per_pixel)))
    wanted = ds[list(dict.fromkeys(name for model in models for name in batch.read_by(ds, model)))]
    chunk = min(ds.sizes["pixel"], CHUNK_PIXELS)  # the same in every block: one compilation
    forcing_of = {model.tables.name: scenario.climate_of(ds, model) for model in models}
    with cf.create(path, ds, places, written, extra, dict(attrs or {})) as file:
        for number, tiles in enumerate(blocks, 1):
            tell(number, len(blocks))
            pixels = np.concatenate(tiles)
            order = np.argsort(pixels, kind="stable")  # of the dataset, which is read fastest so
            part = batch.read(wanted, pixels[order])
            statistics = _statistics(
                trained, part, pixels[order], chunk, forcing_of, names, quantiles, each, intervals
            )
            if known is not None:
                statistics[NOVELTY] = _novelty(
                    known, encoded[pixels[order]], part, chunk, list(forcing_of.values())
                )
            place = np.argsort(order, kind="stable")
            start = 0
            for tile in tiles:
                here = place[start : start + len(tile)]
                for name, x in statistics.items():
                    file.put(name, tile, x[..., here])
                start += len(tile)


def series(member: Trained, ds: xr.Dataset, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Return outputs of a member, and forcing, by name: [time, pixel] each, of a dataset in memory."""
    n, encoded, model = ds.sizes["pixel"], member.encode(ds), member.model
    read = batch.forcing_names(ds, model)
    forcing = {name: ds[name].transpose("time", "pixel").values for name in names if name in read}
    outputs = tuple(name for name in names if name not in forcing)
    off = batch.off_in(batch.forcing_of(ds, model), model)
    view = member.view(encoded)
    return (
        forcing | predict_block(member.params, ds, view, member.setup, outputs, off, min(n, CHUNK_PIXELS))[1]
    )


def learned_by(members: Mapping[str, Trained], ds: xr.Dataset) -> novelties.Learned:
    """Predictors and forcing of the pixels that any of the members trained on, of their dataset."""
    geometry = {n: ds[n].values for n in (*schema.GEOMETRY, *schema.OPTIONAL_GEOMETRY) if n in ds}
    splits = {(m.spec.split, m.spec.seeds.split) for m in members.values()}
    trained = np.any([split.assign(geometry, kind, seed) == split.TRAIN for kind, seed in splits], axis=0)
    groups = dict.fromkeys(g for m in members.values() for g in m.spec.predictors)
    names = [g for g in groups if g not in ("CONTROL", PLACE)]
    encoder = predictors.encode(ds, names, trained, 0) if names else None
    pixels = np.flatnonzero(trained)
    encoded = encoder.apply(ds)[pixels] if encoder else np.zeros((len(pixels), 0), np.float32)
    models = [registry.model(name) for name in dict.fromkeys(m.spec.model for m in members.values())]
    wanted = ds[list(dict.fromkeys(name for model in models for name in batch.read_by(ds, model)))]

    def blocks() -> Iterator[dict[str, np.ndarray]]:
        for start in range(0, len(pixels), CHUNK_PIXELS):
            part = batch.read(wanted, pixels[start : start + CHUNK_PIXELS])
            yield {
                n: np.asarray(x) for model in models for n, x in batch.forcing_of(part, model).series.items()
            }

    unit = novelties.unit_of(encoded, np.asarray(geometry["patch"])[pixels])
    return novelties.Learned(encoder, encoded, unit, novelties.ranges_of(blocks()))


def _novelty(
    learned: novelties.Learned,
    encoded: np.ndarray,
    ds: xr.Dataset,
    chunk: int,
    forcings: Sequence[Callable[[xr.Dataset], Forcing]],
) -> np.ndarray:
    """Novelty of pixels in memory, float32 [time, pixel]."""
    parts = []
    for within in chunks(ds.sizes["pixel"], chunk):
        part = ds.isel(pixel=within)
        series = {n: np.asarray(x) for of in forcings for n, x in of(part).series.items()}
        parts.append(np.asarray(learned.of_weather(series)))
    weather = np.concatenate(parts, axis=-1)[..., : ds.sizes["pixel"]]
    return (learned.of_places(encoded) + weather).astype(np.float32)


def outputs_of(members: Mapping[str, Trained]) -> dict[str, Variable]:
    """Return the outputs that all members give, by name."""
    known = registry.variables()
    given = [m.learned or tuple(v.name for v in m.spec.tables.outputs) for m in members.values()]
    return {n: known[n] for n in given[0] if all(n in names for names in given)}


def chosen(members: Mapping[str, Trained], names: Sequence[str] | None = None) -> tuple[Variable, ...]:
    """Return the outputs to write.

    They are those named, or what every run keeps, or all that the members give.

    LandlabError for one that not all members give.
    """
    known = outputs_of(members)
    kept = dict.fromkeys(n for m in members.values() for n in m.spec.tables.always if n in known)
    return cf.check_variables(names or tuple(kept or known), known)


def _statistics(
    trained: Sequence[tuple[Trained, np.ndarray]],
    ds: xr.Dataset,
    pixels: np.ndarray,
    chunk: int,
    forcing_of: Mapping[str, Callable[[xr.Dataset], Forcing]],
    names: tuple[str, ...],
    quantiles: bool,
    each: bool,
    intervals: Intervals | None,
) -> dict[str, np.ndarray]:
    """Compute a file's variables for pixels of a dataset in memory.

    The variables are float32 [.., time, pixel], by name.
    """
    parts: list[dict[str, np.ndarray]] = []
    for within in chunks(ds.sizes["pixel"], chunk):
        part = ds.isel(pixel=within)
        forcings = {name: of(part) for name, of in forcing_of.items()}
        off = {name: batch.off_in(x, registry.model(name)) for name, x in forcings.items()}
        runs = []
        for m, encoded in trained:
            view, model = m.view(encoded[pixels[within]]), m.spec.model
            runs.append(forward(m.params, forcings[model], view, m.setup, names, off[model])[1])
        series = jax.device_get(runs)
        values: dict[str, np.ndarray] = {}
        for name in names:
            x = np.stack([one[name] for one in series])
            values[name] = x.mean(axis=0, dtype=np.float64)
            values[f"{name}_sd"] = x.std(axis=0, ddof=1, dtype=np.float64)
            if intervals and name in intervals.factor:
                low, high = intervals.bounds(name, values[name], values[f"{name}_sd"])
                values |= {f"{name}_lower": low, f"{name}_upper": high}
            if quantiles:
                values[f"{name}_quantile"] = np.quantile(x, QUANTILES, axis=0)
            if each:
                values[f"{name}_member"] = x
        parts.append({name: x.astype(np.float32) for name, x in values.items()})
    return {name: np.concatenate([p[name] for p in parts], axis=-1)[..., : len(pixels)] for name in parts[0]}


def _joined(tiles: Iterable[np.ndarray], pixels: int) -> Iterator[list[np.ndarray]]:
    """Tiles in groups of at most so many pixels, one at least."""
    waiting: list[np.ndarray] = []
    for tile in tiles:
        if waiting and sum(map(len, waiting)) + len(tile) > pixels:
            yield waiting
            waiting = []
        waiting.append(tile)
    yield waiting


def _contents(
    variables: Sequence[Variable],
    run_ids: Sequence[str],
    quantiles: bool,
    each: bool,
    intervals: Intervals | None,
) -> tuple[dict[str, cf.Written], dict[str, xr.Variable]]:
    """Return a file's variables by month, and what else their dims need."""
    n = len(run_ids)
    found, extra = {}, {}
    for variable in variables:
        name, attrs = variable.name, cf.about(variable)
        how, meaning = attrs["cell_methods"], attrs["long_name"]
        beside = [f"{name}_sd", *[f"{name}_quantile"] * quantiles, *[f"{name}_member"] * each]
        found[name] = cf.Written(
            attrs
            | {
                "long_name": f"{meaning}: mean of {n} members",
                "cell_methods": f"{how} realization: mean",
                "ancillary_variables": " ".join(beside[:1]),
            }
        )
        found[f"{name}_sd"] = cf.Written(
            attrs
            | {
                "long_name": f"{meaning}: standard deviation of {n} members",
                "cell_methods": f"{how} realization: standard_deviation",
            }
        )
        if intervals and name in intervals.factor:
            comment = " ".join(filter(None, (attrs.get("comment"), f"calibration: {intervals.about}")))
            for end in ("lower", "upper"):
                long_name = {"long_name": f"{meaning}: {end} bound of an interval", "comment": comment}
                found[f"{name}_{end}"] = cf.Written(attrs | long_name, ("level",))
        if quantiles:
            long_name = {"long_name": f"{meaning}: quantiles of {n} members"}
            found[f"{name}_quantile"] = cf.Written(attrs | long_name, ("quantile",))
        if each:
            long_name = {"long_name": f"{meaning}: each member"}
            found[f"{name}_member"] = cf.Written(attrs | long_name, ("realization",))
    if intervals:
        share = {
            "units": "1",
            "long_name": "share of the observations of a new place between lower and upper",
        }
        extra["level"] = xr.Variable("level", np.array(intervals.levels), share)
    if quantiles:
        said = {"units": "1", "long_name": "share of the members that are lower"}
        extra["quantile"] = xr.Variable("quantile", np.array(QUANTILES), said)
    if each:
        said = {"units": "1", "standard_name": "realization", "long_name": "number of the member"}
        extra["realization"] = xr.Variable("realization", np.arange(1, n + 1, dtype=np.int32), said)
        ids = np.array(run_ids, object)
        extra["run_id"] = xr.Variable("realization", ids, {"long_name": "run_id of the member"})
    return found, extra


def attributes(
    members: Mapping[str, Trained],
    setup: str,
    learned: Mapping[str, str],
    synthetic: bool,
    ds: xr.Dataset,
    scenario: Scenario | None,
) -> dict[str, Any]:
    """Global attributes of a file: what was predicted by whom, as CF names them, and with a prefix what landlab knows.

    Args:
        members: by run_id.
        setup: what their setup is called.
        learned: fingerprints by name of the datasets that they learned from.
        synthetic: whether any of these is.
        ds: what they are applied to.
        scenario: its changes.
    """
    tables = next(iter(members.values())).spec.tables
    code = provenance.code()
    now = datetime.now(UTC).isoformat(timespec="seconds")
    made_up = synthetic or ds.attrs["kind"] == "synthetic"
    asked = scenario.model_dump(mode="json", exclude_defaults=True) if scenario else {}
    name = f", scenario {scenario.name or 'without a name'}" if scenario else ""
    commit = (
        f" (commit {code.commit[:10]}{', uncommitted changes' * bool(code.dirty_hash)})"
        if code.commit
        else ""
    )
    return {
        "title": f"{'Synthetic: ' * made_up}{tables.subject}, {ds.attrs['name']}{name}, "
        f"by {len(members)} members of {setup}",
        "source": f"{tables.title} of {setup}, trained on {', '.join(learned)}; landlab_mgr {__version__}{commit}",
        "history": f"{now} landlab ensemble predict",
        "references": f"{tables.references}; data: {ds.attrs['citation']}",
        "comment": " ".join(filter(None, (tables.comment, COMPARED if scenario else ""))),
        "landlab_runs": " ".join(members),
        "landlab_setup": setup,
        "landlab_learned_from": " ".join(f"{n}:{fingerprint}" for n, fingerprint in learned.items()),
        "landlab_dataset": str(ds.attrs["name"]),
        "landlab_dataset_fingerprint": str(ds.attrs["fingerprint"]),
        "landlab_scenario": json.dumps(asked),
        "landlab_synthetic": int(made_up),
    }
