"""Training one member: the jitted epoch, the generator of epoch records, and checkpoints.

An epoch is reported only after the checkpoint that holds it is durable, so whoever records what this module yields
can resume from it. All randomness is a function of the spec's seeds and the epoch number.
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import serialization
from jax import Array

from landlab_mgr import losses, model, network
from landlab_mgr.artifacts import replace_durably
from landlab_mgr.data.batch import Arrays, Member, Selection, gather
from landlab_mgr.errors import LandlabError
from landlab_mgr.parameters import LOSS_TERMS
from landlab_mgr.process import water_stress
from landlab_mgr.records import EpochRecord
from landlab_mgr.spec import NetworkSpec, RunSpec

CHECKPOINT_SECONDS = 2.0
"""Epochs are committed together about this often; a kill costs at most this much work."""


class Diverged(Exception):  # noqa: N818 - an outcome, not a mistake
    """The loss became NaN or infinite; a scientific outcome, recorded with the member's seeds."""

    def __init__(self, epoch: int):
        super().__init__(f"loss is not finite at epoch {epoch}")
        self.epoch = epoch


class State(NamedTuple):
    """The trained tree and its optimiser state."""

    weights: dict[str, Any]
    """{"spatialization": network weights, "process": weights of swappable processes}."""
    moments: Any


@dataclass(frozen=True)
class Static:
    """What a compiled program depends on, besides shapes; equal for all setups of a process choice."""

    network: NetworkSpec
    water_stress: str
    terms: tuple[str, ...]
    patches: int
    dev_patches: int
    fires: bool


class Hyper(NamedTuple):
    """Numbers of the optimiser and the loss that are traced, so that changing them compiles nothing."""

    learning_rate: Array
    weight_decay: Array
    clip_norm: Array
    loss_weights: dict[str, Array]


_ADAM = optax.scale_by_adam()


def terms_of(streams: tuple[str, ...]) -> tuple[str, ...]:
    """Loss terms that a dataset with these observation streams can compute, penalties included."""
    return tuple(
        name for name, t in LOSS_TERMS.items() if t.variable is None or losses.stream_of(t) in streams
    )


def loss_weights(spec: RunSpec, terms: tuple[str, ...]) -> dict[str, Array]:
    """Weight of each term for this member; 0 for the streams that its spec leaves out."""
    weights = {}
    for name in terms:
        used = LOSS_TERMS[name].variable is None or spec.streams is None
        used = used or losses.stream_of(LOSS_TERMS[name]) in (spec.streams or ())
        weights[name] = jnp.asarray(spec.weights[name] if used else 0.0, jnp.float32)
    return weights


def _weighted_terms(weights: Any, batch: model.Batch, hyper: Hyper, static: Static) -> dict[str, Array]:
    params = network.parameters(static.network, weights["spatialization"], batch.predictors, batch.latitude)
    keep = losses.outputs_needed(static.terms)
    stress = water_stress(static.water_stress)
    monthly = model.simulate(params, batch.climate, stress, keep, static.fires)
    sums = model.balances(monthly, params, batch.climate.dt)
    values = losses.terms(static.terms, monthly, sums, params, batch)
    return {name: hyper.loss_weights[name] * value for name, value in values.items()}


def _update(state: State, batch: model.Batch, hyper: Hyper, static: Static) -> tuple[State, dict[str, Array]]:
    """One Adam step on the batch's loss, per pixel of the batch's capacity."""

    def objective(weights: Any) -> tuple[Array, dict[str, Array]]:
        values = _weighted_terms(weights, batch, hyper, static)
        return sum(values.values(), start=jnp.zeros(())) / batch.mask.shape[0], values

    gradient, values = jax.grad(objective, has_aux=True)(state.weights)
    norm = optax.tree.norm(gradient)
    limited = jnp.where((hyper.clip_norm > 0) & (norm > hyper.clip_norm), hyper.clip_norm / norm, 1.0)
    gradient = jax.tree.map(lambda g: g * limited.astype(g.dtype), gradient)
    direction, moments = _ADAM.update(gradient, state.moments)
    weights = jax.tree.map(
        lambda w, d: w - hyper.learning_rate * (d + hyper.weight_decay * w), state.weights, direction
    )
    return State(weights, moments), values


@partial(jax.jit, static_argnames="static", donate_argnames="state")
def train_epoch(
    state: State,
    arrays: Arrays,
    encoded: Array,
    order: Selection,
    dev: Selection,
    hyper: Hyper,
    static: Static,
) -> tuple[State, dict[str, Array], dict[str, Array]]:
    """One pass over the training patches, then the loss on the dev patches.

    Returns:
        the new state; the weighted terms summed over the batches; the weighted terms of the dev batch.
    """

    def one(state: State, selection: Selection) -> tuple[State, dict[str, Array]]:
        batch = gather(arrays, encoded, selection, static.patches)
        return _update(state, batch, hyper, static)

    state, by_batch = jax.lax.scan(one, state, jax.tree.map(jnp.asarray, order))
    held_out = gather(arrays, encoded, dev, static.dev_patches)
    dev_terms = _weighted_terms(state.weights, held_out, hyper, static)
    return state, {n: x.sum() for n, x in by_batch.items()}, dev_terms


def initial_state(spec: RunSpec, member: Member) -> State:
    """A new member, from its init seed."""
    weights = {
        "spatialization": network.initialise(
            spec.network, spec.seeds.init, member.n_columns, member.encoded.shape[1]
        ),
        "process": {},
    }
    return State(weights, _ADAM.init(weights))


def save(path: Path, content: Mapping[str, Any]) -> None:
    """Write a msgpack checkpoint, whole or not at all."""
    packed = serialization.msgpack_serialize(dict(content))

    def fill(temporary: Path) -> None:
        temporary.write_bytes(packed)

    replace_durably(path, fill)


def load(path: Path) -> dict[str, Any]:
    """Read a checkpoint; LandlabError where it is missing or damaged."""
    try:
        return serialization.msgpack_restore(path.read_bytes())
    except FileNotFoundError:
        raise LandlabError(f"no checkpoint {path}; `landlab show RUN` lists what the run wrote") from None
    except Exception as error:
        raise LandlabError(f"checkpoint {path} is damaged ({error}); retry the run from the start") from None


def _to_checkpoint(state: State, epoch: int, member: Member, spec: RunSpec) -> dict[str, Any]:
    return {
        "epoch": epoch,
        "spec": spec.model_dump_json(),
        "weights": jax.tree.map(np.asarray, state.weights),
        "moments": serialization.to_state_dict(jax.tree.map(np.asarray, state.moments)),
        "encoder": member.encoder.to_dict(),
    }


def _from_checkpoint(content: Mapping[str, Any], template: State) -> tuple[State, int]:
    weights = jax.tree.map(jnp.asarray, content["weights"])
    moments = serialization.from_state_dict(template.moments, content["moments"])
    return State(weights, jax.tree.map(jnp.asarray, moments)), int(content["epoch"])


class Committed(NamedTuple):
    """Epochs that a durable checkpoint holds."""

    records: list[EpochRecord]
    checkpoint: Path


def train(
    spec: RunSpec,
    arrays: Arrays,
    member: Member,
    directory: Path,
    resume: Path | None = None,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
) -> Iterator[Committed]:
    """Train a member to its last epoch, yielding epochs in groups as their checkpoints become durable.

    Args:
        spec: the member.
        arrays: its dataset, from `data.batch.load`.
        member: its split and predictors.
        directory: where checkpoints go; the two newest are kept.
        resume: checkpoint to go on from.
        checkpoint_seconds: how long epochs may stay uncommitted.

    Raises:
        Diverged: where a loss is not finite; nothing of that group is written.
    """
    terms = terms_of(tuple(arrays.observed))
    static = Static(
        network=spec.network,
        water_stress=spec.process.water_stress,
        terms=terms,
        patches=member.patches_per_batch,
        dev_patches=len(np.unique(member.patch[member.label == "dev"])),
        fires=arrays.fires,
    )
    o = spec.optimizer
    hyper = Hyper(
        learning_rate=jnp.asarray(o.learning_rate, jnp.float32),
        weight_decay=jnp.asarray(o.weight_decay, jnp.float32),
        clip_norm=jnp.asarray(o.clip_norm, jnp.float32),
        loss_weights=loss_weights(spec, terms),
    )
    state, done = initial_state(spec, member), 0
    if resume is not None:
        state, done = _from_checkpoint(load(resume), state)
    encoded, dev = jnp.asarray(member.encoded), member.dev()
    n_train, n_dev = len(member.pixels("train")), len(member.pixels("dev"))

    kept: list[Path] = [] if resume is None else [resume]
    pending: list[tuple[int, dict[str, Array], dict[str, Array]]] = []
    started = time.monotonic()
    for epoch in range(done + 1, o.epochs + 1):
        order = member.batches(spec.seeds.shuffle, epoch)
        state, trained, held_out = train_epoch(state, arrays, encoded, order, dev, hyper, static)
        pending.append((epoch, trained, held_out))
        jax.block_until_ready(held_out)
        elapsed = time.monotonic() - started
        if elapsed < checkpoint_seconds and epoch < o.epochs:
            continue
        records = [_record(e, a, b, n_train, n_dev, elapsed / len(pending)) for e, a, b in pending]
        path = directory / f"checkpoint-{epoch:06d}.msgpack"
        save(path, _to_checkpoint(state, epoch, member, spec))
        yield Committed(records, path)
        kept.append(path)
        for old in kept[:-2]:
            if old.parent == directory:  # an earlier attempt's files are not ours to remove
                old.unlink(missing_ok=True)
        kept, pending, started = kept[-2:], [], time.monotonic()


def _record(
    epoch: int,
    trained: dict[str, Array],
    held_out: dict[str, Array],
    n_train: int,
    n_dev: int,
    seconds: float,
) -> EpochRecord:
    by_term = {name: float(value) / n_train for name, value in trained.items()}
    by_dev = {name: float(value) / n_dev for name, value in held_out.items()}
    total, dev = sum(by_term.values()), sum(by_dev.values())
    if not np.isfinite(total + dev):
        raise Diverged(epoch)
    return EpochRecord(epoch, total, dev, by_term | {f"dev_{n}": x for n, x in by_dev.items()}, seconds)
