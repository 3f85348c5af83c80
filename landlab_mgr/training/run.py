"""Runs from their specs to their files: check, train, evaluate, write. Knows no database and no scheduler."""

import os
import platform
import traceback
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from importlib.metadata import version
from typing import Any

import jax
import xarray as xr

from landlab_mgr import __version__
from landlab_mgr.data import batch, store
from landlab_mgr.data.needs import check as check
from landlab_mgr.data.stream import open_stream, stream_directory
from landlab_mgr.errors import LandlabError
from landlab_mgr.models import registry
from landlab_mgr.observations.calendar import Calendar
from landlab_mgr.records import CHECKPOINT, ArtifactRecord, Event, Failed, Progress, Result, Task
from landlab_mgr.spec.run import RunSpec
from landlab_mgr.storage import artifacts
from landlab_mgr.storage.location import located, make_directory
from landlab_mgr.training import checkpoint, evaluate
from landlab_mgr.training.checkpoint import Lane
from landlab_mgr.training.learner import Data, Learner, learner_of

IN_MEMORY_BYTES = 2 * 2**30
"""A dataset that would take more of the device's memory than this is streamed from disk."""


@lru_cache(maxsize=2)
def _opened(path: str, model: str, stream: bool | None) -> Data:
    """Open a published dataset as the learner of a model wants it.

    It is kept, since a worker's next run mostly needs it again.
    """
    ds = store.open_dataset(path)
    calendar, learner = Calendar.of(ds), learner_of(model)
    value = registry.model(model)
    batch.forcing_names(ds, value)
    if stream is None:
        stream = batch.bytes_of(ds, value) > IN_MEMORY_BYTES
    if not learner.gradients:
        if stream:
            raise LandlabError(
                f"{located(path).name} is streamed from disk, and model {model!r} needs it in memory; "
                "use a smaller dataset, or a model that learns by gradients"
            )
        return Data(ds.load(), calendar)
    if stream:
        return Data(ds, calendar, open_stream(ds, stream_directory(located(path)), value), streamed=True)
    ds = ds.load()
    return Data(ds, calendar, batch.load(ds, value))


def execute(
    tasks: Sequence[Task],
    width: int | None = None,
    dropped: Callable[[str], bool] = lambda key: False,
    stream: bool | None = None,
) -> Iterator[tuple[str, Event]]:
    """Train members side by side, yielding their epochs as they become durable, then the result of each.

    Members whose predictors need more columns than the dataset's own groups have (`predictors.width`) train after
    the others: their programs differ.

    Args:
        tasks: runs on one dataset whose `group_key` is the same.
        width: lanes of the compiled program, at least one for each task; default: just those.
        dropped: whether nobody wants the task of this key any more; asked before every epoch.
        stream: train from disk; default: where the dataset needs more memory than IN_MEMORY_BYTES.

    Yields:
        the key of a task, and what became of it; each ends with a Result or Failed.

    Raises:
        LandlabError: where the dataset cannot be read, or is streamed and shall train several members at once or by
            boosting.
    """
    [dataset], [model] = {task.dataset for task in tasks}, {task.spec.model for task in tasks}
    data, learner = _opened(dataset, model, stream), learner_of(model)
    if data.streamed and (width or len(tasks)) > 1:
        raise LandlabError(
            f"{located(dataset).name} is streamed from disk, one member at a time, not {width or len(tasks)}; "
            "use --members 1"
        )
    by_key = {task.key: task for task in tasks}
    lanes: dict[str, Lane] = {}
    by_columns: dict[int, list[str]] = {}
    for key, task in by_key.items():
        try:
            lanes[key] = _lane(task, data.ds)
            epochs = _epochs_done(lanes[key], learner)
        except Exception as error:
            yield key, failed(error)
            continue
        if task.resume is None or epochs < task.spec.optimizer.epochs:
            by_columns.setdefault(lanes[key].member.encoded.shape[1], []).append(key)
        elif not dropped(key):
            saved = artifacts.record(CHECKPOINT, located(task.resume))
            yield key, _result(lanes[key], data, saved)
    for _, keys in sorted(by_columns.items()):

        def unwanted(i: int, keys: Sequence[str] = keys) -> bool:
            return dropped(keys[i])

        for i, event in learner.fit([lanes[key] for key in keys], data, width, unwanted):
            key = keys[i]
            yield key, event
            last = lanes[key].spec.optimizer.epochs
            if isinstance(event, Progress) and event.epochs[-1].epoch == last and not dropped(key):
                yield key, _result(lanes[key], data, event.checkpoint)


def _result(lane: Lane, data: Data, saved: ArtifactRecord) -> Result | Failed:
    """Return what a trained member leaves, or the failure of its evaluation.

    Such a failure is no fault of the others.
    """
    try:
        params = checkpoint.load(located(saved.path))["weights"]
        off = data.source.off if data.source else ()
        scores, files = evaluate.evaluate(lane.spec, data.ds, lane.member, params, lane.directory, off)
        return Result(tuple(scores), (saved, *files))
    except Exception as error:
        return failed(error)


def failed(error: Exception) -> Failed:
    """Return the end of a task that raised: out of memory, or an error.

    It has the traceback, but for messages of ours.
    """
    if isinstance(error, LandlabError):
        return Failed("error", str(error))
    out_of_memory = isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in str(error)
    message = f"{type(error).__name__}: {error}".splitlines()[0]
    return Failed("oom" if out_of_memory else "error", message, "".join(traceback.format_exception(error)))


def _lane(task: Task, ds: xr.Dataset) -> Lane:
    """Make the lane that trains a run.

    LandlabError where its spec does not fit the dataset.
    """
    check(task.spec, ds)
    directory, resume = located(task.directory), None if task.resume is None else located(task.resume)
    make_directory(directory)
    return Lane(task.spec, batch.Member.of(task.spec, ds), directory, resume)


def _epochs_done(lane: Lane, learner: Learner) -> int:
    """Epochs that the checkpoint of a lane holds; LandlabError where it does not fit."""
    if lane.resume is None:
        return 0
    return checkpoint.restored(lane).epoch if learner.gradients else checkpoint.load(lane.resume)["epoch"]


def group_key(spec: RunSpec) -> tuple[Any, ...]:
    """Return what runs must have in common to train side by side.

    That is equal programs and equal shapes.

    A member of a learner without lanes trains alone: it says so by an id of its own.
    """
    if not learner_of(spec.model).gradients:
        return (spec.run_id,)
    choices = tuple(sorted(spec.processes.items()))
    shapes = (spec.network, spec.split, spec.loss, spec.batch, spec.optimizer.patches_per_batch)
    return (spec.dataset, spec.model, choices, *shapes)


def environment() -> dict[str, Any]:
    """Return what a worker runs on: versions of packages, and the device.

    Packages that offer models or processes are included.
    """
    packages = ("jax", "jaxlib", "flax", "optax", "scikit-learn", "numpy", "xarray", "zarr")
    device = jax.devices()[0]
    return {
        "versions": {"python": platform.python_version(), "landlab_mgr": __version__}
        | {p: version(p) for p in packages}
        | registry.packages()
        | {
            "xla_flags": os.environ.get("XLA_FLAGS", ""),
            "jax_enable_x64": str(jax.config.read("jax_enable_x64")),
        },
        "device": f"{device.platform}:{device.device_kind}",
    }
