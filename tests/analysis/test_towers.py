"""Towers: site means and months, all sites and those held out, and what is refused."""

import numpy as np
import pytest
import xarray as xr

from landlab_mgr import analysis
from landlab_mgr.analysis import members
from landlab_mgr.analysis import towers as module
from landlab_mgr.errors import LandlabError
from landlab_mgr.models import registry

from . import forecasts, sample

pytestmark = pytest.mark.slow

FILTER = "setup.groups = 'PFT+CLIM'"

TOWER_STREAMS = [name for name, stream in registry.streams().items() if stream.tower]


@pytest.fixture(scope="module")
def result(forecast):
    with forecast.open() as catalog:
        before = len(catalog.events(kind="read_test"))
        found = analysis.run(forecast, catalog, "towers", FILTER)
        assert len(catalog.events(kind="read_test")) == before + 1, "held-out sites were looked at"
    return found


def test_site_means_and_months(forecast, towers, result):
    ds = result.dataset.sel(variable="gpp")
    with forecast.open(read_only=True) as catalog:
        specs = forecasts.specs(catalog, FILTER)
    seen = forecasts.observed(towers, "gpp_fluxnet")
    x = np.stack([forecasts.predicted(towers, s)["gpp"] for s in specs]).astype(float)
    sites = np.isfinite(seen).any(axis=1)
    test = sites & towers["test"].values
    assert list(ds["n_sites"].values) == [9, 3] == [sites.sum(), test.sum()]
    assert list(ds["n_months"].values) == [np.isfinite(seen[c]).sum() for c in (sites, test)]
    for where, chosen in (("all", sites), ("held out", test)):
        gap = np.where(np.isfinite(seen), 0, np.nan)
        observed = np.nanmean(seen[chosen], axis=1)
        for model, found in [*zip(x, ds["member"], strict=True), (x.mean(axis=0), ds["mean"])]:
            means = np.nanmean((model + gap)[chosen], axis=1)
            one = found.sel(sites=where)
            assert float(one.sel(statistic="r")) == pytest.approx(
                np.corrcoef(means, observed)[0, 1], rel=1e-5
            )
            assert float(one.sel(statistic="R2_sites")) == pytest.approx(
                forecasts.r2(means, observed), rel=1e-5
            )
            assert float(one.sel(statistic="R2")) == pytest.approx(
                forecasts.r2(model[chosen], seen[chosen]), rel=1e-5
            )
            rmse = np.sqrt(np.nanmean((model - seen)[chosen] ** 2))
            assert float(one.sel(statistic="rmse")) == pytest.approx(rmse, rel=1e-5)
    assert np.isnan(ds["observed"].values[~sites]).all()


def test_the_table_names_members_and_their_mean(result):
    table = module.table(result.dataset)
    assert list(dict.fromkeys(table["variable"])) == ["gpp", "reco", "et"]
    gpp = table[(table["variable"] == "gpp") & (table["sites"] == "held out")].set_index("of")
    assert list(gpp.index) == ["6 members", "ensemble mean"]
    assert "±" in gpp.loc["6 members", "R2 of months"]
    assert float(gpp.loc["ensemble mean", "R2 of months"]) > float(
        gpp.loc["6 members", "R2 of months"].split()[0]
    )
    et = table[table["variable"] == "et"]
    assert (et["R2 of months"] == "undefined").all(), "constant observations: not 0"
    assert (et["r of site means"] == "undefined").all()
    notes = result.dataset.attrs["notes"]
    assert "no site with 13 months: nee" in notes
    assert "the 3 test sites that none did" in notes


def test_the_figure_has_a_panel_for_each_flux(result):
    figure = module.figure(result.dataset)
    assert [ax.get_xlabel() for ax in figure.axes] == [
        *("observed GPP (gC m-2 d-1)", "observed RECO (gC m-2 d-1)", "observed ET (mm d-1)")
    ]
    assert "held out: r =" in figure.axes[0].get_title(loc="left")
    held_out, others = figure.axes[0].collections[-2:]
    assert (len(held_out.get_offsets()), len(others.get_offsets())) == (3, 6)


def test_short_records_can_be_left_out(forecast, towers):
    months = np.isfinite(forecasts.observed(towers, "gpp_fluxnet")).sum(axis=1)
    least = int(np.sort(months)[-4])
    with forecast.open() as catalog:
        options = {"min_months": least, "together": "none"}
        ds = sample.computed(module.ANALYSIS, forecast, catalog, FILTER, **options)
        assert int(ds["n_sites"].sel(variable="gpp", sites="all")) == (months >= least).sum() < 9
        with pytest.raises(
            LandlabError, match=r"has 97 months of gpp, reco, et at once .* give a smaller min_months"
        ):
            sample.computed(module.ANALYSIS, forecast, catalog, FILTER, min_months=97)


def test_what_is_refused(forecast, towers, planet, tmp_path):
    with forecast.open() as catalog, pytest.raises(LandlabError, match="the runs are of 2 setups"):
        analysis.run(forecast, catalog, "towers")
    none = towers.drop_vars([v for v in towers if str(v).removesuffix("_withheld") in TOWER_STREAMS])
    bare = forecasts.make(tmp_path / "none", none, seeds=1, setups=(forecasts.FULL,))
    with (
        bare.open() as catalog,
        pytest.raises(LandlabError, match=r"has no tower streams \(gpp_fluxnet, reco"),
    ):
        analysis.run(bare, catalog, "towers")
    coarse = forecasts.make(tmp_path / "coarse", towers, by_patch=True, seeds=1, setups=(forecasts.FULL,))
    with (
        coarse.open() as catalog,
        pytest.raises(LandlabError, match="holds means of 6 patches, and no series of towers"),
    ):
        analysis.run(coarse, catalog, "towers")


def test_towers_without_a_value_are_no_older_version(planet):
    nothing = planet.assign({n: planet[n] * np.nan for n in planet if str(n).endswith(("_fluxnet", "_site"))})
    means_of_patches = xr.Dataset({"gpp": (("patch", "time"), np.zeros((6, 36)))}, attrs={"run_id": "r"})
    with pytest.raises(LandlabError, match=r"no pixel of dataset .* has a value of a tower"):
        members._of_towers(nothing, means_of_patches)
    with pytest.raises(LandlabError, match="as older versions left it"):
        members._of_towers(planet, means_of_patches)
