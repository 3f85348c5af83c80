"""Comparing runs: the page in every state, and what it computes."""

import json

import numpy as np
import pandas as pd
import pytest

from landlab_mgr.spec.grid import GridSpec
from landlab_mgr.storage import figures as files
from landlab_mgr.workspace.workspace import Workspace

from . import sample
from .conftest import APP
from .test_runs import words

PAGE = "views/compare.py"


@pytest.fixture(autouse=True)
def _as_streamlit_runs_it(monkeypatch):
    monkeypatch.syspath_prepend(str(APP))


def traces(app, key: str) -> list[dict]:
    figure = next(f for f in app.get("plotly_chart") if key in f.proto.id)
    return json.loads(figure.proto.spec)["data"]


def test_without_runs_it_says_how_to_choose_some(open_app, made):
    app = open_app(made.workspace.root, PAGE)
    assert not app.exception
    assert "tick some runs" in app.info[0].value
    alone = open_app(made.workspace.root, PAGE, runs=made.runs["failed"])
    assert "no comparison" in alone.info[0].value


def test_an_unknown_run_is_an_error_to_read(open_app, made):
    app = open_app(made.workspace.root, PAGE, runs=f"{made.runs['failed']},feedfeed")
    assert not app.exception
    assert "no run 'feedfeed'" in app.error[0].value


def test_two_runs_of_different_setups(open_app, made):
    pair = f"{made.runs['completed'][:8]},{made.runs['running']}"
    app = open_app(made.workspace.root, PAGE, runs=pair)
    assert not app.exception
    lines = [t["name"] for t in traces(app, "curves") if t.get("name")]
    assert lines == ["PFT", "CONTROL"]
    differences = app.dataframe[-2].value
    assert {"predictors", "state", "epochs"} <= set(differences["what"])
    assert differences.columns[2].startswith("PFT · seed 0")
    assert "2 runs** in 2 groups" in words(app)
    medians = next(d.value for d in app.dataframe if "variable" in d.value)
    assert list(medians["variable"]) == ["GPP"]
    assert not app.warning
    app.multiselect(key="by").set_value(["run_id"]).run()
    assert app.query_params["by"] == "run_id"
    app.segmented_control(key="on").set_value("train").run()
    assert not app.exception
    assert app.query_params["on"] == "train"


def test_runs_without_an_epoch_say_so(open_app, made):
    app = open_app(made.workspace.root, PAGE, runs=f"{made.runs['started']},{made.runs['pending']}")
    assert not app.exception
    said = words(app)
    assert "curves appear with the first checkpoint" in said
    assert "None of these runs has completed" in said


def test_runs_of_other_weights_and_epochs(open_app, tmp_path):
    workspace = Workspace.at(tmp_path, str(tmp_path / "landlab.db"))
    axes = {"loss_weights.lai": (10, 40), "optimizer.epochs": (8, 80)}
    grid = GridSpec(name="w", dataset="fluxval", setups=(("PFT",),), seeds=1, axes=axes)
    with workspace.create() as catalog:
        dataset = sample.register_dataset(workspace, catalog, tmp_path)
        catalog.register_runs(list(grid.expand(dataset.attrs["fingerprint"])), grid)
        while (claim := catalog.claim("host", 1, directory_of=workspace.directory)) is not None:
            catalog.record(claim.token, [sample.epoch(1)])
            catalog.finish(claim.token)
    app = open_app(tmp_path, PAGE, all="yes")
    assert not app.exception
    assert "4 runs** in 4 groups" in words(app)
    assert "total" not in app.selectbox(key="term").options
    assert "each term is divided by its own weight" in words(app)
    app.multiselect(key="by").set_value(["loss_weights.lai"]).run()
    assert "Groups pool runs that differ in optimizer.epochs" in app.warning[0].value.replace("\\", "")
    assert app.query_params["by"] == "loss_weights.lai"
    listed = open_app(tmp_path, "views/runs.py")
    assert "their weights differ here, so that they do not compare" in words(listed)


def test_all_that_a_filter_finds(open_app, made):
    app = open_app(made.workspace.root, PAGE, filter="seed = 0", all="yes")
    assert not app.exception
    assert "3 runs** in 3 groups" in words(app)


def curves() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "run_id": ["a", "a", "b", "b", "c"],
            "epoch": [1, 2, 1, 2, 1],
            "dev": [1.0, 2.0, 3.0, np.nan, 10.0],
        }
    )


def test_mean_and_range_of_a_group_by_epoch():
    from parts import contrast

    group = pd.Series({"a": "x", "b": "x", "c": "y"})
    found = contrast.curve(curves(), group, "dev")
    assert found.to_dict("list") == {
        "group": ["x", "x", "y"],
        "epoch": [1, 2, 1],
        "mean": [2.0, 2.0, 10.0],
        "low": [1.0, 2.0, 10.0],
        "high": [3.0, 2.0, 10.0],
        "n": [2, 1, 1],
    }


def test_long_curves_are_thinned_from_end_to_end():
    from parts import contrast

    long = pd.DataFrame({"run_id": "a", "epoch": np.arange(1, 5001), "dev": 1.0})
    found = contrast.curve(long, pd.Series({"a": "x"}), "dev")
    assert len(found) == contrast.POINTS
    assert (found["epoch"].iloc[0], found["epoch"].iloc[-1]) == (1, 5000)


def table() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "run_id": ["a", "b", "c"],
            "label": ["PFT", "PFT", "CLIM"],
            "setup": ["PFT", "PFT", "CLIM"],
            "dataset": "d",
            "seed": [0, 1, 0],
            "state": "completed",
            "predictors": ["PFT", "PFT", "CLIM"],
            "seeds.init": [0, 1, 0],
            "process.water_stress": ["linear", "linear", None],
            "metrics.dev.gpp.R2.flat": [0.5, -3.0, np.nan],
            "metrics.train.gpp.R2.flat": [0.9, 0.8, 0.7],
        }
    )


def test_what_differs_between_groups():
    from parts import contrast

    of = contrast.groups(table(), ["setup"])
    found = contrast.differences(table(), of).set_index("what")
    assert list(found.index) == ["predictors", "seeds.init", "process.water_stress"]
    assert found.loc["seeds.init"].to_dict() == {"PFT": "0, 1", "CLIM": "0"}
    assert found.loc["process.water_stress"].to_dict() == {"PFT": "linear", "CLIM": "–"}
    assert contrast.groupings(table()) == ["setup", "predictors", "process.water_stress", "run_id"]


def test_groups_of_several_fields_and_what_others_mix():
    from parts import contrast

    of = contrast.groups(table(), ["predictors", "process.water_stress"])
    assert list(of) == ["predictors PFT, water_stress linear"] * 2 + ["predictors CLIM, water_stress –"]
    assert list(contrast.groups(table(), [])) == ["all"] * 3
    assert contrast.pooled(table(), of) == []
    mixed = table().assign(**{"process.water_stress": ["linear", "nn_paw", "linear"]})
    assert contrast.pooled(mixed, contrast.groups(mixed, ["predictors"])) == ["process.water_stress"]
    assert contrast.pooled(mixed, contrast.groups(mixed, [])) == ["predictors", "process.water_stress"]


def test_losses_of_different_weights_are_compared_unweighted():
    from parts import contrast

    weights = {"loss_weights.lai": [2.0, 4.0, 0.0], "loss_weights.gpp": 5.0}
    runs = table().assign(**weights)
    assert contrast.weights_differ(runs)
    assert not contrast.weights_differ(table().assign(**{"loss_weights.gpp": 5.0}))
    epochs = pd.DataFrame(
        {"run_id": ["a", "b", "c"], "epoch": 1, "total": 9.0, "dev": 9.0, "lai": [6.0, 6.0, 0.0]}
        | {"dev_lai": [8.0, 8.0, 0.0], "gpp": 10.0}
    )
    plain = contrast.unweighted(epochs, runs)
    np.testing.assert_array_equal(plain["lai"], [3.0, 1.5, np.nan])
    np.testing.assert_array_equal(plain["dev_lai"], [4.0, 2.0, np.nan])
    assert list(plain["gpp"]) == [2.0] * 3
    assert not {"total", "dev"} & {*plain}
    assert contrast.terms(plain) == ["lai", "gpp"]


def test_skill_of_runs_and_groups():
    from parts import contrast, figures

    of = contrast.groups(table(), ["setup"])
    found = contrast.skills(table(), of, "dev", "R2")
    assert found[["variable", "group", "run_id", "value"]].to_numpy().tolist() == [
        ["gpp", "PFT", "a", 0.5],
        ["gpp", "PFT", "b", -3.0],
    ]
    row = contrast.summary(found).iloc[0]
    assert (row["n"], row["median"], row["lowest"]) == (2, -1.25, -3.0)
    floor = contrast.floor(found["value"], "R2")
    drawn = figures.skills(found, ["PFT", "CLIM"], "R2", floor)
    below = next(t for t in drawn.data if t.marker.symbol == "triangle-left")
    assert list(below.x) == [-1.0]
    assert below.customdata[0][3] == -3.0
    assert contrast.floor(found["value"], "rmse") is None


def test_a_figure_is_saved_with_its_provenance(made, tmp_path, monkeypatch):
    from parts import contrast, download, figures, origin, picture

    monkeypatch.setenv("LANDLAB_WORKSPACE", str(made.workspace.root))
    found = contrast.curve(curves(), pd.Series({"a": "<b>x</b>", "b": "<b>x</b>", "c": "y"}), "dev")
    drawn = picture.drawn(figures.learning(found, ["<b>x</b>", "y"], "loss (1)"), "a title", "a run")
    labels = [t.get_text() for t in drawn.legends[0].get_texts()]
    assert labels == ["<b>x</b>, 2 runs", "y"]
    np.testing.assert_array_equal(drawn.axes[0].lines[0].get_ydata(), [2.0, 2.0])
    assert len(drawn.axes[0].collections) == 1  # the range of the group of two
    provenance = origin.of_runs([made.runs["completed"]], ["fluxval"], "compare?runs=1")
    for kind in ("png", "svg"):
        path = tmp_path / f"x.{kind}"
        path.write_bytes(download.saved(drawn, provenance, kind))
        said = files.read(path)
        assert said["runs"] == [made.runs["completed"]]
        assert said["datasets"][0]["fingerprint"] == made.dataset.attrs["fingerprint"]
        assert said["page"] == "compare?runs=1"


def test_names_of_files_hold_nothing_odd():
    from parts import download

    assert download.file_name("R2 dev <b>/../x", "csv") == "R2-dev-b-..-x.csv"
    assert download.names([f"{i:016d}" for i in range(6)]).endswith("and 2 more")
