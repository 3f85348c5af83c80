"""Held-back skill: nobody reads test or withheld metrics without an event that says so."""

import json

import pytest

from landlab_mgr.catalog import Catalog, GrammarError, MetricRecord, held_back
from landlab_mgr.errors import LandlabError
from tests.app import sample as workspace
from tests.cli.command import landlab, refused

from .sample import claim

TEST_FILTER = "metrics.test.gpp.R2 > 0"


@pytest.fixture
def scored(catalog, runs):
    """Two completed runs with a metric in every split; four pending."""
    for _ in range(2):
        metrics = [MetricRecord(s, "gpp", "R2", "flat", 0.5) for s in ("train", "dev", "test", "withheld")]
        catalog.finish(claim(catalog).token, metrics)
    return catalog


READINGS = {
    "metrics": lambda c, run: c.metrics(run, ["dev", "test"]),
    "metrics of": lambda c, run: c.metrics_of("", "withheld", "gpp", "R2"),
    "table": lambda c, run: c.table("", ["train", "test"]),
    "array": lambda c, run: c.metrics_array("", splits=["test"]),
    "runs": lambda c, run: c.runs(TEST_FILTER),
    "counts": lambda c, run: c.counts(TEST_FILTER),
    "table by filter": lambda c, run: c.table(TEST_FILTER, ["test", "withheld"]),
}
DETAILS = {
    "metrics": {"splits": ["test"], "runs": 1, "filter": ""},
    "metrics of": {"splits": ["withheld"], "runs": 6, "filter": ""},
    "table": {"splits": ["test"], "runs": 6, "filter": ""},
    "array": {"splits": ["test"], "runs": 6, "filter": ""},
    "runs": {"splits": ["test"], "runs": 2, "filter": TEST_FILTER},
    "counts": {"splits": ["test"], "runs": 2, "filter": TEST_FILTER},
    "table by filter": {"splits": ["test", "withheld"], "runs": 2, "filter": TEST_FILTER},
}


@pytest.mark.parametrize("how", READINGS)
def test_looking_is_counted_once_or_refused(scored, runs, url, how):
    run_id = runs[0].run_id
    READINGS[how](scored, run_id)
    (event,) = scored.events(kind="read_test").to_dict("records")
    assert event["detail"] == DETAILS[how]
    assert event["run_id"] == (run_id if how == "metrics" else None)
    assert (scored.test_reads(run_id), scored.test_reads()) == ((1, 0) if how == "metrics" else (0, 1))
    refused = pytest.raises(LandlabError, match=r"is counted in the catalog.*open it for writing")
    with Catalog(url, read_only=True) as reader, refused:
        READINGS[how](reader, run_id)
    assert len(scored.events(kind="read_test")) == 1


def test_train_and_dev_are_free(scored, runs, url):
    with Catalog(url, read_only=True) as reader:
        assert set(reader.metrics(runs[0].run_id)["split"]) == {"train", "dev"}
        assert reader.metrics_of("", "dev", "gpp", "R2")["value"].tolist() == [0.5, 0.5]
        assert reader.metrics_array("metrics.dev.gpp.R2 > 0").sizes["split"] == 2
        assert not [c for c in reader.table() if "test" in c or "withheld" in c]
    assert scored.events(kind="read_test").empty


def test_evidence_of_test_metrics_is_no_look_at_them(scored, runs, url):
    with Catalog(url, read_only=True) as reader:
        hashes = reader.evidence([runs[0].run_id], ["test"])
    assert len(hashes[runs[0].run_id]) == 64


def test_unknown_splits(scored, runs):
    with pytest.raises(LandlabError, match="no split 'tests'; there are train, dev, test, withheld"):
        scored.metrics(runs[0].run_id, ["tests"])
    with pytest.raises(GrammarError, match="no split 'tests'; known: train, dev, test, withheld"):
        scored.runs("metrics.tests.gpp.R2 > 0")
    assert scored.events(kind="read_test").empty


@pytest.mark.parametrize(
    ("text", "splits"),
    [
        ("", set()),
        ("metrics.dev.gpp.R2 > 0 and status = 'metrics.test.gpp.R2'", set()),
        ("not (seed = 1 or metrics.withheld.gpp.R2.spatial in (1, 2))", {"withheld"}),
        ("metrics.test.gpp.R2 > 0 or metrics.withheld.gpp.R2 > 0", {"test", "withheld"}),
    ],
)
def test_what_a_filter_looks_at(text, splits):
    assert held_back(text) == splits


def test_the_command_line_counts(tmp_path):
    made = workspace.make(tmp_path)
    run_id = made.runs["completed"]
    said = json.loads(landlab("show", run_id, "--json", "--test", workspace=tmp_path).stdout)
    assert {metric["split"] for metric in said["metrics"]} == {"train", "dev", "test"}
    assert said["test_reads"] == 1
    landlab(
        "catalog",
        "export",
        tmp_path,
        "metrics.test.gpp.R2 > -99",
        "--splits",
        "dev,withheld",
        workspace=tmp_path,
    )
    said = landlab("show", run_id, workspace=tmp_path).stdout
    assert "test and withheld skill of this run: --test shows it and is counted; read once" in said
    assert "  dev " in said
    assert "  test " not in said
    with made.workspace.open(read_only=True) as catalog:
        details = catalog.events(kind="read_test")["detail"].tolist()
    assert [(d["splits"], d["runs"]) for d in details] == [
        (["test", "withheld"], 1),
        (["test", "withheld"], 1),
    ]
    assert "--test is for one run" in refused("show", run_id, run_id, "--test", workspace=tmp_path)
