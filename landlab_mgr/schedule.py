"""The driver: claims runs, hands them to an executor, and records what comes back.

Workers never write to the database. Several drivers may share a catalog; a killed one loses only what no checkpoint
held, and any other, or the next `landlab run`, takes its runs back.
"""

import hashlib
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Protocol

from landlab_mgr import artifacts, run
from landlab_mgr.catalog import Catalog, Claim, Environment, StaleToken
from landlab_mgr.worker import Event, Failed, Job, Progress, Result, Worker
from landlab_mgr.workspace import Workspace

HEARTBEAT_SECONDS = 10.0
LEASE_SECONDS = 120.0
"""An attempt without a heartbeat for this long is lost, and its run goes back to pending."""


class Executor(Protocol):
    """Where jobs run. The driver submits no more than `slots` at a time and polls for what happened."""

    slots: int

    def submit(self, job: Job) -> None:
        """Start a job, or queue it behind a slot that is about to be free."""

    def poll(self, timeout: float) -> list[tuple[str, Event]]:
        """Events since the last call, each with its job's token; waits at most about `timeout` seconds."""

    def drop(self, token: str) -> None:
        """Stop a job at its last reported event; nothing more is heard of it."""

    def close(self) -> None:
        """Stop everything."""


class LocalExecutor:
    """Runs jobs in this process, one after another; a poll advances the current job by one event."""

    slots = 1

    def __init__(self) -> None:
        self._worker = Worker()
        self._going: dict[str, Iterator[Event]] = {}

    def submit(self, job: Job) -> None:
        """Start a job."""
        self._going[job.token] = self._worker.run(job)

    def poll(self, timeout: float) -> list[tuple[str, Event]]:
        """The next event of the current job; it takes as long as it takes."""
        for token, events in list(self._going.items()):
            event = next(events, None)
            if event is None:
                del self._going[token]
                continue
            return [(token, event)]
        return []

    def drop(self, token: str) -> None:
        """Stop the job where it is: after its last event."""
        events = self._going.pop(token, None)
        if events is not None:
            events.close()  # type: ignore[attr-defined]

    def close(self) -> None:
        """Stop everything."""
        for token in list(self._going):
            self.drop(token)


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


def this_host() -> str:
    """Name of the place in which process numbers mean something: the host, and on Linux its process namespace."""
    namespace = Path("/proc/self/ns/pid")
    suffix = f":{namespace.stat().st_ino}" if namespace.exists() else ""
    return socket.gethostname() + suffix


def driver_is_dead(host: str, pid: int) -> bool:
    """Whether an attempt's driver is known to be gone; only one of this host can be."""
    if host != this_host() or pid == os.getpid():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def provenance() -> Environment:
    """Code and machine of this driver's attempts: commit and hash of uncommitted changes, versions, device."""
    commit, dirty = _git("rev-parse", "HEAD"), _git("diff", "HEAD", "--", "landlab_mgr")
    dirty_hash = hashlib.sha256(dirty.encode()).hexdigest()[:16] if dirty else None
    return Environment(git_commit=commit or None, dirty_hash=dirty_hash, mode="solo", **run.environment())


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


class Driver:
    """Runs what is pending, until nothing is left or it is told to stop."""

    def __init__(self, workspace: Workspace, catalog: Catalog, executor: Executor, report: Report) -> None:
        self._workspace, self._catalog, self._executor, self._report = workspace, catalog, executor, report
        self._claims: dict[str, tuple[Claim, float]] = {}
        self._datasets: Mapping[str, str] = {}
        self._stop = threading.Event()

    def stop(self) -> None:
        """Claim nothing more and let go of what runs once its next epochs are committed."""
        self._stop.set()

    def run(self, grid: str | None = None, run_ids: Sequence[str] | None = None) -> Summary:
        """Run everything pending in the grid and among the run ids, where given."""
        summary = Summary()
        self._datasets = {d.fingerprint: d.url for d in self._catalog.datasets()}
        environment = provenance()
        last_reclaim = float("-inf")
        with self._heartbeats():
            try:
                while True:
                    if time.monotonic() - last_reclaim > LEASE_SECONDS / 2:
                        self._catalog.reclaim(LEASE_SECONDS, driver_is_dead)
                        last_reclaim = time.monotonic()
                    while len(self._claims) < self._executor.slots and not self._stop.is_set():
                        if not self._claim(grid, run_ids, environment):
                            break
                    if not self._claims:
                        break
                    for token, event in self._executor.poll(1.0):
                        self._handle(token, event, summary)
            except KeyboardInterrupt:
                self._stop.set()
            finally:
                for token in list(self._claims):  # interrupted: the runs go back to pending
                    self._end(token, "cancelled", "the driver was interrupted", summary)
                self._executor.close()
        summary.interrupted = self._stop.is_set()
        return summary

    def _claim(self, grid: str | None, run_ids: Sequence[str] | None, environment: Environment) -> bool:
        claim = self._catalog.claim(
            this_host(),
            os.getpid(),
            directory_of=self._workspace.directory,
            grid=grid,
            run_ids=run_ids,
            environment=environment,
        )
        if claim is None:
            return False
        resume = None
        if claim.resume is not None:
            path = self._workspace.path(claim.resume.path)
            # a lost or altered checkpoint costs the run's epochs, not the run
            resume = str(path) if artifacts.intact(claim.resume, path) else None
        dataset = self._workspace.path(self._datasets[claim.spec.dataset])
        directory = self._workspace.path(claim.directory)
        self._claims[claim.token] = (claim, time.monotonic())
        self._report.claimed(claim)
        self._executor.submit(Job(claim.token, claim.spec, str(dataset), str(directory), resume))
        return True

    def _handle(self, token: str, event: Event, summary: Summary) -> None:
        if token not in self._claims:
            return
        claim, _ = self._claims[token]
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
        claim, started = self._claims.pop(token)
        summary.count(outcome)
        self._report.ended(claim, outcome, message, time.monotonic() - started)

    @contextmanager
    def _heartbeats(self) -> Iterator[None]:
        """A thread that keeps this driver's attempts alive, however long a worker computes."""
        done = threading.Event()

        def beat() -> None:
            while not done.wait(HEARTBEAT_SECONDS):
                tokens = list(self._claims)
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
