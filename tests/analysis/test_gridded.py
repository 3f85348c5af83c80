"""Analyses of a dataset too large for series of every pixel, with the gaps of real maps."""

import numpy as np
import pytest

from landlab_mgr.analysis import towers
from landlab_mgr.data import store
from landlab_mgr.errors import LandlabError
from landlab_mgr.storage import artifacts
from landlab_mgr.training import checkpoint, evaluate

from .. import gridded as planet
from . import sample

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
    with_tower = np.isfinite(np.stack([data[s].values for s in data if str(s).endswith("_fluxnet")]))
    for run_id, series in whole.items():
        files = catalog.artifacts(run_id).set_index("kind")
        monthly = artifacts.read(gridded.path(files.loc["monthly", "path"]))
        assert series["gpp"].dims == ("pixel", "time")
        assert monthly["gpp"].sizes == {"patch": planet.PATCHES, "time": 48}
        kept = monthly["tower_pixel"].values
        assert set(np.flatnonzero(with_tower.any(axis=(0, 2)))) <= set(kept)
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


def test_the_limit_of_whole_storage_is_a_number(monkeypatch):
    monkeypatch.setenv("LANDLAB_WHOLE_PIXELS", "many")
    with pytest.raises(LandlabError, match="LANDLAB_WHOLE_PIXELS=many; allowed: a number of pixels"):
        evaluate.whole_pixels()
