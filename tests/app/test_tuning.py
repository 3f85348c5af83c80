"""The page of studies, in every state of a study, on studies whose executor trains nothing."""

import shutil

import numpy as np
import optuna
import pytest

from landlab_mgr.errors import LandlabError
from landlab_mgr.storage.resources import resource
from landlab_mgr.tuning import optuna_study
from landlab_mgr.tuning.summary import promote
from landlab_mgr.workspace import register
from landlab_mgr.workspace.workspace import Workspace
from tests.tuning.sample import Paper, search, study, summary

from . import science
from .shown import commands, figure, table, values, words

pytestmark = pytest.mark.slow

PAGE = "views/tuning.py"


def asked(name="s", **more):
    return study(name=name, dataset=f"map-{science.PIXELS}", predictors=("PFT",), **more)


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """A workspace with the planet and two studies: one with an end, one of two objectives."""
    root = tmp_path_factory.mktemp("tuning") / "ws"
    ws = Workspace.at(root, str(root / "landlab.db"))
    with ws.create() as catalog:
        register.dataset(ws, catalog, science.planet())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(optuna_study, "STARTUP", 4)
        two = [{"variables": ["lai"]}, {"variables": ["nbe"]}]
        patch.setattr("landlab_mgr.tuning.search._check", lambda *_: None)  # the planet observes LAI alone
        search(ws, asked("two", objectives=two, sampler="random"), Paper(root), patch)
        search(ws, asked(trials=12, fresh_seeds=3), Paper(root), patch)
    return ws


@pytest.fixture
def ws(template, tmp_path):
    root = shutil.copytree(template.root, tmp_path / "ws")
    return Workspace.at(root, str(root / "landlab.db"))


def test_without_a_study_it_gives_the_command_that_starts_one(open_app, made, tmp_path):
    app = open_app(made.workspace.root, PAGE)
    assert not app.exception
    assert commands(app) == [
        f"landlab tune experiments/tune_fluxval.toml --workers 2 -w {made.workspace.root}"
    ]
    with Workspace.at(tmp_path / "empty", str(tmp_path / "empty" / "landlab.db")).create():
        app = open_app(tmp_path / "empty", PAGE)
    assert not app.exception
    assert any("data import" in line for line in commands(app))


def test_a_study_without_a_trial_is_no_exception(open_app, made, tmp_path):
    root = shutil.copytree(made.workspace.root, tmp_path / "ws")
    copied = Workspace.at(root, str(root / "landlab.db"))
    with copied.open() as catalog:
        catalog.register_study("early", study(name="early", dataset="fluxval").asked)
    app = open_app(root, PAGE)
    assert not app.exception
    assert "study 'early' has no trial yet" in app.error[0].value.replace("\\", "")
    with pytest.raises(LandlabError, match="no trial yet"):
        optuna_study.existing(copied.database, "early")


def test_a_complete_study_shows_its_best_gain_importances_and_what_was_drawn(open_app, template):
    app = open_app(template.root, PAGE, study="s")
    assert not app.exception
    found = summary(template)
    said = words(app)
    assert "12 complete" in said
    assert f"{found.best.values[0]:.4f} (trial {found.best.number})" in said
    row = found.gain[found.gain["split"] == "dev"].iloc[0]
    assert f"{row['gain']:+.3f} [{row['low']:.3f}, {row['high']:.3f}]" in said
    assert f"landlab tune promote s --as NAME -w {template.root}" in commands(app)
    history = {t["name"]: values(t["y"]) for t in figure(app, "history")["data"]}
    objective = found.trials["NNSE of all variables"]
    np.testing.assert_allclose(history["best so far"][::2], objective.cummax())
    assert len(history["complete"]) == 12
    drawn = {t["name"]: values(t["y"]) for t in figure(app, "parallel")["data"] if t.get("name")}
    best = [found.best.numbers["loss_weights.lai"], found.best.numbers["loss_weights.nbe"]]
    np.testing.assert_allclose(drawn[f"trial {found.best.number}, the best"], best)
    assert list(table(app, "number", "importance")["number"]) == list(found.numbers["number"])
    assert len(values(figure(app, "gain")["layout"]["yaxis"]["ticktext"])) == 3
    assert "Provenance" in said


def test_while_trials_go_on_it_says_how_far_and_reads_nothing_but(open_app, ws):
    study_ = optuna_study.opened(ws.database, asked(trials=14))
    study_.ask(optuna_study.distributions(asked()))
    before = ws.root.joinpath("landlab.db").read_bytes()
    app = open_app(ws.root, PAGE, study="s")
    assert not app.exception
    assert "1 running" in words(app)
    assert ws.root.joinpath("landlab.db").read_bytes() == before
    with pytest.raises(optuna.exceptions.StorageInternalError):
        optuna_study.existing(ws.database, "s").set_user_attr("a", 1)


def test_several_objectives_have_a_front_and_one_of_them_is_followed(open_app, template):
    app = open_app(template.root, PAGE, study="two", objective="NNSE of nbe")
    assert not app.exception
    assert "NNSE of nbe" in figure(app, "history")["layout"]["yaxis"]["title"]["text"]
    front = next(t for t in figure(app, "pareto")["data"] if t["name"] == "Pareto front")
    assert len(values(front["x"])) == len(summary(template, "two").pareto) > 0


def test_promoted_weights_are_listed_with_their_study(open_app, ws):
    with ws.open() as catalog:
        promote(ws, catalog, "s", "better", None)
    shown = table(open_app(ws.root, PAGE, study="s"), "name", "trial", "lai")
    assert list(shown["name"]) == ["better"]
    assert "name" not in {c for d in open_app(ws.root, PAGE, study="two").dataframe for c in d.value.columns}


def test_its_figures_can_be_saved(template, monkeypatch):
    monkeypatch.syspath_prepend(str(resource("app")))
    from parts import picture, studies

    found = summary(template)
    for made in (
        studies.history(found, "NNSE of all variables"),
        studies.importances(found),
        studies.parallel(found),
        studies.gains(found.gain[found.gain["split"] == "dev"]),
    ):
        picture.drawn(made, "title").savefig("/dev/null", format="svg")
