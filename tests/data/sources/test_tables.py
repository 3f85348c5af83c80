"""CSV of anybody's: long, wide, of one place, beside NetCDF; words as classes, records of other years, odd grids."""

import tomllib

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from landlab_mgr.data import check
from landlab_mgr.data.sources import forcing, generic, gridded, guess, units
from landlab_mgr.errors import LandlabError

from . import others

MAPPING = """
name = "mine"
source = "a test"
licence = "CC0-1.0"
citation = "nobody"
missing = [-9999]
outside = "repeat"

[dims]
time = "date"
pixel = "site"

[geometry]
lat = "lat"
lon = "lon"
site = "site"

[forcing]
tmin = {variable = "tn", units = "degC"}
tmax = {variable = "tx", units = "degC"}
precip = {variable = "rain", units = "mm d-1", fill = "rain_other"}

[observations]
gpp_fluxnet = {variable = "GPP", units = "gC m-2 d-1"}
et_fluxnet = {variable = "LE", units = "W m-2"}

[predictors.PFT]
cover = {variable = "igbp", kind = "class"}
"""

PLACES = "site,lat,lon,igbp\nA,50,10,ENF\nB,40,-3,GRA\n"


def series():
    """Site A has the year 2001, B 2002; A misses one month of rain."""
    months = pd.period_range("2001-01", "2002-12", freq="M").astype(str)
    k = np.arange(24)
    table = pd.DataFrame({"site": np.where(k < 12, "A", "B"), "date": months, "tn": k % 12 - 5.0})
    table["tx"], table["rain"], table["rain_other"] = table["tn"] + 8, 1.0 + k, 7.0
    table["GPP"], table["LE"] = 3.0 + k, 60.0
    table.loc[4, "rain"] = -9999
    return table


def read(folder, mapping=MAPPING, *names):
    (folder / "mapping.toml").write_text(mapping)
    return generic.read([folder / n for n in names] or folder, folder / "mapping.toml")


def write(folder):
    """A wide table, one of the places, and their mapping."""
    folder.mkdir(exist_ok=True)
    series().to_csv(folder / "series.csv", index=False)
    (folder / "places.csv").write_text(PLACES)
    (folder / "mapping.toml").write_text(MAPPING)
    return folder


@pytest.fixture
def wide(tmp_path):
    return write(tmp_path)


def test_a_wide_table_and_one_of_places(wide):
    ds, notices = read(wide)
    assert ds.sizes == {"pixel": 2, "time": 24}
    assert ds["lat"].values.tolist() == [50, 40]
    assert ds["cover"].attrs["flag_meanings"] == "ENF GRA"
    gpp = ds["gpp_fluxnet"].values
    assert gpp[0, :12].tolist() == [3.0 + k for k in range(12)]
    assert np.isnan(gpp[0, 12:]).all()
    assert np.isnan(gpp[1, :12]).all()
    assert ds["precip"].values[0, 4] == 7
    np.testing.assert_array_equal(ds["tmax"].values[0, 12:], ds["tmax"].values[0, :12])
    assert ds["forcing_source"].values[0].tolist() == [0] * 4 + [1] + [0] * 7 + [4] * 12
    assert ds["in_record"].values[0].tolist() == [1] * 12 + [0] * 12
    water = 60 * 0.0864 / units.latent_heat(np.array(-1.0))
    assert ds["et_fluxnet"].values[0, 0] == pytest.approx(water, rel=1e-9)
    assert any("nothing is observed" in line for line in notices)
    assert not check.check(ds).errors


def test_a_long_table_is_the_same_dataset(wide, tmp_path):
    ds, _ = read(wide)
    long = series().melt(["site", "date"]).dropna()
    (wide / "series.csv").unlink()
    long.to_csv(wide / "long.csv", index=False)
    xr.testing.assert_equal(read(wide)[0], ds)


def test_one_place_needs_no_name(tmp_path):
    table = series().iloc[:12].drop(columns="site")
    table["date"] = [f"2001{m:02d}15" for m in range(1, 13)]
    table.to_csv(tmp_path / "one.csv", index=False)
    mapping = MAPPING.replace('pixel = "site"\n', "").replace('site = "site"\n', "")
    mapping = mapping.replace('lat = "lat"', "lat = {value = 50}").replace(
        'lon = "lon"', "lon = {value = 10}"
    )
    mapping = mapping.split("[predictors")[0]
    ds, _ = read(tmp_path, mapping, "one.csv")
    assert ds.sizes == {"pixel": 1, "time": 12}
    assert (ds["lat"].item(), ds["lon"].item()) == (50, 10)
    assert ds["gpp_fluxnet"].values[0, 0] == 3


def test_a_file_without_places_or_of_one_cell_is_one_pixel(tmp_path):
    source = others.sites().isel(site=2)
    mapping = others.MAPPING.replace('pixel = "site"', "")
    for name, ds in (("none", source), ("cell", source.expand_dims({"lat": [1.0], "lon": [2.0]}))):
        folder = tmp_path / name
        folder.mkdir()
        others.write(ds.drop_encoding(), folder / "one.nc", "netcdf4")
        got, _ = read(folder, mapping, "one.nc")
        assert got.sizes == {"pixel": 1, "time": others.MONTHS}
        assert got["site"].values.tolist() == ["S-02"]
        np.testing.assert_allclose(got["tmax"].values[0], source["t2m_max"] - 273.15)


def test_static_predictors_of_a_table_beside_netcdf(tmp_path):
    path, _ = others.write_sites(tmp_path)
    names = [f"S-{i:02d}" for i in range(others.SITES)]
    table = pd.DataFrame(
        {"name": names[::-1], "clay": np.arange(others.SITES), "rock": ["gneiss", "chalk", ""] * 3}
    )
    table.iloc[1:].to_csv(tmp_path / "soil.csv", index=False)
    mapping = others.MAPPING + 'clay = "clay"\nrock = {variable = "rock", kind = "class"}\n'
    ds, _ = read(tmp_path, mapping, path.name, "soil.csv")
    assert ds["clay"].values[:8].tolist() == [8, 7, 6, 5, 4, 3, 2, 1]
    assert np.isnan(ds["clay"].values[8])
    assert ds["rock"].attrs["flag_meanings"] == "chalk gneiss"
    (tmp_path / "soil.csv").write_text("name,clay\nnobody,3\n")
    with pytest.raises(LandlabError, match=r"soil.csv has none of the sites S-00.*; it has nobody"):
        read(tmp_path, mapping, path.name, "soil.csv")


def test_files_that_follow_each_other_in_time(tmp_path):
    path, toml = others.write_sites(tmp_path)
    whole, _ = generic.read(path, toml)
    source = others.sites()
    for k, part in enumerate((source.isel(time=slice(12, None)), source.isel(time=slice(12)))):
        others.write(part.drop_encoding(), tmp_path / f"part{k}.nc", "netcdf4")
    ds, _ = generic.read(str(tmp_path / "part*.nc"), toml)
    xr.testing.assert_equal(ds, whole)


def curvilinear():
    """The grid of `others`, its places as two-dimensional variables."""
    ds = others.grid().rename(latitude="y", longitude="x")
    lat, lon = np.meshgrid(others.LAT, others.LON, indexing="ij")
    return ds.drop_vars(["y", "x"]).assign(lat2=(("y", "x"), lat), lon2=(("y", "x"), lon))


def test_a_grid_of_two_dimensional_places(tmp_path):
    regular, _ = generic.read(*others.write_grid(tmp_path / "regular"))
    (tmp_path / "own").mkdir()
    others.write(curvilinear().drop_encoding(), tmp_path / "own" / "grid.nc", "netcdf4")
    mapping = (tmp_path / "regular" / "mapping.toml").read_text()
    mapping = mapping.replace('lat = "latitude"', 'y = "y"').replace('lon = "longitude"', 'x = "x"')
    mapping = mapping.replace("[geometry]", '[geometry]\nlat = "lat2"\nlon = "lon2"')
    ds, _ = read(tmp_path / "own", mapping, "grid.nc")
    for name in ("lat", "lon", "patch", "tmin", "gpp_fluxnet", "forest"):
        np.testing.assert_allclose(ds[name], regular[name], err_msg=name)
    np.testing.assert_allclose(ds["area_m2"], regular["area_m2"], rtol=2e-3)


def test_gaussian_latitudes_and_areas():
    nodes = np.rad2deg(np.arcsin(np.polynomial.legendre.leggauss(32)[0]))[::-1]
    lat, heights = gridded.axis(nodes, "lat", -90, 90, "file", even=False)
    area = gridded.cell_areas(lat, heights, 1.0).sum() * 360
    assert area == pytest.approx(4 * np.pi * gridded.EARTH_RADIUS_M**2, rel=2e-3)
    with pytest.raises(LandlabError, match="not evenly spaced"):
        gridded.axis(np.array([0.0, 1.0, 5.0]), "lat", -90, 90, "file", even=False)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.rename(columns={"site": "tower"}), "series.csv has no column 'site'"),
        (lambda t: t.assign(date=t["date"].where(t.index != 2, "spring")), "line 4: date 'spring'"),
        (lambda t: pd.concat([t, t.iloc[3:4]]), "line 26: A, .* is there already"),
        (lambda t: t.iloc[:0], "no line of values"),
        (lambda t: t.drop(index=5), r"forcing.tmin: missing at pixel 0, 2001-06; forcing must have no gaps"),
        (lambda t: t.assign(GPP="much"), "variable 'GPP' holds object, not numbers"),
    ],
)
def test_what_is_wrong_with_a_table_is_one_line(wide, change, message):
    change(series()).to_csv(wide / "series.csv", index=False)
    with pytest.raises(LandlabError, match=message) as caught:
        read(wide)
    assert "\n" not in str(caught.value)


def test_a_class_of_words_must_be_called_one(wide):
    with pytest.raises(LandlabError, match=r'cover: .*not numbers: of words, write kind = "class"'):
        read(wide, MAPPING.replace(', kind = "class"', ""))


def test_days_without_leap_days_are_real_days(tmp_path):
    """2004 of a noleap calendar: 29 February has the forcing of the day before and no observation."""
    days = np.arange(3 * 365)
    source = others.sites().isel(time=days % others.MONTHS)
    source["vpd"] = (("site", "time"), np.tile(days / 100.0, (others.SITES, 1)), {"units": "hPa"})
    time = ("time", days + 0.5, {"units": "days since 2003-01-01", "calendar": "noleap"})
    others.write(source.drop_encoding().assign_coords(time=time), tmp_path / "sites.nc", "netcdf4")
    ds, notices = read(tmp_path, others.MAPPING, "sites.nc")
    assert ds.sizes["time"] == 3 * 365 + 1
    at = int(np.flatnonzero(ds["time"].values.astype("datetime64[D]") == np.datetime64("2004-02-29"))[0])
    assert ds["vpd"].values[0, at - 1 : at + 2].tolist() == pytest.approx([4.23, 4.23, 4.24])
    assert np.isnan(ds["lai"].values[:, at]).all()
    assert ds["vpd"].values[0, -1] == pytest.approx(10.94)
    assert any("lack 29 February" in line for line in notices)
    assert not check.check(ds).errors


@pytest.mark.parametrize("kind", ["list", "grid", "curvilinear", "csv", "one"])
def test_a_mapping_is_proposed_and_its_doubts_are_told(tmp_path, kind):
    if kind == "csv":
        text = guess.propose([str(write(tmp_path))])
        expected = {"dims": {"time": "date", "pixel": "site"}, "gpp_fluxnet": "GPP", "tmin": "tn"}
    else:
        source = {
            "list": others.sites,
            "grid": others.grid,
            "curvilinear": curvilinear,
            "one": lambda: others.sites().isel(site=0),
        }[kind]()
        others.write(source.drop_encoding(), tmp_path / "file.nc", "netcdf4")
        text = guess.propose([str(tmp_path / "file.nc")])
        dims = {
            "list": {"pixel": "site"},
            "grid": {"lat": "latitude", "lon": "longitude"},
            "curvilinear": {"y": "y", "x": "x"},
            "one": {},
        }[kind]
        expected = {"dims": {"time": "time"} | dims, "gpp_fluxnet": "GPP", "tmin": "t2m_min"}
        assert "missing = [-9999]" in text
    proposed = tomllib.loads(text)
    assert proposed["dims"] == expected["dims"]
    of = {**proposed["forcing"], **proposed["observations"]}
    for key in ("tmin", "gpp_fluxnet"):
        assert (of[key] if isinstance(of[key], str) else of[key]["variable"]) == expected[key]
    assert "# ?" in text
    assert 'licence = "?"' in text


def test_a_proposed_mapping_imports_once_its_doubts_are_settled(tmp_path):
    path, _ = others.write_sites(tmp_path)
    text = guess.propose([str(path)]).replace('lat = "lat"', 'lat = "site_lat"')
    (tmp_path / "mapping.toml").write_text(text.replace('units = "degC"', 'units = "K"'))
    ds, _ = generic.read(path, tmp_path / "mapping.toml")
    np.testing.assert_allclose(ds["tmin"], others.sites()["t2m_min"] - 273.15)
    assert {"forest_fraction", "texture"} <= set(ds.data_vars)


@pytest.mark.parametrize(("months", "period"), [(12, 12), (18, 12), (23, 12), (24, 24)])
def test_a_record_repeats_its_whole_years(months, period):
    """A year and a half repeated as one period would turn the seasons round."""
    got = forcing.repeated(np.arange(float(months)), 2, 40, 12)
    assert got[2 : 2 + months].tolist() == list(range(months))
    place = np.arange(2 + months, 40) - 2
    assert got[2 + months :].tolist() == (place % period).tolist()
    assert np.isnan(forcing.repeated(np.arange(6.0), 2, 40, 12)).sum() == 34
