"""`landlab bench stream`: training and evaluation of a dataset that stays on disk, their speed and their memory."""

import multiprocessing
import resource
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import jax
import numpy as np
import xarray as xr

from landlab_mgr.cli.bench import synthetic
from landlab_mgr.data import batch, store
from landlab_mgr.data.stream import Stream, open_stream
from landlab_mgr.models import registry
from landlab_mgr.observations.calendar import Calendar
from landlab_mgr.spec.run import RunSpec
from landlab_mgr.training import evaluate, train, update
from landlab_mgr.training.checkpoint import Lane

BLOCK_PATCHES = 32
"""Patches that are drawn and written at once."""
MEMORY_BYTES = 2**30
"""In memory, training is timed on as many patches as take this much."""

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Figures:
    """Peaks are of whole processes that did nothing else; rates are medians over the rounds."""

    pixels: int
    months: int
    updates: int
    dataset_gb: float
    """On disk, compressed; likewise the packed copy, which is not."""
    packed_gb: float
    pack_seconds: float
    pack_peak_gb: float
    updates_per_s: float
    pixel_months_per_s: float
    train_peak_gb: float
    memory_updates_per_s: float
    """Of the same updates with the dataset in memory."""
    slowdown: float
    """Time of a streamed update over time of one in memory."""
    evaluate_seconds: float
    evaluate_peak_gb: float


def measure(
    directory: Path,
    patches: int = 939,
    pixels: int = 320,
    months: int = 168,
    updates: int = 100,
    rounds: int = 3,
) -> Figures:
    """Write a dataset of `pixels` in each of `patches` (or take the one that is there), train on it and evaluate."""
    path = _alone(planet, directory, patches, pixels, months)
    pack_seconds, pack_peak = _alone(_pack, path)
    _, train_peak = _alone(_trained, path, updates)
    streamed, in_memory = _alone(_compared, path, updates, rounds)
    evaluate_seconds, evaluate_peak = _alone(_evaluated, path)
    return Figures(
        pixels=patches * pixels,
        months=months,
        updates=updates,
        dataset_gb=_size(path) / 1e9,
        packed_gb=sum(_size(p) for p in path.parent.glob(".packed-*.zarr")) / 1e9,
        pack_seconds=pack_seconds,
        pack_peak_gb=pack_peak,
        updates_per_s=1 / streamed,
        pixel_months_per_s=pixels * months / streamed,
        train_peak_gb=train_peak,
        memory_updates_per_s=1 / in_memory,
        slowdown=streamed / in_memory,
        evaluate_seconds=evaluate_seconds,
        evaluate_peak_gb=evaluate_peak,
    )


def _alone(work: Callable[..., Answer], *args: Any) -> Answer:
    """Return the answer of a fresh process, whose memory is its own."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(work, *args).result()


def _peak_gb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def _size(directory: Path) -> int:
    return sum(file.stat().st_size for file in directory.rglob("*") if file.is_file())


def planet(directory: Path, patches: int, pixels: int, months: int) -> Path:
    """Path of the dataset of this shape under `directory`; written where it is not there."""
    name = f"bench-{patches}x{pixels}x{months}"
    for published in store.list_published(directory):
        if published.name == name:
            return directory / published.path.name
    skeleton = synthetic.skeleton(name, patches, pixels, months)

    def part(first: int) -> store.Part:
        last = min(first + BLOCK_PATCHES, patches)
        return slice(first * pixels, last * pixels), synthetic.series_of(
            first, (last - first) * pixels, months
        )

    blocks = map(part, range(0, patches, BLOCK_PATCHES))
    return directory / store.publish_parts(skeleton, blocks, directory).path.name


def _pack(path: Path) -> tuple[float, float]:
    """Seconds and peak memory of making the packed copy anew."""
    for old in path.parent.glob(".packed-*.zarr"):
        shutil.rmtree(old)
    started = time.perf_counter()
    open_stream(store.open_dataset(path), path.parent, registry.model(registry.DEFAULT))
    return time.perf_counter() - started, _peak_gb()


def _spec(ds: xr.Dataset) -> RunSpec:
    warmup = min(24, ds.sizes["time"] // 2)
    return RunSpec(dataset=ds.attrs["fingerprint"], predictors=(synthetic.GROUP,), warmup_months=warmup)


class _Program:
    """A member of a dataset and its compiled update."""

    def __init__(self, ds: xr.Dataset, source: Stream | batch.Arrays, updates: int) -> None:
        spec = _spec(ds)
        member = batch.Member.of(spec, ds)
        lane = Lane(spec, member, Path())  # nothing is committed
        self._source, self._static = source, train.static_of(lane, source, Calendar.of(ds))
        state = update.initial_state(spec, member)
        self._state = jax.device_put(update.stack([state]))
        self._view = jax.device_put(update.stack([member.view]))
        self._hyper = jax.device_put(update.stack([update.hyper(spec, member, self._static.terms)]))
        epoch = member.batches(0, 1)
        cycle = np.arange(updates) % len(epoch.pixel)
        self._order = batch.Selection(*(x[cycle][None] for x in epoch[:3]))
        self.seconds(updates)  # compiles

    def seconds(self, updates: int) -> float:
        """Of one update, when it does these."""
        order = batch.Selection(*(x[:, :updates] for x in self._order[:3]))
        started = time.perf_counter()
        self._state, terms = train.one_epoch(
            self._state, self._source, self._view, order, self._hyper, self._static
        )
        jax.block_until_ready(terms)
        return (time.perf_counter() - started) / updates


def _trained(path: Path, updates: int) -> tuple[float, float]:
    """Seconds of a streamed update, and peak memory."""
    ds, model = store.open_dataset(path), registry.model(registry.DEFAULT)
    program = _Program(ds, open_stream(ds, path.parent, model), updates)
    return program.seconds(updates), _peak_gb()


def _compared(path: Path, updates: int, rounds: int) -> tuple[float, float]:
    """Seconds of an update streamed and in memory, alternating."""
    ds, model = store.open_dataset(path), registry.model(registry.DEFAULT)
    streamed = _Program(ds, open_stream(ds, path.parent, model), updates)
    share = min(1.0, MEMORY_BYTES / batch.bytes_of(ds, model))
    few = max(4, int(share * (int(ds["patch"].max()) + 1)))
    part = batch.read(ds, np.flatnonzero(ds["patch"].values < few))
    in_memory = _Program(part, batch.load(part, model), updates)
    pairs = [(streamed.seconds(updates), in_memory.seconds(updates)) for _ in range(rounds)]
    return statistics.median(a for a, _ in pairs), statistics.median(b for _, b in pairs)


def _evaluated(path: Path) -> tuple[float, float]:
    """Seconds and peak memory of one evaluation of everything."""
    ds = store.open_dataset(path)
    spec = _spec(ds)
    started = time.perf_counter()
    member = batch.Member.of(spec, ds)
    params = update.initial_state(spec, member).params
    with tempfile.TemporaryDirectory(dir=path.parent) as directory:
        evaluate.evaluate(spec, ds, member, params, Path(directory))
    return time.perf_counter() - started, _peak_gb()
