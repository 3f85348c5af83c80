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

from landlab_mgr.analysis import members, of_models, pca, runs, spatial, usermap
from landlab_mgr.analysis.contract import Analysis, Needs, Options
from landlab_mgr.analysis.figures.mapcompare import figure
from landlab_mgr.errors import LandlabError
from landlab_mgr.models.tables import Tables

Values = npt.NDArray[np.floating]

FEWEST = 3
"""Two pixels always correlate."""


class MapCompareOptions(Options):
    """Options: what is compared with which map."""

    map: str = Field("", description="file with the map: NetCDF, zarr, or csv with lat and lon")
    variable: str = Field("", description="in that file; none: its only one")
    units: str = Field("", description="of the map, where its file does not say them; 1: none")
    of: str = Field(
        "", description="parameter, derived parameter, or PC1, PC2, ...; default: what the model notes"
    )
    parameters: str = Field(
        "", description="of the components, with commas between; default: as of analysis pca"
    )
    how: Literal["mean", "nearest"] = Field(
        "mean", description="of the map in each pixel's cell: area mean, or what is nearest to its centre"
    )
    cell: float = Field(
        0.0, ge=0, le=20, description="width of the pixels' cells, degrees; 0: from their areas"
    )

    def filled(self, models: Sequence[Tables]) -> Self:
        """With the parameter that the model notes, where none is named."""
        tables = of_models.process_model(models)
        chosen = self.of or of_models.mapped(tables)
        names = (
            _listed(pca.PcaOptions(parameters=self.parameters).filled(models))
            if _is_component(chosen)
            else ""
        )
        return self.model_copy(update={"of": chosen, "parameters": names or self.parameters})


def _is_component(name: str) -> bool:
    return name.upper().startswith("PC")


def _listed(options: pca.PcaOptions) -> str:
    return ",".join(pca.names_of(options))


def check(ds: xr.Dataset, options: MapCompareOptions) -> None:
    """LandlabError without a map, for an unknown parameter or component, or for several setups."""
    if not options.map:
        raise LandlabError(
            "analysis mapcompare needs a map: -o map=FILE (NetCDF, zarr, or csv with lat and lon)"
        )
    options = options.filled(of_models.models_in(ds))
    tables = of_models.process_model(of_models.models_in(ds))
    known, principal = of_models.units(tables), members.names_in(options.parameters)
    component = _is_component(options.of)
    if options.parameters and not component:
        raise LandlabError(f"option parameters is of components: leave it out of a map of {options.of}")
    number = options.of.upper().removeprefix("PC")
    if component and not (number.isdigit() and 1 <= int(number) <= len(principal)):
        raise LandlabError(f"option of: no component {options.of!r}; there are PC1 to PC{len(principal)}")
    if component:
        pca.check(ds, pca.PcaOptions(parameters=options.parameters))
    if not component and options.of not in known:
        raise LandlabError(
            f"option of: no parameter {options.of!r}; known: {', '.join(known)}, PC1, PC2, ..."
        )
    runs.one_setup(ds)


def needs(options: MapCompareOptions) -> Needs:
    """Ask for the parameter's maps, or for a component those of the principal components."""
    component = _is_component(options.of)
    of_component = (*members.names_in(options.parameters), "lat", "lon")
    files: dict[str, tuple[str, ...]] = {"parameters": of_component if component else (options.of,)}
    return Needs(files=files)


def compute(ds: xr.Dataset, options: MapCompareOptions) -> xr.Dataset:
    """`ensemble`, `map`, `lat`, `lon` [pixel], NaN where the map has nothing; attributes pearson, spearman, n.

    LandlabError for several setups or datasets, an unknown parameter, a map that cannot be read, has no units, or
    shares fewer than 3 pixels with the dataset, or where either side is the same everywhere.
    """
    check(ds, options)
    options = options.filled(of_models.models_in(ds))
    component = options.of.upper() if _is_component(options.of) else ""
    given = usermap.read(options.map, options.variable, options.units)
    if not given.units:
        raise LandlabError(f"{options.map}: {given.name} has no units; say them with -o units=... (1: none)")
    setup = runs.one_setup(ds)
    mine = (
        _component(ds, int(component.removeprefix("PC")), options.parameters)
        if component
        else _parameter(ds, options.of)
    )
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
    size = spatial.effective_size(mine[both], theirs[both], lat[both], lon[both])
    size_of_ranks = spatial.effective_size(ranks[0], ranks[1], lat[both], lon[both])
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
        "n_effective": size,
        "p_pearson": spatial.p_value(pearson, size),
        "p_spearman": spatial.p_value(spearman, size_of_ranks),
        "notes": f"p: of {size:.0f} independent pixels (Clifford et al. 1989), since neighbours are alike\n"
        f"{options.map} is as of now {usermap.fingerprint(options.map)} (hash of its content)",
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


def _component(ds: xr.Dataset, number: int, parameters: str) -> Values:
    options = pca.PcaOptions(components=number, parameters=parameters)
    return pca.compute(ds, options)["scores"].values[number - 1]


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
        "independent": a["n_effective"],
        "pearson": a["pearson"],
        "p": a["p_pearson"],
        "spearman": a["spearman"],
        "p of spearman": a["p_spearman"],
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
