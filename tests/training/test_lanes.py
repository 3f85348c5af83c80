"""Members side by side: each is, to the bit, what it is among any neighbours; from the lanes to the command line."""

import itertools
import signal
import subprocess
import time
from pathlib import Path

import jax
import numpy as np
import pytest

from landlab_mgr.data import batch, store
from landlab_mgr.models.dalec.model import MODEL
from landlab_mgr.observations.calendar import Calendar
from landlab_mgr.records import Failed
from landlab_mgr.spec.grid import GridSpec
from landlab_mgr.spec.run import RunSpec
from landlab_mgr.training import checkpoint, train, update
from landlab_mgr.workspace import register
from landlab_mgr.workspace.workspace import Workspace

from ..cli.command import command, landlab, refused

pytestmark = pytest.mark.slow

WIDTH = 3  # one program for all tests of lanes
BURSTS = {"lai": 1e38}  # a loss weight that overflows


def spec_of(ds, seed=0, epochs=4, **changes):
    optimizer = {"epochs": epochs, "learning_rate": 3e-3, "patches_per_batch": 2}
    seeds = {"init": seed, "split": seed, "shuffle": seed}
    base = {"predictors": ("PFT", "CLIM"), "optimizer": optimizer, "warmup_months": 12, "seeds": seeds}
    return RunSpec(dataset=store.fingerprint(ds), **(base | changes))


@pytest.fixture(scope="module")
def arrays(planet):
    return batch.load(planet, MODEL)


@pytest.fixture
def beside(planet, arrays, tmp_path):
    """Train members in one program with a checkpoint after every epoch; the events of each lane."""
    folders = itertools.count()

    def run(*specs, width=WIDTH, resume=None, stop_after=None, dropped=lambda lane: False):
        lanes = []
        for i, spec in enumerate(specs):
            folder = tmp_path / str(next(folders))
            folder.mkdir()
            member = batch.Member.of(spec, planet)
            lanes.append(checkpoint.Lane(spec, member, folder, resume if i == 0 else None))
        calendar = Calendar.of(planet)
        events = train.train(lanes, arrays, calendar, width, checkpoint_seconds=0.0, dropped=dropped)
        by_lane = [[] for _ in specs]
        for lane, event in itertools.islice(events, stop_after):
            by_lane[lane].append(event)
        events.close()
        return by_lane

    return run


@pytest.fixture
def three(planet):
    """Members that differ in all that may differ in a group."""
    return (
        spec_of(planet, 0),
        spec_of(planet, 1, predictors=("CONTROL",), streams=("lai", "sif")),
        spec_of(planet, 2, loss_weights={"lai": 33.0}),
    )


def last(events):
    """What a lane left: all of its last checkpoint."""
    return saved(events).read_bytes()


def saved(events):
    return Path(events[-1].checkpoint.path)


def curve(events):
    return np.array([[r.total, r.dev] for event in events for r in event.epochs])


def flat_weights(events):
    leaves = jax.tree.leaves(checkpoint.load(saved(events))["weights"])
    return np.concatenate([np.ravel(x) for x in leaves])


def test_side_by_side_and_alone_agree(beside, three):
    together = beside(*three)
    for events, spec in zip(together, three, strict=True):
        [alone] = beside(spec, width=1)
        losses = curve(alone)
        assert losses.shape == (4, 2)
        assert losses[-1, 0] < 0.8 * losses[0, 0], "they learned something"
        np.testing.assert_allclose(curve(events), losses, rtol=1e-5)
        np.testing.assert_allclose(flat_weights(events), flat_weights(alone), rtol=1e-5, atol=1e-7)
    assert len({last(events) for events in together}) == 3


def test_empty_lanes_and_neighbours_change_nothing(beside, three):
    first, second, third = three
    [lonely] = beside(second)
    _, among, _ = beside(first, second, third)
    _, _, elsewhere = beside(third, first, second)
    assert last(lonely) == last(among) == last(elsewhere)


def test_a_diverging_lane_ends_alone(beside, planet, three):
    first, second, third = three
    well = beside(first, second, third)
    bad = spec_of(planet, 1, loss_weights=BURSTS)
    beside_it = beside(first, bad, third)
    assert beside_it[1] == [Failed("nan", "loss is not finite at epoch 1")]
    assert last(beside_it[0]) == last(well[0])
    assert last(beside_it[2]) == last(well[2])


def test_lanes_go_on_from_their_own_epochs_to_their_own_ends(beside, planet, three):
    first, _, third = three
    longer = spec_of(planet, 1, epochs=6)
    whole = beside(first, longer, third)
    assert [len(curve(events)) for events in whole] == [4, 6, 4]
    [_, half, _] = beside(first, longer, third, stop_after=2 * WIDTH)
    resumed = beside(longer, third, resume=saved(half))
    assert [r.epoch for event in resumed[0] for r in event.epochs] == [3, 4, 5, 6]
    assert [r.epoch for event in resumed[1] for r in event.epochs] == [1, 2, 3, 4]
    assert last(resumed[0]) == last(whole[1])
    assert last(resumed[1]) == last(whole[2])


def test_a_dropped_lane_leaves_the_others_and_the_last_ends_the_program(beside, three):
    whole = beside(*three)
    asked = itertools.count()
    first, second, third = beside(*three, dropped=lambda lane: lane == 1 and next(asked) >= 2)
    assert [len(events) for events in (first, second, third)] == [4, 2, 4]
    assert (last(first), last(third)) == (last(whole[0]), last(whole[2]))
    assert beside(*three, dropped=lambda lane: True) == [[], [], []]


def test_one_compilation_serves_a_factorial_grid(beside, planet):
    grid = GridSpec(
        name="g",
        dataset="twin",
        factorial=("PFT", "CLIM", "AGE", "SOIL"),
        setups=(("CONTROL",), ("LATLON",)),
        seeds=1,
        base=spec_of(planet, epochs=1).model_dump(include={"optimizer", "warmup_months"}),
    )
    first, *others = grid.expand(store.fingerprint(planet))
    assert len(others) == 16
    beside(first, width=1)
    compiled = []

    def listen(event, seconds, **about):
        if event == "/jax/core/compile/backend_compile_duration":
            compiled.append(about.get("fun_name"))

    programs = update.train_batches._cache_size(), update.score_batches._cache_size()
    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        for spec in others:
            [[event]] = beside(spec, width=1)
            assert np.isfinite(event.epochs[0].total)
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)
    assert (update.train_batches._cache_size(), update.score_batches._cache_size()) == programs
    assert not [name for name in compiled if "batches" in name], "XLA compiled nothing either"
    assert compiled, "the listener hears: each first layer's initialisation is a program of its own"


# ---- from the command line, in real processes


@pytest.fixture(scope="module")
def workspace(planet, tmp_path_factory):
    """A workspace with the small twin planet."""
    workspace = Workspace.at(tmp_path_factory.mktemp("lanes") / "ws")
    with workspace.create() as catalog:
        register.dataset(workspace, catalog, planet)
    return workspace


@pytest.fixture
def add(planet, workspace):
    """Register a grid of three members, or as many as asked; their run ids."""

    def register_grid(name, epochs=3, seeds=3, **weights):
        base = spec_of(planet, epochs=epochs, loss_weights=weights)
        base = base.model_dump(include={"optimizer", "warmup_months", "loss_weights"})
        fingerprint = store.fingerprint(planet)
        grid = GridSpec(name=name, dataset=fingerprint, setups=(("CLIM",),), seeds=seeds, base=base)
        with workspace.open() as catalog:
            register.grid(workspace, catalog, grid)
        return [spec.run_id for spec in grid.expand(fingerprint)]

    return register_grid


def attempts(workspace, run_id, *columns):
    with workspace.open(read_only=True) as catalog:
        return [tuple(a) for a in catalog.attempts(run_id)[list(columns)].values.tolist()]


def epochs(workspace, run_id):
    with workspace.open(read_only=True) as catalog:
        return list(catalog.epochs(run_id)["epoch"])


def interrupt(workspace, grid, run_ids, how):
    """Start to train, send a signal once every lane has committed epochs; the exit code and what was said."""
    process = subprocess.Popen(
        command("run", "--grid", grid, "--members", 4, workspace=workspace.root),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    deadline = time.monotonic() + 300
    while not all(epochs(workspace, run_id) for run_id in run_ids):
        assert process.poll() is None, process.stdout.read()
        assert time.monotonic() < deadline
        time.sleep(0.2)
    process.send_signal(how)
    said, _ = process.communicate(timeout=300)
    return process.returncode, said


def test_one_member_of_four_diverges(workspace, add):
    [bad] = add("bad", seeds=1, **BURSTS)
    good = add("good")
    landlab("run", "grid = 'bad' or grid = 'good'", "--members", 4, workspace=workspace.root, code=1)
    assert attempts(workspace, bad, "outcome", "mode") == [("nan", "vmap:4")]
    for run_id in good:
        assert attempts(workspace, run_id, "outcome", "mode") == [("ok", "vmap:4")]
    with workspace.open(read_only=True) as catalog:
        assert [catalog.run(run_id).state for run_id in (bad, *good)] == ["failed", *["completed"] * 3]


def test_ctrl_c_commits_every_lane_and_gives_its_run_back(workspace, add):
    run_ids = add("endless", epochs=1_000_000)
    code, said = interrupt(workspace, "endless", run_ids, signal.SIGINT)
    assert code == 130, said
    assert "3 cancelled; interrupted: `landlab run` goes on" in said
    for run_id in run_ids:
        done = epochs(workspace, run_id)
        assert done == list(range(1, len(done) + 1))
        assert attempts(workspace, run_id, "outcome") == [("cancelled",)]
    with workspace.open(read_only=True) as catalog:
        assert {catalog.run(run_id).state for run_id in run_ids} == {"pending"}


def test_every_lane_goes_on_after_a_kill(workspace, add, tmp_path, monkeypatch):
    monkeypatch.setenv("LANDLAB_CACHE", str(tmp_path))
    planned = 2000
    run_ids = add("long", epochs=planned)
    interrupt(workspace, "long", run_ids, signal.SIGKILL)
    assert all(0 < len(epochs(workspace, run_id)) < planned for run_id in run_ids)
    done = landlab("run", "--grid", "long", "--members", 4, workspace=workspace.root)
    assert done.stdout.count("attempt 2, going on after epoch") == 3
    for run_id in run_ids:
        assert epochs(workspace, run_id) == list(range(1, planned + 1))
        assert attempts(workspace, run_id, "outcome", "mode") == [("lost", "vmap:4"), ("ok", "vmap:4")]
    programs = list((tmp_path / "xla").glob("jit_train_batches-*-cache"))
    assert len(programs) == 1, "every process found the program that the first one compiled"


@pytest.mark.parametrize("members", [0, 1025])
def test_how_many_members_is_checked(workspace, members):
    assert "policies: members: Input should be" in refused(
        "run", "--members", members, workspace=workspace.root
    )
