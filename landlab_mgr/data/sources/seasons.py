"""Predictor group SEASON: how the weather of a place is spread over the year, from the forcing alone.

Beside the annual means of CLIM (MAT, MAP) these tell a network what a seasonal model needs to know of an unseen place:
how warm, dry and bright its seasons are. All are of the mean year: each calendar month averaged over the years.
"""

import numpy as np
import xarray as xr

from landlab_mgr.errors import LandlabError
from landlab_mgr.observations.calendar import Calendar
from landlab_mgr.observations.steps import DAYS_PER_MONTH, MONTHS_PER_YEAR

GROUP = "SEASON"
GROWING_DEGC = 5.0
"""A calendar month warmer than this counts as growing season, as in growing degree days."""
LATENT_HEAT = 2.45
"""MJ kg-1: radiation / it is the evapotranspiration, mm d-1, that the radiation could drive."""
LEAST_RAIN = 0.05
"""mm d-1 added before a logarithm."""


def predictors(ds: xr.Dataset) -> dict[str, tuple[np.ndarray, str, str]]:
    """Values [pixel], unit and meaning of each predictor of the group, by name.

    Args:
        ds: forcing [pixel, time], in memory.

    Raises:
        LandlabError: where there is no whole year.
    """
    calendar = Calendar.of(ds)
    months = Calendar(calendar.first, len(calendar.segments("month")), DAYS_PER_MONTH)
    if len(months.segments("year")) < 1:
        raise LandlabError(
            f"{months.steps} months of forcing; the seasons of a place need {MONTHS_PER_YEAR} or more"
        )

    def mean_year(name: str) -> np.ndarray:
        values = ds[name].transpose("time", "pixel").values.astype(np.float64)
        return months.split(calendar.mean(values, "month"), "year").mean(axis=0).T

    tmin, tmax, rain, sun, vpd = (mean_year(n) for n in ("tmin", "tmax", "precip", "ssrd", "vpd"))
    warmth = 0.5 * (tmin + tmax)
    growing = warmth > GROWING_DEGC
    growing_rain = (rain * growing).sum(axis=1) / np.maximum(growing.sum(axis=1), 1)
    driest = np.sort(rain, axis=1)[:, :3].mean(axis=1)
    mean_rain, mean_sun = rain.mean(axis=1), sun.mean(axis=1)
    supply = np.log((mean_rain + LEAST_RAIN) / (mean_sun / LATENT_HEAT + LEAST_RAIN))
    return {
        "temperature_range": (np.ptp(warmth, axis=1), "degC", "warmest minus coldest month"),
        "warmest_month": (warmth.max(axis=1), "degC", "temperature of the warmest month"),
        "coldest_month": (warmth.min(axis=1), "degC", "temperature of the coldest month"),
        "growing_warmth": (
            np.maximum(warmth - GROWING_DEGC, 0).mean(axis=1),
            "degC",
            f"mean of what months are warmer than {GROWING_DEGC:g} degC",
        ),
        "diurnal_range": ((tmax - tmin).mean(axis=1), "degC", "daily maximum minus minimum"),
        "mean_vpd": (vpd.mean(axis=1), "hPa", "mean vapour pressure deficit"),
        "driest_air": (vpd.max(axis=1), "hPa", "vapour pressure deficit of the month of driest air"),
        "mean_ssrd": (mean_sun, "MJ m-2 d-1", "mean shortwave radiation"),
        "precip_variation": (
            rain.std(axis=1) / np.maximum(mean_rain, 1e-3),
            "1",
            "coefficient of variation of the months' precipitation",
        ),
        "growing_precip": (
            np.log(growing_rain + LEAST_RAIN),
            "1",
            f"log of precipitation, mm d-1 + {LEAST_RAIN}, in months warmer than {GROWING_DEGC:g} degC",
        ),
        "driest_precip": (
            np.log(driest + LEAST_RAIN),
            "1",
            f"log of precipitation, mm d-1 + {LEAST_RAIN}, of the three driest months",
        ),
        "water_supply": (supply, "1", "log of precipitation over what radiation could evaporate"),
        "rain_in_warmth": (
            _correlation(warmth, rain),
            "1",
            "correlation of the months' temperature and rain",
        ),
    }


def _correlation(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Of each row; 0 where one does not vary."""
    x, y = (a - a.mean(axis=1, keepdims=True) for a in (x, y))
    scale = np.sqrt((x**2).sum(axis=1) * (y**2).sum(axis=1))
    return np.where(scale > 0, (x * y).sum(axis=1) / np.where(scale > 0, scale, 1), 0.0)
