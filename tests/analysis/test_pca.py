"""Principal components: planted axes are found, and what is refused."""

import numpy as np
import pytest
import xarray as xr

from landlab_mgr import analysis
from landlab_mgr.analysis import of_models, pca
from landlab_mgr.errors import LandlabError
from landlab_mgr.models import registry

from . import sample

pytestmark = pytest.mark.slow

NAMES = "lcma,leaf_lifespan,canopy_efficiency,uwue,f_auto"
COUNT = 400


def parameters(seed):
    """Three rise together, and uwue falls as f_auto rises; members differ by noise."""
    rng, own = np.random.default_rng(7), np.random.default_rng([seed, 1])
    fast, slow = rng.normal(size=(2, COUNT))
    noise = 0.1 * own.normal(size=(5, COUNT))
    values = {
        "lcma": 80 + 20 * (slow + noise[0]),
        "leaf_lifespan": 3 + 0.5 * (slow + noise[1]),
        "canopy_efficiency": 20 + 4 * (slow + noise[4]),
        "uwue": 10 - 2 * (0.5 * fast + noise[2]),
        "f_auto": 0.5 + 0.05 * (0.5 * fast + noise[3]),
        "lat": rng.uniform(-50, 70, COUNT),
        "lon": rng.uniform(-180, 180, COUNT),
    }
    return xr.Dataset(
        {n: ("pixel", x) for n, x in values.items()} | {"tor_wood": ("pixel", np.full(COUNT, 1e-4))}
    )


@pytest.fixture(scope="module")
def workspace(planet, tmp_path_factory):
    root = tmp_path_factory.mktemp("pca") / "ws"
    return sample.make_with_files(
        root, planet, lambda spec: {"parameters": parameters(spec.seeds.init)}, seeds=3
    )


def computed(workspace, filter="setup.groups = 'PFT'", **options):
    with workspace.open() as catalog:
        return analysis.run(workspace, catalog, "pca", filter, options=options).dataset


def test_planted_axes_are_found(workspace):
    ds = computed(workspace, parameters=NAMES, components=5)
    slow, fast = ds["loadings"].sel(component="PC1"), ds["loadings"].sel(component="PC2")
    assert slow.values == pytest.approx([3**-0.5] * 3 + [0, 0], abs=0.15)
    assert np.abs(fast.values) == pytest.approx([0, 0, 0, 2**-0.5, 2**-0.5], abs=0.15)
    assert np.sign(fast.values[3]) != np.sign(fast.values[4])
    assert float(ds["explained"].sum()) == pytest.approx(1)
    assert (np.diff(ds["explained"].values) <= 0).all()
    assert ds["loadings"].values @ ds["loadings"].values.T == pytest.approx(np.eye(5), abs=1e-12)
    # scores are uncorrelated, and have the variance that is said to be explained
    assert np.cov(ds["scores"].values, ddof=0) == pytest.approx(np.diag(5 * ds["explained"].values), abs=1e-9)
    table = pca.table(ds).set_index("parameter")
    assert list(table.index) == ["variance explained", *NAMES.split(",")]
    assert table.loc["uwue", "PC2"] == fast.sel(parameter="uwue")


def test_the_list_is_the_thirteen_of_the_paper():
    names = of_models.principal(registry.tables("dalec"))
    assert len(names) == 13
    assert "residence_time_litter" in names


def test_the_figure_has_loadings_and_a_map_for_each(workspace):
    figure = pca.figure(computed(workspace, parameters=NAMES, components=2))
    titles = [ax.get_title(loc="left") for ax in figure.axes]
    assert sum(t.startswith("PC") for t in titles) == 2
    assert any("of the variance" in t for t in titles)
    arrows = [ax for ax in figure.axes if len(ax.texts) == 2 * len(NAMES.split(","))]
    assert len(arrows) == 1, "the plane of PC1 and PC2"
    assert arrows[0].get_xlabel().startswith("PC1 (")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"parameters": "lcma,height"}, "no parameter 'height'; known: decomposition_rate"),
        ({"parameters": "lcma"}, "give two parameters or more"),
        ({"parameters": "lcma,lcma"}, "give two parameters or more, each once"),
        ({"parameters": "lcma,tor_wood"}, "tor_wood is the same at every pixel"),
        ({"components": 0}, "option components of analysis pca"),
    ],
)
def test_what_is_refused(workspace, options, message):
    with pytest.raises(LandlabError, match=message):
        computed(workspace, **options)


def test_one_setup_at_a_time(workspace):
    with pytest.raises(LandlabError, match="the runs are of 3 setups"):
        computed(workspace, filter="", parameters=NAMES)
