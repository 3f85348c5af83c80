"""Registration: idempotent, extensible, and true to the identity of a run."""

import time
from dataclasses import replace

import pytest

from landlab_mgr.catalog import Registration
from landlab_mgr.errors import LandlabError
from landlab_mgr.spec.grid import GridSpec
from landlab_mgr.spec.run import RunSpec, identity

from .sample import DATASET, FINGERPRINT, claim


def test_registering_again_changes_nothing(catalog, grid, runs):
    before = catalog.runs()
    assert catalog.register_runs(runs, grid) == Registration(added=0, existing=6)
    assert catalog.runs().equals(before)


def test_a_grid_gains_only_new_cells(catalog, grid, runs):
    claim(catalog)
    wider = grid.model_copy(update={"seeds": 3, "setups": (("SOIL",),)})
    assert catalog.register_runs(wider.expand(FINGERPRINT), wider) == Registration(added=6, existing=6)
    (record,) = catalog.grids()
    assert record.spec == wider
    assert record.counts == {"pending": 11, "running": 1, "completed": 0, "failed": 0, "cancelled": 0}


def test_a_grid_is_not_another_grid(catalog, grid, runs):
    other = grid.model_copy(update={"base": {"warmup_months": 12}})
    with pytest.raises(LandlabError, match="grid 'g' is registered with another `base`"):
        catalog.register_runs(other.expand(FINGERPRINT), other)
    assert len(catalog.runs()) == 6


def test_a_run_may_be_in_many_grids_or_none(catalog, grid, runs):
    other = grid.model_copy(update={"name": "h", "seeds": 1})
    catalog.register_runs(other.expand(FINGERPRINT), other)
    lone = RunSpec(dataset=FINGERPRINT, predictors=("AGE",))
    assert catalog.register_runs([lone, lone]) == Registration(added=1, existing=0)
    assert list(catalog.runs()["grids"]) == ["g,h"] * 3 + ["g"] * 3 + [""]
    assert catalog.run(runs[0].run_id).grids == ("g", "h")


def test_a_stored_run_is_the_run_that_was_asked_for(catalog):
    spec = RunSpec.model_validate(
        {
            "dataset": FINGERPRINT,
            "predictors": ["SOIL", "PFT"],
            "loss_weights": {"sif": 3, "lai": 10},
            "network": {"hidden": [8, 4]},
            "seeds": {"init": 2**31 - 1},
        }
    )
    catalog.register_runs([spec])
    record = catalog.run(spec.run_id[:5])
    assert (record.spec, record.spec.run_id, record.run_id) == (spec, spec.run_id, spec.run_id)
    assert record.setup_id == identity(spec.setup)
    assert record.loss_weights_id == identity(spec.weights)
    assert (record.label, record.dataset, record.dataset_name) == ("PFT+SOIL", FINGERPRINT, "twin")
    assert (record.state, record.epochs, record.epochs_planned) == ("pending", 0, spec.optimizer.epochs)


def test_seeds_of_one_setup_share_it(catalog, runs):
    setups = {spec.label: set() for spec in runs}
    for spec in runs:
        setups[spec.label].add(catalog.run(spec.run_id).setup_id)
    assert sorted(len(ids) for ids in setups.values()) == [1, 1, 1]
    assert len(set.union(*setups.values())) == 3


def test_runs_need_their_dataset(catalog):
    with pytest.raises(LandlabError, match=r"fingerprint nope; registered: twin \(0123456789abcdef\)"):
        catalog.register_runs([RunSpec(dataset="nope", predictors=("PFT",))])


def test_a_dataset_by_name_or_fingerprint(catalog):
    created = catalog.dataset("twin").created
    catalog.register_dataset(replace(DATASET, url="elsewhere"))
    assert catalog.datasets() == [replace(DATASET, url="elsewhere", created=created)]
    catalog.register_dataset(replace(DATASET, fingerprint="0123ffff", name="other"))
    assert catalog.dataset("0123f").name == "other"
    with pytest.raises(LandlabError, match="'0123' is the start of several fingerprints"):
        catalog.dataset("0123")
    with pytest.raises(LandlabError, match=r"'towers' is not registered; there is: other .*, twin"):
        catalog.dataset("towers")


def test_a_dataset_has_several_names(catalog, grid, runs):
    again = replace(DATASET, name="again", url="moved")
    catalog.register_dataset(again)
    catalog.register_dataset(again)
    [record] = catalog.datasets()
    assert (record.names, record.url) == (("twin", "again"), "moved")
    assert catalog.dataset("twin") == catalog.dataset("again") == catalog.inventory().datasets[0] == record
    assert len(catalog.runs("dataset = 'twin'")) == len(catalog.runs("dataset = 'again'")) == 6
    assert catalog.runs("dataset != 'again'").empty
    assert catalog.epoch_seconds("again") is None
    for name in ("twin", "again"):
        with pytest.raises(LandlabError, match=f"'{name}' belongs to {FINGERPRINT}, which 6 runs use"):
            catalog.register_dataset(replace(DATASET, fingerprint="aaaa", name=name))


def test_a_dataset_without_runs_is_forgotten_with_its_last_name(catalog):
    for name in ("again", "once more"):
        catalog.register_dataset(replace(DATASET, name=name))
    taken = []
    for name in ("again", "twin", "once more"):
        catalog.register_dataset(replace(DATASET, fingerprint="aaaa", name=name))
        taken.append({d.fingerprint: d.names for d in catalog.datasets()})
    assert taken == [
        {FINGERPRINT: ("twin", "once more"), "aaaa": ("again",)},
        {FINGERPRINT: ("once more",), "aaaa": ("again", "twin")},
        {"aaaa": ("again", "once more", "twin")},
    ]


def test_a_name_moves_only_from_an_unused_dataset(catalog, grid):
    catalog.register_dataset(replace(DATASET, fingerprint="aaaa"))
    assert [d.fingerprint for d in catalog.datasets()] == ["aaaa"]
    catalog.register_dataset(DATASET)
    catalog.register_runs(grid.expand(FINGERPRINT), grid)
    with pytest.raises(LandlabError, match="belongs to 0123456789abcdef, which 6 runs use"):
        catalog.register_dataset(replace(DATASET, fingerprint="aaaa"))
    with pytest.raises(LandlabError, match="kind 'invented' is none of real, synthetic"):
        catalog.register_dataset(replace(DATASET, kind="invented"))


def test_an_unknown_or_ambiguous_run(catalog, runs):
    for unknown in ("zz", "", "%", "_" * 16):
        with pytest.raises(LandlabError, match="no run"):
            catalog.run(unknown)
    catalog.register_runs(
        GridSpec(name="many", dataset="twin", setups=(("AGE",),), seeds=30).expand(FINGERPRINT)
    )
    first = [run_id[0] for run_id in catalog.runs()["run_id"]]
    twice = next(c for c in first if first.count(c) > 1)
    with pytest.raises(LandlabError, match=f"several runs start with '{twice}'"):
        catalog.run(twice)


@pytest.mark.slow
def test_ten_thousand_runs(catalog):
    grid = GridSpec(name="big", dataset="twin", factorial=("PFT", "CLIM", "AGE", "SOIL"), seeds=667)
    specs = list(grid.expand(FINGERPRINT))
    start = time.process_time()
    assert catalog.register_runs(specs, grid).added == 10_005
    registered = time.process_time()
    table = catalog.runs("setup.groups = 'PFT' and seed < 100")
    filtered = time.process_time()
    assert len(table) == 100
    assert [s.run_id for s in specs] == list(catalog.runs()["run_id"])
    assert registered - start < 5  # of CPU, as other tests run beside it
    assert filtered - registered < 0.5  # 0.05 s on an idle machine
