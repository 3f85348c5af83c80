"""`landlab show`: everything about one run, or what differs between two."""

import json as json_module
from collections.abc import Sequence
from math import isnan
from typing import Annotated, Any

import typer
from rich.text import Text

from landlab_mgr.catalog import Catalog
from landlab_mgr.catalog.compare import Comparison, compare
from landlab_mgr.cli.options import DatabaseOption, JsonOption, WorkspaceOption
from landlab_mgr.errors import LandlabError
from landlab_mgr.records import SEEN, SPLITS
from landlab_mgr.workspace.display import console, duration, records, show, skill_table, tabulated
from landlab_mgr.workspace.workspace import Workspace

app = typer.Typer()


@app.command("show")
def show_run(
    run_id: Annotated[str, typer.Argument(metavar="RUN", help="Run id, or its start", show_default=False)],
    other: Annotated[
        str | None, typer.Argument(metavar="[OTHER]", help="What differs between RUN and this one")
    ] = None,
    test: Annotated[bool, typer.Option("--test", help="Test and withheld skill too; counted")] = False,
    workspace: WorkspaceOption = None,
    db: DatabaseOption = None,
    json: JsonOption = False,
) -> None:
    """Everything about one run: its spec, skill by split, attempts and files; or what differs between two."""
    if test and other is not None:
        raise LandlabError("--test is for one run; leave it out, or name one")
    with Workspace.at(workspace, db).open(read_only=not test) as catalog:
        if other is None:
            _one(catalog, run_id, SPLITS if test else SEEN, json)
        else:
            _two(compare(catalog, run_id, other), json)


def _one(catalog: Catalog, run_id: str, splits: Sequence[str], json: bool) -> None:
    record = catalog.run(run_id)
    metrics = catalog.metrics_columns(record.run_id, splits)
    attempts = catalog.attempts_columns(record.run_id)
    test_reads = catalog.test_reads(record.run_id)
    files, epochs = catalog.artifacts_columns(record.run_id), catalog.epochs_columns(record.run_id)
    tags, setup = catalog.tags().get(record.run_id, ()), catalog.setup_of(record.run_id)
    if json:
        content = {
            "run_id": record.run_id,
            "state": record.state,
            "setup": setup,
            "tags": tags,
            "spec": record.spec.model_dump(mode="json"),
            "metrics": records(metrics),
            "test_reads": test_reads,
            "attempts": records(attempts),
            "artifacts": records(files),
        }
        print(json_module.dumps(content, indent=1, default=str))
        return
    s = record.spec.seeds
    console.print(Text(record.run_id, "bold"), f" {setup}  {record.state}")
    tagged = f", tags {', '.join(tags)}" if tags else ""
    console.print(
        f"dataset {record.dataset_name} ({record.dataset}), grids {', '.join(record.grids) or 'none'}{tagged}, "
        f"seeds init {s.init} split {s.split} shuffle {s.shuffle}",
        markup=False,
    )
    changed = record.spec.differing(exclude={"dataset", "predictors", "seeds"})
    changed.pop("science_version")
    console.print(f"not at its default: {changed or 'nothing'}", markup=False, soft_wrap=True)
    console.print(f"epochs {record.epochs}/{record.epochs_planned}", markup=False)
    if epochs["epoch"]:
        dev = ""
        dev_losses = [(x, n) for x, n in zip(epochs["dev"], epochs["epoch"], strict=True) if not isnan(x)]
        if dev_losses:  # some splits have no dev pixels
            lowest, epoch = min(dev_losses)
            dev = f", dev {epochs['dev'][-1]:.5g} (lowest dev {lowest:.5g} at epoch {epoch})"
        console.print(
            f"loss per pixel: train {epochs['total'][-1]:.5g}{dev}; "
            f"{duration(sum(epochs['seconds']))} of training"
        )
    if metrics["value"]:
        console.print()
        show(skill_table(metrics), "skill after the warm-up")
        counted = "counted; " if splits == SPLITS else "--test shows it and is counted; "
        console.print(
            f"test and withheld skill of this run: {counted}read {_times(test_reads)}", markup=False
        )
    console.print()
    attempts["took"] = [
        "going on" if end is None else duration((end - start).total_seconds())
        for start, end in zip(attempts["started"], attempts["ended"], strict=True)
    ]
    shown = ("number", "outcome", "started", "took", "host", "device", "mode", "git_commit", "message")
    show({name: attempts[name] for name in shown}, "attempts")
    console.print()
    show(files, "files")


def _two(comparison: Comparison, json: bool) -> None:
    a, b = comparison.a, comparison.b
    if json:
        content = {
            **{
                side: {"run_id": run.run_id, "state": run.state, "label": run.label}
                for side, run in (("a", a), ("b", b))
            },
            "differences": [vars(d) for d in comparison.differences],
            "metrics": records(comparison.metrics),
        }
        print(json_module.dumps(content, indent=1))
        return
    for side, run in (("a", a), ("b", b)):
        about = f" {run.label}  seed {run.spec.seeds.init}  {run.state}"
        console.print(f"{side} ", Text(run.run_id, "bold"), about)
    console.print()
    rows = [{"of": d.part, "what": d.field, "a": _cell(d.a), "b": _cell(d.b)} for d in comparison.differences]
    show(tabulated(rows, ("of", "what", "a", "b")), "differences; all else is the same")
    missing = [run.run_id for run in (a, b) if run.run_id in comparison.not_attempted]
    if missing:
        console.print(f"code and environment: {' and '.join(missing)} not attempted yet", markup=False)
    if comparison.metrics["variable"]:
        console.print()
        show(comparison.metrics, "R2 after the warm-up, all months and pixels")


def _times(count: int) -> str:
    return {0: "never", 1: "once"}.get(count, f"{count} times")


def _cell(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "–" if value is None else str(value)
