"""Training on a dataset that does not fit in memory: its packed copy on disk, and batches read ahead of the device.

A published dataset keeps each variable in an array of its own; reading one patch of each of its thirty takes longer
than learning from it. The packed copy holds what the model makes of them before it learns, in one zarr v3 array [patch,
field, month, slot], a chunk for each patch. It is made once per dataset, lies beside it (in each host's cache, where
the dataset is remote), and can be removed at any time.
"""

import fcntl
import math
import os
import shutil
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import google_crc32c
import jax
import numpy as np
import xarray as xr
import zarr
from jax import Array
from zarr.codecs import Crc32cCodec

from landlab_mgr.data import batch, store
from landlab_mgr.data.batch import Layout, Packed, Selection, View
from landlab_mgr.errors import LandlabError
from landlab_mgr.models.model import Model
from landlab_mgr.storage.location import Location, cache_directory

LAYOUT = 4
"""Version of the packed copy; a copy of another is made again."""

AHEAD = 2
"""Batches that are read while the device works on one."""

BATCH_BYTES = 2**28
"""Largest batch on the device; a few are there at once."""

THREAD = "landlab-stream"

_CHECKSUM_BYTES = 4


@dataclass(frozen=True)
class Stream:
    """A packed dataset to train on; a `train.Source`."""

    path: Path
    shape: tuple[int, int, int, int]
    """[patch, field, month, slot] of what is packed, as `batch.Packed` has it."""
    fields: tuple[str, ...]
    streams: tuple[str, ...]
    off: tuple[str, ...]
    """Switches of the model that are 0 everywhere."""
    layout: Layout
    rest: tuple[Array, ...]
    """Weather that is not [month, slot]."""
    pixel: np.ndarray
    """[patch, slot] pixel of each slot; those that a patch does not fill repeat its first pixel."""
    patch: np.ndarray
    """[pixel] patch of each pixel."""
    latitude: np.ndarray
    """[pixel] degrees north."""

    @property
    def slots(self) -> int:
        """Pixels of the largest patch."""
        return self.pixel.shape[1]

    @cached_property
    def _slot(self) -> np.ndarray:
        """[pixel] slot of each pixel in its patch."""
        slot = np.zeros(len(self.patch), np.int64)
        for s in reversed(range(self.slots)):  # a repeated first pixel ends up at slot 0
            slot[self.pixel[:, s]] = s
        return slot

    def chunks(self, view: View, order: Selection) -> Iterator[tuple[Packed, View, Selection]]:
        """Yield the batches of one member, [1, batch, pixel], one at a time.

        They are read ahead in a thread.

        Raises:
            LandlabError: for several members, a batch that is too large, or a damaged copy.
        """
        lanes, batches, _ = order.pixel.shape
        if lanes > 1:
            raise LandlabError(
                f"a streamed dataset trains one member at a time, not {lanes}; use --members 1"
            )
        patches = int(order.patch.max()) + 1
        size = patches * _bytes_of(self.shape)
        if size > BATCH_BYTES:
            raise LandlabError(
                f"a batch of {patches} patches takes {size / 2**30:.1f} GiB of {BATCH_BYTES / 2**30:g}; "
                "set optimizer.patches_per_batch lower"
            )
        one = jax.tree.map(lambda x: np.asarray(x)[0], order)

        def piece(k: int) -> tuple[Packed, View, Selection]:
            return self._piece(view, jax.tree.map(lambda x: x[k], one), patches)

        with ThreadPoolExecutor(1, THREAD) as reader:
            try:
                waiting = deque(reader.submit(piece, k) for k in range(min(AHEAD, batches)))
                for k in range(batches):
                    ready = waiting.popleft().result()
                    if k + AHEAD < batches:
                        waiting.append(reader.submit(piece, k + AHEAD))
                    yield ready
            finally:
                reader.shutdown(cancel_futures=True)

    def _piece(self, view: View, chosen: Selection, patches: int) -> tuple[Packed, View, Selection]:
        """One batch, its pixels numbered within what was read for it."""
        found = list(dict.fromkeys(self.patch[chosen.pixel].tolist()))
        rank = {p: i for i, p in enumerate(found)}
        found += found[:1] * (patches - len(found))  # a short batch keeps the shape of the others
        block = (
            self._read(found[0]) if patches == 1 else np.concatenate([self._read(p) for p in found], axis=2)
        )
        pixel, capacity = chosen.pixel, len(chosen.pixel)
        if np.array_equal(self.pixel[found].ravel()[:capacity], pixel):
            block = block[:, :, :capacity]
        else:
            first = np.array([rank[p] for p in self.patch[pixel].tolist()]) * self.slots
            block = block.take(first + self._slot[pixel], axis=2)
        packed = Packed(
            block,
            self.latitude[pixel],
            self.rest,
            self.layout,
            self.fields,
            self.streams,
            self.off,
        )
        local = np.arange(capacity, dtype=np.int32)
        selection = jax.tree.map(lambda x: np.asarray(x)[None, None], chosen._replace(pixel=local))
        return jax.device_put(packed), view.of_pixels(pixel), selection

    def _read(self, patch: int) -> np.ndarray:
        """Read a patch, [field, month, slot], from its file.

        It uses no zarr, which takes ten times as long, other threads waiting.
        """
        try:
            found = np.fromfile(_chunk(self.path, patch), np.uint8)
        except FileNotFoundError:
            raise self._damaged(f"patch {patch} is gone") from None
        except OSError as error:
            raise self._damaged(str(error)) from None
        block, checksum = found[:-_CHECKSUM_BYTES], found[-_CHECKSUM_BYTES:]
        if len(block) != _bytes_of(self.shape) or google_crc32c.value(block) != checksum.view("<u4"):
            raise self._damaged(f"patch {patch} is not as it was written")
        return block.view("<f4").reshape(self.shape[1:])

    def _damaged(self, how: str) -> LandlabError:
        return LandlabError(f"{self.path} is damaged ({how}); remove it and run again: it is made anew")


def stream_directory(dataset: Location) -> Path:
    """Return the directory of a dataset's packed copy.

    It is beside the dataset, or this host's cache where the dataset is remote.
    """
    return dataset.parent if isinstance(dataset, Path) else cache_directory() / "packed"


def open_stream(ds: xr.Dataset, directory: str | Path, model: Model) -> Stream:
    """Open the packed copy of a dataset for a model, in `directory`.

    It is made if it is missing, damaged or of another layout.

    Raises:
        LandlabError: where it cannot be written.
    """
    path = Path(directory) / f".packed-{ds.attrs['fingerprint']}-{model.tables.name}.zarr"
    layout = Layout.of(model, ds)
    expected = _description(ds, layout)
    if not _sound(path, expected):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            store.sweep(path.parent)
            _make(ds, path, expected, model, layout)
        except OSError as error:
            raise LandlabError(
                f"cannot write the packed copy {path} of a dataset too large for memory: {error}"
            ) from error
    group = zarr.open_group(path, mode="r")
    patch, pixel = ds["patch"].values, _slots_of(ds["patch"].values)
    one = jax.jit(model.prepare)(batch.forcing_of(ds.isel(pixel=slice(1)).load(), model))
    return Stream(
        path=path,
        shape=tuple(expected["shape"]),
        fields=tuple(expected["fields"]),
        streams=batch.streams_of(ds),
        off=tuple(map(str, cast(list[str], group.attrs["off"]))),
        layout=layout,
        rest=layout.split(one)[1],
        pixel=pixel,
        patch=patch,
        latitude=ds["lat"].values.astype(np.float32),
    )


def _description(ds: xr.Dataset, layout: Layout) -> dict[str, Any]:
    """Return what a sound copy says of itself."""
    weights = [f"{s}_weight" for s in batch.streams_of(ds) if f"{s}_weight" in ds]
    fields = [*layout.fields, *batch.streams_of(ds), *weights]
    patches, slots = _slots_of(ds["patch"].values).shape
    return {
        "layout": LAYOUT,
        "fingerprint": ds.attrs["fingerprint"],
        "fields": fields,
        "shape": [patches, len(fields), ds.sizes["time"], slots],
    }


def _slots_of(patch: np.ndarray) -> np.ndarray:
    """[patch, slot] pixel of each slot; slots that a patch leaves repeat its first pixel."""
    sizes = np.bincount(patch)
    order = np.argsort(patch, kind="stable")
    slot = np.arange(sizes.max())[None]
    return order[(np.cumsum(sizes) - sizes)[:, None] + np.where(slot < sizes[:, None], slot, 0)]


def _sound(path: Path, expected: Mapping[str, Any]) -> bool:
    """Return whether a copy is there, complete, and of this dataset and layout.

    A checksum guards what is read.
    """
    try:
        attrs = zarr.open_group(path, mode="r").attrs.asdict()
        size = _bytes_of(expected["shape"]) + _CHECKSUM_BYTES
        return (
            {n: attrs.get(n) for n in expected} == dict(expected)
            and "off" in attrs
            and all(_chunk(path, k).stat().st_size == size for k in range(expected["shape"][0]))
        )
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _bytes_of(shape: Sequence[int]) -> int:
    """Size of a patch in memory."""
    return 4 * math.prod(shape[1:])


def _chunk(path: Path, patch: int) -> Path:
    return path / "packed" / "c" / str(patch) / "0" / "0" / "0"


def _make(ds: xr.Dataset, path: Path, expected: Mapping[str, Any], model: Model, layout: Layout) -> None:
    """Write a copy into a temporary of its own, then put it in place; readers see nothing or the whole.

    A sound copy stays where it is: another worker made it meanwhile, and may be reading it.
    """
    temporary, damaged = store.temporary_of(path), store.temporary_of(path)
    try:
        with _alone(path):
            if _sound(path, expected):
                return
            _write(ds, temporary, expected, model, layout)
            store.sync(temporary)
            if path.exists() and not _sound(path, expected):
                os.rename(path, damaged)
            try:
                os.rename(temporary, path)
            except OSError:  # another was first, where there are no locks
                if not _sound(path, expected):
                    raise
    finally:
        for leftover in (temporary, damaged):
            shutil.rmtree(leftover, ignore_errors=True)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """One writer at a time, where the file system has locks: a large dataset is not packed by every worker at once."""
    lock = path.with_suffix(".lock")
    with lock.open("w") as file:
        with suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)


def _write(ds: xr.Dataset, path: Path, expected: Mapping[str, Any], model: Model, layout: Layout) -> None:
    _, _, months, slots = shape = tuple(expected["shape"])
    fields = expected["fields"]
    group = zarr.open_group(path, mode="w-", zarr_format=3)
    packed = group.create_array(
        "packed",
        shape=shape,
        chunks=(1, *shape[1:]),
        dtype="float32",
        fill_value=np.nan,
        compressors=[Crc32cCodec()],
        dimension_names=("patch", "field", "month", "slot"),
    )
    patch = ds["patch"].values
    off = set(model.tables.switches)
    stored = [n for n in fields if n not in layout.fields]
    wanted = ds[[*batch.read_by(ds, model), *stored]]
    for pixels in batch.blocks(patch, months):
        part = batch.read(wanted, pixels)
        forcing = batch.forcing_of(part, model)
        weather = layout.split(jax.jit(model.prepare)(forcing))[0]
        values = {n: np.asarray(x) for n, x in weather.items()}
        for stream in batch.streams_of(ds):
            observed, weight = batch.observations(part, stream)
            if f"{stream}_weight" in fields:
                values[stream], values[f"{stream}_weight"] = observed, weight
            else:
                values[stream] = np.where(weight > 0, observed, np.nan)
        off &= set(batch.off_in(forcing, model))
        for p in np.unique(patch[pixels]):
            here = np.flatnonzero(patch[pixels] == p)
            slot = np.append(here, np.repeat(here[0], slots - len(here)))
            packed[p] = np.stack([values[n][:, slot] for n in fields])
    group.attrs.update({**expected, "off": sorted(off)})
