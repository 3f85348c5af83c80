"""gc takes what nothing needs and nothing else; doctor sees every kind of damage and says what to do."""

import os
import secrets
import shutil
import socket
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import xarray as xr
from sqlalchemy import update

from landlab_mgr.catalog import Environment, lease
from landlab_mgr.catalog.tables import Attempt
from landlab_mgr.data import store
from landlab_mgr.errors import LandlabError
from landlab_mgr.records import ArtifactRecord
from landlab_mgr.spec.grid import GridSpec
from landlab_mgr.storage import artifacts
from landlab_mgr.workspace import housekeeping
from landlab_mgr.workspace.workspace import Workspace
from tests.app import sample

GRID = GridSpec(
    name="more", dataset="fluxval", setups=(("CLIM",),), seeds=4, base={"optimizer": {"epochs": 8}}
)
GONE = 2**22 + 1
"""A process number that Linux never gives."""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return sample.make(tmp_path_factory.mktemp("made")).workspace.root


@pytest.fixture
def ws(made, tmp_path):
    """A workspace with a run in every state; two attempts go on, on a host of their own."""
    root = shutil.copytree(made, tmp_path / "ws")
    return Workspace.at(root, str(root / "landlab.db"))


@pytest.fixture
def catalog(ws):
    with ws.open() as catalog:
        catalog.register_runs(GRID.expand(catalog.dataset("fluxval").fingerprint), GRID)
        yield catalog


def attempt(ws, catalog, *files, host="host", environment=None):
    """A claim on a run of GRID, whose attempt wrote these files."""
    claim = catalog.claim(host, GONE, directory_of=ws.directory, grid="more", environment=environment)
    directory = ws.path(claim.directory)
    directory.mkdir(parents=True)
    for name in files:
        (directory / name).write_text(f"{name} of {claim.token}")
    return claim, directory


def checkpoint(ws, path):
    return ws.catalogued(artifacts.record("checkpoint", path))


def tree(root):
    return {str(p.relative_to(root)) for p in root.rglob("*") if not p.is_dir()}


# ---- gc


def test_gc_takes_leftovers_and_nothing_else(ws, catalog):
    lost, first = attempt(ws, catalog, "checkpoint-1")
    catalog.record(lost.token, [sample.epoch(1)], checkpoint(ws, first / "checkpoint-1"))
    catalog.fail(lost.token, "lost", "")
    done, second = attempt(ws, catalog, "checkpoint-2", "checkpoint-3", ".77-checkpoint-4")
    assert done.run_id == lost.run_id
    catalog.record(done.token, [sample.epoch(2)], checkpoint(ws, second / "checkpoint-3"))
    catalog.finish(done.token)
    failed, third = attempt(ws, catalog, "checkpoint-1")
    catalog.fail(failed.token, "nan", "")
    resumable, fourth = attempt(ws, catalog, "checkpoint-1")
    catalog.record(resumable.token, [sample.epoch(1)], checkpoint(ws, fourth / "checkpoint-1"))
    catalog.fail(resumable.token, "cancelled", "")
    live, fifth = attempt(ws, catalog, "checkpoint-1", ".78-checkpoint-2")
    unknown = ws.runs / live.run_id / secrets.token_hex(8)
    unknown.mkdir()
    (unknown / "skill.zarr.zip").write_text("whose?")
    elsewhere = ws.root / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "precious").write_text("x")
    (ws.runs / live.run_id / secrets.token_hex(8)).symlink_to(elsewhere)
    (ws.runs / "notes.txt").write_text("mine")
    mine = store.temporary_of(ws.data / "new.zarr")
    mine.mkdir()
    stale = ws.data / f".old.zarr.{socket.gethostname()}.{GONE}.abcdef01.tmp"
    packed = ws.data / ".packed-0123456789abcdef.zarr"
    needed = ws.data / f".packed-{catalog.dataset('fluxval').fingerprint}.zarr"
    for directory in (stale, packed, needed):
        directory.mkdir()
        (directory / "chunk").write_bytes(bytes(1000))

    before = tree(ws.root)
    found = housekeeping.waste(ws, catalog)
    assert tree(ws.root) == before, "looking removes nothing"
    assert {w.path for w in found} == {
        first,
        second / "checkpoint-2",
        second / ".77-checkpoint-4",
        third,
        unknown,
        stale,
        packed,
    }
    assert {w.bytes for w in found if w.path in (stale, packed)} == {1000}
    reasons = {w.path: w.reason for w in found}
    assert reasons[first] == "left by attempt 1, which ended: lost"
    assert reasons[third] == "left by attempt 1, which ended: nan"

    assert housekeeping.remove(found[:3]) == []  # interrupted, and taken up again
    (third / "checkpoint-1").unlink(missing_ok=True)  # somebody else was there
    assert housekeeping.remove(found) == []
    gone = before - tree(ws.root)
    assert gone == {name for name in before if any((ws.root / name).is_relative_to(w.path) for w in found)}
    assert housekeeping.waste(ws, catalog) == []
    assert [f.problem for f in housekeeping.examine(ws, catalog)] == []
    assert catalog.record(live.token, [sample.epoch(1)], checkpoint(ws, fifth / "checkpoint-1")) is None


def test_gc_refuses_the_catalog_of_another_workspace(ws, tmp_path):
    other = Workspace.at(tmp_path / "other", str(tmp_path / "other" / "landlab.db"))
    other.create().close()
    mixed = Workspace.at(ws.root, other.database)
    with mixed.open(read_only=True) as catalog:
        with pytest.raises(
            LandlabError, match=r"knows none of the 1 attempts in .*; check --workspace and --db"
        ):
            housekeeping.waste(mixed, catalog)
        (finding,) = [f for f in housekeeping.examine(mixed, catalog) if f.severity == "error"]
        assert (finding.subject, finding.remedy) == ("runs", "check --workspace and --db")


def test_gc_says_what_it_could_not_remove(ws, catalog):
    claim, directory = attempt(ws, catalog, "checkpoint-1")
    catalog.fail(claim.token, "nan", "")
    found = housekeeping.waste(ws, catalog)
    directory.rename(directory.with_name("aside"))
    directory.symlink_to(
        directory.with_name("aside")
    )  # a link in place of the directory: the link goes, not its target
    assert housekeeping.remove(found) == []
    assert (directory.with_name("aside") / "checkpoint-1").exists()
    locked = housekeeping.Waste(ws.root / "landlab.db" / "beneath-a-file", 0, "")
    (problem,) = housekeeping.remove([locked])
    assert "beneath-a-file (Not a directory)" in problem


# ---- doctor


def only(ws, catalog, **options):
    (finding,) = housekeeping.examine(ws, catalog, **options)
    return finding


def test_a_sound_workspace(ws, catalog):
    assert housekeeping.examine(ws, catalog, deep=True) == []


def test_lapsed_attempts(ws, catalog):
    claim, _ = attempt(ws, catalog)
    assert housekeeping.examine(ws, catalog) == []
    late = datetime.now(UTC) - timedelta(seconds=lease.LEASE_SECONDS + 5)
    with catalog.transaction(write=True) as tx:
        tx.execute(update(Attempt).where(Attempt.token == claim.token).values(heartbeat=late))
    finding = only(ws, catalog)
    assert finding.subject == f"run {claim.run_id}"
    assert "attempt 1, which has lapsed (no heartbeat since" in finding.problem
    assert "landlab run" in finding.remedy
    catalog.fail(claim.token, "lost", "")
    attempt(ws, catalog, host=lease.this_host())
    assert "its driver is dead" in only(ws, catalog).problem


@pytest.mark.parametrize(("damage", "says"), [("alter", "is altered"), ("remove", "is missing")])
def test_artifacts_missing_or_altered(ws, catalog, damage, says):
    (file,) = ws.runs.rglob("*.zarr.zip")
    if damage == "remove":
        file.unlink()
    else:  # of the same size: only its hash knows
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 1
        file.write_bytes(content)
    finding = only(ws, catalog)
    assert (finding.severity, finding.subject) == ("error", str(file.relative_to(ws.root)))
    assert finding.problem.startswith(says)
    assert "restore it from a backup" in finding.remedy


def test_an_attempt_that_the_catalog_does_not_know(ws, catalog):
    unknown = ws.runs / secrets.token_hex(8) / secrets.token_hex(8)
    unknown.mkdir(parents=True)
    finding = only(ws, catalog)
    assert finding.subject == str(unknown.relative_to(ws.root))
    assert "`landlab catalog gc --yes`" in finding.remedy


def test_datasets(ws, catalog):
    record = catalog.dataset("fluxval")
    path = ws.path(record.url)
    ds = store.open_dataset(path).load()
    changed = ds.assign(gpp_fluxnet=ds["gpp_fluxnet"] + 1)
    xr.Dataset({"gpp_fluxnet": changed["gpp_fluxnet"].variable}).to_zarr(
        path, mode="r+", consolidated=False, zarr_format=3
    )
    assert housekeeping.examine(ws, catalog) == [], "its attributes are as they were"
    finding = only(ws, catalog, deep=True)
    assert finding.subject == "dataset fluxval"
    assert f"not {record.fingerprint}" in finding.problem
    copied = shutil.copytree(path, ws.data / "copied.zarr")
    copy = next(f for f in housekeeping.examine(ws, catalog) if f.subject == "data/copied.zarr")
    assert "is a second copy of dataset fluxval" in copy.problem
    shutil.rmtree(copied)
    other = store.publish(changed.assign_attrs(name="stray"), ws.data)
    stray = next(f for f in housekeeping.examine(ws, catalog) if f.subject.startswith("data/stray"))
    assert (stray.severity, stray.problem) == ("warning", "is published, but not in the catalog")
    os.rename(other.path, ws.root / "aside")
    os.rename(path, other.path)
    missing = next(f for f in housekeeping.examine(ws, catalog) if f.severity == "error")
    assert (missing.subject, missing.problem) == ("dataset fluxval", f"is missing at {record.url}")
    os.rename(other.path, path)
    (path / "zarr.json").write_text("{")
    assert "cannot be read" in only(ws, catalog).problem


@pytest.mark.parametrize("path", ["../fluxval.zarr", "/etc", "s3://stranger/x", "a::http://127.0.0.1:9/x"])
def test_catalogued_paths_that_lead_out_of_the_workspace_are_not_read(ws, catalog, path):
    record = catalog.dataset("fluxval")
    catalog.register_dataset(replace(record, url=path))
    finding = next(f for f in housekeeping.examine(ws, catalog) if f.severity == "error")
    assert finding.subject == "dataset fluxval"
    assert f"{path!r} leads out of the workspace" in finding.problem
    artifact = ArtifactRecord("monthly", path, "0" * 64, 1)
    assert "leads out of the workspace" in housekeeping._problem(ws, artifact)
    remote = replace(ws, storage="memory://bucket/prefix")
    with pytest.raises(LandlabError, match="leads out of the workspace"):
        remote.path(path)


def test_uncommitted_code(ws, catalog):
    for dirty in (None, "d1f7", "d1f7"):
        claim, _ = attempt(ws, catalog, environment=Environment("c0ffee", dirty))
        catalog.finish(claim.token)
    finding = only(ws, catalog)
    assert (finding.severity, finding.subject) == ("warning", "2 completed runs")
    assert "commit c0ffee, changes d1f7" in finding.problem


def test_errors_come_before_warnings(ws, catalog):
    claim, _ = attempt(ws, catalog, environment=Environment("c0ffee", "d1f7"))
    catalog.finish(claim.token)
    next(ws.runs.rglob("*.zarr.zip")).unlink()
    (ws.runs / secrets.token_hex(8) / secrets.token_hex(8)).mkdir(parents=True)
    found = housekeeping.examine(ws, catalog)
    assert [f.severity for f in found] == ["error", "error", "warning"]
    assert all(f.remedy for f in found)


def test_reading_needs_no_writing(ws):
    with ws.open(read_only=True) as catalog:
        assert housekeeping.waste(ws, catalog) == []
        assert housekeeping.examine(ws, catalog, deep=True) == []
