"""Skill against ensemble size: against brute force over subsets, and what is refused."""

from itertools import combinations

import numpy as np
import pytest

from landlab_mgr import analysis
from landlab_mgr.analysis import curve, skill
from landlab_mgr.errors import LandlabError

from . import forecasts, sample

FILTER = "setup.groups = 'PFT+CLIM'"


def computed(forecast, catalog, filter=FILTER, **options):
    ds = sample.computed(curve.ANALYSIS, forecast, catalog, filter, **options)
    return ds.assign_attrs(analysis="0" * 16, filter=filter)


@pytest.mark.parametrize("part", ["train", "test"])
def test_every_subset_as_if_its_mean_had_been_predicted(forecast, catalog, towers, part):
    ds = computed(forecast, catalog, split=part, variables="gpp", draws=20).sel(variable="gpp")
    assert list(ds["subsets"].values) == [6, 15, 20, 15, 6, 1]
    specs = forecasts.specs(catalog, FILTER)
    seen = forecasts.observed(towers, "gpp_fluxnet")
    scored = np.stack([forecasts.labels(towers, s) == part for s in specs])
    x = np.stack([forecasts.predicted(towers, s)["gpp"] for s in specs]).astype(float)
    x[~scored] = np.nan
    for size in (1, 3, 6):
        subsets = [list(c) for c in combinations(range(6), size)]
        with np.errstate(invalid="ignore"):
            means = [np.nansum(x[c], axis=0) / np.isfinite(x[c]).sum(axis=0) for c in subsets]
        values = [forecasts.r2(m, seen) for m in means]
        found = ds["skill"].sel(size=size).values
        assert found == pytest.approx(np.quantile(values, curve.QUANTILES), rel=1e-5), size
        if part == "test":
            inside = np.isfinite(seen) & scored.all(axis=0)[:, None]
            between = np.sqrt(np.var([m[inside] for m in means], axis=0).mean())
            assert float(ds["spread"].sel(size=size)) == pytest.approx(between, rel=1e-4, abs=1e-6)


def test_all_members_are_the_ensemble_mean_of_skill(forecast, catalog):
    ds = computed(forecast, catalog)
    options = {"split": "train", "of": "ensemble_mean"}
    whole = sample.computed(skill.ANALYSIS, forecast, catalog, FILTER, **options)["skill"].isel(ensemble=0)
    last = ds["skill"].sel(size=6, quantile=0.5)
    assert set(last["variable"].values) == {"gpp", "reco", "nbe", "lai", "biomass", "som"}
    for variable in last["variable"].values:
        assert float(last.sel(variable=variable)) == pytest.approx(
            float(whole.sel(variable=variable)), rel=1e-6
        )


def test_what_is_said_and_drawn(forecast, catalog):
    ds = computed(forecast, catalog, enough=0.9)
    notes = ds.attrs["notes"].splitlines()
    assert any(n.startswith("no R2: nee, et (not observed there") for n in notes)
    assert any(n.startswith("3 of 6 members are enough (median gain < 0.9): gpp") for n in notes)
    assert any(
        n.startswith("from 3 to 6 members R2 still gains: gpp +0.0")
        for n in computed(forecast, catalog, enough=1e-6).attrs["notes"].splitlines()
    )
    table = curve.table(ds).set_index("variable")
    assert table.loc["gpp", "6 members"] > table.loc["gpp", "R2, 1 member"], "errors average out"
    assert table.loc["gpp", "units"] == "gC m-2 d-1"
    figure = curve.figure(ds)
    titles = [ax.get_title(loc="left") for ax in figure.axes if ax.get_visible()]
    assert titles == [
        "GPP",
        "RECO",
        "NBE",
        "LAI",
        "biomass",
        "SOM",
        "spread of subset means\n/ sd of observations",
    ]


def test_the_same_seed_draws_the_same_subsets():
    one, two = (curve._subsets(20, 10, 50, seed) for seed in (3, 3))
    assert (one == two).all()
    assert (one.sum(axis=1) == 10).all()
    assert not (one == curve._subsets(20, 10, 50, 4)).all()
    assert len(curve._subsets(5, 2, 50, 0)) == 10, "all there are"


@pytest.mark.parametrize(
    ("filter", "options", "message"),
    [
        (f"{FILTER} and seed < 2", {}, "2 runs of PFT.CLIM; a curve needs 3 or more"),
        ("", {}, "the runs are of 2 setups"),
        (
            FILTER,
            {"variables": "et,nee"},
            "no variable has R2 on train: nee, et are not observed there, or do not vary",
        ),
        (FILTER, {"variables": "height"}, "no observed 'height'"),
        (
            FILTER,
            {"split": "dev"},
            "option split of analysis curve: Input should be 'train', 'test' or 'withheld'",
        ),
    ],
)
def test_what_is_refused(forecast, catalog, filter, options, message):
    with pytest.raises(LandlabError, match=message):
        analysis.run(forecast, catalog, "curve", filter, options=options)
