"""Statistical models: what they learn from, that nothing held out teaches them, that they are runs like any other."""

import numpy as np
import pytest

from landlab_mgr import analysis
from landlab_mgr.analysis import selection
from landlab_mgr.campaign.driver import Driver
from landlab_mgr.campaign.executor import LocalExecutor
from landlab_mgr.data import batch, split, store
from landlab_mgr.errors import LandlabError
from landlab_mgr.observations import metrics
from landlab_mgr.prediction import explain
from landlab_mgr.prediction.member import Trained
from landlab_mgr.records import CHECKPOINT, Task
from landlab_mgr.spec.grid import GridSpec
from landlab_mgr.spec.run import RunSpec, validated
from landlab_mgr.storage import artifacts
from landlab_mgr.storage.location import located
from landlab_mgr.training import run
from landlab_mgr.workspace import register
from landlab_mgr.workspace.workspace import Workspace

from .fitting import LEARNED, MODELS, WARMUP, content_of, fitted, predicted, spec_of
from .test_holdout import poisoned


@pytest.mark.slow
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
        [*_, last] = fitted(ds, spec, tmp_path / str(i))
        found.append({name: x[:, seen] for name, x in predicted(planet, spec, last).items()})
    assert np.ptp(found[0]["lai"]) > 0, "it learned"
    for variable in LEARNED:
        np.testing.assert_array_equal(found[0][variable], found[1][variable], err_msg=variable)


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS)
def test_a_member_repeats_to_the_bit_and_learns(planet, model, tmp_path):
    spec = spec_of(planet, model)
    a, b = (fitted(planet, spec, tmp_path / name) for name in "ab")
    assert tuple(content_of(a[-1])["learned"]) == LEARNED
    of_b = predicted(planet, spec, b[-1])
    assert set(of_b) == set(LEARNED)
    for variable, x in predicted(planet, spec, a[-1]).items():
        np.testing.assert_array_equal(x, of_b[variable])
    records = [r for event in a for r in event.epochs]
    assert records[-1].total < 0.8 * records[0].total
    for r in records:
        trained = sum(v for n, v in r.terms.items() if not n.startswith("dev_"))
        assert r.total == pytest.approx(trained, rel=1e-6)


def test_a_checkpoint_of_another_model_is_refused(planet, tmp_path):
    [event] = fitted(planet, spec_of(planet, "gradient_boosting"), tmp_path / "trees")
    trees = located(event.checkpoint.path)
    with pytest.raises(LandlabError, match=r"does not hold what run .* trains; retry the run from the start"):
        fitted(planet, spec_of(planet, "lstm"), tmp_path / "lstm", trees)


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


@pytest.mark.slow
def test_a_run_leaves_epochs_skill_and_monthly_predictions_but_no_parameters(planet, workspace):
    with workspace.open() as catalog:
        for model in MODELS:
            run_id = catalog.runs(f"grid = '{model}'")["run_id"][0]
            assert list(catalog.epochs(run_id)["epoch"]) == [1, 2, 3, 4]
            files = catalog.artifacts(run_id).set_index("kind")["path"]
            assert set(files.index) == {CHECKPOINT, "skill", "sums", "monthly"}
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


@pytest.mark.slow
def test_who_asks_for_parameters_is_told_that_it_has_none(planet, workspace):
    with workspace.open() as catalog:
        run_id = catalog.runs("setup.model = 'lstm'")["run_id"][0]
        assert len(catalog.runs("setup.model = 'lstm'")) == 2
        with pytest.raises(
            LandlabError,
            match=r"the runs are of lstm, of which none has parameters, and this is about those of one: give a filter",
        ):
            analysis.run(workspace, catalog, "pca", "setup.model = 'lstm'")
        files = catalog.artifacts(run_id).set_index("kind")["path"]
        member = Trained.open(workspace.path(files[CHECKPOINT]))
        with pytest.raises(LandlabError, match="model 'lstm' has no parameters to explain"):
            explain.of_members([member], planet, ["lcma"])


@pytest.mark.parametrize(
    ("model", "fields", "says"),
    [
        (
            "gradient_boosting",
            {"process": {"water_stress": "none"}},
            "model 'gradient_boosting' has no process 'water_stress'; it has none",
        ),
        ("lstm", {"process": {"photosynthesis": "acm"}}, "model 'lstm' has no process 'photosynthesis'"),
        ("lstm", {"optimizer": {"process_rate": 2}}, "`optimizer.process_rate` says nothing to model 'lstm'"),
        ("gradient_boosting", {"optimizer": {"clip_norm": 1}}, "`optimizer.clip_norm` says nothing to"),
        ("gradient_boosting", {"network": {"hidden": 8}}, "hidden: unknown key"),
        ("lstm", {"network": {"hidden": (8,)}}, "hidden: Input should be a valid integer"),
        ("gradient_boosting", {"loss_weights": {"lai": 2}}, "`loss_weights` says nothing to"),
        ("lstm", {"loss_weights": {"nbe": 2}}, "unknown loss term 'nbe'; known: sif, lai, "),
        ("forest", {}, "unknown model 'forest'; known: dalec, exphydro, gradient_boosting, hbv, lstm"),
    ],
)
def test_settings_of_another_model_are_one_clear_line(model, fields, says):
    with pytest.raises(LandlabError) as error:
        validated(RunSpec, {"dataset": "a" * 16, "predictors": ("PFT",), "model": model} | fields, "grid g")
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_data_without_monthly_observations_or_too_large_for_trees_is_refused(planet, tmp_path):
    spec = spec_of(planet, "lstm", streams=("nbe", "biomass"))
    with pytest.raises(LandlabError, match=r"'lstm' learns sif, lai, .* and there is only biomass, nbe; use"):
        run.check(spec, planet)
    path = str(store.publish(planet, tmp_path / "data").path)
    tasks = [Task("trees", spec_of(planet, "gradient_boosting"), path, str(tmp_path / "run"))]
    with pytest.raises(LandlabError, match="model 'gradient_boosting' needs it in memory"):
        list(run.execute(tasks, stream=True))


def test_one_variable_of_two_streams_learns_from_both(planet):
    member = batch.Member.of(spec_of(planet, "lstm"), planet)
    train_pixels = member.pixels(split.TRAIN)
    seen = np.concatenate([planet[s].values[train_pixels].ravel() for s in ("et_fluxnet", "et_gleam")])
    assert member.targets.scale.mean["et"] == pytest.approx(np.nanmean(seen), rel=1e-6)
    assert member.targets.scale.sd["et"] == pytest.approx(np.nanstd(seen), rel=1e-6)
    for part, pixels in (("train", train_pixels), ("dev", member.pixels(split.DEV))):
        observed = np.isfinite(planet["et_gleam"].values[pixels]).sum()
        assert member.targets.per_pixel[part]["et_gleam"] == pytest.approx(observed / len(pixels))
