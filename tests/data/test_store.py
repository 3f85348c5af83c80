import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from landlab_mgr.data import store
from landlab_mgr.errors import LandlabError

REPOSITORY = Path(__file__).resolve().parents[2]

GOLDEN = "e9c1b78a3c411e64"
"""Fingerprint of `arithmetic_dataset`, from when the algorithm was written: it must never change,
since every run's identity holds one."""


def arithmetic_dataset() -> xr.Dataset:
    """Neither valid nor drawn: numbers that are the same on every machine and with every numpy."""
    values = np.arange(6, dtype=np.float64).reshape(2, 3) / 4
    values[1, 2] = np.nan
    attrs = {"role": "predictor", "group": "CLIM", "kind": "continuous", "units": "1"}
    return xr.Dataset(
        {
            "x": (("pixel", "time"), values, {"role": "forcing", "units": "K", "long_name": "x"}),
            "p": ("pixel", np.array([1.5, -2.0], np.float32), attrs),
            "test": ("pixel", np.array([True, False]), {"role": "geometry"}),
            "patch": ("pixel", np.array([0, 1]), {"role": "geometry"}),
            "site": ("pixel", np.array(["AA-One", "Ünten"], dtype=object), {"role": "geometry"}),
        },
        coords={"time": np.array(["2001-01-16", "2001-02-15", "2001-03-16"], "datetime64[ns]")},
        attrs={"dt_days": 30.4375, "origin": "2001-01-01", "name": "arithmetic"},
    )


def test_fingerprint_is_the_golden_one():
    assert store.fingerprint(arithmetic_dataset()) == GOLDEN


def test_fingerprint_ignores_what_is_not_science():
    ds = arithmetic_dataset()
    other = ds[["test", "site", "x", "patch", "p"]].assign_attrs(name="renamed", licence="MIT")
    other["x"] = other["x"].copy(data=np.asfortranarray(other["x"].values))
    other["x"].attrs["long_name"] = "other words"
    payload = other["x"].values.view(np.uint64)
    payload[1, 2] ^= 0x8000000000000001  # another NaN
    assert np.isnan(other["x"].values[1, 2])
    other["site"] = other["site"].astype("U12").assign_attrs(ds["site"].attrs)
    other["time"] = other["time"].astype("datetime64[s]")
    assert store.fingerprint(other) == GOLDEN


@pytest.mark.parametrize(
    "change",
    [
        lambda ds: ds["x"].values.__setitem__((0, 0), np.nextafter(0.0, 1)),
        lambda ds: ds["x"].values.__setitem__((0, 0), np.nan),
        lambda ds: ds["site"].values.__setitem__(0, "AA-Two"),
        lambda ds: ds["test"].values.__setitem__(1, True),
        lambda ds: ds.update({"p": ds["p"].astype(np.float64)}),
        lambda ds: ds.update({"x": ds["x"].transpose("time", "pixel")}),
        lambda ds: ds.update({"y": ds["x"]}),
        lambda ds: ds["p"].attrs.update(group="SOIL"),
        lambda ds: ds["p"].attrs.update(kind="class", classes=[1, 2]),
        lambda ds: ds["x"].attrs.update(role="observation"),
        lambda ds: ds["x"].attrs.update(units="degC"),
        lambda ds: ds.attrs.update(dt_days=30.0),
        lambda ds: ds.attrs.update(origin="2000-01-01"),
        lambda ds: ds.coords.update({"time": ds["time"].values + np.timedelta64(1, "D")}),
    ],
)
def test_fingerprint_feels_every_scientific_change(change):
    ds = arithmetic_dataset()
    change(ds)
    assert store.fingerprint(ds) != GOLDEN


def test_fingerprint_does_not_depend_on_the_size_of_blocks(dataset, monkeypatch):
    whole = store.fingerprint(dataset)
    monkeypatch.setattr(store, "CHUNK_BYTES", 400)  # two rows of forcing a block
    assert store.fingerprint(dataset) == whole


def test_what_is_published_is_read_back(dataset, tmp_path, monkeypatch):
    monkeypatch.setattr(store, "CHUNK_BYTES", 800)  # several chunks
    published = store.publish(dataset, tmp_path / "store")
    assert published.path == tmp_path / "store" / f"fluxval-{published.fingerprint[:8]}.zarr"
    ds = store.open_dataset(published.path)
    assert ds.attrs["fingerprint"] == published.fingerprint == store.fingerprint(ds)
    for name, variable in dataset.variables.items():
        stored = ds[name].values
        if variable.dtype.kind == "O":
            assert stored.tolist() == variable.values.tolist()
        else:
            assert stored.dtype == variable.dtype
            np.testing.assert_array_equal(stored, variable.values)
        assert ds[name].attrs == dataset[name].attrs
    assert {k: v for k, v in ds.attrs.items() if k != "fingerprint"} == dataset.attrs


def test_publishing_again_changes_nothing(dataset, tmp_path):
    first = store.publish(dataset, tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    assert store.publish(store.open_dataset(first.path), tmp_path) == first
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_other_content_is_another_dataset(dataset, edited, tmp_path):
    first = store.publish(dataset, tmp_path)
    second = store.publish(edited("tmin", (0, 0), -3.0), tmp_path)
    assert first.fingerprint != second.fingerprint
    assert {p.path for p in store.list_published(tmp_path)} == {first.path, second.path}


def test_an_invalid_dataset_is_not_published(dataset, tmp_path):
    with pytest.raises(LandlabError, match="no doy"):
        store.publish(dataset.drop_vars("doy"), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_nothing(dataset, tmp_path, monkeypatch):
    def full(path):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store, "sync", full)
    with pytest.raises(LandlabError, match=r"cannot publish fluxval under .*No space left"):
        store.publish(dataset, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_publishing_the_same_at_once_leaves_one(dataset, tmp_path):
    results = []
    start = threading.Barrier(4)

    def publish():
        start.wait()
        results.append(store.publish(dataset, tmp_path))

    threads = [threading.Thread(target=publish) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4
    assert len(set(results)) == 1
    assert [path.name for path in tmp_path.iterdir()] == [results[0].path.name]


KILLED = """
import os, signal, sys
from pathlib import Path
from landlab_mgr.data import store
from landlab_mgr.data.sources import fluxval

def die(*args):
    os.kill(os.getpid(), signal.SIGKILL)

directory, root, moment = sys.argv[1:]
ds, _ = fluxval.read(directory)
if moment == "half written":
    whole = store._write
    def half(ds, path):
        whole(ds[["tmin", "tmax", "lat"]], path)
        die()
    store._write = half
elif moment == "written, not synced":
    store.sync = die
elif moment == "before the rename":
    os.rename = die
store.publish(ds, root)
"""


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["half written", "written, not synced", "before the rename"])
def test_a_kill_shows_nothing_and_the_next_publish_cleans_up(fluxval_directory, dataset, tmp_path, moment):
    root = tmp_path / "store"
    child = subprocess.run(
        [sys.executable, "-c", KILLED, str(fluxval_directory), str(root), moment],
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert child.returncode == -signal.SIGKILL, child.stderr
    left = list(root.iterdir())
    assert len(left) == 1  # the kill came in the middle
    assert left[0].name.startswith(".")
    assert store.list_published(root) == []
    published = store.publish(dataset, root)
    assert list(root.iterdir()) == [published.path]


def test_temporaries_of_the_living_are_left_alone(dataset, tmp_path):
    import socket

    mine = tmp_path / f".fluxval-00000000.zarr.{socket.gethostname()}.{os.getpid()}.abcdef01.tmp"
    recent = tmp_path / ".fluxval-00000000.zarr.other.host.7.abcdef01.tmp"
    old = tmp_path / ".fluxval-11111111.zarr.other.host.7.abcdef01.tmp"
    for path in (mine, recent, old):
        path.mkdir()
    os.utime(old, (0, 0))
    store.publish(dataset, tmp_path)
    assert mine.exists()
    assert recent.exists()
    assert not old.exists()


def test_opening_what_is_no_dataset(dataset, tmp_path):
    with pytest.raises(LandlabError, match=r"no dataset at .*nowhere"):
        store.open_dataset(tmp_path / "nowhere.zarr")
    (tmp_path / "empty.zarr").mkdir()
    with pytest.raises(LandlabError, match=r"no dataset at .*empty"):
        store.open_dataset(tmp_path / "empty.zarr")
    dataset[["lat"]].drop_attrs().to_zarr(tmp_path / "foreign.zarr", consolidated=False)
    with pytest.raises(LandlabError, match="a zarr store, but no published dataset"):
        store.open_dataset(tmp_path / "foreign.zarr")
    assert store.list_published(tmp_path) == []


def test_a_damaged_store_says_so_in_one_line(dataset, tmp_path):
    path = store.publish(dataset, tmp_path).path
    (path / "zarr.json").write_text("{")
    with pytest.raises(LandlabError, match="cannot be read as a dataset") as caught:
        store.open_dataset(path)
    assert "\n" not in str(caught.value)


def test_a_newer_schema_is_refused(dataset, tmp_path):
    published = store.publish(dataset, tmp_path)
    metadata = published.path / "zarr.json"
    metadata.write_text(metadata.read_text().replace('"schema_version": 1', '"schema_version": 99'))
    with pytest.raises(LandlabError, match="schema 99, this landlab reads 1"):
        store.open_dataset(published.path)


def test_datasets_need_no_jax_and_no_plotting():
    modules = [
        "data.schema",
        "data.store",
        "data.split",
        "data.predictors",
        "data.check",
        "data.sources.fluxval",
    ]
    code = f"import sys; {'; '.join(f'import landlab_mgr.{m}' for m in modules)}; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    ).stdout.split()
    assert "xarray" in loaded
    assert not {"jax", "matplotlib", "sqlalchemy", "ray", "optuna", "streamlit"} & set(loaded)


def test_what_varies_by_month_is_not_kept_in_memory(dataset, tmp_path):
    ds = store.open_dataset(store.publish(dataset, tmp_path).path)
    np.testing.assert_array_equal(ds["tmin"].values, dataset["tmin"].values)
    for path in tmp_path.glob("*/*/c"):
        shutil.rmtree(path)
    assert np.isnan(ds["tmin"].values).all()
    np.testing.assert_array_equal(ds["lat"].values, dataset["lat"].values)
