"""Drivers and workers killed at random moments lose nothing; and what was lost would be seen."""

from collections import Counter
from contextlib import ExitStack

import numpy as np
import pytest
import typer

from landlab_mgr.catalog import CHECKPOINT
from landlab_mgr.catalog.tables import Epoch
from landlab_mgr.errors import LandlabError
from landlab_mgr.spec.grid import GridSpec
from landlab_mgr.storage import artifacts
from landlab_mgr.training import checkpoint as files
from landlab_mgr.workspace.workspace import Workspace
from tests.bench import chaos, commands

from ..catalog.sample import DATASET, FINGERPRINT, epoch

pytestmark = pytest.mark.slow

GRID = GridSpec(
    name=chaos.GRID,
    dataset=FINGERPRINT,
    setups=(("PFT",),),
    seeds=1,
    base={"optimizer": {"epochs": 4}},
)
[SPEC] = GRID.expand(FINGERPRINT)


def test_kills_lose_nothing(capsys):
    """The short form; `python -m tests.bench chaos` is the long one."""
    figures = chaos.measure(executor="ray", workers=2, kills=3, every=2.0, runs=2, epochs=2000)
    commands.report_chaos(figures)
    said = capsys.readouterr().out
    assert figures.wrong == [], said
    assert figures.complaints == ()
    assert figures.driver_kills + figures.worker_kills == 3
    assert figures.drivers > figures.driver_kills
    assert figures.attempts["ok"] == figures.runs
    assert figures.attempts.get("lost", 0) > 0, "no kill met a run"
    assert set(figures.attempts) <= {"ok", "lost"}


def figures(**counts):
    plain = dict.fromkeys(
        ("incomplete_runs", "lost_epochs", "repeated_epochs", "different_epochs", "different_parameters"), 0
    )
    about = {"engine": "sqlite", "executor": "ray", "workers": 2, "runs": 4, "epochs": 9, "drivers": 2}
    times = {"seconds": 9.0, "undisturbed_seconds": 5.0, "seconds_per_kill": 4.0}
    kills = {"driver_kills": 1, "worker_kills": 0, "attempts": {"ok": 4}, "complaints": ()}
    return chaos.Figures(**(about | kills | times | plain | counts))


@pytest.mark.parametrize("name", ["incomplete_runs", "lost_epochs", "repeated_epochs", "different_epochs"])
def test_any_loss_is_told_and_exits_1(name, capsys):
    commands.report_chaos(figures())
    with pytest.raises(typer.Exit) as end:
        commands.report_chaos(figures(**{name: 3}))
    assert end.value.exit_code == 1
    assert f"3 {name.replace('_', ' ')}" in capsys.readouterr().err


def test_workers_of_a_local_driver_are_refused():
    with pytest.raises(LandlabError, match="--executor local is this process alone"):
        commands.chaos(kills=1, executor="local", workers=2)


@pytest.fixture
def a_run(tmp_path):
    """A function that makes a workspace with one run, of which two epochs are committed."""
    with ExitStack() as stack:

        def make(name):
            ws = Workspace.at(tmp_path / name)
            catalog = stack.enter_context(ws.create())
            catalog.register_dataset(DATASET)
            catalog.register_runs([SPEC], GRID)
            commit(ws, catalog, claim(ws, catalog), 1, 2)
            return ws, catalog

        yield make


def claim(ws, catalog):
    catalog.reclaim(3600, lambda host, pid: True)
    return catalog.claim("host", 1, directory_of=ws.directory).token


def commit(ws, catalog, token, *numbers, weight=1.0):
    path = ws.path(ws.directory(SPEC.run_id, token)) / f"checkpoint-{numbers[-1]}.msgpack"
    path.parent.mkdir(parents=True, exist_ok=True)
    files.save(path, {"weights": {"a": np.full(3, weight, np.float32)}})
    checkpoint = ws.catalogued(artifacts.record(CHECKPOINT, path))
    catalog.record(token, [epoch(n, total=1.0 / n) for n in numbers], checkpoint)


def test_a_watch_sees_what_vanishes_and_what_is_done_again(a_run):
    ws, catalog = a_run("one")
    watch = chaos.Watch(catalog)
    assert watch.look() == Counter(running=1)
    assert watch.moved

    second = claim(ws, catalog)
    commit(ws, catalog, second, 3)
    watch.look()
    assert (watch.lost, watch.repeated, watch.moved) == (0, 0, True)
    watch.look()
    assert not watch.moved

    commit(ws, catalog, second, 2, 3)  # the first attempt had committed epoch 2
    watch.look()
    assert (watch.lost, watch.repeated) == (0, 1)

    with catalog.transaction(write=True) as tx:
        tx.execute(Epoch.__table__.delete().where(Epoch.epoch == 1))
    watch.look()
    assert (watch.lost, watch.repeated) == (1, 1)
    watch.look()
    assert (watch.lost, watch.repeated) == (1, 1), "it is counted once"

    catalog.finish(second)
    with catalog.transaction(write=True) as tx:
        tx.execute(Epoch.__table__.delete())
    watch.look()
    assert watch.lost == 1, "completed runs are left for the end"
    watch.look(completed=True)
    assert watch.lost == 3


def test_differences_from_the_undisturbed_run(a_run):
    nothing = dict.fromkeys(("incomplete_runs", "lost_epochs", "different_epochs", "different_parameters"), 0)
    peaceful, calm = a_run("peaceful")
    token = claim(peaceful, calm)
    commit(peaceful, calm, token, 3, 4)
    calm.finish(token)

    disturbed, rough = a_run("disturbed")
    assert chaos.differences(disturbed, peaceful, lost=5) == nothing | {
        "incomplete_runs": 1,
        "lost_epochs": 5,
    }
    token = claim(disturbed, rough)
    commit(disturbed, rough, token, 3, 4)
    rough.finish(token)
    assert chaos.differences(disturbed, peaceful, lost=0) == nothing

    with rough.transaction(write=True) as tx:
        tx.execute(Epoch.__table__.delete().where(Epoch.epoch == 2))
        barely = np.nextafter(1.0, 2.0)
        tx.execute(Epoch.__table__.update().where(Epoch.epoch == 1).values(total=barely))
    [checkpoint] = disturbed.runs.rglob("checkpoint-4.msgpack")
    files.save(checkpoint, {"weights": {"a": np.nextafter(np.ones(3, np.float32), 2, dtype=np.float32)}})
    assert chaos.differences(disturbed, peaceful, lost=0) == {
        "incomplete_runs": 0,
        "lost_epochs": 1,
        "different_epochs": 1,
        "different_parameters": 1,
    }
