"""What a split holds out teaches nothing, and is scored as what it is: for every kind of split."""

from pathlib import Path

import jax
import numpy as np
import pytest

from landlab_mgr.data import batch, split, store, stream
from landlab_mgr.errors import LandlabError
from landlab_mgr.models.dalec.model import MODEL
from landlab_mgr.observations.calendar import Calendar
from landlab_mgr.observations.variables import FORCING
from landlab_mgr.records import Failed, Result, Task
from landlab_mgr.spec.run import RunSpec
from landlab_mgr.storage import artifacts
from landlab_mgr.training import checkpoint, run, train

POISON = 1e6
WARMUP = 12
KINDS = {
    "patch": {},
    "kfold": {"kind": "kfold", "fold": 1},
    "region_out": {"kind": "region_out", "regions": ("far",)},
    "years_out": {"kind": "years_out", "years": (2002,)},
}


@pytest.fixture(scope="module")
def ds(planet):
    """The planet with all that a split may ask for, and every way to average an observation."""
    som = planet["lai"].copy(data=np.linspace(4000, 9000, planet["lai"].size).reshape(planet["lai"].shape))
    ewt = planet["lai"].copy(data=10 * np.sin(np.arange(planet["lai"].size)).reshape(planet["lai"].shape))
    region = np.where(
        planet["patch"].values == planet["patch"].values[~planet["test"].values][0], "far", "near"
    )
    assert set(planet["time"].dt.year.values) == {2001, 2002, 2003}
    return planet.assign(
        som=som.assign_attrs(units="gC m-2", long_name="soil organic matter"),
        ewt=ewt.assign_attrs(units="mm", long_name="water anomaly"),
        region=("pixel", region, {"role": "geometry", "units": "1", "long_name": "region"}),
    )


def spec_of(ds, kind="patch", seed=0, epochs=2, **changes):
    base = {
        "predictors": ("PFT", "CLIM"),
        "optimizer": {"epochs": epochs, "learning_rate": 3e-3, "patches_per_batch": 2},
        "warmup_months": WARMUP,
        "seeds": {"init": seed, "split": seed, "shuffle": seed},
        "split": KINDS[kind],
    }
    return RunSpec(dataset=store.fingerprint(ds), **(base | changes))


def poisoned(ds, spec):
    """The dataset with nonsense in all that the split withholds, and in the observations of the dev pixels."""
    label, months = split.assign(ds, spec.split, spec.seeds.split), split.withheld_months(ds, spec.split)
    out = ds.copy(deep=True)
    for name in batch.streams_of(ds):
        values = out[name].transpose("pixel", "time").values
        values[label != "train"] = POISON
        if months is not None:
            values[:, months[:, 0]] = POISON
        out[name] = out[name].copy(data=values)
    held_out = np.isin(label, (split.TEST, split.UNUSED))
    for name in (*FORCING, *(n for n in ds.data_vars if ds[n].attrs["role"] == "predictor")):
        if name != "burned_area":  # whether anything burns at all decides on the program
            out[name].values[held_out] = POISON
    return out


def trained(directory, sources, *specs, width=None):
    """Events of each member, trained side by side; `sources` is their dataset and what it is trained from."""
    ds, source = sources
    lanes = []
    for i, spec in enumerate(specs):
        folder = directory / str(i)
        folder.mkdir(parents=True)
        lanes.append(checkpoint.Lane(spec, batch.Member.of(spec, ds), folder))
    events = [[] for _ in specs]
    for lane, event in train.train(lanes, source, Calendar.of(ds), width, checkpoint_seconds=1e9):
        events[lane].append(event)
    return events


def weights_of(events):
    return jax.tree.leaves(checkpoint.load(Path(events[-1].checkpoint.path))["weights"])


def same(a, b):
    return all(np.array_equal(x, y) for x, y in zip(weights_of(a), weights_of(b), strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_poison_in_what_is_held_out_changes_no_bit(ds, kind, tmp_path):
    spec = spec_of(ds, kind)
    bad = poisoned(ds, spec)
    [clean] = trained(tmp_path / "clean", (ds, batch.load(ds, MODEL)), spec)
    [altered] = trained(tmp_path / "bad", (bad, batch.load(bad, MODEL)), spec)
    assert same(clean, altered)
    records = [[r.total for e in events for r in e.epochs] for events in (clean, altered)]
    assert records[0] == records[1]

    bad["lai"].values[split.assign(ds, spec.split, 0) == "train"] = POISON
    [taught] = trained(tmp_path / "taught", (bad, batch.load(bad, MODEL)), spec)
    assert not same(clean, taught), "the test would see a leak"


@pytest.mark.slow
def test_withheld_months_do_not_reach_the_dev_loss_either(ds, tmp_path):
    spec = spec_of(ds, "years_out")
    bad = ds.copy(deep=True)
    for name in batch.streams_of(ds):
        bad[name].values[:, split.withheld_months(ds, spec.split)[:, 0]] = POISON
    clean, altered = (
        trained(tmp_path / name, (x, batch.load(x, MODEL)), spec)[0]
        for name, x in (("clean", ds), ("bad", bad))
    )
    assert [(r.total, r.dev) for r in clean[-1].epochs] == [(r.total, r.dev) for r in altered[-1].epochs]
    assert all(np.isfinite(r.dev) and r.dev > 0 for r in clean[-1].epochs)


@pytest.mark.slow
def test_withheld_months_count_as_missing_ones(ds, tmp_path):
    """As if they had never been observed, but that the model runs through them."""
    no_som = {"loss_weights": {"som": 0}}  # a mean over all months takes missing ones for 0
    years_out, patch = spec_of(ds, "years_out", epochs=1, **no_som), spec_of(ds, epochs=1, **no_som)
    gone = ds.copy(deep=True)
    for name in batch.streams_of(ds):
        gone[name].values[:, split.withheld_months(ds, years_out.split)[:, 0]] = np.nan
    withheld = trained(tmp_path / "withheld", (ds, batch.load(ds, MODEL)), years_out)[0][-1].epochs[0].terms
    missing = trained(tmp_path / "missing", (gone, batch.load(gone, MODEL)), patch)[0][-1].epochs[0].terms
    complete = trained(tmp_path / "complete", (ds, batch.load(ds, MODEL)), patch)[0][-1].epochs[0].terms
    assert set(withheld) == set(missing)
    for name in withheld:
        assert withheld[name] == pytest.approx(missing[name], rel=1e-5, abs=1e-9), name
    for name in ("lai", "sif", "vod", "dev_lai"):
        assert withheld[name] < complete[name], name


def test_the_mean_over_a_run_is_of_the_months_that_are_kept(ds):
    """Soil organic matter: mean and weight of the months that are not withheld, whichever month is first."""
    arrays = batch.load(ds, MODEL)
    months = np.ones(36, np.float32)
    months[:12] = 0  # the first month too, whose weight counts
    arrays.weight["som"] = arrays.weight["som"] * np.linspace(1, 2, 36, dtype=np.float32)[:, None]
    chosen = batch.select([np.array([0, 1]), np.array([2])], 4)
    encoded = np.zeros((ds.sizes["pixel"], 1), np.float32)
    found = batch.gather(arrays, batch.View(encoded, steps=months), chosen, 2)
    expected = ds["som"].transpose("time", "pixel").values[12:, [0, 1, 2, 0]].mean(axis=0)
    np.testing.assert_allclose(found.observed["som"].mean(axis=0), expected, rtol=1e-6)
    np.testing.assert_allclose(found.weight["som"][0], (1 + 12 / 35) * np.array([1, 1, 1, 0]), rtol=1e-6)
    assert (found.weight["lai"][:12] == 0).all()
    assert (found.observed["lai"][:12] == 0).all()


@pytest.mark.slow
def test_side_by_side_as_alone(ds, tmp_path):
    specs = [spec_of(ds, "years_out", seed) for seed in (0, 1)]
    bad, withheld = ds.copy(deep=True), split.withheld_months(ds, specs[0].split)[:, 0]
    for name in batch.streams_of(ds):
        bad[name].values[:, withheld] = POISON
    together = trained(tmp_path / "together", (ds, batch.load(ds, MODEL)), *specs)
    altered = trained(tmp_path / "bad", (bad, batch.load(bad, MODEL)), *specs)
    for k, spec in enumerate(specs):
        assert same(together[k], altered[k])
        [alone] = trained(tmp_path / f"alone {k}", (ds, batch.load(ds, MODEL)), spec)
        for a, b in zip(together[k][-1].epochs, alone[-1].epochs, strict=True):
            assert (a.total, a.dev) == pytest.approx((b.total, b.dev), rel=1e-5)


@pytest.mark.slow
def test_streamed_as_in_memory(ds, tmp_path):
    spec = spec_of(ds, "years_out")
    bad = poisoned(ds, spec)
    events = {}
    for name, content in (("clean", ds), ("bad", bad)):
        lazy = store.open_dataset(store.publish(content, tmp_path / name).path)
        source = stream.open_stream(lazy, tmp_path / name, MODEL)
        [events[name]] = trained(tmp_path / name / "out", (lazy, source), spec)
    assert same(events["clean"], events["bad"])
    [in_memory] = trained(tmp_path / "memory", (ds, batch.load(ds, MODEL)), spec)
    for a, b in zip(in_memory[-1].epochs, events["clean"][-1].epochs, strict=True):
        assert a.total == pytest.approx(b.total, rel=1e-5)
        assert a.dev == pytest.approx(b.dev, rel=1e-5)


@pytest.fixture(scope="module")
def with_gaps(ds):
    """The dataset with the LAI of three months of 2002 and of 2003 withheld by itself."""
    lai = ds["lai"].transpose("pixel", "time")
    own = (ds["time"].dt.year >= 2002) & (ds["time"].dt.month <= 3)
    return ds.assign(
        lai=lai.where(~own).assign_attrs(lai.attrs),
        lai_withheld=lai.where(own).assign_attrs(lai.attrs | {"role": "withheld"}),
    )


def executed(ds, spec, directory):
    """The result of a run and its files."""
    published = store.publish(ds, directory / "data")
    events = [e for _, e in run.execute([Task("only", spec, str(published.path), str(directory / "out"))])]
    assert isinstance(events[-1], Result), events[-1]
    files = {a.kind: artifacts.read(a.path) for a in events[-1].artifacts if a.kind != "checkpoint"}
    return events[-1].metrics, files


def value_of(metrics, *key):
    [value] = [m.value for m in metrics if (m.split, m.variable, m.statistic, m.level) == key]
    return value


@pytest.mark.slow
def test_withheld_years_are_scored_as_withheld_and_nowhere_else(with_gaps, tmp_path):
    spec = spec_of(with_gaps, "years_out", epochs=1)
    metrics, files = executed(with_gaps, spec, tmp_path)
    assert {m.split for m in metrics} == {"train", "dev", "test", "withheld"}
    year = with_gaps["time"].dt.year.values
    lai, own = (with_gaps[n].transpose("time", "pixel").values for n in ("lai", "lai_withheld"))
    label = split.assign(with_gaps, spec.split, 0)
    for part in ("train", "dev", "test"):
        # 2001 is the warm-up, 2002 is held out
        expected = np.isfinite(lai[year == 2003][:, label == part]).sum()
        assert value_of(metrics, part, "lai", "n", "flat") == expected > 0
    train = label == "train"
    everything = np.where(np.isnan(own), lai, own)  # in 2003 the dataset's withheld months are scored nowhere
    expected = np.isfinite(everything[year == 2002][:, train]).sum()
    assert value_of(metrics, "withheld", "lai", "n", "flat") == expected
    assert expected > np.isfinite(lai[year == 2002][:, train]).sum()

    observed = np.where((year == 2002)[:, None], everything, np.nan)[WARMUP:, train]
    error = files["monthly"]["lai"].transpose("time", "pixel").values[WARMUP:, train] - observed
    there = np.isfinite(error)
    rmse = np.sqrt((error[there] ** 2).mean())
    assert value_of(metrics, "withheld", "lai", "rmse", "flat") == pytest.approx(rmse, rel=1e-5)
    assert files["monthly"]["withheld"].values.tolist() == (year == 2002).tolist()
    # one number has no unseen months
    assert "withheld" not in {m.split for m in metrics if m.variable == "som"}


@pytest.mark.slow
def test_unused_pixels_are_scored_nowhere(ds, tmp_path):
    spec = spec_of(ds, "region_out", epochs=1)
    metrics, files = executed(ds, spec, tmp_path)
    label = artifacts.labels(files["monthly"]["split"])
    assert set(label) == {"train", "dev", "test", "unused"}
    np.testing.assert_array_equal(label == "test", ds["region"] == "far")
    np.testing.assert_array_equal(label == "unused", ds["test"])
    lai = np.isfinite(ds["lai"].transpose("pixel", "time").values[:, WARMUP:])
    for part in ("train", "dev", "test"):
        assert value_of(metrics, part, "lai", "n", "flat") == lai[label == part].sum()


@pytest.mark.slow
def test_single_pixels_train_side_by_side_without_dev_and_test(ds, tmp_path):
    one = ds.isel(pixel=[3]).assign(patch=ds["patch"][[3]] * 0, test=ds["test"][[3]] & False)
    spec = spec_of(one, epochs=3, predictors=("CLIM",), split={"kind": "all"})
    bad = spec.model_copy(update={"loss_weights": {"lai": 1e38}})
    published = store.publish(one, tmp_path / "data")
    specs, data = {"good": spec, "bad": bad}, str(published.path)
    tasks = [Task(key, spec, data, str(tmp_path / key)) for key, spec in specs.items()]
    events = {key: [] for key in specs}
    for key, event in run.execute(tasks):
        events[key].append(event)
    nan = Failed("nan", "loss is not finite at epoch 1")
    assert events["bad"] == [nan], "the training loss alone decides"
    *progress, result = events["good"]
    records = [r for p in progress for r in p.epochs]
    assert [r.epoch for r in records] == [1, 2, 3]
    assert all(np.isnan(r.dev) and np.isfinite(r.total) for r in records)
    assert not [name for name in records[0].terms if name.startswith("dev_")]
    assert records[-1].total < records[0].total
    assert {m.split for m in result.metrics} == {"train"}
    assert np.isfinite(value_of(result.metrics, "train", "lai", "rmse", "flat"))


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"kind": "years_out", "years": (2001,)}, "holds out 0 of the 24 months after the warm-up"),
        ({"kind": "years_out", "years": (2002, 2003)}, "holds out 24 of the 24 months after the warm-up"),
        ({"kind": "years_out", "years": (1999,)}, "the dataset has no year 1999"),
        ({"kind": "kfold", "folds": 7, "fold": 0}, "split.folds = 7 of 6 patches"),
        ({"kind": "region_out", "regions": ("moon",)}, "unknown region 'moon'; this dataset has far, near"),
    ],
)
def test_splits_that_a_dataset_cannot_have_are_refused(ds, fields, says):
    with pytest.raises(LandlabError, match=says):
        run.check(spec_of(ds, split=fields), ds)
