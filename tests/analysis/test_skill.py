"""Skill by setup: the numbers, and what the figure shows of them."""

import numpy as np
import pytest
import xarray as xr

from landlab_mgr import analysis
from landlab_mgr.analysis import skill
from landlab_mgr.errors import LandlabError
from landlab_mgr.spec.run import RunSpec
from landlab_mgr.workspace import register

from . import forecasts, sample


@pytest.fixture
def catalog(scored):
    with scored.open(read_only=True) as catalog:
        yield catalog


def computed(scored, catalog, filter="", **options):
    ds = sample.computed(skill.ANALYSIS, scored, catalog, filter, **options)
    return ds.assign_attrs(analysis="0" * 16, filter=filter)


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
    assert list(table.columns) == ["predictors", "runs scored", "mean", "et", "lai", "sd of et", "sd of lai"]
    assert list(table["runs scored"]) == [1, 2, 1]
    k = 1 / 3  # R2 is the third statistic of the sample
    sd = np.array([np.nan, 0.1 / 2**0.5, np.nan]) * k
    assert table["sd of lai"].to_numpy() == pytest.approx(sd, nan_ok=True)
    assert table["lai"].to_numpy() == pytest.approx(np.array([-0.2, 0.45, 0.6]) * k)
    assert table["mean"].to_numpy() == pytest.approx(np.array([-0.2, 0.45, 0.6]) * k * 0.75)


@pytest.mark.slow
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
    assert axes.get_title(loc="left") == "Skill of members by predictor set (4 runs, synthetic data)"
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
        [ds.assign_coords(variable=[f"{v}{i}" for v in ds["variable"].values]) for i in range(4)],
        "variable",
        data_vars="minimal",
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


# --- of monthly predictions


def from_files(forecast, filter="", **options):
    with forecast.open() as catalog:
        ds = sample.computed(skill.ANALYSIS, forecast, catalog, filter, **options)
        return ds.assign_attrs(analysis="0" * 16, filter=filter), forecasts.specs(catalog, filter)


def mean_of(towers, specs, variable, part):
    """Mean over the members that are scored at each pixel, [pixel, time]; NaN where none is."""
    x = np.stack([forecasts.predicted(towers, s)[variable] for s in specs]).astype(float)
    x[np.stack([forecasts.labels(towers, s) != part for s in specs])] = np.nan
    n = np.isfinite(x).sum(axis=0)
    return np.where(n > 0, np.nansum(x, axis=0) / np.maximum(n, 1), np.nan)


@pytest.mark.parametrize("part", ["test", "dev", "train"])
def test_the_ensemble_mean_is_predicted_first_and_scored_then(forecast, towers, part):
    ds, _ = from_files(forecast, split=part, of="ensemble_mean")
    assert list(ds["setup"].values) == ["LATLON", "PFT+CLIM"], (
        "position first: what predictors are held against"
    )
    assert list(ds["members"].values) == [6, 6]
    for setup in ("LATLON", "PFT+CLIM"):
        with forecast.open(read_only=True) as catalog:
            specs = forecasts.specs(catalog, f"setup.groups = '{setup}'")
        mean, seen = mean_of(towers, specs, "gpp", part), forecasts.observed(towers, "gpp_fluxnet")
        one = ds.sel(ensemble=setup, variable="gpp")
        assert float(one["skill"]) == pytest.approx(forecasts.r2(mean, seen), rel=1e-5)
        scored = np.isfinite(mean).any(axis=1)
        assert int(one["compared"]) == np.isfinite(seen[scored]).sum()
        assert int(one["possible"]) == scored.sum() * 96
    table = skill.table(ds)
    assert list(table["runs averaged"]) == [6, 6]
    notes = ds.attrs["notes"]
    assert notes.startswith("ensemble mean: R2 of the mean prediction")
    assert ("the mean at a pixel is over the runs that have it in" in notes) == (part != "test")
    assert "PFT+CLIM less LATLON: gpp +" in notes


def test_of_patches_and_years(forecast, towers):
    ds, specs = from_files(forecast, "setup.groups = 'PFT+CLIM'", split="test", of="ensemble_mean")
    patch, mean = towers["patch"].values, mean_of(towers, specs, "nbe", "test")
    seen = forecasts.observed(towers, "nbe")
    by_patch = [np.stack([v[patch == p].mean(axis=0) for p in range(6)]) for v in (mean, seen)]
    one = ds.sel(variable="nbe").isel(ensemble=0)
    assert float(one["skill"]) == pytest.approx(forecasts.r2(*by_patch), rel=1e-5)
    assert int(one["possible"]) == 2 * 96
    yearly = [
        v.reshape(12, 9, 12).mean(axis=2)
        for v in (mean_of(towers, specs, "biomass", "test"), seen_all(towers))
    ]
    assert float(ds["skill"].sel(variable="biomass")[0]) == pytest.approx(forecasts.r2(*yearly), rel=1e-5)


def seen_all(towers):
    return forecasts.observed(towers, "biomass")


def test_trends_of_places(forecast, towers):
    ds, specs = from_files(
        forecast, "setup.groups = 'PFT+CLIM'", split="test", of="ensemble_mean", level="trend"
    )
    assert list(ds["variable"].values) == ["biomass"], "others miss a month of nearly every year"
    mean = mean_of(towers, specs, "biomass", "test")
    slopes = [
        [np.polyfit(np.arange(1, 9), row.reshape(9, 12).mean(axis=1)[1:], 1)[0] for row in v[:4]]
        for v in (mean, seen_all(towers))
    ]
    assert float(ds["skill"][0, 0]) == pytest.approx(forecasts.r2(*np.array(slopes)), rel=1e-4)
    assert (int(ds["compared"][0, 0]), int(ds["possible"][0, 0])) == (4, 4)
    assert "(places with 5 whole years or more)" in ds.attrs["notes"]
    assert "no R2: gpp, nee, reco, nbe, et, lai, som (not observed" in ds.attrs["notes"]


def test_anomalies_of_each_member(forecast, towers):
    ds, specs = from_files(forecast, "setup.groups = 'PFT+CLIM'", split="dev", level="anomaly")
    assert ds["skill"].dims == ("run", "variable")
    for i, spec in enumerate(specs):
        mean = mean_of(towers, [spec], "lai", "dev")
        seen = np.where(np.isfinite(mean), forecasts.observed(towers, "lai"), np.nan)
        both = []
        for v in (mean, seen):
            v = np.where(np.isfinite(seen), v, np.nan)
            month = np.arange(v.shape[1]) % 12
            for row in v:  # less its trend and its months' means, fitted together
                there = np.isfinite(row)
                there &= np.bincount(month[there], minlength=12)[month] >= 3
                row[~there] = np.nan
                if there.any():
                    design = np.column_stack([month[there, None] == np.arange(12), np.flatnonzero(there)])
                    row[there] -= design @ np.linalg.lstsq(design, row[there], rcond=None)[0]
            both.append(v)
        assert float(ds["skill"].sel(run=spec.run_id, variable="lai")) == pytest.approx(
            forecasts.r2(*both), rel=1e-5
        ), i
    assert "biomass" not in ds["variable"].values
    figure = skill.figure(ds)
    assert (
        figure.axes[0]
        .get_xlabel()
        .startswith("R2 on dev pixels, anomalies from the seasonal cycle (large: mean of 6")
    )


def test_constant_and_missing_observations_are_named(forecast):
    ds, _ = from_files(forecast, split="test", of="ensemble_mean")
    assert not {"et", "nee"} & set(ds["variable"].values)
    assert (
        "no R2: nee, et (not observed there, too short, or the observations do not vary)" in ds.attrs["notes"]
    )
    with pytest.raises(LandlabError, match=r"none of 12 runs has R2 on withheld \(trend\)"):
        from_files(forecast, split="withheld", level="trend", of="ensemble_mean")


def test_withheld_months_are_scored_where_members_trained(forecast, towers):
    ds, specs = from_files(forecast, "setup.groups = 'PFT+CLIM'", split="withheld", of="ensemble_mean")
    assert list(ds["variable"].values) == ["gpp"]
    mean = mean_of(towers, specs, "gpp", "train")
    assert float(ds["skill"][0, 0]) == pytest.approx(
        forecasts.r2(mean, forecasts.observed(towers, "gpp_fluxnet_withheld")), rel=1e-5
    )


def test_reading_test_from_files_is_counted(forecast):
    with forecast.open() as catalog:
        before = len(catalog.events(kind="read_test"))
        for options in ({"of": "ensemble_mean"}, {"split": "test", "of": "ensemble_mean"}):
            analysis.run(forecast, catalog, "skill", options=options)
        assert len(catalog.events(kind="read_test")) == before + 1


def test_the_figure_of_ensemble_means(forecast):
    ds, _ = from_files(forecast, split="test", of="ensemble_mean")
    [axes] = skill.figure(ds).axes
    assert axes.get_title(loc="left") == "Skill of ensemble means by predictor set (12 runs, synthetic data)"
    assert axes.get_xlabel() == "R2 on test pixels (ensemble mean of 6 runs)"
    assert not [c for c in axes.collections if len(c.get_sizes()) and c.get_sizes()[0] == 7], "no members"


@pytest.mark.slow
def test_patches_where_the_files_have_no_pixels(towers, tmp_path):
    coarse = forecasts.make(tmp_path / "ws", towers, by_patch=True, seeds=2, setups=(forecasts.FULL,))
    ds, specs = from_files(coarse, split="test", of="ensemble_mean")
    patch = towers["patch"].values
    both = (mean_of(towers, specs, "lai", "test"), forecasts.observed(towers, "lai"))
    by_patch = [np.stack([v[patch == p].mean(axis=0) for p in range(6)]) for v in both]
    assert float(ds["skill"].sel(variable="lai")[0]) == pytest.approx(forecasts.r2(*by_patch), rel=1e-5)
    assert "the runs' monthly files hold means of patches: gpp, nee" in ds.attrs["notes"]
    assert "patch-months: gpp" in ds.attrs["notes"]


def test_one_run_is_its_own_mean(forecast):
    ds, _ = from_files(forecast, "seed = 0", split="test", of="ensemble_mean")
    assert "one run only, which is then its own mean: LATLON, PFT+CLIM" in ds.attrs["notes"]


def test_what_could_be_compared_is_said(scored, catalog):
    ds = computed(scored, catalog)
    lai = ds.sel(variable="lai")
    assert (lai["possible"].values == 2 * 24).all(), (
        "one dev patch of two pixels, 24 months after the warm-up"
    )
    assert (ds.sel(variable="et")["possible"].isnull()).all(), "no stream is called so"
    assert ds.attrs["notes"].startswith("member: the mean over a setup's runs of each run's own R2")
