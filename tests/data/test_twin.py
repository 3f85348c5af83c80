"""The twin planet: reproducible, plausible, and made by the truth that it stores."""

import jax
import numpy as np
import pytest

from landlab_mgr import model
from landlab_mgr.climate import make_forcing, prepare
from landlab_mgr.data import check, land, schema, store, twin
from landlab_mgr.errors import LandlabError
from landlab_mgr.parameters import BY_NAME, FORCING, PARAMETERS
from landlab_mgr.process import bind, water_stress


def test_the_same_seed_makes_the_same_planet(planet):
    again = twin.make(n_patches=6, pixels_per_patch=2, years=3, seed=1)
    other = twin.make(n_patches=6, pixels_per_patch=2, years=3, seed=2)
    assert store.fingerprint(again) == store.fingerprint(planet)
    assert store.fingerprint(other) != store.fingerprint(planet)


def test_it_is_a_sound_dataset_labelled_synthetic(planet):
    assert check.check(planet).errors == []
    assert planet.attrs["kind"] == "synthetic"
    assert land.is_land(planet["lat"].values, planet["lon"].values).all()
    assert planet.sizes == {"pixel": 12, "time": 36}


def test_true_parameters_are_within_bounds_and_say_what_they_depend_on(planet):
    names = schema.names(planet, "truth")
    assert {n.removeprefix("true_") for n in names} == {p.name for p in PARAMETERS}
    for name in names:
        p = BY_NAME[name.removeprefix("true_")]
        assert planet[name].min() >= p.low
        assert planet[name].max() <= p.high
        shares = [v for k, v in planet[name].attrs.items() if k.startswith("share_")]
        assert not shares or sum(shares) == pytest.approx(1)


def test_the_true_parameters_make_the_observations(planet):
    drawn = {n: planet[n].values.T.astype(float) for n in FORCING}
    drawn |= {n: planet[n].values for n in ("time_days", "doy")}
    forcing = make_forcing(drawn, planet["lat"].values, planet.attrs["dt_days"], np.float64)
    params = {n.removeprefix("true_"): planet[n].values for n in schema.names(planet, "truth")}
    run = jax.jit(model.simulate, static_argnums=2)
    outputs = run(params, prepare(forcing), bind(water_stress("linear")))
    for stream, variable in (("lai", "lai"), ("sif", "sif"), ("et_gleam", "et")):
        observed = planet[stream].values.T
        there = np.isfinite(observed)
        error = (np.asarray(outputs[variable]) - observed)[there]
        # what is left is the error that was added, a known share of the stream's own spread
        assert error.std() < 1.5 * twin.NOISE[stream] * observed[there].std(), stream


@pytest.mark.parametrize("numbers", [(3, 2, 3), (6, 0, 3), (6, 321, 3), (6, 2, 2)])
def test_impossible_planets_are_refused(numbers):
    with pytest.raises(LandlabError, match="at least 4 patches"):
        twin.make(*numbers)
