"""`landlab ensemble`."""

import json
import shutil

import pytest
import xarray as xr

from landlab_mgr.catalog import MetricRecord
from landlab_mgr.catalog.records import MemberRecord

from .. import untrained
from ..analysis import forecasts
from ..conftest import _trained, once
from .command import landlab, refused


def test_select_list_and_show(tmp_path):
    root = tmp_path / "ws"  # of its own: others look at what the shared one holds back
    shutil.copytree(once("trained", _trained), root, ignore=shutil.ignore_patterns("cache"))
    assert "no ensemble yet: `landlab ensemble select" in landlab("ensemble", "ls", workspace=root).stdout
    assert "have fewer than 10 members" in refused("ensemble", "select", "--grid", "tiny", workspace=root)
    said = landlab("ensemble", "select", "--grid", "tiny", "--keep", 1, workspace=root).stdout
    assert "2 of 2 candidates kept; the best 1 of each setup by train_loss" in said
    found = json.loads(landlab("ls", "ensemble = 'tiny@1'", "--json", workspace=root).stdout)
    candidates = json.loads(landlab("ensemble", "show", "tiny@1", "--json", workspace=root).stdout)
    assert {r["run_id"] for r in found} == {c["run_id"] for c in candidates if c["kept"]}
    assert [
        e["ensemble"] for e in json.loads(landlab("ensemble", "ls", "--json", workspace=root).stdout)
    ] == ["tiny@1"]
    assert (
        "test or withheld metrics were read 0 times"
        in landlab("ensemble", "show", "tiny@1", workspace=root).stdout
    )
    assert "no ensemble 'tiny@2'" in refused("ensemble", "show", "tiny@2", workspace=root)
    refusal = refused("ensemble", "select", "--grid", "tiny", "--by", "test.lai.R2", workspace=root)
    assert "selection on test is refused" in refusal


@pytest.mark.slow
def test_predict(planet, tmp_path):
    root = tmp_path / "ws"
    name = planet.attrs["name"]
    sites = [f"XX-{k:02d}" for k in range(planet.sizes["pixel"])]
    planet = planet.assign(site=("pixel", sites, {"role": "geometry", "units": "1", "long_name": "site"}))
    with untrained.make(root, planet, (("PFT", "CLIM"), ("AGE",)), 2).open(read_only=True) as catalog:
        runs = set(catalog.runs("setup.groups = 'PFT+CLIM'")["run_id"])
    scenario = tmp_path / "s.toml"
    scenario.write_text('[forcing]\nco2 = "+100"\n')
    one = "setup.groups = 'PFT+CLIM'"
    out = tmp_path / "p.nc"
    said = landlab(
        "ensemble", "predict", one, "--data", name, "--out", out, "--scenario", scenario, workspace=root
    ).stdout
    assert "12 pixels, 36 steps, by 2 members of PFT+CLIM" in said
    with xr.open_dataset(out, engine="h5netcdf") as ds:
        assert {"gpp", "nee", "reco", "et", "lai", "gpp_sd"} <= set(ds)
        assert list(ds["site_name"].values) == sites
        assert set(ds.attrs["landlab_runs"].split()) == runs

    again = ("ensemble", "predict", one, "--data", name, "--out", tmp_path / "q.zarr")
    scenario.write_text('[forcing]\nvpd = "-50"\n')
    assert "allowed: 0 to 120" in refused(*again, "--scenario", scenario, workspace=root)
    assert "--layout cube: choose one of auto, grid, points" in refused(
        *again, "--layout", "cube", workspace=root
    )
    assert "the members differ in predictors (AGE, PFT+CLIM): narrow the filter" in refused(
        "ensemble", "predict", "", *again[3:], workspace=root
    )
    assert {p.name for p in tmp_path.iterdir()} == {"ws", "s.toml", "p.nc"}


@pytest.mark.slow
def test_predict_pools_setups(planet, tmp_path):
    root, name = tmp_path / "ws", planet.attrs["name"]
    axes = {"split.fold": [0, 1], "process.water_stress": ["linear", "nn_paw"]}
    untrained.make(root, planet, [["PFT", "CLIM"]], 1, axes)
    both = "process.water_stress,split.fold"
    out = tmp_path / "p.nc"
    predict = (
        "ensemble",
        "predict",
        "grid = 'untrained'",
        "--data",
        name,
        "--out",
        out,
        "--variables",
        "gpp",
    )
    refusal = refused(*predict, workspace=root)
    assert "process.water_stress (linear, nn_paw); split.fold (0, 1)" in refusal
    assert f"--pool {both}" in refusal
    refusal = refused(*predict, "--pool", "split.fold", workspace=root)
    assert "the members differ in process.water_stress (linear, nn_paw): narrow the filter" in refusal
    assert "--pool split.fold,process.water_stress" in refusal
    refusal = refused(*predict, "--pool", "split.fld", workspace=root)
    assert "--pool split.fld: no such field; did you mean split.fold" in refusal
    assert "process.water_stress" in refusal.split("known: ")[1]
    told = landlab(*predict, "--pool", both, workspace=root).stdout
    assert (
        "by 4 members of PFT+CLIM, pooled over process.water_stress linear, nn_paw and split.fold 0, 1"
        in (" ".join(told.split()))
    )
    with xr.open_dataset(out, engine="h5netcdf") as ds:
        assert json.loads(ds.attrs["landlab_pooled"]) == {
            "process.water_stress": ["linear", "nn_paw"],
            "split.fold": [0, 1],
        }
        assert len(ds.attrs["landlab_runs"].split()) == 4
        assert "pooled over" in ds.attrs["title"]


@pytest.mark.slow
def test_calibrate_and_predict_with_intervals(planet, tmp_path):
    ds, root = forecasts.dataset(planet), tmp_path / "ws"

    def files(spec):
        return {"monthly": forecasts.monthly(ds, spec)}

    workspace = untrained.make(root, ds, [["PFT", "CLIM"]], 4, files_of=files)
    with workspace.open() as catalog:
        ids = list(catalog.runs("")["run_id"])
        kept = [MemberRecord(run_id, k, 0.0, None) for k, run_id in enumerate(ids)]
        catalog.create_ensemble("mine", {"grid": "untrained"}, "grid = 'untrained'", kept)
    out = tmp_path / "p.nc"
    predict = (
        "ensemble",
        "predict",
        "mine",
        "--data",
        ds.attrs["name"],
        "--variables",
        "gpp,litter",
        "--out",
        out,
    )
    refusal = refused(*predict, "--intervals", "50", workspace=root)
    assert 'no calibration of these 4 runs together: `landlab ensemble calibrate "mine"` makes one' in refusal
    assert "allowed are whole percents" in refused(*predict, "--intervals", "5x", workspace=root)
    assert "should be 'conformal'" in refused(
        "ensemble", "calibrate", "mine", "--method", "x", workspace=root
    )
    for version in (1, 2):
        told = landlab("ensemble", "calibrate", "mine", workspace=root).stdout
        assert f"version {version} of 4 members" in told
    assert "version 2: conformal, places dev" in landlab("ensemble", "show", "mine", workspace=root).stdout
    assert "no interval, since no observation by step calibrates it: litter" in (
        landlab(*predict, "--intervals", "50", workspace=root).stdout
    )
    with xr.open_dataset(out, engine="h5netcdf") as found:
        assert found.attrs["landlab_calibration"].startswith("conformal, version 2 (")
        assert (found["gpp_lower"] < found["gpp"]).all()
    with workspace.open() as catalog:
        catalog.redo(ids[:1])
        untrained.complete(workspace, catalog, ds, files, [MetricRecord("dev", "gpp", "R2", "flat", 0.5)])
    assert "runs changed since calibration" in refused(
        *predict[:-1], tmp_path / "q.nc", "--intervals", 50, workspace=root
    )
    assert not (tmp_path / "q.nc").exists()
