"""`landlab reproduce`: the figures and tables of a model's paper, beside what is printed there."""

import re
from pathlib import Path
from typing import Annotated

import typer

from landlab_mgr.cli.options import DatabaseOption, WorkspaceOption
from landlab_mgr.errors import LandlabError
from landlab_mgr.workspace.display import bullet, console, errors
from landlab_mgr.workspace.workspace import Workspace

app = typer.Typer()


@app.command()
def reproduce(
    what: Annotated[str, typer.Argument(help="What to reproduce: paper, that of the grid's model")],
    grid: Annotated[str | None, typer.Option(help="Completed runs of this grid", show_default=False)] = None,
    ensemble: Annotated[
        str | None, typer.Option(help="Only the kept members of this ensemble", show_default=False)
    ] = None,
    out: Annotated[str, typer.Option(help="Directory of the page and its numbers")] = ".",
    workspace: WorkspaceOption = None,
    db: DatabaseOption = None,
) -> None:
    """Make every figure and table of the model's paper that a grid can give, each number beside the paper's.

    Test pixels are looked at, which is counted. Stopped, the same command goes on where it was.
    """
    if what != "paper":
        raise LandlabError(f"nothing to reproduce is called {what!r}; there is: paper")
    if grid is None:
        raise LandlabError("name a grid: --grid GRID; `landlab grid ls` lists grids")
    from landlab_mgr.analysis import report as reporting
    from landlab_mgr.analysis import reproduce as reproducing

    name = "paper-" + re.sub(r"[^A-Za-z0-9@._-]+", "_", ensemble or grid)
    directory = Path(out).expanduser()
    if directory.exists() and not directory.is_dir():
        raise LandlabError(f"--out {out} is a file; name a directory")
    ws = Workspace.at(workspace, db)

    def tell(line: str) -> None:
        errors.print(line, markup=False, soft_wrap=True)

    with ws.open() as catalog:
        found = reproducing.gather(ws, catalog, grid, ensemble, tell)
    directory.mkdir(parents=True, exist_ok=True)
    page = reproducing.write(found, directory, name)
    bullet(f"{m.name}: {'an error of landlab: ' if m.broken else ''}{m.why}" for m in found.missing)
    console.print(f"{page}: {reporting.counts(found)}", markup=False, soft_wrap=True)
    if any(m.broken for m in found.missing):
        raise typer.Exit(1)
