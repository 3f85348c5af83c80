"""Settings of XLA that must be in the environment before JAX starts. JAX-free."""

import os

XLA_OPTION = "xla_cpu_use_multi_output_fusion=true"
"""One loop for the several results of a step instead of one each: 1.3x the training speed on a CPU, 0.7x the compile
time (`landlab bench train`, with and without)."""


def configure() -> None:
    """Add what landlab wants to XLA_FLAGS, unless the user chose backend options of their own."""
    flags = os.environ.get("XLA_FLAGS", "")
    if "xla_backend_extra_options" not in flags:
        os.environ["XLA_FLAGS"] = f"{flags} --xla_backend_extra_options={XLA_OPTION}".strip()
