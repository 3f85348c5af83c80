"""Gradient boosting as a model: its features, its trees out of a checkpoint, and predictions of another dataset."""

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from sklearn.ensemble import HistGradientBoostingRegressor

from landlab_mgr.data import batch, split
from landlab_mgr.observations.variables import FORCING
from landlab_mgr.prediction import predict
from landlab_mgr.prediction.member import Trained
from landlab_mgr.training import boosting, features

from .fitting import LEARNED, content_of, fitted, lane, predicted, spec_of


def features_of(ds, statics):
    forcing = batch.forcing_of(ds, boosting.MODEL)
    assert list(forcing.series) == list(FORCING)
    series = {name: np.asarray(x) for name, x in forcing.series.items()}
    x = features.features(series, np.asarray(forcing.doy), statics)
    backwards = features.features(dict(reversed(series.items())), np.asarray(forcing.doy), statics)
    np.testing.assert_array_equal(x, backwards)
    return x


def test_features_are_the_weather_of_four_months_the_season_and_statics(planet):
    statics = np.arange(2 * planet.sizes["pixel"], dtype=float).reshape(-1, 2)
    x = features_of(planet, statics)
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


def test_the_best_tree_on_dev_is_the_last_that_is_used(planet, tmp_path):
    spec = spec_of(
        planet,
        "gradient_boosting",
        "best_dev",
        optimizer={"learning_rate": 1.0, "epochs": 6, "keep": "best_dev"},
    )
    [event] = fitted(planet, spec, tmp_path)
    trees = content_of(event)["weights"]
    curve = [r.terms["dev_lai"] for r in event.epochs]
    assert len(trees["lai"]["sizes"]) == 1 + int(np.argmin(curve)) < 6, "so long a step overshoots"
    dev = split.assign(planet, spec.split, 0) == split.DEV
    observed = planet["lai"].transpose("time", "pixel").values[:, dev]
    error = np.nanmean((predicted(planet, spec, event)["lai"][:, dev] - observed) ** 2)
    seen = planet["lai"].values[split.assign(planet, spec.split, 0) == split.TRAIN]
    assert error / np.nanvar(seen) == pytest.approx(min(curve), rel=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("missing", [False, True])
def test_stored_trees_predict_what_scikit_learn_predicts(missing):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(4000, 5)).astype(np.float32)
    y = np.sin(3 * x[:, 0]) + x[:, 1] * x[:, 2] + 0.1 * rng.normal(size=len(x))
    if missing:
        x[rng.random(x.shape) < 0.2] = np.nan
    model = HistGradientBoostingRegressor(max_iter=30, early_stopping=False, random_state=0).fit(x, y)
    rows = np.concatenate([x, rng.normal(size=(500, 5)).astype(np.float32) * 10])
    own = boosting._predicted(boosting._stored(model, 30), rows)
    assert np.array_equal(own.astype(np.float32), model.predict(rows).astype(np.float32))
    *_, tenth = (p for p, _ in zip(model.staged_predict(rows), range(10), strict=False))
    own = boosting._predicted(boosting._stored(model, 10), rows)
    assert np.array_equal(own.astype(np.float32), tenth.astype(np.float32))


def test_a_checkpoint_predicts_to_the_bit_what_was_fitted(planet, tmp_path, monkeypatch):
    spec, models = spec_of(planet, "gradient_boosting"), []
    stored = boosting._stored
    monkeypatch.setattr(boosting, "_stored", lambda model, last: models.append(model) or stored(model, last))
    [event] = fitted(planet, spec, tmp_path)
    x = features_of(planet, lane(planet, spec, tmp_path).member.encoded)
    of_checkpoint = predicted(planet, spec, event)
    assert len(models) == len(LEARNED) == len(of_checkpoint)
    for model, variable in zip(models, LEARNED, strict=True):
        expected = model.predict(x.reshape(-1, x.shape[-1])).reshape(x.shape[:2]).astype(np.float32)
        assert np.array_equal(of_checkpoint[variable], expected), variable


@pytest.mark.slow
def test_members_predict_another_dataset_and_nothing_is_unpickled(planet, tmp_path, monkeypatch):
    specs = [spec_of(planet, "gradient_boosting", seeds={"init": s, "split": s}) for s in (0, 1)]
    events = [fitted(planet, spec, tmp_path / str(i))[0] for i, spec in enumerate(specs)]
    expected = [predicted(planet, spec, event) for spec, event in zip(specs, events, strict=True)]

    def never(*_, **__):
        raise AssertionError("a checkpoint is data")

    for name in ("load", "loads", "Unpickler"):
        monkeypatch.setattr(f"pickle.{name}", never)
    monkeypatch.setattr("joblib.load", never)
    members = {
        spec.run_id: Trained.open(Path(event.checkpoint.path))
        for spec, event in zip(specs, events, strict=True)
    }
    leaves = [x for m in members.values() for trees in m.params.values() for x in trees.values()]
    assert {(type(x), x.dtype.kind) for x in leaves} == {(np.ndarray, "u"), (np.ndarray, "i")}
    chosen = [7, 2, 5]
    fewer = planet.isel(pixel=chosen).assign(patch=planet["patch"][chosen].copy(data=[0, 1, 2]))
    predict.write(members, fewer.isel(time=slice(24)), tmp_path / "p.nc", each=True)
    with xr.open_dataset(tmp_path / "p.nc", engine="h5netcdf") as file:
        found = file.load()
    for k, series in enumerate(expected):
        for variable in LEARNED:
            at = series[variable][:24, chosen].T
            np.testing.assert_allclose(found[f"{variable}_member"].values[k].T, at, rtol=1e-6)
