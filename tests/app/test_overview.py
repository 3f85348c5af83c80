"""The overview, in every state of a workspace."""

import numpy as np
import pandas as pd
import pytest
import streamlit as st

from landlab_mgr.catalog.progress import progress as progress_of
from landlab_mgr.spec.grid import GridSpec
from landlab_mgr.workspace.workspace import Workspace

from . import sample
from .conftest import APP
from .test_runs import words

PAGE = "views/overview.py"


@pytest.fixture(autouse=True)
def _as_streamlit_runs_it(monkeypatch):
    monkeypatch.syspath_prepend(str(APP))


def links(app) -> dict[str, str]:
    """Links by their label: the query that they lead to."""
    return {link.proto.label: link.proto.query_string for link in app.get("page_link")}


def test_an_empty_workspace_names_the_commands_that_fill_it(open_app, tmp_path):
    Workspace.at(tmp_path, str(tmp_path / "landlab.db")).create().close()
    app = open_app(tmp_path, PAGE)
    assert not app.exception
    assert "no dataset yet" in app.info[0].value
    assert "landlab demo --quick" in app.code[0].value


def test_it_counts_states_links_to_them_and_tells_what_failed(open_app, made):
    app = open_app(made.workspace.root, PAGE)
    assert not app.exception
    said = words(app).replace("\\", "")
    assert "**6 runs**" in said
    assert "3 setups x 2 seeds on fluxval, 17% done, about 5 s left with 2 at a time" in said
    found = links(app)
    failed = next(query for label, query in found.items() if "✕ 1 failed" in label)
    assert "status" in failed
    assert len(found) == 5
    failures = next(d.value for d in app.dataframe if "message" in d.value)
    assert list(failures["message"]) == [sample.MESSAGE]
    assert "does so again with the same seed" in said
    assert not any("--only failed" in code.value for code in app.code)
    news = next(d.value for d in app.dataframe if "what" in d.value)
    assert list(news["what"]) == ["grid towers: 6 runs added, 0 were there", "dataset fluxval"]


def test_the_cells_are_those_of_the_catalog(made):
    from parts import progress

    with made.workspace.open(read_only=True) as catalog:
        runs = progress_of(catalog)
    what = progress.cells(runs, {})
    assert what.setups == ("PFT", "PFT+CLIM", "CONTROL")
    assert what.seeds == (0, 1)
    assert what.state.tolist() == [["completed", "running"], ["failed", "pending"], ["running", "cancelled"]]
    assert what.run_id[1, 0] == made.runs["failed"]
    # 4 + 8 + 8 - 3 epochs of half a second, two at a time: those of the cancelled and failed are not waited for
    assert progress.seconds_left(runs, 0.5) == pytest.approx((5 + 8 + 8) * 0.5 / 2)
    assert progress.seconds_left(runs, None) is None


def test_axes_tell_rows_apart_and_holes_stay_empty():
    from parts import progress

    runs = pd.DataFrame(
        {
            "run_id": ["a", "b", "c"],
            "label": ["PFT"] * 3,
            "seed": [0, 0, 5],
            "state": ["completed", "failed", "pending"],
        }
    )
    what = progress.cells(runs, {"a": "x = 1", "b": "x = 2", "c": "x = 1"})
    assert what.setups == ("x = 1", "x = 2")
    assert what.state.tolist() == [["completed", "pending"], ["failed", ""]]
    runs["label"] = ["PFT", "PFT", "CLIM"]
    mixed = progress.cells(runs, {"a": "x = 1", "b": "x = 2"})
    assert mixed.setups == ("PFT · x = 1", "PFT · x = 2", "CLIM")
    figure = progress.drawn(what, "a grid")
    shades = figure.axes[0].collections[0].get_array()
    assert np.ma.masked_invalid(shades).mask.sum() == 1


def test_what_axes_set_is_known_by_run():
    from parts import reading

    spec = GridSpec(
        name="two", dataset="d", setups=(("PFT",),), seeds=2, axes={"optimizer.learning_rate": (0.1, 0.01)}
    )
    found = reading.variants(spec.model_dump_json(), "0" * 16)
    rates = {run.run_id: run.optimizer.learning_rate for run in spec.expand("0" * 16)}
    assert found == {run_id: f"optimizer.learning_rate = {rate}" for run_id, rate in rates.items()}


@pytest.mark.parametrize(
    ("kind", "detail", "said"),
    [
        ("analysis", {"name": "partition", "runs": 1}, "analysis partition of 1 run"),
        ("ensemble", {"name": "e@1", "kept": 2, "candidates": 3}, "ensemble e@1: 2 of 3 kept"),
        ("study", {"name": "s"}, "study s"),
        ("registered", {"study": "s", "added": 1, "existing": 0}, "study s: 1 runs added, 0 were there"),
    ],
)
def test_news_in_words(kind, detail, said):
    from parts import news

    assert news.told(kind, detail) == said


@pytest.mark.parametrize(
    "view", ["overview", *(pytest.param(v, marks=pytest.mark.slow) for v in ("tuning", "run", "analyses"))]
)
def test_a_page_left_open_notices_what_starts(view, open_app, tmp_path, monkeypatch):
    workspace = Workspace.at(tmp_path, str(tmp_path / "landlab.db"))
    with workspace.create() as catalog:
        dataset = sample.register_dataset(workspace, catalog, tmp_path)
        catalog.register_runs(list(sample.GRID.expand(dataset.attrs["fingerprint"])), sample.GRID)
    fragment, followed = st.fragment, []

    def recorded(part, *, run_every=None):
        followed.append((part, run_every))
        return fragment(part, run_every=run_every)

    monkeypatch.setattr(st, "fragment", recorded)
    again = []
    monkeypatch.setattr(st, "rerun", lambda: again.append(view))
    assert not open_app(tmp_path, f"views/{view}.py").exception
    looks = [part for part, every in followed if every is not None]
    assert looks, "the page looks now and then, though nothing goes on"
    looks[-1]()
    assert not again
    with workspace.open() as catalog:
        catalog.claim("host", 1, directory_of=workspace.directory)
    st.cache_data.clear()  # what is read is two seconds old at most
    looks[-1]()
    assert again
