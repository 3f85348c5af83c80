"""`landlab analyse`: analyses of ensembles; `landlab trace`: from a figure back to what made it."""

import json as json_module
from typing import Annotated, Any

import typer

from landlab_mgr.cli.options import DatabaseOption, FilterArgument, JsonOption, WorkspaceOption
from landlab_mgr.errors import LandlabError
from landlab_mgr.records import Columns
from landlab_mgr.workspace.display import bullet, console, printable, records, show, tabulated
from landlab_mgr.workspace.workspace import Workspace

app = typer.Typer()


@app.command()
def analyse(
    name: Annotated[str | None, typer.Argument(help="Which; without: list them", show_default=False)] = None,
    filter: FilterArgument = "",
    grid: Annotated[str | None, typer.Option(help="Only runs of this grid")] = None,
    option: Annotated[
        list[str] | None,
        typer.Option("--option", "-o", metavar="KEY=VALUE", help="An option of the analysis"),
    ] = None,
    figure: Annotated[str | None, typer.Option(help="Draw it into this file: .png, .svg or .pdf")] = None,
    workspace: WorkspaceOption = None,
    db: DatabaseOption = None,
    json: JsonOption = False,
) -> None:
    """Compute an analysis of completed runs, store it, print it, draw it; without NAME, list the analyses."""
    from landlab_mgr import analysis
    from landlab_mgr.storage import figures

    if name is None:
        show(_listed(analysis.registry()), as_json=json)
        return
    given = _pairs(option or [])
    analysis.options_of(analysis.find(name), given)
    if figure is not None:
        figures.check_target(figure)
    ws = Workspace.at(workspace, db)
    with ws.open() as catalog:
        result = analysis.run(ws, catalog, name, filter, grid, given)
    table = result.analysis.table(result.dataset)
    notes = [line for line in str(result.dataset.attrs.get("notes", "")).splitlines() if line]
    if figure is not None:
        result.save_figure(figure)
    if json:
        content = {
            "id": result.record.id,
            "path": result.record.path,
            "options": dict(result.record.options),
            "filter": result.record.filter,
            "runs": list(result.provenance["runs"]),
            "notes": notes,
            "table": records(table),
        }
        print(json_module.dumps(content, indent=1))
        return
    said = ", ".join(f"{key}={value}" for key, value in result.record.options.items())
    show(table, f"{name}: {said}")
    bullet(notes)
    of = f" for {result.record.filter}" if result.record.filter else ""
    console.print(f"{len(result.provenance['runs'])} runs{of}", markup=False, soft_wrap=True)
    console.print(f"analysis {result.record.id}: {ws.path(result.record.path)}", markup=False, soft_wrap=True)
    if figure is not None:
        console.print(
            f"figure {figure}: `landlab trace` says where it comes from", markup=False, soft_wrap=True
        )


def _listed(registry: Any) -> Columns:
    rows = []
    for name, analysis in registry.items():
        defaults = {key: field.default for key, field in analysis.options.model_fields.items()}
        options = " ".join(f"-o {key}={value}" for key, value in defaults.items())
        rows.append(
            {
                "analysis": name,
                "what it answers": analysis.summary,
                "options and their defaults": options,
            }
        )
    return tabulated(rows)


def _pairs(given: list[str]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for text in given:
        key, sign, value = text.partition("=")
        if not key or not sign:
            raise LandlabError(f"-o {text}: write KEY=VALUE, such as -o split=dev")
        if key in pairs:
            raise LandlabError(f"-o {key} is given twice: {pairs[key]} and {value}; leave one out")
        pairs[key] = value
    return pairs


@app.command()
def trace(
    figure: Annotated[str, typer.Argument(help="A figure that landlab made, or a copy", show_default=False)],
    workspace: WorkspaceOption = None,
    db: DatabaseOption = None,
    json: JsonOption = False,
) -> None:
    """Show what made a figure, the commands that remake it, what changed since; exit code 1 where something did."""
    from landlab_mgr.analysis import trace as tracing
    from landlab_mgr.storage import figures

    made = figures.read(figure)
    ws = Workspace.at(workspace, db)
    try:
        made_at = tracing.elsewhere(made, ws)
        commands, changes = tracing.commands(made, figure, ws), tracing.changes(made, ws)
    except (KeyError, TypeError, AttributeError, ValueError):  # well-formed, and yet not ours
        raise LandlabError(f"{figure}: its provenance is damaged; name another copy") from None
    if json:
        content = {"made": made, "commands": commands, "changes": [vars(c) for c in changes]}
        print(json_module.dumps(content, indent=1))
    else:
        _say(made, commands)
        if made_at is not None:
            _print(made_at)
        for change in changes:
            ids = (
                f": {', '.join(change.runs[:3])}{', ...' if len(change.runs) > 3 else ''}"
                if change.runs
                else ""
            )
            _print(f"changed since: {change.what}: {change.detail}{ids}")
        if not changes:
            _print(f"nothing changed since, compared with {ws.root}")
    if changes:
        raise typer.Exit(1)


def _say(made: dict[str, Any], commands: list[str]) -> None:
    code = made["code"]
    if "analysis" in made:
        a = made["analysis"]
        options = ", ".join(f"{key}={value}" for key, value in a["options"].items())
        _print(f"analysis {a['name']} ({a['id']}): {options}")
        _print(f"filter: {a['filter'] or 'every completed run'}")
        _print(f"runs: {len(made['runs'])} (--json lists them)")
    for d in made["datasets"]:
        _print(f"dataset: {d['name']} ({d['fingerprint']}, {d['kind']}): {d['source']}")
    dirty = f" with uncommitted changes {code['dirty_hash']}" if code.get("dirty_hash") else ""
    _print(f"code: landlab {made['landlab']}, commit {code.get('commit') or 'unknown'}{dirty}")
    _print(f"made {made['created']} from {made['catalog']}")
    _print("")
    _print("to make it again:")
    for line in "\n".join(commands).split("\n"):
        _print(line)
    _print("")


def _print(text: str) -> None:
    console.print(printable(text), markup=False, soft_wrap=True)
