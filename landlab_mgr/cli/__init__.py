"""The `landlab` command: thin verbs over the package. Bad input is one line on stderr and exit code 2.

A start imports the module of the verb that is called and no other: `--version` and `--help` need this file alone. What
takes a second to import (JAX, Ray, plots) is imported inside a verb, after the checks of its arguments.
"""

import errno
import gc
import os
import sys
from collections import UserDict
from importlib import import_module
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperCommand, TyperGroup

from landlab_mgr import __version__
from landlab_mgr.cli.options import DatabaseOption, WorkspaceOption
from landlab_mgr.errors import LandlabError
from landlab_mgr.storage.location import expanded
from landlab_mgr.training import device

VERBS = {
    "init": ("workspace", "Make a workspace: a directory with a catalog, datasets and runs."),
    "demo": (
        "workspace",
        "Make a twin planet, train 17 predictor sets x 3 seeds and compare them: the whole path in a few minutes.",
    ),
    "app": ("workspace", "Open the app on this workspace, on this machine only."),
    "doctor": (
        "workspace",
        "Say what is wrong with the workspace and what to do about it; exit code 1 on errors. Changes nothing.",
    ),
    "status": ("status", "Show on one screen what is done, who trains what, what failed, and the next step."),
    "run": (
        "runs",
        "Train everything that is pending. Ctrl-C once: commit and stop; twice: stop now. Run again to go on.",
    ),
    "ls": ("runs", "List runs, one line each, with the fields of their specifications in which they differ."),
    "cancel": (
        "runs",
        "Cancel runs that are pending or running; whoever trains them stops. What they committed stays.",
    ),
    "delete": (
        "delete",
        "Delete runs that a filter holds for, with their files; or a grid, a dataset, an analysis. Dry unless --yes.",
    ),
    "tag": ("runs", "Give runs a tag, which filters find again: `landlab ls \"tag = 'paper'\"`."),
    "show": (
        "show",
        "Everything about one run: its spec, skill by split, attempts and files; or what differs between two.",
    ),
    "analyse": (
        "analysis",
        "Compute an analysis of completed runs, store it, print it, draw it; without NAME, list the analyses.",
    ),
    "trace": (
        "analysis",
        "Show what made a figure, the commands that remake it, what changed since; exit code 1 where something did.",
    ),
    "report": (
        "report",
        "Write every analysis of a grid or an ensemble into one web page that needs no network and no landlab.",
    ),
    "reproduce": (
        "reproduce",
        "Make every figure and table of the model's paper that a grid can give, each number beside the paper's.",
    ),
    "data": ("data", "Datasets: make, import, look at, check."),
    "grid": ("grid", "Grids of experiments."),
    "ensemble": ("ensemble", "Ensembles: the members that are kept."),
    "tune": ("tune", "Tune the loss weights on dev, with Optuna."),
    "catalog": ("catalog", "The catalog database."),
    "guide": ("guide", "Show a page of the guide; without PAGE, list the pages."),
    "completion": (
        "completion",
        "Print the lines that make a shell complete verbs and options: `landlab completion bash >> ~/.bashrc`.",
    ),
    "bench": ("bench.commands", "Benchmarks of training: one program, two workers, from disk."),
}
"""Module of each verb or group of verbs, and its line in the help, which is the first of the verb's docstring."""


COLLECT_AFTER = 100_000
"""New objects between garbage collections: at Python's 700 they take a fifth of a start, where nothing is garbage."""


class _Imported(UserDict[str, Any]):
    """Commands by name, from VERBS; each is imported when it is looked up."""

    def __getitem__(self, name: str) -> Any:
        module, _ = self.data[name]
        group = typer.main.get_group(import_module(f"{__name__}.{module}").app)
        group.name = name
        return group.commands.get(name, group)  # a verb of the module, or all of them: `landlab grid`


class _Verbs(TyperGroup):
    """The verbs: the help and completion need names and lines, a call imports one module."""

    def __init__(self, **attrs: Any) -> None:
        super().__init__(**attrs)
        self.commands = _Imported(VERBS)

    def list_commands(self, ctx: Any) -> list[str]:
        """Names of the verbs, in the order of the help."""
        return list(VERBS)

    def get_command(self, ctx: Any, cmd_name: str) -> TyperCommand | None:
        """Name and line of a verb, without its module."""
        return TyperCommand(cmd_name, help=VERBS[cmd_name][1]) if cmd_name in VERBS else None

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Import the verb that is called; an unknown one is refused first."""
        name, _, rest = super().resolve_command(ctx, args)
        return name, self.commands[str(name)], rest


app = typer.Typer(
    cls=_Verbs,
    help="Ensembles of differentiable land-model experiments: register, run, query.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


def main() -> None:
    """Entry point of the process."""
    device.configure()
    if "_LANDLAB_COMPLETE" in os.environ:  # a shell asks, by the lines of `landlab completion`
        from typer.completion import completion_init

        completion_init()
    gc.set_threshold(COLLECT_AFTER, 10, 10)
    call(sys.argv[1:])


def call(arguments: list[str]) -> None:
    """Call a verb, and exit; an error that users are meant to read becomes one line and exit code 2."""
    try:
        ordered = _after_the_verb([_at_home(argument) for argument in arguments])
        device.check(ordered)
        app(ordered, prog_name="landlab", standalone_mode=True)
    except LandlabError as error:
        _say(str(error))
    except OSError as error:
        if error.errno not in UNWRITABLE:
            raise
        where = error.filename or "a file"
        _say(f"{where}: {error.strerror}; make room or name another place, with --workspace or --out")


def _say(message: str) -> NoReturn:
    from landlab_mgr.workspace.display import errors

    errors.print(f"error: {message}", markup=False, soft_wrap=True)
    sys.exit(2)


UNWRITABLE = (errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOSPC, errno.EDQUOT)
"""Errors of a disk that is full or may not be written."""


def _at_home(argument: str) -> str:
    """Expand ~ and ~user in an argument, or in the value of an option.

    Shells leave them in quotes and after =.

    No filter, name or number begins with ~.
    """
    option, equals, value = argument.partition("=") if argument.startswith("--") else ("", "", argument)
    return f"{option}{equals}{expanded(value)}" if value.startswith("~") else argument


OF_EVERY_VERB = ("-w", "--workspace", "--db")
"""Options that may stand before the verb too."""


def _after_the_verb(arguments: list[str]) -> list[str]:
    """Move options of every verb that stand before it behind it, to where the verb reads them."""
    moved, rest = [], list(arguments)
    while rest and rest[0].partition("=")[0] in OF_EVERY_VERB:
        count = 1 if "=" in rest[0] else 2
        if len(rest) <= count:  # no verb follows
            return arguments
        moved += rest[:count]
        rest = rest[count:]
    end = rest.index("--") if "--" in rest else len(rest)
    return [*rest[:end], *moved, *rest[end:]]


@app.callback(invoke_without_command=True)
def _root(
    ctx: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version")] = False,
    workspace: WorkspaceOption = None,
    db: DatabaseOption = None,
) -> None:
    if version:
        print(f"landlab {__version__}")
        raise typer.Exit
    if ctx.invoked_subcommand is None:
        print(ctx.get_help())
