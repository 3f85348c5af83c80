"""The driver: who trains beside whom, nobody is forgotten, and the end of one attempt is the end of that one only."""

from itertools import count

import pytest

from landlab_mgr.campaign import driver as driving
from landlab_mgr.campaign import live
from landlab_mgr.campaign.driver import Driver
from landlab_mgr.catalog import CatalogAway
from landlab_mgr.records import CHECKPOINT, ArtifactRecord, EpochRecord, Failed, Progress, Result
from landlab_mgr.spec.run import RunSpec
from landlab_mgr.storage import artifacts
from landlab_mgr.training.run import group_key
from landlab_mgr.workspace.workspace import Workspace

from ..catalog.sample import DATASET, FINGERPRINT


def spec_of(seed, hidden=8):
    seeds = {"init": seed, "split": seed, "shuffle": seed}
    network = {"hidden": (hidden,)}
    return RunSpec(
        dataset=FINGERPRINT, predictors=("PFT",), network=network, seeds=seeds, optimizer={"epochs": 4}
    )


@pytest.fixture
def workspace(tmp_path):
    return Workspace.at(tmp_path / "ws")


@pytest.fixture
def catalog(workspace):
    with workspace.create() as catalog:
        catalog.register_dataset(DATASET)
        yield catalog


class Paper:
    """An executor that trains nothing: each task is at epoch 2 at the first poll and done at the second."""

    def __init__(self, root, slots, width, at_first_poll=lambda tasks: None, end=lambda task: Result((), ())):
        self.slots, self.width = slots, width
        self.root, self.at_first_poll, self.end = root, at_first_poll, end
        self.groups, self.going, self.dropped = [], [], []

    def idle(self):
        return None if len(self.going) == self.slots else {"versions": {}, "device": "paper"}

    def submit(self, tasks):
        assert len(self.going) < self.slots
        assert len(tasks) <= self.width
        assert len({group_key(task.spec) for task in tasks}) == 1
        self.groups.append([(task.spec.network.hidden[0], task.spec.seeds.init) for task in tasks])
        self.going.append((tasks, iter((self.progress, self.end))))

    def progress(self, task):
        epochs = tuple(EpochRecord(n, 1.0, 2.0, {}, 0.5) for n in (1, 2))
        return Progress(epochs, ArtifactRecord(CHECKPOINT, str(self.root / "c"), "a" * 64, 1))

    def poll(self, timeout):
        if not self.going:
            return []
        tasks, events = self.going[0]
        event_of = next(events)
        if event_of == self.progress:
            self.at_first_poll(tasks)
        else:
            self.going.pop(0)
        return [(task.key, event_of(task)) for task in tasks if task.key not in self.dropped]

    def drop(self, token):
        self.dropped.append(token)

    def close(self):
        pass


def drive(workspace, catalog, executor, **options):
    ids = list(catalog.runs("status = 'pending'")["run_id"])
    with live.LiveReport(len(ids), 4 * len(ids)) as report:
        driver = Driver(workspace, catalog, executor, report, **options)
        return driver.run(ids)


class Files(Paper):
    """A Paper whose tasks write a checkpoint for each of three polls, and are done at the fourth."""

    def __init__(self, root, at_poll=lambda number: None):
        super().__init__(root, slots=1, width=1)
        self.at_poll, self.removed, self.resumed = at_poll, [], []

    def submit(self, tasks):
        self.going.append((tasks, count(1)))
        self.resumed += [task.resume for task in tasks]

    def poll(self, timeout):
        [(task,)], number = [tasks for tasks, _ in self.going], next(self.going[0][1])
        self.at_poll(number)
        if number == 4:
            self.going.clear()
            return [(task.key, Result((), ()))]
        path = self.root / task.directory / f"checkpoint-{number}"
        path.parent.mkdir(parents=True, exist_ok=True)
        record = artifacts.put(CHECKPOINT, bytes([number]), path)
        return [(task.key, Progress((EpochRecord(number, 1.0, 2.0, {}, 0.5),), record))]

    def drop(self, token):
        super().drop(token)
        self.going.clear()

    def remove(self, token, checkpoint):
        self.removed.append(checkpoint)


@pytest.fixture
def interrupted(workspace, catalog):
    """The path of the checkpoint of a run that was let go after its second epoch."""
    catalog.register_runs([spec_of(0)])
    claim = catalog.claim("host", 1, directory_of=workspace.directory)
    path = workspace.path(claim.directory) / "checkpoint-2"
    path.parent.mkdir(parents=True)
    record = workspace.catalogued(artifacts.put(CHECKPOINT, b"2", path))
    catalog.record(claim.token, [EpochRecord(n, 1.0, 2.0, {}, 0.5) for n in (1, 2)], record)
    catalog.fail(claim.token, "cancelled", "")
    return path


def test_only_what_the_same_attempt_superseded_is_removed(workspace, catalog, interrupted):
    executor = Files(workspace.root)
    assert drive(workspace, catalog, executor).outcomes == {"ok": 1}
    assert executor.resumed == [str(interrupted)]
    assert [path.rpartition("/")[2] for path in executor.removed] == ["checkpoint-1", "checkpoint-2"]
    assert str(interrupted) not in executor.removed


def test_an_attempt_that_lost_its_run_removes_nothing(workspace, catalog):
    catalog.register_runs([spec_of(0)])
    executor = Files(workspace.root, lambda number: number == 2 and catalog.cancel([spec_of(0).run_id]))
    assert drive(workspace, catalog, executor).outcomes == {"lost": 1}
    assert executor.removed == []


@pytest.mark.parametrize(("damage", "says"), [("alter", "is altered"), ("remove", "is missing")])
def test_without_its_checkpoint_a_run_fails_and_starts_anew_only_when_told_to(
    workspace, catalog, interrupted, damage, says
):
    interrupted.write_bytes(b"3") if damage == "alter" else interrupted.unlink()
    good = spec_of(1)
    catalog.register_runs([good])
    executor = Files(workspace.root)
    summary = drive(workspace, catalog, executor)
    assert (summary.outcomes, summary.failed) == ({"error": 1, "ok": 1}, 1)
    assert executor.resumed == [None], "only the other run was trained"
    [failed] = catalog.runs("status = 'failed'").to_dict("records")
    assert f"its checkpoint {interrupted}, which holds 2 epochs, {says}" in failed["message"]
    assert f"landlab run \"run = '{failed['run_id']}'\" --only failed --from-start" in failed["message"]
    assert drive(workspace, catalog, executor).outcomes == {}, "nobody tries it again unasked"

    catalog.retry([failed["run_id"]])
    assert drive(workspace, catalog, executor, from_start=True).outcomes == {"ok": 1}
    assert executor.resumed == [None, None]


def test_told_to_start_anew_a_run_with_its_checkpoint_goes_on(workspace, catalog, interrupted):
    executor = Files(workspace.root)
    assert drive(workspace, catalog, executor, from_start=True).outcomes == {"ok": 1}
    assert executor.resumed == [str(interrupted)]


def test_runs_of_a_kind_go_together_and_the_first_comes_first(workspace, catalog):
    mixed = [spec_of(seed, hidden) for seed in range(4) for hidden in (8, 16)]
    catalog.register_runs([*mixed, spec_of(9, 32)])
    executor = Paper(workspace.root, slots=1, width=3)
    assert drive(workspace, catalog, executor).outcomes == {"ok": 9}
    assert executor.groups == [
        [(8, 0), (8, 1), (8, 2)],
        [(16, 0), (16, 1), (16, 2)],
        [(8, 3)],
        [(16, 3)],
        [(32, 9)],
    ]
    assert catalog.counts()["completed"] == 9


def test_several_slots_take_a_group_each(workspace, catalog):
    catalog.register_runs([spec_of(seed) for seed in range(5)])
    executor = Paper(workspace.root, slots=2, width=2)
    drive(workspace, catalog, executor)
    assert [len(group) for group in executor.groups] == [2, 2, 1]


@pytest.mark.parametrize(("width", "mode"), [(1, "solo"), (4, "vmap:4")])
def test_an_attempt_says_how_it_trained(workspace, catalog, width, mode):
    catalog.register_runs([spec_of(0)])
    drive(workspace, catalog, Paper(workspace.root, slots=1, width=width))
    [attempt] = catalog.attempts(spec_of(0).run_id).to_dict("records")
    assert (attempt["mode"], attempt["outcome"]) == (mode, "ok")


def test_a_cancelled_run_is_dropped_and_its_neighbours_are_not(workspace, catalog):
    catalog.register_runs([spec_of(seed) for seed in range(3)])
    victim = spec_of(1).run_id
    executor = Paper(workspace.root, 1, 3, at_first_poll=lambda tasks: catalog.cancel([victim]))
    assert drive(workspace, catalog, executor).outcomes == {"lost": 1, "ok": 2}
    assert [catalog.run(spec_of(seed).run_id).state for seed in range(3)] == [
        "completed",
        "cancelled",
        "completed",
    ]
    assert list(catalog.attempts(victim)["token"]) == executor.dropped


def test_told_to_stop_every_member_commits_and_is_given_back(workspace, catalog):
    catalog.register_runs([spec_of(seed) for seed in range(5)])
    with live.LiveReport(5, 20) as report:
        drivers = []
        executor = Paper(workspace.root, 1, 3, at_first_poll=lambda tasks: drivers[0].stop())
        drivers.append(Driver(workspace, catalog, executor, report))
        summary = drivers[0].run([spec_of(seed).run_id for seed in range(5)])
    assert summary.interrupted
    assert summary.outcomes == {"cancelled": 3}
    assert catalog.counts()["pending"] == 5
    assert list(catalog.runs()["epochs"]) == [2, 2, 2, 0, 0]
    assert len(executor.dropped) == 3


def test_a_catalog_that_answers_again_for_the_last_result_alone_is_told(
    workspace, catalog, capsys, monkeypatch
):
    catalog.register_runs([spec_of(0)])
    finish, calls = catalog.finish, []

    def away_once(*arguments):
        calls.append(arguments)
        if len(calls) == 1:
            raise CatalogAway("lost the connection")
        finish(*arguments)

    monkeypatch.setattr(catalog, "finish", away_once)
    monkeypatch.setattr(driving, "WATCH_SECONDS", 0.01)
    assert drive(workspace, catalog, Paper(workspace.root, 1, 1)).outcomes == {"ok": 1}
    assert len(calls) == 2
    assert "answers again" in capsys.readouterr().out


def test_one_failure_of_a_group_is_one_failure(workspace, catalog):
    catalog.register_runs([spec_of(seed) for seed in range(3)])
    bad = spec_of(2)

    def end(task):
        return Failed("oom", "too big", "trace") if task.spec == bad else Result((), ())

    assert drive(workspace, catalog, Paper(workspace.root, 1, 3, end=end)).outcomes == {"oom": 1, "ok": 2}
    [attempt] = catalog.attempts(bad.run_id).to_dict("records")
    assert (attempt["outcome"], attempt["traceback"]) == ("oom", "trace")


def test_the_display_counts_all_that_runs(workspace, catalog, capsys, monkeypatch):
    for wait in ("PACE_SECONDS", "BURST_SECONDS", "SPEAK_SECONDS"):
        monkeypatch.setattr(live, wait, 0.0)
    catalog.register_runs([spec_of(seed) for seed in range(3)])
    drive(workspace, catalog, Paper(workspace.root, 1, 2))
    lines = [line for line in capsys.readouterr().out.splitlines() if "epoch 2/4" in line]
    assert len(lines) == 3
    assert "loss 1, dev 2; 2 running" in lines[0]
    assert "epochs/s, about" in lines[1]
    assert "; 1 running" in lines[2]
