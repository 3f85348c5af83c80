"""Studies: what their trials train, and the weights that they found a name for."""

import pytest

from landlab_mgr.errors import LandlabError
from landlab_mgr.spec.run import RunSpec

from .sample import FINGERPRINT


def spec_of(seed, dataset=FINGERPRINT):
    return RunSpec(dataset=dataset, predictors=("PFT",), seeds={"init": seed}, loss_weights={"lai": 20.0})


def test_a_trial_and_its_runs_are_registered_together_or_not_at_all(catalog):
    catalog.register_study("tune", {})
    specs = [spec_of(0), spec_of(1)]
    assert catalog.register_trial("tune", 3, specs) == [s.run_id for s in specs]
    assert catalog.register_trial("tune", 3, specs) == [s.run_id for s in specs]
    assert catalog.study("tune").trials == {3: tuple(sorted(s.run_id for s in specs))}
    for study, dataset, said in (("tume", FINGERPRINT, "no study 'tume'"), ("tune", "f" * 16, "no dataset")):
        with pytest.raises(LandlabError, match=said):
            catalog.register_trial(study, 4, [spec_of(2, dataset)])
    assert len(catalog.runs()) == 2
    with pytest.raises(LandlabError, match="no study 'other'; there is: tune"):
        catalog.study("other")


def test_named_weights_are_found_and_never_change(catalog):
    catalog.register_study("tune", {})
    weights = spec_of(0).weights
    catalog.name_weights("towers", weights, "tune", 7)
    catalog.name_weights("towers", weights, "tune", 7)
    [found] = catalog.weight_sets()
    assert (found.name, found.weights, found.study, found.trial) == ("towers", weights, "tune", 7)
    with pytest.raises(LandlabError, match=r"there is a weight set 'towers' with other weights"):
        catalog.name_weights("towers", weights | {"lai": 30.0}, "tune", 8)
    with pytest.raises(LandlabError, match=r"--as 'a b': letters, digits"):
        catalog.name_weights("a b", weights, "tune", 7)
    with pytest.raises(LandlabError, match="no study 'tume'; registered: tune"):
        catalog.name_weights("sea", weights, "tume", 7)
    with pytest.raises(LandlabError, match="no weight set 'sea'; there is: towers"):
        catalog.weight_set("sea")
    assert catalog.weight_set("towers").weights == weights


def test_settings_of_a_study_are_kept_and_may_change(catalog):
    catalog.register_study("tune", {"seeds": 2})  # as earlier versions did
    catalog.register_study("tune", {"seeds": 2}, {"trials": 60, "fresh_seeds": 4})
    assert catalog.study("tune").spec == {"seeds": 2, "trials": 60, "fresh_seeds": 4}
    before = catalog.version()
    catalog.register_study("tune", {"seeds": 2}, {"trials": 80, "fresh_seeds": 4})
    assert catalog.study("tune").spec["trials"] == 80
    assert catalog.version() != before, "who looks sees it"
    catalog.register_study("tune", {"seeds": 2})
    assert catalog.study("tune").spec["trials"] == 80
    with pytest.raises(LandlabError, match=r"`seeds` is 2, not 3"):
        catalog.register_study("tune", {"seeds": 3}, {"trials": 80})
    assert catalog.study("tune").spec["seeds"] == 2
