import csv
import math
import struct
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from landlab_mgr.data import check, predictors, schema, store
from landlab_mgr.data.sources import fluxval, seasons
from landlab_mgr.errors import LandlabError

from .towers import MISSING, MONTHS, SITES, site_table, static_block, write_csv, write_site

PRESENT = [site for site in SITES if site[0] != "AA-Gon"]


def read_with_predictors(directory: Path) -> tuple[xr.Dataset, list[str]]:
    return fluxval.read(directory, directory / "site_predictors.csv")


def test_the_miniature_is_read_whole(fluxval_directory):
    ds, notices = read_with_predictors(fluxval_directory)
    assert ds.sizes == {"pixel": 11, "time": MONTHS}
    assert list(ds["site"].values) == [name for name, *_ in PRESENT]
    assert list(schema.problems(ds)) == []
    report = check.check(ds)
    assert report.errors == []
    absent = [notice for notice in notices if "no .cbf" in notice]
    assert len(absent) == 1
    assert "1 of 12" in absent[0]
    assert "AA-Gon" in absent[0]


def test_every_number_of_a_site_arrives_under_its_name(fluxval_directory):
    ds, _ = read_with_predictors(fluxval_directory)
    name, _, lat, lon = PRESENT[4]
    pixel = list(ds["site"].values).index(name)
    table = site_table(lat, lon)
    columns = {"tmin": 1, "tmax": 2, "ssrd": 3, "co2": 4, "burned_area": 6, "vpd": 7}
    for variable, column in columns.items():
        np.testing.assert_array_equal(ds[variable].values[pixel], table[:, column])
    np.testing.assert_array_equal(ds["precip"].values[pixel], np.maximum(table[:, 8], 0))
    np.testing.assert_array_equal(ds["time_days"].values, table[:, 0])
    np.testing.assert_array_equal(ds["doy"].values, table[:, 5])
    for stream, column in {"gpp_fluxnet": 9, "lai": 10, "nee_site": 11, "et_fluxnet": 13}.items():
        expected = np.where(table[:, column] == MISSING, np.nan, table[:, column])
        np.testing.assert_array_equal(ds[stream].values[pixel], expected)
    np.testing.assert_array_equal(ds["reco_fluxnet"].values[pixel, 2], table[2, 9] + table[2, 11])
    assert np.isnan(ds["reco_fluxnet"].values[pixel, 3])


def test_biomass_fills_its_calendar_year_and_som_all_months(fluxval_directory):
    ds, _ = read_with_predictors(fluxval_directory)
    value = site_table(*PRESENT[0][2:])[14, 12]
    np.testing.assert_array_equal(ds["biomass"].values[0], [np.nan] * 12 + [value] * 12)
    assert (ds["som"].values[0] == 9000).all()
    assert np.isnan(ds["som"].values[-1]).all()  # -9999 in the header
    assert "calendar year" in ds["biomass"].attrs["comment"]
    assert "prior" in ds["som"].attrs["comment"]


def test_withheld_months_stay_apart(fluxval_directory):
    ds, _ = read_with_predictors(fluxval_directory)
    assert np.flatnonzero(np.isfinite(ds["gpp_fluxnet_withheld"].values[0])).tolist() == [1, 13]
    assert ds["reco_fluxnet_withheld"].values[0, 1] == 3.5 - 1.25
    assert np.isnan(ds["nee_site_withheld"].values[0, 13])
    assert np.isnan(ds["et_fluxnet_withheld"].values[0, 1])
    assert ds["et_fluxnet_withheld"].values[0, 13] == 2
    assert np.isnan(ds["gpp_fluxnet"].values[0, [1, 13]]).all()


def test_sites_of_a_cell_share_a_patch(fluxval_directory):
    ds, _ = read_with_predictors(fluxval_directory)
    patch = ds["patch"].values
    assert patch[0] == patch[1]
    assert len(np.unique(patch)) == 10
    assert ds["test"].values.sum() == 1 + (ds["test"].values[0] and ds["test"].values[1])


def test_plant_types_climate_and_no_data_codes(fluxval_directory):
    ds, notices = read_with_predictors(fluxval_directory)
    one_hot = np.stack([ds[name].values for name in schema.PLANT_TYPES])
    np.testing.assert_array_equal(one_hot.sum(axis=0), 1)
    of_site = dict(zip(ds["site"].values, np.array(schema.PLANT_TYPES)[one_hot.argmax(axis=0)], strict=True))
    assert of_site["AA-One"] == "NF"
    assert of_site["CC-Two"] == "SH"
    assert of_site["CC-Tri"] == "SAV"
    assert of_site["DD-Tri"] == "NVG"
    table = site_table(*PRESENT[3][2:])
    np.testing.assert_allclose(ds["MAT"].values[3], (table[:, 1] + table[:, 2]).mean() / 2, rtol=1e-13)
    np.testing.assert_allclose(ds["MAP"].values[3], np.maximum(table[:, 8], 0).mean() * 365.25, rtol=1e-13)
    missing = {
        n: ds["site"].values[np.isnan(ds[n].values)].tolist()
        for n in ("whc_top", "canopy_height", "soil_class")
    }
    assert missing == {"whc_top": ["CC-One"], "canopy_height": ["BB-Two", "DD-Two"], "soil_class": ["DD-Tri"]}
    assert any("999.9" in notice for notice in notices)
    assert ds["soil_class"].attrs["classes"] == [1, 2, 3]


def test_without_the_csv_there_are_plants_and_climate_only(fluxval_directory):
    ds, notices = fluxval.read(fluxval_directory)
    assert set(predictors.groups(ds)) == {"PFT", "CLIM", "SEASON", "CONTROL", "LATLON"}
    assert predictors.groups(ds)["CLIM"] == ["MAP", "MAT"]
    assert any("--predictors" in notice for notice in notices)


def test_licence_and_citation_are_kept(fluxval_directory):
    ds, _ = fluxval.read(fluxval_directory)
    assert "under the CC-BY-4.0 data usage license" in ds.attrs["licence"]
    assert "10.5194/gmd-15-1789-2022" in ds.attrs["citation"]


def broken_header(index: int, value: float):
    def breaks(directory: Path) -> None:
        header = static_block(50.1)
        header[index] = value
        write_site(directory, 1, header, site_table(50.1, 10.1))

    return breaks


def truncated(directory: Path) -> None:
    path = directory / "cbf_files" / "flux_site_1.cbf"
    path.write_bytes(path.read_bytes()[:-8])


def headless(directory: Path) -> None:
    (directory / "cbf_files" / "flux_site_1.cbf").write_bytes(b"\0" * 100)


def broken_cell(row: int, column: int, value: float):
    def breaks(directory: Path) -> None:
        table = site_table(50.1, 10.1)
        table[row, column] = value
        write_site(directory, 1, static_block(50.1), table)

    return breaks


def shorter(directory: Path) -> None:
    write_site(directory, 4, static_block(-3.2, months=12), site_table(-3.2, -60.2, months=12))


def replaced(name: str, old: str, new: str):
    def breaks(directory: Path) -> None:
        path = directory / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    return breaks


def validation(*rows: list[object]):
    def breaks(directory: Path) -> None:
        write_csv(
            directory / "validation_data" / "validation_AA-One.csv",
            [["ID", "Date", "GPP", "NEE", "ET"], *rows],
        )

    return breaks


def without(name: str):
    def breaks(directory: Path) -> None:
        (directory / name).rename(directory / "elsewhere")

    return breaks


def one_more_file(directory: Path) -> None:
    write_site(directory, 13, static_block(50.1), site_table(50.1, 10.1))


def no_files(directory: Path) -> None:
    for path in (directory / "cbf_files").iterdir():
        path.unlink()


@pytest.mark.parametrize(
    ("breaks", "says"),
    [
        (without("cbf_files"), "no cbf_files/"),
        (without("location_fluxnet.csv"), "no file .*location_fluxnet.csv"),
        (without("site_predictors.csv"), "no file .*site_predictors.csv"),
        (one_more_file, "lists 12 sites, but there is flux_site_13.cbf: it is cut off"),
        (no_files, "holds none of the 12 listed"),
        (truncated, r"flux_site_1.cbf has 6232 bytes, but 24 months x 20 columns need 6240"),
        (headless, "100 bytes, less than its header's 2400"),
        (broken_header(2, 24.5), "24.5 months"),
        (broken_header(2, -24.0), "-24 months"),
        (broken_header(2, 1e300), "1e.300 months"),
        (broken_header(2, np.nan), "nan months"),
        (broken_header(3, 8.0), "8 forcing columns; allowed: 9"),
        (broken_header(4, 2.0), "2 observation columns"),
        (broken_header(1, -33.0), "is of latitude -33, but row 1 .* AA-One"),
        (shorter, "flux_site_4.cbf has other days"),
        (broken_cell(3, 1, MISSING), "AA-One: tmin is missing in month 4"),
        (broken_cell(3, 8, -0.5), "AA-One: precip -0.5 mm d-1; allowed: 0 or more"),
        (replaced("location_fluxnet.csv", "LC,Lat", "class,Latitude"), "lacks columns LC, Lat; it has"),
        (replaced("location_fluxnet.csv", "50.1", "north"), "line 2: Lat 'north' is not a number"),
        (replaced("location_fluxnet.csv", "ENF", "XYZ"), "AA-One has LC 'XYZ'; known: ENF"),
        (replaced("location_fluxnet.csv", "AA-Two", "AA-One"), "lists site AA-One twice"),
        (replaced("site_predictors.csv", "canopy_height_m", "height"), "lacks columns canopy_height_m"),
        (replaced("site_predictors.csv", "AA-Two", "AA-One"), "lists site AA-One twice"),
        (replaced("site_predictors.csv", "999.9", "plenty"), "whc_top_mm_m 'plenty' is not a number"),
        (replaced("validation_data/validation_AA-One.csv", "NEE", "NBE"), "lacks columns NEE"),
        (validation([0, 200012, 1, 1, 1]), "line 2: ID 0 and Date 200012"),
        (validation([25, 200301, 1, 1, 1]), "line 2: ID 25"),
        (validation([2, 200103, 1, 1, 1]), "ID 2 and Date 200103"),
        (validation([2, 200102, 1, 1, 1], [2, 200102, 1, 1, 1]), "lists a month twice"),
        (validation([2, 200102, 1, "much", 1]), "NEE 'much' is not a number"),
        (validation([3, 200103, 1, 1, 1]), "GPP of month 3 is withheld and in the .cbf too"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(fluxval_directory, breaks, says):
    breaks(fluxval_directory)
    before = sorted(fluxval_directory.rglob("*"))
    with pytest.raises(LandlabError, match=says) as caught:
        read_with_predictors(fluxval_directory)
    assert "\n" not in str(caught.value)
    assert sorted(fluxval_directory.rglob("*")) == before


def test_a_missing_directory(tmp_path):
    with pytest.raises(LandlabError, match=r"no directory .*nowhere"):
        fluxval.read(tmp_path / "nowhere")


@pytest.fixture(scope="module")
def real(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[xr.Dataset, list[str], Path]:
    directory = shared_data / "data" / "fluxval"
    ds, notices = read_with_predictors(directory)
    published = store.publish(ds, tmp_path_factory.mktemp("store"))
    return store.open_dataset(published.path), notices, directory


@pytest.mark.fixtures
@pytest.mark.parametrize("number", [2, 77, 204])
def test_real_sites_equal_an_independent_reading_bit_for_bit(real, number):
    """Every variable of the dataset, unpacked here by position, with the standard library."""
    ds, _, directory = real
    raw = (directory / "cbf_files" / f"flux_site_{number}.cbf").read_bytes()
    values = struct.unpack(f"<{len(raw) // 8}d", raw)
    rows = [values[300 + 20 * month : 320 + 20 * month] for month in range(192)]
    with (directory / "location_fluxnet.csv").open() as file:
        place = list(csv.DictReader(file))[number - 1]
    with (directory / "site_predictors.csv").open() as file:
        static = next(row for row in csv.DictReader(file) if row["site"] == place["Flux_name"])
    with (directory / "validation_data" / f"validation_{place['Flux_name']}.csv").open() as file:
        kept = {int(row["ID"]) - 1: row for row in csv.DictReader(file)}
    nan = float("nan")
    present = [n for n in range(1, 205) if (directory / "cbf_files" / f"flux_site_{n}.cbf").is_file()]
    pixel = present.index(number)
    expected: dict[str, list[float]] = {}

    def number_of(text: str) -> float:
        return nan if text.strip() in ("", "NaN", "-9999") else float(text)

    for column, name in ((1, "tmin"), (2, "tmax"), (4, "co2"), (6, "burned_area"), (7, "vpd")):
        expected[name] = [row[column] for row in rows]
    for column, name in ((3, "ssrd"), (8, "precip")):
        expected[name] = [0.0 if row[column] < 0 else row[column] for row in rows]
    for column, name in ((9, "gpp_fluxnet"), (10, "lai"), (11, "nee_site"), (13, "et_fluxnet")):
        expected[name] = [nan if row[column] == -9999 else row[column] for row in rows]
    for column, name in (("GPP", "gpp_fluxnet"), ("NEE", "nee_site"), ("ET", "et_fluxnet")):
        expected[f"{name}_withheld"] = [number_of(kept[m][column]) if m in kept else nan for m in range(192)]
    for end in ("", "_withheld"):
        fluxes = zip(expected[f"gpp_fluxnet{end}"], expected[f"nee_site{end}"], strict=True)
        expected[f"reco_fluxnet{end}"] = [gpp + nee for gpp, nee in fluxes]
    biomass = [(month, row[12]) for month, row in enumerate(rows) if row[12] != -9999]
    assert len(biomass) <= 1
    expected["biomass"] = [
        biomass[0][1] if biomass and m // 12 == biomass[0][0] // 12 else nan for m in range(192)
    ]
    expected["som"] = [nan if values[122] == -9999 else values[122]] * 192
    expected |= {"lat": [float(place["Lat"])], "lon": [float(place["lon"])], "area_m2": [1e6]}
    kinds = {"ENF": "NF", "DNF": "NF", "OSH": "SH", "CSH": "SH", "WSA": "SAV", "SNO": "NVG"}
    kind = kinds.get(place["LC"], place["LC"])
    expected |= {name: [float(name == kind)] for name in schema.PLANT_TYPES}
    columns = {
        "elevation": "elevation_m",
        "canopy_height": "canopy_height_m",
        "tree_cover": "tree_cover_pct",
        "whc_top": "whc_top_mm_m",
        "whc_sub": "whc_sub_mm_m",
        "perc_top": "perc_top_mm_h",
        "perc_sub": "perc_sub_mm_h",
        "soil_class": "soil_class_ecmwf",
    }
    for name, column in columns.items():
        x = number_of(static[column])
        expected[name] = [nan if name.startswith("whc") and x == 999.9 else x]

    def bits(numbers: list[float]) -> bytes:
        return struct.pack(f"<{len(numbers)}d", *numbers)

    for name, numbers in expected.items():
        assert bits(np.atleast_1d(ds[name].values[pixel])) == bits(numbers), name
    assert bits(ds["time_days"].values) == bits([row[0] for row in rows])
    assert bits(ds["doy"].values) == bits([row[5] for row in rows])
    assert ds["site"].values[pixel] == place["Flux_name"]
    half = [(low + high) / 2 for low, high in zip(expected["tmin"], expected["tmax"], strict=True)]
    assert ds["MAT"].values[pixel] == pytest.approx(math.fsum(half) / 192, rel=1e-13)
    assert ds["MAP"].values[pixel] == pytest.approx(365.25 * math.fsum(expected["precip"]) / 192, rel=1e-13)
    drawn_or_derived = {"time_days", "doy", "site", "MAT", "MAP", "patch", "test", *seasons.predictors(ds)}
    assert set(expected) | drawn_or_derived == set(ds.data_vars)


@pytest.mark.fixtures
def test_the_real_data_as_a_whole(real):
    ds, notices, _ = real
    assert ds.sizes == {"pixel": 164, "time": 192}
    assert len(np.unique(ds["patch"].values)) == 120
    assert next(n for n in notices if "no .cbf" in n).startswith("40 of 204 listed sites")
    distinct = {ds["tmin"].values[p].tobytes() + ds["precip"].values[p].tobytes() for p in range(164)}
    assert len(distinct) == 120  # one forcing for each patch
    report = check.check(ds)
    assert report.errors == []
    assert report.warnings == []
    assert ds["time"].values[0].astype("datetime64[M]") == np.datetime64("2001-01")
    assert ds["time"].values[-1].astype("datetime64[M]") == np.datetime64("2016-12")
