"""Budgets: area-weighted yearly totals of one setup's members, of all the land that the dataset has, and by region.

JAX-free. Where monthly results are of patches, a patch counts with the area of all its pixels.
"""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr
from pydantic import Field

from landlab_mgr.analysis import members, usermap
from landlab_mgr.analysis.base import Analysis, Ensemble, Options
from landlab_mgr.analysis.figures import style
from landlab_mgr.errors import LandlabError
from landlab_mgr.models.dalec.parameters import VARIABLES

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DAYS_PER_YEAR = 365.25
ALL = "all"
SCALES = {"gC m-2 d-1": (1e-15, "PgC yr-1"), "mm d-1": (1e-15, "1000 km3 yr-1")}
"""From gC, or kg of water (1 mm is 1 kg m-2; 1e12 kg are 1 km3), to what people read."""


class BudgetOptions(Options):
    """What is summed."""

    variables: str = Field("gpp,reco,nee,et", description="fluxes, with commas between")
    regions: str = Field(
        "", description="file with a map of regions (NetCDF, zarr, csv); none: the dataset's regions"
    )
    regions_variable: str = Field("", description="in that file; none: its only one")


def compute(ensemble: Ensemble, options: BudgetOptions) -> xr.Dataset:
    """`total` [run, variable, region, year]; the first region is all of the land; others: see `BudgetOptions`.

    Only whole years count. Pixels of no region are in `all`. LandlabError for several setups or datasets, an unknown
    flux, no whole year, or a map of regions that cannot be read or names no pixel.
    """
    names = members.names_in(options.variables)
    fluxes = [v.name for v in VARIABLES.values() if v.unit in SCALES]
    unknown = [n for n in names if n not in fluxes]
    if unknown or not names:
        raise LandlabError(
            f"option variables: no flux {(unknown or [''])[0]!r}; there are: {', '.join(fluxes)}"
        )
    setup, data = ensemble.one_setup(), ensemble.dataset()
    area, patch = data["area_m2"].values, data["patch"].values
    region = _regions(data, options)
    if ALL in region:
        raise LandlabError(f"a region is called {ALL!r}, as all the land is here; give it another name")
    regions = [ALL, *sorted(set(region) - {""})]
    years = data["time"].dt.year.values
    whole = [y for y in np.unique(years) if (years == y).sum() == 12]
    if not whole:
        raise LandlabError(f"dataset {data.attrs['name']} has no whole year of 12 months to sum")
    of_pixel = np.stack([area * ((region == r) | (r == ALL)) for r in regions])
    totals = []
    for file in ensemble.files("monthly"):
        missing = [n for n in names if n not in file]
        if missing:
            there = ", ".join(n for n in fluxes if n in file)
            raise LandlabError(f"option variables: the runs kept no {missing[0]}; there are: {there}")
        weights = of_pixel
        if "patch" in file[names[0]].dims:
            weights = np.stack([np.bincount(patch, w) for w in of_pixel])
        totals.append(
            [_yearly(file[n].values, weights, years, whole) * SCALES[VARIABLES[n].unit][0] for n in names]
        )
    units = [SCALES[VARIABLES[n].unit][1] for n in names]
    return xr.Dataset(
        {"total": (("run", "variable", "region", "year"), np.array(totals)), "units": ("variable", units)},
        {"run": ensemble.run_ids, "variable": names, "region": regions, "year": whole},
        options.model_dump()
        | {
            "synthetic": int(ensemble.synthetic),
            "setup": setup,
            "area_m2": float(area.sum()),
            "pixels": len(area),
            "notes": "\n".join(_notes(region, area, ensemble)),
        },
    )


def _regions(data: xr.Dataset, options: BudgetOptions) -> np.ndarray:
    """Region of each pixel; "" where it is in none."""
    if not options.regions:
        return (
            data["region"].values.astype(object).astype(str)
            if "region" in data
            else np.full(data.sizes["pixel"], "")
        )
    given = usermap.read(options.regions, options.regions_variable)
    lat, lon, area = (data[n].values.astype(float) for n in ("lat", "lon", "area_m2"))
    found = usermap.regions_at(given, lat, lon, area, cell=0.0)
    if not (found != "").any():
        raise LandlabError(
            f"option regions: {given.name} of {options.regions} has a region at none of {len(found)} pixels; it covers "
            f"lat {given.lat.min():.4g} to {given.lat.max():.4g}, lon {given.lon.min():.4g} to {given.lon.max():.4g}"
        )
    return found


def _notes(region: np.ndarray, area: np.ndarray, ensemble: Ensemble) -> list[str]:
    notes = []
    if warmup := max(spec.warmup_months for spec in ensemble.catalog.specs(ensemble.run_ids).values()):
        notes.append(f"the first {warmup} months count here; scores skip them while the pools settle")
    outside = area[region == ""].sum() / area.sum()
    if 0 < outside < 1:
        notes.append(f"{outside:.0%} of the area is in no region")
    return notes


def _yearly(x: np.ndarray, weights: np.ndarray, years: np.ndarray, whole: list[int]) -> np.ndarray:
    """[region, year] totals per year of a flux per day, [place, time]."""
    means = np.stack([x[:, years == y].mean(axis=1) for y in whole], axis=1)
    return weights @ means.astype(float) * DAYS_PER_YEAR


def table(ds: xr.Dataset) -> pd.DataFrame:
    """A row for each flux and region: mean over years and members, sd over members and over years, and units."""
    rows = []
    for name, unit in zip(ds["variable"].values, ds["units"].values, strict=True):
        for region in ds["region"].values:
            x = ds["total"].sel(variable=name, region=region)
            over_members = float(x.mean("year").std("run", ddof=1)) if x.sizes["run"] > 1 else np.nan
            over_years = float(x.mean("run").std("year", ddof=1)) if x.sizes["year"] > 1 else np.nan
            rows.append((name, region, float(x.mean()), over_members, over_years, unit))
    columns = ["variable", "region", "mean", "sd of members", "sd of years", "units"]
    return pd.DataFrame(rows, columns=columns)


def figure(ds: xr.Dataset) -> "Figure":
    """For each flux the yearly total of all the land: mean of the members, one standard deviation of them around it."""
    from matplotlib.figure import Figure

    names = list(ds["variable"].values)
    fig = Figure(figsize=(8.5, 0.9 + 1.9 * len(names)), layout="constrained")
    rows = fig.subplots(len(names), 1, squeeze=False, sharex=True)[:, 0]
    year = ds["year"].values
    for i, (ax, name) in enumerate(zip(rows, names, strict=True)):
        x = ds["total"].sel(variable=name, region=ALL)
        mean = x.mean("run").values
        sd = x.std("run", ddof=1).values if x.sizes["run"] > 1 else np.zeros_like(mean)
        colour = style.PALETTE[i % len(style.PALETTE)]
        ax.fill_between(year, mean - sd, mean + sd, color=colour, alpha=0.25, linewidth=0)
        ax.plot(year, mean, color=colour, marker="o", markersize=4)
        ax.set_ylabel(f"{style.named(name)}\n({ds['units'].sel(variable=name).item()})")
        ax.grid(axis="y", color="0.9")
        ax.spines[["top", "right"]].set_visible(False)
    rows[-1].xaxis.get_major_locator().set_params(integer=True)
    land = f"{ds.attrs['area_m2'] / 1e12:.3g} million km2"
    synthetic = ", synthetic data" if ds.attrs["synthetic"] else ""
    runs = f"{ds.sizes['run']} runs of {ds.attrs['setup']}{synthetic}"
    style.entitle(rows[0], f"Yearly totals over {land}, mean and sd of members\n{runs}", ds.attrs)
    return fig


ANALYSIS = Analysis(
    name="budget",
    summary="yearly totals of one setup's fluxes, of all the land and by region",
    options=BudgetOptions,
    splits=lambda options: (),
    compute=compute,
    table=table,
    figure=figure,
    kinds=("monthly",),
)
