import json

import numpy as np
import pytest

from landlab_mgr.data import predictors
from landlab_mgr.errors import LandlabError
from landlab_mgr.training import checkpoint


def real_predictors(ds):
    return [name for group, names in predictors.groups(ds).items() if group in REAL for name in names]


REAL = ("PFT", "CLIM", "AGE", "SOIL", "SEASON")
ALL = (*REAL, "CONTROL", "LATLON")


@pytest.fixture
def train():
    mask = np.ones(11, bool)
    mask[[0, 4, 9]] = False
    return mask


def column(encoder, encoded, name):
    return encoded[:, encoder.columns.index(name)]


def test_columns_are_named_and_counted(dataset, train):
    encoder = predictors.encode(dataset, ("SOIL", "AGE"), train, 0)
    assert encoder.groups == ("AGE", "SOIL")
    assert encoder.columns == [
        "canopy_height",
        "canopy_height missing",
        "tree_cover",
        "perc_sub",
        "perc_top",
        "soil_class=1",
        "soil_class=2",
        "soil_class=3",
        "soil_class missing",
        "whc_sub",
        "whc_top",
        "whc_top missing",
    ]
    encoded = encoder.apply(dataset)
    assert encoded.shape == (11, encoder.n_columns)
    assert encoded.dtype == np.float32
    assert np.isfinite(encoded).all()


def test_continuous_columns_are_standardised_by_training_pixels(dataset, train):
    encoder = predictors.encode(dataset, ("CLIM", "LATLON"), train, 0)
    encoded = encoder.apply(dataset).astype(float)
    assert encoder.columns == ["MAP", "MAT", "elevation", "lat", "lon"]
    np.testing.assert_allclose(encoded[train].mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(encoded[train].std(axis=0), 1, atol=1e-6)
    elevation = dataset["elevation"].values
    expected = (elevation[0] - elevation[train].mean()) / elevation[train].std()
    np.testing.assert_allclose(column(encoder, encoded, "elevation")[0], expected, rtol=1e-6)


def test_a_constant_predictor_becomes_zero_not_noise(dataset, train):
    train[[1, 5]] = False
    dataset["perc_top"].values[:] = 0.1
    assert dataset["perc_top"].values[train].std() > 0  # the mean of six tenths is off by round-off
    encoder = predictors.encode(dataset, ("SOIL",), train, 0)
    np.testing.assert_allclose(column(encoder, encoder.apply(dataset), "perc_top"), 0, atol=1e-12)


def test_missing_values_take_the_training_mean_of_the_plant_type(dataset):
    sites = list(dataset["site"].values)
    same, missing = sites.index("BB-One"), sites.index("BB-Two")  # the two evergreen broadleaf sites
    height = dataset["canopy_height"].values
    assert np.isnan(height[missing])
    encoder = predictors.encode(dataset, ("AGE",), np.ones(11, bool), 0)
    encoded = encoder.apply(dataset)
    assert (
        column(encoder, encoded, "canopy_height")[missing] == column(encoder, encoded, "canopy_height")[same]
    )
    flags = column(encoder, encoded, "canopy_height missing")
    np.testing.assert_array_equal(flags, np.isnan(height).astype(np.float32))

    train = np.ones(11, bool)
    train[same] = False  # now no training pixel of the type is observed: the overall mean, which encodes as 0
    encoder = predictors.encode(dataset, ("AGE",), train, 0)
    assert column(encoder, encoder.apply(dataset), "canopy_height")[missing] == 0


def test_the_plant_type_is_the_dominant_fraction(dataset):
    sites = list(dataset["site"].values)
    missing, grass = sites.index("BB-Two"), sites.index("CC-One")
    dataset["EBF"].values[missing] = 0.4
    dataset["GRA"].values[missing] = 0.6
    encoder = predictors.encode(dataset, ("AGE",), np.ones(11, bool), 0)
    encoded = column(encoder, encoder.apply(dataset), "canopy_height")
    assert encoded[missing] == encoded[grass]


def test_without_plant_types_missing_values_take_the_overall_mean(dataset, train):
    types = predictors.groups(dataset)["PFT"]
    encoder = predictors.encode(dataset.drop_vars(types), ("AGE",), train, 0)
    encoded = column(encoder, encoder.apply(dataset), "canopy_height")
    np.testing.assert_array_equal(encoded[np.isnan(dataset["canopy_height"].values)], 0)


def test_classes_are_one_hot_and_missing_is_all_zero(dataset, train):
    encoder = predictors.encode(dataset, ("SOIL",), train, 0)
    encoded = encoder.apply(dataset)
    one_hot = np.stack([column(encoder, encoded, f"soil_class={code}") for code in (1, 2, 3)], axis=1)
    codes = dataset["soil_class"].values
    missing = np.isnan(codes)
    assert missing.sum() == 1
    assert (one_hot[missing] == 0).all()
    np.testing.assert_array_equal(one_hot[~missing] @ [1, 2, 3], codes[~missing])
    np.testing.assert_array_equal(column(encoder, encoded, "soil_class missing"), missing)


def test_values_outside_training_change_nothing_inside(dataset, train):
    encoder = predictors.encode(dataset, ALL, train, 3)
    before = encoder.apply(dataset)
    changed = dataset.copy(deep=True)
    for name in [*real_predictors(dataset), "lat", "lon"]:
        if changed[name].attrs.get("kind") != "class":
            values = changed[name].values
            values[~train] = np.where(np.isnan(values[~train]), np.nan, values[~train] * 3 + 17)
    other = predictors.encode(changed, ALL, train, 3)
    assert other == encoder
    after = other.apply(changed)
    np.testing.assert_array_equal(after[train], before[train])
    assert (after[~train] != before[~train]).any()


def test_values_inside_training_do_change_the_encoder(dataset, train):
    encoder = predictors.encode(dataset, REAL, train, 0)
    dataset["elevation"].values[1] += 1
    assert predictors.encode(dataset, REAL, train, 0) != encoder


@pytest.mark.parametrize("groups", [("AGE",), ("PFT", "CLIM"), REAL, ALL, ("CONTROL",), ("LATLON",)])
def test_the_number_of_columns_is_the_same_for_every_member(dataset, groups):
    counts, rng = set(), np.random.default_rng(0)
    for seed in range(8):
        train = rng.random(11) < 0.5
        train[seed] = True
        counts.add(predictors.encode(dataset, groups, train, seed).n_columns)
    assert len(counts) == 1


def test_width_holds_any_setup_of_real_groups_and_latlon(dataset):
    everything = np.ones(11, bool)
    assert (
        predictors.width(dataset)
        == predictors.encode(dataset, REAL, everything, 0).n_columns
        == 10 + 3 + 12 + 13
    )
    bare = dataset.drop_vars(real_predictors(dataset))
    assert predictors.width(bare) == 2 == predictors.encode(bare, ("LATLON",), everything, 0).n_columns


def test_control_is_noise_of_the_member_alone(dataset, train):
    first = predictors.encode(dataset, ("CONTROL",), train, 5).apply(dataset)
    np.testing.assert_array_equal(first, predictors.encode(dataset, ("CONTROL",), ~train, 5).apply(dataset))
    assert (first != predictors.encode(dataset, ("CONTROL",), train, 6).apply(dataset)).all()
    many = dataset.isel(pixel=np.resize(np.arange(11), 20_000))
    noise = predictors.encode(many, ("CONTROL",), np.ones(20_000, bool), 5).apply(many)
    assert abs(noise.mean()) < 0.03
    assert abs(noise.std() - 1) < 0.03


def test_an_encoder_survives_its_checkpoint(dataset, train, tmp_path):
    encoder = predictors.encode(dataset, ALL, train, 3)
    checkpoint.save(tmp_path / "c.msgpack", {"encoder": encoder.to_dict()})
    again = predictors.Encoder.from_dict(checkpoint.load(tmp_path / "c.msgpack")["encoder"])
    assert again == encoder
    np.testing.assert_array_equal(again.apply(dataset), encoder.apply(dataset))


def test_a_member_encodes_another_dataset_with_its_own_statistics(dataset, train):
    encoder = predictors.encode(dataset, REAL, train, 0)
    other = dataset.isel(pixel=[2, 5, 7])
    np.testing.assert_array_equal(encoder.apply(other), encoder.apply(dataset)[[2, 5, 7]])
    gap = other.copy(deep=True)
    gap["MAT"].values[0] = np.nan  # never missing where the member was trained: no flag, but filled
    assert encoder.apply(gap).shape == (3, encoder.n_columns)
    assert np.isfinite(encoder.apply(gap)).all()
    strange = other.copy(deep=True)
    strange["soil_class"].values[0] = 9
    with pytest.raises(LandlabError, match="soil_class holds code 9; the member knows 1, 2, 3"):
        encoder.apply(strange)
    with pytest.raises(LandlabError, match="no predictor 'MAT'"):
        encoder.apply(other.drop_vars("MAT"))


def test_groups_are_listed_in_their_order_with_the_implicit_ones(dataset):
    dataset["roots"] = dataset["MAT"].assign_attrs(group="ROOTS")
    in_order = ["PFT", "CLIM", "AGE", "SOIL", "CONTROL", "LATLON", "ROOTS", "SEASON"]
    assert list(predictors.groups(dataset)) == in_order


def test_an_unknown_group_is_answered_with_what_there_is(dataset, train):
    with pytest.raises(
        LandlabError, match="'CLIMATE'; this dataset has PFT, CLIM, AGE, SOIL, CONTROL, LATLON"
    ):
        predictors.encode(dataset, ("CLIMATE",), train, 0)
    with pytest.raises(LandlabError, match="0 training pixels of 11"):
        predictors.encode(dataset, ("CLIM",), np.zeros(11, bool), 0)


def with_igbp(dataset, codes):
    """The dataset with a class of plants instead of fractions of them."""
    attrs = {"role": "predictor", "group": "PFT", "kind": "class", "classes": [1.0, 2.0, 3.0, 4.0]}
    igbp = ("pixel", np.array(codes, float), attrs | {"units": "1", "long_name": "IGBP class"})
    return dataset.drop_vars(predictors.groups(dataset)["PFT"]).assign(igbp=igbp)


def test_igbp_classes_are_plant_types_too(dataset):
    codes = [1, 1, 2, 2, 3, 3, 1, 2, np.nan, 4, 2]
    ds = with_igbp(dataset, codes)
    height = np.array([10, np.nan, 20, 40, np.nan, np.nan, 30, 999, np.nan, np.nan, np.nan])
    ds["canopy_height"].values[:] = height
    train = np.ones(11, bool)
    train[7] = False  # its 999 must not enter
    encoder = predictors.encode(ds, ("PFT", "AGE"), train, 0)
    assert encoder.columns[:5] == ["igbp=1", "igbp=2", "igbp=3", "igbp=4", "igbp missing"]
    encoded = encoder.apply(ds)
    mean, sd = np.mean([10, 20, 40, 30]), np.std([10, 20, 40, 30])
    filled = column(encoder, encoded, "canopy_height") * sd + mean
    by_class = {
        1: 20,
        2: 30,
    }  # of their training pixels; of 3 and 4 and the unknown none is observed: the mean of all
    expected = np.where(np.isnan(height), [by_class.get(code, mean) for code in codes], height)
    np.testing.assert_allclose(filled, expected, rtol=1e-5)
    np.testing.assert_array_equal(column(encoder, encoded, "canopy_height missing"), np.isnan(height))
    np.testing.assert_array_equal(column(encoder, encoded, "igbp missing"), np.isnan(codes))


def test_the_igbp_class_goes_before_fractions(dataset):
    both = with_igbp(dataset, [1] * 5 + [2] * 6).merge(dataset[predictors.groups(dataset)["PFT"]])
    both["canopy_height"].values[:] = [np.nan, 1, 1, 1, 1, 5, 5, 5, 5, 5, np.nan]
    encoder = predictors.encode(both, ("AGE",), np.ones(11, bool), 0)
    filled = column(encoder, encoder.apply(both), "canopy_height")
    assert filled[0] == filled[1] < filled[5] == filled[10]


def test_an_igbp_class_unseen_in_training_has_a_column_and_the_overall_mean(dataset):
    ds = with_igbp(dataset, [1, 1, 2, 2, 2, 1, 1, 2, 2, 4, 4])
    train = np.arange(11) < 9
    encoder = predictors.encode(ds, ("PFT", "AGE"), train, 0)
    ds["canopy_height"].values[9:] = np.nan
    encoded = encoder.apply(ds)
    assert column(encoder, encoded, "igbp=4").tolist() == [0.0] * 9 + [1.0] * 2
    assert column(encoder, encoded, "canopy_height")[9:].tolist() == [0, 0]


def test_classes_with_words_are_known_by_them(dataset):
    """Another dataset may number the same words otherwise."""
    attrs = {"role": "predictor", "group": "PFT", "kind": "class", "units": "1", "long_name": "cover"}
    n = dataset.sizes["pixel"]

    def with_cover(words, codes):
        own = attrs | {"classes": list(map(float, range(len(words)))), "flag_meanings": " ".join(words)}
        return dataset.assign(cover=("pixel", np.resize(np.array(codes, float), n), own))

    one, other = with_cover(["bare", "moss"], [0, 1]), with_cover(["birch", "bare", "moss"], [1, 2])
    encoder = predictors.encode(
        one.drop_vars(predictors.groups(dataset)["PFT"]), ("PFT",), np.ones(n, bool), 0
    )
    assert encoder.columns == ["cover=bare", "cover=moss"]
    again = predictors.Encoder.from_dict(json.loads(json.dumps(encoder.to_dict())))
    np.testing.assert_array_equal(encoder.apply(one), again.apply(other))
    with pytest.raises(LandlabError, match="cover is birch at some pixels; the member knows bare, moss"):
        again.apply(with_cover(["birch", "moss"], [0, 1]))
