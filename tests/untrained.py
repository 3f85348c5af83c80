"""Members as training begins, with their checkpoints: nothing is trained."""

from landlab_mgr.data import batch
from landlab_mgr.spec.grid import GridSpec
from landlab_mgr.storage import artifacts
from landlab_mgr.training import checkpoint
from landlab_mgr.training.update import initial_state
from landlab_mgr.workspace import register
from landlab_mgr.workspace.workspace import Workspace


def member(ds, spec, directory):
    """Its split and predictors, its state, and the record of the checkpoint written."""
    of = batch.Member.of(spec, ds)
    state = initial_state(spec, of)
    saved = checkpoint.put(directory, 1, checkpoint.content_of(state, 1, of, spec))
    return of, state, saved


def make(root, ds, setups, seeds, axes=None, files_of=lambda spec: {}):
    """A workspace with the dataset and a completed run for every setup, choice of the axes and seed.

    Each has its checkpoint and the files `files_of(spec)` by kind.
    """
    workspace = Workspace.at(root, str(root / "landlab.db"))
    with workspace.create() as catalog:
        record = register.dataset(workspace, catalog, ds)
        split = {"dev_fraction": 0.2} | ({"kind": "kfold"} if "split.fold" in (axes or {}) else {})
        base = {"warmup_months": 12, "optimizer": {"epochs": 1}, "split": split}
        design = {"name": "untrained", "dataset": record.name, "setups": setups, "seeds": seeds, "base": base}
        grid = GridSpec.model_validate(design | {"axes": axes or {}})
        register.grid(workspace, catalog, grid)
        complete(workspace, catalog, ds, files_of)
    return workspace


def complete(workspace, catalog, ds, files_of=lambda spec: {}, metrics=()):
    """Complete every pending run."""
    while (claim := catalog.claim("host", 1, directory_of=workspace.directory)) is not None:
        directory = workspace.path(claim.directory)
        directory.mkdir(parents=True)
        _, _, saved = member(ds, claim.spec, directory)
        files = [saved, *(artifacts.write(kind, x, directory) for kind, x in files_of(claim.spec).items())]
        catalog.finish(claim.token, metrics, [workspace.catalogued(f) for f in files])
