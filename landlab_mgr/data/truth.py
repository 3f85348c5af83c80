"""Truth that a synthetic dataset holds of itself, for analyses of runs on it. JAX-free."""

import json
from typing import Any

import numpy as np
import xarray as xr

from landlab_mgr.errors import LandlabError

ATTRIBUTE = "true_skill"
"""Attribute of a dataset that holds the skill that each set of predictor groups allows, as JSON."""
EMPTY = "CONTROL"
"""Name of the empty set: the setup that stands for it."""


def skill(ds: xr.Dataset) -> xr.DataArray:
    """V*(S): the skill of the true model driven by E[parameters | predictor groups S], against the observations.

    Over `subset` (as setups are labelled: "PFT+CLIM"; CONTROL is the empty set: the planet's mean parameters),
    `variable` (as metrics are filed) and `statistic` (R2, r2): flat, over all pixels and months after the warm-up. The
    attributes say how it was estimated. NaN where a statistic is undefined.

    Raises:
        LandlabError: where the dataset has no such truth.
    """
    if ATTRIBUTE not in ds.attrs:
        raise LandlabError(
            f"dataset {ds.attrs.get('name')} knows no true skill; `landlab data twin` makes datasets that do"
        )
    content = json.loads(ds.attrs[ATTRIBUTE])
    values = content.pop("skill")
    subsets = list(values)
    variables = list(values[subsets[0]])
    statistics = list(values[subsets[0]][variables[0]])
    numbers = [[[values[s][v][k] for k in statistics] for v in variables] for s in subsets]
    return xr.DataArray(
        np.array(numbers, dtype=float),
        dims=("subset", "variable", "statistic"),
        coords={"subset": subsets, "variable": variables, "statistic": statistics},
        name=ATTRIBUTE,
        attrs=content,
    )


def encoded(skill: dict[str, dict[str, dict[str, float]]], **how: Any) -> str:
    """Encode the skill by subset, variable and statistic as the attribute.

    `how` says how it was estimated.
    """
    plain = {
        subset: {
            variable: {k: round(x, 6) if np.isfinite(x) else None for k, x in statistics.items()}
            for variable, statistics in variables.items()
        }
        for subset, variables in skill.items()
    }
    return json.dumps({"skill": plain, **how})
