"""The progress of a driver: a live table on a terminal, plain lines elsewhere. JAX-free."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from math import isnan
from types import MappingProxyType
from typing import Any

from rich.console import Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from landlab_mgr.catalog import Claim
from landlab_mgr.workspace.display import console, duration, shortened, text

SPEAK_SECONDS = 10.0
"""Seconds between lines of what is not news, where there is no terminal."""
PACE_SECONDS = 5.0
"""Training is watched for so long before its pace is told."""
BURST_SECONDS = 1.0
"""Members side by side commit within this time of each other."""
REDRAWS_PER_SECOND = 4
WIDE = 100
"""Columns of a terminal from which each run has a bar."""
BAR = 20
"""Width of the bar of a run."""
BESIDE_SETUP = 52
"""Columns of a terminal that the other cells of a run take: a row that wraps would push the time left off it."""


@dataclass
class _Row:
    """A running attempt, as last heard of."""

    claim: Claim
    epoch: int
    total: float = float("nan")
    dev: float = float("nan")


class LiveReport:
    """Progress of a driver.

    Args:
        runs: how many it shall run.
        epochs: how many these have left to train.
        expected_seconds: how long all of it takes, by what the catalog knows of earlier runs, if anything.
        setups: names of the runs' setups by run_id; of others their predictors are shown.
    """

    def __init__(
        self,
        runs: int,
        epochs: int,
        expected_seconds: float | None = None,
        setups: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._setups = setups
        self._total, self._done, self._failed = runs, 0, 0
        self._epochs_left = epochs
        self._expected = expected_seconds
        self._rows: dict[str, _Row] = {}
        """Running attempts, by token."""
        self._started = time.monotonic()
        self._first: float | None = None
        self._epochs = 0
        """Committed since the first ones were."""
        self._spoke = 0.0
        self._live: Live | None = None

    def __enter__(self) -> "LiveReport":
        if console.is_terminal:
            self._live = Live(
                console=console, get_renderable=self._drawn, refresh_per_second=REDRAWS_PER_SECOND
            )
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def expect(self, runs: int, epochs: int) -> None:
        """So many more runs and epochs, or fewer, than was thought."""
        self._total += runs
        self._epochs_left += epochs

    def claimed(self, claim: Claim) -> None:
        """Show that a run was claimed and submitted."""
        self._rows[claim.token] = _Row(claim, claim.epochs_done)
        again = f", attempt {claim.number}" if claim.number > 1 else ""
        resumed = f", going on after epoch {claim.epochs_done}" if claim.resume else ""
        self._say(f"{self._name(claim)}: started{again}{resumed}{self._pace()}", always=bool(again))

    def progress(self, claim: Claim, progress: Any) -> None:
        """Epochs of a run are committed."""
        last = progress.epochs[-1]
        planned = claim.spec.optimizer.epochs
        now = time.monotonic()
        self._first = self._first or now
        self._epochs_left -= len(progress.epochs)
        # what was committed with the first ones was compiled first: it tells nothing of the pace
        if now - self._first > BURST_SECONDS:
            self._epochs += len(progress.epochs)
        self._rows[claim.token] = _Row(claim, last.epoch, last.total, last.dev)
        loss = f"loss {last.total:.4g}" + ("" if isnan(last.dev) else f", dev {last.dev:.4g}")
        self._say(
            f"{self._name(claim)}: epoch {last.epoch}/{planned}, {loss}; {len(self._rows)} running{self._pace()}",
            always=False,
        )

    def outage(self, message: str) -> None:
        """Show that the catalog's database is away, or back."""
        self._say(message, always=True)

    def ended(self, claim: Claim, outcome: str, message: str, seconds: float, state: str) -> None:
        """Show that an attempt ended, and what became of its run."""
        row = self._rows.pop(claim.token)
        if state == "failed":
            self._epochs_left -= claim.spec.optimizer.epochs - row.epoch
        self._done += state == "completed"
        self._failed += state == "failed"
        why = f" ({message})" if message else ""
        self._say(
            f"{self._name(claim)}: {outcome}{why} after {duration(seconds)}; {self._counts()}",
            always=outcome != "ok",
        )

    def _counts(self) -> str:
        left = self._total - self._done - self._failed
        return f"{self._done} done, {self._failed} failed, {left} left{self._pace()}"

    def _pace(self) -> str:
        """Epochs per second of all that runs together, and the time that is left, once they can be told."""
        seconds = 0.0 if self._first is None else time.monotonic() - self._first
        if seconds >= PACE_SECONDS and self._epochs:
            pace = self._epochs / seconds
            return f", {pace:.3g} epochs/s, about {duration(max(self._epochs_left, 0) / pace)} left"
        if self._expected is not None:
            left = max(self._expected - (time.monotonic() - self._started), 0)
            return f", about {duration(left)} left by earlier runs"
        return ""

    def _say(self, line: str, always: bool) -> None:
        if self._live is not None:
            if always:
                self._live.console.print(line, markup=False)
        elif always or time.monotonic() - self._spoke > SPEAK_SECONDS:
            print(line, flush=True)
            self._spoke = time.monotonic()

    def _drawn(self) -> Group:
        """Draw the table of what runs, as much as fits, over the counts."""
        wide = console.width >= WIDE
        names = ["run", "setup", "seed", "epoch", *([""] if wide else []), "loss", "dev"]
        table = Table(box=None, pad_edge=False, header_style="bold")
        for name in names:
            left = name in ("run", "setup", "")
            table.add_column(name, justify="left" if left else "right", no_wrap=True)
        rows = list(self._rows.values())
        for row in rows[: max(1, console.height - 6)]:
            spec = row.claim.spec
            planned = spec.optimizer.epochs
            cells: list[str | ProgressBar] = [
                row.claim.run_id[:8],
                shortened(self._setup(row.claim), console.width - BESIDE_SETUP - (BAR + 2) * wide),
                str(spec.seeds.init),
                f"{row.epoch}/{planned}",
                *([ProgressBar(total=planned, completed=row.epoch, width=BAR)] if wide else []),
                text(row.total),
                text(row.dev),
            ]
            table.add_row(*cells)
        finished = self._done + self._failed
        share = sum(row.epoch / row.claim.spec.optimizer.epochs for row in rows)
        whole = ProgressBar(total=self._total, completed=finished + share, width=40)
        passed = f"{duration(time.monotonic() - self._started)} so far"
        return Group(table, whole, Text(f"{len(rows)} running, {self._counts()}; {passed}"))

    def _setup(self, claim: Claim) -> str:
        return self._setups.get(claim.run_id, claim.spec.label)

    def _name(self, claim: Claim) -> str:
        return f"{claim.run_id[:8]} {self._setup(claim)} seed {claim.spec.seeds.init}"
