"""Path of the example model from dataset to app, in one process that has it installed.

`python -m tests.models.bucket_path DIRECTORY` takes every step as a user would and prints what each gave, as JSON.
"""

import json
import os
import sys
import time
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pandas as pd
import xarray as xr
from typer.testing import CliRunner

from landlab_mgr import cli
from landlab_mgr.data import check, schema
from landlab_mgr.models import registry
from landlab_mgr.models.land import bind, simulate
from landlab_mgr.models.model import make_forcing
from landlab_mgr.storage import artifacts
from landlab_mgr.storage.resources import resource
from landlab_mgr.training import device
from landlab_mgr.workspace import register
from landlab_mgr.workspace.workspace import Workspace

PIXELS, MONTHS, DT = 24, 36, 30.4375
GRID = """
name = "hills"
dataset = "hills"
factorial = ["SOIL", "CLIM"]
setups = [["CONTROL"]]
seeds = 2
[axes]
process.evaporation = ["linear", "sudden", "cubic"]
[base]
model = "bucket"
warmup_months = 12
[base.network]
head_scale = 0.1
head_bias = "typical"
[base.optimizer]
epochs = 30
learning_rate = 1e-2
patches_per_batch = 0
"""


def planet() -> xr.Dataset:
    """Dataset of rain, tmax and a gauge. Capacity follows soil, drainage follows climate."""
    rng = np.random.default_rng(0)
    midpoints = (np.arange(MONTHS) + 0.5) * DT
    times = pd.date_range("2001-01-01", periods=MONTHS, freq="MS") + pd.Timedelta(days=14)
    ds = xr.Dataset(coords={"time": times})
    patch = np.arange(PIXELS) // 2
    lat = rng.uniform(-50, 60, PIXELS)
    schema.add(ds, "lat", lat, "geometry", "degrees_north", "latitude")
    schema.add(ds, "lon", rng.uniform(-150, 150, PIXELS), "geometry", "degrees_east", "longitude")
    schema.add(ds, "area_m2", np.full(PIXELS, 1e8), "geometry", "m2", "area")
    schema.add(ds, "patch", patch, "geometry", "1", "patch")
    schema.add(ds, "test", patch < 2, "geometry", "1", "test")
    schema.add(ds, "time_days", midpoints, "time axis", "d", "days since the origin")
    doy = np.tile(midpoints[:12], MONTHS // 12)
    schema.add(ds, "doy", doy, "time axis", "d", "day of year")
    season = 15 + 10 * np.sin(2 * np.pi * np.arange(MONTHS) / 12)
    series = {
        "precip": rng.gamma(1.2, 2.0, (MONTHS, PIXELS)),
        "tmax": season[:, None] + rng.normal(0, 2, (MONTHS, PIXELS)),
    }
    schema.add(ds, "precip", series["precip"].T, "forcing", "mm d-1", "precipitation")
    schema.add(ds, "tmax", series["tmax"].T, "forcing", "degC", "maximum temperature")
    soil, climate = rng.normal(size=(2, PIXELS))
    schema.add(ds, "clay", soil, "predictor", "1", "clay", group="SOIL", kind="continuous")
    schema.add(ds, "MAP", climate, "predictor", "1", "rain of a year", group="CLIM", kind="continuous")

    from bucket import DYNAMICS, LINEAR

    parameters = {
        "capacity": jnp.asarray(200 * np.exp(0.8 * np.clip(soil, -2, 2)), jnp.float32),
        "drainage": jnp.asarray(0.01 * np.exp(0.5 * np.clip(climate, -2, 2)), jnp.float32),
        "demand": jnp.full(PIXELS, 0.1, jnp.float32),
    }
    forcing = make_forcing(registry.model("bucket"), series, lat, midpoints, doy, DT, np.float32)
    outputs = simulate(DYNAMICS, parameters, DYNAMICS.prepare(forcing), {"evaporation": bind(LINEAR)})
    gauge = np.asarray(outputs["discharge"]).T
    schema.add(ds, "gauge", gauge, "observation", "mm d-1", "discharge")
    ds.attrs.update(name="hills", kind="real", source="bucket", licence="MIT", citation="none")
    ds.attrs.update(dt_days=DT, origin="2001-01-01")
    return schema.validate(ds)


class Steps:
    """Output of each command, by the name of its step."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.output: dict[str, str] = {}
        self.seconds: dict[str, float] = {}

    def __call__(self, step: str, *arguments: object) -> str:
        start = time.process_time()
        result = CliRunner().invoke(cli.app, [*map(str, arguments), "-w", str(self.root)])
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == 0, f"{step}: {result.output}"
        self.seconds[step] = round(time.process_time() - start, 1)
        self.output[step] = result.stdout
        return result.stdout


def predicted(path: Path) -> dict[str, str]:
    """Units of the outputs in a file of predictions, by name."""
    with xr.open_dataset(path, engine="h5netcdf") as ds:
        assert np.isfinite(ds["discharge"]).any()
        return {str(name): v.attrs.get("units", "") for name, v in ds.data_vars.items()}


def mapped(workspace: Workspace) -> dict:
    """Parameters that the page of maps offers, and the values it draws for the first."""
    from streamlit.testing.v1 import AppTest

    from tests.app.shown import figure, values

    app_directory = resource("app")
    sys.path.insert(0, str(app_directory))
    os.environ["LANDLAB_WORKSPACE"] = str(workspace.root)
    app = AppTest.from_file(str(app_directory / "Home.py"), default_timeout=120).run()
    app.switch_page("views/maps.py")
    app.query_params.update(
        {"of": "capacity", "runs": "grid:hills", "setup": "CLIM+SOIL, evaporation linear"}
    )
    app.run()
    assert not app.exception, app.exception
    drawn = values(figure(app, "map")["data"][0]["marker"]["color"])
    return {
        "offered": list(app.selectbox(key="of").options),
        "setup": app.selectbox(key="setup").value,
        "drawn": drawn.tolist(),
    }


def capacity(workspace: Workspace, setup: str) -> list[float]:
    """Mean capacity of the members of a setup, by pixel, from their files of parameters."""
    with workspace.open(read_only=True) as catalog:
        ids = catalog.runs(f"setup.groups = '{setup}' and process.evaporation = 'linear'")["run_id"]
        files = [catalog.artifacts(run_id) for run_id in ids]
    paths = [workspace.path(f.loc[f["kind"] == "parameters", "path"].iloc[0]) for f in files]
    return np.mean([artifacts.read(path)["capacity"].values for path in paths], axis=0).tolist()


def main(root: Path) -> None:
    device.configure()
    workspace, landlab = Workspace.at(root / "ws"), Steps(root / "ws")
    landlab("init", "init")
    ds = planet()
    problems = [str(line) for line in check.check(ds).errors]
    with workspace.open() as catalog:
        record = register.dataset(workspace, catalog, ds)
    landlab("data", "data", "ls")
    grid = root / "hills.toml"
    grid.write_text(GRID)
    landlab("register", "grid", "register", grid)
    landlab("run", "run", "--executor", "local", "--members", 8)
    wanted = "process.evaporation = 'sudden' and loss_weights.gauge = 1 and model = 'bucket'"
    landlab("ls", "ls", wanted, "--json")
    landlab("cubic", "ls", "process.evaporation = 'cubic'", "--json")
    landlab("select", "ensemble", "select", "--grid", "hills", "--keep", 1, "--name", "hills")
    linear = "process.evaporation = 'linear'"
    landlab("partition", "analyse", "partition", linear, "--json", "-o", "draws=50")
    landlab("identify", "analyse", "identify", linear, "--json")
    of = "ensemble = 'hills' and setup.groups = 'SOIL+CLIM'"
    pooled = ("--pool", "process.evaporation", "--data", "hills", "--out", root / "hills.nc")
    landlab("predict", "ensemble", "predict", of, *pooled)
    page = root / "hills.html"
    landlab("report", "report", "--ensemble", "hills", "--without", "shap", "--out", page)
    start = time.process_time()
    maps = mapped(workspace)
    landlab.seconds["maps"] = round(time.process_time() - start, 1)
    content = {
        "problems": problems,
        "pixels": record.n_pixels,
        "output": landlab.output,
        "units": predicted(root / "hills.nc"),
        "page": page.read_text(encoding="utf-8"),
        "maps": maps | {"capacity": capacity(workspace, "CLIM+SOIL")},
        "seconds": landlab.seconds,
        "packages": registry.packages(),
    }
    print(json.dumps(content))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
