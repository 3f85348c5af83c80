"""`python -m tests.bench app`: how long pages of the app take in a browser, from a server that nothing has warmed."""

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
from typing import TYPE_CHECKING

import numpy as np
from sqlalchemy import bindparam, insert, update

from landlab_mgr.catalog import Catalog
from landlab_mgr.catalog.tables import Attempt, Epoch, Metric, Run
from landlab_mgr.errors import LandlabError
from landlab_mgr.models import registry
from landlab_mgr.spec.grid import GridSpec
from landlab_mgr.workspace.workspace import DATABASE, Workspace
from tests.bench.catalog import DATASET

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SETUPS = 16
EPOCHS = 3
STATISTICS = ("R2", "r2", "rmse", "n")
FAILED, PENDING = 0.05, 0.05
FILTERS = ("metrics.dev.gpp.R2 > 0.6", "predictors = 'PFT+CLIM'", "not status = 'completed'", "seed = 0")
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


def measure(runs: int, pixels: int, repeats: int, directory: Path | None = None) -> Figures:
    """Make a catalog of so many runs, show it, and time pages; `pixels` 0 leaves the map out."""
    with tempfile.TemporaryDirectory(dir=directory) as made, chromium() as browser:
        root = Path(made) / "runs"
        count = fill(root, runs)
        overview, table, filtering, ticking = [], [], [], []
        for repeat in range(repeats):
            with served(root) as address:
                overview.append(seconds_of(browser, address, "canvas[data-drawn]"))
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
    )


# --- a catalog ----------------------------------------------------------------------------------------


def fill(root: Path, runs: int) -> int:
    """A workspace with a grid of about so many runs, most of them completed, with their metrics; returns how many."""
    workspace = Workspace(root, str(root / DATABASE))
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
        specs = list(grid.expand(DATASET.fingerprint))
        catalog.register_runs(specs, grid)
        _train(catalog, [spec.run_id for spec in specs])
    return len(specs)


def _train(catalog: Catalog, run_ids: list[str]) -> None:
    """What training leaves in the catalog, in a few statements: the verbs would take a minute."""
    rng = np.random.default_rng(0)
    last = len(run_ids) - int(PENDING * len(run_ids))
    failed = {run_ids[i] for i in range(0, last, int(1 / FAILED))}
    tried = run_ids[:last]
    began = datetime.now(UTC) - timedelta(seconds=last)
    attempts, epochs, metrics, states = [], [], [], []
    variables = sorted({stream.variable for stream in registry.streams().values()})
    term = next(iter(registry.tables(registry.DEFAULT).terms))
    skill = rng.normal(0.6, 0.2, (last, 2, len(variables), len(STATISTICS))).round(6)
    for place, run_id in enumerate(tried):
        bad, ended = run_id in failed, began + timedelta(seconds=place)
        attempts.append(
            {
                **{"id": place + 1, "run_id": run_id, "number": 1, "token": f"t{place}", "host": "bench"},
                **{"outcome": "nan" if bad else "ok", "started": began, "heartbeat": ended, "ended": ended},
                **{"message": "loss is NaN at epoch 2" if bad else None, "traceback": None, "pid": 1},
                **{"git_commit": None, "dirty_hash": None, "versions": {}, "device": "cpu", "mode": None},
                **{"directory": f"runs/{run_id}/t{place}", "epochs_planned": EPOCHS},
            }
        )
        done = 1 if bad else EPOCHS
        states.append(
            {"key": run_id, "state": "failed" if bad else "completed", "updated": ended, "epochs": done}
        )
        for epoch in range(1, done + 1):
            loss = 2.0 / epoch + 0.1 * rng.random()
            epochs.append(
                {
                    **{"run_id": run_id, "epoch": epoch, "attempt_id": place + 1, "seconds": 0.5},
                    **{"total": loss, "total_kind": "finite", "dev": 1.2 * loss, "dev_kind": "finite"},
                    "terms": {term: 0.1},
                }
            )
        if not bad:
            metrics += [
                {
                    **{"run_id": run_id, "split": split, "variable": v, "statistic": s, "level": "flat"},
                    **{"value": float(skill[place, i, j, k]), "kind": "finite"},
                }
                for i, split in enumerate(("train", "dev"))
                for j, v in enumerate(variables)
                for k, s in enumerate(STATISTICS)
            ]
    with catalog.transaction(write=True) as tx:
        for table, rows in ((Attempt, attempts), (Epoch, epochs), (Metric, metrics)):
            tx.execute(insert(table), rows)
        tx.execute(update(Run).where(Run.run_id == bindparam("key")), states)


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
