"""The spatialization network: shapes, padding, and what latitude may influence."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from landlab_mgr.data import batch
from landlab_mgr.data.batch import Member
from landlab_mgr.models import network, registry
from landlab_mgr.models.dalec.tables import TABLES
from landlab_mgr.models.model import Sizes
from landlab_mgr.models.options import LandNetwork
from landlab_mgr.observations.calendar import Calendar
from landlab_mgr.spec.grid import load_grid
from landlab_mgr.spec.run import RunSpec
from landlab_mgr.storage.resources import resource
from landlab_mgr.training import train
from landlab_mgr.training.checkpoint import Lane
from landlab_mgr.training.update import hyper, initial_state, stack

OPTIONS = LandNetwork()
BY_NAME = TABLES.by_name


def initialise(options, seed, predictors, width):
    return network.initialise(TABLES, options, seed, Sizes(TABLES.forcing, predictors, width))


def parameters(options, weights, predictors, latitude):
    return network.parameters(TABLES, options, weights, predictors, latitude)


def predictors(n=7, columns=5, width=9):
    x = np.random.default_rng(0).normal(size=(n, columns)).astype(np.float32)
    return jnp.asarray(np.pad(x, ((0, 0), (0, width - columns)))), jnp.asarray(x)


@pytest.mark.parametrize("shape", [(1, 32), (7, 32), (14, 5), (33, 1), (65, 16)])
def test_kernels_are_those_of_flax_to_the_bit(shape):
    key = jax.random.key(sum(shape))
    expected = nn.initializers.glorot_normal()(key, shape, jnp.float32)
    np.testing.assert_array_equal(network._glorot_normal(key, shape), expected)


@pytest.mark.slow
def test_every_parameter_within_its_bounds():
    padded, _ = predictors()
    weights = initialise(OPTIONS, 0, 5, 9)
    params = parameters(OPTIONS, weights, padded, jnp.zeros(7, jnp.float32))
    assert set(params) == set(BY_NAME)
    for name, x in params.items():
        assert x.shape == (7,)
        assert x.dtype == jnp.float32
        assert (x >= BY_NAME[name].low * (1 - 1e-5)).all()
        assert (x <= BY_NAME[name].high * (1 + 1e-5)).all()


def test_padding_changes_nothing():
    padded, plain = predictors()
    latitude = jnp.linspace(-60, 60, 7, dtype=jnp.float32)
    wide = parameters(OPTIONS, initialise(OPTIONS, 3, 5, 9), padded, latitude)
    narrow = parameters(OPTIONS, initialise(OPTIONS, 3, 5, 5), plain, latitude)
    for name in wide:
        np.testing.assert_allclose(wide[name], narrow[name], rtol=1e-5)


def test_initialisation_is_glorot_at_the_true_fan_in_and_biases_are_one():
    weights = initialise(OPTIONS, 0, 400, 500)
    kernel = np.asarray(weights["embedding_0"]["kernel"])
    assert kernel.shape == (500, 32)
    assert (kernel[400:] == 0).all()
    assert kernel[:400].std() == pytest.approx(np.sqrt(2 / (400 + 32)), rel=0.05)
    for layer in weights.values():
        assert (np.asarray(layer["bias"]) == 1).all()


def test_small_heads_start_every_pixel_near_the_typical_parameters():
    padded, _ = predictors()
    latitude = jnp.linspace(-60, 60, 7, dtype=jnp.float32)
    plain = initialise(OPTIONS, 0, 5, 9)
    options = LandNetwork(head_bias="typical", head_scale=1e-6)
    weights = initialise(options, 0, 5, 9)
    assert (weights["embedding_2"]["kernel"] == plain["embedding_2"]["kernel"]).all()
    np.testing.assert_array_equal(weights["pool"]["kernel"], plain["pool"]["kernel"] * np.float32(1e-6))
    for name, x in parameters(options, weights, padded, latitude).items():
        np.testing.assert_allclose(x, BY_NAME[name].typical, rtol=1e-3, err_msg=name)
    scaled = initialise(LandNetwork(head_scale=0.5), 0, 5, 9)
    assert (np.asarray(scaled["ecological"]["bias"]) == 1).all()


def test_seeds_draw_different_members():
    a, b = (initialise(OPTIONS, seed, 5, 5)["embedding_1"]["kernel"] for seed in (0, 1))
    assert not np.allclose(a, b)


def test_only_phenology_sees_the_latitude():
    padded, _ = predictors()
    weights = initialise(OPTIONS, 0, 5, 9)
    south, north = (parameters(OPTIONS, weights, padded, jnp.full(7, x, jnp.float32)) for x in (-5.0, 5.0))
    changed = {name for name in south if not np.allclose(south[name], north[name])}
    assert changed == set(TABLES.names_of("phenology"))


def test_the_latitude_is_standardised_over_the_training_pixels(planet):
    spec = RunSpec(dataset="x", predictors=("PFT",), network={"latitude": "standardised"})
    tropics = np.linspace(-4, 5, planet.sizes["pixel"])
    planet = planet.assign(lat=planet["lat"].copy(data=tropics))
    member = Member.of(spec, planet)
    params = initial_state(spec, member).params["spatialization"]
    train = 1 / (1 + np.exp(-planet["lat"].values[member.label == "train"]))
    scale = params["latitude_scale"]
    assert float(scale["mean"]) == pytest.approx(train.mean())
    assert float(scale["sd"]) == pytest.approx(train.std())
    raw = RunSpec(dataset="x", predictors=("PFT",))
    plain = {name: x for name, x in params.items() if name != "latitude_scale"}
    latitude = np.array([-30.0, 0.0, 1.0, 50.0], np.float32)
    encoded = np.zeros((4, member.encoded.shape[1]), np.float32)
    of = network.parameters(TABLES, spec.network, params, encoded, latitude)
    # the same as a head whose bias and slope take the scale in
    head, slope = plain["phenology"], plain["phenology"]["kernel"][-1] / scale["sd"]
    moved = {
        "kernel": head["kernel"].at[-1].set(slope),
        "bias": head["bias"] - slope * scale["mean"],
    }
    by_hand = network.parameters(TABLES, raw.network, plain | {"phenology": moved}, encoded, latitude)
    for name, x in by_hand.items():
        np.testing.assert_allclose(of[name], x, rtol=2e-4)
    before = network.parameters(TABLES, raw.network, plain, encoded, latitude)
    assert np.abs(np.asarray(of["bday"]) - np.asarray(before["bday"])).max() > 1


def test_runs_keep_their_ids_and_the_published_grids_standardise():
    spec = RunSpec(dataset="0" * 16, predictors=("PFT",))
    assert spec.run_id == spec.model_copy(update={"network": LandNetwork(latitude="raw")}).run_id
    for name in ("differland", "differland_identifiability"):
        grid = load_grid(resource("experiments") / f"{name}.toml")
        assert {run.network.latitude for run in grid.expand("0" * 16)} == {"standardised"}


@pytest.mark.slow
def test_the_scale_of_the_latitude_does_not_decay(planet):
    spec = RunSpec(
        dataset="x",
        predictors=("PFT",),
        network={"latitude": "standardised"},
        optimizer={"weight_decay": 0.5, "learning_rate": 1e-2, "patches_per_batch": 0},
        warmup_months=12,
    )
    member = Member.of(spec, planet)
    state = initial_state(spec, member)
    arrays = batch.load(planet, registry.model("dalec"))
    static = train.static_of(Lane(spec, member, Path(), None), arrays, Calendar.of(planet))
    numbers = stack([hyper(spec, member, static.terms)])
    order = stack([member.batches(0, 1)])
    after, _ = train.one_epoch(stack([state]), arrays, stack([member.view]), order, numbers, static)
    one = after.params["spatialization"]
    assert float(one["latitude_scale"]["sd"][0]) == float(
        state.params["spatialization"]["latitude_scale"]["sd"]
    )
    assert (
        np.abs(one["phenology"]["kernel"][0] - state.params["spatialization"]["phenology"]["kernel"]).max()
        > 0
    )
