"""The driver: claims runs, hands them to an executor, and records what comes back.

Workers never write to the database. Several drivers may share a catalog; a killed one loses only what no checkpoint
held, and any other, or the next `landlab run`, takes its runs back.
"""

import hashlib
import itertools
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

from landlab_mgr import artifacts, run
from landlab_mgr.catalog import Catalog, Claim, Environment, StaleToken
from landlab_mgr.lease import HEARTBEAT_SECONDS, LEASE_SECONDS, driver_is_dead, this_host
from landlab_mgr.worker import Event, Failed, Job, Progress, Result, Worker
from landlab_mgr.workspace import Workspace


class Executor(Protocol):
    """Where groups of jobs run. The driver keeps at most `slots` groups going and polls for what happened."""

    slots: int
    width: int
    """Lanes of a group's program: at most so many jobs train side by side in a slot."""

    def submit(self, jobs: Sequence[Job]) -> None:
        """Start a group: jobs on one dataset whose `run.group_key` is the same."""

    def poll(self, timeout: float) -> list[tuple[str, Event]]:
        """Events since the last call, each with its job's token; waits at most about `timeout` seconds."""

    def drop(self, token: str) -> None:
        """Stop a job at its last reported event; nothing more is heard of it, and its group goes on without it."""

    def close(self) -> None:
        """Stop everything."""


class LocalExecutor:
    """Runs groups in this process, one after another; a poll advances the current group by one event."""

    slots = 1

    def __init__(self, width: int = 1) -> None:
        self.width = width
        self._worker = Worker()
        self._events = self._worker.run(())

    def submit(self, jobs: Sequence[Job]) -> None:
        """Start a group, in place of the one before, of which no job is left."""
        self._events.close()
        self._events = self._worker.run(jobs, self.width)

    def poll(self, timeout: float) -> list[tuple[str, Event]]:
        """The next event of the current group; it takes as long as it takes."""
        return list(itertools.islice(self._events, 1))

    def drop(self, token: str) -> None:
        """Stop a job: the worker looks before every epoch."""
        self._worker.drop(token)

    def close(self) -> None:
        """Stop everything."""
        self._events.close()


class Report(Protocol):
    """Who is told what happens; the command line draws it."""

    def claimed(self, claim: Claim) -> None:
        """A run was claimed and submitted."""

    def progress(self, claim: Claim, progress: Progress) -> None:
        """Epochs of a run are committed."""

    def ended(self, claim: Claim, outcome: str, message: str, seconds: float) -> None:
        """An attempt ended: ok, nan, oom, error, cancelled or lost."""


@dataclass
class Summary:
    """What a driver did."""

    outcomes: dict[str, int] = field(default_factory=dict)
    interrupted: bool = False

    def count(self, outcome: str) -> None:
        """Add one attempt with this outcome."""
        self.outcomes[outcome] = self.outcomes.get(outcome, 0) + 1


def provenance(width: int) -> Environment:
    """Code and machine of this driver's attempts: commit and hash of uncommitted changes, versions, device, mode.

    A run repeats to the bit only in the same mode: alone ("solo"), or in a program of so many lanes ("vmap:4").
    """
    commit, dirty = _git("rev-parse", "HEAD"), _git("diff", "HEAD", "--", "landlab_mgr")
    dirty_hash = hashlib.sha256(dirty.encode()).hexdigest()[:16] if dirty else None
    mode = "solo" if width == 1 else f"vmap:{width}"
    return Environment(git_commit=commit or None, dirty_hash=dirty_hash, mode=mode, **run.environment())


def _git(*arguments: str) -> str:
    here = Path(__file__).parents[1]
    if not (here / ".git").exists():  # an installed package may lie inside somebody else's repository
        return ""
    try:
        done = subprocess.run(
            ["git", "-C", str(here), *arguments], capture_output=True, text=True, timeout=20, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()


@dataclass(frozen=True)
class _Going:
    """An attempt of this driver."""

    claim: Claim
    group: str
    """Token of the first attempt of its group."""
    started: float


class Driver:
    """Runs what is pending, until nothing is left or it is told to stop."""

    def __init__(self, workspace: Workspace, catalog: Catalog, executor: Executor, report: Report) -> None:
        self._workspace, self._catalog, self._executor, self._report = workspace, catalog, executor, report
        self._going: dict[str, _Going] = {}
        self._datasets: Mapping[str, str] = {}
        self._environment = provenance(executor.width)
        self._stop = threading.Event()

    def stop(self) -> None:
        """Claim nothing more and let go of what runs once its next epochs are committed."""
        self._stop.set()

    def run(self, run_ids: Sequence[str]) -> Summary:
        """Run everything pending among these, in their order."""
        summary = Summary()
        self._datasets = {d.fingerprint: d.url for d in self._catalog.datasets()}
        alike: dict[Any, list[str]] = {}  # runs that may train side by side
        for run_id, spec in self._catalog.specs(run_ids).items():
            alike.setdefault(run.group_key(spec), []).append(run_id)
        last_reclaim = float("-inf")
        with self._heartbeats():
            try:
                while True:
                    if time.monotonic() - last_reclaim > LEASE_SECONDS / 2:
                        self._catalog.reclaim(LEASE_SECONDS, driver_is_dead)
                        last_reclaim = time.monotonic()
                    while self._has_room() and not self._stop.is_set():
                        if not self._start_group(run_ids, alike):
                            break
                    if not self._going:
                        break
                    for token, event in self._executor.poll(1.0):
                        self._handle(token, event, summary)
            except KeyboardInterrupt:
                self._stop.set()
            finally:
                for token in list(self._going):  # interrupted: the runs go back to pending
                    self._end(token, "cancelled", "the driver was interrupted", summary)
                self._executor.close()
        summary.interrupted = self._stop.is_set()
        return summary

    def _has_room(self) -> bool:
        return len({going.group for going in self._going.values()}) < self._executor.slots

    def _start_group(self, run_ids: Sequence[str], alike: Mapping[Any, Sequence[str]]) -> bool:
        """Claim the first pending run and more that may train beside it, and submit them; False if none is left."""
        claims: list[Claim] = []
        while len(claims) < self._executor.width:
            # the first comes first whatever its kind, so that no kind of run waits for ever
            wanted = alike[run.group_key(claims[0].spec)] if claims else run_ids
            claim = self._catalog.claim(
                this_host(),
                os.getpid(),
                directory_of=self._workspace.directory,
                run_ids=wanted,
                environment=self._environment,
            )
            if claim is None:
                break
            claims.append(claim)
            self._going[claim.token] = _Going(claim, claims[0].token, time.monotonic())
            self._report.claimed(claim)
        if claims:
            self._executor.submit([self._job(claim) for claim in claims])
        return bool(claims)

    def _job(self, claim: Claim) -> Job:
        resume = None
        if claim.resume is not None:
            path = self._workspace.path(claim.resume.path)
            # a lost or altered checkpoint costs the run's epochs, not the run
            resume = str(path) if artifacts.intact(claim.resume, path) else None
        dataset = self._workspace.path(self._datasets[claim.spec.dataset])
        directory = self._workspace.path(claim.directory)
        return Job(claim.token, claim.spec, str(dataset), str(directory), resume)

    def _handle(self, token: str, event: Event, summary: Summary) -> None:
        if token not in self._going:
            return
        claim = self._going[token].claim
        try:
            if isinstance(event, Progress):
                self._catalog.record(token, event.epochs, self._workspace.catalogued(event.checkpoint))
                self._report.progress(claim, event)
                if self._stop.is_set():
                    self._end(token, "cancelled", "the driver was interrupted", summary)
            elif isinstance(event, Result):
                files = [self._workspace.catalogued(a) for a in event.artifacts]
                self._catalog.finish(token, event.metrics, files)
                self._forget(token, "ok", "", summary)
            elif isinstance(event, Failed):
                self._end(token, event.outcome, event.message, summary, event.traceback)
        except StaleToken as stale:
            self._executor.drop(token)
            self._forget(token, "lost", str(stale), summary)

    def _end(
        self, token: str, outcome: str, message: str, summary: Summary, traceback: str | None = None
    ) -> None:
        self._executor.drop(token)
        try:
            self._catalog.fail(token, outcome, message, traceback or None)
        except StaleToken:
            outcome = "lost"
        self._forget(token, outcome, message, summary)

    def _forget(self, token: str, outcome: str, message: str, summary: Summary) -> None:
        going = self._going.pop(token)
        summary.count(outcome)
        self._report.ended(going.claim, outcome, message, time.monotonic() - going.started)

    @contextmanager
    def _heartbeats(self) -> Iterator[None]:
        """A thread that keeps this driver's attempts alive, however long a worker computes."""
        done = threading.Event()

        def beat() -> None:
            while not done.wait(HEARTBEAT_SECONDS):
                tokens = list(self._going)
                if tokens:
                    self._catalog.heartbeat(tokens)

        thread = threading.Thread(target=beat, name="landlab-heartbeat", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()


@contextmanager
def graceful_interrupt(driver: Driver, announce: Sequence[str]) -> Iterator[None]:
    """Ctrl-C once lets the driver commit and stop; twice interrupts at once. `announce`: what to print each time."""
    presses = 0

    def handler(signum: int, frame: FrameType | None) -> None:
        nonlocal presses
        print(announce[min(presses, len(announce) - 1)], flush=True)
        presses += 1
        driver.stop()
        if presses > 1:
            raise KeyboardInterrupt

    previous = {s: signal.signal(s, handler) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for s, old in previous.items():
            signal.signal(s, old)
