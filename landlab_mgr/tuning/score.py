"""Score of a trial: NNSE on dev of its members.

Also what may be said of that while they still train.

NNSE = 1 / (2 - NSE) maps the Nash-Sutcliffe efficiency (metrics.R2) from (-inf, 1] to (0, 1]: the mean over variables
is then not that of the worst one (Nossent & Bauwens 2012, EGU General Assembly 14, 237). A member that diverged has 0.

No function here asks the catalog for more than train and dev.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from landlab_mgr.catalog import Catalog
from landlab_mgr.errors import LandlabError
from landlab_mgr.models import registry
from landlab_mgr.spec.study import Objective

DEV = "dev"


def nnse(nse: float) -> float:
    """1 / (2 - NSE)."""
    return 1.0 / (2.0 - nse)


def efficiencies(catalog: Catalog, run_id: str, level: str = "flat") -> dict[str, float]:
    """NSE of a run on dev by variable, where it is defined."""
    found = catalog.metrics(run_id, (DEV,))
    found = found[(found["statistic"] == "R2") & (found["level"] == level) & np.isfinite(found["value"])]
    return dict(zip(found["variable"], found["value"], strict=True))


def skill(objective: Objective, nse: Mapping[str, float]) -> float:
    """Return the objective of one member, from its NSE by variable.

    NaN where a variable of the objective has none.
    """
    wanted = objective.variables or tuple(nse)
    return float(np.mean([nnse(nse.get(name, np.nan)) for name in wanted])) if wanted else np.nan


def of_members(catalog: Catalog, objective: Objective, run_ids: Sequence[str]) -> list[float]:
    """Return the objective on dev of each member of a trial.

    It is 0 where the member diverged.

    LandlabError where dev does not tell: it has too few observations of a variable for an NSE.
    """
    values = []
    for run_id in run_ids:
        if catalog.run(run_id).state != "completed":
            values.append(0.0)
            continue
        values.append(skill(objective, efficiencies(catalog, run_id, objective.level)))
        if not np.isfinite(values[-1]):
            what = ", ".join(objective.variables) or "any variable"
            raise LandlabError(
                f"run {run_id} has no NSE of {what} on dev ({objective.level}): the split's dev patches observe too "
                "little; choose other variables, or a larger split.dev_fraction"
            )
    return values


def diverged(catalog: Catalog, run_id: str) -> bool:
    """Return whether a run is failed because its loss was not finite."""
    if catalog.run(run_id).state != "failed":
        return False
    return str(catalog.attempts(run_id)["outcome"].iloc[-1]) == "nan"


def collapsed(catalog: Catalog, run_ids: Sequence[str]) -> float | None:
    """Largest share of a member's training pixels that are dead; None where no run has that metric."""
    shares: list[float] = []
    for run_id in run_ids:
        collapse = catalog.run(run_id).spec.tables.collapse
        if collapse is None:
            continue
        split, *key = collapse.metric
        rows = catalog.metrics(run_id, (split,))
        shares += list(rows.loc[(rows[["variable", "statistic", "level"]] == key).all(axis=1), "value"])
    return max(shares, default=None)


def spreads(
    objective: Objective, curve: pd.DataFrame, nse: Mapping[str, float], weights: Mapping[str, float]
) -> dict[str, float]:
    """Return the spread SST of each stream, in units of its term.

    It makes the dev terms of any trial comparable.

    The dev terms of an epoch are weighted: with them alone, a trial with small weights would look good. Divided by
    the trial's weights they are sums of squared errors, SSE. A completed run tells the spread too, from its last
    epoch and its scores: SST = SSE / (1 - NSE). Then 1 / (1 + SSE / SST) is the NNSE of any trial at any epoch.

    Args:
        objective: which variables count.
        curve: the run's epochs, as `Catalog.epochs` has them.
        nse: its NSE on dev.
        weights: its loss weights.
    """
    found = {}
    for stream, about in registry.streams().items():
        name = stream if stream in nse else about.variable  # as evaluate files it
        if name not in nse or (objective.variables and name not in objective.variables):
            continue
        sse = _unweighted(stream, curve.iloc[-1].to_dict(), weights)
        if sse is not None and sse > 0 and nse[name] < 1:
            found[stream] = sse / (1 - nse[name])
    return found


def so_far(terms: Mapping[str, float], weights: Mapping[str, float], spread: Mapping[str, float]) -> float:
    """Return the mean NNSE that the dev terms of an epoch say.

    NaN where none of them has a spread.
    """
    values = []
    for stream, sst in spread.items():
        sse = _unweighted(stream, terms, weights)
        if sse is not None:
            values.append(1.0 / (1.0 + sse / sst))
    return float(np.mean(values)) if values else np.nan


def _unweighted(stream: str, terms: Mapping[str, float], weights: Mapping[str, float]) -> float | None:
    value, weight = terms.get(f"dev_{stream}"), weights.get(stream)
    return None if value is None or not weight or not np.isfinite(value) else value / weight
