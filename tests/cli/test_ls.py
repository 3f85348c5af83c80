"""`landlab ls`: which columns, in which order, on which terminal."""

import io
import json

import pytest

from landlab_mgr.cli import runs
from landlab_mgr.spec.grid import GridSpec
from landlab_mgr.workspace import display
from landlab_mgr.workspace.workspace import Workspace
from tests.catalog.sample import DATASET, FINGERPRINT, claim, epoch, metric

from .command import landlab, refused

GRID = GridSpec(
    name="axes",
    dataset=FINGERPRINT,
    setups=(("PFT", "CLIM", "AGE", "SOIL", "SEASON"),),
    seeds=2,
    axes={"optimizer.epochs": [3, 30], "process.water_stress": ["linear", "nn_paw"]},
)


@pytest.fixture(scope="module")
def listed(tmp_path_factory):
    """Runs of one predictor set that differ by axes; the later registered, the better."""
    root = tmp_path_factory.mktemp("listed") / "ws"
    workspace = Workspace.at(root, str(root / "landlab.db"))
    with workspace.create() as catalog:
        catalog.register_dataset(DATASET)
        catalog.register_runs(list(GRID.expand(FINGERPRINT)), GRID)
        for number in range(7):  # of eight
            token = claim(catalog).token
            catalog.record(token, [epoch(1)])
            scores = [metric(number / 10, variable=name) for name in ("gpp", "lai", "nbe", "et", "som")]
            catalog.finish(token, [*scores, metric(1 - number / 10, "rmse")])
    return root


def rows(workspace, *options):
    return json.loads(landlab("ls", "--json", *options, workspace=workspace).stdout)


def test_any_field_is_a_column_and_an_order(listed):
    columns = "setup,optimizer.epochs,seed,status,dev.gpp.rmse,metrics.dev.gpp.R2"
    table = rows(listed, "--columns", columns, "--sort", "-dev.gpp.R2")
    assert list(table[0]) == ["run_id", *columns.split(",")]
    values = [row["metrics.dev.gpp.R2"] for row in table]
    assert values == [0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.0, None], "what has none comes last"
    assert table[0]["dev.gpp.rmse"] == pytest.approx(0.4)
    assert table[-1]["status"] == "pending"
    assert len({(row["setup"], row["seed"]) for row in table}) == 8
    by_epochs = rows(listed, "--sort", "optimizer.epochs", "--limit", 5, "--offset", 2)
    assert [row["epochs_planned"] for row in by_epochs] == [3, 3, 30, 30, 30], "an order is one of all runs"
    shown = landlab("ls", "--columns", "seed,created", "--limit", 1, workspace=listed).stdout
    assert "runs 1 to 1 of 8" in shown


def test_a_column_or_order_that_is_none(listed):
    assert "no column 'optimiser.epochs'; did you mean" in refused(
        "ls", "--columns", "seed,optimiser.epochs", workspace=listed
    )
    assert "no column 'size'; known: run_id, state" in refused("ls", "--sort", "size", workspace=listed)
    assert "write metrics.SPLIT.VARIABLE.STATISTIC" in refused("ls", "--sort", "dev.gpp", workspace=listed)
    assert "names no column" in refused("ls", "--columns", " , ", workspace=listed)


def test_a_held_back_column_is_counted(listed):
    def reads():
        with Workspace.at(listed, str(listed / "landlab.db")).open(read_only=True) as catalog:
            return catalog.test_reads()

    before = reads()
    assert rows(listed, "--columns", "test.gpp.R2", "--limit", 1)[0]["test.gpp.R2"] is None
    assert reads() == before + 1
    rows(listed, "--sort", "-dev.gpp.R2")
    assert reads() == before + 1


def test_a_narrow_terminal_keeps_what_differs_and_skill(listed, monkeypatch):
    narrow = display.PlainConsole(file=io.StringIO(), force_terminal=True, width=80, color_system=None)
    monkeypatch.setattr(display, "console", narrow)
    monkeypatch.setattr(runs, "console", narrow)
    landlab("ls", workspace=listed)
    lines = narrow.file.getvalue().splitlines()
    assert all(len(line) <= 80 for line in lines)
    [head] = [line for line in lines if line.startswith("run_id")]
    assert {"water_stress", "epochs", "seed"} <= {*head.split()}
    assert {"et", "gpp"} & {*head.split()}


def test_a_pipe_has_every_column_in_one_line(listed):
    lines = landlab("ls", workspace=listed).stdout.splitlines()
    head = next(line for line in lines if line.startswith("run_id")).split()
    assert {"process.water_stress", "epochs", "train_loss", "dev_loss", "gpp", "som"} <= {*head}
    assert len([line for line in lines if "PFT+CLIM+AGE+SOIL+SEASON" in line]) == 8


def test_the_workspace_may_stand_before_the_verb(listed):
    assert landlab("-w", listed, "ls", "--json").stdout == landlab("ls", "--json", workspace=listed).stdout
    assert "axes" in landlab(f"--workspace={listed}", "grid", "ls").stdout
    assert "Usage: landlab" in landlab("-w", listed).stdout


def test_setups_have_the_mean_and_spread_of_their_runs(listed):
    table = rows(listed, "--group", "--sort", "-dev.gpp.R2")
    assert len(table) == 4
    assert sum(row["runs"] for row in table) == 8
    assert sum(row["completed"] for row in table) == 7
    means = [row["dev.gpp.R2"] for row in table]
    assert means == sorted(means, reverse=True)
    single = [row for row in table if row["completed"] == 1]
    assert [row["dev.gpp.R2 sd"] for row in single] == [None]
    assert len({row["setup"] for row in table}) == 4
    shown = landlab("ls", "--group", workspace=listed).stdout
    assert "4 setups" in shown
    assert "…" not in shown, "a pipe has all of every line"
    assert "dev.som.R2 sd" in shown
    assert "--sort size: with --group one of setup, runs" in refused(
        "ls", "--group", "--sort", "size", workspace=listed
    )
