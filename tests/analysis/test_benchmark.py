"""Models side by side: every number by hand, from predictions that are known."""

import numpy as np
import pytest
from matplotlib.collections import PathCollection

from landlab_mgr import analysis
from landlab_mgr.analysis import benchmark
from landlab_mgr.data import split
from landlab_mgr.errors import LandlabError
from landlab_mgr.spec.grid import GridSpec
from landlab_mgr.storage import artifacts
from landlab_mgr.workspace import register
from landlab_mgr.workspace.workspace import Workspace

from . import forecasts, sample

pytestmark = pytest.mark.slow

FOLDS, SEEDS = 2, 2
LEARNED = ("lai", "gpp", "et", "split")
"""What the baseline's files hold."""


def grid(ds, name, setups, **base):
    return GridSpec(
        name=name,
        dataset=ds.attrs["name"],
        setups=setups,
        seeds=SEEDS,
        axes={"split.fold": tuple(range(FOLDS))},
        base={"warmup_months": forecasts.WARMUP, "split": {"kind": "kfold", "folds": FOLDS}} | base,
    )


def file_of(ds, spec):
    file = forecasts.monthly(ds, spec)
    if spec.model == "dalec":
        return file
    worse = {"lai": file["lai"] + 0.3 * np.sin(np.arange(ds.sizes["time"]))}
    return file.assign(worse)[[*LEARNED]].assign_attrs(file.attrs)


@pytest.fixture(scope="module")
def folds(towers, tmp_path_factory):
    """Two setups of the land model and a baseline, two folds x two seeds each."""
    root = tmp_path_factory.mktemp("folds") / "ws"
    workspace = Workspace.at(root, str(root / "landlab.db"))
    with workspace.create() as catalog:
        register.dataset(workspace, catalog, towers)
        setups = (forecasts.FULL, forecasts.POSITION)
        register.grid(workspace, catalog, grid(towers, "land", setups, optimizer={"epochs": 3}))
        trees = {"model": "gradient_boosting", "optimizer": {"epochs": 5}}
        register.grid(workspace, catalog, grid(towers, "trees", setups[:1], **trees))
        while (claim := catalog.claim("host", 1, directory_of=workspace.directory)) is not None:
            directory = workspace.path(claim.directory)
            directory.mkdir(parents=True)
            saved = artifacts.write("monthly", file_of(towers, claim.spec), directory)
            catalog.finish(claim.token, sample.metrics_of(claim.spec), [workspace.catalogued(saved)])
    return workspace


@pytest.fixture(scope="module")
def result(folds):
    with folds.open() as catalog:
        return analysis.run(folds, catalog, "benchmark", options={"draws": 200, "seed": 3})


NAMES = ["process model, LATLON", "process model, PFT+CLIM", "gradient boosting"]


def mean_prediction(ds, specs, variable, part):
    """[pixel, time]: of the runs for which a pixel is of this part of their split."""
    total, count = np.zeros((ds.sizes["pixel"], ds.sizes["time"])), np.zeros((ds.sizes["pixel"], 1))
    for spec in specs:
        there = split.assign(ds, spec.split, spec.seeds.split) == part
        total[there] += file_of(ds, spec)[variable].values[there]
        count[there] += 1
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


@pytest.fixture(scope="module")
def by_hand(folds, towers):
    """Mean predictions of each model, [pixel, time], by variable and part."""
    with folds.open(read_only=True) as catalog:
        filters = (
            "grid = 'land' and setup.groups = 'LATLON'",
            "grid = 'land' and setup.groups = 'PFT+CLIM'",
            "grid = 'trees'",
        )
        specs = [forecasts.specs(catalog, f) for f in filters]
    assert [len(s) for s in specs] == [FOLDS * SEEDS] * 3
    return lambda variable, part: [mean_prediction(towers, s, variable, part) for s in specs]


def test_every_cell_counts_once_with_the_runs_that_held_it_out(towers, result, by_hand):
    ds = result.dataset
    assert list(ds["model"].values) == NAMES
    assert list(ds["runs"].values) == [4, 4, 4]
    for variable in ("lai", "gpp"):
        seen = forecasts.observed(towers, {"lai": "lai", "gpp": "gpp_fluxnet"}[variable])
        of = ds.sel(split="test", variable=variable)
        assert int(of["months"]) == np.isfinite(seen).sum()
        assert int(of["cells"]) == 6
        for name, x in zip(NAMES, by_hand(variable, "test"), strict=True):
            one = of.sel(model=name)
            assert float(one["skill"].sel(statistic="R2")) == pytest.approx(forecasts.r2(x, seen), rel=1e-5)
            there = np.isfinite(seen)
            r = np.corrcoef(x[there], seen[there])[0, 1]
            assert float(one["skill"].sel(statistic="r2")) == pytest.approx(r * r, rel=1e-5)
            used = there.any(axis=1)
            means = [np.nanmean(np.where(there, y, np.nan)[used], axis=1) for y in (x, seen)]
            expected = np.corrcoef(*means)[0, 1]
            assert float(one["skill"].sel(statistic="r of site means")) == pytest.approx(expected, rel=1e-5)
            assert (int(one["fewest"]), int(one["most"])) == (SEEDS, SEEDS)


def test_withheld_months_are_scored_where_runs_trained(towers, result, by_hand):
    seen = forecasts.observed(towers, "gpp_fluxnet_withheld")
    of = result.dataset.sel(split="withheld", variable="gpp", statistic="R2")
    for name, x in zip(NAMES, by_hand("gpp", "train"), strict=True):
        assert float(of["skill"].sel(model=name)) == pytest.approx(forecasts.r2(x, seen), rel=1e-5)
    assert np.isnan(result.dataset["skill"].sel(split="withheld", variable="lai")).all(), "none are withheld"


def test_the_difference_and_its_interval_are_of_the_same_cells(towers, result, by_hand):
    """Cells drawn with replacement, whole: rows of pixels repeated as often as their patch is drawn."""
    seen, patch = forecasts.observed(towers, "lai"), towers["patch"].values
    drawn = np.random.default_rng(3).integers(6, size=(200, 6))
    predictions = by_hand("lai", "test")
    whole = [forecasts.r2(x, seen) for x in predictions]
    samples = []
    for cells in drawn:
        rows = np.concatenate([np.flatnonzero(patch == cell) for cell in cells])
        samples.append([forecasts.r2(x[rows], seen[rows]) for x in predictions])
    gains = np.array(samples) - np.array(samples)[:, 2:]
    of = result.dataset.sel(split="test", variable="lai", statistic="R2")
    assert result.dataset.attrs["reference"] == NAMES[2]
    assert np.isnan(of["difference"].values[2])
    for i in (0, 1):
        assert of["difference"].values[i] == pytest.approx(whole[i] - whole[2], rel=1e-4)
        low, high = np.quantile(gains[:, i], (0.025, 0.975))
        assert of["difference_low"].values[i] == pytest.approx(low, rel=1e-4, abs=1e-6)
        assert of["difference_high"].values[i] == pytest.approx(high, rel=1e-4, abs=1e-6)
        assert of["skill_low"].values[i] == pytest.approx(
            np.quantile(np.array(samples)[:, i], 0.025), rel=1e-4
        )


def test_the_table_and_the_notes_say_what_is_compared(result):
    table = benchmark.table(result.dataset)
    assert list(table.columns[:6]) == ["scored", "variable", "model", "runs", "cells", "months"]
    lai = table[table["variable"] == "lai"]
    assert list(lai["model"]) == NAMES
    assert set(lai["scored"]) == {"held-out cells"}
    assert "nee" not in set(table["variable"]), "never observed"
    notes = result.dataset.attrs["notes"]
    assert "held-out cells: each with the mean of the 2 runs that held it out" in notes
    assert "difference: less gradient boosting" in notes


def test_a_look_is_counted_and_reads_test_and_withheld(folds, result):
    assert result.provenance["analysis"]["splits"] == ["withheld", "test"]
    with folds.open() as catalog:
        before = catalog.test_reads()
        analysis.run(folds, catalog, "benchmark", "grid = 'land'", options={"reference": NAMES[0]})
        assert catalog.test_reads() > before


def test_an_unknown_reference_names_a_few_of_many():
    names = [f"process model, {x}" for x in "ABCDEF"]
    with pytest.raises(LandlabError, match=r"no run is of 'forest'; there are: .*model, E; \.\.\. \(6\)$"):
        benchmark._reference("forest", names, ["dalec"] * 6)


@pytest.mark.parametrize(
    ("filter", "options", "says"),
    [
        ("grid = 'trees'", {}, "the runs are all of gradient boosting; a benchmark compares two or more"),
        (
            "",
            {"reference": "forest"},
            "option reference: no run is of 'forest'; there are: process model, LATLON;",
        ),
        (
            "",
            {"pool": "process.soil"},
            "option pool: no run has a field 'process.soil'; there are: batch.warmup_years, ",
        ),
        ("", {"variables": "sif"}, "option variables: none of sif is observed; there are: lai, "),
    ],
)
def test_mistakes_are_one_line(folds, filter, options, says):
    with folds.open() as catalog, pytest.raises(LandlabError) as error:
        analysis.run(folds, catalog, "benchmark", filter, options=options)
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_an_ensemble_mean_may_go_over_the_values_of_a_field(folds, towers, result, by_hand):
    with folds.open() as catalog:
        pooled = analysis.run(
            folds, catalog, "benchmark", options={"draws": 100, "pool": "predictors"}
        ).dataset
    assert list(pooled["model"].values) == ["process model", "gradient boosting"]
    assert list(pooled["runs"].values) == [8, 4]
    both = np.mean(by_hand("lai", "test")[:2], axis=0)  # as many runs of either at every pixel
    of = pooled["skill"].sel(split="test", variable="lai", statistic="R2", model="process model")
    assert float(of) == pytest.approx(forecasts.r2(both, forecasts.observed(towers, "lai")), rel=1e-5)


def test_other_analyses_take_a_baseline_as_it_is(folds):
    with folds.open() as catalog:
        options = {"of": "ensemble_mean", "split": "train"}
        found = analysis.run(folds, catalog, "skill", "grid = 'trees'", options=options).dataset
        assert {*found["variable"].values} == {"lai", "gpp"}, "et does not vary; the rest it does not predict"


def test_the_figure_has_a_mark_for_every_number(result):
    figure = benchmark.figure(result.dataset)
    of_withheld, of_test = figure.axes[:2], figure.axes[2:]
    assert of_test[0].get_title(loc="left").startswith("held-out cells (6 cells)")
    assert of_withheld[0].get_title(loc="left").startswith("withheld months")
    marks = [len(c.get_offsets()) for c in of_test[0].collections if isinstance(c, PathCollection)]
    skill = result.dataset["skill"].sel(split="test", statistic="R2")
    assert sum(marks) == int((skill >= -1).sum())
    assert figure.get_suptitle().startswith("Models on what they have not seen (12 runs, synthetic data")
