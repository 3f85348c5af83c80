"""The plain class that trains groups of jobs, in this process or inside an actor. Never sees a database."""

import traceback
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from landlab_mgr import run
from landlab_mgr.errors import LandlabError
from landlab_mgr.run import Progress, Result
from landlab_mgr.spec import RunSpec

Outcome = Literal["nan", "oom", "error"]


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
    """An attempt that ended badly, and why."""

    outcome: Outcome
    message: str
    traceback: str


Event = Progress | Result | Failed


class Worker:
    """Trains groups of jobs, one group after another; compiled programs and open datasets stay warm between them."""

    def __init__(self) -> None:
        self._going: set[str] = set()

    def run(self, jobs: Sequence[Job], width: int | None = None) -> Generator[tuple[str, Event]]:
        """Train jobs side by side: any number of Progress for each token, then one Result or Failed; it raises nothing.

        Args:
            jobs: attempts on one dataset whose `run.group_key` is the same.
            width: lanes of the compiled program, at least one for each job; default: just those. A job's numbers
                are the same to the bit at equal width, whatever its neighbours.
        """
        self._going = {job.token for job in jobs}
        return self._events(jobs, width)

    def drop(self, token: str) -> None:
        """Nobody wants this job any more: it ends silently before its next epoch; the others go on.

        Another thread than the one that trains may call it.
        """
        self._going.discard(token)

    def _events(self, jobs: Sequence[Job], width: int | None) -> Generator[tuple[str, Event]]:
        try:
            [dataset] = {job.dataset for job in jobs}
            tasks = [
                run.Task(job.spec, Path(job.directory), None if job.resume is None else Path(job.resume))
                for job in jobs
            ]
            for place, outcome in run.execute(
                tasks, dataset, width, dropped=lambda place: jobs[place].token not in self._going
            ):
                token = jobs[place].token
                if token not in self._going:
                    continue
                if isinstance(outcome, run.Diverged):
                    event: Event = Failed("nan", f"loss is not finite at epoch {outcome.epoch}", "")
                elif isinstance(outcome, run.Broken):
                    event = _failed(outcome.error)
                else:
                    event = outcome
                if not isinstance(event, Progress):
                    self._going.discard(token)
                yield token, event
        except Exception as error:
            for token in [job.token for job in jobs if job.token in self._going]:
                yield token, _failed(error)


def _failed(error: Exception) -> Failed:
    if isinstance(error, LandlabError):
        return Failed("error", str(error), "")
    out_of_memory = isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in str(error)
    message = f"{type(error).__name__}: {error}".splitlines()[0]
    return Failed("oom" if out_of_memory else "error", message, "".join(traceback.format_exception(error)))
