import numpy as np
import pytest

from landlab_mgr.data.sources import units
from landlab_mgr.errors import LandlabError
from landlab_mgr.models import registry


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("deg C", "degC"),
        ("C", "degC"),
        ("°C", "degC"),
        ("degrees Celsius", "degC"),
        ("degree_Celsius", "degC"),
        ("hPA", "hPa"),
        ("VPD [hPa]", "hPa"),
        ("Burned area [m2/m2]", "m2 m-2"),
        ("CO2 [ppm]", "ppm"),
        ("m2/m2", "m2 m-2"),
        ("MJ m**-2 day**-1", "MJ m-2 d-1"),
        ("MJ/m2/d", "MJ m-2 d-1"),
        ("MJ m^-2 day^-1", "MJ m-2 d-1"),
        ("MJ m⁻² d⁻¹", "MJ m-2 d-1"),
        ("mm/day", "mm d-1"),
        ("mm per day", "mm d-1"),
        ("gC/m2/day", "gC m-2 d-1"),
        ("g C m-2 d-1", "gC m-2 d-1"),
        ("kg C m-2 s-1", "kgC m-2 s-1"),
        ("kg.m-2.s-1", "kg m-2 s-1"),
        ("kg m^{-2} s^{-1}", "kg m-2 s-1"),
        ("umol CO2 m-2 s-1", "umolC m-2 s-1"),
        ("mW/(m2 nm sr)", "mW m-2 nm-1 sr-1"),
        ("mm H2O", "mm"),
        ("kg of water m-2", "kg m-2"),
        ("Days", "d"),
        ("fraction", "1"),
        ("-", "1"),
        ("1", "1"),
        ("0.1 mm", "0.1 mm"),
        ("1/d", "d-1"),
        ("degrees_north", "deg"),
    ],
)
def test_spellings_of_the_field(written, read):
    assert units.parse(written, "x") == read
    assert units.parse(read, "x") == read


def test_every_unit_of_our_tables_is_read():
    for thing in (
        *registry.forcing().values(),
        *registry.variables().values(),
        *registry.parameters().values(),
    ):
        if thing.unit not in ("gC hPa^0.5 kg-1",):  # a parameter's, which no file holds
            assert units.parse(thing.unit, thing.name)


@pytest.mark.parametrize(
    ("value", "have", "want", "expected"),
    [
        (273.15, "K", "degC", 0.0),
        (25.0, "deg C", "K", 298.15),
        (1500.0, "Pa", "hPa", 15.0),
        (1.5, "kPa", "hPa", 15.0),
        (15.0, "mb", "hPa", 15.0),
        (200.0, "W m-2", "MJ m-2 d-1", 17.28),  # 200 J/s/m2 * 86400 s
        (1.728e7, "J m**-2 day**-1", "MJ m-2 d-1", 17.28),
        (2e-5, "kg m-2 s-1", "mm d-1", 1.728),  # 1 kg of water per m2 is 1 mm
        (2e-8, "m s-1", "mm d-1", 1.728),
        (120.0, "kg m-2", "mm", 120.0),
        (12.0, "cm", "mm", 120.0),
        (120.0, "mm", "kg m-2", 120.0),
        (365.25, "mm/yr", "mm d-1", 1.0),
        (30.4375, "mm month-1", "mm d-1", 1.0),
        (1e-8, "kgC m-2 s-1", "gC m-2 d-1", 0.864),
        (1.0, "umol m-2 s-1", "gC m-2 d-1", 1.0377504),  # 1e-6 mol * 12.011 g/mol * 86400 s
        (1.0, "µmol CO2 m-2 s-1", "gC m-2 d-1", 1.0377504),
        (1.0, "gCO2 m-2 d-1", "gC m-2 d-1", 0.27292),  # 12.011 / 44.009
        (50.0, "tC/ha", "gC m-2", 5000.0),
        (50.0, "MgC ha-1", "gC m-2", 5000.0),
        (5.0, "kgC m-2", "gC m-2", 5000.0),
        (1.2, "PgC yr-1", "TgC yr-1", 1200.0),
        (25.0, "%", "1", 0.25),
        (25.0, "percent", "1", 0.25),
        (0.25, "m2 m-2", "1", 0.25),
        (400.0, "umol mol-1", "ppm", 400.0),
        (4e-4, "mol/mol", "ppm", 400.0),
        (10.0, "0.1 mm", "mm", 1.0),
        (2.0, "uW cm-2 nm-1 sr-1", "mW m-2 nm-1 sr-1", 20.0),
    ],
)
def test_conversions(value, have, want, expected):
    converted = units.convert(np.array([value, np.nan]), have, want, "x")
    assert converted[0] == pytest.approx(expected, rel=1e-5, abs=1e-9)
    assert np.isnan(converted[1])


def test_case_tells_milli_from_mega():
    assert units.convert(np.array([1.0]), "mJ m-2 d-1", "MJ m-2 d-1", "x")[0] == pytest.approx(1e-9)
    assert units.convert(np.array([1.0]), "mgC m-2", "gC m-2", "x")[0] == pytest.approx(1e-3)
    assert units.convert(np.array([1.0]), "MgC m-2", "gC m-2", "x")[0] == pytest.approx(1e6)


def test_the_same_unit_keeps_every_bit_and_floats_keep_their_width():
    values = np.random.default_rng(0).normal(size=100)
    assert units.convert(values, "deg C", "degC", "x").tobytes() == values.tobytes()
    assert units.convert(values.astype(np.float32), "K", "degC", "x").dtype == np.float32
    assert units.convert(np.array([1, 2]), "%", "1", "x").tolist() == [0.01, 0.02]


@pytest.mark.parametrize(
    ("have", "want", "says"),
    [
        (
            None,
            "hPa",
            r"VPD has no unit; hPa or what converts to it is needed: say what it is: --units VPD=UNIT",
        ),
        ("  ", "hPa", "VPD has no unit"),
        ("hectopascals!", "hPa", r"VPD has unit 'hectopascals!', which cannot be read; hPa or what"),
        ("furlongs_per_day", "mm d-1", "in which 'furlongs_per_day' is unknown; mm d-1 or what"),
        (
            "K",
            "hPa",
            "VPD is in 'K', which cannot become hPa; if its unit is another, say so: --units VPD=UNIT",
        ),
        ("0.1 K", "degC", "cannot become degC"),
        ("J m-2", "MJ m-2 d-1", "is in 'J m-2', which cannot become MJ m-2 d-1"),
        ("g m-2 d-1", "gC m-2 d-1", r"does not say of what \(dry matter is no carbon\)"),
        ("kg", "gC m-2", "cannot become gC m-2"),
        ("m" * 1000, "mm", "cannot be read"),
        ("1e300 mm", "mm", "cannot be read"),
        ("m-2-", "mm", "cannot be read"),
        ("[]", "mm", "cannot be read"),
        ("mm\n", "K", "cannot become K"),
        ("9**9**9**9", "mm", "VPD is in"),
    ],
)
def test_a_unit_that_does_not_fit_is_one_line_that_says_what_to_do(have, want, says):
    with pytest.raises(LandlabError, match=says) as caught:
        units.convert(np.zeros(1), have, want, "VPD")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


def test_the_way_to_override_is_the_callers():
    with pytest.raises(LandlabError, match=r'in \[forcing\] write vpd = \{units = "..."\}'):
        units.parse("?", "vpd", "hPa", 'in [forcing] write vpd = {units = "..."}')
