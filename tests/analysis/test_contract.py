"""Analyses alone: on datasets made by hand, without a catalog, a workspace or a file."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from landlab_mgr import analysis
from landlab_mgr.analysis import (
    benchmark,
    budget,
    curve,
    identify,
    of_models,
    partition,
    partition_map,
    pca,
    runs,
    skill,
    trust,
)
from landlab_mgr.analysis import towers as tower_means
from landlab_mgr.errors import LandlabError
from landlab_mgr.models import registry
from landlab_mgr.spec.run import RunSpec

from . import forecasts, sample

SETS = ("CONTROL", "PFT", "CLIM", "PFT+CLIM")
WORTH = {"CONTROL": 0.1, "PFT": 0.3, "CLIM": 0.4, "PFT+CLIM": 0.8}
N = 12


def by_hand(labels, seeds=2, **variables):
    """Runs of these predictor sets, each with this many seeds."""
    specs = [
        RunSpec(
            dataset="hand", predictors=tuple(label.split("+")), seeds={"init": s, "split": s, "shuffle": s}
        )
        for label in labels
        for s in range(seeds)
    ]
    coords = {
        "run": [spec.run_id for spec in specs],
        "setup": ("run", [spec.label for spec in specs]),
        "label": ("run", [spec.label for spec in specs]),
        "seed": ("run", [spec.seeds.init for spec in specs]),
        "dataset": ("run", ["hand"] * len(specs)),
        "spec": ("run", np.array([spec.model_dump_json() for spec in specs], object)),
    }
    return xr.Dataset(variables, coords, {"name": "hand", "synthetic": 0})


def metrics():
    values = np.array([WORTH[x] for x in SETS for _ in range(2)])[:, None, None, None]
    ds = by_hand(SETS, metric=(("run", "split", "variable", "statistic"), values))
    return ds.assign_coords(split=["dev"], variable=["lai"], statistic=["R2"])


def test_partition_of_metrics_made_by_hand():
    ds = partition.compute(metrics(), partition.PartitionOptions(draws=0))
    # PFT brings 0.2 first and 0.4 second, CLIM 0.3 and 0.5
    assert ds["independent"].sel(variable="lai").values == pytest.approx([0.3, 0.4])
    with pytest.raises(LandlabError, match="1 of 4 setups have no completed run: PFT"):
        partition.compute(metrics().isel(run=[0, 1, 4, 5, 6, 7]), partition.PartitionOptions())


def test_skill_of_metrics_made_by_hand():
    ds = skill.compute(metrics(), skill.SkillOptions())
    assert list(ds["skill"].values[:, 0]) == pytest.approx([0.1, 0.1, 0.4, 0.4, 0.3, 0.3, 0.8, 0.8])
    assert ds["possible"].isnull().all(), "the dataset is not there"


def test_partition_by_pixel_of_files_made_by_hand():
    worth = np.array([WORTH[x] for x in SETS for _ in range(2)])
    values = np.stack([np.tile(worth[:, None], N), np.full((8, N), 24.0)], axis=-1)
    pixel = {name: ("pixel", np.arange(N, dtype=float)) for name in ("lat", "lon")}
    ds = by_hand(SETS, **pixel, area_m2=("pixel", np.ones(N)), patch=("pixel", np.arange(N)))
    ds["skill.lai"] = (("run", "period", "pixel", "statistic"), values[:, None])
    ds["skill.split"] = (("run", "pixel"), np.full((8, N), "dev"))
    ds = ds.assign_coords(period=["observation"], statistic=["R2", "n"])
    result = partition_map.compute(ds, partition_map.PartitionMapOptions(statistic="R2"))
    assert (result["dominant"] == 1).all()
    assert result["independent"].sel(group="PFT").values == pytest.approx(0.3)


def test_parameters_made_by_hand():
    rng = np.random.default_rng(0)
    ds = by_hand(["PFT"], patch=("pixel", np.arange(N)), test=("pixel", np.arange(N) < 4))
    maps = {name: rng.uniform(1, 2, N) for name in of_models.judged(registry.tables("dalec"))}
    for name, x in maps.items():
        ds[f"parameters.{name}"] = (("run", "pixel"), np.stack([0.9 * x, 1.1 * x]))
    for name in ("lat", "lon"):
        ds[f"parameters.{name}"] = (("run", "pixel"), np.tile(np.arange(N), (2, 1)))
    spread = identify.compute(ds, identify.IdentifyOptions())
    of_days = spread["list"].values == "days of the year"
    assert spread["cv"].values[:, ~of_days] == pytest.approx(0.1 * np.sqrt(2))
    assert "null: not drawn (" in spread.attrs["notes"]
    assert spread["agreement"].values[:, ~of_days] == pytest.approx(1)
    components = pca.compute(ds, pca.PcaOptions())
    x = np.stack([maps[name] for name in of_models.principal(registry.tables("dalec"))])
    largest = np.linalg.eigvalsh(np.corrcoef(x))[-1] / len(x)
    assert float(components["explained"][0]) == pytest.approx(largest)


@pytest.fixture
def predicted(towers):
    """Monthly predictions of four members beside a dataset, in memory."""
    specs = [
        RunSpec(
            dataset="hand",
            predictors=forecasts.FULL,
            warmup_months=forecasts.WARMUP,
            seeds={"init": s, "split": s, "shuffle": s},
        )
        for s in range(4)
    ]
    ds = by_hand(["PFT+CLIM"], 4).merge(towers, combine_attrs="drop_conflicts")
    ds = ds.assign_coords(spec=("run", np.array([spec.model_dump_json() for spec in specs], object)))
    for name in forecasts.predicted(towers, specs[0]):
        values = np.stack([forecasts.predicted(towers, spec)[name] for spec in specs])
        ds[f"monthly.{name}"] = (("run", "pixel", "time"), values)
    ds["monthly.split"] = (("run", "pixel"), np.stack([forecasts.labels(towers, spec) for spec in specs]))
    return ds.assign_attrs(towers.attrs | {"synthetic": 1})


def test_monthly_predictions_made_by_hand(predicted, towers):
    mean = predicted["monthly.gpp"].values.astype(float).mean(axis=0)
    seen = forecasts.observed(towers, "gpp_fluxnet")
    whole = skill.compute(predicted, skill.SkillOptions(of="ensemble_mean", split="test"))
    held_out = towers["test"].values
    expected = forecasts.r2(mean[held_out], seen[held_out])
    assert float(whole["skill"].sel(variable="gpp")[0]) == pytest.approx(expected, rel=1e-5)
    sites = tower_means.compute(predicted, tower_means.TowersOptions())
    assert float(sites["mean"].sel(variable="gpp", sites="all", statistic="R2")) == pytest.approx(
        forecasts.r2(mean, seen), rel=1e-5
    )
    growth = curve.compute(predicted, curve.CurveOptions(split="test", variables="gpp"))
    assert float(growth["skill"].sel(size=4, quantile=0.5)[0]) == pytest.approx(expected, rel=1e-5)
    judged = trust.compute(predicted, trust.TrustOptions(split="test", variables="gpp"))
    assert int(judged["pairs"][0]) == np.isfinite(seen[held_out]).sum()
    area = towers["area_m2"].values
    total = budget.compute(predicted, budget.BudgetOptions(variables="gpp"))["total"].mean("run")
    first = (area * mean[:, :12].mean(axis=1)).sum() * 365.25e-15
    assert float(total.sel(region="all", variable="gpp")[0]) == pytest.approx(first, rel=1e-5)
    with pytest.raises(LandlabError, match="the runs are all of process model"):
        benchmark.compute(predicted, benchmark.BenchmarkOptions())


def test_a_loaded_dataset_is_read_when_it_is_used(planet, tmp_path):
    """Files of a run that nobody asks for are not opened; a run that lacks a variable has NaN there."""

    def files(spec):
        names = ("lcma", "q10") if spec.predictors == ("PFT",) else ("lcma",)
        values = {n: ("pixel", np.full(N, 1.0 + spec.seeds.init)) for n in names}
        return {"parameters": xr.Dataset(values)}

    workspace = sample.make_with_files(tmp_path / "ws", planet, files, setups=(("PFT",), ("CLIM",)))
    one = analysis.Analysis(
        "one", "", analysis.Options, lambda o: analysis.Needs(files={"parameters": ()}), None, None, None
    )
    with workspace.open() as catalog:
        ds, _ = sample.loaded(one, workspace, catalog)
        last = catalog.artifacts(str(ds["run"].values[-1])).set_index("kind").loc["parameters", "path"]
    workspace.path(last).unlink()
    assert list(ds["label"].values) == ["PFT", "CLIM", "PFT", "CLIM"]
    assert ds["parameters.lcma"].isel(run=slice(1, 3)).values.tolist() == [[1.0] * N, [2.0] * N]
    assert ds["parameters.lcma"].isel(run=[2, 1], pixel=[0, 3]).values.tolist() == [[2.0, 2.0], [1.0, 1.0]]
    assert ds["parameters.q10"].isel(run=1).isnull().all()
    assert [set(f.data_vars) for f in runs.files(ds, "parameters", [0, 1])] == [{"lcma", "q10"}, {"lcma"}]
    with pytest.raises(LandlabError, match="is missing or altered"):
        ds["parameters.lcma"].load()
    assert isinstance(ds["time"].to_index(), pd.DatetimeIndex)
