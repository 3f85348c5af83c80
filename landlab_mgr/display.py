"""What the command line shows: tables, and the progress of a driver. JAX-free."""

import json
import sys
import time
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from landlab_mgr.catalog import Claim
from landlab_mgr.records import SPLITS

console = Console(width=None if sys.stdout.isatty() else 160, highlight=False)
errors = Console(stderr=True, highlight=False, width=None if sys.stderr.isatty() else 1000)


def show(frame: pd.DataFrame, title: str = "", as_json: bool = False, digits: int = 3) -> None:
    """Print a table for people, or as a JSON list of records (NaN and infinities as null)."""
    if as_json:
        print(json.dumps(records(frame), indent=1))
        return
    table = Table(title=title or None, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for column in frame.columns:
        numeric = pd.api.types.is_numeric_dtype(frame[column]) and frame[column].dtype != bool
        table.add_column(
            str(column), justify="right" if numeric else "left", no_wrap=numeric or column == "run_id"
        )
    for row in frame.itertuples(index=False):
        table.add_row(*(text(value, digits) for value in row))
    console.print(table)


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of a table as plain JSON values."""

    def plain(value: Any) -> Any:
        if isinstance(value, float | np.floating):
            return float(value) if np.isfinite(value) else None
        if isinstance(value, np.integer | np.bool_):
            return value.item()
        if isinstance(value, datetime):
            return None if pd.isna(value) else value.isoformat()
        return None if value is None or value is pd.NaT else value

    return [{str(k): plain(v) for k, v in row.items()} for row in frame.to_dict("records")]


def text(value: Any, digits: int = 3) -> str:
    """One cell: numbers short, times to the second, missing as a dash."""
    if value is None or value is pd.NaT or (isinstance(value, float) and np.isnan(value)):
        return "–"
    if isinstance(value, float | np.floating):
        number = float(value)
        plain = number == 0 or 1e-3 <= abs(number) < 1e5
        return f"{number:.{digits}f}" if plain else f"{number:.{digits - 1}e}"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    return str(value)


def skill_table(metrics: pd.DataFrame) -> pd.DataFrame:
    """A row for each variable and split: r2, R2, RMSE, spatial r, and how many values they rest on."""
    columns = [("r2", "flat"), ("R2", "flat"), ("rmse", "flat"), ("r", "spatial"), ("n", "flat")]
    wide = metrics.pivot_table(
        index=["variable", "split"],
        columns=["statistic", "level"],
        values="value",
        dropna=False,
        observed=True,
    )
    wide = wide.reindex(columns=pd.MultiIndex.from_tuples(columns))
    wide.columns = ["r2", "R2", "RMSE", "spatial r", "n"]
    table = wide.dropna(subset="n").reset_index()
    table["n"] = table["n"].astype(int)
    table["split"] = pd.Categorical(table["split"], SPLITS, ordered=True)
    table = table.sort_values(["variable", "split"]).reset_index(drop=True)
    return table[table["n"] > 0].astype({"split": str})


def duration(seconds: float) -> str:
    """Seconds as people say them: 42 s, 3 min 05 s, 2 h 10 min."""
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60:02d} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60:02d} min"


def size(count: int) -> str:
    """Bytes as people say them: 640 B, 1.5 kB, 12.0 GB."""
    number, unit = float(count), "B"
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if number < 1000 or unit == "TB":
            break
        number /= 1000
    return f"{count} B" if unit == "B" else f"{number:.1f} {unit}"


SPEAK_SECONDS = 10.0
"""Where there is no terminal, what is not news is said about this often."""
PACE_SECONDS = 5.0
"""Training is watched for so long before its pace is told."""
BURST_SECONDS = 1.0
"""Members side by side commit within this time of each other."""


class LiveReport:
    """Progress of a driver: a live bar on a terminal, plain lines elsewhere."""

    def __init__(self, left: int) -> None:
        self._total, self._done, self._failed = left, 0, 0
        self._parts: dict[str, float] = {}
        """Share of its epochs that each running attempt has done, by token."""
        self._first: float | None = None
        self._trained, self._epochs = 0.0, 0
        """Runs' worth of training, and epochs, since the first ones were committed."""
        self._spoke = 0.0
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> "LiveReport":
        if console.is_terminal:
            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[note]}"),
                TimeElapsedColumn(),
                console=console,
            )
            self._bar.start()
            self._task = self._bar.add_task("runs", total=self._total, note="")
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def claimed(self, claim: Claim) -> None:
        """A run was claimed and submitted."""
        self._parts[claim.token] = claim.epochs_done / claim.spec.optimizer.epochs
        again = f", attempt {claim.number}" if claim.number > 1 else ""
        resumed = f", going on after epoch {claim.epochs_done}" if claim.resume else ""
        self._say(f"{self._name(claim)}: started{again}{resumed}", always=bool(again))

    def progress(self, claim: Claim, progress: Any) -> None:
        """Epochs of a run are committed."""
        last = progress.epochs[-1]
        planned = claim.spec.optimizer.epochs
        now = time.monotonic()
        self._first = self._first or now
        # what was committed with the first ones was compiled first: it tells nothing of the pace
        if now - self._first > BURST_SECONDS:
            self._trained += len(progress.epochs) / planned
            self._epochs += len(progress.epochs)
        self._parts[claim.token] = last.epoch / planned
        loss = f"loss {last.total:.4g}, dev {last.dev:.4g}"
        self._say(
            f"{self._name(claim)}: epoch {last.epoch}/{planned}, {loss}; "
            f"{len(self._parts)} running{self._pace()}",
            always=False,
        )

    def ended(self, claim: Claim, outcome: str, message: str, seconds: float) -> None:
        """An attempt ended."""
        del self._parts[claim.token]
        self._done += outcome == "ok"
        self._failed += outcome in ("nan", "oom", "error")
        why = f" ({message})" if message else ""
        left = self._total - self._done - self._failed
        counts = f"{self._done} done, {self._failed} failed, {left} left{self._pace()}"
        self._say(
            f"{self._name(claim)}: {outcome}{why} after {duration(seconds)}; {counts}", always=outcome != "ok"
        )

    def _name(self, claim: Claim) -> str:
        return f"{claim.run_id[:8]} {claim.spec.label} seed {claim.spec.seeds.init}"

    def _pace(self) -> str:
        """Epochs per second of all that runs together, and the time that is left, once they can be told."""
        seconds = 0.0 if self._first is None else time.monotonic() - self._first
        if seconds < PACE_SECONDS or not self._epochs:
            return ""
        left = self._total - self._done - self._failed - sum(self._parts.values())
        return (
            f", {self._epochs / seconds:.3g} epochs/s, about {duration(left * seconds / self._trained)} left"
        )

    def _say(self, line: str, always: bool) -> None:
        if self._bar is not None and self._task is not None:
            finished = self._done + self._failed + sum(self._parts.values())
            self._bar.update(self._task, completed=finished, note=line)
            if always:
                self._bar.console.print(line)
        elif always or time.monotonic() - self._spoke > SPEAK_SECONDS:
            print(line, flush=True)
            self._spoke = time.monotonic()


def bullet(lines: Iterable[str]) -> None:
    """Print lines as a list."""
    for line in lines:
        console.print(f"  {line}")
