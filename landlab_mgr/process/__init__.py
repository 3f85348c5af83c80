"""The processes of the land model, one file each, and the registry of those that a spec can swap by name."""

from collections.abc import Callable

from landlab_mgr.errors import LandlabError
from landlab_mgr.process import water

WaterStress = Callable[[water.WaterState], water.WaterFluxes]

WATER_STRESS: dict[str, WaterStress] = {"linear": water.linear_stress, "none": water.no_stress}


def water_stress(name: str) -> WaterStress:
    """The water-stress process registered under this name; LandlabError lists what there is."""
    try:
        return WATER_STRESS[name]
    except KeyError:
        raise LandlabError(
            f"unknown water_stress process {name!r}; known: {', '.join(WATER_STRESS)}"
        ) from None
