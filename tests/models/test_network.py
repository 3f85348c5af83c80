"""The spatialization network: shapes, padding, and what latitude may influence."""

import jax.numpy as jnp
import numpy as np
import pytest

from landlab_mgr.models import network
from landlab_mgr.models.dalec.tables import TABLES
from landlab_mgr.models.model import Sizes
from landlab_mgr.models.options import LandNetwork

OPTIONS = LandNetwork()
BY_NAME = TABLES.by_name


def initialise(options, seed, predictors, width):
    return network.initialise(TABLES, options, seed, Sizes(TABLES.forcing, predictors, width))


def parameters(options, weights, predictors, latitude):
    return network.parameters(TABLES, options, weights, predictors, latitude)


def predictors(n=7, columns=5, width=9):
    x = np.random.default_rng(0).normal(size=(n, columns)).astype(np.float32)
    return jnp.asarray(np.pad(x, ((0, 0), (0, width - columns)))), jnp.asarray(x)


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
