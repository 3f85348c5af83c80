"""`landlab report`: one page about a grid or an ensemble, for people without the app."""

from typing import Annotated

import typer

from landlab_mgr.cli.options import DatabaseOption, WorkspaceOption
from landlab_mgr.errors import LandlabError
from landlab_mgr.workspace.display import bullet, console, errors
from landlab_mgr.workspace.workspace import Workspace

app = typer.Typer()


@app.command()
def report(
    grid: Annotated[str | None, typer.Option(help="Every completed run of this grid")] = None,
    ensemble: Annotated[str | None, typer.Option(help="Or the kept members of this ensemble")] = None,
    out: Annotated[str | None, typer.Option(help="The page [report-NAME.html]", show_default=False)] = None,
    test: Annotated[
        bool, typer.Option("--test", help="Show skill on test pixels too; this is counted")
    ] = False,
    without: Annotated[
        list[str] | None,
        typer.Option(metavar="ANALYSIS", help="Leave this one out, such as shap; may repeat"),
    ] = None,
    workspace: WorkspaceOption = None,
    db: DatabaseOption = None,
) -> None:
    """Write every analysis of a grid or an ensemble into one web page that needs no network and no landlab."""
    from landlab_mgr.analysis import report as reporting

    name = grid or ensemble
    if name is None or (grid and ensemble):
        raise LandlabError("name one: --grid GRID or --ensemble ENSEMBLE; `landlab grid ls` lists grids")
    path = reporting.check_target(out or reporting.file_name(name))
    ws = Workspace.at(workspace, db)

    def tell(line: str) -> None:
        errors.print(line, markup=False, soft_wrap=True)

    with ws.open() as catalog:
        found = reporting.gather(ws, catalog, grid, ensemble, test, without or (), tell)
    reporting.write(found, path)
    bullet(f"{m.name}: {'an error of landlab: ' if m.broken else ''}{m.why}" for m in found.missing)
    console.print(f"{path}: {reporting.counts(found)}", markup=False, soft_wrap=True)
    if any(m.broken for m in found.missing):
        raise typer.Exit(1)
