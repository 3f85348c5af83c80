"""Daily basins whose discharge HBV made from known parameters: a dataset that needs no file."""

import jax
import numpy as np
import xarray as xr

from landlab_mgr.data import schema
from landlab_mgr.models import land
from landlab_mgr.models.hbv import model as hbv
from landlab_mgr.models.hbv.tables import TABLES
from landlab_mgr.models.model import make_forcing
from landlab_mgr.models.process import processes
from landlab_mgr.observations.variables import FORCING, VARIABLES


def truth(slope):
    """Parameters of basins of this slope (0 to 1), by name."""
    typical = {p.name: np.full(len(slope), p.typical) for p in TABLES.parameters}
    return typical | {"k1": 0.05 + 0.3 * slope, "fc": 400 - 300 * slope}


def dataset(basins=6, years=4, seed=0):
    rng = np.random.default_rng(seed)
    time = np.datetime64("2001-10-01") + np.arange(round(365.25 * years))
    day = (time - time.astype("M8[Y]").astype("M8[D]")).astype(int) + 0.5
    season = -12 * np.cos(2 * np.pi * day / 365)[None]
    tmin = 6 + season + rng.normal(size=(basins, len(time))) * 3
    wet = rng.random((basins, len(time))) < 0.35
    given = {
        "precip": np.where(wet, rng.exponential(9, wet.shape), 0.0),
        "tmin": tmin,
        "tmax": tmin + 3 + 8 * rng.random(wet.shape),
    }
    ds = xr.Dataset(coords={"time": (time + np.timedelta64(12, "h")).astype("M8[ns]")})
    origin = "2001-01-01"
    days = (time - np.datetime64(origin)).astype(int) + 0.5
    schema.add(ds, "time_days", days, "time axis", "d", f"days since {origin}")
    schema.add(ds, "doy", day, "time axis", "d", "day of year")
    for name, values in given.items():
        schema.add(ds, name, values, "forcing", FORCING[name].unit, FORCING[name].meaning)
    slope, lat = rng.random(basins), np.linspace(30, 50, basins)
    series = {n: x.T for n, x in given.items()}
    forcing = make_forcing(hbv.MODEL, series, lat, days, day, 1.0, np.float32)
    chosen = processes(TABLES.processes, {n: k.default for n, k in TABLES.processes.items()})
    bound = {n: land.bind(p) for n, p in chosen.items()}
    parameters = {n: np.asarray(x, np.float32) for n, x in truth(slope).items()}
    run = jax.jit(lambda p: land.simulate(hbv.DYNAMICS, p, hbv.prepare(forcing), bound, ("discharge",)))
    flow = np.asarray(run(parameters)["discharge"]).T.astype(float)
    variable = VARIABLES["discharge"]
    schema.add(ds, "discharge", flow, "observation", variable.unit, variable.meaning)
    schema.add(ds, "slope", slope, "predictor", "1", "slope", group="TOPO", kind="continuous")
    number = np.arange(basins, dtype=np.int32)
    schema.add(ds, "patch", number, "geometry", "1", "number")
    schema.add(ds, "lat", lat, "geometry", "degrees_north", "latitude")
    schema.add(ds, "lon", np.linspace(-100, -80, basins), "geometry", "degrees_east", "longitude")
    schema.add(ds, "area_m2", np.full(basins, 1e8), "geometry", "m2", "area")
    schema.add(ds, "test", number == basins - 1, "geometry", "1", "test")
    ds.attrs = {
        "name": "basins", "kind": "synthetic", "source": "HBV", "licence": "none", "citation": "none",
        "dt_days": 1.0, "origin": origin,
    }  # fmt: skip
    return schema.validate(ds)
