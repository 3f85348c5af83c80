"""Every verb called once in this process, whatever its surroundings; quick to import where a test mounts a disk."""

import importlib
import json
import sys
from pathlib import Path

import typer

from landlab_mgr import cli

from .command import _in_this_process

ELSEWHERE = {
    "app": "serves until it is stopped; tests/app starts it",
    "demo": "trains; makes a workspace of its own",
    "bench train": "trains; needs no workspace",
    "bench scaling": "trains; needs no workspace",
    "bench stream": "trains; needs no workspace",
    "guide": "needs no workspace",
    "completion": "prints a script; needs no workspace",
    "data fetch": "asks the network",
}
ARGUMENTS = {
    "run": ["status = 'cancelled'", "--executor", "local"],
    "ls": ["metrics.dev.lai.R2 > 0", "--json"],
    "cancel": ["seed = 7"],
    "delete": ["seed = 7"],
    "tag": ["seed = 0", "kept"],
    "show": ["RUN"],
    "analyse": ["curve"],
    "trace": ["FIGURE"],
    "reproduce": ["paper", "--grid", "none"],
    "report": ["--ensemble", "none"],
    "data twin": ["--patches", "0"],
    "data import": ["fluxval", "NOTHING"],
    "data show": ["twin-6x2x3-s0"],
    "data check": ["twin-6x2x3-s0"],
    "grid register": ["GRID"],
    "grid prune": ["tiny"],
    "grid missing": ["tiny"],
    "ensemble select": ["--grid", "tiny", "--keep", "1"],
    "ensemble show": ["none"],
    "ensemble calibrate": ["seed = 7"],
    "ensemble predict": ["seed = 7", "--data", "twin-6x2x3-s0", "--out", "OUT"],
    "tune FILE": ["NOTHING"],
    "tune show": ["none"],
    "tune promote": ["none", "--as", "name"],
    "catalog copy": ["COPY"],
    "catalog export": ["EXPORT"],
}
"""What verbs are given that do nothing without; the rest are called with the workspace alone."""


def verbs():
    """Names of all verbs, those of groups with the group's."""
    for name, (module, _) in cli.VERBS.items():
        commands = typer.main.get_group(importlib.import_module(f"landlab_mgr.cli.{module}").app).commands
        yield from [name] if name in commands else (f"{name} {verb}" for verb in commands)


def call_all(root, out, *options):
    """Exit code, output and errors of each verb."""
    out = Path(out)
    names = {
        **{"NOTHING": out / "nothing", "OUT": out / "p.nc", "COPY": out / "copy", "EXPORT": out / "runs.csv"},
        **{"GRID": out / "grid.toml", "FIGURE": out / "figure.png", "RUN": (out / "run").read_text()},
    }
    answers = {}
    for verb in verbs():
        if verb not in ELSEWHERE and (verb != "init" or Path(root).exists()):
            arguments = [str(names.get(a, a)) for a in ARGUMENTS.get(verb, [])]
            done = _in_this_process(
                [*verb.removesuffix(" FILE").split(), *arguments, "-w", str(root), *options], out
            )
            answers[verb] = [done.returncode, done.stdout, done.stderr]
    return answers


if __name__ == "__main__":
    print(json.dumps(call_all(*sys.argv[1:])))
