"""Each process: a hand-computed value, a limit or a monotone response, finite gradients where it is awkward."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from landlab_mgr.errors import LandlabError
from landlab_mgr.models.dalec.process import (
    allocation,
    fire,
    observe,
    phenology,
    photosynthesis,
    turnover,
    water,
)
from landlab_mgr.models.dalec.process.weather import Weather
from landlab_mgr.spec.run import RunSpec

from .processes import bind, water_stress


def test_day_length_at_equinox_poles_and_equator():
    hours = photosynthesis.day_length(jnp.asarray([81.0, 172.0, 355.0]), jnp.asarray([45.0, 80.0, 80.0]))
    # day 81: declination is near 0 and the day near 12 h; midsummer and midwinter at 80 N
    assert hours[0] == pytest.approx(12.0, abs=0.1)
    assert hours[1] == 24.0
    assert hours[2] == 0.0
    assert photosynthesis.day_length(jnp.asarray(200.0), jnp.asarray(0.0)) == pytest.approx(12.0)


def gpp(lai=3.0, ssrd=18.0, co2=390.0, tmax=22.0, tmin=10.0, ce=18.0, daylength=14.0):
    lai, ssrd, co2, tmax, tmin = (jnp.asarray(x) for x in (lai, ssrd, co2, tmax, tmin))
    gc = photosynthesis.conductance(tmin, tmax)
    uptake = ce * jnp.exp(photosynthesis.TEMPERATURE_EXPONENT * tmax) / gc
    scale = photosynthesis.day_factor(jnp.asarray(daylength))
    return photosynthesis.gross_primary_productivity(lai, uptake, ssrd, co2, gc, scale)


def test_gpp_is_the_published_formula():
    lai, ssrd, ca, tmax, tmin, ce, hours = 3.0, 18.0, 390.0, 22.0, 10.0, 18.0, 14.0
    gc = abs(-2) ** 0.789798 / (0.37836 + 0.5 * (tmax - tmin))
    p = lai * ce * np.exp(0.011136 * tmax) / gc
    q = 4.22273 - 208.868
    ci = (ca + q - p + np.sqrt((ca + q - p) ** 2 - 4 * (ca * q - 4.22273 * p))) / 2
    e0 = 7.19298 * lai**2 / (2.1001 + lai**2)
    pd = gc * (ca - ci)
    expected = e0 * ssrd * pd / (e0 * ssrd + pd) * (0.0156935 * hours + 0.0453194)
    assert gpp() == pytest.approx(expected, rel=1e-12)


def test_gpp_keeps_its_digits_in_float32_at_low_leaf_area():
    lai = np.geomspace(1e-4, 10, 60)
    double = gpp(lai=lai)
    arguments = {"lai": lai, "ssrd": 18.0, "co2": 390.0, "tmax": 22.0, "tmin": 10.0}
    single = gpp(**{n: np.asarray(x, np.float32) for n, x in arguments.items()})
    assert single.dtype == jnp.float32
    np.testing.assert_allclose(single, double, rtol=3e-6)


@pytest.mark.parametrize("name", ["lai", "ssrd", "co2", "ce"])
def test_gpp_rises_with(name):
    low, high = {"lai": (0.5, 4.0), "ssrd": (2, 20), "co2": (300, 600), "ce": (10, 30)}[name]
    values = [float(gpp(**{name: float(x)})) for x in np.linspace(low, high, 12)]
    assert np.all(np.diff(values) > 0)


def test_gpp_and_its_gradient_without_leaves_or_light():
    for arguments in ({"lai": 0.0}, {"ssrd": 0.0}, {"lai": 0.0, "ssrd": 0.0}):
        assert float(gpp(**arguments)) == 0.0
        for name in ("lai", "ssrd"):
            slope = jax.grad(lambda x, n=name, a=arguments: gpp(**(a | {n: x})))(arguments.get(name, 1.0))
            assert np.isfinite(slope)


def test_allocation_spends_gpp_and_is_what_the_formula_says():
    share = allocation.allocate(*(jnp.asarray(x) for x in (10.0, 0.4, 0.25, 0.2, 0.5)))
    assert [float(x) for x in share] == pytest.approx([4.0, 1.5, 0.9, 1.8, 1.8])
    assert sum(share) == pytest.approx(10.0)


def test_step_rate_is_daily_compounding_and_exact_in_float32():
    daily = np.geomspace(1e-7, 0.9, 40)
    exact = (1 - (1 - daily) ** 30.4375) / 30.4375
    np.testing.assert_allclose(turnover.step_rate(jnp.asarray(daily), jnp.asarray(30.4375)), exact, rtol=1e-8)
    single = turnover.step_rate(jnp.asarray(daily, jnp.float32), jnp.float32(30.4375))
    np.testing.assert_allclose(single, -np.expm1(30.4375 * np.log1p(-daily)) / 30.4375, rtol=2e-6)


def test_step_rate_stays_finite_beyond_a_whole_pool_a_day():
    value, slope = jax.value_and_grad(lambda r: turnover.step_rate(r, jnp.asarray(30.0)))(7.0)
    assert value == pytest.approx(1 / 30)
    assert np.isfinite(slope)


def test_environment_factor():
    one = jnp.asarray(1.0)
    assert turnover.environment_factor(0 * one, 0 * one, 0.05 * one, 0.3 * one) == 1.0
    warmer = turnover.environment_factor(10 * one, 0 * one, 0.0693147 * one, 0.3 * one)
    assert warmer == pytest.approx(2.0, rel=1e-6)  # Q10 = exp(10 * 0.0693) = 2
    assert turnover.environment_factor(0 * one, -one, 0.05 * one, 0.3 * one) == pytest.approx(0.7)


def phenology_reference(t, lifespan, period, day):
    s, w = 365.25 / np.pi, period * np.sqrt(2) / 2
    f = (np.log(lifespan) - np.log(lifespan - 1)) / 2
    offset = w * np.polyval(phenology.OFFSET_POLYNOMIAL, np.log(lifespan - 1))
    return 2 / np.sqrt(np.pi) * (f / w) * np.exp(-((np.sin((t - day + offset) / s) * s / w) ** 2))


def test_phenology_is_the_published_formula_and_yearly():
    t = np.arange(0, 5800, 30.4375)
    args = [jnp.asarray(x) for x in (1.7, 60.0, 480.0)]
    rate = phenology.daily_rate(phenology.season(jnp.asarray(t)), *args)
    np.testing.assert_allclose(rate, phenology_reference(t, 1.7, 60.0, 480.0), rtol=1e-9, atol=1e-15)
    again = phenology.daily_rate(phenology.season(jnp.asarray(t + 365.25)), *args)
    np.testing.assert_allclose(again, rate, rtol=1e-9, atol=1e-15)


def test_longer_lived_leaves_fall_more_slowly():
    days = phenology.season(jnp.arange(365.0))
    lost = [
        float(phenology.daily_rate(days, *(jnp.asarray(x) for x in (life, 60.0, 640.0))).sum())
        for life in (1.05, 1.5, 3.0, 7.0)
    ]
    assert np.all(np.diff(lost) < 0)


def state(water_now, gpp_now=6.0):
    values = {
        "potential_gpp": gpp_now,
        "lai": 2.0,
        "water": water_now,
        "water_per_carbon": 0.3,
        "radiation_term": 0.5,
        "wilting_point": 50.0,
        "available_range": 150.0,
        "precip": 3.0,
    }
    weather = Weather(*(jnp.asarray(x) for x in (12.0, 15.0, 8.0, 390.0)))
    return water.WaterState(**{n: jnp.asarray(x) for n, x in values.items()}, weather=weather)


def test_linear_water_stress():
    linear = bind(water_stress("linear"))
    for w, beta in ((10.0, 0.0), (50.0, 0.0), (125.0, 0.5), (200.0, 1.0), (900.0, 1.0)):
        fluxes = linear(state(w))
        assert fluxes.beta == pytest.approx(beta)
        assert fluxes.gpp == pytest.approx(6.0 * beta)
        assert fluxes.et == pytest.approx(6.0 * beta * 0.3 + 0.5)


def test_no_water_stress():
    fluxes = bind(water_stress("none"))(state(1.0))
    assert (fluxes.beta, fluxes.gpp) == (1.0, 6.0)


def test_unknown_water_stress_names_what_there_is():
    with pytest.raises(LandlabError, match=r"unknown water_stress process 'sqrt'; known: linear, none"):
        water_stress("sqrt")


def test_a_process_has_versions_and_version_one_needs_no_number():
    assert water_stress("linear@1") is water_stress("linear")
    with pytest.raises(LandlabError, match="'linear' is installed in version 1, not 2: ask for 'linear'"):
        water_stress("linear@2")
    with pytest.raises(LandlabError, match=r"must be a name, or name@version .*, not 'linear@'"):
        water_stress("linear@")


@pytest.mark.parametrize(("days", "more"), [(30.4375, 1.0), (30.0, 30.4375 / 30), (1.0, 30.4375)])
def test_runoff_of_a_step_is_that_of_the_published_code(days, more):
    state = water.RunoffState(*map(jnp.asarray, ([80.0, 40.0], 100.0, days)))
    per_month, per_step = (p.fluxes({}, state) for p in (water.PER_MONTH, water.PER_STEP))
    assert per_step == pytest.approx([55 / days, 16 / days])
    assert per_step == pytest.approx(np.asarray(per_month) * more)


def test_runoff_per_step_is_a_choice_of_a_run_whose_default_stays():
    def run_id(**process):
        return RunSpec(dataset="d", predictors=("CLIM",), process=process).run_id

    assert run_id(runoff="per_month") == run_id()
    assert run_id(runoff="per_step") != run_id()


def test_runoff_is_continuous_where_it_becomes_quick():
    focal, month = jnp.asarray(100.0), 30.4375
    below, above = (water.runoff(jnp.asarray(w), focal) for w in (50.0 - 1e-9, 50.0 + 1e-9))
    assert below == pytest.approx(float(above), rel=1e-6)
    assert water.runoff(jnp.asarray(80.0), focal) == pytest.approx((80 - 25) / month)
    assert water.runoff(jnp.asarray(40.0), focal) == pytest.approx(1600 / 100 / month)


def test_fire_burns_in_proportion_and_never_below_the_floor():
    one = jnp.asarray(1.0)
    combustion, transfer = fire.burn(100 * one, 1.0, 0.2 * one, 0.6 * one, 0.5 * one)
    assert combustion == pytest.approx(12.0)
    assert transfer == pytest.approx(100 * 0.2 * 0.4 * 0.5)
    combustion, transfer = fire.burn(2 * one, 1.0, one, 0.9 * one, one)
    assert combustion + transfer == pytest.approx(1.0)
    assert combustion / transfer == pytest.approx(9.0)
    slope = jax.grad(lambda c: sum(fire.burn(c, 1.0, 0.0 * one, 0.9 * one, one)))(1.0)
    assert np.isfinite(slope)


def test_observation_operators():
    sif = observe.solar_induced_fluorescence(*(jnp.asarray(x) for x in (10.0, 16.0, 5.0)))
    assert sif == pytest.approx((10 - 2) / 16)
    vod = observe.vegetation_optical_depth(*(jnp.asarray(x) for x in (100.0, 5000.0, 1e-3, 2e-5)))
    assert vod == pytest.approx(0.2)
