"""Tables of runs in parts and in other orders: what they hold is what the whole table holds."""

from dataclasses import replace

import pytest

from landlab_mgr.errors import LandlabError
from landlab_mgr.spec import fields
from landlab_mgr.workspace.display import records

from .sample import CHECKPOINT, claim, epoch, metric


@pytest.fixture
def trained(catalog, runs):
    """The first run failed; the second and the third completed, with skill of one variable each."""
    catalog.fail(claim(catalog).token, "nan", "loss is NaN")
    for variable, skill, loss in (("gpp", 0.5, 3.0), ("lai", 0.7, 1.0)):
        token = claim(catalog).token
        catalog.record(token, [epoch(1, dev=loss)])
        catalog.finish(token, [metric(skill, variable=variable), metric(9.0, "rmse", "som")])
    return catalog


def test_parts_hold_what_the_whole_does(trained):
    whole = trained.runs()
    run_ids = trained.run_ids()
    parts = list(trained.runs_in_parts(run_ids, size=2))
    assert [len(part["run_id"]) for part in parts[:-1]] == [2] * (len(parts) - 1)
    assert all(list(part) == list(whole.columns) for part in parts)
    assert [row for part in parts for row in records(part)] == records(whole)


def test_parts_of_some(trained):
    assert trained.run_ids("status = 'completed'", limit=1, offset=1) == list(trained.runs()["run_id"][2:3])
    [part] = trained.runs_in_parts(trained.run_ids("status = 'completed'", limit=1))
    assert [c for c in part if c.startswith("dev.")] == ["dev.gpp.R2"]
    [nothing] = trained.runs_in_parts([])
    assert nothing["run_id"] == []
    assert list(nothing) == list(trained.runs("status = 'running'").columns)


def test_differing_fields_of_many_runs_are_those_of_their_settings(trained):
    ids = trained.run_ids()
    for some in (ids, ids[:3], ids[:1], []):
        assert trained.differing(some) == fields.differing(trained.settings(some).values())
    assert trained.differing_in() == trained.differing(ids)
    filter = "predictors = 'PFT'"
    assert trained.differing_in(filter) == trained.differing(trained.run_ids(filter))
    assert list(trained.differing(ids)) == ["predictors", "seeds.init", "seeds.split", "seeds.shuffle"]


@pytest.mark.parametrize(
    "order", ["dev_loss", "-dev_loss", "label", "-seed", "-dev.lai.R2", "optimizer.epochs"]
)
def test_runs_in_an_order(trained, order):
    column = "epochs_planned" if order == "optimizer.epochs" else order.removeprefix("-")
    rising = not order.startswith("-")
    wanted = trained.runs().sort_values(column, ascending=rising, kind="stable", na_position="last")
    assert list(trained.runs(order=order)["run_id"]) == list(wanted["run_id"])
    assert list(trained.runs(order=order, limit=2, offset=1)["run_id"]) == list(wanted["run_id"][1:3])


def test_an_unknown_order_names_those_there_are(trained):
    with pytest.raises(LandlabError, match=r"no order 'lai'; there are run_id, .*dev_loss"):
        trained.runs(order="-lai")


def test_weights_and_seeds_are_orders(trained):
    weight, seed = trained.runs(order="-loss_weights.sif"), trained.runs(order="-seeds.split")
    assert sorted(weight["run_id"]) == sorted(trained.run_ids())
    assert list(seed["seed"]) == sorted(seed["seed"], reverse=True)


def test_whole_tables_in_parts(trained):
    whole = trained.table(splits=("dev",))
    parts = list(trained.table_in_parts(splits=("dev",), size=4))
    assert [len(part) for part in parts] == [4, 2]
    assert all(list(part.columns) == list(whole.columns) for part in parts)
    assert [row for part in parts for row in records(part)] == records(whole)
    for name, values in trained.settings(trained.run_ids()[3:4]).popitem()[1].items():
        assert whole["fingerprint" if name == "dataset" else name][3] in (values, None) or values is None


def test_setups_labels_files_and_skills_are_read_at_once(trained):
    runs = trained.runs()
    ids = list(runs["run_id"])
    keys = trained.setup_keys([*ids, "nobody"])
    assert [keys[a] == keys[b] for a in ids for b in ids] == [
        a == b for a in runs["label"] for b in runs["label"]
    ]
    assert trained.labels() == list(dict.fromkeys(runs["label"]))
    assert trained.labels("status = 'completed'") == list(runs["label"][1:3])
    assert trained.skilled(ids) == ["gpp", "lai"]
    token = claim(trained).token
    trained.finish(token, [metric(float("nan"), variable="sif")], [replace(CHECKPOINT, kind="skill")])
    assert trained.files(ids, "skill") == {ids[3]: replace(CHECKPOINT, kind="skill")}
    assert trained.skilled(ids[3:]) == []
