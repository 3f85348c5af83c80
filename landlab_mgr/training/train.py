"""Training members to their last epoch: lanes, the generator of epoch records, and checkpoints.

An epoch is reported only after the checkpoint that holds it is durable, so whoever records what this module yields can
resume from it. No checkpoint is removed here: only who records knows which one nobody needs any more. All randomness
is a function of the spec's seeds and the epoch number.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from flax import serialization
from jax import Array

from landlab_mgr.data.batch import Arrays, Member, Packed, Selection, View
from landlab_mgr.errors import LandlabError
from landlab_mgr.records import CHECKPOINT, ArtifactRecord, EpochRecord
from landlab_mgr.spec.run import RunSpec
from landlab_mgr.storage import artifacts, location
from landlab_mgr.storage.location import Location
from landlab_mgr.training.update import (
    Hyper,
    State,
    Static,
    hyper,
    initial_state,
    no_terms,
    score_batches,
    stack,
    terms_of,
    train_batches,
)

CHECKPOINT_SECONDS = 2.0
"""Epochs are committed together about this often; a kill costs at most this much work."""


def save(path: Location, content: Mapping[str, Any]) -> ArtifactRecord:
    """Write a msgpack checkpoint durably, whole or not at all."""
    return artifacts.put(CHECKPOINT, serialization.msgpack_serialize(dict(content)), path)


def load(path: Location) -> dict[str, Any]:
    """Read a checkpoint; LandlabError where it is missing, damaged or out of reach."""
    try:
        return serialization.msgpack_restore(location.content(path))
    except LandlabError:
        raise
    except FileNotFoundError:
        raise LandlabError(f"no checkpoint {path}; `landlab show RUN` lists what the run wrote") from None
    except Exception as error:
        raise LandlabError(f"checkpoint {path} is damaged ({error}); retry the run from the start") from None


def put(directory: Location, epoch: int, content: Mapping[str, Any]) -> tuple[Location, ArtifactRecord]:
    """Write the checkpoint of an epoch durably, beside those before it."""
    path = directory / f"checkpoint-{epoch:06d}.msgpack"
    return path, save(path, content)


def unfit(checkpoint: Location, spec: RunSpec) -> LandlabError:
    """What is said of a checkpoint of something else."""
    return LandlabError(
        f"checkpoint {checkpoint} does not hold what run {spec.run_id} trains; retry the run from the start"
    )


class Best(NamedTuple):
    """The weights of the epoch with the lowest dev loss so far; with lanes, each array begins with the lane."""

    weights: Any
    dev: Array | np.ndarray | np.float32
    """Its dev loss, summed over pixels; inf before the first epoch."""
    epoch: Array | np.ndarray | np.int32


@jax.jit
def _better(best: Best, weights: Any, held_out: dict[str, Array], epoch: Array) -> Best:
    """The best so far of each lane, once `epoch` has left these weights and dev terms."""
    dev = jnp.stack([held_out[n] for n in sorted(held_out)]).sum(axis=0)
    wins = dev < best.dev

    def chosen(new: Array, old: Any) -> Array:
        return jnp.where(wins.reshape(-1, *[1] * (new.ndim - 1)), new, old)

    return Best(jax.tree.map(chosen, weights, best.weights), chosen(dev, best.dev), chosen(epoch, best.epoch))


def content_of(
    state: State, epoch: int, member: Member, spec: RunSpec, best: Best | None = None
) -> dict[str, Any]:
    """What a checkpoint holds.

    What predicts is under `weights`; where that is not what goes on training, the latter is under `latest`.
    """
    scale = member.scale
    content = {
        "epoch": epoch,
        "spec": spec.model_dump_json(),
        "weights": state.weights,
        "moments": serialization.to_state_dict(state.moments),
        "encoder": member.encoder.to_dict(),
        "scale": None if scale is None else {n: x._asdict() for n, x in scale._asdict().items()},
    }
    if best is None:
        return content
    kept = {"best": {"dev": best.dev, "epoch": best.epoch}, "latest": state.weights}
    return content | kept | {"weights": best.weights}


@dataclass(frozen=True)
class Lane:
    """One member to train: its split and predictors, where its checkpoints go, and what to go on from."""

    spec: RunSpec
    member: Member
    directory: Location
    resume: Location | None = None


class Restored(NamedTuple):
    """Where a lane's training stands."""

    state: State
    epoch: int
    best: Best


def restored(lane: Lane) -> Restored:
    """Where a lane's training stands: a new member, or what its checkpoint holds.

    LandlabError where the checkpoint is missing, damaged or of another run.
    """
    new = initial_state(lane.spec, lane.member.n_columns, lane.member.encoded.shape[1])
    best = Best(jax.tree.map(np.zeros_like, new.weights), np.float32(np.inf), np.int32(0))
    if lane.resume is None:
        return Restored(new, 0, best)
    content = load(lane.resume)
    try:
        weights = content["weights"]
        if lane.spec.optimizer.keep == "best_dev":
            found = content["best"]
            best = Best(weights, np.float32(found["dev"]), np.int32(found["epoch"]))
            weights = content["latest"]
        moments = serialization.from_state_dict(new.moments, content["moments"])
        state, epoch = State(weights, moments), int(content["epoch"])
        fits = jax.tree.map(np.shape, (state, best.weights)) == jax.tree.map(np.shape, (new, new.weights))
    except (KeyError, TypeError, ValueError, AttributeError):
        fits = False
    if not fits:
        raise unfit(lane.resume, lane.spec)
    return Restored(state, epoch, best)


class Committed(NamedTuple):
    """Epochs of a lane that a durable checkpoint holds."""

    lane: int
    records: list[EpochRecord]
    checkpoint: Location
    saved: ArtifactRecord


class Diverged(NamedTuple):
    """A lane's loss became NaN or infinite at this epoch; a scientific outcome. Nothing of its group is written."""

    lane: int
    epoch: int


class Source(Protocol):
    """A dataset to train on: `Arrays` in memory, or a stream."""

    @property
    def fires(self) -> bool:
        """Whether anything burns."""

    @property
    def streams(self) -> Sequence[str]:
        """Observation streams that it has."""

    def chunks(self, view: View, order: Selection) -> Iterator[tuple[Arrays | Packed, View, Selection]]:
        """The batches of `order` ([lane, batch, pixel]) in pieces that fit the device."""


def static_of(spec: RunSpec, member: Member, source: Source) -> Static:
    """What the compiled program of a member depends on, besides shapes."""
    return Static(
        network=spec.network,
        water_stress=spec.process.water_stress,
        terms=terms_of(source.streams),
        patches=member.patches_per_batch,
        fires=source.fires,
    )


@dataclass
class _Progress:
    """How far a lane is, and what it has not committed."""

    epoch: int
    last: int
    pending: list[tuple[int, int]] = field(default_factory=list)
    """Epoch, and its place among the group's uncommitted results."""
    going: bool = True


def train(
    lanes: Sequence[Lane],
    source: Source,
    width: int | None = None,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
    dropped: Callable[[int], bool] = lambda lane: False,
) -> Iterator[Committed | Diverged]:
    """Train members to their last epochs, yielding epochs in groups as their checkpoints become durable.

    A lane that diverges, ends or is dropped leaves the others as they are, to the bit.

    Args:
        lanes: members of equal shapes: one dataset, process choice, network and number of patches in a batch.
        source: their dataset.
        width: lanes of the program; those without a member repeat the first. Default: as many as there are members.
        checkpoint_seconds: how long epochs may stay uncommitted.
        dropped: whether nobody wants this lane any more; asked before every epoch.
    """
    width = width or len(lanes)
    filled = [*lanes, *([lanes[0]] * (width - len(lanes)))]
    [static] = {static_of(lane.spec, lane.member, source) for lane in lanes}
    states, bests, progress = [], [], []
    for lane in filled:
        found = restored(lane)
        states.append(found.state)
        bests.append(found.best)
        last = lane.spec.optimizer.epochs
        progress.append(_Progress(found.epoch, last, going=found.epoch < last))
    for extra in progress[len(lanes) :]:
        extra.going = False
    state = jax.device_put(stack(states))
    view = jax.device_put(stack([lane.member.view for lane in filled]))
    numbers = jax.device_put(stack([hyper(lane.spec, static.terms) for lane in filled]))
    keeping = any(lane.spec.optimizer.keep == "best_dev" for lane in lanes)
    best = jax.device_put(stack(bests)) if keeping else None
    dev = None if filled[0].member.dev is None else stack([lane.member.dev for lane in filled])

    results: list[tuple[dict[str, Array], dict[str, Array]]] = []
    started = time.monotonic()
    while True:
        for i, p in enumerate(progress):
            p.going = p.going and not dropped(i)
        if not any(p.going for p in progress):
            return
        for p in progress:
            p.epoch = min(p.epoch + 1, p.last)
            if p.going:
                p.pending.append((p.epoch, len(results)))
        order = stack(
            [
                lane.member.batches(lane.spec.seeds.shuffle, p.epoch)
                for lane, p in zip(filled, progress, strict=True)
            ]
        )
        state, trained = one_epoch(state, source, view, order, numbers, static)
        held_out = {} if dev is None else _score(state, source, view, dev, numbers, static)
        if best is not None:
            epochs = np.array([p.epoch for p in progress], np.int32)
            best = _better(best, state.weights, held_out, epochs)
        results.append((trained, held_out))
        jax.block_until_ready((trained, held_out))
        elapsed = time.monotonic() - started
        ended = any(p.going and p.epoch == p.last for p in progress)
        if elapsed < checkpoint_seconds and not ended:
            continue
        host = jax.tree.map(np.asarray, (state, best))
        numbered = jax.device_get(results)
        share = elapsed / len(results) / sum(p.going for p in progress)
        committed = [
            _commit(i, lane, p, jax.tree.map(lambda x, i=i: x[i], host), numbered, share)
            for i, (lane, p) in enumerate(zip(filled, progress, strict=True))
            if p.going
        ]
        yield from committed  # all are durable before anyone is told
        results, started = [], time.monotonic()


def one_epoch(
    state: State, source: Source, view: View, order: Selection, numbers: Hyper, static: Static
) -> tuple[State, dict[str, Array]]:
    """`train_batches` over all the pieces of a source."""
    total = no_terms(static.terms, len(order.mask))
    for arrays, part, piece in source.chunks(view, order):
        before = total
        state, total = train_batches(state, before, arrays, part, piece, numbers, static)
        jax.block_until_ready(before)  # or pieces would queue for the device
    return state, total


def _score(
    state: State, source: Source, view: View, order: Selection, numbers: Hyper, static: Static
) -> dict[str, Array]:
    """`score_batches` over all the pieces of a source."""
    total = no_terms(static.terms, len(order.mask))
    for arrays, part, piece in source.chunks(view, order):
        before = total
        total = score_batches(state.weights, before, arrays, part, piece, numbers, static)
        jax.block_until_ready(before)
    return total


def _commit(
    index: int,
    lane: Lane,
    progress: _Progress,
    now: tuple[State, Best | None],
    results: Sequence[tuple[dict[str, np.ndarray], dict[str, np.ndarray]]],
    seconds: float,
) -> Committed | Diverged:
    """Make a lane's uncommitted epochs durable; or, where one is not finite, end the lane and write nothing."""
    n_train, n_dev = len(lane.member.pixels("train")), len(lane.member.pixels("dev"))
    records = []
    for epoch, place in progress.pending:
        trained, held_out = results[place]
        by_term = {name: float(value[index]) / n_train for name, value in trained.items()}
        by_dev = {name: float(value[index]) / n_dev for name, value in held_out.items()}
        total, dev = sum(by_term.values()), sum(by_dev.values()) if n_dev else float("nan")
        if not np.isfinite(total + (dev if n_dev else 0.0)):
            progress.going = False
            return Diverged(index, epoch)
        terms = by_term | {f"dev_{n}": x for n, x in by_dev.items()}
        records.append(EpochRecord(epoch, total, dev, terms, seconds))
    state, best = now
    if lane.spec.optimizer.keep == "last":  # another lane of the group keeps its best
        best = None
    content = content_of(state, progress.epoch, lane.member, lane.spec, best)
    path, saved = put(lane.directory, progress.epoch, content)
    progress.pending = []
    progress.going = progress.epoch < progress.last
    return Committed(index, records, path, saved)
