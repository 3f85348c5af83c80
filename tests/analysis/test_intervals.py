"""Intervals judged: numbers by hand, and no place that judges calibrates."""

import numpy as np
import pytest

from landlab_mgr.analysis import calibration, intervals
from landlab_mgr.errors import LandlabError
from landlab_mgr.observations import conformal

from . import forecasts
from .test_calibration import expected, in_memory

FOLDS = [{"kind": "kfold", "folds": 3, "fold": k} for k in range(3)]


@pytest.fixture(scope="module")
def patches(towers):
    """Members of one split by patches, with their specifications."""
    return in_memory(towers, [{}])


@pytest.mark.filterwarnings("ignore:Degrees of freedom", "ignore:Mean of empty")
def test_test_places_by_hand(patches, towers):
    ds, specs = patches
    result = intervals.compute(ds, intervals.IntervalsOptions(split="test"))
    one = result.sel(variable="gpp", group="all", level=0.5)
    factor, floor = expected(towers, specs, ["dev"])
    held_out = towers["test"].values
    x = np.stack([forecasts.predicted(towers, s)["gpp"] for s in specs]).astype(float)[:, held_out]
    y = forecasts.observed(towers, "gpp_fluxnet")[held_out]
    seen, mean, spread = np.isfinite(y), x.mean(axis=0), x.std(axis=0, ddof=1)
    assert int(one["pairs"]) == seen.sum()
    assert int(one["judging"]) == 2
    for kind, half in (("raw", 0.6744898 * spread), ("calibrated", factor * (spread + floor))):
        found, inside = one.sel(kind=kind), (np.abs(y - mean) <= half)[seen]
        assert float(found["coverage"]) == pytest.approx(inside.mean())
        assert float(found["width"]) == pytest.approx(2 * half[seen].mean(), rel=1e-4)
        score = conformal.winkler(mean - half, mean + half, y, 0.5)[seen].mean()
        assert float(found["winkler"]) == pytest.approx(score, rel=1e-4)
    patch = np.broadcast_to(towers["patch"].values[held_out][:, None], y.shape)[seen]
    shares = [inside[patch == p].mean() for p in np.unique(patch)]
    assert float(found["coverage_of_places"]) == pytest.approx(np.mean(shares))
    assert np.isnan(result["coverage"].sel(variable="gpp", group="all", level=0.95, kind="calibrated"))


def test_parts_make_up_the_whole(patches):
    ds, _ = patches
    result = intervals.compute(ds, intervals.IntervalsOptions(by="season")).sel(variable="lai")
    n = result["pairs"].to_series()
    assert n[list(intervals.SEASONS)].sum() == n["all"] == n["warm years"] + n["cool years"]
    assert n[[g for g in n.index if g.startswith("biome ")]].sum() == n["all"]
    for by, first in (("all", "all"), ("season", "DJF"), ("years", "warm years")):
        assert intervals.table(result.expand_dims("variable").assign_attrs(by=by))["of"].iloc[0] == first
    assert intervals.ANALYSIS.figure(result.expand_dims("variable").assign_attrs(analysis="", filter=""))


def test_a_place_that_judges_does_not_calibrate(towers):
    """Observations of a fold that are far off move no bound of that fold, and all others'."""
    ds, _ = in_memory(towers, FOLDS, 2)
    group, how = intervals._groups(ds)
    assert how == "each fold by the calibration of the others"
    patch = ds["patch"].values
    fold = np.isin(patch, np.flatnonzero(group == group[patch[0]]))
    far = ds.copy()
    far["gpp_fluxnet"] = ds["gpp_fluxnet"].copy(data=ds["gpp_fluxnet"].values + 1e3 * fold[:, None])

    def bounds(data):
        own = calibration.predictions(data, "test", ("test",), ["gpp"])["gpp"]
        other = calibration.predictions(data, "dev", ("dev", "test"), ["gpp"])["gpp"]
        return intervals._calibrated(own, other, group)[1][0]

    one, two = bounds(ds), bounds(far)
    assert np.isfinite(one[:, fold]).any()
    np.testing.assert_array_equal(one[:, fold], two[:, fold])
    moved = np.isfinite(one[:, ~fold])
    assert (two[:, ~fold][moved] > one[:, ~fold][moved]).all()


def test_warm_years_of_a_place():
    year = np.repeat([2001, 2002, 2003], 2)
    temperature = np.array([[1, 3, 9, 11, 5, 7.0], [1, 1, 1, 1, 1, 1]]).T
    seen = np.ones((6, 2), bool)
    seen[2:, 1] = False
    warm = intervals._warm(temperature, year, seen)
    assert warm[:, 0].tolist() == [0, 0, 1, 1, 0, 0], "10 is above the median 6 of 2, 10 and 6"
    assert (warm[:, 1] == -1).all(), "one year is neither"


def test_what_is_refused(patches):
    ds, _ = patches
    dev = ds["monthly.split"].values == "dev"
    other = int(np.flatnonzero(~(dev & dev[0]).any(axis=1))[0])
    with pytest.raises(LandlabError, match="dev: nothing is observed where two of 2 runs"):
        intervals.compute(ds.isel(run=[0, other]), intervals.IntervalsOptions())
