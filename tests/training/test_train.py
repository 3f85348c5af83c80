"""Training a member: it learns, it is reproducible, and a killed one goes on bitwise where it was."""

import itertools
import json
from pathlib import Path

import jax
import numpy as np
import pytest
import xarray as xr

from landlab_mgr.data import batch, predictors, store
from landlab_mgr.errors import LandlabError
from landlab_mgr.models.dalec.model import MODEL
from landlab_mgr.observations import metrics
from landlab_mgr.observations.calendar import Calendar
from landlab_mgr.observations.comparable import comparable
from landlab_mgr.observations.streams import STREAMS
from landlab_mgr.prediction.member import Trained
from landlab_mgr.records import CHECKPOINT, Failed, Task
from landlab_mgr.spec.run import RunSpec
from landlab_mgr.storage import artifacts
from landlab_mgr.training import checkpoint, run, train, update


def spec_of(ds, epochs=4, **changes):
    optimizer = {"epochs": epochs, "learning_rate": 3e-3, "patches_per_batch": 2}
    base = {"predictors": ("PFT", "CLIM"), "optimizer": optimizer, "warmup_months": 12}
    return RunSpec(dataset=store.fingerprint(ds), **(base | changes))


@pytest.fixture(scope="module")
def arrays(planet):
    return batch.load(planet, MODEL)


def lane(spec, planet, directory, resume=None):
    directory.mkdir(exist_ok=True, parents=True)
    return checkpoint.Lane(spec, batch.Member.of(spec, planet), directory, resume)


def train_all(spec, planet, arrays, directory, resume=None, seconds=0.0, groups=None):
    """Every group of committed epochs, or the first few, after which the training is abandoned."""
    lanes, calendar = [lane(spec, planet, directory, resume)], Calendar.of(planet)
    events = train.train(lanes, arrays, calendar, checkpoint_seconds=seconds)
    return [event for _, event in itertools.islice(events, groups)]


def path_of(group):
    return Path(group.checkpoint.path)


def weights_of(path):
    return jax.tree.leaves(checkpoint.load(path)["weights"])


@pytest.mark.slow
def test_loss_falls_and_its_terms_add_up(planet, arrays, tmp_path):
    groups = train_all(spec_of(planet, epochs=12), planet, arrays, tmp_path)
    records = [r for g in groups for r in g.epochs]
    assert [r.epoch for r in records] == list(range(1, 13))
    assert records[-1].total < 0.7 * records[0].total
    for r in records:
        trained = sum(v for n, v in r.terms.items() if not n.startswith("dev_"))
        assert r.total == pytest.approx(trained, rel=1e-6)
        assert r.dev == pytest.approx(sum(v for n, v in r.terms.items() if n.startswith("dev_")), rel=1e-6)
    expected = {*batch.streams_of(planet), "nbe_iav", "violation", "edc"}
    assert {n for n in records[0].terms if not n.startswith("dev_")} == expected


def test_a_schedule_makes_later_steps_smaller(planet, arrays, tmp_path):
    optimizer = {"epochs": 4, "learning_rate": 3e-3, "patches_per_batch": 2}
    weights = {}
    for schedule in ("constant", "cosine"):
        spec = spec_of(planet, optimizer=optimizer | {"schedule": schedule})
        groups = train_all(spec, planet, arrays, tmp_path / schedule, groups=4)
        weights[schedule] = [np.concatenate([x.ravel() for x in weights_of(path_of(g))]) for g in groups]
    (first, _, third, last), (same, _, before, after) = weights["constant"], weights["cosine"]
    assert np.array_equal(first, same)
    share = np.linalg.norm(after - before) / np.linalg.norm(last - third)
    assert share == pytest.approx(0.5 * (1 + np.cos(0.75 * np.pi)), rel=0.2)


@pytest.mark.slow
def test_resumed_is_bitwise_what_was_never_interrupted(planet, arrays, tmp_path):
    whole = train_all(spec_of(planet), planet, arrays, tmp_path / "whole")
    half = train_all(spec_of(planet), planet, arrays, tmp_path / "half", groups=2)
    resumed = train_all(spec_of(planet), planet, arrays, tmp_path / "resumed", resume=path_of(half[-1]))
    assert [r.epoch for g in resumed for r in g.epochs] == [3, 4]
    for a, b in zip(weights_of(path_of(whole[-1])), weights_of(path_of(resumed[-1])), strict=True):
        assert np.array_equal(a, b)
    assert whole[-1].epochs[-1].total == resumed[-1].epochs[-1].total


def test_each_lane_keeps_its_own_best_epoch():
    best = checkpoint.Best({"w": np.zeros((2, 3))}, np.full(2, np.inf, np.float32), np.zeros(2, np.int32))
    for epoch, dev in enumerate([(5, 1), (3, 2), (4, np.nan)], start=1):
        terms = {"a": np.array(dev, np.float32), "b": np.ones(2, np.float32)}
        best = train._better(best, {"w": np.full((2, 3), float(epoch))}, terms, np.full(2, epoch, np.int32))
    assert best.epoch.tolist() == [2, 1]
    assert best.dev.tolist() == [4, 2]
    assert best.params["w"].tolist() == [[2.0] * 3, [1.0] * 3]


@pytest.mark.slow
def test_the_best_epoch_on_dev_is_kept_and_survives_a_resume(planet, arrays, tmp_path):
    rate = {"learning_rate": 0.2, "patches_per_batch": 2}  # too much: dev gets worse again
    last, best = (
        spec_of(planet, optimizer=rate | {"epochs": 6, "keep": keep}) for keep in ("last", "best_dev")
    )
    plain = train_all(last, planet, arrays, tmp_path / "last")
    kept = train_all(best, planet, arrays, tmp_path / "best")
    dev = [r.dev for g in kept for r in g.epochs]
    assert dev == [r.dev for g in plain for r in g.epochs]
    epoch = int(np.argmin(dev)) + 1
    assert epoch < 6
    by_epoch = train_all(
        spec_of(planet, optimizer=rate | {"epochs": epoch}), planet, arrays, tmp_path / "short"
    )
    content = checkpoint.load(path_of(kept[-1]))
    assert content["best"]["epoch"] == epoch

    def same(a, b):
        return all(map(np.array_equal, jax.tree.leaves(a), jax.tree.leaves(b)))

    assert same(content["weights"], checkpoint.load(path_of(by_epoch[-1]))["weights"])
    assert same(content["latest"], checkpoint.load(path_of(plain[-1]))["weights"])
    half = train_all(best, planet, arrays, tmp_path / "half", groups=epoch + 1)
    resumed = train_all(best, planet, arrays, tmp_path / "resumed", resume=path_of(half[-1]))
    assert same(content, checkpoint.load(path_of(resumed[-1])))


@pytest.mark.slow
def test_how_often_checkpoints_are_taken_changes_nothing(planet, arrays, tmp_path):
    often, once = (
        train_all(spec_of(planet), planet, arrays, tmp_path / n, seconds=s)
        for n, s in (("a", 0.0), ("b", 1e9))
    )
    assert [len(g.epochs) for g in once] == [4]
    for a, b in zip(weights_of(path_of(often[-1])), weights_of(path_of(once[-1])), strict=True):
        assert np.array_equal(a, b)


def test_training_removes_no_checkpoint(planet, arrays, tmp_path):
    """It does not know what the catalog names; the driver does."""
    groups = train_all(spec_of(planet), planet, arrays, tmp_path)
    assert sorted(tmp_path.iterdir()) == [path_of(g) for g in groups]


@pytest.mark.slow
def test_one_compilation_serves_every_setup_seed_and_loss_weight(planet, arrays, tmp_path):
    train_all(spec_of(planet, epochs=1), planet, arrays, tmp_path / "first")
    compiled = update.train_batches._cache_size(), update.score_batches._cache_size()
    for i, changes in enumerate(
        (
            {"predictors": ("CONTROL",)},
            {"predictors": ("LATLON",)},
            {"predictors": ("PFT", "CLIM", "AGE", "SOIL")},
            {"seeds": {"init": 5, "split": 5, "shuffle": 5}},
            {"loss_weights": {"lai": 33.0}},
            {"streams": ("lai",)},
        )
    ):
        train_all(spec_of(planet, epochs=1, **changes), planet, arrays, tmp_path / str(i))
    assert (update.train_batches._cache_size(), update.score_batches._cache_size()) == compiled


@pytest.mark.slow
def test_streams_left_out_cost_nothing(planet, arrays, tmp_path):
    [group] = train_all(spec_of(planet, epochs=1, streams=("lai",)), planet, arrays, tmp_path)
    terms = group.epochs[0].terms
    assert terms["lai"] > 0
    assert all(terms[n] == 0 for n in ("sif", "et_gleam", "biomass", "nbe", "nbe_iav", "vod"))
    assert terms["edc"] > 0


def test_a_diverging_member_says_so_and_writes_nothing(planet, arrays, tmp_path):
    spec = spec_of(planet, loss_weights={"lai": 1e38})
    assert train_all(spec, planet, arrays, tmp_path) == [Failed("nan", "loss is not finite at epoch 1")]
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_test_and_dev_pixels_teach_nothing(planet, arrays, tmp_path):
    spec = spec_of(planet, epochs=2)
    label = batch.Member.of(spec, planet).label
    altered = planet.copy(deep=True)
    for stream in batch.streams_of(planet):
        altered[stream][label != "train"] = altered[stream][label != "train"] * 3 + 1
    a = train_all(spec, planet, arrays, tmp_path / "a")
    b = train_all(spec, altered, batch.load(altered, MODEL), tmp_path / "b")
    for x, y in zip(weights_of(path_of(a[-1])), weights_of(path_of(b[-1])), strict=True):
        assert np.array_equal(x, y)


def test_the_checkpoint_carries_the_standardiser(planet, arrays, tmp_path):
    spec = spec_of(planet, epochs=1)
    [group] = train_all(spec, planet, arrays, tmp_path)
    encoder = predictors.Encoder.from_dict(checkpoint.load(path_of(group))["encoder"])
    member = batch.Member.of(spec, planet)
    assert encoder == member.encoder
    np.testing.assert_array_equal(encoder.apply(planet), member.encoded[:, : member.n_columns])


def test_a_damaged_checkpoint_is_one_clear_line(tmp_path):
    path = tmp_path / "c.msgpack"
    with pytest.raises(LandlabError, match="no checkpoint"):
        checkpoint.load(path)
    path.write_bytes(b"\xc1 not msgpack")
    with pytest.raises(LandlabError, match="damaged"):
        checkpoint.load(path)


@pytest.mark.slow
def test_a_checkpoint_of_the_previous_release_is_gone_on_from(planet, arrays, tmp_path):
    """One process, no scale of targets: what it lacks is empty, and the training goes on to the same bits."""
    spec = spec_of(planet)
    whole = train_all(spec, planet, arrays, tmp_path / "whole")
    new = checkpoint.load(path_of(whole[1]))

    def one_process(tree):
        return tree | {"process": {"water_stress": tree["process"]["water_stress"]}}

    described = json.loads(new["spec"])
    of_network = {"hidden": [32, 32, 32], "negative_slope": 0.01, "head_scale": 1.0, "head_bias": "ones"}
    assert described.pop("model_version") == 1
    described |= {"process": {"water_stress": "linear"}, "network": of_network}
    assert set(new["moments"]) == {"count", "mu", "nu"}
    old = {
        "epoch": 2,
        "spec": json.dumps(described),
        "weights": one_process(new["weights"]),
        "moments": new["moments"] | {n: one_process(new["moments"][n]) for n in ("mu", "nu")},
        "encoder": new["encoder"],
        "scale": None,
    }
    assert set(new) - set(old) == {"targets", "learned", "width"}
    saved = checkpoint.save(tmp_path / "old.msgpack", old)
    resumed = train_all(spec, planet, arrays, tmp_path / "resumed", resume=Path(saved.path))
    assert [r.epoch for g in resumed for r in g.epochs] == [3, 4]
    for a, b in zip(weights_of(path_of(whole[-1])), weights_of(path_of(resumed[-1])), strict=True):
        assert np.array_equal(a, b)
    member = Trained.open(Path(saved.path))
    assert member.spec == spec
    assert (member.targets, member.learned) == (None, ())
    predicted = member.parameters(member.encode(planet), planet["lat"].values)
    assert set(predicted) == {p.name for p in spec.tables.parameters}


def test_execute_leaves_metrics_and_files(planet, tmp_path):
    published = store.publish(planet, tmp_path / "data")
    spec = spec_of(planet, epochs=2)
    events = list(run.execute([Task("only", spec, str(published.path), str(tmp_path / "out"))]))
    assert {key for key, _ in events} == {"only"}
    *progress, result = (event for _, event in events)
    assert [e.epoch for p in progress for e in p.epochs] == [1, 2]
    assert {a.kind for a in result.artifacts} == {CHECKPOINT, "skill", "parameters", "sums", "monthly"}
    assert all(artifacts.intact(a, tmp_path / a.path) for a in result.artifacts)
    streams = batch.streams_of(planet)
    observed = [STREAMS[s].variable for s in streams]
    names = {v if observed.count(v) == 1 else s for s, v in zip(streams, observed, strict=True)}
    assert {"lai", "sif", "nbe"} < names
    assert {(m.split, m.variable) for m in result.metrics} == {
        (part, name) for part in ("train", "dev", "test") for name in names
    }

    by_kind = {a.kind: artifacts.read(a.path) for a in result.artifacts if a.kind != CHECKPOINT}
    monthly, parameters = by_kind["monthly"], by_kind["parameters"]
    assert monthly["lai"].dims == ("pixel", "time")
    labels = artifacts.labels(monthly["split"])
    assert (labels == batch.Member.of(spec, planet).label).all()
    np.testing.assert_allclose(parameters["cue"], 1 - parameters["f_auto"])

    # the catalogued score is that of the catalogued series
    observed = planet["lai"].values[:, 12:]
    modelled = monthly["lai"].values[:, 12:]
    there = np.isfinite(observed) & (labels == "dev")[:, None]
    error = ((modelled - observed)[there] ** 2).sum() / (
        (observed[there] - observed[there].mean()) ** 2
    ).sum()
    [score] = [
        m.value
        for m in result.metrics
        if (m.split, m.variable, m.statistic, m.level) == ("dev", "lai", "R2", "flat")
    ]
    assert score == pytest.approx(1 - error, rel=1e-4)

    # and follows from the moments of patches
    dev = by_kind["sums"].isel(patch=artifacts.labels(by_kind["sums"]["split"]) == "dev")
    for level in ("flat", "spatial"):
        for name in ("lai", "nbe"):
            sums = dev[name].sel(period="observation", level=level).transpose("moment", "patch").values
            once = np.ones((1, sums.shape[1]), int)
            drawn = metrics.statistics_of(metrics.resampled(metrics.Moments(*sums), once))["R2"][0]
            key = ("dev", name, "R2", level)
            [score] = [m.value for m in result.metrics if (m.split, m.variable, m.statistic, m.level) == key]
            assert drawn == pytest.approx(score, rel=1e-9, nan_ok=True)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"predictors": ("PFT", "MOON")}, "unknown predictor group 'MOON'"),
        ({"streams": ("sif",)}, "does not observe 'sif'; it has lai"),
        ({"process": {"water_stress": "sqrt"}}, "unknown water_stress process"),
        ({"warmup_months": 36}, "leaves nothing of 36 months"),
    ],
)
def test_check_refuses_what_cannot_run(planet, changes, says):
    with pytest.raises(LandlabError, match=says):
        run.check(spec_of(planet, **changes), planet.drop_vars("sif"))


def test_patch_scores_compare_patch_means():
    patch = np.array([0, 0, 1])
    modelled, observed = np.arange(6.0).reshape(2, 3), np.array([[1.0, 1.0, 1.0], [1.0, np.nan, 1.0]])
    m, o = comparable(STREAMS["nbe"], modelled, observed, patch, 0, Calendar("2001-01-01", 2, 30.4375))
    np.testing.assert_array_equal(m, [[0.5, 2.0], [3.0, 5.0]])  # of what was observed
    np.testing.assert_array_equal(np.isnan(o), np.isnan(m))


def test_reading_a_missing_or_broken_file_is_one_line(tmp_path):
    with pytest.raises(LandlabError, match="no file"):
        artifacts.read(tmp_path / "none.zarr.zip")
    good = artifacts.write("x", xr.Dataset({"a": ("t", [1.0])}), tmp_path)
    path = tmp_path / "x.zarr.zip"
    assert artifacts.intact(good, path)
    path.write_bytes(path.read_bytes()[:-40])
    assert not artifacts.intact(good, path)
    with pytest.raises(LandlabError, match="damaged"):
        artifacts.read(path)
