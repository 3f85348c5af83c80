"""A user's map at the pixels: every format and layout gives the same values, and a budget takes regions from one."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from landlab_mgr import analysis
from landlab_mgr.analysis import usermap
from landlab_mgr.errors import LandlabError

from . import sample

pytestmark = pytest.mark.slow

LAT, LON = np.array([10.125, -20.375, 60.125, 0.125]), np.array([30.125, -60.875, 100.625, -179.875])
AREA = (6_371_007.2 * np.deg2rad(0.25)) ** 2 * np.cos(np.deg2rad(LAT))
"""Of cells of a quarter of a degree."""


def grid(step=0.125):
    lat = np.arange(-90 + step / 2, 90, step)
    lon = np.arange(-180 + step / 2, 180, step)
    values = np.random.default_rng(0).random((len(lat), len(lon)))
    return xr.Dataset({"sla": (("lat", "lon"), values, {"units": "m2 kg-1"})}, {"lat": lat, "lon": lon})


def by_hand(ds, lat, lon):
    part = ds["sla"].sel(lat=slice(lat - 0.125, lat + 0.125), lon=slice(lon - 0.125, lon + 0.125))
    return float(part.weighted(np.cos(np.deg2rad(part["lat"]))).mean())


@pytest.fixture(scope="module")
def fine():
    return grid()


@pytest.mark.parametrize("layout", ["nc", "zarr", "360", "turned", "text"])
def test_area_means_by_hand(fine, layout, tmp_path):
    ds, path = fine, tmp_path / "map.nc"
    if layout == "360":
        ds = ds.assign_coords(lon=ds["lon"] % 360).sortby("lon").rename(lat="latitude", lon="Longitude")
    elif layout == "turned":
        ds = ds.isel(lat=slice(None, None, -1)).transpose("lon", "lat").expand_dims("time")
    elif layout == "text":
        near = ds.sel(lat=slice(-21, 61)).where(ds["lat"] > -21, drop=True)
        near = near.sel(lon=np.concatenate([near["lon"][abs(near["lon"] - x) < 0.4] for x in LON]))
        path = tmp_path / "map.csv"
        near.to_dataframe().reset_index().to_csv(path, index=False)
    if layout == "zarr":
        path = tmp_path / "map.zarr"
        ds.to_zarr(path)
    elif layout != "text":
        ds.to_netcdf(path, engine="h5netcdf")
    given = usermap.read(str(path), units="" if layout != "text" else "m2 kg-1")
    assert given.units == "m2 kg-1"
    found = usermap.at_pixels(given, LAT, LON, AREA, 0.0, "mean")
    tolerance = 1e-3 if layout == "text" else 1e-9  # places have no areas
    assert found == pytest.approx([by_hand(fine, *at) for at in zip(LAT, LON, strict=True)], abs=tolerance)


def test_missing_values_and_coarse_maps():
    coarse = grid(5.0)
    given = usermap.UserMap("sla", "1", coarse["sla"].values, coarse["lat"].values, coarse["lon"].values, {})
    holds = [float(coarse["sla"].sel(lat=a, lon=b, method="nearest")) for a, b in zip(LAT, LON, strict=True)]
    for how in ("mean", "nearest"):
        assert usermap.at_pixels(given, LAT, LON, AREA, 0.0, how) == pytest.approx(holds)
    values = np.where(coarse["lat"].values[:, None] > 50, np.nan, coarse["sla"].values)
    given = usermap.UserMap("sla", "1", values, coarse["lat"].values, coarse["lon"].values, {})
    found = usermap.at_pixels(given, LAT, LON, AREA, 0.0, "mean")
    assert list(np.isnan(found)) == [False, False, True, False]
    # -o cell: a map of whole degrees, averaged over 10 degrees
    wide = usermap.at_pixels(given, np.zeros(1), np.zeros(1), AREA[:1], 10.0, "mean")
    square = coarse["sla"].sel(lat=slice(-5, 5), lon=slice(-5, 5))
    assert wide[0] == pytest.approx(float(square.weighted(np.cos(np.deg2rad(square["lat"]))).mean()))


def test_around_the_world():
    lat, lon = np.arange(-89.0, 90, 2), np.arange(0.0, 360, 2)  # centres at 0, 2, ..., 358
    values = np.broadcast_to(lon, (len(lat), len(lon)))
    given = usermap.UserMap("x", "1", values, lat, np.where(lon >= 180, lon - 360, lon), {})
    found = usermap.at_pixels(given, np.zeros(2), np.array([179.9, -0.6]), AREA[:2], 0.0, "nearest")
    assert list(found) == [180, 0]


def test_a_map_ends_where_it_ends():
    lat, lon = np.arange(30.25, 60, 0.5), np.arange(0.25, 20, 0.5)
    values = np.broadcast_to(lon, (len(lat), len(lon)))
    given = usermap.UserMap("x", "1", values, lat, lon, {})
    at = np.array([-170.0, -100, -20, -0.3, 0.1, 19.9, 20.3, 170])
    inside = (at > 0) & (at < 20)
    for how in ("mean", "nearest"):
        found = usermap.at_pixels(given, np.full(8, 45.0), at, np.full(8, AREA[0]), 0.0, how)
        assert list(np.isfinite(found)) == list(inside), how
    # beside it, too, where rows are uneven: half of the step on that side
    given = usermap.UserMap("x", "1", values[:3], np.array([0.0, 1, 4]), lon, {})
    found = usermap.at_pixels(given, np.array([-0.6, 0.4, 2.4]), np.full(3, 10.0), AREA[:3], 0.0, "nearest")
    assert list(np.isfinite(found)) == [False, True, True]


def test_a_meridian_that_is_there_twice():
    lat, lon = np.arange(-90.0, 91), np.arange(-180.0, 181)
    values = np.broadcast_to(lon, (len(lat), len(lon)))
    given = usermap.UserMap("x", "1", values, lat, np.where(lon >= 180, lon - 360, lon), {})
    found = usermap.at_pixels(given, np.zeros(3), np.array([-179.8, 179.8, -179.2]), AREA[:3], 0.0, "nearest")
    assert list(found) == [-180, -180, -179]


def test_regions_by_name_by_flag_and_by_number(fine, tmp_path):
    north = (fine["lat"] > 0).broadcast_like(fine["sla"])
    flags = north.astype(np.int8).assign_attrs(
        flag_values=np.array([0, 1], np.int8), flag_meanings="south north"
    )
    expected = ["north", "south", "north", "north"]
    for name, mask, names in (
        ("flags.nc", flags, expected),
        ("numbers.nc", north.astype(np.int8), ["zone 1", "", "zone 1", "zone 1"]),
    ):
        mask.rename("zone").drop_vars(set(mask.coords) - {"lat", "lon"}).to_netcdf(
            tmp_path / name, engine="h5netcdf"
        )
        found = usermap.regions_at(usermap.read(str(tmp_path / name)), LAT, LON, AREA, 0.0)
        assert list(found) == names
    table = pd.DataFrame({"lat": LAT[:3], "lon": LON[:3], "basin": ["Nile", "Amazon", None]})
    table.to_csv(tmp_path / "basins.csv", index=False)
    found = usermap.regions_at(usermap.read(str(tmp_path / "basins.csv")), LAT, LON, AREA, 0.0)
    assert list(found) == ["Nile", "Amazon", "", ""]


@pytest.mark.parametrize(
    ("content", "variable", "message"),
    [
        ("lat,lon,a,b\n1,2,3,4\n", "", "2 variables of lat and lon"),
        ("lat,lon,a\n1,2,3\n", "sla", "no variable 'sla' of lat and lon; it has: a"),
        ("x,y,a\n1,2,3\n", "", "has no lat"),
        ("lat,lon,a\nnorth,2,3\n", "", "lat holds no numbers"),
        ("", "", "is no csv table"),
    ],
)
def test_tables_that_are_refused(tmp_path, content, variable, message):
    (tmp_path / "map.csv").write_text(content)
    with pytest.raises(LandlabError, match=message):
        usermap.read(str(tmp_path / "map.csv"), variable)


def test_more_dimensions_are_refused(fine, tmp_path):
    small = fine.isel(lat=slice(0, 4), lon=slice(0, 4))
    xr.concat([small, small], "time").to_netcdf(tmp_path / "map.nc", engine="h5netcdf")
    with pytest.raises(LandlabError, match=r"sla has time \(2\); make a map of it first"):
        usermap.read(str(tmp_path / "map.nc"))
    with pytest.raises(LandlabError, match="no file"):
        usermap.read(str(tmp_path / "nothing.nc"))


def test_a_budget_by_a_map_of_regions(planet, tmp_path):
    def monthly(spec):
        ones = np.ones((planet.sizes["pixel"], planet.sizes["time"]))
        return {"monthly": xr.Dataset({"gpp": (("pixel", "time"), ones)}, {"time": planet["time"]})}

    workspace = sample.make_with_files(tmp_path / "ws", planet, monthly)
    lat = planet["lat"].values
    first = lat > np.median(lat)
    names = np.where(first, "upper", "")
    table = pd.DataFrame({"lat": lat, "lon": planet["lon"].values, "part": names})
    table.to_csv(tmp_path / "parts.csv", index=False)
    table.replace("upper", "all").to_csv(tmp_path / "all.csv", index=False)
    options = {"variables": "gpp", "regions": str(tmp_path / "all.csv")}
    with workspace.open() as catalog, pytest.raises(LandlabError, match="a region is called 'all'"):
        analysis.run(workspace, catalog, "budget", "setup.groups = 'PFT'", options=options)
    options = {"variables": "gpp", "regions": str(tmp_path / "parts.csv")}
    with workspace.open() as catalog:
        ds = analysis.run(workspace, catalog, "budget", "setup.groups = 'PFT'", options=options).dataset
        assert list(ds["region"].values) == ["all", "upper"]
        area = planet["area_m2"].values
        total = ds["total"].sel(variable="gpp", region="upper").values
        assert total == pytest.approx(area[first].sum() * 365.25 * 1e-15)
        assert "of the area is in no region" in ds.attrs["notes"]
        (tmp_path / "parts.csv").write_text("lat,lon,part\n-89.9,0,pole\n")
        with pytest.raises(
            LandlabError, match=r"a region at none of 12 pixels; it covers lat -89.9 to -89.9"
        ):
            analysis.run(workspace, catalog, "budget", "setup.groups = 'PFT'", options=options)
