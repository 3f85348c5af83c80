"""A `landlab run` that a benchmark starts to kill it, or one of its workers."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress

import numpy as np
import psutil

from landlab_mgr.workspace.workspace import Workspace

POLL_SECONDS = 0.1
WORKER = "ray::Worker"
"""How the titles of the processes begin that train for Ray; its daemons have others."""


class Driver:
    """A `landlab run` of a grid, or another verb, in a session of its own, to which belongs all that it starts."""

    def __init__(
        self,
        workspace: Workspace,
        grid: str,
        executor: str,
        workers: int,
        verb: Sequence[str] = ("run", "--grid"),
    ) -> None:
        options = ["--executor", executor, *(["--workers", str(workers)] if executor == "ray" else [])]
        where = ["--workspace", str(workspace.root), "--db", workspace.database]
        self.killed = False
        self._log = workspace.root / "driver.log"
        self._rest: list[psutil.Process] = []
        with open(self._log, "w") as said:
            self._process = psutil.Popen(
                [sys.executable, "-m", "landlab_mgr.cli", *verb, grid, *options, *where],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                start_new_session=True,
            )

    def kill(self, rng: np.random.Generator) -> str:
        """SIGKILL the driver or one of its workers; says whom, "" where the victim had just ended."""
        workers = [process for process in self._session() if _title(process).startswith(WORKER)]
        choice = int(rng.integers(1 + len(workers)))
        if choice:
            with suppress(psutil.NoSuchProcess):
                workers[choice - 1].kill()
                return "worker"
            return ""
        if self.ended():
            return ""
        self.killed = True
        self._process.kill()
        self._process.wait()
        self._rest = self._session()
        return "driver"

    def ended(self) -> bool:
        """Whether it is over."""
        going = self._process.returncode is None
        if going and self._process.poll() is not None:
            self._rest = self._session()
        return self._process.returncode is not None

    def wait(self) -> None:
        """Until it is over."""
        while not self.ended():
            time.sleep(POLL_SECONDS)

    def complaint(self) -> str:
        """Its last words, where it ended by itself and not well."""
        if self.killed or self._process.returncode == 0:
            return ""
        last = (self._log.read_text().strip().splitlines() or ["no word"])[-1]
        return f"exit {self._process.returncode}: {last}"

    def clean(self) -> None:
        """End it, and what outlived it: of Ray some agents do."""
        for process in self._rest if self.ended() else self._session():
            with suppress(psutil.NoSuchProcess):  # nor is it killed who has its number now
                process.kill()
        self._process.wait()

    def _session(self) -> list[psutil.Process]:
        return [process for process in psutil.process_iter() if _session_of(process) == self._process.pid]


def _session_of(process: psutil.Process) -> int | None:
    try:
        return os.getsid(process.pid)
    except OSError:
        return None


def _title(process: psutil.Process) -> str:
    try:
        return (process.cmdline() or [""])[0]
    except psutil.Error:
        return ""
