"""HBV by hand-worked days, its closed water, and the whole way from a dataset to a trained member."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from landlab_mgr.models import land
from landlab_mgr.models.hbv import model as hbv
from landlab_mgr.models.hbv import runoff
from landlab_mgr.models.hbv.tables import TABLES
from landlab_mgr.models.model import make_forcing
from landlab_mgr.models.potential_evaporation import HARGREAVES, Air
from landlab_mgr.models.process import Process, processes
from landlab_mgr.models.sun import Sun

GIVEN = {
    "beta": 2.0, "fc": 200.0, "k0": 0.5, "k1": 0.1, "k2": 0.01, "lp": 0.5, "perc": 2.0, "uzl": 10.0,
    "tt": 0.0, "cfmax": 3.0, "cfr": 0.05, "cwh": 0.1, "betaet": 1.0, "route_a": 1.0, "route_b": 1.0,
}  # fmt: skip


def given(**changes):
    return {name: jnp.array([float(x)]) for name, x in (GIVEN | changes).items()}


def day(precip, temperature):
    one = jnp.array([float(temperature)])
    nothing = jnp.zeros(1)
    return hbv.Weather(jnp.array([float(precip)]), Air(one, one, Sun(nothing, nothing)))


def bound(potential):
    constant = Process(lambda params, air: jnp.full_like(air.tmin, potential))
    return {
        "potential_evaporation": land.bind(constant),
        "runoff_generation": land.bind(runoff.POWER),
    }


def stores(*values):
    return hbv.Stores(*(jnp.array([float(x)]) for x in values))


def after(state, weather, potential=0.0, **parameters):
    new, outputs = hbv.step(state, weather, given(**parameters), bound(potential), ())
    return [float(x[0]) for x in new], {n: float(x[0]) for n, x in outputs.items()}


def test_a_warm_wet_day():
    """Soil half full: recharge = 40 (100 / 200)^2 = 10; ET = 4; upper 30 + 10 - 2 = 38, quick 14, interflow 2.4."""
    new, out = after(stores(0, 0, 100, 30, 50), day(40, 10), potential=4.0)
    assert new == pytest.approx([0, 0, 100 + 30 - 4, 24 - 2.4, 52 - 0.52])
    assert out["et"] == pytest.approx(4.0)
    assert out["discharge"] == pytest.approx(14 + 2.4 + 0.52)


def test_a_cold_day_keeps_what_falls():
    """0.05 * 3 mm degC-1 of 2 degC refreeze 0.3 of 3 mm; 25.3 mm of snow hold 2.53 of the 2.7 left."""
    new, _ = after(stores(20, 3, 100, 0, 0), day(5, -2))
    assert new[:2] == pytest.approx([25.3, 2.53])
    assert new[2] == pytest.approx(100 + 0.17 * 0.75)


def test_melt_fills_the_snow_before_it_leaves():
    """3 mm degC-1 of 2 degC melt 6 of 50 mm; the 44 left hold 4.4, so 1.6 reach the soil."""
    new, _ = after(stores(50, 0, 100, 0, 0), day(0, 2))
    assert new[0] == pytest.approx(44)
    assert new[1] == pytest.approx(4.4)
    recharge = 1.6 * 0.25
    assert new[2] == pytest.approx(100 + 1.6 - recharge)


def test_evaporation_falls_below_lp():
    _, out = after(stores(0, 0, 50, 0, 0), day(0, 10), potential=4.0)
    assert out["et"] == pytest.approx(4.0 * 50 / 100)
    _, out = after(stores(0, 0, 50, 0, 0), day(0, 10), potential=4.0, betaet=2.0)
    assert out["et"] == pytest.approx(4.0 * 0.25)


def test_soil_above_fc_goes_on():
    new, out = after(stores(0, 0, 195, 0, 0), day(100, 10), beta=6.0)
    assert new[2] == pytest.approx(200)
    assert new[3] + new[4] + out["discharge"] == pytest.approx(195 + 100 - 200)


def random_days(n=400, pixels=5, seed=0):
    rng = np.random.default_rng(seed)
    season = 10 * np.sin(2 * np.pi * np.arange(n) / 365)[:, None]
    tmin = season + rng.normal(size=(n, pixels)) * 4
    series = {
        "precip": np.where(rng.random((n, pixels)) < 0.4, rng.exponential(8, (n, pixels)), 0.0),
        "tmin": tmin,
        "tmax": tmin + rng.random((n, pixels)) * 12,
    }
    doy = np.arange(n) % 365 + 0.5
    return make_forcing(
        hbv.MODEL, series, np.linspace(-40, 60, pixels), np.arange(n) + 0.5, doy, 1.0, jnp.float64
    )


def drawn(pixels=5, seed=1):
    rng = np.random.default_rng(seed)
    return {p.name: jnp.asarray(p.low + (p.high - p.low) * rng.random(pixels)) for p in TABLES.parameters}


@pytest.mark.parametrize("choice", ["power", "nn_share"])
def test_water_closes(choice):
    forcing, parameters = random_days(), drawn()
    chosen = processes(TABLES.processes, {"potential_evaporation": "hargreaves", "runoff_generation": choice})
    key = jax.random.key(0)
    learned = {n: p.initialise(key) for n, p in chosen.items()}
    if choice == "nn_share":
        learned["runoff_generation"]["output"] += 1.0
    ready = {n: land.bind(p, learned[n]) for n, p in chosen.items()}
    whole = hbv.DYNAMICS._replace(finish=lambda series, parameters: series)
    out = land.simulate(whole, parameters, hbv.prepare(forcing), ready)
    start = sum(hbv.initial(parameters))
    stored = sum(out[n] for n in TABLES.pools)
    gained = jnp.diff(jnp.concatenate([start[None], stored]), axis=0)
    balance = forcing.series["precip"] - out["et"] - out["discharge"] - gained
    np.testing.assert_allclose(balance, 0.0, atol=1e-9)
    for name in (*TABLES.pools, "et", "discharge"):
        assert (out[name] >= -1e-12).all(), name
    assert (out["et"] > 0).any()


def test_routing_keeps_water_and_spreads_it():
    parameters = given(route_a=2.0, route_b=1.5)
    pulse = jnp.zeros((40, 1)).at[3].set(10.0)
    routed = hbv.finish({"discharge": pulse}, parameters)["discharge"]
    assert float(routed.sum()) == pytest.approx(10.0)
    day = np.arange(15) + 0.5
    density = day ** (2 - 1) * np.exp(-day / 1.5)
    np.testing.assert_allclose(routed[3:18, 0], 10 * density / density.sum(), rtol=1e-6)
    assert (routed[:3] == 0).all()


@pytest.mark.slow
def test_gradients_are_finite_at_the_bounds():
    weather = hbv.prepare(random_days(120, 2))
    ready = {"potential_evaporation": land.bind(HARGREAVES), "runoff_generation": land.bind(runoff.POWER)}

    def total(parameters):
        return land.simulate(hbv.DYNAMICS, parameters, weather, ready, ("discharge",))["discharge"].sum()

    for bound_ in ("low", "high"):
        parameters = {p.name: jnp.full(2, float(getattr(p, bound_))) for p in TABLES.parameters}
        gradient = jax.grad(total)(parameters)
        assert all(np.isfinite(g).all() for g in gradient.values()), bound_
