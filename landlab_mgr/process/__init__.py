"""The processes of the land model, one file each, and the registry of those that a spec can swap by name."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from jax import Array

from landlab_mgr.errors import LandlabError
from landlab_mgr.process import water
from landlab_mgr.process.water import Stress, WaterFluxes, WaterState, Weather

Weights = Any
"""What a process learns, shared by all pixels: a tree of arrays; {} where it learns nothing."""


class Scale(NamedTuple):
    """Mean and standard deviation of the weather over a member's training pixels; scalars."""

    mean: Weather
    sd: Weather


def _nothing(key: Array) -> Weights:
    return {}


class WaterStress(NamedTuple):
    """A process that a spec names under `process.water_stress`.

    `fluxes` is a pure function of the weights and of arrays of one shape, elementwise in them. `initialise` draws
    float32 weights from a `jax.random.key`. With `weather`, the weather of the state comes standardised by the
    member's `Scale`.
    """

    fluxes: Callable[[Weights, WaterState], WaterFluxes]
    initialise: Callable[[Array], Weights] = _nothing
    weather: bool = False


WATER_STRESS: Mapping[str, WaterStress] = {
    "linear": WaterStress(water.linear_stress),
    "none": WaterStress(water.no_stress),
}


def water_stress(name: str) -> WaterStress:
    """The water-stress process registered under this name; LandlabError lists what there is."""
    try:
        return WATER_STRESS[name]
    except KeyError:
        raise LandlabError(
            f"unknown water_stress process {name!r}; known: {', '.join(WATER_STRESS)}"
        ) from None


def bind(process: WaterStress, weights: Weights = None, scale: Scale | None = None) -> Stress:
    """A process with its weights and the scale of its weather: what `model.simulate` takes."""

    def stress(state: WaterState) -> WaterFluxes:
        if scale is not None:
            standard = Weather(*((x - m) / s for x, m, s in zip(state.weather, *scale, strict=True)))
            state = state._replace(weather=standard)
        return process.fluxes(weights, state)

    return stress
