"""Parameters of members before they are trained: how far apart their seeds alone put them."""

import jax
import numpy as np
import xarray as xr

from landlab_mgr.data import batch, predictors, split
from landlab_mgr.models import registry
from landlab_mgr.models.land import with_latitude
from landlab_mgr.models.model import Sizes
from landlab_mgr.models.process import processes
from landlab_mgr.prediction.member import Trained
from landlab_mgr.spec.run import RunSpec


def parameters(spec: RunSpec, ds: xr.Dataset, pixels: np.ndarray) -> dict[str, np.ndarray]:
    """Parameters and initial pools of a run at some pixels as its training begins, derived ones too.

    Args:
        spec: of the run; its model has parameters.
        ds: with the predictors and the geometry that the split reads.
        pixels: indices of those wanted.

    Raises:
        LandlabError: where the dataset lacks a predictor of the run.
    """
    train = split.assign(ds, spec.split, spec.seeds.split) == split.TRAIN
    encoder = predictors.encode(ds, spec.predictors, train, spec.seeds.init)
    columns = encoder.apply(ds)
    width = max(predictors.width(ds), columns.shape[1])
    sizes = Sizes((), columns.shape[1], width, ds.sizes["pixel"])
    params = registry.model(spec.model).initialise(batch.setup_of(spec), spec.seeds.init, sizes)
    params = with_latitude(params, ds["lat"].values[train])
    member = Trained(spec, params, encoder, scale=None, width=width)
    padded = np.pad(columns[pixels], ((0, 0), (0, width - columns.shape[1]))).astype(np.float32)
    values = member.parameters(padded, ds["lat"].values[pixels])
    return values | {d.name: np.asarray(d.compute(values)) for d in spec.tables.derived}


def weights_of_a_place(spec: RunSpec) -> int:
    """Count what the processes of a run learn where each place learns for itself."""
    chosen = processes(spec.tables.processes, spec.processes)
    drawn = [jax.eval_shape(process.initialise, jax.random.key(0)) for process in chosen.values()]
    return sum(int(np.prod(x.shape)) for x in jax.tree.leaves(drawn))
