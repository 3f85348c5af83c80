"""What is said of members that found a twin's truth, and of members that did not."""

import math
from itertools import permutations

import numpy as np
import pytest
import xarray as xr

from landlab_mgr import analysis
from landlab_mgr.analysis import identify, partition, pca
from landlab_mgr.catalog import MetricRecord
from landlab_mgr.data import truth
from landlab_mgr.models.dalec.parameters import BY_NAME, DERIVED
from landlab_mgr.spec.grid import GridSpec
from landlab_mgr.workspace import register
from landlab_mgr.workspace.workspace import Workspace

from . import sample

pytestmark = pytest.mark.slow

GROUPS = ("PFT", "CLIM", "AGE", "SOIL")


def attain(root, planet, skill, seeds=1, warmup=12):
    """A workspace whose runs have this skill on dev by predictor set; of two seeds the mean has it."""

    def metrics(spec):
        of = skill.sel(subset="+".join(spec.predictors))
        offset = 0.02 * (spec.seeds.init - 0.5) * (seeds > 1)
        return [
            MetricRecord("dev", str(v), str(s), level, float(of.sel(variable=v, statistic=s)) + offset)
            for v in of["variable"].values
            for s in of["statistic"].values
            for level in ("flat", "temporal")
        ]

    workspace = Workspace.at(root, str(root / "landlab.db"))
    with workspace.create() as catalog:
        record = register.dataset(workspace, catalog, planet)
        grid = GridSpec(
            name="truth",
            dataset=record.name,
            factorial=GROUPS,
            setups=(("CONTROL",),),
            seeds=seeds,
            base={"warmup_months": warmup},
        )
        register.grid(workspace, catalog, grid)
        while (claim := catalog.claim("host", 1, directory_of=workspace.directory)) is not None:
            catalog.finish(claim.token, metrics(claim.spec))
    return workspace


def partitioned(workspace, **options):
    with workspace.open() as catalog:
        return analysis.run(workspace, catalog, "partition", options=options).dataset


@pytest.fixture(scope="module")
def attained(planet, tmp_path_factory):
    """Every set of predictors has the skill that it allows."""
    return attain(tmp_path_factory.mktemp("attained") / "ws", planet, truth.skill(planet), seeds=2)


def shapley(worth):
    """Of a game, frozenset -> worth: the mean over all orders of what each player adds when it joins."""
    parts = dict.fromkeys(GROUPS, 0.0)
    for order in permutations(GROUPS):
        for i, group in enumerate(order):
            parts[group] += worth[frozenset(order[: i + 1])] - worth[frozenset(order[:i])]
    return {group: part / math.factorial(len(GROUPS)) for group, part in parts.items()}


@pytest.mark.parametrize("statistic", ["R2", "r2"])
def test_members_with_the_skill_that_is_allowed_have_the_truths_parts(attained, planet, statistic):
    ds, known = partitioned(attained, statistic=statistic), truth.skill(planet).sel(statistic=statistic)
    observed = [v for v in known["variable"].values if np.isfinite(known.sel(variable=v)).all()]
    assert len(observed) > 5
    for v in observed:
        of = known.sel(variable=v)
        worth = {
            frozenset(str(s).split("+")) - {"CONTROL"}: float(of.sel(subset=s)) for s in of["subset"].values
        }
        for group, part in shapley(worth).items():
            one = ds.sel(variable=v, group=group)
            assert float(one["independent"]) == pytest.approx(part, abs=1e-9)
            assert float(one["truth"]) == pytest.approx(part, abs=1e-9)
    n = len(observed)
    assert (
        f"the leading group is the same in {n} of {n} variables, the order of all in {n}" in ds.attrs["notes"]
    )
    assert f"{4 * n} of {4 * n} parts are within" in ds.attrs["notes"]
    table, columns = partition.table(ds).set_index("variable"), [*GROUPS, "control", "all"]
    for v in observed:
        assert table.loc[f"{v}, truth", columns].to_list() == pytest.approx(table.loc[v, columns].to_list())
    [legend] = partition.figure(ds).legends
    assert "truth (of V*)" in [text.get_text() for text in legend.get_texts()]


def test_members_that_learned_something_else_are_told_apart(planet, tmp_path):
    """With the skill of each set exchanged for that of its complement, each part has the other sign."""
    known = truth.skill(planet).sel(variable=["lai", "sif"])
    complement = ["+".join(g for g in GROUPS if g not in str(s).split("+")) for s in known["subset"].values]
    other = known.assign_coords(subset=[s or "CONTROL" for s in complement])
    found = partitioned(attain(tmp_path / "ws", planet, other))
    assert found["independent"].values == pytest.approx(-found["truth"].values)
    apart = np.abs(np.subtract.outer(found["truth"].values, found["truth"].values))
    clear = sum(int(apart[a, i, b, i] > partition.NEAR) for i in range(2) for a in range(4) for b in range(a))
    note = "the leading group is the same in 0 of 2 variables, the order of all in 0; "
    assert (
        note + f"0 of {clear} pairs that truly differ by more than 0.05 are in that order"
        in found.attrs["notes"]
    )


def test_skill_of_another_kind_is_not_compared(attained):
    found = partitioned(attained, level="temporal")
    assert "the truth V* is known for level flat on train, dev, test: it is not shown" in found.attrs["notes"]
    assert "truth" not in found


def test_another_warm_up_is_said(planet, tmp_path):
    workspace = attain(tmp_path / "ws", planet, truth.skill(planet).sel(variable=["lai"]), warmup=6)
    assert "the truth V* skips 12 months, the runs 6" in partitioned(workspace).attrs["notes"]


SHIFTED = ("uwue", "lcma")
"""Parameters that all members have from the next pixel: they agree, and are wrong."""
DRAWN = ("tor_wood",)
"""Parameters that each member draws."""


def parameters(planet, seed):
    """The truth within 1 %, but for the SHIFTED and the DRAWN."""
    rng = np.random.default_rng(seed)
    values = {p: planet[f"true_{p}"].values * rng.normal(1, 0.01, planet.sizes["pixel"]) for p in BY_NAME}
    values |= {p: np.roll(planet[f"true_{p}"].values, 1) for p in SHIFTED}
    values |= {
        p: planet[f"true_{p}"].values.mean() * rng.uniform(0.9, 1.1, planet.sizes["pixel"]) for p in DRAWN
    }
    values |= {d.name: d.compute(values) for d in DERIVED}
    where = {n: ("pixel", planet[n].values) for n in ("lat", "lon")}
    return xr.Dataset({name: ("pixel", x) for name, x in values.items()} | where)


@pytest.fixture(scope="module")
def learned(planet, tmp_path_factory):
    """Four members of each setup that know most parameters, with half of the patches to test them on."""
    planet = planet.assign(test=planet["test"].copy(data=planet["patch"].values < 3))
    root = tmp_path_factory.mktemp("learned") / "ws"
    return sample.make_with_files(
        root, planet, lambda spec: {"parameters": parameters(planet, spec.seeds.init)}, seeds=4
    )


def identified(workspace, **options):
    with workspace.open() as catalog:
        found = analysis.run(workspace, catalog, "identify", "setup.groups = 'PFT'", options=options).dataset
    return found.sel(setup="PFT")


def test_members_may_agree_on_what_is_wrong(learned):
    one = identified(learned)
    r, agreement = (one[name].to_series() for name in ("r_truth", "agreement"))
    assert (agreement[list(SHIFTED)] > 0.99).all(), "all members have the same map"
    assert (r[list(SHIFTED)] < identify.WELL_KNOWN).all(), "of the next pixel"
    assert agreement["tor_wood"] < 0.5, "each drew its own"
    assert bool(one["identifiable"].sel(parameter="tor_wood")), "though its values differ little"
    said, known = one["identifiable"].to_series(), r >= identify.WELL_KNOWN
    assert said.all()
    n, both = len(said), int(known.sum())
    assert 0 < both <= n - 3
    assert f"{both} of {n} identifiable parameters have r >= 0.9" in one.attrs["notes"]


def test_agreement_can_be_asked_and_is_the_mean_over_pairs(learned, planet):
    one = identified(learned, agree=0.9)
    assert not one["identifiable"].sel(parameter="tor_wood")
    assert one["identifiable"].sel(parameter="uwue")
    seen = planet["patch"].values < 3
    maps = [parameters(planet, seed)["tor_wood"].values[seen] for seed in range(4)]
    pairs = np.corrcoef(maps)[np.triu_indices(4, 1)]
    assert float(one["agreement"].sel(parameter="tor_wood")) == pytest.approx(pairs.mean())


def test_planted_axes_are_found_where_members_know_them(learned):
    names = "canopy_efficiency,f_auto,tor_litter,q10"
    with learned.open() as catalog:
        found = analysis.run(
            learned, catalog, "pca", "setup.groups = 'PFT'", options={"parameters": names, "components": 2}
        ).dataset
        lost = analysis.run(
            learned,
            catalog,
            "pca",
            "setup.groups = 'PFT'",
            options={"parameters": "tor_wood,uwue", "components": 1},
        ).dataset
    assert (np.abs(np.diag(found["r_truth"].values)) > 0.95).all()
    assert (found["found"] > 0.98).all()
    assert (np.abs(lost["r_truth"]) < 0.9).all()
    assert "true PC1 explains" in found.attrs["notes"]
    table = pca.table(found).set_index("parameter")
    assert table.loc["r with true PC1", "PC1"] == found["r_truth"].values[0, 0]
    labels = [ax.get_xlabel() for ax in pca.figure(found).axes]
    assert any("ticks: true PC1, |r|" in label for label in labels)
