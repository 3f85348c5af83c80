"""Parameters summarised: weighted by area, by place, and what members trade for each other."""

import numpy as np
import pytest
import xarray as xr

from landlab_mgr.analysis import parameters
from landlab_mgr.errors import LandlabError
from landlab_mgr.models.dalec.parameters import BY_NAME, DERIVED

from . import sample

MEMBERS = 6


def files(planet):
    def of(spec):
        rng = np.random.default_rng(spec.seeds.init)
        n, seed = planet.sizes["pixel"], spec.seeds.init
        values = {p: np.full(n, (BY_NAME[p].low * BY_NAME[p].high) ** 0.5) for p in BY_NAME}
        values["lcma"] = 50.0 + np.arange(n) + seed
        values["canopy_efficiency"] = 30.0 - 2 * seed + 0 * np.arange(n)  # what lcma gains
        values["uwue"] = np.full(n, 5 + rng.random())
        values["bday"] = 365.25 * (1 + seed % 3) + np.where(seed % 2, 3.0, -3.0) + np.zeros(n)
        values |= {d.name: d.compute(values) for d in DERIVED}
        return {"parameters": xr.Dataset({k: ("pixel", v) for k, v in values.items()})}

    return of


@pytest.fixture(scope="module")
def workspace(planet, tmp_path_factory):
    root = tmp_path_factory.mktemp("parameters") / "ws"
    return sample.make_with_files(root, planet, files(planet), seeds=MEMBERS, setups=(("PFT",), ("CONTROL",)))


def test_means_spread_and_trade_by_hand(workspace, planet):
    with workspace.open() as catalog:
        ds = sample.computed(parameters.ANALYSIS, workspace, catalog, "setup.groups = 'PFT'")
        with pytest.raises(LandlabError, match="no parameter 'height'"):
            sample.computed(
                parameters.ANALYSIS, workspace, catalog, "setup.groups = 'PFT'", parameters="height"
            )
    area, lat = planet["area_m2"].values, planet["lat"].values
    x = 50.0 + np.arange(len(area)) + np.mean(range(MEMBERS))
    lcma = ds.sel(parameter="lcma")
    assert float(lcma["mean"].sel(place="all land")) == pytest.approx(np.average(x, weights=area))
    assert float(lcma["sd"].sel(place="all land")) == pytest.approx(np.std(range(MEMBERS), ddof=1))
    here = (lat >= 45) & (lat < 60)
    if here.any():
        band = float(lcma["mean"].sel(place="45 to 60°"))
        assert band == pytest.approx(np.average(x[here], weights=area[here]))
    assert float(ds["area"].sel(place="all land")) == pytest.approx(1)
    traded = ds["traded"].sel(parameter="lcma")
    assert float(traded.sel(other="canopy_efficiency")) == pytest.approx(-1)
    assert "canopy_efficiency with lcma -1.00" in ds.attrs["notes"]
    assert np.isnan(ds["traded"].sel(parameter="tor_wood")).all(), (
        "the same in all members: nothing is traded"
    )
    days = ds.sel(parameter="bday")
    mean = float(days["mean"].sel(place="all land"))
    assert min(mean, 365.25 - mean) < 1e-6, "days about new year, of three years"
    assert float(days["sd"].sel(place="all land")) == pytest.approx(3, rel=0.01)
    table = parameters.table(ds).set_index("parameter")
    assert table.loc["lcma", "mean"] == pytest.approx(np.average(x, weights=area))
    assert {"cue", "q10", "lcma"} <= set(table.index)
