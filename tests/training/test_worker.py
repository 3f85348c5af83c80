"""The worker: one job's fault is its own, and what it says can be sent anywhere."""

import pickle
from dataclasses import replace
from pathlib import Path

import pytest

from landlab_mgr.data import store
from landlab_mgr.records import Progress, Result, Task
from landlab_mgr.training.worker import Worker

from .test_lanes import BURSTS, WIDTH, spec_of


@pytest.fixture(scope="module")
def published(planet, tmp_path_factory):
    return str(store.publish(planet, tmp_path_factory.mktemp("data")).path)


@pytest.fixture
def task(planet, published, tmp_path):
    def make(token, epochs=2, seed=0, **changes):
        spec = spec_of(planet, seed, epochs, **changes)
        return Task(token, spec, published, str(tmp_path / token))

    return make


def outcomes(events):
    """The last event of each job, and the epochs that were told of it before."""
    epochs, ends = {}, {}
    for token, event in events:
        assert token not in ends, "nothing follows an end"
        assert repr(pickle.loads(pickle.dumps(event))) == repr(event)  # NaN is not equal to itself
        if isinstance(event, Progress):
            epochs.setdefault(token, []).extend(r.epoch for r in event.epochs)
        else:
            ends[token] = event
    return epochs, ends


@pytest.mark.slow
def test_every_bad_job_fails_alone(task, tmp_path):
    good = task("good")
    damaged = tmp_path / "damaged.msgpack"
    damaged.write_bytes(b"\xc1 not msgpack")
    Path(task("blocked").directory).write_text("a file where the attempt's directory should be")
    tasks = [
        task("diverges", seed=1, loss_weights=BURSTS),
        task("unfit", predictors=("MOON",)),
        replace(task("damaged"), resume=str(damaged)),
        replace(task("lost"), resume=str(tmp_path / "gone.msgpack")),
        task("blocked"),
        good,
    ]
    assert pickle.loads(pickle.dumps(tasks)) == tasks
    epochs, ends = outcomes(Worker().run(tasks, WIDTH))
    assert epochs == {"good": [1, 2]}
    assert isinstance(ends.pop("good"), Result)
    found = {token: (end.outcome, end.message) for token, end in ends.items()}
    assert found["diverges"] == ("nan", "loss is not finite at epoch 1")
    for token, says in (
        ("unfit", "unknown predictor group 'MOON'"),
        ("damaged", "is damaged"),
        ("lost", "no checkpoint"),
    ):
        assert found[token][0] == "error"
        assert says in found[token][1]
        assert ends[token].traceback == "", "one line says it all"
    assert found["blocked"][1].startswith("FileExistsError")
    assert "mkdir" in ends["blocked"].traceback


def test_a_checkpoint_of_another_shape_is_refused(task, tmp_path):
    narrow = task("narrow", epochs=1)
    _, ends = outcomes(Worker().run([narrow], WIDTH))
    assert isinstance(ends["narrow"], Result)
    [checkpoint] = (tmp_path / "narrow").glob("*.msgpack")
    other = replace(task("other", network={"hidden": (8,)}), resume=str(checkpoint))
    _, ends = outcomes(Worker().run([other], WIDTH))
    assert ends["other"].outcome == "error"
    assert "does not hold what run" in ends["other"].message


def test_what_ends_a_program_fails_all_its_jobs(task):
    strangers = [task("a"), task("b", network={"hidden": (8,)})]  # no driver puts these together
    _, ends = outcomes(Worker().run(strangers, WIDTH))
    assert {end.outcome for end in ends.values()} == {"error"}
    assert all("ValueError" in end.message and "Traceback" in end.traceback for end in ends.values())

    huge = {"hidden": (1, 10**14)}  # more than any machine can address
    _, ends = outcomes(Worker().run([task("c", network=huge), task("d", seed=1, network=huge)], WIDTH))
    assert {token: end.outcome for token, end in ends.items()} == {"c": "oom", "d": "oom"}


@pytest.mark.slow
def test_a_dropped_job_is_heard_of_no_more_and_its_neighbours_go_on(task):
    worker = Worker()
    events = worker.run([task("stays", epochs=3), task("goes", epochs=50, seed=1)], WIDTH)
    told = []
    for token, event in events:
        worker.drop("goes")
        told.append((token, type(event)))
    assert told[-1] == ("stays", Result)
    assert "goes" not in [token for token, _ in told]
    events = worker.run([task("a", seed=2), task("b", seed=3)], WIDTH)
    worker.drop("a")
    worker.drop("b")
    assert list(events) == []


@pytest.mark.slow
def test_members_with_more_columns_train_after_the_others(task):
    every = ("PFT", "CLIM", "AGE", "SOIL", "LATLON")
    epochs, ends = outcomes(Worker().run([task("wide", 1, predictors=every), task("narrow", 1)], None))
    assert list(epochs) == ["narrow", "wide"]
    assert {type(end) for end in ends.values()} == {Result}
