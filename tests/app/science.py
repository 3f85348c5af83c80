"""A workspace with an ensemble and results on record, made through the catalog: nothing is trained."""

from pathlib import Path

import numpy as np
import xarray as xr

from landlab_mgr import analysis
from landlab_mgr.analysis import of_models, selection
from landlab_mgr.data import schema
from landlab_mgr.models import registry
from landlab_mgr.observations.metrics import STATISTICS
from landlab_mgr.spec.grid import GridSpec
from landlab_mgr.storage import artifacts
from landlab_mgr.workspace import register
from landlab_mgr.workspace.workspace import Workspace
from tests.analysis.sample import metrics_of
from tests.bench import pixelmap

PIXELS = 12
SHOWN = of_models.mapped(registry.tables(registry.DEFAULT))
"""The parameter that maps show unless another is asked for."""
GRID = "science"
KEPT = "science@1"
DEV = {0: slice(2, 7), 1: slice(5, 10), 2: slice(5, 10)}
"""Pixels of dev, of each seed; 0 and 1 are of the test, the others train."""
UWUE = np.linspace(2.0, 10.0, PIXELS)
"""Of seed 0; each further seed has a tenth more."""
WORTH = {"PFT": np.linspace(-0.5, 0.6, PIXELS), "CLIM": np.full(PIXELS, 0.15)}
WORTH["CLIM"][0] = -0.1
MESSAGE = "loss is NaN; <script>alert(1)</script>"


def planet() -> xr.Dataset:
    """A small synthetic planet, made by hand; its truth is that UWUE is as seed 1 finds it."""
    ds = pixelmap.planet(np.linspace(-30, 60, PIXELS), np.linspace(-100, 120, PIXELS), months=24)
    patch = np.arange(PIXELS, dtype=np.int32) // 2
    ds = ds.assign(patch=ds["patch"].copy(data=patch), test=ds["test"].copy(data=patch == 0))
    rng = np.random.default_rng(0)
    for group in WORTH:
        more = {"group": group, "kind": "continuous"}
        schema.add(ds, f"noise_{group}", rng.normal(size=PIXELS), "predictor", "1", "noise", **more)
    schema.add(ds, "true_uwue", UWUE * 1.1, "truth", "gC hPa^0.5 kg-1", "underlying water-use efficiency")
    return ds


def make(root: Path) -> Workspace:
    """Four setups x three seeds, one run of them failed; two of each kept; three analyses."""
    workspace = Workspace.at(root, str(root / "landlab.db"))
    with workspace.create() as catalog:
        record = register.dataset(workspace, catalog, planet())
        base = {"warmup_months": 12, "optimizer": {"epochs": 3}}
        more = {"factorial": ("PFT", "CLIM"), "setups": (("CONTROL",),), "seeds": 3, "base": base}
        register.grid(workspace, catalog, GridSpec(name=GRID, dataset=record.name, **more))
        complete(workspace, catalog)
        selection.select(catalog, GRID, keep=2, by="dev.lai.R2")
        analysis.run(workspace, catalog, "skill", grid=GRID)
        for name, filter, options in (
            ("partition_map", f"ensemble = '{KEPT}'", {"split": "train"}),
            ("pca", f"ensemble = '{KEPT}' and setup.groups = 'PFT+CLIM'", {"parameters": "uwue,q10"}),
        ):
            analysis.run(workspace, catalog, name, filter, options=options)
    return workspace


def complete(workspace: Workspace, catalog) -> None:
    """Give every pending run its metrics and files; seed 0 of PFT fails."""
    while (claim := catalog.claim("host", 1, directory_of=workspace.directory)) is not None:
        if claim.spec.label == "PFT" and claim.spec.seeds.init == 0:
            catalog.fail(claim.token, "nan", MESSAGE, "Traceback")
            continue
        directory = workspace.path(claim.directory)
        directory.mkdir(parents=True)
        made = {"parameters": parameters(claim.spec), "skill": skill(claim.spec)}
        files = [workspace.catalogued(artifacts.write(kind, ds, directory)) for kind, ds in made.items()]
        catalog.finish(claim.token, metrics_of(claim.spec), files)


def parameters(spec) -> xr.Dataset:
    uwue = UWUE * (1 + 0.1 * spec.seeds.init)
    fields = {"uwue": uwue, "q10": uwue[::-1] ** 2, SHOWN: uwue * 3}
    places = {"lat": np.linspace(-30, 60, PIXELS), "lon": np.linspace(-100, 120, PIXELS)}
    return xr.Dataset({name: ("pixel", x.astype(np.float32)) for name, x in (fields | places).items()})


def skill(spec) -> xr.Dataset:
    label = np.full(PIXELS, "train", object)
    label[:2], label[DEV[spec.seeds.init]] = "test", "dev"
    r2 = lai(spec)
    values = np.stack([np.full(PIXELS, 24.0) if s == "n" else r2 for s in STATISTICS], axis=1)
    ds = xr.Dataset(
        {"lai": (("period", "pixel", "statistic"), values[None])},
        {"period": ["observation"], "statistic": list(STATISTICS)},
    )
    return ds.assign(split=artifacts.flags("pixel", label, ("train", "dev", "test")))


def lai(spec) -> np.ndarray:
    """R2 [pixel] of a run: what its groups are worth there, and 0.1 more for each seed."""
    worth = [WORTH[group] for group in spec.predictors if group in WORTH]
    return np.full(PIXELS, 0.1) + sum(worth) + 0.1 * spec.seeds.init
