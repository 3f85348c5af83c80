"""The `landlab` command: thin verbs over the package. Bad input is one line on stderr and exit code 2.

Science modules take seconds to import (JAX): each verb that needs one imports it, so that `landlab ls` is quick.
"""

import sys
from typing import Annotated

import typer

from landlab_mgr import __version__
from landlab_mgr.cli import analysis, catalog, data, ensemble, grid, report, runs, show, tune, workspace
from landlab_mgr.cli.bench.commands import app as bench
from landlab_mgr.errors import LandlabError
from landlab_mgr.training import device
from landlab_mgr.workspace.display import errors

app = typer.Typer(
    help="Ensembles of differentiable land-model experiments: register, run, query.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
for verbs in (workspace.app, runs.app, show.app, analysis.app, report.app):
    app.add_typer(verbs)  # without a name: `landlab ls`, not `landlab runs ls`
app.add_typer(data.app, name="data")
app.add_typer(grid.app, name="grid")
app.add_typer(ensemble.app, name="ensemble")
app.add_typer(tune.app, name="tune")
app.add_typer(catalog.app, name="catalog")
app.add_typer(bench, name="bench")


def main() -> None:
    """Entry point: errors that users are meant to read become one line and exit code 2."""
    device.configure()
    try:
        app(standalone_mode=True)
    except LandlabError as error:
        errors.print(f"error: {error}", markup=False, soft_wrap=True)
        sys.exit(2)


@app.callback(invoke_without_command=True)
def _root(version: Annotated[bool, typer.Option("--version", help="Print the version")] = False) -> None:
    if version:
        print(f"landlab {__version__}")
        raise typer.Exit
