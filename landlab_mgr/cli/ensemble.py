"""Verbs about ensembles of members: `landlab ensemble ...`."""

import time
from collections import Counter
from typing import TYPE_CHECKING, Annotated, get_args

import typer

from landlab_mgr.cli.options import DatabaseOption, JsonOption, WorkspaceOption
from landlab_mgr.cli.progress import Steps
from landlab_mgr.errors import LandlabError
from landlab_mgr.spec import fields
from landlab_mgr.workspace.display import console, duration, show, tabulated
from landlab_mgr.workspace.workspace import Workspace

if TYPE_CHECKING:
    import pandas as pd

app = typer.Typer(help="Ensembles: the members that are kept.", no_args_is_help=True)


@app.command()
def select(
    grid: Annotated[str, typer.Option(help="Name of a grid", show_default=False)],
    keep: Annotated[int, typer.Option(help="Members kept of each setup")] = 10,
    by: Annotated[
        str, typer.Option(help="train_loss, dev_loss, or a metric on train or dev, such as dev.gpp.R2")
    ] = "train_loss",
    fewer: Annotated[bool, typer.Option("--fewer", help="Take what there is of setups with fewer")] = False,
    name: Annotated[str | None, typer.Option(help="Of the ensemble [GRID@1, then GRID@2]")] = None,
    paper: Annotated[
        bool, typer.Option("--paper", help="As published: rank alone decides, collapsed and useless ones too")
    ] = False,
    workspace: WorkspaceOption = None,
    db: DatabaseOption = None,
) -> None:
    """Keep the best members of every setup, on record with why the others are not; again: a new version."""
    from landlab_mgr.analysis import selection

    with Workspace.at(workspace, db).open() as catalog:
        made = selection.select(catalog, grid, keep, by, fewer, name, paper)
        candidates = selection.table(catalog, made)
        own_splits = selection.splits_differ(catalog, made)
    show(_by_setup(candidates), f"ensemble {made.name}")
    for line in (
        f"{_count(candidates)}; the best {keep} of each setup by {by}",
        f"a filter finds the kept: ensemble = '{made.name}'",
        f"next: `landlab analyse skill \"ensemble = '{made.name}'\"`",
    ):
        console.print(line, markup=False, soft_wrap=True)
    if own_splits:
        console.print(
            f"members of a setup train on other pixels, by their seeds: {by} ranks these splits too, and an easy one "
            'ranks high (split.kind "years" and "all" give all members the same pixels)',
            markup=False,
            soft_wrap=True,
        )


@app.command()
def ls(workspace: WorkspaceOption = None, db: DatabaseOption = None, json: JsonOption = False) -> None:
    """Ensembles, with what chose them."""
    with Workspace.at(workspace, db).open(read_only=True) as catalog:
        rows = [
            {
                "ensemble": e.name,
                "kept": sum(m.kept for m in e.members),
                "candidates": len(e.members),
                "rule": ", ".join(f"{k} {v}" for k, v in e.rule.items()),
                "created": e.created,
            }
            for e in catalog.ensembles()
        ]
    if not rows and not json:
        console.print("no ensemble yet: `landlab ensemble select --grid GRID` keeps the best of each setup")
        return
    show(tabulated(rows), as_json=json)


@app.command("show")
def show_(
    name: Annotated[str, typer.Argument(metavar="ENSEMBLE", help="Such as fluxval@1", show_default=False)],
    workspace: WorkspaceOption = None,
    db: DatabaseOption = None,
    json: JsonOption = False,
) -> None:
    """Every candidate of an ensemble: its rank, and kept or why not; and the calibrations of its members."""
    from landlab_mgr.analysis import apply, selection

    with Workspace.at(workspace, db).open(read_only=True) as catalog:
        candidates = selection.table(catalog, catalog.ensemble(name))
        kept = list(candidates["run_id"][candidates["kept"]])
        calibrated = apply.calibrations(catalog, kept, within=True)
        looked = catalog.test_reads()
    if json:
        show(candidates, as_json=True)
        return
    shown = candidates if candidates["variant"].any() else candidates.drop(columns="variant")
    show(shown.assign(reason=shown["reason"].fillna("kept")).drop(columns="kept"), f"ensemble {name}")
    for c in calibrated:
        of = f"calibration {c.id}, version {c.options['version']}: {c.options['method']}, places {c.options['places']}"
        console.print(f"{of}, of {c.filter}", markup=False, soft_wrap=True)
    console.print(f"{_count(candidates)}; test or withheld metrics were read {looked} times in this catalog")


@app.command()
def calibrate(
    which: Annotated[
        str,
        typer.Argument(
            metavar="ENSEMBLE|FILTER",
            help="Members of one setup and all its folds, or of several setups with --pool",
            show_default=False,
        ),
    ],
    method: Annotated[
        str, typer.Option(help="conformal: errors at places that members did not learn from")
    ] = ("conformal"),
    places: Annotated[
        str,
        typer.Option(
            help="dev, or folds: also cells that some members hold out and others not, which is counted"
        ),
    ] = "dev",
    pool: Annotated[
        str, typer.Option(metavar="FIELDS", help="As of `landlab ensemble predict`, folds aside")
    ] = "",
    workspace: WorkspaceOption = None,
    db: DatabaseOption = None,
) -> None:
    """Find how wide intervals are that cover new places, for `landlab ensemble predict --intervals`."""
    from landlab_mgr.analysis import apply

    pooled = _names(pool)
    fields.require_known(pooled, "--pool")
    result = apply.calibrate(which, Workspace.at(workspace, db), method, places, pooled)
    version, n = result.record.options["version"], result.dataset.attrs["members"]
    show(
        result.analysis.table(result.dataset),
        f"calibration {result.record.id}, version {version} of {n} members",
    )
    console.print(str(result.dataset.attrs["notes"]), markup=False, soft_wrap=True)


@app.command()
def predict(
    which: Annotated[
        str,
        typer.Argument(
            metavar="ENSEMBLE|FILTER",
            help="Members of one setup, or of several with --pool",
            show_default=False,
        ),
    ],
    data: Annotated[str, typer.Option(help="Dataset: name or fingerprint", show_default=False)],
    out: Annotated[str, typer.Option(help="FILE.nc or DIRECTORY.zarr", show_default=False)],
    scenario: Annotated[str | None, typer.Option(metavar="TOML", help="Changes of the dataset")] = None,
    variables: Annotated[
        str, typer.Option(help="With commas between; default: what every run of the model keeps")
    ] = "",
    quantiles: Annotated[
        bool, typer.Option("--quantiles", help="5, 25, 50, 75, 95 % of the members too")
    ] = False,
    members: Annotated[bool, typer.Option("--members", help="Every member too")] = False,
    levels: Annotated[
        str,
        typer.Option(
            "--intervals",
            metavar="PERCENTS",
            help="Bounds of intervals that hold so much of what is observed at new places, such as 50,90,95; "
            "needs `landlab ensemble calibrate`",
        ),
    ] = "",
    novelty: Annotated[
        bool,
        typer.Option(
            "--novelty", help="How far each place and month is from those that the members learned from, too"
        ),
    ] = False,
    layout: Annotated[str, typer.Option(help="grid, points, or auto: what the pixels suggest")] = "auto",
    pool: Annotated[
        str,
        typer.Option(
            metavar="FIELDS",
            help="Average over setups that differ in these fields only, with commas between: "
            "process.water_stress,split.fold",
        ),
    ] = "",
    workspace: WorkspaceOption = None,
    db: DatabaseOption = None,
) -> None:
    """Apply the members to any dataset: mean and spread by place and month, as a CF file."""
    from landlab_mgr.analysis import apply
    from landlab_mgr.prediction import cf, intervals

    cf.check_target(out)
    wanted = intervals.levels_in(levels)
    if layout not in get_args(cf.Layout):
        raise LandlabError(f"--layout {layout}: choose one of {', '.join(get_args(cf.Layout))}")
    pooled = _names(pool)
    fields.require_known(pooled, "--pool")
    started = time.monotonic()
    with Steps() as steps:
        done = apply.predict(
            which,
            data,
            out,
            Workspace.at(workspace, db),
            scenario,
            _names(variables),
            quantiles,
            members,
            layout,
            pooled,
            lambda number, total: steps("predicting", "block", number, total),
            wanted,
            novelty,
        )
    passed = duration(time.monotonic() - started)
    console.print(
        f"{out}: {', '.join(done.variables)} of {done.pixels} pixels, {done.months} steps, by {done.members} "
        f"members of {done.setup}, in {passed}",
        markup=False,
        soft_wrap=True,
    )
    if wanted and (without := [name for name in done.variables if name not in done.with_interval]):
        console.print(
            f"no interval, since no observation by step calibrates it: {', '.join(without)}", soft_wrap=True
        )


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _by_setup(candidates: "pd.DataFrame") -> "pd.DataFrame":
    import pandas as pd

    rows = []
    for (setup, variant), part in candidates.groupby(["setup", "variant"], sort=False):
        kept = part[part["kept"]]
        rows.append((setup, variant, len(kept), len(part), kept["score"].min(), kept["score"].max()))
    frame = pd.DataFrame(
        rows, columns=["setup", "variant", "kept", "candidates", "lowest kept", "highest kept"]
    )
    return frame if frame["variant"].any() else frame.drop(columns="variant")


def _count(candidates: "pd.DataFrame") -> str:
    why = Counter(reason.split(":")[0].split()[0] for reason in candidates["reason"].dropna())
    dropped = ", ".join(f"{n} {reason}" for reason, n in why.items())
    return f"{candidates['kept'].sum()} of {len(candidates)} candidates kept" + (
        f"; dropped: {dropped}" if dropped else ""
    )
