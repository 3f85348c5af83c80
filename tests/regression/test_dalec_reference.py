"""The model against 48 trajectories of the published DifferLand code (float64, real forcing of four sites)."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from landlab_mgr.models.dalec import model
from landlab_mgr.models.dalec.climate import Forcing, prepare
from landlab_mgr.models.dalec.parameters import BY_NAME, CARBON_POOLS

from ..models.dalec.processes import bind, water_stress

PARAMETER_NAMES = {
    "f_gpp": "f_auto",
    "f_fol": "f_foliar",
    "Q10": "q10_exponent",
    "flab": "f_labile",
    "clab_release_period": "labile_release_period",
    "LCMA": "lcma",
    "IWUE": "iwue",
    "lab_lifespan": "labile_lifespan",
    "uWUE": "uwue",
    "p_fol": "p_foliar",
    "Bday": "bday",
    "Fday": "fday",
    "Clab": "labile",
    "Cfol": "foliar",
    "Croot": "root",
    "Cwood": "wood",
    "Clitter": "litter",
    "Csom": "som",
    "initial_water": "water",
}
OUTPUT_NAMES = {
    "ET": "et",
    "temperate": "environment_factor",
    "lff": "leaf_fall_factor",
    "lrf": "labile_release_factor",
    "respiration_hetero_litter": "respiration_litter",
    "respiration_hetero_som": "respiration_som",
    "total_fire_combust": "fire",
    "SIF": "sif",
    **{f"{pool}_fire_combust": f"{pool}_combustion" for pool in CARBON_POOLS},
    **{f"{pool}_fire_transfer": f"{pool}_transfer" for pool in CARBON_POOLS},
    **{f"next_{pool}_pool": pool for pool in (*CARBON_POOLS, "water")},
}
LINEAR = bind(water_stress("linear"))
FOLIAR_FLOOR = BY_NAME["foliar"].low


@pytest.fixture(scope="module")
def reference(shared_data):
    return np.load(shared_data / "fixtures" / "dalec_reference.npz")


def as_inputs(reference, dtype=np.float64):
    """The reference's positional arrays as our named structs: 48 trajectories are 48 pixels."""
    site = reference["site_index"]
    columns = dict(zip(reference["forcing_names"], np.moveaxis(reference["forcing"], 2, 0), strict=True))
    named = {}
    for key in ("parameters", "phenology", "pools0"):
        names = reference[
            {"parameters": "parameter_names", "phenology": "phenology_names", "pools0": "pool_names"}[key]
        ]
        for i, name in enumerate(names):
            named[PARAMETER_NAMES.get(str(name), str(name))] = jnp.asarray(reference[key][:, i], dtype)
    by_pixel = {n: jnp.asarray(c[site].T, dtype) for n, c in columns.items()}
    varying = ("tmin", "tmax", "ssrd", "co2", "vpd", "precip", "burned_area")
    forcing = Forcing(
        **{n: by_pixel[n] for n in varying},
        time_days=by_pixel["time_days"][:, 0],
        doy=by_pixel["doy"][:, 0],
        latitude=by_pixel["lat"][0],
        mean_temp=by_pixel["mean_temp"][0],
        mean_precip=by_pixel["mean_precip"][0],
        dt=jnp.asarray(columns["dt_days"][0, 0], dtype),
    )
    return named, forcing


@pytest.fixture(scope="module")
def trajectories(reference):
    params, forcing = as_inputs(reference)
    run = jax.jit(model.simulate, static_argnums=2)
    return params, forcing, run(params, prepare(forcing), LINEAR)


def comparable(reference):
    """[T, N] months that must agree: all before the first clamp; later ones until the foliar floor or a fire at a
    floor, the two places where the reference's budgets do not close."""
    outputs = dict(zip(reference["output_names"], np.moveaxis(reference["outputs"], 2, 0), strict=True))
    months = np.arange(outputs["gpp"].shape[1])
    before_clamp = months[None] < reference["first_clamp_step"][:, None]
    at_floor = np.zeros_like(before_clamp)
    for pool in CARBON_POOLS:
        low = BY_NAME[pool].low
        stock = outputs[f"next_{pool}_pool"]
        burning = outputs["total_fire_combust"] > 0
        at_floor |= (stock <= low * (1 + 1e-9)) & (burning | (pool == "foliar"))
    spoilt = np.maximum.accumulate(at_floor, axis=1)
    return (before_clamp | ~spoilt).T, before_clamp.T


@pytest.mark.fixtures
def test_every_output_agrees(reference, trajectories):
    _, _, ours = trajectories
    agree, before_clamp = comparable(reference)
    compared = []
    for i, name in enumerate(reference["output_names"]):
        own = OUTPUT_NAMES.get(str(name), str(name))
        theirs = reference["outputs"][:, :, i].T
        np.testing.assert_allclose(
            np.asarray(ours[own])[before_clamp], theirs[before_clamp], rtol=1e-6, atol=1e-12, err_msg=own
        )
        np.testing.assert_allclose(
            np.asarray(ours[own])[agree], theirs[agree], rtol=1e-6, atol=1e-12, err_msg=f"{own} after clamps"
        )
        compared.append(own)
    assert len(set(compared)) == 44
    assert agree.mean() > 0.9
    assert before_clamp.mean() > 0.5


def budget_errors(params, forcing, outputs):
    """Largest relative imbalance of carbon and of water, per step and over the whole run."""
    dt = float(forcing.dt)
    carbon = sum(np.asarray(outputs[n], np.float64) for n in CARBON_POOLS)
    carbon0 = sum(np.asarray(params[n], np.float64) for n in CARBON_POOLS)
    gain = {n: np.asarray(outputs[n], np.float64) for n in outputs}
    carbon_flux = (
        gain["gpp"]
        - gain["respiration_auto"]
        - gain["respiration_litter"]
        - gain["respiration_som"]
        - gain["fire"]
    )
    water_flux = np.asarray(forcing.precip, np.float64) - gain["et"] - gain["runoff"]
    errors = {}
    for name, stock, first, flux in (
        ("carbon", carbon, carbon0, carbon_flux),
        ("water", gain["water"], np.asarray(params["water"], np.float64), water_flux),
    ):
        before = np.concatenate([first[None], stock[:-1]])
        scale = np.maximum(before, stock)
        errors[name] = np.max(np.abs(stock - before - flux * dt) / scale)
        whole = np.abs(stock[-1] - first - flux.sum(0) * dt) / np.maximum(stock[-1], first)
        errors[f"{name} drift"] = whole.max()
    return errors


@pytest.mark.fixtures
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-10), (np.float32, 1e-5)])
def test_budgets_close_in_every_trajectory(reference, dtype, tolerance):
    params, forcing = as_inputs(reference, dtype)
    outputs = jax.jit(model.simulate, static_argnums=2)(params, prepare(forcing), LINEAR)
    assert outputs["gpp"].dtype == dtype
    assert (reference["first_clamp_step"] < 192).any(), "the fixture must hold clamped trajectories"
    for name, error in budget_errors(params, forcing, outputs).items():
        assert error <= tolerance, f"{name}: {error:.2e}"
    for name, x in outputs.items():
        if name.endswith(("combustion", "transfer", "litter", "release", "runoff")):
            assert float(x.min()) >= -1e-6, name


@pytest.mark.fixtures
def test_a_pool_never_leaves_its_bounds(trajectories):
    _, _, outputs = trajectories
    for name in (*CARBON_POOLS, "water"):
        stock = np.asarray(outputs[name])
        assert stock.min() >= BY_NAME[name].low - 1e-9, name
        assert np.isfinite(stock).all()
