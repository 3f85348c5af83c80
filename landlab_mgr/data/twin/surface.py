"""Surface of the planet: plant types, forest age and height, soils.

They are correlated in space and related to climate.
"""

from collections.abc import Mapping

import numpy as np

from landlab_mgr.data.twin.geography import Field, Places, field
from landlab_mgr.data.twin.weather import Normals

NICHES: Mapping[str, tuple[float, float, float]] = {
    "NF": (2, 650, 0.2),
    "DBF": (11, 950, 0.0),
    "EBF": (25, 1900, 0.3),
    "MF": (7, 850, 0.0),
    "SH": (15, 350, -0.2),
    "SAV": (24, 850, 0.1),
    "GRA": (10, 480, 0.1),
    "WET": (4, 900, -0.9),
    "CRO": (14, 750, 0.0),
    "NVG": (12, 100, -0.5),
}
"""Mean temperature (degC), precipitation (mm yr-1) and commonness of each plant type."""
AGES = (1.0, 400.0)
"""Youngest and oldest forest, years."""
FORESTS = ("NF", "DBF", "EBF", "MF")
FUEL: Mapping[str, float] = {"SAV": 0.2, "GRA": 0.06, "SH": 0.05, "NF": 0.02, "DBF": 0.01, "CRO": 0.03}
"""Chance of fire in a dry warm month where a plant type covers all."""

UNITS: Mapping[str, str] = {
    "MAT": "degC",
    "MAP": "mm yr-1",
    "elevation": "m",
    "canopy_height": "m",
    "tree_age": "yr",
    "bulk_density": "g cm-3",
    "sand": "%",
    "silt": "%",
    "clay": "%",
    "gravel": "%",
}
"""Of the predictors; plant types are fractions."""

Predictors = Mapping[str, Mapping[str, Field]]
"""Predictors [N] by name, by group."""


def predictors(seed: int, places: Places, normal: Normals) -> dict[str, dict[str, Field]]:
    """Every predictor of the planet, by the groups of `mapping`.

    Plant types by the nearness of a pixel's climate to their niches; forests old where nothing disturbed them, high
    where old; soils by parent material, denser with sand, stonier with altitude.
    """
    lat, lon = places.lat, places.lon

    def smooth(what: str, scale: float) -> Field:
        return field(seed, what, lat, lon, scale)

    climate = {"MAT": normal.mean_temp, "MAP": normal.precip * 365.25, "elevation": normal.elevation}
    affinity = {}
    for name, (temperature, rain, commonness) in NICHES.items():
        distance = ((climate["MAT"] - temperature) / 7) ** 2 + (np.log(climate["MAP"] / rain) / 0.5) ** 2
        affinity[name] = np.exp(commonness - distance / 2 + 0.8 * smooth(name, 8.0)) + 1e-6
    total = sum(affinity.values())
    types = {name: x / total for name, x in affinity.items()}
    forest = sum(types[name] for name in FORESTS)
    age = np.clip((20 + 120 * forest) * np.exp(0.5 * smooth("age", 10.0)), *AGES)
    height = (0.5 + 32 * forest * (1 - np.exp(-age / 50))) * np.exp(0.2 * smooth("height", 6.0))
    parts = [
        np.exp(0.6 * smooth(name, 9.0) + common)
        for name, common in (("sand", 0.4), ("silt", 0.2), ("clay", -0.2))
    ]
    sand, silt, clay = (100 * x / sum(parts) for x in parts)
    return {
        "PFT": types,
        "CLIM": climate,
        "AGE": {"canopy_height": np.clip(height, 0.1, 60), "tree_age": age},
        "SOIL": {
            "bulk_density": np.clip(1.1 + 0.004 * sand + 0.08 * smooth("bulk density", 9.0), 0.6, 1.9),
            "sand": sand,
            "silt": silt,
            "clay": clay,
            "gravel": np.clip(9 + 5 * smooth("gravel", 7.0) + normal.elevation / 300, 0.5, 60),
        },
    }


def fire_prone(types: Mapping[str, Field]) -> Field:
    """Chance of fire in a dry warm month, [N], from the fractions of plant types."""
    chance = np.zeros_like(types["SAV"])
    for name, fuel in FUEL.items():
        chance += fuel * types[name]
    return chance
