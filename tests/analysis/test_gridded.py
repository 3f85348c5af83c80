"""Analyses of a dataset too large for series of every pixel, with the gaps of real maps."""

import warnings

import numpy as np
import pytest

from landlab_mgr.analysis import budget, curve, members, partition_map, skill, towers, trust
from landlab_mgr.data import store
from landlab_mgr.errors import LandlabError
from landlab_mgr.models import registry
from landlab_mgr.storage import artifacts
from landlab_mgr.training import checkpoint, evaluate

from .. import gridded as planet
from . import forecasts, sample

pytestmark = pytest.mark.slow

FILTER = "setup.groups = 'PFT+CLIM'"
WARMUP = 24


@pytest.fixture(scope="module")
def catalog(gridded):
    with gridded.open() as catalog:
        yield catalog


@pytest.fixture(scope="module")
def data(gridded, catalog):
    return store.open_dataset(gridded.path(catalog.datasets()[0].url)).load()


@pytest.fixture(scope="module")
def whole(gridded, catalog, data, tmp_path_factory):
    """Of each member of the full setup, by run_id, the series of every pixel, as small datasets keep them."""
    series = {}
    for run_id, spec in catalog.specs(list(catalog.runs(FILTER)["run_id"])).items():
        files = catalog.artifacts(run_id).set_index("kind")
        params = checkpoint.load(gridded.path(files.loc["checkpoint", "path"]))["weights"]
        directory = tmp_path_factory.mktemp(run_id)
        member = evaluate.batch.Member.of(spec, data)
        _, written = evaluate.evaluate(spec, data, member, params, directory)
        series[run_id] = {f.kind: artifacts.read(f.path) for f in written}["monthly"]
    return series


def seen_at(data, stream):
    """[pixel, time], NaN in the warm-up."""
    values = data[stream].values.astype(float)
    values[:, :WARMUP] = np.nan
    return values


def test_every_tower_keeps_its_series(gridded, catalog, data, whole):
    of_towers = [name for name, stream in registry.streams().items() if stream.tower and name in data]
    with_tower = np.isfinite(np.stack([data[name].values for name in of_towers]))
    for run_id, series in whole.items():
        files = catalog.artifacts(run_id).set_index("kind")
        monthly = artifacts.read(gridded.path(files.loc["monthly", "path"]))
        assert series["gpp"].dims == ("pixel", "time")
        assert monthly["gpp"].sizes == {"patch": planet.PATCHES, "time": 48}
        kept = monthly["tower_pixel"].values
        assert list(np.flatnonzero(with_tower.any(axis=(0, 2)))) == list(kept)
        np.testing.assert_allclose(monthly["tower_gpp"], series["gpp"].values[kept], rtol=1e-5)


def test_towers_of_a_large_dataset(gridded, catalog, data, whole):
    ds = sample.computed(towers.ANALYSIS, gridded, catalog, FILTER)
    fluxes = ["gpp", "reco", "et_fluxnet"]
    assert [v for v in ds["variable"].values if v != "nee"] == fluxes
    ds = ds.sel(variable=fluxes)
    seen = {v: seen_at(data, f"{v}_fluxnet") for v in ("gpp", "reco", "et")}
    months = np.isfinite(np.stack(list(seen.values()))).all(axis=0).sum(axis=1)
    enough = months > 12
    assert list(ds["n_sites"].sel(sites="all")) == [6, 6, 6] == 3 * [enough.sum()]
    assert (months > 0).sum() == 7, "one site has six months only, another no respiration"
    mean = np.stack([x["gpp"].values for x in whole.values()]).mean(axis=0)
    there = enough[:, None] & np.isfinite(seen["gpp"])
    modelled, observed = (
        np.array([x[i, there[i]].mean() for i in np.flatnonzero(enough)]) for x in (mean, seen["gpp"])
    )
    r = float(ds["mean"].sel(variable="gpp", sites="all", statistic="r"))
    assert r == pytest.approx(np.corrcoef(modelled, observed)[0, 1], rel=1e-4)
    held_out = enough & data["test"].values
    assert list(ds["n_sites"].sel(sites="held out")) == 3 * [held_out.sum()]
    alone = sample.computed(towers.ANALYSIS, gridded, catalog, FILTER, min_months=1, together="none")
    assert list(alone["n_sites"].sel(sites="all", variable=fluxes)) == [8, 7, 8]
    with pytest.raises(
        LandlabError, match=r"option together: no tower flux 'lai'; there are: gpp, reco, et, nee, none"
    ):
        sample.computed(towers.ANALYSIS, gridded, catalog, FILTER, together="lai")


def compared(data, whole, stream, model):
    """The mean of the members' predictions and the observations, over what was observed of each patch."""
    patch, seen = data["patch"].values, seen_at(data, stream)
    x = np.stack([m[model].values for m in whole.values()]).astype(float)
    x = np.where(np.isfinite(seen), x.mean(axis=0), np.nan)
    average = registry.streams()[stream].average
    if average == "year":
        x, seen = (v.reshape(len(patch), -1, 12).mean(axis=2) for v in (x, seen))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of nothing
        if average in ("run", "anomaly"):
            means = [np.nanmean(v, axis=1, keepdims=True) for v in (x, seen)]
            x, seen = means if average == "run" else (x - means[0], seen - means[1])
        x, seen = (np.stack([np.nanmean(v[patch == p], axis=0) for p in range(10)]) for v in (x, seen))
    return x, seen


def test_the_ensemble_mean_has_every_variable_that_is_observed(gridded, catalog, data, whole):
    options = {"of": "ensemble_mean", "split": "test"}
    ds = sample.computed(skill.ANALYSIS, gridded, catalog, FILTER, **options)
    scores = ds["skill"].isel(ensemble=0)
    wanted = {"lai", "sif", "vod", "som", "biomass", "nbe", "fire", "ewt", "et_gleam", "gpp", "reco"}
    assert wanted <= set(ds["variable"].values)
    assert "compared by patch, over what was observed of each" in ds.attrs["notes"]
    for name, model in [(n, n) for n in ("lai", "sif", "vod", "som", "biomass", "nbe")] + [
        ("et_gleam", "et")
    ]:
        x, seen = compared(data, whole, name, model)
        test = [2, 5, 8]
        expected = forecasts.r2(x[test], seen[test])
        assert float(scores.sel(variable=name)) == pytest.approx(expected, rel=2e-3), name
    for other in (trust, curve):
        found = sample.computed(other.ANALYSIS, gridded, catalog, FILTER, split="test")
        assert wanted - {"gpp", "reco", "fire"} <= set(found["variable"].values)


def test_water_storage_of_a_patch_in_part(gridded, catalog, data):
    ds, _ = sample.loaded(skill.ANALYSIS, gridded, catalog, FILTER, of="ensemble_mean", split="train")
    [stack] = members.stacks(ds, "train", ["ewt"])
    seen = np.isfinite(stack.target.observed)
    assert not seen[planet.MISSING].any()
    whole = np.isfinite(data["ewt"].values)[data["patch"].values == 4].all(axis=0)
    whole[:WARMUP] = False
    assert (seen[:, 4] == whole).all()
    assert seen[:, planet.COAST].any(), "16 of 20 pixels"
    assert not seen[40:, 1].any(), "12 of 20 pixels"


def test_what_is_compared_by_patches_is_on_the_map(gridded, catalog, data):
    ds = sample.computed(partition_map.ANALYSIS, gridded, catalog, split="test")
    assert ds.attrs["statistic"] == "r2"
    assert {"nbe", "ewt", "lai", "et_gleam"} <= set(ds["variable"].values)
    patch, test = data["patch"].values, data["test"].values
    for name in ("nbe", "ewt"):
        one = ds.sel(variable=name)
        full = np.stack([one["full"].values[patch == p] for p in (2, 5, 8)])
        assert (full == full[:, :1]).all(), "the skill of a patch, at each of its pixels"
        assert (one["members"].values == np.where(test, planet.SEEDS, 0)).all()
    assert "compared by patches, and counted at each of their pixels: nbe, fire, ewt" in ds.attrs["notes"]


def test_files_of_older_versions_are_read(gridded, catalog):
    ds, _ = sample.loaded(skill.ANALYSIS, gridded, catalog, FILTER, of="ensemble_mean", split="train")
    old = ds.drop_vars([n for n in ds.data_vars if str(n).startswith("monthly.compared_")])
    assert (
        "in months when every pixel"
        in skill.compute(old, skill.SkillOptions(of="ensemble_mean")).attrs["notes"]
    )


def test_the_limit_of_whole_storage_is_a_number(monkeypatch):
    monkeypatch.setenv("LANDLAB_WHOLE_PIXELS", "many")
    with pytest.raises(LandlabError, match="LANDLAB_WHOLE_PIXELS=many; allowed: a number of pixels"):
        evaluate.whole_pixels()


def test_the_inversion_stands_beside_the_budget(gridded, catalog, data, whole):
    ds = sample.computed(budget.ANALYSIS, gridded, catalog, FILTER, variables="gpp,nbe")
    assert list(ds["observed"].values) == ["nbe"]
    patch, area, year = data["patch"].values, data["area_m2"].values, data["time"].dt.year.values
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of nothing
        seen = np.stack([np.nanmean(data["nbe"].values[patch == p], axis=0) for p in range(10)])
    of_patch = np.bincount(patch, area)
    inverted = np.isfinite(seen[:, year == 2002]).any(axis=1)
    mean = np.full(10, np.nan)
    mean[inverted] = np.nanmean(seen[inverted][:, year == 2002], axis=1)
    expected = np.nansum(of_patch * mean) * 365.25 * 1e-15
    assert float(ds["inversion"].sel(observed="nbe", region="all", year=2002)) == pytest.approx(
        expected, rel=1e-5
    )
    first = next(iter(whole.values()))["nbe"].values.astype(float)
    model = np.stack([first[patch == p].mean(axis=0) for p in range(10)])
    model = np.where(np.isfinite(seen), model, np.nan)[:, year == 2002]
    model = np.nan_to_num(np.nanmean(np.where(inverted[:, None], model, 0.0), axis=1))
    own = ds["beside"].sel(observed="nbe", region="all", year=2002, run=next(iter(whole)))
    assert float(own) == pytest.approx(np.nansum(of_patch * model) * 365.25 * 1e-15, rel=1e-4)
    table = budget.table(ds).set_index(["variable", "region"])
    assert np.isnan(table.loc[("gpp", "all"), "inversion"])
    assert np.isfinite(
        table.loc[("nbe", "all"), ["inversion", "modelled there", "sd there"]].astype(float)
    ).all()
