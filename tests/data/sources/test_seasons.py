"""The predictor group SEASON, by hand: a place of known seasons."""

import numpy as np
import pytest
import xarray as xr

from landlab_mgr.data.sources import seasons
from landlab_mgr.errors import LandlabError

WARMTH = np.array([-5, -3, 1, 6, 12, 17, 20, 19, 14, 8, 2, -3.0])
RAIN = np.array([1, 1, 1, 2, 3, 4, 4, 3, 2, 2, 1, 0.0])


def place(rain=RAIN, months=30):
    """Two years and a half of one place, in a swing of 10 degC a day; the last half year is far warmer and not read."""
    of_month = np.arange(months) % 12
    later = np.where(np.arange(months) < 24, 0.0, 30.0)
    values = {
        "tmin": WARMTH[of_month] - 5 + later,
        "tmax": WARMTH[of_month] + 5 + later,
        "precip": rain[of_month],
        "ssrd": np.full(months, 24.5),
        "vpd": np.maximum(WARMTH[of_month], 0),
    }
    time = np.datetime64("2001-01", "M") + np.arange(months)
    return xr.Dataset(
        {name: (("pixel", "time"), x[None]) for name, x in values.items()},
        coords={"time": time.astype("datetime64[ns]")},
        attrs={"dt_days": 365.25 / 12},
    )


def test_of_a_place_by_hand():
    found = {name: float(values[0]) for name, (values, *_) in seasons.predictors(place()).items()}
    assert found == pytest.approx(
        {
            "temperature_range": 25,
            "warmest_month": 20,
            "coldest_month": -5,
            "growing_warmth": (1 + 7 + 12 + 15 + 14 + 9 + 3) / 12,
            "diurnal_range": 10,
            "mean_vpd": (1 + 6 + 12 + 17 + 20 + 19 + 14 + 8 + 2) / 12,
            "driest_air": 20,
            "mean_ssrd": 24.5,
            "precip_variation": RAIN.std() / 2,
            "growing_precip": np.log((2 + 3 + 4 + 4 + 3 + 2 + 2) / 7 + 0.05),
            "driest_precip": np.log(2 / 3 + 0.05),
            "water_supply": np.log(2.05 / 10.05),
            "rain_in_warmth": np.corrcoef(WARMTH, RAIN)[0, 1],
        }
    )


def test_days_have_the_seasons_of_their_months():
    monthly = place()
    days = np.arange("2001-01-01", "2003-07-11", dtype="datetime64[D]")  # the last month is not whole
    month = (days.astype("datetime64[M]") - days[0].astype("datetime64[M]")).astype(int)
    daily = monthly.isel(time=np.minimum(month, 29)).assign_coords(time=days.astype("datetime64[ns]"))
    expected, daily = (seasons.predictors(ds) for ds in (monthly, daily.assign_attrs(dt_days=1.0)))
    for name, (values, *_) in expected.items():
        np.testing.assert_allclose(daily[name][0], values, rtol=1e-12, err_msg=name)


def test_a_place_without_rain_has_finite_predictors():
    found = seasons.predictors(place(rain=np.zeros(12)))
    assert all(np.isfinite(values).all() for values, *_ in found.values())
    assert found["rain_in_warmth"][0] == 0


def test_less_than_a_year_is_refused():
    with pytest.raises(LandlabError, match=r"^11 months of forcing"):
        seasons.predictors(place(months=11))
