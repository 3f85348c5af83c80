"""Towers' files of the networks: steps, quality, units, gaps and places, against pandas and hand-worked values."""

import zipfile

import numpy as np
import pandas as pd
import pytest

from landlab_mgr.data import check, predictors
from landlab_mgr.data.sources import fluxnet
from landlab_mgr.errors import LandlabError

from . import flux_files

HH = "AMF_AA-One_FLUXNET_FULLSET_HH_2015-2016_3-5.csv"
PLACE = {"AA-One": (50.0, 10.0)}
FORCING = ("tmin", "tmax", "ssrd", "vpd", "precip")


@pytest.fixture(scope="module")
def table():
    return flux_files.half_hours()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return flux_files.write_towers(tmp_path_factory.mktemp("towers"))


def read(path, **options):
    return fluxnet.read([path], fluxnet.Options(places=PLACE, **options))


@pytest.fixture(scope="module")
def of_each_step(tmp_path_factory, table):
    """The same tower from half-hours, days and months."""
    folder = tmp_path_factory.mktemp("steps")
    daily = flux_files.days(table)
    parts = {"HH": table, "DD": daily, "MM": flux_files.months(daily)}
    return {
        step: read(flux_files.write(folder / step / f"FLX_AA-One_{step}.csv", part, step)).dataset
        for step, part in parts.items()
    }


@pytest.mark.parametrize("step", ["DD", "MM"])
def test_half_hours_days_and_months_of_a_tower_are_one_dataset(of_each_step, step):
    whole, other = of_each_step["HH"], of_each_step[step]
    for name in (*FORCING, "gpp_fluxnet", "reco_fluxnet", "nee_site"):
        np.testing.assert_allclose(whole[name], other[name], rtol=1e-9, atol=1e-9, err_msg=name)
    # latent heat over that of the mean temperature: a per mille of the half-hours' own
    np.testing.assert_allclose(whole["et_fluxnet"], other["et_fluxnet"], rtol=5e-3)


def test_a_month_worked_by_hand(of_each_step, table):
    ds, july = of_each_step["HH"].isel(pixel=0, time=6), table.loc["2015-07"]
    dark = july["SW_IN_POT"] <= 0
    water = july["LE_F_MDS"] * 0.0864 / (2.501 - 0.002361 * july["TA_F"])
    expected = {
        "tmin": july["TA_F"][dark].mean(),
        "tmax": july["TA_F"][~dark].mean(),
        "ssrd": july["SW_IN_F"].mean() * 0.0864,
        "vpd": july["VPD_F"].mean(),
        "precip": july["P_F"].sum() / 31,
        "gpp_fluxnet": july["GPP_NT_VUT_REF"].mean() * 1.0377504,
        "et_fluxnet": water.mean(),
    }
    for name, value in expected.items():
        assert ds[name].item() == pytest.approx(value, rel=1e-6), name


def test_leap_days_count(tmp_path, table):
    table = table.loc["2016-01":"2016-12"].copy()
    table["P_F"] = 0.0
    table.loc["2016-02-29", "P_F"] = 1.0
    ds = read(flux_files.write(tmp_path / HH, table)).dataset
    assert ds["precip"].values[0, :3] == pytest.approx([0, 48 / 29, 0])


def test_a_month_of_too_few_measured_data_is_left_out(tmp_path, table):
    table = table.loc["2015"].copy()
    table.loc["2015-03-01":"2015-03-09", "NEE_VUT_REF_QC"] = 2  # 22 of 31 days are good: 71 %
    table.loc["2015-04-01":"2015-04-10", "NEE_VUT_REF_QC"] = 3  # 20 of 30: 67 %
    table.loc["2015-05", "NEE_VUT_REF_QC"] = 1  # filled with confidence
    table.loc["2015-06-01":"2015-06-12", "NEE_VUT_REF"] = np.nan  # 18 of 30 are there
    path = flux_files.write(tmp_path / HH, table)
    kept = np.isfinite(read(path).dataset["nee_site"].values[0])
    assert kept.tolist() == [True, True, True, False, True, False, *[True] * 6]
    assert np.isfinite(read(path, share=0.0).dataset["nee_site"].values).all()
    assert read(path).kept.iloc[0]["nee"] == "10 of 12"


def test_gaps_at_one_time_of_day_do_not_tilt_a_month(tmp_path, table):
    table = table.loc["2015"].copy()
    full = read(flux_files.write(tmp_path / "full" / HH, table)).dataset["gpp_fluxnet"].values[0, 5]
    noons = (table.index.month == 6) & (table.index.hour == 12) & (table.index.day > 1)
    table.loc[noons, "GPP_NT_VUT_REF"] = np.nan
    gappy = read(flux_files.write(tmp_path / "gappy" / HH, table)).dataset["gpp_fluxnet"].values[0, 5]
    assert gappy == pytest.approx(full, rel=0.01)


def test_days_of_a_daily_dataset(tmp_path, table):
    daily = flux_files.days(table)
    ds = read(flux_files.write(tmp_path / "FLX_AA-One_DD.csv", daily, "DD"), step="day").dataset
    assert ds.sizes["time"] == 731
    np.testing.assert_allclose(ds["gpp_fluxnet"].values[0], daily["GPP_NT_VUT_REF"])
    whole = read(flux_files.write(tmp_path / "hh" / HH, table), step="day").dataset
    np.testing.assert_allclose(whole["tmin"], ds["tmin"], atol=1e-9)


def test_weeks_are_spread_over_their_days(tmp_path, table):
    daily = flux_files.days(table)
    week = daily.index.day_of_year - 1
    starts = daily.index - pd.to_timedelta(np.minimum(week, 357) % 7, "D")
    starts = pd.DatetimeIndex(np.where(week >= 357, daily.index - pd.to_timedelta(week - 357, "D"), starts))
    weekly = daily.groupby(starts).mean()
    got = read(flux_files.write(tmp_path / "FLX_AA-One_WW.csv", weekly, "WW"))
    exact = flux_files.months(daily)["GPP_NT_VUT_REF"]
    np.testing.assert_allclose(got.dataset["gpp_fluxnet"].values[0], exact, rtol=0.05)
    assert any("weeks are spread" in line for line in got.notices)


def test_sites_of_other_years_keep_their_own_observations(folder):
    ds, notices, kept = fluxnet.read([folder])
    assert ds.sizes == {"pixel": 2, "time": 36}
    assert ds["site"].values.tolist() == ["AA-One", "BB-Two"]
    assert np.isfinite(ds["gpp_fluxnet"].values).tolist() == [
        [True] * 24 + [False] * 12,
        [False] * 24 + [True] * 12,
    ]
    np.testing.assert_array_equal(ds["tmax"].values[0, 24:], ds["tmax"].values[0, :12])
    np.testing.assert_array_equal(ds["tmax"].values[1, :12], ds["tmax"].values[1, 24:])
    assert ds["forcing_source"].values[0].tolist() == [0] * 24 + [4] * 12
    np.testing.assert_array_equal(ds["in_record"].values == 1, ds["forcing_source"].values != 4)
    assert not check.check(ds).errors
    assert kept["repeated"].tolist() == ["12", "24"]
    assert any("nothing is observed" in line for line in notices)


def test_sites_have_classes_groups_and_gaps(folder):
    ds = fluxnet.read([folder]).dataset
    assert {name: ds[name].attrs["group"] for name in ("igbp", "elevation_m", "clay")} == {
        "igbp": "PFT",
        "elevation_m": "TOPO",
        "clay": "SOIL",
    }
    assert ds["igbp"].attrs["flag_meanings"] == "ENF GRA"
    assert np.isnan(ds["clay"].values[1])
    train = np.ones(2, bool)
    encoder = predictors.encode(ds, ("PFT",), train, 0)
    assert encoder.columns == ["igbp=ENF", "igbp=GRA"]


def test_badm_files_tell_places(tmp_path, table):
    daily = flux_files.days(table.loc["2015"])
    flux_files.write(tmp_path / "FLX_CC-Tri_FLUXNET2015_SUBSET_DD_2015-2015_1-4.csv", daily, "DD")
    rows = ["SITE_ID,GROUP_ID,VARIABLE_GROUP,VARIABLE,DATAVALUE"]
    facts = {"LOCATION_LAT": "-35.5", "LOCATION_LONG": "148.1", "LOCATION_ELEV": "1200", "IGBP": "EBF"}
    rows += [f'CC-Tri,{i},GRP,{name},"{value}"' for i, (name, value) in enumerate(facts.items())]
    (tmp_path / "FLX_AA-Flx_BIF_DD.csv").write_text("\n".join(rows))
    ds = fluxnet.read([tmp_path]).dataset
    assert (ds["lat"].item(), ds["lon"].item(), ds["elevation_m"].item()) == (-35.5, 148.1, 1200)
    assert ds["igbp"].attrs["flag_meanings"] == "EBF"


def test_archives_are_read_and_the_full_set_is_preferred(tmp_path, table):
    daily = flux_files.days(table.loc["2015"])
    subset = flux_files.write(tmp_path / "AMF_AA-One_FLUXNET_SUBSET_DD_2015-2015_3-5.csv", daily * 2, "DD")
    full = flux_files.write(tmp_path / "AMF_AA-One_FLUXNET_FULLSET_DD_2015-2015_3-5.csv", daily, "DD")
    archive = tmp_path / "AMF_AA-One_FLUXNET_2015-2015_3-5.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path in (subset, full):
            file.write(path, f"in/{path.name}")
            path.unlink()
    ds = read(archive).dataset
    np.testing.assert_allclose(ds["gpp_fluxnet"], flux_files.months(daily)["GPP_NT_VUT_REF"].to_numpy()[None])


def with_gaps(tmp_path, table):
    """Two years without rain in the second, and a reanalysis file of three."""
    monthly = flux_files.months(flux_files.days(table))
    monthly.loc["2016", "P_F"] = np.nan
    flux_files.write(tmp_path / "FLX_AA-One_FULLSET_MM.csv", monthly, "MM")
    index = pd.date_range("2014-01-01", "2016-12-31", freq="D")
    era = pd.DataFrame(
        {"TA_ERA": 7.0, "TA_ERA_NIGHT": 5.0, "TA_ERA_DAY": 9.0, "SW_IN_ERA": 100.0}, index=index
    )
    era["VPD_ERA"], era["P_ERA"] = 4.0, 2.5
    flux_files.write(tmp_path / "FLX_AA-One_ERAI_DD.csv", era, "DD")
    return tmp_path


def test_reanalysis_fills_on_request_and_is_flagged(tmp_path, table):
    path = with_gaps(tmp_path, table)
    plain = read(path).dataset
    assert np.isfinite(plain["gpp_fluxnet"].values[0]).tolist() == [True] * 12 + [False] * 12
    ds = read(path, fill=("era",)).dataset
    assert ds["precip"].values[0, 12:] == pytest.approx([2.5] * 12)
    assert ds["forcing_source"].values[0].tolist() == [0] * 12 + [1] * 12
    assert np.isfinite(ds["gpp_fluxnet"].values).all()
    longer = read(path, fill=("era",), years=(2014, 2016)).dataset
    assert longer.sizes["time"] == 36
    assert longer["tmax"].values[0, :12] == pytest.approx([9.0] * 12)
    assert np.isnan(longer["gpp_fluxnet"].values[0, :12]).all()


def test_another_year_or_a_constant_fills_on_request(tmp_path, table):
    path = with_gaps(tmp_path, table)
    own = read(path, fill=("own",)).dataset
    np.testing.assert_array_equal(own["precip"].values[0, 12:], own["precip"].values[0, :12])
    assert own["forcing_source"].values[0, 12:].tolist() == [2] * 12
    assert np.isfinite(own["gpp_fluxnet"].values).all()
    constant = read(path, assume={"AA-One.precip": 1.5}).dataset
    assert constant["precip"].values[0, 12:].tolist() == [1.5] * 12


def test_units_by_hand_and_the_towers_own_co2(tmp_path, table):
    path = flux_files.write(tmp_path / HH, table.loc["2015"])
    ds = read(path, units={"VPD_F": "kPa"}, co2="tower").dataset
    assert ds["vpd"].values[0, 0] == pytest.approx(10 * table.loc["2015-01", "VPD_F"].mean())
    assert ds["co2"].values[0].tolist() == [410.0] * 12
    assert 398 < read(path).dataset["co2"].values.mean() < 403


@pytest.mark.parametrize(
    ("spoil", "options", "message"),
    [
        (lambda t: t.rename(columns={"TIMESTAMP": "time"}), {}, "no file of a tower"),
        (
            lambda t: t.assign(TIMESTAMP=t["TIMESTAMP"].where(t.index != 3, "2015xx")),
            {},
            "line 5: time '2015xx'",
        ),
        (lambda t: pd.concat([t, t.iloc[:1]]), {}, "line 26: time 201501 follows 201612"),
        (
            lambda t: t.assign(TA_F=t["TA_F"].astype(object).where(t.index != 2, "warm")),
            {},
            "line 4: TA_F 'warm'",
        ),
        (lambda t: t.assign(NEE_VUT_REF_QC=0.1, LE_F_MDS_QC=0.1), {}, "no flux of share 0.7"),
        (lambda t: t.drop(columns=["P_F"]), {}, "precip is missing in 24 of 24 months: --fill era or era"),
        (lambda t: t, {"units": {"VPD_F": "furlong"}}, "VPD_F is in 'furlong'"),
        (lambda t: t, {"co2": "nowhere.csv"}, "neither global, tower, a number of ppm nor a file"),
        (lambda t: t, {"step": "day"}, "step by MM; a day cannot be made"),
        (lambda t: t, {"share": 2.0}, "0..1"),
        (lambda t: t, {"assume": {"AA-One.rain": 1.0}}, "NAME one of tmin"),
        (lambda t: t.iloc[:0], {}, "line 2: TIMESTAMP ''"),
    ],
)
def test_what_cannot_be_read_is_one_line(tmp_path, table, spoil, options, message):
    path = flux_files.write(tmp_path / "FLX_AA-One_MM.csv", flux_files.months(flux_files.days(table)), "MM")
    spoil(pd.read_csv(path, dtype={"TIMESTAMP": str})).to_csv(path, index=False)
    with pytest.raises(LandlabError, match=message) as caught:
        read(path, **options)
    assert "\n" not in str(caught.value)


def test_a_site_without_a_place_is_left_out_and_said(folder, tmp_path):
    path = tmp_path / "sites.csv"
    path.write_text("site,lat,lon\nAA-One,50,10\n")
    files = sorted(folder.glob("*_*.csv"))
    ds, _, kept = fluxnet.read(files, sites=path)
    assert ds["site"].values.tolist() == ["AA-One"]
    assert "no place" in kept.set_index("site").loc["BB-Two", "left out"]


@pytest.mark.fixtures
def test_the_networks_own_files(shared_data):
    """Two sites against their files, and all by one command's worth of options."""
    folder = shared_data / "data" / "fluxnet_csv"
    places = {"US-Wi7": (46.649, -91.069)}
    options = fluxnet.Options(fill=("era", "own"), assume={"GL-Dsk.precip": 1.1}, places=places)
    ds, _, kept = fluxnet.read([folder], options)
    assert ds.sizes == {"pixel": 13, "time": 192}
    assert (kept["left out"] == "").all()
    assert not check.check(ds).errors
    by_site = ds.assign_coords(pixel=ds["site"].values)
    varrio = by_site.sel(pixel="FI-Var").isel(
        time=11 * 12
    )  # January 2016, from the monthly file; a polar night
    assert varrio["tmin"].item() == pytest.approx(-15.599)
    assert varrio["tmax"].item() == pytest.approx(-15.581)
    assert varrio["ssrd"].item() == pytest.approx(2.326 * 0.0864)
    assert varrio["precip"].item() == pytest.approx(1.014)
    assert varrio["nee_site"].item() == pytest.approx(0.206294)
    assert varrio["et_fluxnet"].item() == pytest.approx(
        0.18424 * 0.0864 / (2.501 + 0.002361 * 15.581), rel=1e-6
    )
    [path] = folder.glob("FLX_IE-Cra*DD*.csv")
    july = pd.read_csv(path, na_values=-9999).set_index("TIMESTAMP").loc[20200701:20200731]
    clara = by_site.sel(pixel="IE-Cra").isel(time=15 * 12 + 6)
    assert clara["gpp_fluxnet"].item() == pytest.approx(july["GPP_NT_VUT_REF"].mean())
    assert clara["vpd"].item() == pytest.approx(july["VPD_F"].mean())
    water = july["LE_F_MDS"] * 0.0864 / (2.501 - 0.002361 * july["TA_F"])
    assert clara["et_fluxnet"].item() == pytest.approx(water.mean())
