"""Selecting members: who is kept of each setup, why the others are not, and what is refused."""

import math
import shutil

import pytest

from landlab_mgr.analysis import selection
from landlab_mgr.catalog import EpochRecord, MetricRecord
from landlab_mgr.errors import LandlabError
from landlab_mgr.models import registry
from landlab_mgr.workspace import register
from landlab_mgr.workspace.workspace import Workspace

from . import sample

COLLAPSED = registry.tables(registry.DEFAULT).collapse.metric
LOSS = {0: 5.0, 1: 2.0, 2: 9.0, 3: 3.0, 4: 2.5}
"""Training loss of each seed, in every setup."""


@pytest.fixture
def workspace(trained, tmp_path):
    """A copy of `trained`."""
    root = shutil.copytree(trained.root, tmp_path / "ws")
    return Workspace.at(root, str(root / "landlab.db"))


@pytest.fixture(scope="module")
def trained(planet, tmp_path_factory):
    """Three setups x seven seeds: 5 diverged, 6 still to train."""
    workspace = sample.make(tmp_path_factory.mktemp("trained") / "ws", planet, seeds=7, complete=False)
    with workspace.open() as catalog:
        for run_id in catalog.runs("seed = 6")["run_id"]:
            catalog.cancel([run_id])
        while (claim := catalog.claim("host", 1, directory_of=workspace.directory)) is not None:
            seed = claim.spec.seeds.init
            if seed == 5:
                catalog.fail(claim.token, "nan", "loss is not finite at epoch 7")
                continue
            records = [EpochRecord(i, 9.0 - i, 9.0, {}, 0.1) for i in (1, 2)]
            catalog.record(claim.token, [*records, EpochRecord(3, LOSS[seed], 10 - seed, {}, 0.1)])
            leafless = 0.2 if seed == 4 and claim.spec.predictors == ("PFT",) else 0.01
            catalog.finish(
                claim.token,
                [*sample.metrics_of(claim.spec), MetricRecord(*COLLAPSED, leafless)],
            )
    return workspace


@pytest.fixture
def catalog(workspace):
    with workspace.open() as catalog:
        yield catalog


def kept(catalog, ensemble, setup):
    table = selection.table(catalog, ensemble)
    table = table[(table["setup"] == setup) & table["kept"]]
    return list(table.sort_values("rank")["seed"])


def test_the_lowest_training_losses_are_kept_and_the_others_say_why_not(catalog):
    made = selection.select(catalog, "scored", keep=2)
    assert made.name == "scored@1"
    assert kept(catalog, made, "PFT+CLIM") == [1, 4]
    assert kept(catalog, made, "PFT") == [1, 3], "seed 4 has lost its leaves"
    table = selection.table(catalog, made).set_index(["setup", "seed"])
    assert len(table) == 3 * 7
    reasons = table["reason"]
    assert reasons["PFT", 4] == "collapsed: 20% of the pixels without leaves"
    assert reasons["PFT", 5] == "failed: nan: loss is not finite at epoch 7"
    assert reasons["PFT", 6] == "incomplete: cancelled"
    assert reasons["PFT+CLIM", 3] == "rank 3 of 7, 2 kept"
    assert table["score"]["PFT", 2] == LOSS[2]
    assert math.isnan(table["score"]["PFT", 6])
    for _, part in table.groupby("setup"):
        assert sorted(part["rank"]) == list(range(1, 8))


def test_a_filter_finds_the_kept(catalog):
    made = selection.select(catalog, "scored", keep=2)
    found = catalog.runs(f"ensemble = '{made.name}'")
    assert set(found["run_id"]) == {m.run_id for m in made.members if m.kept}
    assert len(catalog.runs(f"ensemble = '{made.name}' and setup.groups = 'PFT'")) == 2
    assert catalog.runs("ensemble = 'none'").empty


def test_selecting_again_is_a_new_version_and_changes_no_old_one(catalog):
    first = selection.select(catalog, "scored", keep=2)
    second = selection.select(catalog, "scored", keep=3)
    assert second.name == "scored@2"
    assert repr(catalog.ensemble("scored@1")) == repr(first)  # NaN is not equal to itself


@pytest.mark.parametrize(
    ("by", "seeds"),
    [("dev_loss", [3, 2]), ("dev.lai.R2", [3, 2]), ("train.lai.rmse.spatial", [0, 1])],
)
def test_other_scores(catalog, by, seeds):
    made = selection.select(catalog, "scored", keep=2, by=by)
    assert kept(catalog, made, "PFT") == seeds


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"by": "test.lai.R2"}, "selection on test is refused"),
        ({"by": "withheld.lai.R2"}, "selection on withheld is refused"),
        ({"by": "loss"}, "--by loss; allowed: train_loss, dev_loss, or <train|dev>"),
        ({"by": "dev.lai.bias"}, "--by dev.lai.bias; allowed"),
        ({"by": "dev.lai"}, "--by dev.lai; allowed"),
        ({"keep": 0}, "--keep 0; allowed: 1 or more"),
        ({"keep": 5}, r"1 of 3 setups have fewer than 5 members to keep \(PFT 4\)"),
        ({"by": "dev.som.R2", "fewer": True, "keep": 2}, "3 of 3 setups have fewer than 2 members"),
        ({"grid": "another"}, "no grid 'another'"),
    ],
)
def test_what_cannot_be_selected(catalog, options, message):
    with pytest.raises(LandlabError, match=message):
        selection.select(catalog, **{"grid": "scored", **options})
    assert catalog.ensembles() == []
    assert catalog.test_reads() == 0


def test_fewer_where_asked(catalog):
    made = selection.select(catalog, "scored", keep=5, fewer=True)
    assert len(kept(catalog, made, "PFT")) == 4
    assert len(kept(catalog, made, "CONTROL")) == 5


def test_variants_of_a_grid_are_setups_of_their_own(planet, tmp_path):
    workspace = sample.make(tmp_path / "ws", planet, seeds=1)
    with workspace.open() as catalog:
        dataset = catalog.datasets()[0].name
        crossed = sample.grid(dataset, "crossed", 3, axes={"process.water_stress": ("none", "linear")})
        register.grid(workspace, catalog, crossed)
        sample.complete_all(workspace, catalog)
        made = selection.select(catalog, "crossed", keep=2, by="dev.lai.R2")
        table = selection.table(catalog, made)
    assert table.groupby(["setup", "variant"])["kept"].sum().tolist() == [2] * 6


def test_useless_members_are_dropped_and_the_published_protocol_keeps_all(catalog):
    made = selection.select(catalog, "scored", keep=5, fewer=True)
    assert made.rule["useless_factor"] == 5.0
    assert 2 in kept(catalog, made, "PFT+CLIM"), "9 is less than five times 2"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(selection, "USELESS_FACTOR", 4.0)
        strict = selection.select(catalog, "scored", keep=3)
    table = selection.table(catalog, strict).set_index(["setup", "seed"])["reason"]
    assert table["PFT+CLIM", 2] == "useless: training loss 9, 4.5 times the lowest of the setup"
    paper = selection.select(catalog, "scored", keep=5, paper=True)
    assert paper.rule["protocol"] == "paper"
    assert kept(catalog, paper, "PFT") == [1, 4, 3, 0, 2], "rank alone: also the one that lost its leaves"


def test_a_member_ranks_by_the_epoch_that_it_is(planet, tmp_path):
    workspace = sample.make(tmp_path / "best", planet, complete=False)
    keep_best = {"epochs": 3, "keep": "best_dev"}
    asked = sample.grid(planet.attrs["name"], "best", setups=(("PFT",),), optimizer=keep_best)
    epochs = {0: [(4.0, 1.0), (3.0, 2.0), (2.0, 3.0)], 1: [(6.0, 3.0), (3.5, 0.5), (9.0, 9.0)]}
    with workspace.open() as catalog:
        register.grid(workspace, catalog, asked)
        while (claim := catalog.claim("host", 1, grid="best", directory_of=workspace.directory)) is not None:
            of_seed = epochs[claim.spec.seeds.init]
            records = [EpochRecord(i, *pair, {}, 0.1) for i, pair in enumerate(of_seed, 1)]
            catalog.record(claim.token, records)
            catalog.finish(claim.token, sample.metrics_of(claim.spec))
        made = selection.select(catalog, "best", keep=1)
        table = selection.table(catalog, made).set_index("seed")
        assert dict(table["score"]) == {0: 4.0, 1: 3.5}
        assert table["kept"][1], "its last epoch, of loss 9, is not the member"
        by_dev = selection.table(catalog, selection.select(catalog, "best", keep=1, by="dev_loss"))
        assert dict(by_dev.set_index("seed")["score"]) == {0: 1.0, 1: 0.5}
