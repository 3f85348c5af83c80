"""From a partition to its map, in a real browser: panels that move together, values on hovering, a table to keep."""

import csv
import json

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests.bench import pixelmap

from . import science

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def address(tmp_path_factory, serve):
    workspace = science.make(tmp_path_factory.mktemp("maps") / "ws")
    with serve(workspace.root) as address:
        yield address


def settle(page: Page):
    expect(page.locator("[data-testid=stApp][data-test-script-state=notRunning]")).to_be_visible(
        timeout=60_000
    )
    expect(page.get_by_test_id("stException")).to_have_count(0)


def test_from_the_partition_to_its_map(page, address, tmp_path):
    page.goto(f"{address}/analyses?analysis=partition_map&runs=ensemble:{science.KEPT}")
    expect(page.get_by_role("img", name="Figure of analysis partition_map")).to_be_visible(timeout=60_000)
    settle(page)
    page.get_by_role("link", name="Maps").first.click()
    expect(page.locator(".st-key-map .js-plotly-plot")).to_be_visible(timeout=60_000)
    page.get_by_role("radio", name="Leading group").click()
    points = page.locator(".st-key-map .subplot.xy .points path")
    expect(page.get_by_text("Group that brings most")).to_be_visible(timeout=60_000)
    expect(points.first).to_be_visible()
    settle(page)

    points.last.hover(force=True)
    expect(page.locator(".st-key-map .hoverlayer .hovertext")).to_contain_text("PFT")

    axes = "document.querySelector('.st-key-map .js-plotly-plot')._fullLayout"
    ranges = f"() => ['xaxis', 'xaxis2', 'yaxis', 'yaxis2'].map(name => {axes}[name].range)"
    west, east = page.evaluate(ranges)[0]
    box = page.locator(".st-key-map .nsewdrag").first.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    for _ in range(8):
        page.mouse.wheel(0, -200)
        page.wait_for_timeout(60)
    page.wait_for_function(
        f"() => {{ const r = {axes}.xaxis.range; return r[1] - r[0] < {0.8 * (east - west)} }}"
    )
    x, x2, y, y2 = page.evaluate(ranges)
    assert x == pytest.approx(x2)
    assert y == pytest.approx(y2)

    with page.expect_download() as download:
        page.get_by_role("button", name="Download CSV").first.click()
    with open(download.value.path(), newline="") as file:
        rows = list(csv.DictReader(file))
    assert {int(row["pixel"]) for row in rows} == {2, 3, 4, 10, 11}  # where both kept members train
    assert {row["group"] for row in rows} <= {"PFT", "CLIM", "structure", "none"}
    page.screenshot(path=tmp_path / "map.png", full_page=True)


def test_a_raster_tells_the_value_of_a_pixel_in_both_panels(page, serve, tmp_path):
    query = pixelmap.make(tmp_path / "ws", pixels=2500, members=2)
    lat, lon = pixelmap.places(2500)
    pixel = 1234
    members = [
        pixelmap.parameters(lat, lon, seed)[pixelmap.shown()].values[pixel].astype(float) for seed in (0, 1)
    ]
    drawn = page.locator(".st-key-map canvas[data-drawn=true]")
    said = page.locator(".st-key-map .said")

    def view(panel: int = 0) -> dict:
        return json.loads(drawn.nth(panel).get_attribute("data-view"))

    def hover() -> None:
        box, now = drawn.first.bounding_box(), view()
        across = (lon[pixel] - now["west"]) / (now["east"] - now["west"])
        down = (now["north"] - lat[pixel]) / (now["north"] - now["south"])
        page.mouse.move(
            box["x"] + now["left"] + now["width"] * across, box["y"] + now["top"] + now["height"] * down
        )

    with serve(tmp_path / "ws") as address:
        page.goto(f"{address}/maps?{query}")
        expect(drawn).to_have_count(2, timeout=60_000)
        settle(page)
        whole, width = drawn.first.get_attribute("data-view"), view()["east"] - view()["west"]
        hover()
        for _ in range(8):
            page.mouse.wheel(0, -200)
        page.wait_for_function(
            "([canvas, width]) => { const v = JSON.parse(canvas.dataset.view); return v.east - v.west < width; }",
            arg=[drawn.first.element_handle(), width / 20],
        )
        assert view(0) == view(1)
        hover()
        expect(said.first).to_contain_text("d⁻¹")
        expect(said.nth(1)).not_to_be_empty()
        places, values = zip(*(words.split(": ") for words in said.all_inner_texts()), strict=True)
        for place in places:
            shown = [float(degrees) for degrees in place.replace("°", "").split(", ")]
            assert shown == pytest.approx([lat[pixel], lon[pixel]], abs=0.006)
        mean, sd = np.mean(members), np.std(members, ddof=1)
        assert [float(v.split()[0]) for v in values] == pytest.approx([mean, sd / mean], rel=5e-4)
        page.get_by_role("button", name="Whole map").click()
        expect(drawn.nth(1)).to_have_attribute("data-view", whole)
