"""Tags: given, taken away, and found again by filters."""

import pytest

from landlab_mgr.errors import LandlabError


def test_tags_come_and_go(catalog, runs):
    ids = [spec.run_id for spec in runs]
    assert catalog.tag(ids[:3], "paper") == 3
    assert catalog.tag(ids[2:4], "paper") == 1
    assert catalog.tag(ids[:1], "a.b-c_1") == 1
    assert catalog.tags()[ids[0]] == ("a.b-c_1", "paper")
    assert list(catalog.runs("tag = 'paper'")["run_id"]) == ids[:4]
    assert list(catalog.runs("tag like 'A.%' and not tag = 'other'")["run_id"]) == ids[:1]
    assert len(catalog.runs("tag != 'paper'")) == 2
    assert catalog.untag(ids, "paper") == 4
    assert catalog.untag(ids, "paper") == 0
    assert catalog.tags() == {ids[0]: ("a.b-c_1",)}


@pytest.mark.parametrize("name", ["", " ", "-x", "a b", "ä", "a'b", "a\n"])
def test_malformed_tags_are_refused(catalog, runs, name):
    with pytest.raises(LandlabError, match="letters, digits"):
        catalog.tag([runs[0].run_id], name)
    assert catalog.tags() == {}


def test_an_unknown_run_leaves_all_as_it_was(catalog, runs):
    with pytest.raises(LandlabError, match="no run 'nobody'; nothing was changed"):
        catalog.tag([runs[0].run_id, "nobody"], "paper")
    assert catalog.tags() == {}
