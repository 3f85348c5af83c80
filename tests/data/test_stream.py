"""A dataset on disk trains and is evaluated as one in memory, and nothing damaged is taken for data."""

import hashlib
import itertools
import os
import subprocess
import sys
import threading
from operator import itemgetter
from pathlib import Path

import jax
import numpy as np
import pytest
import xarray as xr
import zarr

from landlab_mgr import records
from landlab_mgr.data import batch, check, store, stream
from landlab_mgr.errors import LandlabError
from landlab_mgr.models import registry
from landlab_mgr.observations.calendar import Calendar
from landlab_mgr.spec.run import RunSpec
from landlab_mgr.storage import artifacts
from landlab_mgr.training import checkpoint, evaluate, run, train, update

MODEL = registry.model("dalec")


def spec_of(ds, per_batch=2, epochs=3, **changes):
    optimizer = {"epochs": epochs, "learning_rate": 3e-3, "patches_per_batch": per_batch}
    base = {"predictors": ("PFT", "CLIM"), "optimizer": optimizer, "warmup_months": 12}
    return RunSpec(dataset=ds.attrs["fingerprint"], **(base | changes))


@pytest.fixture(scope="module")
def untidy(planet):
    """The planet with its pixels in no order, one patch smaller than the others, and weights on one stream."""
    ds = planet.isel(pixel=np.random.default_rng(3).permutation(12)[:11])
    weight = ds["lai"].copy(data=np.linspace(0, 2, ds["lai"].size, dtype=np.float32).reshape(ds["lai"].shape))
    return ds.assign(lai_weight=weight.assign_attrs(role="weight", units="1", long_name="weight of lai"))


@pytest.fixture(scope="module")
def published(untidy, tmp_path_factory):
    return store.publish(untidy, tmp_path_factory.mktemp("data")).path


@pytest.fixture(scope="module")
def lazy(published):
    return store.open_dataset(published)


@pytest.fixture
def opened(lazy, tmp_path):
    """A packed copy of this test alone."""
    return stream.open_stream(lazy, tmp_path, MODEL)


@pytest.fixture(scope="module")
def kept(lazy, published):
    """A packed copy that no test alters."""
    return stream.open_stream(lazy, published.parent, MODEL)


def lane_of(spec, ds, directory, resume=None):
    directory.mkdir(exist_ok=True, parents=True)
    return checkpoint.Lane(spec, batch.Member.of(spec, ds), directory, resume)


def trained(lane, source, calendar, groups=None):
    events = train.train([lane], source, calendar, checkpoint_seconds=0.0)
    return [event for _, event in itertools.islice(events, groups)]


def weights_of(progress):
    return jax.tree.leaves(checkpoint.load(Path(progress.checkpoint.path))["weights"])


def order_of(lazy, per_batch=1, lanes=1):
    member = batch.Member.of(spec_of(lazy, per_batch), lazy)
    return update.stack([member.view] * lanes), update.stack([member.batches(0, 1)] * lanes)


def threads():
    return [t for t in threading.enumerate() if t.name.startswith(stream.THREAD)]


@pytest.mark.parametrize("per_batch", [1, 2, 0])
def test_batches_are_those_of_the_dataset_in_memory(lazy, kept, per_batch):
    view, order = order_of(lazy, per_batch)
    everything = batch.load(lazy.load(), MODEL)
    patches = int(order.patch.max()) + 1

    def batches(source):
        for arrays, part, piece in source.chunks(view, order):
            for k in range(piece.pixel.shape[1]):
                chosen = jax.tree.map(lambda x, k=k: x[0, k], piece)
                yield batch.gather(arrays, batch.View(part.encoded[0], None), chosen, patches)

    pairs = list(zip(batches(everything), batches(kept), strict=True))
    assert len(pairs) == order.pixel.shape[1]
    for whole, streamed in pairs:
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-6), whole, streamed)
        for name in ("observed", "weight", "mask", "patch_mean"):
            jax.tree.map(np.testing.assert_array_equal, getattr(whole, name), getattr(streamed, name))
        np.testing.assert_array_equal(whole.inputs.predictors, streamed.inputs.predictors)


@pytest.mark.slow
def test_a_streamed_member_is_the_one_in_memory(lazy, kept, tmp_path):
    spec = spec_of(lazy)  # two patches in a training batch, one in a dev batch
    calendar = Calendar.of(lazy)
    in_memory = trained(lane_of(spec, lazy, tmp_path / "memory"), batch.load(lazy.load(), MODEL), calendar)
    streamed = trained(lane_of(spec, lazy, tmp_path / "stream"), kept, calendar)
    for a, b in zip(in_memory, streamed, strict=True):
        assert a.epochs[0].total == pytest.approx(b.epochs[0].total, rel=1e-5)
        assert a.epochs[0].dev == pytest.approx(b.epochs[0].dev, rel=1e-5)
        assert a.epochs[0].terms == pytest.approx(b.epochs[0].terms, rel=1e-5)
    pairs = zip(weights_of(in_memory[-1]), weights_of(streamed[-1]), strict=True)
    for x, y in pairs:
        np.testing.assert_allclose(x, y, rtol=1e-5, atol=1e-7)


@pytest.mark.slow
def test_a_streamed_member_resumes_bitwise(lazy, kept, tmp_path):
    spec = spec_of(lazy)
    calendar = Calendar.of(lazy)
    whole = trained(lane_of(spec, lazy, tmp_path / "whole"), kept, calendar)
    half = trained(lane_of(spec, lazy, tmp_path / "half"), kept, calendar, groups=1)
    path = Path(half[-1].checkpoint.path)
    resumed = trained(lane_of(spec, lazy, tmp_path / "resumed", path), kept, calendar)
    assert [progress.epochs[0].epoch for progress in resumed] == [2, 3]
    for x, y in zip(weights_of(whole[-1]), weights_of(resumed[-1]), strict=True):
        assert np.array_equal(x, y)


@pytest.mark.slow
def test_execute_streams_on_request_and_leaves_the_same(published, lazy, tmp_path):
    spec = spec_of(lazy, epochs=1)
    results = {}
    for streamed in (False, True):
        task = records.Task("member", spec, str(published), str(tmp_path / str(streamed)))
        events = [e for _, e in run.execute([task], stream=streamed)]
        assert isinstance(events[-1], records.Result), events[-1]
        results[streamed] = events[-1]
    assert threads() == []
    pairs = zip(results[False].metrics, results[True].metrics, strict=True)
    for a, b in pairs:
        assert (a.split, a.variable, a.statistic, a.level) == (b.split, b.variable, b.statistic, b.level)
        assert a.value == pytest.approx(b.value, rel=1e-4, abs=1e-6, nan_ok=True)
    with pytest.raises(LandlabError, match=r"one member at a time, not 2; use --members 1"):
        next(run.execute([task], width=2, stream=True))


def test_size_decides_where_nobody_does(published, lazy, monkeypatch):
    kept_arrays = {}
    size = batch.bytes_of(lazy, MODEL)
    for limit in (size, size - 1):
        monkeypatch.setattr(run, "IN_MEMORY_BYTES", limit)
        run._opened.cache_clear()
        kept_arrays[limit] = run._opened(str(published), "dalec", None)
    run._opened.cache_clear()
    fits, does_not = kept_arrays.values()
    assert not fits.streamed
    assert sum(x.nbytes for x in jax.tree.leaves(fits.source)) == pytest.approx(size, rel=0.02)
    assert does_not.streamed
    assert isinstance(does_not.source, stream.Stream)


@pytest.mark.slow
def test_an_evaluation_in_blocks_finds_the_same(lazy, tmp_path, monkeypatch):
    spec = spec_of(lazy)
    member = batch.Member.of(spec, lazy)
    weights = update.initial_state(spec, member).params

    def evaluated(name):
        (tmp_path / name).mkdir()
        scores, files = evaluate.evaluate(spec, lazy, member, weights, tmp_path / name)
        return scores, {f.kind: artifacts.read(f.path) for f in files}

    by_pixel, files = evaluated("whole")
    monkeypatch.setattr(batch, "BLOCK_VALUES", 4 * lazy.sizes["time"])
    assert len(list(batch.blocks(member.patch, lazy.sizes["time"]))) == 3
    blocked, files_blocked = evaluated("blocked")
    for a, b in zip(by_pixel, blocked, strict=True):
        assert (a.split, a.variable, a.statistic, a.level) == (b.split, b.variable, b.statistic, b.level)
        assert a.value == pytest.approx(b.value, rel=1e-6, abs=1e-9, nan_ok=True)
    for kind, content in files.items():
        xr.testing.assert_allclose(content, files_blocked[kind], rtol=1e-5, atol=1e-7)
    monkeypatch.setenv("LANDLAB_WHOLE_PIXELS", "5")
    series = evaluated("patches")[1]["monthly"]["lai"].values
    for p in range(member.patch.max() + 1):
        expected = files["monthly"]["lai"].values[member.patch == p].mean(axis=0)
        np.testing.assert_allclose(series[p], expected, rtol=1e-5)


def test_the_weather_of_blocks_is_that_of_all(lazy, monkeypatch):
    chosen = np.arange(11) % 3 != 0
    forcing = ("ssrd", "vpd")
    functions = {name: itemgetter(name) for name in forcing}
    whole = batch.scale_of(lazy, chosen, functions, forcing)
    monkeypatch.setattr(batch, "BLOCK_VALUES", 3 * lazy.sizes["time"])
    blocked = batch.scale_of(lazy, chosen, functions, forcing)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6), whole, blocked)
    assert whole.mean["ssrd"] == pytest.approx(lazy["ssrd"].values[chosen].mean(), rel=1e-6)
    assert whole.sd["vpd"] == pytest.approx(lazy["vpd"].values[chosen].std(), rel=1e-6)


def test_giving_up_leaves_no_thread(lazy, opened):
    pieces = opened.chunks(*order_of(lazy))
    next(pieces)
    assert threads()
    pieces.close()
    assert threads() == []


def test_what_goes_wrong_while_reading_reaches_the_caller(lazy, opened):
    pieces = opened.chunks(*order_of(lazy))
    stream._chunk(opened.path, 3).unlink()
    with pytest.raises(LandlabError, match=r"is damaged \(patch 3 is gone\); remove it and run again"):
        list(pieces)
    assert threads() == []


def test_the_copy_is_a_zarr_array_that_is_read_without_zarr(kept):
    packed = zarr.open_array(kept.path / "packed", mode="r")
    assert packed.shape == kept.shape
    for p in range(6):
        np.testing.assert_array_equal(packed[p], kept._read(p))


def test_a_flipped_bit_is_found(lazy, opened):
    path = stream._chunk(opened.path, 3)
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(content)
    with pytest.raises(LandlabError, match=r"is damaged .*remove it and run again"):
        list(stream.open_stream(lazy, opened.path.parent, MODEL).chunks(*order_of(lazy)))


def _truncate(path):
    chunk = stream._chunk(path, 1)
    chunk.write_bytes(chunk.read_bytes()[:-8])


def _relabel(old, new):
    def relabel(path):
        metadata = path / "zarr.json"
        assert old in metadata.read_text()
        metadata.write_text(metadata.read_text().replace(old, new))

    return relabel


@pytest.mark.parametrize(
    "damage",
    [
        _truncate,
        lambda path: stream._chunk(path, 0).unlink(),
        lambda path: (path / "zarr.json").unlink(),
        lambda path: (path / "zarr.json").write_text("{"),
        _relabel(f'"layout": {stream.LAYOUT}', f'"layout": {stream.LAYOUT - 1}'),
        _relabel('"sif"', '"fis"'),
    ],
)
def test_a_copy_that_is_not_sound_is_made_again(lazy, opened, damage):
    before = {p: opened._read(p) for p in range(6)}
    damage(opened.path)
    again = stream.open_stream(lazy, opened.path.parent, MODEL)
    for p, block in before.items():
        np.testing.assert_array_equal(again._read(p), block)


def test_a_sound_copy_is_left_as_it_is(lazy, opened):
    before = {path: path.stat().st_mtime_ns for path in opened.path.rglob("*")}
    stream.open_stream(lazy, opened.path.parent, MODEL)
    assert {path: path.stat().st_mtime_ns for path in opened.path.rglob("*")} == before


def test_an_interrupted_copy_leaves_nothing_and_stale_ones_go(lazy, tmp_path, monkeypatch):
    stale = tmp_path / ".packed-0123.zarr.other.host.7.abcdef01.tmp"
    stale.mkdir()
    os.utime(stale, (0, 0))

    def full(path):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(store, "sync", full)
        with pytest.raises(LandlabError, match=r"cannot write the packed copy .*No space left"):
            stream.open_stream(lazy, tmp_path, MODEL)
    assert list(tmp_path.iterdir()) == []
    assert store.list_published(tmp_path) == []
    assert [path.name for path in [stream.open_stream(lazy, tmp_path, MODEL).path]] == [
        p.name for p in tmp_path.iterdir()
    ]


def test_what_cannot_be_streamed_is_one_line(lazy, opened, monkeypatch):
    with pytest.raises(LandlabError, match="one member at a time, not 2"):
        next(opened.chunks(*order_of(lazy, lanes=2)))
    monkeypatch.setattr(stream, "BATCH_BYTES", 1000)
    with pytest.raises(
        LandlabError, match=r"a batch of 2 patches takes .*set optimizer\.patches_per_batch lower"
    ):
        next(opened.chunks(*order_of(lazy, per_batch=2)))


@pytest.mark.slow
def test_the_benchmarks_planet_can_be_learned_from_and_is_written_once(tmp_path):
    from landlab_mgr.cli.bench import stream as bench

    path = bench.planet(tmp_path, patches=33, pixels=2, months=24)
    ds = store.open_dataset(path)
    assert check.check(ds).errors == []
    assert ds.sizes == {"pixel": 66, "time": 24}
    assert set(batch.streams_of(ds)) == {t.stream.name for t in MODEL.tables.terms.values() if t.stream}
    before = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*")}
    assert bench.planet(tmp_path, patches=33, pixels=2, months=24) == path
    assert {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*")} == before


# ---- several writers at once

PACKER = """
import hashlib, sys, time
from pathlib import Path
from landlab_mgr.data import store, stream
from landlab_mgr.models import registry
dataset, directory, ready = map(Path, sys.argv[1:])
ds = store.open_dataset(dataset)
ready.touch()
while len(list(ready.parent.iterdir())) < 2:
    time.sleep(0.001)
opened = stream.open_stream(ds, directory, registry.model("dalec"))
blocks = [opened._read(p).tobytes() for p in range(opened.shape[0])]
print(hashlib.sha256(b"".join(blocks)).hexdigest())
"""


@pytest.mark.slow
def test_two_processes_that_pack_at_once_share_no_shard(published, kept, tmp_path):
    (tmp_path / "ready").mkdir()
    packers = [
        subprocess.Popen(
            [
                sys.executable,
                "-c",
                PACKER,
                str(published),
                str(tmp_path / "data"),
                str(tmp_path / "ready" / name),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name in ("a", "b")
    ]
    blocks = b"".join(kept._read(p).tobytes() for p in range(6))
    for packer in packers:
        said, error = packer.communicate(timeout=120)
        assert said.strip() == hashlib.sha256(blocks).hexdigest(), error
    assert [path.name for path in (tmp_path / "data").iterdir()] == [kept.path.name]


@pytest.mark.parametrize("locks", [True, False])
def test_who_comes_second_leaves_the_first_copy_to_its_readers(lazy, tmp_path, monkeypatch, locks):
    write, path = stream._write, tmp_path / f".packed-{lazy.attrs['fingerprint']}-dalec.zarr"

    def write_second(ds, temporary, *rest):
        write(ds, temporary, *rest)
        if not path.exists():
            write(ds, path, *rest)
            (path / "first").touch()

    def no_locks(file, operation):
        raise OSError(37, "No locks available")

    monkeypatch.setattr(stream, "_write", write_second)
    if not locks:
        monkeypatch.setattr(stream.fcntl, "flock", no_locks)
    opened = stream.open_stream(lazy, tmp_path, MODEL)
    assert (opened.path / "first").exists()
    assert list(tmp_path.iterdir()) == [path]
