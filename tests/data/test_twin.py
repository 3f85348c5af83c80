"""The twin planet: reproducible to the bit, in memory or in blocks, and made by the truth that it stores."""

import jax
import numpy as np
import pytest
import xarray as xr

from landlab_mgr.data import check, land, parts, schema, store, twin
from landlab_mgr.data.twin import geography, mapping, observation
from landlab_mgr.data.twin import planet as planets
from landlab_mgr.errors import LandlabError
from landlab_mgr.models import land as landmodel
from landlab_mgr.models import registry
from landlab_mgr.models.dalec import planet as dalec
from landlab_mgr.models.dalec.model import DYNAMICS, MODEL
from landlab_mgr.models.dalec.tables import TABLES
from landlab_mgr.models.model import make_forcing
from landlab_mgr.models.process import process
from landlab_mgr.observations.streams import STREAMS
from landlab_mgr.observations.variables import FORCING


@pytest.fixture(scope="module")
def design():
    return planets.design(6, 2, 3, 1)


@pytest.fixture(scope="module")
def exact():
    """The session's planet as instruments without errors see it."""
    return twin.make(n_patches=6, pixels_per_patch=2, years=3, seed=1, errors=False)


@pytest.fixture(scope="module")
def outputs(exact):
    """What the model makes of the stored truth and forcing, [T, N] by name."""
    series = {n: exact[n].values.T.astype(float) for n in FORCING}
    axes = (exact[n].values for n in ("lat", "time_days", "doy"))
    forcing = make_forcing(MODEL, series, *axes, exact.attrs["dt_days"], np.float64)
    params = {n.removeprefix("true_"): exact[n].values for n in schema.names(exact, "truth")}
    bound = {n: landmodel.bind(process(kind, kind.default)) for n, kind in TABLES.processes.items()}
    run = jax.jit(lambda p, f: landmodel.simulate(DYNAMICS, p, MODEL.prepare(f), bound))
    return {n: np.asarray(x) for n, x in run(params, forcing).items()}


def published(planet: planets.Planet) -> xr.Dataset:
    """The planet's months as they are streamed, put together."""
    ds = planet.skeleton()
    blocks = list(planet.parts())
    assert [p.start for p, _ in blocks[1:]] == [p.stop for p, _ in blocks[:-1]]
    months = {n: np.concatenate([x[n] for _, x in blocks]) for n in parts.monthly(ds)}
    return ds.assign({n: (ds[n].dims, x, ds[n].attrs) for n, x in months.items()})


# ---- the same planet, however it is made


def test_the_same_seed_makes_the_same_planet(planet, design):
    again = twin.make(n_patches=6, pixels_per_patch=2, years=3, seed=1)
    assert store.fingerprint(again) == store.fingerprint(planet)
    other = planets.design(6, 2, 3, 2)
    assert not np.array_equal(other.places.lat, design.places.lat)
    assert not np.array_equal(other.params["lcma"], design.params["lcma"])


@pytest.mark.slow
@pytest.mark.parametrize("pixels", [1, 4, 10**6])  # a patch at a time, two, all
def test_streamed_in_any_blocks_it_is_the_planet_in_memory(planet, design, monkeypatch, pixels):
    monkeypatch.setattr(planets, "BLOCK_PIXELS", pixels)
    streamed = published(design)
    xr.testing.assert_identical(streamed, planet)
    assert store.fingerprint(streamed) == store.fingerprint(planet)


def test_published_in_parts_it_has_the_fingerprint_of_the_planet_in_memory(planet, design, tmp_path):
    found = store.publish_parts(design.skeleton(), design.parts(), tmp_path)
    assert found.fingerprint == store.fingerprint(planet)
    assert found.name == planet.attrs["name"] == "twin-6x2x3-s1"


def test_what_a_pixel_does_depends_on_no_other(design):
    """Other neighbours, another lane: the same months of a patch to the bit."""
    whole = design.block(range(6))
    alone = design.block([4])
    here = whole.patch == 4
    for name in alone.observed:
        np.testing.assert_array_equal(alone.observed[name], whole.observed[name][:, here])
    for name in FORCING:
        np.testing.assert_array_equal(alone.forcing[name], whole.forcing[name][:, here])


def test_a_larger_planet_has_the_same_weather_where_it_has_the_same_patch(design):
    larger = planets.design(12, 2, 3, 1)
    [same] = np.flatnonzero(larger.places.cell == design.places.cell[2])
    a, b = design.block([2]), larger.block([int(same)])
    np.testing.assert_array_equal(a.forcing["tmin"], b.forcing["tmin"])
    np.testing.assert_array_equal(a.forcing["precip"], b.forcing["precip"])


# ---- a dataset like any other


def test_it_is_a_sound_dataset_labelled_synthetic(planet):
    report = check.check(planet)
    assert report.errors == []
    assert report.warnings == []
    assert planet.attrs["kind"] == "synthetic"
    assert land.is_land(planet["lat"].values, planet["lon"].values).all()
    assert planet.sizes == {"pixel": 12, "time": 36}
    assert schema.names(planet, "observation") == sorted(dalec.SENSORS)


@pytest.mark.slow
def test_a_patch_has_the_land_it_has():
    places = geography.choose(0, 939, 320)
    sizes = np.diff(places.bounds)
    assert len(sizes) == 939
    assert sizes.min() >= geography.MIN_LAND
    assert sizes.max() == 320
    assert land.is_land(places.lat, places.lon).all()
    assert len(np.unique(np.stack([places.lat, places.lon]), axis=1).T) == len(places.lat), "no pixel twice"
    for corner, degrees in zip((places.lat, places.lon), geography.PATCH_DEGREES, strict=True):
        of_patch = np.split(np.floor(corner / degrees), places.bounds[1:-1])
        assert all(len(np.unique(x)) == 1 for x in of_patch)
    few = geography.choose(0, 939, 5)
    np.testing.assert_array_equal(np.diff(few.bounds), 5)
    with pytest.raises(LandlabError, match=r"the Earth has \d+ patches"):
        geography.choose(0, 1500, 1)


def test_regions_are_whole_patches_and_most_have_land():
    places = geography.choose(0, 300, 2)
    names = geography.regions(places)
    assert all(len(set(x)) == 1 for x in np.split(names, places.bounds[1:-1]))
    assert set(names) == {name for name, *_ in geography.REGIONS}
    europe = (names == "Europe").nonzero()[0]
    assert ((places.lat[europe] > 34) & (places.lon[europe] < 40)).all()


@pytest.mark.parametrize("numbers", [(3, 2, 3, 0), (6, 0, 3, 0), (6, 321, 3, 0), (6, 2, 2, 0), (6, 2, 3, -1)])
def test_impossible_planets_are_refused(numbers):
    with pytest.raises(LandlabError, match="at least 4 patches"):
        twin.make(*numbers)


# ---- the truth


def test_true_parameters_are_within_bounds_and_say_what_they_depend_on(planet):
    names = schema.names(planet, "truth")
    assert {n.removeprefix("true_") for n in names} == set(TABLES.by_name)
    for name in names:
        p = TABLES.by_name[name.removeprefix("true_")]
        assert planet[name].min() >= p.low
        assert planet[name].max() <= p.high
        shares = [v for k, v in planet[name].attrs.items() if k.startswith("share_")]
        assert not shares or sum(shares) == pytest.approx(1)


def test_parameters_are_what_their_groups_make_of_them():
    """The sum over groups, and shares of variance where groups are uncorrelated."""
    rng = np.random.default_rng(0)
    members = {"PFT": schema.PLANT_TYPES, "CLIM": ("MAT", "MAP", "elevation")}
    members |= {"AGE": ("canopy_height", "tree_age")}
    members |= {"SOIL": ("bulk_density", "sand", "silt", "clay", "gravel")}
    found = mapping.truth(0, {g: {n: rng.normal(size=20_000) for n in names} for g, names in members.items()})
    for k, (name, x) in enumerate(found.unbounded.items()):
        centre = mapping.unbound(name, np.array(mapping.CENTRES[name]))
        np.testing.assert_allclose(x, centre + sum(part[:, k] for part in found.parts.values()), rtol=1e-9)
        assert x.std() == pytest.approx(mapping.SPREADS.get(name, mapping.SPREAD), rel=0.05)
        for group, share in mapping.shares(name).items():
            assert found.parts[group][:, k].var() / x.var() == pytest.approx(share, abs=0.03), (name, group)
            explained = np.corrcoef(x, found.parts[group][:, k])[0, 1] ** 2
            assert explained == pytest.approx(share, abs=0.03), (name, group)


def test_traits_that_go_together_do(design):
    """In what each group adds to them, unless the trait goes its own way with that group."""
    place = {name: k for k, name in enumerate(design.truth.unbounded)}
    for name, (like, sign) in mapping.COORDINATED.items():
        for group, part in design.truth.parts.items():
            if (name, group) not in mapping.DIRECTIONS:
                r = np.corrcoef(part[:, place[name]], part[:, place[like]])[0, 1]
                assert r == pytest.approx(sign), (name, group)


def test_the_bounds_transform_is_the_models(design):
    theta = mapping.physical(design.truth.unbounded, design.places.lat)
    for name, x in design.truth.unbounded.items():
        north = design.places.lat >= 0 if name in ("bday", "fday") else slice(None)
        np.testing.assert_allclose(mapping.unbound(name, theta[name][north]), x[north], rtol=1e-9)


@pytest.mark.slow
def test_the_pools_are_near_balance(outputs, exact):
    """Over three years live carbon and leaves change little; what is not in balance is soil and young forests."""
    for pool in ("foliar", "labile", "root"):
        first, last = outputs[pool][11], outputs[pool][-1]
        assert np.median(np.abs(last / first - 1)) < 0.3, pool
    gained = outputs["wood"][-1] / exact["true_wood"].values
    assert (gained > 0.7).all()


# ---- the observations


@pytest.mark.slow
def test_without_errors_the_true_parameters_make_the_observations(exact, outputs):
    """Acceptance: noise-free observations to float tolerance, each at its resolution; by formulas of the test's own."""
    patch = exact["patch"].values
    for stream in dalec.SENSORS:
        about = STREAMS[stream]
        expected = outputs[TABLES.modelled[stream]].copy()
        if about.level == "patch":
            for p in range(6):
                expected[:, patch == p] = expected[:, patch == p].mean(axis=1, keepdims=True)
        if about.average == "year":
            expected = np.repeat(expected.reshape(3, 12, -1).mean(axis=1), 12, axis=0)
        elif about.average == "run":
            expected = np.broadcast_to(expected.mean(axis=0), expected.shape)
        elif about.average == "anomaly":
            expected = expected - expected.mean(axis=0)
        observed = exact[stream].values.T
        there = np.isfinite(observed)
        assert there.any(), stream
        scale = np.abs(expected[there]).max()
        np.testing.assert_allclose(
            observed[there], expected[there], rtol=2e-6, atol=2e-7 * scale, err_msg=stream
        )


@pytest.mark.slow
def test_errors_are_as_large_as_the_sensors_say_and_change_no_gap(planet, exact):
    scaled = []
    for stream, sensor in dalec.SENSORS.items():
        noisy, clean = planet[stream].values, exact[stream].values
        np.testing.assert_array_equal(np.isfinite(noisy), np.isfinite(clean), err_msg=stream)
        # where a value could not fall below zero
        there = np.isfinite(clean) & (
            (clean > 5 * sensor.absolute)
            | (not registry.variables()[STREAMS[stream].variable].never_negative)
        )
        size = sensor.absolute + sensor.relative * np.abs(clean[there])
        errors = (noisy - clean)[there][size > 0] / size[size > 0]
        if STREAMS[stream].average == "step" and STREAMS[stream].level == "pixel":
            assert errors.std() == pytest.approx(1, abs=0.2), stream
            assert abs(errors.mean()) < 0.3, stream
        scaled.append(np.abs(errors).max(initial=0))
    assert max(scaled) < 6


def test_each_stream_is_seen_at_its_resolution(planet):
    patch = planet["patch"].values
    for stream in ("nbe", "ewt", "fire"):
        values = planet[stream].values
        for p in range(6):
            np.testing.assert_array_equal(values[patch == p][0], values[patch == p][1], err_msg=stream)
    for stream in ("biomass", "vod"):
        years = planet[stream].values.reshape(12, 3, 12)
        np.testing.assert_array_equal(years[..., 0], years[..., 11])
        seen = years[np.isfinite(years[:, 0, 0]), :, 0]
        assert (seen.std(axis=1) > 0).mean() > 0.8  # a bare pixel may be 0 in all years
    som = planet["som"].values
    np.testing.assert_array_equal(som[:, 0], som[:, -1])


def test_gaps_are_where_instruments_do_not_see(planet):
    assert np.isnan(planet["ewt"].values[:, : dalec.GRACE_START]).all()
    dark = planet["ssrd"].values < observation.DARK
    assert dark.any()
    assert np.isnan(planet["lai"].values[dark]).all()
    assert np.isnan(planet["sif"].values[dark]).all()
    assert 0.3 < np.isfinite(planet["lai"].values).mean() < 0.95


def test_towers_are_few_and_see_nee_only_where_no_inversion_does():
    places = geography.choose(0, 939, 20)
    found = observation.instruments(0, places)
    assert 150 < found.tower.sum() < 220, "as in FLUXNET"
    per_patch = np.add.reduceat(found.tower, places.bounds[:-1])
    assert per_patch.max() == 1
    assert (per_patch[~found.inverted] == 1).all()
    assert 0.9 < found.inverted.mean() < 1


def test_tower_nee_and_inversions_share_no_patch(planet):
    nee = np.isfinite(planet["nee_site"].values).any(axis=1)
    nbe = np.isfinite(planet["nbe"].values).any(axis=1)
    patch = planet["patch"].values
    assert nee.any()
    assert not set(patch[nee]) & set(patch[nbe])
    tower = np.isfinite(planet["gpp_fluxnet"].values).any(axis=1)
    assert (tower | ~nee).all()


def test_every_stream_has_a_sensor_and_every_pool_a_start():
    assert set(observation.OUTPUTS) == set(TABLES.modelled.values())
    assert set(dalec.SENSORS) <= set(STREAMS)
    assert set(dalec.START) == set(TABLES.pools) - {"water"}
