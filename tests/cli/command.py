"""The command line: in this process, but for what trains or predicts, which gets one of its own."""

import contextlib
import io
import os
import subprocess
import sys
import traceback
from pathlib import Path

from landlab_mgr import cli

GRID = """
name = "tiny"
dataset = "{dataset}"
setups = [["PFT", "CLIM"], ["CONTROL"]]
seeds = {seeds}
[base]
warmup_months = 12
[base.optimizer]
epochs = {epochs}
learning_rate = 1e-3
patches_per_batch = 0
"""

COMPUTING = (
    "run",
    "demo",
    "app",
    "bench",
    "report",
    "reproduce",
    "data twin",
    "data fetch",
    "ensemble predict",
    "analyse shap",
)
"""Verbs that use JAX, in 32 bits, where this process has 64; or that do not end, or start processes themselves.

Where they are refused, none of that happens yet."""


def command(*arguments, workspace=None):
    return [sys.executable, "-m", "landlab_mgr.cli", *_complete(arguments, workspace)]


def _complete(arguments, workspace):
    where = [] if workspace is None else ["-w", str(workspace)]
    if arguments[0] == "run" and not {"--workers", "--executor", "--address"} & set(arguments):
        where += [
            "--workers",
            "1",
        ]  # in its own process: most tests are not about Ray, whose start takes seconds
    return [*map(str, arguments), *where]


def _computes(arguments):
    words = " ".join(map(str, arguments[:2]))
    if arguments[0] == "tune":
        return arguments[1] not in ("show", "promote")
    return any(words == verb or words.startswith(f"{verb} ") for verb in COMPUTING)


def _in_this_process(arguments, cwd):
    out, err = io.StringIO(), io.StringIO()
    code = 0
    with (
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        contextlib.chdir(Path(cwd or os.curdir)),
    ):
        try:
            cli.call(arguments)
        except SystemExit as end:
            code = end.code or 0
        except Exception:  # as Python ends a process
            traceback.print_exc()
            code = 1
    return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())


def landlab(*arguments, workspace=None, code=0, cwd=None, process=False):
    """Call it; `process=True` where imports, warnings or the environment of a process are the point."""
    if process or (code != 2 and _computes(arguments)):
        done = subprocess.run(
            command(*arguments, workspace=workspace), capture_output=True, text=True, timeout=600, cwd=cwd
        )
    else:
        done = _in_this_process(_complete(arguments, workspace), cwd)
    assert done.returncode == code, done.stdout + done.stderr
    return done


def refused(*arguments, workspace=None, cwd=None, process=False):
    """Bad input: exit code 2 and one line; returns it."""
    done = landlab(*arguments, workspace=workspace, code=2, cwd=cwd, process=process)
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("error: ")
    return lines[0]


def grid_file(path, dataset, seeds=1, epochs=3):
    path.write_text(GRID.format(dataset=dataset, seeds=seeds, epochs=epochs))
    return path
