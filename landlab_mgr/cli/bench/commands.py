"""The verbs of `landlab bench`."""

from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Literal

import pandas as pd
import typer

from landlab_mgr.errors import LandlabError
from landlab_mgr.workspace.display import console, show

app = typer.Typer(help="Benchmarks of training: one program, two workers, from disk.", no_args_is_help=True)

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON")]
Pixels = Annotated[int, typer.Option(min=1, help="Pixels of a batch")]
Months = Annotated[int, typer.Option(min=1, help="Months of forcing")]


@app.command("train")
def train(
    pixels: Pixels = 320,
    steps: Annotated[int, typer.Option(min=1, help="Steps of forcing")] = 168,
    step: Annotated[Literal["month", "day"], typer.Option(help="What a step is")] = "month",
    members: Annotated[str, typer.Option(help="Members side by side; a list to compare, e.g. 1,16,64")] = "1",
    updates: Annotated[int, typer.Option(min=1, help="Updates to time")] = 40,
    process: Annotated[
        list[str] | None, typer.Option(help="KIND=NAME of a process that is not the model's default")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Speed of training with every loss term, compilation, memory, and what the paper's run would take.

    `taskset -c 0 landlab bench train` times one core.
    """
    from landlab_mgr.cli.bench import training

    rows = []
    for count in _counts(members):
        figures = training.measure(pixels, steps, count, updates, _choices(process or []), step)
        rows.append(asdict(figures))
    if json:
        show(pd.DataFrame(rows), as_json=True)
        return
    first = rows[0]
    console.print(
        f"{first['device']}, {first['cores']} cores; {pixels} pixels x {steps} {step}s, "
        f"{first['process'] or 'default processes'}, every loss term; medians of {updates}",
        markup=False,
    )
    table = {
        "members": [r["members"] for r in rows],
        f"training, M pixel-{step}s/s": [_millions(r, "training_pixel_steps_per_s") for r in rows],
        "fastest": [_millions(r, "fastest_training_pixel_steps_per_s") for r in rows],
        "forward": [_millions(r, "forward_pixel_steps_per_s") for r in rows],
        "updates/s": [r["updates_per_s"] * r["members"] for r in rows],
        "update, ms": [r["update_ms"] for r in rows],
        "compile, s": [r["compile_seconds"] for r in rows],
        "compile dev score, s": [r["compile_forward_seconds"] for r in rows],
        "peak memory, GB": [r["peak_memory_gb"] for r in rows],
    }
    said = "updates/s counts each member's"
    if step == "month":
        table["paper's run, min"] = [r["paper_run_minutes"] for r in rows]
        said += "; the paper's run is one member: 164,040 pixels x 168 months x 199 epochs"
    show(pd.DataFrame(table), digits=2)
    console.print(said)


def _counts(members: str) -> list[int]:
    try:
        counts = [int(text) for text in members.split(",")]
    except ValueError:
        counts = []
    if not counts or min(counts) < 1:
        raise LandlabError(f"--members {members!r}; allowed: numbers above 0, separated by commas: 1,16,64")
    return counts


def _choices(options: list[str]) -> dict[str, str]:
    """Return processes by kind, from options such as KIND=NAME."""
    choices = {}
    for option in options:
        kind, separator, name = option.partition("=")
        if not separator:
            raise LandlabError(f"--process {option!r}; allowed: a kind of process and a choice, KIND=NAME")
        choices[kind] = name
    return choices


def _millions(row: dict[str, Any], name: str) -> float:
    return row[name] / 1e6


@app.command("scaling")
def scaling(
    pixels: Pixels = 320,
    months: Months = 168,
    seconds: Annotated[float, typer.Option(help="How long each measurement runs")] = 3.0,
    rounds: Annotated[int, typer.Option(min=1, help="Measurements of each kind, alternating")] = 7,
    json: JsonOption = False,
) -> None:
    """Measure what a second worker process gains, beside what a second copy of a plain arithmetic loop gains here."""
    from landlab_mgr.cli.bench import scaling as bench

    figures = bench.measure(pixels, months, seconds, rounds)
    if json:
        show(pd.DataFrame([asdict(figures)]), as_json=True)
        return
    console.print(
        f"one worker: {figures.worker_rate / 1e6:.2f} M pixel-months/s; two: {figures.worker_gain:.2f} times that; "
        f"two arithmetic loops: {figures.arithmetic_gain:.2f} times one; ratio {figures.ratio:.2f} "
        f"(medians of {rounds} rounds, each process pinned to a core)"
    )


@app.command("stream")
def stream(
    patches: Annotated[int, typer.Option(min=4, help="Patches of the dataset")] = 939,
    pixels: Pixels = 320,
    months: Months = 168,
    updates: Annotated[int, typer.Option(min=1, help="Updates to time, one patch each")] = 100,
    directory: Annotated[
        str | None, typer.Option(help="Where the dataset is kept for the next time; default: nowhere")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Speed and peak memory of training and evaluation from disk; the default shape takes 8 GB of it."""
    from landlab_mgr.cli.bench import stream as bench

    with TemporaryDirectory() as temporary:
        figures = asdict(bench.measure(Path(directory or temporary), patches, pixels, months, updates))
    if json:
        show(pd.DataFrame([figures]), as_json=True)
        return
    names = [name.replace("_", " ") for name in figures]
    show(pd.DataFrame({"figure": names, "value": list(figures.values())}), digits=2)
