"""Verbs about grids of experiments: `landlab grid ...`."""

from collections.abc import Iterable
from typing import Annotated

import typer

from landlab_mgr.cli.options import DatabaseOption, JsonOption, WorkspaceOption
from landlab_mgr.workspace.display import console, show, tabulated
from landlab_mgr.workspace.workspace import Workspace

app = typer.Typer(help="Grids of experiments.", no_args_is_help=True)


@app.command()
def register(
    file: Annotated[str, typer.Argument(help="TOML file, or the name of a bundled one", show_default=False)],
    workspace: WorkspaceOption = None,
    db: DatabaseOption = None,
) -> None:
    """Register every run of a grid; registering again adds only what is new."""
    from landlab_mgr.spec.grid import load_grid
    from landlab_mgr.workspace import register

    spec = load_grid(file)
    ws = Workspace.at(workspace, db)
    with ws.open() as catalog:
        done = register.grid(ws, catalog, spec)
        held = catalog.grid(spec.name).counts
    console.print(
        f"grid {spec.name}: {done.added} runs added, {done.existing} already there "
        f"({len(spec.predictor_sets) * len(spec.variants)} setups x {len(spec.seed_list)} seeds)",
        markup=False,
    )
    former = sum(held.values()) - done.added - done.existing
    if former > 0:
        console.print(
            f"{former} runs that it no longer asks for stay in it: `landlab grid prune {spec.name}`",
            markup=False,
        )
    console.print(f"next: `landlab run --grid {spec.name}`", markup=False)


@app.command()
def prune(
    name: Annotated[str, typer.Argument(metavar="GRID", help="Name of a grid", show_default=False)],
    yes: Annotated[bool, typer.Option("--yes", help="Take them out; without, only say which")] = False,
    workspace: WorkspaceOption = None,
    db: DatabaseOption = None,
) -> None:
    """Take runs out of a grid that it no longer asks for; they stay in the catalog, the pending ones cancelled."""
    from landlab_mgr.catalog.design import former

    with Workspace.at(workspace, db).open(read_only=not yes) as catalog:
        run_ids = former(catalog, name)
        cancelled = catalog.prune(name, run_ids) if yes else []
    if not run_ids:
        console.print(f"grid {name} holds only what it asks for", markup=False)
    elif not yes:
        console.print(
            f"{len(run_ids)} runs, such as {run_ids[0]}, would leave grid {name}: --yes does", markup=False
        )
    else:
        console.print(
            f"{len(run_ids)} runs left grid {name}; {len(cancelled)} of them were pending", markup=False
        )
        console.print('next: `landlab delete "grid is null"` deletes runs that no grid holds', markup=False)


@app.command()
def ls(workspace: WorkspaceOption = None, db: DatabaseOption = None, json: JsonOption = False) -> None:
    """Grids, with their runs by state."""
    with Workspace.at(workspace, db).open(read_only=True) as catalog:
        rows = [{"grid": g.name, "dataset": g.spec.dataset, **g.counts} for g in catalog.grids()]
    if not rows and not json:
        console.print("no grid yet: `landlab grid register experiments/fluxval.toml`")
        return
    show(tabulated(rows), as_json=json)


@app.command()
def missing(
    name: Annotated[str, typer.Argument(metavar="GRID", help="Name of a grid", show_default=False)],
    workspace: WorkspaceOption = None,
    db: DatabaseOption = None,
    json: JsonOption = False,
) -> None:
    """Show what a grid asks for, setup by seed, and which of these cells no completed run fills."""
    from landlab_mgr.catalog.design import cells_columns

    with Workspace.at(workspace, db).open(read_only=True) as catalog:
        design = cells_columns(catalog, name)
    left = [place for place, state in enumerate(design["state"]) if state != "completed"]
    if json:
        show({column: [values[k] for k in left] for column, values in design.items()}, as_json=True)
        return
    total, setups = len(design["state"]), len({*zip(design["setup"], design["variant"], strict=True)})
    console.print(
        f"grid {name} asks for {setups} setups x {len({*design['seed']})} seeds = {total} runs; "
        f"{total - len(left)} are completed, {len(left)} are missing",
        markup=False,
    )
    if not left:
        return
    seeds: dict[tuple[str, str], dict[str, list[int]]] = {}
    for k in left:
        of_setup = seeds.setdefault((design["setup"][k], design["variant"][k]), {})
        of_setup.setdefault(design["state"][k], []).append(design["seed"][k])
    states = list(dict.fromkeys(design["state"][k] for k in left))
    columns = ["setup", *(["variant"] if any(design["variant"]) else []), *states]
    rows = [
        {"setup": setup, "variant": variant} | {state: _ranges(some) for state, some in by_state.items()}
        for (setup, variant), by_state in seeds.items()
    ]
    console.print("seeds without a completed run:")
    show(tabulated(rows, columns))
    for state, option in (("pending", ""), ("failed", " --only failed"), ("cancelled", " --only cancelled")):
        if state in states:
            console.print(f"next: `landlab run --grid {name}{option}`", markup=False)
            break


def _ranges(numbers: Iterable[int]) -> str:
    """Numbers as people write them: 0-3, 7."""
    parts: list[list[int]] = []
    for number in sorted(numbers):
        if parts and number == parts[-1][-1] + 1:
            parts[-1][1:] = [number]
        else:
            parts.append([number])
    return ", ".join("-".join(map(str, part)) for part in parts)
