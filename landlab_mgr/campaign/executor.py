"""Executors of groups of jobs: what the driver asks of one, and the one in this process."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from landlab_mgr.records import Event, Task, ends
from landlab_mgr.training.worker import Worker


class Executor(Protocol):
    """Workers that train groups of jobs. The driver submits to those that are idle and polls for what happened."""

    workers: int
    width: int
    """Lanes of a group's program: at most so many jobs train side by side in one worker."""

    def idle(self) -> Mapping[str, Any] | None:
        """Return what the worker that would take the next group runs on.

        It is the worker's `Worker.environment`; None while none is free.
        """

    def submit(self, tasks: Sequence[Task]) -> None:
        """Give the idle worker a group: jobs on one dataset whose `run.group_key` is the same."""

    def poll(self, timeout: float) -> list[tuple[str, Event]]:
        """Events since the last call, each with its job's token; waits at most about `timeout` seconds."""

    def drop(self, token: str) -> None:
        """Stop a job at its last reported event; nothing more is heard of it, and its group goes on without it."""

    def remove(self, token: str, checkpoint: str) -> None:
        """Let the worker that holds this job remove a checkpoint that nobody needs any more."""

    def kill(self, token: str, reason: str) -> None:
        """End the worker that holds a job which hangs; every job of its group ends as lost."""

    def close(self) -> None:
        """Stop everything."""


class LocalExecutor:
    """Runs groups in this process, one after another; a poll advances the current group by one event."""

    def __init__(self, width: int = 1) -> None:
        self.workers, self.width = 1, width
        self._worker = Worker()
        self._environment = self._worker.environment()
        self._events = self._worker.run(())
        self._left: set[str] = set()

    def idle(self) -> Mapping[str, Any] | None:
        """Return this process's environment, once no job of the current group is left."""
        return None if self._left else self._environment

    def submit(self, tasks: Sequence[Task]) -> None:
        """Start a group, in place of the one before, of which no job is left."""
        self._events.close()
        self._left = {task.key for task in tasks}
        self._events = self._worker.run(tasks, self.width)

    def poll(self, timeout: float) -> list[tuple[str, Event]]:
        """Return the next event of the current group; it takes as long as it takes."""
        events = list(itertools.islice(self._events, 1))
        self._left.difference_update(token for token, event in events if ends(event))
        return events

    def drop(self, token: str) -> None:
        """Stop a job: the worker looks before every epoch."""
        self._left.discard(token)
        self._worker.drop(token)

    def remove(self, token: str, checkpoint: str) -> None:
        """Remove a checkpoint that nobody needs any more."""
        self._worker.remove(checkpoint)

    def kill(self, token: str, reason: str) -> None:
        """Nothing: who asks is the process that would hang."""

    def close(self) -> None:
        """Stop everything."""
        self._events.close()
