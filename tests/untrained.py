"""Members as training begins, with their checkpoints: nothing is trained."""

from landlab_mgr.data import batch
from landlab_mgr.spec.grid import GridSpec
from landlab_mgr.training import train
from landlab_mgr.training.update import initial_state
from landlab_mgr.workspace import register
from landlab_mgr.workspace.workspace import Workspace


def member(ds, spec, directory):
    """Its split and predictors, its state, and the record of the checkpoint written."""
    of = batch.Member.of(spec, ds)
    state = initial_state(spec, of.n_columns, of.encoded.shape[1])
    saved = train.save(directory / "checkpoint-000001.msgpack", train.content_of(state, 1, of, spec))
    return of, state, saved


def make(root, ds, setups, seeds):
    """A workspace with the dataset and a completed run for every setup and seed."""
    workspace = Workspace.at(root, str(root / "landlab.db"))
    with workspace.create() as catalog:
        record = register.dataset(workspace, catalog, ds)
        base = {"warmup_months": 12, "optimizer": {"epochs": 1}, "split": {"dev_fraction": 0.2}}
        grid = GridSpec(name="untrained", dataset=record.name, setups=setups, seeds=seeds, base=base)
        register.grid(workspace, catalog, grid)
        while (claim := catalog.claim("host", 1, directory_of=workspace.directory)) is not None:
            directory = workspace.path(claim.directory)
            directory.mkdir(parents=True)
            _, _, saved = member(ds, claim.spec, directory)
            catalog.finish(claim.token, [], [workspace.catalogued(saved)])
    return workspace
