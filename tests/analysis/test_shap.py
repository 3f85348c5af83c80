"""SHAP: it adds up, agrees with the library and with the function that was planted, and says what it cannot explain."""

import subprocess
import sys

import jax.numpy as jnp
import numpy as np
import pytest
import shap as library
import xarray as xr

from landlab_mgr import analysis
from landlab_mgr.analysis import shap
from landlab_mgr.analysis.load import load
from landlab_mgr.data.twin import geography, mapping, surface, weather
from landlab_mgr.errors import LandlabError
from landlab_mgr.prediction import explain, predict
from landlab_mgr.storage import artifacts

from .. import untrained

pytestmark = pytest.mark.slow

FEW = {"parameters": "lcma,q10", "background": 5, "pixels": 10}


@pytest.fixture(scope="module")
def made(planet, tmp_path_factory):
    """Members of three setups; one predictor is the same everywhere, and one plant type nearly covers all."""
    root = tmp_path_factory.mktemp("shap")
    pure = planet["GRA"].copy(data=np.full(planet.sizes["pixel"], 0.85))
    planet = planet.assign(elevation=planet["elevation"] * 0 + 3.0, GRA=pure)
    planet["elevation"].attrs = dict(pure.attrs, group="CLIM", units="m")
    return untrained.make(root, planet, (("CLIM", "AGE"), ("CONTROL",), ("PFT",)), 3)


def run(workspace, filter="setup.groups = 'CLIM+AGE'", **options):
    with workspace.open() as catalog:
        return analysis.run(workspace, catalog, "shap", filter, options=FEW | options)


@pytest.fixture(scope="module")
def paper(made):
    return run(made)


def checkpoints(workspace, filter):
    with workspace.open(read_only=True) as catalog:
        ensemble = analysis.Ensemble.select(workspace, catalog, filter)
        return [predict.Trained.open(path) for path in ensemble.paths("checkpoint")], ensemble.dataset()


def test_values_add_up_and_are_those_of_the_library(made):
    members, ds = checkpoints(made, "setup.groups = 'CLIM+AGE'")
    function, columns = explain.of_members(members, ds, ("lcma", "bday"))
    assert function.features == ("MAP", "MAT", "elevation", "canopy_height", "tree_age", "latitude")
    background, rows = columns[:4], columns[4:8]
    values, expected = explain.kernel_shap(function, background, rows, 0)
    predicted = function(rows)
    assert np.abs(values.sum(axis=-1) + expected - predicted).max() < 1e-6
    by_hand = np.mean(
        [[m.parameters(m.encode(ds), ds["lat"].values)[p][4:8] for p in ("lcma", "bday")] for m in members],
        axis=0,
    )
    np.testing.assert_allclose(predicted.T, by_hand, rtol=1e-4)
    # the library alone, which writes out every coalition
    data = explain.DenseData(background.astype(float), list(function.features), list(function.groups))
    alone = library.KernelExplainer(function, data).shap_values(rows.astype(float), l1_reg=False, silent=True)
    spread = np.ptp(predicted, axis=0)
    assert np.abs(np.moveaxis(alone, 1, 2) - values).max(axis=(0, 2)) == pytest.approx(
        [0, 0], abs=1e-4 * spread.max()
    )
    assert np.abs(values[:, 0, 5]).max() < 1e-4 * spread[0], "only phenology knows the latitude"
    assert np.abs(values[:, 1, 5]).max() > 0
    integrated, base = explain.integrated_gradients(function, background, rows)
    np.testing.assert_allclose(base, expected)
    assert (np.abs(integrated.sum(axis=-1) + base - predicted).max(axis=0) < 0.1 * spread).all()


def planted(seed, predictors, names):
    """The function that makes a twin's parameters, up to a constant; scores scaled as over the planet's pixels."""
    of = [(g, n) for g, members in predictors.items() for n in members]
    columns = np.stack([predictors[g][n] for g, n in of], axis=1)
    everywhere = (columns - columns.mean(axis=0)) / columns.std(axis=0)

    def apply(_, rows):
        z = (rows - columns.mean(axis=0)[None]) / columns.std(axis=0)[None]
        outputs = []
        for name in names:
            x = 0.0
            for group, share in mapping.shares(name).items():
                members = list(predictors[group])
                drawn = mapping.generator(seed, f"score of {group} for {name}").normal(size=len(members))
                weight = mapping.DIRECTIONS.get((name, group)) or dict(zip(members, drawn, strict=True))
                direction = np.array([weight.get(n, 0.0) * (g == group) for g, n in of])
                at_home = everywhere @ direction
                bent = np.tanh((at_home - at_home.mean()) / at_home.std())
                here = jnp.tanh((z @ direction - at_home.mean()) / at_home.std())
                x = x + np.sqrt(share) * (here - bent.mean()) / bent.std()
            outputs.append(mapping.SPREADS.get(name, mapping.SPREAD) * x)
        return jnp.stack(outputs, axis=1)

    features = tuple(n for _, n in of)
    return explain.Function(apply, {}, features, tuple(np.arange(len(of))[:, None])), columns, of


def test_the_ranking_is_that_of_the_planted_function():
    seed, names = 1, ("canopy_efficiency", "lcma", "tor_wood", "field_capacity", "q10_exponent", "uwue")
    places = geography.choose(seed, 24, 3)
    normal = weather.normals(seed, places.lat, places.lon)
    predictors = surface.predictors(seed, places, normal)
    function, columns, of = planted(seed, predictors, names)
    true, found = mapping.truth(seed, predictors).unbounded, function(columns)
    assert all(np.corrcoef(found[:, k], true[n])[0, 1] > 0.9999 for k, n in enumerate(names))
    values, _ = explain.kernel_shap(function, columns[::2], columns[1::4], 0)
    where = [[g == group for g, _ in of] for group in mapping.GROUPS]
    by_group = np.abs(np.stack([values[:, :, w].sum(axis=-1) for w in where])).mean(axis=1)
    leading = [mapping.GROUPS[k] for k in by_group.argmax(axis=0)]
    assert leading == [max(mapping.shares(n), key=mapping.shares(n).get) for n in names]
    # groups of one parameter only have values of their shares: sqrt(0.7) against sqrt(0.1)
    assert by_group.max(axis=0) / np.sort(by_group, axis=0)[-2] == pytest.approx(np.sqrt(7), rel=0.5)
    share = np.abs(values[:, names.index("field_capacity")]).mean(axis=0)
    weights = mapping.DIRECTIONS["field_capacity", "SOIL"]
    assert function.features[share.argmax()] == max(weights, key=weights.get)


def test_paper_style_pools_members_in_ranges_of_the_parameter(paper):
    ds = paper.dataset
    assert dict(ds.sizes) == {
        "run": 3, "parameter": 2, "pixel": 10, "predictor": 5, "group": 2, "point": shap.POINTS,
    }  # fmt: skip
    np.testing.assert_allclose(ds["prediction"].min("pixel"), 0, atol=1e-9)
    np.testing.assert_allclose(ds["prediction"].max("pixel"), 1)
    left = ds["expected"] + ds["shap"].sum("predictor") - ds["prediction"]
    assert float(np.abs(left).max()) < 1e-6
    np.testing.assert_allclose(ds["share"].sum("predictor"), 1)
    np.testing.assert_allclose(ds["share_of_group"].sum("group"), 1)
    for group in ds["group"].values:  # all that its predictors do, though they do it against each other
        own = ds["share"].sel(predictor=(ds["group_of"] == group).values).sum("predictor")
        np.testing.assert_allclose(ds["share_of_group"].sel(group=group), own)
    each, net = (ds[n].values for n in ("share_of_group", "share_of_net_effect"))
    assert np.abs(each - net).max() > 0.01
    by_hand = np.abs(ds["shap"]).sum(("run", "pixel"))
    np.testing.assert_allclose(
        ds["share"], (by_hand / by_hand.sum("predictor")).where(ds["predictor"] != "elevation")
    )
    assert np.isnan(ds["share"].sel(predictor="elevation")).all(), "constant: unknown, not 0"
    notes = ds.attrs["notes"]
    assert "elevation: the same at every pixel" in notes
    assert "the paper's figure is of 5 members" in notes
    assert paper.provenance["analysis"]["kinds"] == ["checkpoint"]
    table = shap.table(ds)
    assert list(table.columns) == ["parameter", "CLIM", "AGE", "leading predictors"]
    assert list(ds["run"].values) == list(paper.provenance["runs"])
    matrix = shap.ANALYSIS.figure(ds).axes[0]
    assert len(matrix.get_yticklabels()) == 2


def test_the_best_members_are_explained(made):
    with made.open(read_only=True) as catalog:
        ids = list(catalog.runs("setup.groups = 'CLIM+AGE'")["run_id"])
        ensemble = analysis.Ensemble.select(made, catalog, "setup.groups = 'CLIM+AGE'")
        ds = load(ensemble, shap.ANALYSIS, shap.ShapOptions(**FEW))
    ds = ds.assign_coords(train_loss=("run", [3.0, float("nan"), 1.0]))
    one = shap.compute(ds, shap.ShapOptions(**FEW, members=1, method="gradients"))
    assert list(one["run"].values) == [ids[2]]
    assert "1 of 3 members, those of the lowest training loss" in one.attrs["notes"]
    assert "integrated gradients, not kernel SHAP: shares differ" in one.attrs["notes"]


def test_physical_style_is_of_the_mean_of_all_members(made):
    ds = run(made, style="physical", parameters="lcma").dataset
    assert list(ds["run"].values) == ["mean of 3"]
    members, data = checkpoints(made, "setup.groups = 'CLIM+AGE'")
    values = np.mean([m.parameters(m.encode(data), data["lat"].values)["lcma"] for m in members], axis=0)
    assert np.isin(ds["prediction"].values.round(2), values.astype(float).round(2)).mean() > 0.9
    assert float(ds["prediction"].max()) > 5, "gC m-2, not normalised"
    bars = shap.ANALYSIS.figure(ds)
    assert len(bars.axes) == 5, "bars, and four panels"
    other = run(made, style="physical", parameters="lcma", method="gradients").dataset
    np.testing.assert_allclose(other["share"], ds["share"], atol=0.05)
    assert "the error of the quadrature" in other.attrs["notes"]


def test_only_phenology_knows_the_latitude(made):
    ds = run(made, parameters="bday,lcma", members=1).dataset
    assert list(ds["parameter"].values) == ["lcma", "bday"]
    latitude = ds["share"].sel(predictor="latitude")
    assert np.isnan(latitude.sel(parameter="lcma"))
    assert latitude.sel(parameter="bday") > 0
    left = ds["expected"] + ds["shap"].sum("predictor") - ds["prediction"]
    assert float(np.abs(left).max()) < 1e-6
    assert "latitude" not in ds.attrs["notes"]


def test_pixels_of_one_plant_type(made):
    ds = run(made, pft="GRA", members=1).dataset
    assert ds.sizes["run"] == 1
    assert "of type GRA" in ds.attrs["notes"]


@pytest.mark.parametrize(
    ("filter", "options", "message"),
    [
        ("setup.groups = 'CONTROL'", {}, "no predictor but white noise: there is nothing to explain"),
        ("", {}, "the runs are of 3 setups"),
        ("setup.groups = 'CLIM+AGE'", {"parameters": "lcna"}, "no parameter 'lcna'; known: decomposition_rate"),
        ("setup.groups = 'CLIM+AGE'", {"pft": "GRASS"}, "no plant type 'GRASS'; there are: CRO, DBF"),
        ("setup.groups = 'CLIM+AGE'", {"pft": "CRO"}, "0 pixels of type CRO"),
        ("setup.groups = 'CLIM+AGE'", {"members": 5}, "5 members asked for, the filter finds 3"),
        ("setup.groups = 'CLIM+AGE'", {"method": "tree"}, "option method of analysis shap: Input should be 'kernel'"),
    ],
)  # fmt: skip
def test_what_is_refused(made, filter, options, message):
    with pytest.raises(LandlabError, match=message):
        run(made, filter, **options)


def test_an_altered_checkpoint_is_not_used(made, tmp_path):
    with made.open(read_only=True) as catalog:
        ensemble = analysis.Ensemble.select(made, catalog, "setup.groups = 'PFT'")
        path = next(ensemble.paths("checkpoint"))
    content = path.read_bytes()
    try:
        path.write_bytes(content[:-1])
        with pytest.raises(LandlabError, match="missing or altered"):
            run(made, "setup.groups = 'PFT'")
    finally:
        path.write_bytes(content)


def test_the_registry_needs_no_jax():
    code = (
        "import sys; from landlab_mgr import analysis; assert 'shap' in analysis.registry(); "
        "assert not {'jax', 'shap', 'sklearn'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_same_question_has_the_same_answer(made, paper):
    again = run(made)
    assert again.record.sha256 == paper.record.sha256
    stored = artifacts.read(made.path(again.record.path))
    assert shap.table(stored).equals(shap.table(paper.dataset))
    shap.ANALYSIS.figure(stored)


def test_a_class_of_land_cover_is_a_plant_type():
    attrs = {"role": "predictor", "group": "PFT", "kind": "class", "classes": [1.0, 4.0]}
    ds = xr.Dataset({"igbp": ("pixel", [1.0, 4.0, np.nan], attrs | {"flag_meanings": "ENF DBF"})})
    assert shap._of_type(ds, "DBF").tolist() == [False, True, False]
    with pytest.raises(LandlabError, match="no plant type 'GRA'; there are: ENF, DBF"):
        shap._of_type(ds, "GRA")
    ds["igbp"].attrs.pop("flag_meanings")
    assert shap._of_type(ds, "igbp=4").tolist() == [False, True, False]
