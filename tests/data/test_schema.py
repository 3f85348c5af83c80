import numpy as np
import pytest

from landlab_mgr.data import schema
from landlab_mgr.errors import LandlabError


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
        (drop("vpd", "co2"), "no co2, vpd with role 'forcing'"),
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
