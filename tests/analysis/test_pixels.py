"""All pixels: their means and skill from the runs' files, and the parts of the split."""

import numpy as np
import pytest

from landlab_mgr.analysis import pixels, split_map
from landlab_mgr.errors import LandlabError
from landlab_mgr.storage import artifacts

from . import sample

pytestmark = pytest.mark.slow

FILTER = "setup.groups = 'PFT+CLIM'"


@pytest.fixture(scope="module")
def catalog(gridded):
    with gridded.open() as catalog:
        yield catalog


def test_means_of_all_pixels_and_maps_of_r(gridded, catalog):
    ds = sample.computed(pixels.ANALYSIS, gridded, catalog, FILTER)
    files = [
        artifacts.read(gridded.path(catalog.artifacts(run).set_index("kind").loc["skill", "path"]))
        for run in catalog.runs(FILTER)["run_id"]
    ]
    label = artifacts.labels(files[0]["split"])
    for name in ("lai", "nbe"):
        own = [f[name].sel(period="observation") for f in files]
        for statistic in ("r", "bias"):
            x = np.stack([f.sel(statistic=statistic).values for f in own])
            x = np.where(np.stack([f.sel(statistic="n").values for f in own]) >= 12, x, np.nan)
            mean = np.where(label == "test", np.nan, x.mean(axis=0))
            got = ds["skill"] if statistic == "r" else ds["modelled"] - ds["observed"]
            got = got.sel(variable=name).values
            both = np.isfinite(mean)
            np.testing.assert_allclose(got[both], mean[both], rtol=1e-4, atol=1e-5)
    data = sample.loaded(pixels.ANALYSIS, gridded, catalog, FILTER)[0]
    seen = data["lai"].values[:, 24:].astype(float)
    here = np.isfinite(seen).any(axis=1) & (label != "test")
    np.testing.assert_allclose(
        ds["observed"].sel(variable="lai").values[here], np.nanmean(seen[here], axis=1), rtol=1e-5
    )
    assert np.isnan(ds["observed"].sel(variable="ewt")).all()
    assert "no means: ewt (an anomaly" in ds.attrs["notes"]
    table = pixels.table(ds).set_index("variable")
    assert (table.loc["nbe", "of"], table.loc["lai", "of"]) == ("patches", "pixels")
    assert table.loc["nbe", "places"] <= 10
    assert pixels.figure(ds.assign_attrs(analysis="x", filter=FILTER)).axes
    before = catalog.test_reads()
    tested = sample.computed(pixels.ANALYSIS, gridded, catalog, FILTER, split="all", variables="lai")
    assert catalog.test_reads() == before + 1
    assert int(np.isfinite(tested["observed"]).sum()) > int(here.sum())
    with pytest.raises(LandlabError, match="no run has skill of 'height' by pixel; there are: gpp"):
        sample.computed(pixels.ANALYSIS, gridded, catalog, FILTER, variables="height")


def test_the_parts_of_the_split(gridded, catalog):
    ds = sample.computed(split_map.ANALYSIS, gridded, catalog)
    assert ds.attrs["drawn"] == 3, "draws follow the seed, not the setup"
    assert (ds["draws"].sum("part") == 3).all()
    assert int((ds["draws"].sel(part="test") == 3).sum()) == 60
    table = split_map.table(ds).set_index("part")
    assert table.loc["test", "patches"] == pytest.approx(3)
    assert table["% of area"].sum() == pytest.approx(100)
    assert split_map.figure(ds.assign_attrs(analysis="x", filter="")).axes
