"""Settings of XLA that must be in the environment before JAX starts. JAX-free."""

import os
import subprocess
import sys
from collections.abc import Sequence

from landlab_mgr.errors import LandlabError
from landlab_mgr.storage.location import cache_directory

XLA_OPTION = "xla_cpu_use_multi_output_fusion=true"
"""One loop for the several results of a step instead of one each: 1.3x the training speed on a CPU, 0.7x the compile
time (`landlab bench train`, with and without)."""


VERBS = ("run", "tune", "demo", "analyse", "report", "bench", "data twin", "ensemble predict")
"""Those that compute with JAX."""
HARMLESS = (
    ("JAX_PLATFORMS", "cpu"),
    ("JAX_COMPILATION_CACHE_DIR", None),
    ("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", None),
)
"""Settings that need no trial: those that landlab makes itself, and the one that always works."""


def check(arguments: Sequence[str]) -> None:
    """LandlabError where JAX cannot start as the environment says and the verb needs it.

    A process of its own tries, since XLA ends one that has a flag which it does not know; without settings of JAX or
    XLA there is nothing to try. On a cluster the workers' environment counts, not this one's.
    """
    settings = _settings()
    verb = " ".join(arguments[:2])
    if not settings or not any(verb == v or arguments[:1] == [v] for v in VERBS) or "--address" in arguments:
        return
    program = [sys.executable, "-c", "import jax; jax.devices()"]
    done = subprocess.run(program, capture_output=True, text=True, errors="replace")
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"]
        telling = [line for line in said if "nknown flag" in line or "Unable to initialize" in line]
        reason = (telling or said)[-1].rpartition("] ")[2].removeprefix("RuntimeError: ")
        raise LandlabError(f"JAX does not start with {', '.join(settings)}: {reason}; unset or correct it")


def _settings() -> list[str]:
    """List settings of JAX and XLA that somebody made, as NAME=value."""
    flags = [
        f for f in os.environ.get("XLA_FLAGS", "").split() if f != f"--xla_backend_extra_options={XLA_OPTION}"
    ]
    made = [(name, value) for name, value in os.environ.items() if name.startswith("JAX_") and value]
    named = [f"{n}={v}" for n, v in made if (n, v) not in HARMLESS and (n, None) not in HARMLESS]
    return named + ([f"XLA_FLAGS={' '.join(flags)}"] if flags else [])


def configure() -> None:
    """Add what landlab wants to XLA_FLAGS, and keep compiled programs, unless the user chose otherwise.

    All of them are kept, however small: the sixty of a network's first weights take 3 s to compile.
    """
    os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(cache_directory() / "xla"))
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
    os.environ["XLA_FLAGS"] = _flags()


def _flags() -> str:
    flags = os.environ.get("XLA_FLAGS", "")
    if "xla_backend_extra_options" in flags:  # XLA takes them once
        return flags
    return f"{flags} --xla_backend_extra_options={XLA_OPTION}".strip()


def worker_environment(cpus: float, gpus: float) -> dict[str, str]:
    """Environment in which a worker process starts, so that N workers of a machine do not fight.

    Args:
        cpus: cores of the worker; it runs as many threads, at least one.
        gpus: GPUs of the worker: of a fraction, so much of its memory; at 0 it trains on the CPU.
    """
    threads = str(max(1, int(cpus)))
    counts = ("NPROC", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")  # NPROC is XLA's
    settings = dict.fromkeys(counts, threads) | {"XLA_FLAGS": _flags()}
    if gpus == 0:
        return settings | {"JAX_PLATFORMS": "cpu"}
    return settings | {"XLA_PYTHON_CLIENT_MEM_FRACTION": f"{0.9 * min(gpus, 1.0):.3f}"}
