"""The driver: claims runs, hands them to an executor, and records what comes back.

Workers never write to the database. Several drivers may share a catalog; a killed one loses only what no checkpoint
held, and any other, or the next `landlab run`, takes its runs back.
"""

import os
import signal
import statistics
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from queue import SimpleQueue
from types import FrameType
from typing import Protocol

from landlab_mgr.campaign.executor import Executor
from landlab_mgr.campaign.queue import Queue
from landlab_mgr.catalog import Catalog, CatalogAway, Claim, Environment, StaleToken
from landlab_mgr.catalog.lease import HEARTBEAT_SECONDS, LEASE_SECONDS, driver_is_dead, this_host
from landlab_mgr.errors import LandlabError
from landlab_mgr.records import Event, Failed, Progress, Result, Task
from landlab_mgr.spec.run import PolicySpec
from landlab_mgr.storage import artifacts
from landlab_mgr.storage.provenance import code
from landlab_mgr.training import run
from landlab_mgr.workspace.workspace import Workspace

WATCH_SECONDS = 1.0
STALL_FACTOR = 20
"""A worker is lost when it is silent for this many times what is usual between its events, and the stall time."""


class Report(Protocol):
    """Listener that is told what happens; the command line draws it."""

    def claimed(self, claim: Claim) -> None:
        """Report that a run was claimed and submitted."""

    def progress(self, claim: Claim, progress: Progress) -> None:
        """Epochs of a run are committed."""

    def ended(self, claim: Claim, outcome: str, message: str, seconds: float, state: str) -> None:
        """Report that an attempt ended: ok, nan, oom, error, cancelled or lost.

        `state` is what its run is now.
        """

    def outage(self, message: str) -> None:
        """Report that the catalog's database is away, or back."""


@dataclass
class Summary:
    """Summary of what a driver did."""

    outcomes: dict[str, int] = field(default_factory=dict)
    failed: int = 0
    """Runs that are failed now, of those whose attempts ended here."""
    interrupted: bool = False

    def count(self, outcome: str) -> None:
        """Add one attempt with this outcome."""
        self.outcomes[outcome] = self.outcomes.get(outcome, 0) + 1


@dataclass
class _Going:
    """An attempt of this driver."""

    claim: Claim
    group: str
    """Token of the first attempt of its group."""
    started: float
    checkpoint: str = ""
    """Path of the latest of its own that the catalog names."""


class Driver:
    """Runs what is pending, until nothing is left or it is told to stop.

    Args:
        workspace: where runs write.
        catalog: what is asked, and where outcomes go.
        executor: who trains.
        report: who is told.
        policies: retries of lost runs, and how long a worker may be silent.
        max_failures: claim nothing more once so many runs have failed; default: no limit.
        from_start: a run whose checkpoint is missing or altered trains from epoch 1; by default it fails.
    """

    def __init__(
        self,
        workspace: Workspace,
        catalog: Catalog,
        executor: Executor,
        report: Report,
        policies: PolicySpec = PolicySpec(),
        max_failures: int | None = None,
        from_start: bool = False,
    ) -> None:
        self._workspace, self._catalog, self._executor, self._report = workspace, catalog, executor, report
        self._policies, self._max_failures, self._from_start = policies, max_failures, from_start
        self._going: dict[str, _Going] = {}
        self._heard: dict[str, float] = {}
        """Time each group was last heard of, by the token of its first attempt."""
        self._silences: deque[float] = deque(maxlen=200)
        """Seconds from one commit of a group to its next; what comes before the first may be compilation."""
        self._committed: set[str] = set()
        """Groups that have told of an epoch."""
        self._taken: SimpleQueue[str] = SimpleQueue()
        """Attempts of which a heartbeat learned that they hold their run no more."""
        self._backlog: deque[tuple[str, Event]] = deque()
        """Events that the executor told and the catalog does not know yet."""
        self._away_since: float | None = None
        """Time the catalog's database was away first, while it is."""
        self._queue = Queue(catalog, ())
        self._datasets: Mapping[str, str] = {}
        self._stop = threading.Event()

    def stop(self) -> None:
        """Claim nothing more and let go of what runs once its next epochs are committed."""
        self._stop.set()

    def run(self, run_ids: Sequence[str], more: Callable[[], Sequence[str]] = tuple) -> Summary:
        """Run everything pending among these, in their order.

        Args:
            run_ids: where it begins.
            more: asked for further runs whenever a worker is idle; the driver ends when nothing is pending after that.
        """
        summary = Summary()
        self._datasets = {d.fingerprint: d.url for d in self._catalog.datasets()}
        self._queue = queue = Queue(self._catalog, run_ids)
        last_reclaim = float("-inf")
        with self._heartbeats():
            try:
                while True:
                    nothing_left = False
                    try:
                        self._record(summary)
                        self._is_back()
                        if time.monotonic() - last_reclaim > LEASE_SECONDS / 2:
                            self._catalog.reclaim(LEASE_SECONDS, driver_is_dead, self._policies.retries)
                            last_reclaim = time.monotonic()
                        while (
                            not nothing_left
                            and self._may_claim(summary)
                            and self._executor.idle() is not None
                        ):
                            queue.add(more())
                            nothing_left = not self._start_group(queue, summary)
                        self._end_taken(summary)
                        if not self._going and (nothing_left or not self._may_claim(summary)):
                            if not self._may_claim(summary) or not self._watches(queue.run_ids):
                                break
                            time.sleep(WATCH_SECONDS)
                            last_reclaim = float("-inf")
                    except CatalogAway as error:
                        self._is_away(error)
                        time.sleep(WATCH_SECONDS)
                    if self._backlog and self._away_since is None:
                        continue  # runs that could not begin
                    for token, event in self._executor.poll(1.0):
                        self._hear(token, event)
                        self._backlog.append((token, event))
                    self._end_stalled()
            except KeyboardInterrupt:
                self._stop.set()
            finally:
                for token in list(self._going):  # interrupted: the runs go back to pending
                    try:
                        self._end(token, "cancelled", "the driver was interrupted", summary)
                    except CatalogAway as error:  # others take it back once this process is gone
                        self._forget(token, "unknown", str(error), summary)
                self._executor.close()
        summary.interrupted = self._stop.is_set()
        return summary

    def _is_away(self, error: CatalogAway) -> None:
        """Go on training for a while without the catalog; LandlabError where it is away for too long."""
        limit = 60 * self._policies.outage_minutes
        if self._away_since is None:
            self._away_since = time.monotonic()
            self._report.outage(f"{error}; training goes on, to be recorded within {limit:.0f} s")
        elif time.monotonic() - self._away_since > limit:
            raise LandlabError(
                f"{error}; it was away for {self._policies.outage_minutes:g} minutes (--outage waits longer): "
                "`landlab run` goes on from the epochs that it knows"
            ) from error

    def _is_back(self) -> None:
        if self._away_since is None:
            return
        seconds = time.monotonic() - self._away_since
        self._catalog.release(this_host(), os.getpid(), self._going)
        self._away_since = None
        self._report.outage(f"the catalog answers again after {seconds:.0f} s; all is recorded")

    def _watches(self, run_ids: Sequence[str]) -> bool:
        """Check whether another driver that holds some of these runs may yet turn out to be gone."""
        return not set(self._catalog.undecided(LEASE_SECONDS)).isdisjoint(run_ids)

    def _may_claim(self, summary: Summary) -> bool:
        enough = self._max_failures is not None and summary.failed >= self._max_failures
        return not enough and not self._stop.is_set()

    def _start_group(self, queue: Queue, summary: Summary) -> bool:
        """Claim the first pending run and more that may train beside it, and submit them; False if none is left."""
        claims: list[Claim] = []
        unusable: dict[str, str] = {}
        environment = self._environment()
        while len(claims) < self._executor.width:
            try:
                claim = queue.claim(
                    lambda candidates: self._catalog.claim(
                        this_host(),
                        os.getpid(),
                        directory_of=self._workspace.directory,
                        run_ids=candidates,
                        environment=environment,
                    ),
                    # the first comes first whatever its kind, so that no kind of run waits for ever
                    run.group_key(claims[0].spec) if claims else None,
                )
            except CatalogAway:
                if not claims:
                    raise
                break  # these are ours, and begin
            if claim is None:
                break
            going = _Going(claim, claims[0].token if claims else claim.token, time.monotonic())
            self._going[claim.token] = going
            self._heard.setdefault(going.group, going.started)
            try:
                problem = self._problem(claim)
                if problem and self._from_start:
                    going.claim = replace(claim, resume=None, epochs_done=0)
                elif problem:
                    unusable[claim.token] = problem
            finally:  # where the storage is out of reach, too: whoever ends was claimed
                self._report.claimed(going.claim)
            claims.append(going.claim)
        self._backlog.extend((token, Failed("error", problem)) for token, problem in unusable.items())
        with suppress(CatalogAway):  # recorded later
            self._record(summary)
        tasks = [self._task(claim) for claim in claims if claim.token not in unusable]
        if tasks:
            self._executor.submit(tasks)
            self._heard[claims[0].token] = time.monotonic()
        return bool(claims)

    def _problem(self, claim: Claim) -> str:
        """Reason why a run cannot go on where its last attempt was, and what to do; empty where it can."""
        if claim.resume is None:
            return ""
        path = self._workspace.path(claim.resume.path)
        if artifacts.intact(claim.resume, path):
            return ""
        return (
            f"its checkpoint {path}, which holds {claim.epochs_done} epochs, is "
            f"{'altered' if path.exists() else 'missing'}: restore it, or train from epoch 1 with "
            f"`landlab run \"run = '{claim.run_id}'\" --only failed --from-start`"
        )

    def _environment(self) -> Environment:
        """Code, and what the idle worker runs on.

        A run repeats to the bit only in the same mode, alone ("solo") or in a program of so many lanes ("vmap:4"),
        on as many threads of the same kind of machine.
        """
        mode = "solo" if self._executor.width == 1 else f"vmap:{self._executor.width}"
        commit, dirty_hash = code()
        return Environment(
            git_commit=commit, dirty_hash=dirty_hash, mode=mode, **(self._executor.idle() or {})
        )

    def _task(self, claim: Claim) -> Task:
        resume = None if claim.resume is None else str(self._workspace.path(claim.resume.path))
        dataset = self._workspace.path(self._datasets[claim.spec.dataset])
        directory = self._workspace.path(claim.directory)
        return Task(claim.token, claim.spec, str(dataset), str(directory), resume)

    def _hear(self, token: str, event: Event) -> None:
        """Note that a worker lives, and how long it was silent."""
        if token not in self._going:
            return
        group, now = self._going[token].group, time.monotonic()
        if isinstance(event, Progress):
            if group in self._committed:
                self._silences.append(now - self._heard[group])
            self._committed.add(group)
        self._heard[group] = now

    def _record(self, summary: Summary) -> None:
        """Tell the catalog what the executor told; what it cannot take now stays for later."""
        while self._backlog:
            self._handle(*self._backlog[0], summary)
            self._backlog.popleft()

    def _handle(self, token: str, event: Event, summary: Summary) -> None:
        if token not in self._going:
            return
        claim = self._going[token].claim
        try:
            if isinstance(event, Progress):
                self._catalog.record(token, event.epochs, self._workspace.catalogued(event.checkpoint))
                self._supersede(token, event.checkpoint.path)
                self._report.progress(claim, event)
                if self._stop.is_set():
                    self._end(token, "cancelled", "the driver was interrupted", summary)
            elif isinstance(event, Result):
                files = [self._workspace.catalogued(a) for a in event.artifacts]
                self._catalog.finish(token, event.metrics, files)
                self._forget(token, "ok", "", summary, "completed")
            elif isinstance(event, Failed):
                self._end(token, event.outcome, event.message, summary, event.traceback)
        except StaleToken as stale:
            self._executor.drop(token)
            # said twice, where the first answer was lost with the connection
            if isinstance(event, Result) and self._catalog.ending(token) == ("ok", "completed"):
                self._forget(token, "ok", "", summary, "completed")
            else:
                self._forget(token, "lost", str(stale), summary)

    def _supersede(self, token: str, checkpoint: str) -> None:
        """Have the checkpoint removed that the catalog named before this one, if it is of the same attempt."""
        going = self._going[token]
        if going.checkpoint not in ("", checkpoint):
            self._executor.remove(token, going.checkpoint)
        going.checkpoint = checkpoint

    def _end(
        self, token: str, outcome: str, message: str, summary: Summary, traceback: str | None = None
    ) -> None:
        self._executor.drop(token)
        state = "unknown"  # whoever took the run knows
        try:
            state = self._catalog.fail(token, outcome, message, traceback or None, self._policies.retries)
        except StaleToken:
            before = self._catalog.ending(token)
            if before is not None and before[0] == outcome:  # said twice
                state = before[1]
            else:
                outcome = "lost"
        self._forget(token, outcome, message, summary, state)

    def _end_taken(self, summary: Summary) -> None:
        """Drop attempts that somebody cancelled or took back, sooner than their next epochs would tell."""
        while not self._taken.empty():
            token = self._taken.get()
            if token in self._going:
                self._executor.drop(token)
                self._forget(token, "lost", "its run was cancelled or taken back", summary)

    def _end_stalled(self) -> None:
        """End workers of which nothing is heard for too long; the executor tells of their jobs as lost."""
        usual = statistics.median(self._silences) if self._silences else 0.0
        limit = max(60 * self._policies.stall_minutes, STALL_FACTOR * usual)
        now = time.monotonic()
        for group in {going.group for going in self._going.values()}:
            if now - self._heard[group] > limit:
                token = next(t for t, going in self._going.items() if going.group == group)
                self._executor.kill(token, f"hung: no epoch for {limit:.0f} s")
                self._heard[group] = now

    def _forget(
        self, token: str, outcome: str, message: str, summary: Summary, state: str = "unknown"
    ) -> None:
        going = self._going.pop(token)
        summary.count(outcome)
        summary.failed += state == "failed"
        if state in ("completed", "failed"):
            self._queue.end(going.claim.run_id)
        self._report.ended(going.claim, outcome, message, time.monotonic() - going.started, state)

    @contextmanager
    def _heartbeats(self) -> Iterator[None]:
        """Run a thread that keeps this driver's attempts alive, however long a worker computes."""
        done = threading.Event()

        def beat() -> None:
            while not done.wait(HEARTBEAT_SECONDS):
                tokens = list(self._going)
                try:
                    alive = self._catalog.heartbeat(tokens) if tokens else set()
                except LandlabError:
                    continue  # a database that is away for a while costs no attempt: the lease is longer
                for token in set(tokens) - alive:
                    self._taken.put(token)

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
