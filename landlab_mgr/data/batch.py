"""A member's view of a dataset: arrays for JAX, its split, and the order of its batches."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jax import Array

from landlab_mgr.data import predictors, split
from landlab_mgr.model import Batch, Climate, Forcing, prepare
from landlab_mgr.parameters import FORCING, STREAMS
from landlab_mgr.spec import RunSpec

DRIEST_MEAN = 1e-3
"""mm d-1; a pixel without any precipitation would divide by its mean of 0."""


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


class Selection(NamedTuple):
    """Which pixels make a batch: indices into `Arrays`, the batch-local patch of each, and 1 for the real ones."""

    pixel: np.ndarray
    patch: np.ndarray
    mask: np.ndarray


def streams_of(ds: xr.Dataset) -> tuple[str, ...]:
    """Observation streams that a dataset has, in table order."""
    return tuple(name for name in STREAMS if name in ds)


def load(ds: xr.Dataset) -> Arrays:
    """Read a dataset into device arrays; missing observations become 0 with weight 0."""

    def monthly(name: str) -> np.ndarray:
        return np.ascontiguousarray(ds[name].transpose("time", "pixel").values, dtype=np.float64)

    drawn = {name: monthly(name) for name in FORCING}
    drawn |= {name: ds[name].values for name in ("time_days", "doy")}
    forcing = make_forcing(drawn, ds["lat"].values, float(ds.attrs["dt_days"]), np.float32)
    observed, weight = {}, {}
    for stream in streams_of(ds):
        values = monthly(stream)
        own = monthly(f"{stream}_weight") if f"{stream}_weight" in ds else np.ones_like(values)
        there = np.isfinite(values) & np.isfinite(own)
        observed[stream] = jnp.asarray(np.where(there, values, 0.0), jnp.float32)
        weight[stream] = jnp.asarray(np.where(there, own, 0.0), jnp.float32)
    fires = bool((drawn["burned_area"] > 0).any())
    return Arrays(prepare(forcing), forcing.latitude, observed, weight, fires)


def make_forcing(values: Mapping[str, np.ndarray], latitude: np.ndarray, dt: float, dtype: Any) -> Forcing:
    """Forcing from monthly arrays [T, N] by name (and time_days, doy [T]), with each pixel's means over time."""
    derived = {
        "latitude": latitude,
        "mean_temp": (0.5 * (values["tmin"] + values["tmax"])).mean(axis=0),
        "mean_precip": np.maximum(values["precip"].mean(axis=0), DRIEST_MEAN),
        "dt": np.asarray(dt),
    }
    named = {name: values[name] for name in (*FORCING, "time_days", "doy")} | derived
    return Forcing(**{name: jnp.asarray(x, dtype) for name, x in named.items()})


def take(climate: Climate, index: Array) -> Climate:
    """The climate of some pixels."""
    return jax.tree.map(lambda x: jnp.take(x, index, axis=1) if x.ndim == 2 else x, climate)


def gather(arrays: Arrays, encoded: Array, selection: Selection, n_patches: int) -> Batch:
    """The batch of the selected pixels, inside a compiled program; `n_patches` is its static number of patches."""
    index, patch, mask = (jnp.asarray(x) for x in selection)
    member = (patch[None] == jnp.arange(n_patches)[:, None]).astype(mask.dtype) * mask[None]
    size = jnp.maximum(member.sum(axis=1, keepdims=True), 1.0)
    return Batch(
        climate=take(arrays.climate, index),
        latitude=arrays.latitude[index],
        predictors=encoded[index],
        observed={n: jnp.take(x, index, axis=1) for n, x in arrays.observed.items()},
        weight={n: jnp.take(x, index, axis=1) * mask[None] for n, x in arrays.weight.items()},
        patch_mean=member / size,
        mask=mask,
    )


@dataclass(frozen=True)
class Member:
    """One member's split and encoded predictors over a dataset."""

    label: np.ndarray
    """[pixel] of train, dev, test."""
    patch: np.ndarray
    """[pixel] patch of each pixel."""
    encoder: predictors.Encoder
    encoded: np.ndarray
    """[pixel, P] float32, padded to the width that all setups of the dataset share."""
    n_columns: int
    """Columns of `encoded` that hold predictors."""
    patches_per_batch: int
    capacity: int
    """Pixels that any batch of this many patches fits into."""
    dev_capacity: int

    @classmethod
    def of(cls, spec: RunSpec, ds: xr.Dataset) -> "Member":
        """Draw the member's split, fit its encoder on the training pixels and encode every pixel."""
        patch = ds["patch"].values
        label = split.assign(ds, spec.split, spec.seeds.split)
        encoder = predictors.encode(ds, spec.predictors, label == "train", spec.seeds.init)
        columns = encoder.apply(ds)
        padding = max(predictors.width(ds), columns.shape[1]) - columns.shape[1]
        sizes = np.sort(np.bincount(patch[label != "test"]))[::-1]
        n_train = len(np.unique(patch[label == "train"]))
        per_batch = min(spec.optimizer.patches_per_batch or n_train, n_train)
        return cls(
            label=label,
            patch=patch,
            encoder=encoder,
            encoded=np.pad(columns, ((0, 0), (0, padding))).astype(np.float32),
            n_columns=columns.shape[1],
            patches_per_batch=per_batch,
            capacity=int(sizes[:per_batch].sum()),
            dev_capacity=int(sizes[: len(np.unique(patch[label == "dev"]))].sum()),
        )

    def pixels(self, which: str) -> np.ndarray:
        """Indices of the pixels of one part of the split."""
        return np.flatnonzero(self.label == which)

    def dev(self) -> Selection:
        """All dev pixels as one batch."""
        return select(self.patch, np.unique(self.patch[self.label == "dev"]), self.dev_capacity)

    def batches(self, seed: int, epoch: int) -> Selection:
        """The batches of an epoch, stacked [batch, capacity]: training patches shuffled by seed and epoch alone."""
        patches = np.unique(self.patch[self.label == "train"])
        np.random.Generator(np.random.PCG64([seed, epoch])).shuffle(patches)
        chunks = list(_chunks(patches, self.patches_per_batch))
        stacked = [select(self.patch, chunk, self.capacity) for chunk in chunks]
        return Selection(*(np.stack(x) for x in zip(*stacked, strict=True)))


def _chunks(patches: np.ndarray, size: int) -> Iterator[np.ndarray]:
    for start in range(0, len(patches), size):
        yield patches[start : start + size]


def select(patch: np.ndarray, patches: np.ndarray, capacity: int) -> Selection:
    """The pixels of these patches, padded to `capacity` with copies of the first pixel that count for nothing."""
    parts = [np.flatnonzero(patch == p) for p in patches]
    index = np.concatenate(parts)
    local = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    padding = capacity - len(index)
    return Selection(
        pixel=np.concatenate([index, np.full(padding, index[0])]).astype(np.int32),
        patch=np.concatenate([local, np.full(padding, -1)]).astype(np.int32),
        mask=np.concatenate([np.ones(len(index)), np.zeros(padding)]).astype(np.float32),
    )
