"""Runs from their specs to their files: check, train, evaluate, write. Knows no database and no scheduler."""

import os
import platform
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from typing import Any

import jax
import numpy as np
import xarray as xr

from landlab_mgr import __version__
from landlab_mgr.data import batch, predictors, split, store
from landlab_mgr.data.stream import open_stream, stream_directory
from landlab_mgr.errors import LandlabError
from landlab_mgr.models.dalec.process import process_packages, water_stress
from landlab_mgr.records import CHECKPOINT, ArtifactRecord, EpochRecord, MetricRecord
from landlab_mgr.spec.run import RunSpec
from landlab_mgr.storage import artifacts
from landlab_mgr.storage.location import Location, located, make_directory
from landlab_mgr.training import evaluate, features, learner, train


@dataclass(frozen=True)
class Progress:
    """Epochs that are durable, and the checkpoint that holds them."""

    epochs: tuple[EpochRecord, ...]
    checkpoint: ArtifactRecord


@dataclass(frozen=True)
class Result:
    """What a completed run leaves."""

    metrics: tuple[MetricRecord, ...]
    artifacts: tuple[ArtifactRecord, ...]


def check(spec: RunSpec, ds: xr.Dataset) -> None:
    """Whether this run can be done on this dataset; LandlabError names what cannot, and what is allowed."""
    predictors.encode(ds, spec.predictors, np.ones(ds.sizes["pixel"], bool), spec.seeds.init)
    water_stress(spec.process.water_stress)
    available = batch.streams_of(ds)
    unknown = sorted(set(spec.streams or ()) - set(available))
    if unknown:
        raise LandlabError(
            f"dataset {ds.attrs.get('name')} does not observe {unknown[0]!r}; it has {', '.join(available)}"
        )
    if spec.model != "dalec":
        features.learnable(ds, spec)
    split.assign(ds, spec.split, spec.seeds.split)
    months = ds.sizes["time"]
    if months <= spec.warmup_months:
        raise LandlabError(f"warmup_months = {spec.warmup_months} leaves nothing of {months} months to score")
    withheld = split.withheld_months(ds, spec.split)
    if withheld is not None and len(set(withheld[spec.warmup_months :])) < 2:
        scored = withheld[spec.warmup_months :]
        raise LandlabError(
            f"the split holds out {scored.sum()} of the {scored.size} months after the warm-up; "
            "hold some out and keep some: choose other years, or another warmup_months"
        )


IN_MEMORY_BYTES = 2 * 2**30
"""A dataset that would take more of the device's memory than this is streamed from disk."""


@lru_cache(maxsize=2)
def _opened(path: str, stream: bool | None) -> tuple[xr.Dataset, batch.Arrays | None]:
    """A published dataset, and where it fits in memory its arrays; a worker's next run mostly needs them again."""
    ds = store.open_dataset(path)
    if stream is None:
        stream = batch.bytes_of(ds) > IN_MEMORY_BYTES
    if stream:
        return ds, None
    ds = ds.load()
    return ds, batch.load(ds)


@dataclass(frozen=True)
class Diverged:
    """A loss was not finite; nothing after this run's last Progress is kept."""

    epoch: int


@dataclass(frozen=True)
class Broken:
    """This run alone cannot be done: its spec does not fit, its checkpoint is damaged, its evaluation failed."""

    error: Exception


@dataclass(frozen=True)
class Task:
    """A run to execute: where it writes, and the checkpoint of an earlier attempt to go on from; paths or URLs."""

    spec: RunSpec
    directory: str | Location
    resume: str | Location | None = None


def execute(
    tasks: Sequence[Task],
    dataset: str | Location,
    width: int | None = None,
    dropped: Callable[[int], bool] = lambda place: False,
    stream: bool | None = None,
) -> Iterator[tuple[int, Progress | Result | Diverged | Broken]]:
    """Train members side by side, yielding their epochs as they become durable, then the result of each.

    Members whose predictors need more columns than the dataset's own groups have (`predictors.width`) train after
    the others: their programs differ.

    Args:
        tasks: runs on one dataset whose `group_key` is the same.
        dataset: path or URL of its published dataset.
        width: lanes of the compiled program, at least one for each task; default: just those.
        dropped: whether nobody wants the task at this place any more; asked before every epoch.
        stream: train from disk; default: where the dataset needs more memory than IN_MEMORY_BYTES.

    Yields:
        the place of a task, and what became of it; each ends with a Result, Diverged or Broken.

    Raises:
        LandlabError: where the dataset cannot be read, or is streamed and shall train several members at once.
    """
    ds, arrays = _opened(str(dataset), stream)
    if any(task.spec.model != "dalec" for task in tasks):
        if arrays is None:
            raise LandlabError(
                f"{located(dataset).name} is streamed from disk, and a baseline needs it in memory; "
                "use a smaller dataset, or model 'dalec'"
            )
        for i, task in enumerate(tasks):  # one after the other

            def nobody_wants(i: int = i) -> bool:
                return dropped(i)

            for outcome in _baseline(task, ds, nobody_wants):
                yield i, outcome
        return
    if arrays is None and (width or len(tasks)) > 1:
        raise LandlabError(
            f"{located(dataset).name} is streamed from disk, one member at a time, not {width or len(tasks)}; "
            "use --members 1"
        )
    source = open_stream(ds, stream_directory(located(dataset))) if arrays is None else arrays
    lanes: dict[int, train.Lane] = {}
    by_columns: dict[int, list[int]] = {}

    def result(i: int, checkpoint: Location, saved: ArtifactRecord) -> Result | Broken:
        spec, lane = tasks[i].spec, lanes[i]
        try:
            weights = train.load(checkpoint)["weights"]
            scores, files = evaluate.evaluate(spec, ds, lane.member, weights, lane.directory, source.fires)
            return Result(tuple(scores), (saved, *files))
        except Exception as error:  # one member's evaluation is no fault of the others
            return Broken(error)

    for i, task in enumerate(tasks):
        try:
            lanes[i], epochs = _lane(task, ds)
        except Exception as error:
            yield i, Broken(error)
            continue
        if task.resume is None or epochs < task.spec.optimizer.epochs:
            by_columns.setdefault(lanes[i].member.encoded.shape[1], []).append(i)
        elif not dropped(i):
            resumed = located(task.resume)
            yield i, result(i, resumed, artifacts.record(CHECKPOINT, resumed))
    for _, places in sorted(by_columns.items()):

        def unwanted(k: int, places: Sequence[int] = places) -> bool:
            return dropped(places[k])

        for event in train.train([lanes[i] for i in places], source, width, dropped=unwanted):
            i = places[event.lane]
            if isinstance(event, train.Diverged):
                yield i, Diverged(event.epoch)
                continue
            yield i, Progress(tuple(event.records), event.saved)
            if event.records[-1].epoch == tasks[i].spec.optimizer.epochs and not dropped(i):
                yield i, result(i, event.checkpoint, event.saved)


def _baseline(
    task: Task, ds: xr.Dataset, dropped: Callable[[], bool]
) -> Iterator[Progress | Result | Diverged | Broken]:
    """Train and evaluate a statistical model, as `execute` does the land model."""
    spec = task.spec
    try:
        check(spec, ds)
        directory, resume = located(task.directory), None if task.resume is None else located(task.resume)
        make_directory(directory)
        member = batch.Member.of(spec, ds)
        model = learner.make(spec, ds, member, directory, resume)
        saved = None if resume is None else artifacts.record(CHECKPOINT, resume)
        for event in model.fit(dropped):
            if isinstance(event, train.Diverged):
                yield Diverged(event.epoch)
                return
            saved = event.saved
            yield Progress(tuple(event.records), saved)
        if saved is None or dropped():
            return
        found = evaluate.compare(
            spec, ds, member, lambda part, pixels, keep: ({}, model.predict(part, pixels)), model.variables
        )
        scores, files = evaluate.write(spec, ds, member, found, directory)
        yield Result(tuple(scores), (saved, *files))
    except Exception as error:
        yield Broken(error)


def _lane(task: Task, ds: xr.Dataset) -> tuple[train.Lane, int]:
    """What trains a run, and its epochs so far; LandlabError where spec or checkpoint do not fit."""
    check(task.spec, ds)
    directory, resume = located(task.directory), None if task.resume is None else located(task.resume)
    make_directory(directory)
    lane = train.Lane(task.spec, batch.Member.of(task.spec, ds), directory, resume)
    return lane, 0 if task.resume is None else train.restored(lane)[1]


def group_key(spec: RunSpec) -> tuple[Any, ...]:
    """What runs must have in common to train side by side: equal programs and equal shapes.

    A baseline trains alone: it says so by an id of its own.
    """
    if spec.model != "dalec":
        return (spec.run_id,)
    o = spec.optimizer
    return (spec.dataset, spec.process, spec.network, spec.split, o.patches_per_batch)


def environment() -> dict[str, Any]:
    """What a worker runs on: versions of packages, those that offer processes included, and the device."""
    packages = ("jax", "jaxlib", "flax", "optax", "scikit-learn", "numpy", "xarray", "zarr")
    device = jax.devices()[0]
    return {
        "versions": {"python": platform.python_version(), "landlab_mgr": __version__}
        | {p: version(p) for p in packages}
        | process_packages()
        | {"xla_flags": os.environ.get("XLA_FLAGS", "")},
        "device": f"{device.platform}:{device.device_kind}",
    }
