"""`uv run python -m tests.bench NAME`: benchmarks that need a checkout; `landlab bench` has those of training."""

from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Literal

import pandas as pd
import typer

from landlab_mgr.errors import LandlabError
from landlab_mgr.workspace.display import console, errors, show

if TYPE_CHECKING:
    from tests.bench.catalog import Figures as CatalogFigures
    from tests.bench.chaos import Figures as ChaosFigures

app = typer.Typer(help="Benchmarks of the catalog, campaigns, analyses and the app.", no_args_is_help=True)

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON")]
DirectoryOption = Annotated[
    str | None, typer.Option(help="Where files go for the time being; default: the system's place for them")
]
Engine = Annotated[Literal["sqlite", "postgresql"], typer.Option(help="The database")]


@app.command("catalog")
def catalog(
    engine: Engine = "sqlite",
    server: Annotated[
        str | None,
        typer.Option(
            help="URL of a PostgreSQL server, for a database of its own; default: a temporary server"
        ),
    ] = None,
    processes: Annotated[int, typer.Option(min=1, help="Processes that claim and write at once")] = 16,
    claims: Annotated[int, typer.Option(min=1, help="Runs to register and claim")] = 10_000,
    writes: Annotated[int, typer.Option(min=1, help="Records, heartbeats and ends of attempts")] = 100_000,
    runs: Annotated[
        int | None,
        typer.Option(
            min=100, help="Instead: what each verb takes on a catalog of so many runs, on both engines"
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Many writers at once, and how fast runs are registered, found and read; exit 1 where a count is wrong."""
    from tests.bench import catalog as bench

    if runs is not None:
        report_verbs(runs, json)
        return

    if server is not None and engine != "postgresql":
        raise LandlabError(f"--server is for --engine postgresql, not {engine}; a SQLite file is made anew")
    with bench.temporary_catalog(engine, server) as url, bench.processes(processes) as pool:
        report_catalog(bench.measure(url, pool, processes, claims, writes), json)


def report_verbs(runs: int, as_json: bool = False) -> None:
    """Print what each verb takes on each engine; typer.Exit(1) where it is more than it may be."""
    from tests.bench import verbs as bench

    costs = [cost for engine in ("sqlite", "postgresql") for cost in bench.measure(runs, engine)]
    if as_json:
        show(pd.DataFrame([asdict(cost) for cost in costs]), as_json=True)
    else:
        console.print(
            f"{runs} runs; at most {bench.MEGABYTES} MB, and as many seconds of the processors as it says"
        )
        show(pd.DataFrame([asdict(cost) for cost in costs]), digits=1)
    over = [f"{cost.engine}: {cost.verb}" for cost in costs if not cost.within]
    if over:
        errors.print(f"too much: {', '.join(over)}", markup=False)
        raise typer.Exit(1)


def report_catalog(figures: "CatalogFigures", as_json: bool = False) -> None:
    """Print the figures beside what they must be; typer.Exit(1) where a count is wrong."""
    f = figures
    rows = [
        (f"register {f.runs} runs x {f.settings} settings, s", f.register_seconds, "5 for 10000"),
        ("claims", f.claims, f"{f.runs}"),
        ("  double", f.double_claims, "0"),
        ("  lost", f.lost_claims, "0"),
        ("  per second", f.claims_per_s, ""),
        ("writes", f.writes, ""),
        ("  refused", f.refused_writes, "0"),
        ("  of these, database is locked", f.locked_writes, "0"),
        ("  rows lost", f.lost_rows, "0"),
        ("  per second", f.writes_per_s, ""),
        ("  median wait, ms", f.write_p50_ms, ""),
        ("  99th percentile, ms", f.write_p99_ms, "250"),
        ("  longest, ms", f.write_max_ms, ""),
        (f"filter {f.runs} runs, ms", f.filter_ms, "50 for 10000"),
        (f"frame of {f.runs} runs x {f.frame_columns}, s", f.frame_seconds, "2 for 10000"),
    ]
    _judge(f, f"{f.engine}, {f.processes} processes", rows, as_json)


@app.command("analysis")
def analysis(
    seeds: Annotated[int, typer.Option(min=2, help="Members of each of the 17 setups")] = 20,
    pixels: Annotated[int, typer.Option(min=2000, help="Pixels of the maps")] = 164_040,
    kept: Annotated[int, typer.Option(min=2, help="Members of each setup that the maps are of")] = 10,
    directory: DirectoryOption = None,
    json: JsonOption = False,
) -> None:
    """Time each analysis of 340 runs, and partitioning at every pixel; the default writes 11 GB."""
    from tests.bench import analysis as bench

    with TemporaryDirectory(dir=directory) as temporary:
        figures = bench.measure(Path(temporary), seeds, pixels, kept)
    rows = [
        {
            "analysis": t.name,
            "runs": t.runs,
            "pixels": t.pixels,
            "seconds": t.seconds,
            "of CPU": t.cpu_seconds,
            "at most": "" if t.at_most is None else f"{t.at_most:g}",
            "not made": t.failure,
        }
        for t in figures.times
    ]
    show(pd.DataFrame(rows), as_json=json, digits=2)
    if not json:
        console.print(f"peak memory {figures.peak_gb:.1f} GB; each with its result written and catalogued")


@app.command("app")
def pages(
    runs: Annotated[int, typer.Option(min=16, help="Runs in the catalog")] = 10_000,
    pixels: Annotated[int, typer.Option(min=0, help="Pixels of the map; 0 leaves it out")] = 164_040,
    repeats: Annotated[int, typer.Option(min=1, help="Fresh servers; the figures are medians")] = 3,
    directory: DirectoryOption = None,
    json: JsonOption = False,
) -> None:
    """Time the app's first page, a re-run and a map in a headless Chromium."""
    from tests.bench import app as bench

    f = bench.measure(runs, pixels, repeats, None if directory is None else Path(directory))
    if json:
        show(pd.DataFrame([asdict(f)]), as_json=True)
        return
    rows = [
        (f"first page, {f.runs} runs: the overview, s", f.overview_seconds, "2"),
        ("  the table of runs, s", f.table_seconds, "2"),
        ("re-run: a filter, s", f.filter_seconds, "0.3"),
        ("  a row ticked, s", f.tick_seconds, "0.3"),
        ("  the slowest, s", f.slowest_rerun_seconds, ""),
    ]
    rows += [(f"page {name or 'overview'}, s", seconds, "3") for name, seconds in f.page_seconds.items()]
    if f.map_seconds is not None:
        rows.append((f"maps of {f.pixels} pixels, s", f.map_seconds, "3"))
    console.print(f"headless Chromium, medians of {f.repeats} fresh servers", markup=False)
    show(pd.DataFrame([{"": name, "found": _short(x), "at most": most} for name, x, most in rows]))


@app.command("campaign")
def campaign(
    runs: Annotated[int, typer.Option(help="Runs of one epoch, bare and scheduled")] = 1000,
    members: Annotated[int, typer.Option(min=20, help="Members, on one worker and on several")] = 68,
    epochs: Annotated[int, typer.Option(min=1, help="Epochs of each member")] = 3000,
    workers: Annotated[int, typer.Option(min=1, help="Worker processes of the campaign")] = 2,
    lanes: Annotated[int, typer.Option(min=1, help="Members side by side in each of them")] = 1,
    json: JsonOption = False,
) -> None:
    """Measure what scheduling costs a run beyond its training, and members on several workers against one."""
    from tests.bench import campaign as bench

    figures = bench.measure(runs, members, epochs, workers, lanes)
    if json:
        show(pd.DataFrame([asdict(figures)]), as_json=True)
        return
    f = figures
    console.print(
        f"a run of one epoch: {f.short_run_seconds * 1e3:.1f} ms bare, {f.scheduled_run_seconds * 1e3:.1f} ms "
        f"scheduled: overhead {f.overhead_ms:.1f} ms (goal 50)"
    )
    console.print(
        f"{f.members} members of {f.epochs} epochs: {f.solo_seconds:.0f} s on one worker, {f.campaign_seconds:.0f} s "
        f"on {f.workers}, {f.lanes} at once on each, start and compilation included: {f.ratio:.2f} (goal 0.6 on two)"
    )


@app.command("chaos")
def chaos(
    kills: Annotated[int, typer.Option(min=1, help="SIGKILLs, each of the driver or of a worker")] = 200,
    engine: Engine = "sqlite",
    executor: Annotated[
        Literal["ray", "local"], typer.Option(help="As in `landlab run`; local has no workers to kill")
    ] = "ray",
    workers: Annotated[int | None, typer.Option(help="Worker processes of Ray [2]")] = None,
    seed: Annotated[int, typer.Option(help="Of moments and victims")] = 0,
    every: Annotated[
        float, typer.Option(help="Mean seconds between kills: uniform from 0 to twice it")
    ] = 8.0,
    runs: Annotated[
        int, typer.Option(min=1, help="Runs of the grid; as many more whenever all are done too soon")
    ] = 24,
    epochs: Annotated[int, typer.Option(min=1, help="Epochs of each run")] = 2000,
    json: JsonOption = False,
) -> None:
    """Kill `landlab run` and its workers at random moments; exit 1 where anything committed was lost or differs."""
    from landlab_mgr.campaign.launch import Workers
    from tests.bench import chaos as bench

    if workers is None:
        workers = 2 if executor == "ray" else 1
    Workers(workers, executor)  # refuses what `landlab run` would

    def tell(text: str) -> None:
        errors.print(text, markup=False)

    report_chaos(bench.measure(kills, engine, executor, workers, seed, every, runs, epochs, tell), json)


@app.command("tuning")
def tuning(
    kills: Annotated[int, typer.Option(min=0, help="SIGKILLs of the study's process")] = 20,
    trials: Annotated[int, typer.Option(min=2, help="As many more whenever all are done too soon")] = 12,
    epochs: Annotated[int, typer.Option(min=1, help="Epochs of each run; a trial is one run")] = 1000,
    executor: Annotated[Literal["ray", "local"], typer.Option(help="As in `landlab run`")] = "ray",
    workers: Annotated[int, typer.Option(min=1, help="Worker processes of Ray")] = 2,
    every: Annotated[float, typer.Option(help="Mean seconds from a sign of life to the kill")] = 8.0,
    seed: Annotated[int, typer.Option(help="Of moments and victims")] = 0,
    json: JsonOption = False,
) -> None:
    """Measure how busy a study keeps its workers, and kill it again and again: exit 1 if trials are lost or doubled."""
    from tests.bench import tuning as bench

    def tell(text: str) -> None:
        errors.print(text, markup=False)

    f = bench.measure(kills, trials, epochs, executor, workers, every, seed, tell)
    if json:
        show(pd.DataFrame([asdict(f)]), as_json=True)
    else:
        if f.busy:
            console.print(f"in peace {f.workers} workers had a run {f.busy:.1%} of the time (goal 90 %)")
        states = ", ".join(f"{n} {state}" for state, n in f.killed_trials.items() if n)
        console.print(
            f"{f.kills} kills, {f.starts} starts, {f.trials} trials wanted: {states}; doubled {f.doubled}, left "
            f"running {f.left_running}, orphans {f.orphans}, missing {f.missing}"
        )
        for complaint in f.complaints:
            console.print(complaint, markup=False)
    if f.wrong:
        raise typer.Exit(1)


def report_chaos(figures: "ChaosFigures", as_json: bool = False) -> None:
    """Print the figures beside what they must be; typer.Exit(1) where something was lost."""
    f = figures
    rows = [
        ("kills of drivers", f.driver_kills, ""),
        ("kills of workers", f.worker_kills, ""),
        ("drivers", f.drivers, ""),
        ("  that ended by themselves with an error", len(f.complaints), ""),
        ("runs not completed", f.incomplete_runs, "0"),
        ("committed epochs lost", f.lost_epochs, "0"),
        ("committed epochs trained again", f.repeated_epochs, "0"),
        ("epochs whose losses differ", f.different_epochs, "0"),
        ("runs whose parameters differ", f.different_parameters, "0"),
        *((f"attempts: {outcome}", count, "") for outcome, count in sorted(f.attempts.items())),
        ("time, s", f.seconds, ""),
        ("  undisturbed", f.undisturbed_seconds, ""),
        ("  more for each kill", f.seconds_per_kill, ""),
    ]
    title = f"{f.engine}, {f.executor}, {f.workers} workers; {f.runs} runs x {f.epochs} epochs"
    _judge(f, title, rows, as_json)


def _judge(
    figures: "CatalogFigures | ChaosFigures", title: str, rows: list[tuple[str, float, str]], as_json: bool
) -> None:
    """Print figures, each beside what it may be at most; typer.Exit(1) where a count is wrong."""
    if as_json:
        show(pd.DataFrame([asdict(figures)]), as_json=True)
    else:
        console.print(title, markup=False)
        show(pd.DataFrame([{"": name, "found": _short(x), "at most": most} for name, x, most in rows]))
    if figures.wrong:
        errors.print(f"wrong: {', '.join(figures.wrong)}", markup=False)
        raise typer.Exit(1)


def _short(number: float) -> str:
    return str(number) if isinstance(number, int) else f"{number:.3g}" if number < 1000 else f"{number:.0f}"


@app.command("paper")
def paper(
    pixels: Annotated[
        int, typer.Option(min=500, help="At least so many pixels, in 100 patches or more")
    ] = 20_000,
    groups: Annotated[str, typer.Option(help="Predictor groups, all combinations")] = "PFT,CLIM,AGE,SOIL",
    seeds: Annotated[int, typer.Option(min=1, help="Members of each combination")] = 2,
    epochs: Annotated[int, typer.Option(min=1, help="Epochs of each")] = 3,
    years: Annotated[int, typer.Option(min=4, help="Of the record")] = 14,
    keep: Annotated[
        str | None, typer.Option(help="Directory for the workspace and the page, taken up again if there")
    ] = None,
    json: JsonOption = False,
) -> None:
    """The paper by one command on a gridded twin with gaps: minutes, memory, and agreement with the truth."""
    from tests.bench import paper as bench

    with TemporaryDirectory() as temporary:
        figures = bench.measure(Path(keep or temporary), pixels, groups.split(","), seeds, epochs, years)
    if json:
        show(pd.DataFrame([asdict(figures)]), as_json=True)
        return
    rows = [
        ("pixels, patches", f"{figures.pixels}, {figures.patches}", ""),
        (f"training of {figures.runs} runs, min", f"{figures.training_minutes:.1f}", ""),
        ("paper, min", f"{figures.paper_minutes:.1f}", "30"),
        ("  of the processor", f"{figures.paper_cpu_minutes:.1f}", ""),
        ("peak memory of it, GB", f"{figures.paper_gb:.2f}", "8"),
        ("numbers on the page", f"{len(figures.items)}", ""),
    ]
    show(pd.DataFrame(rows, columns=["what", "measured", "at most"]))
    for line in figures.truth:
        console.print(line, markup=False, soft_wrap=True)
