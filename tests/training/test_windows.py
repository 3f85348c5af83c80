"""Learning from windows of a long record, drawn anew for each batch: HBV on synthetic basins."""

from dataclasses import replace

import jax
import numpy as np
import pytest

from landlab_mgr.data import batch, needs, store
from landlab_mgr.errors import LandlabError
from landlab_mgr.models import registry
from landlab_mgr.observations.calendar import Calendar
from landlab_mgr.records import Progress, Result, Task
from landlab_mgr.spec.run import RunSpec
from landlab_mgr.training import run, update
from landlab_mgr.training.checkpoint import Lane
from landlab_mgr.training.train import one_epoch, static_of

from .basins import dataset

WINDOW = {"window_years": 2, "warmup_years": 1}


@pytest.fixture(scope="module")
def basins():
    return dataset()


def spec_of(ds, seed=0, model="hbv", **changes):
    base = {
        "model": model,
        "predictors": ("TOPO",),
        "batch": WINDOW,
        "loss": {"normalise": "variance"},
        "split": {"kind": "years", "train_until": "2004-09-30"},
        "optimizer": {"epochs": 2, "learning_rate": 0.01, "patches_per_batch": 3},
        "warmup_months": 12,
        "seeds": {"init": seed, "split": seed, "shuffle": seed},
    }
    return RunSpec(dataset=store.fingerprint(ds), **(base | changes))


def epochs(ds, specs, count=1):
    """Parameters and loss of each lane after some epochs."""
    calendar, arrays = Calendar.of(ds), batch.load(ds, registry.model(specs[0].model))
    lanes = [Lane(spec, batch.Member.of(spec, ds), None) for spec in specs]
    [static] = {static_of(lane, arrays, calendar) for lane in lanes}
    state = update.stack([update.initial_state(lane.spec, lane.member) for lane in lanes])
    view = update.stack([lane.member.view for lane in lanes])
    numbers = update.stack([update.hyper(lane.spec, lane.member, static.terms) for lane in lanes])
    losses = []
    for epoch in range(1, count + 1):
        order = update.stack([lane.member.batches(lane.spec.seeds.shuffle, epoch) for lane in lanes])
        state, total = one_epoch(jax.device_put(state), arrays, view, order, numbers, static)
        losses.append(np.asarray(total["discharge"]))
    return jax.device_get(state.params), np.array(losses)


def test_a_batch_covers_its_window(basins):
    spec = spec_of(basins)
    member = batch.Member.of(spec, basins)
    assert member.window[:2] == (730, 365)
    chosen = jax.tree.map(lambda x: x[0], member.batches(0, 1))
    arrays = batch.load(basins, registry.model("hbv"))
    view = jax.tree.map(jax.numpy.asarray, member.view)
    b = batch.gather(arrays, view, chosen, 3, member.window)
    start, index = int(chosen.start), chosen.pixel
    stretch = slice(start, start + 730)
    np.testing.assert_array_equal(
        b.inputs.weather.precip, basins["precip"].values[index, stretch].T.astype("f4")
    )
    learned = np.asarray(b.weight["discharge"]) > 0
    assert not learned[:365].any()
    before_test = basins["time"].values[stretch] < np.datetime64("2004-10-01")
    np.testing.assert_array_equal(learned[365:], np.repeat(before_test[365:, None], 3, axis=1))
    assert np.asarray(b.weight["discharge"]).max() == pytest.approx((3 * 365 + 1) / 365, rel=0.01)


def test_windows_are_drawn_by_seed_and_epoch_within_what_trains(basins):
    member = batch.Member.of(spec_of(basins), basins)
    starts = np.array([member.batches(0, epoch).start for epoch in range(200)])
    assert starts.shape == (200, 2)
    assert starts.min() >= 0
    assert starts.max() + 730 <= 3 * 365 + 1
    assert len(np.unique(starts)) > 150
    np.testing.assert_array_equal(starts[7], member.batches(0, 7).start)
    assert (starts[7] != member.batches(1, 7).start).any()


@pytest.mark.slow
def test_lanes_learn_from_windows_of_their_own_as_alone(basins):
    specs = [spec_of(basins, seed) for seed in (0, 1)]
    together, losses = epochs(basins, specs, 2)
    for k, spec in enumerate(specs):
        alone, loss = epochs(basins, [spec], 2)
        np.testing.assert_allclose(losses[:, k], loss[:, 0], rtol=1e-4)
        for a, b in zip(jax.tree.leaves(together), jax.tree.leaves(alone), strict=True):
            np.testing.assert_allclose(a[k], b[0], rtol=1e-3, atol=1e-5)


@pytest.mark.slow
def test_later_years_teach_nothing(basins):
    bad = basins.copy(deep=True)
    bad["discharge"].values[:, basins["time"].values >= np.datetime64("2004-10-01")] = 1e4
    for a, b in zip(
        jax.tree.leaves(epochs(basins, [spec_of(basins)])[0]),
        jax.tree.leaves(epochs(bad, [spec_of(basins)])[0]),
        strict=True,
    ):
        np.testing.assert_array_equal(a, b)


@pytest.mark.slow
def test_a_member_learns_and_scores_later_years(basins, tmp_path):
    path = str(store.publish(basins, tmp_path / "data").path)
    spec = spec_of(basins, optimizer={"epochs": 60, "learning_rate": 0.01, "patches_per_batch": 0})
    [*events, (_, result)] = run.execute([Task("k", spec, path, str(tmp_path / "run"))])
    assert isinstance(result, Result), result
    totals = [e.total for _, p in events if isinstance(p, Progress) for e in p.epochs]
    assert np.mean(totals[-10:]) < 0.6 * np.mean(totals[:5])
    scores = {(m.split, m.statistic, m.level): m.value for m in result.metrics if m.variable == "discharge"}
    assert scores["withheld", "R2", "temporal"] > 0.3


@pytest.mark.parametrize("model", ["exphydro", "lstm"])
def test_every_model_whose_stores_fill_learns_from_windows(basins, model):
    few = {"lstm": {"network": {"hidden": 4}, "loss": {}}}
    _, losses = epochs(basins, [spec_of(basins, model=model, **few.get(model, {}))], 2)
    assert np.isfinite(losses).all()
    assert (losses > 0).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"batch": {"window_years": 1}}, "warmup_years = 1 leaves nothing of window_years = 1"),
        ({"model": "dalec", "predictors": ("PFT",)}, "model 'dalec' begins with stocks that it learns"),
    ],
)
def test_windows_that_make_no_sense_are_refused(basins, changes, message):
    with pytest.raises(ValueError, match=message):
        spec_of(basins, **changes)


def test_a_window_longer_than_what_trains_is_refused(basins):
    with pytest.raises(LandlabError, match=r"batch.window_years = 5 is 1826 steps, and 1096 train"):
        batch.Member.of(spec_of(basins, batch={"window_years": 5}), basins)


def test_a_model_whose_terms_are_means_of_years_has_no_windows():
    with pytest.raises(ValueError, match="term 'biomass' is a mean over the year, which no window covers"):
        replace(registry.tables("dalec"), windows=True, terms={"biomass": registry.terms()["biomass"]})


def test_a_process_says_which_forcing_it_lacks(basins):
    spec = spec_of(basins, model="hbv", process={"potential_evaporation": "priestley_taylor"})
    with pytest.raises(LandlabError, match="reads ssrd, which dataset basins does not have"):
        needs.check(spec, basins)
