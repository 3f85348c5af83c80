"""Verbs about runs: run, ls, cancel, tag."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Annotated, Literal

import pandas as pd
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
from landlab_mgr.records import SEEN, SPLITS
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
            runs = catalog.runs(filter)
            setups = catalog.setups(list(runs["run_id"]))
            _groups(by_setup(runs, setups), order, descending, most, offset, json)
            return
        if order or chosen:  # an order is one of all runs, not of a page
            names = list(dict.fromkeys((*chosen, *([order] if order else []))))
            values = catalog.columns(names, filter)
            if order:
                values = values.sort_values(
                    order, ascending=not descending, kind="stable", na_position="last"
                )
            values = values.iloc[offset:][:most]
            run_ids = list(values["run_id"])
        else:
            run_ids = catalog.run_ids(filter, most, offset)
        if chosen:
            frame = values[["run_id", *(name for name in chosen if name != "run_id")]]
            if json:
                show(frame, as_json=True)
                return
        else:
            varied = [name for name in catalog.differing(run_ids) if name not in SHOWN_ANYWAY]
            if json:
                print_rows(_described(catalog, run_ids, varied))
                return
            frame = pd.concat(_described(catalog, run_ids, varied), ignore_index=True)
    if frame.empty:
        hint = (
            "no run matches"
            if filter or offset
            else "no run yet: `landlab grid register experiments/fluxval.toml`"
        )
        console.print("\n".join([hint, *unknown]), markup=False)
        return
    if chosen:
        show(frame, whole=not console.is_terminal)
    else:
        _runs(frame, varied)
    console.print(", ".join(f"{n} {state}" for state, n in counts.items() if n))
    last, total = offset + len(frame), sum(counts.values())
    if len(frame) < total:
        more = f"; `--offset {last}` shows the next" if last < total else ""
        console.print(f"runs {offset + 1} to {last} of {total}{more}, `--limit 0` all", markup=False)


def _groups(
    table: pd.DataFrame, order: str, descending: bool, most: int | None, offset: int, json: bool
) -> None:
    """Print setups, a line each, with the spread over their runs."""
    if order:
        near = [c for c in table if c in (order, order.removeprefix("metrics."))]
        if not near:
            raise LandlabError(f"--sort {order}: with --group one of {', '.join(map(str, table))}")
        table = table.sort_values(near[0], ascending=not descending, kind="stable", na_position="last")
    count, table = len(table), table.iloc[offset:][:most]
    if json:
        show(table, as_json=True)
        return
    show(table, "R2 on dev: mean and sd over runs", whole=not console.is_terminal)
    console.print(f"{count} setups")


def _is_held_back(name: str) -> bool:
    """Check if a column is a metric on test or withheld."""
    split = name.lower().removeprefix("metrics.").partition(".")[0]
    return split in SPLITS and split not in SEEN


def _runs(frame: pd.DataFrame, varied: list[str]) -> None:
    """Print runs, a line each, and why some failed; where the terminal is narrow, what matters most."""
    frame = frame.drop(columns=["created", "updated", "grids", "dataset"])
    planned = frame["epochs_planned"].nunique()
    frame["epochs"] = [f"{a}/{b}" for a, b in zip(frame["epochs"], frame.pop("epochs_planned"), strict=True)]
    reasons = frame[["run_id", "outcome", "message"]].dropna()
    frame = frame.drop(columns=["message", *(c for c in frame if frame[c].isna().all())], errors="ignore")
    if not frame["tags"].any():
        frame = frame.drop(columns="tags")
    weighed = tuple(varied)
    skills = {c: c.split(".")[1] for c in frame if str(c).startswith("dev.")}
    frame = frame.rename(columns=skills)
    digits = 2 if console.is_terminal else 3
    if console.is_terminal and console.width < NARROW:
        frame["run_id"] = frame["run_id"].str[:8]
        lasts = [name.rpartition(".")[2] for name in varied]
        short = {n: last for n, last in zip(varied, lasts, strict=True) if lasts.count(last) == 1}
        frame = frame.rename(columns={n: last for n, last in short.items() if last not in frame})
        varied = [short[n] if n not in frame else n for n in varied]
    alike = [c for c in ("label", "state") if frame[c].nunique() == 1]
    longest = ["epochs"] * (planned > 1)
    variables = list(skills.values())
    rest = ["dev_loss", "outcome", "tags", "epochs", "train_loss"]
    wanted = list(dict.fromkeys([*varied, *longest, *variables[:2], *alike, *variables, *rest]))
    frame, left_out = fitted(frame, [c for c in wanted if c in frame], digits)
    title = "the last columns: R2 on dev, by variable" if set(skills.values()) - set(left_out) else ""
    show(frame, title, digits=digits, whole=not console.is_terminal)
    if {"dev_loss", "train_loss"} & {*frame} and any(name.startswith("loss_weights.") for name in weighed):
        console.print("the loss weights of these runs differ, so that their losses do not compare: R2 does")
    if left_out:
        console.print(f"too wide for {', '.join(left_out)}: --columns chooses; --json and a pipe have all")
    if not reasons.empty:
        console.print()
    for run_id, outcome, message in reasons.itertuples(index=False):
        console.print(f"{run_id} {outcome}: {message}", markup=False, soft_wrap=True)


def _described(catalog: Catalog, run_ids: Sequence[str], varied: Sequence[str]) -> Iterator[pd.DataFrame]:
    """Tabulate runs in parts, with their tags and the fields in which they differ."""
    tags = catalog.tags()
    for frame in catalog.runs_in_parts(run_ids):
        settings = catalog.settings(list(frame["run_id"])) if varied else {}
        for place, name in enumerate(varied, list(frame.columns).index("seed")):
            frame.insert(place, name, [settings[run_id][name] for run_id in frame["run_id"]])
        frame.insert(3, "tags", [",".join(tags.get(run_id, ())) for run_id in frame["run_id"]])
        yield frame


@app.command()
def cancel(filter: RequiredFilter, workspace: WorkspaceOption = None, db: DatabaseOption = None) -> None:
    """Cancel runs that are pending or running; whoever trains them stops. What they committed stays."""
    with Workspace.at(workspace, db).open() as catalog:
        chosen = catalog.outline(_some(filter, "cancel"))
        cancelled = catalog.cancel(list(chosen["run_id"]))
        unknown = [] if len(chosen) else catalog.unknown(filter)
    others = Counter(chosen.loc[~chosen["run_id"].isin(cancelled), "state"])
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
        run_ids = list(catalog.outline(_some(filter, "tag"))["run_id"])
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
