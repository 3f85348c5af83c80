"""The LSTM as a model: lanes, resuming, streams, and predictions of another dataset by the loop of all models."""

from pathlib import Path

import jax
import numpy as np
import pytest
import xarray as xr

from landlab_mgr.data import batch, store, stream
from landlab_mgr.models.lstm import LAGS, MODEL, SEASON
from landlab_mgr.observations.calendar import Calendar
from landlab_mgr.prediction import predict
from landlab_mgr.prediction.member import Trained
from landlab_mgr.training import evaluate, train

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
    assert set(member.scale.mean) == set(member.forcing)
    assert arrays.off == ()
    params = MODEL.initialise(setup, 0, member.sizes)
    kernel = params["lstm"]["OptimizedLSTMCell_0"]["ii"]["kernel"]
    assert kernel.shape == (len(member.forcing) * (LAGS + 1) + SEASON + member.encoded.shape[1], 64)


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
            np.testing.assert_allclose(found[f"{variable}_member"].values[k], at, rtol=1e-4, atol=1e-4)
