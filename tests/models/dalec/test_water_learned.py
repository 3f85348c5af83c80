"""Learned water stress: each formula by hand, gradients at the edges, and that training moves and saves the weights."""

import functools
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from landlab_mgr.data import batch, store
from landlab_mgr.models.dalec.model import MODEL
from landlab_mgr.models.dalec.process.water import WaterState
from landlab_mgr.models.dalec.process.weather import Weather
from landlab_mgr.observations.calendar import Calendar
from landlab_mgr.spec.run import RunSpec
from landlab_mgr.training import checkpoint, train, update

from .processes import WATER_STRESS, bind, scale, water_stress

LEARNED = ("nn_paw", "nn_flux", "nn_flux_no_lai", "acm_nn_et", "nn_flux_terms", "acm_nn_et_terms")


def state(shape=(), **values):
    """A month that is easy to reckon with: W / 1500 = 2, lai / 8 = 0.5, standardised weather 1, 2, 3, 4."""
    fields = {
        "potential_gpp": 16.0,
        "lai": 4.0,
        "water": 3000.0,
        "water_per_carbon": 0.3,
        "radiation_term": 0.5,
        "wilting_point": 50.0,
        "available_range": 150.0,
        "precip": 6.0,
    }
    weather = {"temperature": 1.0, "ssrd": 2.0, "vpd": 3.0, "co2": 4.0}
    fields, weather = (
        {name: np.broadcast_to(np.float64(values.get(name, x)), shape) for name, x in group.items()}
        for group in (fields, weather)
    )
    return WaterState(**fields, weather=Weather(**weather))


def adds_up(drawn, *coefficients):
    """Weights with which a network passes its features on (the negative ones times 0.01 twice) and adds them up.

    A row of `coefficients` for each output; the last number is its bias.
    """
    weights = jax.tree.map(lambda x: np.zeros(x.shape, np.float32), drawn)
    n = len(coefficients[0]) - 1
    for layer in ("hidden_0", "hidden_1"):
        weights[layer]["kernel"][:n, :n] = np.eye(n)
    weights["output"]["kernel"][:n] = np.transpose(coefficients)[:n]
    weights["output"]["bias"][:] = np.transpose(coefficients)[n]
    return weights


@functools.cache
def drawn(name):
    return water_stress(name).initialise(jax.random.key(0))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def test_nn_paw_is_a_sigmoid_of_the_network_of_the_water():
    weights = adds_up(drawn("nn_paw"), [0.75, -1.0])
    fluxes = water_stress("nn_paw").fluxes(weights, state())
    beta = sigmoid(0.75 * 3000 / 1500 - 1.0)
    assert fluxes.beta == pytest.approx(beta)
    assert fluxes.gpp == pytest.approx(16 * beta)
    assert fluxes.et == pytest.approx(16 * beta * 0.3 + 0.5)


def test_nn_flux_reads_weather_water_and_leaf_area():
    weights = adds_up(drawn("nn_flux"), [1, 10, 100, 1e3, 1e4, 1e5, 7], [6, 5, 4, 3, 2, 1, 0])
    fluxes = water_stress("nn_flux").fluxes(weights, state())
    assert fluxes.gpp == pytest.approx(1 + 20 + 300 + 4e3 + 2e4 + 0.5e5 + 7)
    assert fluxes.et == pytest.approx(6 * 1 + 5 * 2 + 4 * 3 + 3 * 4 + 2 * 2 + 0.5)
    assert np.isnan(fluxes.beta)
    colder = water_stress("nn_flux").fluxes(weights, state(temperature=-1.0))
    assert fluxes.gpp - colder.gpp == pytest.approx(1 + 0.01**2, rel=1e-3)


def test_nn_flux_no_lai_does_not_see_the_leaves():
    weights = adds_up(drawn("nn_flux_no_lai"), [1, 10, 100, 1e3, 1e4, 7], [5, 4, 3, 2, 1, 0])
    fluxes = water_stress("nn_flux_no_lai").fluxes(weights, state())
    assert fluxes.gpp == pytest.approx(1 + 20 + 300 + 4e3 + 2e4 + 7)
    assert fluxes.et == pytest.approx(5 + 8 + 9 + 8 + 2)
    assert np.isnan(fluxes.beta)
    bare = water_stress("nn_flux_no_lai").fluxes(weights, state(lai=0.0))
    assert (bare.gpp, bare.et) == (fluxes.gpp, fluxes.et)


def test_acm_nn_et_has_the_gpp_of_nn_paw_and_an_et_of_its_own():
    beta_weights = adds_up(drawn("nn_paw"), [0.75, -1.0])
    et_weights = adds_up(drawn("acm_nn_et")["et"], [1, 10, 100, 1e3, 1e4, 1e5, 1e6, 7])
    fluxes = water_stress("acm_nn_et").fluxes({"beta": beta_weights, "et": et_weights}, state())
    same = water_stress("nn_paw").fluxes(beta_weights, state())
    assert (fluxes.gpp, fluxes.beta) == (same.gpp, same.beta)
    assert fluxes.et == pytest.approx(1 + 20 + 300 + 4e3 + 2e4 + 0.5e5 + float(same.gpp) / 8 * 1e6 + 7)


def test_nn_flux_terms_reads_what_the_model_makes_of_the_parameters():
    terms = [16 / 8, 6 / 2, 16 * 0.3 / 2, 0.5 / 2]  # potential GPP, rain, GPP sqrt(vpd) / uwue, ssrd boese_r
    features = np.array([1, 2, 3, 4, 2, 0.5, *terms])
    gpp, et = np.arange(1, 11), np.arange(10, 0, -1) ** 2
    weights = adds_up(drawn("nn_flux_terms"), [*gpp, 7], [*et, 0])
    fluxes = water_stress("nn_flux_terms").fluxes(weights, state())
    assert fluxes.gpp == pytest.approx(gpp @ features + 7)
    assert fluxes.et == pytest.approx(et @ features)
    assert np.isnan(fluxes.beta)


def test_acm_nn_et_terms_reads_the_terms_of_the_gpp_that_water_allows():
    beta_weights = adds_up(drawn("nn_paw"), [0.75, -1.0])
    same = water_stress("nn_paw").fluxes(beta_weights, state())
    gpp = float(same.gpp)
    factors = np.arange(1, 11) ** 2
    weights = {"beta": beta_weights, "et": adds_up(drawn("acm_nn_et_terms")["et"], [*factors, 7])}
    fluxes = water_stress("acm_nn_et_terms").fluxes(weights, state())
    assert (fluxes.gpp, fluxes.beta) == (same.gpp, same.beta)
    features = np.array([1, 2, 3, 4, 2, 0.5, gpp / 8, 6 / 2, gpp * 0.3 / 2, 0.5 / 2])
    assert fluxes.et == pytest.approx(factors @ features + 7)


def test_a_negative_flux_is_a_hundredth():
    for name, inputs in (("nn_flux", 6), ("nn_flux_no_lai", 5), ("nn_flux_terms", 10)):
        weights = adds_up(drawn(name), [*[0] * inputs, -5], [*[0] * inputs, -3])
        assert water_stress(name).fluxes(weights, state())[:2] == pytest.approx((-0.05, -0.03))
    for name, inputs in (("acm_nn_et", 7), ("acm_nn_et_terms", 10)):
        weights = drawn(name) | {"et": adds_up(drawn(name)["et"], [*[0] * inputs, -2])}
        assert water_stress(name).fluxes(weights, state()).et == pytest.approx(-0.02)


@pytest.mark.parametrize("name", LEARNED)
def test_weights_begin_as_the_reference_draws_them(name):
    weights, again, other = (water_stress(name).initialise(jax.random.key(seed)) for seed in (0, 0, 1))
    again, other = (dict(jax.tree_util.tree_leaves_with_path(tree)) for tree in (again, other))
    assert all(x.dtype == jnp.float32 for x in jax.tree.leaves(weights))
    for path, x in jax.tree_util.tree_leaves_with_path(weights):
        if path[-1].key == "bias":
            assert (x == 1).all()
            continue
        if x.size >= 64:  # Glorot: variance 2 / (fan in + fan out)
            assert np.std(x) == pytest.approx(np.sqrt(2 / sum(x.shape)), rel=0.35), path
        assert (x != other[path]).any()
        assert (x == again[path]).all()


@pytest.mark.parametrize("name", WATER_STRESS)
def test_processes_are_elementwise_in_any_shape(name):
    weights = drawn(name)
    water = np.linspace(0.0, 400.0, 6)
    row = water_stress(name).fluxes(weights, state((6,))._replace(water=water))
    block = water_stress(name).fluxes(weights, state((2, 3))._replace(water=water.reshape(2, 3)))
    one = water_stress(name).fluxes(weights, state(water=400.0))
    for alone, along, both in zip(one, row, block, strict=True):
        assert (alone.shape, along.shape, both.shape) == ((), (6,), (2, 3))
        np.testing.assert_allclose(both.ravel(), along, rtol=1e-12)
        np.testing.assert_allclose(along[-1], alone, rtol=1e-12)


EDGES = {
    "no water": {"water": 0.0},
    "no leaves": {"lai": 0.0, "potential_gpp": 0.0},
    "flood and jungle": {"water": 1e4, "lai": 400.0, "potential_gpp": 60.0},
    "hard frost": {"temperature": -8.0, "ssrd": -3.0, "vpd": -2.0, "co2": -3.0},
    "heat wave": {"temperature": 5.0, "ssrd": 5.0, "vpd": 9.0, "co2": 3.0},
}


@pytest.mark.parametrize("name", LEARNED)
def test_gradients_are_finite_at_the_edges(name):
    """A pixel for each edge, with weights from none to wild; some weight learns from every pixel that has leaves."""

    def summed(weights, at, counts):
        fluxes = water_stress(name).fluxes(weights, at)
        return (counts * (fluxes.gpp + fluxes.et)).sum()

    slopes_of = jax.jit(jax.grad(summed, argnums=(0, 1)))
    at = jax.tree.map(lambda *x: np.float32(x), *(state(**values) for values in EDGES.values()))
    for factor in (0.0, 1.0, 5.0):
        weights = jax.tree.map(lambda x, factor=factor: np.float32(factor) * x, drawn(name))
        slopes = slopes_of(weights, at, np.ones(len(EDGES), np.float32))
        assert all(np.isfinite(x).all() for x in jax.tree.leaves(slopes)), factor
    for counts, values in zip(np.eye(len(EDGES), dtype=np.float32), EDGES.values(), strict=True):
        of_weights, _ = slopes_of(drawn(name), at, counts)
        moved = any(np.any(x != 0) for x in jax.tree.leaves(of_weights))
        assert moved or values.get("potential_gpp") == 0.0, values


def test_the_weather_comes_standardised():
    weights = adds_up(drawn("nn_flux"), [1, 10, 100, 1000, 0, 0, 0], [0] * 7)
    of_weather = scale(Weather(10.0, 12.0, 5.0, 380.0), Weather(5.0, 4.0, 2.0, 10.0))
    month = state(temperature=15.0, ssrd=20.0, vpd=11.0, co2=420.0)
    assert bind(water_stress("nn_flux"), weights, of_weather)(month).gpp == pytest.approx(1 + 20 + 300 + 4000)


@pytest.fixture(scope="module")
def spec(planet):
    return RunSpec(
        dataset=store.fingerprint(planet),
        predictors=("PFT", "CLIM"),
        process={"water_stress": "nn_flux"},
        optimizer={"epochs": 3, "learning_rate": 3e-3, "patches_per_batch": 2},
        warmup_months=12,
    )


@pytest.mark.slow
def test_training_moves_the_weights_and_resumes_bitwise(planet, spec, tmp_path):
    arrays, calendar = batch.load(planet, MODEL), Calendar.of(planet)
    member = batch.Member.of(spec, planet)

    def checkpoints(name, resume=None):
        (tmp_path / name).mkdir()
        lane = checkpoint.Lane(spec, member, tmp_path / name, resume)
        events = train.train([lane], arrays, calendar, checkpoint_seconds=0.0)
        return [Path(event.checkpoint.path) for _, event in events]

    _, second, last = checkpoints("whole")
    [resumed] = checkpoints("resumed", resume=second)
    a, b = checkpoint.load(last), checkpoint.load(resumed)
    assert a["epoch"] == b["epoch"] == 3
    for x, y in zip(*(jax.tree.leaves([c["weights"], c["moments"]]) for c in (a, b)), strict=True):
        assert np.array_equal(x, y)

    learned = a["weights"]["process"]["water_stress"]
    first = update.initial_state(spec, member)
    start = first.params["process"]["water_stress"]
    assert jax.tree.structure(learned) == jax.tree.structure(start)
    for layer in ("hidden_0", "hidden_1", "output"):
        assert np.abs(learned[layer]["kernel"] - start[layer]["kernel"]).max() > 1e-3, layer
    assert a["scale"]["mean"]["co2"] == member.scale.mean["co2"]


def test_the_weather_is_scaled_by_training_pixels_alone(planet, spec):
    member = batch.Member.of(spec, planet)
    training = member.label == "train"
    temperature = 0.5 * (planet["tmin"] + planet["tmax"]).transpose("time", "pixel").values[:, training]
    assert member.scale.mean["temperature"] == pytest.approx(temperature.mean(), rel=1e-5)
    assert member.scale.sd["temperature"] == pytest.approx(temperature.std(), rel=1e-5)
    altered = planet.copy(deep=True)
    for name in ("tmin", "tmax", "ssrd", "vpd", "co2"):
        altered[name][~training] = altered[name][~training] + 40
    assert batch.Member.of(spec, altered).scale == member.scale


def test_a_process_without_weather_has_no_scale(planet, spec):
    spec = spec.model_copy(update={"process": {"water_stress": "nn_paw"}})
    assert batch.Member.of(spec, planet).scale is None
