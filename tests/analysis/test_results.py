"""Skill, parameters and series of an ensemble, each opened in one call."""

import shutil

import numpy as np
import pytest
import xarray as xr

import landlab_mgr
from landlab_mgr.errors import LandlabError
from landlab_mgr.storage import artifacts
from landlab_mgr.workspace.workspace import Workspace

from . import sample


def test_the_skill_of_an_ensemble(scored):
    skill = landlab_mgr.open_skill(scored.root, "predictors = 'PFT'")
    assert skill.dims == ("run", "split", "variable", "statistic")
    assert skill["setup"].values.tolist() == ["PFT", "PFT"]
    assert skill["seed"].values.tolist() == [0, 1]
    r2 = skill.sel(split="dev", variable="lai", statistic="R2")
    with scored.open(read_only=True) as catalog:
        metrics = catalog.metrics_array("predictors = 'PFT'").sel(split="dev", variable="lai", statistic="R2")
        looks = catalog.test_reads()
    np.testing.assert_array_equal(r2, metrics)
    assert looks == 0


def test_a_look_at_test_skill_is_counted(forecast):
    with forecast.open(read_only=True) as catalog:
        before = catalog.test_reads()
    landlab_mgr.open_skill(forecast, splits=["test"])
    with forecast.open(read_only=True) as catalog:
        assert catalog.test_reads() > before


def test_the_series_of_an_ensemble_are_those_of_the_files(forecast):
    monthly = landlab_mgr.open_monthly(forecast, "seed < 2")
    assert {"run", "time", "pixel"} == set(monthly.dims)
    assert {"lat", "lon", "setup", "seed"} <= set(monthly.coords)
    with forecast.open(read_only=True) as catalog:
        [path] = catalog.artifacts(str(monthly["run"].values[1])).set_index("kind").loc[["monthly"], "path"]
    file = artifacts.read(forecast.path(path))
    assert set(monthly.data_vars) == set(file.data_vars) - {"split"}
    for name in monthly.data_vars:
        np.testing.assert_array_equal(monthly[name][1].values, file[name].values)


def test_the_parameters_of_an_ensemble(planet, tmp_path):
    def files(spec):
        values = planet["lat"].values + spec.seeds.init
        content = {n: ("pixel", values, {"units": "yr"}) for n in ("leaf_lifespan", "lat", "lon")}
        return {"parameters": xr.Dataset(content)}

    workspace = sample.make_with_files(tmp_path / "ws", planet, files, setups=[("PFT",)])
    parameters = landlab_mgr.open_parameters(workspace.root)
    assert list(parameters.data_vars) == ["leaf_lifespan"]
    assert parameters["leaf_lifespan"].dims == ("run", "pixel")
    assert parameters["leaf_lifespan"].attrs["units"] == "yr"
    np.testing.assert_array_equal(parameters["lat"], planet["lat"])
    np.testing.assert_allclose(
        parameters["leaf_lifespan"].sel(run=parameters["seed"] == 1)[0], planet["lat"] + 1
    )
    with pytest.raises(LandlabError, match="no completed run"):
        landlab_mgr.open_parameters(workspace, "seed = 99")


def test_an_analysis_by_name(scored, tmp_path):
    shutil.copytree(scored.root, tmp_path / "ws")
    workspace = Workspace.at(tmp_path / "ws", str(tmp_path / "ws" / "landlab.db"))
    result = landlab_mgr.analyse("skill", workspace, grid="scored", options={"split": "train"})
    assert result.dataset["skill"].dims == ("run", "variable")
    result.save_figure(tmp_path / "skill.png")
    assert (tmp_path / "skill.png").stat().st_size > 5000
