"""The plain class that trains groups of tasks, in this process or inside an actor. Never sees a database."""

import os
import platform
import threading
import time
from collections.abc import Generator, Sequence
from contextlib import suppress
from typing import Any

import jax

from landlab_mgr.records import Event, Task, ends
from landlab_mgr.storage.location import cache_directory, located
from landlab_mgr.training import run

WATCH_SECONDS = 0.5
"""Seconds between a worker's checks that its driver lives."""


class Worker:
    """Trains groups of tasks, one group after another; compiled programs and open datasets stay warm between them.

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
        """Return what it runs on: `versions` and `device`.

        `versions` includes the host and the threads that numbers may depend on.
        """
        here = run.environment()
        threads = os.environ.get("NPROC") or str(len(os.sched_getaffinity(0)))
        return here | {"versions": here["versions"] | {"worker_host": platform.node(), "threads": threads}}

    def run(self, tasks: Sequence[Task], width: int | None = None) -> Generator[tuple[str, Event]]:
        """Train tasks side by side: any number of Progress for each key, then one Result or Failed; it raises nothing.

        Args:
            tasks: attempts on one dataset whose `run.group_key` is the same.
            width: lanes of the compiled program, at least one for each task; default: just those. A task's numbers
                are the same to the bit at equal width, whatever its neighbours.
        """
        going = {task.key for task in tasks}

        def unwanted(key: str) -> bool:
            return key not in going - self._dropped

        try:
            for key, event in run.execute(tasks, width, unwanted) if tasks else ():
                if unwanted(key):
                    continue
                if ends(event):
                    going.discard(key)
                yield key, event
        except Exception as error:
            for key in [task.key for task in tasks if not unwanted(task.key)]:
                yield key, run.failed(error)

    def drop(self, token: str) -> None:
        """Let go of a task that nobody wants: it ends silently before its next epoch; the others go on.

        Another thread than the one that trains may call it, even before the job starts.
        """
        self._dropped.add(token)

    def remove(self, checkpoint: str) -> None:
        """Remove a checkpoint that nobody needs any more; one that cannot be is left to `landlab catalog gc`."""
        with suppress(Exception):
            located(checkpoint).unlink(missing_ok=True)

    def hear(self) -> None:
        """Note that the driver lives."""
        self._silence = 0.0

    def _watch(self, lease_seconds: float) -> None:
        """End this process, whatever it does, once its driver is silent: others may hold its runs by then."""
        while self._silence < lease_seconds:
            time.sleep(WATCH_SECONDS)
            self._silence += WATCH_SECONDS  # by no clock: what a stopped worker could not hear does not count
        os._exit(1)
