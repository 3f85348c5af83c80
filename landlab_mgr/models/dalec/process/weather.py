"""The weather of a step as processes may read it."""

from typing import NamedTuple

from landlab_mgr.models.model import Number


class Weather(NamedTuple):
    """The weather that a learned process may read, or its mean or spread."""

    temperature: Number
    """(tmin + tmax) / 2, degC."""
    ssrd: Number
    """MJ m-2 d-1."""
    vpd: Number
    """hPa."""
    co2: Number
    """ppm."""
