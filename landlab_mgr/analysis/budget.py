"""Budgets: area-weighted yearly totals of one setup's members, of all the land that the dataset has, and by region.

JAX-free. Where monthly results are of patches, a patch counts with the area of all its pixels.
"""

from collections.abc import Sequence
from typing import Self

import numpy as np
import pandas as pd
import xarray as xr
from pydantic import Field

from landlab_mgr.analysis import members, of_models, runs, usermap
from landlab_mgr.analysis.contract import Analysis, Needs, Options
from landlab_mgr.analysis.figures.budget import figure
from landlab_mgr.analysis.of_models import streams_in
from landlab_mgr.errors import LandlabError
from landlab_mgr.models import registry
from landlab_mgr.models.tables import Tables
from landlab_mgr.observations.calendar import Calendar

DAYS_PER_YEAR = 365.25
ALL = "all"
"""Name of the region that is all the land."""
SCALES = {"gC m-2 d-1": (1e-15, "PgC yr-1"), "mm d-1": (1e-15, "1000 km3 yr-1")}
"""From gC, or kg of water (1 mm is 1 kg m-2; 1e12 kg are 1 km3), to what people read."""


class BudgetOptions(Options):
    """Options: what is summed."""

    variables: str = Field("", description="fluxes, with commas between; default: what the model notes")
    regions: str = Field(
        "", description="file with a map of regions (NetCDF, zarr, csv); none: the dataset's regions"
    )
    regions_variable: str = Field("", description="in that file; none: its only one")

    def filled(self, models: Sequence[Tables]) -> Self:
        """With the fluxes that the first model notes, or those that all its runs keep, where none are named."""
        if self.variables:
            return self
        kept = [n for n in models[0].always if n in _fluxes()]
        return self.model_copy(update={"variables": ",".join(models[0].notes.get("budget", kept))})


def check(ds: xr.Dataset, options: BudgetOptions) -> None:
    """LandlabError for an unknown flux, or several setups."""
    options = options.filled(of_models.models_in(ds))
    wanted, fluxes = members.names_in(options.variables), _fluxes()
    unknown = [n for n in wanted if n not in fluxes]
    if unknown or not wanted:
        raise LandlabError(
            f"option variables: no flux {(unknown or [''])[0]!r}; there are: {', '.join(fluxes)}"
        )
    runs.one_setup(ds)


def compute(ds: xr.Dataset, options: BudgetOptions) -> xr.Dataset:
    """`total` [run, variable, region, year]; the first region is all of the land; others: see `BudgetOptions`.

    Of what an inversion sees also `inversion` [observed, region, year] and `beside` [run, observed, region, year]: the
    totals of the inversion and of the members over the patches and months that it has.

    Only whole years count. Pixels of no region are in `all`. LandlabError for several setups or datasets, an unknown
    flux, no whole year, or a map of regions that cannot be read or names no pixel.
    """
    check(ds, options)
    options = options.filled(of_models.models_in(ds))
    wanted, setup = members.names_in(options.variables), runs.one_setup(ds)
    known = registry.variables()
    area, patch = ds["area_m2"].values, ds["patch"].values
    region = regions_of(ds, options.regions, options.regions_variable)
    if ALL in region:
        raise LandlabError(f"a region is called {ALL!r}, as all the land is here; give it another name")
    regions = [ALL, *sorted(set(region) - {""})]
    years = ds["time"].dt.year.values
    whole = [y for y in np.unique(years) if (years == y).sum() == 12]
    if not whole:
        raise LandlabError(f"dataset {ds.attrs['name']} has no whole year of 12 months to sum")
    of_pixel = np.stack([area * ((region == r) | (r == ALL)) for r in regions])
    seen = {name: x for name in wanted if (x := _observed(ds, name)) is not None}
    of_patch = np.stack([np.bincount(patch, w) for w in of_pixel])
    size = np.bincount(patch)
    totals, beside = [], []
    for file in runs.files(ds, "monthly"):
        missing = [n for n in wanted if n not in file]
        if missing:
            kept = ", ".join(n for n in _fluxes() if n in file)
            raise LandlabError(f"option variables: the runs kept no {missing[0]}; there are: {kept}")
        weights = of_pixel
        if "patch" in file[wanted[0]].dims:
            weights = np.stack([np.bincount(patch, w) for w in of_pixel])
        totals.append(
            [_yearly(file[n].values, weights, years, whole) * SCALES[known[n].unit][0] for n in wanted]
        )
        own = []
        for n, x in seen.items():
            series = file[n].values if "patch" in file[n].dims else _by_patch(file[n].values, patch, size)
            own.append(_yearly_where(series, x, of_patch, years, whole) * SCALES[known[n].unit][0])
        beside.append(own)
    units = [SCALES[known[n].unit][1] for n in wanted]
    inversion = [
        _yearly_where(x, x, of_patch, years, whole) * SCALES[known[n].unit][0] for n, x in seen.items()
    ]
    shape = (len(seen), len(regions), len(whole))
    dims = ("observed", "region", "year")
    observed = {
        "inversion": (dims, np.array(inversion).reshape(shape)),
        "beside": (("run", *dims), np.array(beside).reshape(len(totals), *shape)),
    }
    return xr.Dataset(
        observed
        | {"total": (("run", "variable", "region", "year"), np.array(totals)), "units": ("variable", units)},
        {"run": list(ds["run"].values), "variable": wanted, "region": regions, "year": whole}
        | {"observed": list(seen)},
        options.model_dump()
        | {
            "synthetic": ds.attrs["synthetic"],
            "setup": setup,
            "area_m2": float(area.sum()),
            "pixels": len(area),
            "notes": "\n".join(_notes(region, area, ds)),
        },
    )


def _fluxes() -> list[str]:
    """Variables that have a yearly total."""
    return [v.name for v in registry.variables().values() if v.unit in SCALES]


def regions_of(data: xr.Dataset, file: str, variable: str) -> np.ndarray:
    """Region of each pixel, of the dataset or of a map in a file; "" where it is in none."""
    if not file:
        return (
            data["region"].values.astype(object).astype(str)
            if "region" in data
            else np.full(data.sizes["pixel"], "")
        )
    given = usermap.read(file, variable)
    lat, lon, area = (data[n].values.astype(float) for n in ("lat", "lon", "area_m2"))
    region = usermap.regions_at(given, lat, lon, area, cell=0.0)
    if not (region != "").any():
        raise LandlabError(
            f"option regions: {given.name} of {file} has a region at none of {len(region)} pixels; it "
            f"covers lat {given.lat.min():.4g} to {given.lat.max():.4g}, "
            f"lon {given.lon.min():.4g} to {given.lon.max():.4g}"
        )
    return region


def _notes(region: np.ndarray, area: np.ndarray, ds: xr.Dataset) -> list[str]:
    notes = []
    if warmup := max(spec.warmup_months for spec in runs.specs(ds)):
        notes.append(f"the first {warmup} months count here; scores skip them while the pools settle")
    outside = area[region == ""].sum() / area.sum()
    if 0 < outside < 1:
        notes.append(f"{outside:.0%} of the area is in no region")
    return notes


def _observed(ds: xr.Dataset, variable: str) -> np.ndarray | None:
    """Return what inversions see of a flux, [patch, time].

    NaN where they see nothing; None where there is no inversion.
    """
    calendar = Calendar.of(ds)
    for stream in streams_in(ds):
        if stream.variable == variable and stream.whole_patches and stream.average == "step":
            none = np.zeros(calendar.steps, bool)
            return members.observed_of_patches(ds, stream, "observation", none, 0, calendar).T
    return None


def _by_patch(x: np.ndarray, patch: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Means over the pixels of each patch, [pixel, time] to [patch, time]."""
    order = np.argsort(patch, kind="stable")
    starts = np.concatenate([[0], np.cumsum(size)[:-1]])
    means: np.ndarray = np.add.reduceat(x[order].astype(float), starts, axis=0) / size[:, None]
    return means


def _yearly_where(
    x: np.ndarray, seen: np.ndarray, weights: np.ndarray, years: np.ndarray, whole: list[int]
) -> np.ndarray:
    """[region, year] totals per year of a flux per day, [patch, time], over the months that are seen."""
    means = []
    for year in whole:
        there = np.isfinite(seen[:, years == year])
        n = there.sum(axis=1)
        summed = np.where(there, x[:, years == year], 0.0).sum(axis=1)
        means.append(np.where(n > 0, summed / np.maximum(n, 1), 0.0))
    return weights @ np.stack(means, axis=1).astype(float) * DAYS_PER_YEAR


def _yearly(x: np.ndarray, weights: np.ndarray, years: np.ndarray, whole: list[int]) -> np.ndarray:
    """[region, year] totals per year of a flux per day, [place, time]."""
    means = np.stack([x[:, years == y].mean(axis=1) for y in whole], axis=1)
    return weights @ means.astype(float) * DAYS_PER_YEAR


def table(ds: xr.Dataset) -> pd.DataFrame:
    """Return a row for each flux and region.

    Mean over years and members, sd over members and over years, and units.
    """
    rows = []
    for name, unit in zip(ds["variable"].values, ds["units"].values, strict=True):
        for region in ds["region"].values:
            x = ds["total"].sel(variable=name, region=region)
            over_members = float(x.mean("year").std("run", ddof=1)) if x.sizes["run"] > 1 else np.nan
            over_years = float(x.mean("run").std("year", ddof=1)) if x.sizes["year"] > 1 else np.nan
            row = [name, region, float(x.mean()), over_members, over_years, unit]
            if "observed" in ds.dims and ds.sizes["observed"]:
                there = name in ds["observed"].values
                one = ds.sel(observed=name, region=region) if there else None
                row += [np.nan] * 3 if one is None else _beside(one)
            rows.append(row)
    columns = ["variable", "region", "mean", "sd of members", "sd of years", "units"]
    beside = ["inversion", "modelled there", "sd there"] if len(rows[0]) > len(columns) else []
    return pd.DataFrame(rows, columns=columns + beside)


def _beside(one: xr.Dataset) -> list[float]:
    """Return the means of the inversion and the members, and the members' sd.

    The means are over the years, and the members' over the same patches and months as the inversion's.
    """
    members_ = one["beside"].mean("year").values
    spread = float(members_.std(ddof=1)) if len(members_) > 1 else np.nan
    return [float(one["inversion"].mean()), float(members_.mean()), spread]


ANALYSIS = Analysis(
    name="budget",
    summary="yearly totals of one setup's fluxes, of all the land and by region",
    options=BudgetOptions,
    needs=lambda options: Needs(files={"monthly": ()}),
    check=check,
    compute=compute,
    table=table,
    figure=figure,
)
