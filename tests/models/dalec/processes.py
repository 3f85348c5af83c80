"""DALEC's processes by name, as tests take them."""

import pytest

from landlab_mgr.models import process
from landlab_mgr.models.dalec.tables import WATER_STRESS as KIND
from landlab_mgr.models.land import bind
from landlab_mgr.models.model import Scale


def water_stress(choice):
    return process.process(KIND, choice)


WATER_STRESS = {name: water_stress(name) for name in KIND.implementations}


def slow_but(quick, names):
    """Names as parameters of a test, of which only some belong to the quick tests: each compiles the model."""
    return [name if name in quick else pytest.param(name, marks=pytest.mark.slow) for name in sorted(names)]


def scale(mean, sd):
    """Mean and sd of the weather, each a `Weather`."""
    return Scale(mean._asdict(), sd._asdict())


__all__ = ["WATER_STRESS", "bind", "scale", "slow_but", "water_stress"]
