"""The spatialization network: shapes, padding, and what latitude may influence."""

import jax.numpy as jnp
import numpy as np
import pytest

from landlab_mgr.models import network
from landlab_mgr.models.dalec.parameters import BY_NAME, TYPICAL, names_of
from landlab_mgr.spec.run import NetworkSpec

SPEC = NetworkSpec()


def predictors(n=7, columns=5, width=9):
    x = np.random.default_rng(0).normal(size=(n, columns)).astype(np.float32)
    return jnp.asarray(np.pad(x, ((0, 0), (0, width - columns)))), jnp.asarray(x)


def test_every_parameter_within_its_bounds():
    padded, _ = predictors()
    weights = network.initialise(SPEC, 0, 5, 9)
    params = network.parameters(SPEC, weights, padded, jnp.zeros(7, jnp.float32))
    assert set(params) == set(BY_NAME)
    for name, x in params.items():
        assert x.shape == (7,)
        assert x.dtype == jnp.float32
        assert (x >= BY_NAME[name].low * (1 - 1e-5)).all()
        assert (x <= BY_NAME[name].high * (1 + 1e-5)).all()


def test_padding_changes_nothing():
    padded, plain = predictors()
    latitude = jnp.linspace(-60, 60, 7, dtype=jnp.float32)
    wide = network.parameters(SPEC, network.initialise(SPEC, 3, 5, 9), padded, latitude)
    narrow = network.parameters(SPEC, network.initialise(SPEC, 3, 5, 5), plain, latitude)
    for name in wide:
        np.testing.assert_allclose(wide[name], narrow[name], rtol=1e-5)


def test_initialisation_is_glorot_at_the_true_fan_in_and_biases_are_one():
    weights = network.initialise(SPEC, 0, 400, 500)
    kernel = np.asarray(weights["embedding_0"]["kernel"])
    assert kernel.shape == (500, 32)
    assert (kernel[400:] == 0).all()
    assert kernel[:400].std() == pytest.approx(np.sqrt(2 / (400 + 32)), rel=0.05)
    for layer in weights.values():
        assert (np.asarray(layer["bias"]) == 1).all()


def test_small_heads_start_every_pixel_near_the_typical_parameters():
    padded, _ = predictors()
    latitude = jnp.linspace(-60, 60, 7, dtype=jnp.float32)
    plain = network.initialise(SPEC, 0, 5, 9)
    spec = NetworkSpec(head_bias="typical", head_scale=1e-6)
    weights = network.initialise(spec, 0, 5, 9)
    assert (weights["embedding_2"]["kernel"] == plain["embedding_2"]["kernel"]).all()
    np.testing.assert_array_equal(weights["pool"]["kernel"], plain["pool"]["kernel"] * np.float32(1e-6))
    for name, x in network.parameters(spec, weights, padded, latitude).items():
        np.testing.assert_allclose(x, TYPICAL[name], rtol=1e-3, err_msg=name)
    scaled = network.initialise(NetworkSpec(head_scale=0.5), 0, 5, 9)
    assert (np.asarray(scaled["ecological"]["bias"]) == 1).all()


def test_seeds_draw_different_members():
    a, b = (network.initialise(SPEC, seed, 5, 5)["embedding_1"]["kernel"] for seed in (0, 1))
    assert not np.allclose(a, b)


def test_only_phenology_sees_the_latitude():
    padded, _ = predictors()
    weights = network.initialise(SPEC, 0, 5, 9)
    south, north = (
        network.parameters(SPEC, weights, padded, jnp.full(7, x, jnp.float32)) for x in (-5.0, 5.0)
    )
    changed = {name for name in south if not np.allclose(south[name], north[name])}
    assert changed == set(names_of("phenology"))
