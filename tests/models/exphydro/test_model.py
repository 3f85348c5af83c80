"""EXP-HYDRO by hand-worked days, and its closed water."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from landlab_mgr.models import land
from landlab_mgr.models.exphydro import model as exphydro
from landlab_mgr.models.exphydro.tables import TABLES
from landlab_mgr.models.potential_evaporation import HAMON, Air
from landlab_mgr.models.process import Process
from landlab_mgr.models.sun import Sun

from ..hbv.test_model import random_days

GIVEN = {"recession": 0.02, "smax": 200.0, "qmax": 20.0, "degree_day": 2.0, "t_melt": 1.0, "t_snow": -1.0}


def after(snow, water, precip, temperature, potential=0.0, **changes):
    p = {n: jnp.array([float(x)]) for n, x in (GIVEN | changes).items()}
    one, nothing = jnp.array([float(temperature)]), jnp.zeros(1)
    weather = exphydro.Weather(jnp.array([float(precip)]), Air(one, one, Sun(nothing, nothing)))
    bound = {
        "potential_evaporation": land.bind(Process(lambda params, air: jnp.full_like(air.tmin, potential)))
    }
    new, out = exphydro.step(exphydro.Stores(jnp.array([snow]), jnp.array([water])), weather, p, bound, ())
    return [float(x[0]) for x in new], {n: float(x[0]) for n, x in out.items()}


def test_a_day_by_hand():
    """Water 150 + 10; ET = 4 * 160 / 200; Qb = 20 exp(-0.02 * 40) = 8.987."""
    new, out = after(0.0, 150.0, 10, 0.0, potential=4.0)
    assert out["et"] == pytest.approx(3.2)
    assert out["discharge"] == pytest.approx(20 * np.exp(-0.8))
    assert new[1] == pytest.approx(160 - 3.2 - 20 * np.exp(-0.8))


def test_snow_falls_and_melts():
    new, _ = after(5.0, 100.0, 10, -2.0)
    assert new[0] == pytest.approx(15)
    new, _ = after(5.0, 100.0, 0, 2.0)
    assert new[0] == pytest.approx(3)
    new, _ = after(1.0, 100.0, 0, 9.0)
    assert new[0] == 0


def test_what_the_store_cannot_hold_runs_off():
    new, out = after(0.0, 195.0, 50, 0.0)
    assert out["discharge"] == pytest.approx(45 + 20)
    assert new[1] == pytest.approx(180)


def test_a_dry_store_shares_what_it_has():
    new, out = after(0.0, 1.0, 0, 0.0, potential=800.0)
    assert new[1] == pytest.approx(0, abs=1e-12)
    assert out["et"] + out["discharge"] == pytest.approx(1.0)
    assert out["et"] / out["discharge"] == pytest.approx((800 / 200) / (20 * np.exp(-0.02 * 199)))


def test_water_closes_and_gradients_are_finite_at_the_bounds():
    forcing = random_days()
    weather, bound = exphydro.prepare(forcing), {"potential_evaporation": land.bind(HAMON)}
    rng = np.random.default_rng(3)
    drawn = {p.name: jnp.asarray(p.low + (p.high - p.low) * rng.random(5)) for p in TABLES.parameters}
    out = land.simulate(exphydro.DYNAMICS, drawn, weather, bound)
    stored = out["snow"] + out["stored_water"]
    gained = jnp.diff(jnp.concatenate([0.5 * drawn["smax"][None], stored]), axis=0)
    np.testing.assert_allclose(
        forcing.series["precip"] - out["et"] - out["discharge"] - gained, 0.0, atol=1e-9
    )
    assert (out["stored_water"] >= 0).all()

    def total(parameters):
        return land.simulate(exphydro.DYNAMICS, parameters, weather, bound, ("discharge",))["discharge"].sum()

    for end in ("low", "high"):
        gradient = jax.grad(total)({p.name: jnp.full(5, float(getattr(p, end))) for p in TABLES.parameters})
        assert all(np.isfinite(g).all() for g in gradient.values()), end
