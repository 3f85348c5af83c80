"""Every mistake is one clear line and exit code 2, with nothing half-written."""

import os
import shutil
import struct

import numpy as np
import pytest

from landlab_mgr.catalog import Catalog

from .command import grid_file, landlab, refused


def nothing_registered(root):
    if not (root / "landlab.db").exists():
        return not root.exists() or not any(root.rglob("*.zarr"))
    with Catalog(root / "landlab.db", read_only=True) as catalog:
        return not catalog.datasets() and not any(root.rglob("*.zarr"))


def test_a_missing_directory(tmp_path):
    line = refused("data", "import", "fluxval", tmp_path / "absent", workspace=tmp_path / "ws")
    assert "absent" in line
    assert nothing_registered(tmp_path / "ws")


@pytest.fixture
def real_copy(shared_data, tmp_path):
    """A copy of the real tower data that a test may damage."""
    target = tmp_path / "fluxval"
    shutil.copytree(shared_data / "data" / "fluxval", target)
    for path in (target, *target.rglob("*")):
        os.chmod(path, 0o755)
    return target


@pytest.mark.fixtures
def test_a_truncated_cbf(real_copy, tmp_path):
    victim = next((real_copy / "cbf_files").glob("*.cbf"))
    victim.write_bytes(victim.read_bytes()[:-100])
    line = refused("data", "import", "fluxval", real_copy, workspace=tmp_path / "ws")
    assert victim.name in line
    assert nothing_registered(tmp_path / "ws")


@pytest.mark.fixtures
def test_a_csv_without_its_columns(real_copy, tmp_path):
    csv = real_copy / "site_predictors.csv"
    csv.write_text(csv.read_text().replace("canopy_height_m", "height"))
    line = refused("data", "import", "fluxval", real_copy, "--predictors", csv, workspace=tmp_path / "ws")
    assert "canopy_height_m" in line
    assert nothing_registered(tmp_path / "ws")


def test_a_spec_with_an_unknown_key(twin_workspace, tmp_path):
    path = grid_file(tmp_path / "g.toml", "twin-6x2x3-s0")
    path.write_text(path.read_text().replace("epochs", "epoks").replace("tiny", "other"))
    line = refused("grid", "register", path, workspace=twin_workspace)
    assert "optimizer.epoks: unknown key; did you mean epochs?" in line
    assert "other" not in landlab("grid", "ls", workspace=twin_workspace).stdout


def test_an_unknown_predictor_group(twin_workspace, tmp_path):
    path = grid_file(tmp_path / "g.toml", "twin-6x2x3-s0")
    path.write_text(path.read_text().replace("CLIM", "MOON").replace("tiny", "other"))
    line = refused("grid", "register", path, workspace=twin_workspace)
    assert "unknown predictor group 'MOON'" in line
    assert "PFT, CLIM, AGE, SOIL" in line
    assert "other" not in landlab("grid", "ls", workspace=twin_workspace).stdout


def test_other_mistakes(twin_workspace, tmp_path):
    nowhere = tmp_path / "nowhere"
    assert "landlab init" in refused("ls", workspace=nowhere)
    assert not nowhere.exists()
    assert "no grid file" in refused("grid", "register", tmp_path / "g.toml", workspace=twin_workspace)
    other = grid_file(tmp_path / "g.toml", "mars")
    assert "'mars' is not registered" in refused("grid", "register", other, workspace=twin_workspace)
    assert "no run 'ffff'" in refused("show", "ffff", workspace=twin_workspace)
    assert "no grid 'x'" in refused("run", "--grid", "x", workspace=twin_workspace)
    assert "at least 4 patches" in refused("data", "twin", "--patches", 2, workspace=tmp_path / "ws")
    assert "cannot write" in refused(
        "data", "show", "twin-6x2x3-s0", "--figure", tmp_path / "no" / "f.png", workspace=twin_workspace
    )


def test_a_cbf_of_another_machine_is_refused(tmp_path):
    """A file of the right size whose header is no header."""
    (tmp_path / "cbf_files").mkdir()
    (tmp_path / "location_fluxnet.csv").write_text(
        "Flux_name,LC,Lat,lon,flux_site\nXX-One,ENF,50.1,8.2,XX-One\n"
    )
    (tmp_path / "validation_data").mkdir()
    noise = np.random.default_rng(0).normal(size=400)
    (tmp_path / "cbf_files" / "flux_site_1.cbf").write_bytes(struct.pack("<400d", *noise))
    line = refused("data", "import", "fluxval", tmp_path, workspace=tmp_path / "ws")
    assert "flux_site_1.cbf" in line


def test_home_directories_in_quotes_and_after_an_equals_sign(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    ws = tmp_path / "ws"
    landlab("init", "-w", "~/ws")
    assert ws.is_dir()
    assert f"{tmp_path}/none" in refused("data", "import", "fluxval", "~/none", "--workspace=~/ws")
    assert f"{tmp_path}/g.toml" in refused("grid", "register", "~/g.toml", "-w", "~/ws")
    assert "no home directory is known for ~no-such-user" in refused("ls", "-w", "~no-such-user/ws")
