import gc
import re
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from landlab_mgr.data import check, schema, store
from landlab_mgr.data.sources import generic, mapped
from landlab_mgr.errors import LandlabError

from . import others


def read_sites(tmp_path: Path, engine: str = "netcdf4") -> tuple[xr.Dataset, list[str]]:
    return generic.read(*others.write_sites(tmp_path, engine))


def read_changed(
    tmp_path: Path, source: xr.Dataset, mapping: str = others.MAPPING
) -> tuple[xr.Dataset, list[str]]:
    """What is imported where the file of sites holds something else."""
    path, toml = others.write_sites(tmp_path, mapping=mapping)
    path.unlink()
    others.write(source, path, "netcdf4")
    return generic.read(path, toml)


def refusal(path: Path, toml: Path) -> str:
    """The one line that an import ends with."""
    with pytest.raises(LandlabError) as caught:
        generic.read(path, toml)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("engine", ["netcdf4", "netcdf3", "zarr"])
def test_every_number_of_a_list_arrives_in_our_units(tmp_path, engine):
    ds, notices = read_sites(tmp_path, engine)
    source = others.sites()
    assert ds.sizes == {"pixel": others.SITES, "time": others.MONTHS}
    np.testing.assert_allclose(ds["tmin"], source["t2m_min"] - 273.15, atol=1e-9)
    np.testing.assert_allclose(ds["tmax"], source["t2m_max"] - 273.15, atol=1e-9)
    np.testing.assert_allclose(ds["ssrd"], source["swdown"] * 0.0864)
    np.testing.assert_allclose(ds["precip"], source["rain"] * 86400)
    np.testing.assert_array_equal(ds["vpd"], source["vpd"])
    np.testing.assert_array_equal(ds["co2"], np.tile(source["co2"], (others.SITES, 1)))
    assert (ds["burned_area"] == 0).all()
    np.testing.assert_array_equal(ds["lai"], source["LAI"].where(source["LAI"] != -9999))
    np.testing.assert_allclose(ds["gpp_fluxnet"], source["GPP"] * 1e-6 * 12.011 * 86400, rtol=1e-6)
    np.testing.assert_array_equal(ds["gpp_fluxnet_withheld"], source["GPP_validation"])
    np.testing.assert_array_equal(ds["gpp_fluxnet_weight"], source["GPP_weight"])
    np.testing.assert_array_equal(ds["forest"], source["forest_fraction"])
    assert ds["forest"].attrs == {
        "units": "%", "long_name": "forest", "role": "predictor", "group": "PFT", "kind": "continuous"
    }  # fmt: skip
    assert ds["soil_class"].attrs["classes"] == [1, 2, 3]
    assert list(ds["site"].values) == [f"S-{i:02d}" for i in range(others.SITES)]
    np.testing.assert_allclose(ds["lon"], [5, 48.75, 92.5, 136.25, 180, -136.25, -92.5, -48.75, -5])
    assert ds["time"].values[0].astype("datetime64[M]") == np.datetime64("2003-01")
    np.testing.assert_array_equal(ds["time_days"], (np.arange(others.MONTHS) + 0.5) * 30.4375)
    np.testing.assert_array_equal(ds["doy"], (np.arange(others.MONTHS) % 12 + 0.5) * 30.4375)
    np.testing.assert_allclose(ds["MAT"], ((ds["tmin"] + ds["tmax"]) / 2).mean("time"))
    np.testing.assert_allclose(ds["MAP"], 365.25 * ds["precip"].mean("time"))
    assert (ds.attrs["origin"], ds.attrs["licence"]) == ("2003-01-01", "CC0-1.0")
    assert list(schema.problems(ds)) == []
    assert check.check(ds).errors == []
    assert notices == ["geometry.area_m2 is not given: every pixel counts 1e+06 m2"]


@pytest.mark.parametrize("engine", ["netcdf4", "netcdf3", "zarr"])
def test_cells_of_a_grid_that_can_be_learnt_from(tmp_path, engine):
    ds, notices = generic.read(*others.write_grid(tmp_path, engine))
    source = others.grid()
    good = np.ones((len(others.LAT), len(others.LON)), bool)
    good[:, -3:] = False
    good[5, 0] = good[1, 1] = False
    boxes = np.floor((others.LAT[:, None] + 90) / 4) * 100 + np.floor((others.LON + 180) / 5)
    numbers, size = np.unique(boxes[good], return_counts=True)
    assert (size == 1).any()
    good &= ~np.isin(boxes, numbers[size == 1])  # min_pixels = 2
    assert ds.sizes["pixel"] == good.sum()
    row = [int(np.abs(others.LAT - lat).argmin()) for lat in ds["lat"].values]
    column = [int(np.abs(others.LON - lon).argmin()) for lon in ds["lon"].values]
    assert len(set(zip(row, column, strict=True))) == good.sum()
    assert good[row, column].all()
    np.testing.assert_array_equal(ds["vpd"], source["vpd"].values[:, row, column].T)
    np.testing.assert_array_equal(ds["forest"], source["forest_fraction"].values[column, row])
    np.testing.assert_array_equal(
        ds["gpp_fluxnet_weight"], np.ones((good.sum(), others.MONTHS))
    )  # given without months
    assert np.isfinite(ds["lai"]).any("time").all()
    patch = ds["patch"].values
    assert (np.diff(patch) >= 0).all()  # pixels lie by patch
    np.testing.assert_array_equal(patch, np.unique(boxes[row, column], return_inverse=True)[1])
    area = (
        6371.0072e3**2
        * np.deg2rad(2.5)
        * np.diff(np.sin(np.deg2rad(others.LAT[row[0]] + np.array([-0.75, 0.75]))))
    )
    assert ds["area_m2"].values[0] == pytest.approx(area[0])
    assert "1 cells lack forcing in some months only and are left out" in notices
    assert "1 cells have forcing but no observation and are left out" in notices


def test_patches_in_part_lose_what_is_observed_of_whole_ones(tmp_path):
    mapping = others.GRID_MAPPING.replace(
        "[observations]", '[observations]\nnbe = {variable = "GPP"}\nfire = {variable = "GPP"}'
    )
    cells = 4 / 1.5 * 5 / 2.5  # 5.3 to a box, of which rows and columns of whole cells fall in 4 to 6
    ds, notices = generic.read(*others.write_grid(tmp_path, mapping=mapping))
    patch = ds["patch"].values
    size = np.bincount(patch)[patch]
    assert (size < 0.8 * cells).any()
    assert (size >= 0.8 * cells).any()
    seen = np.isfinite(ds["nbe"].values).any(axis=1)
    assert (seen == (size >= 0.8 * cells)).all()
    assert np.isfinite(ds["fire"].values).any(axis=1).all(), "fire seen from the ground"
    lost = len(np.unique(patch[size < 0.8 * cells]))
    assert (
        f"nbe of {lost} of {patch.max() + 1} patches is left out: the dataset has less than 80% of their 5 cells"
        in (notices)
    )
    assert ds.attrs["whole_patch_share"] == 0.8
    every = mapping.replace("min_pixels = 2", "min_pixels = 2\nwhole_share = 0")
    ds, _ = generic.read(*others.write_grid(tmp_path / "every", mapping=every))
    assert np.isfinite(ds["nbe"].values).any(axis=1).all()


def test_what_is_large_lies_in_a_file_and_is_the_same(tmp_path, monkeypatch):
    paths = others.write_grid(tmp_path)
    whole, _ = generic.read(*paths)
    monkeypatch.setattr(mapped, "IN_MEMORY_BYTES", 1000)
    monkeypatch.setattr(mapped.gridded, "SLAB_VALUES", 500)
    monkeypatch.setenv("LANDLAB_CACHE", str(tmp_path / "cache"))
    ds, _ = generic.read(*paths)
    assert isinstance(ds["vpd"].data, np.memmap)
    assert list((tmp_path / "cache").iterdir()) == []
    assert store.fingerprint(ds) == store.fingerprint(whole)
    assert store.publish(ds, tmp_path / "store").fingerprint == store.fingerprint(whole)


def test_a_directory_of_files_is_one_source(tmp_path):
    expected, _ = read_sites(tmp_path)
    (tmp_path / "sites.nc").unlink()
    source = others.sites()
    directory = tmp_path / "several"
    directory.mkdir()
    forcing = ["t2m_min", "t2m_max", "swdown", "co2", "vpd", "rain"]
    others.write(source[forcing], directory / "a.nc", "netcdf4")
    others.write(source.drop_vars(forcing), directory / "b.nc", "netcdf3")
    ds, _ = generic.read(directory, tmp_path / "mapping.toml")
    assert store.fingerprint(ds) == store.fingerprint(expected)
    others.write(source[["vpd"]], directory / "c.nc", "netcdf3")
    with pytest.raises(LandlabError, match=r"'vpd' is in a.nc and in c.nc; join the files"):
        generic.read(directory, tmp_path / "mapping.toml")


def test_patches_by_a_variable_and_tests_by_another(tmp_path):
    mapping = others.MAPPING.replace(
        "[geometry]", '[patches]\nvariable = "cell"\n\n[geometry]\ntest = "kept"'
    )
    source = others.sites().assign(cell=("site", np.array([7, 7, 3, 3, 3, 9, 9, 1, 1])))
    source = source.assign(kept=("site", (source["cell"].values == 3).astype(int)))
    ds, _ = read_changed(tmp_path, source, mapping)
    assert ds["patch"].values.tolist() == [2, 2, 1, 1, 1, 3, 3, 0, 0]
    assert ds["test"].values.tolist() == [False] * 2 + [True] * 3 + [False] * 4


def test_round_off_is_clipped_with_a_notice_and_more_is_not(tmp_path):
    source = others.sites()
    source["rain"].values[0, 0] = -1e-13
    ds, notices = read_changed(tmp_path, source)
    assert ds["precip"].values[0, 0] == 0
    assert any("1 values of forcing.precip are outside 0..inf by round-off" in n for n in notices)
    source["rain"].values[0, 0] = -1e-5
    ds, _ = read_changed(tmp_path, source)
    assert any("precip -0.864 is below 0" in error for error in check.check(ds).errors)


def test_only_the_forcing_that_is_mapped_is_imported(tmp_path):
    """Of a model that reads maximum temperature and precipitation: no MAT, which both temperatures make."""
    keep = ("tmax", "rain")
    begin, end = others.MAPPING.index("[forcing]"), others.MAPPING.index("[observations]")
    lines = others.MAPPING[begin:end].splitlines()
    forcing = "\n".join(
        ["[forcing]", *(line for line in lines if any(name in line for name in keep)), "", ""]
    )
    mapping = others.MAPPING[:begin] + forcing + others.MAPPING[end:]
    ds, _ = read_changed(tmp_path, others.sites().drop_vars(["t2m_min", "swdown", "co2", "vpd"]), mapping)
    assert schema.names(ds, "forcing") == ["precip", "tmax"]
    assert "MAP" in ds
    assert "MAT" not in ds
    assert check.check(ds).errors == []
    published = store.publish(ds, tmp_path / "store")
    assert schema.names(store.open_dataset(published.path), "forcing") == ["precip", "tmax"]
    toml = tmp_path / "mapping.toml"
    toml.write_text(mapping.replace(forcing, "[forcing]\n\n"))
    assert "forcing is empty; give what the models read, at least one of tmin, tmax" in refusal(
        tmp_path, toml
    )


def daily_sites():
    """The sites of `others`, each of their months a day of a leap year's end and what follows."""
    ds = others.sites()
    days = np.arange("2004-12-30", "2005-01-30", dtype="datetime64[D]")[: others.MONTHS]
    return ds.assign_coords(time=days.astype("datetime64[ns]") + np.timedelta64(6, "h"))


def test_days_are_imported_as_days(tmp_path):
    ds, _ = read_changed(tmp_path, daily_sites())
    assert ds.attrs["dt_days"] == 1
    assert ds.attrs["origin"] == "2004-01-01"
    assert ds["time_days"].values[:3].tolist() == [364.5, 365.5, 366.5]
    assert ds["doy"].values[:3].tolist() == [364.5, 365.5, 0.5]
    assert str(ds["time"].values[2])[:13] == "2005-01-01T12"
    np.testing.assert_array_equal(ds["vpd"], others.sites()["vpd"])
    report = check.check(ds)
    assert report.errors == []
    assert any(f"{others.MONTHS} days are no whole years" in warning for warning in report.warnings)


def test_a_day_that_is_missing_is_named(tmp_path):
    source = daily_sites().isel(time=[0, 1, 2, 3, 5, 6])
    with pytest.raises(
        LandlabError, match=r"from 2005-01-02 to 2005-01-04 at step 5; every day once, in order"
    ):
        read_changed(tmp_path, source)


def test_few_pixels_train_as_a_whole(tmp_path):
    ds, notices = read_changed(tmp_path, others.sites().isel(site=slice(0, 1)))
    assert not ds["test"].values.any()
    assert any('train with split.kind = "all"' in notice for notice in notices)
    report = check.check(ds)
    assert report.errors == []
    assert any("no pixel is kept for testing" in warning for warning in report.warnings)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('name = "mine"', "", "key name (of the dataset) is missing; write it as name = ..."),
        ('name = "mine"', 'name = "my data"', "name = 'my data': string should match pattern"),
        ('licence = "CC0-1.0"', 'licence = ""', "licence = ''"),
        ('licence = "CC0-1.0"', 'license = "CC0-1.0"', "did you mean 'licence'?"),
        ("[dims]", "[dim]", "no key is called 'dim'; did you mean 'dims'?"),
        ("[dims]", "[dims", "is not valid TOML"),
        (
            'pixel = "site"',
            'pixel = "sites"',
            "dims.pixel: PATH has no dimension 'sites'; did you mean 'site'?",
        ),
        (
            'pixel = "site"',
            'pixel = "site"\nlat = "lat"',
            "dims: give pixel (a list of pixels or sites), or lat and lon",
        ),
        ('pixel = "site"', "", "allowed: pixel (see [dims] of the mapping: pixel names a list of places"),
        ('pixel = "site"', 'lat = "site"', "dims: give pixel"),
        ('time = "time"', 'time = "month"', "dims.time: PATH has no dimension 'month'; there are: "),
        ('lat = "site_lat"\n', "", "key geometry.lat is missing"),
        ('lat = "site_lat"', 'lat = "site_name"', "geometry.lat: variable 'site_name' holds"),
        ('lat = "site_lat"', 'lat = "site_lon"', "lat 92.5 at pixel"),
        (
            'tmax = "t2m_max"',
            'tmax = "t2m_max"\ntmean = "t2m_max"',
            "no forcing is called 'tmean'; there are: tmin, tmax",
        ),
        (
            'tmax = "t2m_max"',
            'tmax = "T2M_MAX"',
            "forcing.tmax: PATH has no variable 'T2M_MAX'; did you mean 't2m_max'?",
        ),
        ('tmax = "t2m_max"', "tmax = 3", "forcing.tmax = 3; it must be a table"),
        (
            'tmax = "t2m_max"',
            "tmax = {units = 'K'}",
            'forcing.tmax: give either variable = "name in the file" or value',
        ),
        (
            'tmax = "t2m_max"',
            "tmax = {variable = 't2m_max', unit = 'K'}",
            "no key in forcing.tmax is called 'unit'; did you mean 'units'?",
        ),
        ('tmax = "t2m_max"', "tmax = {value = 20}", "forcing.tmax: a value needs its unit"),
        (', units = "K"}', "}", "forcing.tmin ('t2m_min') has unit 'Kelvin of some kind', in which"),
        (
            ', units = "K"}',
            "}",
            'in [forcing] of the mapping write tmin = {variable = "t2m_min", units = "..."}',
        ),
        (
            'vpd = "vpd"',
            'vpd = {variable = "vpd", units = "%"}',
            "forcing.vpd: the file says that 'vpd' is in 'VPD [hPa]', the mapping '%'",
        ),
        (
            'vpd = "vpd"',
            'vpd = "site_lat"',
            "forcing.vpd ('site_lat') has no unit; hPa or what converts to it is needed",
        ),
        ('lai = "LAI"', 'leafiness = "LAI"', "observations: no stream is called 'leafiness'"),
        (
            'lai = "LAI"',
            'lai = {variable = "LAI", weight = "W"}',
            "observations.lai.weight: PATH has no variable 'W'",
        ),
        ('[observations]\nlai = "LAI"', "[observations]\n[others]", "no key is called 'others'; there are"),
        (
            "[withheld]\ngpp_fluxnet",
            "[withheld]\nnee_site",
            "withheld.nee_site needs observations.nee_site beside it",
        ),
        (
            "[predictors.SOIL]",
            "[predictors.LATLON]",
            "predictors.LATLON: every dataset has this group already",
        ),
        ("soil_class =", "forest =", "predictors.SOIL.forest: forest is in group PFT already"),
        ("soil_class =", "lai =", "predictors.SOIL.lai: lai is the name of something else"),
        ('kind = "class"', 'kind = "klass"', "kind = 'klass': input should be 'continuous' or 'class'"),
        (
            'variable = "texture"',
            'variable = "vpd"',
            "predictors.SOIL.soil_class: variable 'vpd' has dimensions site, time; allowed: site",
        ),
        ("missing = [-9999]", "test_fraction = 2", "test_fraction = 2"),
        ("missing = [-9999]", 'start = "2001"', "start = '2001': string should match"),
        (
            "missing = [-9999]",
            "missing = [-9999]\n[patches]\nmin_pixels = 5",
            "patches.min_pixels = 5: the largest patch has 1 pixels",
        ),
    ],
)
def test_a_mistake_in_the_mapping_is_one_line_that_names_the_key(tmp_path, old, new, says):
    assert old in others.MAPPING
    path, toml = others.write_sites(tmp_path, "netcdf3", others.MAPPING.replace(old, new, 1))
    assert says.replace("PATH", str(path)) in refusal(path, toml)


def test_a_missing_mapping_or_file(tmp_path):
    path, toml = others.write_sites(tmp_path)
    assert re.search(r"no mapping .*none.toml", refusal(path, tmp_path / "none.toml"))
    assert re.search(r"no file .*none.nc", refusal(tmp_path / "none.nc", toml))
    (tmp_path / "empty").mkdir()
    assert "holds no NetCDF file" in refusal(tmp_path / "empty", toml)
    assert "mapping.toml is no NetCDF file (it begins with" in refusal(toml, toml)
    (tmp_path / "five.nc").write_bytes(b"CDF\x05" + bytes(100))
    assert "is a CDF-5 file (NetCDF-3 with 64-bit data)" in refusal(tmp_path / "five.nc", toml)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda ds: ds["vpd"].values.__setitem__((2, 3), np.nan), "forcing.vpd: missing at pixel 2, 2003-04"),
        (lambda ds: ds["time"].attrs.update(units="days"), "has unit 'days', not days since a date"),
        (lambda ds: ds["time"].attrs.update(units="days since yore"), "cannot be read"),
        (lambda ds: ds["time"].attrs.update(units="hours since 2003-01-01"), "every month once, in order"),
        (lambda ds: ds["time"].attrs.update(calendar="360_days_or_so"), "cannot be read"),
        (
            lambda ds: ds["time"].attrs.update(units="days since 0001-01-01"),
            "months from 0001|cannot be read",
        ),
    ],
)
def test_what_the_files_must_not_hold(tmp_path, change, says):
    path, toml = others.write_sites(tmp_path)
    source = others.sites()
    source = source.assign_coords(time=source["time"].variable.to_base_variable())
    change(source)
    path.unlink()
    others.write(source, path, "netcdf4")
    assert re.search(says, refusal(path, toml))


def test_the_example_is_a_mapping(tmp_path):
    (tmp_path / "mapping.toml").write_text(generic.EXAMPLE)
    mapping = generic.load(tmp_path / "mapping.toml")
    assert mapping.name == "my-sites"
    assert set(mapping.observations) == {"lai", "gpp_fluxnet"}
    keys = {
        name for section in (mapping, mapping.dims, mapping.patches) for name in type(section).model_fields
    }
    assert {key for key in keys if key not in generic.EXAMPLE} == set()


def test_a_store_with_several_damages_says_so_once(tmp_path, caplog):
    path, toml = others.write_grid(tmp_path, "zarr")
    for name in ("vpd", "rain", "LAI", "GPP"):
        (path / name / "zarr.json").write_text("{}")
    with pytest.raises(LandlabError, match=r"grid.zarr cannot be read"):
        generic.read(path, toml)
    gc.collect()
    assert caplog.records == []


@pytest.mark.parametrize(
    ("of_file", "of_mapping", "key"),
    [
        ('ssrd = "swdown"', 'ssrd = {variable = "swdown", units = "MJ m-2 d-1"', "forcing.ssrd"),
        ('lai = "LAI"', 'lai = {variable = "LAI", units = "%"', "observations.lai"),
    ],
)
def test_a_unit_that_contradicts_the_files_own_is_refused_unless_forced(tmp_path, of_file, of_mapping, key):
    assert of_file in others.MAPPING
    mapping = others.MAPPING.replace(of_file, of_mapping + "}")
    said = refusal(*others.write_sites(tmp_path, mapping=mapping))
    assert said.startswith(f"{key}: the file says that")
    assert "force_units = true" in said
    forced = others.MAPPING.replace(of_file, of_mapping + ", force_units = true}")
    ds, _ = read_changed(tmp_path, others.sites(), forced)
    if key == "forcing.ssrd":
        np.testing.assert_array_equal(ds["ssrd"], others.sites()["swdown"])


def test_a_unit_in_other_words_is_no_contradiction(tmp_path):
    rain = others.sites()
    rain["rain"].attrs["units"] = "mm s-1"  # of water, kilograms on a square metre
    ds, _ = read_changed(tmp_path, rain)
    np.testing.assert_allclose(ds["precip"], rain["rain"] * 86400)
