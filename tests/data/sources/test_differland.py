"""DifferLand's drivers: every value where it belongs, read in pieces."""

import json
import tracemalloc

import h5py
import numpy as np
import pytest
import xarray as xr

from landlab_mgr.data import check, parts, store
from landlab_mgr.data.sources import differland, gridded
from landlab_mgr.errors import LandlabError
from landlab_mgr.observations.variables import FORCING

from . import miniature
from .miniature import BULK, DRIVER, changed, write_differland

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("unguarded")]


@pytest.fixture(scope="session")
def raw(files):
    """The driver file as the HDF5 library has it."""
    with h5py.File(files / DRIVER) as file:
        return {name: file[name][()] for name in file}


@pytest.fixture(scope="session")
def pixels(imported, raw):
    """Row and column of each pixel of the dataset, from its coordinates."""
    ds = imported[0]
    row = [int(np.argmin(abs(raw["lat"] - x))) for x in ds["lat"].values]
    column = [int(np.argmin(abs(raw["lon"] - x))) for x in ds["lon"].values]
    return np.array(row), np.array(column)


SAME_UNITS = {
    **{"tmin": "T_min", "tmax": "T_max", "ssrd": "SOLR", "vpd": "VPD", "burned_area": "BURNED_AREA"},
    **{"sif": "LCSPP", "lai": "LAI"},
    **{"gpp_fluxnet": "gpp_fluxnet", "reco_fluxnet": "reco_fluxnet", "et_fluxnet": "et_fluxnet"},
}


@pytest.mark.parametrize(("name", "variable"), SAME_UNITS.items())
def test_series_are_the_files(imported, raw, pixels, name, variable):
    row, column = pixels
    np.testing.assert_array_equal(imported[0][name].values, raw[variable][:, row, column].T)


def test_series_that_are_made_of_more(imported, raw, pixels):
    ds, (row, column) = imported[0], pixels
    both = raw["agb_yan"][:, row, column] + raw["bgb_yan"][:, row, column]
    np.testing.assert_array_equal(ds["biomass"].values, both.T)
    som = raw["initial_som"][row, column]
    np.testing.assert_array_equal(ds["som"].values, np.repeat(som[:, None], ds.sizes["time"], axis=1))
    et = raw["ET"][:, row, column].T
    np.testing.assert_array_equal(ds["et_gleam"].values, np.where(et == -9999, np.nan, et))
    assert (et == -9999).sum() == 1
    rain = raw["PREC"][:, row, column].T
    np.testing.assert_array_equal(ds["precip"].values, np.maximum(rain, 0))
    assert (rain < 0).sum() == 1
    assert any("1 values of precip" in line for line in imported[1])
    co2 = np.float32([370 + 0.17 * m for m in range(24)])
    np.testing.assert_allclose(ds["co2"].values, np.broadcast_to(co2, ds["co2"].shape), atol=0.006)
    np.testing.assert_array_equal(ds["time_days"].values, raw["DAYS"][:, row[0], column[0]])
    np.testing.assert_array_equal(ds["doy"].values, raw["DOY"][:, row[0], column[0]])
    assert ds.attrs["origin"] == "2000-01-01"


def test_days_of_the_first_of_the_month(files, imported, tmp_path):
    def first_of_the_month(ds):
        ds["DAYS"] = ds["DAYS"] - 15

    ds, notices = differland.read(changed(files, tmp_path, first_of_the_month), tmp_path)
    middle = (ds["time"].values - np.datetime64("2000-01-01")) / np.timedelta64(1, "D")
    np.testing.assert_array_equal(ds["time_days"].values, middle)
    assert np.abs(middle - imported[0]["time_days"].values).max() < 1.5
    assert any("off the middle of its month" in line for line in notices)


def test_predictors(imported, raw, pixels):
    ds, (row, column) = imported[0], pixels
    for name in miniature.PLANT_TYPES:
        np.testing.assert_allclose(ds[name].values, raw[name][row, column] / 100, rtol=1e-6)
    pairs = {
        "MAT": "MAT",
        "canopy_height": "canopy_height",
        "tree_age": "tree_age_000_filled",
        "sand": "SAND",
    }
    for name, variable in (pairs | {"bulk_density": "BULK_DEN"}).items():
        np.testing.assert_allclose(ds[name].values, raw[variable][row, column], rtol=1e-6)
        assert np.isfinite(ds[name].values).all()
    groups = {ds[n].attrs["group"] for n in ds.data_vars if ds[n].attrs["role"] == "predictor"}
    assert groups == {"PFT", "CLIM", "AGE", "SOIL"}


def test_pixels_are_the_valid_ones_patch_by_patch(imported, pixels):
    ds, (row, column) = imported[0], pixels
    valid, ranks, _ = miniature.masks()
    expected = valid.copy()
    expected[16:, 30:] = False  # the island has 20 pixels of 80
    expected[miniature.BARE] = False
    found = np.zeros_like(valid)
    found[row, column] = True
    np.testing.assert_array_equal(found, expected)
    patch = ds["patch"].values
    assert (np.diff(patch) >= 0).all()
    assert patch.max() == 10
    box = row // 8 * 4 + column // 10
    assert len({(p, b) for p, b in zip(patch, box, strict=True)}) == 11
    first = np.flatnonzero(np.diff(patch, prepend=-1))
    assert (np.diff(row[first] * 40 + column[first]) > 0).all()  # north to south, then west to east
    np.testing.assert_array_equal(ds["test"].values, ranks[0][row, column] < 0)
    assert "1 of 859 valid pixels lack a predictor" in imported[1][0]
    assert "1 of 12 patches have less than 32 pixels" in imported[1][1]


def test_areas_are_of_the_sphere(imported):
    ds = imported[0]
    box = ds.isel(pixel=ds["patch"].values == 0)  # full: 46..50 N, 5 degrees wide
    expected = 6371007.2**2 * np.deg2rad(5) * (np.sin(np.deg2rad(50)) - np.sin(np.deg2rad(46)))
    assert float(box["area_m2"].sum()) == pytest.approx(expected, rel=1e-9)


def test_what_is_observed_by_patches_counts_in_full_ones_only(imported, raw, pixels):
    ds, (row, column) = imported[0], pixels
    coast = (row < 8) & (column < 10)
    assert coast.sum() == 40
    assert np.isfinite(ds["fire"].values[coast]).any(), "of the ground, not an inversion's"
    for name, variable in {"nbe": "NBE", "ewt": "LWE_normalized"}.items():
        assert np.isnan(ds[name].values[coast]).all()
        np.testing.assert_array_equal(ds[name].values[~coast], raw[variable][:, row, column].T[~coast])
    assert np.isfinite(ds["lai"].values[coast]).any()


def test_flag_and_share_must_both_hold(files, tmp_path):
    target = changed(files, tmp_path, lambda ds: None)
    flags = xr.load_dataset(files / BULK, engine="h5netcdf")
    flags["assimilate_bulk_variable"][:] = True
    flags["assimilate_bulk_variable"][:8, 10:20] = False
    flags.to_netcdf(target / BULK, engine="h5netcdf")
    ds, notices = differland.read(target, tmp_path)
    north = ds["lat"].values > 46
    for west, counts in ((-10, False), (-5, False), (0, True)):  # half land; large, but not flagged; large
        here = north & (ds["lon"].values > west) & (ds["lon"].values < west + 5)
        assert np.isfinite(ds["nbe"].values[here]).any() == counts
    assert any("differ in 2 patches" in line for line in notices)


def test_towers_weigh_what_the_file_says(imported, raw, pixels):
    ds, (row, column) = imported[0], pixels
    weight, values = ds["gpp_fluxnet_weight"].values, ds["gpp_fluxnet"].values
    for i, (r, c) in enumerate(miniature.TOWERS):
        pixel = int(np.flatnonzero((row == r) & (column == c))[0])
        assert set(weight[pixel, 2:20]) == {0.25 * i if i else 1.0}
        assert not weight[pixel, 20:].any()
        assert np.isfinite(values[pixel, 2:20]).all()
    assert (weight > 0).sum() == 3 * 18
    np.testing.assert_array_equal(weight > 0, np.isfinite(values))


def test_other_sources_of_streams(files, raw, pixels, tmp_path):
    row, column = pixels
    streams = {
        "lai": "LAI_COPERNICUS",
        "nbe": "CAMS_NBE",
        "biomass": "IB_AGC+IB_BGC",
        "fire": "fire_emission",
    }
    streams |= {"gpp_fluxnet": "gpp_fluxnet_50percent", "et_fluxnet": "none"}
    ds, _ = differland.read(files, tmp_path, streams=streams)
    np.testing.assert_array_equal(ds["lai"].values, raw["LAI_COPERNICUS"][:, row, column].T)
    both = raw["IB_AGC"][:, row, column] + raw["IB_BGC"][:, row, column]
    np.testing.assert_array_equal(ds["biomass"].values, both.T)
    np.testing.assert_array_equal(ds["gpp_fluxnet"].values, raw["gpp_fluxnet_50percent"][:, row, column].T)
    assert set(ds["gpp_fluxnet_weight"].values[np.isfinite(ds["gpp_fluxnet"].values)]) == {1.0, 0.25}
    assert "et_fluxnet" not in ds
    assert "et_fluxnet_weight" not in ds
    assert json.loads(ds.attrs["streams"])["nbe"] == "CAMS_NBE"
    assert ds["nbe"].attrs["source"] == "CAMS_NBE"


def test_units_are_converted(files, imported, tmp_path):
    def kelvin(ds):
        ds["T_min"] = (ds["T_min"] + 273.15).assign_attrs(units="K")
        ds["PREC"] = (ds["PREC"] / 86400).assign_attrs(units="kg m-2 s-1")
        ds["VPD"] = (ds["VPD"] / 10).assign_attrs(units="wet")
        ds["LWE_normalized"].attrs["units"] = "cm"

    target = changed(files, tmp_path, kelvin)
    with pytest.raises(LandlabError, match=r"VPD has unit 'wet'.* --units VPD=UNIT"):
        differland.read(target, tmp_path)
    ds, _ = differland.read(target, tmp_path, unit_of={"VPD": "kPa"})
    for name in ("tmin", "precip", "vpd"):
        np.testing.assert_allclose(ds[name].values, imported[0][name].values, rtol=1e-5, atol=5e-5)
    np.testing.assert_allclose(ds["ewt"].values, 10 * imported[0]["ewt"].values, rtol=1e-6)


def test_units_that_are_missing(files, imported, tmp_path):
    def strip(ds):
        for variable in ds.data_vars.values():
            variable.attrs.clear()

    target = changed(files, tmp_path, strip)
    with pytest.raises(
        LandlabError, match=r"NF has no unit.*--units NF=UNIT, or --assume-units .*\(% here\)"
    ):
        differland.read(target, tmp_path)
    ds, _ = differland.read(target, tmp_path, assume_units=True)
    xr.testing.assert_allclose(ds, imported[0])
    with pytest.raises(LandlabError, match=r"plant types add up to 95.*PFT=%"):
        differland.read(target, tmp_path, assume_units=True, unit_of={"PFT": "1"})
    with pytest.raises(LandlabError, match="no RAIN is read"):
        differland.read(target, tmp_path, assume_units=True, unit_of={"RAIN": "mm/d"})


def test_publishing_in_parts_and_in_memory_is_the_same(files, imported, tmp_path, monkeypatch):
    monkeypatch.setattr(differland, "PART_VALUES", 100 * 24)
    with differland.open_files(files) as opened:
        blocks = [block for block, _ in opened.parts(tmp_path)]
        published = store.publish_parts(opened.skeleton, opened.parts(tmp_path / "scratch"), tmp_path / "a")
    assert len(blocks) > 4
    assert published.fingerprint == store.publish(imported[0], tmp_path / "b").fingerprint
    report = check.check(store.open_dataset(published.path))
    assert report.ok, report.errors
    assert not list((tmp_path / "scratch").iterdir())


@pytest.mark.parametrize("chunks", [(1, 24, 40), (24, 5, 7), (7, 24, 9)])
def test_how_a_file_is_chunked_does_not_matter(imported, tmp_path, monkeypatch, chunks):
    monkeypatch.setattr(gridded, "SLAB_VALUES", 3000)
    files = write_differland(tmp_path / "files", chunks=chunks)
    xr.testing.assert_equal(differland.read(files, tmp_path)[0], imported[0])


@pytest.mark.parametrize("chunks", [None, (1, 6, 9), (4, 2, 3), (5, 6, 1), (50, 60, 70)])
@pytest.mark.parametrize("limit", [1, 20, 100, 10**6])
def test_slabs_cover_everything_once_in_whole_chunks(chunks, limit, monkeypatch):
    monkeypatch.setattr(gridded, "SLAB_VALUES", limit)
    shape = (5, 6, 9)
    count = np.zeros(shape, int)
    unit = [min(c, s) for c, s in zip(chunks or (1, 6, 9), shape, strict=True)]
    for ranges in gridded.slabs(shape, chunks):
        count[ranges] += 1
        assert all(r.start % u == 0 for r, u in zip(ranges, unit, strict=True))
        assert np.prod([r.stop - r.start for r in ranges]) <= max(limit, np.prod(unit))
    assert (count == 1).all()


def test_memory_is_bounded(tmp_path, monkeypatch):
    """A quarter of a degree and 5 years: 40 variables of 1.8 MB; the largest things in memory are far smaller."""
    files = write_differland(tmp_path / "files", months=60, degrees=0.25)
    monkeypatch.setattr(gridded, "SLAB_VALUES", 2**15)
    monkeypatch.setattr(differland, "PART_VALUES", 320 * 60)
    read = []
    original = gridded.slabs

    def watched(shape, chunks):
        for ranges in original(shape, chunks):
            read.append(4 * np.prod([r.stop - r.start for r in ranges]))
            yield ranges

    monkeypatch.setattr(gridded, "slabs", watched)
    with differland.open_files(files) as opened:
        whole = sum(opened.skeleton[name].nbytes for name in parts.monthly(opened.skeleton))
        tracemalloc.start()
        try:
            n = sum(block.stop - block.start for block, _ in opened.parts(tmp_path))
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert n == opened.skeleton.sizes["pixel"]
    assert max(read) <= 4 * 2**15
    assert whole > 15e6
    assert peak < whole / 3


def test_integer_packing_is_undone(files, imported, tmp_path):
    """Archives pack: int16 with scale, offset and a fill value of their own."""
    target = changed(files, tmp_path, lambda ds: None)
    ds = miniature.driver_dataset()
    packing = {"dtype": "int16", "scale_factor": 0.001, "add_offset": 3.0, "_FillValue": -32768}
    ds.to_netcdf(target / DRIVER, engine="h5netcdf", encoding={"LAI": packing})
    lai = differland.read(target, tmp_path)[0]["lai"].values
    np.testing.assert_allclose(lai, imported[0]["lai"].values, atol=0.0006)
    assert np.isnan(lai).sum() == np.isnan(imported[0]["lai"].values).sum()


def test_provenance_and_licence(files, imported, tmp_path):
    attrs = imported[0].attrs
    assert attrs["kind"] == "real"
    assert "10.5281/zenodo.13984226" in attrs["source"]
    assert attrs["licence"].startswith("the one that the Zenodo record")
    assert json.loads(attrs["files"])[DRIVER] == (files / DRIVER).stat().st_size
    target = changed(files, tmp_path, lambda ds: None)
    (target / "zenodo-record.json").write_text(json.dumps({"metadata": {"license": {"id": "cc0-1.0"}}}))
    (target / "LICENSE.txt").write_text("Do as you like.\n")
    licence = differland.read(target, tmp_path)[0].attrs["licence"]
    assert licence.startswith("cc0-1.0, as the Zenodo record")
    assert licence.endswith("Do as you like.")


def test_every_forcing_is_there(imported):
    assert set(FORCING) <= set(imported[0].data_vars)


def test_medians_of_the_forcing_are_printed(imported):
    [line] = [line for line in imported[1] if line.startswith("medians of the forcing")]
    assert "tmax 16" in line or "tmax 15" in line
    assert "vpd 9" in line or "vpd 8" in line
    assert "10.5281/zenodo.13984225" in imported[0].attrs["citation"]


def test_vpd_in_another_unit_than_its_attribute_is_not_guessed(files, tmp_path):
    def in_kpa(ds):
        ds["VPD"] = ds["VPD"].copy(data=ds["VPD"].values / 10)
        return ds.assign(VPD=ds["VPD"].assign_attrs(units="hPa"))

    target = changed(files, tmp_path, in_kpa)
    with pytest.raises(
        LandlabError, match=r"VPD in hPa has a median of 0\.\d+ hPa .* It looks like kPa: say --units VPD=kPa"
    ):
        differland.read(target, tmp_path)
    ds, _ = differland.read(target, tmp_path, unit_of={"VPD": "kPa"})
    assert 5 < float(ds["vpd"].median()) < 13
    ds, _ = differland.read(target, tmp_path, unit_of={"VPD": "hPa"})
    assert float(ds["vpd"].median()) < 1.3, "said by hand: taken as said"


def test_months_of_thirty_days_say_what_differs(files, tmp_path):
    with differland.open_files(files, dt_days=30.0) as opened:
        [notice] = [line for line in opened.notices if line.startswith("dt 30: runoff stays")]
    assert "1.4% less" in notice
    assert '[base.process] runoff = "per_step" has the published code' in notice
