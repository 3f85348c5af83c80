"""A member's view of a dataset: arrays for JAX, its split, and the order of its batches."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jax import Array

from landlab_mgr.data import predictors, split
from landlab_mgr.models.dalec.climate import Climate, Forcing, make_forcing, prepare, take
from landlab_mgr.models.dalec.model import Batch
from landlab_mgr.models.dalec.parameters import FORCING, LOSS_TERMS, STREAMS, LossTerm
from landlab_mgr.models.dalec.process import Scale, Weather, water_stress
from landlab_mgr.models.dalec.process.phenology import Season
from landlab_mgr.spec.run import RunSpec

BLOCK_VALUES = 4 * 2**20
"""Pixel-months of a dataset that are read at once where it need not fit in memory."""


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["climate", "latitude", "observed", "weight"],
    meta_fields=["fires"],
)
@dataclass(frozen=True)
class Arrays:
    """All pixels of a dataset on the device, float32; [T, N] where monthly."""

    climate: Climate
    latitude: Array
    observed: dict[str, Array]
    weight: dict[str, Array]
    fires: bool
    """Whether anything burns; a program without fire is smaller."""

    @property
    def streams(self) -> tuple[str, ...]:
        """Observation streams that the dataset has."""
        return tuple(self.observed)

    def chunks(self, view: "View", order: "Selection") -> Iterator[tuple["Arrays", "View", "Selection"]]:
        """What to train on, piece by piece: everything at once, since everything is on the device."""
        yield self, view, order

    def take(self, index: Array) -> "Arrays":
        """Some pixels."""
        return Arrays(
            climate=take(self.climate, index),
            latitude=self.latitude[index],
            observed={n: jnp.take(x, index, axis=1) for n, x in self.observed.items()},
            weight={n: jnp.take(x, index, axis=1) for n, x in self.weight.items()},
            fires=self.fires,
        )


MONTHLY_CLIMATE = tuple(name for name in Climate._fields if name not in ("season", "dt"))
"""Fields of `Climate` that are [T, N]."""


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["block", "latitude", "season", "dt"],
    meta_fields=["fields", "streams", "fires"],
)
@dataclass(frozen=True)
class Packed:
    """Pixels of a dataset in one array, which the program that learns from them takes apart."""

    block: Array | np.ndarray
    """[field, T, N] float32: the monthly climate, observations (NaN = missing), weights that are not 1 or 0.

    Of the batch's pixels in its order: to gather them inside the program takes a sixth of an update.
    """
    latitude: Array | np.ndarray
    season: Season
    dt: Array
    fields: tuple[str, ...]
    """Of the block: MONTHLY_CLIMATE, streams, and STREAM_weight."""
    streams: tuple[str, ...]
    fires: bool

    def take(self, index: Array) -> Arrays:
        """The pixels, as `load` makes them. They lie in the order of the batch: `index` is 0, 1, 2 and so on."""
        named = dict(zip(self.fields, jnp.asarray(self.block), strict=True))
        climate = Climate(**{n: named[n] for n in MONTHLY_CLIMATE}, season=self.season, dt=self.dt)
        observed, weight = {}, {}
        for stream in self.streams:
            there = ~jnp.isnan(named[stream])
            observed[stream] = jnp.where(there, named[stream], 0.0)
            weight[stream] = named.get(f"{stream}_weight", there.astype(jnp.float32))
        return Arrays(climate, jnp.asarray(self.latitude)[index], observed, weight, self.fires)


class View(NamedTuple):
    """What the device needs of a member besides the dataset's arrays."""

    encoded: Any
    """[N, P] predictors as the member encodes them."""
    scale: Scale | None
    """Of the weather, where a process of the member learns from it."""
    months: Any = None
    """[T] 1 where observations are learned from, 0 in the months that the split withholds; None = all are."""


class Selection(NamedTuple):
    """Which pixels make a batch: indices into `Arrays`, the batch-local patch of each, and 1 for the real ones."""

    pixel: np.ndarray
    patch: np.ndarray
    mask: np.ndarray


def streams_of(ds: xr.Dataset) -> tuple[str, ...]:
    """Observation streams that a dataset has, in table order."""
    return tuple(name for name in STREAMS if name in ds)


def _monthly(ds: xr.Dataset, name: str) -> np.ndarray:
    return np.ascontiguousarray(ds[name].transpose("time", "pixel").values, dtype=np.float64)


def forcing_of(ds: xr.Dataset) -> Forcing:
    """The forcing of a dataset, float32."""
    drawn = {name: _monthly(ds, name) for name in FORCING}
    drawn |= {name: ds[name].values for name in ("time_days", "doy")}
    return make_forcing(drawn, ds["lat"].values, float(ds.attrs["dt_days"]), np.float32)


def observations(ds: xr.Dataset, stream: str) -> tuple[np.ndarray, np.ndarray]:
    """A stream's values and weights, [T, N] float32; missing observations are 0 with weight 0."""
    values = _monthly(ds, stream)
    own = _monthly(ds, f"{stream}_weight") if f"{stream}_weight" in ds else np.ones_like(values)
    there = np.isfinite(values) & np.isfinite(own)
    return np.where(there, values, 0.0).astype(np.float32), np.where(there, own, 0.0).astype(np.float32)


def load(ds: xr.Dataset) -> Arrays:
    """Read a dataset into device arrays."""
    forcing = forcing_of(ds)
    observed, weight = {}, {}
    for stream in streams_of(ds):
        observed[stream], weight[stream] = (jnp.asarray(x) for x in observations(ds, stream))
    climate = jax.jit(prepare)(forcing)  # as a stream does it: the same numbers to the bit
    return Arrays(climate, forcing.latitude, observed, weight, bool((forcing.burned_area > 0).any()))


def bytes_of(ds: xr.Dataset) -> int:
    """What `load` would take of the device's memory."""
    return 4 * ds.sizes["pixel"] * ds.sizes["time"] * (len(MONTHLY_CLIMATE) + 2 * len(streams_of(ds)))


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
    """Some pixels of a dataset, in memory."""
    first, last = int(pixels[0]), int(pixels[-1])
    contiguous = np.array_equal(pixels, np.arange(first, last + 1))
    return ds.isel(pixel=slice(first, last + 1) if contiguous else pixels).load()


def gather(source: Arrays | Packed, view: View, selection: Selection, n_patches: int) -> Batch:
    """The batch of the selected pixels, inside a compiled program; `n_patches` is its static number of patches.

    Several lanes at once have a selection [lane, N] and a view that begins with the lane; in their batch arrays by
    month are [T, lane, N], so that the loop over months finds each month in one piece (`LANE_AXES`).
    """
    index, patch, mask = (jnp.asarray(x) for x in selection)
    member = jax.nn.one_hot(patch, n_patches, dtype=mask.dtype, axis=-2) * jnp.expand_dims(mask, -2)
    size = jnp.maximum(member.sum(axis=-1, keepdims=True), 1.0)
    arrays = source.take(index)
    batch = Batch(
        climate=arrays.climate,
        latitude=arrays.latitude,
        predictors=jnp.take_along_axis(view.encoded, index[..., None], axis=-2),
        observed=arrays.observed,
        weight={n: x * mask[None] for n, x in arrays.weight.items()},
        patch_mean=member / size,
        mask=mask,
        scale=view.scale,
    )
    if view.months is None:
        return batch
    kept = jnp.expand_dims(jnp.moveaxis(view.months, -1, 0), -1)
    pairs = {n: _without(LOSS_TERMS[n], x, batch.weight[n], kept) for n, x in batch.observed.items()}
    observed, weight = ({n: pair[i] for n, pair in pairs.items()} for i in (0, 1))
    return batch._replace(observed=observed, weight=weight)


def _without(term: LossTerm, observed: Array, weight: Array, kept: Array) -> tuple[Array, Array]:
    """A stream's observations and weights ([T, N], or [T, lane, N]) without the months where `kept` is 0."""
    if (
        term.average == "run"
    ):  # a mean over the run, with the weight of the first month: of those that are kept
        first = kept * (jnp.cumsum(kept, axis=0) == 1)
        mean = (kept * observed).sum(axis=0, keepdims=True) / kept.sum(axis=0, keepdims=True)
        found = mean, (first * weight).sum(axis=0, keepdims=True)
        return jnp.broadcast_to(found[0], observed.shape), jnp.broadcast_to(found[1], weight.shape)
    return kept * observed, kept * weight


_SHARED: Any = None
_BY_MONTH: Any = 1
_FIRST: Any = 0
LANE_AXES = Batch(
    climate=Climate(**{n: _BY_MONTH if n in MONTHLY_CLIMATE else _SHARED for n in Climate._fields}),
    observed=_BY_MONTH,
    weight=_BY_MONTH,
    latitude=_FIRST,
    predictors=_FIRST,
    patch_mean=_FIRST,
    mask=_FIRST,
    scale=_FIRST,
)
"""Which axis of a batch of several lanes is the lane; None for what they share."""


@dataclass(frozen=True)
class Member:
    """One member's split and encoded predictors over a dataset."""

    label: np.ndarray
    """[pixel] of train, dev, test, unused."""
    patch: np.ndarray
    """[pixel] patch of each pixel."""
    encoder: predictors.Encoder
    encoded: np.ndarray
    """[pixel, P] float32, padded to the width that all setups of the dataset share."""
    n_columns: int
    """Columns of `encoded` that hold predictors."""
    scale: Scale | None
    """Of the weather at the training pixels, where a process learns from it."""
    months: np.ndarray | None
    """[T] 1 where it learns from observations, 0 in the months that its split withholds; None = from all months."""
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
        learns = water_stress(spec.process.water_stress).weather
        return cls(
            label=label,
            patch=patch,
            encoder=encoder,
            encoded=np.pad(columns, ((0, 0), (0, padding))).astype(np.float32),
            n_columns=columns.shape[1],
            scale=weather_scale(ds, label == split.TRAIN) if learns else None,
            months=None if withheld is None else (~withheld).astype(np.float32),
            patches_per_batch=per_batch,
            dev_patches_per_batch=dev_per_batch,
            capacity=int(sizes[:per_batch].sum()),
            dev_capacity=int(sizes[:dev_per_batch].sum()),
        )

    @property
    def view(self) -> View:
        """What the device needs of this member."""
        return View(self.encoded, self.scale, self.months)

    def pixels(self, which: str) -> np.ndarray:
        """Indices of the pixels of one part of the split."""
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
        """The batches of an epoch, stacked [batch, capacity]: training patches shuffled by seed and epoch alone."""
        patches = self._train_patches.copy()
        np.random.Generator(np.random.PCG64([seed, epoch])).shuffle(patches)
        return self._stack(patches, self.patches_per_batch, self.capacity)

    def _stack(self, patches: np.ndarray, per_batch: int, capacity: int) -> Selection:
        chunks = [patches[i : i + per_batch] for i in range(0, len(patches), per_batch)]
        stacked = [select([self._pixels_of[p] for p in chunk], capacity) for chunk in chunks]
        return Selection(*(np.stack(x) for x in zip(*stacked, strict=True)))


def select(parts: Sequence[np.ndarray], capacity: int) -> Selection:
    """The pixels of these patches, padded to `capacity` with copies of the first pixel that count for nothing."""
    index = np.concatenate(parts)
    local = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    padding = capacity - len(index)
    return Selection(
        pixel=np.concatenate([index, np.full(padding, index[0])]).astype(np.int32),
        patch=np.concatenate([local, np.full(padding, -1)]).astype(np.int32),
        mask=np.concatenate([np.ones(len(index)), np.zeros(padding)]).astype(np.float32),
    )


def weather_scale(ds: xr.Dataset, pixels: np.ndarray) -> Scale:
    """Mean and standard deviation of the weather over all months of these pixels; a constant's is 1."""
    weather = ds[["tmin", "tmax", "ssrd", "vpd", "co2"]]
    rows = max(1, BLOCK_VALUES // ds.sizes["time"])
    found = []
    for start in range(0, len(pixels), rows):
        chosen = np.flatnonzero(pixels[start : start + rows])
        if not len(chosen):
            continue
        part = weather.isel(pixel=slice(start, start + rows)).load().isel(pixel=chosen)
        values = (0.5 * (part["tmin"] + part["tmax"]), part["ssrd"], part["vpd"], part["co2"])
        columns = [x.values.astype(np.float64) for x in values]
        found.append([(x.size, x.mean(), x.var()) for x in columns])

    def of(parts: Sequence[tuple[int, float, float]]) -> tuple[np.float32, np.float32]:
        size, mean, variance = (np.array(x) for x in zip(*parts, strict=True))
        share = size / size.sum()
        middle = (share * mean).sum()
        sd = np.sqrt((share * (variance + (mean - middle) ** 2)).sum())
        return np.float32(middle), np.float32(sd if sd > 1e-6 * abs(middle) else 1.0)

    mean, sd = (Weather(*x) for x in zip(*map(of, zip(*found, strict=True)), strict=True))
    return Scale(mean, sd)
