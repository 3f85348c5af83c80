"""A parameter's map against a user's: does what the ensemble learned look like what others measured? JAX-free.

The ensemble's side is the mean over one setup's members of a parameter or derived parameter, or a principal component's
score (see `pca`). The user's side is brought to the same pixels. Correlations compare maps of different units.
"""

from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from pydantic import Field

from landlab_mgr.analysis import pca, usermap
from landlab_mgr.analysis.base import Analysis, Ensemble, Options
from landlab_mgr.analysis.figures import style
from landlab_mgr.errors import LandlabError
from landlab_mgr.models.dalec.parameters import BY_NAME, DERIVED

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Values = npt.NDArray[np.floating]

UNITS = {n: p.unit for n, p in BY_NAME.items()} | {d.name: d.unit for d in DERIVED}
FEWEST = 3
"""Two pixels always correlate."""


class MapCompareOptions(Options):
    """What is compared with which map."""

    map: str = Field("", description="file with the map: NetCDF, zarr, or csv with lat and lon")
    variable: str = Field("", description="in that file; none: its only one")
    units: str = Field("", description="of the map, where its file does not say them; 1: none")
    of: str = Field("canopy_efficiency", description="parameter, derived parameter, or PC1, PC2, ...")
    how: Literal["mean", "nearest"] = Field(
        "mean", description="of the map in each pixel's cell: area mean, or what is nearest to its centre"
    )
    cell: float = Field(
        0.0, ge=0, le=20, description="width of the pixels' cells, degrees; 0: from their areas"
    )


def compute(ensemble: Ensemble, options: MapCompareOptions) -> xr.Dataset:
    """`ensemble`, `map`, `lat`, `lon` [pixel], NaN where the map has nothing; attributes pearson, spearman, n.

    LandlabError for several setups or datasets, an unknown parameter, a map that cannot be read, has no units, or
    shares fewer than 3 pixels with the dataset, or where either side is the same everywhere.
    """
    if not options.map:
        raise LandlabError(
            "analysis mapcompare needs a map: -o map=FILE (NetCDF, zarr, or csv with lat and lon)"
        )
    component = options.of.upper() if options.of.upper().startswith("PC") else ""
    number = component.removeprefix("PC")
    if component and not (number.isdigit() and 1 <= int(number) <= len(pca.PAPER)):
        raise LandlabError(f"option of: no component {options.of!r}; there are PC1 to PC{len(pca.PAPER)}")
    if not component and options.of not in UNITS:
        raise LandlabError(
            f"option of: no parameter {options.of!r}; known: {', '.join(UNITS)}, PC1, PC2, ..."
        )
    given = usermap.read(options.map, options.variable, options.units)
    if not given.units:
        raise LandlabError(f"{options.map}: {given.name} has no units; say them with -o units=... (1: none)")
    setup, data = ensemble.one_setup(), ensemble.dataset()
    mine = _component(ensemble, int(number)) if component else _parameter(ensemble, options.of)
    lat, lon, area = (data[n].values.astype(float) for n in ("lat", "lon", "area_m2"))
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
        "members": len(ensemble.runs),
        "synthetic": int(ensemble.synthetic),
        "map_name": given.name,
        "map_units": given.units,
        "of_units": "standard deviations" if component else UNITS[options.of],
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


def _parameter(ensemble: Ensemble, name: str) -> Values:
    total, n = np.zeros(1), 0
    for file in ensemble.files("parameters"):
        total, n = total + file[name].values.astype(float), n + 1
    return total / n


def _component(ensemble: Ensemble, number: int) -> Values:
    found = pca.compute(ensemble, pca.PcaOptions(components=number))
    return found["scores"].values[number - 1]


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


def figure(ds: xr.Dataset) -> "Figure":
    """The two maps, and one against the other, a dot for each pixel that both have."""
    from matplotlib.figure import Figure

    a = ds.attrs
    x, y = ds["map"].values, ds["ensemble"].values
    both = np.isfinite(x) & np.isfinite(y)
    lat, lon = ds["lat"].values[both], ds["lon"].values[both]
    mine = f"{a['of'].replace('_', ' ')} ({a['of_units']})"
    theirs = f"{a['map_name']} ({a['map_units']})"
    fig = Figure(figsize=(12, 5.9), layout="constrained")
    axes = fig.subplot_mosaic([["mine", "scatter"], ["theirs", "scatter"]], width_ratios=[1.25, 1])
    for name, values, label in (("mine", y, mine), ("theirs", x, theirs)):
        low, high = np.quantile(values[both], [0.02, 0.98])
        points = style.draw_amounts(axes[name], lat, lon, values[both], low, high)
        fig.colorbar(points, ax=axes[name], shrink=0.9, extend="both").set_label(label, parse_math=False)
        axes[name].label_outer()
    ax = axes["scatter"]
    size = float(np.clip(6000 / a["n"], 1, 16))
    ax.scatter(x[both], y[both], s=size, color=style.PALETTE[0], alpha=0.5, linewidths=0, rasterized=True)
    ax.set_xlabel(theirs, parse_math=False)
    ax.set_ylabel(mine, parse_math=False)
    ax.spines[["top", "right"]].set_visible(False)
    ax.set_title(
        f"Pearson r {a['pearson']:.2f}, Spearman {a['spearman']:.2f}, n = {a['n']} pixels",
        loc="left",
        fontsize=10,
    )
    synthetic = ", synthetic data" if a["synthetic"] else ""
    many = f"mean of {a['members']} runs" if a["members"] > 1 else "1 run"
    style.headline(
        fig, f"{a['of'].replace('_', ' ')} of {a['setup']} ({many}{synthetic}) against {a['map_name']}", a
    )
    return fig


ANALYSIS = Analysis(
    name="mapcompare",
    summary="how one setup's map of a parameter or component correlates with a map of yours",
    options=MapCompareOptions,
    splits=lambda options: (),
    compute=compute,
    table=table,
    figure=figure,
    kinds=("parameters",),
)
