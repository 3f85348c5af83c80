"""Climate and weather: what is normal by latitude, altitude and continentality, and what each month makes of it.

Normals are [N], one value for each pixel of the planet, or [12, N]; the weather of a patch is [T, n] and depends on the
seed and the patch alone.
"""

from typing import NamedTuple

import numpy as np

from landlab_mgr.data import land
from landlab_mgr.data.twin.geography import Field, field, generator, patterns
from landlab_mgr.observations.steps import DAYS_PER_MONTH, DAYS_PER_YEAR, MONTHS_PER_YEAR

SOUTHWARD_SHIFT = 182.625
"""Days by which the seasons of the southern hemisphere lag."""
LAPSE_RATE = 0.0065
"""degC m-1."""
WARMING = 0.02
"""degC yr-1."""
CO2_START, CO2_RISE, CO2_SWING = 371.0, 2.1, 3.0
"""ppm in January 2001, ppm yr-1, and the amplitude of its season."""
MODES, MODE_DEGREES = 16, 18.0
"""Large-scale weather: how many waves, and their length."""
PERSISTENCE = 0.4
"""Correlation of the weather of one month with that of the next."""
LARGE, PATCHY, LOCAL = 0.8, 0.55, 0.25
"""Standard deviations of the weather that a continent, a patch, and a pixel have of their own; together 1."""
RAIN_NOISE = 0.45
"""Standard deviation of the logarithm of a month's rain."""
BURNED_SHAPE = (1.0, 9.0)
"""Beta distribution of the burned fraction of a month with fire."""

DOY = (np.arange(MONTHS_PER_YEAR) + 0.5) * DAYS_PER_MONTH


class Normals(NamedTuple):
    """Normal values at each pixel, [N]."""

    lat: Field
    mean_temp: Field
    """degC."""
    swing: Field
    """Half of the difference between the warmest and the coldest month, degC."""
    precip: Field
    """mm d-1, mean over the year."""
    rain_season: Field
    """Seasonality of the rain: how much of it falls in summer; negative where winters are wet."""
    elevation: Field
    """m."""

    def of(self, pixels: slice | np.ndarray) -> "Normals":
        """Those of some pixels."""
        return Normals(*(x[pixels] for x in self))


def normals(seed: int, lat: Field, lon: Field) -> Normals:
    """Climate from position: warm and wet at the equator, dry in the subtropics, cold and seasonal in the interiors."""
    elevation = np.clip(350 + 500 * field(seed, "elevation", lat, lon, 12.0), 0, 4000)
    offsets = [(a, o) for a in (-8, -4, 4, 8) for o in (-10, -5, 5, 10)]
    around = sum(
        land.is_land(np.clip(lat + a, -89, 89), (lon + o + 180) % 360 - 180).astype(float) for a, o in offsets
    )
    continental = around / len(offsets)
    absolute = np.abs(lat)
    mean_temp = 27 - 46 * (absolute / 90) ** 1.4 - LAPSE_RATE * elevation
    mean_temp = mean_temp + 1.5 * field(seed, "temperature", lat, lon)
    swing = (1.5 + 18 * absolute / 60) * (0.45 + 0.75 * continental)
    tropical = 5.4 * np.exp(-((lat / 13) ** 2))
    temperate = 2.2 * np.exp(-(((absolute - 47) / 17) ** 2))
    wetness = (tropical + temperate + 0.9) * (1.25 - 0.5 * continental)
    precip = wetness * np.exp(0.4 * field(seed, "wetness", lat, lon) - 0.08)
    monsoon = 1.3 * np.exp(-(((absolute - 16) / 9) ** 2))
    mediterranean = 0.9 * np.exp(-(((absolute - 36) / 6) ** 2)) * (1 - continental)
    rain_season = monsoon + 0.35 * (absolute > 40) * continental - mediterranean
    return Normals(lat, mean_temp, swing, np.clip(precip, 0.9, 12.0), rain_season, elevation)


def normal_year(normal: Normals) -> dict[str, Field]:
    """Return the forcing of a normal year, [12, N] (doy and time_days [12])."""
    temp, precip = _seasons(normal)
    return _forcing(normal, temp, precip, np.zeros_like(temp), np.full((MONTHS_PER_YEAR, 1), CO2_START)) | {
        "burned_area": np.zeros_like(temp)
    }


def large_scale(seed: int, months: int) -> Field:
    """Strength of each wave of the large-scale weather (of temperature, of rain), [2, T, MODES]."""
    return _persistent(generator(seed, "large scale").normal(size=(2, months, MODES)))


def weather(
    seed: int, cell: int, normal: Normals, lon: Field, fire_prone: Field, large: Field
) -> dict[str, Field]:
    """Monthly forcing of the n pixels of a patch, [T, n] float32 (doy and time_days [T] float64).

    Args:
        seed: of the planet.
        cell: of the patch.
        normal: of its pixels.
        lon: of its pixels.
        fire_prone: chance of fire in a dry warm month, [n].
        large: from `large_scale`.
    """
    months, n = large.shape[1], len(lon)
    rng = generator(seed, "weather", cell)
    noise = PATCHY * rng.normal(size=(2, months, 1)) + LOCAL * rng.normal(size=(2, months, n))
    noise = _persistent(noise)
    waves = patterns(seed, "large scale patterns", normal.lat, lon, MODE_DEGREES, MODES)
    for m in range(MODES):
        noise += (LARGE / np.sqrt(MODES)) * large[:, :, m, None] * waves[m]
    years = months // MONTHS_PER_YEAR
    warmth, wetness = noise
    temp, precip = (np.tile(x, (years, 1)) for x in _seasons(normal))
    month = np.arange(months)[:, None]
    temp = temp + (0.7 + normal.swing / 15) * warmth + WARMING / MONTHS_PER_YEAR * month
    precip = precip * np.exp(RAIN_NOISE * wetness - RAIN_NOISE**2 / 2)
    season = np.cos(2 * np.pi * (month - 4) / MONTHS_PER_YEAR)
    co2 = CO2_START + CO2_RISE / MONTHS_PER_YEAR * month + CO2_SWING * season
    drawn = _forcing(normal, temp, precip, warmth, co2)
    dry = (precip < 0.7 * normal.precip + 0.2) & (temp > 10)
    burns = dry & (rng.random((months, n)) < fire_prone)
    burned = np.where(burns, rng.beta(*BURNED_SHAPE, (months, n)), 0.0)
    drawn |= {"burned_area": burned}
    axis = {"time_days": (np.arange(months) + 0.5) * DAYS_PER_MONTH, "doy": np.tile(DOY, years)}
    # as it is stored, so that who simulates from the store gets the same
    return {name: x.astype(np.float32) for name, x in drawn.items()} | axis


def _persistent(noise: Field) -> Field:
    """White noise over axis 1 made to remember its last month; its spread stays."""
    fresh = np.sqrt(1 - PERSISTENCE**2)
    for t in range(1, noise.shape[1]):
        noise[:, t] = PERSISTENCE * noise[:, t - 1] + fresh * noise[:, t]
    return noise


def _seasons(normal: Normals) -> tuple[Field, Field]:
    """Temperature and rain of a normal year, [12, N]."""
    lag = np.where(normal.lat >= 0, 0.0, SOUTHWARD_SHIFT)
    summer = np.cos(2 * np.pi * (DOY[:, None] - 196 - lag) / DAYS_PER_YEAR)
    rain = np.exp(normal.rain_season * summer)
    total = np.zeros(len(normal.lat))
    for month in rain:
        total += month
    return normal.mean_temp + normal.swing * summer, normal.precip * rain * (MONTHS_PER_YEAR / total)


def _forcing(normal: Normals, temp: Field, precip: Field, warmth: Field, co2: Field) -> dict[str, Field]:
    """Derive the rest from temperature and rain; [T, n] for whole years."""
    years = len(temp) // MONTHS_PER_YEAR
    dryness = 1 / (1 + precip / 2)
    diurnal = 6 + 9 * dryness
    light = np.tile(_top_of_atmosphere(normal.lat), (years, 1))
    saturation = 6.11 * np.exp(17.27 * (temp + 2) / (temp + 239.3))  # hPa, of the warmer part of the day
    return {
        "tmin": temp - diurnal / 2,
        "tmax": temp + diurnal / 2,
        "ssrd": light * (0.36 + 0.28 * dryness),
        "co2": np.broadcast_to(co2, temp.shape),
        "vpd": saturation * np.clip(0.12 + 0.55 * dryness + 0.02 * warmth, 0.03, 0.95),
        "precip": precip,
    }


def _top_of_atmosphere(lat: Field) -> Field:
    """Sunlight above the clouds, MJ m-2 d-1, [12, n] (Spitters et al. 1986, with a round orbit)."""
    declination = -np.deg2rad(23.4) * np.cos(2 * np.pi * (DOY + 10) / 365)[:, None]
    radians = np.deg2rad(lat)[None]
    hour = np.arccos(np.clip(-np.tan(radians) * np.tan(declination), -1, 1))
    up = hour * np.sin(radians) * np.sin(declination)
    across = np.cos(radians) * np.cos(declination) * np.sin(hour)
    return np.maximum(37.6 * (up + across), 0)
