"""The plain class that trains one job after another, in this process or inside an actor. Never sees a database."""

import traceback
from collections.abc import Iterator
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
    """Runs jobs; compiled programs and open datasets stay warm between them."""

    def run(self, job: Job) -> Iterator[Event]:
        """Events of one attempt: any number of Progress, then one Result or Failed; it raises nothing."""
        try:
            resume = None if job.resume is None else Path(job.resume)
            task = run.Task(job.spec, Path(job.directory), resume)
            for _, event in run.execute([task], job.dataset):
                if isinstance(event, run.Diverged):
                    yield Failed("nan", f"loss is not finite at epoch {event.epoch}", "")
                else:
                    yield event
        except LandlabError as error:
            yield Failed("error", str(error), "")
        except Exception as error:
            out_of_memory = isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in str(error)
            message = f"{type(error).__name__}: {error}".splitlines()[0]
            yield Failed("oom" if out_of_memory else "error", message, traceback.format_exc())
