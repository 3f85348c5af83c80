"""Every loss term against the published DifferLand code on one patch of 24 pixels x 36 months (float64)."""

import jax.numpy as jnp
import numpy as np
import pytest

from landlab_mgr.data.batch import Batch
from landlab_mgr.models.dalec import constraints
from landlab_mgr.models.dalec.model import MODEL
from landlab_mgr.models.dalec.parameters import CARBON_POOLS
from landlab_mgr.models.dalec.tables import TABLES
from landlab_mgr.observations.calendar import Calendar
from landlab_mgr.training import objective

from .test_dalec_reference import OUTPUT_NAMES, PARAMETER_NAMES


@pytest.fixture(scope="module")
def reference(shared_data):
    return np.load(shared_data / "fixtures" / "loss_reference.npz")


@pytest.fixture(scope="module")
def ours(reference):
    """Every weighted term that the reference has."""
    monthly = {}
    for i, name in enumerate(reference["output_names"]):
        monthly[OUTPUT_NAMES.get(str(name), str(name))] = jnp.asarray(reference["outputs"][:, :, i].T)
    m = monthly
    m["reco"] = m["gpp"] + m["nee"]
    m["biomass"] = m["labile"] + m["foliar"] + m["root"] + m["wood"]
    gone = {n: m[f"{n}_combustion"] + m.get(f"{n}_transfer", 0.0) for n in CARBON_POOLS}
    influx = {
        "labile": m["labile_production"],
        "foliar": m["leaf_production"] + m["labile_release"],
        "root": m["root_production"],
        "wood": m["wood_production"],
        "litter": m["leaf_litter"]
        + m["root_litter"]
        + m["labile_transfer"]
        + m["foliar_transfer"]
        + m["root_transfer"],
        "som": m["wood_litter"] + m["litter_to_som"] + m["wood_transfer"] + m["litter_transfer"],
    }
    outflux = {
        "labile": m["labile_release"] + gone["labile"],
        "foliar": m["leaf_litter"] + gone["foliar"],
        "root": m["root_litter"] + gone["root"],
        "wood": m["wood_litter"] + gone["wood"],
        "litter": m["respiration_litter"] + m["litter_to_som"] + gone["litter"],
        "som": m["respiration_som"] + gone["som"],
    }
    sums = {f"influx_{n}": influx[n].sum(0) for n in CARBON_POOLS}
    sums |= {f"outflux_{n}": outflux[n].sum(0) for n in CARBON_POOLS}
    pools = {PARAMETER_NAMES[n]: reference["pools0"][:, i] for i, n in enumerate(pool_order())}
    initial = {n: jnp.asarray(x) for n, x in pools.items()}
    observed, weight = {}, {}
    for i, name in enumerate(reference["term_names"]):
        observed[str(name)] = jnp.asarray(reference["observed"][:, :, i].T)
        weight[str(name)] = jnp.asarray(reference["weight"][:, :, i].T)
    pixels = observed["lai"].shape[1]
    batch = Batch(
        inputs=None,
        observed=observed,
        weight=weight,
        patch_mean=jnp.full((1, pixels), 1 / pixels),
        mask=weight["lai"][0],  # the reference applies its EDC by the LAI weight of month 0
    )
    calendar = Calendar("2001-01-01", observed["lai"].shape[0], 30.4375)
    names = [n for n, t in TABLES.terms.items() if t.stream is not None and t.stream.name in observed]
    values = objective.terms(MODEL, names, initial, monthly, batch, calendar)
    # the balances of the reference, whose fluxes are all there
    edc = constraints.ecological_constraint(monthly, sums, initial, calendar)
    values["edc"] = jnp.sum(batch.mask * edc)
    return {n: float(TABLES.terms[n].weight * v) for n, v in values.items()}


def pool_order():
    return ("Clab", "Cfol", "Croot", "Cwood", "Clitter", "Csom", "initial_water")


@pytest.mark.fixtures
@pytest.mark.parametrize(
    "name",
    [
        "sif",
        "lai",
        "biomass",
        "som",
        "fire",
        "ewt",
        "vod",
        "gpp_fluxnet",
        "reco_fluxnet",
        "et_fluxnet",
        "et_gleam",
        "edc",
    ],
)
def test_term(reference, ours, name):
    assert ours[name] == pytest.approx(float(reference[f"loss_{name}"]), rel=1e-9)


@pytest.mark.fixtures
def test_nbe_with_its_interannual_part(reference, ours):
    assert ours["nbe"] + ours["nbe_iav"] == pytest.approx(float(reference["loss_nbe"]), rel=1e-9)


@pytest.mark.fixtures
def test_total(reference, ours):
    assert sum(ours.values()) == pytest.approx(float(reference["loss_total"]), rel=1e-9)
