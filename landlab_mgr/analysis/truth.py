"""What a twin planet knows of its own making, to be shown beside what members found. JAX-free."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from landlab_mgr.analysis.base import Ensemble
from landlab_mgr.data import truth
from landlab_mgr.models.dalec.parameters import BY_NAME, DERIVED

Values = npt.NDArray[np.floating]

COMPARED = ("train", "dev", "test")
"""Splits whose skill is of the kind that the truth is known for: over all months."""


def parameters(ds: xr.Dataset, names: Iterable[str]) -> dict[str, Values]:
    """True values, [pixel], of those of these parameters that a twin has; derived ones follow from the others."""
    true = {p: ds[f"true_{p}"].values.astype(float) for p in BY_NAME if f"true_{p}" in ds}
    derived = {d.name: d for d in DERIVED}
    found = {}
    for name in names:
        try:
            found[name] = np.asarray(true[name] if name in true else derived[name].compute(true))
        except KeyError:
            continue
    return found


def correlation(a: Values, b: Values) -> float:
    """Pearson r; NaN for fewer than three values, or where one side is constant."""
    if len(a) < 3 or a.std() == 0 or b.std() == 0:
        return float("nan")
    return float(np.corrcoef(a, b)[0, 1])


def skill(
    ensemble: Ensemble, sets: Sequence[str], variables: Sequence[str], asked: Any
) -> tuple[Values | None, str]:
    """V*, [set, variable], as a twin was made with it, and why it is missing or what must be known of it.

    NaN for a variable that it is not known for. None where the runs learned from no twin, or where their skill is of
    another kind.

    Args:
        ensemble: runs of one dataset that differ in predictors and seeds only.
        sets: predictor sets as setups are labelled, CONTROL for the empty one.
        variables: as metrics are filed.
        asked: options `split`, `statistic` and `level` of the skill that the truth shall stand beside.
    """
    if not ensemble.synthetic:
        return None, ""
    ds = ensemble.dataset()
    if truth.ATTRIBUTE not in ds.attrs:
        return None, ""
    known = truth.skill(ds)
    if asked.level != "flat" or asked.split not in COMPARED:
        return None, f"the truth V* is known for level flat on {', '.join(COMPARED)}: it is not shown"
    if missing := [s for s in sets if s not in known["subset"]]:
        return None, f"the truth V* is not known for {', '.join(missing)}: it is not shown"
    warmup = next(iter(ensemble.catalog.specs(ensemble.run_ids[:1]).values())).warmup_months
    found = known.sel(subset=list(sets), statistic=asked.statistic).reindex(variable=list(variables))
    note = ""
    if warmup != (of_truth := known.attrs["warmup_months"]):
        note = f"the truth V* skips {of_truth} months, the runs {warmup}: warmup_months = {of_truth} compares"
    return found.transpose("subset", "variable").values, note
