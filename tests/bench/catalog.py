"""Many processes that claim and write at once, then how fast runs are found and read."""

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from multiprocessing.pool import Pool
from pathlib import Path

from sqlalchemy import func, select

from landlab_mgr.catalog import ArtifactRecord, Catalog, DatasetRecord, EpochRecord, MetricRecord
from landlab_mgr.catalog.tables import Attempt, Epoch, Event, Metric, Run
from landlab_mgr.errors import LandlabError
from landlab_mgr.models import registry
from landlab_mgr.spec.run import GROUP_ORDER, OptimizerSpec, RunSpec, Seeds
from tests.bench.postgres import temporary_database, temporary_server

DATASET = DatasetRecord("0" * 16, "bench", "bench.zarr", "synthetic", 320, 12, 168, "landlab bench", "MIT")
FRAME_COLUMNS = 40
FILTERS = (
    "predictors = 'PFT+CLIM' and seed < 500",
    "metrics.dev.v00.R2 > 0.99",
    "metrics.dev.v01.R2 > 0.9 and not metrics.dev.v02.R2 < 0.9 or status in ('failed', 'running')",
)
REPEATS = 7


@dataclass(frozen=True)
class Figures:
    """What was counted, and how long it took; the writes' times are those that the processes waited."""

    engine: str
    processes: int
    runs: int
    settings: int
    """Fields that each run has away from their defaults."""
    register_seconds: float
    claims: int
    double_claims: int
    lost_claims: int
    claims_per_s: float
    writes: int
    refused_writes: int
    locked_writes: int
    """Those of the refused whose database was locked."""
    lost_rows: int
    """Rows of acknowledged writes that are not there, or too many of them."""
    writes_per_s: float
    write_p50_ms: float
    write_p99_ms: float
    write_max_ms: float
    filter_ms: float
    """The slowest of some filters that find a few runs, each a median."""
    frame_columns: int
    frame_seconds: float

    @property
    def wrong(self) -> list[str]:
        """The counts that are not 0 and should be, in words."""
        counts = ("double_claims", "lost_claims", "refused_writes", "locked_writes", "lost_rows")
        return [
            f"{getattr(self, name)} {name.replace('_', ' ')}" for name in counts if getattr(self, name) != 0
        ]


@contextmanager
def temporary_catalog(engine: str, server: str | None = None) -> Iterator[str]:
    """URL of an empty catalog: a SQLite file, or a database on a server, our own where none is given."""
    if engine == "postgresql" and server is None:
        with temporary_server() as own, temporary_catalog(engine, own) as url:
            yield url
    elif engine == "postgresql":
        assert server is not None
        with temporary_database(server) as url:
            Catalog.create(url).close()
            yield url
    else:
        with tempfile.TemporaryDirectory(prefix="landlab-bench-") as folder:
            path = Path(folder) / "landlab.db"
            Catalog.create(path).close()
            yield str(path)


@contextmanager
def processes(count: int) -> Iterator[Pool]:
    """Processes that have imported all they need; spawned, since a fork would share connections."""
    with get_context("spawn").Pool(count) as pool:
        pool.map(_claim_all, [None] * count, chunksize=1)
        yield pool


def measure(url: str, pool: Pool, count: int, claims: int, writes: int) -> Figures:
    """Register `claims` runs, claim each once and share out `writes` writes among `count` processes of a pool.

    `url` is an empty catalog. Every run is recorded some epochs, heartbeats and at last its metrics.
    """
    if not 1 <= claims <= writes:
        raise LandlabError(f"--claims {claims} --writes {writes}: every claimed run takes one write or more")
    each = writes // claims
    specs = [_spec(i) for i in range(claims)]
    with Catalog(url) as catalog:
        catalog.register_dataset(DATASET)
        registering = _seconds(lambda: catalog.register_runs(specs))

        started = time.perf_counter()
        taken = [c for share in pool.map(_claim_all, [url] * count, chunksize=1) for c in share]
        claiming = time.perf_counter() - started
        claimed = {run_id for run_id, _ in taken}

        started = time.perf_counter()
        shares = [(url, taken[i::count], each) for i in range(count)]
        written = pool.starmap(_write_all, shares, chunksize=1)
        writing = time.perf_counter() - started
        waited = sorted(ms for times, _ in written for ms in times)
        errors = [error for _, messages in written for error in messages]

        filtering = max(
            statistics.median(_seconds(partial(catalog.runs, text)) for _ in range(REPEATS))
            for text in (*FILTERS, f"loss_weights.{_terms()[0]} < 1 and epochs > 0")
        )
        reading = _seconds(catalog.runs)
        return Figures(
            engine=catalog.url.partition(":")[0].partition("+")[0],
            processes=count,
            runs=claims,
            settings=_settings(specs[0]),
            register_seconds=registering,
            claims=len(taken),
            double_claims=len(taken) - len(claimed),
            lost_claims=len({s.run_id for s in specs} - claimed),
            claims_per_s=len(taken) / claiming,
            writes=len(waited),
            refused_writes=len(errors),
            locked_writes=sum("another process has been writing" in error for error in errors),
            lost_rows=_lost_rows(catalog, claims, each),
            writes_per_s=len(waited) / writing,
            write_p50_ms=waited[len(waited) // 2],
            write_p99_ms=waited[int(len(waited) * 0.99)],
            write_max_ms=waited[-1],
            filter_ms=filtering * 1e3,
            frame_columns=len(catalog.runs(limit=1).columns),
            frame_seconds=reading,
        )


def _terms() -> tuple[str, ...]:
    """Loss terms of the default model."""
    return tuple(registry.tables(registry.DEFAULT).terms)


def _spec(number: int) -> RunSpec:
    """A run with 20 settings of its own: 16 loss weights, the learning rate and three seeds."""
    weights = {name: 0.5037 + (number + 1) * (place + 3) % 997 / 100 for place, name in enumerate(_terms())}
    groups = [g for bit, g in enumerate(GROUP_ORDER[:4]) if (number % 15 + 1) >> bit & 1]
    seed = number // 15 + 1
    return RunSpec(
        dataset=DATASET.fingerprint,
        predictors=tuple(groups),
        loss_weights=weights,
        optimizer=OptimizerSpec(learning_rate=1e-3),
        seeds=Seeds(init=seed, split=seed, shuffle=seed),
    )


def _settings(spec: RunSpec) -> int:
    own = spec.model_dump(exclude_defaults=True, exclude={"dataset", "predictors"})
    return sum(len(value) if isinstance(value, dict) else 1 for value in own.values())


def _metrics(run_id: str) -> list[MetricRecord]:
    """Skill between 0 and 1 of as many variables as fill a wide frame, spread evenly by the run's id."""
    spread = int(run_id, 16)
    return [
        MetricRecord("dev", f"v{place:02}", "R2", "flat", (spread * (2 * place + 1) >> 7) % 9973 / 9973)
        for place in range(FRAME_COLUMNS - len(_OWN_COLUMNS))
    ]


_OWN_COLUMNS = (
    *("run_id", "state", "grids", "dataset", "label", "seed", "epochs", "epochs_planned"),
    *("train_loss", "dev_loss", "outcome", "message", "created", "updated"),
)
"""Those that a frame of runs has without any metric."""


def _records(each: int) -> int:
    """How many of a run's writes record an epoch: the last is its end, every fourth before it a heartbeat."""
    return sum(place % 4 != 3 for place in range(each - 1))


def _claim_all(url: str | None) -> list[tuple[str, str]]:
    """Claim until nothing is pending; run and token of every claim."""
    taken: list[tuple[str, str]] = []
    if url is None:
        return taken
    with Catalog(url) as catalog:
        while (claim := catalog.claim("bench", 1, directory_of=lambda run_id, token: token)) is not None:
            taken.append((claim.run_id, claim.token))
    return taken


def _write_all(url: str, claims: list[tuple[str, str]], each: int) -> tuple[list[float], list[str]]:
    """All the writes of some claimed runs: the milliseconds each took, and what was refused."""
    waited, errors = [], []
    with Catalog(url) as catalog:
        for run_id, token in claims:
            for write in _writes(catalog, run_id, token, each):
                started = time.perf_counter()
                try:
                    write()
                except LandlabError as error:
                    errors.append(str(error))
                waited.append((time.perf_counter() - started) * 1e3)
    return waited, errors


def _writes(catalog: Catalog, run_id: str, token: str, each: int) -> Iterator[Callable[[], object]]:
    epoch = 0
    for place in range(each - 1):
        if place % 4 == 3:
            yield partial(catalog.heartbeat, [token])
        else:
            epoch += 1
            losses = EpochRecord(epoch, 2.0 / epoch, 3.0 / epoch, dict.fromkeys(_terms(), 0.1), 0.5)
            checkpoint = ArtifactRecord("checkpoint", f"runs/{run_id}/{token}/{epoch}", "a" * 64, 2**20)
            yield partial(catalog.record, token, [losses], checkpoint)
    yield partial(catalog.finish, token, _metrics(run_id))


def _lost_rows(catalog: Catalog, runs: int, each: int) -> int:
    """How far the rows of epochs, metrics, attempts, completed runs and events are from those that were written."""
    metrics = FRAME_COLUMNS - len(_OWN_COLUMNS)
    expected = (
        (select(func.count()).select_from(Epoch), runs * _records(each)),
        (select(func.count()).select_from(Metric), runs * metrics),
        (select(func.count()).select_from(Attempt).where(Attempt.outcome == "ok"), runs),
        (select(func.count()).select_from(Run).where(Run.state == "completed"), runs),
        (select(func.sum(Run.epochs)), runs * _records(each)),
        (select(func.count()).select_from(Event).where(Event.kind == "claimed"), runs),
        (select(func.count()).select_from(Event).where(Event.kind == "ended"), runs),
    )
    with catalog.transaction() as tx:
        return sum(abs((tx.scalar(query) or 0) - count) for query, count in expected)


def _seconds(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started
