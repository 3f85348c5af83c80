"""`python -m tests.bench catalog --runs N`: seconds and memory of each verb on a catalog of so many runs."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from landlab_mgr.campaign.queue import Queue
from landlab_mgr.catalog import Catalog
from landlab_mgr.errors import LandlabError
from landlab_mgr.workspace.workspace import DATABASE
from tests.bench import app
from tests.bench.postgres import temporary_database, temporary_server

GRID = "bench"
PROGRAM = """
from landlab_mgr.cli import main
try:
    main()
finally:
    import sys
    print(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")), file=sys.stderr)
"""
"""Tells last what memory it used at its most: what the system counts for a child has its parent's in it."""
VERBS = (
    ("ls",),
    ("ls", "--limit", "20"),
    ("ls", "metrics.dev.gpp.R2 > 0.6"),
    ("ls", "not metrics.dev.gpp.R2 > 0.6 and predictors = 'PFT+CLIM'"),
    ("ls", "--json"),
    ("grid", "ls"),
    ("grid", "missing", GRID),
    ("grid", "missing", GRID, "--json"),
    ("tag", "seed = 0", "bench"),
    ("delete", "seed = 0"),
    ("catalog", "export", "runs.csv"),
)
ALL_ROWS = ("--json", "export")
"""Words of verbs that print or write every run; how long that takes is left to the number of runs."""
SECONDS, MEGABYTES, CLAIM_MS = 3, 500, 5
CLAIMS, WARM = 200, 5


@dataclass(frozen=True)
class Cost:
    """What a verb took: seconds of its processors and of the clock, memory at its most."""

    engine: str
    verb: str
    cpu_seconds: float
    seconds: float
    megabytes: float
    at_most: float | None
    """Seconds of the processors that it may take; None: as many as it prints."""

    @property
    def within(self) -> bool:
        """True where it took no more than it may."""
        return self.megabytes <= MEGABYTES and (self.at_most is None or self.cpu_seconds <= self.at_most)


def measure(runs: int, engine: str) -> list[Cost]:
    """Fill a catalog and use each verb on it, as a user does; the last line is of one claim, in milliseconds."""
    with (
        tempfile.TemporaryDirectory(prefix="landlab-bench-") as folder,
        _database(engine, folder) as database,
    ):
        root = Path(folder) / "runs"
        app.fill(root, runs, database)
        costs = [_cost(engine, verb, root, database) for verb in VERBS]
        return [*costs, _claiming(engine, database)]


@contextmanager
def _database(engine: str, folder: str) -> Iterator[str]:
    if engine == "sqlite":
        yield str(Path(folder) / DATABASE)
    else:
        with temporary_server(durable=False) as server, temporary_database(server) as url:
            yield url


def _cost(engine: str, verb: tuple[str, ...], root: Path, database: str) -> Cost:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("LANDLAB_")}
    environment["PYTHONPATH"] = str(Path(__file__).parents[2])
    command = [sys.executable, "-c", PROGRAM, *verb]
    started = time.perf_counter()
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            [*command, "-w", str(root), "--db", database],
            stdout=subprocess.DEVNULL,
            stderr=errors,
            cwd=root,
            env=environment,
        )
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        errors.seek(0)
        told = errors.read().decode()
    if process.returncode:
        raise LandlabError(f"landlab {' '.join(verb)} ended with {process.returncode}: {told.strip()}")
    return Cost(
        engine,
        " ".join(verb),
        used.ru_utime + used.ru_stime,
        time.perf_counter() - started,
        int(told.rpartition("VmHWM:")[2].split()[0]) / 1e3,
        None if {*verb} & {*ALL_ROWS} and "grid" not in verb else SECONDS,
    )


def _claiming(engine: str, database: str) -> Cost:
    """Claim as a driver does, from the first of all that is pending; one claim, on average."""
    with Catalog(database) as catalog:
        queue = Queue(catalog, list(catalog.outline("status = 'pending'")["run_id"]))

        def claim(run_ids):
            return catalog.claim("bench", 1, directory_of=lambda run_id, token: token, run_ids=run_ids)

        for _ in range(WARM):
            queue.claim(claim)
        count = min(CLAIMS, len(queue.run_ids) - WARM)
        cpu, started = time.process_time(), time.perf_counter()
        for _ in range(count):
            queue.claim(claim)
        spent, waited = time.process_time() - cpu, time.perf_counter() - started
    return Cost(engine, "a claim, ms", spent / count * 1e3, waited / count * 1e3, 0.0, CLAIM_MS)
