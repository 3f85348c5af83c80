"""Running what is pending, with its progress on the console."""

from typing import Literal

import jax

from landlab_mgr import lease, schedule
from landlab_mgr.catalog import Catalog
from landlab_mgr.display import LiveReport
from landlab_mgr.errors import LandlabError
from landlab_mgr.workspace import Workspace

MEMBERS_LIMIT = 1024
"""Lanes of one program; what fits is a question of memory."""


def pending(
    ws: Workspace,
    catalog: Catalog,
    filter: str = "",
    grid: str | None = None,
    only: Literal["pending", "failed", "cancelled"] = "pending",
    members: int = 1,
) -> schedule.Summary:
    """Run everything pending that the filter holds for and the grid has, where given.

    `only` failed or cancelled runs are tried again instead. `members` runs that share data and shapes train side by
    side. Ctrl-C once commits and stops; twice stops at once.
    """
    if not 1 <= members <= MEMBERS_LIMIT:
        raise LandlabError(f"--members {members}; allowed: 1 to {MEMBERS_LIMIT} runs side by side")
    _enable_compilation_cache(ws)
    if grid is not None:
        catalog.grid(grid)
    catalog.reclaim(lease.LEASE_SECONDS, lease.driver_is_dead)
    condition = " and ".join([f"({filter})"] * bool(filter) + [f"grid = '{grid}'"] * bool(grid))
    chosen = catalog.runs(condition)
    run_ids = list(chosen.loc[chosen["state"] == only, "run_id"])
    if only != "pending":
        catalog.retry(run_ids)
    if not run_ids:
        return schedule.Summary()
    with LiveReport(len(run_ids)) as report:
        driver = schedule.Driver(ws, catalog, schedule.LocalExecutor(members), report)
        said = ("stopping after the next checkpoint (Ctrl-C again: at once)", "stopping at once")
        with schedule.graceful_interrupt(driver, said):
            return driver.run(run_ids=run_ids)


def _enable_compilation_cache(ws: Workspace) -> None:
    """Compiled programs outlive the process: the second `landlab run` starts training at once."""
    jax.config.update("jax_compilation_cache_dir", str(ws.root / "cache" / "xla"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.5)
