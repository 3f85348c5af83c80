"""The model as a whole: budgets, gradients and limits that the reference trajectories do not visit."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from landlab_mgr.models.dalec import constraints, model
from landlab_mgr.models.dalec.climate import Forcing, make_forcing, prepare
from landlab_mgr.models.dalec.parameters import BY_NAME, CARBON_POOLS, PARAMETERS, POOLS
from landlab_mgr.models.dalec.process.weather import Weather
from landlab_mgr.models.dalec.tables import TABLES
from landlab_mgr.models.model import bounded

from .processes import WATER_STRESS, bind, scale, slow_but

MONTHS = 24
SCALE = scale(Weather(10.0, 15.0, 8.0, 390.0), Weather(12.0, 8.0, 6.0, 20.0))
STRESSES = {
    name: bind(process, process.initialise(jax.random.key(0)), SCALE if process.weather else None)
    for name, process in WATER_STRESS.items()
}
LINEAR = STRESSES["linear"]
RUN = jax.jit(model.simulate, static_argnums=(2, 3, 4))


def weather(seed, n, dtype=np.float64, months=MONTHS, latitude=None):
    """Plausible forcing of n pixels, deserts, polar night and fires among them."""
    rng = np.random.default_rng(seed)
    t = np.arange(months)[:, None]
    lat = rng.uniform(-75, 80, n) if latitude is None else np.full(n, latitude)
    mean = 28 - 0.5 * np.abs(lat)
    temp = mean + 12 * np.cos(2 * np.pi * (t - 6) / 12) * np.sign(lat) + rng.normal(0, 2, (months, n))
    half = rng.uniform(1, 8, (months, n))
    precip = rng.gamma(0.7, 3, (months, n)) * rng.choice([0.0, 0.05, 1.0], n)
    values = {
        "tmin": temp - half,
        "tmax": temp + half,
        "ssrd": np.clip(
            15 + 10 * np.cos(2 * np.pi * (t - 5) / 12) * np.sign(lat) + rng.normal(0, 3, (months, n)), 0, 40
        ),
        "co2": np.full((months, n), 390.0),
        "vpd": rng.gamma(2, 4, (months, n)),
        "precip": precip,
        "burned_area": np.where(rng.random((months, n)) < 0.1, rng.random((months, n)), 0.0),
        "time_days": (np.arange(months) + 0.5) * 30.4375,
        "doy": np.tile((np.arange(12) + 0.5) * 30.4375, -(-months // 12))[:months],
        "latitude": lat,
        "mean_temp": temp.mean(0),
        "mean_precip": np.maximum(precip.mean(0), 1e-3),
        "dt": np.asarray(30.4375),
    }
    return Forcing(**{k: jnp.asarray(v, dtype) for k, v in values.items()})


def draw(seed, n, dtype=np.float64):
    """Parameters anywhere between their bounds, in the log as the network's transform has them, edges included."""
    rng = np.random.default_rng(seed)
    params = {}
    for p in PARAMETERS:
        share = rng.choice([0.0, 1.0, *rng.random(3)], n)
        params[p.name] = jnp.asarray(p.low * (p.high / p.low) ** share, dtype)
    return params


def imbalance(params, forcing, outputs):
    """Largest relative error of the carbon and the water budget, of a step and of the whole run.

    A step's is relative to the larger of the stocks before and after it. The run's drift is relative to the largest
    stock it held: a soil that ends at 1 mm after holding 300 carries the rounding of the 300.
    """
    x = {n: np.asarray(v, np.float64) for n, v in outputs.items()}
    dt = float(forcing.dt)
    carbon = (
        sum(x[n] for n in CARBON_POOLS),
        sum(np.asarray(params[n], np.float64) for n in CARBON_POOLS),
        x["gpp"] - x["respiration_auto"] - x["respiration_litter"] - x["respiration_som"] - x["fire"],
    )
    water = (
        x["water"],
        np.asarray(params["water"], np.float64),
        np.asarray(forcing.precip, np.float64) - x["et"] - x["runoff"],
    )
    worst = 0.0
    for stock, first, flux in (carbon, water):
        before = np.concatenate([first[None], stock[:-1]])
        worst = max(worst, np.max(np.abs(stock - before - flux * dt) / np.maximum(stock, before)))
        worst = max(
            worst, np.max(np.abs(stock[-1] - first - flux.sum(0) * dt) / np.maximum(stock.max(0), first))
        )
    return worst


@pytest.mark.parametrize("stress", slow_but(["linear"], WATER_STRESS))
@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(np.float64, 1e-10), pytest.param(np.float32, 1e-5, marks=pytest.mark.slow)]
)
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**31))
def test_budgets_close_for_any_parameters_and_weather(stress, dtype, tolerance, seed):
    params, forcing = draw(seed, 16, dtype), weather(seed, 16, dtype)
    outputs = RUN(params, prepare(forcing), STRESSES[stress])
    assert imbalance(params, forcing, outputs) <= tolerance
    for name in POOLS:
        stock = np.asarray(outputs[name])
        assert stock.min() >= BY_NAME[name].low * (1 - 1e-5), name
    never_negative = ["runoff", "violation"]
    if not WATER_STRESS[stress].weather:  # a learned flux may be a little negative, and what it pays for too
        never_negative += ["gpp", "et", "leaf_litter", "wood_litter", "root_litter", "litter_to_som"]
    for name in never_negative:
        assert np.asarray(outputs[name]).min() >= -tolerance * 1e4, name


@pytest.mark.slow
def test_every_clamp_was_exercised():
    """The draws above visit the floors and ceilings that the reference trajectories do not."""
    params, forcing = draw(1, 400), weather(1, 400)
    outputs = {n: np.asarray(x) for n, x in RUN(params, prepare(forcing), LINEAR).items()}
    for name in POOLS:
        assert (outputs[name] <= BY_NAME[name].low * (1 + 1e-12)).any(), f"{name} floor"
    for name in ("wood", "litter", "som"):
        assert (outputs[name] >= BY_NAME[name].high * (1 - 1e-12)).any(), f"{name} ceiling"
    assert (outputs["violation"] > 0).any()
    assert (outputs["fire"] > 0).any()


def test_a_flooded_soil_sheds_what_it_cannot_hold():
    forcing = weather(2, 4)._replace(precip=jnp.full((MONTHS, 4), 80.0))
    params = draw(2, 4) | {"runoff_focal_point": jnp.full(4, 1e5), "boese_r": jnp.full(4, 0.01)}
    outputs = RUN(params, prepare(forcing), LINEAR)
    assert (outputs["water"] == BY_NAME["water"].high).any()
    assert imbalance(params, forcing, outputs) <= 1e-10


SEEN = ("gpp", "et", "nee", "lai", "biomass", "som", "water", "fire", "vod", "sif")


def seen(params, climate, stress=LINEAR):
    """What an observer could see of each pixel, added up, [N]."""
    outputs = model.simulate(params, climate, stress, SEEN)
    return sum(jnp.sum(outputs[n], axis=0) for n in SEEN)


SLOPES = jax.jit(
    jax.grad(lambda params, climate, stress: jnp.sum(seen(params, climate, stress))), static_argnums=2
)
AWKWARD = {
    "polar night": weather(3, 4, months=12, latitude=80.0),
    "no rain": weather(4, 4, months=12)._replace(precip=jnp.zeros((12, 4)), mean_precip=jnp.full(4, 1e-3)),
    "no light": weather(5, 4, months=12)._replace(ssrd=jnp.zeros((12, 4))),
    "no vapour pressure deficit": weather(6, 4, months=12)._replace(vpd=jnp.zeros((12, 4))),
    "all burns": weather(7, 4, months=12)._replace(burned_area=jnp.ones((12, 4))),
}
EDGES = {
    "low": {p.name: p.low for p in PARAMETERS},
    "high": {p.name: p.high for p in PARAMETERS},
    "no leaves": {p.name: np.sqrt(p.low * p.high) for p in PARAMETERS} | {"foliar": 0.0},
    "no water": {p.name: np.sqrt(p.low * p.high) for p in PARAMETERS} | {"water": 0.0},
    "nothing": {p.name: p.low for p in PARAMETERS} | dict.fromkeys(POOLS, 0.0),
}


@pytest.mark.parametrize("edge", EDGES)
@pytest.mark.parametrize("case", AWKWARD)
@pytest.mark.parametrize(
    ("stress", "dtype"),
    [
        pytest.param("linear", np.float64, marks=pytest.mark.slow),
        *(pytest.param(name, np.float32, marks=pytest.mark.slow) for name in sorted(STRESSES)),
    ],
    ids=lambda x: getattr(x, "__name__", x),
)
def test_gradients_are_finite_at_the_bounds_and_in_awkward_weather(stress, dtype, case, edge):
    climate = jax.tree.map(lambda x: jnp.asarray(x, dtype), prepare(AWKWARD[case]))
    params = {name: jnp.full(4, value, dtype) for name, value in EDGES[edge].items()}
    for name, slope in SLOPES(params, climate, STRESSES[stress]).items():
        assert np.isfinite(np.asarray(slope)).all(), name


@pytest.mark.slow
def test_gradients_are_those_of_finite_differences():
    """Every parameter at once: two pixels each, in which it alone is a little lower and a little higher."""
    n = len(PARAMETERS)
    middle = {p.name: np.sqrt(p.low * p.high) for p in PARAMETERS}
    middle |= {"foliar": 150.0, "field_capacity": 700.0, "water": 300.0, "runoff_focal_point": 5000.0}
    shifted = {}
    for i, name in enumerate(middle):
        values = np.full((n, 2), middle[name])
        values[i] *= [1 - 1e-6, 1 + 1e-6]
        shifted[name] = jnp.asarray(values.ravel())
    one = weather(9, 1, months=12, latitude=45.0)._replace(precip=jnp.full((12, 1), 2.0))
    same = {f: jnp.repeat(x, 2 * n, axis=-1) for f, x in one._asdict().items() if x.ndim and x.shape[-1] == 1}
    climate = prepare(one._replace(**same))
    below, above = np.asarray(jax.jit(seen)(shifted, climate)).reshape(n, 2).T
    exact = SLOPES({k: jnp.full(1, v) for k, v in middle.items()}, prepare(one), LINEAR)
    moved = 0
    for i, (name, value) in enumerate(middle.items()):
        estimate = (above[i] - below[i]) / (2e-6 * value)
        assert float(exact[name][0]) == pytest.approx(estimate, rel=3e-4, abs=1e-6 * abs(above[i]) / value), (
            name
        )
        moved += abs(estimate * value) > 1e-3
    assert moved >= 35, "the point is chosen so that nearly every parameter matters"


@pytest.mark.slow
def test_shorter_steps_converge_and_a_day_is_short_enough():
    """The same code with dt = 1 d: under constant weather the pools after four years approach a limit."""
    n, days = 4, 4 * 365.25
    middle = {p.name: np.sqrt(p.low * p.high) for p in PARAMETERS} | dict.fromkeys(POOLS, 500.0)
    middle |= {"field_capacity": 600.0, "runoff_focal_point": 3000.0, "wood": 8000.0, "som": 9000.0}
    rng = np.random.default_rng(21)
    params = {name: jnp.asarray(value * rng.uniform(0.9, 1.1, n)) for name, value in middle.items()}
    steady = {
        "tmin": 8.0,
        "tmax": 18.0,
        "ssrd": 14.0,
        "co2": 390.0,
        "vpd": 6.0,
        "precip": 2.5,
        "burned_area": 0.0,
    }

    def pools_after(steps):
        dt = days / steps
        time = (np.arange(steps) + 0.5) * dt
        values = {name: np.full((steps, n), x) for name, x in steady.items()}
        values |= {"time_days": time, "doy": np.full(steps, 80.0)}
        climate = prepare(make_forcing(values, np.full(n, 40.0), dt, np.float64))
        end = RUN(params, climate, LINEAR, POOLS, False)
        return np.stack([np.asarray(end[name][-1]) for name in POOLS])

    limit = pools_after(16 * 1461)
    month, week, day, hours = (np.max(np.abs(pools_after(s) / limit - 1)) for s in (48, 192, 1461, 4 * 1461))
    assert month < 0.05
    assert day < 0.002
    # a scheme of first order: a quarter of the step, a quarter of the error
    assert week / month < 0.3
    assert hours / day < 0.3


UP, DOWN = 1, -1


@pytest.mark.parametrize(
    ("what", "output", "direction"),
    [
        ("co2", "gpp", UP),
        ("ssrd", "gpp", UP),
        ("vpd", "et", UP),
        ("ssrd", "et", UP),
        ("precip", "water", UP),
        ("canopy_efficiency", "gpp", UP),
        ("f_auto", "biomass", DOWN),
        ("uwue", "et", DOWN),
        ("boese_r", "et", UP),
        ("tor_wood", "wood", DOWN),
        ("tor_som", "respiration_som", UP),
        ("runoff_focal_point", "runoff", DOWN),
        ("lcma", "lai", DOWN),
    ],
)
def test_the_first_month_responds_as_theory_says(what, output, direction):
    """Of one month, before feedbacks: more of this never means less (or more) of that."""
    params, forcing = draw(17, 500), weather(17, 500, months=1)
    params |= {"water": jnp.minimum(params["water"], 2000.0)}
    more = 1.1
    before = RUN(params, prepare(forcing), LINEAR)[output]
    if what in params:
        bounds = BY_NAME[what]
        changed = {what: jnp.clip(params[what] * more, bounds.low, bounds.high)}
        after = RUN(params | changed, prepare(forcing), LINEAR)[output]
    else:
        after = RUN(params, prepare(forcing._replace(**{what: getattr(forcing, what) * more})), LINEAR)[
            output
        ]
    change = np.asarray(after - before) * direction
    assert (change >= -1e-9 * np.abs(np.asarray(before)) - 1e-12).all()
    assert (change > 0).any()


@pytest.mark.slow
def test_any_length_and_any_choice_of_outputs_agree():
    params, forcing = draw(11, 6), weather(11, 6, months=30)
    climate = prepare(forcing)
    everything = RUN(params, climate, LINEAR)
    some = RUN(params, climate, LINEAR, ("vod", "reco", "leaf_fall_factor"))
    assert set(some) == {"vod", "reco", "leaf_fall_factor"}
    for name, x in some.items():
        assert x.shape == (30, 6)
        np.testing.assert_allclose(x, everything[name], rtol=1e-12)
    whole = RUN(params, jax.tree.map(lambda x: x[:24] if x.ndim else x, climate), LINEAR)
    np.testing.assert_allclose(everything["som"][:24], whole["som"], rtol=1e-12)


@pytest.mark.slow
def test_without_fire_the_smaller_program_agrees():
    params, forcing = draw(12, 6), weather(12, 6)
    climate = prepare(forcing._replace(burned_area=jnp.zeros((MONTHS, 6))))
    small, full = (RUN(params, climate, LINEAR, None, fires) for fires in (False, True))
    assert set(small) == set(full)
    for name in full:
        np.testing.assert_allclose(small[name], full[name], rtol=1e-12, atol=1e-15, err_msg=name)


@pytest.mark.slow
def test_balances_are_the_sums_of_the_fluxes():
    params, forcing = draw(13, 8), weather(13, 8)
    x = RUN(params, prepare(forcing), LINEAR)
    gone = {n: x[f"{n}_combustion"] + x[f"{n}_transfer"] for n in CARBON_POOLS}
    direct = {
        "influx_labile": x["labile_production"],
        "outflux_labile": x["labile_release"] + gone["labile"],
        "influx_foliar": x["leaf_production"] + x["labile_release"],
        "outflux_foliar": x["leaf_litter"] + gone["foliar"],
        "outflux_wood": x["wood_litter"] + gone["wood"],
        "influx_litter": x["leaf_litter"]
        + x["root_litter"]
        + x["labile_transfer"]
        + x["foliar_transfer"]
        + x["root_transfer"],
        "outflux_litter": x["respiration_litter"] + x["litter_to_som"] + gone["litter"],
        "outflux_som": x["respiration_som"] + gone["som"],
    }
    sums = constraints.balances(x, params, forcing.dt)
    for name, flux in direct.items():
        np.testing.assert_allclose(sums[name], flux.sum(0), rtol=1e-7, atol=1e-7, err_msg=name)


def test_transform_reaches_the_bounds_and_the_middle():
    raw = {p.name: jnp.asarray([-1e30, 0.0, 1e30]) for p in PARAMETERS}
    for name, x in bounded(TABLES, raw).items():
        p = BY_NAME[name]
        np.testing.assert_allclose(x, [p.low, np.sqrt(p.low * p.high), p.high], rtol=1e-9)
