"""The page of ensembles: what was kept, what not and why, and what was seen of the held-back skill."""

import pytest

from landlab_mgr.analysis import selection
from landlab_mgr.catalog import Catalog
from landlab_mgr.workspace.workspace import Workspace

from . import science
from .shown import commands, figure, table, words

pytestmark = pytest.mark.slow

PAGE = "views/ensembles.py"


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    return science.make(tmp_path_factory.mktemp("ensembles") / "ws")


def test_without_a_catalogs_runs_or_ensembles_it_says_what_to_do(open_app, made, tmp_path):
    with Workspace.at(tmp_path / "ws", str(tmp_path / "ws" / "landlab.db")).create():
        app = open_app(tmp_path / "ws", PAGE)
    assert not app.exception
    assert any("data import fluxval" in line for line in commands(app))
    app = open_app(made.workspace.root, PAGE)
    assert not app.exception
    assert f"landlab ensemble select --grid towers --keep 10 -w {made.workspace.root}" in commands(app)


def test_every_candidate_is_there_with_why_it_was_dropped(open_app, workspace):
    app = open_app(workspace.root, PAGE)
    assert not app.exception
    shown = table(app, "rank", "reason")
    assert len(shown) == 12
    of_pft = shown[shown["setup"] == "PFT"]
    assert list(of_pft["seed"]) == [2, 1, 0]  # seed s has 0.1 s more; the one that failed comes last
    assert list(of_pft["kept"]) == ["✓", "✓", "✕"]
    assert of_pft["reason"].iloc[-1] == f"failed: nan: {science.MESSAGE}"
    assert set(shown.loc[shown["setup"] == "CLIM", "reason"].dropna()) == {"rank 3 of 3, 2 kept"}
    summary = table(app, "dropped for").set_index("setup")
    assert summary.loc["PFT", "dropped for"] == "1 failed"
    assert summary.loc["CLIM", "best score"] == pytest.approx(0.2 / 3)  # of metrics_of, seed 2
    assert "8 of 12 candidates" in words(app)
    assert "dev.lai.R2" in words(app)


def test_the_setup_and_the_loss_are_in_the_address(open_app, workspace):
    app = open_app(workspace.root, PAGE, setup="CLIM", loss="dev_loss")
    assert set(table(app, "rank", "reason")["setup"]) == {"CLIM"}
    assert "dev loss" in figure(app, "spread")["layout"]["xaxis"]["title"]["text"]
    app.selectbox(key="setup").set_value("PFT").run()
    assert app.query_params["setup"] == "PFT"


def test_looks_at_held_back_skill_are_counted_beside_it(open_app, workspace):
    assert "looked at never" in words(open_app(workspace.root, PAGE))
    with Catalog(workspace.database) as catalog:
        catalog.metrics_array("seed = 0", ["test"])
    app = open_app(workspace.root, PAGE)
    assert "looked at once in this catalog, none of them before this choice" in words(app)
    assert list(table(app, "splits")["filter"]) == ["seed = 0"]


def test_an_older_version_stays_to_be_seen(open_app, workspace):
    with workspace.open() as catalog:
        selection.select(catalog, science.GRID, keep=1, by="dev.lai.R2")
    assert open_app(workspace.root, PAGE).selectbox(key="ensemble").value == "science@2"
    app = open_app(workspace.root, PAGE, ensemble=science.KEPT)
    assert "8 of 12 candidates" in words(app)


def test_losses_of_runs_that_were_kept_are_filled(workspace, monkeypatch):
    from landlab_mgr.storage.resources import resource

    monkeypatch.syspath_prepend(str(resource("app")))
    import pandas as pd

    from parts import ensembles

    table = pd.DataFrame(
        {
            "setup": ["A", "A", "A", "<b>", "<b>"],
            "seed": [0, 1, 2, 0, 1],
            "rank": [1, 2, 3, 1, 2],
            "score": 0.0,
            "kept": [True, True, False, True, False],
            "reason": [None, None, "rank 3", None, "failed: nan"],
            "train_loss": [10.0, 30.0, 90.0, 5.0, float("nan")],
        }
    )
    drawn = ensembles.losses(table, "train_loss")
    traces = {trace.name: trace for trace in drawn.data}
    assert list(traces["kept"].x) == [10, 30, 5]
    assert list(traces["dropped"].x) == [90]  # what has no loss is in the table only
    assert list(traces["median of the kept"].x) == [5, 20]
    assert list(drawn.layout.yaxis.ticktext) == ["A", "&lt;b&gt;"]
    assert ensembles.round_numbers([3.0, 40.0]) == [5, 10, 20]
