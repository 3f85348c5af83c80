"""Gradient boosting: histogram-based regression trees (scikit-learn), one model for each variable.

`optimizer.epochs` are the trees and `optimizer.learning_rate` shrinks each; with `optimizer.keep` best_dev, each
variable has as many trees as predict its dev pixels best. A killed run fits again from the start, which takes seconds,
to the same bits.
"""

import time
from collections.abc import Callable, Iterator
from itertools import islice

import numpy as np
import xarray as xr
from sklearn.ensemble import HistGradientBoostingRegressor
from threadpoolctl import threadpool_limits

from landlab_mgr.data import split
from landlab_mgr.data.batch import Member
from landlab_mgr.records import EpochRecord
from landlab_mgr.spec.run import RunSpec
from landlab_mgr.storage.location import Location
from landlab_mgr.training import train
from landlab_mgr.training.features import Target, features


class Boosting:
    """The models of a member."""

    def __init__(
        self, spec: RunSpec, ds: xr.Dataset, member: Member, targets: list[Target], directory: Location
    ) -> None:
        self._spec, self._ds, self._member, self._targets = spec, ds, member, targets
        self._directory = directory
        self._models: dict[str, HistGradientBoostingRegressor] = {}
        self._trees: dict[str, int] = {}

    @property
    def variables(self) -> tuple[str, ...]:
        """What it predicts."""
        return tuple(t.variable for t in self._targets)

    def fit(self, dropped: Callable[[], bool]) -> Iterator[train.Committed | train.Diverged]:
        """Fit every variable, then yield all epochs (trees) at once."""
        started, epochs = time.monotonic(), self._spec.optimizer.epochs
        x = features(self._ds, self._member.encoded)
        terms: dict[str, np.ndarray] = {}
        with threadpool_limits(1, "openmp"):  # threads that wait for each other are slow on a busy machine
            for target in self._targets:
                if dropped():
                    return
                terms |= self._fit_one(target, x)
        seconds = (time.monotonic() - started) / epochs
        by_dev = [name for name in terms if name.startswith("dev_")]
        records = []
        for i in range(epochs):
            now = {name: float(curve[i]) for name, curve in terms.items()}
            total = sum(v for n, v in now.items() if n not in by_dev)
            dev = sum(now[n] for n in by_dev) if by_dev else float("nan")
            records.append(EpochRecord(i + 1, total, dev, now, seconds))
        path = self._directory / f"checkpoint-{epochs:06d}.msgpack"
        content = {
            "epoch": epochs,
            "spec": self._spec.model_dump_json(),
            "encoder": self._member.encoder.to_dict(),
            "trees": self._trees,
        }
        yield train.Committed(0, records, path, train.save(path, content))

    def _fit_one(self, target: Target, x: np.ndarray) -> dict[str, np.ndarray]:
        """Fit one variable; its error after each tree, in units of the observations' variance, on train and dev."""
        parts = {}
        for part in (split.TRAIN, split.DEV):
            pixels = self._member.pixels(part)
            rows: list[tuple[np.ndarray, ...]] = []
            for observed, weight in zip(target.observed, target.weight, strict=True):
                there = weight[:, pixels] > 0
                rows.append((x[:, pixels][there], observed[:, pixels][there], weight[:, pixels][there]))
            parts[part] = [np.concatenate(column) for column in zip(*rows, strict=True)]
        o = self._spec.optimizer
        model = HistGradientBoostingRegressor(
            learning_rate=o.learning_rate,
            max_iter=o.epochs,
            early_stopping=False,  # the curve on dev says afterwards how many trees are best
            random_state=self._spec.seeds.init,
        )
        model.fit(*parts[split.TRAIN][:2], sample_weight=parts[split.TRAIN][2])
        curves = {
            name: _curve(model, *parts[part]) / target.sd**2
            for name, part in ((target.variable, split.TRAIN), (f"dev_{target.variable}", split.DEV))
            if len(parts[part][1])
        }
        dev = curves.get(f"dev_{target.variable}")
        self._models[target.variable], self._trees[target.variable] = model, o.epochs
        if o.keep == "best_dev" and dev is not None:
            self._trees[target.variable] = int(np.argmin(dev)) + 1
        return curves

    def predict(self, ds: xr.Dataset, pixels: np.ndarray) -> dict[str, np.ndarray]:
        """Monthly predictions [T, N] by variable, each with the trees that it keeps."""
        x = features(ds, self._member.encoded[pixels])
        rows = x.reshape(-1, x.shape[-1])
        found = {}
        for name, model in self._models.items():
            last = self._trees[name]
            [values] = islice(model.staged_predict(rows), last - 1, last)
            found[name] = values.reshape(x.shape[:2]).astype(np.float32)
        return found


def _curve(
    model: HistGradientBoostingRegressor, x: np.ndarray, y: np.ndarray, weight: np.ndarray
) -> np.ndarray:
    """Weighted mean squared error after each tree."""
    return np.array([np.average((y - found) ** 2, weights=weight) for found in model.staged_predict(x)])
