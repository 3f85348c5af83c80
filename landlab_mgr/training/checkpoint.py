"""Contents of a checkpoint, and continuation of training from one.

The file's keys are those of the first release: what predicts is under `weights`, what goes on training under `latest`
where that is something else.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import numpy as np
from flax import serialization
from jax import Array

from landlab_mgr.data.batch import Member
from landlab_mgr.errors import LandlabError
from landlab_mgr.models.model import Scale
from landlab_mgr.records import CHECKPOINT, ArtifactRecord
from landlab_mgr.spec.run import RunSpec
from landlab_mgr.storage import artifacts, location
from landlab_mgr.storage.location import Location
from landlab_mgr.training.update import State, initial_state


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


def put(directory: Location, epoch: int, content: Mapping[str, Any]) -> ArtifactRecord:
    """Write the checkpoint of an epoch durably, beside those before it."""
    return save(directory / f"checkpoint-{epoch:06d}.msgpack", content)


def unfit(checkpoint: Location, spec: RunSpec) -> LandlabError:
    """Make the error for a checkpoint of something else."""
    return LandlabError(
        f"checkpoint {checkpoint} does not hold what run {spec.run_id} trains; retry the run from the start"
    )


class Best(NamedTuple):
    """Parameters of the epoch with the lowest dev loss so far; with lanes, each array begins with the lane."""

    params: Any
    dev: Array | np.ndarray | np.float32
    """Its dev loss, summed over pixels; inf before the first epoch."""
    epoch: Array | np.ndarray | np.int32


def of_member(member: Member, spec: RunSpec) -> dict[str, Any]:
    """Return what a checkpoint says of the member beside what it trains.

    It is enough to predict any dataset.
    """
    learned = [] if member.targets is None else list(member.targets.learned)
    return {
        "spec": spec.model_dump_json(),
        "encoder": member.encoder.to_dict(),
        "scale": _plain(member.scale),
        "targets": _plain(member.scale_of_targets),
        "learned": learned,
        "width": member.encoded.shape[1],
    }


def _plain(scale: Scale | None) -> dict[str, Any] | None:
    return None if scale is None else {n: dict(x) for n, x in scale._asdict().items()}


def scale_of(content: Any) -> Scale | None:
    """Read a scale as `of_member` wrote it."""
    return Scale(**content) if content else None


def content_of(
    state: State, epoch: int, member: Member, spec: RunSpec, best: Best | None = None
) -> dict[str, Any]:
    """Return what a checkpoint of a member that trains by gradients holds."""
    content = of_member(member, spec) | {
        "epoch": epoch,
        "weights": state.params,
        "moments": serialization.to_state_dict(state.moments),
    }
    if best is None:
        return content
    kept = {"best": {"dev": best.dev, "epoch": best.epoch}, "latest": state.params}
    return content | kept | {"weights": best.params}


@dataclass(frozen=True)
class Lane:
    """One member to train: its split and predictors, where its checkpoints go, and what to go on from."""

    spec: RunSpec
    member: Member
    directory: Location
    resume: Location | None = None


class Restored(NamedTuple):
    """State, epoch and best of a lane's training."""

    state: State
    epoch: int
    best: Best


def restored(lane: Lane) -> Restored:
    """Restore the state of a lane: a new member's, or what its checkpoint holds.

    LandlabError where the checkpoint is missing, damaged or of another run.
    """
    new = initial_state(lane.spec, lane.member)
    best = Best(jax.tree.map(np.zeros_like, new.params), np.float32(np.inf), np.int32(0))
    if lane.resume is None:
        return Restored(new, 0, best)
    content = load(lane.resume)
    try:
        params = _with_empty_parts(content["weights"], new.params)
        if lane.spec.optimizer.keep == "best_dev":
            kept = content["best"]
            best = Best(params, np.float32(kept["dev"]), np.int32(kept["epoch"]))
            params = _with_empty_parts(content["latest"], new.params)
        template = serialization.to_state_dict(new.moments)
        stored = _with_empty_parts(content["moments"], template)
        state = State(params, serialization.from_state_dict(new.moments, stored))
        epoch = int(content["epoch"])
        fits = jax.tree.map(np.shape, (state, best.params)) == jax.tree.map(np.shape, (new, new.params))
    except (KeyError, TypeError, ValueError, AttributeError):
        fits = False
    if not fits:
        raise unfit(lane.resume, lane.spec)
    return Restored(state, epoch, best)


def _with_empty_parts(stored: Any, template: Any) -> Any:
    """Add the empty parts of another tree to a stored one.

    These are processes that learn nothing, new since it was written.
    """
    if not isinstance(stored, dict) or not isinstance(template, dict):
        return stored
    empty: dict[str, Any] = {name: {} for name, part in template.items() if name not in stored and part == {}}
    return {name: _with_empty_parts(part, template.get(name)) for name, part in (stored | empty).items()}
