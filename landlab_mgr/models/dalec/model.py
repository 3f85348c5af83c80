"""The land model: DALEC's carbon and water pools over monthly forcing, one step and the loop over months.

Bloom & Williams (2015, doi:10.5194/bg-12-1299-2015) with the water balance of Bloom et al. (2020,
doi:10.5194/bg-17-6393-2020), as coupled in DifferLand. Fluxes use the pools at the start of the step, and every
clamp of a pool is paid for by one named flux, so that the carbon and water budgets close at every step.

Shapes: T months, N pixels; arrays over both are [T, N], with the pixels contiguous. What a month needs is computed
as early as it can be: `climate.prepare` once per dataset (forcing alone), `drivers` once per update (forcing and
parameters), `step` in the loop (the pools).
"""

from collections.abc import Collection, Mapping
from typing import NamedTuple

import jax.numpy as jnp
from jax import Array

from landlab_mgr.models import land
from landlab_mgr.models.dalec import climate, constraints
from landlab_mgr.models.dalec.climate import Climate, prepare
from landlab_mgr.models.dalec.parameters import BY_NAME, CARBON_POOLS
from landlab_mgr.models.dalec.process import fire, observe, phenology, photosynthesis, turnover, water
from landlab_mgr.models.dalec.process.allocation import allocate
from landlab_mgr.models.dalec.tables import PHOTOSYNTHESIS, RUNOFF, TABLES, WATER_STRESS
from landlab_mgr.models.land import Bound, Diagnosed, Dynamics, Parameters
from landlab_mgr.models.model import Penalty
from landlab_mgr.observations.calendar import Calendar

BURNED = "burned_area"
"""The switch of fire."""
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


class Drivers(NamedTuple):
    """Inputs of a step that do not depend on the pools, [12, N] each.

    They are computed for a whole year at once.
    """

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
    """Values of a step that depend on the parameters alone, [N] each."""

    params: Parameters
    wood_rate: Array
    root_rate: Array
    wilting_point: Array
    available_range: Array
    dt: Array


def initial_pools(params: Parameters) -> Pools:
    """Return the pools that the parameters start from."""
    return Pools(**{name: params[name] for name in Pools._fields})


def factors(params: Parameters, climate: Climate) -> dict[str, Array]:
    """Compute the factors of turnover and phenology by name, [T, N] each.

    They do not depend on the pools.
    """
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


def drivers(params: Parameters, climate: Climate) -> Drivers:
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


def constants(params: Parameters, dt: Array) -> Constants:
    """Compute the values of a step that depend on the parameters alone."""
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
    """Keep a pool inside its bounds.

    Return it, and the stock that was cut off (negative where it was lifted).
    """
    bounds = BY_NAME[name]
    kept = jnp.clip(raw, bounds.low, bounds.high)
    return kept, raw - kept


def step(
    pools: Pools,
    month: Drivers,
    constant: Constants,
    bound: Mapping[str, Bound],
    off: Collection[str] = (),
) -> tuple[Pools, dict[str, Array]]:
    """One step: the pools after it, and every flux (d-1) and diagnostic of it by name; all [N].

    `bound` holds the process of each kind; with "burned_area" in `off`, fire is left out of the program.
    """
    p, dt = constant.params, constant.dt
    lai = pools.foliar / p["lcma"]
    weather = water.Weather(month.temperature, month.ssrd, month.vpd, month.co2)
    potential = bound[PHOTOSYNTHESIS.name](
        photosynthesis.CanopyState(
            lai=lai,
            uptake_per_lai=month.uptake_per_lai,
            ssrd=month.ssrd,
            co2=month.co2,
            conductance=month.conductance,
            day_factor=month.day_factor,
            weather=weather,
        )
    )
    gpp, et, beta = bound[WATER_STRESS.name](
        water.WaterState(
            potential_gpp=potential,
            lai=lai,
            water=pools.water,
            water_per_carbon=month.water_per_carbon,
            radiation_term=month.radiation_term,
            wilting_point=constant.wilting_point,
            available_range=constant.available_range,
            precip=month.precip,
            weather=weather,
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

    runoff = bound[RUNOFF.name](water.RunoffState(pools.water, p["runoff_focal_point"], dt))
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
    if BURNED not in off:
        after, burnt = _burn(after, month.burned_area, p, dt)
        outputs |= burnt
        outputs["influx_litter"] += sum(burnt[f"{n}_transfer"] for n in ("labile", "foliar", "root"))
        outputs["influx_som"] += burnt["wood_transfer"] + burnt["litter_transfer"]
    return after, outputs | after._asdict()


def _burn(pools: Pools, burned_area: Array, p: Parameters, dt: Array) -> tuple[Pools, dict[str, Array]]:
    """Burn the pools; return them with the combustion and transfer of each carbon pool.

    Combustion and transfer are in gC m-2 d-1, by name.
    """
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


def _sif(x: Mapping[str, Array], p: Parameters) -> Array:
    return observe.solar_induced_fluorescence(x["gpp"], p["sif_alpha"][None], p["sif_beta_plus_three"][None])


def _vod(x: Mapping[str, Array], p: Parameters) -> Array:
    return observe.vegetation_optical_depth(x["foliar"], x["wood"], p["p_foliar"][None], p["p_wood"][None])


DIAGNOSED: Mapping[str, Diagnosed] = {
    "nbe": Diagnosed(("nee", "fire"), lambda x, p: x["nee"] + x["fire"]),
    "reco": Diagnosed(("gpp", "nee"), lambda x, p: x["gpp"] + x["nee"]),
    "sif": Diagnosed(("gpp",), _sif),
    "vod": Diagnosed(("foliar", "wood"), _vod),
    "biomass": Diagnosed(
        ("labile", "foliar", "root", "wood"), lambda x, p: x["labile"] + x["foliar"] + x["root"] + x["wood"]
    ),
}
"""Outputs computed after the loop."""


def _edc(parameters: Parameters, outputs: Mapping[str, Array], weather: Climate, calendar: Calendar) -> Array:
    sums = constraints.balances(outputs, parameters, weather.dt)
    return constraints.ecological_constraint(outputs, sums, parameters, calendar)


def _violation(
    parameters: Parameters, outputs: Mapping[str, Array], weather: Climate, calendar: Calendar
) -> Array:
    return outputs["violation"]


DYNAMICS = Dynamics(
    tables=TABLES,
    prepare=lambda forcing: prepare(climate.of_any(forcing)),
    initial=initial_pools,
    step=step,
    drivers=drivers,
    constants=lambda parameters, weather: constants(parameters, weather.dt),
    diagnosed=DIAGNOSED,
    factors=factors,
    factor_names=FACTORS,
    dormant={BURNED: FIRE_FLUXES},
    penalties={
        "violation": Penalty(frozenset({"violation"}), _violation),
        "edc": Penalty(constraints.BALANCE_OUTPUTS, _edc),
    },
    weather=climate.WEATHER,
    climatology=climate.climatology,
)
MODEL = land.land(DYNAMICS)


def simulate(
    params: Parameters,
    weather: Climate,
    water_stress: Bound,
    keep: Collection[str] | None = None,
    fires: bool = True,
) -> dict[str, Array]:
    """Integrate DALEC alone, with its default processes but one: `land.simulate` of parameters [N].

    Args:
        params: [N] each.
        weather: T months of N pixels, from `climate.prepare`.
        water_stress: the process, from `process.bind`.
        keep: names of the outputs to return; None returns all.
        fires: False leaves fire out of the program; only where burned_area is 0 everywhere.
    """
    bound = {
        WATER_STRESS.name: water_stress,
        PHOTOSYNTHESIS.name: land.bind(photosynthesis.ACM),
        RUNOFF.name: land.bind(water.PER_MONTH),
    }
    return land.simulate(DYNAMICS, params, weather, bound, keep, () if fires else (BURNED,))
