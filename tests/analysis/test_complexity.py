"""Local calibration: the restart of a place by its training skill, medians by hand, published skill beside."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from landlab_mgr.analysis import complexity
from landlab_mgr.errors import LandlabError
from landlab_mgr.spec.grid import GridSpec

from . import sample

PLACES = 12
NAMES = "simple=linear,rich=nn_paw,NBE=nee"


def skill_of(spec):
    """R2 by place: seed 1 trains better at even places; what is learned trains better and predicts worse."""
    learned, seed = spec.processes["water_stress"] == "nn_paw", spec.seeds.init
    place = np.arange(PLACES)
    train = 0.5 + 0.1 * learned + np.where((place % 2 == 0) == (seed == 1), 0.2, 0.0) + place / 100
    withheld = 0.4 - 0.1 * learned + seed / 100 + place / 1000
    values = np.stack([np.stack([x, np.ones(PLACES)], 1) for x in (train, withheld)])
    coords = {"period": ["observation", "withheld"], "statistic": ["R2", "n"]}
    one = xr.DataArray(values, dims=("period", "pixel", "statistic"), coords=coords)
    label = np.zeros(PLACES, np.int8)
    flags = {"flag_values": [0], "flag_meanings": "train"}
    lai = one.where((one["period"] != "observation") | (seed == 0) | (xr.DataArray(place, dims="pixel") != 2))
    return {"skill": xr.Dataset({"gpp": one, "nee": one * 0.5, "lai": lai, "split": ("pixel", label, flags)})}


@pytest.fixture(scope="module")
def workspace(planet, tmp_path_factory):
    grid = GridSpec(
        name="local",
        dataset=planet.attrs["name"],
        setups=(("PLACE",),),
        seeds=2,
        axes={"process.water_stress": ["nn_paw", "linear"]},
        base={
            "warmup_months": 0,
            "network": {"kind": "free"},
            "split": {"kind": "years", "train_fraction": 0.6},
        },
    )
    return sample.make_with_files(tmp_path_factory.mktemp("local") / "ws", planet, skill_of, asked=grid)


@pytest.fixture(scope="module")
def catalog(workspace):
    with workspace.open() as catalog:
        yield catalog


def test_the_best_restart_in_training_speaks_for_a_place(workspace, catalog):
    before = catalog.test_reads()
    ds = sample.computed(complexity.ANALYSIS, workspace, catalog)
    assert catalog.test_reads() == before + 1, "withheld skill is counted"
    assert list(ds["weights"].values) == sorted(ds["weights"].values), "the simplest first"
    assert ds["weights"].values[0] == 0 < ds["weights"].values[1]
    even = (np.arange(PLACES) % 2 == 0) & (np.arange(PLACES) != 2)  # at place 2 seed 1 has no skill of LAI
    np.testing.assert_array_equal(ds["chosen"].values, np.tile(np.where(even, 1, 0), (2, 1)))
    gpp = ds["skill"].sel(variable="gpp").values  # [setup, part, place]
    best = np.where(np.arange(PLACES) == 2, 0.5, 0.7)
    np.testing.assert_allclose(gpp[0, 0], best + np.arange(PLACES) / 100, rtol=1e-6)
    np.testing.assert_allclose(gpp[0, 1], 0.4 + even / 100 + np.arange(PLACES) / 1000, rtol=1e-6)
    np.testing.assert_allclose(gpp[1] - gpp[0], np.array([[0.1], [-0.1]]) + np.zeros((2, PLACES)), atol=1e-6)
    np.testing.assert_allclose(ds["spread"].sel(variable="gpp", part="train"), 0.1, rtol=1e-5)
    table = complexity.table(ds).set_index(["learned weights", "variable"])
    assert table.loc[(0, "gpp"), "train"] == pytest.approx(np.median(gpp[0, 0]))
    assert "train, published" not in table
    assert complexity.figure(ds.assign_attrs(analysis="x", filter="")).axes


def test_a_run_without_skill_where_another_has_some_is_the_worst():
    r2 = np.array([[[0.5, 0.5, np.nan], [np.nan, 0.2, np.nan]], [[0.1, 0.4, 0.3], [0.0, 0.1, np.nan]]])
    np.testing.assert_allclose(complexity.losses(r2), [[np.inf, 1.3, np.inf], [1.9, 1.5, 0.7]])


def test_published_skill_stands_beside_by_place(workspace, catalog, tmp_path):
    rows = [
        ("3", "simple", "GPP", "test", 0.31),
        ("4", "simple", "GPP", "test", 0.33),
        ("4", "rich", "NBE", "train", 0.2),
    ]
    file = tmp_path / "published.csv"
    pd.DataFrame([("99", "simple", "GPP", "test", 0.9), *rows], columns=list(complexity.COLUMNS)).to_csv(file)
    ds = sample.computed(complexity.ANALYSIS, workspace, catalog, published=str(file), names=NAMES)
    table = complexity.table(ds).set_index(["setup", "variable"])
    simple, rich = ds["setup"].values
    assert table.loc[(simple, "gpp"), "withheld, published"] == pytest.approx(0.32)
    assert table.loc[(rich, "nee"), "train, published"] == pytest.approx(0.2)
    assert np.isnan(table.loc[(rich, "gpp"), "withheld, published"])
    assert complexity.figure(ds.assign_attrs(analysis="x", filter="")).axes


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"published": "nowhere.csv"}, "nowhere.csv cannot be read as CSV"),
        ({"published": "EMPTY"}, "has no column configuration"),
        ({"published": "FULL", "names": "simple"}, "'simple' is no pair; write theirs=ours"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_line(workspace, catalog, tmp_path, options, said):
    (tmp_path / "empty.csv").write_text("site\n1\n")
    (tmp_path / "full.csv").write_text(",".join(complexity.COLUMNS) + "\n")
    files = {"EMPTY": str(tmp_path / "empty.csv"), "FULL": str(tmp_path / "full.csv")}
    options = {n: files.get(x, x) for n, x in options.items()}
    with pytest.raises(LandlabError, match=said):
        sample.computed(complexity.ANALYSIS, workspace, catalog, **options)


def test_one_network_for_all_places_is_refused(planet, tmp_path):
    with sample.make(tmp_path / "ws", planet).open() as catalog:
        workspace = sample.Workspace.at(tmp_path / "ws", str(tmp_path / "ws" / "landlab.db"))
        with pytest.raises(LandlabError, match="one network for all places"):
            sample.computed(complexity.ANALYSIS, workspace, catalog)
