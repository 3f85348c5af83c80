"""Trust: intervals and spread against what was observed, new predictors, and what is refused."""

import numpy as np
import pytest

from landlab_mgr import analysis
from landlab_mgr.analysis import trust
from landlab_mgr.errors import LandlabError
from landlab_mgr.observations.metrics import coverage

from . import forecasts, sample

pytestmark = pytest.mark.slow

FILTER = "setup.groups = 'PFT+CLIM'"


def computed(forecast, catalog, filter=FILTER, **options):
    ds = sample.computed(trust.ANALYSIS, forecast, catalog, filter, **options)
    return ds.assign_attrs(analysis="0" * 16, filter=filter)


def pairs(towers, catalog, variable, stream, part):
    """Members [M, K], NaN where they are not judged, and observations [K] that two members or more are judged at."""
    specs = forecasts.specs(catalog, FILTER)
    x = np.stack([forecasts.predicted(towers, s)[variable] for s in specs]).astype(float)
    x[np.stack([forecasts.labels(towers, s) != part for s in specs])] = np.nan
    seen = forecasts.observed(towers, stream)
    chosen = np.isfinite(seen) & (np.isfinite(x).sum(axis=0) >= 2)
    return x[:, chosen], seen[chosen]


@pytest.mark.parametrize("part", ["test", "train"])
def test_coverage_spread_and_error_by_hand(forecast, catalog, towers, part):
    ds = computed(forecast, catalog, split=part).sel(variable="gpp")
    x, y = pairs(towers, catalog, "gpp", "gpp_fluxnet", part)
    m = np.isfinite(x).sum(axis=0)
    assert int(ds["pairs"]) == len(y)
    assert (int(ds["fewest"]), int(ds["most"])) == (m.min(), m.max())
    assert (m.min() == 6) == (part == "test"), "each member has train pixels of its own"
    for level in (0.5, 0.9):
        one = ds.sel(interval=level)
        held, expected = coverage(x, y, level)
        assert [float(one["coverage"]), float(one["expected"])] == pytest.approx(
            [held.mean(), expected.mean()]
        )
    if part == "test":  # six members: the 90 % interval is their whole range
        assert float(one["coverage"]) == ((x.min(axis=0) <= y) & (y <= x.max(axis=0))).mean()
    error = np.nanmean(x, axis=0) - y
    assert float(ds["rmse"]) == pytest.approx(np.sqrt((error**2).mean()), rel=1e-6)
    assert float(ds["mae"]) == pytest.approx(np.abs(error).mean(), rel=1e-6)
    variance = np.nanvar(x, axis=0, ddof=1) * (m + 1) / m
    assert float(ds["spread"]) == pytest.approx(np.sqrt(variance.mean()), rel=1e-6)
    assert float(ds["bin_spread"][0]) < float(ds["spread"]) < float(ds["bin_spread"][-1])
    assert float(ds["ranks"].sum()) == pytest.approx(1)


def test_dev_is_judged_where_two_members_have_it(forecast, catalog, towers):
    ds = computed(forecast, catalog)
    _, y = pairs(towers, catalog, "lai", "lai", "dev")
    assert int(ds["pairs"].sel(variable="lai")) == len(y)
    notes = ds.attrs["notes"]
    assert "runs that have it in dev; -o split=test takes all" in notes
    assert "of 2 members that are right, their whole range holds 33%" in notes
    assert "members predict without observation error" in notes
    assert "not observed where two runs are judged: nee" in notes


def test_observations_that_do_not_vary_have_coverage_all_the_same(forecast, catalog):
    row = trust.table(computed(forecast, catalog, split="test")).set_index("variable").loc["et"]
    assert row["in 90%"] < 0.5
    assert row["RMSE"] > 1


def test_new_predictors(forecast, catalog, towers):
    ds = computed(forecast, catalog, split="test", variables="gpp")
    names = trust.predictors_of(towers, forecasts.specs(catalog, FILTER)[0])
    assert set(names) == {n for n in towers if towers[n].attrs.get("group") in forecasts.FULL}
    share = np.zeros(12)
    for spec in forecasts.specs(catalog, FILTER):
        train = forecasts.labels(towers, spec) == "train"
        out = [
            (towers[n].values < towers[n].values[train].min())
            | (towers[n].values > towers[n].values[train].max())
            for n in names
        ]
        share += np.any(out, axis=0) / 6
    assert ds["outside"].values == pytest.approx(share)
    assert float(ds["outside_any"]) == pytest.approx(share[towers["test"].values].mean())
    assert "of the judged pixels are outside the training range of a predictor" in ds.attrs["notes"]
    position = computed(forecast, catalog, "setup.groups = 'LATLON'", split="test", variables="gpp")
    assert list(position["predictor"].values) == ["lat", "lon"]


def test_values_and_classes_that_nobody_trained_on():
    x = np.array([0.0, 2.0, 5.0, np.nan])
    assert list(trust.strange(x, np.array([1.0, 3.0, np.nan]), False)) == [True, False, True, False]
    assert list(trust.strange(x, np.array([0.0, 5.0]), True)) == [False, True, False, False]
    assert list(trust.strange(x, np.array([np.nan]), False)) == [True, True, True, False], "never seen at all"


def test_observation_error_from_the_dataset(towers, tmp_path):
    attrs = {"units": "1", "long_name": "weight", "role": "weight"}
    weight = np.full(towers["gpp_fluxnet"].shape, 1 / 2.0**2)  # a standard error of 2 gC m-2 d-1
    weighted = towers.assign(gpp_fluxnet_weight=(("pixel", "time"), weight, attrs))
    ws = forecasts.make(tmp_path / "ws", weighted, seeds=4, setups=(forecasts.FULL,))
    with ws.open() as catalog:
        plain, noisy = (computed(ws, catalog, "", split="test", noise=n) for n in ("none", "weights"))
        assert noisy.equals(computed(ws, catalog, "", split="test", noise="weights")), "drawn by seed"
    more = (noisy["spread"] ** 2 - plain["spread"] ** 2).sel(variable=["gpp", "lai"])
    assert float(more[0]) == pytest.approx(2.0**2 * 5 / 4, rel=0.15)  # (m + 1) / m of four members
    assert float(more[1]) == 0
    assert "observation error added by the dataset's weights: gpp; to others none" in noisy.attrs["notes"]


def test_the_figure(forecast, catalog):
    figure = trust.figure(computed(forecast, catalog, split="test"))
    shown = [ax for ax in figure.axes if ax.get_visible()]
    titles = [ax.get_title(loc="left") for ax in shown]
    assert any(t.startswith("A predictor outside the training range: ") for t in titles)
    assert sum("RMSE/spread" in t for t in titles) == 7
    assert any(t.startswith("GPP, n = ") for t in titles)
    assert [t.get_text() for t in shown[0].get_yticklabels()][:3] == ["GPP", "RECO", "NBE"]
    assert "no observation error added, synthetic data" in figure._suptitle.get_text()


@pytest.mark.parametrize(
    ("filter", "options", "message"),
    [
        (f"{FILTER} and seed = 0", {}, "one run of PFT.CLIM; a spread needs 2 or more"),
        ("", {}, "the runs are of 2 setups"),
        (FILTER, {"noise": "weights"}, "has no weights of what is observed by pixel and month"),
        (FILTER, {"variables": "nee"}, "dev: nothing is observed where two of 6 runs"),
    ],
)
def test_what_is_refused(forecast, catalog, filter, options, message):
    with pytest.raises(LandlabError, match=message):
        analysis.run(forecast, catalog, "trust", filter, options=options)
