import h5py
import numpy as np
import pytest

from landlab_mgr import records
from landlab_mgr.data import check, schema, store
from landlab_mgr.data.sources import cardamom_nc
from landlab_mgr.errors import LandlabError
from landlab_mgr.spec.run import RunSpec
from landlab_mgr.training import run

from ...conftest import REPOSITORY
from . import others, towers

FILES = (
    "CARDAMOM_DEMO_DRIVERS_prototype_1006.cbf.nc",
    "CARDAMOM_DRIVER_FILE_EXAMPLE_1100.nc",
    "fluxval_US-NR1_1100_ABGB_ET_GPP_mLAI_NBE_SCF_SOM_SHORT_REDUCED_UNC.cbf.nc",
)
FORCING = {
    "T2M_MIN": "tmin",
    "T2M_MAX": "tmax",
    "SSRD": "ssrd",
    "CO2": "co2",
    "VPD": "vpd",
    "TOTAL_PREC": "precip",
    "BURNED_AREA": "burned_area",
}


def one_run(ds, directory, epochs=2):
    """Train a member on every pixel; its losses by epoch."""
    spec = RunSpec(
        dataset=store.fingerprint(ds),
        predictors=("CLIM",),
        split={"kind": "all"},
        optimizer={"epochs": epochs, "learning_rate": 1e-3},
        warmup_months=12,
    )
    run.check(spec, ds)
    path = store.publish(ds, directory / "data").path
    task = records.Task("member", spec, str(path), str(directory / "run"))
    events = [event for _, event in run.execute([task])]
    assert isinstance(events[-1], records.Result), events[-1]
    return [epoch.total for e in events if isinstance(e, records.Progress) for epoch in e.epochs]


def test_a_file_is_a_pixel(tmp_path):
    source = others.drivers()
    ds, notices = cardamom_nc.read([others.write_drivers(source, tmp_path / "US-XX.cbf.nc")])
    assert ds.sizes == {"pixel": 1, "time": 24}
    for theirs, ours in FORCING.items():
        np.testing.assert_array_equal(ds[ours].values[0], source[theirs].values)
    for theirs, ours in (("GPP", "gpp_fluxnet"), ("NBE", "nee_site"), ("ET", "et_fluxnet"), ("LAI", "lai")):
        expected = source[theirs].where(source[theirs] != -9999).values
        np.testing.assert_array_equal(ds[ours].values[0], expected)
    np.testing.assert_array_equal(ds["reco_fluxnet"], ds["gpp_fluxnet"] + ds["nee_site"])
    np.testing.assert_array_equal(ds["biomass"].values[0], [np.nan] * 12 + [4000.0] * 12)
    assert (ds["som"].values == 9000).all()
    assert np.flatnonzero(np.isfinite(ds["gpp_fluxnet_withheld"].values[0])).tolist() == [5, 17]
    assert schema.names(ds, "weight") == []
    assert (ds["site"].values[0], ds.attrs["name"]) == ("US-XX", "US-XX")
    assert (float(ds["lat"][0]), float(ds["lon"][0])) == (40.03, -105.55)
    assert ds.attrs["origin"] == "2001-01-01"
    assert schema.names(ds, "predictor") == ["MAP", "MAT"]
    report = check.check(ds)
    assert report.errors == []
    assert any("no pixel is kept for testing" in warning for warning in report.warnings)
    assert any("variables that tell no unit are taken as CARDAMOM's: LAI (m2 m-2)" in n for n in notices)
    assert any("not used: SNOWFALL" in n for n in notices)


def without(*names):
    return lambda ds: ds.drop_vars(list(names))


def bare_index(ds):
    return ds.drop_vars("time").assign_coords(time=("time", np.arange(24.0)))


def prose(ds):
    attrs = {"units": "Days", "info": "Time since Jan 01/01/2004 00:00"}
    return ds.assign_coords(time=("time", ds["time"].values, attrs))


def flat_units(ds):
    for variable in ds.data_vars.values():
        variable.attrs.pop("units", None)
    return ds


@pytest.mark.parametrize(
    ("change", "first", "notice"),
    [
        (lambda ds: ds, "2001-01", None),
        (
            lambda ds: ds.drop_indexes("time").rename_dims(time="time_dim").reset_coords("time"),
            "2001-01",
            None,
        ),
        (bare_index, "2001-01", "the first year is taken as 2001"),
        (without("time"), "2001-01", "the first year is taken as 2001"),
        (prose, "2004-01", "time is in days since 2004-01-01, as an attribute tells in prose"),
        (lambda ds: prose(ds).isel(time=slice(3, None)), "2004-04", None),
        (without("LON"), "2001-01", "no longitude in a: taken as 0"),
        (flat_units, "2001-01", "T2M_MIN (degC), T2M_MAX (degC), SSRD (MJ m-2 d-1)"),
        (without("DOY", "GPPunc", "GPP_val", "PEQ_iniSOM", "ABGB"), "2001-01", None),
    ],
)
def test_variants_of_the_format(tmp_path, change, first, notice):
    ds, notices = cardamom_nc.read([others.write_drivers(change(others.drivers()), tmp_path / "a.nc")])
    assert str(ds["time"].values[0].astype("datetime64[M]")) == first
    assert notice is None or any(notice in n for n in notices), notices
    np.testing.assert_array_equal(ds["ssrd"].values[0], change(others.drivers())["SSRD"].values)
    assert check.check(ds).errors == []


def test_where_something_burns_nbe_is_no_nee(tmp_path):
    source = others.drivers()
    source["BURNED_AREA"].values[3] = 0.02
    ds, _ = cardamom_nc.read([others.write_drivers(source, tmp_path / "a.nc")])
    assert "nbe" in ds
    assert not {"nee_site", "reco_fluxnet"} & set(ds)


def test_several_files_are_several_pixels(tmp_path):
    paths = []
    for i, lat in enumerate((40.1, 41.9, -3.0, 60.0)):
        source = others.drivers(seed=i)
        source["LAT"].values = np.array(lat)
        paths.append(others.write_drivers(source, tmp_path / f"cell-{i}.nc"))
    ds, _ = cardamom_nc.read(paths)
    assert ds.attrs["name"] == "cardamom"
    patch = ds["patch"].values
    assert patch[0] == patch[1]  # within 4 degrees of a box
    assert len(set(patch)) == 3
    assert ds["test"].values.any()
    assert check.check(ds).errors == []
    shorter = others.write_drivers(others.drivers(months=36), tmp_path / "longer.nc")
    with pytest.raises(LandlabError, match=r"longer.nc covers other months than .*cell-0.nc"):
        cardamom_nc.read([*paths, shorter])


def test_what_is_said_by_hand_counts(tmp_path):
    source = others.drivers().drop_vars("LON")
    source["SSRD"].attrs["units"] = "sunny"
    source["time"].attrs = {}
    path = others.write_drivers(source, tmp_path / "a.nc")
    with pytest.raises(LandlabError, match=r"a.nc: SSRD has unit 'sunny', .* --units SSRD=UNIT"):
        cardamom_nc.read([path])
    ds, notices = cardamom_nc.read([path], lon=12.5, unit_of={"SSRD": "W m-2"}, start="1999-07")
    np.testing.assert_allclose(ds["ssrd"].values[0], source["SSRD"].values * 0.0864)
    assert float(ds["lon"][0]) == 12.5
    assert str(ds["time"].values[0].astype("datetime64[M]")) == "1999-07"
    assert (ds.attrs["origin"], float(ds["doy"][0])) == ("1999-01-01", 6.5 * 30.4375)
    assert not any("longitude" in n for n in notices)


def values(name, function):
    def change(ds):
        ds[name] = ds[name].copy(data=function(ds[name].values.copy()))
        return ds

    return change


def put(index, value):
    def function(array):
        array[index] = value
        return array

    return function


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (without("VPD", "CO2"), "a.nc has no CO2, VPD; a CARDAMOM driver file has T2M_MIN"),
        (without("LAT"), "has no LAT"),
        (values("VPD", put(3, np.nan)), "VPD: missing at a.nc, month 4; forcing must have no gaps"),
        (values("VPD", put(3, -9999.0)), "VPD: missing at a.nc, month 4"),
        (values("LAT", lambda x: x + 60), r"LAT of a \(100.03\) is no latitude"),
        (values("time", put(3, 200.0)), "time 'time' goes from"),
        (lambda ds: values("DOY", put(3, 350.0))(bare_index(ds)), r"DOY goes from .* at month 4"),
        (lambda ds: values("DOY", put(3, 999.0))(bare_index(ds)), "DOY is no day of the year"),
        (
            lambda ds: bare_index(ds).drop_vars("DOY"),
            "neither dates in time nor DOY; give the first month: --start",
        ),
        (without("GPP", "NBE", "ET", "LAI", "ABGB", "PEQ_iniSOM", "GPP_val"), "a.nc holds no observation"),
        (lambda ds: ds.expand_dims(lat=3), "T2M_MIN has shape"),
        (lambda ds: ds.assign(CO2=ds["CO2"].isel(time=0)), r"CO2 has shape \(\); 24 months are needed"),
        (lambda ds: ds.assign(LAT=ds["SSRD"]), "LAT has shape"),
        (values("SSRD", lambda x: x.astype("S8")), "SSRD holds .*, not numbers"),
    ],
)
def test_a_mistake_is_one_line(tmp_path, change, says):
    path = others.write_drivers(change(others.drivers()), tmp_path / "a.nc")
    with pytest.raises(LandlabError, match=says) as caught:
        cardamom_nc.read([path])
    assert "\n" not in str(caught.value)


def test_mistakes_of_the_call(tmp_path):
    path = others.write_drivers(others.drivers(), tmp_path / "a.nc")
    for options, says in (
        ({"lon": 400.0}, "longitude 400; allowed"),
        ({"start": "01/2001"}, "start '01/2001'"),
        ({"unit_of": {"PREC": "mm"}}, "no file has a variable 'PREC'"),
    ):
        with pytest.raises(LandlabError, match=says):
            cardamom_nc.read([path], **options)
    with pytest.raises(LandlabError, match="no file given"):
        cardamom_nc.read([])
    with pytest.raises(LandlabError, match="two files are called a"):
        cardamom_nc.read([path, path])
    with pytest.raises(LandlabError, match="is a directory; name the files"):
        cardamom_nc.read([tmp_path])


@pytest.mark.fixtures
@pytest.mark.parametrize("name", FILES)
def test_the_real_files_import(shared_data, name):
    path = shared_data / "data" / "cardamom_nc" / name
    ds, _ = cardamom_nc.read([path])
    with h5py.File(path) as file:  # another reader than the importer's
        for theirs, ours in FORCING.items():
            np.testing.assert_array_equal(ds[ours].values[0], file[theirs][:])
        gpp = file["GPP"][:]
        assert float(ds["lat"][0]) == file["LAT"][()]
    np.testing.assert_array_equal(ds["gpp_fluxnet"].values[0], np.where(gpp == -9999, np.nan, gpp))
    assert check.check(ds).errors == []


REAL = [
    path for name in FILES if (path := REPOSITORY.parent / "shared" / "data" / "cardamom_nc" / name).is_file()
]


@pytest.mark.slow
@pytest.mark.parametrize("path", REAL or [None], ids=lambda path: path.name if path else "generated")
def test_a_single_pixel_trains(tmp_path, path):
    """The real files where they are here, else a generated one."""
    ds, _ = cardamom_nc.read([path or others.write_drivers(others.drivers(36), tmp_path / "a.nc")])
    losses = one_run(ds, tmp_path)
    assert len(losses) == 2
    assert np.isfinite(losses).all()


@pytest.mark.parametrize(("n_forcing", "n_observed"), [(9, 5), (10, 12), (9, 3)])
def test_binary_files_of_any_run_are_read(tmp_path, n_forcing, n_observed):
    """Columns beyond those that are the same in all runs are left alone."""
    table = np.full((towers.MONTHS, n_forcing + n_observed), -9999.0)
    whole = towers.site_table(50.1, 24.3)
    table[:, :9] = whole[:, :9]
    kept = min(n_observed, 5)
    table[:, n_forcing : n_forcing + kept] = whole[:, 9 : 9 + kept]
    header = np.array(towers.static_block(50.1))
    header[3:5] = n_forcing, n_observed
    path = tmp_path / "cell.cbf"
    path.write_bytes(np.concatenate([header, table.ravel()]).astype("<f8").tobytes())
    ds, _ = cardamom_nc.read([path], lon=24.3, start="2005-01")
    assert ds.sizes == {"pixel": 1, "time": towers.MONTHS}
    assert str(ds["time"].values[0])[:7] == "2005-01"
    np.testing.assert_array_equal(ds["precip"].values[0], np.maximum(whole[:, 8], 0))
    np.testing.assert_array_equal(ds["lai"].values[0], np.where(whole[:, 10] == -9999, np.nan, whole[:, 10]))
    assert ("et_fluxnet" in ds) == (n_observed >= 5 and bool((whole[:, 13] != -9999).any()))
    assert (ds["som"] == 9000).all()
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(LandlabError, match=r"months x .* columns need"):
        cardamom_nc.read([path], lon=24.3)


def test_a_latitude_that_is_none_is_said_by_hand_and_uncertainties_are_told(tmp_path):
    source = others.drivers().assign(LAT=((), -105.75), GPPunc=((), 1.3))
    path = others.write_drivers(source, tmp_path / "a.nc")
    with pytest.raises(LandlabError, match=r"LAT of a \(-105.75\) is no latitude: give it with --lat"):
        cardamom_nc.read([path])
    ds, notices = cardamom_nc.read([path], lat=40.0)
    assert ds["lat"].item() == 40
    assert any("uncertainties are not used: GPPunc" in line for line in notices)
