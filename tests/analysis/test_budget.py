"""Budgets: totals worked by hand, regions and patches, and what is refused."""

import numpy as np
import pytest
import xarray as xr

from landlab_mgr import analysis
from landlab_mgr.analysis import budget
from landlab_mgr.errors import LandlabError

from . import sample


def monthly(ds, seed, by_patch):
    """GPP is 1, 2, 3 gC m-2 d-1 in the three years of every pixel, and 0.1 more for each seed; ET is 1 mm d-1."""
    year = np.repeat([1.0, 2.0, 3.0], 12) + 0.1 * seed
    n = len(np.unique(ds["patch"])) if by_patch else ds.sizes["pixel"]
    dims = ("patch" if by_patch else "pixel", "time")
    gpp = np.tile(year, (n, 1))
    return xr.Dataset({"gpp": (dims, gpp), "et": (dims, np.ones_like(gpp))}, {"time": ds["time"]})


def make(root, planet, by_patch=False):
    def files(spec):
        return {"monthly": monthly(planet, spec.seeds.init, by_patch)}

    return sample.make_with_files(root, planet, files, seeds=3)


@pytest.fixture(scope="module")
def regional(planet):
    north = np.where(planet["patch"].values < 2, "north", "south").astype(object)
    attrs = {"role": "geometry", "units": "1", "long_name": "region"}
    return planet.assign(region=("pixel", north, attrs))


@pytest.fixture(scope="module")
def by_pixel(regional, tmp_path_factory):
    return make(tmp_path_factory.mktemp("budget") / "ws", regional)


@pytest.mark.parametrize("by_patch", [False, True])
def test_totals_by_hand(regional, by_pixel, tmp_path, by_patch):
    workspace = make(tmp_path / "ws", regional, True) if by_patch else by_pixel
    with workspace.open() as catalog:
        options = {"variables": "gpp,et,gpp"}  # each once
        ds = analysis.run(workspace, catalog, "budget", "setup.groups = 'PFT'", options=options).dataset
    assert list(ds["variable"].values) == ["gpp", "et"]
    assert list(ds["region"].values) == ["all", "north", "south"]
    assert "the first 12 months count here" in ds.attrs["notes"]
    assert list(ds["year"].values) == [2001, 2002, 2003]
    area = regional["area_m2"].values
    petagrams = area.sum() * 365.25 * 1e-15
    first = ds["total"].sel(variable="gpp", region="all").isel(run=0).values
    assert first == pytest.approx(np.array([1, 2, 3]) * petagrams, rel=1e-6)
    parts = ds["total"].sel(region=["north", "south"]).sum("region")
    assert parts.values == pytest.approx(ds["total"].sel(region="all").values, rel=1e-6)
    # 1 mm d-1 over a square metre is 0.36525 m3 a year
    km3 = area.sum() * 0.36525 / 1e9
    assert ds["total"].sel(variable="et", region="all").values == pytest.approx(km3 / 1000, rel=1e-6)
    table = budget.table(ds).set_index(["variable", "region"])
    assert table.loc[("gpp", "all"), "mean"] == pytest.approx(2.1 * petagrams, rel=1e-6)
    assert table.loc[("gpp", "all"), "sd of members"] == pytest.approx(0.1 * petagrams, rel=1e-6)
    assert table.loc[("gpp", "all"), "sd of years"] == pytest.approx(petagrams, rel=1e-6)
    assert table.loc[("et", "north"), "units"] == "1000 km3 yr-1"
    figure = budget.figure(ds)
    assert [ax.get_ylabel() for ax in figure.axes] == ["GPP\n(PgC yr-1)", "ET\n(1000 km3 yr-1)"]


@pytest.mark.parametrize(
    ("filter", "variables", "message"),
    [
        ("setup.groups = 'PFT'", "lai", "no flux 'lai'; there are: gpp, nee, reco, nbe, et, fire"),
        ("setup.groups = 'PFT'", ",", "no flux ''"),
        ("setup.groups = 'PFT'", "nbe", "the runs kept no nbe; there are: gpp, et"),
        ("", "gpp", r"the runs are of 3 setups .* give a filter such as \"setup.groups = 'PFT\+CLIM'"),
    ],
)
def test_what_is_refused(by_pixel, filter, variables, message):
    with by_pixel.open() as catalog, pytest.raises(LandlabError, match=message):
        analysis.run(by_pixel, catalog, "budget", filter, options={"variables": variables})
