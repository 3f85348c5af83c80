"""Workers of a study: how busy it keeps them, and what is wrong after it was killed again and again."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from sqlalchemy import select

from landlab_mgr.catalog.tables import Attempt
from landlab_mgr.data import twin
from landlab_mgr.errors import LandlabError
from landlab_mgr.models import registry
from landlab_mgr.tuning.summary import summarise
from landlab_mgr.workspace import register
from landlab_mgr.workspace.workspace import Workspace
from tests.bench.killable import POLL_SECONDS, Driver

NAME = "killed"
BLIND = 0.25
"""Share of the kills that may hit a study that only starts; the others wait for it to change the catalog."""
STUCK_SECONDS = 600.0


@dataclass(frozen=True)
class Figures:
    """A study in peace, and one that was killed."""

    workers: int
    trials: int
    epochs: int
    """Of each run; a trial is one."""
    busy: float
    """Share of the time from the first run's start to the last one's end that workers had a run, in peace."""
    kills: int
    starts: int
    killed_trials: dict[str, int]
    """Trials by state, of the study that was killed."""
    doubled: int
    """Trials that drew the numbers of another, of those that did not fail."""
    left_running: int
    """Trials and runs that are running or waiting."""
    orphans: int
    """Runs that belong to no trial."""
    missing: int
    """Trials that the study asked for and does not have."""
    complaints: tuple[str, ...]
    """Last words of processes that ended by themselves with an error."""

    @property
    def wrong(self) -> list[str]:
        """The counts that are not 0 and should be, in words."""
        names = ("doubled", "left_running", "orphans", "missing")
        return [f"{getattr(self, n)} {n.replace('_', ' ')}" for n in names if getattr(self, n)]


def measure(
    kills: int,
    trials: int = 12,
    epochs: int = 1000,
    executor: str = "ray",
    workers: int = 2,
    every: float = 8.0,
    seed: int = 0,
    tell: Callable[[str], None] = lambda text: None,
) -> Figures:
    """Run a study in peace, then the same one while its process is killed.

    Args:
        kills: how many; each of the study's process or of one of its workers.
        trials: of both; the second has as many more whenever it is done before the last kill.
        epochs: of each run.
        executor: ray or local, which has no workers to kill and to keep busy.
        workers: of Ray.
        every: mean seconds of a kill after the study next moved; uniform from 0 to twice it.
        seed: of moments and victims.
        tell: is told of the progress.
    """
    rng = np.random.default_rng(seed)
    with TemporaryDirectory(prefix="landlab-tuning-") as folder:
        busy = 0.0
        if executor == "ray":
            peaceful = _workspace(Path(folder) / "peaceful")
            tell(f"{trials} trials in peace")
            _until_it_ends(_start(peaceful, trials, epochs, executor, workers))
            busy = _busy(peaceful, workers)
        ws = _workspace(Path(folder) / "killed")
        starts, complaints, wanted = 0, [], trials
        for kill in range(kills):
            while True:
                starts += 1
                driver = _start(ws, wanted, epochs, executor, workers)
                if _killed(driver, ws, rng, every):
                    break
                wanted += trials
            tell(f"{kill + 1} of {kills} kills, {wanted} trials wanted")
        for _ in range(3):
            starts += 1
            complaint = _until_it_ends(_start(ws, wanted, epochs, executor, workers))
            if not complaint:
                break
            complaints.append(complaint)
        states, wrong = _examined(ws, wanted)
        return Figures(
            workers=workers if executor == "ray" else 1,
            trials=wanted,
            epochs=epochs,
            busy=busy,
            kills=kills,
            starts=starts,
            complaints=tuple(complaints),
            killed_trials=states,
            **wrong,
        )


def _workspace(root: Path) -> Workspace:
    ws = Workspace.at(root, str(root / "landlab.db"))
    with ws.create() as catalog:
        register.dataset(ws, catalog, twin.make(n_patches=12, pixels_per_patch=4, years=6))
    return ws


def _start(ws: Workspace, trials: int, epochs: int, executor: str, workers: int) -> Driver:
    with ws.open(read_only=True) as catalog:
        [dataset] = catalog.datasets()
    file = ws.root / "study.toml"
    settings = {"name": NAME, "dataset": dataset.name, "predictors": ["PFT", "CLIM"], "trials": trials}
    terms = registry.tables(registry.DEFAULT).terms.values()
    searched = [next(t.name for t in terms if t.stream and t.level == level) for level in ("pixel", "patch")]
    lines = [f"{key} = {json.dumps(value)}" for key, value in settings.items()]
    lines += [
        "parallel = 4",
        "fresh_seeds = 0",
        "[space.loss_weights]",
        *(f"{name} = [0.01, 100]" for name in searched),
    ]
    lines += [
        "[base]",
        "warmup_months = 12",
        "[base.optimizer]",
        f"epochs = {epochs}",
        "patches_per_batch = 0",
    ]
    file.write_text("\n".join(lines) + "\n")
    return Driver(ws, str(file), executor, workers, verb=("tune",))


def _until_it_ends(driver: Driver) -> str:
    try:
        driver.wait()
    finally:
        driver.clean()
    return driver.complaint()


def _killed(driver: Driver, ws: Workspace, rng: np.random.Generator, every: float) -> bool:
    """Kill a study or a worker of it at a random moment; False where it was done before."""
    started = time.monotonic()
    delay = rng.uniform(0, 2 * every)
    blind = rng.random() < BLIND
    try:
        with ws.open(read_only=True) as catalog:
            first, moved = catalog.version(), None
            while not driver.ended():
                now = time.monotonic()
                if moved is None and (blind or catalog.version() != first):
                    moved = now
                if now - started > STUCK_SECONDS:
                    raise LandlabError(f"the study does nothing for {STUCK_SECONDS:.0f} s")
                if moved is not None and now - moved >= delay:
                    victim = driver.kill(rng)
                    if victim == "driver":
                        return True
                    moved = now
                time.sleep(POLL_SECONDS)
        if driver.complaint():
            raise LandlabError(f"the study failed: {driver.complaint()}")
        return False
    finally:
        driver.clean()


def _busy(ws: Workspace, workers: int) -> float:
    with ws.open(read_only=True) as catalog, catalog.transaction() as tx:
        spans = tx.execute(select(Attempt.started, Attempt.ended)).all()
    whole = max(s.ended for s in spans) - min(s.started for s in spans)
    return sum((s.ended - s.started).total_seconds() for s in spans) / (workers * whole.total_seconds())


def _examined(ws: Workspace, wanted: int) -> tuple[dict[str, int], dict[str, int]]:
    """Trials by state, and what should be 0 of it."""
    with ws.open() as catalog:
        found = summarise(ws, catalog, NAME)
        kept = found.trials[found.trials["state"].isin(("complete", "pruned"))]
        drawn = kept[[c for c in kept if str(c).startswith("loss_weights.")]]
        states = catalog.counts()
        linked = {i for ids in catalog.study(NAME).trials.values() for i in ids}
        orphans = set(catalog.runs()["run_id"]) - linked
    unfinished = found.counts["running"] + found.counts["waiting"] + states["running"] + states["pending"]
    return found.counts, {
        "doubled": int(drawn.duplicated().sum()),
        "left_running": unfinished,
        "orphans": len(orphans),
        "missing": wanted - len(kept),
    }
