"""Datasets that are published part by part: the same as whole ones, whole or not at all, in the memory of a part."""

import itertools
import os
import signal
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from landlab_mgr.data import parts, store
from landlab_mgr.errors import LandlabError

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).resolve().parents[2]


def skeleton_of(ds: xr.Dataset) -> xr.Dataset:
    """The dataset without what comes in parts."""
    shape = ds["tmin"].shape
    return ds.assign(
        {
            name: (ds[name].dims, parts.declared(shape, ds[name].dtype.type), ds[name].attrs)
            for name in parts.monthly(ds)
        }
    )


def parts_of(ds: xr.Dataset, edges: list[int]) -> Iterator[parts.Part]:
    for first, last in itertools.pairwise(edges):
        pixels = slice(first, last)
        yield pixels, {name: ds[name].values[pixels] for name in parts.monthly(ds)}


@pytest.mark.parametrize("edges", [[0, 11], [0, 1, 2, 3, 11], [0, 4, 8, 11], [0, 10, 11], list(range(12))])
@pytest.mark.parametrize("chunk_bytes", [500, 800, 10**6])  # two pixels a chunk, four, all
def test_parts_are_published_as_the_whole_would_be(dataset, tmp_path, monkeypatch, edges, chunk_bytes):
    monkeypatch.setattr(store, "CHUNK_BYTES", chunk_bytes)
    whole = store.publish(dataset, tmp_path / "whole")
    skeleton = skeleton_of(dataset)
    published = store.publish_parts(skeleton, parts_of(dataset, edges), tmp_path / "parts")
    assert published == store.Published(whole.name, whole.fingerprint, tmp_path / "parts" / whole.path.name)
    a, b = (store.open_dataset(p.path).load() for p in (whole, published))
    xr.testing.assert_identical(a, b)
    assert [p.name for p in (tmp_path / "parts").iterdir()] == [published.path.name]
    # the same again, either way
    assert store.publish_parts(skeleton, parts_of(dataset, edges), tmp_path / "parts") == published
    assert store.publish(dataset, tmp_path / "parts") == published
    assert [p.name for p in (tmp_path / "parts").iterdir()] == [published.path.name]


@pytest.mark.parametrize(
    ("edges", "says"),
    [
        ([0, 4], "the parts end at pixel 4 of 11"),
        ([], "the parts end at pixel 0 of 11"),
        ([1, 11], r"pixels 1\.\.11 after 0 of 11"),
        ([0, 5, 5, 11], r"pixels 5\.\.5 after 5 of 11"),
        ([0, 11, 5], r"pixels 11\.\.5 after 11 of 11"),
        ([0, 12], r"pixels 0\.\.12 after 0 of 11"),
    ],
)
def test_each_pixel_comes_once_and_in_order(dataset, tmp_path, edges, says):
    with pytest.raises(LandlabError, match=says):
        store.publish_parts(skeleton_of(dataset), parts_of(dataset, edges), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_parts_hold_what_the_skeleton_declares(dataset, tmp_path):
    skeleton = skeleton_of(dataset)
    [(pixels, values)] = parts_of(dataset, [0, 11])
    other = {"nothing_we_know" if name == "tmin" else name: x for name, x in values.items()}
    with pytest.raises(LandlabError, match="differ in nothing_we_know, tmin"):
        store.publish_parts(skeleton, [(pixels, other)], tmp_path)
    with pytest.raises(
        LandlabError, match=r"tmin of the part from pixel 0 has shape \(11, 23\), not \(11, 24\)"
    ):
        store.publish_parts(skeleton, [(pixels, {**values, "tmin": values["tmin"][:, :-1]})], tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_parts_that_somebody_objects_to_are_not_published(dataset, tmp_path):
    seen = []

    def refuse(written):
        seen.append(written["tmin"].values)
        raise LandlabError("too cold")

    with pytest.raises(LandlabError, match="too cold"):
        store.publish_parts(skeleton_of(dataset), parts_of(dataset, [0, 5, 11]), tmp_path, refuse)
    np.testing.assert_array_equal(seen[0], dataset["tmin"].values)
    assert list(tmp_path.iterdir()) == []


KILLED_IN_PARTS = """
import os, signal, sys
from landlab_mgr.data import parts, store

store.CHUNK_BYTES = 500
source = store.open_dataset(sys.argv[1]).load()
del source.attrs["fingerprint"]
shape = source["tmin"].shape
names = parts.monthly(source)
skeleton = source.assign({n: (source[n].dims, parts.declared(shape), source[n].attrs) for n in names})

def blocks():
    for pixel in range(shape[0]):
        if pixel == int(sys.argv[3]):
            os.kill(os.getpid(), signal.SIGKILL)
        yield slice(pixel, pixel + 1), {n: source[n].values[pixel : pixel + 1] for n in names}

def die(*args):
    os.kill(os.getpid(), signal.SIGKILL)

store.publish_parts(skeleton, blocks(), sys.argv[2], die)
"""


@pytest.mark.parametrize("pixel", [0, 5, 99])  # the last: all is written, nothing is shown
def test_a_kill_between_parts_shows_nothing(dataset, tmp_path, pixel):
    source = store.publish(dataset, tmp_path / "source").path
    root = tmp_path / "store"
    child = subprocess.run(
        [sys.executable, "-c", KILLED_IN_PARTS, str(source), str(root), str(pixel)],
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert child.returncode == -signal.SIGKILL, child.stderr
    [left] = root.iterdir()
    assert left.name.startswith(".")
    assert store.list_published(root) == []
    published = store.publish(dataset, root)
    assert list(root.iterdir()) == [published.path]


def test_parts_take_the_memory_of_a_part(dataset, tmp_path, monkeypatch):
    """Twenty megabytes in parts of one pixel: what is held at once is a chunk of each variable."""
    months, pixels, variables = dataset.sizes["time"], 1000, len(parts.monthly(dataset))
    monkeypatch.setattr(store, "CHUNK_BYTES", 64 * 4 * months)
    wide = dataset.isel(pixel=np.zeros(pixels, int)).drop_vars(parts.monthly(dataset))
    wide = wide.assign(patch=wide["patch"].copy(data=np.arange(pixels)))
    for name in parts.monthly(dataset):
        values = parts.declared((pixels, months), dataset[name].dtype.type)
        wide[name] = (("pixel", "time"), values, dataset[name].attrs)
    one = {name: dataset[name].values[:1] for name in parts.monthly(dataset)}
    tracemalloc.start()
    published = store.publish_parts(wide, ((slice(k, k + 1), one) for k in range(pixels)), tmp_path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    whole = pixels * months * variables * dataset["tmin"].dtype.itemsize
    assert peak < whole / 2
    np.testing.assert_array_equal(store.open_dataset(published.path)["tmin"].values[-1], one["tmin"][0])
