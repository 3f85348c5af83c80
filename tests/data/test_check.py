import tracemalloc

import numpy as np
import pandas as pd
import pytest

from landlab_mgr.data import check, land, needs, schema, store, survey
from landlab_mgr.errors import LandlabError
from landlab_mgr.observations.variables import FORCING
from landlab_mgr.spec.run import RunSpec


def errors(ds):
    return check.check(ds).errors


def test_a_good_dataset_has_no_errors(dataset):
    report = check.check(dataset)
    assert report.ok
    assert report.errors == []
    assert [line.partition(" are no more")[0] for line in report.warnings] == ["24 months"]


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


@pytest.fixture
def daily(dataset):
    """The sites on three years of days, with two forcing variables."""
    days = 3 * 365
    ds = dataset.drop_vars([n for n in FORCING if n not in ("tmax", "precip")])
    ds = ds.isel(time=np.arange(days) % 24)
    for name in ("gpp_fluxnet", "et_fluxnet", "nee_site", "reco_fluxnet"):
        ds[name].values[:] = np.where(np.isfinite(ds[f"{name}_withheld"].values), np.nan, ds[name].values)
    ds = ds.assign_coords(time=np.datetime64("2001-01-01", "ns") + np.arange(days) * np.timedelta64(1, "D"))
    for name, values in (("time_days", np.arange(days) + 0.5), ("doy", np.arange(days) % 365 + 0.5)):
        ds[name] = ("time", values, dataset[name].attrs)
    return ds.assign_attrs(dt_days=1.0)


def test_daily_data_are_checked_day_by_day(daily):
    report = check.check(daily)
    assert report.errors == []
    assert report.warnings == []
    twice = daily.isel(time=[0, 1, 1, 2])
    assert any("day 2001-01-02 appears twice; every day once, in order" in e for e in errors(twice))
    gap = daily.isel(time=[0, 1, 3, 4])
    assert any("days are missing after 2001-01-02" in error for error in errors(gap))
    back = daily.isel(time=[0, 2, 1, 3])
    assert any("day 2001-01-03 is followed by an earlier one" in error for error in errors(back))
    part = check.check(daily.isel(time=slice(0, 400)))
    assert part.errors == []
    assert "400 days are no whole years; annual terms leave the last 35 out" in part.warnings
    daily["time_days"].values[700] += 3
    found = errors(daily)
    assert any("time_days is 4 days off the time axis at 2002-12-02" in e for e in found), found
    assert any("time_days steps by other than dt_days = 1.0 after day 700" in e for e in found)
    daily["precip"].values[3, 40] = -1
    assert any(
        "precip -1 is below 0 (1 values, first at pixel 3 (BB-Two), 2001-02-10)" in e for e in errors(daily)
    )


def test_the_figure_of_daily_data_is_by_day(daily):
    figure = check.figure(daily)
    assert figure.get_suptitle() == "fluxval, 1095 days"
    assert figure.axes[1].get_title(loc="left").startswith("Days observed by stream")
    figure.canvas.draw()


@pytest.mark.parametrize("kept", [("tmax", "precip"), ("tmin",), ("vpd", "burned_area"), ("co2",)])
def test_a_dataset_needs_only_the_forcing_of_its_models(dataset, tmp_path, kept):
    ds = dataset.drop_vars([name for name in FORCING if name not in kept])
    published = store.open_dataset(store.publish(ds, tmp_path).path)
    report = check.check(published)
    assert report.errors == []
    table = check.summary(published)
    assert set(table.loc[table["role"] == "forcing", "variable"]) == set(kept)
    check.figure(published)
    published[kept[0]].load().values[2, 3] = np.nan
    assert any(f"{kept[0]} misses 1 values" in error for error in errors(published))


@pytest.mark.parametrize(("kept", "tells"), [(("tmax", "vpd"), True), (("co2", "burned_area"), False)])
def test_cells_are_told_apart_by_what_forcing_there_is(dataset, kept, tells):
    ds = dataset.drop_vars([name for name in FORCING if name not in kept])
    ds["patch"].values[:] = np.arange(11)
    ds["test"].values[:] = np.arange(11) == 0
    assert any("same forcing on two sides" in error for error in errors(ds)) == tells


def test_a_cell_must_not_straddle_the_split(dataset):
    assert dataset["patch"].values[0] == dataset["patch"].values[1]
    dataset["patch"].values[:] = np.arange(11)  # tears the cell of pixels 0 and 1 apart
    dataset["test"].values[:] = np.arange(11) == 0
    assert any("same forcing on two sides" in error for error in errors(dataset))
    dataset["test"].values[:] = np.arange(11) == 5
    report = check.check(dataset)
    assert report.errors == []
    assert any("same forcing in two patches" in warning for warning in report.warnings)


def test_a_split_needs_pixels_to_learn_from(dataset):
    dataset["test"].values[:] = True
    assert any("all pixels are of the test set" in error for error in errors(dataset))
    dataset["test"].values[:] = False
    report = check.check(dataset)
    assert report.errors == []
    assert any('train with split.kind = "all"' in warning for warning in report.warnings)


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


@pytest.mark.parametrize(("name", "value"), [("tmin", -276.0), ("tmax", 295.0)])
def test_a_temperature_of_another_unit_is_an_error(edited, name, value):
    report = check.check(edited(name, (2, 2), value))
    assert any(f"{name} {value:g} degC is no temperature of air" in error for error in report.errors)


def test_predictors_are_not_infinite(edited):
    assert any(
        "predictor elevation is infinite at pixel 3" in e for e in errors(edited("elevation", 3, np.inf))
    )


def test_pixels_that_nobody_observed_are_counted(dataset):
    for name in schema.names(dataset, "observation"):
        dataset[name].values[[2, 4]] = np.nan
    assert any("2 of 11 pixels have no observation" in w for w in check.check(dataset).warnings)


@pytest.mark.parametrize("sizes", [(40, 40, 31), (40, 32, 32), (5, 4, 3)])
def test_small_patches_of_gridded_data_are_counted(dataset, sizes):
    pixels = np.arange(sum(sizes)) % 11
    big = dataset.isel(pixel=pixels)
    big["patch"] = big["patch"].copy(data=np.repeat(np.arange(3), sizes))
    big["test"] = big["test"].copy(data=np.repeat([False, False, True], sizes))
    found = [w for w in check.check(big).warnings if "less than 32 pixels" in w]
    expected = ["1 of 3 patches have less than 32 pixels, the least 31; leave them out"]
    assert found == (expected if sizes[2] == 31 else [])


def test_a_licence_that_says_nothing_is_none(dataset):
    dataset.attrs["licence"] = "Unknown"
    assert any("licence is 'Unknown'" in warning for warning in check.check(dataset).warnings)


@pytest.mark.parametrize("edits", [[], [("vpd", (7, 3), -2.0), ("vpd", (9, 0), -3.0), ("lai", (8, 1), 99.0)]])
def test_block_by_block_is_as_at_once(dataset, monkeypatch, edits):
    for name, index, value in edits:
        dataset[name].values[index] = value
    whole = check.check(dataset)
    monkeypatch.setattr(survey, "BLOCK_VALUES", 3 * 24)  # 3 pixels
    parts = check.check(dataset)
    assert parts.errors == whole.errors
    assert parts.warnings == whole.warnings
    pd.testing.assert_frame_equal(parts.table, whole.table)
    if edits:
        assert parts.errors == [
            "vpd -3 is below 0 (2 values, first at pixel 7 (DD-One), 2001-04); clip round-off at 0"
        ]


def test_a_large_dataset_is_never_in_memory_as_a_whole(dataset, tmp_path, monkeypatch):
    big = dataset.isel(pixel=np.repeat(np.arange(11), 100))
    opened = store.open_dataset(store.publish(big, tmp_path).path)
    monkeypatch.setattr(survey, "BLOCK_VALUES", 50 * 24)
    monthly = sum(v.nbytes for v in big.data_vars.values() if v.ndim > 1)
    tracemalloc.start()
    try:
        check.check(opened)
        check.summary(opened)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < monthly / 2, (peak, monthly)


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
    series = {axes.get_ylabel().split()[0]: axes.lines[0].get_ydata() for axes in figure.axes if axes.lines}
    assert list(series) == ["lai", "gpp_fluxnet", "reco_fluxnet", "et_fluxnet"]
    np.testing.assert_allclose(series["lai"], dataset["lai"].values.mean(axis=0))  # equal areas, no gaps
    seen = np.isfinite(dataset["gpp_fluxnet"].values).any(axis=0)
    np.testing.assert_array_equal(np.isfinite(series["gpp_fluxnet"]), seen)
    assert figure.get_suptitle() == "fluxval, 24 months"
    figure.canvas.draw()


def test_net_exchange_must_not_have_the_sign_of_uptake(dataset):
    assert not any("nee_site" in line for line in errors(dataset))
    turned = dataset.assign(nee_site=dataset["gpp_fluxnet"] - dataset["reco_fluxnet"])
    turned["nee_site"].attrs = dataset["nee_site"].attrs
    assert any(
        "nee_site is gpp_fluxnet - reco_fluxnet; it must be positive to the atmosphere" in x
        for x in errors(turned)
    )


def test_forcing_alone_is_a_dataset_to_predict_on(dataset):
    names = [n for role in ("observation", "withheld", "weight") for n in schema.names(dataset, role)]
    bare = dataset.drop_vars(names)
    report = check.check(bare)
    assert report.ok
    assert any("nothing is observed" in line for line in report.warnings)
    assert len(check.figure(bare).axes) == 1
    spec = RunSpec(dataset="0" * 16, predictors=("PFT",), seeds={"init": 0, "split": 0, "shuffle": 0})
    with pytest.raises(LandlabError, match="observes nothing to learn from: train on another"):
        needs.check(spec, bare)


@pytest.mark.parametrize(
    ("lat", "lon", "box"),
    [
        ([-40.0, 60.0], [-170.0, 170.0], (-180, 180, -60, 85, 60)),
        ([37.0, 68.0], [-8.0, 33.0], (-11.28, 36.28, 33.72, 71.28, 10)),
        ([50.0], [10.0], (8, 12, 48, 52, 1)),
    ],
)
def test_a_map_is_of_the_region_of_its_places(lat, lon, box):
    assert land.view(np.array(lat), np.array(lon)) == pytest.approx(box)


def test_a_record_within_the_warm_up_of_a_grid_is_warned_of(dataset):
    short = dataset.isel(time=slice(12))
    assert any("12 months are no more than the warm-up" in line for line in check.check(short).warnings)
