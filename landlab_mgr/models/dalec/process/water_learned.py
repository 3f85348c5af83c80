"""Water stress and evapotranspiration learned by small networks that all pixels share.

The hybrid variants of Fang & Gentine (2024, Journal of Advances in Modeling Earth Systems 16(12),
doi:10.1029/2024MS004308), with the widths, scales and initialisation of DifferLand's code; and two of ours, whose
names end in `_terms`: they see what the land model makes of a pixel's parameters too, so that predictors reach what
they learn. The weather of the state comes standardised.
"""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import Array

from landlab_mgr.models.dalec.process.water import WaterFluxes, WaterState, evapotranspiration
from landlab_mgr.models.model import Number
from landlab_mgr.models.process import Process

WATER_SCALE = 1500.0
"""Plant-available water for a network input of 1, mm."""
LAI_SCALE = 8.0
"""Leaf area index for a network input of 1, m2 m-2."""
GPP_SCALE = 8.0
"""GPP for a network input of 1, gC m-2 d-1."""
WATER_FLUX_SCALE = 2.0
"""Precipitation, or a term of evapotranspiration, for a network input of 1, mm d-1."""
HIDDEN = (16, 16)
"""Widths of the hidden layers."""
NEGATIVE_SLOPE = 0.01
"""Of the hidden layers, and of a learned flux: below 0 its slope stays, so that a dead flux can recover."""


class _Perceptron(nn.Module):
    """Features on the last axis [..., F] -> [..., outputs], leaky ReLU between; Glorot-normal weights, biases one."""

    outputs: int

    @nn.compact
    def __call__(self, x: Array) -> Array:
        def dense(width: int, name: str) -> nn.Dense:
            glorot, ones = nn.initializers.glorot_normal(), nn.initializers.ones
            return nn.Dense(width, kernel_init=glorot, bias_init=ones, name=name)

        for i, width in enumerate(HIDDEN):
            x = nn.leaky_relu(dense(width, f"hidden_{i}")(x), NEGATIVE_SLOPE)
        return dense(self.outputs, "output")(x)


def _initialise(key: Array, inputs: int, outputs: int) -> Any:
    return _Perceptron(outputs).init(key, jnp.zeros((inputs,), jnp.float32))["params"]


def _learned(weights: Any, features: Sequence[Number], outputs: int) -> list[Array]:
    """Return the outputs of a network, each of the features' shape."""
    values: Any = _Perceptron(outputs).apply({"params": weights}, jnp.stack(features, axis=-1))
    return [values[..., i] for i in range(outputs)]


def _flux(raw: Array) -> Array:
    return jnp.maximum(raw, NEGATIVE_SLOPE * raw)


def _climate_and_water(state: WaterState) -> list[Number]:
    at = state.weather
    return [at.temperature, at.ssrd, at.vpd, at.co2, state.water / WATER_SCALE]


def _terms(gpp: Array, state: WaterState) -> list[Number]:
    """Return what a network may read of the model for a GPP.

    That is the GPP, precipitation and the two terms of `evapotranspiration`.
    """
    water = (state.precip, gpp * state.water_per_carbon, state.radiation_term)
    return [gpp / GPP_SCALE, *(x / WATER_FLUX_SCALE for x in water)]


def initialise_nn_paw(key: Array) -> Any:
    """Weights of `nn_paw`."""
    return _initialise(key, 1, 1)


def nn_paw(weights: Any, state: WaterState) -> WaterFluxes:
    """beta = sigmoid(NN(W / 1500 mm)) scales GPP; ET follows GPP."""
    [raw] = _learned(weights, [state.water / WATER_SCALE], 1)
    beta = jax.nn.sigmoid(raw)
    gpp = beta * state.potential_gpp
    return WaterFluxes(gpp, evapotranspiration(gpp, state), beta)


def initialise_nn_flux(key: Array) -> Any:
    """Weights of `nn_flux`."""
    return _initialise(key, 6, 2)


def nn_flux(weights: Any, state: WaterState) -> WaterFluxes:
    """GPP, ET = NN(temperature, ssrd, vpd, co2, W / 1500 mm, lai / 8), 0.01 of it where negative; no beta (NaN)."""
    return _fluxes(weights, [*_climate_and_water(state), state.lai / LAI_SCALE])


def initialise_nn_flux_no_lai(key: Array) -> Any:
    """Weights of `nn_flux_no_lai`."""
    return _initialise(key, 5, 2)


def nn_flux_no_lai(weights: Any, state: WaterState) -> WaterFluxes:
    """As `nn_flux`, without leaf area: GPP, ET = NN(temperature, ssrd, vpd, co2, W / 1500 mm)."""
    return _fluxes(weights, _climate_and_water(state))


def initialise_nn_flux_terms(key: Array) -> Any:
    """Weights of `nn_flux_terms`."""
    return _initialise(key, 10, 2)


def nn_flux_terms(weights: Any, state: WaterState) -> WaterFluxes:
    """As `nn_flux`, with precipitation, potential GPP and the two terms of its evapotranspiration beside the rest."""
    features = [*_climate_and_water(state), state.lai / LAI_SCALE]
    return _fluxes(weights, [*features, *_terms(state.potential_gpp, state)])


def _fluxes(weights: Any, features: Sequence[Number]) -> WaterFluxes:
    gpp, et = (_flux(raw) for raw in _learned(weights, features, 2))
    return WaterFluxes(gpp, et, jnp.full_like(gpp, jnp.nan))


def initialise_acm_nn_et(key: Array) -> Any:
    """Weights of `acm_nn_et`: {"beta": as `nn_paw`, "et": of its evapotranspiration}."""
    return _beta_and_et(key, 7)


def acm_nn_et(weights: Any, state: WaterState) -> WaterFluxes:
    """GPP and beta as `nn_paw`; ET = NN(the features of `nn_flux`, GPP / 8 gC m-2 d-1), 0.01 of it where negative."""
    gpp, _, beta = nn_paw(weights["beta"], state)
    features = [*_climate_and_water(state), state.lai / LAI_SCALE, gpp / GPP_SCALE]
    [raw] = _learned(weights["et"], features, 1)
    return WaterFluxes(gpp, _flux(raw), beta)


def initialise_acm_nn_et_terms(key: Array) -> Any:
    """Weights of `acm_nn_et_terms`, as those of `acm_nn_et`."""
    return _beta_and_et(key, 10)


def acm_nn_et_terms(weights: Any, state: WaterState) -> WaterFluxes:
    """As `acm_nn_et`, whose ET reads precipitation and the two terms of its evapotranspiration beside the rest."""
    gpp, _, beta = nn_paw(weights["beta"], state)
    [raw] = _learned(
        weights["et"], [*_climate_and_water(state), state.lai / LAI_SCALE, *_terms(gpp, state)], 1
    )
    return WaterFluxes(gpp, _flux(raw), beta)


def _beta_and_et(key: Array, inputs: int) -> Any:
    beta, et = jax.random.split(key)
    return {"beta": initialise_nn_paw(beta), "et": _initialise(et, inputs, 1)}


NN_PAW = Process(nn_paw, initialise_nn_paw)
NN_FLUX = Process(nn_flux, initialise_nn_flux, weather=True)
NN_FLUX_NO_LAI = Process(nn_flux_no_lai, initialise_nn_flux_no_lai, weather=True)
ACM_NN_ET = Process(acm_nn_et, initialise_acm_nn_et, weather=True)
NN_FLUX_TERMS = Process(nn_flux_terms, initialise_nn_flux_terms, weather=True)
ACM_NN_ET_TERMS = Process(acm_nn_et_terms, initialise_acm_nn_et_terms, weather=True)
