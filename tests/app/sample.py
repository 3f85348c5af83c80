"""A small workspace with a run in every state, made through the catalog: nothing is trained."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import xarray as xr

from landlab_mgr.catalog import ArtifactRecord, Catalog, Claim, DatasetRecord, EpochRecord, MetricRecord
from landlab_mgr.data import split, store
from landlab_mgr.data.sources import fluxval
from landlab_mgr.observations.metrics import moments, scores
from landlab_mgr.spec.grid import GridSpec
from landlab_mgr.storage import artifacts
from landlab_mgr.workspace.workspace import Workspace
from tests.data.sources.towers import write_fluxval

GRID = GridSpec(
    name="towers",
    dataset="fluxval",
    setups=(("PFT",), ("PFT", "CLIM"), ("CONTROL",)),
    seeds=2,
    base={"optimizer": {"epochs": 8}, "warmup_months": 6},
)
MESSAGE = "loss is NaN at epoch 3; <b>bold</b> and [a link](http://example.org) are plain text"
TRACEBACK = "Traceback (most recent call last):\n  ...\nDiverged: loss is NaN"
MARGIN = 1.5
"""What the made-up model is above what was observed."""


@dataclass(frozen=True)
class Sample:
    """The workspace, its dataset, its runs by what became of them, and the claim of the one that only started."""

    workspace: Workspace
    dataset: xr.Dataset
    runs: dict[str, str]
    started: Claim


def make(root: Path) -> Sample:
    """A workspace of six runs on a miniature of FluxVal; `started` is running without an epoch."""
    workspace = Workspace.at(root, str(root / "landlab.db"))
    with workspace.create() as catalog:
        dataset = register_dataset(workspace, catalog, root)
        catalog.register_runs(list(GRID.expand(dataset.attrs["fingerprint"])), GRID)
        runs = {}
        for state in ("completed", "failed", "running", "started"):
            claim = catalog.claim("host", 1, directory_of=workspace.directory)
            runs[state] = claim.run_id
            epochs = {"completed": 8, "failed": 2, "running": 3, "started": 0}[state]
            catalog.record(claim.token, [epoch(n) for n in range(1, epochs + 1)])
            if state == "completed":
                finish(workspace, catalog, claim, dataset)
            if state == "failed":
                catalog.fail(claim.token, "nan", MESSAGE, TRACEBACK)
        pending = list(catalog.runs("status = 'pending'")["run_id"])
        runs["pending"], runs["cancelled"] = pending
        catalog.cancel([runs["cancelled"]])
    return Sample(workspace, dataset, runs, started=claim)


def register_dataset(workspace: Workspace, catalog: Catalog, root: Path) -> xr.Dataset:
    """Publish and catalogue the miniature."""
    directory = write_fluxval(root / "raw")
    made, _ = fluxval.read(directory, directory / "site_predictors.csv")
    published = store.publish(made, workspace.data)
    ds = store.open_dataset(published.path).load()
    catalog.register_dataset(
        DatasetRecord(
            published.fingerprint,
            published.name,
            str(published.path.relative_to(workspace.root)),
            ds.attrs["kind"],
            ds.sizes["pixel"],
            int(ds["patch"].max()) + 1,
            ds.sizes["time"],
            ds.attrs["source"],
            ds.attrs["licence"],
        )
    )
    return ds


def epoch(number: int) -> EpochRecord:
    gpp, lai = 400.0 / number, 100.0 / number
    return EpochRecord(
        number,
        gpp + lai,
        1.2 * (gpp + lai),
        {"gpp_fluxnet": gpp, "lai": lai, "dev_gpp_fluxnet": 1.2 * gpp},
        0.5,
    )


def finish(workspace: Workspace, catalog: Catalog, claim: Claim, ds: xr.Dataset) -> None:
    """What a run leaves, as `run.evaluate` writes it."""
    label = split.assign(ds, claim.spec.split, claim.spec.seeds.split)
    observed = ds["gpp_fluxnet"].transpose("time", "pixel").values.astype(float)
    modelled = np.where(np.isfinite(observed), observed, 3.0) + MARGIN
    metrics: list[MetricRecord] = []
    for part in ("train", "dev", "test"):
        metrics += scores(part, "gpp", moments(modelled[:, label == part], observed[:, label == part]))
    directory = workspace.path(claim.directory)
    directory.mkdir(parents=True)
    written = artifacts.write("monthly", monthly(ds, modelled, label), directory)
    catalog.finish(claim.token, metrics, [relative(workspace, written)])


def monthly(ds: xr.Dataset, modelled: np.ndarray, label: np.ndarray) -> xr.Dataset:
    """A monthly file: GPP and LAI of every pixel."""
    values = {n: (("pixel", "time"), modelled.T.astype(np.float32)) for n in ("gpp", "lai")}
    where = {n: ("pixel", ds[n].values) for n in ("lat", "lon", "site", "patch")}
    flags = artifacts.flags("pixel", label, ("train", "dev", "test"))
    return xr.Dataset(values, coords={"time": ds["time"]}).assign(where | {"split": flags})


def relative(workspace: Workspace, artifact: ArtifactRecord) -> ArtifactRecord:
    return replace(artifact, path=str(Path(artifact.path).relative_to(workspace.root)))
