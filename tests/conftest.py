"""Settings and data that the tests share."""

import os
from pathlib import Path

import jax
import pytest

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_numpy_rank_promotion", "raise")

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """../shared with the real data and the reference numbers; tests that need it skip where it is absent."""
    path = REPOSITORY.parent / "shared"
    if not (path / "data").is_dir():
        pytest.skip("../shared is not here")
    return path


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Under LANDLAB_REQUIRE_ALL=1 a skipped test is a failure: nothing is left out unseen."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and os.environ.get("LANDLAB_REQUIRE_ALL") == "1":
        report.outcome = "failed"
        report.longrepr = f"skipped under LANDLAB_REQUIRE_ALL=1: {report.longrepr}"
    return report
