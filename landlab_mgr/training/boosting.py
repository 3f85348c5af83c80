"""Gradient boosting: histogram-based regression trees (scikit-learn), one ensemble of trees for each variable.

`optimizer.epochs` are the trees and `optimizer.learning_rate` shrinks each; with `optimizer.keep` best_dev, each
variable has as many trees as predict its dev pixels best. A killed run fits again from the start, which takes seconds,
to the same bits. A checkpoint holds the trees as bytes, so that nothing has to be unpickled.
"""

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

import jax
import numpy as np
import xarray as xr
from jax import Array
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.ensemble._hist_gradient_boosting.common import PREDICTOR_RECORD_DTYPE
from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor
from threadpoolctl import threadpool_limits

from landlab_mgr.data import batch, split
from landlab_mgr.data.batch import Member
from landlab_mgr.models import registry
from landlab_mgr.models.model import Forcing, Inputs, Model, Params, Setup, Sizes, Weather
from landlab_mgr.models.statistical import BOOSTING
from landlab_mgr.records import EpochRecord, Progress
from landlab_mgr.spec.run import RunSpec
from landlab_mgr.training import checkpoint
from landlab_mgr.training.checkpoint import Lane
from landlab_mgr.training.features import features

NODE = np.dtype(
    [
        ("value", "<f8"),
        ("num_threshold", "<f8"),
        ("feature_idx", "<i4"),
        ("left", "<i4"),
        ("right", "<i4"),
        ("missing_go_to_left", "u1"),
        ("is_leaf", "u1"),
    ]
)
"""A node of a tree as a checkpoint holds it; names are those of scikit-learn's own record."""
_NO_CATEGORIES = np.zeros((0, 8), np.uint32)


def fit(lane: Lane, ds: xr.Dataset, dropped: Callable[[], bool]) -> Iterator[Progress]:
    """Fit every variable of a member, then yield all epochs (trees) at once.

    Args:
        lane: the member.
        ds: its dataset, in memory.
        dropped: whether nobody wants it any more; asked before every variable.
    """
    spec, member = lane.spec, lane.member
    started, epochs = time.monotonic(), spec.optimizer.epochs
    forcing = batch.forcing_of(ds, registry.model(spec.model))
    series = {name: np.asarray(x) for name, x in forcing.series.items()}
    x = features(series, np.asarray(forcing.doy), member.encoded)
    curves: dict[str, np.ndarray] = {}
    trees: dict[str, Any] = {}
    assert member.targets is not None
    with threadpool_limits(1, "openmp"):  # threads that wait for each other are slow on a busy machine
        for variable in member.targets.learned:
            if dropped():
                return
            curves |= _fit_one(spec, member, ds, variable, x, trees)
    seconds = (time.monotonic() - started) / epochs
    by_dev = [name for name in curves if name.startswith("dev_")]
    records = []
    for i in range(epochs):
        terms = {name: float(curve[i]) for name, curve in curves.items()}
        total = sum(v for n, v in terms.items() if n not in by_dev)
        dev = sum(terms[n] for n in by_dev) if by_dev else float("nan")
        records.append(EpochRecord(i + 1, total, dev, terms, seconds))
    content = checkpoint.of_member(member, spec) | {"epoch": epochs, "weights": trees}
    yield Progress(tuple(records), checkpoint.put(lane.directory, epochs, content))


def _fit_one(
    spec: RunSpec, member: Member, ds: xr.Dataset, variable: str, x: np.ndarray, trees: dict[str, Any]
) -> dict[str, np.ndarray]:
    """Fit one variable into `trees`; its error after each tree on train and dev, in units of the variance."""
    assert member.targets is not None
    streams = [s for s in batch.learned_streams(spec, ds) if registry.streams()[s].variable == variable]
    kept = 1.0 if member.steps is None else member.steps
    parts = {}
    for part in (split.TRAIN, split.DEV):
        pixels = member.pixels(part)
        rows: list[tuple[np.ndarray, ...]] = []
        for stream in streams:
            observed, weight = batch.observations(ds, stream)
            weight = (weight * np.float32(kept))[:, pixels]
            seen = weight > 0
            rows.append((x[:, pixels][seen], observed[:, pixels][seen], weight[seen]))
        parts[part] = [np.concatenate(column) for column in zip(*rows, strict=True)]
    o = spec.optimizer
    model = HistGradientBoostingRegressor(
        learning_rate=o.learning_rate,
        max_iter=o.epochs,
        early_stopping=False,  # the curve on dev says afterwards how many trees are best
        random_state=spec.seeds.init,
    )
    model.fit(*parts[split.TRAIN][:2], sample_weight=parts[split.TRAIN][2])
    seen = parts[split.TRAIN][1].astype(np.float64)
    variance = seen.var() or 1.0
    curves = {
        name: _curve(model, *parts[part]) / variance
        for name, part in ((variable, split.TRAIN), (f"dev_{variable}", split.DEV))
        if len(parts[part][1])
    }
    dev = curves.get(f"dev_{variable}")
    last = int(np.argmin(dev)) + 1 if o.keep == "best_dev" and dev is not None else o.epochs
    trees[variable] = _stored(model, last)
    return curves


def _curve(
    model: HistGradientBoostingRegressor, x: np.ndarray, y: np.ndarray, weight: np.ndarray
) -> np.ndarray:
    """Weighted mean squared error after each tree."""
    return np.array([np.average((y - p) ** 2, weights=weight) for p in model.staged_predict(x)])


def _stored(model: HistGradientBoostingRegressor, last: int) -> dict[str, np.ndarray]:
    """Return the first `last` trees of a model as bytes.

    JAX would round what is float64.
    """
    nodes = [predictor.nodes for [predictor] in model._predictors[:last]]
    packed = np.zeros(sum(map(len, nodes)), NODE)
    for name in NODE.names or ():
        packed[name] = np.concatenate([n[name] for n in nodes])
    baseline = np.asarray(model._baseline_prediction, "<f8").ravel()
    return {
        "nodes": packed.view(np.uint8),
        "sizes": np.array([len(n) for n in nodes], np.int32),
        "baseline": baseline.view(np.uint8),
    }


def _predicted(trees: Mapping[str, np.ndarray], rows: np.ndarray) -> np.ndarray:
    """Predictions [R] of stored trees for rows [R, F]."""
    packed = np.asarray(trees["nodes"]).view(NODE)
    nodes = np.zeros(len(packed), PREDICTOR_RECORD_DTYPE)
    for name in NODE.names or ():
        nodes[name] = packed[name]
    total = np.full(len(rows), np.asarray(trees["baseline"]).view("<f8")[0])
    rows = np.ascontiguousarray(rows, np.float64)
    categories = np.zeros(rows.shape[1], np.uint32)
    for tree in np.split(nodes, np.cumsum(trees["sizes"])[:-1]):
        predictor = TreePredictor(tree, _NO_CATEGORIES, _NO_CATEGORIES)
        total += predictor.predict(rows, _NO_CATEGORIES, categories, 1)
    return total


# --- as a model -------------------------------------------------------------------------------------


def prepare(forcing: Forcing) -> Weather:
    """Return the forcing as it is, and the day of year."""
    return {"forcing": forcing.series, "doy": forcing.doy}


def initialise(setup: Setup, seed: int, sizes: Sizes) -> Params:
    """Nothing: trees are fitted, not drawn."""
    return {}


def predict(
    params: Params, inputs: Inputs, setup: Setup, keep: Collection[str], off: Collection[str]
) -> tuple[dict[str, Array], dict[str, Array]]:
    """Predict outputs [T, N] by variable, with scikit-learn on the host.

    There are no parameters of a process model.
    """
    names = [name for name in params if name in keep]
    series = inputs.weather["forcing"]
    shape = jax.ShapeDtypeStruct(next(iter(series.values())).shape, np.float32)

    def on_host(params: Any, series: Any, doy: Any, statics: Any) -> dict[str, np.ndarray]:
        x = features(
            {name: np.asarray(s) for name, s in series.items()}, np.asarray(doy), np.asarray(statics)
        )
        rows = x.reshape(-1, x.shape[-1])
        return {n: _predicted(params[n], rows).reshape(x.shape[:2]).astype(np.float32) for n in names}

    wanted = {n: params[n] for n in names}
    outputs = jax.pure_callback(
        on_host, dict.fromkeys(names, shape), wanted, series, inputs.weather["doy"], inputs.predictors
    )
    return {}, outputs


MODEL = Model(tables=BOOSTING, prepare=prepare, initialise=initialise, predict=predict)
