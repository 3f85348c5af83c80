"""Drivers and workers killed at random moments, and a count of what was lost by it."""

import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import jax
import numpy as np
from sqlalchemy import func, select

from landlab_mgr.catalog import CHECKPOINT, Catalog
from landlab_mgr.catalog.tables import Attempt, Epoch, Run
from landlab_mgr.data import twin
from landlab_mgr.errors import LandlabError
from landlab_mgr.spec.grid import GridSpec
from landlab_mgr.spec.run import PolicySpec
from landlab_mgr.training import checkpoint
from landlab_mgr.workspace import register
from landlab_mgr.workspace.workspace import Workspace
from tests.bench.catalog import temporary_catalog
from tests.bench.killable import POLL_SECONDS, Driver
from tests.bench.postgres import temporary_server

GRID = "chaos"
WARM_UP = "warm-up"
"""A grid of one run, after which everything is compiled."""
BLIND = 0.25
"""Share of the kills that may hit a driver that only starts. The others wait for an attempt, an epoch or an end."""
STUCK_SECONDS = 900.0
"""So long without a new epoch or a completed run, longer than a driver waits for a worker that hangs, and the grid is
given up: what is left counts as lost."""


@dataclass(frozen=True)
class Figures:
    """What was killed, and what was wrong afterwards, compared with the same runs in a workspace left in peace."""

    engine: str
    executor: str
    workers: int
    runs: int
    epochs: int
    """Of each run."""
    driver_kills: int
    worker_kills: int
    drivers: int
    """How often `landlab run` was started."""
    complaints: tuple[str, ...]
    """Last words of those that ended by themselves with an error; another took over."""
    attempts: dict[str, int]
    """By outcome."""
    incomplete_runs: int
    lost_epochs: int
    """Committed epochs that were seen and then gone, or are missing at the end."""
    repeated_epochs: int
    """Committed epochs that another attempt trained again."""
    different_epochs: int
    """Epochs whose losses are not those of the undisturbed run, to the bit."""
    different_parameters: int
    """Runs whose last weights are not those of the undisturbed run, to the bit."""
    seconds: float
    undisturbed_seconds: float
    seconds_per_kill: float
    """By which a kill delayed the grid."""

    @property
    def wrong(self) -> list[str]:
        """The counts that are not 0 and should be, in words."""
        counts = (
            *("incomplete_runs", "lost_epochs", "repeated_epochs"),
            *("different_epochs", "different_parameters"),
        )
        return [
            f"{getattr(self, name)} {name.replace('_', ' ')}" for name in counts if getattr(self, name) != 0
        ]


@dataclass
class Watch:
    """Sees that what is committed stays committed, and stays of the attempt that committed it."""

    catalog: Catalog
    lost: int = 0
    repeated: int = 0
    moved: bool = False
    """Whether the last look saw a new attempt, new epochs or another state."""
    seen: dict[str, Counter[int]] = field(default_factory=dict)
    """Committed epochs by attempt, of each run."""
    _at: tuple[Counter[str], int, int] | None = None

    def look(self, completed: bool = False) -> Counter[str]:
        """Compare with what was seen before; returns how many runs are in each state.

        `completed`: look at those runs too, which is slow; it is enough to do so once at the end.
        """
        looked_at = select(Run.run_id) if completed else select(Run.run_id).where(Run.state != "completed")
        counted = select(Epoch.run_id, Epoch.attempt_id, func.count()).where(Epoch.run_id.in_(looked_at))
        with self.catalog.transaction() as tx:
            states = dict(tx.execute(select(Run.run_id, Run.state)).all())
            now: dict[str, Counter[int]] = {run_id: Counter() for run_id in tx.scalars(looked_at)}
            attempts = tx.scalar(select(func.count()).select_from(Attempt)) or 0
            for run_id, attempt, count in tx.execute(counted.group_by(Epoch.run_id, Epoch.attempt_id)):
                now[run_id][attempt] = count
        for run_id, after in now.items():
            before = self.seen.get(run_id, Counter())
            lost = max(0, before.total() - after.total())
            self.lost += lost
            self.repeated += max(0, (before - after).total() - lost)
        self.lost += sum(self.seen[run_id].total() for run_id in self.seen.keys() - states)
        self.seen = {n: count for n, count in (self.seen | now).items() if n in states}
        at = Counter(states.values()), attempts, sum(count.total() for count in self.seen.values())
        self.moved, self._at = at != self._at, at
        return at[0]


@dataclass
class Deeds:
    """What was done to a grid."""

    drivers: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    """Of drivers and of workers."""
    complaints: list[str] = field(default_factory=list)
    """Last words of drivers that ended by themselves with an error."""


def disturb(
    start: Callable[[], Driver],
    grow: Callable[[], None],
    watch: Watch,
    kills: int,
    every: float,
    rng: np.random.Generator,
    tell: Callable[[str], None] = lambda text: None,
) -> Deeds:
    """Run a grid to its end, and kill its driver or a worker so often meanwhile.

    Args:
        start: starts a driver; as soon as one is dead or done, the next.
        grow: adds runs to the grid; called where all are done before the last kill.
        watch: looks at the catalog all the time.
        kills: how many.
        every: mean delay of a kill after the one before, or after the grid next moved; uniform from 0 to twice it.
        rng: draws moments and victims.
        tell: is told of the progress.
    """
    deeds = Deeds()
    driver, before = start(), None
    moved = time.monotonic()
    delay, moment = _draw(rng, every, moved)
    try:
        while True:
            now, states = time.monotonic(), watch.look()
            left = kills - deeds.kills.total()
            if watch.moved:
                moved, moment = now, min(moment, now + delay)
            stuck = now - moved > STUCK_SECONDS
            if driver.ended():
                deeds.drivers += 1
                if driver.complaint():
                    deeds.complaints.append(driver.complaint())
                done = states["pending"] + states["running"] == 0
                if stuck or (done and not left):
                    return deeds
                if done:
                    grow()
                if before is not None:
                    before.clean()
                before, driver = driver, start()
            elif stuck:
                return deeds
            elif left and now >= moment:
                victim = driver.kill(rng)
                if victim:
                    deeds.kills[victim] += 1
                    tell(f"{deeds.kills.total()} of {kills} kills, {states['completed']} runs completed")
                delay, moment = _draw(rng, every, now)
            time.sleep(POLL_SECONDS)
    finally:
        driver.clean()
        if before is not None:
            before.clean()


def _draw(rng: np.random.Generator, every: float, now: float) -> tuple[float, float]:
    """How long to wait for the next kill, and its moment where that is known: most wait for something to move."""
    delay = rng.uniform(0, 2 * every)
    return delay, now + delay if rng.random() < BLIND else float("inf")


def measure(
    kills: int,
    engine: str = "sqlite",
    executor: str = "local",
    workers: int = 1,
    seed: int = 0,
    every: float = 3.0,
    runs: int = 12,
    epochs: int = 2000,
    tell: Callable[[str], None] = lambda text: None,
) -> Figures:
    """Train a grid while drivers and workers are killed, then the same grid in peace, and compare.

    Args:
        kills: how many; each is of the driver or of one of its workers, all with equal chance.
        engine: sqlite or postgresql.
        executor: local or ray, as in `landlab run`; a local driver has no workers.
        workers: of Ray.
        seed: of moments and victims.
        every: mean delay of a kill after the one before, or after the grid next moved; uniform from 0 to twice it.
        runs: of the grid at first; it grows by as many whenever all are done before the last kill.
        epochs: of each run.
        tell: is told of the progress.
    """
    with ExitStack() as stack:
        directory = Path(stack.enter_context(TemporaryDirectory(prefix="landlab-chaos-")))
        server = stack.enter_context(temporary_server()) if engine == "postgresql" else None
        disturbed, peaceful = (
            Workspace.at(directory / name, stack.enter_context(temporary_catalog(engine, server)))
            for name in ("disturbed", "peaceful")
        )
        for workspace in (disturbed, peaceful):
            workspace.create().close()
        start = partial(Driver, grid=GRID, executor=executor, workers=workers)
        _add(peaceful, 1, 1, WARM_UP)
        _in_peace(start(peaceful, grid=WARM_UP))
        tell(f"{runs} runs in peace")
        _add(peaceful, runs, epochs)
        undisturbed_seconds = _in_peace(start(peaceful))

        _add(disturbed, runs, epochs)
        with disturbed.open(read_only=True) as catalog:
            watch, rng = Watch(catalog), np.random.default_rng(seed)
            started = time.monotonic()
            deeds = disturb(
                partial(start, disturbed),
                partial(_add, disturbed, runs, epochs),
                *(watch, kills, every, rng, tell),
            )
            seconds = time.monotonic() - started
            total = watch.look(completed=True).total()
        if total > runs:
            tell(f"{total - runs} more runs in peace")
            _add(peaceful, total - runs, epochs)
            undisturbed_seconds += _in_peace(start(peaceful))
        return Figures(
            engine=engine,
            executor=executor,
            workers=workers if executor == "ray" else 1,
            runs=total,
            epochs=epochs,
            driver_kills=deeds.kills["driver"],
            worker_kills=deeds.kills["worker"],
            drivers=deeds.drivers,
            complaints=tuple(deeds.complaints),
            attempts=_attempts(disturbed),
            repeated_epochs=watch.repeated,
            **differences(disturbed, peaceful, watch.lost),
            seconds=seconds,
            undisturbed_seconds=undisturbed_seconds,
            seconds_per_kill=(seconds - undisturbed_seconds) / max(1, kills),
        )


def _add(workspace: Workspace, runs: int, epochs: int, grid: str = GRID) -> None:
    """Add so many runs to a grid on a tiny twin planet."""
    with workspace.create() as catalog:
        planet = twin.make(n_patches=6, pixels_per_patch=2, years=3)
        spec = GridSpec(
            name=grid,
            dataset=register.dataset(workspace, catalog, planet).name,
            setups=(("PFT", "CLIM"),),
            seeds=sum(sum(g.counts.values()) for g in catalog.grids() if g.name == grid) + runs,
            base={"warmup_months": 12, "optimizer": {"epochs": epochs, "patches_per_batch": 0}},
            policies=PolicySpec(retries=1000),
        )
        register.grid(workspace, catalog, spec)


def _in_peace(driver: Driver) -> float:
    """Seconds until a driver that nobody disturbs is done."""
    started = time.monotonic()
    try:
        driver.wait()
    finally:
        driver.clean()
    if driver.complaint():
        raise LandlabError(f"the undisturbed grid failed: {driver.complaint()}")
    return time.monotonic() - started


def _attempts(workspace: Workspace) -> dict[str, int]:
    counted = select(Attempt.outcome, func.count()).group_by(Attempt.outcome)
    with workspace.open(read_only=True) as catalog, catalog.transaction() as tx:
        return {outcome or "going": count for outcome, count in tx.execute(counted)}


def differences(disturbed: Workspace, peaceful: Workspace, lost: int) -> dict[str, int]:
    """What the first workspace misses, and what it has otherwise than the second; `lost` epochs are known of."""
    found = Counter(incomplete_runs=0, lost_epochs=lost, different_epochs=0, different_parameters=0)
    with disturbed.open(read_only=True) as one, peaceful.open(read_only=True) as other:
        states = one.runs().set_index("run_id")["state"]
        for run_id in other.runs(f"grid = '{GRID}'")["run_id"]:
            ours, theirs = _losses(one, run_id), _losses(other, run_id)
            found["different_epochs"] += sum(ours[epoch] != theirs[epoch] for epoch in ours.keys() & theirs)
            if states.get(run_id) != "completed":
                found["incomplete_runs"] += 1
                found["lost_epochs"] += max(ours, default=0) - len(ours)
                continue
            found["lost_epochs"] += len(theirs.keys() - ours)
            found["different_parameters"] += _weights(disturbed, one, run_id) != _weights(
                peaceful, other, run_id
            )
    return dict(found)


def _losses(catalog: Catalog, run_id: str) -> dict[int, bytes]:
    """Bits of the losses of a run's epochs."""
    query = select(Epoch.epoch, Epoch.total, Epoch.dev).where(Epoch.run_id == run_id)
    with catalog.transaction() as tx:
        return {epoch: np.array(losses, float).tobytes() for epoch, *losses in tx.execute(query)}


def _weights(workspace: Workspace, catalog: Catalog, run_id: str) -> list[bytes]:
    """Bits of the weights in a run's last checkpoint."""
    artifacts = catalog.artifacts(run_id).set_index("kind")
    content = checkpoint.load(workspace.path(artifacts.loc[CHECKPOINT, "path"]))
    return [np.asarray(leaf).tobytes() for leaf in jax.tree.leaves(content["weights"])]
