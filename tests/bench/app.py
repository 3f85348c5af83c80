"""`python -m tests.bench app`: how long pages of the app take in a browser, from a server that nothing has warmed."""

import itertools
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    JSON,
    ColumnElement,
    Connection,
    FromClause,
    Text,
    case,
    cast,
    func,
    insert,
    literal,
    select,
    true,
    union_all,
    update,
)

from landlab_mgr.catalog import Catalog
from landlab_mgr.catalog.columns import FloatMap, Utc
from landlab_mgr.catalog.tables import Attempt, Base, Epoch, Metric, Run
from landlab_mgr.errors import LandlabError
from landlab_mgr.models import registry
from landlab_mgr.spec.grid import GridSpec
from landlab_mgr.workspace.workspace import DATABASE, Workspace
from tests.bench.catalog import DATASET

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SETUPS = 16
EPOCHS = 3
STATISTICS = ("R2", "rmse")
KEY = ("split", "variable", "statistic")
FAILED, PENDING = 0.05, 0.05
FILTERS = ("metrics.dev.gpp.R2 > 0.6", "predictors = 'PFT+CLIM'", "not status = 'completed'", "seed = 0")
PAGES = (
    "",
    "runs",
    "runs?order=dev_loss",
    "run",
    "compare",
    "tuning",
    "ensembles",
    "analyses",
    "data",
    "help",
)
COUNTED = re.compile(r"^[\d,]+ runs?\b")
PATIENCE = 60_000
"""Milliseconds after which a page has not come."""
CHROMIUM = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update")
DRAWN = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))"
"""What the browser has been told is on the screen."""


@dataclass(frozen=True)
class Figures:
    """Seconds in the browser, medians; the first pages are each of a fresh server and an empty browser cache."""

    runs: int
    repeats: int
    overview_seconds: float
    """From the address to the drawn cells of the grid."""
    table_seconds: float
    """The page of runs, from the address to the drawn table."""
    filter_seconds: float
    """From Enter in the filter box to the new table."""
    tick_seconds: float
    """From ticking a row to what can be done with it."""
    slowest_rerun_seconds: float
    pixels: int
    map_seconds: float | None
    """From the address to the drawn maps; None where they were not asked for."""
    page_seconds: dict[str, float]
    """Each page of `PAGES`, of a server that has shown the overview; the slowest of the repeats."""


def measure(runs: int, pixels: int, repeats: int, directory: Path | None = None) -> Figures:
    """Make a catalog of so many runs, show it, and time pages; `pixels` 0 leaves the map out."""
    with tempfile.TemporaryDirectory(dir=directory) as made, chromium() as browser:
        root = Path(made) / "runs"
        count = fill(root, runs)
        overview, table, filtering, ticking = [], [], [], []
        pages: dict[str, float] = {}
        for repeat in range(repeats):
            with served(root) as address:
                overview.append(seconds_of(browser, address, "canvas[data-drawn]"))
                for name in PAGES:
                    pages[name] = max(pages.get(name, 0.0), _page(browser, f"{address}/{name}"))
            with served(root) as address, opened(browser) as page:
                table.append(_first_table(page, address, count))
                filtering += _filters(page, FILTERS[: 2 + 2 * (repeat == 0)])
                ticking.append(_tick(page))
        mapped = None
        if pixels:
            from tests.bench import pixelmap

            root = Path(made) / "map"
            query = pixelmap.make(root, pixels)
            mapped = statistics.median(_maps(browser, root, query) for _ in range(repeats))
    return Figures(
        runs=count,
        repeats=repeats,
        overview_seconds=statistics.median(overview),
        table_seconds=statistics.median(table),
        filter_seconds=statistics.median(filtering),
        tick_seconds=statistics.median(ticking),
        slowest_rerun_seconds=max(*filtering, *ticking),
        pixels=pixels,
        map_seconds=mapped,
        page_seconds=pages,
    )


# --- a catalog ----------------------------------------------------------------------------------------


def fill(root: Path, runs: int, database: str = "") -> int:
    """A workspace with a grid of about so many runs, most of them completed, with their metrics; returns how many.

    Its catalog is a SQLite file in it unless a URL is given.
    """
    workspace = Workspace(root, database or str(root / DATABASE))
    groups = ("PFT", "CLIM", "AGE", "SOIL")
    grid = GridSpec(
        name="bench",
        dataset=DATASET.name,
        factorial=groups,
        setups=(("CONTROL",),),
        seeds=max(1, runs // SETUPS),
        base={"optimizer": {"epochs": EPOCHS}},
    )
    with workspace.create() as catalog:
        catalog.register_dataset(DATASET)
        count = catalog.register_runs(grid.expand(DATASET.fingerprint), grid).added
        _train(catalog)
    return count


def _train(catalog: Catalog) -> None:
    """Leave in the catalog what training would: the verbs would take minutes, the database computes it in seconds."""
    with catalog.transaction(write=True) as tx:
        if tx.dialect.name == "sqlite":
            tx.exec_driver_sql("PRAGMA cache_size = -200000")
        count, first = tx.execute(select(func.count(), func.min(Run.position)).select_from(Run)).one()
        last = count - int(PENDING * count)
        began = datetime.now(UTC) - timedelta(seconds=last)
        place = Run.position - first
        bad = place % int(1 / FAILED) == 0
        tx.execute(
            update(Run)
            .where(place < last)
            .values(
                state=case((bad, "failed"), else_="completed"),
                epochs=case((bad, 1), else_=EPOCHS),
                updated=began + timedelta(seconds=last),
            )
        )
        failed = Run.state == "failed"
        attempt = {
            "id": place + 1,
            "run_id": Run.run_id,
            "number": literal(1),
            "token": literal("t").concat(cast(place, Text)),
            "outcome": case((failed, "nan"), else_="ok"),
            **{time: literal(began, Utc) for time in ("started", "heartbeat", "ended")},
            "host": literal("bench"),
            "pid": literal(1),
            "message": case((failed, "loss is NaN at epoch 2")),
            "versions": literal({}, JSON),
            "device": literal("cpu"),
            "directory": literal("runs/").concat(Run.run_id),
            "epochs_planned": literal(EPOCHS),
        }
        _fill(tx, Attempt, attempt, Run.state != "pending")
        numbers = union_all(*(select(literal(n).label("epoch")) for n in range(1, EPOCHS + 1))).subquery()
        loss = 2.0 / numbers.c.epoch + _spread(Run.position, 1) / 10
        epoch = {
            "run_id": Run.run_id,
            "epoch": numbers.c.epoch,
            "attempt_id": place + 1,
            "total": loss,
            "total_kind": literal("finite"),
            "dev": 1.2 * loss,
            "dev_kind": literal("finite"),
            "terms": literal({next(iter(registry.tables(registry.DEFAULT).terms)): 0.1}, FloatMap),
            "seconds": literal(0.5),
        }
        _fill(tx, Epoch, epoch, numbers.c.epoch <= Run.epochs, numbers)
        keys = itertools.product(("train", "dev"), _variables(), STATISTICS)
        each = union_all(
            *(
                select(
                    *(literal(text).label(name) for name, text in zip(KEY, key, strict=True)),
                    literal(k).label("place"),
                )
                for k, key in enumerate(keys)
            )
        ).subquery()
        metric = {
            "run_id": Run.run_id,
            **{name: each.c[name] for name in KEY},
            "level": literal("flat"),
            "value": _spread(Run.position, each.c.place),
            "kind": literal("finite"),
        }
        _fill(tx, Metric, metric, Run.state == "completed", each)
        if tx.dialect.name == "postgresql":
            tx.exec_driver_sql("SELECT setval(pg_get_serial_sequence('attempt', 'id'), max(id)) FROM attempt")
            tx.exec_driver_sql("ANALYZE")


def _fill(
    tx: Connection,
    table: type[Base],
    values: dict[str, Any],
    where: ColumnElement[bool],
    each: FromClause | None = None,
) -> None:
    """Insert what a query computes on runs, or on runs crossed with `each`."""
    rows = select(*(value.label(name) for name, value in values.items())).select_from(Run)
    rows = (rows if each is None else rows.join(each, true())).where(where).order_by(Run.run_id)
    tx.execute(insert(table).from_select(list(values), rows))


def _variables() -> list[str]:
    """Variables that the default model is compared with."""
    return sorted({stream.variable for stream in registry.streams().values()})


def _spread(position: ColumnElement[int], key: ColumnElement[int] | int) -> ColumnElement[float]:
    """A number between 0 and 1 for each run and key, alike on every engine."""
    return ((position * 7919 + key * 1299709) % 9973) / literal(9973.0)


# --- a server and a browser ---------------------------------------------------------------------------


@contextmanager
def served(root: Path, *options: str, log: Path | None = None) -> Iterator[str]:
    """The address of `landlab app` on a workspace, in a process of its own, as soon as it answers.

    LandlabError, with what it said, where it ends instead.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable,
        "-c",
        "from landlab_mgr.cli import main; main()",
        "app",
        "--workspace",
        str(root),
    ]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("LANDLAB_")}
    package = str(Path(__file__).parents[2])
    environment["PYTHONPATH"] = os.pathsep.join([package, environment.get("PYTHONPATH", "")])
    with tempfile.TemporaryDirectory() as folder:
        said = log or Path(folder) / "app.log"
        with said.open("w") as output:
            process = subprocess.Popen(
                [*command, "--port", str(port), "--no-browser", *options],
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
                cwd=folder,
                start_new_session=True,
            )
        try:
            _wait(f"http://127.0.0.1:{port}/_stcore/health", process, said)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait(url: str, process: subprocess.Popen, log: Path, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if process.poll() is not None:
            raise LandlabError(f"landlab app ended with {process.returncode}: {log.read_text().strip()}")
        try:
            urllib.request.urlopen(url, timeout=2)
            return
        except OSError:
            time.sleep(0.05)
    raise LandlabError(f"landlab app did not answer within {seconds:g} s: {log.read_text().strip()}")


@contextmanager
def chromium() -> Iterator["Browser"]:
    """A headless Chromium: the system's, or what CHROMIUM names; LandlabError where there is none."""
    try:
        from playwright.sync_api import sync_playwright
    except ModuleNotFoundError:
        raise LandlabError("this drives a browser with playwright; `pip install playwright`") from None
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        raise LandlabError("no chromium; `apt-get install chromium`, or name one in CHROMIUM")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(CHROMIUM))
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def opened(browser: "Browser") -> Iterator["Page"]:
    """A page of a browser that has seen nothing before."""
    context = browser.new_context(viewport={"width": 1440, "height": 1000})
    context.set_default_timeout(PATIENCE)
    try:
        yield context.new_page()
    finally:
        context.close()


def seconds_of(browser: "Browser", address: str, drawn: str, count: int = 1) -> float:
    """From asking for an address until `count` things of the page, by their selector, are on the screen."""
    with opened(browser) as page:
        started = time.perf_counter()
        page.goto(address, wait_until="commit")
        page.locator(drawn).nth(count - 1).wait_for()
        page.evaluate(DRAWN)
        return time.perf_counter() - started


def _page(browser: "Browser", address: str) -> float:
    """From asking for an address until nothing runs any more."""
    with opened(browser) as page:
        started = time.perf_counter()
        page.goto(address, wait_until="commit")
        page.locator("[data-testid=stElementContainer]:visible").first.wait_for()
        page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
        page.evaluate(DRAWN)
        return time.perf_counter() - started


def _maps(browser: "Browser", root: Path, query: str) -> float:
    with served(root) as address:
        return seconds_of(browser, f"{address}/maps?{query}", ".st-key-map canvas[data-drawn=true]", 2)


def _first_table(page: "Page", address: str, count: int) -> float:
    started = time.perf_counter()
    page.goto(f"{address}/runs", wait_until="commit")
    _settled(page, f"{count:,} runs")
    return time.perf_counter() - started


def _filters(page: "Page", filters: tuple[str, ...]) -> list[float]:
    found = []
    box = page.get_by_label("Filter", exact=True)
    head = page.get_by_text(COUNTED).first
    for asked in filters:
        before = head.inner_text()
        box.fill(asked)
        started = time.perf_counter()
        box.press("Enter")
        page.wait_for_function(
            "before => [...document.querySelectorAll('strong')].some(e => / runs?$/.test(e.innerText)"
            " && !before.startsWith(e.innerText))",
            arg=before,
        )
        _settled(page)
        found.append(time.perf_counter() - started)
    return found


def _tick(page: "Page") -> float:
    table = page.get_by_test_id("stDataFrame").first
    started = time.perf_counter()
    table.click(position={"x": 16, "y": 52})
    page.get_by_text("Compare 1", exact=True).first.wait_for()
    _settled(page)
    return time.perf_counter() - started


def _settled(page: "Page", text: str | None = None) -> None:
    """Wait until the table of runs, and where given a text, is there and nothing runs any more."""
    if text is not None:
        page.get_by_text(text, exact=True).wait_for()
    page.locator("[data-testid=stDataFrame] canvas").first.wait_for()
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
    page.evaluate(DRAWN)
