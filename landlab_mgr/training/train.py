"""Training members to their last epoch: lanes, the generator of epoch records, and checkpoints.

An epoch is reported only after the checkpoint that holds it is durable, so whoever records what this module yields can
resume from it. No checkpoint is removed here: only who records knows which one nobody needs any more. All randomness
is a function of the spec's seeds and the epoch number.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from landlab_mgr.data.batch import Arrays, Packed, Selection, View, setup_of
from landlab_mgr.observations.calendar import Calendar
from landlab_mgr.records import EpochRecord, Failed, Progress
from landlab_mgr.training import checkpoint
from landlab_mgr.training.checkpoint import Best, Lane, restored
from landlab_mgr.training.update import (
    Hyper,
    State,
    Static,
    hyper,
    no_terms,
    score_batches,
    stack,
    terms_of,
    train_batches,
)

PARTS: tuple[Literal["train", "dev"], ...] = ("train", "dev")
"""Parts of a split that training computes a loss of."""
CHECKPOINT_SECONDS = 2.0
"""Epochs are committed together about this often; a kill costs at most this much work."""


@jax.jit
def _better(best: Best, params: Any, held_out: dict[str, Array], epoch: Array) -> Best:
    """Return the best of each lane after `epoch` left these parameters and dev terms."""
    dev = jnp.stack([held_out[n] for n in sorted(held_out)]).sum(axis=0)
    wins = dev < best.dev

    def chosen(new: Array, old: Any) -> Array:
        return jnp.where(wins.reshape(-1, *[1] * (new.ndim - 1)), new, old)

    return Best(jax.tree.map(chosen, params, best.params), chosen(dev, best.dev), chosen(epoch, best.epoch))


def diverged(epoch: int) -> Failed:
    """Return the end of a member whose loss became NaN or infinite at this epoch.

    It is a scientific outcome.
    """
    return Failed("nan", f"loss is not finite at epoch {epoch}")


class Source(Protocol):
    """A dataset to train on: `Arrays` in memory, or a stream."""

    @property
    def off(self) -> tuple[str, ...]:
        """Switches of the model that are 0 everywhere."""

    @property
    def streams(self) -> Sequence[str]:
        """Observation streams that it has."""

    def chunks(self, view: View, order: Selection) -> Iterator[tuple[Arrays | Packed, View, Selection]]:
        """Yield the batches of `order` ([lane, batch, pixel]) in pieces that fit the device."""


def static_of(lane: Lane, source: Source, calendar: Calendar) -> Static:
    """Return what the compiled program of a lane depends on, besides shapes."""
    spec, member = lane.spec, lane.member
    return Static(
        setup=setup_of(spec, member.scale_of_targets),
        terms=terms_of(spec, source.streams),
        patches=member.patches_per_batch,
        off=source.off,
        calendar=calendar,
        window=member.window,
    )


@dataclass
class _Lane:
    """Progress of a lane, and what it has not committed."""

    epoch: int
    last: int
    pending: list[tuple[int, int]] = field(default_factory=list)
    """Epoch, and its place among the group's uncommitted results."""
    going: bool = True


def train(
    lanes: Sequence[Lane],
    source: Source,
    calendar: Calendar,
    width: int | None = None,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
    dropped: Callable[[int], bool] = lambda lane: False,
) -> Iterator[tuple[int, Progress | Failed]]:
    """Train members to their last epochs, yielding epochs in groups as their checkpoints become durable.

    Yields the place of a lane with each event; where a loss is not finite, Failed, and nothing of its group is written.
    A lane that diverges, ends or is dropped leaves the others as they are, to the bit.

    Args:
        lanes: members of equal shapes: one dataset, process choice, network and number of patches in a batch.
        source: their dataset.
        calendar: of the dataset.
        width: lanes of the program; those without a member repeat the first. Default: as many as there are members.
        checkpoint_seconds: how long epochs may stay uncommitted.
        dropped: whether nobody wants this lane any more; asked before every epoch.
    """
    width = width or len(lanes)
    filled = [*lanes, *([lanes[0]] * (width - len(lanes)))]
    [static] = {static_of(lane, source, calendar) for lane in lanes}
    states, bests, progress = [], [], []
    for lane in filled:
        start = restored(lane)
        states.append(start.state)
        bests.append(start.best)
        last = lane.spec.optimizer.epochs
        progress.append(_Lane(start.epoch, last, going=start.epoch < last))
    for extra in progress[len(lanes) :]:
        extra.going = False
    state = jax.device_put(stack(states))
    view = jax.device_put(stack([lane.member.view for lane in filled]))
    numbers, dev_numbers = (
        jax.device_put(stack([hyper(lane.spec, lane.member, static.terms, part) for lane in filled]))
        for part in PARTS
    )
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
        rate = [lane.spec.optimizer.rate(p.epoch) for lane, p in zip(filled, progress, strict=True)]
        numbers = numbers._replace(learning_rate=jax.device_put(np.array(rate, np.float32)))
        state, trained = one_epoch(state, source, view, order, numbers, static)
        held_out = {} if dev is None else _score(state, source, view, dev, dev_numbers, static)
        if best is not None:
            epochs = np.array([p.epoch for p in progress], np.int32)
            best = _better(best, state.params, held_out, epochs)
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
            (i, _commit(i, lane, p, jax.tree.map(lambda x, i=i: x[i], host), numbered, share))
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
        total = score_batches(state.params, before, arrays, part, piece, numbers, static)
        jax.block_until_ready(before)
    return total


def _commit(
    index: int,
    lane: Lane,
    progress: _Lane,
    now: tuple[State, Best | None],
    results: Sequence[tuple[dict[str, np.ndarray], dict[str, np.ndarray]]],
    seconds: float,
) -> Progress | Failed:
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
            return diverged(epoch)
        terms = by_term | {f"dev_{n}": x for n, x in by_dev.items()}
        records.append(EpochRecord(epoch, total, dev, terms, seconds))
    state, best = now
    if lane.spec.optimizer.keep == "last":  # another lane of the group keeps its best
        best = None
    content = checkpoint.content_of(state, progress.epoch, lane.member, lane.spec, best)
    saved = checkpoint.put(lane.directory, progress.epoch, content)
    progress.pending = []
    progress.going = progress.epoch < progress.last
    return Progress(tuple(records), saved)
