"""The truth: how the planet's predictors make its parameters.

In the unbounded space of the network's outputs,

    x_p = centre_p + spread_p * sum over groups g of sqrt(share_pg) * score_pg

where a score is a fixed combination of the group's standardised predictors, bent by tanh and standardised over the
planet. The shares of a parameter sum to 1 and are what each group causes of its variance, up to the correlation between
groups. `DIRECTIONS` gives the combinations that ecology has an opinion on; the others are drawn from the seed. The
numbers are the model's (`models.dalec.planet`).
"""

from collections.abc import Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from landlab_mgr.data.twin.geography import Field, generator, standardise
from landlab_mgr.data.twin.surface import Predictors
from landlab_mgr.data.twin.weather import SOUTHWARD_SHIFT
from landlab_mgr.models.dalec.planet import (
    CENTRES,
    COORDINATED,
    DIRECTIONS,
    LEADING_SHARE,
    LED_BY,
    OTHER_SHARE,
    SPREAD,
    SPREADS,
)
from landlab_mgr.models.dalec.tables import TABLES
from landlab_mgr.models.model import bounded

GROUPS = ("PFT", "CLIM", "AGE", "SOIL")


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
    """Return the true parameters of these pixels, and what makes them."""
    columns = {g: {n: standardise(x) for n, x in members.items()} for g, members in predictors.items()}
    names = [p.name for p in TABLES.parameters if p.name not in TABLES.pools]
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
    return Truth(unbounded, {group: np.stack(added, axis=1) for group, added in parts.items()})


def unbound(name: str, value: Field) -> Field:
    """Return the network's output that means this value.

    It is the inverse of `model.bounded`.
    """
    low, high = TABLES.by_name[name].low, TABLES.by_name[name].high
    return np.tan(np.pi * (np.log(value / low) / np.log(high / low) - 0.5))


def physical(unbounded: Mapping[str, Field], lat: Field) -> dict[str, Field]:
    """Parameters (and pools, where given) in their units, float64; the southern seasons half a year later."""
    with jax.enable_x64(True):
        inside = bounded(TABLES, {name: jnp.asarray(x) for name, x in unbounded.items()})
        values = {name: np.asarray(x) for name, x in inside.items()}
    for name, x in values.items():
        if TABLES.by_name[name].period is not None:
            values[name] = np.where(lat >= 0, x, x + SOUTHWARD_SHIFT)
    return values
