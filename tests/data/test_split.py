import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from landlab_mgr.data import split
from landlab_mgr.errors import LandlabError
from landlab_mgr.spec import SplitSpec

patches = st.integers(3, 60).flatmap(
    lambda n: st.lists(st.integers(0, n - 1), min_size=0, max_size=100).map(
        lambda more: np.array([*range(n), *more])
    )
)


@settings(max_examples=60, deadline=None)
@given(patch=patches, fraction=st.floats(0.01, 0.99), seed=st.integers(0, 2**31 - 1))
def test_splits_are_of_whole_patches_and_none_is_empty(patch, fraction, seed):
    test = split.choose_test_patches(patch, fraction, seed)
    label = split.assign({"patch": patch, "test": test}, SplitSpec(dev_fraction=fraction), seed)
    assert set(label) == {"train", "dev", "test"}
    assert all(len(set(label[patch == p])) == 1 for p in np.unique(patch))
    np.testing.assert_array_equal(label == "test", test)


def geometry(n_patches=100, size=3):
    patch = np.repeat(np.arange(n_patches), size)
    return {"patch": patch, "test": patch < 10}


def test_dev_is_its_fraction_of_what_is_not_test():
    label = split.assign(geometry(), SplitSpec(dev_fraction=0.2), seed=0)
    assert (label == "test").sum() == 30
    assert (label == "dev").sum() == 18 * 3
    assert (label == "train").sum() == 72 * 3


def test_the_seed_decides_and_nothing_else():
    first = split.assign(geometry(), SplitSpec(), seed=7)
    np.testing.assert_array_equal(first, split.assign(geometry(), SplitSpec(), seed=7))
    assert (first != split.assign(geometry(), SplitSpec(), seed=8)).any()


def test_a_draw_is_remembered():
    """Stored so that a change of the draw, which would move every old run's dev set, cannot go unseen."""
    patch = np.arange(20)
    test = split.choose_test_patches(patch, 0.2, seed=0)
    label = split.assign({"patch": patch, "test": test}, SplitSpec(), seed=0)
    assert np.flatnonzero(test).tolist() == [1, 5, 8, 16]
    assert np.flatnonzero(label == "dev").tolist() == [10, 18]


def test_every_patch_is_dev_for_some_seed():
    seen = {
        p
        for seed in range(200)
        for p in np.flatnonzero(split.assign(geometry(size=1), SplitSpec(), seed) == "dev")
    }
    assert seen == set(range(10, 100))


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (
            lambda: split.assign({"patch": [0, 1], "test": [True, False]}, SplitSpec(), 0),
            "1 patches are not of",
        ),
        (lambda: split.choose_test_patches(np.array([0, 0, 1])), "2 patches"),
        (lambda: split.choose_test_patches(np.arange(9), fraction=1.0), "test fraction 1.0"),
    ],
)
def test_too_little_to_split(call, says):
    with pytest.raises(LandlabError, match=says):
        call()
