import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from landlab_mgr.data import split
from landlab_mgr.errors import LandlabError
from landlab_mgr.spec.run import SplitSpec

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


# ---- kinds


def kfold(fold, folds=5, **fields):
    return SplitSpec(kind="kfold", folds=folds, fold=fold, **fields)


@settings(max_examples=60, deadline=None)
@given(patch=patches, folds=st.integers(2, 20), seed=st.integers(0, 2**31 - 1))
def test_folds_divide_all_patches_evenly_and_alike_for_every_seed(patch, folds, seed):
    distinct = np.unique(patch)
    if distinct.size < folds or distinct.size - -(-distinct.size // folds) < 2:
        return
    geometry = {"patch": patch, "test": patch == 0}  # the dataset's test patches take part
    labels = [split.assign(geometry, kfold(k, folds), seed) for k in range(folds)]
    tested = [set(patch[label == "test"]) for label in labels]
    assert sorted(p for fold in tested for p in fold) == distinct.tolist()
    assert max(map(len, tested)) - min(map(len, tested)) <= 1
    for k, (label, fold) in enumerate(zip(labels, tested, strict=True)):
        assert set(label) == {"train", "dev", "test"}
        assert all(len(set(label[patch == p])) == 1 for p in distinct)
        other = split.assign(geometry, kfold(k, folds), seed + 1)
        assert set(patch[other == "test"]) == fold


def test_folds_are_remembered():
    """Stored, so that folds of runs made at different times are of one division."""
    patch = np.arange(10)
    folds = [split.assign({"patch": patch, "test": patch < 1}, kfold(k), seed=3) == "test" for k in range(5)]
    assert [np.flatnonzero(fold).tolist() for fold in folds] == [[2, 9], [1, 7], [6, 8], [3, 5], [0, 4]]


def test_the_dev_set_of_a_fold_is_the_members():
    dev = {
        tuple(np.flatnonzero(split.assign(geometry(size=1), kfold(2, dev_fraction=0.3), seed) == "dev"))
        for seed in range(8)
    }
    assert len(dev) == 8
    assert {len(found) for found in dev} == {24}


def located():
    """Eight patches of two pixels, on both sides of 180 degrees; patches 0 and 5 are the dataset's test set."""
    patch = np.repeat(np.arange(8), 2)
    lon = np.array([-179, -178, -60, -59, -1, 1, 10, 11, 60, 61, 100, 101, 150, 151, 178, 179.0])
    region = np.array(
        ["pacific"] * 2 + ["america"] * 2 + [""] + ["europe"] * 3 + ["asia"] * 6 + ["pacific"] * 2
    )
    return {
        "patch": patch,
        "test": np.isin(patch, [0, 5]),
        "lon": lon,
        "lat": np.where(patch % 2, 40.0, -40.0),
        "region": region,
    }


@pytest.mark.parametrize(
    ("fields", "test", "unused"),
    [
        ({"regions": ["europe"]}, {2, 3}, {0, 5}),  # a patch is out with its first pixel in the region
        ({"regions": ["asia", "america"]}, {1, 4, 5, 6}, {0}),
        ({"box": [-90, 90, -10, 20]}, {2, 3}, {0, 5}),
        ({"box": [0, 90, -180, 180]}, {1, 3, 5, 7}, {0}),
        ({"box": [-90, 90, 170, -170]}, {0, 7}, {5}),
        ({"box": [-90, 90, 0, 5], "regions": ["america"]}, {1, 2}, {0, 5}),
    ],
)
def test_regions_and_boxes_hold_out_whole_patches(fields, test, unused):
    there = located()
    label = split.assign(there, SplitSpec(kind="region_out", **fields), seed=1)
    assert set(there["patch"][label == "test"]) == test
    assert set(there["patch"][label == "unused"]) == unused
    assert {"train", "dev"} < set(label)
    assert all(len(set(label[there["patch"] == p])) == 1 for p in range(8))
    again = split.assign(there, SplitSpec(kind="region_out", **fields), seed=2)
    np.testing.assert_array_equal(label == "test", again == "test")


def test_all_is_for_training():
    label = split.assign({"patch": [0], "test": [False]}, SplitSpec(kind="all"), seed=0)
    assert label.tolist() == ["train"]


YEARS = {2001: 12.0, 2002: 14.0, 2003: 11.0, 2004: 13.0}


def climate(start="2001-01-01", steps=48, freq="MS"):
    """Two pixels, the second nine times as large; it alone says which years are warm. A third is of the test set."""
    time = xr.date_range(start, periods=steps, freq=freq)
    time = time + np.timedelta64(14, "D") if freq == "MS" else time
    year = np.array([YEARS.get(y, 99.0) for y in time.year])
    warmth = np.stack([-3 * year, year, -1e6 * year])
    monthly = ("pixel", "time")
    return xr.Dataset(
        {
            "tmin": (monthly, warmth - 1),
            "tmax": (monthly, warmth + 1),
            "area_m2": ("pixel", [1.0, 9.0, 9.0]),
            "patch": ("pixel", [0, 1, 2]),
            "test": ("pixel", [False, False, True]),
        },
        coords={"time": time},
        attrs={"dt_days": 365.25 / 12 if freq == "MS" else 1.0},
    )


def years_out(**fields):
    return SplitSpec(kind="years_out", **fields)


@pytest.mark.parametrize(
    ("fields", "years"),
    [
        ({"years": [2003, 2001]}, {2001, 2003}),
        ({"warmest": 1}, {2002}),
        ({"warmest": 2}, {2002, 2004}),
        ({"coolest": 1}, {2003}),
        ({"coolest": 1, "warmest": 1}, {2002, 2003}),
        ({"years": [2001], "warmest": 1}, {2001, 2002}),
    ],
)
@pytest.mark.parametrize("block", [10**6, 1])
def test_years_are_held_out_by_number_or_warmth(monkeypatch, fields, years, block):
    monkeypatch.setattr(split, "BLOCK_VALUES", block)
    ds = climate()
    out = split.withheld_months(ds, years_out(**fields))
    np.testing.assert_array_equal(out[:, 0], np.isin(ds["time"].dt.year, list(years)))
    label = split.assign(ds, years_out(**fields), seed=0)
    np.testing.assert_array_equal(label, split.assign(ds, SplitSpec(), seed=0))


def test_only_whole_years_are_ranked():
    ds = climate("2001-07-01", 36)  # half of 2001, half of 2004
    assert set(ds["time"].dt.year.values[split.withheld_months(ds, years_out(warmest=1))[:, 0]]) == {2002}
    assert set(ds["time"].dt.year.values[split.withheld_months(ds, years_out(coolest=1))[:, 0]]) == {2003}


def test_years_and_months_of_daily_data_are_all_their_days():
    ds = climate("2001-07-01", 3 * 365 + 100, "D")  # 2002 and 2003 whole
    day = ds["time"].values.astype("datetime64[D]")
    out = split.withheld_months(ds, years_out(months=["2002-02"]))[:, 0]
    assert day[out].tolist() == np.arange("2002-02-01", "2002-03-01", dtype="M8[D]").tolist()
    for fields, year in (({"warmest": 1}, 2002), ({"coolest": 1}, 2003)):
        out = split.withheld_months(ds, years_out(**fields))[:, 0]
        assert out.sum() == 365
        assert set(ds["time"].dt.year.values[out]) == {year}
    with pytest.raises(LandlabError, match="holds out every day of the dataset"):
        split.withheld_months(ds, years_out(years=[2001, 2002, 2003, 2004]))


def test_warmth_needs_temperatures_and_other_years_do_not():
    ds = climate().drop_vars("tmin")
    with pytest.raises(LandlabError, match=r"need tmin and tmax; the dataset has no tmin: name years"):
        split.withheld_months(ds, years_out(warmest=1))
    assert split.withheld_months(ds, years_out(years=[2002])).sum() == 12


def test_single_months_are_held_out():
    out = split.withheld_months(climate(), years_out(months=["2003-08", "2003-07"]))
    assert np.flatnonzero(out[:, 0]).tolist() == [30, 31]


def test_the_temperature_of_a_published_dataset_is_read_once():
    ds = climate().assign_attrs(fingerprint="only-here")
    first = split.withheld_months(ds, years_out(warmest=1))
    without = ds.drop_vars(["tmin", "tmax"])
    np.testing.assert_array_equal(split.withheld_months(without, years_out(warmest=1)), first)


@pytest.mark.parametrize("kind", [SplitSpec(), kfold(1), SplitSpec(kind="all")])
def test_other_kinds_hold_out_no_months(kind):
    assert split.withheld_months(climate(), kind) is None


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: split.assign(geometry(3), kfold(1), 0), "split.folds = 5 of 3 patches"),
        (
            lambda: split.assign(geometry(3), kfold(0, 2), 0),
            "1 patches are not of the test set.*or hold out fewer",
        ),
        (
            lambda: split.assign(geometry(), SplitSpec(kind="region_out", regions=["asia"]), 0),
            r"names no regions; give split.box = \[south, north, west, east\]",
        ),
        (
            lambda: split.assign(located(), SplitSpec(kind="region_out", regions=["asia", "afrika"]), 0),
            "unknown region 'afrika'; this dataset has america, asia, europe, pacific",
        ),
        (
            lambda: split.assign(located(), SplitSpec(kind="region_out", box=[0, 1, 0, 1]), 0),
            r"no pixel is in split.box = \[0.0, 1.0, 0.0, 1.0\]",
        ),
        (
            lambda: split.withheld_months(climate(), years_out(years=[1999])),
            "split.years: the dataset has no year 1999; it goes from 2001 to 2004",
        ),
        (
            lambda: split.withheld_months(climate(), years_out(months=["2005-01"])),
            "split.months: the dataset has no month 2005-01; it goes from 2001-01 to 2004-12",
        ),
        (
            lambda: split.withheld_months(climate(), years_out(warmest=2, coolest=2)),
            "split holds out 4 years by temperature of 4 whole ones",
        ),
        (
            lambda: split.withheld_months(climate(), years_out(years=[2001, 2002, 2003], warmest=3)),
            "split holds out every month",
        ),
    ],
)
def test_what_cannot_be_split_is_one_line(call, says):
    with pytest.raises(LandlabError, match=says) as error:
        call()
    assert "\n" not in str(error.value)
