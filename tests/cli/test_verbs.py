"""Verbs that look after runs."""

import json
import re
import shutil

import pandas as pd
import pytest

from landlab_mgr.catalog import Catalog
from landlab_mgr.cli.catalog import export
from landlab_mgr.errors import LandlabError
from landlab_mgr.spec.grid import GridSpec
from landlab_mgr.spec.run import Seeds
from landlab_mgr.workspace.workspace import Workspace

from ..conftest import REPOSITORY
from .command import landlab, refused


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
    defined = [m for m in found["metrics"] if None not in (m["a"], m["b"])]
    assert len(defined) > 8
    assert all(m["b - a"] == pytest.approx(m["b"] - m["a"]) for m in defined)
    shown = landlab("show", a, b, workspace=twin_workspace).stdout
    assert "PFT, CLIM" in shown
    assert "CONTROL" in shown
    assert "are the same run" in refused("show", a, a[:8], workspace=twin_workspace)


def test_runs_are_listed_with_the_fields_in_which_they_differ(planet_workspace, tmp_path):
    root = shutil.copytree(planet_workspace, tmp_path / "ws")
    k_fold = (REPOSITORY / "experiments" / "fluxval_kfold.toml").read_text()
    for old, new in (
        ('dataset = "fluxval"', 'dataset = "twin-6x2x3-s0"'),
        ('[["PFT", "CLIM", "AGE", "SOIL", "SEASON"], ["CONTROL"]]', '[["PFT"], ["CONTROL"]]'),
        ("seeds = 5", "seeds = 1"),
        ("et_fluxnet = 2400\nnee_site = 400\n", ""),
    ):
        assert old in k_fold
        k_fold = k_fold.replace(old, new)
    (tmp_path / "k.toml").write_text(k_fold)
    landlab("grid", "register", tmp_path / "k.toml", workspace=root)
    rows = json.loads(landlab("ls", "split.fold = 0", "--json", workspace=root).stdout)
    assert {(r["label"], r["process.water_stress"]) for r in rows} == {
        (label, process) for label in ("PFT", "CONTROL") for process in ("acm_nn_et_terms", "nn_flux_terms")
    }
    assert "split.fold" not in rows[0], "all have the same"
    table = landlab("ls", "process.water_stress = 'nn_flux_terms'", workspace=root).stdout
    assert "split.fold" in table
    assert "10 pending" in table
    refusal = landlab("ls", "split.fld = 0", workspace=root, code=2).stderr.splitlines()
    assert "unknown field 'split.fld'; did you mean split.fold" in refusal[0]
    assert refusal[1].index("split.fld") == refusal[2].index("^")


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


@pytest.mark.slow
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
