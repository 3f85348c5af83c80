"""Daily towers whose records cover other years: one dataset, each observed where its record is."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from landlab_mgr.data import check, split
from landlab_mgr.data.sources import differland_daily
from landlab_mgr.errors import LandlabError
from landlab_mgr.observations.calendar import Calendar
from landlab_mgr.spec.run import SplitSpec

FORCING = ("T2M_MIN", "T2M_MAX", "SSRD", "CO2", "VPD", "TOTAL_PREC")


def write_site(path, first_day, days, observed=("GPP", "LAI")):
    """A site's file as DifferLand has it; forcing tells its own day."""
    time = first_day + np.arange(days)
    ds = xr.Dataset({"LAT": 40.0}, {"time": time})
    for k, name in enumerate(FORCING):
        ds[name] = ("time", (5.0 + k) * (1 + 0.5 * np.sin(2 * np.pi * time / 365.25)))
    ds["CO2"] = ("time", 370 + time / 1000)
    for name in observed:
        values = 2 + np.sin(2 * np.pi * time / 365.25)
        values[5] = np.nan
        ds[name] = ("time", values)
        ds[f"{name}unc"] = ("time", np.where(np.arange(days) < 10, 4.0, 1.0))
    ds.to_netcdf(path)
    return ds


@pytest.fixture
def sites(tmp_path):
    """Site A with the years 2001 and 2002, site B with 2003 and 2004."""
    a = write_site(tmp_path / "AA-One.nc", 0, 730)
    b = write_site(tmp_path / "BB-Two.nc", 730, 731, observed=("GPP", "NBE"))
    pd.DataFrame({"SITE_ID": ["BB-Two", "AA-One"], "lon": [2.0, 1.0], "lat": [50.0, 40.0]}).to_csv(
        tmp_path / "site_coords.csv", index=False
    )
    return tmp_path, a, b


def test_each_site_is_observed_in_its_own_years(sites):
    directory, a, b = sites
    ds, notices = differland_daily.read(directory)
    assert ds.sizes == {"pixel": 2, "time": 1461}
    assert list(ds["site"].values) == ["AA-One", "BB-Two"]
    assert ds["lat"].values.tolist() == [40.0, 50.0]
    assert str(ds["time"].values[0])[:10] == "2001-01-01"
    assert Calendar.of(ds).step == "day"
    np.testing.assert_array_equal(ds["gpp_fluxnet"].values[0, :730], a["GPP"])
    np.testing.assert_array_equal(ds["gpp_fluxnet"].values[1, 730:], b["GPP"])
    assert np.isnan(ds["gpp_fluxnet"].values[0, 730:]).all()
    assert np.isnan(ds["lai"].values[1]).all()
    assert "reco_fluxnet" not in ds
    assert "outside its record a site's stores stand still" in notices[0]
    np.testing.assert_array_equal(ds["in_record"].values, np.repeat([[1, 0], [0, 1]], [730, 731], axis=1))
    assert not [line for line in check.check(ds).errors if line]


def test_forcing_outside_a_record_repeats_its_own_years(sites):
    directory, a, b = sites
    ds, _ = differland_daily.read(directory)
    warmth = ds["tmax"].values
    np.testing.assert_array_equal(warmth[0, :730], a["T2M_MAX"])
    np.testing.assert_array_equal(warmth[1, 730:], b["T2M_MAX"])
    np.testing.assert_array_equal(warmth[0, 730:1460], a["T2M_MAX"])
    own_season = np.corrcoef(warmth[1, :730], b["T2M_MAX"].values[:730])[0, 1]
    assert own_season > 0.999


def test_uncertainties_become_weights_on_request(sites):
    directory, *_ = sites
    plain, _ = differland_daily.read(directory)
    assert "gpp_fluxnet_weight" not in plain
    ds, _ = differland_daily.read(directory, uncertainty=True)
    weight = ds["gpp_fluxnet_weight"].values[0]
    assert weight[0] == pytest.approx(1 / 16)
    assert weight[20] == 1


def test_a_fraction_of_each_record_trains(sites):
    directory, *_ = sites
    ds, _ = differland_daily.read(directory)
    out = split.withheld_months(ds, SplitSpec(kind="years", train_fraction=0.5))
    assert out.argmax(axis=0).tolist() == [365, 730 + 366]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda d: (d / "site_coords.csv").unlink(), "no .*site_coords.csv"),
        (lambda d: (d / "site_coords.csv").write_text("a,b\n1,2\n"), "is no table of SITE_ID, lon and lat"),
        (lambda d: (d / "site_coords.csv").write_text("SITE_ID,lon,lat\nAA-One,1,2\n"), "no line for BB-Two"),
        (lambda d: [p.unlink() for p in d.glob("*.nc")], "holds no .nc file"),
        (
            lambda d: xr.Dataset({"T2M_MIN": ("time", [1.0, 2.0])}, {"time": [0, 1]}).to_netcdf(
                d / "AA-One.nc"
            ),
            "has no CO2, SSRD",
        ),
    ],
)
def test_what_cannot_be_read_is_named(sites, spoil, message):
    directory, *_ = sites
    spoil(directory)
    with pytest.raises(LandlabError, match=message):
        differland_daily.read(directory)


@pytest.mark.fixtures
def test_the_published_sites(shared_data):
    ds, _ = differland_daily.read(shared_data / "data" / "daily_towers")
    assert ds.sizes == {"pixel": 12, "time": 7669}
    published = pd.read_csv(shared_data / "data" / "daily_towers" / "published_nse.csv").drop_duplicates(
        "site"
    )
    out = split.withheld_months(ds, SplitSpec(kind="years", train_fraction=5 / 9))
    begins = ds["time"].values.astype("datetime64[D]")[out.argmax(axis=0)]
    for site, test_begins in zip(published["site"], published["test_begins"], strict=True):
        [k] = np.flatnonzero(ds["site"].values == site)
        assert abs((begins[k] - np.datetime64(test_begins)).astype(int)) <= 3, site
