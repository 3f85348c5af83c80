"""A cluster of two nodes on this machine, one of which is lost while it trains."""

import contextlib

import psutil
import pytest
from ray.cluster_utils import Cluster

from landlab_mgr.workspace.workspace import Workspace

from .conftest import until
from .test_outcomes import start

pytestmark = pytest.mark.slow

EPOCHS = 3_000
"""Long enough that the first run still trains when the second worker has committed its first epochs."""


@pytest.fixture
def cluster(monkeypatch):
    """A head without room for workers, and two nodes with room for one each."""
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    small = {"object_store_memory": 80 * 2**20, "include_dashboard": False}
    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, **small})
    try:
        made.nodes = [made.add_node(num_cpus=1, object_store_memory=80 * 2**20) for _ in range(2)]
        yield made
    finally:
        made.shutdown()


def workers_on(node):
    """Worker processes of a node: children of its raylet."""
    [raylet] = node.all_processes["raylet"]
    family = psutil.Process(raylet.process.pid).children(recursive=True)
    return [p for p in family if p.name().startswith("ray::Worker")]


def test_the_runs_of_a_lost_node_complete_elsewhere(cluster, ray_workspace, register):
    run_ids = register("nodes", 3, EPOCHS)
    address = cluster.address
    driver = start(ray_workspace, "--grid", "nodes", "--address", address)
    lost, other = cluster.nodes
    with Workspace.at(ray_workspace).open(read_only=True) as catalog:

        def all_train():
            assert driver.poll() is None, driver.communicate()
            running = catalog.runs("grid = 'nodes' and status = 'running'")
            return len(running) == 2 and (running["epochs"] > 0).all() and workers_on(lost)

        workers = until(all_train, 240)
        cluster.remove_node(lost, allow_graceful=False)
        for worker in workers:  # a machine that is gone takes its processes with it
            with contextlib.suppress(psutil.NoSuchProcess):
                worker.kill()
        said, _ = driver.communicate(timeout=600)
        assert driver.returncode == 0, said
        tables = {run_id: catalog.attempts(run_id) for run_id in run_ids}
        outcomes = sorted(tuple(table["outcome"]) for table in tables.values())
        assert outcomes == [("lost", "ok"), *[("ok",)] * 2]
        for run_id in run_ids:
            assert list(catalog.epochs(run_id)["epoch"]) == list(range(1, EPOCHS + 1))
    assert "going on after epoch" in said
    assert workers_on(other) == [], "the driver's workers go with it"
