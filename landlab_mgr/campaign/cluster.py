"""Workers as Ray actors, on this machine or a cluster. The only module that imports Ray."""

import math
import os
import re
import socket
import threading
import time
import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

# Workers run in the environment of their node. Under `uv run` Ray would send the current directory, the workspace and
# its data included, to every node and build another environment there. It looks at this as it is imported.
os.environ["RAY_ENABLE_UV_RUN_RUNTIME_ENV"] = "0"

import ray
from ray._private import ray_constants
from ray.exceptions import OutOfMemoryError, RayError

from landlab_mgr import __version__
from landlab_mgr.catalog.lease import HEARTBEAT_SECONDS, LEASE_SECONDS
from landlab_mgr.errors import LandlabError
from landlab_mgr.records import Event, Failed, Task, ends
from landlab_mgr.spec.run import PolicySpec
from landlab_mgr.training.device import worker_environment
from landlab_mgr.training.worker import Worker
from landlab_mgr.workspace.display import errors

OBJECT_STORE_BYTES = 100 * 2**20
"""Events are small: data and checkpoints go through files."""
KNOCK_SECONDS = 10
RAY_ATTEMPTS = 4
"""Ray gives its own parts 30 s to start, which no setting changes: on a busy machine that is not enough at first."""
RAY_PAUSE_SECONDS = 5.0
START_ATTEMPTS = 3
"""A worker that fails to start so often in a row will not start."""
_Worker: Any = ray.remote(Worker)


@dataclass
class _Slot:
    """Room for one worker. `events` is what it sends of the group whose jobs `left` are not over."""

    actor: Any
    starting: Any
    """Its environment, once it is there; nothing is submitted before."""
    environment: Mapping[str, Any] | None = None
    events: Any = None
    left: set[str] = field(default_factory=set)


class RayExecutor:
    """Long-lived workers, one to a slot; a dead one is replaced, and its jobs end as lost or out of memory.

    They end by themselves once this process, stopped or cut off, gives no sign of life for a lease.

    Args:
        workers: how many; default: as many as the cluster has room for.
        policies: what a worker asks for, and how many jobs train side by side in it.
        address: HOST:PORT of a running cluster, or "auto"; default: one of our own on this machine.

    LandlabError where there is no such cluster, or no node of it has room for one worker.
    """

    def __init__(self, workers: int | None, policies: PolicySpec, address: str | None = None) -> None:
        self.width = policies.members
        _connect(workers, policies, address)
        try:
            self._needs = _needs(policies)
            room = _room(self._needs)
            if not room:
                raise LandlabError(
                    f"no node has room for a worker of {_spelled(self._needs)}; the cluster has "
                    f"{_spelled(ray.cluster_resources())}: ask for less with --cpus, --gpus or --memory"
                )
            self._failed_starts = 0
            self._told: list[tuple[str, Event]] = []
            self.workers = workers or room
            self._slots = [self._start() for _ in range(self.workers)]
            self._closed = threading.Event()
            self._signs = threading.Thread(target=self._give_signs, name="landlab-signs", daemon=True)
            self._signs.start()
        except BaseException as error:
            ray.shutdown()
            if isinstance(error, RayError):
                raise LandlabError(
                    f"Ray does not answer: {_reason(error)}; --executor local does without"
                ) from error
            raise

    def _start(self) -> _Slot:
        needs = dict(self._needs)
        environment = worker_environment(needs["CPU"], needs["GPU"])
        actor = _Worker.options(
            num_cpus=needs["CPU"],
            num_gpus=needs["GPU"],
            memory=needs["memory"],
            max_restarts=0,  # the catalog owns attempts
            max_task_retries=0,
            max_concurrency=2,  # one trains, one takes `drop`, `remove` and `hear`
            runtime_env={"env_vars": environment},
        ).remote(LEASE_SECONDS)
        return _Slot(actor, actor.environment.remote())

    def _give_signs(self) -> None:
        while not self._closed.wait(HEARTBEAT_SECONDS):
            for slot in list(self._slots):
                slot.actor.hear.remote()

    def idle(self) -> Mapping[str, Any] | None:
        """Return what the first worker that waits for a group runs on."""
        slot = self._first_idle()
        return None if slot is None else slot.environment

    def _first_idle(self) -> _Slot | None:
        return next((s for s in self._slots if s.environment is not None and s.events is None), None)

    def submit(self, tasks: Sequence[Task]) -> None:
        """Give the first idle worker a group."""
        slot = self._first_idle()
        assert slot is not None
        slot.left = {task.key for task in tasks}
        slot.events = slot.actor.run.options(num_returns="streaming").remote(list(tasks), self.width)

    def poll(self, timeout: float) -> list[tuple[str, Event]]:
        """Return what workers sent, and the ends of jobs whose worker died.

        Another worker starts in its place.
        """
        told, self._told = self._told, []
        waiting = {slot.starting if slot.events is None else slot.events: slot for slot in self._slots}
        waiting = {r: s for r, s in waiting.items() if s.environment is None or s.events is not None}
        if not waiting:
            if not told:
                time.sleep(timeout)  # nobody works: only others' runs are left
            return told
        refs = list(waiting)
        ready, _ = ray.wait(refs, num_returns=1, timeout=0 if told else timeout)
        if ready:
            ready, _ = ray.wait(refs, num_returns=len(refs), timeout=0)
        for ref in ready:
            slot = waiting[ref]
            if slot.environment is None:
                self._started(slot)
            else:
                told += self._next(slot)
        return told

    def _started(self, slot: _Slot) -> None:
        try:
            environment = ray.get(slot.starting)
        except RayError as error:
            self._failed_starts += 1
            if self._failed_starts >= START_ATTEMPTS:
                raise LandlabError(
                    f"workers do not start: {_reason(error)}; see JAX_PLATFORMS and XLA_FLAGS on their nodes"
                ) from error
            self._replace(slot)
            return
        theirs = environment["versions"]["landlab_mgr"]
        if theirs != __version__:
            raise LandlabError(
                f"a worker on {environment['versions']['worker_host']} has landlab_mgr {theirs}, this driver "
                f"{__version__}; install the same on every node"
            )
        self._failed_starts = 0
        slot.environment = environment

    def _next(self, slot: _Slot) -> list[tuple[str, Event]]:
        """Return the next event of a busy worker.

        It is none where the group is over, and the ends of its jobs where the worker is.
        """
        try:
            token, event = ray.get(next(slot.events))
        except StopIteration:
            slot.events, slot.left = None, set()
            return []
        except RayError as error:
            return self._gone(slot, error)
        if token not in slot.left:
            return []
        if ends(event):
            slot.left.discard(token)
        return [(token, event)]

    def _gone(self, slot: _Slot, error: RayError) -> list[tuple[str, Event]]:
        out_of_memory = isinstance(error, OutOfMemoryError)
        left = slot.left
        self._replace(slot)
        host = (slot.environment or {})["versions"]["worker_host"]
        message = f"its worker on {host} died: {_reason(error)}"
        failed = Failed("oom" if out_of_memory else "lost", message, "")
        return [(token, failed) for token in sorted(left)]

    def _replace(self, slot: _Slot) -> None:
        ray.kill(slot.actor)
        self._slots[self._slots.index(slot)] = self._start()

    def drop(self, token: str) -> None:
        """Tell the worker that holds this job, if any; it looks before every epoch."""
        for slot in self._slots:
            if token in slot.left:
                slot.left.discard(token)
                slot.actor.drop.remote(token)

    def remove(self, token: str, checkpoint: str) -> None:
        """Let the worker that holds this job remove a checkpoint that nobody needs any more."""
        for slot in [s for s in self._slots if token in s.left]:
            slot.actor.remove.remote(checkpoint)

    def kill(self, token: str, reason: str) -> None:
        """End the process that holds this job; the next poll tells of its group's jobs."""
        for slot in [s for s in self._slots if token in s.left]:
            self._told += [(t, Failed("lost", reason, "")) for t in sorted(slot.left)]
            self._replace(slot)

    def close(self) -> None:
        """End all workers, and the cluster where it is our own."""
        self._closed.set()
        self._signs.join()
        for slot in self._slots:
            ray.kill(slot.actor)
        ray.shutdown()


def _connect(workers: int | None, policies: PolicySpec, address: str | None) -> None:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR", "namespace": "landlab"}
    if address not in (None, "auto"):
        _knock(address)
    own: dict[str, Any] = {"include_dashboard": False, "object_store_memory": OBJECT_STORE_BYTES}
    if workers is not None:
        own["num_cpus"] = math.ceil(workers * policies.cpus)
    _listen(to_others=address is not None)
    for attempt in range(1, RAY_ATTEMPTS + 1):
        try:
            with warnings.catch_warnings():
                # JAX warns of forks; these become other programs at once
                warnings.filterwarnings("ignore", "os.fork", RuntimeWarning)
                ray.init(address or "local", **({} if address else own), **quiet)
            return
        except (
            Exception,
            SystemExit,
        ) as error:  # Ray raises plain exceptions, and exits where a part of it dies
            with suppress(Exception):
                ray.shutdown()
            if address is None and attempt < RAY_ATTEMPTS and _is_late(error):
                load, cores = os.getloadavg()[0], len(os.sched_getaffinity(0))
                errors.print(
                    f"Ray did not start in time (load {load:.0f} on {cores} cores); "
                    f"attempt {attempt + 1} of {RAY_ATTEMPTS}",
                    markup=False,
                )
                time.sleep(RAY_PAUSE_SECONDS * attempt)
                continue
            where = "on this machine" if address is None else f"at {address}"
            advice = (
                "--executor local trains without it, TMPDIR names where it keeps its files"
                if address is None
                else "see `ray status` there"
            )
            raise LandlabError(f"no Ray cluster {where}: {_reason(error)}; {advice}") from error


def _is_late(error: BaseException) -> bool:
    """Check whether a start of Ray ran out of time.

    That happens on a machine that is busy, and the next start may succeed.
    """
    text = f"{type(error).__name__} {error}".lower()
    words = (
        "timed out",
        "timeout",
        "overloaded",
        "deadline",
        "failed to start",
        "systemexit",
        "not available",
    )
    return any(word in text for word in words)


def _listen(to_others: bool) -> None:
    """Have a cluster of our own listen on loopback alone: Ray's switch for desktops, which it reads as it is imported.

    By default its store, schedulers and this process are open to the network.
    """
    os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "1" if to_others else "0"
    ray_constants.ENABLE_RAY_CLUSTER = to_others


def _knock(address: str) -> None:
    """LandlabError where nobody listens at an address: Ray itself would go on trying for minutes."""
    host, _, port = address.rpartition("://")[2].rpartition(":")
    try:
        if not host or not port.isdecimal():
            raise ValueError("not HOST:PORT")
        socket.create_connection((host, int(port)), timeout=KNOCK_SECONDS).close()
    except (OSError, ValueError, OverflowError) as error:
        raise LandlabError(
            f"--address {address}: {error}; give HOST:PORT of the cluster's head as `ray start` printed it, or auto"
        ) from None


def _needs(policies: PolicySpec) -> dict[str, float]:
    """Return what a worker asks for, in Ray's words.

    It asks for a GPU by default where the cluster has one.
    """
    gpus = policies.gpus
    if gpus is None:
        gpus = 1.0 if ray.cluster_resources().get("GPU") else 0.0
    return {"CPU": policies.cpus, "GPU": gpus, "memory": policies.memory_gb * 1e9}


def _room(needs: Mapping[str, float]) -> int:
    """Count the workers that the living nodes have room for, were they empty."""
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    wanted = {name: amount for name, amount in needs.items() if amount}
    return sum(
        min(math.floor(node.get(name, 0) / amount + 1e-9) for name, amount in wanted.items())
        for node in nodes
    )


def _spelled(resources: Mapping[str, float]) -> str:
    memory = resources.get("memory", 0) / 1e9
    parts = [f"{resources.get(name, 0):g} {name}s" for name in ("CPU", "GPU") if resources.get(name)]
    return ", ".join(parts + ([f"{memory:.1f} GB"] if memory else []))


def _reason(error: BaseException) -> str:
    """Return what matters of Ray's many lines, in one."""
    cause = getattr(error, "cause", None)  # of what a worker's own code raised, without its traceback
    text = " ".join(str(error if cause is None else cause).split())
    found = re.search(r"Worker exit detail: (.*?)( Some common causes|$)", text)
    found = found or re.search(r"The actor is dead because (.*)", text)
    text = found[1] if found else text
    return text if len(text) <= 200 else f"{text[:197]}..."
