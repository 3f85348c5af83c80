"""The loop of land models over pixels whose records cover other steps."""

import jax
import jax.numpy as jnp
import numpy as np

from landlab_mgr.data import batch, schema
from landlab_mgr.models import land, registry
from landlab_mgr.models.hbv import model
from landlab_mgr.models.hbv.tables import TABLES
from landlab_mgr.models.process import processes
from tests.models.hbv.test_model import drawn, random_days
from tests.training import basins


def run(weather, parameters):
    chosen = processes(TABLES.processes, {n: k.default for n, k in TABLES.processes.items()})
    bound = {n: land.bind(p) for n, p in chosen.items()}
    unrouted = model.DYNAMICS._replace(finish=lambda series, parameters: series)
    return land.simulate(unrouted, parameters, weather, bound)


def test_outside_its_record_a_pixel_stands_still():
    forcing, parameters = random_days(), drawn()
    inside = np.isin(np.arange(len(forcing.doy)), np.r_[100:180, 300:390])
    record = np.ones((len(inside), 5))
    record[:, 2] = inside
    whole = run(model.prepare(forcing), parameters)
    recorded = run(model.MODEL.prepare(forcing._replace(record=jnp.asarray(record))), parameters)
    own = forcing._replace(
        series={n: x[inside] for n, x in forcing.series.items()},
        doy=forcing.doy[inside],
        time_days=forcing.time_days[inside],
    )
    alone = run(model.prepare(own), parameters)
    for name, series in recorded.items():
        np.testing.assert_allclose(series[:, [0, 1, 3, 4]], whole[name][:, [0, 1, 3, 4]], rtol=1e-12)
        np.testing.assert_allclose(series[inside, 2], alone[name][:, 2], rtol=1e-12)


def test_the_gradient_knows_no_forcing_outside_the_record():
    forcing, parameters = random_days(60), drawn()
    record = jnp.asarray((np.arange(60) >= 20)[:, None] * np.ones((1, 5)))

    def flow(precip):
        given = forcing._replace(series=forcing.series | {"precip": precip}, record=record)
        return run(model.MODEL.prepare(given), parameters)["discharge"][30:].sum()

    gradient = jax.grad(flow)(forcing.series["precip"])
    assert (gradient[:20] == 0).all()
    assert (np.abs(gradient[20:30]) > 0).any()


def test_a_dataset_with_records_gives_them_to_land_models_alone():
    ds = basins.dataset()
    own = np.ones((ds.sizes["pixel"], ds.sizes["time"]), np.float32)
    own[0, :50] = 0
    schema.add(ds, "in_record", own, "record", "1", "1 in the record of the pixel")
    schema.validate(ds)
    weather = batch.load(ds, registry.model("hbv")).weather
    np.testing.assert_array_equal(weather.record, own.T)
    lstm = batch.load(ds, registry.model("lstm")).weather
    assert "in_record" not in lstm["forcing"]
