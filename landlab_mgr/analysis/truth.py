"""Truth that a twin planet knows of its own making. JAX-free.

It is to be shown beside what members found.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from landlab_mgr.analysis import runs
from landlab_mgr.data import truth
from landlab_mgr.models.tables import Tables

Values = npt.NDArray[np.floating]

COMPARED = ("train", "dev", "test")
"""Splits whose skill is of the kind that the truth is known for: over all months."""


def parameters(ds: xr.Dataset, wanted: Iterable[str], tables: Tables) -> dict[str, Values]:
    """Return true values, [pixel], of those parameters of a model that a twin has.

    Derived ones follow from the others.
    """
    true = {p: ds[f"true_{p}"].values.astype(float) for p in tables.by_name if f"true_{p}" in ds}
    derived = {d.name: d for d in tables.derived}
    values = {}
    for name in wanted:
        try:
            values[name] = np.asarray(true[name] if name in true else derived[name].compute(true))
        except KeyError:
            continue
    return values


def correlation(a: Values, b: Values) -> float:
    """Pearson r; NaN for fewer than three values, or where one side is constant."""
    if len(a) < 3 or a.std() == 0 or b.std() == 0:
        return float("nan")
    return float(np.corrcoef(a, b)[0, 1])


def skill(
    ds: xr.Dataset, sets: Sequence[str], variables: Sequence[str], options: Any
) -> tuple[Values | None, str]:
    """V*, [set, variable], as a twin was made with it, and why it is missing or what must be known of it.

    NaN for a variable that it is not known for. None where the runs learned from no twin, or where their skill is of
    another kind.

    Args:
        ds: runs of one dataset that differ in predictors and seeds only, as `load` gives them.
        sets: predictor sets as setups are labelled, CONTROL for the empty one.
        variables: as metrics are filed.
        options: `split`, `statistic` and `level` of the skill that the truth stands beside.
    """
    if not ds.attrs["synthetic"] or truth.ATTRIBUTE not in ds.attrs:
        return None, ""
    true = truth.skill(ds)
    if options.level != "flat" or options.split not in COMPARED:
        return None, f"the truth V* is known for level flat on {', '.join(COMPARED)}: it is not shown"
    if missing := [s for s in sets if s not in true["subset"]]:
        return None, f"the truth V* is not known for {', '.join(missing)}: it is not shown"
    warmup = runs.specs(ds.isel(run=[0]))[0].warmup_months
    chosen = true.sel(subset=list(sets), statistic=options.statistic).reindex(variable=list(variables))
    note = ""
    if warmup != (of_truth := true.attrs["warmup_months"]):
        note = f"the truth V* skips {of_truth} months, the runs {warmup}: warmup_months = {of_truth} compares"
    return chosen.transpose("subset", "variable").values, note
