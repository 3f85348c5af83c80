"""`python -m tests.bench app`: the catalog that it makes. That it can drive the pages, test_browser sees."""

import pytest

from landlab_mgr.workspace.workspace import Workspace
from tests.bench import app as bench

pytestmark = pytest.mark.slow


def test_the_catalog_has_what_training_would_have_left(tmp_path):
    count = bench.fill(tmp_path, 160)
    with Workspace.at(tmp_path, str(tmp_path / "landlab.db")).open(read_only=True) as catalog:
        counts, runs = catalog.counts(), catalog.runs()
        assert len(catalog.epochs(runs["run_id"][1])) == bench.EPOCHS
    assert count == len(runs) == 160
    assert (counts["failed"], counts["pending"], counts["completed"]) == (8, 8, 144)
    assert runs.loc[runs["state"] == "completed", "dev.lai.R2"].notna().all()
