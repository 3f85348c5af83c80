"""A workspace with an ensemble of the paper's pixels, for the app's map: through the catalog, nothing is trained."""

from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from landlab_mgr.analysis import selection
from landlab_mgr.catalog import MetricRecord
from landlab_mgr.cli.bench import synthetic
from landlab_mgr.data import land, schema
from landlab_mgr.models import registry
from landlab_mgr.spec.grid import GridSpec
from landlab_mgr.storage import artifacts
from landlab_mgr.workspace import register
from landlab_mgr.workspace.workspace import Workspace

PIXELS = 164_040
"""Of the paper, at 0.25 degrees."""
NAME = "map"


def make(root: Path, pixels: int = PIXELS, members: int = 10) -> str:
    """Make the workspace; returns what the address of the map of one parameter has after `maps?`.

    Every member has a file with all parameters of every pixel. Pixels are land of a regular grid of 0.25 degrees.
    """
    workspace = Workspace.at(str(root), str(root / "landlab.db"))
    lat, lon = places(pixels)
    variable = synthetic.stepwise().variable
    with workspace.create() as catalog:
        name = register.dataset(workspace, catalog, planet(lat, lon)).name
        grid = GridSpec(
            name=NAME, dataset=name, setups=(("LATLON",),), seeds=members, base={"warmup_months": 0}
        )
        register.grid(workspace, catalog, grid)
        while (claim := catalog.claim("bench", 1, directory_of=workspace.directory)) is not None:
            directory = workspace.root / claim.directory
            directory.mkdir(parents=True)
            file = artifacts.write("parameters", parameters(lat, lon, claim.spec.seeds.init), directory)
            metric = MetricRecord("dev", variable, "R2", "flat", 0.5)
            catalog.finish(claim.token, [metric], [workspace.catalogued(file)])
        made = selection.select(catalog, NAME, keep=members, by=f"dev.{variable}.R2")
    return f"runs=ensemble:{made.name}&of={shown()}"


def shown() -> str:
    """Name of the parameter on the map."""
    return registry.tables(registry.DEFAULT).parameters[0].name


def places(pixels: int) -> tuple[np.ndarray, np.ndarray]:
    """Latitude and longitude of so many land cells of 0.25 degrees, [pixels]: those nearest to the equator."""
    row, column = np.nonzero(land.mask())
    lat, lon = 89.875 - row / 4, column / 4 - 179.875
    chosen = np.sort(np.argsort(np.abs(lat), kind="stable")[:pixels])
    return lat[chosen], lon[chosen]


def planet(lat: np.ndarray, lon: np.ndarray, months: int = 12) -> xr.Dataset:
    """A dataset of these places, with hardly any weather: the map asks it for places only."""
    n = len(lat)
    time = pd.date_range("2001-01-01", periods=months, freq="MS") + pd.Timedelta(days=14)
    patch = np.arange(n, dtype=np.int32) // 175
    provenance = {
        "name": f"map-{n}",
        "kind": "synthetic",
        "source": "landlab bench app",
        "licence": "MIT",
        "citation": "landlab_mgr",
        "dt_days": 365.25 / 12,
        "origin": "2001-01-01",
    }
    ds = xr.Dataset(coords={"time": time}, attrs=provenance)
    days = (np.arange(months) + 0.5) * 365.25 / 12
    schema.add(ds, "time_days", days, "time axis", "d", "days since origin")
    schema.add(ds, "doy", days % 365.25, "time axis", "d", "day of year")
    schema.add(ds, "lat", lat, "geometry", "degrees_north", "latitude")
    schema.add(ds, "lon", lon, "geometry", "degrees_east", "longitude")
    schema.add(ds, "area_m2", 7.7e8 * np.cos(np.deg2rad(lat)), "geometry", "m2", "pixel area")
    schema.add(ds, "patch", patch, "geometry", "1", "patch")
    schema.add(ds, "test", patch % 10 == 9, "geometry", "1", "pixel of a test patch")
    for v in synthetic.forcing():
        value = {"tmax": 20.0, "co2": 380.0}.get(v.name, 0.0)
        own = np.linspace(0, 10, n)[:, None] if v.name == "tmin" else 0  # no two pixels are one place
        values = np.full((n, months), value, np.float32) + np.float32(own)
        schema.add(ds, v.name, values, "forcing", v.unit, v.meaning)
    stream = synthetic.stepwise()
    about = registry.variables()[stream.variable]
    observed = np.full((n, months), 2.0, np.float32)
    schema.add(ds, stream.name, observed, "observation", about.unit, about.meaning)
    return ds


def parameters(lat: np.ndarray, lon: np.ndarray, seed: int) -> xr.Dataset:
    """A member's file: each parameter a smooth field with some noise, as incompressible as a real one."""
    rng = np.random.default_rng(seed)
    drawn: dict[str, np.ndarray] = {}
    tables = registry.tables(registry.DEFAULT)
    for k, p in enumerate(tables.parameters):
        wave = np.sin(np.deg2rad(lat * (1 + k % 5))) * np.cos(np.deg2rad(lon * (1 + k % 3) + 40 * k))
        share = np.clip(0.5 + 0.3 * wave + rng.normal(0, 0.05, len(lat)), 0.01, 0.99)
        drawn[p.name] = (p.low + (p.high - p.low) * share).astype(np.float32)
    derived = {d.name: np.asarray(d.compute(drawn), np.float32) for d in tables.derived}
    return xr.Dataset({name: ("pixel", values) for name, values in (drawn | derived).items()})
