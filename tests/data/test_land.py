"""The stored land mask: that of global-land-mask, and what it says of known places."""

import numpy as np
import pytest

from landlab_mgr.data import land


@pytest.mark.slow
def test_the_stored_mask_is_that_of_the_package():
    np.testing.assert_array_equal(land.mask(), land.original())


def test_known_places():
    lat = np.array([47.4, -33.9, 0.0, 51.5, -89.9, 71.0])
    lon = np.array([8.5, 151.0, -30.0, -0.1, 0.0, -40.0])
    assert land.is_land(lat, lon).tolist() == [True, True, False, True, True, True]
