"""Starting: what is not used is not imported, and the help is complete without it."""

import json
import shutil
import subprocess
import sys

import pytest
import typer

from landlab_mgr import cli

from .command import grid_file

LARGE = ["alembic", "jax", "lark", "matplotlib", "numpy", "optuna", "pandas", "ray", "sqlalchemy", "xarray"]
PROGRAM = """
import json, sys
from landlab_mgr.cli import main
sys.argv = ["landlab", *sys.argv[1:]]
try:
    main()
finally:
    print("\\n" + json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def imported(*arguments):
    """Packages that a call of the command imports."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *map(str, arguments)], capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("option", ["--version", "--help"])
def test_version_and_help_import_nothing_large(option):
    assert not imported(option) & {*LARGE}


def test_the_version_needs_no_rich():
    assert "rich" not in imported("--version")


@pytest.mark.parametrize("verb", ["ls", "catalog gc"])
def test_reading_the_catalog_opens_no_dataset(verb, twin_workspace):
    assert not imported(*verb.split(), "-w", twin_workspace) & {
        "jax",
        "matplotlib",
        "optuna",
        "ray",
        "xarray",
        "zarr",
    }


def test_registering_a_grid_needs_no_jax(planet_workspace, tmp_path):
    root = shutil.copytree(planet_workspace, tmp_path / "ws")
    file = grid_file(tmp_path / "tiny.toml", "twin-6x2x3-s0")
    assert not imported("grid", "register", file, "-w", root) & {"jax", "flax", "optax", "ray"}


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
