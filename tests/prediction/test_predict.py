"""Trained members on any dataset: what they were, scenarios, files by the CF conventions, and what is refused."""

import json
import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from landlab_mgr.data import batch, store
from landlab_mgr.errors import LandlabError
from landlab_mgr.models.dalec.model import MODEL
from landlab_mgr.prediction import cf, intervals, predict, scenario
from landlab_mgr.spec.run import RunSpec
from landlab_mgr.storage import location
from landlab_mgr.training import checkpoint, evaluate

from .. import untrained

SUFFIXES = (".nc", ".zarr")


def spec_of(ds, seed, **more):
    return RunSpec(
        dataset=store.fingerprint(ds),
        predictors=("PFT", "CLIM"),
        seeds={"init": seed, "split": seed, "shuffle": seed},
        warmup_months=12,
        optimizer={"epochs": 1},
        **more,
    )


@pytest.fixture(scope="module")
def made(planet, tmp_path_factory):
    """Spec, split, state and checkpoint of two members."""
    specs = [spec_of(planet, seed) for seed in (0, 1)]
    return [(spec, *untrained.member(planet, spec, tmp_path_factory.mktemp("member"))) for spec in specs]


@pytest.fixture(scope="module")
def members(made):
    return {spec.run_id: predict.Trained.open(Path(saved.path)) for spec, _, _, saved in made}


@pytest.fixture(scope="module")
def dataset(planet):
    return planet.assign_attrs(fingerprint=store.fingerprint(planet))


def gridded(ds):
    """Its pixels on a grid of half a degree, but for one hole."""
    n = ds.sizes["pixel"]
    place = np.arange(n) + (np.arange(n) > 4)
    lat, lon = 10 + 0.5 * (place // 5), 20 + 0.5 * (place % 5)
    return ds.assign(lat=ds["lat"].copy(data=lat), lon=ds["lon"].copy(data=lon))


def read(path):
    ds = (
        xr.open_dataset(path, engine="h5netcdf")
        if path.suffix == ".nc"
        else xr.open_zarr(path, consolidated=False)
    )
    with ds:
        return ds.load()


def monthly(made, ds):
    """[member, time, pixel] of GPP as the evaluation has it."""
    found = [
        evaluate.predict(spec, ds, member, state.params).series["gpp"] for spec, member, state, _ in made
    ]
    return np.stack(found).astype(float)


def test_a_checkpoint_holds_the_member(made, members, planet):
    for spec, member, state, _ in made:
        trained = members[spec.run_id]
        assert trained.spec == spec
        np.testing.assert_array_equal(trained.encode(planet), member.encoded)
        expected = evaluate.predict(spec, planet, member, state.params).parameters
        found = trained.parameters(trained.encode(planet), planet["lat"].values)
        for name, x in found.items():
            np.testing.assert_allclose(x, expected[name], rtol=1e-5)


def test_a_scale_of_the_weather_comes_back(planet, tmp_path):
    spec = spec_of(planet, 0, process={"water_stress": "nn_flux"})
    member, _, saved = untrained.member(planet, spec, tmp_path)
    found = predict.Trained.open(Path(saved.path))
    assert found.scale == member.scale
    assert found.spec.processes["water_stress"] == "nn_flux"


def test_what_is_no_checkpoint(tmp_path):
    checkpoint.save(tmp_path / "x", {"epoch": 1})
    with pytest.raises(LandlabError, match="holds no trained member"):
        predict.Trained.open(tmp_path / "x")
    with pytest.raises(LandlabError, match="no checkpoint"):
        predict.Trained.open(tmp_path / "y")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_mean_and_spread_of_the_members(made, members, dataset, tmp_path, suffix):
    path = tmp_path / f"p{suffix}"
    predict.write(members, dataset, path, ("gpp", "litter"), quantiles=True, each=True)
    found, expected = read(path), monthly(made, dataset)
    assert found["gpp"].dims == ("time", "site")
    np.testing.assert_allclose(found["gpp"].values, expected.mean(axis=0), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found["gpp_sd"].values, expected.std(axis=0, ddof=1), rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(found["gpp_member"].values[1], expected[1], rtol=1e-4, atol=1e-5)
    middle = found["gpp_quantile"].sel(quantile=0.5)
    np.testing.assert_allclose(middle.values, found["gpp"].values, rtol=1e-4, atol=1e-5)
    assert list(found["run_id"].values) == list(members)
    assert found.attrs["featureType"] == "timeSeries"
    assert found["site_name"].attrs["cf_role"] == "timeseries_id"
    assert {"lat", "lon", "site_name"} <= set(found.coords)
    assert found["litter"].attrs["cell_methods"] == "time: point realization: mean"
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


WIDE = intervals.Intervals(
    (0.5, 0.9), {"gpp": np.array([1.0, 3.0])}, {"gpp": 0.25}, "conformal, version 2 (0123)"
)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("layout", ["points", "grid"])
def test_bounds_of_intervals(members, dataset, tmp_path, suffix, layout):
    path = tmp_path / f"p{suffix}"
    predict.write(members, gridded(dataset), path, ("gpp", "litter"), layout=layout, intervals=WIDE)
    found = read(path)
    for level, factor in ((0.5, 1.0), (0.9, 3.0)):
        half = factor * (found["gpp_sd"] + 0.25)
        for name, expected in (("gpp_lower", found["gpp"] - half), ("gpp_upper", found["gpp"] + half)):
            np.testing.assert_allclose(found[name].sel(level=level), expected, rtol=1e-5, atol=1e-5)
    assert found["gpp_lower"].dims == ("level", *found["gpp"].dims)
    assert (
        found["gpp_upper"].attrs["long_name"]
        == "gross primary productivity (as carbon): upper bound of an interval"
    )
    assert found["gpp_upper"].attrs["comment"] == "calibration: conformal, version 2 (0123)"
    assert (
        found["level"].attrs["long_name"]
        == "share of the observations of a new place between lower and upper"
    )
    assert "litter_lower" not in found


def test_novelty_is_0_where_members_trained_in_weather_that_was_seen(made, members, dataset, tmp_path):
    trained = np.any([member.label == "train" for _, member, _, _ in made], axis=0)
    predict.write(members, dataset, tmp_path / "now.nc", ("gpp",), learned=dataset)
    now = read(tmp_path / "now.nc")["novelty"]
    assert now.dims == ("time", "site")
    assert (now.values[:, trained] == 0).all()
    assert (now.values[:, ~trained].max(axis=0) > 0).all()
    warm = scenario.Scenario(forcing={"tmin": "+9", "tmax": "+9"})
    predict.write(members, dataset, tmp_path / "warm.nc", ("gpp",), warm, learned=dataset)
    more = read(tmp_path / "warm.nc")["novelty"] - now
    assert (more >= 0).all()
    month = dataset["tmax"].transpose("time", "pixel").values[:, trained]
    assert (more.values[:, trained][month > month.max() - 8] > 0).all(), "warmer than any that was seen"
    assert (more.values[:, trained] == 0).any()


def calibrated(**more):
    """Result of an analysis `calibration`, of two streams of GPP, one of ET and biomass by year."""
    content = {
        "factor": (("variable", "level"), np.tile([1.0, 2.0, np.nan], (4, 1)) * [[1], [2], [3], [4]]),
        "floor": ("variable", [0.1, 0.2, 0.3, 0.4]),
        "places": ("variable", [9, 12, 10, 10]),
        "output": ("variable", ["gpp", "gpp", "et", "biomass"]),
        "average": ("variable", ["step", "step", "step", "year"]),
    }
    coords = {"variable": ["gpp_fluxnet", "gpp_other", "et", "biomass"], "level": [0.5, 0.9, 0.95]}
    return xr.Dataset(
        content, coords, {"step": "month", "method": "conformal", "version": 3, "analysis": "0123"} | more
    )


def test_intervals_of_a_calibration():
    wide = intervals.intervals_of(calibrated(), ("gpp", "litter", "biomass"), (0.5, 0.9), "month")
    assert wide.floor == {"gpp": 0.2}, "of the most places"
    assert wide.factor["gpp"].tolist() == [2, 4]
    assert wide.about == "conformal, version 3 (0123)"
    for names, level, step, message in (
        (("gpp",), 0.95, "month", "--intervals 95: 12 places calibrate gpp, which reach 92% at most"),
        (("gpp",), 0.5, "day", "the calibration is of months, and the dataset has days"),
        (("litter", "biomass"), 0.5, "month", "none of litter, biomass is calibrated; .* from gpp, et$"),
    ):
        with pytest.raises(LandlabError, match=message):
            intervals.intervals_of(calibrated(), names, (level,), step)
    assert intervals.levels_in("90, 50,90") == (0.5, 0.9)
    for text in ("0", "100", "9.5", "-5", "x"):
        with pytest.raises(LandlabError, match=r"--intervals .*: allowed are whole percents from 1 to 99"):
            intervals.levels_in(text)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_pixels_on_a_grid_become_maps(members, dataset, tmp_path, suffix, monkeypatch):
    ds = gridded(dataset)
    predict.write(members, ds, tmp_path / "points.nc", ("gpp", "et"), layout="points")
    path = tmp_path / f"grid{suffix}"
    monkeypatch.setattr(cf, "TILE_CELLS", 2)  # tiles, and blocks of some of them: as a large dataset has
    monkeypatch.setattr(predict, "BLOCK_BYTES", 6 * 4 * ds.sizes["time"] * 4)
    told = []
    predict.write(members, ds, path, ("gpp", "et"), tell=lambda *x: told.append(x))
    assert told[-1][0] == told[-1][1] > 1
    found, points = read(path), read(tmp_path / "points.nc")
    assert found["gpp"].dims == ("time", "lat", "lon")
    assert found["gpp"].shape == (36, 3, 5)
    for name in ("gpp", "gpp_sd", "et"):
        at = found[name].sel(lat=points["lat"], lon=points["lon"]).transpose("time", "site")
        np.testing.assert_allclose(at.values, points[name].values, rtol=1e-5, atol=1e-6)
        assert np.isnan(found[name].values).sum() == 36 * (15 - ds.sizes["pixel"])
    np.testing.assert_allclose(found["cell_area"].sum(), ds["area_m2"].sum())
    np.testing.assert_allclose(found["lat_bnds"].values[0], [9.75, 10.25])
    assert found["gpp"].attrs == {
        "units": "g m-2 d-1",
        "standard_name": "gross_primary_productivity_of_biomass_expressed_as_carbon",
        "long_name": "gross primary productivity (as carbon): mean of 2 members",
        "cell_methods": "time: mean realization: mean",
        "cell_measures": "area: cell_area",
        "grid_mapping": "crs",
        "ancillary_variables": "gpp_sd",
    }
    assert found["et"].attrs["units"] == "kg m-2 d-1"
    assert found.attrs["Conventions"] == "CF-1.11"
    begin, end = found["time_bnds"].values.T
    assert (begin[1:] == end[:-1]).all(), "calendar months, without gaps"
    assert ((found["time"].values > begin) & (found["time"].values < end)).all()


def at(ds, lat, lon, **more):
    """The first pixels of a dataset at other places."""
    part = ds.isel(pixel=slice(0, len(lat)))
    places = {"lat": ("pixel", np.array(lat, float)), "lon": ("pixel", np.array(lon, float))}
    return part.assign(places | {name: ("pixel", x) for name, x in more.items()})


def test_towers_stay_points_and_cells_a_grid(dataset):
    two = at(dataset, [40, 51], [5, 16], area_m2=[1e6, 1e6])
    assert cf.places_of(two).dims == ("site",)
    with pytest.raises(LandlabError, match=r"% of the cells .*, 11 x 11 degrees: write them as points"):
        cf.places_of(two, "grid")
    corners = [40, 40, 40.5, 40.5], [5, 5.5, 5, 5.5]
    cells = at(dataset, *corners, area_m2=[2.3e9] * 4)
    assert cf.places_of(cells).dims == ("lat", "lon")
    assert cf.places_of(cells, "points").dims == ("site",)
    named = at(dataset, *corners, area_m2=[2.3e9] * 4, site=list("abcd"))
    assert cf.places_of(named).dims == ("site",)
    assert cf.places_of(named, "grid").dims == ("lat", "lon")


def test_names_of_series_are_distinct(members, dataset, tmp_path):
    lat, lon = [40, 51, 51, 60], [5, 16, 17, 40]
    names = np.array(["Höhe", "tower", "tower", "x"], object)
    predict.write(members, at(dataset, lat, lon, site=names), tmp_path / "p.nc", ("gpp",), quantiles=True)
    found = read(tmp_path / "p.nc")
    assert found["site_name"].values.tolist() == ["Höhe", "tower 1", "tower 2", "x"]


@pytest.mark.slow
@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("layout", ["points", "grid"])
def test_the_checker_of_cf_finds_no_error(members, dataset, tmp_path, layout, suffix):
    if shutil.which("uvx") is None:
        pytest.skip("uvx, which gets the checker, is not installed")
    ds = gridded(dataset)
    if layout == "points":
        names = np.array([f"Höhe {k // 2}" for k in range(ds.sizes["pixel"])], object)
        ds = ds.assign(site=("pixel", names))
    path = tmp_path / f"p{suffix}"
    asked = scenario.Scenario(name="rich", forcing={"co2": "+100"})
    attrs = predict.attributes(members, "PFT+CLIM", {"twin": "f" * 16}, True, dataset, asked)
    predict.write(
        members,
        ds,
        path,
        ("gpp", "litter", "et"),
        asked,
        layout=layout,
        quantiles=True,
        each=True,
        attrs=attrs,
        intervals=WIDE,
        learned=dataset,
    )
    if suffix == ".zarr":  # the checker reads NetCDF
        path, ds = tmp_path / "as.nc", read(tmp_path / "p.zarr")
        small = [*ds.coords, *(name for name in ds if str(name).endswith("_bnds"))]
        ds.to_netcdf(path, engine="h5netcdf", encoding={name: {"_FillValue": None} for name in small})
    command = [
        "uvx",
        "--from",
        "compliance-checker",
        "compliance-checker",
        "-t",
        "cf:1.11",
        "-f",
        "json",
        "-o",
        "-",
    ]
    checked = subprocess.run([*command, str(path)], capture_output=True, text=True, timeout=300)
    if not checked.stdout:
        pytest.skip(f"the checker cannot be had: {checked.stderr[-300:]}")
    report = json.loads(checked.stdout)["cf:1.11"]
    errors = [line for check in report["high_priorities"] for line in check["msgs"]]
    assert errors == []
    assert report["high_count"] == 0


def test_a_file_says_where_it_comes_from(members, dataset, tmp_path):
    asked = scenario.Scenario(name="rich", forcing={"co2": "+100"})
    attrs = predict.attributes(members, "PFT+CLIM", {"twin": "f" * 16}, True, dataset, asked)
    predict.write(members, dataset, tmp_path / "p.nc", ("gpp", "litter"), asked, attrs=attrs)
    found = read(tmp_path / "p.nc").attrs
    assert found["title"].startswith("Synthetic: ")
    assert "scenario rich" in found["title"]
    assert found["landlab_runs"].split() == list(members)
    assert found["landlab_dataset_fingerprint"] == dataset.attrs["fingerprint"]
    assert '"co2": "+100"' in found["landlab_scenario"]
    assert {"source", "history", "references"} <= set(found)


@pytest.mark.slow
def test_members_of_several_programs_are_pooled(planet, dataset, tmp_path, tmp_path_factory):
    specs = [spec_of(planet, 0), spec_of(planet, 0, process={"water_stress": "nn_flux"})]
    mixed = [(s, *untrained.member(planet, s, tmp_path_factory.mktemp("pool"))) for s in specs]
    members = {spec.run_id: predict.Trained.open(Path(saved.path)) for spec, _, _, saved in mixed}
    with pytest.raises(LandlabError, match=r"differ in process.water_stress \(linear, nn_flux\)"):
        predict.write(members, dataset, tmp_path / "p.nc", ("gpp",))
    predict.write(members, dataset, tmp_path / "p.nc", ("gpp",), each=True, pool=("process.water_stress",))
    found, expected = read(tmp_path / "p.nc"), monthly(mixed, dataset)
    assert np.abs(expected[0] - expected[1]).max() > 0.01, "the processes differ"
    for k in (0, 1):
        np.testing.assert_allclose(found["gpp_member"].values[k], expected[k], rtol=1e-4, atol=1e-5)


def parsed(text, tmp_path):
    path = tmp_path / "s.toml"
    path.write_text(text)
    return scenario.load(path)


def test_a_scenario_changes_the_forcing(made, members, dataset, tmp_path):
    asked = parsed('[forcing]\nco2 = "+100"\nprecip = "*0.9"', tmp_path)
    predict.write(members, dataset, tmp_path / "a.nc", ("gpp", "litter"), asked)
    by_hand = dataset.assign(
        co2=dataset["co2"].copy(data=dataset["co2"].values + 100),
        precip=dataset["precip"].copy(data=dataset["precip"].values * np.float32(0.9)),
    )
    unchanged, expected = monthly(made, dataset).mean(axis=0), monthly(made, by_hand).mean(axis=0)
    found = read(tmp_path / "a.nc")["gpp"].values
    assert np.abs(found - unchanged).max() > 0.1
    # up to the mean precipitation that months are compared with: 0.9 of it in the dataset by hand
    assert np.corrcoef(found.ravel(), expected.ravel())[0, 1] > 0.999


def test_warming_is_felt_against_the_climate_that_was_learned(members, dataset, tmp_path):
    warm = parsed('[forcing]\ntmin = "+3"\ntmax = "+3"', tmp_path)
    forcing = warm.climate_of(dataset, MODEL)(dataset)
    before = batch.forcing_of(dataset, MODEL)
    np.testing.assert_allclose(forcing.climatology["mean_temp"], before.climatology["mean_temp"])
    np.testing.assert_allclose(forcing.series["tmax"], before.series["tmax"] + 3, rtol=1e-6)
    for name, asked in (("cool", None), ("warm", warm)):
        predict.write(members, dataset, tmp_path / f"{name}.nc", ("gpp", "litter"), asked)
    # in the first month nothing else differs: what falls depends on no temperature
    litter = [read(tmp_path / f"{name}.nc")["litter"].values[0] for name in ("warm", "cool")]
    assert (litter[0] < litter[1]).all()
    first = parsed("reference_years = [2001, 2001]", tmp_path).climate_of(dataset, MODEL)(dataset)
    year = batch.forcing_of(dataset.isel(time=slice(0, 12)), MODEL)
    np.testing.assert_allclose(first.climatology["mean_temp"], year.climatology["mean_temp"])
    np.testing.assert_array_equal(first.series["tmin"], before.series["tmin"])


def test_a_scenario_changes_what_the_network_sees(members, dataset, tmp_path):
    warm = parsed('[predictors]\nMAT = "+2"', tmp_path)
    trained = next(iter(members.values()))
    columns = trained.encoder.columns
    moved = trained.encode(warm.predictors_of(dataset)) - trained.encode(dataset)
    sd = next(p.sd for p in trained.encoder.parts if p.name == "MAT")
    np.testing.assert_allclose(moved[:, columns.index("MAT")], 2 / sd, rtol=1e-4)
    assert np.abs(np.delete(moved, columns.index("MAT"), axis=1)).max() == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[forcing]\nvpd = "-20"', "vpd.*makes .*allowed: 0 to 120"),
        ('[forcing]\nburned_area = "+1.5"', "allowed: 0 to 1"),
        ('[forcing]\ntmin = "+25"', "is above tmax"),
        ('[forcing]\nrain = "+1"', "forcing: has no 'rain'; there are tmin"),
        ("[forcing]\nco2 = 100", r'forcing.co2: must be a text such as "\+100"'),
        ('[forcing]\nco2 = "100"', "must be a text such as"),
        ('[predictors]\nclay2 = "+1"', "no continuous predictor 'clay2'; it has"),
        ("reference_years = [1990, 1995]", "1990 to 1995 are not in the dataset"),
        ("reference_years = [2003, 2001]", "first year before the last"),
        ("colour = 1", "unknown key; known: name"),
        ("[forcing", "is not valid TOML"),
    ],
)
def test_a_scenario_that_cannot_be(members, dataset, tmp_path, text, message):
    with pytest.raises(LandlabError, match=message):
        predict.write(members, dataset, tmp_path / "p.nc", ("gpp",), parsed(text, tmp_path))
    assert not (tmp_path / "p.nc").exists()


def test_the_example_is_a_scenario(dataset, tmp_path):
    found = parsed(scenario.EXAMPLE.replace("2006", "2003"), tmp_path)
    found.check(dataset)
    assert found.forcing["precip"] == "*0.9"


def test_what_is_refused(members, dataset, tmp_path):
    def refused(message, some=members, ds=dataset, name="p.nc", variables=("gpp",), **more):
        with pytest.raises(LandlabError, match=message):
            predict.write(some, ds, tmp_path / name, variables, **more)

    refused("two members or more", dict(list(members.items())[:1]))
    refused("no variable 'gdp'; the model has gpp", variables=("gdp",))
    places = np.sort(np.random.default_rng(0).uniform(-60, 60, dataset.sizes["pixel"]))
    refused("are on no regular grid", ds=dataset.assign(lat=("pixel", places)), layout="grid")
    refused("the dataset has no predictor 'MAT'", ds=dataset.drop_vars("MAT"))
    refused("is .nc or .zarr", name="p.txt")
    refused("no directory", name="nowhere/p.nc")
    (tmp_path / "p.nc").touch()
    refused("is there already")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_nothing_half_written_stays(members, dataset, tmp_path, suffix, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(predict, "forward", stop)
    with pytest.raises(KeyboardInterrupt):
        predict.write(members, dataset, tmp_path / f"p{suffix}")
    assert list(tmp_path.iterdir()) == []


# What HDF5 prints by itself goes to stderr.
ON_A_FULL_DISK = """
import pickle, sys
from pathlib import Path
import numpy as np
import xarray as xr
from landlab_mgr.errors import LandlabError
from landlab_mgr.prediction import cf
ds = pickle.loads(Path(sys.argv[1]).read_bytes())
pixels, months = np.arange(ds.sizes["pixel"]), ds.sizes["time"]
extra = {"member": xr.Variable("member", np.arange(500))}
places = cf.places_of(ds, "points")
variables = {name: cf.Written({}, ("member",)) for name in "abc"}
try:
    with cf.create(Path(sys.argv[2]) / "p.nc", ds, places, variables, extra, {}) as file:
        for name in variables:
            file.put(name, pixels, np.random.default_rng(0).random((500, months, len(pixels)), np.float32))
except LandlabError as error:
    print(error)
print(list(Path(sys.argv[2]).iterdir()))
"""


@pytest.mark.slow
@pytest.mark.parametrize("size", ["4k", "1800k"])
def test_a_full_disk_is_told_once(planet, tmp_path, size):
    """From the start, and when it closes the file; HDF5 prints tracebacks of its own, and may crash."""
    (tmp_path / "planet").write_bytes(pickle.dumps(planet))
    (tmp_path / "disk").mkdir()
    mounted = f'mount -t tmpfs -o size={size} landlab "$1" && exec "$2" -c "$3" "$4" "$1"'
    command = ["unshare", "--map-root-user", "--mount", "sh", "-c", mounted, "sh", str(tmp_path / "disk")]
    done = subprocess.run(
        [*command, sys.executable, ON_A_FULL_DISK, str(tmp_path / "planet")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    file = tmp_path / "disk" / "p.nc"
    full = f"cannot write {file}: No space left on device; name another place\n[]"
    assert done.stdout.strip() == full


def test_what_a_killed_writer_left_is_removed(members, dataset, tmp_path):
    left = store.temporary_of(tmp_path / "old.nc.zarr")
    dead = left.with_name(left.name.replace(f".{os.getpid()}.", ".999999999."))
    location.make_directory(dead)
    predict.write(members, dataset, tmp_path / "p.nc", ("gpp", "litter"))
    assert [p.name for p in tmp_path.iterdir()] == ["p.nc"]


def test_a_parameter_that_is_asked_for_as_an_output_is_pointed_to():
    for name in ("lcma", "q10"):
        with pytest.raises(LandlabError, match=f"{name} is a parameter .* `landlab analyse parameters"):
            cf.check_variables([name], {"gpp": None})


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_file_says_its_coordinate_system_and_zarr_is_consolidated(dataset, tmp_path, suffix):
    path = tmp_path / f"file{suffix}"
    places = cf.places_of(dataset)
    with cf.create(path, dataset, places, {"gpp": cf.Written({"units": "1"})}, {}, {}):
        pass
    with xr.open_dataset(path, engine=None if suffix == ".nc" else "zarr", decode_coords=False) as ds:
        assert ds[ds["gpp"].attrs["grid_mapping"]].attrs["grid_mapping_name"] == "latitude_longitude"
        assert ds["crs"].attrs["inverse_flattening"] == pytest.approx(298.257223563)
    if suffix == ".zarr":
        assert xr.open_zarr(path, consolidated=True)["gpp"].dims
