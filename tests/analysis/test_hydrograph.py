"""Series of places: what was observed, the members' mean and range, and which places and days are drawn."""

import numpy as np
import pytest

from landlab_mgr.analysis import hydrograph
from landlab_mgr.errors import LandlabError

from . import forecasts, sample


def test_the_members_lie_around_their_mean(forecast, catalog, towers):
    days = {"start": "2003-01-01", "end": "2004-12-31"}
    ds = sample.computed(
        hydrograph.ANALYSIS, forecast, catalog, split="test", variable="lai", places="1,0", **days
    )
    assert list(ds["place"].values) == ["1", "0"]
    window = slice(24, 48)
    np.testing.assert_array_equal(ds["time"].values, towers["time"].values[window])
    seen = forecasts.observed(towers, "lai")[[1, 0]]
    np.testing.assert_allclose(ds["observed"], seen[:, window].astype("f4"))
    specs = forecasts.specs(catalog, "predictors = 'PFT+CLIM'")
    own = np.stack([forecasts.predicted(towers, s)["lai"][[1, 0]] for s in specs])
    gaps = np.where(np.isfinite(seen), 0.0, np.nan)
    [setup] = [s for s in ds["setup"].values if "CLIM" in str(s)]
    for name, expected in (
        ("modelled", own.mean(axis=0)), ("low", own.min(axis=0)), ("high", own.max(axis=0))
    ):  # fmt: skip
        np.testing.assert_allclose(ds[name].sel(setup=setup), (expected + gaps)[:, window], rtol=1e-5)
    whole = forecasts.r2(own.mean(axis=0)[0], seen[0])
    assert float(ds["nse"].sel(setup=setup, place="1")) == pytest.approx(whole, rel=1e-4)
    table = hydrograph.table(ds)
    assert len(table) == 4
    assert table["within the members"].between(0, 1).all()
    assert hydrograph.figure(ds.assign_attrs(analysis="x", filter="")).axes


def test_a_good_a_middling_and_a_poor_place_unless_told_otherwise(forecast, catalog):
    ds = sample.computed(hydrograph.ANALYSIS, forecast, catalog, split="train", variable="lai")
    assert 1 < ds.sizes["place"] <= 3
    assert (np.diff(ds["nse"].values[0]) <= 0).all()
    assert np.ptp(ds["time"].values) <= np.timedelta64(731, "D")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            {"places": "0,nowhere"},
            "option places: dataset .* has no place 'nowhere'; it has 0, 1, 2 and others, 12",
        ),
        ({"places": "11", "split": "test"}, "option places: 11 is not scored on test"),
        (
            {"start": "2005-01-01", "end": "2004-01-01"},
            "option start: 2005-01-01 is after the end, 2004-01-01",
        ),
        ({"start": "2050-01-01"}, "nothing is compared from 2050-01-01 to"),
    ],
)
def test_what_cannot_be_drawn_is_one_line(forecast, catalog, options, said):
    with pytest.raises(LandlabError, match=said):
        sample.computed(hydrograph.ANALYSIS, forecast, catalog, **({"variable": "lai"} | options))
