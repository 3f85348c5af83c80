"""The twin planet: synthetic observations by our own model from a known predictor -> parameter function.

Coastlines are real (global-land-mask); climate, plants, soils and forest age are drawn, plausibly related; and the
truth is stored with the data. Always labelled synthetic.
"""

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from landlab_mgr import model
from landlab_mgr.climate import make_forcing, prepare
from landlab_mgr.data import land, schema, split
from landlab_mgr.errors import LandlabError
from landlab_mgr.parameters import BY_NAME, FORCING, LOSS_TERMS, PARAMETERS, POOLS, STREAMS, VARIABLES
from landlab_mgr.process import bind, water_stress

Field = np.ndarray

PATCH_DEGREES = (4.0, 5.0)
"""Latitude x longitude of a patch, as in DifferLand."""
PIXEL_DEGREES = 0.25
DAYS_PER_MONTH = 30.4375
SPINUP_CYCLES = 12
"""Passes over the forcing before the first month, so that pools start near balance."""

CENTRES: Mapping[str, float] = {
    "decomposition_rate": 5e-4,
    "f_auto": 0.45,
    "f_foliar": 0.11,
    "f_root": 0.4,
    "leaf_lifespan": 1.35,
    "tor_wood": 1.3e-4,
    "tor_root": 2e-3,
    "tor_litter": 3e-3,
    "tor_som": 4e-5,
    "q10_exponent": 0.035,
    "canopy_efficiency": 18.0,
    "f_labile": 0.17,
    "labile_release_period": 45.0,
    "leaf_fall_period": 70.0,
    "lcma": 50.0,
    "iwue": 25.0,
    "runoff_focal_point": 3000.0,
    "field_capacity": 150.0,
    "foliar_cf": 0.6,
    "ligneous_cf": 0.15,
    "dom_cf": 0.05,
    "resilience": 0.5,
    "labile_lifespan": 1.3,
    "moisture_factor": 0.2,
    "uwue": 14.0,
    "boese_r": 0.02,
    "wilting_point_frac": 0.06,
    "sif_alpha": 12.0,
    "sif_beta_plus_three": 3.2,
    "p_foliar": 1e-3,
    "p_wood": 2e-5,
    "bday": 480.0,
    "fday": 640.0,
}
"""Typical value of each parameter on the planet (phenology: northern hemisphere)."""

PFT_LED = ("f_auto", "leaf_lifespan", "lcma", "labile_lifespan", "sif_alpha", "p_foliar")
SOIL_LED = ("field_capacity", "wilting_point_frac", "runoff_focal_point", "tor_som", "decomposition_rate")
AGE_LED = ("tor_wood", "f_root", "p_wood", "resilience")
COLDER_IS_MORE = ("f_foliar", "f_labile", "canopy_efficiency", "q10_exponent")
"""Parameters whose climate score is minus the mean temperature: one allocation for all climates would leave the
boreal planet bare or bury the tropics in leaves."""
LEADING_SHARE, OTHER_SHARE = 0.7, 0.1
SPREAD = 0.3
"""Standard deviation of the unbounded parameters over the planet."""
NOISE = {"lai": 0.12, "sif": 0.12, "et_gleam": 0.12, "biomass": 0.1, "nbe": 0.15, "vod": 0.05}
"""Standard deviation of the observation error as a fraction of the stream's own."""
COVERAGE = {"lai": 0.85, "sif": 0.8, "et_gleam": 1.0, "biomass": 1.0, "nbe": 0.9, "vod": 1.0}
"""Share of what could be observed that is: months, or pixels for the annual streams."""
SOUTHWARD_SHIFT = 182.625
"""Days by which the seasons of the southern hemisphere lag."""


def shares(parameter: str) -> dict[str, float]:
    """Share of a parameter's (unbounded) variance that each predictor group causes; they sum to 1."""
    led_by = {"PFT": PFT_LED, "SOIL": SOIL_LED, "AGE": AGE_LED}
    leader = next((group for group, led in led_by.items() if parameter in led), "CLIM")
    return {g: LEADING_SHARE if g == leader else OTHER_SHARE for g in ("PFT", "CLIM", "AGE", "SOIL")}


def make(n_patches: int = 128, pixels_per_patch: int = 3, years: int = 6, seed: int = 0) -> xr.Dataset:
    """A planet of whole patches, ready for `data.store.publish`.

    Args:
        n_patches: patches of 4 x 5 degrees, drawn from those with enough land.
        pixels_per_patch: land pixels of 0.25 degrees in each, at most 320.
        years: length of the record, from January 2001.
        seed: of everything that is drawn.

    Raises:
        LandlabError: where the numbers cannot make a planet.
    """
    if n_patches < 4 or years < 3 or not 1 <= pixels_per_patch <= 320:
        raise LandlabError(
            f"a twin planet needs at least 4 patches, 3 years and 1 to 320 pixels a patch, "
            f"not {n_patches}, {years} and {pixels_per_patch}"
        )
    rng = np.random.default_rng([seed, 0x7141])
    lat, lon, patch = _land(rng, n_patches, pixels_per_patch)
    forcing, climate = _climate(rng, lat, lon, years * 12)
    predictors = {"CLIM": climate, **_surface(rng, lat, lon, climate)}
    truth = _true_parameters(rng, predictors, lat)
    truth, monthly = _simulate(truth, forcing, lat)
    observed = _observe(rng, monthly, patch)
    return _dataset(lat, lon, patch, forcing, predictors, truth, observed, seed)


def _land(
    rng: np.random.Generator, n_patches: int, per_patch: int
) -> tuple[Field, Field, npt.NDArray[np.int64]]:
    """Centres of land pixels in randomly chosen patches of the real land."""
    height, width = PATCH_DEGREES
    rows = np.arange(height / PIXEL_DEGREES) * PIXEL_DEGREES + PIXEL_DEGREES / 2
    columns = np.arange(width / PIXEL_DEGREES) * PIXEL_DEGREES + PIXEL_DEGREES / 2
    corners = [(a, o) for a in np.arange(-56, 72, height) for o in np.arange(-180, 180, width)]
    lats, lons = [], []
    for corner in rng.permutation(len(corners)):
        a, o = np.meshgrid(corners[corner][0] + rows, corners[corner][1] + columns, indexing="ij")
        on_land = np.flatnonzero(land.is_land(a, o).ravel())
        if len(on_land) < max(per_patch, 32):
            continue
        chosen = np.sort(rng.choice(on_land, per_patch, replace=False))
        lats.append(a.ravel()[chosen])
        lons.append(o.ravel()[chosen])
        if len(lats) == n_patches:
            order = np.argsort([-x.mean() for x in lats], kind="stable")
            patch = np.repeat(np.arange(n_patches), per_patch)
            return np.concatenate([lats[i] for i in order]), np.concatenate([lons[i] for i in order]), patch
    raise LandlabError(
        f"only {len(lats)} patches have {per_patch} land pixels; ask for fewer than {n_patches}"
    )


def _field(rng: np.random.Generator, lat: Field, lon: Field, scale: float = 25.0, waves: int = 24) -> Field:
    """A smooth random field on the sphere, mean 0 and sd 1 over the pixels; `scale` is its length in degrees."""
    xyz = _unit(lat, lon)
    k = rng.normal(size=(3, waves)) * (180 / np.pi / scale)
    values = np.cos(xyz @ k + rng.uniform(0, 2 * np.pi, waves)).sum(axis=1)
    return _standardise(values)


def _unit(lat: Field, lon: Field) -> Field:
    a, o = np.deg2rad(lat), np.deg2rad(lon)
    return np.stack([np.cos(a) * np.cos(o), np.cos(a) * np.sin(o), np.sin(a)], axis=1)


def _standardise(x: Field) -> Field:
    return (x - x.mean()) / max(float(x.std()), 1e-9)


def _climate(
    rng: np.random.Generator, lat: Field, lon: Field, months: int
) -> tuple[dict[str, Field], dict[str, Field]]:
    """Monthly forcing [T, N] and the climate predictors, from latitude, altitude, continentality and weather noise."""
    n = len(lat)
    doy = (np.arange(12) + 0.5) * DAYS_PER_MONTH
    elevation = np.clip(350 + 500 * _field(rng, lat, lon, 12.0), 0, 4000)
    offsets = [(a, o) for a in (-8, -4, 4, 8) for o in (-10, -5, 5, 10)]
    around = [land.is_land(np.clip(lat + a, -89, 89), (lon + o + 180) % 360 - 180) for a, o in offsets]
    continental = np.mean(around, axis=0)
    absolute = np.abs(lat)
    mean_temp = 27 - 0.0065 * elevation - 34 * (absolute / 90) ** 1.4 * 1.35 + 1.5 * _field(rng, lat, lon)
    swing = (1.5 + 18 * (absolute / 60)) * (0.45 + 0.75 * continental)
    wetness = 6.0 * np.exp(-((lat / 14) ** 2)) + 2.4 * np.exp(-(((absolute - 48) / 18) ** 2)) + 1.8
    wetness *= np.exp(0.45 * _field(rng, lat, lon)) * (1.25 - 0.5 * continental)

    season = np.where(lat >= 0, 0.0, SOUTHWARD_SHIFT)
    phase = 2 * np.pi * (doy[:, None] - 196 - season[None]) / 365.25
    year_cos = np.tile(np.cos(phase), (months // 12, 1))
    weather = rng.normal(size=(2, months, n)) * 0.6 + rng.normal(size=(2, months, 1)) * 0.3
    for t in range(1, months):
        weather[:, t] += 0.4 * weather[:, t - 1]
    warming = 0.02 / 12 * np.arange(months)[:, None]
    temp = mean_temp + swing * year_cos + (0.6 + swing / 12) * weather[0] + warming
    wet_phase = np.where(absolute < 30, 1.0, 0.2)[None] * year_cos
    precip = wetness * np.exp(0.7 * wet_phase + 0.45 * weather[1] - 0.25)
    dryness = 1 / (1 + precip / 2)
    diurnal = 6 + 9 * dryness
    declination = -np.deg2rad(23.4) * np.cos(2 * np.pi * (doy + 10) / 365)
    radians = np.deg2rad(lat)[None]
    hour = np.arccos(np.clip(-np.tan(radians) * np.tan(declination)[:, None], -1, 1))
    toa = 37.6 * (
        hour * np.sin(radians) * np.sin(declination)[:, None]
        + np.cos(radians) * np.cos(declination)[:, None] * np.sin(hour)
    )  # MJ m-2 d-1 at the top of the atmosphere
    ssrd = np.tile(np.maximum(toa, 0), (months // 12, 1)) * (0.36 + 0.28 * dryness)
    saturation = 6.11 * np.exp(17.27 * (temp + 2) / (temp + 239.3))  # hPa
    vpd = saturation * np.clip(0.12 + 0.6 * dryness + 0.02 * weather[0], 0.03, 0.95)
    co2 = (
        371
        + 2.1 / 12 * np.arange(months)[:, None]
        + 3 * np.cos(2 * np.pi * (np.arange(months)[:, None] - 4) / 12)
    )
    fire_weather = (dryness > 0.5) & (temp > 12) & (rng.random((months, n)) < 0.04)
    burned = np.where(fire_weather, rng.beta(1, 12, (months, n)), 0.0)
    forcing = {
        "tmin": temp - diurnal / 2,
        "tmax": temp + diurnal / 2,
        "ssrd": ssrd,
        "co2": np.broadcast_to(co2, temp.shape),
        "vpd": vpd,
        "precip": precip,
        "burned_area": burned,
        "time_days": (np.arange(months) + 0.5) * DAYS_PER_MONTH,
        "doy": np.tile(doy, months // 12),
    }
    climate = {"MAT": temp.mean(0), "MAP": precip.mean(0) * 365.25, "elevation": elevation}
    return forcing, climate


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


def _surface(
    rng: np.random.Generator, lat: Field, lon: Field, climate: Mapping[str, Field]
) -> dict[str, dict[str, Field]]:
    """Plant types, forest age and soils, spatially correlated and related to climate."""
    affinity = {}
    for name, (temperature, rain, commonness) in NICHES.items():
        distance = ((climate["MAT"] - temperature) / 7) ** 2 + (np.log(climate["MAP"] / rain) / 0.5) ** 2
        affinity[name] = np.exp(commonness - distance / 2 + 0.8 * _field(rng, lat, lon, 8.0)) + 1e-6
    total = sum(affinity.values())
    pft = {name: a / total for name, a in affinity.items()}
    forest = sum(pft[n] for n in ("NF", "DBF", "EBF", "MF"))
    age = np.clip((20 + 120 * forest) * np.exp(0.5 * _field(rng, lat, lon, 10.0)), 1, 400)
    height = np.clip(
        (0.5 + 32 * forest * (1 - np.exp(-age / 50))) * np.exp(0.2 * _field(rng, lat, lon, 6.0)), 0.1, 60
    )
    textures = np.exp(np.stack([0.6 * _field(rng, lat, lon, 9.0) + b for b in (0.4, 0.2, -0.2)]))
    sand, silt, clay = 100 * textures / textures.sum(axis=0)
    gravel = np.clip(9 + 5 * _field(rng, lat, lon, 7.0) + climate["elevation"] / 300, 0.5, 60)
    density = np.clip(1.1 + 0.004 * sand + 0.08 * _field(rng, lat, lon, 9.0), 0.6, 1.9)
    return {
        "PFT": pft,
        "AGE": {"canopy_height": height, "tree_age": age},
        "SOIL": {"bulk_density": density, "sand": sand, "silt": silt, "clay": clay, "gravel": gravel},
    }


def _true_parameters(
    rng: np.random.Generator, predictors: Mapping[str, Mapping[str, Field]], lat: Field
) -> dict[str, Field]:
    """Physical parameters: x = centre + SPREAD * sum over groups of sqrt(share) * score, then the bounds' transform.

    A group's score for a parameter is a fixed random combination of its standardised predictors, bent by tanh and
    standardised, so that the shares are shares of variance up to the correlation between groups.
    """
    columns = {
        g: np.stack([_standardise(x) for x in members.values()], 1) for g, members in predictors.items()
    }
    truth = {}
    for p in PARAMETERS:
        if p.name in POOLS:
            continue
        fraction = np.log(CENTRES[p.name] / p.low) / np.log(p.high / p.low)
        x: Field = np.full(len(lat), np.tan(np.pi * (fraction - 0.5)))
        for group, share in sorted(shares(p.name).items()):
            weights = rng.normal(size=columns[group].shape[1])
            mixed = columns[group] @ weights
            if group == "CLIM" and p.name in COLDER_IS_MORE:
                mixed = -predictors["CLIM"]["MAT"]
            score = _standardise(np.tanh(_standardise(mixed)))
            x = x + SPREAD * (0.15 if p.head == "phenology" else 1.0) * np.sqrt(share) * score
        truth[p.name] = p.low * (p.high / p.low) ** (np.arctan(x) / np.pi + 0.5)
    for name in ("bday", "fday"):
        truth[name] = np.where(lat >= 0, truth[name], truth[name] + SOUTHWARD_SHIFT)
    return truth


def _simulate(
    truth: dict[str, Field], drawn: Mapping[str, Field], lat: Field
) -> tuple[dict[str, Field], dict[str, Field]]:
    """Spin the pools up on the repeated forcing, then the record itself; float64, burnt only in the record."""
    pools = {name: np.full(len(lat), np.sqrt(BY_NAME[name].high)) for name in POOLS}
    pools["water"] = truth["field_capacity"].copy()
    pools["foliar"] = np.full(len(lat), 300.0)  # a sparse canopy may never close
    pools["labile"] = np.full(len(lat), 200.0)
    pools["som"] = np.full(len(lat), 6000.0)
    with jax.enable_x64(True):
        climate = prepare(make_forcing(drawn, lat, DAYS_PER_MONTH, np.float64))
        run = jax.jit(model.simulate, static_argnums=(2, 3, 4))
        stress = bind(water_stress("linear"))
        for _ in range(SPINUP_CYCLES):
            end = run(truth | pools, climate, stress, POOLS, False)
            pools = {name: np.asarray(end[name][-1]) for name in POOLS}
        monthly = run(truth | pools, climate, stress, (*VARIABLES_SEEN, *POOLS), True)
    return truth | pools, {name: np.asarray(x) for name, x in monthly.items()}


VARIABLES_SEEN = tuple(sorted({LOSS_TERMS[stream].variable or "" for stream in NOISE} | {"gpp"}))


def _observe(
    rng: np.random.Generator, monthly: Mapping[str, Field], patch: npt.NDArray[np.int64]
) -> dict[str, Field]:
    """Streams with errors and gaps: months lost at random, annual streams whole or absent, patch means at patches."""
    months, n = monthly["gpp"].shape
    observed = {}
    for stream, noise in NOISE.items():
        term = LOSS_TERMS[stream]
        values = monthly[STREAMS[stream]]
        if term.level == "patch":
            size = np.bincount(patch)
            values = np.stack([np.bincount(patch, row) / size for row in values])[:, patch]
            error = rng.normal(size=(months, patch.max() + 1))[:, patch]
            lost = (rng.random((months, patch.max() + 1)) > COVERAGE[stream])[:, patch]
        elif term.average == "year":
            values = np.repeat(values.reshape(-1, 12, n).mean(1), 12, axis=0)
            error = np.repeat(rng.normal(size=(months // 12, n)), 12, axis=0)
            lost = np.broadcast_to(rng.random(n) > COVERAGE[stream], values.shape)
        else:
            error, lost = rng.normal(size=(months, n)), rng.random((months, n)) > COVERAGE[stream]
        noisy = values + noise * values.std() * error
        if stream in ("lai", "biomass", "vod"):
            noisy = np.maximum(noisy, 0)
        observed[stream] = np.where(lost, np.nan, noisy)
    return observed


def _dataset(
    lat: Field,
    lon: Field,
    patch: npt.NDArray[np.int64],
    forcing: Mapping[str, Field],
    predictors: Mapping[str, Mapping[str, Field]],
    truth: Mapping[str, Field],
    observed: Mapping[str, Field],
    seed: int,
) -> xr.Dataset:
    months = len(forcing["time_days"])
    area = (111_320.0 * PIXEL_DEGREES) ** 2 * np.cos(np.deg2rad(lat))
    pixel, monthly = ("pixel",), ("pixel", "time")
    variables: dict[str, tuple[tuple[str, ...], np.ndarray, dict[str, Any]]] = {
        "lat": (pixel, lat, {"role": "geometry", "units": "degrees_north", "long_name": "latitude"}),
        "lon": (pixel, lon, {"role": "geometry", "units": "degrees_east", "long_name": "longitude"}),
        "area_m2": (pixel, area, {"role": "geometry", "units": "m2", "long_name": "pixel area"}),
        "patch": (pixel, patch.astype(np.int32), {"role": "geometry", "units": "1", "long_name": "patch"}),
        "test": (
            pixel,
            split.choose_test_patches(patch),
            {"role": "geometry", "units": "1", "long_name": "pixel of a test patch"},
        ),
    }
    for axis in ("time_days", "doy"):
        variables[axis] = (("time",), forcing[axis], {"role": "time axis", "units": "d", "long_name": axis})
    for name, v in FORCING.items():
        attrs = {"role": "forcing", "units": v.unit, "long_name": v.meaning}
        variables[name] = (monthly, forcing[name].T.astype(np.float32), attrs)
    units = {"MAT": "degC", "MAP": "mm yr-1", "elevation": "m", "canopy_height": "m", "tree_age": "yr"}
    units |= {"bulk_density": "g cm-3"} | dict.fromkeys(("sand", "silt", "clay", "gravel"), "%")
    for group, members in predictors.items():
        for name, x in members.items():
            attrs = {"role": "predictor", "group": group, "kind": "continuous", "units": units.get(name, "1")}
            variables[name] = (pixel, x, attrs | {"long_name": name.replace("_", " ")})
    for stream, x in observed.items():
        v = VARIABLES[STREAMS[stream]]
        attrs = {"role": "observation", "units": v.unit, "long_name": v.meaning}
        variables[stream] = (monthly, x.T.astype(np.float32), attrs)
    for name, x in truth.items():
        p = BY_NAME[name]
        about: dict[str, Any] = {"role": "truth", "units": p.unit, "long_name": f"true {p.meaning}"}
        if name not in POOLS:
            about |= {f"share_{g}": s for g, s in shares(name).items()}
        variables[f"true_{name}"] = (pixel, x, about)
    time = pd.date_range("2001-01-01", periods=months, freq="MS") + pd.Timedelta(days=14)
    per_patch = len(lat) // len(np.unique(patch))
    provenance = {
        "name": f"twin-{len(np.unique(patch))}x{per_patch}x{months // 12}-s{seed}",
        "kind": "synthetic",
        "source": "landlab_mgr twin planet: observations by our own model from a known function",
        "licence": "MIT",
        "citation": "landlab_mgr",
        "dt_days": DAYS_PER_MONTH,
        "origin": "2001-01-01",
    }
    ds = xr.Dataset(variables, coords={"time": time}, attrs=provenance)
    return schema.validate(ds)
