"""`landlab delete`: runs, grids, datasets and analyses, with their files; says what would go, unless --yes."""

from typing import Annotated

import typer

from landlab_mgr.cli.options import DatabaseOption, FilterArgument, WorkspaceOption
from landlab_mgr.errors import LandlabError
from landlab_mgr.workspace.display import console, size
from landlab_mgr.workspace.workspace import Workspace

app = typer.Typer()


@app.command()
def delete(
    filter: FilterArgument = "",
    grid: Annotated[str | None, typer.Option(help="This grid instead; its runs stay")] = None,
    dataset: Annotated[str | None, typer.Option(help="This dataset instead, which no run uses")] = None,
    analysis: Annotated[
        str | None, typer.Option(help="This result of an analysis instead, by its id")
    ] = None,
    with_results: Annotated[
        bool, typer.Option("--with-results", help="Also the ensembles and analyses that rest on the runs")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Delete; without, only say what would go")] = False,
    workspace: WorkspaceOption = None,
    db: DatabaseOption = None,
) -> None:
    """Delete runs that a filter holds for, with their files; or a grid, a dataset, an analysis. Dry unless --yes."""
    from landlab_mgr.workspace import housekeeping

    named = [x for x in (filter.strip(), grid, dataset, analysis) if x]
    if len(named) != 1:
        raise LandlabError("name one thing: a FILTER of runs, --grid, --dataset or --analysis")
    ws = Workspace.at(workspace, db)
    with ws.open(read_only=not yes) as catalog:
        if grid is not None:
            what, paths = f"grid {grid}", []
            held = len(catalog.states(catalog.grid(grid).name))
            what += f", whose {held} runs stay"
            if yes:
                catalog.delete_grid(grid)
        elif dataset is not None:
            record = catalog.dataset(dataset)
            what, paths = f"dataset {' = '.join(record.names)} ({record.fingerprint})", [record.url]
            if yes:
                catalog.delete_dataset(record.fingerprint)
        elif analysis is not None:
            result = catalog.analysis(analysis)
            what, paths = f"analysis {result.id} ({result.name})", [result.path]
            if yes:
                catalog.delete_analysis(result.id)
        else:
            run_ids = catalog.run_ids(filter)
            if not run_ids:
                console.print("\n".join(["no run matches", *catalog.unknown(filter)]))
                return
            removed = catalog.delete_runs(run_ids, with_results, dry=not yes)
            paths = [*removed.directories, *removed.paths]
            what = ", ".join(
                f"{n} {name}"
                for n, name in (
                    (len(run_ids), "runs"),
                    (len(removed.ensembles), "ensembles"),
                    (len(removed.analyses), "analyses"),
                )
                if n
            )
        waste = housekeeping.files_at(ws, paths, "deleted")
        problems = housekeeping.remove(waste) if yes else []
        if yes:
            catalog.shrink()
    total = size(sum(w.bytes for w in waste))
    if problems:
        raise LandlabError(
            f"deleted {what}, but {problems[0]} could not be removed; `landlab catalog gc --yes` tries again"
        )
    console.print(
        f"deleted {what}; {total} of files" if yes else f"would delete {what}; {total} of files: --yes does"
    )
