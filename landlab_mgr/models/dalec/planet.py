"""The DALEC planet of twin datasets: its true parameters, its sensors, and pools in balance. JAX-free.

`data.twin` draws a planet's climate, plants and soils, and makes observations of it; whatever names a parameter, a
pool, a flux or a stream of DALEC is here. Arrays are [N] by name.
"""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import numpy as np

from landlab_mgr.models.dalec.parameters import BY_NAME

CENTRES: Mapping[str, float] = {
    "decomposition_rate": 5e-4,
    "f_auto": 0.55,
    "f_foliar": 0.07,
    "f_root": 0.5,
    "leaf_lifespan": 1.5,
    "tor_wood": 2.5e-4,
    "tor_root": 2e-3,
    "tor_litter": 3e-3,
    "tor_som": 4e-5,
    "q10_exponent": 0.035,
    "canopy_efficiency": 26.0,
    "f_labile": 0.125,
    "labile_release_period": 45.0,
    "leaf_fall_period": 70.0,
    "lcma": 55.0,
    "iwue": 25.0,
    "runoff_focal_point": 4000.0,
    "field_capacity": 250.0,
    "foliar_cf": 0.6,
    "ligneous_cf": 0.15,
    "dom_cf": 0.02,
    "resilience": 0.5,
    "labile_lifespan": 1.3,
    "moisture_factor": 0.2,
    "uwue": 7.0,
    "boese_r": 0.021,
    "wilting_point_frac": 0.08,
    "sif_alpha": 12.0,
    "sif_beta_plus_three": 3.2,
    "p_foliar": 1e-3,
    "p_wood": 2e-5,
    "bday": 480.0,
    "fday": 640.0,
}
"""Value of each parameter where every score is 0 (phenology: northern hemisphere). Those of the canopy, the
wood and the water were fitted on seeds 10 to 13, by hand after a search, to the annual means that towers show in so
much rain (`tests/data/test_twin_plausible.py`, which asks another seed)."""

LED_BY: Mapping[str, tuple[str, ...]] = {
    "PFT": ("f_auto", "leaf_lifespan", "lcma", "labile_lifespan", "sif_alpha", "p_foliar", "uwue"),
    "SOIL": ("field_capacity", "wilting_point_frac", "tor_som", "decomposition_rate"),
    "AGE": ("tor_wood", "f_root", "p_wood", "resilience"),
}
"""The group with the leading share; climate where none is named."""
LEADING_SHARE, OTHER_SHARE = 0.7, 0.1

SPREAD = 0.3
"""Standard deviation of an unbounded parameter over the planet, unless SPREADS says otherwise."""
SPREADS: Mapping[str, float] = {
    "bday": 0.045,
    "fday": 0.045,
    "leaf_lifespan": 0.5,
    "labile_lifespan": 0.6,
    "f_auto": 0.15,
    "tor_som": 0.15,
    "sif_beta_plus_three": 0.1,
    "field_capacity": 0.05,
    "runoff_focal_point": 0.3,
    "f_foliar": 0.3,
    "f_labile": 0.15,
    "lcma": 0.2,
}

DIRECTIONS: Mapping[tuple[str, str], Mapping[str, float]] = {
    # the canopy model feels cold little, and a thin canopy of the tropics would not close
    ("canopy_efficiency", "CLIM"): {"MAT": 1, "MAP": 0.5},
    # leaves are a smaller part of a cold forest (Reich et al. 2014, doi:10.1073/pnas.1216053111), and of a wet one,
    # which grows wood
    ("f_foliar", "CLIM"): {"MAT": 1, "MAP": -0.7},
    ("boese_r", "CLIM"): {"MAP": 1, "MAT": -0.3},
    ("canopy_efficiency", "PFT"): {"CRO": 1, "DBF": 0.7, "GRA": 0.3, "SH": -1},
    ("q10_exponent", "CLIM"): {"MAT": -1},
    ("tor_litter", "CLIM"): {"MAT": 1, "MAP": 0.5},
    # the leaf economics spectrum: thick leaves live long
    ("lcma", "PFT"): {"NF": 1, "EBF": 0.8, "SH": 0.3, "DBF": -0.5, "GRA": -0.6, "CRO": -0.8, "WET": -0.3},
    ("uwue", "PFT"): {"NF": 0.6, "CRO": 1, "DBF": 0.5, "SH": -0.8, "SAV": -0.6},
    # old high stands hold their wood, and invest in it
    ("tor_wood", "AGE"): {"tree_age": -1, "canopy_height": -0.5},
    ("f_root", "AGE"): {"tree_age": -0.5, "canopy_height": -1},
    ("p_wood", "AGE"): {"tree_age": -1},
    # clay holds water and carbon, sand and stones do not
    ("field_capacity", "SOIL"): {"clay": 1, "silt": 0.5, "sand": -0.5, "gravel": -0.5, "bulk_density": -0.3},
    ("wilting_point_frac", "SOIL"): {"clay": 1, "sand": -0.5},
    ("runoff_focal_point", "CLIM"): {"MAP": -1},
    ("runoff_focal_point", "SOIL"): {"sand": 1, "clay": -0.5, "gravel": -0.5},
    ("tor_som", "SOIL"): {"clay": -1, "sand": 0.5},
}
"""Weights of the standardised predictors in a score."""

COORDINATED: Mapping[str, tuple[str, int]] = {
    "leaf_lifespan": ("lcma", 1),
    "f_foliar": ("canopy_efficiency", -1),
    "f_labile": ("canopy_efficiency", -1),
}
"""Traits that go together have the scores of another, with this sign, where `DIRECTIONS` gives them none of their own:
thick leaves live long (Wright et al. 2004, doi:10.1038/nature02403), and who uses leaves well grows fewer. Drawn apart,
they would leave the model's canopy, whose light use grows with the square of a thin canopy, bare or in jungle."""


class Sensor(NamedTuple):
    """Standard deviation of the error, absolute and as a fraction of the value; and how much is seen at all."""

    absolute: float
    relative: float
    coverage: float
    """Share of the months (of the pixels, where a stream is annual or one value)."""
    clouded: float = 0.0
    """Share of the months lost where it always rains."""
    needs_light: bool = False
    """True where it sees nothing in the dark."""
    saturation: float = np.inf
    """Largest value that it gives."""
    blind: tuple[slice, ...] = ()
    """Months of the record, from January 2001, without the instrument."""
    patches: Literal["all", "inverted", "not inverted"] = "all"
    """Patches that it sees, by whether inversions resolve them."""


GRACE_START, GRACE_GAP = 15, slice(197, 209)
"""Month of the record (from January 2001) of the first gravity mission, and the months between the two."""
SATURATED_LAI = 10.0
"""Largest leaf area index that a satellite's retrieval gives, as MODIS's."""

SENSORS: Mapping[str, Sensor] = {
    "lai": Sensor(0.15, 0.08, 0.95, clouded=0.3, needs_light=True, saturation=SATURATED_LAI),
    "sif": Sensor(0.03, 0.08, 0.95, clouded=0.3, needs_light=True),
    "et_gleam": Sensor(0.10, 0.10, 1.0),
    "biomass": Sensor(100.0, 0.12, 0.95),
    "vod": Sensor(0.02, 0.05, 0.95),
    "som": Sensor(500.0, 0.15, 0.9),
    "nbe": Sensor(0.10, 0.10, 0.95, patches="inverted"),
    "ewt": Sensor(12.0, 0.05, 0.97, blind=(slice(GRACE_START), GRACE_GAP)),
    "fire": Sensor(0.0, 0.20, 1.0),
    "gpp_fluxnet": Sensor(0.3, 0.08, 0.92),
    "reco_fluxnet": Sensor(0.3, 0.08, 0.92),
    "et_fluxnet": Sensor(0.1, 0.10, 0.92),
    "nee_site": Sensor(0.3, 0.08, 0.92, patches="not inverted"),
}
"""Of the size that comparisons of products with one another and with towers find; chosen, not measured."""

START: Mapping[str, float] = {
    "labile": 100.0,
    "foliar": 150.0,
    "root": 200.0,
    "wood": 3000.0,
    "litter": 300.0,
    "som": 6000.0,
}
"""Carbon pools before the spin-up, gC m-2: a canopy that begins too sparse may never close."""
WET_START = 0.8
"""Water before the spin-up, as a fraction of the field capacity."""
SLOW_FLUXES = ("wood_production", "wood_litter", "litter_to_som", "respiration_som")
"""Outputs that `slow_balance` reads."""
MATURITY_YEARS = 25.0
"""Wood has grown to 1 - exp(-age / it) of its balance: young forests are sinks."""
SOIL_LEGACY = 0.8
"""Soil carbon as a fraction of its balance: what was lost before the record comes back in it."""
LEAST_FLUX = 1e-12
"""gC m-2 d-1; no division by less."""


def start(params: Mapping[str, Any]) -> dict[str, Any]:
    """Pools before the spin-up."""
    capacity = params["field_capacity"]
    water = np.clip(WET_START * capacity, BY_NAME["water"].low, BY_NAME["water"].high)
    return {name: np.full(len(capacity), value) for name, value in START.items()} | {"water": water}


def slow_balance(pools: Mapping[str, Any], flux: Mapping[str, Any]) -> dict[str, Any]:
    """Wood and soil carbon at which a year's gains and losses balance.

    Losses are in proportion to the pools; `flux` holds the year's means of SLOW_FLUXES.
    """
    growth = flux["wood_production"] / np.maximum(flux["wood_litter"], LEAST_FLUX)
    influx = flux["wood_litter"] * growth + flux["litter_to_som"]
    balance = {
        "wood": pools["wood"] * growth,
        "som": pools["som"] * influx / np.maximum(flux["respiration_som"], LEAST_FLUX),
    }
    return {name: np.clip(x, BY_NAME[name].low, BY_NAME[name].high) for name, x in balance.items()}


def disturbed(pools: Mapping[str, Any], age: Any) -> dict[str, Any]:
    """Pools of a planet with young forests (`age` in years) and depleted soils, from pools in balance."""
    below = {"wood": pools["wood"] * (1 - np.exp(-age / MATURITY_YEARS)), "som": pools["som"] * SOIL_LEGACY}
    return dict(pools) | {name: np.maximum(x, BY_NAME[name].low) for name, x in below.items()}
