"""Whole ensembles: a wide table for other programs, an array for xarray."""

import math
import re

import numpy as np
import pytest

from landlab_mgr.catalog import MetricRecord
from landlab_mgr.errors import LandlabError
from landlab_mgr.spec.grid import GridSpec
from landlab_mgr.spec.run import RunSpec, Seeds

from .sample import FINGERPRINT, claim, epoch, metric


@pytest.fixture
def scored(catalog, runs):
    """Two completed runs of six, with odd values, and a metric that only the first has."""
    for values in ((0.5, 0.25, -math.inf), (math.nan, -0.0, 2.0)):
        taken = claim(catalog)
        catalog.record(taken.token, [epoch(1)])
        metrics = [
            MetricRecord(split, "gpp", "R2", "flat", value)
            for split, value in zip(("dev", "train", "test"), values, strict=True)
        ]
        if values[0] == 0.5:
            metrics.append(MetricRecord("dev", "lai", "rmse", "spatial", 7.0))
        catalog.finish(taken.token, metrics)
    return catalog


def test_the_table_has_every_setting_and_metric(scored, runs):
    scored.tag([runs[1].run_id], "paper")
    table = scored.table()
    assert list(table["run_id"]) == [spec.run_id for spec in runs]
    first = table.iloc[0]
    assert first["fingerprint"] == FINGERPRINT
    assert (first["process.water_stress"], first["network.hidden"]) == ("linear", "32,32,32")
    assert (first["optimizer.epochs"], first["seeds.init"], first["loss_weights.lai"]) == (199, 0, 10.0)
    assert list(table["tags"]) == ["", "paper", "", "", "", ""]
    metrics = [c for c in table if c.startswith("metrics.")]
    assert metrics == [
        "metrics.train.gpp.R2.flat",
        "metrics.dev.gpp.R2.flat",
        "metrics.dev.lai.rmse.spatial",
    ]
    values = table[metrics].to_numpy()
    assert values[0].tolist() == [0.25, 0.5, 7.0]
    assert math.copysign(1, values[1, 0]) == -1
    assert np.isnan(values[1, 1:]).all()
    assert np.isnan(values[2:]).all()
    assert not [c for c in table if c.startswith("dev.")], "the headline is among the metrics"
    for column in (metrics[1], "loss_weights.lai", "optimizer.learning_rate"):  # names that a filter takes
        assert list(scored.runs(f"{column} >= 0.0005")["run_id"]) == list(
            table.loc[table[column] >= 0.0005, "run_id"]
        )


def test_test_metrics_only_by_name(scored):
    table = scored.table("status = 'completed'", splits=("test",))
    assert [c for c in table if c.startswith("metrics.")] == ["metrics.test.gpp.R2.flat"]
    assert table["metrics.test.gpp.R2.flat"].tolist() == [-math.inf, 2.0]
    with pytest.raises(LandlabError, match="no split 'tests'; there are train, dev, test, withheld"):
        scored.table(splits=("tests",))


def test_a_table_of_nothing(scored):
    table = scored.table("seed = 77")
    assert table.empty
    assert "run_id" in table


def test_the_array(scored, runs):
    array = scored.metrics_array("status = 'completed' or status = 'pending'", splits=("dev", "train"))
    assert array.dims == ("run", "split", "variable", "statistic")
    assert array["run"].values.tolist() == [spec.run_id for spec in runs[:2]]
    assert array["setup"].values.tolist() == ["PFT", "CLIM"]
    assert array["dataset"].values.tolist() == ["twin", "twin"]
    np.testing.assert_array_equal(array.sel(variable="gpp", statistic="R2"), [[0.5, 0.25], [np.nan, -0.0]])
    assert array["label"].values.tolist() == ["PFT", "CLIM"]
    spatial = scored.metrics_array(level="spatial")
    assert spatial.sel(split="dev", variable="lai", statistic="rmse").values.tolist() == [7.0]
    assert scored.metrics_array("seed = 77").size == 0


def test_setups_of_the_same_predictors_are_told_apart(catalog):
    base = {"dataset": FINGERPRINT, "predictors": ("PFT",)}
    spec = RunSpec(**base)
    heavier = RunSpec(**base, loss_weights={"lai": 7.0})
    again = RunSpec(**base, loss_weights={"lai": 7.0}, seeds=Seeds(init=1))
    longer = RunSpec(**base, optimizer={"epochs": 7})
    trial = RunSpec(**base, loss_weights={"lai": 1.0, "gpp_fluxnet": 2.0, "biomass": 3.0, "som": 4.0})
    specs = [spec, heavier, longer, again]
    catalog.register_runs([*specs, trial])
    for _ in range(5):
        catalog.finish(claim(catalog).token, [metric(0.5)])
    ids = [s.run_id for s in specs]
    told = catalog.setups([*ids, "not there"])
    assert list(told) == ids
    parts = [set(told[i].split(", ")) for i in ids]
    assert parts == [
        {"PFT", "lai 10.0", "epochs 199"},
        {"PFT", "lai 7.0", "epochs 199"},
        {"PFT", "lai 10.0", "epochs 7"},
        {"PFT", "lai 7.0", "epochs 199"},
    ]
    array = catalog.metrics_array()
    assert array["run"].size == 5
    assert array.groupby("setup").count("run")["setup"].size == 4
    [of_trial] = array["setup"].sel(run=[trial.run_id]).values
    assert re.search(r"weights [0-9a-f]{6}$", of_trial), "of many weights their identity"
    assert list(catalog.setups(ids[:1]).values()) == ["PFT"]


def test_setups_are_named_within_their_grids(catalog):
    base = {"dataset": FINGERPRINT, "setups": (("PFT",),), "seeds": 1}
    plain = GridSpec(name="plain", **base)
    axes = GridSpec(name="axes", **base, axes={"optimizer.epochs": [7, 8]})
    for grid in (plain, axes):
        catalog.register_runs(list(grid.expand(FINGERPRINT)), grid)
    [alone], of_axes = [[run.run_id for run in grid.expand(FINGERPRINT)] for grid in (plain, axes)]
    told = catalog.setups_in_grids([*of_axes, alone, "not there"])
    assert told == {of_axes[0]: "PFT, epochs 7", of_axes[1]: "PFT, epochs 8", alone: "PFT"}
    assert catalog.setup_of(of_axes[1][:8]) == "PFT, epochs 8"
    single = RunSpec(dataset=FINGERPRINT, predictors=("CLIM",))
    catalog.register_runs([single])
    assert catalog.setup_of(single.run_id) == "CLIM"
