"""Every cell that a grid asks for, and what became of it."""

import pytest

from landlab_mgr.catalog.design import cells
from landlab_mgr.errors import LandlabError

from .sample import FINGERPRINT, claim


def test_cells_in_the_order_in_which_they_run(catalog, grid, runs):
    failed, done = claim(catalog), claim(catalog)
    catalog.fail(failed.token, "nan", "")
    catalog.finish(done.token)
    table = cells(catalog, "g")
    assert list(table["run_id"]) == [spec.run_id for spec in runs]
    assert list(table["setup"]) == ["PFT", "CLIM", "PFT+CLIM"] * 2
    assert list(table["seed"]) == [0, 0, 0, 1, 1, 1]
    assert list(table["state"]) == ["failed", "completed", *["pending"] * 4]
    assert set(table["variant"]) == {""}


def test_axes_are_variants_and_runs_of_an_earlier_form_are_not_asked_for(catalog, grid, runs):
    narrower = grid.model_copy(update={"seeds": (1,), "axes": {"loss_weights.lai": (10, 40)}})
    catalog.register_runs(narrower.expand(FINGERPRINT), narrower)
    table = cells(catalog, "g")
    assert list(table["variant"]) == ["loss_weights.lai = 10"] * 3 + ["loss_weights.lai = 40"] * 3
    assert set(table["seed"]) == {1}
    assert list(table["run_id"][:3]) == [spec.run_id for spec in runs[3:]]  # 10 is the default: the same runs
    assert len(catalog.runs("grid = 'g'")) == 9


def test_an_unknown_grid(catalog, grid, runs):
    with pytest.raises(LandlabError, match="no grid 'x'; registered: g; see"):
        cells(catalog, "x")
