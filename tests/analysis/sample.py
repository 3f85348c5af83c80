"""A workspace with runs that have metrics, made through the catalog: nothing is trained."""

from landlab_mgr.analysis.base import Ensemble
from landlab_mgr.analysis.load import load
from landlab_mgr.catalog import MetricRecord
from landlab_mgr.observations.metrics import STATISTICS
from landlab_mgr.spec.grid import GridSpec
from landlab_mgr.storage import artifacts
from landlab_mgr.workspace import register
from landlab_mgr.workspace.workspace import Workspace

SCORES = {("PFT", "CLIM"): 0.6, ("PFT",): 0.4, ("CONTROL",): -0.2}
"""R2 of LAI with seed 0; seed s has 0.1 s more, other splits and statistics have other values."""


def grid(dataset, name="scored", seeds=2, setups=tuple(SCORES), split=None, optimizer=None, **more):
    base = {"warmup_months": 12, "optimizer": optimizer or {"epochs": 3}} | (
        {"split": split} if split else {}
    )
    return GridSpec(name=name, dataset=dataset, setups=setups, seeds=seeds, base=base, **more)


def make(root, planet, seeds=2, complete=True):
    workspace = Workspace.at(root, str(root / "landlab.db"))
    with workspace.create() as catalog:
        record = register.dataset(workspace, catalog, planet)
        register.grid(workspace, catalog, grid(record.name, seeds=seeds))
        if complete:
            complete_all(workspace, catalog)
    return workspace


def complete_all(workspace, catalog, better=0.0):
    """Give every pending run its metrics."""
    while (claim := catalog.claim("host", 1, directory_of=workspace.directory)) is not None:
        catalog.finish(claim.token, metrics_of(claim.spec, better))


def make_with_files(root, planet, files_of, asked=None, **more):
    """A workspace whose completed runs have metrics, and the files `files_of(spec)` by kind, without any training."""
    workspace = Workspace.at(root, str(root / "landlab.db"))
    with workspace.create() as catalog:
        record = register.dataset(workspace, catalog, planet)
        register.grid(workspace, catalog, asked or grid(record.name, **more))
        while (claim := catalog.claim("host", 1, directory_of=workspace.directory)) is not None:
            directory = workspace.path(claim.directory)
            directory.mkdir(parents=True)
            files = [artifacts.write(kind, ds, directory) for kind, ds in files_of(claim.spec).items()]
            catalog.finish(claim.token, metrics_of(claim.spec), [workspace.catalogued(f) for f in files])
    return workspace


def metrics_of(spec, better=0.0):
    r2 = SCORES.get(spec.predictors, 0.0) + 0.1 * spec.seeds.init + better
    values = {
        ("dev", "lai"): r2,
        ("train", "lai"): r2 + 0.2,
        ("test", "lai"): r2 - 0.1,
        ("dev", "et"): r2 / 2,
        ("dev", "som"): float("nan"),
    }
    return [
        MetricRecord(split, variable, statistic, level, value / (1 + i) / (1 + STATISTICS.index(statistic)))
        for (split, variable), value in values.items()
        for i, level in enumerate(("flat", "spatial", "temporal"))
        for statistic in STATISTICS
    ]


def loaded(analysis, workspace, catalog, filter="", **options):
    """What an analysis computes on, and its options."""
    chosen = analysis.options(**options)
    return load(Ensemble.select(workspace, catalog, filter), analysis, chosen), chosen


def computed(analysis, workspace, catalog, filter="", **options):
    """Result of an analysis, neither stored nor catalogued."""
    return analysis.compute(*loaded(analysis, workspace, catalog, filter, **options))
