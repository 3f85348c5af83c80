"""A long short-term memory network (Hochreiter & Schmidhuber 1997, doi:10.1162/neco.1997.9.8.1735) for all variables.

One layer reads the months of a pixel from the first to the last; a linear head gives every variable of each month. The
loss is the squared error of standardised targets, where observed. Epochs, checkpoints and what `optimizer` says are as
with the land model.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import xarray as xr
from flax import linen as nn
from flax import serialization
from jax import Array

from landlab_mgr.data.batch import Member, Selection
from landlab_mgr.records import EpochRecord
from landlab_mgr.spec.run import OptimizerSpec, RunSpec
from landlab_mgr.storage.location import Location
from landlab_mgr.training import train
from landlab_mgr.training.features import Target, features

HIDDEN = 64
"""Width of the hidden state."""


class Network(nn.Module):
    """Inputs [N, T, F] to standardised targets [N, T, outputs]."""

    outputs: int

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """The targets of every month."""
        return nn.Dense(self.outputs)(nn.RNN(nn.OptimizedLSTMCell(HIDDEN))(x))


class State(NamedTuple):
    """Weights and the optimiser's moments."""

    weights: Any
    moments: Any


class Data(NamedTuple):
    """All pixels on the device, standardised."""

    x: Array
    """[N, T, F]."""
    y: Array
    """[stream, N, T], 0 where missing."""
    weight: Array
    """[stream, N, T], 0 where missing or withheld."""


def _optimizer(o: OptimizerSpec) -> optax.GradientTransformation:
    adam = optax.adamw(o.learning_rate, weight_decay=o.weight_decay)
    return optax.chain(optax.clip_by_global_norm(o.clip_norm), adam) if o.clip_norm else adam


def _errors(weights: Any, data: Data, chosen: Selection, places: tuple[int, ...]) -> tuple[Array, Array]:
    """Weighted squared errors and weights of the chosen pixels, summed by stream; `places`: of its variable."""
    index, mask = jnp.asarray(chosen.pixel), jnp.asarray(chosen.mask)
    found: Any = Network(max(places) + 1).apply({"params": weights}, data.x[index])
    weight = data.weight[:, index] * mask[None, :, None]
    error = jnp.moveaxis(found, -1, 0)[np.array(places)] - data.y[:, index]
    return (weight * error**2).sum(axis=(1, 2)), weight.sum(axis=(1, 2))


@partial(jax.jit, static_argnames=("optimizer", "places"), donate_argnames="state")
def _learn(
    state: State, data: Data, order: Selection, optimizer: OptimizerSpec, places: tuple[int, ...]
) -> tuple[State, tuple[Array, Array]]:
    """One update per batch of `order`, in turn; the errors and weights of each batch, [batch, stream]."""
    transform = _optimizer(optimizer)

    def loss(weights: Any, chosen: Selection) -> tuple[Array, tuple[Array, Array]]:
        errors, weight = _errors(weights, data, chosen, places)
        return (errors / jnp.maximum(weight, 1.0)).sum(), (errors, weight)

    def one(state: State, chosen: Selection) -> tuple[State, tuple[Array, Array]]:
        gradient, sums = jax.grad(loss, has_aux=True)(state.weights, chosen)
        step, moments = transform.update(gradient, state.moments, state.weights)
        return State(optax.apply_updates(state.weights, step), moments), sums

    return jax.lax.scan(one, state, order)


@partial(jax.jit, static_argnames="places")
def _score(weights: Any, data: Data, order: Selection, places: tuple[int, ...]) -> tuple[Array, Array]:
    """Errors and weights of each batch, [batch, stream], without learning from them."""
    return jax.lax.map(lambda chosen: _errors(weights, data, chosen, places), order)


@partial(jax.jit, static_argnames="outputs")
def _apply(weights: Any, x: Array, outputs: int) -> Array:
    return Network(outputs).apply({"params": weights}, x)  # type: ignore[return-value]


class Lstm:
    """One member: its network, and the epoch that is kept."""

    def __init__(
        self,
        spec: RunSpec,
        ds: xr.Dataset,
        member: Member,
        targets: list[Target],
        directory: Location,
        resume: Location | None,
    ) -> None:
        self._spec, self._member, self._targets = spec, member, targets
        self._x = features(ds, member.encoded)
        seen = self._x[:, member.pixels("train")].astype(np.float64)
        sd = seen.std(axis=(0, 1))
        self._mean = seen.mean(axis=(0, 1))
        self._sd = np.where(sd > 1e-6 * np.abs(self._mean), sd, 1.0)
        self._directory = directory
        self._state, self._epoch, self._best = self._start(resume)

    @property
    def variables(self) -> tuple[str, ...]:
        """What it predicts."""
        return tuple(t.variable for t in self._targets)

    @cached_property
    def _places(self) -> tuple[int, ...]:
        """Of each stream, the place of its variable."""
        return tuple(i for i, target in enumerate(self._targets) for _ in target.observed)

    def _start(self, resume: Location | None) -> tuple[State, int, dict[str, Any]]:
        """State, epochs so far and the best of them: a new member's, or what its checkpoint holds."""
        example = jnp.zeros((1, 1, self._x.shape[-1]), jnp.float32)
        network = Network(len(self._targets))
        weights = network.init(jax.random.key(self._spec.seeds.init), example)["params"]
        new = State(weights, _optimizer(self._spec.optimizer).init(weights))
        if resume is None:
            return new, 0, {"epoch": 0, "loss": float("inf"), "weights": weights}
        content = train.load(resume)
        try:
            moments = serialization.from_state_dict(new.moments, content["moments"])
            state, epoch, best = State(content["lstm"], moments), int(content["epoch"]), dict(content["best"])
            fits = jax.tree.map(np.shape, state) == jax.tree.map(np.shape, new)
        except (KeyError, TypeError, ValueError, AttributeError):
            fits = False
        if not fits:
            raise train.unfit(resume, self._spec)
        return state, epoch, best

    def _data(self) -> Data:
        pairs = [
            ((values - t.mean) / t.sd, weight)
            for t in self._targets
            for values, weight in zip(t.observed, t.weight, strict=True)
        ]
        y, weight = (np.stack(part).swapaxes(1, 2) for part in zip(*pairs, strict=True))
        found = (self._standardised(self._x).swapaxes(0, 1), np.where(weight > 0, y, 0.0), weight)
        return Data(*(jnp.asarray(x, jnp.float32) for x in found))

    def _standardised(self, x: np.ndarray) -> np.ndarray:
        return ((x - self._mean) / self._sd).astype(np.float32)

    def fit(self, dropped: Callable[[], bool]) -> Iterator[train.Committed | train.Diverged]:
        """Train to the last epoch, yielding epochs in groups as their checkpoints become durable."""
        o, dev = self._spec.optimizer, self._member.dev
        if self._epoch >= o.epochs:
            return
        data, places = self._data(), self._places
        state = jax.device_put(jax.tree.map(jnp.asarray, self._state))
        pending: list[EpochRecord] = []
        started = previous = time.monotonic()
        while self._epoch < o.epochs:
            if dropped():
                return
            self._epoch += 1
            order = self._member.batches(self._spec.seeds.shuffle, self._epoch)
            state, sums = _learn(state, data, order, o, places)
            terms = self._terms("", sums)
            total, held_out = sum(terms.values()), float("nan")
            if dev is not None:
                by_dev = self._terms("dev_", _score(state.weights, data, dev, places))
                held_out, terms = sum(by_dev.values()), terms | by_dev
            if not np.isfinite(total + (0.0 if dev is None else held_out)):
                yield train.Diverged(0, self._epoch)
                return
            loss = held_out if o.keep == "best_dev" else -float(self._epoch)
            if loss <= self._best["loss"]:
                weights = jax.device_get(state.weights)
                self._best = {"epoch": self._epoch, "loss": loss, "weights": weights}
            now = time.monotonic()
            pending.append(EpochRecord(self._epoch, total, held_out, terms, now - previous))
            previous = now
            if now - started >= train.CHECKPOINT_SECONDS or self._epoch == o.epochs:
                yield self._commit(jax.device_get(state), pending)
                pending, started = [], time.monotonic()

    def _terms(self, prefix: str, sums: tuple[Array, Array]) -> dict[str, float]:
        """Mean squared errors of standardised targets by variable, over the batches; 0 where nothing is observed."""
        errors, weights = (np.asarray(x, np.float64).sum(axis=0) for x in sums)
        means = np.where(
            weights > 0, errors / np.maximum(weights, 1e-12), np.where(weights == 0, errors, np.nan)
        )
        by_variable: dict[str, float] = {}
        for place, mean in zip(self._places, means, strict=True):
            name = prefix + self.variables[place]
            by_variable[name] = by_variable.get(name, 0.0) + float(mean)
        return by_variable

    def _commit(self, state: State, records: Sequence[EpochRecord]) -> train.Committed:
        content = {
            "epoch": self._epoch,
            "spec": self._spec.model_dump_json(),
            "lstm": state.weights,
            "moments": serialization.to_state_dict(state.moments),
            "best": self._best,
            "encoder": self._member.encoder.to_dict(),
            "inputs": {"mean": self._mean, "sd": self._sd},
            "targets": {t.variable: {"mean": t.mean, "sd": t.sd} for t in self._targets},
        }
        path, saved = train.put(self._directory, self._epoch, content)
        return train.Committed(0, list(records), path, saved)

    def predict(self, ds: xr.Dataset, pixels: np.ndarray) -> dict[str, np.ndarray]:
        """Monthly predictions [T, N] by variable, of the epoch that is kept."""
        x = self._standardised(features(ds, self._member.encoded[pixels])).swapaxes(0, 1)
        found = np.asarray(_apply(self._best["weights"], x, len(self._targets)))
        return {
            t.variable: (found[:, :, i].T * t.sd + t.mean).astype(np.float32)
            for i, t in enumerate(self._targets)
        }
