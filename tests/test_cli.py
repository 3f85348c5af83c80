"""The command line in real processes: the whole path, interruption, and one clear line for every mistake."""

import json
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from landlab_mgr.catalog import Catalog
from landlab_mgr.cli.catalog import export
from landlab_mgr.errors import LandlabError
from landlab_mgr.spec import GridSpec, Seeds
from landlab_mgr.workspace import Workspace

GRID = """
name = "tiny"
dataset = "{dataset}"
setups = [["PFT", "CLIM"], ["CONTROL"]]
seeds = {seeds}
[base]
warmup_months = 12
[base.optimizer]
epochs = {epochs}
learning_rate = 1e-3
patches_per_batch = 0
"""


def command(*arguments, workspace=None):
    where = [] if workspace is None else ["-w", str(workspace)]
    return [sys.executable, "-m", "landlab_mgr.cli", *map(str, arguments), *where]


def landlab(*arguments, workspace=None, code=0, cwd=None):
    done = subprocess.run(
        command(*arguments, workspace=workspace), capture_output=True, text=True, timeout=300, cwd=cwd
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done


def refused(*arguments, workspace=None, cwd=None):
    """Bad input: exit code 2 and one line; returns it."""
    done = landlab(*arguments, workspace=workspace, code=2, cwd=cwd)
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("error: ")
    return lines[0]


def grid_file(path, dataset, seeds=1, epochs=3):
    path.write_text(GRID.format(dataset=dataset, seeds=seeds, epochs=epochs))
    return path


@pytest.fixture(scope="module")
def twin_workspace(tmp_path_factory):
    """A workspace with a small twin planet and compiled programs in its cache."""
    root = tmp_path_factory.mktemp("twin") / "ws"
    landlab("data", "twin", "--patches", 6, "--pixels", 2, "--years", 3, workspace=root)
    landlab("grid", "register", grid_file(root / "tiny.toml", "twin-6x2x3-s0"), workspace=root)
    landlab("run", workspace=root)
    return root


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
    assert len(details["artifacts"]) == 4
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


def test_the_demo_in_its_short_form(tmp_path):
    root = tmp_path / "demo"
    said = landlab("demo", "--quick", workspace=root).stdout
    assert "17 predictor sets x 2 seeds; 34 runs registered" in said
    assert "PFT+CLIM+AGE+SOIL" in said
    assert (root / "skill.png").stat().st_size > 10_000
    states = [r["state"] for r in json.loads(landlab("ls", "--json", workspace=root).stdout)]
    assert states == ["completed"] * 34


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
    deadline = time.monotonic() + 120
    while epochs_done(root) == 0:
        assert process.poll() is None, process.stdout.read()
        assert time.monotonic() < deadline
        time.sleep(0.2)
    return process


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL], ids=["Ctrl-C", "SIGKILL"])
def test_an_interrupted_run_goes_on_from_its_checkpoint(long_run, how):
    process = start_until_first_checkpoint(long_run)
    process.send_signal(how)
    output, _ = process.communicate(timeout=60)
    if how == signal.SIGINT:
        assert process.returncode == 130
        assert "`landlab run` goes on" in output
    before = epochs_done(long_run)
    assert 0 < before < 1_000_000

    second = start_until_first_checkpoint(long_run)  # goes on at once: there is a committed epoch
    deadline = time.monotonic() + 60
    while epochs_done(long_run) == before:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    second.send_signal(signal.SIGINT)
    output, _ = second.communicate(timeout=60)
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


# ---- verbs that look after runs


@pytest.fixture(scope="module")
def cared_for(twin_workspace, tmp_path_factory):
    """A copy of the workspace with three runs more, one of which failed and left a file."""
    root = tmp_path_factory.mktemp("cared") / "ws"
    shutil.copytree(twin_workspace, root, ignore=shutil.ignore_patterns("cache"))
    workspace = Workspace.at(root, str(root / "landlab.db"))
    with workspace.open() as catalog:
        dataset = catalog.dataset("twin-6x2x3-s0").fingerprint
        base = {
            "warmup_months": 12,
            "optimizer": {"epochs": 3, "learning_rate": 1e-3, "patches_per_batch": 0},
        }
        grid = GridSpec(
            name="wide", dataset=dataset, setups=(("PFT", "CLIM"), ("CONTROL",)), seeds=3, base=base
        )
        catalog.register_runs(grid.expand(dataset), grid)
        failed = catalog.claim("host", 1, directory_of=workspace.directory)
        catalog.fail(failed.token, "nan", "loss is not finite")
    left = workspace.path(failed.directory) / "checkpoint-000001.msgpack"
    left.parent.mkdir(parents=True)
    left.write_bytes(bytes(1234))
    return root


def test_what_differs_between_two_runs(twin_workspace):
    a, b = (r["run_id"] for r in json.loads(landlab("ls", "--json", workspace=twin_workspace).stdout))
    found = json.loads(landlab("show", a, b[:8], "--json", workspace=twin_workspace).stdout)
    assert (found["a"]["run_id"], found["b"]["run_id"]) == (a, b)
    assert [(d["part"], d["field"]) for d in found["differences"]] == [("spec", "predictors")]
    assert {(m["split"], m["variable"]) for m in found["metrics"]} >= {("dev", "lai"), ("train", "lai")}
    assert all(m["b - a"] == pytest.approx(m["b"] - m["a"]) for m in found["metrics"])
    shown = landlab("show", a, b, workspace=twin_workspace).stdout
    assert "PFT, CLIM" in shown
    assert "CONTROL" in shown
    assert "are the same run" in refused("show", a, a[:8], workspace=twin_workspace)


def test_missing_cells_of_a_grid(cared_for):
    said = landlab("grid", "missing", "wide", workspace=cared_for).stdout
    assert "asks for 2 setups x 3 seeds = 6 runs; 2 are completed, 4 are missing" in said
    (row,) = [line.split() for line in said.splitlines() if line.startswith("PFT+CLIM")]
    assert row[1:] == ["1", "2"]  # failed with seed 1, pending with seed 2
    assert "landlab run --grid wide`" in said
    cells = json.loads(landlab("grid", "missing", "wide", "--json", workspace=cared_for).stdout)
    assert [(c["setup"], c["seed"], c["state"]) for c in cells] == [
        ("PFT+CLIM", 1, "failed"),
        ("CONTROL", 1, "pending"),
        ("PFT+CLIM", 2, "pending"),
        ("CONTROL", 2, "pending"),
    ]
    assert "0 are missing" in landlab("grid", "missing", "tiny", workspace=cared_for).stdout
    assert "no grid 'x'; registered: tiny, wide" in refused("grid", "missing", "x", workspace=cared_for)


def test_tags_and_cancelling(cared_for, tmp_path):
    root = tmp_path / "ws"
    shutil.copytree(cared_for, root)
    said = landlab("tag", "setup.groups = 'CONTROL'", "paper", workspace=root).stdout
    assert "3 runs got the tag paper, 0 had it" in said
    assert "paper" in landlab("ls", "tag = 'paper'", workspace=root).stdout
    said = landlab("tag", "seed = 0", "paper", "--remove", workspace=root).stdout
    assert "1 runs lost the tag paper, 1 did not have it" in said
    said = landlab("cancel", "tag = 'paper' or status = 'completed'", workspace=root).stdout
    assert "2 cancelled; 2 completed left as they are" in said
    states = {r["run_id"]: r for r in json.loads(landlab("ls", "--json", workspace=root).stdout)}
    assert [r["tags"] for r in states.values() if r["state"] == "cancelled"] == ["paper", "paper"]
    assert "an empty filter would cancel every run" in refused("cancel", "", workspace=root)
    assert "tag 'a b': letters" in refused("tag", "seed = 0", "a b", workspace=root)
    assert '"epochs >= 0"' in refused("tag", " ", "paper", workspace=root)


def test_a_cancelled_run_is_taken_up_again(twin_workspace, tmp_path):
    root = tmp_path / "ws"
    shutil.copytree(twin_workspace, root)
    with Catalog(root / "landlab.db") as catalog:
        done = catalog.run(catalog.runs("setup.groups = 'CONTROL'")["run_id"][0]).spec
        again = done.model_copy(update={"seeds": Seeds(init=1)})
        catalog.register_runs([again])
        assert catalog.cancel([again.run_id]) == [again.run_id]
    assert "1 ok" in landlab("run", "--only", "cancelled", workspace=root).stdout


def test_gc_and_doctor(cared_for, tmp_path):
    root = tmp_path / "ws"
    shutil.copytree(cared_for, root)
    said = landlab("catalog", "gc", workspace=root).stdout
    assert "`landlab catalog gc --yes` removes them" in said
    left = json.loads(landlab("catalog", "gc", "--json", workspace=root).stdout)
    (failed,) = [w for w in left if w["reason"].endswith("ended: nan")]
    assert failed["bytes"] == 1234
    assert (root / failed["path"]).is_dir()
    assert f"{len(left)} things, " in landlab("catalog", "gc", "--yes", workspace=root).stdout
    assert not any((root / w["path"]).exists() for w in left)
    assert "nothing to remove" in landlab("catalog", "gc", "--yes", workspace=root).stdout

    assert (
        "0 errors" in landlab("doctor", "--deep", workspace=root).stdout
    )  # all that the catalog lists is there
    next(root.glob("runs/*/*/skill.zarr.zip")).unlink()
    said = landlab("doctor", workspace=root, code=1).stdout
    assert "error: runs/" in said
    assert "is missing (skill of run" in said
    findings = json.loads(landlab("doctor", "--json", workspace=root, code=1).stdout)
    assert [f["severity"] for f in findings if "missing" in f["problem"]] == ["error"]


def test_export(twin_workspace, tmp_path):
    csv, parquet = tmp_path / "runs.csv", tmp_path / "runs.parquet"
    assert "2 runs x" in landlab("catalog", "export", tmp_path, workspace=twin_workspace).stdout
    landlab("catalog", "export", parquet, "setup.groups = 'CONTROL'", workspace=twin_workspace)
    table, chosen = pd.read_csv(csv), pd.read_parquet(parquet)
    assert set(table["label"]) == {"PFT+CLIM", "CONTROL"}
    assert list(chosen["label"]) == ["CONTROL"]
    metric = "metrics.dev.lai.R2.flat"
    assert chosen[metric].iloc[0] == table.loc[table["label"] == "CONTROL", metric].iloc[0]
    assert not [c for c in table if c.startswith("metrics.test")]
    landlab("catalog", "export", csv, "--splits", "test,dev", workspace=twin_workspace)
    assert [c for c in pd.read_csv(csv) if c.startswith("metrics.test")]
    for target, options, says in [
        (tmp_path / "no" / "runs.csv", {}, "cannot write"),
        (tmp_path / "runs.xlsx", {}, "neither a directory nor .csv nor .parquet"),
        (csv, {"format": "parquet"}, "looks like csv, but --format says parquet"),
        (csv, {"splits": "tests"}, "no split 'tests'; there are train, dev, test, withheld"),
        (csv, {"filter": "colour = 1"}, "unknown field 'colour'"),
    ]:
        with pytest.raises(LandlabError, match=re.escape(says)):
            export(str(target), **{"filter": "", "workspace": str(twin_workspace), **options})
    assert "looks like csv" in refused(
        "catalog", "export", csv, "--format", "parquet", workspace=twin_workspace
    )
    assert sorted(p.name for p in tmp_path.iterdir()) == ["runs.csv", "runs.parquet"], "no temporaries"


# ---- mistakes: one clear line, exit code 2, nothing half-written


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
    assert "optimizer.epoks: unknown key; known: learning_rate, epochs" in line
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


# ---- real towers


@pytest.mark.fixtures
def test_real_towers_import_train_and_score_withheld_months(shared_data, tmp_path):
    root, source = tmp_path / "ws", shared_data / "data" / "fluxval"
    done = landlab(
        "data", "import", "fluxval", source, "--predictors", source / "site_predictors.csv", workspace=root
    )
    assert "164 pixels in 120 patches, 192 months" in done.stdout
    assert done.stdout.count("40") == 1, "one notice names the 40 absent sites"
    grid = grid_file(tmp_path / "g.toml", "fluxval", epochs=3)
    grid.write_text(
        grid.read_text().replace('["PFT", "CLIM"], ["CONTROL"]', '["PFT", "CLIM", "AGE", "SOIL"]')
    )
    landlab("grid", "register", grid, workspace=root)
    landlab("run", workspace=root)
    [run_id] = [r["run_id"] for r in json.loads(landlab("ls", "--json", workspace=root).stdout)]
    metrics = json.loads(landlab("show", run_id, "--json", workspace=root).stdout)["metrics"]
    found = {(m["split"], m["variable"]) for m in metrics}
    fluxes = {"gpp", "nee", "reco", "et"}
    assert {v for s, v in found if s == "withheld"} == fluxes
    for split in ("train", "dev", "test"):
        assert fluxes | {"lai"} <= {v for s, v in found if s == split}


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


def test_listing_does_not_wait_for_jax():
    program = (
        "import sys, landlab_mgr.cli; assert not {'jax', 'streamlit', 'ray', 'matplotlib'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(__file__).parents[1])
