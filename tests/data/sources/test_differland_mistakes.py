"""DifferLand's drivers with a mistake in them: one line that says where, and nothing left behind."""

import numpy as np
import pytest
import xarray as xr

from landlab_mgr.data.sources import differland
from landlab_mgr.errors import LandlabError

from .miniature import CO2, DRIVER, RUNS, VALID, changed

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("unguarded")]


def drop(name):
    return lambda ds: ds.drop_vars(name)


def assign(name, **kwargs):
    def edit(ds):
        ds[name].attrs.update(kwargs)

    return edit


def poke(name, index, value):
    def edit(ds):
        ds[name].values[index] = value

    return edit


MISTAKES = {
    "a rate by month": (assign("PREC", units="mm/month"), r"PREC is in 'mm/month', and months have 28 to 31"),
    "a forcing is missing": (drop("PREC"), r"lacks 'PREC'"),
    "a predictor is missing": (drop("SAND"), r"lacks 'SAND'"),
    "a stream is missing": (drop("LAI"), r"lacks 'LAI'.*--stream lai=none"),
    "a weight is missing": (drop("gpp_fluxnet_weight"), r"lacks 'gpp_fluxnet_weight'"),
    "no latitudes": (drop("lat"), r"lacks 'lat'"),
    "no months": (drop("time"), r"no coordinate time"),
    "dims in another order": (
        lambda ds: ds.assign(T_min=ds["T_min"].transpose("lat", "lon", "time")),
        r"T_min has dims \(lat: 24, lon: 40, time: 24\); \(time: 24, lat: 24, lon: 40\) is needed",
    ),
    "a map where months should be": (
        lambda ds: ds.assign(T_min=ds["T_min"][0]),
        r"T_min has dims \(lat: 24, lon: 40\)",
    ),
    "months where a map should be": (
        lambda ds: ds.assign(SAND=ds["T_min"].assign_attrs(units="%")),
        r"SAND has dims",
    ),
    "words": (lambda ds: ds.assign(SAND=ds["SAND"].astype(str)), r"SAND holds .*, not numbers"),
    "an uneven grid": (
        lambda ds: ds.assign_coords(lat=ds["lat"].values ** 1.01),
        r"lat is not evenly spaced",
    ),
    "a grid off the globe": (lambda ds: ds.assign_coords(lon=ds["lon"] + 180), r"lon 180.25 is outside"),
    "another unit": (assign("T_min", units="mm"), r"T_min is in 'mm'.*--units T_min=UNIT"),
    "a gap in the forcing": (
        poke("VPD", (5, 10, 12), np.nan),
        r"VPD has no value at lat 44.75, lon -3.75 in 2001-06",
    ),
    "no data in the forcing": (poke("VPD", (5, 10, 12), -9999), r"VPD has no value at lat 44.75"),
    "infinite forcing": (poke("VPD", (5, 10, 12), np.inf), r"VPD has no value at lat 44.75"),
    "days of another year": (lambda ds: ds.assign(DAYS=ds["DAYS"] + 500), r"DAYS begins with 881"),
    "days that differ": (poke("DAYS", (0, 0, 10), 3), r"DAYS is missing in some month or differs"),
    "a strange day of year": (lambda ds: ds.assign(DOY=ds["DOY"] + 300), r"DOY ranges from"),
    "a month twice": (
        lambda ds: ds.assign_coords(time=ds["time"].values[[0, 1, 1, *range(3, 24)]]),
        r"time goes from 2001-02 to 2001-02",
    ),
    "weeks": (
        lambda ds: ds.assign_coords(
            time=np.datetime64("2001-01-01", "ns") + np.arange(24) * np.timedelta64(7, "D")
        ),
        r"time goes from 2001-01 to 2001-01",
    ),
    "months as numbers": (
        lambda ds: ds.assign_coords(time=np.arange(24)),
        r"time in None is no row of dates",
    ),
    "few months": (lambda ds: ds.isel(time=slice(6)), r"6 months"),
    "years beyond CO2": (
        lambda ds: ds.assign_coords(time=ds["time"] + np.timedelta64(365 * 23 + 6, "D")).assign(
            DAYS=(ds["DAYS"].dims, ds["DAYS"].values + 365 * 23 + 6)
        ),
        r"has no CO2 of 2024-01",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_the_driver_is_one_line(files, tmp_path, mistake):
    edit, message = MISTAKES[mistake]
    target = changed(files, tmp_path, edit)
    with pytest.raises(LandlabError, match=message) as caught:
        differland.read(target, tmp_path / "scratch")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "scratch").exists() or not list((tmp_path / "scratch").iterdir())


def rewrite(name, variable, values):
    def edit(directory):
        path = directory / name
        ds = xr.load_dataset(path, engine="h5netcdf")
        ds[variable] = (ds[variable].dims, values(ds[variable].values), {})
        ds.to_netcdf(path, engine="h5netcdf")

    return edit


def moved(directory):
    path = directory / VALID
    ds = xr.load_dataset(path, engine="h5netcdf")
    ds.assign_coords(lat=ds["lat"].values[::-1]).to_netcdf(path, engine="h5netcdf")


def lines(edit):
    return lambda directory: (directory / CO2).write_text(edit((directory / CO2).read_text()))


OTHER_MISTAKES = {
    "no driver": (
        lambda d: (d / DRIVER).unlink(),
        rf"no file .*{DRIVER}; `landlab data fetch differland --to",
    ),
    "no co2": (lambda d: (d / CO2).unlink(), rf"no file .*{CO2}"),
    "no NetCDF": (lambda d: (d / RUNS).write_text("<html>"), rf"{RUNS} .*"),
    "half a file": (
        lambda d: (d / RUNS).write_bytes((d / RUNS).read_bytes()[:3000]),
        rf"{RUNS} cannot be read",
    ),
    "fractions of ranks": (rewrite(RUNS, "run_simulation_idx", lambda x: x / 2), "no rank of a patch"),
    "scattered ranks": (
        rewrite(RUNS, "run_simulation_idx", lambda x: np.sort(x, axis=1)),
        "too far apart in",
    ),
    "no land": (rewrite(VALID, "era_valid", lambda x: x & False), "no pixel has a rank"),
    "no truth": (rewrite(VALID, "era_valid", lambda x: x * 3.0), "era_valid holds 3; it is true or false"),
    "another grid": (moved, rf"{VALID} has another lat"),
    "no column": (lines(lambda t: t.replace("average", "mean")), "lacks columns average"),
    "no CO2 of a month": (lines(lambda t: t.replace("370.00", "x")), "no CO2 of 2001-01"),
    "a month of CO2 twice": (lines(lambda t: t + "2001,1,2001.042,370\n"), "lists a month twice"),
}


@pytest.mark.parametrize("mistake", OTHER_MISTAKES)
def test_a_mistake_in_another_file_is_one_line(files, tmp_path, mistake):
    target = tmp_path / "files"
    target.mkdir()
    for path in files.iterdir():
        (target / path.name).write_bytes(path.read_bytes())
    edit, message = OTHER_MISTAKES[mistake]
    edit(target)
    with pytest.raises(LandlabError, match=message) as caught:
        differland.read(target, tmp_path / "scratch")
    assert "\n" not in str(caught.value)


def test_mistakes_in_what_is_asked(files, tmp_path):
    for options, message in (
        ({"streams": {"moss": "LAI"}}, "no observation stream 'moss'"),
        ({"streams": {"lai": "LAI_NASA"}}, "lacks 'LAI_NASA'"),
        ({"min_pixels": 1000}, "no patch has 1000 valid pixels"),
    ):
        with pytest.raises(LandlabError, match=message):
            differland.read(files, tmp_path, **options)
    with pytest.raises(LandlabError, match=r"no directory .*fetch differland --to"):
        differland.read(tmp_path / "absent", tmp_path)
