"""Settings of XLA that must be in the environment before JAX starts. JAX-free."""

import os

from landlab_mgr.storage.location import cache_directory

XLA_OPTION = "xla_cpu_use_multi_output_fusion=true"
"""One loop for the several results of a step instead of one each: 1.3x the training speed on a CPU, 0.7x the compile
time (`landlab bench train`, with and without)."""


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
