"""Skill by setup: the numbers, and what the figure shows of them."""

import numpy as np
import pytest
import xarray as xr

from landlab_mgr import analysis, register
from landlab_mgr.analysis import skill
from landlab_mgr.analysis.pattern import Ensemble
from landlab_mgr.spec import RunSpec

from . import sample


@pytest.fixture
def catalog(scored):
    with scored.open(read_only=True) as catalog:
        yield catalog


def computed(scored, catalog, filter="", **options):
    ensemble = Ensemble.select(scored, catalog, filter)
    return skill.compute(ensemble, skill.SkillOptions(**options)).assign_attrs(
        analysis="0" * 16, filter=filter
    )


def test_the_metrics_of_each_run_setups_with_few_groups_first(scored, catalog):
    ds = computed(scored, catalog)
    assert ds["skill"].dims == ("run", "variable")
    assert list(ds["setup"].values) == ["CONTROL"] * 2 + ["PFT"] * 2 + ["PFT+CLIM"] * 2
    assert list(ds["seed"].values) == [0, 1] * 3
    assert list(ds["variable"].values) == ["et", "lai"], "in the order of the table; som has no value"
    for run in ds["run"].values:
        metrics = catalog.metrics(run).set_index(["split", "variable", "statistic", "level"])["value"]
        assert float(ds["skill"].sel(run=run, variable="lai")) == metrics["dev", "lai", "R2", "flat"]
        assert float(ds["skill"].sel(run=run, variable="et")) == metrics["dev", "et", "R2", "flat"]


def test_options_choose_the_metric(scored, catalog):
    dev = computed(scored, catalog, statistic="r", level="spatial")["skill"]
    train = computed(scored, catalog, split="train", statistic="r", level="spatial")["skill"]
    run = catalog.runs("setup.groups = 'PFT' and seed = 1")["run_id"][0]
    # r is the first statistic, spatial the second level of the sample
    assert float(dev.sel(run=run, variable="lai")) == pytest.approx((0.4 + 0.1) / 2)
    assert float(train.sel(run=run, variable="lai")) == pytest.approx((0.4 + 0.1 + 0.2) / 2)


def test_the_table_holds_means_over_runs(scored, catalog):
    table = skill.table(computed(scored, catalog, "seed = 0 or setup.groups = 'PFT'"))
    assert list(table.columns) == ["predictors", "runs", "mean", "et", "lai"]
    assert list(table["runs"]) == [1, 2, 1]
    k = 1 / 3  # R2 is the third statistic of the sample
    assert table["lai"].to_numpy() == pytest.approx(np.array([-0.2, 0.45, 0.6]) * k)
    assert table["mean"].to_numpy() == pytest.approx(np.array([-0.2, 0.45, 0.6]) * k * 0.75)


def test_setups_are_told_apart_by_what_varies(planet, tmp_path):
    workspace = sample.make(tmp_path / "ws", planet, seeds=1)
    with workspace.open() as catalog:
        dataset = catalog.datasets()[0].name
        crossed = sample.grid(dataset, "crossed", 1, axes={"process.water_stress": ("none", "linear")})
        register.grid(workspace, catalog, crossed)
        sample.complete_all(workspace, catalog)
        result = analysis.run(workspace, catalog, "skill", "setup.groups = 'PFT'")
        assert list(result.dataset["setup"].values) == ["PFT, water_stress linear", "PFT, water_stress none"]
        assert isinstance(next(iter(catalog.specs(result.dataset["run"].values.tolist()).values())), RunSpec)


def test_the_figure_shows_every_run_and_its_number(scored, catalog):
    figure = skill.figure(computed(scored, catalog, "seed = 0 or setup.groups = 'PFT'"))
    [axes] = figure.axes
    assert [t.get_text() for t in axes.get_yticklabels()] == ["CONTROL", "PFT", "PFT+CLIM"]
    assert axes.get_title(loc="left") == "Skill by predictor set (4 runs, synthetic data)"
    assert axes.get_xlabel() == "R2 on dev pixels (large: mean of 1 to 2 runs)"
    assert "seed = 0 or setup.groups = 'PFT'" in {t.get_text() for t in axes.texts}
    drawn = np.concatenate([c.get_offsets()[:, 0] for c in axes.collections if c.get_sizes()[0] == 7])
    assert len(drawn) == 8, "a dot for each run and variable"


def test_what_is_below_the_axis_is_said(scored, catalog):
    ds = computed(scored, catalog)
    ds["skill"][0, 0] = -5.0
    [axes] = skill.figure(ds).axes
    assert axes.get_xlim()[0] == -1
    assert any("below -1: not drawn" in t.get_text() for t in axes.texts)


def test_many_variables_are_a_coloured_table(scored, catalog):
    ds = computed(scored, catalog, "seed = 0 or setup.groups = 'PFT'")
    many = xr.concat(
        [ds.assign_coords(variable=[f"{v}{i}" for v in ds["variable"].values]) for i in range(4)], "variable"
    )
    many = many.assign_coords(setup=ds["setup"], seed=ds["seed"]).assign_attrs(ds.attrs)
    many["skill"][0, 1] = np.nan
    figure = skill.figure(many)
    axes = figure.axes[0]
    assert [t.get_text() for t in axes.get_yticklabels()] == ["CONTROL", "PFT", "PFT+CLIM"]
    assert [t.get_text() for t in axes.get_xticklabels()] == ["mean", *many["variable"].values]
    cells = [t.get_text() for t in axes.texts][: 3 * 9]
    pft = skill.table(many).set_index("predictors").loc["PFT"]
    assert cells[9] == f"{pft['mean']:.2f}"
    assert cells[10] == f"{pft['et0']:.2f}"
    assert cells[2] == "–", "undefined is not 0"
