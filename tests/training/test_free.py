"""Local calibration: every place has parameters and learned processes of its own, judged on later years."""

import jax
import numpy as np
import pytest

from landlab_mgr.data import batch, predictors, split, store
from landlab_mgr.errors import LandlabError
from landlab_mgr.models import registry
from landlab_mgr.observations.calendar import Calendar
from landlab_mgr.prediction import untrained
from landlab_mgr.prediction.member import Trained
from landlab_mgr.records import Result, Task
from landlab_mgr.spec.run import RunSpec
from landlab_mgr.storage.location import located
from landlab_mgr.training import run, update
from landlab_mgr.training.checkpoint import Lane
from landlab_mgr.training.train import one_epoch, static_of

YEARS = {"kind": "years", "train_until": "2002-12-31"}


def spec_of(ds, seed=0, process="linear", **changes):
    base = {
        "predictors": ("PLACE",),
        "network": {"kind": "free"},
        "process": {"water_stress": process},
        "split": YEARS,
        "loss": {"normalise": "variance"},
        "loss_weights": {"edc": 0.1},
        "optimizer": {"epochs": 3, "learning_rate": 0.03, "patches_per_batch": 0},
        "warmup_months": 0,
        "seeds": {"init": seed},
    }
    return RunSpec(dataset=store.fingerprint(ds), **(base | changes))


def trained(ds, specs, epochs=3):
    """Parameters [lane, ...] after some epochs, and the loss terms of each."""
    calendar, arrays = Calendar.of(ds), batch.load(ds, registry.model("dalec"))
    lanes = [Lane(spec, batch.Member.of(spec, ds), None) for spec in specs]
    static = static_of(lanes[0], arrays, calendar)
    members = [lane.member for lane in lanes]
    state = update.stack([update.initial_state(lane.spec, lane.member) for lane in lanes])
    view = update.stack([m.view for m in members])
    numbers = update.stack([update.hyper(lane.spec, lane.member, static.terms) for lane in lanes])
    totals = []
    for epoch in range(1, epochs + 1):
        order = update.stack([m.batches(0, epoch) for m in members])
        state, total = one_epoch(jax.device_put(state), arrays, view, order, numbers, static)
        totals.append({name: np.asarray(x) for name, x in total.items()})
    return jax.device_get(state.params), totals


def gradient_of(places):
    """A gradient of two heads, [places, ...], whose norm at each place is as told."""
    norm = np.asarray(places, np.float32)[:, None]
    return {"a": norm * np.array([0.6, 0.0], np.float32), "b": (norm * np.float32(0.8))[:, :, None]}


def test_one_place_beyond_the_limit_leaves_the_others_as_they_are():
    gradient = gradient_of([0.5, 1e6, 2.0])
    limited = update._limited(gradient, 1.0, by_place=True)
    for name, expected in gradient_of([0.5, 1.0, 1.0]).items():
        np.testing.assert_allclose(limited[name], expected, rtol=1e-5)
    together = update._limited(gradient, 1.0, by_place=False)
    norms = np.sqrt(sum((np.asarray(x).reshape(3, -1) ** 2).sum(axis=1) for x in together.values()))
    np.testing.assert_allclose(norms, [0.5e-6, 1.0, 2e-6], rtol=1e-5)
    for by_place in (True, False):
        for name, x in update._limited(gradient, 0.0, by_place).items():
            np.testing.assert_array_equal(x, gradient[name])


def changed_at(ds, pixel):
    """The dataset with other observations of one pixel."""
    out = ds.copy(deep=True)
    for name in batch.streams_of(ds):
        out[name].values[pixel] *= 1.7
    return out


@pytest.mark.slow
def test_places_learn_by_themselves(planet):
    spec = spec_of(planet, process="nn_paw")
    params, _ = trained(planet, [spec])
    other, _ = trained(changed_at(planet, 3), [spec])
    patch = planet["patch"].values
    same = patch != patch[3]  # patches have terms of their own
    leaves = jax.tree.leaves_with_path(params)
    assert len(leaves) > 8  # of the heads, and of the learned water stress
    for (path, a), b in zip(leaves, jax.tree.leaves(other), strict=True):
        assert a.shape[:2] == (1, planet.sizes["pixel"]), path
        np.testing.assert_array_equal(a[:, same], b[:, same], err_msg=str(path))
    assert any(
        (a[:, 3] != b[:, 3]).any()
        for a, b in zip(jax.tree.leaves(params), jax.tree.leaves(other), strict=True)
    )


@pytest.mark.slow
def test_training_lowers_the_loss_of_every_restart_and_restarts_differ(planet):
    params, totals = trained(planet, [spec_of(planet, seed) for seed in (0, 1)], epochs=20)
    first, last = (sum(totals[k].values()) for k in (0, -1))
    assert (last < first).all()
    kernel = params["spatialization"]["ecological"]
    assert not np.allclose(kernel[0], kernel[1], atol=0.1)


@pytest.mark.slow
def test_later_years_teach_nothing(planet):
    spec = spec_of(planet)
    withheld = split.withheld_months(planet, spec.split)
    assert withheld.shape == (36, 1)
    assert withheld.sum() == 12
    bad = planet.copy(deep=True)
    for name in batch.streams_of(planet):
        bad[name].values[:, withheld[:, 0]] = 1e6
    a, b = (jax.tree.leaves(trained(ds, [spec])[0]) for ds in (planet, bad))
    for x, y in zip(a, b, strict=True):
        np.testing.assert_array_equal(x, y)


@pytest.mark.slow
def test_a_fraction_is_one_of_each_pixels_own_record(planet):
    ds = planet.copy(deep=True)
    for name in batch.streams_of(ds):
        ds[name].values[0, :12] = np.nan  # its record: two years
        ds[name].values[1, 18:] = np.nan  # its record: a year and a half
    out = split.withheld_months(ds, spec_of(ds, split={"kind": "years", "train_fraction": 0.5}).split)
    assert out.shape == (36, ds.sizes["pixel"])
    first_withheld = out.argmax(axis=0)
    assert first_withheld[:3].tolist() == [24, 9, 18]
    assert out[-1].all()
    params, _ = trained(ds, [spec_of(ds, split={"kind": "years", "train_fraction": 0.5})])
    bad = ds.copy(deep=True)
    for name in batch.streams_of(ds):
        bad[name].values[out.T & np.isfinite(ds[name].values)] = 1e6
    for x, y in zip(
        jax.tree.leaves(params),
        jax.tree.leaves(trained(bad, [spec_of(ds, split={"kind": "years", "train_fraction": 0.5})])[0]),
        strict=True,
    ):
        np.testing.assert_array_equal(x, y)


@pytest.mark.slow
def test_a_normalised_term_is_the_sum_of_one_less_nse(planet):
    spec = spec_of(planet, process="linear", split={"kind": "all"})
    _, totals = trained(planet, [spec], epochs=1)
    model = registry.model("dalec")
    arrays = batch.load(planet, model)
    member = batch.Member.of(spec, planet)
    state = update.initial_state(spec, member)
    setup = batch.setup_of(spec)
    chosen = batch.gather(
        arrays,
        jax.tree.map(jax.numpy.asarray, member.view),
        jax.tree.map(lambda x: x[0], member.batches(0, 1)),
        6,
    )
    _, outputs = model.predict(state.params, chosen.inputs, setup, ("lai",), arrays.off)
    order = member.batches(0, 1).pixel[0]
    observed = planet["lai"].values[order].astype(float)
    modelled = np.asarray(outputs["lai"]).T
    seen = np.isfinite(observed)
    error = np.where(seen, (modelled - observed) ** 2, 0).sum(axis=1)
    spread = np.nansum((observed - np.nanmean(observed, axis=1, keepdims=True)) ** 2, axis=1)
    expected = spec.weights["lai"] * (error / spread).sum()
    np.testing.assert_allclose(totals[0]["lai"], expected, rtol=1e-3)


@pytest.mark.slow
def test_a_free_member_runs_predicts_its_places_and_no_others(planet, tmp_path):
    path = store.publish(planet, tmp_path / "data").path
    spec = spec_of(planet)
    task = Task("k", spec, str(path), str(tmp_path / "run"))
    [*_, (_, result)] = run.execute([task])
    assert isinstance(result, Result), result
    parts = {m.split for m in result.metrics}
    assert parts == {"train", "withheld"}
    [saved] = [a for a in result.artifacts if a.kind == "checkpoint"]
    member = Trained.open(located(saved.path))
    some = planet.isel(pixel=[4, 2])
    parameters = member.parameters(member.encode(some), some["lat"].values)
    everywhere = member.parameters(member.encode(planet), planet["lat"].values)
    for name, x in parameters.items():
        np.testing.assert_array_equal(x, everywhere[name][[4, 2]])
    elsewhere = planet.assign(lat=planet["lat"] + 1)
    with pytest.raises(LandlabError, match="parameters of 12 places of its own dataset, and none of"):
        member.encode(elsewhere)


def test_restarts_begin_apart_at_every_place(planet):
    """What `identify` compares members with: their parameters before training."""
    members = [untrained.parameters(spec_of(planet, seed), planet, np.arange(12)) for seed in range(4)]
    for p in registry.tables("dalec").parameters:
        drawn = np.stack([m[p.name] for m in members])
        assert drawn.shape == (4, 12)
        assert ((drawn > p.low) & (drawn < p.high)).all(), p.name
        assert (drawn.std(axis=0) > 0).all(), p.name


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"predictors": ("PFT",)}, "use predictors \\['PLACE'\\]"),
        ({"split": {"kind": "patch"}}, "split.kind 'all' or 'years', not \\['PLACE'\\] and 'patch'"),
        ({"network": {"kind": "static"}}, "predictors 'PLACE' are for network.kind 'free' alone"),
        ({"network": {"kind": "free", "hidden": [8]}}, "`hidden` belongs to kind 'static', not to 'free'"),
        ({"network": {"kind": "static", "spread": 0.1}}, "`spread` belongs to kind 'free'"),
        ({"split": {"kind": "years"}}, "kind 'years' needs one of `train_until`, `train_fraction`"),
    ],
)
def test_a_specification_that_makes_no_sense_is_refused(planet, changes, message):
    with pytest.raises(ValueError, match=message):
        spec_of(planet, **changes)


def test_the_encoder_of_places_survives_its_checkpoint(planet):
    encoder = predictors.encode(planet, ("PLACE",), np.ones(planet.sizes["pixel"], bool), 0)
    again = predictors.Encoder.from_dict(encoder.to_dict())
    np.testing.assert_array_equal(again.apply(planet)[:, 0], np.arange(planet.sizes["pixel"]))
