"""How long each analysis takes at the paper's size, of runs made through the catalog: nothing is trained.

Three workspaces: one with every setup and seed at as many places as there are towers, with all files; one with the
paper's pixels, the kept members, and their files of skill and parameters; one with the members that SHAP explains.
"""

import resource
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from landlab_mgr import analysis
from landlab_mgr.analysis.base import Ensemble
from landlab_mgr.analysis.shap import PAPER_MEMBERS
from landlab_mgr.catalog import Catalog, MetricRecord
from landlab_mgr.cli.bench import synthetic
from landlab_mgr.data import batch, twin
from landlab_mgr.errors import LandlabError
from landlab_mgr.models import registry
from landlab_mgr.observations import metrics
from landlab_mgr.records import SPLITS
from landlab_mgr.spec.grid import GridSpec
from landlab_mgr.spec.run import RunSpec
from landlab_mgr.storage import artifacts
from landlab_mgr.training import checkpoint, update
from landlab_mgr.workspace import register
from landlab_mgr.workspace.workspace import Workspace

GROUPS = ("PFT", "CLIM", "AGE", "SOIL")
TOWERS = 187
"""Of the paper; their places have monthly results of each pixel."""
PIXELS_PER_PATCH = 8
"""Where SHAP explains: enough for its 1000 pixels that no member tests on."""
YEARS = 14
GRID = "bench"


@dataclass(frozen=True)
class Time:
    """What one analysis took, its result written and catalogued; `failure` says why it was not made."""

    name: str
    runs: int
    pixels: int
    seconds: float
    cpu_seconds: float
    at_most: float | None
    failure: str = ""


@dataclass(frozen=True)
class Figures:
    """Times, and the peak memory of the process that took them."""

    times: list[Time]
    peak_gb: float


def measure(directory: Path, seeds: int, pixels: int, kept: int) -> Figures:
    """Time every analysis, the first with what it imports; `directory` takes 0.07 MB a pixel if 10 members are kept."""
    times = [
        *_of_every_run(directory / "runs", seeds),
        *_of_every_pixel(directory / "pixels", pixels, kept),
        of_predictors(directory / "predictors", {}),
    ]
    return Figures(times, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9)


def _of_every_run(root: Path, seeds: int) -> Iterator[Time]:
    planet = twin.make(n_patches=TOWERS, pixels_per_patch=1, years=YEARS, seed=0)
    skill = _skill(planet.sizes["pixel"], 0)
    contents = {"skill": [skill], "parameters": [_parameters(planet, 0)], "monthly": [_monthly(planet)]}
    workspace, fingerprint = _workspace(root, planet)
    with workspace.open() as catalog:
        register.grid(workspace, catalog, _grid(fingerprint, seeds, warmup=24))
        _complete(workspace, catalog, contents)
        whole = Ensemble.select(workspace, catalog, grid=GRID)
        for name in [n for n in analysis.registry() if n != "shap"]:  # it asks for checkpoints
            options = {"map": str(_map(root)), "units": "1"} if name == "mapcompare" else {}
            yield _timed(whole, name, options, 1.0 if name == "partition" else None)


def _of_every_pixel(root: Path, pixels: int, kept: int) -> Iterator[Time]:
    planet = _planet(pixels)
    workspace, fingerprint = _workspace(root, planet)
    contents = {"skill": (_skill(pixels, s) for s in range(2 ** len(GROUPS)))}
    of_fullest = {"parameters": [_parameters(planet, 1)]}
    with workspace.open() as catalog:
        register.grid(workspace, catalog, _grid(fingerprint, kept, warmup=0, latlon=False))
        _complete(workspace, catalog, contents, of_fullest)
        whole = Ensemble.select(workspace, catalog, grid=GRID)
        yield _timed(whole, "partition_map", {"split": "train"}, 60.0)
        yield _timed(whole, "pca", {}, None)
        yield _timed(whole, "mapcompare", {"map": str(_map(root)), "units": "1"}, None)


def of_predictors(root: Path, options: Mapping[str, str], patches: int = TOWERS) -> Time:
    """SHAP of as many members as the paper explains, with its options; their networks are as training begins."""
    planet = twin.make(n_patches=patches, pixels_per_patch=PIXELS_PER_PATCH, years=3, seed=0)
    workspace, fingerprint = _workspace(root, planet)
    spec = GridSpec(
        name=GRID,
        dataset=fingerprint,
        setups=(GROUPS,),
        seeds=PAPER_MEMBERS,
        base={"warmup_months": 0, "optimizer": {"epochs": 1}},
    )
    with workspace.open() as catalog:
        register.grid(workspace, catalog, spec)
        while (claim := catalog.claim("bench", 1, directory_of=workspace.directory)) is not None:
            member = batch.Member.of(claim.spec, planet)
            state = update.initial_state(claim.spec, member)
            directory = workspace.root / claim.directory
            directory.mkdir(parents=True)
            saved = checkpoint.put(directory, 1, checkpoint.content_of(state, 1, member, claim.spec))
            catalog.finish(claim.token, [], [workspace.catalogued(saved)])
        whole = Ensemble.select(workspace, catalog, grid=GRID)
        return _timed(whole, "shap", options, None)


def _timed(whole: Ensemble, name: str, options: Mapping[str, str], at_most: float | None) -> Time:
    failures = []
    for filter in (whole.filter, whole.of_fullest_setup()):
        started, cpu = time.perf_counter(), time.process_time()
        try:
            result = analysis.run(whole.workspace, whole.catalog, name, filter, options=options)
        except LandlabError as error:
            failures.append(str(error))
        else:
            seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
            runs, pixels = len(result.provenance["runs"]), whole.dataset().sizes["pixel"]
            return Time(name, runs, pixels, seconds, cpu, at_most)
    return Time(name, 0, 0, float("nan"), float("nan"), at_most, failures[-1])


# --- runs that were never trained -------------------------------------------------------------------


def _workspace(root: Path, planet: xr.Dataset) -> tuple[Workspace, str]:
    workspace = Workspace.at(str(root), str(root / "landlab.db"))
    with workspace.create() as catalog:
        return workspace, register.dataset(workspace, catalog, planet).name


def _grid(dataset: str, seeds: int, warmup: int, latlon: bool = True) -> GridSpec:
    return GridSpec(
        name=GRID,
        dataset=dataset,
        factorial=GROUPS,
        setups=(("CONTROL",), ("LATLON",)) if latlon else (("CONTROL",),),
        seeds=seeds,
        base={"warmup_months": warmup, "optimizer": {"epochs": 1}},
    )


def _complete(
    workspace: Workspace,
    catalog: Catalog,
    contents: Mapping[str, Iterable[xr.Dataset]],
    of_fullest: Mapping[str, Iterable[xr.Dataset]] = MappingProxyType({}),
) -> None:
    """Give every run its metrics and files; setups share contents where there are fewer of these than of them."""
    scratch = workspace.root / "scratch"
    packed = {kind: [_packed(kind, ds, scratch) for ds in each] for kind, each in contents.items()}
    packed_of_fullest = {
        kind: [_packed(kind, ds, scratch) for ds in each] for kind, each in of_fullest.items()
    }
    setups: dict[str, int] = {}
    while (claim := catalog.claim("bench", 1, directory_of=workspace.directory)) is not None:
        place = setups.setdefault(claim.spec.label, len(setups))
        directory = workspace.root / claim.directory
        directory.mkdir(parents=True)
        mine = packed | (packed_of_fullest if claim.spec.label == "+".join(GROUPS) else {})
        files = []
        for kind, choices in mine.items():
            name, content = choices[place % len(choices)]
            files.append(workspace.catalogued(artifacts.put(kind, content, directory / name)))
        catalog.finish(claim.token, _metrics(claim.spec), files)


def _packed(kind: str, ds: xr.Dataset, scratch: Path) -> tuple[str, bytes]:
    """Name and content of a run's file."""
    scratch.mkdir(exist_ok=True)
    path = Path(artifacts.write(kind, ds, scratch).path)
    return path.name, path.read_bytes()


def _scored() -> dict[str, bool]:
    """Variables with skill by pixel, and whether it is at the towers only."""
    towers: dict[str, bool] = {}
    for stream in synthetic.streams():
        if stream.level == "pixel":
            towers[stream.variable] = towers.get(stream.variable, True) and stream.tower
    return towers


def _metrics(spec: RunSpec) -> list[MetricRecord]:
    rng = np.random.default_rng([spec.seeds.init, len(spec.predictors), len(spec.label)])
    keys = [
        (split, v, s, level)
        for split in SPLITS[:3]
        for v in _scored()
        for level in ("flat", "spatial", "temporal")
        for s in metrics.STATISTICS
    ]
    return [MetricRecord(*key, float(x)) for key, x in zip(keys, rng.uniform(0, 1, len(keys)), strict=True)]


def _skill(pixels: int, seed: int) -> xr.Dataset:
    """Skill by pixel of every variable, incompressible as real skill is."""
    rng = np.random.default_rng(seed)
    shape = (1, pixels, len(metrics.STATISTICS))
    label = np.array(SPLITS[:3])[np.random.default_rng(0).choice(3, pixels, p=[0.8, 0.1, 0.1])]
    variables: dict[str, Any] = {}
    for name, at_towers in _scored().items():
        values = rng.normal(0.5, 0.3, shape)
        values[..., metrics.STATISTICS.index("n")] = 12 * YEARS
        if at_towers:
            values[:, TOWERS:] = np.nan
        variables[name] = (("period", "pixel", "statistic"), values)
    coords = {"period": ["observation"], "statistic": list(metrics.STATISTICS)}
    return xr.Dataset(variables, coords).assign(split=artifacts.flags("pixel", label, SPLITS[:3]))


def _parameters(planet: xr.Dataset, seed: int) -> xr.Dataset:
    rng = np.random.default_rng(seed)
    n = planet.sizes["pixel"]
    tables = registry.tables(registry.DEFAULT)
    drawn = {p.name: rng.uniform(p.low, p.high, n).astype(np.float32) for p in tables.parameters}
    derived = {d.name: np.asarray(d.compute(drawn), np.float32) for d in tables.derived}
    where = {name: ("pixel", planet[name].values) for name in ("lat", "lon", "patch")}
    return xr.Dataset({**{k: ("pixel", v) for k, v in (drawn | derived).items()}, **where}).assign(
        split=_skill(n, 0)["split"]
    )


def _monthly(planet: xr.Dataset) -> xr.Dataset:
    rng = np.random.default_rng(3)
    shape = (planet.sizes["pixel"], planet.sizes["time"])
    tables = registry.tables(registry.DEFAULT)
    names = dict.fromkeys((*tables.always, *tables.modelled.values()))
    series: dict[str, Any] = {
        n: (("pixel", "time"), rng.gamma(2, 1, shape).astype(np.float32)) for n in names
    }
    series |= {name: ("pixel", planet[name].values) for name in ("lat", "lon", "patch")}
    return xr.Dataset(series, {"time": planet["time"]}).assign(split=_skill(shape[0], 0)["split"])


def _planet(pixels: int, months: int = 12) -> xr.Dataset:
    """A dataset with the paper's pixels and a year of weather: analyses ask it for places and areas."""
    weather, lat = synthetic.weather(pixels, months)
    stream = synthetic.stepwise()
    observed = registry.variables()[stream.variable]
    rng = np.random.default_rng(0)
    patch = np.arange(pixels, dtype=np.int32) // 175
    pixel, monthly = ("pixel",), ("pixel", "time")

    def about(role: str, units: str, meaning: str, **more: str) -> dict[str, str]:
        return {"role": role, "units": units, "long_name": meaning, **more}

    variables: dict[str, Any] = {
        "lat": (pixel, lat, about("geometry", "degrees_north", "latitude")),
        "lon": (pixel, rng.uniform(-180, 180, pixels), about("geometry", "degrees_east", "longitude")),
        "area_m2": (pixel, 7.7e8 * np.cos(np.deg2rad(lat)), about("geometry", "m2", "pixel area")),
        "patch": (pixel, patch, about("geometry", "1", "patch")),
        "test": (pixel, patch % 10 == 9, about("geometry", "1", "pixel of a test patch")),
        "time_days": (("time",), weather["time_days"], about("time axis", "d", "days since origin")),
        "doy": (("time",), weather["doy"], about("time axis", "d", "day of year")),
        stream.name: (
            monthly,
            rng.random((pixels, months), np.float32),
            about("observation", observed.unit, observed.meaning),
        ),
    }
    for group in GROUPS:
        attrs = about("predictor", "1", "noise", group=group, kind="continuous")
        variables[f"noise_{group}"] = (pixel, rng.normal(size=pixels), attrs)
    for v in synthetic.forcing():
        values = weather[v.name].T.astype(np.float32)
        variables[v.name] = (monthly, values, about("forcing", v.unit, v.meaning))
    provenance = {
        "name": f"bench-{pixels}",
        "kind": "synthetic",
        "source": "landlab bench analysis",
        "licence": "MIT",
        "citation": "landlab_mgr",
        "dt_days": synthetic.DAYS_PER_MONTH,
        "origin": "2001-01-01",
    }
    time_axis = pd.date_range("2001-01-01", periods=months, freq="MS") + pd.Timedelta(days=14)
    return xr.Dataset(variables, coords={"time": time_axis}, attrs=provenance)


def _map(root: Path) -> Path:
    """A map of 0.25 degrees to compare with, in NetCDF."""
    path = root / "map.nc"
    lat, lon = np.arange(-89.875, 90, 0.25), np.arange(-179.875, 180, 0.25)
    values = np.random.default_rng(0).random((len(lat), len(lon)), np.float32)
    xr.Dataset({"map": (("lat", "lon"), values)}, {"lat": lat, "lon": lon}).to_netcdf(path, engine="h5netcdf")
    return path
