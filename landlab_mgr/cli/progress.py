"""Progress of downloads and imports: bars on a terminal, a plain line now and then elsewhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Self

from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from landlab_mgr.workspace.display import console, duration, printable, size

SPEAK_SECONDS = 10.0
"""Seconds, about, between lines where there is no terminal."""


@contextmanager
def doing(what: str) -> Iterator[Callable[[str], None]]:
    """Say what is being done, by a line that moves where there is a terminal; call with what comes next."""
    if not console.is_terminal:
        console.print(f"  {what}", markup=False, soft_wrap=True)
        yield lambda line: console.print(f"  {line}", markup=False, soft_wrap=True)
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as line:
        task = line.add_task(what, total=None)
        yield lambda what: line.update(task, description=what)


class _Bars:
    """Bars while it is entered, where there is a terminal."""

    def __init__(self, *columns: ProgressColumn) -> None:
        self._columns = columns
        self._bars: Progress | None = None

    def __enter__(self) -> Self:
        if console.is_terminal:
            self._bars = Progress(
                TextColumn("{task.description}", markup=False), *self._columns, console=console
            )
            self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bars is not None:
            self._bars.stop()


class Bytes(_Bars):
    """Progress of files: call with a file's name, what is done with it, bytes so far, and in all."""

    def __init__(self) -> None:
        super().__init__(BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
        self._tasks: dict[tuple[str, str], TaskID] = {}
        self._spoke: dict[tuple[str, str], float] = {}

    def __call__(self, name: str, what: str, done: int, total: int) -> None:
        """Tell that so much of a file is done."""
        key, now = (name, what), time.monotonic()
        if self._bars is not None:
            if key not in self._tasks:
                self._tasks[key] = self._bars.add_task(f"{what} {name}", total=total)
            self._bars.update(self._tasks[key], completed=done)
        elif key not in self._spoke or now - self._spoke[key] > SPEAK_SECONDS:
            self._spoke[key] = now
            console.print(f"{what} {name}: {size(done)} of {size(total)}", markup=False)


class Steps(_Bars):
    """Progress of a number of like steps: call with what is done, to what, its number, and how many there are."""

    def __init__(self) -> None:
        super().__init__(BarColumn(), TextColumn("{task.completed}/{task.total}"), TimeRemainingColumn())
        self._task: TaskID | None = None
        self._started: float | None = None
        self._spoke = time.monotonic()

    def __call__(self, what: str, name: str, number: int, total: int) -> None:
        """Tell that a step begins."""
        if self._bars is not None:
            if self._task is None:
                self._task = self._bars.add_task(what, total=total)
            self._bars.update(self._task, description=printable(f"{what} {name}"), completed=number - 1)
        elif time.monotonic() - self._spoke > SPEAK_SECONDS:
            self._spoke = time.monotonic()
            passed = 0.0 if self._started is None else self._spoke - self._started
            left = (
                f", about {duration(passed / (number - 1) * (total - number + 1))} left" if number > 1 else ""
            )
            console.print(f"{what} {name} ({number} of {total}){left}", markup=False)
        if self._started is None:
            self._started = time.monotonic()
