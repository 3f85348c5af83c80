"""The whole path, and its interruption."""

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from landlab_mgr.catalog import Catalog

from .command import GRID, command, grid_file, landlab

pytestmark = pytest.mark.slow


def test_the_whole_path(twin_workspace, tmp_path):
    listed = json.loads(landlab("ls", "--json", workspace=twin_workspace).stdout)
    assert [r["state"] for r in listed] == ["completed", "completed"]
    assert {r["label"] for r in listed} == {"PFT+CLIM", "CONTROL"}
    assert all(np.isfinite(r["dev_loss"]) for r in listed)

    run_id = listed[0]["run_id"]
    shown = landlab("show", run_id[:6], workspace=twin_workspace).stdout
    for word in ("train", "dev", "test", "spatial r", "RMSE", "R2", "r2", "checkpoint", "cpu"):
        assert word in shown
    details = json.loads(landlab("show", run_id, "--json", workspace=twin_workspace).stdout)
    assert details["attempts"][0]["outcome"] == "ok"
    assert details["attempts"][0]["versions"]["jax"]
    assert len(details["artifacts"]) == 5
    assert all((twin_workspace / a["path"]).is_file() for a in details["artifacts"])

    datasets = json.loads(landlab("data", "ls", "--json", workspace=twin_workspace).stdout)
    assert [d["kind"] for d in datasets] == ["synthetic"]
    figure = tmp_path / "data.png"
    landlab("data", "show", "twin-6x2x3-s0", "--figure", figure, workspace=twin_workspace)
    assert figure.stat().st_size > 10_000
    assert "0 errors" in landlab("data", "check", "twin-6x2x3-s0", workspace=twin_workspace).stdout


def test_registering_again_adds_nothing_and_a_second_run_has_nothing_to_do(twin_workspace):
    again = landlab("grid", "register", twin_workspace / "tiny.toml", workspace=twin_workspace).stdout
    assert "0 runs added, 2 already there" in again
    assert "nothing to do" in landlab("run", "--grid", "tiny", workspace=twin_workspace).stdout
    landlab("data", "twin", "--patches", 6, "--pixels", 2, "--years", 3, workspace=twin_workspace)
    assert len(json.loads(landlab("data", "ls", "--json", workspace=twin_workspace).stdout)) == 1


def test_filters_choose_runs(twin_workspace):
    chosen = landlab("ls", "setup.groups = 'CONTROL'", "--json", workspace=twin_workspace).stdout
    assert [r["label"] for r in json.loads(chosen)] == ["CONTROL"]
    done = landlab("ls", "status = ", workspace=twin_workspace, code=2)
    assert "a number or text" in done.stderr or "expected" in done.stderr


@pytest.fixture
def long_run(twin_workspace, tmp_path):
    """A copy of the workspace with one run pending that takes many checkpoints."""
    root = tmp_path / "ws"
    shutil.copytree(twin_workspace, root)
    text = GRID.format(dataset="twin-6x2x3-s0", seeds=1, epochs=1_000_000).replace("tiny", "long")
    (root / "long.toml").write_text(text.replace(', ["CONTROL"]', ""))
    landlab("grid", "register", root / "long.toml", workspace=root)
    return root


def epochs_done(root):
    with Catalog(root / "landlab.db", read_only=True) as catalog:
        return int(catalog.runs("grid = 'long'")["epochs"].iloc[0])


def start_until_first_checkpoint(root):
    process = subprocess.Popen(
        command("run", "--grid", "long", workspace=root),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    deadline = time.monotonic() + 300
    while epochs_done(root) == 0:
        assert process.poll() is None, process.stdout.read()
        assert time.monotonic() < deadline
        time.sleep(0.2)
    return process


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL], ids=["Ctrl-C", "SIGKILL"])
def test_an_interrupted_run_goes_on_from_its_checkpoint(long_run, how):
    process = start_until_first_checkpoint(long_run)
    process.send_signal(how)
    output, _ = process.communicate(timeout=300)
    if how == signal.SIGINT:
        assert process.returncode == 130
        assert "`landlab run` goes on" in output
    before = epochs_done(long_run)
    assert 0 < before < 1_000_000

    second = start_until_first_checkpoint(long_run)  # goes on at once: there is a committed epoch
    deadline = time.monotonic() + 300
    while epochs_done(long_run) == before:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    second.send_signal(signal.SIGINT)
    output, _ = second.communicate(timeout=300)
    assert f"attempt 2, going on after epoch {before}" in output
    with Catalog(long_run / "landlab.db", read_only=True) as catalog:
        [run_id] = catalog.runs("grid = 'long'")["run_id"]
        epochs = catalog.epochs(run_id)["epoch"]
        attempts = catalog.attempts(run_id)
    assert list(epochs) == list(range(1, len(epochs) + 1)), "no epoch lost, none twice"
    assert len(epochs) > before
    assert list(attempts["outcome"]) == ["cancelled" if how == signal.SIGINT else "lost", "cancelled"]


def test_a_diverging_member_is_a_failed_run_with_its_reason(twin_workspace, tmp_path):
    root = tmp_path / "ws"
    shutil.copytree(twin_workspace, root)
    text = GRID.format(dataset="twin-6x2x3-s0", seeds=1, epochs=3).replace("tiny", "bad")
    (root / "bad.toml").write_text(text + "[base.loss_weights]\nlai = 1e38\n")
    landlab("grid", "register", root / "bad.toml", workspace=root)
    landlab("run", workspace=root, code=1)
    failed = json.loads(landlab("ls", "status = 'failed'", "--json", workspace=root).stdout)
    assert len(failed) == 2
    assert all("not finite at epoch 1" in r["message"] for r in failed)


# ---- real towers


@pytest.mark.fixtures
def test_real_towers_import_train_and_score_withheld_months(shared_data, tmp_path):
    root, source = tmp_path / "ws", shared_data / "data" / "fluxval"
    done = landlab(
        "data", "import", "fluxval", source, "--predictors", source / "site_predictors.csv", workspace=root
    )
    assert "164 pixels in 120 patches, 192 steps" in done.stdout
    assert done.stdout.count("40") == 1, "one notice names the 40 absent sites"
    grid = grid_file(tmp_path / "g.toml", "fluxval", epochs=3)
    grid.write_text(
        grid.read_text().replace('["PFT", "CLIM"], ["CONTROL"]', '["PFT", "CLIM", "AGE", "SOIL"]')
    )
    landlab("grid", "register", grid, workspace=root)
    landlab("run", workspace=root)
    [run_id] = [r["run_id"] for r in json.loads(landlab("ls", "--json", workspace=root).stdout)]
    metrics = json.loads(landlab("show", run_id, "--test", "--json", workspace=root).stdout)["metrics"]
    found = {(m["split"], m["variable"]) for m in metrics}
    fluxes = {"gpp", "nee", "reco", "et"}
    assert {v for s, v in found if s == "withheld"} == fluxes
    for split in ("train", "dev", "test"):
        assert fluxes | {"lai"} <= {v for s, v in found if s == split}


def test_listing_does_not_wait_for_jax():
    slow = {"jax", "streamlit", "ray", "matplotlib", "alembic"}
    program = f"import sys, landlab_mgr.cli; assert not {slow} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(__file__).parents[1])
