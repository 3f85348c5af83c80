"""Drought composites: anomalies of one setup's members and of observations around months of little water. JAX-free.

The water balance of a month is precipitation less potential evaporation (Makkink's, as in De Bruin 1987: 0.65 of the
share of radiation that the slope of the saturation curve lets evaporate), less the place's mean of that calendar
month. Dry are the months in which it is below a percentile of the place's own.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from pydantic import Field

from landlab_mgr.analysis import levels, members, parts, runs
from landlab_mgr.analysis.contract import Analysis, Needs, Options
from landlab_mgr.analysis.figures.drought import figure
from landlab_mgr.errors import LandlabError
from landlab_mgr.observations.calendar import Calendar
from landlab_mgr.observations.steps import MONTHS_PER_YEAR

Values = npt.NDArray[np.floating]
Mask = npt.NDArray[np.bool_]

READS = ("precip", "ssrd", "tmin", "tmax")
BEFORE, AFTER = 3, 6
"""Months around a dry one that are shown."""
FEWEST_YEARS = 3
LATENT_HEAT = 2.45
"""Of evaporation, MJ per kg of water."""
PSYCHROMETRIC = 0.66
"""Constant at sea level, hPa K-1."""
MAKKINK = 0.65
BLOCK_VALUES = 2**22
"""Pixel-steps of forcing that are read at once."""


class DroughtOptions(Options):
    """Options: how dry, and which pixels and variables."""

    percentile: float = Field(
        10.0,
        gt=0,
        le=50,
        description="months of the water balance below this percentile of the place's are dry",
    )
    split: parts.Part = Field("seen", description=parts.MEANING)
    variables: str = Field("", description="variables, with commas between; none: every one seen by month")
    regions: str = Field("", description=parts.OPTION_REGIONS)
    regions_variable: str = Field("", description="in that file; none: its only one")


def check(ds: xr.Dataset, options: DroughtOptions) -> None:
    """LandlabError for several setups, steps that are no months, a short record, or forcing without the balance."""
    runs.one_setup(ds)
    calendar = Calendar.of(ds)
    if calendar.step != "month" or calendar.steps < FEWEST_YEARS * MONTHS_PER_YEAR:
        raise LandlabError(
            f"dataset {ds.attrs['name']} has {calendar.steps} steps of a {calendar.step}; composites of dry months "
            f"need {FEWEST_YEARS} years of months"
        )
    if missing := [name for name in READS if name not in ds]:
        raise LandlabError(
            f"dataset {ds.attrs['name']} has no {', '.join(missing)}, of which the water balance is made "
            f"({', '.join(READS)})"
        )


def compute(ds: xr.Dataset, options: DroughtOptions) -> xr.Dataset:
    """`modelled` [run, variable, region, lag] and `observed` [variable, region, lag]: mean anomalies, by area.

    `lag` are months from the dry ones on; `sd` [variable, region] that of the observed anomalies; `dry` [region] the
    share of months that are dry. An anomaly is without trend and mean seasonal cycle, which are those of the months
    that a place is observed in. LandlabError as of `check`, for an unknown variable, or where nothing is observed.
    """
    check(ds, options)
    setup, areas = runs.one_setup(ds), parts.Areas(ds, options.regions, options.regions_variable)
    wanted, lags = members.names_in(options.variables), np.arange(-BEFORE, AFTER + 1)
    dry_of: dict[bool, Mask] = {}
    modelled: dict[str, list[Values]] = {}
    observed: dict[str, tuple[Values, Values, Values]] = {}
    units: dict[str, str] = {}
    for file, compared in members.predictions(ds, "train", wanted):
        for target in compared:
            if target.average in ("year", "run"):
                continue
            by_patch = not (target.level == "pixel" and target.stream.level == "pixel")
            if by_patch not in dry_of:
                dry_of[by_patch] = _dry(ds, by_patch, options.percentile)
            dry = dry_of[by_patch]
            weights = areas.of(target) * parts.counted(target.labels(file), options.split)
            own, seen = levels.anomalies(target.of(file), target.observed, target.calendar)
            units[target.name] = target.unit
            modelled.setdefault(target.name, []).append(_composite(own, dry, weights, lags))
            if target.name not in observed:
                spread = np.sqrt(_mean(seen**2, np.isfinite(seen), weights))
                counts = np.isfinite(seen).any(axis=0) * weights
                share = counts @ dry.mean(axis=0) / np.maximum(counts.sum(axis=1), 1e-9)
                observed[target.name] = _composite(seen, dry, weights, lags), spread, share
    names = [n for n, (x, _, _) in observed.items() if np.isfinite(x).any()]
    if not names:
        raise LandlabError(
            f"no variable of dataset {ds.attrs['name']} is observed in {levels.MIN_SAME_MONTHS} years or more at "
            f"{options.split} pixels; `landlab analyse skill` scores what it has"
        )
    notes = [
        f"dry: months whose precipitation less potential evaporation, less the mean of that calendar month, is below "
        f"the place's percentile {options.percentile:g}; means over {options.split} pixels, by area",
        "anomaly: without the place's trend and mean seasonal cycle, of the months that are observed",
    ]
    if left_out := [n for n in observed if n not in names]:
        notes.append(f"not observed in {levels.MIN_SAME_MONTHS} years: {', '.join(left_out)}")
    return xr.Dataset(
        {
            "modelled": (
                ("run", "variable", "region", "lag"),
                np.stack([np.stack(modelled[n]) for n in names], axis=1),
            ),
            "observed": (("variable", "region", "lag"), np.stack([observed[n][0] for n in names])),
            "sd": (("variable", "region"), np.stack([observed[n][1] for n in names])),
            "dry": (("variable", "region"), np.stack([observed[n][2] for n in names])),
            "units": ("variable", [units[n] for n in names]),
        },
        {"run": list(ds["run"].values), "variable": names, "region": areas.names, "lag": lags},
        options.model_dump()
        | {"synthetic": ds.attrs["synthetic"], "setup": setup, "notes": "\n".join(notes)},
    )


def potential_evaporation(radiation: Values, temperature: Values) -> Values:
    """Makkink's potential evaporation, mm d-1, from radiation (MJ m-2 d-1) and temperature (degC)."""
    saturation = 6.1078 * np.exp(17.27 * temperature / (temperature + 237.3))
    slope = saturation * 17.27 * 237.3 / (temperature + 237.3) ** 2
    evaporation: Values = MAKKINK * slope / (slope + PSYCHROMETRIC) * radiation / LATENT_HEAT
    return evaporation


def _dry(ds: xr.Dataset, by_patch: bool, percentile: float) -> Mask:
    """Return which months are dry, [T, pixel or patch], read block by block."""
    calendar, patch = Calendar.of(ds), ds["patch"].values
    balance = np.zeros((calendar.steps, int(patch.max()) + 1 if by_patch else len(patch)))
    per_block = max(1, BLOCK_VALUES // calendar.steps)
    for start in range(0, len(patch), per_block):
        here = slice(start, start + per_block)
        block = ds[list(READS)].isel(pixel=here).load()
        rain, sun, low, high = (block[n].transpose("time", "pixel").values.astype(float) for n in READS)
        own = rain - potential_evaporation(sun, (low + high) / 2)
        if by_patch:
            balance += _summed(own, patch[here], balance.shape[1])
        else:
            balance[:, here] = own
    if by_patch:
        balance /= np.bincount(patch)
    for month in range(MONTHS_PER_YEAR):
        at = calendar.month_of_year == month
        balance[at] -= balance[at].mean(axis=0)
    dry: Mask = balance < np.percentile(balance, percentile, axis=0)
    return dry


def _summed(x: Values, patch: npt.NDArray[np.integer], patches: int) -> Values:
    """Add the pixels of each patch up, [T, pixel] to [T, patches]."""
    return np.stack([np.bincount(patch, row, minlength=patches) for row in x])


def _composite(anomaly: Values, dry: Mask, weights: Values, lags: npt.NDArray[np.integer]) -> Values:
    """Mean anomalies [region, lag] so many months after dry ones."""
    out = []
    for lag in lags:
        after = np.zeros_like(dry)
        after[max(lag, 0) : len(dry) + min(lag, 0)] = dry[max(-lag, 0) : len(dry) - max(lag, 0)]
        out.append(_mean(anomaly, after & np.isfinite(anomaly), weights))
    return np.stack(out, axis=1)


def _mean(x: Values, counts: Mask, weights: Values) -> Values:
    """Mean over the steps and places [T, place] that count, by weights [region, place]; NaN of none."""
    n = weights @ counts.sum(axis=0)
    total = weights @ np.where(counts, x, 0.0).sum(axis=0)
    return np.where(n > 0, total / np.where(n > 0, n, 1.0), np.nan)


def table(ds: xr.Dataset) -> pd.DataFrame:
    """Return a row for each variable and region: the mean anomaly in dry months, and its largest after them.

    Observed and of the members, with the sd over these, and both in sd of the observed anomalies.
    """
    rows = []
    for variable, unit in zip(ds["variable"].values, ds["units"].values, strict=True):
        for region in ds["region"].values:
            one = ds.sel(variable=variable, region=region)
            seen, own = one["observed"].values, one["modelled"].values
            at = BEFORE
            if not np.isfinite(seen[at]):
                continue
            mean, sd = own.mean(axis=0), float(one["sd"])
            rows.append(
                {
                    "variable": variable,
                    "region": region,
                    "observed": seen[at],
                    "modelled": mean[at],
                    "sd of members": own[:, at].std(ddof=1) if len(own) > 1 else np.nan,
                    "observed, in sd": seen[at] / sd if sd > 0 else np.nan,
                    "modelled, in sd": mean[at] / sd if sd > 0 else np.nan,
                    "largest after, observed": _strongest(seen[at:]),
                    "largest after, modelled": _strongest(mean[at:]),
                    "units": unit,
                }
            )
    return pd.DataFrame(rows)


def _strongest(x: Values) -> str:
    """Lag in months of the largest anomaly."""
    return f"{int(np.nanargmax(np.abs(x)))} months" if np.isfinite(x).any() else ""


ANALYSIS = Analysis(
    name="drought",
    summary="anomalies of one setup's members and of observations around dry months",
    options=DroughtOptions,
    needs=lambda options: Needs(parts.PARTS[options.split], files={"monthly": ()}),
    check=check,
    compute=compute,
    table=table,
    figure=figure,
)
