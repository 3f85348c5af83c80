"""Monthly predictions beside observations: the operators of an evaluation, who is scored where, and what is refused."""

import numpy as np
import pytest
import xarray as xr

from landlab_mgr.analysis import members, skill
from landlab_mgr.analysis.base import Ensemble
from landlab_mgr.errors import LandlabError
from landlab_mgr.models import registry
from landlab_mgr.observations.calendar import Calendar
from landlab_mgr.observations.comparable import comparable, is_compared, observed, score_name
from landlab_mgr.spec.run import RunSpec

from . import forecasts, sample

pytestmark = pytest.mark.slow

SPEC = RunSpec(dataset="x", predictors=("PFT",), warmup_months=12)
YEARS_OUT = SPEC.model_copy(
    update={"split": SPEC.split.model_copy(update={"kind": "years_out", "years": (2003,)})}
)


FILES = {"of": "ensemble_mean", "split": "train"}
"""Options with which skill reads monthly files."""


def full(planet, seed=0):
    """A `monthly` file of the planet with every output that some stream observes."""
    rng = np.random.default_rng(seed)
    names = set(SPEC.tables.modelled.values())
    shape = planet.sizes["pixel"], planet.sizes["time"]
    ds = xr.Dataset({n: (("pixel", "time"), rng.normal(3, 1, shape).astype(np.float32)) for n in names})
    return ds.assign(split=("pixel", np.full(shape[0], "train")))


@pytest.mark.parametrize("spec", [SPEC, YEARS_OUT])
@pytest.mark.parametrize("part", ["train", "withheld"])
def test_the_operators_are_those_of_an_evaluation(planet, spec, part):
    planet = planet.assign(lai_withheld=planet["lai"].copy(data=planet["lai"].values + 1))
    file, patch = full(planet), planet["patch"].values
    streams = [s for s in registry.streams().values() if s.name in planet]
    calendar = Calendar.of(planet)
    held_out = members.split.withheld_months(planet, spec.split)
    held_out = np.zeros((planet.sizes["time"], 1), bool) if held_out is None else held_out
    period = "withheld" if part == "withheld" else "observation"
    expected = {}
    for stream in streams:
        if is_compared(planet, stream, period, bool(held_out.any())):
            seen = observed(planet, stream.name, period, held_out)
            modelled = file[SPEC.tables.modelled[stream.name]].values.T
            expected[score_name(stream, streams)] = comparable(stream, modelled, seen, patch, 12, calendar)
    found = {t.name: t for t in members.targets(planet, spec, False, part)}
    assert found.keys() == expected.keys()
    assert len(found) == (13 if spec is SPEC and part == "train" else len(found))
    for name, (modelled, seen) in expected.items():
        np.testing.assert_allclose(found[name].observed, seen, rtol=1e-6, err_msg=name)
        np.testing.assert_allclose(found[name].of(file), modelled, rtol=1e-5, atol=1e-5, err_msg=name)
        assert found[name].steps >= np.isfinite(seen).any(axis=1).sum()


def test_all_months_that_could_be_observed_are_counted(planet):
    steps = {average: members.steps(planet, SPEC, "train", average) for average in ("step", "year", "run")}
    assert steps == {"step": 24, "year": 2, "run": 1}
    out = {part: members.steps(planet, YEARS_OUT, part, "step") for part in ("train", "withheld")}
    assert out == {"train": 12, "withheld": 12}


def test_members_are_stacked_with_who_is_scored_where(forecast, towers):
    with forecast.open(read_only=True) as catalog:
        ds, _ = sample.loaded(skill.ANALYSIS, forecast, catalog, "setup.groups = 'PFT+CLIM'", **FILES)
        found = members.stacks(ds, "train", ["gpp", "nbe"])
        specs = forecasts.specs(catalog, "setup.groups = 'PFT+CLIM'")
    nbe, gpp = sorted(found, key=lambda s: s.target.name != "nbe")
    assert (nbe.target.level, gpp.target.level) == ("patch", "pixel")
    assert gpp.modelled.shape == (6, 108, 12)
    assert nbe.modelled.shape == (6, 108, 6)
    for i, spec in enumerate(specs):
        label = forecasts.labels(towers, spec)
        assert (gpp.scored("dev")[i] == (label == "dev")).all()
        assert (gpp.scored("withheld")[i] == (label == "train")).all()
        assert (nbe.scored("test")[i] == [True, True, False, False, False, False]).all()
    assert len({tuple(row) for row in gpp.scored("dev")}) > 1, "members have dev pixels of their own"


def test_files_of_patches_compare_patch_means(towers):
    spec = SPEC.model_copy(update={"predictors": forecasts.FULL})
    file = forecasts.monthly(towers, spec, by_patch=True)
    found = {t.name: t for t in members.targets(towers, spec, True, "train")}
    seen = forecasts.observed(towers, "lai")
    patch = towers["patch"].values
    means = np.stack([seen[patch == p].mean(axis=0) for p in range(6)], axis=1)
    np.testing.assert_allclose(found["lai"].observed, means, rtol=1e-6)
    there = np.isfinite(means)
    assert 0.4 < there[12:].mean() < 0.8, "months when both pixels were observed"
    np.testing.assert_allclose(found["lai"].of(file)[there], file["lai"].values.T[there])
    assert np.isnan(found["lai"].of(file)[~there]).all()
    [note] = members.resolution_note(list(found.values()))
    assert note.startswith("the runs' monthly files hold means of patches: gpp")
    assert "nbe" not in note
    assert not members.resolution_note(members.targets(towers, spec, False, "train"))


def test_what_is_refused(forecast, towers, tmp_path):
    with pytest.raises(LandlabError, match="no observed 'height'; there are: lai, biomass"):
        members.targets(towers, SPEC, False, "train", ["height"])
    with pytest.raises(LandlabError, match="has no withheld observations"):
        members.targets(towers.drop_vars("gpp_fluxnet_withheld"), SPEC, False, "withheld")
    [target] = members.targets(towers, SPEC, False, "train", ["gpp"])
    file = forecasts.monthly(towers, SPEC.model_copy(update={"predictors": forecasts.FULL}))
    with pytest.raises(LandlabError, match="has gpp of 96 months x 12 places, the dataset 108 x 12"):
        target.of(file.isel(time=slice(12, None)))
    with pytest.raises(LandlabError, match="kept no gpp"):
        target.of(file.drop_vars("gpp"))
    with forecast.open(read_only=True) as catalog:
        with pytest.raises(LandlabError, match="the runs are of 2 setups"):
            members.stacks(sample.loaded(skill.ANALYSIS, forecast, catalog, **FILES)[0], "train")
        with pytest.raises(LandlabError, match="is counted in the catalog, which is open for reading only"):
            Ensemble.select(forecast, catalog).look(["test"])
