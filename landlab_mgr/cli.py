"""The `landlab` command: thin verbs over the package. Bad input is one line on stderr and exit code 2."""

import os
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import pandas as pd
import typer

from landlab_mgr import __version__, device
from landlab_mgr.catalog import Catalog
from landlab_mgr.display import bullet, console, duration, errors, show, skill_table
from landlab_mgr.errors import LandlabError
from landlab_mgr.workspace import DATABASE, Workspace

# Science modules take seconds to import (JAX): each verb that needs one imports it, so that `landlab ls` is quick.

app = typer.Typer(
    help="Ensembles of differentiable land-model experiments: register, run, query.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
data_app = typer.Typer(help="Datasets: make, import, look at, check.", no_args_is_help=True)
grid_app = typer.Typer(help="Grids of experiments.", no_args_is_help=True)
catalog_app = typer.Typer(help="The catalog database.", no_args_is_help=True)
app.add_typer(data_app, name="data")
app.add_typer(grid_app, name="grid")
app.add_typer(catalog_app, name="catalog")

WorkspaceOption = Annotated[
    str | None,
    typer.Option(
        "--workspace", "-w", help="Directory of the work [env LANDLAB_WORKSPACE; ./landlab-workspace]"
    ),
]
DatabaseOption = Annotated[
    str | None, typer.Option("--db", help="Catalog URL [env LANDLAB_DB; in the workspace]")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON")]
FilterArgument = Annotated[
    str,
    typer.Argument(
        help="e.g. \"setup.groups = 'PFT+CLIM' and metrics.dev.lai.r2 > 0.8\"", show_default=False
    ),
]


def main() -> None:
    """Entry point: errors that users are meant to read become one line and exit code 2."""
    device.configure()
    try:
        app(standalone_mode=True)
    except LandlabError as error:
        errors.print(f"error: {error}", markup=False, soft_wrap=True)
        sys.exit(2)


@app.callback(invoke_without_command=True)
def _root(version: Annotated[bool, typer.Option("--version", help="Print the version")] = False) -> None:
    if version:
        print(f"landlab {__version__}")
        raise typer.Exit


@app.command()
def init(workspace: WorkspaceOption = None, db: DatabaseOption = None) -> None:
    """Make a workspace: a directory with a catalog, datasets and runs."""
    ws = Workspace.at(workspace, db)
    ws.create().close()
    console.print(f"workspace {ws.root}", markup=False)
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
    """A twin planet, 17 predictor sets x 2 seeds, trained and compared: the whole path in a few minutes."""
    from landlab_mgr import demo as demonstration

    root = Path(workspace or "landlab-demo").absolute()
    # a database of its own: LANDLAB_DB may name the group's
    demonstration.run(Workspace(root, str(root / DATABASE)), quick)


@data_app.command("import")
def data_import(
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
    _say_dataset(record)


@data_app.command("twin")
def data_twin(
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
    _say_dataset(record)


def _say_dataset(record: Any) -> None:
    console.print(
        f"dataset {record.name} ({record.fingerprint}, {record.kind}): {record.n_pixels} pixels in "
        f"{record.n_patches} patches, {record.n_months} months",
        markup=False,
    )
    console.print(f"next: `landlab data show {record.name}`, `landlab grid register FILE`", markup=False)


@data_app.command("ls")
def data_ls(workspace: WorkspaceOption = None, db: DatabaseOption = None, json: JsonOption = False) -> None:
    """Datasets of the workspace."""
    with Workspace.at(workspace, db).open(read_only=True) as catalog:
        rows = [vars(d) for d in catalog.datasets()]
    columns = ["name", "fingerprint", "kind", "n_pixels", "n_patches", "n_months", "licence", "url"]
    frame = pd.DataFrame(rows, columns=columns)
    if frame.empty and not json:
        console.print("no dataset yet: `landlab data import fluxval DIR` or `landlab data twin` makes one")
        return
    show(frame, as_json=json)


@data_app.command("show")
def data_show(
    name: Annotated[str, typer.Argument(help="Name or fingerprint", show_default=False)],
    figure: Annotated[str | None, typer.Option(help="Write a map and coverage figure to this file")] = None,
    workspace: WorkspaceOption = None,
    db: DatabaseOption = None,
    json: JsonOption = False,
) -> None:
    """What a dataset holds: variables, units, coverage, ranges."""
    from landlab_mgr.data import check

    ds, record = _opened_dataset(name, workspace, db)
    show(check.summary(ds), "" if json else f"{record.name} ({record.kind}, {record.fingerprint})", json)
    if figure is not None:
        _save(check.figure(ds), figure)


@data_app.command("check")
def data_check(
    name: Annotated[str, typer.Argument(help="Name or fingerprint", show_default=False)],
    workspace: WorkspaceOption = None,
    db: DatabaseOption = None,
) -> None:
    """Check units, ranges, gaps, splits and provenance of a dataset; exit code 1 on errors."""
    from landlab_mgr.data import check

    ds, record = _opened_dataset(name, workspace, db)
    report = check.check(ds)
    for kind, lines in (("error", report.errors), ("warning", report.warnings)):
        for line in lines:
            console.print(f"{kind}: {line}", markup=False, soft_wrap=True)
    console.print(
        f"{record.name}: {len(report.errors)} errors, {len(report.warnings)} warnings", markup=False
    )
    if report.errors:
        raise typer.Exit(1)


def _opened_dataset(name: str, workspace: str | None, db: str | None) -> tuple[Any, Any]:
    from landlab_mgr.data import store

    ws = Workspace.at(workspace, db)
    with ws.open(read_only=True) as catalog:
        record = catalog.dataset(name)
    return store.open_dataset(ws.path(record.url)), record


def _save(figure: Any, path: str) -> None:
    try:
        figure.savefig(path, dpi=150)
    except (OSError, ValueError) as error:
        raise LandlabError(f"cannot write {path}: {error}") from None
    console.print(f"figure {path}", markup=False)


@grid_app.command("register")
def grid_register(
    file: Annotated[str, typer.Argument(help="TOML file, or the name of a bundled one", show_default=False)],
    workspace: WorkspaceOption = None,
    db: DatabaseOption = None,
) -> None:
    """Register every run of a grid; registering again adds only what is new."""
    from landlab_mgr import register
    from landlab_mgr.spec import load_grid

    spec = load_grid(file)
    ws = Workspace.at(workspace, db)
    with ws.open() as catalog:
        done = register.grid(ws, catalog, spec)
    console.print(
        f"grid {spec.name}: {done.added} runs added, {done.existing} already there "
        f"({len(spec.predictor_sets)} setups x {len(spec.seed_list)} seeds)",
        markup=False,
    )
    console.print(f"next: `landlab run --grid {spec.name}`", markup=False)


@grid_app.command("ls")
def grid_ls(workspace: WorkspaceOption = None, db: DatabaseOption = None, json: JsonOption = False) -> None:
    """Grids, with their runs by state."""
    with Workspace.at(workspace, db).open(read_only=True) as catalog:
        rows = [{"grid": g.name, "dataset": g.spec.dataset, **g.counts} for g in catalog.grids()]
    if not rows and not json:
        console.print("no grid yet: `landlab grid register experiments/fluxval.toml`")
        return
    show(pd.DataFrame(rows), as_json=json)


@app.command()
def run(
    filter: FilterArgument = "",
    grid: Annotated[str | None, typer.Option(help="Only runs of this grid")] = None,
    only: Annotated[
        Literal["pending", "failed"], typer.Option(help="failed: try those that failed once more")
    ] = "pending",
    workspace: WorkspaceOption = None,
    db: DatabaseOption = None,
) -> None:
    """Train everything that is pending. Ctrl-C once: commit and stop; twice: stop now. Run again to go on."""
    from landlab_mgr import drive

    ws = Workspace.at(workspace, db)
    with ws.open() as catalog:
        summary = drive.pending(ws, catalog, filter, grid, retry=only == "failed")
    counts = ", ".join(f"{n} {outcome}" for outcome, n in sorted(summary.outcomes.items())) or "nothing to do"
    console.print(
        f"{counts}{'; interrupted: `landlab run` goes on' if summary.interrupted else ''}", markup=False
    )
    if summary.interrupted:
        raise typer.Exit(130)
    if any(summary.outcomes.get(outcome) for outcome in ("nan", "oom", "error")):
        raise typer.Exit(1)


@app.command()
def ls(
    filter: FilterArgument = "",
    limit: Annotated[int, typer.Option(help="At most this many, newest registrations last; 0 = all")] = 0,
    workspace: WorkspaceOption = None,
    db: DatabaseOption = None,
    json: JsonOption = False,
) -> None:
    """Runs, one line each."""
    with Workspace.at(workspace, db).open(read_only=True) as catalog:
        frame = catalog.runs(filter, limit or None)
        counts = catalog.counts(filter)
    if json:
        show(frame, as_json=True)
        return
    if frame.empty:
        hint = "no run matches" if filter else "no run yet: `landlab grid register experiments/fluxval.toml`"
        console.print(hint)
        return
    frame = frame.drop(columns=["created", "updated", "grids", "dataset"])
    frame["epochs"] = [f"{a}/{b}" for a, b in zip(frame["epochs"], frame.pop("epochs_planned"), strict=True)]
    if frame["message"].isna().all():
        frame = frame.drop(columns="message")
    show(frame)
    console.print(", ".join(f"{n} {state}" for state, n in counts.items() if n))


@app.command("show")
def show_run(
    run_id: Annotated[str, typer.Argument(metavar="RUN", help="Run id, or its start", show_default=False)],
    workspace: WorkspaceOption = None,
    db: DatabaseOption = None,
    json: JsonOption = False,
) -> None:
    """Everything about one run: its spec, skill by split, attempts and files."""
    with Workspace.at(workspace, db).open(read_only=True) as catalog:
        record = catalog.run(run_id)
        metrics, attempts = catalog.metrics(record.run_id), catalog.attempts(record.run_id)
        files, epochs = catalog.artifacts(record.run_id), catalog.epochs(record.run_id)
    if json:
        import json as json_module

        from landlab_mgr.display import records

        content = {
            "run_id": record.run_id,
            "state": record.state,
            "spec": record.spec.model_dump(mode="json"),
            "metrics": records(metrics),
            "attempts": records(attempts),
            "artifacts": records(files),
        }
        print(json_module.dumps(content, indent=1, default=str))
        return
    s = record.spec.seeds
    console.print(f"[bold]{record.run_id}[/bold]  {record.label}  {record.state}")
    console.print(
        f"dataset {record.dataset_name} ({record.dataset}), grids {', '.join(record.grids) or 'none'}, "
        f"seeds init {s.init} split {s.split} shuffle {s.shuffle}",
        markup=False,
    )
    changed = record.spec.model_dump(
        mode="json", exclude_defaults=True, exclude={"dataset", "predictors", "seeds"}
    )
    console.print(f"not at its default: {changed or 'nothing'}", markup=False, soft_wrap=True)
    console.print(f"epochs {record.epochs}/{record.epochs_planned}", markup=False)
    if not epochs.empty:
        last, best = epochs.iloc[-1], epochs.loc[epochs["dev"].idxmin()]
        console.print(
            f"loss per pixel: train {last['total']:.5g}, dev {last['dev']:.5g} "
            f"(lowest dev {best['dev']:.5g} at epoch {int(best['epoch'])}); "
            f"{duration(float(epochs['seconds'].sum()))} of training"
        )
    if not metrics.empty:
        console.print()
        show(skill_table(metrics), "skill after the warm-up")
    console.print()
    attempts = attempts.assign(
        took=[
            duration((end - start).total_seconds()) if end is not None and not pd.isna(end) else "going on"
            for start, end in zip(attempts["started"], attempts["ended"], strict=True)
        ]
    )
    show(
        attempts[["number", "outcome", "started", "took", "host", "device", "mode", "git_commit", "message"]],
        "attempts",
    )
    console.print()
    show(files, "files")


@app.command("app")
def open_app(
    port: Annotated[int, typer.Option(help="Port on this machine")] = 8501,
    browser: Annotated[bool, typer.Option(help="Open a browser window")] = True,
    workspace: WorkspaceOption = None,
    db: DatabaseOption = None,
) -> None:
    """Open the app on this workspace, on this machine only."""
    from landlab_mgr.resources import resource

    ws = Workspace.at(workspace, db)
    ws.open(read_only=True).close()
    environment = os.environ | {"LANDLAB_WORKSPACE": str(ws.root), "LANDLAB_DB": ws.database}
    home = Path(resource("app")) / "Home.py"
    options = {
        "server.address": "127.0.0.1",
        "server.port": str(port),
        "server.headless": str(not browser).lower(),
        "browser.gatherUsageStats": "false",
    }
    flags = [f"--{name}={value}" for name, value in options.items()]
    # this process becomes the server, so that stopping one stops the other
    os.execve(sys.executable, [sys.executable, "-m", "streamlit", "run", str(home), *flags], environment)


@catalog_app.command("upgrade")
def catalog_upgrade(workspace: WorkspaceOption = None, db: DatabaseOption = None) -> None:
    """Bring the catalog's schema to what this version of landlab expects."""
    ws = Workspace.at(workspace, db)
    with Catalog.upgrade(ws.database):
        console.print(f"catalog at revision {Catalog.current(ws.database)}", markup=False)


@catalog_app.command("current")
def catalog_current(workspace: WorkspaceOption = None, db: DatabaseOption = None) -> None:
    """Revision of the catalog's schema."""
    console.print(Catalog.current(Workspace.at(workspace, db).database), markup=False)


if __name__ == "__main__":
    main()
