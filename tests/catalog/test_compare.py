"""What differs between two runs: what was asked, what trained them, what came out."""

import pytest

from landlab_mgr.catalog import Environment, MetricRecord
from landlab_mgr.catalog.compare import compare
from landlab_mgr.errors import LandlabError
from landlab_mgr.spec.run import RunSpec

from .sample import DATASET, FINGERPRINT, claim, epoch

PLAIN = RunSpec(dataset=FINGERPRINT, predictors=("PFT",))
OTHER = RunSpec.model_validate(
    {
        "dataset": FINGERPRINT,
        "predictors": ["PFT", "CLIM"],
        "loss_weights": {"lai": 40},
        "process": {"water_stress": "nn_paw"},
        "streams": ["lai"],
        "seeds": {"init": 3},
    }
)


def differences(catalog, a=PLAIN, b=OTHER):
    return {(d.part, d.field): (d.a, d.b) for d in compare(catalog, a.run_id, b.run_id).differences}


def train(catalog, spec, environment, **scores):
    taken = claim(catalog, run_ids=[spec.run_id], environment=environment)
    catalog.record(taken.token, [epoch(1)])
    records = [MetricRecord(split, "gpp", "R2", "flat", value) for split, value in scores.items()]
    catalog.finish(taken.token, [*records, MetricRecord("dev", "gpp", "R2", "spatial", 0.99)])


def test_what_is_asked(catalog):
    catalog.register_runs([PLAIN, OTHER])
    assert differences(catalog) == {
        ("spec", "predictors"): (["PFT"], ["PFT", "CLIM"]),
        ("spec", "streams"): (None, ["lai"]),
        ("spec", "process.water_stress"): ("linear", "nn_paw"),
        ("spec", "seeds.init"): (0, 3),
        ("weights", "lai"): (10.0, 40.0),
    }
    comparison = compare(catalog, PLAIN.run_id, OTHER.run_id)
    assert comparison.not_attempted == (PLAIN.run_id, OTHER.run_id)
    assert comparison.metrics["variable"] == []


def test_another_dataset(catalog):
    moved = PLAIN.model_copy(update={"dataset": "ffff000000000000"})
    catalog.register_dataset(
        type(DATASET)(**{**vars(DATASET), "fingerprint": moved.dataset, "name": "moved"})
    )
    catalog.register_runs([PLAIN, moved])
    assert differences(catalog, PLAIN, moved) == {
        ("dataset", "name"): ("twin", "moved"),
        ("dataset", "fingerprint"): (FINGERPRINT, moved.dataset),
    }


def test_what_trained_them_and_what_came_out(catalog):
    again = PLAIN.model_copy(update={"warmup_months": 12})
    catalog.register_runs([PLAIN, again])
    shared = {"versions": {"jax": "0.10.2", "numpy": "2.4"}, "device": "cpu:cpu"}
    lost = claim(catalog, run_ids=[again.run_id], environment=Environment("a" * 40, mode="vmap:4", **shared))
    catalog.fail(lost.token, "lost", "")
    train(catalog, PLAIN, Environment("a" * 40, None, mode="solo", **shared), train=0.9, dev=0.5, test=0.1)
    shared["versions"] = shared["versions"] | {"jax": "0.10.3"}
    train(catalog, again, Environment("b" * 40, "d1f7", mode="solo", **shared), train=0.9, dev=0.75)
    found = differences(catalog, PLAIN, again)
    assert found == {
        ("run", "attempts"): (1, 2),
        ("spec", "warmup_months"): (24, 12),
        ("code", "commit"): ("a" * 40, "b" * 40),
        ("code", "uncommitted changes"): (None, "d1f7"),
        ("environment", "versions.jax"): ("0.10.2", "0.10.3"),  # of the last attempts: both were solo
    }
    comparison = compare(catalog, PLAIN.run_id[:8], again.run_id[:8])
    assert comparison.not_attempted == ()
    assert comparison.metrics == {  # neither test nor other levels
        "variable": ["gpp", "gpp"],
        "split": ["train", "dev"],
        "a": [0.9, 0.5],
        "b": [0.9, 0.75],
        "b - a": [0.0, 0.25],
    }


def test_mistakes(catalog):
    catalog.register_runs([PLAIN, OTHER])
    with pytest.raises(LandlabError, match="are the same run; give two"):
        compare(catalog, PLAIN.run_id, PLAIN.run_id[:9])
    with pytest.raises(LandlabError, match="no run 'zz'"):
        compare(catalog, PLAIN.run_id, "zz")
