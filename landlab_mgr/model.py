"""The land model: DALEC's carbon and water pools over monthly forcing, one step and the loop over months.

Bloom & Williams (2015, doi:10.5194/bg-12-1299-2015) with the water balance of Bloom et al. (2020,
doi:10.5194/bg-17-6393-2020), as coupled in DifferLand. Fluxes use the pools at the start of the step, and every
clamp of a pool is paid for by one named flux, so that the carbon and water budgets close at every step.

Shapes: T months, N pixels; arrays over both are [T, N], with the pixels contiguous.
"""

from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from landlab_mgr.parameters import BY_NAME, CARBON_POOLS
from landlab_mgr.process import WaterStress, fire, observe, photosynthesis, turnover, water
from landlab_mgr.process.allocation import allocate
from landlab_mgr.process.phenology import daily_rate

Params = Mapping[str, Array]
"""Physical parameters by the names of `parameters.PARAMETERS` (initial pools included), each [N]."""

MONTHS_PER_YEAR = 12
VIOLATION_PENALTY = 0.01
"""Violation per mm d-1 of evapotranspiration that an empty soil could not pay."""


class Forcing(NamedTuple):
    """Meteorological forcing of a set of pixels; units as in `parameters.FORCING`."""

    tmin: Array
    tmax: Array
    ssrd: Array
    co2: Array
    vpd: Array
    precip: Array
    burned_area: Array
    time_days: Array
    """[T] days since the dataset's origin."""
    doy: Array
    """[T] mid-month day of year."""
    latitude: Array
    """[N] degrees north."""
    mean_temp: Array
    """[N] time mean of (tmin + tmax) / 2, degC."""
    mean_precip: Array
    """[N] time mean of precipitation, mm d-1."""
    dt: Array
    """[] length of a step, days."""


class Pools(NamedTuple):
    """Carbon pools, gC m-2, and plant-available water, mm; each [N]."""

    labile: Array
    foliar: Array
    root: Array
    wood: Array
    litter: Array
    som: Array
    water: Array


class Batch(NamedTuple):
    """Pixels of one or more whole patches, padded to a fixed N, with what was observed of them.

    Missing observations are 0 with weight 0; padded pixels repeat a real one with every weight 0.
    """

    forcing: Forcing
    predictors: Array
    """[N, P] encoded predictors, padded with zero columns."""
    observed: dict[str, Array]
    """[T, N] by observation stream."""
    weight: dict[str, Array]
    """[T, N] by observation stream."""
    patch_mean: Array
    """[G, N]: 1 / (pixels of the patch) for the pixels of each patch, else 0."""
    mask: Array
    """[N]: 1 for a real pixel, 0 for padding."""


class Drivers(NamedTuple):
    """What a step needs that does not depend on the pools: computed for a whole year at once, [12, N] each."""

    canopy: photosynthesis.CanopyDrivers
    ssrd: Array
    co2: Array
    root_vpd: Array
    radiation_term: Array
    precip: Array
    burned_area: Array
    environment_factor: Array
    labile_release_factor: Array
    leaf_fall_factor: Array
    labile_release_rate: Array
    leaf_fall_rate: Array
    litter_rate: Array
    som_rate: Array
    decomposition_rate: Array


def transform(raw: Mapping[str, Array]) -> dict[str, Array]:
    """Unbounded network outputs to physical parameters: low (high / low)^(arctan(x) / pi + 1/2)."""
    physical = {}
    for name, x in raw.items():
        low, high = BY_NAME[name].low, BY_NAME[name].high
        physical[name] = low * jnp.exp(jnp.log(high / low) * (jnp.arctan(x) / jnp.pi + 0.5))
    return physical


def initial_pools(params: Params) -> Pools:
    """The pools that the parameters start from."""
    return Pools(**{name: params[name] for name in Pools._fields})


def drivers(params: Params, forcing: Forcing) -> Drivers:
    """State-independent factors of every month of the forcing, [T, N] each."""
    p = {name: value[None] for name, value in params.items()}
    f = forcing
    day = f.time_days[:, None]
    temperature = turnover.environment_factor(
        f.tmin,
        f.tmax,
        f.precip,
        f.mean_temp[None],
        f.mean_precip[None],
        p["q10_exponent"],
        p["moisture_factor"],
    )
    release = daily_rate(day, p["labile_lifespan"], p["labile_release_period"], p["bday"])
    fall = daily_rate(day, p["leaf_lifespan"], p["leaf_fall_period"], p["fday"])
    daylength = photosynthesis.day_length(f.doy[:, None], f.latitude[None])
    return Drivers(
        canopy=photosynthesis.canopy_drivers(f.tmin, f.tmax, daylength, p["canopy_efficiency"], p["lcma"]),
        ssrd=f.ssrd,
        co2=f.co2,
        root_vpd=_safe_sqrt(f.vpd),
        radiation_term=f.ssrd * p["boese_r"],
        precip=f.precip,
        burned_area=f.burned_area,
        environment_factor=temperature,
        labile_release_factor=release,
        leaf_fall_factor=fall,
        labile_release_rate=turnover.step_rate(release, f.dt),
        leaf_fall_rate=turnover.step_rate(fall, f.dt),
        litter_rate=turnover.step_rate(p["tor_litter"] * temperature, f.dt),
        som_rate=turnover.step_rate(p["tor_som"] * temperature, f.dt),
        decomposition_rate=turnover.step_rate(p["decomposition_rate"] * temperature, f.dt),
    )


def _safe_sqrt(x: Array) -> Array:
    """Square root whose gradient at 0 is 0 instead of infinite."""
    positive = x > 0
    return jnp.where(positive, jnp.sqrt(jnp.where(positive, x, 1.0)), 0.0)


def _clamp(raw: Array, name: str) -> tuple[Array, Array]:
    """The pool kept inside its bounds, and the stock that was cut off (negative where it was lifted)."""
    bounds = BY_NAME[name]
    kept = jnp.clip(raw, bounds.low, bounds.high)
    return kept, raw - kept


def step(
    pools: Pools, month: Drivers, params: Params, dt: Array, water_stress: WaterStress
) -> tuple[Pools, dict[str, Array]]:
    """One step: the pools after it, and every flux (d-1) and diagnostic of it by name; all [N]."""
    p = params
    lai = pools.foliar / p["lcma"]
    potential = photosynthesis.gross_primary_productivity(
        pools.foliar, lai, month.ssrd, month.co2, month.canopy
    )
    gpp, et, beta = water_stress(
        water.WaterState(
            potential_gpp=potential,
            lai=lai,
            water=pools.water,
            root_vpd=month.root_vpd,
            radiation_term=month.radiation_term,
            field_capacity=p["field_capacity"],
            wilting_point=p["wilting_point_frac"] * p["field_capacity"],
            uwue=p["uwue"],
        )
    )
    share = allocate(gpp, p["f_auto"], p["f_foliar"], p["f_labile"], p["f_root"])

    labile_release = pools.labile * month.labile_release_rate
    leaf_litter = pools.foliar * month.leaf_fall_rate
    wood_litter = pools.wood * turnover.step_rate(p["tor_wood"], dt)
    root_litter = pools.root * turnover.step_rate(p["tor_root"], dt)
    respiration_litter = pools.litter * month.litter_rate
    respiration_som = pools.som * month.som_rate
    litter_to_som = pools.litter * month.decomposition_rate

    labile, cut = _clamp(pools.labile + (share.labile - labile_release) * dt, "labile")
    labile_release += cut / dt
    foliar, cut = _clamp(pools.foliar + (share.leaf + labile_release - leaf_litter) * dt, "foliar")
    leaf_litter += cut / dt
    root, cut = _clamp(pools.root + (share.root - root_litter) * dt, "root")
    root_litter += cut / dt
    wood, cut = _clamp(pools.wood + (share.wood - wood_litter) * dt, "wood")
    wood_litter += cut / dt
    litter, cut = _clamp(
        pools.litter + (leaf_litter + root_litter - respiration_litter - litter_to_som) * dt, "litter"
    )
    paid = litter_to_som + cut / dt
    litter_to_som = jnp.maximum(paid, 0.0)
    respiration_litter += jnp.minimum(paid, 0.0)
    som, cut = _clamp(pools.som + (wood_litter + litter_to_som - respiration_som) * dt, "som")
    respiration_som += cut / dt

    runoff = water.runoff(pools.water, p["runoff_focal_point"], dt)
    water_after, cut = _clamp(pools.water + (month.precip - et - runoff) * dt, "water")
    runoff += cut / dt
    # at the floor, what runoff could not pay: ET from the balance, since correcting it loses float32 digits
    dry = runoff < 0
    et_paid = jnp.where(dry, month.precip + (pools.water - BY_NAME["water"].low) / dt, et)
    violation = VIOLATION_PENALTY * jnp.maximum(et - et_paid, 0.0)
    runoff = jnp.maximum(runoff, 0.0)

    mortality = 1 - p["resilience"]
    litter_cf = 0.5 * (p["ligneous_cf"] + p["foliar_cf"])
    completeness = {
        "labile": p["ligneous_cf"],
        "foliar": p["foliar_cf"],
        "root": p["ligneous_cf"],
        "wood": p["ligneous_cf"],
        "litter": litter_cf,
        "som": p["dom_cf"],
    }
    before_fire = {
        "labile": labile,
        "foliar": foliar,
        "root": root,
        "wood": wood,
        "litter": litter,
        "som": som,
    }
    combusted, transferred = {}, {}
    for name, pool in before_fire.items():
        combusted[name], transferred[name] = fire.burn(
            pool,
            BY_NAME[name].low,
            month.burned_area,
            completeness[name],
            0.0 if name == "som" else mortality,
        )
    to_litter = transferred["labile"] + transferred["foliar"] + transferred["root"]
    to_som = transferred["wood"] + transferred["litter"]
    gained = {"litter": to_litter, "som": to_som}
    after = Pools(
        **{n: pool - combusted[n] - transferred[n] + gained.get(n, 0.0) for n, pool in before_fire.items()},
        water=water_after,
    )

    combustion = sum(combusted.values()) / dt
    nee = -gpp + share.respiration_auto + respiration_litter + respiration_som
    outputs = {
        "lai": lai,
        "gpp": gpp,
        "et": et_paid,
        "beta": beta,
        "respiration_auto": share.respiration_auto,
        "leaf_production": share.leaf,
        "labile_production": share.labile,
        "root_production": share.root,
        "wood_production": share.wood,
        "labile_release": labile_release,
        "leaf_litter": leaf_litter,
        "wood_litter": wood_litter,
        "root_litter": root_litter,
        "respiration_litter": respiration_litter,
        "respiration_som": respiration_som,
        "litter_to_som": litter_to_som,
        "runoff": runoff,
        "violation": violation,
        "nee": nee,
        "nbe": nee + combustion,
        "reco": gpp + nee,
        "fire": combustion,
        "sif": observe.solar_induced_fluorescence(gpp, p["sif_alpha"], p["sif_beta_plus_three"]),
        "vod": observe.vegetation_optical_depth(after.foliar, after.wood, p["p_foliar"], p["p_wood"]),
        "biomass": after.labile + after.foliar + after.root + after.wood,
        **after._asdict(),
        **{f"{n}_combustion": combusted[n] / dt for n in CARBON_POOLS},
        **{f"{n}_transfer": transferred[n] / dt for n in CARBON_POOLS},
        "influx_labile": share.labile,
        "influx_foliar": share.leaf + labile_release,
        "influx_root": share.root,
        "influx_wood": share.wood,
        "influx_litter": leaf_litter + root_litter + to_litter / dt,
        "influx_som": wood_litter + litter_to_som + to_som / dt,
        "outflux_labile": labile_release,
        "outflux_foliar": leaf_litter,
        "outflux_root": root_litter,
        "outflux_wood": wood_litter,
        "outflux_litter": respiration_litter + litter_to_som,
        "outflux_som": respiration_som,
    }
    for n in CARBON_POOLS:
        outputs[f"outflux_{n}"] += (combusted[n] + transferred[n]) / dt
    return after, outputs


FLUX_SUMS = tuple(f"{way}_{name}" for way in ("influx", "outflux") for name in CARBON_POOLS)
"""Outputs that the loss needs only summed over the run."""
FACTORS = ("environment_factor", "labile_release_factor", "leaf_fall_factor")
"""Outputs that do not depend on the pools."""


def simulate(
    params: Params, forcing: Forcing, water_stress: WaterStress, keep: Collection[str] | None = None
) -> tuple[dict[str, Array], dict[str, Array]]:
    """Integrate the model over the forcing.

    The loop runs over years of a rematerialised loop over 12 months: the backward pass recomputes a year from its
    first pools instead of storing every intermediate, so that a year's work stays in cache. T may be any length.

    Args:
        params: [N] each.
        forcing: T months of N pixels.
        water_stress: the process, from `process.water_stress`.
        keep: names of the monthly outputs to return; None returns all.

    Returns:
        monthly outputs by name, [T, N] each, and the sums over all months of `FLUX_SUMS` (gC m-2 d-1 summed), [N] each.
    """
    months = forcing.tmin.shape[0]
    years = -(-months // MONTHS_PER_YEAR)
    padding = years * MONTHS_PER_YEAR - months

    def by_year(x: Array) -> Array:
        padded = jnp.concatenate([x, jnp.repeat(x[-1:], padding, axis=0)]) if padding else x
        return padded.reshape(years, MONTHS_PER_YEAR, *x.shape[1:])

    varying = {n: by_year(x) for n, x in forcing._asdict().items() if n in _TIME_VARYING}
    counted = by_year(jnp.ones((months,), forcing.tmin.dtype)).at[-1, MONTHS_PER_YEAR - padding :].set(0.0)
    monthly_names = None if keep is None else frozenset(keep)
    advance = partial(step, params=params, dt=forcing.dt, water_stress=water_stress)

    @jax.checkpoint
    def one_year(pools: Pools, year: tuple[dict[str, Array], Array]) -> tuple[Pools, tuple[dict, dict]]:
        of_year, counts = year
        month_drivers = drivers(params, forcing._replace(**of_year))
        pools, outputs = jax.lax.scan(_keeping(advance, monthly_names), pools, month_drivers)
        sums = {name: jnp.sum(outputs.pop(name) * counts[:, None], axis=0) for name in FLUX_SUMS}
        for name in FACTORS:
            if monthly_names is None or name in monthly_names:
                outputs[name] = getattr(month_drivers, name)
        return pools, (outputs, sums)

    _, (outputs, sums) = jax.lax.scan(one_year, initial_pools(params), (varying, counted))
    monthly = {n: x.reshape(years * MONTHS_PER_YEAR, *x.shape[2:])[:months] for n, x in outputs.items()}
    return monthly, {name: jnp.sum(x, axis=0) for name, x in sums.items()}


_TIME_VARYING = frozenset(Forcing._fields) - {"latitude", "mean_temp", "mean_precip", "dt"}

_Step = Callable[[Pools, Drivers], tuple[Pools, dict[str, Array]]]


def _keeping(advance: _Step, names: frozenset[str] | None) -> _Step:
    """The step with only the outputs that are asked for, so that the loop stores nothing else."""

    def kept(pools: Pools, month: Drivers) -> tuple[Pools, dict[str, Array]]:
        pools, outputs = advance(pools, month)
        return pools, {n: x for n, x in outputs.items() if names is None or n in names or n in FLUX_SUMS}

    return kept
