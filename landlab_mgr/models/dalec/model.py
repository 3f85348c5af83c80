"""The land model: DALEC's carbon and water pools over monthly forcing, one step and the loop over months.

Bloom & Williams (2015, doi:10.5194/bg-12-1299-2015) with the water balance of Bloom et al. (2020,
doi:10.5194/bg-17-6393-2020), as coupled in DifferLand. Fluxes use the pools at the start of the step, and every
clamp of a pool is paid for by one named flux, so that the carbon and water budgets close at every step.

Shapes: T months, N pixels; arrays over both are [T, N], with the pixels contiguous. What a month needs is computed
as early as it can be: `climate.prepare` once per dataset (forcing alone), `drivers` once per update (forcing and
parameters), `step` in the loop (the pools).
"""

from collections.abc import Collection, Mapping
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from landlab_mgr.models.dalec.climate import Climate
from landlab_mgr.models.dalec.parameters import BY_NAME, CARBON_POOLS, MONTHS_PER_YEAR
from landlab_mgr.models.dalec.process import Scale, fire, observe, phenology, photosynthesis, turnover, water
from landlab_mgr.models.dalec.process.allocation import allocate

Params = Mapping[str, Array]
"""Physical parameters by the names of `parameters.PARAMETERS` (initial pools included), each [N]."""

VIOLATION_PENALTY = 0.01
"""Violation per mm d-1 of evapotranspiration that an empty soil could not pay."""


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

    climate: Climate
    latitude: Array
    """[N] degrees north."""
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
    scale: Scale | None = None
    """Of the weather, for processes that learn from it."""


class Drivers(NamedTuple):
    """What a step needs that does not depend on the pools: computed for a whole year at once, [12, N] each."""

    conductance: Array
    uptake_per_lai: Array
    day_factor: Array
    temperature: Array
    ssrd: Array
    vpd: Array
    co2: Array
    water_per_carbon: Array
    radiation_term: Array
    precip: Array
    burned_area: Array
    labile_release_rate: Array
    leaf_fall_rate: Array
    litter_rate: Array
    som_rate: Array
    decomposition_rate: Array


class Constants(NamedTuple):
    """What a step needs that depends on the parameters alone, [N] each."""

    params: Params
    wood_rate: Array
    root_rate: Array
    wilting_point: Array
    available_range: Array
    dt: Array


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


def factors(params: Params, climate: Climate) -> dict[str, Array]:
    """The factors of turnover and phenology that do not depend on the pools, [T, N] each, by name."""
    p = {name: value[None] for name, value in params.items()}
    at = phenology.Season(*(x[:, None] for x in climate.season))
    return {
        "environment_factor": turnover.environment_factor(
            climate.warmth, climate.wetness, p["q10_exponent"], p["moisture_factor"]
        ),
        "labile_release_factor": phenology.daily_rate(
            at, p["labile_lifespan"], p["labile_release_period"], p["bday"]
        ),
        "leaf_fall_factor": phenology.daily_rate(at, p["leaf_lifespan"], p["leaf_fall_period"], p["fday"]),
    }


def drivers(params: Params, climate: Climate) -> Drivers:
    """State-independent factors of every month of the climate, [T, N] each."""
    p, c, by_name = params, climate, factors(params, climate)
    environment = by_name["environment_factor"]
    return Drivers(
        conductance=c.conductance,
        uptake_per_lai=c.uptake * p["canopy_efficiency"][None],
        day_factor=c.day_factor,
        temperature=c.temperature,
        ssrd=c.ssrd,
        vpd=c.root_vpd * c.root_vpd,
        co2=c.co2,
        water_per_carbon=c.root_vpd / p["uwue"][None],
        radiation_term=c.ssrd * p["boese_r"][None],
        precip=c.precip,
        burned_area=c.burned_area,
        labile_release_rate=turnover.step_rate(by_name["labile_release_factor"], c.dt),
        leaf_fall_rate=turnover.step_rate(by_name["leaf_fall_factor"], c.dt),
        litter_rate=turnover.step_rate(p["tor_litter"][None] * environment, c.dt),
        som_rate=turnover.step_rate(p["tor_som"][None] * environment, c.dt),
        decomposition_rate=turnover.step_rate(p["decomposition_rate"][None] * environment, c.dt),
    )


def constants(params: Params, dt: Array) -> Constants:
    """What of a step depends on the parameters alone."""
    wilting_point = params["wilting_point_frac"] * params["field_capacity"]
    return Constants(
        params=params,
        wood_rate=turnover.step_rate(params["tor_wood"], dt),
        root_rate=turnover.step_rate(params["tor_root"], dt),
        wilting_point=wilting_point,
        available_range=params["field_capacity"] - wilting_point,
        dt=dt,
    )


def _clamp(raw: Array, name: str) -> tuple[Array, Array]:
    """The pool kept inside its bounds, and the stock that was cut off (negative where it was lifted)."""
    bounds = BY_NAME[name]
    kept = jnp.clip(raw, bounds.low, bounds.high)
    return kept, raw - kept


def step(
    pools: Pools, month: Drivers, constant: Constants, water_stress: water.Stress, fires: bool
) -> tuple[Pools, dict[str, Array]]:
    """One step: the pools after it, and every flux (d-1) and diagnostic of it by name; all [N].

    `fires` False leaves fire out of the program, where no area burns.
    """
    p, dt = constant.params, constant.dt
    lai = pools.foliar / p["lcma"]
    potential = photosynthesis.gross_primary_productivity(
        lai, month.uptake_per_lai, month.ssrd, month.co2, month.conductance, month.day_factor
    )
    gpp, et, beta = water_stress(
        water.WaterState(
            potential_gpp=potential,
            lai=lai,
            water=pools.water,
            water_per_carbon=month.water_per_carbon,
            radiation_term=month.radiation_term,
            wilting_point=constant.wilting_point,
            available_range=constant.available_range,
            precip=month.precip,
            weather=water.Weather(month.temperature, month.ssrd, month.vpd, month.co2),
        )
    )
    share = allocate(gpp, p["f_auto"], p["f_foliar"], p["f_labile"], p["f_root"])

    labile_release = pools.labile * month.labile_release_rate
    leaf_litter = pools.foliar * month.leaf_fall_rate
    wood_litter = pools.wood * constant.wood_rate
    root_litter = pools.root * constant.root_rate
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

    runoff = water.runoff(pools.water, p["runoff_focal_point"])
    water_after, cut = _clamp(pools.water + (month.precip - et - runoff) * dt, "water")
    runoff += cut / dt
    # at the floor, what runoff could not pay: ET from the balance, since correcting it loses float32 digits
    et_paid = jnp.where(runoff < 0, month.precip + (pools.water - BY_NAME["water"].low) / dt, et)
    violation = VIOLATION_PENALTY * jnp.maximum(et - et_paid, 0.0)
    runoff = jnp.maximum(runoff, 0.0)

    after = Pools(labile, foliar, root, wood, litter, som, water_after)
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
        "nee": -gpp + share.respiration_auto + respiration_litter + respiration_som,
        "influx_foliar": share.leaf + labile_release,
        "influx_litter": leaf_litter + root_litter,
        "influx_som": wood_litter + litter_to_som,
    }
    if fires:
        after, burnt = _burn(after, month.burned_area, p, dt)
        outputs |= burnt
        outputs["influx_litter"] += sum(burnt[f"{n}_transfer"] for n in ("labile", "foliar", "root"))
        outputs["influx_som"] += burnt["wood_transfer"] + burnt["litter_transfer"]
    return after, outputs | after._asdict()


def _burn(pools: Pools, burned_area: Array, p: Params, dt: Array) -> tuple[Pools, dict[str, Array]]:
    """The pools after a fire, and the combustion and transfer of each carbon pool, gC m-2 d-1, by name."""
    mortality = 1 - p["resilience"]
    completeness = dict.fromkeys(CARBON_POOLS, p["ligneous_cf"]) | {
        "foliar": p["foliar_cf"],
        "litter": 0.5 * (p["ligneous_cf"] + p["foliar_cf"]),
        "som": p["dom_cf"],
    }
    combusted, transferred = {}, {}
    for name in CARBON_POOLS:
        dies = 0.0 if name == "som" else mortality  # nothing lies below the soil's organic matter
        combusted[name], transferred[name] = fire.burn(
            getattr(pools, name), BY_NAME[name].low, burned_area, completeness[name], dies
        )
    gained = {
        "litter": transferred["labile"] + transferred["foliar"] + transferred["root"],
        "som": transferred["wood"] + transferred["litter"],
    }
    after = {n: getattr(pools, n) - combusted[n] - transferred[n] + gained.get(n, 0.0) for n in CARBON_POOLS}
    fluxes = {f"{n}_combustion": combusted[n] / dt for n in CARBON_POOLS}
    fluxes |= {f"{n}_transfer": transferred[n] / dt for n in CARBON_POOLS}
    fluxes["fire"] = sum((fluxes[f"{n}_combustion"] for n in CARBON_POOLS), jnp.zeros_like(dt))
    return pools._replace(**after), fluxes


FACTORS = ("environment_factor", "labile_release_factor", "leaf_fall_factor")
"""Outputs that do not depend on the pools."""
FIRE_FLUXES = ("fire", *(f"{n}_{way}" for n in CARBON_POOLS for way in ("combustion", "transfer")))
"""Outputs that are 0 where nothing burns."""
DIAGNOSED: Mapping[str, tuple[str, ...]] = {
    "nbe": ("nee", "fire"),
    "reco": ("gpp", "nee"),
    "sif": ("gpp",),
    "vod": ("foliar", "wood"),
    "biomass": ("labile", "foliar", "root", "wood"),
}
"""Outputs computed after the loop, and what they are computed from."""
_INFLUXES = ("influx_foliar", "influx_litter", "influx_som")


def _diagnose(name: str, x: Mapping[str, Array], params: Params) -> Array:
    p = {n: value[None] for n, value in params.items()}
    match name:
        case "nbe":
            return x["nee"] + x["fire"]
        case "reco":
            return x["gpp"] + x["nee"]
        case "sif":
            return observe.solar_induced_fluorescence(x["gpp"], p["sif_alpha"], p["sif_beta_plus_three"])
        case "vod":
            return observe.vegetation_optical_depth(x["foliar"], x["wood"], p["p_foliar"], p["p_wood"])
        case _:
            return x["labile"] + x["foliar"] + x["root"] + x["wood"]


def simulate(
    params: Params,
    climate: Climate,
    water_stress: water.Stress,
    keep: Collection[str] | None = None,
    fires: bool = True,
) -> dict[str, Array]:
    """Integrate the model over the climate.

    The loop runs over years of a loop over 12 months, both rematerialised: the backward pass keeps the pools of the
    months of one year and recomputes the rest, so that its work stays in cache. T may be any length.

    Args:
        params: [N] each.
        climate: T months of N pixels, from `climate.prepare`.
        water_stress: the process, from `process.bind`.
        keep: names of the monthly outputs to return; None returns all.
        fires: False leaves fire out of the program; only where burned_area is 0 everywhere.

    Returns:
        monthly outputs by name, [T, N] each.
    """
    months = climate.ssrd.shape[0]
    years = -(-months // MONTHS_PER_YEAR)
    padding = years * MONTHS_PER_YEAR - months

    def by_year(x: Array) -> Array:
        padded = jnp.concatenate([x, jnp.repeat(x[-1:], padding, axis=0)]) if padding else x
        return padded.reshape(years, MONTHS_PER_YEAR, *x.shape[1:])

    if keep is not None:
        keep = set(keep)
        needed = keep.union(*(DIAGNOSED[name] for name in keep & set(DIAGNOSED)))
    constant = constants(params, climate.dt)

    @partial(jax.checkpoint, prevent_cse=False)
    def one_month(pools: Pools, month: Drivers) -> tuple[Pools, dict[str, Array]]:
        pools, outputs = step(pools, month, constant, water_stress, fires)
        # what is not asked for is not stored
        return pools, outputs if keep is None else {n: x for n, x in outputs.items() if n in needed}

    @partial(jax.checkpoint, prevent_cse=False)
    def one_year(pools: Pools, year: Climate) -> tuple[Pools, dict[str, Array]]:
        return jax.lax.scan(one_month, pools, drivers(params, year))

    varying = jax.tree.map(lambda x: by_year(x) if x.ndim else jnp.broadcast_to(x, (years,)), climate)
    _, outputs = jax.lax.scan(one_year, initial_pools(params), varying)
    monthly = {n: x.reshape(years * MONTHS_PER_YEAR, *x.shape[2:])[:months] for n, x in outputs.items()}

    asked = {*monthly, *DIAGNOSED, *FACTORS, *FIRE_FLUXES} if keep is None else keep
    if not fires:
        monthly |= {n: jnp.zeros_like(climate.ssrd) for n in FIRE_FLUXES}
    # in the table's order: a set's changes from process to process, and with it the compiled program
    monthly |= {n: _diagnose(n, monthly, params) for n in DIAGNOSED if n in asked}
    if asked & set(FACTORS):
        monthly |= factors(params, climate)
    return {n: x for n, x in monthly.items() if n in asked}


BALANCE_OUTPUTS = frozenset({"gpp", *_INFLUXES, *CARBON_POOLS})
"""Monthly outputs that `balances` needs."""


def balances(monthly: Mapping[str, Array], params: Params, dt: Array) -> dict[str, Array]:
    """Influx and outflux of each carbon pool, summed over all months, gC m-2 d-1: `influx_<pool>`, `outflux_<pool>`.

    Allocation is linear in GPP, and what leaves a pool (to other pools, the air, or in fire) is what came in less
    what stayed: only three influxes need be stored in the loop.
    """
    p = params
    share = allocate(monthly["gpp"].sum(axis=0), p["f_auto"], p["f_foliar"], p["f_labile"], p["f_root"])
    influx = {"labile": share.labile, "root": share.root, "wood": share.wood}
    influx |= {name.removeprefix("influx_"): monthly[name].sum(axis=0) for name in _INFLUXES}
    sums = {f"influx_{n}": x for n, x in influx.items()}
    for n, x in influx.items():
        sums[f"outflux_{n}"] = x - (monthly[n][-1] - p[n]) / dt
    return sums
