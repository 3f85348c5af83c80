"""Verbs about tuning the loss weights: `landlab tune ...`."""

import json as json_text
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from landlab_mgr.cli.options import (
    AddressOption,
    DatabaseOption,
    ExecutorOption,
    JsonOption,
    WorkersOption,
    WorkspaceOption,
)
from landlab_mgr.records import SEEN, SPLITS
from landlab_mgr.workspace.display import console, duration, records, show
from landlab_mgr.workspace.workspace import Workspace

if TYPE_CHECKING:
    from landlab_mgr.tuning.records import TrialRecord
    from landlab_mgr.tuning.summary import Summary


class _FileFirst(TyperGroup):
    """`landlab tune study.toml` is `landlab tune FILE study.toml`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] != "--help":
            args = ["FILE", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(cls=_FileFirst, help="Tune the loss weights on dev, with Optuna.", no_args_is_help=True)
StudyArgument = Annotated[str, typer.Argument(metavar="STUDY", help="Name of a study", show_default=False)]


class _Lines:
    """A line for each trial that is over."""

    def __init__(self, trials: int) -> None:
        self._trials = trials

    def told(self, trial: "TrialRecord", best: "TrialRecord | None", counts: dict[str, int]) -> None:
        """Print it."""
        value = "" if not trial.values else ": " + ", ".join(f"{v:.4f}" for v in trial.values)
        if trial.state == "pruned" and trial.values:  # not what `best` has: one member, early in its training
            value = f" while its first member was at {trial.values[0]:.4f}"
        broken = "" if trial.feasible else " (breaks the constraint)"
        leader = "" if best is None else f"; best {best.values[0]:.4f} in trial {best.number}"
        over = counts["complete"] + counts["pruned"]
        failed = f", {counts['fail']} failed" if counts["fail"] else ""
        console.print(
            f"trial {trial.number} {trial.state}{value}{broken}{leader}; "
            f"{over} of {self._trials} over ({counts['pruned']} pruned){failed}, {counts['running']} going",
            markup=False,
        )


@app.command("FILE")
def run(
    file: Annotated[str, typer.Argument(help="TOML file of a study", show_default=False)],
    workers: WorkersOption = None,
    executor: ExecutorOption = None,
    address: AddressOption = None,
    members: Annotated[int | None, typer.Option(help="Runs side by side in a worker [1]")] = None,
    workspace: WorkspaceOption = None,
    db: DatabaseOption = None,
) -> None:
    """Run a study, or go on with it: write its FILE's name instead of a verb."""
    from landlab_mgr.spec.study import load_study

    spec = load_study(file)
    if members is not None:
        policies = spec.policies.changed({"members": members})
        spec = spec.model_copy(update={"policies": policies})
    ws = Workspace.at(workspace, db)
    with ws.open() as catalog:
        from landlab_mgr.campaign import launch
        from landlab_mgr.campaign.live import LiveReport
        from landlab_mgr.tuning import search, summary

        trained = spec.trials * len(spec.seed_list)
        epochs = spec.runs("0" * 16, {}, spec.seed_list)[0].optimizer.epochs
        with LiveReport(trained, trained * epochs) as report:
            who = launch.Workers(workers, executor, address)
            interrupted = search.search(ws, catalog, spec, who, report, _Lines(spec.trials))
        if interrupted:
            console.print(f"interrupted: `landlab tune {file}` goes on", markup=False)
            raise typer.Exit(130)
        _print(summary.summarise(ws, catalog, spec.name), catalog.test_reads())


@app.command("show")
def show_(
    study: StudyArgument,
    test: Annotated[
        bool, typer.Option("--test", help="The gain on test and withheld too: a look that is counted")
    ] = False,
    trials: Annotated[bool, typer.Option("--trials", help="Every trial")] = False,
    workspace: WorkspaceOption = None,
    db: DatabaseOption = None,
    json: JsonOption = False,
) -> None:
    """Show the best trial of a study, its gain over trial 0 on fresh seeds, importances, Pareto front and cost."""
    from landlab_mgr.tuning import summary

    ws = Workspace.at(workspace, db)
    with ws.open(read_only=not test) as catalog:
        found = summary.summarise(ws, catalog, study, SPLITS if test else SEEN)
        looked = catalog.test_reads()
    if json:
        print(json_text.dumps(_plain(found, looked), indent=1))
        return
    _print(found, looked)
    if trials:
        show(found.trials, "trials")


@app.command()
def promote(
    study: StudyArgument,
    as_: Annotated[str, typer.Option("--as", metavar="NAME", help="Of the weight set", show_default=False)],
    trial: Annotated[int | None, typer.Option(help="Instead of the best one")] = None,
    workspace: WorkspaceOption = None,
    db: DatabaseOption = None,
) -> None:
    """Name the loss weights of a study's best trial, for the base of grids: `loss_weights = "NAME"`."""
    from landlab_mgr.tuning import summary

    ws = Workspace.at(workspace, db)
    with ws.open() as catalog:
        made = summary.promote(ws, catalog, study, as_, trial)
        numbers = summary.summarise(ws, catalog, study).numbers
    weights = ", ".join(
        f"{key.partition('.')[2]} {made.weights[key.partition('.')[2]]:g}"
        for key in numbers["number"]
        if key.startswith("loss_weights.")
    )
    console.print(f"weight set {made.name}: trial {made.trial} of {study}: {weights}", markup=False)
    console.print(f'next: loss_weights = "{made.name}" in a grid\'s [base]', markup=False)
    others = numbers[~numbers["number"].str.startswith("loss_weights.")]
    for row in others.to_dict("records") if trial is None else ():
        console.print(f"the study also tuned {row['number']}: {row['best']:g}", markup=False)


def _print(found: "Summary", looked: int) -> None:
    spec, counts = found.spec, found.counts
    states = ", ".join(f"{n} {state}" for state, n in counts.items() if n)
    infeasible = f"; {found.infeasible} break the constraint" if found.infeasible else ""
    console.print(
        f"study {spec.name}: {'+'.join(spec.predictors)} on {spec.dataset}, {len(spec.seed_list)} seeds a trial, "
        f"{spec.sampler}, pruner {spec.pruner}; trials: {states}{infeasible}",
        markup=False,
    )
    for label, trial in (("trial 0", found.start), ("best", found.best)):
        if trial is not None and trial.values:
            scores = ", ".join(
                f"{o.name} {v:.4f}" for o, v in zip(spec.objectives, trial.values, strict=True)
            )
            number = f" (trial {trial.number})" if label == "best" or trial.number else ""
            console.print(f"{label}: {scores} on dev{number}", markup=False)
    if not found.pareto.empty:
        show(found.pareto.drop(columns=["state", "feasible"]), "Pareto front on dev")
    show(found.numbers)
    if "importance" in found.numbers:
        console.print("importance: share of the objective's variance over the space (fANOVA)")
    if not found.gain.empty:
        console.print("gain of the best over trial 0 on seeds that no trial saw, with its 95 % interval:")
        show(found.gain[found.gain["split"] != "train"])
        first = found.gain[found.gain["split"] == "dev"].iloc[0]
        if found.verdict == "level":
            console.print(f"the gain in {first['score']} on dev cannot be told from 0")
    elif len(spec.objectives) == 1:
        console.print("no gain over trial 0 to tell yet: no better trial, or its fresh seeds are not trained")
    cost = found.cost
    console.print(
        f"cost: {duration(3600 * cost['hours'])}, {duration(3600 * cost['hours_training'])} of training in all, "
        f"{cost['epochs']:.0f} epochs; test or withheld metrics were read {looked} times in this catalog"
    )
    if found.verdict == "better":
        console.print(f"next: `landlab tune promote {spec.name} --as NAME`", markup=False)
    elif found.verdict != "open":
        console.print(
            f"next: keep the weights of trial 0, or search again under another name with more than "
            f"{len(spec.seed_list)} seeds a trial",
            markup=False,
        )


def _plain(found: "Summary", looked: int) -> dict[str, Any]:
    """Return a summary as JSON values."""
    return {
        "study": found.spec.name,
        "spec": found.spec.asked,
        "trials": found.counts,
        "infeasible": found.infeasible,
        "best": None if found.best is None else found.best.number,
        "start": None if found.start is None else found.start.number,
        "numbers": records(found.numbers),
        "gain": records(found.gain),
        "pareto": records(found.pareto),
        "all": records(found.trials),
        "cost": found.cost,
        "test_reads": looked,
    }
