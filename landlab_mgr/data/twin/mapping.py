"""The truth: how the planet's predictors make its parameters.

In the unbounded space of the network's outputs,

    x_p = centre_p + spread_p * sum over groups g of sqrt(share_pg) * score_pg

where a score is a fixed combination of the group's standardised predictors, bent by tanh and standardised over the
planet. The shares of a parameter sum to 1 and are what each group causes of its variance, up to the correlation between
groups. `DIRECTIONS` gives the combinations that ecology has an opinion on; the others are drawn from the seed.
"""

from collections.abc import Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from landlab_mgr.data.twin.geography import Field, generator, standardise
from landlab_mgr.data.twin.surface import Predictors
from landlab_mgr.data.twin.weather import SOUTHWARD_SHIFT
from landlab_mgr.models.dalec import model
from landlab_mgr.models.dalec.parameters import BY_NAME, PARAMETERS, POOLS

GROUPS = ("PFT", "CLIM", "AGE", "SOIL")

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


class Truth(NamedTuple):
    """The planet's parameters; pools come of the spin-up."""

    unbounded: dict[str, Field]
    """[N] by name; phenology as in the northern hemisphere."""
    parts: dict[str, Field]
    """By group: [N, parameters], what the group adds to the centre of each unbounded parameter."""


def shares(parameter: str) -> dict[str, float]:
    """Share of a parameter's (unbounded) variance that each predictor group causes; they sum to 1."""
    leader = next((group for group, led in LED_BY.items() if parameter in led), "CLIM")
    return {group: LEADING_SHARE if group == leader else OTHER_SHARE for group in GROUPS}


def truth(seed: int, predictors: Predictors) -> Truth:
    """The true parameters of these pixels, and what makes them."""
    columns = {g: {n: standardise(x) for n, x in members.items()} for g, members in predictors.items()}
    names = [p.name for p in PARAMETERS if p.name not in POOLS]
    unbounded = {}
    parts: dict[str, list[Field]] = {group: [] for group in GROUPS}
    for name in names:
        x = np.full(len(predictors["CLIM"]["MAT"]), unbound(name, np.array(CENTRES[name])))
        for group, share in shares(name).items():
            like, sign = (name, 1) if (name, group) in DIRECTIONS else COORDINATED.get(name, (name, 1))
            drawn = generator(seed, f"score of {group} for {like}").normal(size=len(columns[group]))
            weights = DIRECTIONS.get((like, group)) or dict(zip(columns[group], drawn, strict=True))
            mixed = np.zeros_like(x)
            for predictor, weight in weights.items():
                mixed += weight * columns[group][predictor]
            score = standardise(np.tanh(standardise(mixed)))
            part = sign * SPREADS.get(name, SPREAD) * np.sqrt(share) * score
            parts[group].append(part)
            x = x + part
        unbounded[name] = x
    return Truth(unbounded, {group: np.stack(found, axis=1) for group, found in parts.items()})


def unbound(name: str, value: Field) -> Field:
    """The network's output that means this value: the inverse of `model.transform`."""
    low, high = BY_NAME[name].low, BY_NAME[name].high
    return np.tan(np.pi * (np.log(value / low) / np.log(high / low) - 0.5))


def physical(unbounded: Mapping[str, Field], lat: Field) -> dict[str, Field]:
    """Parameters (and pools, where given) in their units, float64; the southern seasons half a year later."""
    with jax.enable_x64(True):
        found = model.transform({name: jnp.asarray(x) for name, x in unbounded.items()})
        values = {name: np.asarray(x) for name, x in found.items()}
    for name in ("bday", "fday"):
        values[name] = np.where(lat >= 0, values[name], values[name] + SOUTHWARD_SHIFT)
    return values
