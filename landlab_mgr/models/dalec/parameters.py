"""DALEC's parameters and what ecologists read off them. JAX-free.

Sources: Fang et al. (DifferLand); Bloom & Williams (2015, doi:10.5194/bg-12-1299-2015); Bloom et al.
(2016, doi:10.1073/pnas.1515160113). Where a paper and its code differ, the code's value is given.
"""

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from landlab_mgr.models.tables import Derived, Parameter

ECOLOGICAL, PHENOLOGY, POOL = "ecological", "phenology", "pool"
"""Heads of the network."""
DAYS_PER_YEAR = 365.25

_ecological = partial(Parameter, head=ECOLOGICAL)
_day = partial(Parameter, head=PHENOLOGY, period=DAYS_PER_YEAR)
_pool = partial(Parameter, head=POOL)

PARAMETERS: tuple[Parameter, ...] = (
    _ecological("decomposition_rate", 1e-5, 0.01, "d-1", "litter to soil organic matter", 0.0005),
    _ecological("f_auto", 0.2, 0.8, "1", "autotrophic respiration as a fraction of GPP", 0.5),
    _ecological("f_foliar", 0.01, 0.5, "1", "share of NPP allocated to leaves", 0.15),
    _ecological("f_root", 0.01, 1.0, "1", "share to roots of what leaves and labile carbon leave", 0.4),
    _ecological("leaf_lifespan", 1.001, 8.0, "yr", "leaf lifespan", 1.5),
    _ecological("tor_wood", 2.5e-5, 0.001, "d-1", "wood turnover rate", 0.0001),
    _ecological("tor_root", 1e-4, 0.01, "d-1", "root turnover rate", 0.0015),
    _ecological("tor_litter", 1e-4, 0.01, "d-1", "litter mineralisation rate at mean temperature", 0.003),
    _ecological("tor_som", 1e-7, 0.001, "d-1", "soil organic matter mineralisation rate", 5e-05),
    _ecological("q10_exponent", 0.018, 0.08, "degC-1", "temperature exponent; Q10 = exp(10 x)", 0.05),
    _ecological("canopy_efficiency", 5.0, 50.0, "1", "canopy efficiency (ce)", 20.0),
    _day("bday", 365.25, 1461.0, "d", "day of leaf onset", 830.0),
    _ecological("f_labile", 0.01, 0.5, "1", "share to labile carbon of what leaves leave", 0.15),
    _ecological("labile_release_period", 30.4375, 100.0, "d", "labile release period", 45.0),
    _day("fday", 365.25, 1461.0, "d", "day of leaf fall", 1010.0),
    _ecological("leaf_fall_period", 30.4375, 150.0, "d", "leaf fall period", 60.0),
    _ecological("lcma", 5.0, 200.0, "gC m-2", "leaf carbon per leaf area", 60.0),
    _pool("labile", 1.0, 2000.0, "gC m-2", "initial labile carbon", 100.0),
    _pool("foliar", 1.0, 2000.0, "gC m-2", "initial foliar carbon", 100.0),
    _pool("root", 1.0, 2000.0, "gC m-2", "initial root carbon", 200.0),
    _pool("wood", 1.0, 1e5, "gC m-2", "initial wood carbon", 5000.0),
    _pool("litter", 1.0, 2000.0, "gC m-2", "initial litter carbon", 200.0),
    _pool("som", 1.0, 2e5, "gC m-2", "initial soil organic matter", 10000.0),
    _ecological("iwue", 10.0, 50.0, "1", "inherent water-use efficiency (unused, as in DifferLand)", 25.0),
    _ecological(
        "runoff_focal_point", 1.0, 1e5, "mm", "runoff focal point: W^2 / it is a month's runoff", 5000.0
    ),
    _ecological("field_capacity", 1.0, 1e4, "mm", "field capacity", 500.0),
    _pool("water", 1.0, 1e4, "mm", "initial plant-available water", 300.0),
    _ecological("foliar_cf", 0.01, 1.0, "1", "combustion completeness of leaves", 0.5),
    _ecological("ligneous_cf", 0.01, 1.0, "1", "combustion completeness of labile, root and wood", 0.1),
    _ecological("dom_cf", 0.01, 1.0, "1", "combustion completeness of soil organic matter", 0.05),
    _ecological("resilience", 0.01, 1.0, "1", "share of unburnt biomass that survives a fire", 0.5),
    _ecological("labile_lifespan", 1.001, 8.0, "yr", "labile carbon lifespan", 1.5),
    _ecological("moisture_factor", 0.01, 1.0, "1", "sensitivity of turnover to precipitation", 0.1),
    _ecological("uwue", 0.5, 30.0, "gC hPa^0.5 kg-1", "underlying water-use efficiency", 8.0),
    _ecological("boese_r", 0.01, 0.3, "mm MJ-1 m2", "radiation term of evapotranspiration", 0.03),
    _ecological("wilting_point_frac", 0.01, 0.5, "1", "wilting point as a fraction of field capacity", 0.1),
    _ecological("sif_alpha", 3.0, 35.0, "1", "slope of GPP against SIF", 10.0),
    _ecological("sif_beta_plus_three", 1.0, 9.0, "1", "intercept of GPP against SIF, plus 3", 3.0),
    _ecological("p_foliar", 1e-4, 0.01, "m2 gC-1", "vegetation optical depth per foliar carbon", 0.001),
    _ecological("p_wood", 1e-6, 8e-5, "m2 gC-1", "vegetation optical depth per wood carbon", 1e-05),
)
"""The last number is where a parameter may start (`network.head_bias = "typical"`): round values of a mid-latitude
forest inside the bounds, set by hand and fitted to nothing.

Half of GPP is respired; carbon stays 27 years in wood, 2 in roots, 1 in litter and 55 in soil; leaves come in April and
fall in October; the soil is wet. At the published start (every unbounded parameter at one) evapotranspiration dries
the soil below its wilting point in many members, where no gradient is left.
"""
BY_NAME: Mapping[str, Parameter] = {p.name: p for p in PARAMETERS}

POOLS = tuple(p.name for p in PARAMETERS if p.head == POOL)
CARBON_POOLS = tuple(name for name in POOLS if name != "water")


def _residence_time(rate: str) -> Callable[[Mapping[str, Any]], Any]:
    return lambda p: 1.0 / (365.25 * p[rate])


def _npp_left(p: Mapping[str, Any]) -> Any:
    """Fraction of GPP left after respiration and leaf allocation."""
    return (1 - p["f_auto"]) * (1 - p["f_foliar"])


DERIVED: tuple[Derived, ...] = (
    Derived("cue", "1", "carbon use efficiency", lambda p: 1 - p["f_auto"]),
    Derived("q10", "1", "Q10 of decomposition", lambda p: math.e ** (10 * p["q10_exponent"])),
    Derived("residence_time_wood", "yr", "wood residence time", _residence_time("tor_wood")),
    Derived("residence_time_root", "yr", "root residence time", _residence_time("tor_root")),
    Derived("residence_time_litter", "yr", "litter residence time", _residence_time("tor_litter")),
    Derived("residence_time_som", "yr", "soil carbon residence time", _residence_time("tor_som")),
    Derived(
        "allocation_foliar", "1", "fraction of GPP to leaves", lambda p: (1 - p["f_auto"]) * p["f_foliar"]
    ),
    Derived("allocation_labile", "1", "fraction of GPP to labile", lambda p: _npp_left(p) * p["f_labile"]),
    Derived(
        "allocation_root",
        "1",
        "fraction of GPP to roots",
        lambda p: _npp_left(p) * (1 - p["f_labile"]) * p["f_root"],
    ),
    Derived(
        "allocation_wood",
        "1",
        "fraction of GPP to wood",
        lambda p: _npp_left(p) * (1 - p["f_labile"]) * (1 - p["f_root"]),
    ),
)
