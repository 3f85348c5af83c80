"""Patches of which a dataset holds a part: what is dropped on import is what scores leave out, and the loss with it."""

import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

from landlab_mgr.data.sources import gridded
from landlab_mgr.observations.calendar import Calendar
from landlab_mgr.observations.comparable import comparable
from landlab_mgr.observations.losses import squared_difference
from landlab_mgr.observations.streams import STREAMS

SEEN = [7, 6, 0, 10]
"""Pixels of ten that are observed, month by month."""


def test_water_storage_counts_from_seven_tenths_of_a_patch_up_in_loss_and_scores():
    values = np.full((10, 4), np.nan)
    for month, seen in enumerate(SEEN):
        values[:seen, month] = 1.0 + month
    ds = xr.Dataset({n: (("pixel", "time"), values.copy()) for n in ("ewt", "nbe")}).assign(
        patch=("pixel", np.zeros(10, int))
    )
    notices: list[str] = []
    kept = gridded.drop_parts(ds, 10.0, 0.8, notices)
    assert notices == ["1 months of ewt are left out: less than 70% of the patch observed"]
    assert list(np.isfinite(kept["ewt"].values).sum(axis=0)) == [7, 0, 0, 10]
    assert list(np.isfinite(kept["nbe"].values).sum(axis=0)) == SEEN, "fluxes count from the first pixel up"

    calendar, stream, observed = Calendar("2001-01-01", 4, 30.4375), STREAMS["ewt"], kept["ewt"].values.T
    scored = comparable(stream, np.zeros((4, 10)), values.T, np.zeros(10, int), 0, calendar)[1]
    assert list(np.isfinite(scored[:, 0])) == [True, False, False, True]
    weight = np.isfinite(observed).astype(float)
    arrays = (np.zeros((4, 10)), np.nan_to_num(observed), weight, np.full((1, 10), 0.1))
    loss = squared_difference(*map(jnp.asarray, arrays), stream.level, stream.average, calendar)
    assert float(loss) == pytest.approx(0.7**2 * 0.7 + 4.0**2, rel=1e-3), (
        "as the published loss counts what it reads"
    )
