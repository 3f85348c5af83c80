"""Running what is pending, with its progress on the console."""

import jax

from landlab_mgr import schedule
from landlab_mgr.catalog import Catalog
from landlab_mgr.display import LiveReport
from landlab_mgr.errors import LandlabError
from landlab_mgr.workspace import Workspace


def pending(
    ws: Workspace, catalog: Catalog, filter: str = "", grid: str | None = None, retry: bool = False
) -> schedule.Summary:
    """Run everything pending that the filter holds for and the grid has, where given; or `retry` what failed.

    Ctrl-C once commits and stops; twice stops at once.
    """
    _enable_compilation_cache(ws)
    if grid is not None and grid not in {g.name for g in catalog.grids()}:
        known = ", ".join(g.name for g in catalog.grids()) or "none"
        raise LandlabError(f"no grid {grid!r}; registered: {known}; see `landlab grid register`")
    catalog.reclaim(schedule.LEASE_SECONDS, schedule.driver_is_dead)
    condition = " and ".join([f"({filter})"] * bool(filter) + [f"grid = '{grid}'"] * bool(grid))
    chosen = catalog.runs(condition)
    run_ids = list(chosen.loc[chosen["state"] == ("failed" if retry else "pending"), "run_id"])
    if retry:
        catalog.retry(run_ids)
    if not run_ids:
        return schedule.Summary()
    with LiveReport(len(run_ids)) as report:
        driver = schedule.Driver(ws, catalog, schedule.LocalExecutor(), report)
        said = ("stopping after the next checkpoint (Ctrl-C again: at once)", "stopping at once")
        with schedule.graceful_interrupt(driver, said):
            return driver.run(run_ids=run_ids)


def _enable_compilation_cache(ws: Workspace) -> None:
    """Compiled programs outlive the process: the second `landlab run` starts training at once."""
    jax.config.update("jax_compilation_cache_dir", str(ws.root / "cache" / "xla"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.5)
