"""`landlab ensemble`."""

import json
import shutil

import xarray as xr

from .. import untrained
from .command import landlab, refused


def test_select_list_and_show(twin_workspace, tmp_path):
    root = tmp_path / "ws"
    shutil.copytree(twin_workspace, root, ignore=shutil.ignore_patterns("cache"))
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


def test_predict(planet, tmp_path):
    root = tmp_path / "ws"
    name = planet.attrs["name"]
    untrained.make(root, planet, (("PFT", "CLIM"), ("AGE",)), 2)
    scenario = tmp_path / "s.toml"
    scenario.write_text('[forcing]\nco2 = "+100"\n')
    one = "setup.groups = 'PFT+CLIM'"
    out = tmp_path / "p.nc"
    said = landlab(
        "ensemble", "predict", one, "--data", name, "--out", out, "--scenario", scenario, workspace=root
    ).stdout
    assert "12 pixels, 36 months, by 2 members of PFT+CLIM" in said
    with xr.open_dataset(out, engine="h5netcdf") as ds:
        assert {"gpp", "nee", "reco", "et", "lai", "gpp_sd"} <= set(ds)
        runs = json.loads(landlab("ls", one, "--json", workspace=root).stdout)
        assert sorted(ds.attrs["landlab_runs"].split()) == sorted(r["run_id"] for r in runs)

    def said_no(which, *more, data=name, to="q.nc"):
        return refused(
            "ensemble", "predict", which, "--data", data, "--out", tmp_path / to, *more, workspace=root
        )

    assert "the runs are of 2 setups" in said_no("")
    assert "no dataset 'mars'" in said_no(one, data="mars")
    assert "no variable 'gdp'" in said_no(one, "--variables", "gdp")
    assert "two members or more" in said_no(f"{one} and seed = 0")
    assert "is there already" in said_no(one, to="p.nc")
    assert "--layout cube: choose one of auto, grid, points" in said_no(one, "--layout", "cube")
    scenario.write_text('[forcing]\nvpd = "-50"\n')
    assert "allowed: 0 to 120" in said_no(one, "--scenario", scenario)
    assert {p.name for p in tmp_path.iterdir()} == {"ws", "s.toml", "p.nc"}
