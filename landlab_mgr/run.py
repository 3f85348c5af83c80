"""Runs from their specs to their files: check, train, evaluate, write. Knows no database and no scheduler."""

import os
import platform
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax
import numpy as np
import xarray as xr

from landlab_mgr import __version__, artifacts, evaluate, train
from landlab_mgr.data import batch, predictors, split, store
from landlab_mgr.errors import LandlabError
from landlab_mgr.process import water_stress
from landlab_mgr.records import CHECKPOINT, ArtifactRecord, EpochRecord, MetricRecord
from landlab_mgr.spec import RunSpec


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
    split.assign(ds, spec.split, spec.seeds.split)
    months = ds.sizes["time"]
    if months <= spec.warmup_months:
        raise LandlabError(f"warmup_months = {spec.warmup_months} leaves nothing of {months} months to score")


@lru_cache(maxsize=2)
def _opened(path: str) -> tuple[xr.Dataset, batch.Arrays]:
    """A published dataset in memory and on the device; kept, since a worker's next run mostly needs it again."""
    ds = store.open_dataset(path).load()
    return ds, batch.load(ds)


@dataclass(frozen=True)
class Diverged:
    """A loss was not finite; nothing after this run's last Progress is kept."""

    epoch: int


@dataclass(frozen=True)
class Task:
    """A run to execute: where it writes, and the checkpoint of an earlier attempt to go on from."""

    spec: RunSpec
    directory: Path
    resume: Path | None = None


def execute(
    tasks: Sequence[Task], dataset: str | Path, width: int | None = None
) -> Iterator[tuple[int, Progress | Result | Diverged]]:
    """Train members side by side, yielding their epochs as they become durable, then the result of each.

    Args:
        tasks: runs on one dataset whose `group_key` is the same.
        dataset: path of its published dataset.
        width: lanes of the compiled program, at least one for each task; default: just those.

    Yields:
        the place of a task, and what became of it; each ends with a Result or Diverged.

    Raises:
        LandlabError: where a spec does not fit the dataset.
    """
    ds, arrays = _opened(str(dataset))
    lanes = []
    for task in tasks:
        check(task.spec, ds)
        task.directory.mkdir(parents=True, exist_ok=True)
        lanes.append(train.Lane(task.spec, batch.Member.of(task.spec, ds), task.directory, task.resume))
    newest = {i: task.resume for i, task in enumerate(tasks)}
    done = {
        i for i, path in newest.items() if path is not None and train.epochs_of(path) >= _epochs(tasks[i])
    }

    def result(i: int) -> Result:
        path = newest[i]
        assert path is not None
        spec, lane = tasks[i].spec, lanes[i]
        weights = train.load(path)["weights"]
        scores, files = evaluate.evaluate(spec, ds, arrays, lane.member, weights, lane.directory)
        return Result(tuple(scores), (artifacts.record(CHECKPOINT, path), *files))

    for i in sorted(done):
        yield i, result(i)
    for event in train.train(lanes, arrays, width):
        i = event.lane
        if isinstance(event, train.Diverged):
            yield i, Diverged(event.epoch)
            continue
        newest[i] = event.checkpoint
        yield i, Progress(tuple(event.records), artifacts.record(CHECKPOINT, event.checkpoint))
        if event.records[-1].epoch == _epochs(tasks[i]):
            yield i, result(i)


def _epochs(task: Task) -> int:
    return task.spec.optimizer.epochs


def group_key(spec: RunSpec) -> tuple[Any, ...]:
    """What runs must have in common to train side by side: equal programs and equal shapes."""
    o = spec.optimizer
    return (spec.dataset, spec.process, spec.network, spec.split, o.patches_per_batch)


def environment() -> dict[str, Any]:
    """What a worker runs on: package versions, device and execution mode, for the attempt's provenance."""
    packages = ("jax", "jaxlib", "flax", "optax", "numpy", "xarray", "zarr")
    device = jax.devices()[0]
    return {
        "versions": {"python": platform.python_version(), "landlab_mgr": __version__}
        | {p: version(p) for p in packages}
        | {"xla_flags": os.environ.get("XLA_FLAGS", "")},
        "device": f"{device.platform}:{device.device_kind}",
    }
