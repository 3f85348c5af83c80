"""Maps compared: correlations worked by hand, components as pca has them, and what is refused."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from landlab_mgr import analysis
from landlab_mgr.analysis import mapcompare, pca, spatial, trace
from landlab_mgr.errors import LandlabError
from landlab_mgr.models.dalec.parameters import BY_NAME, DERIVED
from landlab_mgr.storage import figures

from . import sample

pytestmark = pytest.mark.slow

PFT = "setup.groups = 'PFT'"
N = 12


def parameters(planet):
    """Files of runs: parameters are noise about their middle; lcma is 100, 101, ..., and 10 more with seed 1."""

    def files(spec):
        rng = np.random.default_rng(spec.seeds.init)
        drawn = {n: (p.low * p.high) ** 0.5 * rng.uniform(0.8, 1.2, N) for n, p in BY_NAME.items()}
        drawn["lcma"] = 100.0 + np.arange(N) + 10 * spec.seeds.init
        derived = {d.name: d.compute(drawn) for d in DERIVED}
        where = {n: ("pixel", planet[n].values) for n in ("lat", "lon")}
        return {
            "parameters": xr.Dataset({k: ("pixel", v) for k, v in (drawn | derived).items()}).assign(where)
        }

    return files


@pytest.fixture(scope="module")
def workspace(planet, tmp_path_factory):
    return sample.make_with_files(tmp_path_factory.mktemp("maps") / "ws", planet, parameters(planet))


@pytest.fixture
def table(planet, tmp_path):
    """A map with the squares of 0, 1, 2, ... at all pixels but the last two."""
    places = pd.DataFrame({"lat": planet["lat"].values, "lon": planet["lon"].values})[: N - 2]
    path = tmp_path / "map.csv"
    places.assign(sla=np.arange(N - 2) ** 2.0).to_csv(path, index=False)
    return path


def run(workspace, path, filter=PFT, **options):
    with workspace.open() as catalog:
        given = {"map": str(path), "units": "m2 kg-1", "of": "lcma", **options}
        return analysis.run(workspace, catalog, "mapcompare", filter, options=given)


def test_correlations_by_hand(workspace, table, tmp_path):
    result = run(workspace, table)
    ds = result.dataset
    i = np.arange(N - 2)
    assert ds["ensemble"].values == pytest.approx(105 + np.arange(N))
    assert ds["map"].values[:-2] == pytest.approx(i**2)
    assert np.isnan(ds["map"].values[-2:]).all()
    assert ds.attrs["n"] == N - 2
    assert ds.attrs["spearman"] == pytest.approx(1)
    assert ds.attrs["pearson"] == pytest.approx(np.corrcoef(i, i**2)[0, 1])
    [row] = mapcompare.table(ds).to_dict("records")
    assert (row["pixels"], row["of all"], row["units"], row["map units"]) == (10, 12, "gC m-2", "m2 kg-1")
    fig = mapcompare.figure(ds)
    assert fig.axes[1].get_xlabel() == "sla (m2 kg-1)"
    assert fig.axes[1].get_ylabel() == "lcma (gC m-2)"
    assert "n = 10 pixels" in fig.axes[1].get_title(loc="left")
    result.save_figure(tmp_path / "map.png")
    made = figures.read(tmp_path / "map.png")
    assert trace.changes(made, workspace) == []
    assert f"-o map={table}" in trace.commands(made, "map.png", workspace)[-1]
    before = ds.attrs["notes"]
    table.write_text(table.read_text().replace("81.0", "80.0"))
    assert run(workspace, table).dataset.attrs["notes"] != before


def test_neighbours_that_are_alike_count_for_less():
    rng = np.random.default_rng(0)
    lat, lon = (x.ravel() for x in np.meshgrid(np.arange(0, 40, 2.0), np.arange(0, 40, 2.0)))
    distance = np.hypot(lat[:, None] - lat, lon[:, None] - lon)
    smooth = np.linalg.cholesky(np.exp(-((distance / 6) ** 2)) + 1e-6 * np.eye(len(lat)))
    naive, aware = [], []
    for _ in range(60):
        x, y = (smooth @ rng.normal(size=(len(lat), 2))).T
        r = float(np.corrcoef(x, y)[0, 1])
        size = spatial.effective_size(x, y, lat, lon)
        assert 3 <= size < 100
        naive.append(spatial.p_value(r, len(lat)))
        aware.append(spatial.p_value(r, size))
    assert np.mean(np.array(naive) < 0.05) > 0.4, "independent maps, called alike"
    assert np.mean(np.array(aware) < 0.05) < 0.15
    noise = rng.normal(size=(2, len(lat)))
    assert spatial.effective_size(*noise, lat, lon) > 0.6 * len(lat)


def test_a_component_is_that_of_pca(workspace, table):
    ds = run(workspace, table, of="pc2").dataset
    with workspace.open(read_only=True) as catalog:
        scores = sample.computed(pca.ANALYSIS, workspace, catalog, PFT)["scores"]
    assert ds["ensemble"].values == pytest.approx(scores.sel(component="PC2").values)
    assert ds.attrs["of_units"] == "standard deviations"
    few = "lcma,uwue,q10"
    ds = run(workspace, table, of="PC3", parameters=few).dataset
    with workspace.open(read_only=True) as catalog:
        scores = sample.computed(pca.ANALYSIS, workspace, catalog, PFT, parameters=few)["scores"]
    assert ds["ensemble"].values == pytest.approx(scores.sel(component="PC3").values)
    with pytest.raises(LandlabError, match="no component 'PC4'; there are PC1 to PC3"):
        run(workspace, table, of="PC4", parameters=few)
    with pytest.raises(
        LandlabError, match="option parameters is of components: leave it out of a map of lcma"
    ):
        run(workspace, table, of="lcma", parameters=few)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"map": ""}, "needs a map: -o map=FILE"),
        ({"map": "nowhere.csv"}, "no file nowhere.csv"),
        ({"units": ""}, "sla has no units; say them with -o units="),
        ({"of": "sla"}, "no parameter 'sla'; known: "),
        ({"of": "PC0"}, "no component 'PC0'; there are PC1 to PC13"),
        ({"variable": "gpp"}, "no variable 'gpp' of lat and lon; it has: sla"),
    ],
)
def test_what_is_refused(workspace, table, options, message):
    with pytest.raises(LandlabError, match=message):
        run(workspace, table, **options)


def test_maps_that_do_not_meet_or_do_not_vary(workspace, table):
    with pytest.raises(LandlabError, match="the runs are of 3 setups"):
        run(workspace, table, filter="")
    places = pd.read_csv(table)
    places.assign(sla=1.0).to_csv(table, index=False)
    with pytest.raises(LandlabError, match="is the same at all 10 pixels; it correlates with nothing"):
        run(workspace, table)
    places.assign(lat=-80.0, lon=np.arange(10.0)).to_csv(table, index=False)
    with pytest.raises(LandlabError, match=r"at 0 of 12 pixels; it covers lat -80 to -80, lon 0 to 9;"):
        run(workspace, table)
