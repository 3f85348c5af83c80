"""Verbs about runs: run, ls, cancel, tag."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal

import typer

from landlab_mgr.catalog import Catalog
from landlab_mgr.catalog.export import by_setup
from landlab_mgr.catalog.filter import held_back
from landlab_mgr.cli.options import (
    AddressOption,
    DatabaseOption,
    ExecutorOption,
    FilterArgument,
    JsonOption,
    RequiredFilter,
    WorkersOption,
    WorkspaceOption,
)
from landlab_mgr.errors import LandlabError
from landlab_mgr.records import SEEN, SPLITS, Columns
from landlab_mgr.spec.run import PolicySpec
from landlab_mgr.workspace.display import console, fitted, print_rows, show
from landlab_mgr.workspace.workspace import Workspace

SHOWN_ANYWAY = ("dataset", "predictors", "optimizer.epochs", "seeds.init", "seeds.split", "seeds.shuffle")
"""Fields that a list of runs has in columns of its own."""

PAGE = 100
"""Runs that a table shows unless told otherwise."""
NARROW = 120
"""Columns of a terminal below which ids of runs are shown by their start."""

app = typer.Typer()


@app.command()
def run(
    filter: FilterArgument = "",
    grid: Annotated[str | None, typer.Option(help="Only runs of this grid, by its policies")] = None,
    only: Annotated[
        Literal["pending", "failed", "cancelled", "missing", "damaged"],
        typer.Option(
            help="failed or cancelled: try those once more; missing: all that have not completed; damaged: those that "
            "lost a file, from the start"
        ),
    ] = "pending",
    workers: WorkersOption = None,
    executor: ExecutorOption = None,
    address: AddressOption = None,
    members: Annotated[
        int | None, typer.Option(help="Runs side by side in a worker, where data and shapes are the same [1]")
    ] = None,
    cpus: Annotated[float | None, typer.Option(help="Cores of a worker [1]")] = None,
    gpus: Annotated[
        float | None, typer.Option(help="GPUs of a worker, or a fraction [1 where there are some]")
    ] = None,
    memory: Annotated[float | None, typer.Option(help="GB that a worker asks of the cluster")] = None,
    retries: Annotated[
        int | None, typer.Option(help="Losses in a row without a new epoch that a run survives [3]")
    ] = None,
    stall: Annotated[
        float | None, typer.Option(help="Minutes without an epoch after which a worker is lost [10]")
    ] = None,
    outage: Annotated[
        float | None, typer.Option(help="Minutes to train on while the catalog's database is away [10]")
    ] = None,
    max_failures: Annotated[
        int | None, typer.Option(min=1, help="Start nothing more once so many runs have failed")
    ] = None,
    from_start: Annotated[
        bool,
        typer.Option("--from-start", help="Runs whose checkpoint is missing or altered train from epoch 1"),
    ] = False,
    workspace: WorkspaceOption = None,
    db: DatabaseOption = None,
) -> None:
    """Train everything that is pending. Ctrl-C once: commit and stop; twice: stop now. Run again to go on."""
    from landlab_mgr.campaign import launch

    asked = {
        **{"members": members, "cpus": cpus, "gpus": gpus, "memory_gb": memory},
        **{"retries": retries, "stall_minutes": stall, "outage_minutes": outage},
    }
    ws = Workspace.at(workspace, db)
    with ws.open() as catalog:
        of_grid = PolicySpec() if grid is None else catalog.grid(grid).spec.policies
        policies = of_grid.changed({n: x for n, x in asked.items() if x is not None})
        who = launch.Workers(workers, executor, address)
        summary = launch.pending(ws, catalog, filter, grid, only, who, policies, max_failures, from_start)
        unknown = [] if summary.outcomes else catalog.unknown(filter)
    counts = ", ".join(f"{n} {outcome}" for outcome, n in sorted(summary.outcomes.items())) or "nothing to do"
    console.print(
        f"{counts}{'; interrupted: `landlab run` goes on' if summary.interrupted else ''}", markup=False
    )
    for line in unknown:
        console.print(line, markup=False)
    if summary.interrupted:
        raise typer.Exit(130)
    if summary.failed:
        console.print("next: `landlab ls \"status = 'failed'\"` says why")
        if summary.outcomes.get("nan"):
            console.print(
                f"{summary.outcomes['nan']} diverged (nan), and do so again with the same seed: lower "
                "optimizer.learning_rate or optimizer.clip_norm, or go on without them"
            )
        if set(summary.outcomes) & {"oom", "error", "lost"}:
            console.print("the others: `landlab run \"outcome != 'nan'\" --only failed` tries them again")
        raise typer.Exit(1)


@app.command()
def ls(
    filter: FilterArgument = "",
    limit: Annotated[
        int | None,
        typer.Option(min=0, help="At most this many, in order of registration; 0 = all [100; --json: all]"),
    ] = None,
    offset: Annotated[int, typer.Option(min=0, help="Leave out so many before them")] = 0,
    columns: Annotated[
        str | None,
        typer.Option(help="These columns alone: fields and metrics, as setup,optimizer.epochs,dev.gpp.R2"),
    ] = None,
    sort: Annotated[
        str | None, typer.Option(help="By this field or metric; -FIELD for the largest first")
    ] = None,
    group: Annotated[
        bool, typer.Option("--group", help="By setup: mean and standard deviation over its runs")
    ] = False,
    workspace: WorkspaceOption = None,
    db: DatabaseOption = None,
    json: JsonOption = False,
) -> None:
    """List runs, one line each, with the fields of their specifications in which they differ."""
    order, descending = (sort or "").removeprefix("-"), (sort or "").startswith("-")
    chosen = [name.strip() for name in columns.split(",") if name.strip()] if columns is not None else []
    if columns is not None and not chosen:
        raise LandlabError("--columns names no column; such as --columns setup,seed,dev.gpp.R2")
    # a look at held-back skill is counted, which takes writing
    counted = held_back(filter) or any(_is_held_back(name) for name in (*chosen, order))
    with Workspace.at(workspace, db).open(read_only=not counted) as catalog:
        most = (None if json else PAGE) if limit is None else limit or None
        counts = catalog.counts(filter)
        unknown = catalog.unknown(filter) if not any(counts.values()) else []
        if group:
            if chosen:
                raise LandlabError("--group has columns of its own; leave out --columns")
            runs = catalog.runs_columns(filter)
            setups = catalog.setups(runs["run_id"])
            _groups(by_setup(runs, setups), order, descending, most, offset, json)
            return
        if order or chosen:  # an order is one of all runs, not of a page
            names = list(dict.fromkeys((*chosen, *([order] if order else []))))
            values = catalog.columns_by_name(names, filter)
            if order:
                values = _sorted(values, order, descending)
            values = _page(values, offset, most)
            run_ids = values["run_id"]
        else:
            run_ids = catalog.run_ids(filter, most, offset)
        if chosen:
            table = {name: values[name] for name in ("run_id", *chosen)}
            if json:
                show(table, as_json=True)
                return
        else:
            varied = [name for name in catalog.differing(run_ids) if name not in SHOWN_ANYWAY]
            if json:
                print_rows(_described(catalog, run_ids, varied))
                return
            parts = list(_described(catalog, run_ids, varied))
            table = {name: [x for part in parts for x in part[name]] for name in parts[0]}
    if not table["run_id"]:
        hint = (
            "no run matches"
            if filter or offset
            else "no run yet: `landlab grid register experiments/fluxval.toml`"
        )
        console.print("\n".join([hint, *unknown]), markup=False)
        return
    if chosen:
        show(table, whole=not console.is_terminal)
    else:
        _runs(table, varied)
    console.print(", ".join(f"{n} {state}" for state, n in counts.items() if n))
    count, total = len(table["run_id"]), sum(counts.values())
    last = offset + count
    if count < total:
        more = f"; `--offset {last}` shows the next" if last < total else ""
        console.print(f"runs {offset + 1} to {last} of {total}{more}, `--limit 0` all", markup=False)


def _groups(table: Columns, order: str, descending: bool, most: int | None, offset: int, json: bool) -> None:
    """Print setups, a line each, with the spread over their runs."""
    if order:
        near = [c for c in table if c in (order, order.removeprefix("metrics."))]
        if not near:
            raise LandlabError(f"--sort {order}: with --group one of {', '.join(map(str, table))}")
        table = _sorted(table, near[0], descending)
    count, table = len(table["setup"]), _page(table, offset, most)
    if json:
        show(table, as_json=True)
        return
    show(table, "R2 on dev: mean and sd over runs", whole=not console.is_terminal)
    console.print(f"{count} setups")


def _sorted(table: Columns, order: str, descending: bool) -> Columns:
    """Sort rows by a column, in their order where it is equal; those without a value come last."""
    values = table[order]
    with_value = [k for k, x in enumerate(values) if x is not None and x == x]
    without = sorted({*range(len(values))} - {*with_value})
    # reversed twice, as equal rows keep their order
    ranked = sorted(with_value[::-1] if descending else with_value, key=lambda k: _comparable(values[k]))
    places = [*(ranked[::-1] if descending else ranked), *without]
    return {name: [column[k] for k in places] for name, column in table.items()}


def _comparable(value: Any) -> Any:
    """Return a key by which values of one field sort: numbers before texts, and lists as what they hold."""
    if isinstance(value, list | tuple):
        return 2, [_comparable(x) for x in value]
    return (0, value) if isinstance(value, int | float) else (1, value)


def _page(table: Columns, offset: int, most: int | None) -> Columns:
    return {name: values[offset:][:most] for name, values in table.items()}


def _is_held_back(name: str) -> bool:
    """Check if a column is a metric on test or withheld."""
    split = name.lower().removeprefix("metrics.").partition(".")[0]
    return split in SPLITS and split not in SEEN


def _runs(runs: Columns, varied: list[str]) -> None:
    """Print runs, a line each, and why some failed; where the terminal is narrow, what matters most."""
    reasons = [
        reason
        for reason in zip(runs["run_id"], runs["outcome"], runs["message"], strict=True)
        if None not in reason
    ]
    planned = {*runs["epochs_planned"]}
    runs["epochs"] = [f"{a}/{b}" for a, b in zip(runs["epochs"], runs["epochs_planned"], strict=True)]
    narrow = console.is_terminal and console.width < NARROW
    skills = {name: name.split(".")[1] for name in runs if name.startswith("dev.")}
    short = _short_names(varied, runs) if narrow else {}
    table = {
        (skills | short).get(name, name): values
        for name, values in runs.items()
        if name not in ("created", "updated", "grids", "dataset", "message", "epochs_planned")
        and not all(x is None or x != x for x in values)
        and (name != "tags" or any(values))
    }
    if narrow:
        table["run_id"] = [run_id[:8] for run_id in table["run_id"]]
    digits = 2 if console.is_terminal else 3
    alike = [name for name in ("label", "state") if len({*table[name]}) == 1]
    longest = ["epochs"] * (len(planned) > 1)
    variables = list(skills.values())
    rest = ["dev_loss", "outcome", "tags", "epochs", "train_loss"]
    shown = [short.get(name, name) for name in varied]
    wanted = list(dict.fromkeys([*shown, *longest, *variables[:2], *alike, *variables, *rest]))
    table, left_out = fitted(table, [name for name in wanted if name in table], digits)
    title = "the last columns: R2 on dev, by variable" if set(skills.values()) - set(left_out) else ""
    show(table, title, digits=digits, whole=not console.is_terminal)
    if {"dev_loss", "train_loss"} & {*table} and any(name.startswith("loss_weights.") for name in varied):
        console.print("the loss weights of these runs differ, so that their losses do not compare: R2 does")
    if left_out:
        console.print(f"too wide for {', '.join(left_out)}: --columns chooses; --json and a pipe have all")
    if reasons:
        console.print()
    for run_id, outcome, message in reasons:
        console.print(f"{run_id} {outcome}: {message}", markup=False, soft_wrap=True)


def _short_names(varied: list[str], runs: Columns) -> dict[str, str]:
    """Last parts of the names of fields, where they are one field's alone and no other column's."""
    lasts = [name.rpartition(".")[2] for name in varied]
    taken = {*runs} - {"message", "epochs_planned"} | {n.split(".")[1] for n in runs if n.startswith("dev.")}
    return {
        name: last
        for name, last in zip(varied, lasts, strict=True)
        if lasts.count(last) == 1 and last not in taken
    }


def _described(catalog: Catalog, run_ids: Sequence[str], varied: Sequence[str]) -> Iterator[Columns]:
    """Tabulate runs in parts, with their tags and the fields in which they differ."""
    tags = catalog.tags()
    for part in catalog.runs_in_parts(run_ids):
        ids = part["run_id"]
        settings = catalog.settings(ids) if varied else {}
        described: Columns = {}
        for name, values in part.items():
            if name == "dataset":
                described["tags"] = [",".join(tags.get(run_id, ())) for run_id in ids]
            if name == "seed":
                described |= {field: [settings[run_id][field] for run_id in ids] for field in varied}
            described[name] = values
        yield described


@app.command()
def cancel(filter: RequiredFilter, workspace: WorkspaceOption = None, db: DatabaseOption = None) -> None:
    """Cancel runs that are pending or running; whoever trains them stops. What they committed stays."""
    with Workspace.at(workspace, db).open() as catalog:
        chosen = catalog.outline_columns(_some(filter, "cancel"))
        cancelled = {*catalog.cancel(chosen["run_id"])}
        unknown = [] if chosen["run_id"] else catalog.unknown(filter)
    states = zip(chosen["run_id"], chosen["state"], strict=True)
    others = Counter(state for run_id, state in states if run_id not in cancelled)
    left = "".join(f"; {n} {state} left as they are" for state, n in others.items())
    console.print("\n".join([f"{len(cancelled)} cancelled{left}", *unknown]), markup=False)
    if cancelled:
        console.print("next: `landlab run --only cancelled` takes them up again")


@app.command()
def tag(
    filter: RequiredFilter,
    name: Annotated[str, typer.Argument(help="Letters, digits, '_', '.' and '-'", show_default=False)],
    remove: Annotated[bool, typer.Option("--remove", help="Take the tag away instead")] = False,
    workspace: WorkspaceOption = None,
    db: DatabaseOption = None,
) -> None:
    """Give runs a tag, which filters find again: `landlab ls "tag = 'paper'"`."""
    with Workspace.at(workspace, db).open() as catalog:
        run_ids = catalog.run_ids(_some(filter, "tag"))
        changed = catalog.untag(run_ids, name) if remove else catalog.tag(run_ids, name)
        unknown = [] if run_ids else catalog.unknown(filter)
    verb, as_before = ("lost", "did not have") if remove else ("got", "had")
    console.print(
        f"{changed} runs {verb} the tag {name}, {len(run_ids) - changed} {as_before} it", markup=False
    )
    for line in unknown:
        console.print(line, markup=False)


def _some(filter: str, verb: str) -> str:
    """Return the filter; LandlabError where it says nothing.

    To change every run there is must not be a slip of the keyboard.
    """
    if not filter.strip():
        raise LandlabError(f'an empty filter would {verb} every run; to mean that, write "epochs >= 0"')
    return filter
