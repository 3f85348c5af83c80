"""Verbs about a workspace as a whole: init, demo, app, doctor."""

import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from landlab_mgr.cli.options import DatabaseOption, JsonOption, StorageOption, WorkspaceOption
from landlab_mgr.storage.location import expanded
from landlab_mgr.workspace.display import console, show, size, tabulated
from landlab_mgr.workspace.workspace import DATABASE, Workspace

app = typer.Typer()


@app.command()
def init(workspace: WorkspaceOption = None, db: DatabaseOption = None, storage: StorageOption = None) -> None:
    """Make a workspace: a directory with a catalog, datasets and runs."""
    ws = Workspace.at(workspace, db, storage)
    ws.create(storage is not None, db is not None).close()
    elsewhere = "" if ws.storage is None else f"; datasets and the files of runs at {ws.storage}"
    console.print(f"workspace {ws.root}{elsewhere}", markup=False, soft_wrap=True)
    console.print(
        "next: `landlab data import fluxval DIR` or `landlab data twin`, then `landlab grid register FILE`"
    )


@app.command()
def demo(
    workspace: WorkspaceOption = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Fewer epochs: a check that everything works")
    ] = False,
) -> None:
    """Make a twin planet, train 17 predictor sets x 3 seeds and compare them: the whole path in a few minutes."""
    from landlab_mgr.cli.progress import doing

    with doing("loading the model and its compiler; the first time it takes longest"):
        from landlab_mgr.cli import demo as demonstration

    root = expanded(workspace or "landlab-demo").absolute()
    # a database of its own: LANDLAB_DB may name the group's
    demonstration.run(Workspace(root, str(root / DATABASE)), quick)


@app.command("app")
def open_app(
    port: Annotated[int, typer.Option(help="Port on this machine")] = 8501,
    address: Annotated[
        str, typer.Option(help="Address to listen at; any but this machine's own needs a login configured")
    ] = "127.0.0.1",
    browser: Annotated[bool, typer.Option(help="Open a browser window")] = True,
    workspace: WorkspaceOption = None,
    db: DatabaseOption = None,
) -> None:
    """Open the app on this workspace, on this machine only."""
    from landlab_mgr.storage.resources import resource
    from landlab_mgr.workspace import access

    access.check(address)

    ws = Workspace.at(workspace, db)
    ws.open(read_only=True).close()
    environment = os.environ | {"LANDLAB_WORKSPACE": str(ws.root), "LANDLAB_DB": ws.database}
    app_directory = Path(resource("app"))
    options = {
        "server.address": address,
        "server.port": str(port),
        "server.headless": str(not browser).lower(),
        "server.fileWatcherType": "none",  # nobody edits the pages of an installed package
        "browser.gatherUsageStats": "false",
    }
    flags = [f"--{name}={value}" for name, value in options.items()]
    # this process becomes the server, so that stopping one stops the other
    start, home = str(app_directory / "start.py"), str(app_directory / "Home.py")
    os.execve(sys.executable, [sys.executable, start, "run", home, *flags], environment)


@app.command()
def doctor(
    deep: Annotated[
        bool,
        typer.Option(
            "--deep",
            help="Also hash the values of every dataset again, and check every index of the database",
        ),
    ] = False,
    workspace: WorkspaceOption = None,
    db: DatabaseOption = None,
    json: JsonOption = False,
) -> None:
    """Say what is wrong with the workspace and what to do about it; exit code 1 on errors. Changes nothing."""
    from landlab_mgr.workspace import housekeeping

    ws = Workspace.at(workspace, db)
    with ws.open(read_only=True) as catalog:
        findings = housekeeping.examine(ws, catalog, deep)
    errors = sum(f.severity == "error" for f in findings)
    if json:
        show(tabulated([asdict(f) for f in findings]), as_json=True)
    else:
        for f in findings:
            console.print(f"{f.severity}: {f.subject} {f.problem}; {f.remedy}", markup=False, soft_wrap=True)
        free = size(ws.free_bytes)
        console.print(
            f"{ws.root}: {errors} errors, {len(findings) - errors} warnings; {free} free on its disk",
            markup=False,
        )
    if errors:
        raise typer.Exit(1)
