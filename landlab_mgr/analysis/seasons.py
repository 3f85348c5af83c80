"""Mean seasonal cycles by region: one setup's members beside what was observed. JAX-free.

Both are means over the same places and months, weighted by area.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from pydantic import Field

from landlab_mgr.analysis import members, parts, runs
from landlab_mgr.analysis.contract import Analysis, Needs, Options
from landlab_mgr.analysis.figures.seasons import figure
from landlab_mgr.errors import LandlabError
from landlab_mgr.observations.steps import MONTHS_PER_YEAR

Values = npt.NDArray[np.floating]


class SeasonsOptions(Options):
    """Options: which pixels and variables, and by which regions."""

    split: parts.Part = Field("seen", description=parts.MEANING)
    variables: str = Field("", description="variables, with commas between; none: every one seen by month")
    regions: str = Field("", description=parts.OPTION_REGIONS)
    regions_variable: str = Field("", description="in that file; none: its only one")


def check(ds: xr.Dataset, options: SeasonsOptions) -> None:
    """LandlabError for several setups."""
    runs.one_setup(ds)


def compute(ds: xr.Dataset, options: SeasonsOptions) -> xr.Dataset:
    """`modelled` [run, variable, region, month] and `observed` [variable, region, month], means weighted by area.

    The first region is all the land. A month counts at the places where the variable was observed in it, after the
    warm-up. `amplitude`s and `r` are of these cycles. NaN where a region is not observed in a month of the year.

    LandlabError for several setups or datasets, an unknown variable, or where nothing is observed by month.
    """
    check(ds, options)
    setup, areas = runs.one_setup(ds), parts.Areas(ds, options.regions, options.regions_variable)
    wanted = members.names_in(options.variables)
    modelled: dict[str, list[Values]] = {}
    observed: dict[str, Values] = {}
    targets: dict[str, members.Target] = {}
    for file, compared in members.predictions(ds, "train", wanted):
        for target in compared:
            if target.average in ("year", "run"):
                continue
            weights = areas.of(target) * parts.counted(target.labels(file), options.split)
            pair = target.of(file), target.observed
            both = np.isfinite(pair[0]) & np.isfinite(pair[1])
            own, seen = (_cycle(x, both, weights, target.calendar.month_of_year) for x in pair)
            targets[target.name] = target
            modelled.setdefault(target.name, []).append(own)
            observed[target.name] = seen
    names = [n for n, x in observed.items() if np.isfinite(x).any()]
    if not names:
        raise LandlabError(
            f"no variable of dataset {ds.attrs['name']} is observed by month at {options.split} pixels; "
            "`landlab analyse skill` scores what it has"
        )
    notes = [f"means over {options.split} pixels, by area, at the places and in the months that are observed"]
    if left_out := [n for n in observed if n not in names]:
        notes.append(f"not observed there: {', '.join(left_out)}")
    return xr.Dataset(
        {
            "modelled": (
                ("run", "variable", "region", "month"),
                np.stack([np.stack(modelled[n]) for n in names], axis=1),
            ),
            "observed": (("variable", "region", "month"), np.stack([observed[n] for n in names])),
            "units": ("variable", [targets[n].unit for n in names]),
        },
        {
            "run": list(ds["run"].values),
            "variable": names,
            "region": areas.names,
            "month": np.arange(1, MONTHS_PER_YEAR + 1),
        },
        options.model_dump()
        | {"synthetic": ds.attrs["synthetic"], "setup": setup, "notes": "\n".join(notes)},
    )


def _cycle(
    x: Values, counts: npt.NDArray[np.bool_], weights: Values, month: npt.NDArray[np.integer]
) -> Values:
    """Mean of each month of the year, [region, 12], of steps [T, place] that count, by weights [region, place]."""
    total, n = (np.zeros((MONTHS_PER_YEAR, x.shape[1])) for _ in range(2))
    for m in range(MONTHS_PER_YEAR):
        at = month == m
        total[m] = np.where(counts[at], x[at], 0.0).sum(axis=0)
        n[m] = counts[at].sum(axis=0)
    of = weights @ n.T
    return np.where(of > 0, weights @ total.T / np.where(of > 0, of, 1.0), np.nan)


def table(ds: xr.Dataset) -> pd.DataFrame:
    """Return a row for each variable and region.

    Mean, amplitude (highest less lowest month) and highest month, observed and of the members' mean, and r of the two
    cycles. Only regions that are observed in every month of the year.
    """
    rows = []
    for variable, unit in zip(ds["variable"].values, ds["units"].values, strict=True):
        for region in ds["region"].values:
            one = ds.sel(variable=variable, region=region)
            seen, own = one["observed"].values, one["modelled"].mean("run").values
            if not (np.isfinite(seen) & np.isfinite(own)).all():
                continue
            varies = min(np.ptp(seen), np.ptp(own)) > 0
            rows.append(
                {
                    "variable": variable,
                    "region": region,
                    "observed": seen.mean(),
                    "modelled": own.mean(),
                    "amplitude observed": np.ptp(seen),
                    "amplitude modelled": np.ptp(own),
                    "highest observed": int(seen.argmax()) + 1,
                    "highest modelled": int(own.argmax()) + 1,
                    "r": float(np.corrcoef(seen, own)[0, 1]) if varies else np.nan,
                    "units": unit,
                }
            )
    return pd.DataFrame(rows)


ANALYSIS = Analysis(
    name="seasons",
    summary="mean seasonal cycles of one setup's members beside the observed ones, by region",
    options=SeasonsOptions,
    needs=lambda options: Needs(parts.PARTS[options.split], files={"monthly": ()}),
    check=check,
    compute=compute,
    table=table,
    figure=figure,
)
