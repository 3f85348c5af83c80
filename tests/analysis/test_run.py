"""Running an analysis: stored, catalogued, the same again; and the verb."""

import json
import re
import shutil

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from landlab_mgr import analysis, cli
from landlab_mgr.catalog import ArtifactRecord
from landlab_mgr.errors import LandlabError
from landlab_mgr.storage import artifacts
from landlab_mgr.workspace.workspace import Workspace

from . import sample


@pytest.fixture
def workspace(scored, tmp_path):
    shutil.copytree(scored.root, tmp_path / "ws")
    return Workspace.at(tmp_path / "ws", str(tmp_path / "ws" / "landlab.db"))


def landlab(*arguments, workspace=None):
    where = [] if workspace is None else ["-w", str(workspace.root)]
    return CliRunner().invoke(cli.app, [*map(str, arguments), *where])


def refused(*arguments, workspace=None):
    done = landlab(*arguments, workspace=workspace)
    assert isinstance(done.exception, LandlabError), done.output
    return str(done.exception)


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image)


def test_a_result_is_stored_and_catalogued_with_its_runs(workspace):
    with workspace.open() as catalog:
        result = analysis.run(workspace, catalog, "skill", grid="scored")
        [record] = catalog.analyses("skill")
        used = catalog.evidence_of(record.id)
        runs = list(catalog.runs("grid = 'scored'")["run_id"])
        assert used == catalog.evidence(runs, ["dev"])
    assert record.path == f"analyses/{record.id}/skill.zarr.zip"
    assert record.options == {"split": "dev", "statistic": "R2", "level": "flat", "of": "member"}
    assert record.filter == "grid = 'scored'"
    file = ArtifactRecord("skill", record.path, record.sha256, record.bytes)
    assert artifacts.intact(file, workspace.path(record.path))
    stored = artifacts.read(workspace.path(record.path))
    np.testing.assert_array_equal(stored["skill"], result.dataset["skill"])
    assert list(stored["run"].values) == list(result.dataset["run"].values)


def test_the_same_question_is_the_same_analysis_and_the_same_picture(workspace, tmp_path):
    one, two = tmp_path / "one.png", tmp_path / "two.png"
    with workspace.open() as catalog:
        first = analysis.run(workspace, catalog, "skill", grid="scored")
        again = analysis.run(workspace, catalog, "skill", "grid = 'scored'", options={"split": "dev"})
        assert (again.record.id, again.record.sha256) == (first.record.id, first.record.sha256)
        assert len(catalog.analyses()) == 1
        first.save_figure(one)
        again.save_figure(two)
        others = [
            analysis.run(workspace, catalog, "skill", grid="scored", options={"statistic": "r"}),
            analysis.run(workspace, catalog, "skill", "seed = 0", grid="scored"),
            analysis.run(workspace, catalog, "skill"),
        ]
    np.testing.assert_array_equal(pixels(one), pixels(two))
    assert len({first.record.id, *(o.record.id for o in others)}) == 4


@pytest.mark.slow
def test_other_metrics_are_another_analysis(planet, tmp_path):
    ids = set()
    for better in (0.0, 0.05):
        ws = sample.make(tmp_path / f"ws{better}", planet, complete=False)
        with ws.open() as catalog:
            sample.complete_all(ws, catalog, better)
            ids.add(analysis.run(ws, catalog, "skill").record.id)
    assert len(ids) == 2


def test_looking_at_test_is_counted(workspace):
    with workspace.open() as catalog:
        analysis.run(workspace, catalog, "skill")
        assert catalog.events(kind="read_test").empty
        analysis.run(workspace, catalog, "skill", options={"split": "test"})
        [detail] = catalog.events(kind="read_test")["detail"]
    assert detail["splits"] == ["test"]


def test_the_user_s_style_does_not_show(workspace, tmp_path):
    import matplotlib

    with workspace.open() as catalog:
        result = analysis.run(workspace, catalog, "skill")
    result.save_figure(tmp_path / "plain.png")
    with matplotlib.rc_context({"axes.facecolor": "red", "font.size": 20}):
        result.save_figure(tmp_path / "styled.png")
    np.testing.assert_array_equal(pixels(tmp_path / "plain.png"), pixels(tmp_path / "styled.png"))


# --- the verb


def test_the_verb_prints_and_draws(workspace, tmp_path):
    figure = tmp_path / "f.svg"
    options = ["-o", "split=train", "-o", "statistic=r2", "--figure", figure]
    said = landlab("analyse", "skill", "seed = 0", "--grid", "scored", *options, workspace=workspace)
    assert said.exit_code == 0, said.output
    assert "3 runs for (seed = 0) and grid = 'scored'" in said.stdout
    assert figure.read_text().startswith("<?xml")
    done = landlab("analyse", "skill", "--json", workspace=workspace)
    content = json.loads(done.stdout)
    assert [row["predictors"] for row in content["table"]] == ["CONTROL", "PFT", "PFT+CLIM"]
    assert len(content["runs"]) == 6


def test_without_a_name_it_lists_them(tmp_path):
    said = landlab("analyse").stdout
    assert re.search(r"^skill +how well .*-o split=dev", said, re.MULTILINE)
    assert {row["analysis"] for row in json.loads(landlab("analyse", "--json").stdout)} == {
        *analysis.registry()
    }


def test_mistakes_are_one_line_and_leave_nothing(workspace, tmp_path):
    for arguments, says in (
        (["magic"], "no analysis 'magic'; there are: "),
        (["skill", "-o", "colour=red"], "no option 'colour'; its options: split, statistic, level, of"),
        (["skill", "-o", "split=moon"], "option split of analysis skill: Input should be 'train', 'dev'"),
        (["skill", "-o", "split"], "-o split: write KEY=VALUE"),
        (["skill", "-o", "split=dev", "-o", "split=train"], "-o split is given twice"),
        (["skill", "--grid", "x"], "no grid 'x'"),
        (["skill", "seed = 99"], "no completed run for seed = 99"),
        (["skill", "seed = 0) or (seed = 1", "--grid", "scored"], "filter, column 9"),
        (["skill", "--figure", tmp_path / "f.bmp"], "a figure is .png, .svg, .pdf"),
        (["skill", "--figure", tmp_path / "no" / "f.png"], "there is no directory"),
        (["skill", "-o", "split=withheld"], "none of 6 runs has R2 on withheld"),
    ):
        assert says in refused("analyse", *arguments, workspace=workspace), arguments
    with workspace.open(read_only=True) as catalog:
        assert catalog.analyses() == []
    assert not (workspace.root / "analyses").exists()
    assert [p.name for p in tmp_path.iterdir()] == ["ws"]
