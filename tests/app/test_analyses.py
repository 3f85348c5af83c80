"""The page of analyses: results on record, with figure, table and provenance; commands where there is none."""

import shutil

import pytest

from landlab_mgr import analysis
from landlab_mgr.spec.grid import GridSpec
from landlab_mgr.storage import artifacts, figures
from landlab_mgr.storage.resources import resource
from landlab_mgr.workspace.workspace import Workspace

from . import science
from .shown import commands, table, words

pytestmark = pytest.mark.slow

PAGE = "views/analyses.py"
OF_KEPT = f"ensemble:{science.KEPT}"


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    return science.make(tmp_path_factory.mktemp("analyses") / "ws")


@pytest.fixture
def copied(workspace, tmp_path):
    root = shutil.copytree(workspace.root, tmp_path / "ws")
    return Workspace.at(root, str(root / "landlab.db"))


@pytest.fixture
def results(monkeypatch):
    monkeypatch.syspath_prepend(str(resource("app")))
    from parts import results

    return results


def test_without_runs_it_says_what_to_do(open_app, tmp_path):
    with Workspace.at(tmp_path / "ws", str(tmp_path / "ws" / "landlab.db")).create():
        app = open_app(tmp_path / "ws", PAGE)
    assert not app.exception
    assert any("data twin" in line for line in commands(app))


def test_without_a_result_it_gives_the_command_that_makes_it(open_app, workspace, made):
    of = f"\"ensemble = '{science.KEPT}'"
    of_one = f"{of} and predictors = 'PFT+CLIM'\""
    for name, made_by in (("identify", [f'{of}"', of_one]), ("parameters", [of_one])):
        app = open_app(workspace.root, PAGE, runs=OF_KEPT, analysis=name)
        assert not app.exception
        assert commands(app) == [f"landlab analyse {name} {filter} -w {workspace.root}" for filter in made_by]
    assert set(table(app, "option", "meaning")["option"]) == {*analysis.find(name).options.model_fields}
    for name, why in (
        ("benchmark", "no run is of 'gradient_boosting'"),
        ("curve", "a curve needs 3 or more"),
    ):
        app = open_app(workspace.root, PAGE, runs=OF_KEPT, analysis=name)
        assert why in app.code[0].value, "no verb that would be refused is suggested"
        assert "landlab" not in app.code[0].value
    app = open_app(made.workspace.root, PAGE, analysis="towers")  # runs in every state, no result
    assert not app.exception
    assert commands(app)[0] == f"landlab analyse towers -w {made.workspace.root}"


def test_a_result_shows_its_figure_its_table_and_where_it_comes_from(open_app, workspace):
    with workspace.open(read_only=True) as catalog:
        record = catalog.analyses("partition_map")[0]
        before = catalog.version()
    app = open_app(workspace.root, PAGE, runs=OF_KEPT, analysis="partition_map")
    assert not app.exception
    assert not app.warning
    assert len(app.get("image")) == 1
    stored = artifacts.read(workspace.path(record.path))
    shown = app.dataframe[0].value
    assert shown.equals(analysis.find("partition_map").table(stored))
    said = words(app)
    assert "Provenance (8 runs)" in said
    for fact in (record.id, "split=train", "synthetic", "Splits read", "nothing changed", record.sha256[:16]):
        assert fact in said
    with workspace.open(read_only=True) as catalog:
        assert catalog.version() == before  # nothing was computed, recorded or counted


def test_the_newest_result_is_asked_for_first_and_the_address_says_which(open_app, workspace):
    app = open_app(workspace.root, PAGE)
    assert app.selectbox(key="analysis").value == "partition_map"
    app.selectbox(key="runs").set_value("grid:science").run()
    assert app.query_params["runs"] == "grid:science"
    assert app.selectbox(key="analysis").value == "skill"  # what there is of the grid
    assert len(app.get("image")) == 1
    app.selectbox(key="analysis").set_value("pca").run()
    assert app.query_params["analysis"] == "pca"
    assert "No result of pca" in words(app)


def test_files_know_where_they_come_from(workspace, results, tmp_path):
    with workspace.open(read_only=True) as catalog:
        record = catalog.analyses("pca")[0]
        made = analysis.recorded(workspace, catalog, record)
    for kind in ("png", "svg"):
        path = tmp_path / f"renamed.{kind}"
        path.write_bytes(results.picture(made, kind))
        known = figures.read(path)
        assert known["analysis"]["id"] == record.id
        assert sorted(known["runs"]) == sorted(made.provenance["runs"])
        assert known["created"] == record.created.isoformat(timespec="seconds")


def test_what_changed_since_is_said_with_the_command_that_makes_it_again(open_app, copied):
    with copied.open() as catalog:
        spec = catalog.grid(science.GRID).spec
        catalog.register_runs(
            list(
                (more := GridSpec(**spec.model_dump() | {"seeds": 4})).expand(
                    catalog.datasets()[0].fingerprint
                )
            ),
            more,
        )
        claim = catalog.claim("host", 1, directory_of=copied.directory)
        catalog.finish(claim.token, science.metrics_of(claim.spec))
    app = open_app(copied.root, PAGE, runs="grid:science", analysis="skill")
    assert not app.exception
    assert "1 of 12 are found by the filter now, and not in the figure" in words(app)
    assert f"landlab analyse skill \"grid = 'science'\" -w {copied.root}" in commands(app)


def test_an_altered_file_is_an_error_to_read(open_app, copied):
    with copied.open(read_only=True) as catalog:
        path = copied.path(catalog.analyses("skill")[0].path)
    path.write_bytes(path.read_bytes()[:-10])
    app = open_app(copied.root, PAGE, runs="grid:science", analysis="skill")
    assert not app.exception
    assert "is missing or altered" in app.error[0].value.replace("\\", "")
