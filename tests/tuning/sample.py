"""Studies on a small twin planet, and an executor that trains nothing: skill is a function of the weights."""

import math
from collections import deque

from landlab_mgr.campaign import launch, live
from landlab_mgr.models.dalec.tables import COLLAPSE
from landlab_mgr.records import CHECKPOINT, EpochRecord, Failed, MetricRecord, Progress, Result
from landlab_mgr.spec.study import TuneSpec
from landlab_mgr.storage import artifacts
from landlab_mgr.tuning.search import search as search_on
from landlab_mgr.tuning.summary import summarise
from landlab_mgr.workspace import register
from landlab_mgr.workspace.workspace import Workspace

EPOCHS = 20
BEST_LAI = 1.0
"""The weight at which the paper executor's LAI is perfect; the default is 10."""


def study(**more):
    content = {
        "name": "s",
        "dataset": "twin-6x2x3-s1",
        "predictors": ("PFT",),
        "space": {"loss_weights": {"lai": [0.01, 10], "nbe": [0.5, 2]}},
        "trials": 4,
        "fresh_seeds": 0,
        "base": {"warmup_months": 12, "optimizer": {"epochs": EPOCHS, "patches_per_batch": 0}},
    }
    return TuneSpec.model_validate(content | more)


def workspace(root, planet):
    made = Workspace.at(root, str(root / "landlab.db"))
    with made.create() as catalog:
        register.dataset(made, catalog, planet)
    return made


def nse_of(spec):
    """NSE on dev by variable: better the nearer the weight of LAI is to the best, and a little by seed."""
    lai = 1 - math.log10(spec.weights["lai"] / BEST_LAI) ** 2
    return {"lai": lai - 0.01 * spec.seeds.init, "nbe": 0.5 - 0.01 * spec.seeds.init}


def epochs_of(spec):
    """Weighted dev terms that fall by epoch to what the NSE says; the spread is 4 for LAI, 7 for NBE."""
    for epoch in range(1, spec.optimizer.epochs + 1):
        sse = {
            name: spread * (1 - nse_of(spec)[name]) + (spec.optimizer.epochs - epoch)
            for name, spread in {"lai": 4.0, "nbe": 7.0}.items()
        }
        yield EpochRecord(epoch, 1.0, 2.0, {f"dev_{n}": x * spec.weights[n] for n, x in sse.items()}, 0.001)


def result_of(task, bare=0.0, test=0.0):
    nse = nse_of(task.spec)
    rows = [MetricRecord("dev", n, "R2", "flat", x) for n, x in nse.items()]
    rows += [MetricRecord("train", n, "R2", "flat", x + 0.1) for n, x in nse.items()]
    rows += [MetricRecord("test", n, "R2", "flat", test - x) for n, x in nse.items()]
    return Result((*rows, MetricRecord(*COLLAPSE.metric, bare)), ())


class Paper:
    """Jobs commit all their epochs in `steps` polls, and end at the next."""

    def __init__(self, root, workers=1, width=1, steps=1, end=result_of):
        self.root, self.workers, self.width, self.steps, self.end = root, workers, width, steps, end
        self.going, self.dropped, self.busy, self.tasks = deque(), set(), [], []

    def idle(self):
        return None if len(self.going) == self.workers else {"versions": {}, "device": "paper"}

    def submit(self, tasks):
        assert len(tasks) <= self.width
        self.tasks += tasks
        self.going.append((tasks, iter(self._events(tasks))))

    def _events(self, tasks):
        epochs = {task.key: list(epochs_of(task.spec)) for task in tasks}
        size = -(-EPOCHS // self.steps)
        for start in range(0, EPOCHS, size):
            checkpoint = artifacts.put(CHECKPOINT, b"c", self.root / "c")
            yield [
                (task.key, Progress(tuple(epochs[task.key][start : start + size]), checkpoint))
                for task in tasks
            ]
        yield [(task.key, self.end(task)) for task in tasks]

    def poll(self, timeout):
        self.busy.append(len(self.going))
        if not self.going:
            return []
        tasks, events = self.going.popleft()
        told = [(t, e) for t, e in next(events) if t not in self.dropped]
        if all(task.key in self.dropped for task in tasks) or any(
            isinstance(e, Result | Failed) for _, e in told
        ):
            return told
        self.going.append((tasks, events))
        return told

    def drop(self, token):
        self.dropped.add(token)

    def remove(self, token, checkpoint):
        raise AssertionError(f"{checkpoint} is what the catalog names")

    def kill(self, token, reason):
        raise AssertionError(f"{token} hangs: {reason}")

    def close(self):
        pass


class Told:
    """Trials as they end."""

    def __init__(self):
        self.trials = []

    def told(self, trial, best, counts):
        self.trials.append(trial)


def search(ws, spec, paper, monkeypatch):
    """Run a study on paper; returns its trials in the order in which they ended."""
    monkeypatch.setattr(launch, "executor_for", lambda *_: paper)
    heard = Told()
    with ws.open() as catalog, live.LiveReport(spec.trials, spec.trials * EPOCHS) as report:
        assert not search_on(ws, catalog, spec, launch.Workers(), report, heard)
    return heard.trials


def summary(ws, name="s", **options):
    with ws.open() as catalog:
        return summarise(ws, catalog, name, **options)
