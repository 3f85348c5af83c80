"""The dictionary of variables: forcing, and what models give and instruments observe. JAX-free.

Names, units and plausible ranges of everything that a dataset may hold or a model may output. Models of other packages
add to it through their tables.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Variable:
    """A forcing, a model output or an observed quantity, with the range that data checks call plausible."""

    name: str
    unit: str
    meaning: str
    low: float = -math.inf
    high: float = math.inf
    symbol: str = ""
    """Symbol in figures; the name where empty."""
    never_negative: bool = False
    """True where a value below 0 is impossible, not only implausible."""
    standard_name: str = ""
    """In the CF standard name table, where it is there with our sign."""
    upward: bool = False
    """True for a flux to the atmosphere."""
    stock: bool = False
    """True for the state at the end of a step, not a mean over it."""


def _by_name(*variables: Variable) -> Mapping[str, Variable]:
    return {v.name: v for v in variables}


FORCING = _by_name(
    Variable("tmin", "degC", "monthly mean of daily minimum air temperature", -90, 60),
    Variable("tmax", "degC", "monthly mean of daily maximum air temperature", -90, 65),
    Variable("ssrd", "MJ m-2 d-1", "surface downwelling shortwave radiation", 0, 45, never_negative=True),
    Variable("co2", "ppm", "atmospheric CO2", 250, 1500),
    Variable("vpd", "hPa", "vapour pressure deficit", 0, 120, never_negative=True),
    Variable("precip", "mm d-1", "precipitation", 0, 120, never_negative=True),
    Variable("burned_area", "1", "burned fraction of the pixel in the month", 0, 1, never_negative=True),
)
"""Forcing that is known by name."""
IN_RECORD = "in_record"
"""Name of the marks of a pixel's own record: 1 in its steps, else 0. For pixels that cover other years."""

_CARBON = "surface_upward_mass_flux_of_carbon_dioxide_expressed_as_carbon_due_to_emission_from_"
VARIABLES = _by_name(
    Variable(
        "gpp",
        "gC m-2 d-1",
        "gross primary productivity",
        -5,
        40,
        "GPP",
        standard_name="gross_primary_productivity_of_biomass_expressed_as_carbon",
    ),
    Variable("nee", "gC m-2 d-1", "net ecosystem exchange", -30, 30, "NEE", upward=True),
    Variable("reco", "gC m-2 d-1", "ecosystem respiration", -10, 40, "RECO", upward=True),
    Variable("nbe", "gC m-2 d-1", "net biome exchange", -30, 30, "NBE", upward=True),
    Variable(
        "et", "mm d-1", "evapotranspiration", -2, 20, "ET", standard_name="water_evapotranspiration_flux"
    ),
    Variable(
        "lai",
        "m2 m-2",
        "leaf area index",
        0,
        12,
        "LAI",
        never_negative=True,
        standard_name="leaf_area_index",
    ),
    Variable("sif", "mW m-2 nm-1 sr-1", "solar-induced fluorescence", -2, 5, "SIF"),
    Variable("vod", "1", "vegetation optical depth", 0, 5, "VOD", never_negative=True, stock=True),
    Variable(
        "biomass",
        "gC m-2",
        "live biomass carbon",
        0,
        1e5,
        never_negative=True,
        standard_name="vegetation_carbon_content",
        stock=True,
    ),
    Variable(
        "som",
        "gC m-2",
        "soil organic matter carbon",
        0,
        2e5,
        "SOM",
        never_negative=True,
        standard_name="soil_mass_content_of_carbon",
        stock=True,
    ),
    Variable(
        "fire",
        "gC m-2 d-1",
        "fire carbon emission",
        0,
        50,
        never_negative=True,
        standard_name=f"{_CARBON}fires_excluding_anthropogenic_land_use_change",
        upward=True,
    ),
    Variable("discharge", "mm d-1", "discharge per area of the basin", 0, 500, "Q", never_negative=True),
    Variable("ewt", "mm", "equivalent water thickness anomaly", -2000, 2000, "EWT"),
)
"""Observed variables and outputs of models, by name."""
