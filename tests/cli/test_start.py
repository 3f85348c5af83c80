"""Starting: what is not used is not imported, and the help is complete without it."""

import json
import shutil
import subprocess
import sys

import pytest
import typer

from landlab_mgr import cli
from landlab_mgr.catalog import Catalog

from .command import grid_file

LARGE = ["alembic", "jax", "lark", "matplotlib", "numpy", "optuna", "pandas", "ray", "sqlalchemy", "xarray"]
PROGRAM = """
import json, sys
from landlab_mgr.cli import main
for arguments in json.loads(sys.argv[1]):
    sys.argv = ["landlab", *arguments]
    try:
        main()
    except SystemExit as end:
        assert not end.code, (arguments, end.code)
print("\\n" + json.dumps(sorted(sys.modules)))
"""


def imported(*calls):
    """Packages and modules that these calls of the command import, one after the other in one process."""
    arguments = json.dumps([[str(argument) for argument in call] for call in calls])
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, arguments], capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("option", ["--version", "--help"])
def test_version_and_help_import_nothing_large(option):
    assert not imported([option]) & {*LARGE}


def test_the_version_needs_no_rich():
    assert "rich" not in imported(["--version"])


def test_reading_the_catalog_takes_neither_arrays_nor_frames(twin_workspace):
    """They, JAX and a mapper of tables would make up most of the second that a verb may take."""
    with Catalog(twin_workspace / "landlab.db") as catalog:
        one, other = catalog.run_ids()
    verbs = (
        ["ls"],
        ["ls", "metrics.dev.lai.R2 > -100", "--sort", "-dev.lai.R2", "--json"],
        ["ls", "--columns", "setup,dev.lai.R2"],
        ["ls", "--group"],
        ["show", one],
        ["show", one, other],
        ["status"],
        ["data", "ls"],
        ["grid", "ls"],
        ["grid", "missing", "tiny"],
        ["ensemble", "ls"],
        ["catalog", "current"],
    )
    modules = imported(*([*verb, "-w", twin_workspace] for verb in verbs))
    large = {*LARGE, "sqlalchemy.orm", "pyarrow", "zarr"} - {"lark", "sqlalchemy"}
    assert not modules & large
    modules = imported(
        *([*verb, "-w", twin_workspace] for verb in (["catalog", "gc"], ["delete", "seed = 0"]))
    )
    assert not modules & large - {"numpy"}


def test_registering_a_grid_needs_no_jax(planet_workspace, tmp_path):
    root = shutil.copytree(planet_workspace, tmp_path / "ws")
    file = grid_file(tmp_path / "tiny.toml", "twin-6x2x3-s0")
    assert not imported(["grid", "register", file, "-w", root]) & {"jax", "flax", "optax", "ray"}


def test_lines_of_the_help_are_those_of_the_verbs():
    lines = {
        name: command.help.split("\n\n")[0]
        for name, command in typer.main.get_command(cli.app).commands.items()
    }
    assert {name: line for name, (_, line) in cli.VERBS.items()} == lines


def test_every_verb_of_every_module_is_in_the_help():
    modules = {module for module, _ in cli.VERBS.values()}
    for module in modules:
        group = typer.main.get_group(__import__(f"landlab_mgr.cli.{module}", fromlist=["app"]).app)
        in_group = any(m == module and name not in group.commands for name, (m, _) in cli.VERBS.items())
        assert in_group or {*group.commands} <= {*cli.VERBS}
