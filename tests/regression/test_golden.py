"""The golden run: what this version of the science computes, stored. A change here is a new SCIENCE_VERSION.

`python tests/regression/test_golden.py` writes golden.npz anew, from the inputs that it holds.
"""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from landlab_mgr.data.batch import Batch
from landlab_mgr.models.dalec import model
from landlab_mgr.models.dalec.climate import Forcing, prepare
from landlab_mgr.models.dalec.model import MODEL
from landlab_mgr.models.dalec.process.weather import Weather
from landlab_mgr.models.dalec.tables import TABLES
from landlab_mgr.models.model import Inputs
from landlab_mgr.observations.calendar import Calendar
from landlab_mgr.observations.streams import STREAMS
from landlab_mgr.spec.run import SCIENCE_VERSION
from landlab_mgr.training import objective

from ..models.dalec.processes import WATER_STRESS, bind, scale

PATH = Path(__file__).with_name("golden.npz")
SCALE = scale(Weather(10.0, 15.0, 8.0, 390.0), Weather(12.0, 8.0, 6.0, 20.0))


def weights_like(process):
    """Fixed weights: the golden run is of the formulas, not of a random generator."""
    drawn = jax.eval_shape(process.initialise, jax.random.key(0))
    leaves, tree = jax.tree.flatten(drawn)
    return tree.unflatten([0.3 * jnp.cos(jnp.arange(x.size, dtype=float)).reshape(x.shape) for x in leaves])


def compute(inputs):
    """Sums over time of every output, by process; the loss terms and their gradient by linear water stress."""
    forcing = Forcing(**{name: jnp.asarray(inputs[f"forcing_{name}"]) for name in Forcing._fields})
    params = {p.name: jnp.asarray(inputs[f"params_{p.name}"]) for p in TABLES.parameters}
    climate = prepare(forcing)
    found = {}
    for name, process in WATER_STRESS.items():
        stress = bind(process, weights_like(process), SCALE if process.weather else None)
        outputs = jax.jit(model.simulate, static_argnums=(2,))(params, climate, stress)
        found |= {f"{name}_{n}": x.sum(axis=0) for n, x in outputs.items()}
    stored = [s for s in STREAMS if f"observed_{s}" in inputs]  # a stream of later days is not in it
    observed = {s: jnp.asarray(inputs[f"observed_{s}"]) for s in stored}
    weight = {s: jnp.asarray(inputs[f"weight_{s}"]) for s in stored}
    names = [n for n, t in TABLES.terms.items() if t.stream is None or t.stream.name in stored]
    n = climate.ssrd.shape[1]
    batch = Batch(
        inputs=Inputs(climate, forcing.latitude, jnp.zeros((n, 1))),
        observed=observed,
        weight=weight,
        patch_mean=jnp.asarray([[0.5, 0.5, 0, 0], [0, 0, 0.5, 0.5]]),
        mask=jnp.ones(n),
    )
    calendar = Calendar("2001-01-01", climate.ssrd.shape[0], 30.4375)

    @jax.jit
    def terms(params):
        keep = MODEL.outputs_needed(names)
        outputs = model.simulate(params, climate, bind(WATER_STRESS["linear"]), keep)
        return objective.terms(MODEL, names, params, outputs, batch, calendar)

    weighted = jax.grad(lambda p: sum(TABLES.terms[n].weight * x for n, x in terms(p).items()))
    found |= {f"term_{n}": x for n, x in terms(params).items()}
    found |= {f"gradient_{n}": x for n, x in jax.jit(weighted)(params).items()}
    return {name: np.asarray(x) for name, x in found.items()}


@pytest.fixture(scope="module")
def golden():
    return dict(np.load(PATH))


def test_it_is_of_this_science_version(golden):
    assert golden["science_version"] == SCIENCE_VERSION


@pytest.mark.slow
def test_the_golden_run_is_what_it_was(golden):
    found = compute(golden)
    stored = {n.removeprefix("golden_"): x for n, x in golden.items() if n.startswith("golden_")}
    assert set(found) == set(stored)
    for name, value in stored.items():
        scale = np.max(np.abs(value[np.isfinite(value)]), initial=0.0)
        np.testing.assert_allclose(found[name], value, rtol=1e-9, atol=1e-12 * scale, err_msg=name)


def draw():
    """Four pixels, of which two burn, in every climate; observations with gaps."""
    rng = np.random.default_rng(7)
    months, n = 36, 4
    t = np.arange(months)[:, None]
    latitude = np.array([-8.0, 34.0, 52.0, 68.0])
    mean = np.array([25.0, 16.0, 8.0, -4.0]) + 11 * np.cos(2 * np.pi * (t - 6.5) / 12) * np.sin(
        np.deg2rad(latitude)
    )
    mean = mean + rng.normal(0, 1, (months, n))
    half = rng.uniform(3, 7, (months, n))
    values = {
        "tmin": mean - half,
        "tmax": mean + half,
        "ssrd": np.clip(
            14 + 9 * np.cos(2 * np.pi * (t - 5.5) / 12) * latitude / 60 + rng.normal(0, 1, (months, n)), 0, 40
        ),
        "co2": 380 + 0.2 * t + np.zeros(n),
        "vpd": rng.gamma(3, 2, (months, n)),
        "precip": rng.gamma(1.0, np.array([5.0, 1.0, 2.2, 1.2]), (months, n)),
        "burned_area": np.where(rng.random((months, n)) < 0.1, rng.random((months, n)), 0)
        * np.array([1, 1, 0, 0]),
        "time_days": (np.arange(months) + 0.5) * 30.4375,
        "doy": np.tile((np.arange(12) + 0.5) * 30.4375, 3),
        "latitude": latitude,
        "dt": np.asarray(30.4375),
    }
    values["mean_temp"], values["mean_precip"] = mean.mean(0), values["precip"].mean(0)
    inputs = {f"forcing_{name}": value for name, value in values.items()}
    for p in TABLES.parameters:
        inputs[f"params_{p.name}"] = p.low * (p.high / p.low) ** rng.uniform(0.25, 0.75, n)
    for s in STREAMS:
        inputs[f"observed_{s}"] = rng.gamma(2, 1, (months, n))
        inputs[f"weight_{s}"] = np.where(
            np.repeat(rng.random((3, n)), 12, axis=0) < 0.7, rng.uniform(0.5, 1.5, (months, n)), 0
        )
    return inputs


if __name__ == "__main__":
    jax.config.update("jax_enable_x64", True)
    inputs = (
        {
            n: x
            for n, x in np.load(PATH).items()
            if n.startswith(("forcing_", "params_", "observed_", "weight_"))
        }
        if PATH.exists()
        else draw()
    )
    results = {f"golden_{n}": x for n, x in compute(inputs).items()}
    np.savez_compressed(PATH, science_version=SCIENCE_VERSION, **inputs, **results)
    print(f"{PATH}: {len(results)} values at science version {SCIENCE_VERSION}")
