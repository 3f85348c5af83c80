import numpy as np
import pytest

from landlab_mgr.data import check, store


def errors(ds):
    return check.check(ds).errors


def test_a_good_dataset_has_no_errors(dataset):
    report = check.check(dataset)
    assert report.ok
    assert report.errors == []
    assert report.warnings == []


@pytest.mark.parametrize(
    ("name", "index", "value", "says"),
    [
        ("tmin", (3, 5), np.nan, "tmin misses 1 values, first at pixel 3 (BB-Two), 2001-06"),
        ("vpd", (0, 0), -1.0, "vpd -1 is below 0"),
        ("precip", (0, 0), -1e-15, "precip -1e-15 is below 0"),
        ("burned_area", (0, 0), 1.5, "burned_area 1.5 is above 1"),
        ("tmax", (0, 0), -80.0, "tmax is below tmin 1 times"),
        ("gpp_fluxnet", (0, 1), 3.0, "1 months of gpp_fluxnet are withheld and for training too"),
        ("time_days", 5, 400.0, "time_days is 2"),
        ("doy", 5, -3.0, "doy ranges from -3"),
    ],
)
def test_errors_name_the_place(edited, name, index, value, says):
    assert any(says in error for error in errors(edited(name, index, value)))


def test_time_must_hold_every_month_once(dataset):
    twice = dataset.isel(time=[0, 1, 1, 2])
    assert any("month 2001-02 appears twice" in error for error in errors(twice))
    gap = dataset.isel(time=[0, 1, 3, 4])
    assert any("months are missing after 2001-02" in error for error in errors(gap))
    back = dataset.isel(time=[0, 2, 1, 3])
    assert any("followed by an earlier" in error for error in errors(back))


def test_a_cell_must_not_straddle_the_split(dataset):
    assert dataset["patch"].values[0] == dataset["patch"].values[1]
    dataset["patch"].values[:] = np.arange(11)  # tears the cell of pixels 0 and 1 apart
    dataset["test"].values[:] = np.arange(11) == 0
    assert any("same forcing on two sides" in error for error in errors(dataset))
    dataset["test"].values[:] = np.arange(11) == 5
    report = check.check(dataset)
    assert report.errors == []
    assert any("same forcing in two patches" in warning for warning in report.warnings)


def test_a_split_needs_two_sides(dataset):
    dataset["test"].values[:] = False
    assert any("one side of the test split" in error for error in errors(dataset))


def test_weights_must_be_finite_and_not_negative(dataset):
    attrs = {"role": "weight", "units": "1", "long_name": "weight of LAI"}
    dataset["lai_weight"] = (("pixel", "time"), np.ones((11, 24)), attrs)
    assert errors(dataset) == []
    dataset["lai_weight"].values[2, 3] = -1
    assert any("lai_weight -1 at pixel 2" in error for error in errors(dataset))


def test_the_schema_is_checked_first(dataset):
    del dataset.attrs["citation"]
    assert errors(dataset) == ["attributes citation are missing or empty"]


@pytest.mark.parametrize(
    ("name", "index", "value", "says"),
    [
        ("lai", (2, 2), 50.0, "lai 50 m2 m-2 is implausible (1 values outside 0..12, first at pixel 2"),
        ("co2", (2, 2), 20.0, "co2 20 ppm is implausible"),
        ("et_fluxnet_withheld", (0, 1), 99.0, "et_fluxnet_withheld 99 mm d-1 is implausible"),
        ("elevation", slice(None), np.nan, "predictor elevation is missing at every pixel"),
        ("biomass", slice(None), np.nan, "biomass holds no observation at all"),
    ],
)
def test_warnings_are_for_people(edited, name, index, value, says):
    report = check.check(edited(name, index, value))
    assert report.errors == []
    assert any(says in warning for warning in report.warnings)


def test_damage_of_a_published_store_is_found(dataset, tmp_path):
    path = store.publish(dataset, tmp_path).path
    assert check.check(store.open_dataset(path)).ok
    chunk = path / "elevation" / "c" / "0"
    assert chunk.exists()
    chunk.unlink()  # zarr reads a missing chunk as missing values, without a word
    assert any("the store is damaged" in error for error in errors(store.open_dataset(path)))


def test_summary_counts_what_is_there(dataset):
    table = check.summary(dataset).set_index("variable")
    assert set(table.index) == set(dataset.data_vars)
    assert list(table.columns) == ["role", "group", "units", "coverage", "min", "mean", "max"]
    row = table.loc["canopy_height"]
    height = dataset["canopy_height"].values
    assert (row["role"], row["group"], row["units"]) == ("predictor", "AGE", "m")
    assert row["coverage"] == pytest.approx(100 * 9 / 11)
    assert (row["min"], row["max"]) == (np.nanmin(height), np.nanmax(height))
    assert row["mean"] == pytest.approx(np.nanmean(height))
    assert table.loc["site", "coverage"] == 100
    assert np.isnan(table.loc["site", "mean"])


def test_the_figure_shows_both_sides_and_every_stream(dataset):
    figure = check.figure(dataset)
    top, bottom = figure.axes[:2]
    sides = {text.get_text() for text in top.get_legend().get_texts()}
    n_test = int(dataset["test"].values.sum())
    assert sides == {
        f"train or dev: {11 - n_test} pixels in 9 patches",
        f"test: {n_test} pixels in 1 patches",
    }
    drawn = np.concatenate([np.asarray(points.get_offsets()) for points in top.collections])
    expected = np.stack([dataset["lon"].values, dataset["lat"].values], axis=1)
    assert sorted(map(tuple, drawn)) == sorted(map(tuple, expected))
    labels = [label.get_text() for label in bottom.get_yticklabels()]
    assert labels == ["biomass", "et_fluxnet", "gpp_fluxnet", "lai", "nee_site", "reco_fluxnet", "som"]
    share = bottom.collections[0].get_array()
    assert share[labels.index("lai")].min() == 100
    assert share[labels.index("biomass"), :12].mask.all()
    land = top.images[0].get_array()
    assert land.shape == (720, 1440)
    for place, lat, lon, expected in (
        ("Sahara", 23, 10, 1),
        ("Pacific", 0, -140, 0),
        ("Brazil", -10, -55, 1),
    ):
        assert land[int((90 - lat) * 4), int((lon + 180) * 4)] == expected, place
    figure.canvas.draw()
