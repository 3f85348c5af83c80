"""`landlab bench scaling`: what a second worker process gains, beside what a second copy of plain arithmetic gains.

A shared machine may not give two cores twice the work of one; workers are held to what arithmetic alone gets there.
"""

import multiprocessing
import os
import statistics
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection

from landlab_mgr.errors import LandlabError


@dataclass(frozen=True)
class Figures:
    """Gains are rates of two processes over the rate of one, medians over the rounds."""

    pixels: int
    months: int
    rounds: int
    worker_rate: float
    """Pixel-months per second of one worker."""
    worker_gain: float
    arithmetic_gain: float
    ratio: float
    """worker_gain / arithmetic_gain."""


def _serve(kind: str, core: int, pixels: int, months: int, pipe: Connection) -> None:
    """Serve as a process pinned to one core.

    Told for how long, it works and answers how much per second.
    """
    os.sched_setaffinity(0, {core})  # before JAX counts the cores
    if kind == "worker":
        from landlab_mgr.cli.bench.training import Program

        program = Program(pixels, months, 1, {})
        program.compile_update()
        work, unit = program.update, pixels * months
    else:
        work, unit = _arithmetic, 1
    work()
    pipe.send("ready")
    while (seconds := pipe.recv()) is not None:
        done, started = 0, time.perf_counter()
        while time.perf_counter() - started < seconds:
            work()
            done += unit
        pipe.send(done / (time.perf_counter() - started))


def _arithmetic() -> None:
    x = 1
    for _ in range(50_000):
        x = (x * 1_103_515_245 + 12_345) % 2_147_483_648


def measure(pixels: int, months: int, seconds: float, rounds: int) -> Figures:
    """Alternate, in every round, one and two workers and one and two arithmetic loops, each on a core of its own."""
    cores = sorted(os.sched_getaffinity(0))[:2]
    if len(cores) < 2:
        raise LandlabError(
            "bench scaling needs two cores; this process may use one: start it without taskset"
        )
    spawn = multiprocessing.get_context("spawn")
    pipes: dict[str, list[Connection]] = {"worker": [], "arithmetic": []}
    processes = []
    for kind, ends in pipes.items():
        for core in cores:
            ours, theirs = spawn.Pipe()
            process = spawn.Process(target=_serve, args=(kind, core, pixels, months, theirs), daemon=True)
            process.start()
            theirs.close()
            ends.append(ours)
            processes.append(process)
    for ends in pipes.values():
        for end in ends:
            end.recv()

    def rate(kind: str, copies: int) -> float:
        for end in pipes[kind][:copies]:
            end.send(seconds)
        return sum(end.recv() for end in pipes[kind][:copies])

    rates: dict[str, list[tuple[float, float]]] = {kind: [] for kind in pipes}
    for _ in range(rounds):
        for kind in pipes:
            rates[kind].append((rate(kind, 1), rate(kind, 2)))
    for ends in pipes.values():
        for end in ends:
            end.send(None)
    for process in processes:
        process.join()
    gains = {kind: statistics.median(two / one for one, two in pairs) for kind, pairs in rates.items()}
    return Figures(
        pixels=pixels,
        months=months,
        rounds=rounds,
        worker_rate=statistics.median(one for one, _ in rates["worker"]),
        worker_gain=gains["worker"],
        arithmetic_gain=gains["arithmetic"],
        ratio=gains["worker"] / gains["arithmetic"],
    )
