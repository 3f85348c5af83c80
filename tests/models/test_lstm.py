"""The LSTM as a model: lanes, resuming, streams, and predictions of another dataset by the loop of all models."""

from dataclasses import replace
from pathlib import Path

import jax
import jax.numpy as jnp
import jax.test_util
import numpy as np
import pytest
import xarray as xr

from landlab_mgr.data import batch, store, stream
from landlab_mgr.errors import LandlabError
from landlab_mgr.models import lstm
from landlab_mgr.models.lstm import LAGS, MODEL, PART, SEASON, Network
from landlab_mgr.models.model import PREDICTORS, Inputs, Scale
from landlab_mgr.observations.calendar import Calendar
from landlab_mgr.prediction import predict
from landlab_mgr.prediction.member import Trained
from landlab_mgr.training import checkpoint, evaluate, run, train, update

from ..training.fitting import LEARNED, content_of, fitted, lane, predicted, spec_of

EPOCHS = 4


def seeded(ds, seed, **changes):
    return spec_of(ds, "lstm", seeds={"init": seed, "split": seed, "shuffle": seed}, **changes)


def curve(events):
    return np.array([[r.total, r.dev] for event in events for r in event.epochs])


def test_its_inputs_are_the_weather_of_four_steps_the_season_and_predictors(planet):
    spec = spec_of(planet, "lstm")
    member, arrays = batch.Member.of(spec, planet), batch.load(planet, MODEL)
    setup = batch.setup_of(spec, member.scale_of_targets)
    assert setup.outputs == tuple(sorted(member.targets.scale.mean))
    assert set(member.scale.mean) == {*member.forcing, *SEASON, PREDICTORS}
    assert arrays.off == ()
    params = MODEL.initialise(setup, 0, member.sizes)
    kernel = params["lstm"]["OptimizedLSTMCell_0"]["ii"]["kernel"]
    assert kernel.shape == (len(member.forcing) * (LAGS + 1) + len(SEASON) + member.encoded.shape[1], 64)


def test_a_step_knows_the_past_and_not_the_future(planet):
    spec = spec_of(planet, "lstm")
    member = batch.Member.of(spec, planet)
    setup = batch.setup_of(spec, member.scale_of_targets)
    params = MODEL.initialise(setup, 0, member.sizes)
    altered = planet.copy(deep=True)
    altered["tmax"].loc[{"time": altered["time"][20]}] += 5.0
    before, after = (
        evaluate.forward(params, batch.forcing_of(ds, MODEL), member.view, setup, ("lai",))[1]["lai"]
        for ds in (planet, altered)
    )
    np.testing.assert_array_equal(before[:20], after[:20])
    assert (np.abs(before[20:] - after[20:]).max(axis=1) > 0).all()


@pytest.mark.slow
def test_two_lanes_side_by_side_are_one_alone(planet, tmp_path):
    specs = [seeded(planet, seed) for seed in (0, 1)]
    lanes = [lane(planet, spec, tmp_path / str(i)) for i, spec in enumerate(specs)]
    together = [[], []]
    source = batch.load(planet, MODEL)
    for i, event in train.train(lanes, source, Calendar.of(planet), checkpoint_seconds=0.0):
        together[i].append(event)
    for spec, events in zip(specs, together, strict=True):
        alone = fitted(planet, spec, tmp_path / f"alone {spec.seeds.init}")
        assert curve(alone).shape == (EPOCHS, 2)
        np.testing.assert_allclose(curve(events), curve(alone), rtol=1e-5)
        of_lane, of_one = (content_of(x[-1])["weights"] for x in (events, alone))
        for a, b in zip(*(jax.tree.leaves(x) for x in (of_lane, of_one)), strict=True):
            # Adam makes of the rounding of a gradient near 0 up to a part of its step, which is 1e-2
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=3e-5)
    assert not np.array_equal(curve(together[0]), curve(together[1]))


@pytest.mark.slow
@pytest.mark.parametrize("keep", ["last", "best_dev"])
def test_a_resumed_member_is_bitwise_what_was_never_interrupted(planet, keep, tmp_path):
    spec = spec_of(planet, "lstm", keep)
    whole = fitted(planet, spec, tmp_path / "whole")
    assert [r.epoch for event in whole for r in event.epochs] == [1, 2, 3, 4]
    saved = [Path(event.checkpoint.path) for event in whole]
    assert sorted((tmp_path / "whole").iterdir()) == saved
    half = fitted(planet, spec, tmp_path / "half", groups=2)
    resumed = fitted(planet, spec, tmp_path / "resumed", Path(half[-1].checkpoint.path))
    assert [r.epoch for event in resumed for r in event.epochs] == [3, 4]
    contents = [content_of(events[-1]) for events in (whole, resumed)]
    assert ("latest" in contents[0]) == (keep == "best_dev")
    for a, b in zip(*(jax.tree.leaves(c) for c in contents), strict=True):
        np.testing.assert_array_equal(a, b)
    of_resumed = predicted(planet, spec, resumed[-1])
    for variable, x in predicted(planet, spec, whole[-1]).items():
        np.testing.assert_array_equal(x, of_resumed[variable])


@pytest.mark.slow
def test_streamed_it_learns_what_it_learns_in_memory(planet, tmp_path):
    spec = spec_of(planet, "lstm")
    lazy = store.open_dataset(store.publish(planet, tmp_path / "data").path)
    source = stream.open_stream(lazy, tmp_path / "data", MODEL)
    lanes = [lane(lazy, spec, tmp_path / "streamed")]
    events = [e for _, e in train.train(lanes, source, Calendar.of(lazy), checkpoint_seconds=0.0)]
    in_memory = fitted(planet, spec, tmp_path / "memory")
    np.testing.assert_allclose(curve(events), curve(in_memory), rtol=1e-5)
    streamed, loaded = (predicted(planet, spec, x[-1]) for x in (events, in_memory))
    for variable in LEARNED:
        np.testing.assert_allclose(streamed[variable], loaded[variable], rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_members_predict_another_dataset(planet, tmp_path):
    specs = [seeded(planet, seed) for seed in (0, 1)]
    events = [fitted(planet, spec, tmp_path / str(i))[-1] for i, spec in enumerate(specs)]
    members = {
        spec.run_id: Trained.open(Path(event.checkpoint.path))
        for spec, event in zip(specs, events, strict=True)
    }
    assert all(m.learned == LEARNED for m in members.values())
    fewer = planet.isel(pixel=[7, 2, 5]).assign(patch=planet["patch"][[7, 2, 5]].copy(data=[0, 1, 2]))
    predict.write(members, fewer.isel(time=slice(24)), tmp_path / "p.nc", each=True)
    with xr.open_dataset(tmp_path / "p.nc", engine="h5netcdf") as file:
        found = file.load()
    assert set(LEARNED) <= set(found)
    for k, (spec, event) in enumerate(zip(specs, events, strict=True)):
        expected = predicted(planet, spec, event)
        for variable in LEARNED:
            at = expected[variable][:24, [7, 2, 5]].T
            np.testing.assert_allclose(found[f"{variable}_member"].values[k].T, at, rtol=1e-4, atol=1e-4)


def inputs_of(planet, member, scale):
    weather = MODEL.prepare(batch.forcing_of(planet, MODEL))
    return Inputs(
        weather, jnp.asarray(planet["lat"].values), jnp.asarray(member.encoded), scale, member.targets.scale
    )


def as_flax_gives_it(params, inputs, setup, scaled):
    """Outputs [T, N, outputs], standardised, by Flax's own cell; `scaled`: season and predictors standardised too."""
    scale, columns = inputs.scale, []
    for name, x in sorted(inputs.weather["forcing"].items()):
        x = np.asarray((x - scale.mean[name]) / scale.sd[name])
        columns += [np.concatenate([x[:1]] * lag + [x[: len(x) - lag]]) for lag in range(LAGS + 1)]
    for name, wave in zip(SEASON, inputs.weather["season"], strict=True):
        wave = (wave - scale.mean[name]) / scale.sd[name] if scaled else wave
        columns.append(np.broadcast_to(np.asarray(wave)[:, None], columns[0].shape))
    fixed = np.asarray(inputs.predictors)
    if scaled:
        fixed = (fixed - scale.mean[PREDICTORS][None]) / scale.sd[PREDICTORS][None]
    columns += [np.broadcast_to(x[None], columns[0].shape) for x in fixed.T]
    x = np.stack(columns, axis=-1).swapaxes(0, 1).astype(np.float32)
    network = Network(setup.network.hidden, len(setup.outputs))
    return network.apply({"params": params[PART]}, x).swapaxes(0, 1)


@pytest.mark.slow
def test_outputs_and_gradients_are_those_of_the_textbook_cell(planet):
    member = batch.Member.of(spec_of(planet, "lstm"), planet)
    setup = batch.setup_of(spec_of(planet, "lstm"), member.scale_of_targets)
    params, inputs = MODEL.initialise(setup, 0, member.sizes), inputs_of(planet, member, member.scale)
    mean, sd = (jnp.stack([jnp.asarray(x[n]) for n in setup.outputs]) for x in inputs.targets)

    def ours(params):
        outputs = MODEL.predict(params, inputs, setup, setup.outputs, ())[1]
        return (jnp.stack([outputs[n] for n in setup.outputs], axis=-1) - mean[None, None]) / sd[None, None]

    def theirs(params):
        return as_flax_gives_it(params, inputs, setup, scaled=True)

    np.testing.assert_allclose(ours(params), theirs(params), rtol=1e-4, atol=2e-6)
    slopes = [jax.grad(lambda p, f=f: (f(p) ** 2).sum())(params) for f in (ours, theirs)]
    for a, b in zip(*(jax.tree.leaves(s) for s in slopes), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4 * np.abs(b).max())


def test_the_gradient_of_its_inputs_is_that_of_finite_differences():
    rng = np.random.default_rng(0)
    shapes = (5, 2, 3), (2, 16), (3, 16), (4, 16)
    arguments = [jnp.asarray(rng.normal(size=shape)) for shape in shapes]
    jax.test_util.check_grads(lstm._layer, arguments, order=1, modes=["rev"])


def test_a_checkpoint_of_version_2_predicts_as_it_did(planet, tmp_path):
    """It standardised the forcing alone, and is not trained on."""
    spec = spec_of(planet, "lstm", model_version=2)
    member = batch.Member.of(spec, planet)
    forcing_alone = Scale(*({n: x[n] for n in member.forcing} for x in member.scale))
    params = MODEL.initialise(batch.setup_of(spec, member.scale_of_targets), 0, member.sizes)
    content = checkpoint.of_member(replace(member, scale=forcing_alone), spec) | {"weights": params}
    checkpoint.save(tmp_path / "checkpoint.msgpack", content)
    opened = Trained.open(tmp_path / "checkpoint.msgpack")
    inputs = inputs_of(planet, member, opened.scale)
    outputs = MODEL.predict(opened.params, inputs, opened.setup, LEARNED, ())[1]
    expected = as_flax_gives_it(params, inputs, opened.setup, scaled=False)
    for i, name in enumerate(opened.setup.outputs):
        mean, sd = (x[name] for x in inputs.targets)
        if name in LEARNED:
            np.testing.assert_allclose((outputs[name] - mean) / sd, expected[..., i], rtol=1e-4, atol=2e-6)
    with pytest.raises(LandlabError, match="version 2 of model 'lstm', and version 3 is installed: register"):
        run.check(spec, planet)


def test_few_observations_of_a_batch_count_as_much_as_many(planet):
    """An update lowers the mean over what the batch observes, whatever share of the training observations that is."""
    spec = spec_of(planet, "lstm")
    member, arrays = batch.Member.of(spec, planet), batch.load(planet, MODEL)
    static = train.static_of(checkpoint.Lane(spec, member, Path()), arrays, Calendar.of(planet))
    selection = jax.tree.map(lambda x: x[0], member.batches(0, 1))
    whole = batch.gather(arrays, member.view, selection, static.patches)
    few = {n: x * (np.cumsum(x, axis=0) <= 1) for n, x in whole.weight.items()}
    values = {n: jnp.float32(1.0) for n in static.terms}
    numbers = update.hyper(spec, member, static.terms)
    for weight in (whole.weight, few):
        counts = {n: float(jnp.maximum(weight[n].sum(), 1.0)) for n in static.terms}
        expected = sum(float(member.targets.per_pixel["train"][n]) / counts[n] for n in static.terms)
        loss = update._loss_of(values, whole._replace(weight=weight), numbers, static)
        assert float(loss) == pytest.approx(expected, rel=1e-5)


def test_dev_is_the_mean_over_what_dev_observes(planet, tmp_path):
    spec = spec_of(planet, "lstm")
    [first, *_] = fitted(planet, spec, tmp_path, groups=1)
    member, predictions = batch.Member.of(spec, planet), predicted(planet, spec, first)
    dev, means = member.pixels("dev"), []
    for term, t in spec.tables.terms.items():
        if term not in planet or t.variable not in LEARNED:
            continue
        error = predictions[t.variable][:, dev] - planet[term].transpose("time", "pixel").values[:, dev]
        means.append(np.nanmean(error**2) / member.targets.scale.sd[t.variable] ** 2)
    assert first.epochs[0].dev == pytest.approx(np.nansum(means), rel=1e-3)
