"""The tables: consistent with each other and with their physical meaning."""

import numpy as np

from landlab_mgr.models.dalec.parameters import BY_NAME, DERIVED, PARAMETERS
from landlab_mgr.models.dalec.tables import TABLES
from landlab_mgr.observations.streams import STREAMS
from landlab_mgr.observations.variables import FORCING, VARIABLES


def test_forty_parameters_in_three_heads():
    assert len(PARAMETERS) == len(BY_NAME) == 40
    assert [len(TABLES.names_of(head)) for head in ("ecological", "phenology", "pool")] == [31, 2, 7]
    for p in PARAMETERS:
        assert 0 < p.low < p.high, p.name
        assert p.unit, p.name
        assert p.meaning, p.name


def test_typical_values_are_inside_the_bounds():
    for p in PARAMETERS:
        assert p.low < p.typical < p.high, p.name


def test_allocation_fractions_and_respiration_share_gpp():
    rng = np.random.default_rng(0)
    params = {p.name: rng.uniform(p.low, p.high, 50) for p in PARAMETERS}
    derived = {d.name: d.compute(params) for d in DERIVED}
    shares = sum(derived[f"allocation_{pool}"] for pool in ("foliar", "labile", "root", "wood"))
    np.testing.assert_allclose(shares, derived["cue"])
    np.testing.assert_allclose(derived["q10"], np.exp(10 * params["q10_exponent"]))
    np.testing.assert_allclose(derived["residence_time_wood"] * params["tor_wood"] * 365.25, 1)


def test_every_stream_observes_a_known_variable():
    assert {stream.variable for stream in STREAMS.values()} <= set(VARIABLES)
    assert {name for name, t in TABLES.terms.items() if t.variable is None} == {"violation", "edc"}
    assert not set(FORCING) & set(BY_NAME)
