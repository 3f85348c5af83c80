"""The app in a real browser: filter, compare, open a run, go back; downloads; text that looks like markup."""

import csv
import re
import sqlite3

import pytest
from playwright.sync_api import Page, expect

from landlab_mgr.storage import figures
from tests.bench import app as bench

from . import sample

pytestmark = pytest.mark.slow

expect.set_options(timeout=60_000)  # the first visit imports the libraries
FIRST_ROW, SECOND_ROW = (16, 52), (16, 87)
"""Where tick boxes are in the table, which is drawn on a canvas."""


def settle(page: Page):
    """Wait until the script has run, and see that it raised nothing."""
    expect(page.locator("[data-testid=stApp][data-test-script-state=notRunning]")).to_be_visible()
    expect(page.get_by_test_id("stException")).to_have_count(0)


def tick(page: Page, place: tuple[int, int], then: str):
    page.get_by_test_id("stDataFrame").click(position={"x": place[0], "y": place[1]})
    expect(page.get_by_text(then, exact=True).first).to_be_visible()
    settle(page)


def save(page: Page, name: str, path):
    with page.expect_download() as download:
        page.get_by_role("button", name=name).first.click()
    download.value.save_as(path)
    return path


def test_filter_compare_open_a_run_and_back(page, address, shown, tmp_path):
    page.goto(address)
    expect(page.locator("canvas[data-drawn]")).to_be_visible()
    settle(page)
    page.get_by_role("link", name="Runs", exact=True).click()
    expect(page.get_by_text("6 runs")).to_be_visible()
    page.get_by_label("Filter", exact=True).fill("seed = 0")
    page.keyboard.press("Enter")
    expect(page.get_by_text("3 runs", exact=True)).to_be_visible()
    expect(page).to_have_url(re.compile(r"/runs\?filter=seed"))
    settle(page)
    with save(page, "Download CSV", tmp_path / "runs.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["run_id"] for row in rows} == {shown.runs[s] for s in ("completed", "failed", "running")}

    tick(page, FIRST_ROW, "Compare 1")
    tick(page, SECOND_ROW, "Compare 2")
    page.get_by_role("link", name="Compare 2").click()
    expect(page.get_by_role("heading", name="What differs")).to_be_visible()
    expect(page.locator(".st-key-curves .js-plotly-plot .scatterlayer path.js-line").first).to_be_visible()
    settle(page)
    svg = save(page, "Download SVG", tmp_path / "curves.svg")
    assert figures.read(svg)["runs"] == [shown.runs["completed"], shown.runs["failed"]]

    page.get_by_role("link", name="Runs").last.click()
    expect(page.get_by_text("3 runs", exact=True)).to_be_visible()
    settle(page)
    tick(page, FIRST_ROW, "Compare 1")
    page.get_by_role("link", name="Open the run").click()
    expect(page.get_by_role("heading", name="PFT · seed 0")).to_be_visible()
    expect(page).to_have_url(re.compile(rf"/run\?.*run={shown.runs['completed']}"))
    expect(page.locator(".js-plotly-plot")).to_have_count(3)
    expect(page.locator(".st-key-series .scatterlayer path.point").first).to_be_visible()
    settle(page)
    withheld = page.locator(".st-key-series .legendtext", has_text="withheld")
    expect(withheld).to_have_count(0)
    page.get_by_text("test and withheld (counted)").click()
    expect(withheld).to_have_count(1)  # the switch is in a part of the page that is drawn by itself
    page.get_by_role("link", name="Runs").last.click()
    expect(page.get_by_text("3 runs", exact=True)).to_be_visible()
    expect(page.get_by_label("Filter", exact=True)).to_have_value("seed = 0")
    settle(page)


def test_a_cell_of_the_overview_opens_its_run(page, address, shown):
    page.goto(address)
    cells = page.locator("canvas[data-drawn]")
    expect(cells).to_be_visible()
    settle(page)
    place = cells.evaluate(
        "c => { const g = c.getContext('2d'), n = c.width, x = [...Array(n).keys()].find(i =>"
        " { const [r, , b] = g.getImageData(i, 4, 1, 1).data; return r === 0 && b === 115 }); return x }"
    )
    cells.hover(position={"x": place + 5, "y": 8})
    expect(page.get_by_text("PFT, seed 0: completed")).to_be_visible()
    cells.click(position={"x": place + 5, "y": 8})
    expect(page.get_by_role("heading", name="PFT · seed 0")).to_be_visible()
    expect(page).to_have_url(re.compile(rf"/run\?.*run={shown.runs['completed']}"))
    settle(page)


def test_a_link_shows_the_same_view_to_somebody_else(page, address, shown):
    page.goto(f"{address}/run?run={shown.runs['completed']}&place=CC-One&variable=lai")
    expect(page.get_by_text("LAI at CC-One")).to_be_visible()
    settle(page)
    page.get_by_role("combobox", name="Run").click()
    page.get_by_role("option", name="failed").click()
    expect(page.get_by_text("Attempt 1 failed (nan)")).to_be_visible()
    settle(page)
    page.go_back()
    expect(page.get_by_text("LAI at CC-One")).to_be_visible()
    settle(page)


def test_what_looks_like_markup_is_text(page, address, shown):
    """The tag goes past the catalog's own check of names, as another program might write it."""
    script = "<script>alert(1)</script>"
    with sqlite3.connect(shown.workspace.database) as connection:
        connection.execute(
            "insert into tag values (?, ?, '2026-11-21 00:00:00')", (shown.runs["failed"], script)
        )
    connection.close()
    with shown.workspace.open() as catalog:
        catalog.tag([shown.runs["failed"]], "seen")  # a new state of the catalog
    page.goto(f"{address}/runs?columns=tags,message")
    expect(page.get_by_text("6 runs")).to_be_visible()
    settle(page)
    cell = page.locator("[data-testid=stDataFrame] [role=gridcell]").filter(has_text=script)
    expect(cell.first).to_be_attached()
    page.goto(f"{address}/run?run={shown.runs['failed']}")
    expect(page.get_by_text("Attempt 1 failed (nan)")).to_be_visible()
    settle(page)
    assert page.locator("script", has_text="alert(1)").count() == 0
    expect(page.get_by_text(sample.MESSAGE)).to_be_visible()


def test_the_benchmark_can_drive_these_pages(browser, address):
    assert bench.seconds_of(browser, address, "canvas[data-drawn]") > 0
    with bench.opened(browser) as page:
        assert bench._first_table(page, address, 6) > 0
        assert bench._filters(page, ("status = 'failed'", "seed = 0"))[1] > 0
        assert bench._tick(page) > 0


@pytest.mark.parametrize("name", ["", "runs", "compare", "run", "data", "help"])
def test_every_page_fits_a_phone_in_the_dark(browser, address, name):
    context = browser.new_context(viewport={"width": 390, "height": 844}, color_scheme="dark")
    page = context.new_page()
    page.goto(f"{address}/{name}")
    settle(page)
    expect(page.locator("h1, [data-testid=stAlert]").first).to_be_visible()
    inside = page.get_by_test_id("stMain")
    assert inside.evaluate("e => e.scrollWidth - e.clientWidth") <= 0
    assert "rgb(20, 23, 28)" in page.get_by_test_id("stApp").evaluate(
        "e => getComputedStyle(e).backgroundColor"
    )
    context.close()


def test_a_running_run_is_followed_to_its_end(page, address, shown):
    claim = shown.started
    page.goto(f"{address}/run?run={claim.run_id}")
    expect(page.get_by_text("the first epochs appear with the first checkpoint")).to_be_visible()
    with shown.workspace.open() as catalog:
        catalog.record(claim.token, [sample.epoch(1), sample.epoch(2)])
        expect(page.get_by_text("epoch 2 of 8")).to_be_visible()
        sample.finish(shown.workspace, catalog, claim, shown.dataset)
    expect(page.get_by_text("Modelled and observed")).to_be_visible()
    settle(page)
