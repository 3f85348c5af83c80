"""The plain class that trains groups of jobs, in this process or inside an actor. Never sees a database."""

import os
import platform
import threading
import time
import traceback
from collections.abc import Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

import jax

from landlab_mgr.errors import LandlabError
from landlab_mgr.spec.run import RunSpec
from landlab_mgr.storage.location import cache_directory, located
from landlab_mgr.training import run
from landlab_mgr.training.run import Progress, Result

WATCH_SECONDS = 0.5
"""How often a worker looks whether its driver lives."""

Outcome = Literal["nan", "oom", "error", "lost"]


@dataclass(frozen=True)
class Job:
    """One attempt at a run; `token` signs what comes of it."""

    token: str
    spec: RunSpec
    dataset: str
    directory: str
    resume: str | None = None


@dataclass(frozen=True)
class Failed:
    """An attempt that ended badly, and why; only an executor says `lost`, of a worker that is gone."""

    outcome: Outcome
    message: str
    traceback: str


Event = Progress | Result | Failed


class Worker:
    """Trains groups of jobs, one group after another; compiled programs and open datasets stay warm between them.

    Compiled programs outlive the process too, in the host's cache (`storage.cache_directory`).

    Args:
        lease_seconds: end this process once nobody said `hear` for so long; default: never.
    """

    def __init__(self, lease_seconds: float | None = None) -> None:
        self._dropped: set[str] = set()
        self._silence = 0.0
        if lease_seconds is not None:
            threading.Thread(target=self._watch, args=(lease_seconds,), daemon=True).start()
        if jax.config.jax_compilation_cache_dir is None:  # type: ignore[attr-defined] # the user may have one
            jax.config.update("jax_compilation_cache_dir", str(cache_directory() / "xla"))
            jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)

    def environment(self) -> dict[str, Any]:
        """What it runs on: `versions`, with the host and the threads that numbers may depend on, and `device`."""
        here = run.environment()
        threads = os.environ.get("NPROC") or str(len(os.sched_getaffinity(0)))
        return here | {"versions": here["versions"] | {"worker_host": platform.node(), "threads": threads}}

    def run(self, jobs: Sequence[Job], width: int | None = None) -> Generator[tuple[str, Event]]:
        """Train jobs side by side: any number of Progress for each token, then one Result or Failed; it raises nothing.

        Args:
            jobs: attempts on one dataset whose `run.group_key` is the same.
            width: lanes of the compiled program, at least one for each job; default: just those. A job's numbers
                are the same to the bit at equal width, whatever its neighbours.
        """
        going = {job.token for job in jobs}
        try:
            [dataset] = {job.dataset for job in jobs}
            tasks = [run.Task(job.spec, job.directory, job.resume) for job in jobs]
            for place, outcome in run.execute(
                tasks, dataset, width, dropped=lambda place: jobs[place].token not in going - self._dropped
            ):
                token = jobs[place].token
                if token not in going - self._dropped:
                    continue
                if isinstance(outcome, run.Diverged):
                    event: Event = Failed("nan", f"loss is not finite at epoch {outcome.epoch}", "")
                elif isinstance(outcome, run.Broken):
                    event = _failed(outcome.error)
                else:
                    event = outcome
                if ends(event):
                    going.discard(token)
                yield token, event
        except Exception as error:
            for token in [job.token for job in jobs if job.token in going - self._dropped]:
                yield token, _failed(error)

    def drop(self, token: str) -> None:
        """Nobody wants this job any more: it ends silently before its next epoch; the others go on.

        Another thread than the one that trains may call it, even before the job starts.
        """
        self._dropped.add(token)

    def remove(self, checkpoint: str) -> None:
        """Remove a checkpoint that nobody needs any more; one that cannot be is left to `landlab catalog gc`."""
        with suppress(Exception):
            located(checkpoint).unlink(missing_ok=True)

    def hear(self) -> None:
        """The driver lives."""
        self._silence = 0.0

    def _watch(self, lease_seconds: float) -> None:
        """End this process, whatever it does, once its driver is silent: others may hold its runs by then."""
        while self._silence < lease_seconds:
            time.sleep(WATCH_SECONDS)
            self._silence += WATCH_SECONDS  # by no clock: what a stopped worker could not hear does not count
        os._exit(1)


def ends(event: Event) -> bool:
    """Whether nothing follows this event of a job."""
    return not isinstance(event, Progress)


def _failed(error: Exception) -> Failed:
    if isinstance(error, LandlabError):
        return Failed("error", str(error), "")
    out_of_memory = isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in str(error)
    message = f"{type(error).__name__}: {error}".splitlines()[0]
    return Failed("oom" if out_of_memory else "error", message, "".join(traceback.format_exception(error)))
