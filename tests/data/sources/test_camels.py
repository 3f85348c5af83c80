"""CAMELS-US from the archive's own files and from one NetCDF file."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from landlab_mgr.data import check, predictors
from landlab_mgr.data.sources import camels
from landlab_mgr.errors import LandlabError
from landlab_mgr.models.sun import sun

GAUGES = ("01013500", "02051500", "11383500")
DAYS = pd.date_range("1999-12-01", periods=120)
AREA_M2 = 5e8


def write_attributes(directory, gauges=GAUGES):
    (directory / "camels_topo.txt").write_text(
        "gauge_id;gauge_lat;gauge_lon;elev_mean;slope_mean;area_gages2\n"
        + "".join(f"{g};{40 + i};{-80 - i};{100 * i};{2 + i};500\n" for i, g in enumerate(gauges))
    )
    (directory / "camels_name.txt").write_text(
        "gauge_id;huc_02;gauge_name\n" + "".join(f"{g};0{i + 1};Creek, Some\n" for i, g in enumerate(gauges))
    )
    cover = ("Mixed Forests", "Croplands", "NA")
    (directory / "camels_vege.txt").write_text(
        "gauge_id;frac_forest;dom_land_cover\n"
        + "".join(f"{g};0.{i};    {cover[i]}\n" for i, g in enumerate(gauges))
    )
    (directory / "camels_hydro.txt").write_text(
        "gauge_id;q_mean;runoff_ratio\n" + "".join(f"{g};1.5;0.4\n" for g in gauges)
    )


def write_gauge(directory, gauge, days=DAYS, flow=100.0):
    rows = "".join(
        f"{d:%Y %m %d} 12\t36000.00\t{k % 7 + int(gauge) % 7:.2f}\t200.00\t0.00\t{10 + k % 3:.2f}\t2.00\t500.00\n"
        for k, d in enumerate(days)
    )
    head = "Year Mnth Day Hr dayl(s) prcp(mm/day) srad(W/m2) swe(mm) tmax(C) tmin(C) vp(Pa)\n"
    forcing = directory / "basin_mean_forcing" / "daymet" / "01"
    forcing.mkdir(parents=True, exist_ok=True)
    path = forcing / f"{gauge}_lump_cida_forcing_leap.txt"
    path.write_text(f"  44.82\n 133.00\n {AREA_M2:.0f}\n{head}{rows}")
    flows = directory / "usgs_streamflow" / "01"
    flows.mkdir(parents=True, exist_ok=True)
    lines = (
        f"{gauge} {d:%Y %m %d} {-999.0 if k == 3 else flow:8.2f} {'M' if k == 3 else 'A'}\n"
        for k, d in enumerate(days)
    )
    (flows / f"{gauge}_streamflow_qc.txt").write_text("".join(lines))


@pytest.fixture
def archive(tmp_path):
    write_attributes(tmp_path)
    for gauge in GAUGES:
        write_gauge(tmp_path, gauge)
    return tmp_path


def test_the_archives_own_files(archive):
    ds, _ = camels.read(archive)
    assert ds.sizes == {"pixel": 3, "time": 120}
    assert list(ds["site"].values) == list(GAUGES)
    assert list(ds["region"].values) == ["huc_01", "huc_02", "huc_03"]
    expected = 100 * 0.3048**3 * 86400 / AREA_M2 * 1000
    assert ds["discharge"].values[0, 0] == pytest.approx(expected)
    assert np.isnan(ds["discharge"].values[:, 3]).all()
    assert np.isfinite(ds["discharge"].values).sum() == 3 * 119
    assert (ds["area_m2"].values == 5e8).all()
    assert not check.check(ds).errors


def test_radiation_is_that_of_the_whole_day(archive):
    ds, _ = camels.read(archive)
    hours = sun(ds["doy"].values, ds["lat"].values).daylight.T
    assert 9 < hours[0, 0] < 10  # 1 December at 40 degrees north
    np.testing.assert_allclose(ds["ssrd"].values, 200 * 3600 * hours / 1e6)


def test_attributes_are_predictors_and_signatures_are_not(archive):
    ds, notices = camels.read(archive)
    groups = predictors.groups(ds)
    assert groups["TOPO"] == ["area_gages2", "elev_mean", "slope_mean"]
    assert groups["VEGE"] == ["dom_land_cover", "frac_forest"]
    assert "q_mean" not in ds
    assert "runoff_ratio" not in ds
    cover = ds["dom_land_cover"]
    assert cover.attrs["flag_meanings"] == "Croplands Mixed_Forests"
    np.testing.assert_array_equal(cover.values, [1, 0, np.nan])
    assert any("attributes that the tables lack: p_mean" in line for line in notices)


def test_one_netcdf_file_gives_the_same(archive, tmp_path):
    ds, _ = camels.read(archive)
    other = tmp_path / "packed"
    other.mkdir()
    write_attributes(other)
    series, _ = camels._of_text(archive)
    xr.Dataset(
        {n: (("basin", "time"), x) for n, x in series.values.items()},
        {"basin": list(GAUGES), "time": DAYS},
    ).to_netcdf(other / "all.nc")
    again, _ = camels.read(other)
    xr.testing.assert_allclose(ds, again)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda d: write_attributes(d, GAUGES[:2]), "no attributes of 1 of 3 basins, 11383500"),
        (lambda d: (d / "camels_topo.txt").unlink(), "have no gauge_lat, gauge_lon; camels_topo.txt"),
        (lambda d: [p.unlink() for p in d.glob("camels_*")], "holds no camels_\\*.txt"),
        (
            lambda d: write_gauge(d, GAUGES[1], flow=-5.0),
            "discharge of basin 02051500 is -0.02.* cannot be negative",
        ),
        (
            lambda d: [write_gauge(d, gauge, flow=9000.0) for gauge in GAUGES],
            "discharge is 7 times the precipitation in the median basin, above 2: are both in mm d-1",
        ),
        (
            lambda d: write_gauge(d, GAUGES[1], DAYS[DAYS != "2000-02-29"]),
            "no unbroken days of forcing; every day once, leap days included",
        ),
        (lambda d: next(d.rglob("01013500_lump*")).write_text("x\n"), "is no forcing file of CAMELS"),
        (
            lambda d: next(d.rglob("01013500_stream*")).write_text("a b c\n"),
            "is no streamflow file of CAMELS",
        ),
    ],
)
def test_what_cannot_be_read_is_named(archive, spoil, message):
    spoil(archive)
    with pytest.raises(LandlabError, match=message):
        camels.read(archive)


def test_gauges_without_one_of_their_files_are_left_out_and_told(archive):
    next(archive.rglob(f"{GAUGES[0]}_lump*")).unlink()
    next(archive.rglob(f"{GAUGES[2]}_stream*")).unlink()
    ds, notices = camels.read(archive)
    assert list(ds["site"].values) == [GAUGES[1]]
    assert f"left out: 1 gauges without a file of forcing, {GAUGES[0]} the first" in notices
    assert f"left out: 1 gauges without a file of streamflow, {GAUGES[2]} the first" in notices


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"unit": "cfs"}, "q_obs has unit 'cfs', in which 'cfs' is unknown; mm d-1 or what converts to it"),
        ({"unit": "ft3 s-1"}, "q_obs is in 'ft3 s-1', which cannot become mm d-1"),
        ({"days": DAYS[DAYS != "2000-02-29"]}, "2000-02-28"),
    ],
)
def test_a_packed_file_that_cannot_be_is_named(tmp_path, changes, message):
    write_attributes(tmp_path)
    days = changes.get("days", DAYS)
    ones = xr.DataArray(np.ones((3, len(days))), {"basin": list(GAUGES), "time": days})
    packed = xr.Dataset(dict.fromkeys(camels.UNITS, ones))
    packed["q_obs"].attrs["units"] = changes.get("unit", "mm d-1")
    packed.to_netcdf(tmp_path / "all.nc")
    with pytest.raises(LandlabError, match=message):
        camels.read(tmp_path)


def test_a_packed_file_in_other_units_is_converted(tmp_path):
    write_attributes(tmp_path)
    ones = xr.DataArray(np.ones((3, 9)), {"basin": list(GAUGES), "time": DAYS[:9]})
    packed = xr.Dataset(dict.fromkeys(camels.UNITS, ones)).assign(prcp=9 * ones)
    packed["q_obs"].attrs["units"] = "cm d-1"
    packed.to_netcdf(tmp_path / "all.nc")
    np.testing.assert_allclose(camels.read(tmp_path)[0]["discharge"], 10.0)


@pytest.mark.fixtures
def test_three_basins_of_the_archive_are_those_of_the_packed_file(shared_data, tmp_path):
    source = shared_data / "data" / "camels_us"
    for path in [*source.glob("camels_*.txt"), *(source / "original_format").glob("*")]:
        (tmp_path / path.name).write_bytes(path.read_bytes())
    few, _ = camels.read(tmp_path)
    assert few.sizes == {"pixel": 3, "time": 1096}
    with xr.open_dataset(source / "camels_us_455.nc") as packed:
        same = packed.sel(basin=list(few["site"].values), time=slice("2000-01-01", "2002-12-31")).load()
    np.testing.assert_allclose(few["discharge"], same["q_obs"], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(few["precip"], same["prcp"], atol=1e-6)
