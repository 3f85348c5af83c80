"""The planet as a whole: what is known of each pixel at once, and its months patch by patch."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from landlab_mgr.data import schema, split, truth
from landlab_mgr.data.parts import Part, declared
from landlab_mgr.data.twin import attainable, geography, mapping, observation, simulation, surface, weather
from landlab_mgr.data.twin.geography import Field, Places
from landlab_mgr.errors import LandlabError
from landlab_mgr.models import registry
from landlab_mgr.models.dalec.tables import TABLES
from landlab_mgr.observations.calendar import Calendar
from landlab_mgr.observations.steps import DAYS_PER_MONTH, MONTHS_PER_YEAR

BLOCK_PIXELS = 1024
"""Patches are simulated together until they have so many pixels."""
ORIGIN = observation.ORIGIN
FORCING = {name: registry.forcing()[name] for name in TABLES.forcing or ()}
"""Forcing that drives the model."""


class Block(NamedTuple):
    """The months of some patches, [T, n]."""

    pixels: np.ndarray
    """[n] which of the planet's."""
    patch: np.ndarray
    """[n] patch of each, counted within the block."""
    forcing: dict[str, Field]
    observed: dict[str, Field]


@dataclass(frozen=True)
class Planet:
    """A twin planet: all that does not vary by month, [N], and the means to make the rest."""

    name: str
    seed: int
    months: int
    errors: bool
    places: Places
    normal: weather.Normals
    large: Field
    """Large-scale weather, [2, T, modes]."""
    predictors: dict[str, dict[str, Field]]
    truth: mapping.Truth
    params: dict[str, Field]
    """The true parameters and initial pools."""
    instruments: observation.Instruments
    tell: Callable[[str], None]
    """Hears of each step that takes long."""

    @property
    def streams(self) -> tuple[str, ...]:
        """Observation streams."""
        return tuple(observation.SENSORS)

    @property
    def calendar(self) -> Calendar:
        """Months of the record."""
        return Calendar(ORIGIN, self.months, DAYS_PER_MONTH)

    @cached_property
    def skill(self) -> str:
        """The skill that each set of predictors allows, as the attribute that `truth.skill` reads."""
        self.tell("the skill that each set of predictors allows")
        return attainable.skill(self)

    def block(self, patches: Sequence[int]) -> Block:
        """Return the months of some patches.

        Those of a patch are the same in every block.
        """
        places = self.places
        slices = [places.pixels(p) for p in patches]
        pixels = np.concatenate([np.arange(s.start, s.stop) for s in slices])
        prone = surface.fire_prone(self.predictors["PFT"])
        drawn = [
            weather.weather(
                self.seed, int(places.cell[p]), self.normal.of(s), places.lon[s], prone[s], self.large
            )
            for p, s in zip(patches, slices, strict=True)
        ]
        forcing = {
            name: np.concatenate([d[name] for d in drawn], axis=1) if x.ndim == 2 else x
            for name, x in drawn[0].items()
        }
        params = {name: x[pixels] for name, x in self.params.items()}
        monthly = simulation.record(params, forcing, places.lat[pixels], observation.OUTPUTS)
        patch = np.repeat(np.arange(len(patches)), [s.stop - s.start for s in slices])
        seen = [
            observation.observe(
                self.seed,
                int(places.cell[p]),
                {name: x[:, patch == k] for name, x in monthly.items()},
                drawn[k],
                self.instruments.tower[slices[k]],
                bool(self.instruments.inverted[p]),
                self.errors,
            )
            for k, p in enumerate(patches)
        ]
        observed = {name: np.concatenate([s[name] for s in seen], axis=1) for name in self.streams}
        return Block(pixels, patch, forcing, observed)

    def blocks(self, patches: Iterable[int] | None = None) -> Iterator[list[int]]:
        """Yield the patches, of these or of all, that are simulated together."""
        waiting: list[int] = []
        size = 0
        for patch in range(len(self.places.cell)) if patches is None else patches:
            waiting.append(patch)
            size += int(self.places.bounds[patch + 1] - self.places.bounds[patch])
            if size >= BLOCK_PIXELS:
                yield waiting
                waiting, size = [], 0
        if waiting:
            yield waiting

    def parts(self) -> Iterator[Part]:
        """Return the months of all patches in blocks, for `store.publish_parts`."""

        def part(patches: Sequence[int]) -> Part:
            block = self.block(patches)
            monthly = {name: block.forcing[name] for name in FORCING} | block.observed
            pixels = slice(int(block.pixels[0]), int(block.pixels[-1]) + 1)
            return pixels, {name: np.ascontiguousarray(x.T) for name, x in monthly.items()}

        return simulation.side_by_side(part, self.blocks())

    def skeleton(self) -> xr.Dataset:
        """Return the dataset, with what varies by month declared only."""
        pixel, monthly = ("pixel",), ("pixel", "time")
        lat, lon = self.places.lat, self.places.lon
        shape = (len(lat), self.months)
        area = (111_320.0 * geography.PIXEL_DEGREES) ** 2 * np.cos(np.deg2rad(lat))
        patch = self.places.patch.astype(np.int32)

        def about(role: str, units: str, meaning: str, **more: Any) -> dict[str, Any]:
            return {"role": role, "units": units, "long_name": meaning, **more}

        variables: dict[str, Any] = {
            "lat": (pixel, lat, about("geometry", "degrees_north", "latitude")),
            "lon": (pixel, lon, about("geometry", "degrees_east", "longitude")),
            "area_m2": (pixel, area, about("geometry", "m2", "pixel area")),
            "patch": (pixel, patch, about("geometry", "1", "patch")),
            "region": (pixel, geography.regions(self.places), about("geometry", "1", "region")),
            "test": (
                pixel,
                split.choose_test_patches(patch),
                about("geometry", "1", "pixel of a test patch"),
            ),
        }
        years = self.months // MONTHS_PER_YEAR
        days = (np.arange(self.months) + 0.5) * DAYS_PER_MONTH
        variables["time_days"] = (("time",), days, about("time axis", "d", f"days since {ORIGIN}"))
        variables["doy"] = (("time",), np.tile(weather.DOY, years), about("time axis", "d", "day of year"))
        for name, v in FORCING.items():
            variables[name] = (monthly, declared(shape), about("forcing", v.unit, v.meaning))
        for stream in self.streams:
            v = registry.variables()[registry.streams()[stream].variable]
            variables[stream] = (monthly, declared(shape), about("observation", v.unit, v.meaning))
        for group, members in self.predictors.items():
            for name, x in members.items():
                units = surface.UNITS.get(name, "1")
                meaning = name.replace("_", " ")
                attrs = about("predictor", units, meaning, group=group, kind="continuous")
                variables[name] = (pixel, x, attrs)
        for name, x in self.params.items():
            p = TABLES.by_name[name]
            shares = {} if name in TABLES.pools else mapping.shares(name)
            depends = {f"share_{group}": share for group, share in shares.items()}
            variables[f"true_{name}"] = (pixel, x, about("truth", p.unit, f"true {p.meaning}", **depends))
        time = pd.date_range(ORIGIN, periods=self.months, freq="MS") + pd.Timedelta(days=14)
        provenance = {
            "name": self.name,
            "kind": "synthetic",
            "source": "landlab_mgr twin planet: observations by our own model from a known function",
            "licence": "MIT",
            "citation": "landlab_mgr",
            "dt_days": DAYS_PER_MONTH,
            "origin": ORIGIN,
            truth.ATTRIBUTE: self.skill,
        }
        ds = xr.Dataset(variables, coords={"time": time}, attrs=provenance)
        return schema.validate(ds)


def design(
    n_patches: int,
    pixels_per_patch: int,
    years: int,
    seed: int,
    errors: bool = True,
    tell: Callable[[str], None] = lambda line: None,
) -> Planet:
    """Design a planet that need not fit in memory.

    It has true parameters, and pools in balance with them.

    Its `skeleton()`, which computes the skill that they allow, and `parts()` are for `data.store.publish_parts`.

    Args:
        n_patches, pixels_per_patch, years, seed, errors: as `twin.make`.
        tell: hears of each step that takes long.

    Raises:
        LandlabError: where the numbers cannot make a planet.
    """
    if n_patches < 4 or years < 3 or not 1 <= pixels_per_patch <= geography.LARGEST_PATCH or seed < 0:
        raise LandlabError(
            f"a twin planet needs at least 4 patches, 3 years, 1 to {geography.LARGEST_PATCH} pixels a patch and a "
            f"seed of at least 0, not {n_patches}, {years}, {pixels_per_patch} and {seed}"
        )
    places = geography.choose(seed, n_patches, pixels_per_patch)
    normal = weather.normals(seed, places.lat, places.lon)
    predictors = surface.predictors(seed, places, normal)
    true = mapping.truth(seed, predictors)
    params = mapping.physical(true.unbounded, places.lat)
    tell(f"{len(places.lat):,} pixels in {n_patches} patches: pools in balance with the climate")
    age = predictors["AGE"]["tree_age"]
    params |= simulation.spin_up(params, weather.normal_year(normal), places.lat, age)
    return Planet(
        name=f"twin-{n_patches}x{pixels_per_patch}x{years}-s{seed}",
        seed=seed,
        months=MONTHS_PER_YEAR * years,
        errors=errors,
        places=places,
        normal=normal,
        large=weather.large_scale(seed, MONTHS_PER_YEAR * years),
        predictors=predictors,
        truth=true,
        params=params,
        instruments=observation.instruments(seed, places),
        tell=tell,
    )
