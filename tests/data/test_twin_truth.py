"""The skill that each set of predictors allows: computed from the truth, stored, read without JAX."""

import json
import subprocess
import sys
from itertools import combinations

import numpy as np
import pytest

from landlab_mgr.data import truth, twin
from landlab_mgr.data.twin import attainable
from landlab_mgr.data.twin import planet as planets
from landlab_mgr.errors import LandlabError

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def planet():
    """Enough patches to learn what one tells of others."""
    return planets.design(60, 2, 3, 5)


@pytest.fixture(scope="module")
def skill(planet):
    return truth.skill(planet.skeleton())


def test_there_is_a_value_for_every_subset_variable_and_statistic(skill):
    groups = ("PFT", "CLIM", "AGE", "SOIL")
    expected = {"+".join(s) or "CONTROL" for k in range(5) for s in combinations(groups, k)}
    assert set(skill["subset"].values) == expected
    assert set(skill["statistic"].values) == {"R2", "r2"}
    assert {"lai", "sif", "gpp", "nbe", "et_gleam", "et_fluxnet", "biomass", "ewt"} <= set(
        skill["variable"].values
    )
    assert skill.attrs["warmup_months"] == 12
    assert skill.attrs["patches"] == 60


def test_all_groups_leave_only_the_errors_of_the_observations(skill):
    """With every predictor the parameters are known: what is missing to 1 is the instruments' errors."""
    full = skill.sel(subset="PFT+CLIM+AGE+SOIL", statistic="R2")
    assert (full.sel(variable=["lai", "sif", "gpp", "et_gleam", "biomass", "ewt"]) > 0.85).all()
    assert (full < 1).all()


def test_predictors_help_and_the_best_group_leads(skill):
    r2 = skill.sel(statistic="R2")
    for variable in ("lai", "sif", "et_gleam", "biomass"):
        of = r2.sel(variable=variable)
        alone = {g: float(of.sel(subset=g)) for g in ("PFT", "CLIM", "AGE", "SOIL")}
        full = float(of.sel(subset="PFT+CLIM+AGE+SOIL"))
        assert max(alone.values()) < full
        assert max(alone, key=alone.__getitem__) in ("PFT", "CLIM"), alone
        three = [float(of.sel(subset="+".join(s))) for s in combinations(alone, 3)]
        assert np.mean(list(alone.values())) < np.mean(three) < full
        assert float(of.sel(subset="CONTROL")) < np.mean(list(alone.values()))


def test_what_is_known_exactly_is_expected_exactly(planet):
    """E[parameters | all groups] is the truth, pools included."""
    pixels = np.arange(len(planet.places.lat))
    found = attainable.expected(planet, ("PFT", "CLIM", "AGE", "SOIL"), pixels)
    for name, x in planet.params.items():
        np.testing.assert_allclose(found[name], x, rtol=1e-6, err_msg=name)


def test_without_predictors_all_pixels_have_the_mean(planet):
    found = attainable.expected(planet, (), np.arange(20))
    for name in ("lcma", "uwue", "tor_som"):
        assert np.ptp(found[name]) < 1e-12
        x = planet.params[name]
        assert x.min() < found[name][0] < x.max()


def test_no_pixel_is_learned_from_its_own_patch(planet, monkeypatch):
    """A parameter of patch 7 that is changed changes what is expected anywhere but there."""
    groups, pixels = ("CLIM",), np.arange(len(planet.places.lat))
    monkeypatch.setattr(attainable, "RIDGES", (1e-2,))  # the choice of the strength sees all patches
    before = attainable.expected(planet, groups, pixels)["uwue"]
    here = planet.places.patch == 7
    changed = planet.truth.unbounded["uwue"] + 3.0 * here
    monkeypatch.setitem(planet.truth.unbounded, "uwue", changed)
    after = attainable.expected(planet, groups, pixels)["uwue"]
    assert (np.abs(np.log(after / before))[~here] > 1e-9).any()
    np.testing.assert_array_equal(after[here], before[here])


def test_a_made_planet_has_it_and_the_fingerprint_does_not(monkeypatch):
    from landlab_mgr.data import store

    ds = twin.make(n_patches=4, pixels_per_patch=1, years=3, seed=0)
    assert truth.skill(ds).dims == ("subset", "variable", "statistic")
    without = ds.drop_attrs(deep=False).assign_attrs(
        {k: v for k, v in ds.attrs.items() if k != truth.ATTRIBUTE}
    )
    assert store.fingerprint(without) == store.fingerprint(ds)
    with pytest.raises(LandlabError, match="knows no true skill"):
        truth.skill(without)


def test_what_is_undefined_is_missing():
    text = truth.encoded({"CONTROL": {"lai": {"R2": float("nan"), "r2": 0.5}}}, patches=3)
    assert "NaN" not in text
    assert json.loads(text)["patches"] == 3
    found = truth.skill(planets.xr.Dataset(attrs={truth.ATTRIBUTE: text}))
    assert np.isnan(found.sel(subset="CONTROL", variable="lai", statistic="R2"))
    assert found.sel(subset="CONTROL", variable="lai", statistic="r2") == 0.5


def test_reading_it_needs_no_jax():
    code = "import sys, landlab_mgr.data.truth; print('jax' in sys.modules)"
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True
    )
    assert found.stdout.strip() == "False"
