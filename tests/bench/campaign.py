"""`python -m tests.bench campaign`: what scheduling costs a run, and what a second worker gains a campaign."""

import multiprocessing
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from landlab_mgr.campaign.cluster import RayExecutor
from landlab_mgr.campaign.driver import Driver
from landlab_mgr.catalog import Catalog, Claim
from landlab_mgr.data import twin
from landlab_mgr.errors import LandlabError
from landlab_mgr.records import Progress, Task, ends
from landlab_mgr.spec.grid import GridSpec
from landlab_mgr.spec.run import PolicySpec, RunSpec
from landlab_mgr.training.device import worker_environment
from landlab_mgr.training.worker import Worker
from landlab_mgr.workspace import register
from landlab_mgr.workspace.workspace import Workspace

WARM_UP = 10
"""Runs at the start that are not timed: the first one compiles."""
GROUPS = ("PFT", "CLIM", "AGE", "SOIL")


@dataclass(frozen=True)
class Figures:
    """Seconds on a clock; a run is solo, in a worker of one core."""

    short_runs: int
    """Of one epoch each."""
    short_run_seconds: float
    """One of them in a bare worker: training, evaluation, files."""
    scheduled_run_seconds: float
    """One of them under a driver with one Ray worker: claimed, submitted, recorded too."""
    overhead_ms: float
    members: int
    epochs: int
    solo_seconds: float
    """All members, one after another on one worker, without start and compilation."""
    workers: int
    lanes: int
    """Members that train side by side in each of them."""
    campaign_seconds: float
    """The same members on several workers, start and compilation included."""
    ratio: float
    """campaign_seconds / solo_seconds."""


class _Clock:
    """A report that notes when each attempt ended and how long it took."""

    def __init__(self) -> None:
        self.ended_at: list[float] = []
        self.outcomes: list[str] = []

    def claimed(self, claim: Claim) -> None:
        """Nothing."""

    def progress(self, claim: Claim, progress: Progress) -> None:
        """Nothing."""

    def outage(self, message: str) -> None:
        """Nothing is told."""

    def ended(self, claim: Claim, outcome: str, message: str, seconds: float, state: str) -> None:
        """Note it."""
        self.ended_at.append(time.perf_counter())
        self.outcomes.append(outcome)

    def seconds_per_run(self) -> float:
        """Mean time from one end to the next, after the warm-up."""
        if set(self.outcomes) != {"ok"}:
            raise LandlabError(f"runs of the benchmark failed: {sorted(set(self.outcomes))}")
        timed = self.ended_at[WARM_UP - 1 :]
        return (timed[-1] - timed[0]) / (len(timed) - 1)


def measure(short_runs: int, members: int, epochs: int, workers: int, lanes: int) -> Figures:
    """Time `short_runs` runs bare and scheduled, and `members` members on one worker and on several.

    LandlabError where there are fewer short runs than need warming up.
    """
    if short_runs <= WARM_UP:
        raise LandlabError(f"--runs {short_runs}; allowed: more than {WARM_UP}, which warm up")
    short = _grid("short", short_runs, 1, [["PFT", "CLIM"]])
    with _workspace() as (workspace, catalog):
        specs = _specs(workspace, catalog, short)
        half = len(specs) // 2
        # before and after, so that a machine that slows down slows both
        bare = _bare(workspace, catalog, specs[: max(half, WARM_UP + 2)])
        scheduled = _scheduled(workspace, catalog, specs, 1)[0].seconds_per_run()
        bare = (bare + _bare(workspace, catalog, specs[-max(half, WARM_UP + 2) :])) / 2
    seeds = -(-members // 17)
    long = _grid("long", seeds, epochs, [["CONTROL"], ["LATLON"]], GROUPS)
    with _workspace() as (workspace, catalog):
        specs = _specs(workspace, catalog, long)[:members]
        clock, _ = _scheduled(workspace, catalog, specs, 1)
        solo = clock.seconds_per_run() * len(specs)
    with _workspace() as (workspace, catalog):
        specs = _specs(workspace, catalog, long)[:members]
        _, campaign = _scheduled(workspace, catalog, specs, workers, lanes)
    return Figures(
        short_runs=short_runs,
        short_run_seconds=bare,
        scheduled_run_seconds=scheduled,
        overhead_ms=(scheduled - bare) * 1e3,
        members=len(specs),
        epochs=epochs,
        solo_seconds=solo,
        workers=workers,
        lanes=lanes,
        campaign_seconds=campaign,
        ratio=campaign / solo,
    )


@contextmanager
def environment(**settings: str) -> Iterator[None]:
    """This process' environment, and that of those it starts, with some settings; as it was afterwards."""
    own = os.environ.copy()
    os.environ.update(settings)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(own)


@contextmanager
def _workspace() -> Iterator[tuple[Workspace, Catalog]]:
    """With a cache of its own: what compilation costs is in the figures."""
    with TemporaryDirectory(prefix="landlab-bench-") as folder, environment(LANDLAB_CACHE=f"{folder}/cache"):
        workspace = Workspace(Path(folder), str(Path(folder) / "landlab.db"))
        with workspace.create() as catalog:
            register.dataset(workspace, catalog, twin.make(n_patches=12, pixels_per_patch=4, years=6))
            yield workspace, catalog


def _grid(
    name: str, seeds: int, epochs: int, setups: Sequence[Sequence[str]], factorial: Sequence[str] = ()
) -> GridSpec:
    optimizer = {"epochs": epochs, "patches_per_batch": 0, "learning_rate": 1e-3}
    return GridSpec(
        name=name,
        dataset="twin",
        factorial=tuple(factorial),
        setups=tuple(map(tuple, setups)),
        seeds=seeds,
        base={"optimizer": optimizer},
    )


def _specs(workspace: Workspace, catalog: Catalog, grid: GridSpec) -> list[RunSpec]:
    [dataset] = catalog.datasets()
    register.grid(workspace, catalog, grid.model_copy(update={"dataset": dataset.name}))
    return list(grid.expand(dataset.fingerprint))


def _scheduled(
    workspace: Workspace, catalog: Catalog, specs: Sequence[RunSpec], workers: int, lanes: int = 1
) -> tuple[_Clock, float]:
    """The ends of all runs under a driver, and the seconds of it all, with Ray's start."""
    started, clock = time.perf_counter(), _Clock()
    executor = RayExecutor(workers, PolicySpec(members=lanes))
    Driver(workspace, catalog, executor, clock).run([spec.run_id for spec in specs])
    return clock, time.perf_counter() - started


def _bare(workspace: Workspace, catalog: Catalog, specs: Sequence[RunSpec]) -> float:
    """Seconds of a run in a process like a worker's that nobody schedules."""
    [dataset] = catalog.datasets()
    path = str(workspace.path(dataset.url))
    with environment(**worker_environment(1, 0)), multiprocessing.get_context("spawn").Pool(1) as pool:
        tasks = [Task(s.run_id, s, path, str(workspace.root / "bare" / s.run_id)) for s in specs]
        ended_at: list[float] = pool.apply(_train_all, (tasks,))
    timed = ended_at[WARM_UP - 1 :]
    return (timed[-1] - timed[0]) / (len(timed) - 1)


def _train_all(tasks: Sequence[Task]) -> list[float]:
    """When each task ended, on a clock."""
    worker, ended_at = Worker(), []
    for task in tasks:
        *_, (_, last) = worker.run([task], 1)
        assert ends(last)
        ended_at.append(time.perf_counter())
    return ended_at
