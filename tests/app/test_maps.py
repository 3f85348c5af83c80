"""Maps: values by hand, what is drawn how, what is counted, and the page in every state."""

import base64
import json

import numpy as np
import pandas as pd
import pytest

from landlab_mgr.analysis import trace
from landlab_mgr.data import coast
from landlab_mgr.models import registry
from landlab_mgr.spec.grid import GridSpec
from landlab_mgr.storage import artifacts, figures
from landlab_mgr.storage.resources import resource
from landlab_mgr.workspace import register
from landlab_mgr.workspace.workspace import Workspace
from tests.bench import pixelmap

from . import science
from .shown import commands, figure, values, words

pytestmark = pytest.mark.slow

PAGE = "views/maps.py"
UWUE = registry.tables(registry.DEFAULT).by_name["uwue"]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    return science.make(tmp_path_factory.mktemp("maps") / "ws")


@pytest.fixture
def parts(monkeypatch):
    monkeypatch.syspath_prepend(str(resource("app")))
    from parts import mapfigures, maps

    return maps, mapfigures


def colours(app, panel: int) -> np.ndarray:
    """Values of the pixels of a panel of dots: of each panel there are the pixels and the coast."""
    return values(figure(app, "map")["data"][2 * panel]["marker"]["color"])


def test_without_runs_it_says_what_to_do(open_app, tmp_path):
    with Workspace.at(tmp_path / "ws", str(tmp_path / "ws" / "landlab.db")).create():
        app = open_app(tmp_path / "ws", PAGE)
    assert not app.exception
    assert any("data twin" in line for line in commands(app))


def test_runs_without_parameters_and_runs_that_go_on_are_no_exception(open_app, made):
    app = open_app(made.workspace.root, PAGE, runs="grid:towers")
    assert not app.exception
    assert "has no file 'parameters'" in app.error[0].value.replace("\\", "")
    app = open_app(made.workspace.root, PAGE, runs=f"run:{made.runs['failed']}")
    assert not app.exception
    assert "No completed run" in words(app)


def test_a_model_without_parameters_shows_none(open_app, tmp_path):
    workspace = Workspace.at(tmp_path / "ws", str(tmp_path / "ws" / "landlab.db"))
    with workspace.create() as catalog:
        name = register.dataset(workspace, catalog, science.planet()).name
        base = {"model": "lstm", "warmup_months": 12, "optimizer": {"epochs": 1}}
        register.grid(
            workspace, catalog, GridSpec(name="g", dataset=name, setups=(("PFT",),), seeds=1, base=base)
        )
        claim = catalog.claim("host", 1, directory_of=workspace.directory)
        catalog.finish(claim.token, science.metrics_of(claim.spec))
    app = open_app(workspace.root, PAGE)
    assert not app.exception
    assert "Model lstm has no parameters" in words(app)


def test_the_mean_and_the_spread_over_the_kept_members(open_app, workspace):
    app = open_app(workspace.root, PAGE, of="uwue")
    assert not app.exception
    assert app.selectbox(key="runs").value == f"ensemble:{science.KEPT}"
    assert app.selectbox(key="setup").value == "PFT+CLIM"
    one, other = science.UWUE * 1.1, science.UWUE * 1.2  # seeds 1 and 2 were kept
    np.testing.assert_allclose(colours(app, 0), (one + other) / 2, rtol=1e-6)
    np.testing.assert_allclose(colours(app, 1), np.sqrt(0.5) * 0.1 / 1.15, rtol=1e-4)
    assert "mean of 2 members" in figure(app, "map")["layout"]["annotations"][0]["text"]
    assert figure(app, "map")["layout"]["xaxis2"]["matches"] == "x"
    assert "12 of 12 pixels" in words(app)


def test_beside_it_the_truth_or_another_setup_on_one_scale(open_app, workspace):
    app = open_app(workspace.root, PAGE, of="uwue", beside="truth", member="all")
    np.testing.assert_allclose(colours(app, 1), science.UWUE * 1.1, rtol=1e-6)
    layout = figure(app, "map")["layout"]
    assert layout["coloraxis"]["cmin"] == layout["coloraxis2"]["cmin"]
    app.toggle(key="shared").set_value(False).run()
    layout = figure(app, "map")["layout"]
    assert layout["coloraxis"]["cmin"] != layout["coloraxis2"]["cmin"]
    assert app.query_params["shared"] == "0"
    app.selectbox(key="beside").set_value("PFT").run()
    np.testing.assert_allclose(colours(app, 1), science.UWUE * 1.15, rtol=1e-6)
    assert app.query_params["beside"] == "PFT"
    app.selectbox(key="beside").set_value("nothing").run()
    assert len(figure(app, "map")["data"]) == 2


def test_one_member_has_its_own_values(open_app, workspace):
    with workspace.open(read_only=True) as catalog:
        run_id = catalog.runs("setup.groups = 'CLIM' and seed = 2")["run_id"].iloc[0]
    app = open_app(workspace.root, PAGE, runs=f"run:{run_id}", of="uwue")
    assert not app.exception
    np.testing.assert_allclose(colours(app, 0), science.UWUE * 1.2, rtol=1e-6)


def test_skill_leaves_test_pixels_out_until_somebody_asks_and_counts_that(open_app, workspace):
    app = open_app(workspace.root, PAGE, kind="skill", variable="lai", runs="grid:science", setup="CLIM")
    assert not app.exception
    assert len(colours(app, 0)) == 10
    np.testing.assert_allclose(colours(app, 0), 0.1 + 0.15 + 0.1, rtol=1e-6)  # mean of three seeds
    app.selectbox(key="pixels").set_value("dev").run()
    assert len(colours(app, 0)) == 8  # pixels 2 to 9, of one to three members
    np.testing.assert_allclose(colours(app, 0)[[0, 3, 6]], [0.25, 0.35, 0.40], rtol=1e-6)
    assert "1 to 3 members" in figure(app, "map")["layout"]["annotations"][0]["text"]
    with workspace.open(read_only=True) as catalog:
        assert catalog.test_reads() == 0
    app.selectbox(key="pixels").set_value("test").run()
    np.testing.assert_allclose(colours(app, 0), [0.1 - 0.1 + 0.1, 0.35], rtol=1e-6)
    app.run()  # the same view again is the same look
    with workspace.open(read_only=True) as catalog:
        assert catalog.test_reads() == 1
        assert catalog.events(kind="read_test")["detail"].iloc[0]["splits"] == ["test"]


def test_the_leading_group_is_that_of_the_result_on_record(open_app, workspace):
    app = open_app(workspace.root, PAGE, kind="group")
    assert not app.exception
    with workspace.open(read_only=True) as catalog:
        record = catalog.analyses("partition_map")[0]
    stored = artifacts.read(workspace.path(record.path))
    code = stored["dominant"].sel(variable="lai").values
    shown = colours(app, 0)
    assert len(shown) == (code != -2).sum() > 0
    codes = np.where(code == -3, 3, np.where(code == -1, 2, code))
    np.testing.assert_array_equal(shown, codes[code != -2])
    bar = figure(app, "map")["layout"]["coloraxis"]["colorbar"]
    assert list(bar["ticktext"]) == ["PFT", "CLIM", "none", "structure"]
    app = open_app(workspace.root, PAGE, kind="group", runs="grid:science")
    assert commands(app) == [f"landlab analyse partition_map \"grid = 'science'\" -w {workspace.root}"]


def test_a_component_is_signed(open_app, workspace):
    app = open_app(workspace.root, PAGE, kind="component")
    assert not app.exception
    axis = figure(app, "map")["layout"]["coloraxis"]
    assert axis["cmin"] == -axis["cmax"] < 0
    assert len(figure(app, "map")["data"]) == 2


def test_pixels_of_a_regular_grid_are_a_raster_and_others_dots(parts):
    maps, mapfigures = parts
    lat, lon = (
        x.ravel() for x in np.meshgrid(np.arange(-20, 10, 0.5), np.arange(30, 55, 0.5), indexing="ij")
    )
    keep = np.random.default_rng(0).random(len(lat)) < 0.8
    where = maps.Places(lat[keep], lon[keep])
    grid = mapfigures.raster(where)
    assert grid.shape == (60, 50)
    assert (grid.south, grid.west, grid.steps) == (-20, 30, (0.5, 0.5))
    whole = grid.fill(where.lat * 100 + where.lon)
    assert np.isnan(whole).sum() == (~keep).sum()
    assert whole[3, 7] == pytest.approx(-18.5 * 100 + 33.5) or np.isnan(whole[3, 7])
    assert mapfigures.raster(maps.Places(where.lat + np.linspace(0, 1, keep.sum()), where.lon)) is None
    assert mapfigures.raster(maps.Places(lat[:100], lon[:100])) is None  # few: dots are seen better


def test_colours_are_shared_between_what_is_the_same_quantity(parts):
    maps, _ = parts
    a = maps.of_parameter(UWUE, np.array([1.0, 2.0, 3.0]), "mean", "A")
    b = maps.of_parameter(UWUE, np.array([5.0, 9.0, np.nan]), "truth", "B")
    c = maps.variation("uwue", maps.Spread(np.ones(3), np.full(3, 0.2), np.full(3, 2)))
    one, two, three = maps.alike([a, b, c])
    assert (one.low, one.high) == (two.low, two.high) == (a.low, b.high)
    assert (three.low, three.high) == (c.low, c.high)
    frame = maps.table(maps.Places(np.zeros(3), np.arange(3.0), np.array(["x", "y", "z"])), [b])
    pd.testing.assert_frame_equal(
        frame,
        pd.DataFrame(
            {"pixel": [0, 1], "lat": [0.0, 0.0], "lon": [0.0, 1.0], "site": ["x", "y"], "truth": [5.0, 9.0]}
        ),
    )


def test_a_saved_map_says_where_it_comes_from(parts, workspace, monkeypatch, tmp_path):
    maps, mapfigures = parts
    from parts import download, origin

    monkeypatch.setenv("LANDLAB_WORKSPACE", str(workspace.root))
    where = maps.Places(np.linspace(-30, 60, 12), np.linspace(-100, 120, 12))
    panels = [
        maps.of_parameter(UWUE, science.UWUE, "mean", "A"),
        maps.Panel(
            "group", "B", "c", np.arange(12) % 3.0, "group", -0.5, 2.5, groups=("PFT", "CLIM", "none")
        ),
    ]
    made = origin.of_runs(["a" * 16], [f"map-{science.PIXELS}"], "maps?of=uwue")
    path = tmp_path / "map.png"
    path.write_bytes(download.saved(mapfigures.on_paper(where, panels, "title"), made, "png"))
    known = figures.read(path)
    assert known["runs"] == ["a" * 16]
    lines = trace.commands(known, path, workspace)
    assert any(line.startswith("landlab app") for line in lines)
    assert lines[-1].endswith("maps?of=uwue")


def test_of_a_file_only_what_is_asked_for_is_read(workspace):
    with workspace.open(read_only=True) as catalog:
        files = catalog.artifacts(catalog.runs("status = 'completed'")["run_id"].iloc[0])
    path = workspace.path(files.loc[files["kind"] == "parameters", "path"].iloc[0])
    assert list(artifacts.read(path, ["uwue", "nothing"]).data_vars) == ["uwue"]


def mean_by_place() -> dict[tuple[float, float], float]:
    """UWUE of two members by latitude and longitude."""
    lat, lon = pixelmap.places(2500)
    mean = np.mean([pixelmap.parameters(lat, lon, seed)[pixelmap.shown()].values for seed in (0, 1)], axis=0)
    return dict(zip(zip(lat.tolist(), lon.tolist(), strict=True), mean.tolist(), strict=True))


def sent(app) -> dict:
    """What the canvas of the map gets."""
    (found,) = (c for c in app.get("bidi_component") if c.proto.id.endswith("-map"))
    return json.loads(found.proto.json)


def array(text: str, dtype: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), dtype)


def test_a_quarter_degree_planet_is_a_raster_and_the_coast_is_that_of_the_mask(open_app, tmp_path):
    query = pixelmap.make(tmp_path / "ws", pixels=2500, members=2)
    asked = dict(pair.split("=", 1) for pair in query.split("&"))
    app = open_app(tmp_path / "ws", PAGE, **asked)
    assert not app.exception
    drawn, mean = sent(app), mean_by_place()
    shape = drawn["rows"], drawn["columns"]
    there = np.unpackbits(array(drawn["mask"], "u1"), count=shape[0] * shape[1]).reshape(shape)
    z = array(drawn["panels"][0]["values"], "<f4")
    assert there.sum() == len(z) == drawn["pixels"] == 2500
    for (row, column), value in list(zip(np.argwhere(there), z, strict=True))[::50]:
        place = (drawn["south"] + row * drawn["dy"], drawn["west"] + column * drawn["dx"])
        assert value == pytest.approx(mean[place], rel=1e-5)
    assert len(array(drawn["panels"][1]["values"], "<f4")) == 2500
    assert drawn["panels"][1]["title"] == "Coefficient of variation over 2 members"

    with np.load(coast.FILE) as stored:
        np.testing.assert_array_equal(stored["corners"], np.concatenate(coast.traced()))
        corners = array(drawn["coast"], "<i2").reshape(-1, 2)
        np.testing.assert_array_equal(corners[corners[:, 0] != drawn["gap"]], stored["corners"])


def test_colours_of_a_raster_run_from_low_to_high(parts):
    maps, mapfigures = parts
    signed = mapfigures.colours(maps.Panel("a", "A", "a", np.zeros(3), "signed", -1.0, 1.0))
    assert len(signed) == mapfigures.LEVELS
    assert (signed[0], signed[-1]) == ("#d55e00", "#0072b2")
    middle = [int(signed[mapfigures.LEVELS // 2][i : i + 2], 16) for i in (1, 3, 5)]
    assert min(middle) > 240
    groups = maps.Panel("g", "G", "g", np.zeros(3), "group", -0.5, 1.5, groups=("PFT", "none"))
    assert mapfigures.colours(groups) == mapfigures.group_colours(("PFT", "none"))
