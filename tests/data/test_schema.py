import numpy as np
import pytest

from landlab_mgr.data import check, schema
from landlab_mgr.errors import LandlabError
from landlab_mgr.models import registry
from landlab_mgr.models.tables import Parameter, Tables, compared
from landlab_mgr.observations.streams import Stream
from landlab_mgr.observations.variables import FORCING, Variable


def drop(*names):
    return lambda ds: ds.drop_vars(list(names))


def attrs(name, **changes):
    def change(ds):
        ds[name].attrs.update(changes)
        return ds

    return change


def values(name, function):
    def change(ds):
        ds[name] = ds[name].copy(data=function(ds[name].values))
        return ds

    return change


def renamed(old, new):
    return lambda ds: ds.rename({old: new})


def first(replacement):
    def function(array):
        array = array.copy()
        array[0] = replacement
        return array

    return function


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda ds: ds.assign_attrs(licence=""), "attributes licence are missing or empty"),
        (lambda ds: ds.assign_attrs(name="../up"), r"name '\.\./up'"),
        (lambda ds: ds.assign_attrs(kind="imagined"), "kind 'imagined'; allowed: real, synthetic"),
        (lambda ds: ds.assign_attrs(dt_days=-1), "dt_days -1 is not a positive"),
        (lambda ds: ds.assign_attrs(origin="New Year"), "origin 'New Year'"),
        (lambda ds: ds.assign_attrs(schema_version=99), "schema_version 99; this landlab reads 1"),
        (lambda ds: ds.rename_dims(pixel="station"), "dims .*station.*; allowed: exactly pixel and time"),
        (lambda ds: ds.isel(time=slice(0)), "time of length 0"),
        (lambda ds: ds.set_coords("lat"), "coordinates .*lat"),
        (lambda ds: ds.assign_coords(time=np.arange(24)), "coordinate time has dtype int64"),
        (drop("vpd", "co2"), None),
        (drop(*FORCING), "no forcing; give at least one of tmin, tmax, ssrd"),
        (renamed("vpd", "humidity"), "humidity is no forcing variable; allowed: tmin, tmax"),
        (drop("doy"), "no doy with role 'time axis'"),
        (drop("area_m2"), "no area_m2 with role 'geometry'"),
        (drop("lai"), None),
        (drop("gpp_fluxnet"), "gpp_fluxnet_withheld has no observation stream gpp_fluxnet"),
        (attrs("tmin", units="K"), "tmin is in 'K'; convert it to 'degC'"),
        (attrs("lai", units=""), "lai has no attribute units"),
        (attrs("lai", role="wish"), "lai has role 'wish'; allowed: forcing"),
        (attrs("MAT", role="forcing"), "MAT has dims .* role 'forcing' needs"),
        (attrs("lat", role="truth"), "lat with role 'truth' must be named true_<parameter>"),
        (
            renamed("lai", "greenness"),
            "greenness with role 'observation' must be named <stream>; streams: sif",
        ),
        (renamed("gpp_fluxnet_withheld", "gpp_kept"), "gpp_kept .* must be named <stream>_withheld"),
        (attrs("MAT", group="LATLON"), "predictor MAT has group 'LATLON'"),
        (attrs("MAT", kind="fuzzy"), "predictor MAT has kind 'fuzzy'; allowed: continuous, class"),
        (attrs("soil_class", classes=[2, 1, 3]), "give its codes as a sorted list"),
        (attrs("soil_class", classes=[1, 2]), "soil_class holds code 3"),
        (values("patch", lambda x: x * 2), "patch numbers must be 0..9 without gaps"),
        (values("patch", lambda x: x.astype(float)), "patch has dtype float64; it must hold integers"),
        (values("test", lambda x: x.astype(int)), "test has dtype int64; it must hold booleans"),
        (values("lat", first(91.0)), "lat 91.0 at pixel 0; allowed: -90..90"),
        (values("lon", first(np.nan)), "lon nan at pixel 0"),
        (values("lai", lambda x: x.astype(str)), "lai has dtype .*it must hold numbers"),
        (values("test", lambda x: np.arange(x.size) == 0), "patch .* holds test and other pixels"),
    ],
)
def test_each_departure_is_named(dataset, change, says):
    changed = change(dataset)
    if says is None:
        schema.validate(changed)
        return
    with pytest.raises(LandlabError, match=says) as caught:
        schema.validate(changed)
    assert "\n" not in str(caught.value)


def test_a_valid_dataset_is_stamped_and_otherwise_as_it_was(dataset):
    del dataset.attrs["schema_version"]
    stamped = schema.validate(dataset)
    assert stamped.attrs["schema_version"] == schema.SCHEMA_VERSION
    assert stamped.drop_attrs(deep=False).identical(dataset.drop_attrs(deep=False))


def test_synthetic_data_may_hold_their_truth(dataset):
    attrs = {"role": "truth", "units": "1", "long_name": "true f_auto"}
    dataset["true_f_auto"] = ("pixel", np.full(11, 0.4), attrs)
    assert "only synthetic" in next(schema.problems(dataset))
    assert list(schema.problems(dataset.assign_attrs(kind="synthetic"))) == []


SNOW = Tables(
    name="snow",
    summary="a degree-day model of snow",
    implementation="",
    parameters=(Parameter("melt_factor", 1.0, 8.0, "mm degC-1 d-1", "melt per degree-day", 3.0),),
    forcing=("tmin", "tmax", "snowfall"),
    terms={"depth_site": compared(Stream("depth_site", "snow_depth"), 1.0)},
    outputs=(Variable("snow_depth", "m", "snow depth", 0, 20, never_negative=True),),
    forcing_variables=(Variable("snowfall", "mm d-1", "snowfall", 0, 100, never_negative=True),),
)


@pytest.fixture
def snow(monkeypatch):
    """A model of another package, installed, which adds a stream, a variable and forcing."""
    everything = registry._all()
    monkeypatch.setattr(registry, "_all", lambda: [*everything, SNOW])
    of_models = (registry.streams, registry.variables, registry.forcing, registry.parameters)
    for table in of_models:
        table.cache_clear()
    yield
    for table in of_models:
        table.cache_clear()


def with_snow(dataset):
    """The dataset with the forcing and the stream of the other package's model, and little else."""
    kept = dataset.drop_vars([*FORCING, "som", "biomass"])
    kept["tmin"] = dataset["tmin"]
    shape = kept["tmin"].shape
    schema.add(kept, "snowfall", np.random.default_rng(0).random(shape), "forcing", "mm d-1", "snowfall")
    schema.add(kept, "depth_site", np.ones(shape), "observation", "m", "snow depth")
    schema.add(kept, "true_melt_factor", np.full(11, 3.0), "truth", "mm degC-1 d-1", "true melt factor")
    return kept.assign_attrs(kind="synthetic")


@pytest.mark.usefixtures("snow")
def test_what_the_model_of_another_package_adds_is_known(dataset):
    ds = with_snow(dataset)
    assert list(schema.problems(ds)) == []
    ds["snowfall"].values[2, 3] = -1.0
    ds["depth_site"].values[4, 5] = 99.0
    report = check.check(ds)
    assert report.errors == [
        "snowfall -1 is below 0 (1 values, first at pixel 2 (BB-One), 2001-04); clip round-off at 0"
    ]
    assert any("depth_site 99 m is implausible" in warning for warning in report.warnings)
    assert check.figure(ds).axes[1].get_yticklabels()[0].get_text() == "depth_site"


def test_without_the_package_it_is_not(dataset):
    lines = list(schema.problems(with_snow(dataset)))
    assert any("snowfall is no forcing variable; allowed: tmin" in line for line in lines)
    assert any("depth_site with role 'observation' must be named <stream>" in line for line in lines)
    assert any("true_melt_factor with role 'truth' must be named true_<parameter>" in line for line in lines)
