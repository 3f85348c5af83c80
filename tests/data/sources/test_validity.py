"""What files declare as no value is none: codes of another type, valid ranges, flags; and rates by calendar month."""

import numpy as np
import pytest
import xarray as xr

from landlab_mgr.data.sources import cardamom_nc, generic, source_files

from . import others


def values(tmp_path, stored, engine="h5netcdf", **attrs):
    path = tmp_path / ("x.zarr" if engine == "zarr" else "x.nc")
    ds = xr.Dataset({"x": ("i", stored, attrs)})
    if engine == "zarr":
        ds.to_zarr(path, consolidated=False)
    else:
        options = {} if "_FillValue" in attrs else {"encoding": {"x": {"_FillValue": None}}}
        ds.to_netcdf(path, engine=engine, **options)
    with source_files.open_(path) as opened:
        return source_files.values(opened["x"], "x")


@pytest.mark.parametrize("engine", ["h5netcdf", "scipy", "zarr"])
@pytest.mark.parametrize(
    ("dtype", "attrs", "missing"),
    [
        ("f4", {"missing_value": -99.99}, [0]),
        ("f4", {"missing_value": "-9999"}, [1]),
        ("f8", {"missing_value": "-9999, -99.99"}, [0, 1]),
        ("i4", {"missing_value": -9999.0}, [1]),
        ("i2", {"missing_value": "-9999", "scale_factor": 0.1}, [1]),
        ("i2", {"missing_value": -999.9, "scale_factor": 0.1}, [1]),
        ("f4", {"missing_value": "none"}, []),
        ("f4", {"valid_min": -9999.0}, []),
        ("f4", {"valid_min": -100.0}, [1]),
        ("f4", {"valid_max": 99}, [3, 4]),
        ("i2", {"valid_range": np.array([-100, 100], "i2"), "scale_factor": 0.1}, [1, 4]),
        ("i2", {"valid_range": np.array([-10.0, 10.0]), "scale_factor": 0.1}, [1, 4]),
        ("f4", {"valid_range": "0 100"}, [0, 1, 4]),
    ],
)  # fmt: skip
def test_codes_and_ranges(tmp_path, engine, dtype, attrs, missing):
    stored = np.array([-99.99, -9999, 0, 100, 200]).astype(dtype)
    kept = values(tmp_path, stored, engine, **attrs)
    assert np.flatnonzero(np.isnan(kept.astype(float))).tolist() == missing


def test_bytes_that_count_as_unsigned(tmp_path):
    stored = np.array([0, 100, 200, 253, 255], "u1").view("i1")
    attrs = {"_Unsigned": "true", "valid_range": np.array([0, 200], "u1").view("i1"), "missing_value": 255}
    np.testing.assert_array_equal(values(tmp_path, stored, **attrs), [0, 100, 200, np.nan, np.nan])


def changed(tmp_path, name, change):
    source = others.sites()
    source[name] = change(source[name])
    path, toml = others.write_sites(tmp_path)
    path.unlink()
    others.write(source, path, "netcdf4")
    return generic.read(path, toml)[0]


TREES = {"flag_values": np.array([200, 253], "u1"), "flag_meanings": "water fill"}


def test_flags_of_a_quantity_are_no_amounts(tmp_path):
    cover = np.array([200, 253, 0, 1, 50, 100, 7, 8, 9], "u1")
    ds = changed(tmp_path, "forest_fraction", lambda x: x.copy(data=cover).assign_attrs(TREES))
    np.testing.assert_array_equal(ds["forest"], [np.nan, np.nan, *cover[2:]])


def test_of_classes_only_a_flag_that_means_no_value_is_missing(tmp_path):
    kinds = np.array([200, 253, 1, 2, 3, 1, 2, 3, 1], "u1")
    ds = changed(tmp_path, "texture", lambda x: x.copy(data=kinds).assign_attrs(TREES))
    assert ds["soil_class"].attrs["classes"] == [1, 2, 3, 200]


@pytest.mark.parametrize("attrs", [{"valid_range": [0.0, 10.0]}, {"valid_max": 10.0}])
def test_a_leaf_area_outside_its_valid_range_is_missing(tmp_path, attrs):
    ds = changed(tmp_path, "LAI", lambda x: x.where(x > 1, 25.3).assign_attrs(attrs))
    assert np.isnan(ds["lai"]).any()
    assert float(ds["lai"].max()) <= 10


@pytest.mark.parametrize("unit", ["mm/month", "kg m-2 month-1"])
def test_a_month_has_its_own_days(tmp_path, unit):
    mapping = others.MAPPING.replace("kg m-2 s-1", unit)
    source = others.sites()
    path, toml = others.write_sites(tmp_path, mapping=mapping)
    days = source.indexes["time"]  # 2003 and 2004
    actual = np.array(
        [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31, 31, 29, *[31, 30, 31, 30, 31, 31, 30, 31, 30, 31]]
    )
    assert len(days) == len(actual)
    ds, _ = generic.read(path, toml)
    np.testing.assert_allclose(ds["precip"], source["rain"] / actual, rtol=1e-6)


def test_a_month_has_its_own_days_in_a_driver_file_too(tmp_path):
    path = others.write_drivers(others.drivers(), tmp_path / "a.nc")
    ds, _ = cardamom_nc.read([path], unit_of={"TOTAL_PREC": "mm/month"})
    rain = others.drivers()["TOTAL_PREC"].values[:3] / [31, 28, 31]
    np.testing.assert_allclose(ds["precip"].values[0, :3], rain)


def test_names_in_latin_1(tmp_path):
    path, toml = others.write_sites(tmp_path)
    names = np.array([f"Höhe {i}".encode("latin-1") for i in range(others.SITES)])
    source = others.sites().assign(site_name=("site", names))
    path.unlink()
    others.write(source, path, "netcdf3")
    ds, _ = generic.read(path, toml)
    assert ds["site"].values.tolist() == [f"Höhe {i}" for i in range(others.SITES)]
