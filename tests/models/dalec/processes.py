"""DALEC's processes by name, as tests take them."""

from landlab_mgr.models import process
from landlab_mgr.models.dalec.tables import WATER_STRESS as KIND
from landlab_mgr.models.land import bind
from landlab_mgr.models.model import Scale


def water_stress(choice):
    return process.process(KIND, choice)


WATER_STRESS = {name: water_stress(name) for name in KIND.implementations}


def scale(mean, sd):
    """Mean and sd of the weather, each a `Weather`."""
    return Scale(mean._asdict(), sd._asdict())


__all__ = ["WATER_STRESS", "bind", "scale", "water_stress"]
