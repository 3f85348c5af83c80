"""Skill by place: statistics by hand, members and their mean apart, medians over places."""

import numpy as np
import pytest

from landlab_mgr.analysis import basins
from landlab_mgr.errors import LandlabError

from . import forecasts, sample

FULL = "predictors = 'PFT+CLIM'"


@pytest.fixture(scope="module")
def computed(forecast, catalog):
    return sample.computed(basins.ANALYSIS, forecast, catalog, split="test", variable="lai")


def test_each_place_has_the_skill_of_the_mean_prediction(computed, towers, catalog):
    seen = forecasts.observed(towers, "lai")
    specs = forecasts.specs(catalog, FULL)
    mean = np.mean([forecasts.predicted(towers, s)["lai"] for s in specs], axis=0, dtype=float)
    test = towers["test"].values
    [setup] = [s for s in computed["setup"].values if "CLIM" in str(s)]
    nse = computed["mean"].sel(setup=setup, statistic="nse").values
    expected = [forecasts.r2(mean[i], seen[i]) for i in np.flatnonzero(test)]
    np.testing.assert_allclose(nse[test], expected, rtol=1e-4)
    assert np.isnan(nse[~test]).all(), "no other place is scored"
    parts = computed["mean"].sel(setup=setup).isel(place=np.flatnonzero(test))
    r, alpha, beta, kge = (parts.sel(statistic=s).values for s in ("r", "alpha", "beta", "kge"))
    np.testing.assert_allclose(kge, 1 - np.sqrt((r - 1) ** 2 + (alpha - 1) ** 2 + (beta - 1) ** 2), rtol=1e-4)
    at = int(np.flatnonzero(test)[0])
    pairs = np.isfinite(seen[at])
    assert r[0] == pytest.approx(np.corrcoef(mean[at][pairs], seen[at][pairs])[0, 1], rel=1e-4)
    first = computed["member"].sel(statistic="nse", run=specs[0].run_id).values
    own = forecasts.predicted(towers, specs[0])["lai"]
    assert first[at] == pytest.approx(forecasts.r2(own[at], seen[at]), rel=1e-4)


def test_a_row_of_the_table_is_of_medians_over_places(computed):
    table = basins.table(computed).set_index("setup")
    setup = table.index[0]
    nse = computed["mean"].sel(setup=setup, statistic="nse").values
    nse = nse[np.isfinite(nse)]
    assert table.loc[setup, "nse"] == pytest.approx(np.median(nse))
    assert table.loc[setup, "nse < 0"] == (nse < 0).mean()
    assert (table.loc[setup, "runs"], table.loc[setup, "places"]) == (forecasts.SEEDS, len(nse))
    of = computed["member"].sel(run=computed["setup_of"] == setup, statistic="nse").values
    medians = np.nanmedian(of[:, np.isfinite(of).all(axis=0)], axis=1)
    assert table.loc[setup, "members"] == pytest.approx(np.median(medians))
    by_place = basins.table(computed.assign_attrs(rows="place"))
    assert len(by_place) == computed.sizes["setup"] * len(nse)
    assert by_place.loc[0, "nse"] == pytest.approx(nse[0])
    assert by_place.loc[0, "steps"] == computed["n"].sel(place=by_place.loc[0, "place"])
    assert basins.figure(computed.assign_attrs(analysis="x", filter="")).axes


def test_what_may_be_negative_has_no_flow_duration_curve():
    series = np.random.default_rng(0).normal(size=(50, 2))
    values = dict(zip(basins.STATISTICS, basins.statistics(series, series, flows=False), strict=True))
    assert values["nse"] == pytest.approx(np.ones(2))
    assert np.isnan([values["fhv"], values["flv"]]).all()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            {"variable": "discharge"},
            "option variable: nothing observes 'discharge' step by step; there are: lai",
        ),
        ({"split": "withheld", "variable": "lai"}, "has no withheld observations"),
    ],
)
def test_what_is_not_scored_is_one_line(forecast, catalog, options, said):
    with pytest.raises(LandlabError, match=said):
        sample.computed(basins.ANALYSIS, forecast, catalog, **options)
