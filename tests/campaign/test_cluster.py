"""Workers on Ray: long-lived, without a database, replaced when they die."""

import os
import signal
import sys

import pytest
import ray

from landlab_mgr.campaign.cluster import RayExecutor
from landlab_mgr.data import store
from landlab_mgr.errors import LandlabError
from landlab_mgr.records import Failed, Progress, Result, Task
from landlab_mgr.spec.run import PolicySpec

from ..training.test_lanes import spec_of
from .conftest import until

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def executor():
    """One worker."""
    made = RayExecutor(1, PolicySpec(members=2))
    yield made
    made.close()


@pytest.fixture(scope="module")
def published(planet, tmp_path_factory):
    return str(store.publish(planet, tmp_path_factory.mktemp("data")).path)


@pytest.fixture
def task(planet, published, tmp_path):
    def make(token, seed=0, epochs=3, resume=None):
        return Task(token, spec_of(planet, seed, epochs), published, str(tmp_path / token), resume)

    return make


def idle(executor):
    """What the worker runs on, once it is free."""

    def ask():
        assert executor.poll(0.1) == []
        return executor.idle()

    return until(ask)


def of_worker(executor, function):
    """What a function gives inside the worker's process."""
    return ray.get(executor._slots[0].actor.__ray_call__.remote(lambda worker: function()))


def events_until(executor, stop):
    """All events up to one for which `stop` holds."""
    events = []

    def ask():
        events.extend(executor.poll(0.2))
        return any(stop(event) for _, event in events)

    until(ask)
    return events


def test_a_worker_trains_side_by_side_and_knows_no_database(executor, task):
    environment = idle(executor)
    assert environment["versions"]["threads"] == "1"
    assert of_worker(executor, lambda: sys.prefix) == sys.prefix  # under `uv run` too, as in the gate
    executor.submit([task("first"), task("second", seed=1)])
    assert executor.idle() is None
    events = events_until(executor, lambda event: isinstance(event, Result))
    if len({t for t, e in events if isinstance(e, Result)}) == 1:
        events += events_until(executor, lambda event: isinstance(event, Result))
    epochs = {token: [] for token in ("first", "second")}
    for token, event in events:
        if isinstance(event, Progress):
            epochs[token] += [record.epoch for record in event.epochs]
    assert epochs == {"first": [1, 2, 3], "second": [1, 2, 3]}
    assert idle(executor)
    loaded = of_worker(executor, lambda: list(sys.modules))
    assert "landlab_mgr.training.train" in loaded
    for name in ("sqlalchemy", "alembic", "psycopg", "lark", "optuna", "streamlit", "landlab_mgr.catalog"):
        assert not [m for m in loaded if m == name or m.startswith(f"{name}.")]
    settings = of_worker(executor, lambda: dict(os.environ))
    assert settings["JAX_PLATFORMS"] == "cpu"
    assert "xla_cpu_use_multi_output_fusion" in settings["XLA_FLAGS"]
    assert {settings[n] for n in ("NPROC", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")} == {"1"}


def test_a_dead_worker_is_replaced_and_its_job_goes_on_elsewhere(executor, task):
    idle(executor)
    pid = of_worker(executor, os.getpid)
    executor.submit([task("long", epochs=1_000_000)])
    events = events_until(executor, lambda event: isinstance(event, Progress))
    os.kill(pid, signal.SIGKILL)
    events += events_until(executor, lambda event: isinstance(event, Failed))
    *before, (token, failed) = events
    assert (token, failed.outcome) == ("long", "lost")
    assert "died: Worker unexpectedly exits" in failed.message
    last = [event for _, event in before if isinstance(event, Progress)][-1]
    done = last.epochs[-1].epoch
    idle(executor)
    assert of_worker(executor, os.getpid) != pid
    executor.submit([task("again", epochs=done + 2, resume=last.checkpoint.path)])
    events = events_until(executor, lambda event: not isinstance(event, Progress))
    assert isinstance(events[-1][1], Result), events[-1][1]
    assert [r.epoch for _, e in events[:-1] for r in e.epochs] == [done + 1, done + 2]


def test_a_dropped_job_is_heard_of_no_more(executor, task):
    idle(executor)
    executor.submit([task("unwanted", epochs=1_000_000), task("wanted", seed=1, epochs=1_000_000)])
    events_until(executor, lambda event: isinstance(event, Progress))
    executor.drop("unwanted")
    events = events_until(executor, lambda event: isinstance(event, Progress))
    assert {token for token, _ in events} == {"wanted"}
    executor.kill("wanted", "hung: no epoch for 600 s")
    assert executor.poll(0.1) == [("wanted", Failed("lost", "hung: no epoch for 600 s", ""))]
    idle(executor)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("127.0.0.1:1", "refused; give HOST:PORT"),
        ("here", "not HOST:PORT; give HOST:PORT"),
    ],
)
def test_a_cluster_that_is_not_there(address, said):
    with pytest.raises(LandlabError, match=said):
        RayExecutor(1, PolicySpec(), address)
