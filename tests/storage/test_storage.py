"""Datasets and files of runs at a real S3 server: the same to the bit, whole or not at all, errors in one line."""

import json
import os
import signal
import socket
import subprocess
import sys
import time

import boto3
import numpy as np
import pytest
import xarray as xr
import zarr
from moto.server import ThreadedMotoServer

from landlab_mgr.data import store
from landlab_mgr.data.stream import open_stream, stream_directory
from landlab_mgr.errors import LandlabError
from landlab_mgr.models import registry
from landlab_mgr.records import Result, Task
from landlab_mgr.spec.grid import GridSpec
from landlab_mgr.storage import artifacts, location
from landlab_mgr.storage.location import located
from landlab_mgr.training import run
from landlab_mgr.workspace import housekeeping, register
from landlab_mgr.workspace.workspace import Workspace

from ..cli.command import command, landlab, refused

pytestmark = pytest.mark.slow

SECRET = "a-secret-that-nothing-shows"
GRID = GridSpec(
    name="remote",
    dataset="twin-6x2x3-s1",
    setups=(("PFT",),),
    seeds=1,
    base={"warmup_months": 12, "optimizer": {"epochs": 400, "learning_rate": 1e-3, "patches_per_batch": 0}},
)


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    """A client of an S3 server with one bucket, which the environment names to this process and its children."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = ThreadedMotoServer("127.0.0.1", port, verbose=False)
    server.start()
    with pytest.MonkeyPatch.context() as environment:
        for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "LANDLAB_STORAGE"):
            environment.delenv(name, raising=False)
        for name, value in {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "JAX_COMPILATION_CACHE_DIR": os.path.join(os.environ["LANDLAB_CACHE"], "xla"),
            "LANDLAB_CACHE": str(tmp_path_factory.mktemp("cache")),
        }.items():
            environment.setenv(name, value)
        client = boto3.client("s3")
        client.create_bucket(Bucket="bucket")
        yield client
    server.stop()


@pytest.fixture
def place(client, request):
    """A prefix of its own in the bucket."""
    return f"s3://bucket/{request.node.name.replace('[', '-').strip(']')}"


@pytest.fixture
def ws(place, planet, tmp_path):
    """A workspace whose files lie in the bucket, with a dataset."""
    ws = Workspace.at(tmp_path / "ws", storage=place)
    with ws.create() as catalog:
        register.dataset(ws, catalog, planet)
    return ws


def keys(client, prefix=""):
    pages = client.get_paginator("list_objects_v2").paginate(Bucket="bucket", Prefix=prefix)
    return {found["Key"] for page in pages for found in page.get("Contents", ())}


# ---- the whole path


@pytest.fixture(scope="module")
def killed(client, planet, tmp_path_factory):
    """A remote workspace whose only run was killed after its first checkpoint."""
    root = tmp_path_factory.mktemp("remote") / "ws"
    landlab("init", "--storage", "s3://bucket/group/", workspace=root)
    ws = Workspace.at(root)
    with ws.open() as catalog:
        register.dataset(ws, catalog, planet)
        register.grid(ws, catalog, GRID)
        driver = subprocess.Popen(command("run", "--executor", "local", workspace=root))
        end = time.monotonic() + 300
        while not catalog.runs()["epochs"].iloc[0]:
            assert driver.poll() is None
            assert time.monotonic() < end
            time.sleep(0.05)
        os.kill(driver.pid, signal.SIGKILL)
        driver.wait()
        assert 0 < catalog.runs()["epochs"].iloc[0] < 400
    return ws


def test_a_killed_run_at_a_remote_storage_ends_like_a_local_one_to_the_bit(client, killed, tmp_path):
    local = Workspace.at(tmp_path / "local")
    with killed.open() as remote_catalog, local.create() as catalog:
        record = remote_catalog.dataset("twin-6x2x3-s1")
        ds = store.open_dataset(killed.path(record.url)).load()
        assert register.dataset(local, catalog, ds).url == record.url
        register.grid(local, catalog, GRID)
        (local.root / "cache").symlink_to(killed.root / "cache")
        undisturbed = subprocess.Popen(command("run", "--executor", "local", workspace=local.root))
        output = landlab("run", "--executor", "local", workspace=killed.root).stdout
        assert undisturbed.wait() == 0
        assert "going on after epoch" in output
        [run_id] = catalog.runs()["run_id"]
        assert list(remote_catalog.attempts(run_id)["outcome"]) == ["lost", "ok"]

        def left(of):
            return of.artifacts(run_id).set_index("kind")[["sha256", "bytes"]]

        xr.testing.assert_identical(left(catalog).to_xarray(), left(remote_catalog).to_xarray())
        assert set(left(catalog).index) == {"checkpoint", "monthly", "parameters", "skill", "sums"}
        a, b = catalog.epochs(run_id), remote_catalog.epochs(run_id)
        assert list(b["epoch"]) == list(range(1, 401))
        assert (a[["total", "dev"]] == b[["total", "dev"]]).all(axis=None)
        files = remote_catalog.artifacts(run_id)
        skill = files.loc[files["kind"] == "skill", "path"].item()
    assert artifacts.read(str(killed.path(skill))).identical(artifacts.read(local.path(skill_of(local))))
    assert {p.name for p in killed.root.iterdir()} <= {
        *("cache", "landlab.toml", "landlab.db", "landlab.db-wal", "landlab.db-shm")
    }, "nothing of datasets and runs lies in the local directory"
    per_attempt = [k.rsplit("/", 1)[0] for k in keys(client, "group/runs/") if k.endswith(".msgpack")]
    assert max(map(per_attempt.count, per_attempt)) <= 2, "old checkpoints are removed"

    removed = json.loads(landlab("catalog", "gc", "--yes", "--json", workspace=killed.root).stdout)
    assert "left by attempt 1, which ended: lost" in {item["reason"] for item in removed}
    assert len(keys(client, "group/runs/")) == 5, "the files that the catalog lists"
    assert "0 errors" in landlab("doctor", "--deep", workspace=killed.root).stdout
    for path in killed.root.iterdir():
        if path.is_file():
            assert SECRET.encode() not in path.read_bytes()


def skill_of(ws):
    with ws.open(read_only=True) as catalog:
        [run_id] = catalog.runs()["run_id"]
        files = catalog.artifacts(run_id)
    return files.loc[files["kind"] == "skill", "path"].item()


# ---- datasets


def test_what_is_published_is_read_back_and_publishing_again_adds_nothing(client, place, planet):
    published = store.publish(planet, place)
    before = keys(client)
    assert store.publish(planet, place) == published
    assert keys(client) == before
    found = store.open_dataset(str(published.path)).load()
    assert store.fingerprint(found) == store.fingerprint(planet) == found.attrs["fingerprint"]
    assert store.list_published(place) == [published]


def test_an_interrupted_publisher_leaves_nothing_that_opens(client, ws, planet, monkeypatch):
    ds = planet.copy(deep=True).assign_attrs(name="other")
    ds["tmin"].values[0, 0] -= 0.5  # the same content under another name would be there already
    fs = ws.files.fs

    def interrupted(*_):
        raise KeyboardInterrupt  # a real SIGINT is ignored in processes of pytest-xdist

    with monkeypatch.context() as patch:
        patch.setattr(fs, "pipe_file", interrupted)
        with pytest.raises(KeyboardInterrupt):
            store.publish(ds, ws.data)
    [name] = [p.name for p in location.folders(ws.data) if p.name.startswith("other-")]
    with pytest.raises(LandlabError, match="no dataset at s3://"):
        store.open_dataset(ws.data / name)
    assert [p.name for p in store.list_published(ws.data)] == [planet.attrs["name"]]
    assert not list((location.cache_directory() / "publishing").iterdir())
    with ws.open() as catalog:
        assert not housekeeping.waste(ws, catalog), "its publisher may be at work"
        monkeypatch.setattr(store, "FOREIGN_TEMPORARY_SECONDS", -10)
        [waste] = housekeeping.waste(ws, catalog)
        assert (waste.path.name, waste.bytes > 0) == (name, True)
        housekeeping.remove([waste])
        assert not housekeeping.waste(ws, catalog)
        register.dataset(ws, catalog, ds)
    assert len(store.list_published(ws.data)) == 2


def test_a_streamed_dataset_is_packed_once_in_the_hosts_cache(ws, planet, tmp_path):
    with ws.open() as catalog:
        record = catalog.dataset(planet.attrs["name"])
        spec = next(GRID.expand(record.fingerprint))
    spec = spec.model_copy(update={"optimizer": spec.optimizer.model_copy(update={"epochs": 1})})
    where = ws.path(record.url)
    task = Task("a", spec, str(where), str(ws.path("runs/a/b")))
    *_, (_, result) = run.execute([task], stream=True)
    assert isinstance(result, Result), result
    assert {a.kind for a in result.artifacts} >= {"checkpoint", "skill"}
    assert all(artifacts.intact(a, located(a.path)) for a in result.artifacts)
    assert {ws.catalogued(a).path.rsplit("/", 1)[0] for a in result.artifacts} == {"runs/a/b"}
    model = registry.model(spec.model)
    stream = open_stream(store.open_dataset(where), stream_directory(where), model)
    assert stream.path.parent == location.cache_directory() / "packed"
    again = open_stream(store.open_dataset(store.publish(planet, tmp_path).path), tmp_path, model)
    one, other = (zarr.open_group(s.path, mode="r")["packed"][:] for s in (stream, again))
    np.testing.assert_array_equal(one, other)


# ---- files of runs


def test_an_artifact_is_whole_and_known_by_its_hash(client, place):
    ds = xr.Dataset({"x": ("pixel", np.arange(5.0)), "name": ("pixel", list("abcde"))})
    record = artifacts.write("skill", ds, located(place))
    path = located(record.path)
    found = artifacts.read(record.path)
    assert found["x"].identical(ds["x"])
    assert list(found["name"].values) == list("abcde")
    assert artifacts.record("skill", path) == record
    assert artifacts.intact(record, path)
    path.fs.pipe_file(path.path, b"altered")
    assert not artifacts.intact(record, path)
    with pytest.raises(LandlabError, match="is damaged"):
        artifacts.read(path)
    path.unlink()
    assert not artifacts.intact(record, path)
    with pytest.raises(LandlabError, match="no file s3://"):
        artifacts.read(path)


def test_doctor_sees_what_is_missing_altered_and_unknown(client, ws):
    stranger = ws.path("runs/0123456789abcdef/fedcba9876543210/checkpoint-000001.msgpack")
    stranger.fs.pipe_file(stranger.path, b"?")
    with ws.open() as catalog:
        [dataset] = catalog.datasets()
        [unknown] = housekeeping.examine(ws, catalog)
        assert "none of which the catalog knows" in unknown.problem
        ws.path(dataset.url).fs.rm(ws.path(dataset.url).path, recursive=True)
        stranger.unlink()
        [missing] = housekeeping.examine(ws, catalog)
        assert missing.problem == f"is missing at {dataset.url}"
        [other] = housekeeping.examine(Workspace(ws.root, ws.database, "s3://bucket/mistyped"), catalog)
        assert "out of reach: no landlab storage at s3://bucket/mistyped" in other.problem


# ---- which storage


def test_a_storage_is_remembered_and_does_not_move(client, place, tmp_path, monkeypatch):
    Workspace.at(tmp_path, storage=place).create(remember=True).close()
    assert str(Workspace.at(tmp_path).files) == place
    with pytest.raises(LandlabError, match="keeps its files at s3://"):
        Workspace.at(tmp_path, storage="s3://bucket/elsewhere").create(remember=True)
    assert not keys(client, "elsewhere")
    monkeypatch.setenv("LANDLAB_STORAGE", str(tmp_path / "disk"))
    assert Workspace.at(tmp_path).data == tmp_path / "disk" / "data"


def test_another_disk_is_a_storage_too(planet, tmp_path):
    ws = Workspace.at(tmp_path / "ws", storage=f"file://{tmp_path}/disk")
    with ws.create(remember=True) as catalog:
        register.dataset(ws, catalog, planet)
        assert not housekeeping.examine(Workspace.at(tmp_path / "ws"), catalog)
    assert [p.path.parent for p in store.list_published(ws.data)] == [tmp_path / "disk" / "data"]


def test_a_workspace_with_files_keeps_them(client, planet, tmp_path):
    ws = Workspace.at(tmp_path / "ws")
    with ws.create() as catalog:
        register.dataset(ws, catalog, planet)
    with pytest.raises(LandlabError, match="copy data/ and runs/ to s3://bucket/late"):
        Workspace.at(ws.root, storage="s3://bucket/late").create(remember=True)
    assert Workspace.at(ws.root) == ws


# ---- mistakes


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("s3:///prefix", "names no bucket"),
        ("nonsense://bucket/x", "fsspec knows no nonsense://"),
        (f"s3://key:{SECRET}@bucket/x", "holds a password"),
        ("s3://no-such-bucket/x", "The specified bucket does not exist"),
    ],
)
def test_a_storage_that_cannot_be_is_one_line_and_makes_nothing(client, url, says, tmp_path):
    with pytest.raises(LandlabError, match=says) as error:
        Workspace.at(tmp_path / "ws", storage=url).create(remember=True)
    assert SECRET not in str(error.value)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "ws").exists()


def test_a_damaged_settings_file_is_one_line(tmp_path):
    for content in ("storage = ", "colour = 'red'", "storage = 3"):
        (tmp_path / "landlab.toml").write_text(content)
        with pytest.raises(
            LandlabError, match=r'landlab.toml .*(storage = "s3://BUCKET/PREFIX"|not valid TOML)'
        ):
            Workspace.at(tmp_path)


def test_without_credentials_it_is_one_line(client, tmp_path, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    line = refused("init", "--storage", "s3://bucket/private", workspace=tmp_path / "ws", process=True)
    assert "check the credentials in the environment" in line
    assert not (tmp_path / "ws").exists()


def test_a_storage_out_of_reach_fails_no_run(killed, monkeypatch):
    with killed.open() as catalog:
        register.grid(killed, catalog, GRID.model_copy(update={"name": "later", "setups": (("CLIM",),)}))
        before = catalog.counts()
        monkeypatch.setenv("LANDLAB_STORAGE", "s3://bucket/mistyped")
        line = refused("run", "--grid", "later", workspace=killed.root, process=True)
        assert "no landlab storage at s3://bucket/mistyped" in line
        assert catalog.counts() == before


def test_without_s3fs_it_says_what_to_install(tmp_path):
    program = (
        "import sys; sys.modules['s3fs'] = None; from landlab_mgr import cli; "
        f"sys.argv = ['landlab', 'init', '-w', {str(tmp_path / 'ws')!r}, '--storage', 's3://bucket/x']; cli.main()"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 2
    assert "pip install 'landlab_mgr[s3]'" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
