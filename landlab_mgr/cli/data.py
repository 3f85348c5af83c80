"""Verbs about datasets: `landlab data ...`."""

from typing import Annotated, Any, Literal

import pandas as pd
import typer

from landlab_mgr.catalog import DatasetRecord
from landlab_mgr.cli.options import DatabaseOption, JsonOption, WorkspaceOption
from landlab_mgr.display import bullet, console, show
from landlab_mgr.workspace import Workspace

app = typer.Typer(help="Datasets: make, import, look at, check.", no_args_is_help=True)

DatasetArgument = Annotated[str, typer.Argument(help="Name or fingerprint", show_default=False)]


@app.command("import")
def import_(
    format: Annotated[Literal["fluxval"], typer.Argument(help="What the directory holds")],
    directory: Annotated[str, typer.Argument(help="Where the files are", show_default=False)],
    predictors: Annotated[str | None, typer.Option(help="CSV of static predictors by site")] = None,
    name: Annotated[str | None, typer.Option(help="Name in the catalog; default: the format's")] = None,
    workspace: WorkspaceOption = None,
    db: DatabaseOption = None,
) -> None:
    """Import real data as a dataset of this workspace."""
    from landlab_mgr import register
    from landlab_mgr.data import fluxval

    ds, notices = fluxval.read(directory, predictors)
    if name is not None:
        ds = ds.assign_attrs(name=name)
    ws = Workspace.at(workspace, db)
    with ws.create() as catalog:
        record = register.dataset(ws, catalog, ds)
    bullet(notices)
    _say(record)


@app.command()
def twin(
    patches: Annotated[int, typer.Option(help="Patches of 4 x 5 degrees")] = 128,
    pixels: Annotated[int, typer.Option(help="Land pixels in each")] = 3,
    years: Annotated[int, typer.Option(help="Years of monthly data")] = 6,
    seed: Annotated[int, typer.Option(help="Seed of the planet")] = 0,
    workspace: WorkspaceOption = None,
    db: DatabaseOption = None,
) -> None:
    """Make a twin planet: synthetic observations by our own model from a known truth."""
    from landlab_mgr import register
    from landlab_mgr.data import twin

    ds = twin.make(patches, pixels, years, seed)
    ws = Workspace.at(workspace, db)
    with ws.create() as catalog:
        record = register.dataset(ws, catalog, ds)
    _say(record)


def _say(record: DatasetRecord) -> None:
    console.print(
        f"dataset {record.name} ({record.fingerprint}, {record.kind}): {record.n_pixels} pixels in "
        f"{record.n_patches} patches, {record.n_months} months",
        markup=False,
    )
    console.print(f"next: `landlab data show {record.name}`, `landlab grid register FILE`", markup=False)


@app.command()
def ls(workspace: WorkspaceOption = None, db: DatabaseOption = None, json: JsonOption = False) -> None:
    """Datasets of the workspace."""
    with Workspace.at(workspace, db).open(read_only=True) as catalog:
        rows = [vars(d) for d in catalog.datasets()]
    columns = ["name", "fingerprint", "kind", "n_pixels", "n_patches", "n_months", "licence", "url"]
    frame = pd.DataFrame(rows, columns=columns)
    if frame.empty and not json:
        console.print("no dataset yet: `landlab data import fluxval DIR` or `landlab data twin` makes one")
        return
    show(frame, as_json=json)


@app.command("show")
def show_(
    name: DatasetArgument,
    figure: Annotated[str | None, typer.Option(help="Write a map and coverage figure to this file")] = None,
    workspace: WorkspaceOption = None,
    db: DatabaseOption = None,
    json: JsonOption = False,
) -> None:
    """What a dataset holds: variables, units, coverage, ranges."""
    from landlab_mgr import figures
    from landlab_mgr.analysis import origin
    from landlab_mgr.data import check

    if figure is not None:
        figures.check_target(figure)
    ds, record = _opened(name, workspace, db)
    show(check.summary(ds), "" if json else f"{record.name} ({record.kind}, {record.fingerprint})", json)
    if figure is not None:
        ws = Workspace.at(workspace, db)
        with ws.open(read_only=True) as catalog:
            figures.save(check.figure(ds), figure, origin(ws, catalog, {record.name}))
        if not json:
            console.print(f"figure {figure}: `landlab trace` says where it comes from", markup=False)


@app.command("check")
def check_(name: DatasetArgument, workspace: WorkspaceOption = None, db: DatabaseOption = None) -> None:
    """Check units, ranges, gaps, splits and provenance of a dataset; exit code 1 on errors."""
    from landlab_mgr.data import check

    ds, record = _opened(name, workspace, db)
    report = check.check(ds)
    for kind, lines in (("error", report.errors), ("warning", report.warnings)):
        for line in lines:
            console.print(f"{kind}: {line}", markup=False, soft_wrap=True)
    console.print(
        f"{record.name}: {len(report.errors)} errors, {len(report.warnings)} warnings", markup=False
    )
    if report.errors:
        raise typer.Exit(1)


def _opened(name: str, workspace: str | None, db: str | None) -> tuple[Any, DatasetRecord]:
    from landlab_mgr.data import store

    ws = Workspace.at(workspace, db)
    with ws.open(read_only=True) as catalog:
        record = catalog.dataset(name)
    return store.open_dataset(ws.path(record.url)), record
