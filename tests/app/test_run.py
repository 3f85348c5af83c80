"""The page of one run, in every state of a run."""

import json
from functools import partialmethod

import pytest

from landlab_mgr.catalog import EpochRecord
from landlab_mgr.workspace.workspace import Workspace

from . import sample
from .test_runs import words

pytestmark = pytest.mark.slow


@pytest.fixture
def open_run(open_app, made):
    """open_run("failed"): the page of the run that this became of."""
    return lambda state, **address: open_app(
        made.workspace.root, "views/run.py", run=made.runs[state], **address
    )


def traces(app, key: str) -> dict[str, dict]:
    """What a figure draws, by name."""
    figure = next(f for f in app.get("plotly_chart") if key in f.proto.id)
    return {trace["name"]: trace for trace in json.loads(figure.proto.spec)["data"]}


def test_without_a_run_it_asks_for_one(open_app, made):
    app = open_app(made.workspace.root, "views/run.py")
    assert not app.exception
    assert "Choose a run" in app.info[0].value
    app.selectbox(key="run").set_value(made.runs["failed"]).run()
    assert app.query_params["run"] == made.runs["failed"]
    assert app.title[0].value.replace("\\", "") == "PFT+CLIM · seed 0"


def test_an_unknown_run_is_an_error_to_read(open_app, made):
    app = open_app(made.workspace.root, "views/run.py", run="feedfeed")
    assert not app.exception
    assert "no run 'feedfeed'" in app.error[0].value


def test_a_part_of_the_id_will_do(open_app, made):
    app = open_app(made.workspace.root, "views/run.py", run=made.runs["failed"][:6])
    assert not app.exception
    assert app.query_params["run"] == made.runs["failed"]


def test_pending_says_what_starts_it(open_run, made):
    app = open_run("pending")
    assert not app.exception
    assert "waits" in app.info[0].value
    assert app.code[0].value == f"landlab run --grid towers -w {made.workspace.root}"
    assert not app.get("plotly_chart")


def test_running_shows_what_it_learned_so_far(open_run):
    app = open_run("running")
    assert not app.exception
    assert "3 of 8" in words(app)
    assert traces(app, "losses").keys() == {"train", "dev"}
    assert len(app.get("plotly_chart")) == 1


def test_running_without_an_epoch_asks_for_patience(open_run):
    app = open_run("started")
    assert not app.exception
    assert "first checkpoint" in app.info[0].value
    assert not app.get("plotly_chart")


def test_failed_shows_why_and_where_and_takes_no_markup_from_it(open_run):
    app = open_run("failed")
    assert not app.exception
    assert "Attempt 1 failed (nan)" in app.error[0].value
    assert [code.value for code in app.code] == [sample.MESSAGE, sample.TRACEBACK]  # code reads no markup
    assert "does so again with the same seed" in words(app), "the same seed is not suggested again"
    assert all("bold" not in element.value for element in app.markdown)
    assert traces(app, "losses").keys() == {"train", "dev"}


def test_cancelled_says_so(open_run):
    app = open_run("cancelled")
    assert not app.exception
    assert "was cancelled" in app.info[0].value


def test_completed_shows_curves_skill_and_series(open_run):
    app = open_run("completed")
    assert not app.exception
    assert app.title[0].value.replace("\\", "") == "PFT · seed 0"
    assert traces(app, "losses")["train"]["line"]["dash"] == "solid"
    skill = app.dataframe[0].value
    assert set(skill["split"]) == {"train", "dev"}
    train = skill[skill["split"] == "train"].iloc[0]
    assert train["variable"] == "GPP (gC m⁻² d⁻¹)"
    assert train["RMSE"] == pytest.approx(sample.MARGIN)
    assert train["r2"] == pytest.approx(1.0)
    assert {"modelled", "observed"} <= traces(app, "series").keys()
    assert "withheld" not in traces(app, "series").keys() | traces(app, "scatter").keys()


def test_test_skill_is_shown_when_asked_for_and_counted(open_app, tmp_path):
    made = sample.make(tmp_path)
    run_id = made.runs["completed"]

    def reads():
        with made.workspace.open(read_only=True) as catalog:
            return catalog.test_reads(run_id)

    app = open_app(tmp_path, "views/run.py", run=run_id)
    switch = f"held back {run_id}"
    assert reads() == 0
    app.toggle(key=switch).set_value(True).run()
    assert set(app.dataframe[0].value["split"]) == {"train", "dev", "test"}
    assert "withheld" in traces(app, "series").keys() & traces(app, "scatter").keys()
    app.run()  # it stays on the page, and is not read again
    assert reads() == 1
    app.toggle(key=switch).set_value(False).run()
    assert set(app.dataframe[0].value["split"]) == {"train", "dev"}
    assert "withheld" not in traces(app, "series").keys() | traces(app, "scatter").keys()
    app.toggle(key=switch).set_value(True).run()
    assert reads() == 2


def test_test_skill_that_cannot_be_counted_is_not_shown(open_app, tmp_path, monkeypatch):
    made = sample.make(tmp_path)
    monkeypatch.setattr(Workspace, "open", partialmethod(Workspace.open, read_only=True))
    app = open_app(tmp_path, "views/run.py", run=made.runs["completed"])
    app.toggle(key=f"held back {made.runs['completed']}").set_value(True).run()
    assert not app.exception
    assert "is counted in the catalog" in app.error[0].value
    assert set(app.dataframe[0].value["split"]) == {"train", "dev"}


def test_one_term_of_the_loss(open_run):
    app = open_run("completed")
    assert app.selectbox(key="term").options == ["total", "gpp_fluxnet (one term)", "lai (one term)"]
    app.selectbox(key="term").set_value("gpp_fluxnet").run()
    assert traces(app, "losses")["dev"]["hovertemplate"].startswith("epoch")
    app.selectbox(key="term").set_value("lai").run()  # of which this run has no dev values
    assert traces(app, "losses").keys() == {"train"}


def test_variable_and_place_live_in_the_address(open_run, made):
    app = open_run("completed")
    first = app.selectbox(key="place").value
    app.selectbox(key="place").set_value("CC-One").run()
    app.selectbox(key="variable").set_value("lai").run()
    assert first != "CC-One"
    assert app.query_params["place"] == "CC-One"
    assert app.query_params["variable"] == "lai"
    again = open_run("completed", place="CC-One", variable="lai")
    assert again.selectbox(key="place").value == "CC-One"
    assert any("LAI at CC-One" in m.value.replace("\\", "") for m in again.markdown)


def test_a_place_that_is_not_there_becomes_the_default(open_run):
    app = open_run("completed", place="Atlantis", variable="gold")
    assert not app.exception
    assert app.selectbox(key="variable").value == "gpp"
    told = [warning.value.replace("\\", "") for warning in app.warning]
    assert "The link asks for variable 'gold', which is not here" in told[0]
    assert "place 'Atlantis'" in told[1]
    app.run()
    assert not app.warning


def test_no_test_place_is_shown_unasked(open_run):
    app = open_run("completed")
    shown = app.selectbox(key="place")
    label = next(option for option in shown.options if option.startswith(shown.value))
    assert "· test ·" not in label


def test_the_filter_comes_along_to_the_choice_of_runs(open_run, made):
    app = open_run("failed", filter="status = 'failed'")
    assert len(app.selectbox(key="run").options) == 1
    beside = open_run("pending", filter="status = 'failed'")
    assert not beside.exception
    assert beside.selectbox(key="run").value == made.runs["pending"]


def test_a_lost_file_is_an_error_to_read_beside_the_rest(open_app, tmp_path):
    made = sample.make(tmp_path)
    for file in made.workspace.runs.rglob("monthly.zarr.zip"):
        file.unlink()
    app = open_app(tmp_path, "views/run.py", run=made.runs["completed"])
    assert not app.exception
    assert "no file" in app.error[0].value
    assert len(app.dataframe) >= 2  # skill and attempts are there all the same


@pytest.fixture
def claimed(tmp_path):
    """The claim of a run of its own workspace, and an open catalog there."""
    workspace = Workspace.at(tmp_path, str(tmp_path / "landlab.db"))
    with workspace.create() as catalog:
        ds = sample.register_dataset(workspace, catalog, tmp_path)
        catalog.register_runs(list(sample.GRID.expand(ds.attrs["fingerprint"])), sample.GRID)
        yield catalog.claim("host", 1, directory_of=workspace.directory), catalog


def test_pending_again_says_what_became_of_the_attempt(open_app, tmp_path, claimed):
    claim, catalog = claimed
    catalog.fail(claim.token, "lost", "its driver is dead")
    app = open_app(tmp_path, "views/run.py", run=claim.run_id)
    assert not app.exception
    assert "Attempt 1 let it go (lost): its driver is dead" in words(app).replace("\\", "")


def test_a_failure_shows_nothing_of_the_one_before(open_app, tmp_path, claimed):
    claim, catalog = claimed
    catalog.fail(claim.token, "error", "the first", sample.TRACEBACK)
    app = open_app(tmp_path, "views/run.py", run=claim.run_id)
    assert f"landlab run \"run = '{claim.run_id}'\" --only failed -w {tmp_path}" in [
        c.value for c in app.code
    ]
    catalog.retry([claim.run_id])
    again = catalog.claim("host", 1, directory_of=lambda run_id, token: f"runs/{run_id}/{token}")
    catalog.fail(again.token, "nan", "the second")
    app = open_app(tmp_path, "views/run.py", run=claim.run_id)
    assert not app.exception
    assert "Attempt 2 failed (nan)" in app.error[0].value
    assert [code.value for code in app.code] == ["the second"]


def test_a_completed_run_without_a_monthly_file(open_app, tmp_path, claimed):
    claim, catalog = claimed
    catalog.finish(claim.token)
    app = open_app(tmp_path, "views/run.py", run=claim.run_id)
    assert not app.exception
    assert "left no monthly file" in app.info[-1].value


def test_losses_that_are_not_finite_are_a_gap_and_said(open_app, tmp_path, claimed):
    claim, catalog = claimed
    catalog.record(claim.token, [sample.epoch(1), EpochRecord(2, float("nan"), float("inf"), {}, 0.5)])
    app = open_app(tmp_path, "views/run.py", run=claim.run_id)
    assert not app.exception
    assert "not finite at epoch 2" in words(app)
