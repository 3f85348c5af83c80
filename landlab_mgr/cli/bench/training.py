"""`landlab bench train`: how fast one program trains, members side by side if asked."""

import os
import resource
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import jax

from landlab_mgr.cli.bench import synthetic
from landlab_mgr.data import batch
from landlab_mgr.models import registry
from landlab_mgr.observations.calendar import Calendar
from landlab_mgr.spec.run import RunSpec, validated
from landlab_mgr.training import train, update
from landlab_mgr.training.checkpoint import Lane

PAPER_PIXEL_MONTHS = 164_040 * 168
PAPER_EPOCHS = 199
WARM_UP = 2


@dataclass(frozen=True)
class Figures:
    """Rates are of all members together; times are medians over the updates, and the fastest."""

    device: str
    cores: int
    pixels: int
    steps: int
    step: str
    members: int
    process: str
    """Processes that are not the model's defaults, as KIND=NAME."""
    compile_seconds: float
    compile_forward_seconds: float
    update_ms: float
    fastest_update_ms: float
    training_pixel_steps_per_s: float
    fastest_training_pixel_steps_per_s: float
    forward_pixel_steps_per_s: float
    updates_per_s: float
    peak_memory_gb: float
    paper_run_minutes: float
    """One member of the paper: 164,040 pixels x 168 months x 199 epochs."""


class Program:
    """A compiled update of some members on one batch of synthetic pixels, and its forward pass."""

    def __init__(
        self,
        pixels: int,
        steps: int,
        members: int,
        process: Mapping[str, str],
        step: synthetic.Step = "month",
    ) -> None:
        ds = synthetic.dataset(pixels, steps, step)
        asked = {
            "dataset": "0" * 16,
            "predictors": (synthetic.GROUP,),
            "process": process,
            "split": {"kind": "all"},
        }
        spec = validated(RunSpec, asked, "bench train")
        member = batch.Member.of(spec, ds)
        self._arrays = batch.load(ds, registry.model(spec.model))
        lane = Lane(spec, member, Path())  # nothing is committed
        static = train.static_of(lane, self._arrays, Calendar.of(ds))
        state = update.initial_state(spec, member)
        self._state = jax.device_put(update.stack([state] * members))
        view = update.stack([member.view] * members)
        order = update.stack([member.batches(spec.seeds.shuffle, 1)] * members)
        hyper = update.stack([update.hyper(spec, member, static.terms)] * members)
        self._rest = jax.device_put((view, order, hyper))
        self._none = update.no_terms(static.terms, members)
        self._static = static

    def compile_update(self) -> None:
        """Compile what `update` runs."""
        arguments = (self._state, self._none, self._arrays, *self._rest)
        self._update = update.train_batches.lower(*arguments, static=self._static).compile()

    def update(self) -> None:
        """Train every member by one update."""
        self._state, terms = self._update(self._state, self._none, self._arrays, *self._rest)
        jax.block_until_ready(terms)

    def compile_forward(self) -> None:
        """Compile what `forward` runs."""
        arguments = (self._state.params, self._none, self._arrays, *self._rest)
        self._forward = update.score_batches.lower(*arguments, static=self._static).compile()

    def forward(self) -> None:
        """Every member's loss, without learning."""
        jax.block_until_ready(self._forward(self._state.params, self._none, self._arrays, *self._rest))


def seconds_of(call: Callable[[], None], times: int) -> list[float]:
    """Wall time of each of some calls."""
    found = []
    for _ in range(times):
        started = time.perf_counter()
        call()
        found.append(time.perf_counter() - started)
    return found


def measure(
    pixels: int,
    steps: int,
    members: int,
    updates: int,
    process: Mapping[str, str] = MappingProxyType({}),
    step: synthetic.Step = "month",
) -> Figures:
    """Compile and time a program of the default model; persistent compilation caches are not used.

    `process` has the processes that are not the model's defaults, by kind.
    """
    jax.config.update("jax_enable_compilation_cache", False)
    program = Program(pixels, steps, members, process, step)
    [compile_update] = seconds_of(program.compile_update, 1)
    [compile_forward] = seconds_of(program.compile_forward, 1)
    forward = statistics.median(seconds_of(program.forward, updates + WARM_UP)[WARM_UP:])
    taken = seconds_of(program.update, updates + WARM_UP)[WARM_UP:]
    update, fastest = statistics.median(taken), min(taken)
    work = pixels * steps * members
    memory = jax.devices()[0].memory_stats() or {}
    peak = memory.get("peak_bytes_in_use", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
    return Figures(
        device=jax.devices()[0].device_kind,
        cores=len(os.sched_getaffinity(0)),
        pixels=pixels,
        steps=steps,
        step=step,
        members=members,
        process=",".join(f"{kind}={name}" for kind, name in process.items()),
        compile_seconds=compile_update,
        compile_forward_seconds=compile_forward,
        update_ms=update * 1e3,
        fastest_update_ms=fastest * 1e3,
        training_pixel_steps_per_s=work / update,
        fastest_training_pixel_steps_per_s=work / fastest,
        forward_pixel_steps_per_s=work / forward,
        updates_per_s=1 / update,
        peak_memory_gb=peak / 1e9,
        paper_run_minutes=PAPER_PIXEL_MONTHS * PAPER_EPOCHS / (work / update) / 60,
    )
