"""A parameter's map against a user's: does what the ensemble learned look like what others measured? JAX-free.

The ensemble's side is the mean over one setup's members of a parameter or derived parameter, or a principal component's
score (see `pca`). The user's side is brought to the same pixels. Correlations compare maps of different units.
"""

from collections.abc import Sequence
from typing import Literal, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from pydantic import Field

from landlab_mgr.analysis import of_models, pca, runs, usermap
from landlab_mgr.analysis.contract import Analysis, Needs, Options
from landlab_mgr.analysis.figures.mapcompare import figure
from landlab_mgr.errors import LandlabError
from landlab_mgr.models.tables import Tables

Values = npt.NDArray[np.floating]

FEWEST = 3
"""Two pixels always correlate."""


class MapCompareOptions(Options):
    """What is compared with which map."""

    map: str = Field("", description="file with the map: NetCDF, zarr, or csv with lat and lon")
    variable: str = Field("", description="in that file; none: its only one")
    units: str = Field("", description="of the map, where its file does not say them; 1: none")
    of: str = Field(
        "", description="parameter, derived parameter, or PC1, PC2, ...; default: what the model notes"
    )
    how: Literal["mean", "nearest"] = Field(
        "mean", description="of the map in each pixel's cell: area mean, or what is nearest to its centre"
    )
    cell: float = Field(
        0.0, ge=0, le=20, description="width of the pixels' cells, degrees; 0: from their areas"
    )

    def filled(self, models: Sequence[Tables]) -> Self:
        """With the parameter that the model notes, where none is named."""
        return self.model_copy(update={"of": self.of or of_models.mapped(of_models.process_model(models))})


def check(ds: xr.Dataset, options: MapCompareOptions) -> None:
    """LandlabError without a map, for an unknown parameter or component, or for several setups."""
    if not options.map:
        raise LandlabError(
            "analysis mapcompare needs a map: -o map=FILE (NetCDF, zarr, or csv with lat and lon)"
        )
    options = options.filled(of_models.models_in(ds))
    tables = of_models.process_model(of_models.models_in(ds))
    known, principal = of_models.units(tables), of_models.principal(tables)
    component = options.of.upper().startswith("PC")
    number = options.of.upper().removeprefix("PC")
    if component and not (number.isdigit() and 1 <= int(number) <= len(principal)):
        raise LandlabError(f"option of: no component {options.of!r}; there are PC1 to PC{len(principal)}")
    if not component and options.of not in known:
        raise LandlabError(
            f"option of: no parameter {options.of!r}; known: {', '.join(known)}, PC1, PC2, ..."
        )
    runs.one_setup(ds)


def needs(options: MapCompareOptions) -> Needs:
    """The parameter's maps, or for a component those of the principal components."""
    component = options.of.upper().startswith("PC")
    files: dict[str, tuple[str, ...]] = {"parameters": () if component else (options.of,)}
    return Needs(files=files)


def compute(ds: xr.Dataset, options: MapCompareOptions) -> xr.Dataset:
    """`ensemble`, `map`, `lat`, `lon` [pixel], NaN where the map has nothing; attributes pearson, spearman, n.

    LandlabError for several setups or datasets, an unknown parameter, a map that cannot be read, has no units, or
    shares fewer than 3 pixels with the dataset, or where either side is the same everywhere.
    """
    check(ds, options)
    options = options.filled(of_models.models_in(ds))
    component = options.of.upper() if options.of.upper().startswith("PC") else ""
    given = usermap.read(options.map, options.variable, options.units)
    if not given.units:
        raise LandlabError(f"{options.map}: {given.name} has no units; say them with -o units=... (1: none)")
    setup = runs.one_setup(ds)
    mine = _component(ds, int(component.removeprefix("PC"))) if component else _parameter(ds, options.of)
    lat, lon, area = (ds[n].values.astype(float) for n in ("lat", "lon", "area_m2"))
    theirs = usermap.at_pixels(given, lat, lon, area, options.cell, options.how)
    both = np.isfinite(mine) & np.isfinite(theirs)
    n = int(both.sum())
    if n < FEWEST:
        raise LandlabError(
            f"{options.map}: {given.name} has values at {n} of {len(lat)} pixels; it covers lat "
            f"{_range(given.lat)}, lon {_range(given.lon)}; a correlation needs {FEWEST} or more "
            "(-o cell=DEGREES widens the pixels)"
        )
    for x, which in ((mine, options.of), (theirs, f"{given.name} of {options.map}")):
        if np.ptp(x[both]) == 0:
            raise LandlabError(f"{which} is the same at all {n} pixels; it correlates with nothing")
    pearson = float(np.corrcoef(mine[both], theirs[both])[0, 1])
    ranks = [pd.Series(x[both]).rank().to_numpy() for x in (mine, theirs)]
    spearman = float(np.corrcoef(*ranks)[0, 1])
    about = {
        "setup": setup,
        "members": ds.sizes["run"],
        "synthetic": ds.attrs["synthetic"],
        "map_name": given.name,
        "map_units": given.units,
        "of_units": "standard deviations"
        if component
        else of_models.units(of_models.process_model(of_models.models_in(ds)))[options.of],
        "pixels": len(lat),
        "n": n,
        "pearson": pearson,
        "spearman": spearman,
        "notes": f"{options.map} is as of now {usermap.fingerprint(options.map)} (hash of its content)",
    }
    return xr.Dataset(
        {
            "ensemble": ("pixel", mine),
            "map": ("pixel", theirs),
            "lat": ("pixel", lat),
            "lon": ("pixel", lon),
        },
        attrs=options.model_dump() | about,
    )


def _parameter(ds: xr.Dataset, name: str) -> Values:
    total, n = np.zeros(1), 0
    for file in runs.files(ds, "parameters"):
        total, n = total + file[name].values.astype(float), n + 1
    return total / n


def _component(ds: xr.Dataset, number: int) -> Values:
    return pca.compute(ds, pca.PcaOptions(components=number))["scores"].values[number - 1]


def _range(x: Values) -> str:
    return f"{np.nanmin(x):.4g} to {np.nanmax(x):.4g}" if np.isfinite(x).any() else "nowhere"


def table(ds: xr.Dataset) -> pd.DataFrame:
    """One row: what is compared, pixels, and both correlations."""
    a = ds.attrs
    row = {
        "of": a["of"],
        "units": a["of_units"],
        "map": a["map_name"],
        "map units": a["map_units"],
        "members": a["members"],
        "pixels": a["n"],
        "of all": a["pixels"],
        "pearson": a["pearson"],
        "spearman": a["spearman"],
    }
    return pd.DataFrame([row])


ANALYSIS = Analysis(
    name="mapcompare",
    summary="how one setup's map of a parameter or component correlates with a map of yours",
    options=MapCompareOptions,
    needs=needs,
    check=check,
    compute=compute,
    table=table,
    figure=figure,
)
