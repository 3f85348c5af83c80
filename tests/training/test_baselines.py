"""Baselines: what they learn from, that nothing held out teaches them, and that they are runs like any other."""

import itertools

import jax
import numpy as np
import pytest

from landlab_mgr import analysis
from landlab_mgr.analysis import selection
from landlab_mgr.campaign.driver import Driver
from landlab_mgr.campaign.executor import LocalExecutor
from landlab_mgr.catalog import CHECKPOINT
from landlab_mgr.data import batch, split, store
from landlab_mgr.errors import LandlabError
from landlab_mgr.models.dalec.parameters import FORCING
from landlab_mgr.observations import metrics
from landlab_mgr.prediction import predict
from landlab_mgr.spec.grid import GridSpec
from landlab_mgr.spec.run import RunSpec, validated
from landlab_mgr.storage import artifacts
from landlab_mgr.training import features, learner, run, train
from landlab_mgr.workspace import register
from landlab_mgr.workspace.workspace import Workspace

from .test_holdout import poisoned

WARMUP = 12
MODELS = {
    "gradient_boosting": {"learning_rate": 0.3, "epochs": 4},
    "lstm": {"learning_rate": 1e-2, "epochs": 4, "patches_per_batch": 2, "clip_norm": 1.0},
}
LEARNED = ("sif", "lai", "gpp", "reco", "et")
"""What the planet observes monthly at pixels; `et` twice."""


def spec_of(ds, model, keep="last", **changes):
    base = {"predictors": ("PFT", "CLIM"), "warmup_months": WARMUP, "model": model}
    optimizer = MODELS.get(model, {}) | {"keep": keep}
    return RunSpec.model_validate({"dataset": store.fingerprint(ds), "optimizer": optimizer} | base | changes)


def fitted(ds, spec, directory, resume=None):
    """The baseline after its last epoch, and what it committed."""
    directory.mkdir(exist_ok=True)
    model = learner.make(spec, ds, batch.Member.of(spec, ds), directory, resume)
    return model, list(model.fit(lambda: False))


def predicted(ds, model):
    return model.predict(ds, np.arange(ds.sizes["pixel"]))


def test_features_are_the_weather_of_four_months_the_season_and_statics(planet):
    statics = np.arange(2 * planet.sizes["pixel"], dtype=float).reshape(-1, 2)
    x = features.features(planet, statics)
    assert x.shape == (36, 12, 7 * 4 + 2 + 2)
    assert x.dtype == np.float32
    vpd = planet["vpd"].transpose("time", "pixel").values
    first = 4 * list(FORCING).index("vpd")
    for lag in range(4):
        np.testing.assert_array_equal(x[3:, :, first + lag], vpd[3 - lag : 36 - lag])
    np.testing.assert_array_equal(x[0, :, first + 3], vpd[0])  # nothing is known before the first month
    np.testing.assert_allclose((x[:, :, 28:30] ** 2).sum(axis=-1), 1, rtol=1e-6)
    np.testing.assert_allclose(x[12, :, 28:30], x[24, :, 28:30], atol=0.02)
    np.testing.assert_array_equal(x[17, :, 30:], statics)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    ("keep", "kind"), [("last", {"kind": "years_out", "years": (2002,)}), ("best_dev", {})]
)
def test_what_is_held_out_teaches_nothing(planet, model, keep, kind, tmp_path):
    spec = spec_of(planet, model, keep, split=kind)
    nonsense = poisoned(planet, spec)
    if keep == "best_dev":  # dev has its say there, and nothing else has
        dev = split.assign(planet, spec.split, 0) == split.DEV
        for stream in batch.streams_of(planet):
            nonsense[stream].values[dev] = planet[stream].values[dev]
    seen = np.flatnonzero(split.assign(planet, spec.split, 0) == split.TRAIN)
    found = []
    for i, ds in enumerate((planet, nonsense)):
        baseline, _ = fitted(ds, spec, tmp_path / str(i))
        found.append(baseline.predict(planet.isel(pixel=seen), seen))
    assert np.ptp(found[0]["lai"]) > 0, "it learned"
    for variable in LEARNED:
        np.testing.assert_array_equal(found[0][variable], found[1][variable], err_msg=variable)


@pytest.mark.parametrize("model", MODELS)
def test_a_member_repeats_to_the_bit_and_learns(planet, model, tmp_path):
    spec = spec_of(planet, model)
    (a, [*_, last]), (b, _) = (fitted(planet, spec, tmp_path / name) for name in "ab")
    assert a.variables == LEARNED
    for variable, x in predicted(planet, a).items():
        np.testing.assert_array_equal(x, predicted(planet, b)[variable])
    records = last.records
    assert records[-1].total < 0.8 * records[0].total
    for r in records:
        assert r.total == pytest.approx(sum(v for n, v in r.terms.items() if n in LEARNED))


def test_the_best_tree_on_dev_is_the_last_that_is_used(planet, tmp_path):
    spec = spec_of(
        planet,
        "gradient_boosting",
        "best_dev",
        optimizer={"learning_rate": 1.0, "epochs": 6, "keep": "best_dev"},
    )
    model, [committed] = fitted(planet, spec, tmp_path)
    trees = train.load(committed.checkpoint)["trees"]
    curve = [r.terms["dev_lai"] for r in committed.records]
    assert trees["lai"] == 1 + int(np.argmin(curve)) < 6, "so long a step overshoots"
    dev = split.assign(planet, spec.split, 0) == split.DEV
    observed = planet["lai"].transpose("time", "pixel").values[:, dev]
    error = np.nanmean((predicted(planet, model)["lai"][:, dev] - observed) ** 2)
    seen = planet["lai"].values[split.assign(planet, spec.split, 0) == split.TRAIN]
    assert error / np.nanvar(seen) == pytest.approx(min(curve), rel=1e-5)


@pytest.mark.parametrize("keep", ["last", "best_dev"])
def test_a_resumed_lstm_is_bitwise_what_was_never_interrupted(planet, keep, tmp_path, monkeypatch):
    monkeypatch.setattr(train, "CHECKPOINT_SECONDS", 0.0)
    spec = spec_of(planet, "lstm", keep)
    whole, groups = fitted(planet, spec, tmp_path / "whole")
    assert [r.epoch for g in groups for r in g.records] == [1, 2, 3, 4]
    assert sorted((tmp_path / "whole").iterdir()) == [g.checkpoint for g in groups]
    killed = learner.make(spec, planet, batch.Member.of(spec, planet), tmp_path, None)
    *_, second = itertools.islice(killed.fit(lambda: False), 2)
    resumed, more = fitted(planet, spec, tmp_path / "resumed", second.checkpoint)
    assert [r.epoch for g in more for r in g.records] == [3, 4]
    contents = [train.load(g[-1].checkpoint) for g in (groups, more)]
    for a, b in zip(*(jax.tree.leaves(c) for c in contents), strict=True):
        np.testing.assert_array_equal(a, b)
    for variable, x in predicted(planet, whole).items():
        np.testing.assert_array_equal(x, predicted(planet, resumed)[variable])


def test_a_checkpoint_of_another_model_is_refused(planet, tmp_path):
    _, [committed] = fitted(planet, spec_of(planet, "gradient_boosting"), tmp_path / "trees")
    with pytest.raises(LandlabError, match=r"does not hold what run .* trains; retry the run from the start"):
        fitted(planet, spec_of(planet, "lstm"), tmp_path / "lstm", committed.checkpoint)


@pytest.fixture(scope="module")
def workspace(planet, tmp_path_factory):
    """Two seeds of each baseline, run to the end by a driver."""
    root = tmp_path_factory.mktemp("baselines") / "ws"
    workspace = Workspace.at(root, str(root / "landlab.db"))
    with workspace.create() as catalog:
        record = register.dataset(workspace, catalog, planet)
        for model, optimizer in MODELS.items():
            base = {"model": model, "optimizer": optimizer, "warmup_months": WARMUP}
            grid = GridSpec(name=model, dataset=record.name, setups=(("PFT",),), seeds=2, base=base)
            register.grid(workspace, catalog, grid)
        driver = Driver(workspace, catalog, LocalExecutor(width=2), Silent())
        assert driver.run(list(catalog.runs()["run_id"])).outcomes == {"ok": 4}
    return workspace


class Silent:
    def claimed(self, claim):
        pass

    def progress(self, claim, progress):
        pass

    def ended(self, claim, outcome, message, seconds, state):
        assert outcome == "ok", message


def test_a_run_leaves_epochs_skill_and_monthly_predictions_but_no_parameters(planet, workspace):
    with workspace.open() as catalog:
        for model in MODELS:
            run_id = catalog.runs(f"grid = '{model}'")["run_id"][0]
            assert list(catalog.epochs(run_id)["epoch"]) == [1, 2, 3, 4]
            files = catalog.artifacts(run_id).set_index("kind")["path"]
            assert set(files.index) == {CHECKPOINT, "skill", "monthly"}
            monthly = artifacts.read(workspace.path(files["monthly"]))
            assert {v for v in monthly.data_vars if monthly[v].dims == ("pixel", "time")} == {*LEARNED}
            assert monthly["gpp"].attrs["units"] == "gC m-2 d-1"
            label = artifacts.labels(monthly["split"])
            x, o = (ds["lai"].transpose("time", "pixel").values[WARMUP:] for ds in (monthly, planet))
            scores = catalog.metrics(run_id, ("train", "dev", "test")).query("level == 'flat'")
            for part in ("train", "dev", "test"):
                there = np.isfinite(o[:, label == part])
                by_hand = metrics.statistics(x[:, label == part][there], o[:, label == part][there])["R2"]
                found = scores.query(f"split == '{part}' and variable == 'lai' and statistic == 'R2'")[
                    "value"
                ]
                assert found.item() == pytest.approx(by_hand, rel=1e-6)
            kept = selection.select(catalog, model, keep=1, by="dev_loss")
            assert [m.reason for m in kept.members] == [None, "rank 2 of 2, 1 kept"]


def test_who_asks_a_baseline_for_parameters_is_told_that_it_has_none(workspace):
    with workspace.open() as catalog:
        run_id = catalog.runs("setup.model = 'lstm'")["run_id"][0]
        assert len(catalog.runs("setup.model = 'lstm'")) == 2
        with pytest.raises(
            LandlabError, match=r"model lstm leaves none: add setup.model = 'dalec' to the filter"
        ):
            analysis.run(workspace, catalog, "pca", "setup.model = 'lstm'")
        files = catalog.artifacts(run_id).set_index("kind")["path"]
        with pytest.raises(LandlabError, match="is of model 'lstm', which has no parameters"):
            predict.Trained.open(workspace.path(files[CHECKPOINT]))


@pytest.mark.parametrize(
    ("model", "fields", "says"),
    [
        (
            "gradient_boosting",
            {"process": {"water_stress": "none"}},
            "`process` says nothing to model 'gradient_boosting'",
        ),
        ("gradient_boosting", {"optimizer": {"clip_norm": 1}}, "`optimizer.clip_norm` says nothing to"),
        ("lstm", {"network": {"hidden": (8,)}}, "`network` says nothing to model 'lstm': leave it out"),
        ("lstm", {"loss_weights": {"lai": 1}}, "`loss_weights` says nothing to"),
        ("forest", {}, "model: Input should be 'dalec', 'gradient_boosting' or 'lstm', not 'forest'"),
    ],
)
def test_settings_of_another_model_are_one_clear_line(model, fields, says):
    with pytest.raises(LandlabError) as error:
        validated(RunSpec, {"dataset": "a" * 16, "predictors": ("PFT",), "model": model} | fields, "grid g")
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_data_without_monthly_observations_or_too_large_is_refused(planet, tmp_path):
    spec = spec_of(planet, "lstm", streams=("nbe", "biomass"))
    with pytest.raises(LandlabError, match=r"learns what is observed monthly at pixels .* only biomass, nbe"):
        run.check(spec, planet)
    path = store.publish(planet, tmp_path / "data").path
    tasks = [run.Task(spec_of(planet, "lstm"), tmp_path / "run")]
    with pytest.raises(LandlabError, match="a baseline needs it in memory"):
        list(run.execute(tasks, path, stream=True))


def test_one_variable_of_two_streams_learns_from_both(planet):
    spec = spec_of(planet, "lstm")
    member = batch.Member.of(spec, planet)
    found = {t.variable: t for t in features.targets(spec, planet, member)}
    assert len(found["et"].observed) == 2
    train_pixels = member.pixels(split.TRAIN)
    seen = np.concatenate([planet[s].values[train_pixels].ravel() for s in ("et_fluxnet", "et_gleam")])
    assert found["et"].mean == pytest.approx(np.nanmean(seen), rel=1e-6)
    assert found["et"].sd == pytest.approx(np.nanstd(seen), rel=1e-6)
