"""The tables: parameters, derived parameters, observed variables, model outputs and loss terms.

Everything that needs a name, a unit, a bound or a default weight reads it here: the transforms, the
losses, the data schema, the catalog, the app and the documentation. JAX-free.

Sources: Fang et al. (DifferLand); Bloom & Williams (2015, doi:10.5194/bg-12-1299-2015); Bloom et al.
(2016, doi:10.1073/pnas.1515160113). Where a paper and its code differ, the code's value is given.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

SCIENCE_VERSION = 1
"""Raised whenever the stored golden run changes; part of every run's identity."""

Head = Literal["ecological", "phenology", "pool"]


@dataclass(frozen=True)
class Parameter:
    """One parameter of the process model: its bounds, and the network head that predicts it."""

    name: str
    low: float
    high: float
    unit: str
    meaning: str
    head: Head = "ecological"


PARAMETERS: tuple[Parameter, ...] = (
    Parameter("decomposition_rate", 1e-5, 0.01, "d-1", "litter to soil organic matter"),
    Parameter("f_auto", 0.2, 0.8, "1", "autotrophic respiration as a fraction of GPP"),
    Parameter("f_foliar", 0.01, 0.5, "1", "share of NPP allocated to leaves"),
    Parameter("f_root", 0.01, 1.0, "1", "share to roots of what leaves and labile carbon leave"),
    Parameter("leaf_lifespan", 1.001, 8.0, "yr", "leaf lifespan"),
    Parameter("tor_wood", 2.5e-5, 0.001, "d-1", "wood turnover rate"),
    Parameter("tor_root", 1e-4, 0.01, "d-1", "root turnover rate"),
    Parameter("tor_litter", 1e-4, 0.01, "d-1", "litter mineralisation rate at mean temperature"),
    Parameter("tor_som", 1e-7, 0.001, "d-1", "soil organic matter mineralisation rate"),
    Parameter("q10_exponent", 0.018, 0.08, "degC-1", "temperature exponent; Q10 = exp(10 x)"),
    Parameter("canopy_efficiency", 5.0, 50.0, "1", "canopy efficiency (ce)"),
    Parameter("bday", 365.25, 1461.0, "d", "day of leaf onset", "phenology"),
    Parameter("f_labile", 0.01, 0.5, "1", "share to labile carbon of what leaves leave"),
    Parameter("labile_release_period", 30.4375, 100.0, "d", "labile release period"),
    Parameter("fday", 365.25, 1461.0, "d", "day of leaf fall", "phenology"),
    Parameter("leaf_fall_period", 30.4375, 150.0, "d", "leaf fall period"),
    Parameter("lcma", 5.0, 200.0, "gC m-2", "leaf carbon per leaf area"),
    Parameter("labile", 1.0, 2000.0, "gC m-2", "initial labile carbon", "pool"),
    Parameter("foliar", 1.0, 2000.0, "gC m-2", "initial foliar carbon", "pool"),
    Parameter("root", 1.0, 2000.0, "gC m-2", "initial root carbon", "pool"),
    Parameter("wood", 1.0, 1e5, "gC m-2", "initial wood carbon", "pool"),
    Parameter("litter", 1.0, 2000.0, "gC m-2", "initial litter carbon", "pool"),
    Parameter("som", 1.0, 2e5, "gC m-2", "initial soil organic matter", "pool"),
    Parameter("iwue", 10.0, 50.0, "1", "inherent water-use efficiency (unused, as in DifferLand)"),
    Parameter("runoff_focal_point", 1.0, 1e5, "mm", "runoff focal point: W^2 / it is a month's runoff"),
    Parameter("field_capacity", 1.0, 1e4, "mm", "field capacity"),
    Parameter("water", 1.0, 1e4, "mm", "initial plant-available water", "pool"),
    Parameter("foliar_cf", 0.01, 1.0, "1", "combustion completeness of leaves"),
    Parameter("ligneous_cf", 0.01, 1.0, "1", "combustion completeness of labile, root and wood"),
    Parameter("dom_cf", 0.01, 1.0, "1", "combustion completeness of soil organic matter"),
    Parameter("resilience", 0.01, 1.0, "1", "share of unburnt biomass that survives a fire"),
    Parameter("labile_lifespan", 1.001, 8.0, "yr", "labile carbon lifespan"),
    Parameter("moisture_factor", 0.01, 1.0, "1", "sensitivity of turnover to precipitation"),
    Parameter("uwue", 0.5, 30.0, "gC hPa^0.5 kg-1", "underlying water-use efficiency"),
    Parameter("boese_r", 0.01, 0.3, "mm MJ-1 m2", "radiation term of evapotranspiration"),
    Parameter("wilting_point_frac", 0.01, 0.5, "1", "wilting point as a fraction of field capacity"),
    Parameter("sif_alpha", 3.0, 35.0, "1", "slope of GPP against SIF"),
    Parameter("sif_beta_plus_three", 1.0, 9.0, "1", "intercept of GPP against SIF, plus 3"),
    Parameter("p_foliar", 1e-4, 0.01, "m2 gC-1", "vegetation optical depth per foliar carbon"),
    Parameter("p_wood", 1e-6, 8e-5, "m2 gC-1", "vegetation optical depth per wood carbon"),
)
BY_NAME: Mapping[str, Parameter] = {p.name: p for p in PARAMETERS}

TYPICAL: Mapping[str, float] = {
    **{"decomposition_rate": 5e-4, "f_auto": 0.5, "f_foliar": 0.15, "f_root": 0.4, "f_labile": 0.15},
    **{"tor_wood": 1e-4, "tor_root": 1.5e-3, "tor_litter": 3e-3, "tor_som": 5e-5, "q10_exponent": 0.05},
    **{"leaf_lifespan": 1.5, "labile_lifespan": 1.5, "labile_release_period": 45.0, "leaf_fall_period": 60.0},
    **{"bday": 830.0, "fday": 1010.0, "canopy_efficiency": 20.0, "lcma": 60.0, "moisture_factor": 0.1},
    **{
        "labile": 100.0,
        "foliar": 100.0,
        "root": 200.0,
        "wood": 5e3,
        "litter": 200.0,
        "som": 1e4,
        "water": 300.0,
    },
    **{"runoff_focal_point": 5e3, "field_capacity": 500.0, "wilting_point_frac": 0.1},
    **{"uwue": 8.0, "boese_r": 0.03},
    **{"foliar_cf": 0.5, "ligneous_cf": 0.1, "dom_cf": 0.05, "resilience": 0.5},
    **{"sif_alpha": 10.0, "sif_beta_plus_three": 3.0, "p_foliar": 1e-3, "p_wood": 1e-5, "iwue": 25.0},
}
"""Where every parameter may start (`network.head_bias = "typical"`): round values of a mid-latitude forest inside the
bounds, set by hand and fitted to nothing.

Half of GPP is respired; carbon stays 27 years in wood, 2 in roots, 1 in litter and 55 in soil; leaves come in April and
fall in October; the soil is wet. At the published start (every unbounded parameter at one) evapotranspiration dries
the soil below its wilting point in many members, where no gradient is left.
"""


def names_of(head: Head) -> tuple[str, ...]:
    """Names of the parameters that one network head predicts, in table order."""
    return tuple(p.name for p in PARAMETERS if p.head == head)


POOLS = names_of("pool")
CARBON_POOLS = tuple(name for name in POOLS if name != "water")


@dataclass(frozen=True)
class Derived:
    """A quantity that ecologists read off the parameters; `compute` maps named arrays to an array."""

    name: str
    unit: str
    meaning: str
    compute: Callable[[Mapping[str, Any]], Any]


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


@dataclass(frozen=True)
class Variable:
    """A forcing, a model output or an observed quantity, with the range that data checks call plausible."""

    name: str
    unit: str
    meaning: str
    low: float = -math.inf
    high: float = math.inf


FORCING: Mapping[str, Variable] = {
    v.name: v
    for v in (
        Variable("tmin", "degC", "monthly mean of daily minimum air temperature", -90, 60),
        Variable("tmax", "degC", "monthly mean of daily maximum air temperature", -90, 65),
        Variable("ssrd", "MJ m-2 d-1", "surface downwelling shortwave radiation", 0, 45),
        Variable("co2", "ppm", "atmospheric CO2", 250, 1500),
        Variable("vpd", "hPa", "vapour pressure deficit", 0, 120),
        Variable("precip", "mm d-1", "precipitation", 0, 120),
        Variable("burned_area", "1", "burned fraction of the pixel in the month", 0, 1),
    )
}

VARIABLES: Mapping[str, Variable] = {
    v.name: v
    for v in (
        Variable("gpp", "gC m-2 d-1", "gross primary productivity", -5, 40),
        Variable("nee", "gC m-2 d-1", "net ecosystem exchange", -30, 30),
        Variable("reco", "gC m-2 d-1", "ecosystem respiration", -10, 40),
        Variable("nbe", "gC m-2 d-1", "net biome exchange", -30, 30),
        Variable("et", "mm d-1", "evapotranspiration", -2, 20),
        Variable("lai", "m2 m-2", "leaf area index", 0, 12),
        Variable("sif", "mW m-2 nm-1 sr-1", "solar-induced fluorescence", -2, 5),
        Variable("vod", "1", "vegetation optical depth", 0, 5),
        Variable("biomass", "gC m-2", "live biomass carbon", 0, 1e5),
        Variable("som", "gC m-2", "soil organic matter carbon", 0, 2e5),
        Variable("fire", "gC m-2 d-1", "fire carbon emission", 0, 50),
        Variable("ewt", "mm", "equivalent water thickness anomaly", -2000, 2000),
    )
}


@dataclass(frozen=True)
class LossTerm:
    """One term of the loss: weight * (model - observation)^2 * the observation's own weight, summed.

    `level` pixel or patch; `average` what is averaged before the comparison: nothing (monthly), a year,
    the run, or nothing but the mean removed (anomaly); `variable` None marks a penalty on the model alone.
    """

    name: str
    variable: str | None
    weight: float
    level: Literal["pixel", "patch"] = "pixel"
    average: Literal["month", "year", "run", "anomaly"] = "month"


MONTHS_PER_YEAR = 12


def annual(x: Any) -> Any:
    """Months [T, N] as years of 12 from the first one, [years, 12, N]; what follows the last whole year is left out."""
    years = x.shape[0] // MONTHS_PER_YEAR
    return x[: years * MONTHS_PER_YEAR].reshape(years, MONTHS_PER_YEAR, *x.shape[1:])


LOSS_TERMS: Mapping[str, LossTerm] = {
    t.name: t
    for t in (
        LossTerm("sif", "sif", 400.0),
        LossTerm("lai", "lai", 10.0),
        LossTerm("biomass", "biomass", 5e-5, average="year"),
        LossTerm("som", "som", 3e-6, average="run"),
        LossTerm("nbe", "nbe", 3000.0, level="patch"),
        LossTerm("nbe_iav", "nbe", 3000.0 * 3.46, level="patch", average="year"),
        LossTerm("fire", "fire", 1000.0, level="patch"),
        LossTerm("ewt", "ewt", 0.2, level="patch", average="anomaly"),
        LossTerm("vod", "vod", 100.0, average="year"),
        LossTerm("gpp_fluxnet", "gpp", 100.0),
        LossTerm("reco_fluxnet", "reco", 100.0),
        LossTerm("et_fluxnet", "et", 100.0),
        LossTerm("et_gleam", "et", 1.0),
        LossTerm("nee_site", "nee", 100.0),
        LossTerm("violation", None, 400.0),
        LossTerm("edc", None, 10.0),
    )
}

STREAMS: Mapping[str, str] = {
    t.name: t.variable for t in LOSS_TERMS.values() if t.variable is not None and t.name != "nbe_iav"
}
"""Observation streams a dataset may hold (the name of its loss term) and the variable each observes."""

MODELLED: Mapping[str, str] = {"ewt": "water"}
"""Observed variables whose model output has another name."""
