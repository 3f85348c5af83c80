"""Calibration of intervals: whose errors count, versions, and what is refused."""

import shutil

import numpy as np
import pytest
import xarray as xr

from landlab_mgr.analysis import apply, calibration
from landlab_mgr.errors import LandlabError
from landlab_mgr.observations import conformal
from landlab_mgr.spec.run import RunSpec
from landlab_mgr.workspace.workspace import Workspace

from . import forecasts, sample
from .test_contract import by_hand

FILTER = "setup.groups = 'PFT+CLIM'"


def in_memory(towers, splits, seeds=6):
    """Predictions of members with these splits beside a dataset."""
    specs = [
        RunSpec(
            dataset="hand",
            predictors=forecasts.FULL,
            warmup_months=forecasts.WARMUP,
            split=split,
            seeds={"init": s, "split": s, "shuffle": s},
        )
        for split in splits
        for s in range(seeds)
    ]
    ds = by_hand(["PFT+CLIM"], len(specs)).merge(towers, combine_attrs="drop_conflicts")
    ds = ds.assign_coords(spec=("run", np.array([spec.model_dump_json() for spec in specs], object)))
    for name in ("gpp", "lai"):
        values = np.stack([forecasts.predicted(towers, spec)[name] for spec in specs])
        ds[f"monthly.{name}"] = (("run", "pixel", "time"), values)
    ds["monthly.split"] = (("run", "pixel"), np.stack([forecasts.labels(towers, spec) for spec in specs]))
    wanted = [n for n in ds.data_vars if n not in forecasts.KEPT or n in ("gpp_fluxnet", "lai")]
    return ds[wanted].assign_attrs(towers.attrs | {"synthetic": 1}), specs


def expected(towers, specs, labels):
    """Factor of 50 % and floor of GPP, from all that members predict where their label is among these."""
    x = np.stack([forecasts.predicted(towers, s)["gpp"] for s in specs]).astype(float)
    label = np.stack([forecasts.labels(towers, s) for s in specs])
    x[~np.isin(label, labels) | (label == "test").all(axis=0)] = np.nan
    enough = np.isfinite(x).sum(axis=0) >= 2
    error = np.where(enough, forecasts.observed(towers, "gpp_fluxnet") - np.nanmean(x, axis=0), np.nan).T
    spread = np.where(enough, np.nanstd(x, axis=0, ddof=1), np.nan).T
    patch = towers["patch"].values
    floor = conformal.floor_of(error, spread, patch)
    return conformal.factors(conformal.scores_of(error, spread, floor), patch, [0.5])[0], floor


@pytest.mark.filterwarnings("ignore:Degrees of freedom", "ignore:Mean of empty")
@pytest.mark.parametrize("places", ["dev", "folds"])
def test_errors_at_places_that_members_did_not_learn_from(towers, places):
    splits = [{"kind": "kfold", "folds": 2, "fold": k} for k in range(2)] if places == "folds" else [{}]
    ds, specs = in_memory(towers, splits)
    result = calibration.compute(ds, calibration.CalibrationOptions(places=places))
    found = result.sel(variable="gpp")
    factor, floor = expected(towers, specs, ["dev", "test"] if places == "folds" else ["dev"])
    assert float(found["factor"].sel(level=0.5)) == pytest.approx(factor, rel=1e-4)
    assert float(found["floor"]) == pytest.approx(floor, rel=1e-4)
    assert int(found["places"]) == (6 if places == "folds" else found["places"])
    assert np.isnan(found["factor"].sel(level=0.99))
    assert "95 % needs 19" in result.attrs["notes"]
    assert calibration.table(result)["factor 95%"].isna().all()
    assert calibration.ANALYSIS.figure(result.assign_attrs(analysis="", filter=""))


@pytest.mark.parametrize("places", ["dev", "folds"])
def test_what_every_member_holds_out_never_calibrates(towers, places):
    ds, _ = in_memory(towers, [{}])
    other = ds.copy()
    for name in ("gpp_fluxnet", "lai"):
        other[name] = xr.where(ds["test"], 1e6, ds[name], keep_attrs=True).transpose("pixel", "time")
        other[name].attrs = ds[name].attrs
    one, two = (calibration.compute(d, calibration.CalibrationOptions(places=places)) for d in (ds, other))
    xr.testing.assert_identical(one, two)


def test_what_is_refused(forecast, catalog, towers):
    with pytest.raises(
        LandlabError, match=r"the runs are of 2 setups .* and intervals are of one: give a filter"
    ):
        sample.computed(calibration.ANALYSIS, forecast, catalog)
    ds, _ = in_memory(towers, [{}])
    with pytest.raises(LandlabError, match="a spread needs 2 or more"):
        calibration.compute(ds.isel(run=[0]), calibration.CalibrationOptions())
    dev = ds["monthly.split"].values == "dev"
    other = int(np.flatnonzero(~(dev & dev[0]).any(axis=1))[0])
    with pytest.raises(
        LandlabError, match=r"nothing is observed where two of 2 runs .* have a dev pixel: more seeds"
    ):
        calibration.compute(ds.isel(run=[0, other]), calibration.CalibrationOptions())


def test_each_calibration_is_a_version(forecast, tmp_path):
    shutil.copytree(forecast.root, tmp_path / "ws")
    workspace = Workspace.at(tmp_path / "ws", str(tmp_path / "ws" / "landlab.db"))
    with workspace.open() as catalog:
        before = catalog.test_reads()
    one, two = (apply.calibrate(FILTER, workspace) for _ in range(2))
    with workspace.open() as catalog:
        records = apply.calibrations(catalog, _ids(catalog))
        assert [r.options["version"] for r in records] == [1, 2]
        assert catalog.test_reads() == before, "no look at test"
        assert not apply.calibrations(catalog, _ids(catalog)[:3])
    np.testing.assert_array_equal(one.dataset["factor"], two.dataset["factor"])
    assert one.record.id != two.record.id


def _ids(catalog):
    return list(catalog.runs(FILTER)["run_id"])
