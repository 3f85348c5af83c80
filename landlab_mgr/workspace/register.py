"""Bringing datasets and grids into a workspace: checked first, then published and catalogued."""

from collections.abc import Iterable

import xarray as xr

from landlab_mgr.catalog import Catalog, DatasetRecord, Registration
from landlab_mgr.data import check, needs, store
from landlab_mgr.errors import LandlabError
from landlab_mgr.models import registry
from landlab_mgr.spec.grid import GridSpec
from landlab_mgr.workspace.workspace import Workspace


def dataset(
    workspace: Workspace, catalog: Catalog, ds: xr.Dataset, parts: Iterable[store.Part] | None = None
) -> DatasetRecord:
    """Publish a dataset in the workspace, whole or not at all, and catalogue it; again is a no-op.

    With `parts`, `ds` is their skeleton, and what varies by month is never in memory: see `store.publish_parts`.

    LandlabError where its values could not be learned from (`landlab data check` lists them all).
    """
    if parts is None:
        _refuse_unsound(ds)
        published = store.publish(ds, workspace.data)
    else:
        published = store.publish_parts(ds, parts, workspace.data, _refuse_unsound)
    catalog.register_dataset(
        DatasetRecord(
            fingerprint=published.fingerprint,
            name=published.name,
            url=workspace.relative(published.path),
            kind=ds.attrs["kind"],
            n_pixels=ds.sizes["pixel"],
            n_patches=int(ds["patch"].max()) + 1,
            n_months=ds.sizes["time"],
            source=ds.attrs["source"],
            licence=ds.attrs["licence"],
        )
    )
    return catalog.dataset(published.fingerprint)


def _refuse_unsound(ds: xr.Dataset) -> None:
    report = check.check(ds)
    if not report.ok:
        more = f" (and {len(report.errors) - 1} more)" if len(report.errors) > 1 else ""
        raise LandlabError(f"dataset {ds.attrs.get('name')}: {report.errors[0]}{more}; nothing was published")


def grid(workspace: Workspace, catalog: Catalog, spec: GridSpec) -> Registration:
    """Register every cell of a grid, after checking that each kind of cell can run on its dataset.

    A named weight set in its base becomes numbers first: they, and not the name, are what a run is.
    """
    if isinstance(name := spec.base.get("loss_weights"), str):
        weights = catalog.weight_set(name).weights
        defaults = registry.tables(str(spec.base.get("model", registry.DEFAULT))).weights
        changed = {n: w for n, w in weights.items() if w != defaults.get(n)}
        spec = spec.model_copy(update={"base": spec.base | {"loss_weights": changed}})
    record = catalog.dataset(spec.dataset)
    ds = store.open_dataset(workspace.path(record.url))
    specs = list(spec.expand(record.fingerprint))
    one_of_each = {
        (s.model, s.predictors, tuple(s.process.items()), s.streams, s.split, s.warmup_months): s
        for s in specs
    }
    for cell in one_of_each.values():
        needs.check(cell, ds)
    return catalog.register_runs(specs, spec)
