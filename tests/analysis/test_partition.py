"""Partitioning: the arithmetic against brute force, what is computed from a catalog, and what is refused."""

import itertools

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from landlab_mgr import analysis
from landlab_mgr.analysis import partition
from landlab_mgr.catalog import MetricRecord
from landlab_mgr.data import split
from landlab_mgr.errors import LandlabError
from landlab_mgr.observations import metrics
from landlab_mgr.spec.grid import GridSpec
from landlab_mgr.storage import artifacts
from landlab_mgr.workspace import register
from landlab_mgr.workspace.workspace import Workspace

from . import sample

GROUPS = ("PFT", "CLIM", "AGE", "SOIL")
WORTH = {"PFT": 0.1, "CLIM": 0.3, "AGE": 0.05, "SOIL": 0.15}


def by_permutations(groups, values):
    """Shapley values by their other definition: the mean gain over all orders of arrival."""
    place = {frozenset(s): i for i, s in enumerate(partition.subsets(groups))}
    orders = list(itertools.permutations(groups))
    total = dict.fromkeys(groups, 0.0)
    for order in orders:
        for k, group in enumerate(order):
            total[group] += values[place[frozenset(order[: k + 1])]] - values[place[frozenset(order[:k])]]
    return [total[g] / len(orders) for g in groups]


@given(st.integers(1, 5).flatmap(lambda n: arrays.arrays(float, 2**n, elements=st.floats(-10, 10))))
def test_independent_parts_are_shapley_values_and_add_up(values):
    groups = "abcde"[: int(np.log2(len(values)))]
    parts = partition.independent_parts(groups, values)
    assert parts == pytest.approx(by_permutations(groups, values), rel=1e-12, abs=1e-12)
    assert values[0] + parts.sum() == pytest.approx(values[-1], rel=1e-12, abs=1e-12)


def test_a_game_worked_by_hand():
    # empty 0, a 0.2, b 0.4, both 0.5: a brings 0.2 first and 0.1 second
    assert partition.independent_parts("ab", np.array([0, 0.2, 0.4, 0.5])) == pytest.approx([0.15, 0.35])


def r2(spec, variable):
    """Additive but for one interaction: CLIM and SOIL together bring 0.1 less.

    A seed has the same luck with LAI in every set; with ET it has it once for each group.
    """
    groups = set(spec.predictors) & set(GROUPS)
    value = 0.05 + sum(WORTH[g] for g in groups) - 0.1 * ({"CLIM", "SOIL"} <= groups)
    luck = 0.01 * (spec.seeds.init - 1.5)
    return value / 2 + luck * len(groups) if variable == "et" else value + luck


def make(root, planet, seeds=4, groups=GROUPS, setups=(("CONTROL",), ("LATLON",)), constant=()):
    workspace = Workspace.at(root, str(root / "landlab.db"))
    with workspace.create() as catalog:
        record = register.dataset(workspace, catalog, planet)
        spec = GridSpec(
            name="factorial",
            dataset=record.name,
            factorial=groups,
            setups=setups,
            seeds=seeds,
            base={"warmup_months": 12, "optimizer": {"epochs": 3}},
        )
        register.grid(workspace, catalog, spec)
        while (claim := catalog.claim("host", 1, directory_of=workspace.directory)) is not None:
            scores = [
                MetricRecord(split, v, "R2", "flat", float("nan") if v in constant else r2(claim.spec, v))
                for split in ("dev", "test")
                for v in ("lai", "et")
            ]
            catalog.finish(claim.token, scores)
    return workspace


@pytest.fixture(scope="module")
def workspace(planet, tmp_path_factory):
    return make(tmp_path_factory.mktemp("partition") / "ws", planet)


def test_the_parts_of_a_known_skill(workspace):
    with workspace.open(read_only=True) as catalog:
        ds = sample.computed(partition.ANALYSIS, workspace, catalog)
    assert list(ds["group"].values) == list(GROUPS)
    assert list(ds["variable"].values) == ["et", "lai"]
    lai = ds.sel(variable="lai")
    assert lai["control"] == pytest.approx(0.05)
    assert lai["full"] == pytest.approx(0.55)
    expected = {"PFT": 0.1, "CLIM": 0.25, "AGE": 0.05, "SOIL": 0.1}  # the two share what is lost between them
    for group, part in expected.items():
        assert float(lai["independent"].sel(group=group)) == pytest.approx(part)
        assert float(lai["joint"].sel(group=group)) == pytest.approx(WORTH[group] - part)
    assert float(lai["control"] + lai["independent"].sum()) == pytest.approx(float(lai["full"]), abs=1e-12)
    assert ds.sel(variable="et")["independent"].values == pytest.approx(lai["independent"].values / 2)
    assert (ds["members"] == 4).all()
    low, high = ds["independent_low"], ds["independent_high"]
    of_et = ds["independent"].sel(variable="et")
    assert ((low.sel(variable="et") < of_et) & (of_et < high.sel(variable="et"))).all()
    width = (high - low).mean("group")
    assert 0.01 < float(width.sel(variable="et")) < 0.04, "means of four seeds whose sd is 0.011"
    assert float(width.sel(variable="lai")) < 1e-12, "what all sets share is no doubt about a group"


def test_the_table_and_the_figure(workspace):
    with workspace.open() as catalog:
        result = analysis.run(workspace, catalog, "partition", grid="factorial", options={"draws": 50})
    table = partition.table(result.dataset).set_index("variable")
    plain = ["control", *GROUPS, "all", *(f"joint {g}" for g in GROUPS)]
    assert list(table.columns)[: len(plain)] == plain
    one = table.loc["lai"]
    shares = [one[f"{n} % of all"] for n in ("control", *GROUPS)]
    assert sum(shares) == pytest.approx(100)
    assert one["CLIM % of all"] == pytest.approx(100 * one["CLIM"] / one["all"])
    assert sum(one[f"{g} % of gain"] for g in GROUPS) == pytest.approx(100)
    full = result.dataset["skill_sd"].sel(variable="lai")[-1]
    assert one["sd of all"] == pytest.approx(float(full))
    assert one["sd of all"] > 0
    assert table.loc["lai", "CLIM"] == pytest.approx(0.25)
    [axes] = partition.figure(result.dataset).axes
    assert [t.get_text() for t in axes.get_yticklabels()] == ["ET\n0.03 → 0.28", "LAI\n0.05 → 0.55"]
    assert axes.get_title(loc="left") == "Contribution of predictor groups (64 runs, synthetic data)"
    assert axes.get_xlabel() == "independent part of R2 on dev pixels, 95 % over seeds"
    assert len(axes.patches) >= 8


def test_looking_at_test_is_counted(workspace):
    with workspace.open() as catalog:
        before = catalog.test_reads()
        analysis.run(workspace, catalog, "partition", options={"split": "test", "draws": 0})
        assert catalog.test_reads() == before + 1


@pytest.mark.parametrize(
    ("filter", "message"),
    [
        ("setup.groups != 'CONTROL'", "1 of 16 setups have no completed run: CONTROL;"),
        ("not setup.groups in ('PFT', 'AGE+SOIL')", r"2 of 16 setups have no completed run: PFT, AGE\+SOIL;"),
        ("setup.groups in ('CONTROL', 'LATLON')", "no run has predictor groups"),
    ],
)
def test_a_design_with_holes_says_which(workspace, filter, message):
    with workspace.open(read_only=True) as catalog, pytest.raises(LandlabError, match=message):
        sample.computed(partition.ANALYSIS, workspace, catalog, filter)


def test_a_variable_without_skill_is_named_not_zero(planet, tmp_path):
    workspace = make(tmp_path / "ws", planet, seeds=1, groups=("PFT", "CLIM"), constant=("et",))
    with workspace.open(read_only=True) as catalog:
        ds = sample.computed(partition.ANALYSIS, workspace, catalog)
        assert list(partition.table(ds)["variable"]) == ["lai", "lai, truth"]
        assert "et is not partitioned: no member of any set has R2 on dev" in ds.attrs["notes"]
        assert "4 sets have one member only" in ds.attrs["notes"]
        with pytest.raises(LandlabError, match="none of 5 runs has r2 on dev"):
            sample.computed(partition.ANALYSIS, workspace, catalog, statistic="r2")


def test_sets_of_different_size_are_said(workspace):
    with workspace.open(read_only=True) as catalog:
        filter = "not (setup.groups = 'PFT' and seed = 3)"
        notes = sample.computed(partition.ANALYSIS, workspace, catalog, filter, draws=0).attrs["notes"]
    assert "lai: sets stand on different numbers of members, 3 (PFT) to 4 (CONTROL)" in notes


def test_runs_of_two_kinds_are_not_mixed(planet, tmp_path):
    workspace = make(tmp_path / "ws", planet, seeds=1, groups=("PFT",))
    with workspace.open() as catalog:
        spec = catalog.grid("factorial").spec
        base = spec.base | {"process": {"water_stress": "none"}}
        register.grid(workspace, catalog, spec.model_copy(update={"name": "dry", "base": base}))
        while (claim := catalog.claim("host", 1, directory_of=workspace.directory)) is not None:
            catalog.finish(claim.token, [MetricRecord("dev", "lai", "R2", "flat", 0.1)])
        with pytest.raises(LandlabError, match=r"are of different kinds: .*water_stress"):
            sample.computed(partition.ANALYSIS, workspace, catalog)
        alone = sample.computed(partition.ANALYSIS, workspace, catalog, "grid = 'dry'")
        assert alone["full"].size == 2 - 1


def test_sets_of_different_seeds_are_scored_at_different_pixels(workspace):
    with workspace.open() as catalog:
        ds, options = sample.loaded(partition.ANALYSIS, workspace, catalog, draws=0)
        assert "different seeds" not in partition.compute(ds, options).attrs["notes"]
        last = int(np.flatnonzero((ds["label"] == "CONTROL").values)[-1])
        fewer = ds.isel(run=[i for i in range(ds.sizes["run"]) if i != last])
        notes = partition.compute(fewer, options).attrs["notes"]
    assert "sets have members of different seeds" in notes
    assert "-o split=test scores all at the same pixels, as the paper does" in notes


@pytest.fixture(scope="module")
def with_sums(planet, tmp_path_factory):
    """Two groups x two seeds, whose runs keep the moments of patches, and the series that these are of."""
    patch, n = planet["patch"].values, planet.sizes["pixel"]
    observed = np.random.default_rng(0).normal(size=(30, n)) + 0.3 * patch
    series, label = {}, {}

    def files_of(spec):
        rng = np.random.default_rng(spec.seeds.init + 100 * len(spec.label))
        x = observed + rng.normal(size=observed.shape) * (1 + 0.2 * rng.normal(size=patch.max() + 1))[patch]
        at_pixels = split.assign(planet, spec.split, spec.seeds.split)
        series[spec.run_id], label[spec.run_id] = x, at_pixels
        moments = metrics.moments(x, observed)
        sums = [metrics.grouped(m, patch, patch.max() + 1) for m in (moments, metrics.of_means(moments))]
        first = [np.flatnonzero(patch == p)[0] for p in range(patch.max() + 1)]
        content = np.stack([np.stack(m, axis=1) for m in sums])[None]
        coords = {
            "period": ["observation"],
            "level": ["flat", "spatial"],
            "moment": list(metrics.Moments._fields),
        }
        ds = xr.Dataset({"lai": (("period", "level", "patch", "moment"), content)}, coords)
        parts = artifacts.flags("patch", at_pixels[first], (split.TRAIN, split.DEV, split.TEST))
        return {"sums": ds.assign(split=parts)}

    root = tmp_path_factory.mktemp("sums") / "ws"
    spec = sample.grid("?", setups=(("PFT",), ("CLIM",), ("PFT", "CLIM"), ("CONTROL",)))
    spec = spec.model_copy(update={"dataset": planet.attrs["name"]})
    return sample.make_with_files(root, planet, files_of, spec), observed, series, label


@pytest.mark.parametrize("level", ["flat", "spatial"])
def test_intervals_are_over_draws_of_patches_as_well_as_seeds(with_sums, planet, level):
    workspace, observed, series, label = with_sums
    patch = planet["patch"].values
    with workspace.open(read_only=True) as catalog:
        loaded, options = sample.loaded(partition.ANALYSIS, workspace, catalog, level=level, draws=12)
        ds = partition.compute(loaded, options)
        shown = ds["variable"].values.tolist()
        got = partition._over_patches(loaded, shown, options)[..., shown.index("lai")]
        of_seeds = sample.computed(partition.ANALYSIS, workspace, catalog, level="temporal", draws=12)
    assert ds.attrs["drawn"] == "seeds and patches"
    assert "over draws of seeds alone" not in ds.attrs["notes"]
    assert "seeds alone: a median over pixels (temporal)" in of_seeds.attrs["notes"]
    times = partition._drawn(patch.max() + 1, 12, stream=1)
    for row, run_id in enumerate(loaded["run"].values):
        for draw, t in enumerate(times):
            columns = np.repeat(np.arange(len(patch)), t[patch] * (label[run_id] == "dev"))
            pair = [x[:, columns] for x in (series[run_id], observed)]
            pair = [x.ravel() if level == "flat" else x.mean(axis=0) for x in pair]
            expected = metrics.statistics(*pair)["R2"]
            assert got[row, draw] == pytest.approx(expected, rel=1e-9, nan_ok=True)
    width = (ds["independent_high"] - ds["independent_low"]).sel(variable="lai")
    assert (width > 0).all()
