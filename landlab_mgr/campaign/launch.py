"""Running what is pending, with its progress on the console."""

import os
from dataclasses import dataclass
from typing import Any, Literal

from landlab_mgr.campaign.driver import Driver, Summary, graceful_interrupt
from landlab_mgr.campaign.executor import Executor, LocalExecutor
from landlab_mgr.campaign.live import LiveReport
from landlab_mgr.catalog import Catalog, lease
from landlab_mgr.errors import LandlabError
from landlab_mgr.spec.run import PolicySpec
from landlab_mgr.workspace import housekeeping
from landlab_mgr.workspace.display import console
from landlab_mgr.workspace.workspace import Workspace


@dataclass(frozen=True)
class Workers:
    """Workers that train: `count` of them, in this process ("local") or on Ray.

    By default `count` is what there is room for.

    `address` is a running Ray cluster, HOST:PORT or "auto"; without it Ray starts on this machine.
    """

    count: int | None = None
    executor: Literal["local", "ray"] | None = None
    address: str | None = None

    def __post_init__(self) -> None:
        if self.count is not None and self.count < 1:
            raise LandlabError(f"--workers {self.count}; allowed: 1 or more")
        if self.executor == "local" and (self.address is not None or (self.count or 1) > 1):
            raise LandlabError("--executor local is this process alone; leave out --workers and --address")


def pending(
    ws: Workspace,
    catalog: Catalog,
    filter: str = "",
    grid: str | None = None,
    only: Literal["pending", "failed", "cancelled", "missing", "damaged"] = "pending",
    workers: Workers = Workers(),
    policies: PolicySpec | None = None,
    max_failures: int | None = None,
    from_start: bool = False,
) -> Summary:
    """Run everything pending that the filter holds for and the grid has, where given.

    `only` failed or cancelled runs are tried again instead; `missing` is all that no completed run fills; `damaged`
    runs, of which a file is missing or altered, give up what they have come to. `policies`
    defaults to the grid's. After `max_failures` failed runs nothing more is claimed. `from_start` trains runs from
    epoch 1 whose checkpoint is missing or altered. Ctrl-C once commits and stops; twice stops at once.
    """
    ws.check_storage()
    if policies is None:
        policies = PolicySpec() if grid is None else catalog.grid(grid).spec.policies
    catalog.reclaim(lease.LEASE_SECONDS, lease.driver_is_dead, policies.retries)
    condition = " and ".join([f"({filter})"] * bool(filter) + [f"grid = '{grid}'"] * bool(grid))
    chosen = catalog.outline(condition)
    if only == "damaged":
        broken = housekeeping.damaged(ws, catalog)
        given_up = catalog.redo([i for i in chosen["run_id"] if i in broken])
        chosen = catalog.outline(condition)
        chosen = chosen[chosen["run_id"].isin(given_up)]
    states = (
        ("pending", "failed", "cancelled")
        if only == "missing"
        else ("pending",)
        if only == "damaged"
        else (only,)
    )
    held = catalog.undecided(lease.LEASE_SECONDS) if only in ("pending", "missing") else []
    chosen = chosen[chosen["state"].isin(states) | chosen["run_id"].isin(held)]
    run_ids = list(chosen["run_id"])
    if held := [run_id for run_id in run_ids if run_id in held]:
        console.print(
            f"{len(held)} runs are held by drivers that look dead; they are taken back if no sign of one comes "
            f"within {lease.LEASE_SECONDS:.0f} s"
        )
    if only not in ("pending", "damaged"):
        catalog.retry(run_ids)
    if not run_ids:
        return Summary()
    left = (chosen["epochs_planned"] - chosen["epochs"]).groupby(chosen["dataset"]).sum()
    executor = executor_for(workers, policies, len(run_ids))
    expected = _seconds(catalog, left.to_dict(), executor.workers)
    with LiveReport(len(run_ids), int(left.sum()), expected, catalog.setups(run_ids)) as report:
        driver = Driver(ws, catalog, executor, report, policies, max_failures, from_start)
        said = ("stopping after the next checkpoint (Ctrl-C again: at once)", "stopping at once")
        with graceful_interrupt(driver, said):
            return driver.run(run_ids)


def _seconds(catalog: Catalog, epochs: dict[Any, int], workers: int) -> float | None:
    """Estimate the seconds that so many epochs of each dataset (by name) take.

    They take as long as they took before; None where one never did.
    """
    known = {name: catalog.epoch_seconds(name) for name in epochs}
    total = 0.0
    for name, seconds in known.items():
        if seconds is None:
            return None
        total += seconds * epochs[name]
    return total / workers


def executor_for(workers: Workers, policies: PolicySpec, runs: int) -> Executor:
    """Ray where several workers have something to do or a cluster is named; this process otherwise."""
    count = workers.count
    if count is None and workers.address is None and not policies.gpus:
        cores = len(os.sched_getaffinity(0))
        count = max(1, min(int(cores / policies.cpus), -(-runs // policies.members)))
    if workers.executor == "local" or (workers.executor is None and workers.address is None and count == 1):
        return LocalExecutor(policies.members)
    from landlab_mgr.campaign.cluster import RayExecutor  # two seconds that a lone worker need not wait for

    return RayExecutor(count, policies, workers.address)
