"""A member's view of a dataset: arrays for JAX, its split, and the order of its batches."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from operator import itemgetter
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jax import Array

from landlab_mgr.data import needs, predictors, schema, split
from landlab_mgr.data.needs import learned_streams as learned_streams
from landlab_mgr.data.needs import streams_of as streams_of
from landlab_mgr.errors import LandlabError
from landlab_mgr.models import registry
from landlab_mgr.models.model import (
    PREDICTORS,
    Forcing,
    Inputs,
    Model,
    Number,
    Scale,
    Setup,
    Sizes,
    Weather,
    make_forcing,
)
from landlab_mgr.observations.steps import DAYS_PER_YEAR
from landlab_mgr.observations.streams import Average
from landlab_mgr.observations.variables import IN_RECORD
from landlab_mgr.spec.run import RunSpec

BLOCK_VALUES = 4 * 2**20
"""Pixel-months of a dataset that are read at once where it need not fit in memory."""
CONSTANT = 1e-6
"""A spread below this fraction of the mean is round-off of a constant."""


class Batch(NamedTuple):
    """Pixels of one or more whole patches, padded to a fixed N, with what was observed of them.

    Missing observations are 0 with weight 0; padded pixels repeat a real one with every weight 0.
    """

    inputs: Inputs
    observed: dict[str, Array]
    """[T, N] by observation stream."""
    weight: dict[str, Array]
    """[T, N] by observation stream."""
    patch_mean: Array
    """[G, N]: 1 / (pixels of the patch) for the pixels of each patch, else 0."""
    mask: Array
    """[N]: 1 for a real pixel, 0 for padding."""
    scale: dict[str, Array] | None = None
    """[N] by observation stream: factor of model and observation before they are compared; None: 1."""


class Window(NamedTuple):
    """Windows of a member: steps that an update runs over, and from which of them it learns; hashable."""

    steps: int
    warmup: int
    scale: float
    """Steps that train, over those that a window learns from: its loss is that of the whole record, estimated."""


class Stretch(NamedTuple):
    """Stretch of the record that a batch covers, inside a compiled program."""

    start: Array
    """[] or [lane] first step."""
    steps: int

    def cut(self, x: Array, then: Callable[..., Array] = lambda part: part, *each: Array) -> Array:
        """Cut the stretch out of an array [T, ...], and apply `then` to it.

        With lanes the result is [steps, lane, ...].
        """

        def one(start: Array, *own: Array) -> Array:
            return then(jax.lax.dynamic_slice_in_dim(x, start, self.steps), *own)

        if self.start.ndim == 0:
            return one(self.start, *each)
        return jax.vmap(one, out_axes=1)(self.start, *each)


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["weather", "latitude", "observed", "weight"],
    meta_fields=["off"],
)
@dataclass(frozen=True)
class Arrays:
    """All pixels of a dataset on the device, float32; [T, N] where they vary in time."""

    weather: Weather
    latitude: Array
    observed: dict[str, Array]
    weight: dict[str, Array]
    off: tuple[str, ...]
    """Switches of the model that are 0 everywhere; a program without what they switch is smaller."""

    @property
    def streams(self) -> tuple[str, ...]:
        """Observation streams that the dataset has."""
        return tuple(self.observed)

    def chunks(self, view: "View", order: "Selection") -> Iterator[tuple["Arrays", "View", "Selection"]]:
        """Yield what to train on, piece by piece.

        It is everything at once, since everything is on the device.
        """
        yield self, view, order

    def take(self, index: Array, stretch: "Stretch | None" = None) -> "Arrays":
        """Take some pixels, of the whole record or of a stretch of it."""

        def of(x: Array) -> Array:
            if stretch is None:
                return jnp.take(x, index, axis=1) if x.ndim == 2 else x
            if x.ndim == 2:
                return stretch.cut(x, lambda part, i: jnp.take(part, i, axis=1), index)
            return stretch.cut(x) if x.ndim == 1 else x

        weather, observed, weight = jax.tree.map(of, (self.weather, self.observed, self.weight))
        return Arrays(weather, self.latitude[index], observed, weight, self.off)


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["block", "latitude", "rest"],
    meta_fields=["layout", "fields", "streams", "off"],
)
@dataclass(frozen=True)
class Packed:
    """Pixels of a dataset in one array, which the program that learns from them takes apart."""

    block: Array | np.ndarray
    """[field, T, N] float32: the weather, observations (NaN = missing), weights that are not 1 or 0.

    Of the batch's pixels in its order: to gather them inside the program takes a sixth of an update.
    """
    latitude: Array | np.ndarray
    rest: tuple[Array, ...]
    """Weather that is not [T, N], in the order of its tree."""
    layout: "Layout"
    fields: tuple[str, ...]
    """Of the block: weather, streams, and STREAM_weight."""
    streams: tuple[str, ...]
    off: tuple[str, ...]

    def take(self, index: Array, stretch: "Stretch | None" = None) -> Arrays:
        """Return the pixels, as `load` makes them.

        They lie in the order of the batch: `index` is 0, 1, 2 and so on.
        """
        block, rest = jnp.asarray(self.block), self.rest
        if stretch is not None:
            block = jnp.moveaxis(stretch.cut(jnp.moveaxis(block, 1, 0)), 0, 1)
            rest = tuple(stretch.cut(x) if x.ndim == 1 else x for x in rest)
        named = dict(zip(self.fields, block, strict=True))
        observed, weight = {}, {}
        for stream in self.streams:
            present = ~jnp.isnan(named[stream])
            observed[stream] = jnp.where(present, named[stream], 0.0)
            weight[stream] = named.get(f"{stream}_weight", present.astype(jnp.float32))
        weather = self.layout.joined(named, rest)
        return Arrays(weather, jnp.asarray(self.latitude)[index], observed, weight, self.off)


@dataclass(frozen=True)
class Layout:
    """Layout of a model's weather: names of its [T, N] leaves, None for the others."""

    names: tuple[str | None, ...]
    tree: Any
    """Structure of the weather, as `jax.tree.structure` gives it."""

    @classmethod
    def of(cls, model: Model, ds: xr.Dataset) -> "Layout":
        """Return the layout of the weather that a model makes of a dataset."""
        weather = jax.eval_shape(model.prepare, forcing_of(ds.isel(pixel=slice(1)).load(), model))
        leaves, tree = jax.tree_util.tree_flatten_with_path(weather)
        names = (
            f"weather.{jax.tree_util.keystr(path, simple=True, separator='.')}" if x.ndim == 2 else None
            for path, x in leaves
        )
        return cls(tuple(names), tree)

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of the leaves that are [T, N]."""
        return tuple(name for name in self.names if name is not None)

    def split(self, weather: Weather) -> tuple[dict[str, Array], tuple[Array, ...]]:
        """Leaves that are [T, N] by name, and the others."""
        leaves = list(zip(self.names, jax.tree.leaves(weather), strict=True))
        return {n: x for n, x in leaves if n is not None}, tuple(x for n, x in leaves if n is None)

    def joined(self, named: Mapping[str, Array], rest: Sequence[Array]) -> Weather:
        """Join the weather that `split` took apart."""
        others = iter(rest)
        return jax.tree.unflatten(self.tree, [next(others) if n is None else named[n] for n in self.names])


class View(NamedTuple):
    """Data that the device needs of a member besides the dataset's arrays."""

    encoded: Any
    """[N, P] predictors as the member encodes them."""
    scale: Scale | None = None
    """Of the forcing, where the member's model reads it standardised."""
    targets: Scale | None = None
    """Of the training observations, where the member's model gives them standardised."""
    steps: Any = None
    """[T], or [N, T] where pixels differ: 1 where observations are learned from, 0 where the split withholds them.

    None: all are learned from.
    """
    factors: Any = None
    """[N] by observation stream: factor of model and observation before they are compared; None: 1."""

    def of_pixels(self, index: np.ndarray) -> "View":
        """Return the view of some pixels of a member, or of lanes of members."""
        encoded = np.asarray(self.encoded)
        own = self.steps is not None and np.ndim(self.steps) == encoded.ndim
        return self._replace(
            encoded=encoded[..., index, :],
            steps=np.asarray(self.steps)[..., index, :] if own else self.steps,
            factors=self.factors and {n: np.asarray(x)[..., index] for n, x in self.factors.items()},
        )


class Selection(NamedTuple):
    """Pixels that make a batch.

    They are indices into `Arrays`, with the batch-local patch of each, and 1 for the real ones.
    """

    pixel: np.ndarray
    patch: np.ndarray
    mask: np.ndarray
    start: np.ndarray | None = None
    """First step of the batch's window; None: it covers the whole record."""


def _series(ds: xr.Dataset, name: str) -> np.ndarray:
    return np.ascontiguousarray(ds[name].transpose("time", "pixel").values, dtype=np.float64)


def forcing_names(ds: xr.Dataset, model: Model) -> tuple[str, ...]:
    """Names of the forcing of a dataset that a model reads; LandlabError where it lacks some."""
    return needs.forcing_names(ds, model.tables)


def read_by(ds: xr.Dataset, model: Model) -> list[str]:
    """Names of the variables of a dataset that `forcing_of` reads."""
    record = [IN_RECORD] if IN_RECORD in ds else []
    return [*forcing_names(ds, model), *record, *schema.TIME_AXIS, "lat"]


def forcing_of(ds: xr.Dataset, model: Model) -> Forcing:
    """Return the forcing of a dataset that a model reads, float32.

    Raises:
        LandlabError: where some is missing.
    """
    series = {name: _series(ds, name) for name in forcing_names(ds, model)}
    time_days, doy = (ds[name].values for name in schema.TIME_AXIS)
    dt = float(ds.attrs["dt_days"])
    record = _series(ds, IN_RECORD) if IN_RECORD in ds else None
    return make_forcing(model, series, ds["lat"].values, time_days, doy, dt, np.float32, record)


def off_in(forcing: Forcing, model: Model) -> tuple[str, ...]:
    """Switches of a model that are 0 everywhere in a forcing."""
    return tuple(n for n in model.tables.switches if not bool((forcing.series[n] > 0).any()))


def observations(ds: xr.Dataset, stream: str) -> tuple[np.ndarray, np.ndarray]:
    """Return a stream's values and weights, [T, N] float32.

    Missing observations are 0 with weight 0.
    """
    values = _series(ds, stream)
    own = _series(ds, f"{stream}_weight") if f"{stream}_weight" in ds else np.ones_like(values)
    there = np.isfinite(values) & np.isfinite(own)
    return np.where(there, values, 0.0).astype(np.float32), np.where(there, own, 0.0).astype(np.float32)


def load(ds: xr.Dataset, model: Model) -> Arrays:
    """Read a dataset into device arrays for a model."""
    forcing = forcing_of(ds, model)
    observed, weight = {}, {}
    for stream in streams_of(ds):
        observed[stream], weight[stream] = (jnp.asarray(x) for x in observations(ds, stream))
    weather = jax.jit(model.prepare)(forcing)  # as a stream does it: the same numbers to the bit
    return Arrays(weather, forcing.latitude, observed, weight, off_in(forcing, model))


def bytes_of(ds: xr.Dataset, model: Model) -> int:
    """Return the bytes that `load` would take of the device's memory."""
    series = len(Layout.of(model, ds).fields) + 2 * len(streams_of(ds))
    return 4 * ds.sizes["pixel"] * ds.sizes["time"] * series


def blocks(patch: np.ndarray, months: int) -> Iterator[np.ndarray]:
    """Pixels in blocks of whole patches, by patch, each within BLOCK_VALUES pixel-months unless one patch is larger."""
    by_patch = np.split(np.argsort(patch, kind="stable"), np.cumsum(np.bincount(patch))[:-1])
    waiting: list[np.ndarray] = []
    for pixels in by_patch:
        if waiting and (sum(map(len, waiting)) + len(pixels)) * months > BLOCK_VALUES:
            yield np.concatenate(waiting)
            waiting = []
        waiting.append(pixels)
    yield np.concatenate(waiting)


def read(ds: xr.Dataset, pixels: np.ndarray) -> xr.Dataset:
    """Read some pixels of a dataset into memory."""
    first, last = int(pixels[0]), int(pixels[-1])
    contiguous = np.array_equal(pixels, np.arange(first, last + 1))
    return ds.isel(pixel=slice(first, last + 1) if contiguous else pixels).load()


def gather(
    source: Arrays | Packed, view: View, selection: Selection, n_patches: int, window: Window | None = None
) -> Batch:
    """Gather the batch of the selected pixels, inside a compiled program.

    `n_patches` is the batch's static number of patches.

    Where the selection says a first step, the batch covers the window that begins there.

    Several lanes at once have a selection [lane, N] and a view that begins with the lane; in their batch arrays over
    time are [T, lane, N], so that the loop over steps finds each step in one piece (`lane_axes`).
    """
    index, patch, mask = (jnp.asarray(x) for x in selection[:3])
    stretch = None
    if selection.start is not None:
        assert window is not None
        stretch = Stretch(jnp.asarray(selection.start), window.steps)
    member = jax.nn.one_hot(patch, n_patches, dtype=mask.dtype, axis=-2) * jnp.expand_dims(mask, -2)
    size = jnp.maximum(member.sum(axis=-1, keepdims=True), 1.0)
    arrays = source.take(index, stretch)
    batch = Batch(
        inputs=Inputs(
            weather=arrays.weather,
            latitude=arrays.latitude,
            predictors=jnp.take_along_axis(view.encoded, index[..., None], axis=-2),
            scale=view.scale,
            targets=view.targets,
        ),
        observed=arrays.observed,
        weight={n: x * mask[None] for n, x in arrays.weight.items()},
        patch_mean=member / size,
        mask=mask,
        scale=view.factors and {n: jnp.take_along_axis(x, index, axis=-1) for n, x in view.factors.items()},
    )
    if window is not None and stretch is not None:
        learned = (jnp.arange(window.steps) >= window.warmup) * jnp.float32(window.scale)
        weight = {n: x * learned.reshape(-1, *[1] * (x.ndim - 1)) for n, x in batch.weight.items()}
        batch = batch._replace(weight=weight)
    if view.steps is None:
        return batch
    if view.steps.ndim == index.ndim:
        kept = jnp.expand_dims(jnp.moveaxis(view.steps, -1, 0), -1)
    else:
        kept = jnp.moveaxis(jnp.take_along_axis(view.steps, index[..., None], axis=-2), -1, 0)
    if stretch is not None:
        kept = _of_stretch(kept, stretch)
    streams = registry.streams()
    pairs = {n: _without(streams[n].average, x, batch.weight[n], kept) for n, x in batch.observed.items()}
    observed, weight = ({n: pair[i] for n, pair in pairs.items()} for i in (0, 1))
    return batch._replace(observed=observed, weight=weight)


def _of_stretch(kept: Array, stretch: Stretch) -> Array:
    """Cut the stretch out of an array that has lanes of its own.

    The array is [T, N] or [T, lane, N].
    """
    if stretch.start.ndim == 0:
        return jax.lax.dynamic_slice_in_dim(kept, stretch.start, stretch.steps)
    cut = partial(jax.lax.dynamic_slice_in_dim, slice_size=stretch.steps)
    return jax.vmap(cut, in_axes=(1, 0), out_axes=1)(kept, stretch.start)


def _without(average: Average, observed: Array, weight: Array, kept: Array) -> tuple[Array, Array]:
    """Return a stream's observations and weights without the steps where `kept` is 0.

    Both are [T, N], or [T, lane, N].

    `kept` has a last dimension of 1 where it is the same for all pixels.
    """
    if average == "run":  # a mean over the run, with the weight of the first step: of those that are kept
        first = kept * (jnp.cumsum(kept, axis=0) == 1)
        mean = (kept * observed).sum(axis=0, keepdims=True) / kept.sum(axis=0, keepdims=True)
        own = (first * weight).sum(axis=0, keepdims=True)
        return jnp.broadcast_to(mean, observed.shape), jnp.broadcast_to(own, weight.shape)
    return kept * observed, kept * weight


def lane_axes(batch: Batch) -> Batch:
    """Axis of the lane in a batch of several lanes, as a tree; None for what they share."""
    by_step: Any = 1
    first: Any = 0
    inputs = jax.tree.map(lambda x: first, batch.inputs)
    # with a window of its own, a lane has its own [T] too
    weather = jax.tree.map(lambda x: by_step if x.ndim >= 2 else None, batch.inputs.weather)
    return Batch(
        inputs=inputs._replace(weather=weather),
        observed=jax.tree.map(lambda x: by_step, batch.observed),
        weight=jax.tree.map(lambda x: by_step, batch.weight),
        patch_mean=first,
        mask=first,
        scale=jax.tree.map(lambda x: first, batch.scale),
    )


@dataclass(frozen=True)
class Member:
    """One member's split and encoded predictors over a dataset."""

    label: np.ndarray
    """[pixel] of train, dev, test, unused."""
    patch: np.ndarray
    """[pixel] patch of each pixel."""
    latitude: np.ndarray
    """[pixel] degrees."""
    forcing: tuple[str, ...]
    """Names of the forcing that its model reads."""
    encoder: predictors.Encoder
    encoded: np.ndarray
    """[pixel, P] float32, padded to the width that all setups of the dataset share."""
    n_columns: int
    """Columns of `encoded` that hold predictors."""
    scale: Scale | None
    """Of the forcing at the training pixels, where the model reads it standardised."""
    targets: "Targets | None"
    """Of the training observations, where the model weighs terms by variance or gives them standardised."""
    steps: np.ndarray | None
    """[T, 1], or [T, pixel] where pixels differ: 1 where it learns from observations, 0 where its split withholds them.

    None: it learns from all.
    """
    factors: dict[str, np.ndarray] | None
    """[pixel] by observation stream: factor of model and observation in the loss; None: 1."""
    window: Window | None
    """Windows that its updates run over; None: the whole record."""
    starts: int
    """First steps that a window may have, from 0."""
    patches_per_batch: int
    dev_patches_per_batch: int
    capacity: int
    """Pixels that any batch of `patches_per_batch` patches fits into."""
    dev_capacity: int

    @classmethod
    def of(cls, spec: RunSpec, ds: xr.Dataset) -> "Member":
        """Draw the member's split, fit its encoder on the training pixels and encode every pixel."""
        patch = ds["patch"].values
        label = split.assign(ds, spec.split, spec.seeds.split)
        encoder = predictors.encode(ds, spec.predictors, label == split.TRAIN, spec.seeds.init)
        columns = encoder.apply(ds)
        padding = max(predictors.width(ds), columns.shape[1]) - columns.shape[1]
        withheld = split.withheld_months(ds, spec.split)
        sizes = np.sort(np.bincount(patch[np.isin(label, (split.TRAIN, split.DEV))]))[::-1]
        n_train, n_dev = (len(np.unique(patch[label == part])) for part in (split.TRAIN, split.DEV))
        per_batch = min(spec.optimizer.patches_per_batch or n_train, n_train)
        dev_per_batch = min(per_batch, n_dev)
        model = registry.model(spec.model)
        forcing = forcing_names(ds, model)
        read = dict(model.standardised(setup_of(spec)))
        if model.standardises_forcing:
            read |= {name: itemgetter(name) for name in forcing}
        kept = None if withheld is None else (~withheld).astype(np.float32)
        train = label == split.TRAIN
        targets = Targets.of(spec, ds, label, kept) if spec.tables.by_variance else None
        encoded = np.pad(columns, ((0, 0), (0, padding))).astype(np.float32)
        scale = scale_of(ds, train, read, forcing) if read else None
        if scale and model.standardises_predictors:
            mean, sd = _moments(encoded[train])
            scale = Scale({**scale.mean, PREDICTORS: mean}, {**scale.sd, PREDICTORS: sd})
        window, starts = windows(spec, ds, kept)
        return cls(
            label=label,
            patch=patch,
            latitude=ds["lat"].values,
            forcing=forcing,
            encoder=encoder,
            encoded=encoded,
            n_columns=columns.shape[1],
            scale=scale,
            targets=targets,
            steps=kept,
            factors=normalising(spec, ds, kept) if spec.loss.normalise == "variance" else None,
            window=window,
            starts=starts,
            patches_per_batch=per_batch,
            dev_patches_per_batch=dev_per_batch,
            capacity=int(sizes[:per_batch].sum()),
            dev_capacity=int(sizes[:dev_per_batch].sum()),
        )

    @property
    def scale_of_targets(self) -> Scale | None:
        """Of its training observations, where its model gives them standardised."""
        return None if self.targets is None else self.targets.scale

    @property
    def view(self) -> View:
        """Return what the device needs of this member."""
        steps = self.steps
        if steps is not None:
            steps = steps[:, 0] if steps.shape[1] == 1 else np.ascontiguousarray(steps.T)
        return View(self.encoded, self.scale, self.scale_of_targets, steps, self.factors)

    @property
    def sizes(self) -> Sizes:
        """Shapes that its network depends on."""
        return Sizes(self.forcing, self.n_columns, self.encoded.shape[1], len(self.label))

    def pixels(self, which: str) -> np.ndarray:
        """Return the indices of the pixels of one part of the split."""
        return np.flatnonzero(self.label == which)

    @cached_property
    def _pixels_of(self) -> list[np.ndarray]:
        order = np.argsort(self.patch, kind="stable")
        return np.split(order, np.cumsum(np.bincount(self.patch))[:-1])

    @cached_property
    def _train_patches(self) -> np.ndarray:
        return np.unique(self.patch[self.label == split.TRAIN])

    @cached_property
    def dev(self) -> Selection | None:
        """The dev patches in batches, stacked [batch, dev_capacity]; None where the split has none."""
        patches = np.unique(self.patch[self.label == split.DEV])
        return self._stack(patches, self.dev_patches_per_batch, self.dev_capacity) if len(patches) else None

    def batches(self, seed: int, epoch: int) -> Selection:
        """Return the batches of an epoch, stacked [batch, capacity].

        Training patches are shuffled by seed and epoch alone. So are the windows of the batches drawn.
        """
        patches = self._train_patches.copy()
        np.random.Generator(np.random.PCG64([seed, epoch])).shuffle(patches)
        batches = self._stack(patches, self.patches_per_batch, self.capacity)
        if self.window is None:
            return batches
        generator = np.random.Generator(np.random.PCG64([seed, epoch, WINDOW_STREAM]))
        start = generator.integers(0, self.starts, len(batches.mask)).astype(np.int32)
        return batches._replace(start=start)

    def _stack(self, patches: np.ndarray, per_batch: int, capacity: int) -> Selection:
        chunks = [patches[i : i + per_batch] for i in range(0, len(patches), per_batch)]
        stacked = [select([self._pixels_of[p] for p in chunk], capacity) for chunk in chunks]
        return jax.tree.map(lambda *x: np.stack(x), *stacked)


def select(parts: Sequence[np.ndarray], capacity: int) -> Selection:
    """Select the pixels of these patches, padded to `capacity`.

    The padding is copies of the first pixel that count for nothing.
    """
    index = np.concatenate(parts)
    local = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    padding = capacity - len(index)
    return Selection(
        pixel=np.concatenate([index, np.full(padding, index[0])]).astype(np.int32),
        patch=np.concatenate([local, np.full(padding, -1)]).astype(np.int32),
        mask=np.concatenate([np.ones(len(index)), np.zeros(padding)]).astype(np.float32),
    )


WINDOW_STREAM = 0xB
"""Third word of the seed of the windows, apart from the shuffle."""


def windows(spec: RunSpec, ds: xr.Dataset, kept: np.ndarray | None) -> tuple[Window | None, int]:
    """Windows of a member, and how many first steps they may have: within the steps up to the last that trains."""
    if not spec.batch.window_years:
        return None, 0
    per_year = DAYS_PER_YEAR / float(ds.attrs["dt_days"])
    steps, warmup = (round(n * per_year) for n in (spec.batch.window_years, spec.batch.warmup_years))
    train = np.ones(ds.sizes["time"], bool) if kept is None else (kept > 0).any(axis=1)
    last = int(np.flatnonzero(train)[-1]) + 1
    if last < steps:
        raise LandlabError(
            f"batch.window_years = {spec.batch.window_years} is {steps} steps, and {last} train: give a shorter window"
        )
    return Window(steps, warmup, float(train.sum()) / (steps - warmup)), last - steps + 1


def setup_of(spec: RunSpec, targets: Scale | None = None) -> Setup:
    """Return the setup of the compiled program of a run.

    `targets` is the scale of what it learns standardised.
    """
    outputs = () if targets is None else tuple(sorted(targets.mean))
    return Setup(spec.model, spec.network, tuple(sorted(spec.processes.items())), outputs)


def scale_of(
    ds: xr.Dataset,
    pixels: np.ndarray,
    functions: Mapping[str, Callable[[Any], Any]],
    forcing: Sequence[str],
) -> Scale:
    """Moments of functions of the forcing and `doy`, over all steps of these pixels; a constant's sd is 1."""
    series = ds[[*forcing, "doy"]]
    rows = max(1, BLOCK_VALUES // ds.sizes["time"])
    parts = []
    for start in range(0, len(pixels), rows):
        chosen = np.flatnonzero(pixels[start : start + rows])
        if not len(chosen):
            continue
        part = series.isel(pixel=slice(start, start + rows)).load().isel(pixel=chosen)
        columns = [function(part).values.astype(np.float64) for function in functions.values()]
        parts.append([(x.size, x.mean(), x.var()) for x in columns])

    def of(parts: Sequence[tuple[int, float, float]]) -> tuple[np.float32, np.float32]:
        size, mean, variance = (np.array(x) for x in zip(*parts, strict=True))
        share = size / size.sum()
        middle = (share * mean).sum()
        sd = np.sqrt((share * (variance + (mean - middle) ** 2)).sum())
        return np.float32(middle), np.float32(sd if sd > CONSTANT * abs(middle) else 1.0)

    pairs = [of(column) for column in zip(*parts, strict=True)]
    mean, sd = (dict(zip(functions, x, strict=True)) for x in zip(*pairs, strict=True))
    return Scale(mean, sd)


def _moments(columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each column, float32; a constant's sd is 1."""
    mean, sd = columns.mean(axis=0, dtype=np.float64), columns.std(axis=0, dtype=np.float64)
    return mean.astype(np.float32), np.where(sd > CONSTANT * np.abs(mean), sd, 1.0).astype(np.float32)


@dataclass(frozen=True)
class Targets:
    """Training observations of a member: their mean and sd by variable, and how many a pixel has, by stream.

    Of all that its model can learn from the dataset, so that members of a dataset have equal shapes.
    """

    scale: Scale
    per_pixel: Mapping[str, Mapping[str, float]]
    """Sum of the weights of a stream, per pixel of a part of the split (train, dev), by part and stream."""
    learned: tuple[str, ...]
    """Variables that the member learns: those of its streams that are observed at its training pixels."""

    @classmethod
    def of(cls, spec: RunSpec, ds: xr.Dataset, label: np.ndarray, kept: np.ndarray | None) -> "Targets":
        """Moments over the training pixels and the steps that are kept; LandlabError where nothing is observed."""
        known, chosen = registry.streams(), learned_streams(spec, ds)
        pixels = np.flatnonzero(np.isin(label, (split.TRAIN, split.DEV)))
        parts = {part: label[pixels] == part for part in (split.TRAIN, split.DEV)}
        moments: dict[str, np.ndarray] = {}
        per_pixel: dict[str, dict[str, float]] = {part: {} for part in parts}
        for name in needs.learnable_streams(spec, ds):
            columns = [n for n in (name, f"{name}_weight") if n in ds]
            values, weight = observations(ds[columns].isel(pixel=pixels), name)
            if kept is not None:
                weight = weight * (kept if kept.shape[1] == 1 else kept[:, pixels])
            for part, of in parts.items():
                per_pixel[part][name] = float(weight[:, of].sum()) / max(int(of.sum()), 1)
            train = parts[split.TRAIN]
            seen = values[:, train][weight[:, train] > 0].astype(np.float64)
            variable = known[name].variable
            own = np.array([seen.size, seen.sum(), (seen**2).sum()])
            moments[variable] = moments.get(variable, np.zeros(3)) + own
        learned = dict.fromkeys(known[name].variable for name in chosen if per_pixel[split.TRAIN][name] > 0)
        if not learned:
            raise LandlabError(f"no training pixel of run {spec.run_id} has an observation to learn from")
        mean: dict[str, Number] = {}
        sd: dict[str, Number] = {}
        for variable, (size, total, squares) in moments.items():
            middle = total / max(size, 1)
            spread = max(squares / max(size, 1) - middle**2, 0.0) ** 0.5
            mean[variable], sd[variable] = np.float32(middle), np.float32(spread or 1.0)
        return cls(Scale(mean, sd), per_pixel, tuple(learned))


def normalising(spec: RunSpec, ds: xr.Dataset, kept: np.ndarray | None) -> dict[str, np.ndarray]:
    """Factors [N] by stream that make a squared difference relative to the training observations of a pixel.

    One over the square root of their weighted sum of squares around their mean; 0 where a pixel has none that vary.
    """
    factors = {}
    for name in needs.learnable_streams(spec, ds):
        values, weight = (x.astype(np.float64) for x in observations(ds, name))
        if kept is not None:
            weight = weight * kept
        mean = (weight * values).sum(axis=0) / np.maximum(weight.sum(axis=0), np.finfo(float).tiny)
        squares = (weight * (values - mean) ** 2).sum(axis=0)
        varies = squares > 1e-12 * (weight * values**2).sum(axis=0)
        factors[name] = np.where(varies, 1 / np.sqrt(np.where(varies, squares, 1.0)), 0.0).astype(np.float32)
    return factors
