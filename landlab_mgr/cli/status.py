"""`landlab status`: on one screen what is done, who trains what, what failed, and the next step."""

import json as json_text
from dataclasses import asdict
from typing import Any

import typer

from landlab_mgr.cli.options import DatabaseOption, JsonOption, WorkspaceOption
from landlab_mgr.workspace.display import console, duration, show, size, tabulated
from landlab_mgr.workspace.workspace import Workspace

app = typer.Typer()


@app.command()
def status(workspace: WorkspaceOption = None, db: DatabaseOption = None, json: JsonOption = False) -> None:
    """Show on one screen what is done, who trains what, what failed, and the next step."""
    ws = Workspace.at(workspace, db)
    with ws.open(read_only=True) as catalog:
        datasets, grids, runs = catalog.datasets(), catalog.grids(), catalog.counts()
        drivers, failures = catalog.drivers(), catalog.failures()
        files = catalog.bytes_of_files()
    free = ws.free_bytes
    step = _next(len(datasets), len(grids), runs, failures, bool(drivers))
    if json:
        content: dict[str, Any] = {
            "workspace": str(ws.root),
            "datasets": [d.name for d in datasets],
            "grids": {g.name: dict(g.counts) for g in grids},
            "runs": runs,
            "drivers": [asdict(d) for d in drivers],
            "failures": failures,
            "bytes": files,
            "free_bytes": free,
            "next": step,
        }
        print(json_text.dumps(content, indent=1))
        return
    total = sum(runs.values())
    console.print(
        f"{ws.root}: {len(datasets)} datasets, {len(grids)} grids, {total} runs; files of runs {size(files)}, "
        f"{size(free)} free",
        markup=False,
        soft_wrap=True,
    )
    console.print(", ".join(f"{n} {state}" for state, n in runs.items() if n) or "no run yet")
    if grids:
        rows = [{"grid": g.name, "runs": sum(g.counts.values())} | dict(g.counts) for g in grids]
        console.print()
        show(tabulated(rows))
        console.print()
    for driver in drivers:
        console.print(
            f"driver {driver.pid} on {driver.host}: {driver.runs} runs, last sign {duration(driver.silent)} ago",
            markup=False,
        )
    if failures:
        why = ", ".join(f"{n} {outcome}" for outcome, n in failures.items())
        console.print(f"failed: {why}; `landlab ls \"status = 'failed'\"` says why", markup=False)
    console.print(f"next: {step}", markup=False, soft_wrap=True)


def _next(datasets: int, grids: int, runs: dict[str, int], failures: dict[str, int], driven: bool) -> str:
    """Tell what to do next, in a command where there is one."""
    if not datasets:
        return "`landlab data import fluxval DIR` or `landlab data twin` makes a dataset"
    if not sum(runs.values()):
        return "`landlab grid register FILE`, such as experiments/fluxval.toml"
    if driven:
        return "wait, or look: `landlab app`"
    if runs["pending"] or runs["running"]:
        return "`landlab run` trains what is pending"
    if sum(n for outcome, n in failures.items() if outcome != "nan"):
        return "`landlab run \"outcome != 'nan'\" --only failed` tries again what did not diverge"
    if not runs["completed"]:
        return "`landlab run --only cancelled` takes up what was cancelled"
    return (
        "`landlab ensemble select --grid GRID`, `landlab analyse skill`, `landlab app`"
        if grids
        else "`landlab app`"
    )
