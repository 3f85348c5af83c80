"""Identifiability: the spread over members, the truth of a twin, and what is refused."""

import numpy as np
import pytest
import xarray as xr

from landlab_mgr import analysis
from landlab_mgr.analysis import identify
from landlab_mgr.data import split
from landlab_mgr.errors import LandlabError
from landlab_mgr.models.dalec.parameters import BY_NAME, DERIVED
from landlab_mgr.spec.run import SplitSpec

from . import sample

pytestmark = pytest.mark.slow

SPREAD = {"f_auto": 0.01, "lcma": 0.8}
"""Relative spread over the members; others 0.2."""


def parameters(planet, seed):
    """The truth, and each parameter off by its spread up or down with the seed."""
    sign = (-1) ** seed
    values = {p: planet[f"true_{p}"].values * (1 + sign * SPREAD.get(p, 0.2)) for p in BY_NAME}
    values |= {d.name: d.compute(values) for d in DERIVED}
    values["f_root"] = planet["lat"].values * 0 + 0.3  # nothing was learned
    return xr.Dataset({name: ("pixel", x) for name, x in values.items()})


def make(root, planet, seeds):
    planet = planet.assign(test=planet["test"].copy(data=planet["patch"].values < 3))
    return sample.make_with_files(
        root, planet, lambda spec: {"parameters": parameters(planet, spec.seeds.init)}, seeds=seeds
    )


@pytest.fixture(scope="module")
def workspace(planet, tmp_path_factory):
    return make(tmp_path_factory.mktemp("identify") / "ws", planet, 4)


def test_the_spread_over_members_and_the_truth(workspace):
    with workspace.open() as catalog:
        result = analysis.run(workspace, catalog, "identify", "setup.groups in ('PFT', 'CONTROL')")
    ds = result.dataset
    assert list(ds["setup"].values) == ["PFT", "CONTROL"]
    assert (ds["members"] == 4).all()
    one = ds.sel(setup="PFT")
    cv = one["cv"].sel(quantile=0.5)
    # two members up, two down by the fraction f: sd = f sqrt(4/3)
    assert float(cv.sel(parameter="f_auto")) == pytest.approx(0.01 * np.sqrt(4 / 3))
    assert float(cv.sel(parameter="lcma")) == pytest.approx(0.8 * np.sqrt(4 / 3))
    assert not one["identifiable"].sel(parameter="lcma")
    assert one["identifiable"].sel(parameter="f_auto")
    assert float(one["r_truth"].sel(parameter="lcma")) == pytest.approx(1)
    assert np.isnan(one["r_truth"].sel(parameter="f_root")), "constant: no correlation, not 0"
    assert "iwue" not in ds["parameter"].values
    table = identify.table(ds).set_index("setup")
    assert table.loc["PFT", "identifiable"] == int(one["identifiable"].sum())
    assert table.loc["PFT", "recall"] <= 1
    figure = identify.figure(ds)
    [axes] = figure.axes
    assert len(axes.get_yticklabels()) == ds.sizes["parameter"]
    assert axes.get_xscale() == "log"


def test_every_list_is_counted_beside_the_null(workspace):
    with workspace.open() as catalog:
        ds = analysis.run(workspace, catalog, "identify", "setup.groups = 'PFT'").dataset
    counts = {str(n): int((ds["list"] == n).sum()) for n in np.unique(ds["list"].values)}
    assert counts == {"ecological": 30, "days of the year": 2, "initial pools": 7, "derived": 10}
    row = identify.table(ds).iloc[0]
    assert row["of initial pools"] == "7 of 7"
    assert row["of days of the year"].endswith(" of 2")
    assert np.isfinite(ds["null"]).all()
    null = ds["null"].isel(setup=0)
    narrowed = ds["identifiable"][0] & (ds["cv"][0].sel(quantile=0.5) < 0.5 * null)
    assert row["and narrowed"] == f"{int(narrowed.sum())} of {int(ds['identifiable'].sum())}"
    assert "before they are trained" in ds.attrs["notes"]


def test_days_of_the_year_are_a_circle():
    days = np.array([[360.0], [365.25 + 5.0], [2 * 365.25 + 0.0], [3 * 365.25 - 3.0]])  # around new year
    spread = identify._Spread(np.ones(1, bool), np.array([365.25]))
    for day in days:
        spread.add(day[:, None])
    angles = 2 * np.pi * days[:, 0] / 365.25
    r = np.abs(np.exp(1j * angles).mean())
    assert float(spread.cv[0, 0]) == pytest.approx(np.sqrt(-2 * np.log(r)))
    assert float(spread.cv[0, 0]) < 0.1, "a few days"
    assert days.std() / days.mean() > 0.4, "which a coefficient of variation calls years"


def test_unseen_are_the_pixels_that_the_split_holds_out(planet, tmp_path):
    """Of folds it is not the dataset's test pixels: some members learned from those."""
    kfold = {"kind": "kfold", "folds": 2, "fold": 1}
    asked = sample.grid(planet.attrs["name"], setups=(("PFT",),), split=kfold)
    constant = planet.assign(true_lcma=planet["true_lcma"].copy(data=np.full(planet.sizes["pixel"], 50.0)))
    held_out = split.assign(planet, SplitSpec(**kfold), 0) == "test"
    assert held_out.any()
    assert (held_out != planet["test"].values).any()

    def files(spec):
        right = parameters(planet, spec.seeds.init)
        wrong = {n: x.copy(data=x.values[::-1]) for n, x in right.items()}
        ds = right.where(xr.DataArray(held_out, dims="pixel"), xr.Dataset(wrong))
        return {"parameters": ds.assign({n: ("pixel", planet[n].values) for n in ("lat", "lon")})}

    workspace = sample.make_with_files(tmp_path / "ws", constant, files, asked)
    with workspace.open() as catalog:
        ds = analysis.run(workspace, catalog, "identify").dataset
        components = analysis.run(
            workspace, catalog, "pca", options={"parameters": "lcma,f_auto,uwue"}
        ).dataset
    r = ds["r_truth"].isel(setup=0)
    assert [float(r.sel(parameter=p)) for p in ("f_auto", "uwue")] == pytest.approx([1, 1])
    assert "r_truth" not in components, "the same everywhere in truth: no axes, and no failure"


def test_an_altered_file_is_not_used(workspace, tmp_path, planet):
    own = make(tmp_path / "ws", planet, 2)
    with own.open() as catalog:
        before = analysis.run(own, catalog, "identify")
        run_id = catalog.runs()["run_id"][0]
        path = own.path(catalog.artifacts(run_id).set_index("kind").loc["parameters", "path"])
        path.write_bytes(path.read_bytes()[:-1])
        with pytest.raises(LandlabError, match=f"of run {run_id} is missing or altered; `landlab doctor"):
            analysis.run(own, catalog, "identify")
    assert before.provenance["analysis"]["kinds"] == ["parameters"]


def test_files_are_evidence(workspace):
    with workspace.open(read_only=True) as catalog:
        ids = list(catalog.runs()["run_id"])
        by_files = catalog.evidence(ids, (), ("parameters",))
        assert by_files != catalog.evidence(ids, ())
        assert len(set(catalog.evidence(ids, ()).values())) == 1


def test_what_is_refused(workspace, planet, tmp_path):
    with workspace.open() as catalog, pytest.raises(LandlabError, match="3 of 3 setups have one member"):
        analysis.run(workspace, catalog, "identify", "seed = 0")
    bare = sample.make(tmp_path / "ws", planet)
    with bare.open() as catalog, pytest.raises(LandlabError, match="has no file 'parameters'"):
        analysis.run(bare, catalog, "identify")
