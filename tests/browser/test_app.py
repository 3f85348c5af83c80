"""The app in a real browser, from the table of runs to a chart and back."""

import csv
import re

import pytest
from playwright.sync_api import Page, expect

from tests.app import sample

expect.set_options(timeout=30_000)  # the first visit imports the libraries
ONE_RUN = "setup.groups = 'PFT' and seed = 0"
FIRST_ROW = (16, 52)
"""Where the first row's tick box is in the table, which is drawn on a canvas."""


@pytest.fixture(scope="module")
def address(serve, made):
    with serve(made.workspace.root) as address:
        yield address


@pytest.fixture
def page(browser):
    """A page that fails the test by what the browser reports."""
    context = browser.new_context(viewport={"width": 1400, "height": 1500})
    page, problems = context.new_page(), []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda message: note(message, problems))
    page.on("request", lambda r: None if is_local(r.url) else problems.append(f"it asks {r.url}"))
    yield page
    context.close()
    assert problems == []


def note(message, problems):
    """Errors, but for the 404s with which Streamlit finds its root from a link to a page."""
    if message.type == "error" and "/_stcore/" not in message.location["url"]:
        problems.append(f"{message.text} {message.location['url']}")


def is_local(url):
    return re.match(r"(http|ws)://127\.0\.0\.1:|data:|blob:", url) is not None


def settle(page: Page):
    """Wait until the script has run, and see that it raised nothing."""
    expect(page.locator("[data-testid=stApp][data-test-script-state=notRunning]")).to_be_visible()
    expect(page.get_by_test_id("stException")).to_have_count(0)


def test_from_the_table_to_a_chart_and_back(page, address, made, tmp_path):
    page.goto(address)
    expect(page.get_by_text("6 runs")).to_be_visible()
    table = page.get_by_test_id("stDataFrame")
    full = table.bounding_box()

    page.get_by_label("Filter", exact=True).fill(ONE_RUN)
    page.keyboard.press("Enter")
    expect(page.get_by_text("1 run", exact=True)).to_be_visible()
    expect(page).to_have_url(re.compile(r"\?filter=setup"))
    settle(page)
    assert table.bounding_box()["height"] < full["height"] - 3 * 30

    with page.expect_download() as download:
        page.get_by_role("button", name="Download CSV").click()
    with open(download.value.path(), newline="") as file:
        assert [row["run_id"] for row in csv.DictReader(file)] == [made.runs["completed"]]

    table.click(position={"x": FIRST_ROW[0], "y": FIRST_ROW[1]})
    expect(page.get_by_role("heading", name="PFT · seed 0")).to_be_visible()
    expect(page).to_have_url(re.compile(rf"/run\?run={made.runs['completed']}"))
    expect(page.locator(".js-plotly-plot")).to_have_count(3)
    expect(page.locator(".st-key-series .scatterlayer path.point").first).to_be_visible()
    settle(page)
    page.screenshot(path=tmp_path / "run.png", full_page=True)

    page.get_by_role("link", name="Runs").last.click()
    expect(page.get_by_text("1 run", exact=True)).to_be_visible()
    expect(page.get_by_label("Filter", exact=True)).to_have_value(ONE_RUN)
    settle(page)


def test_a_link_shows_the_same_view_to_somebody_else(page, address, made):
    page.goto(f"{address}/run?run={made.runs['completed']}&place=CC-One&variable=lai")
    expect(page.get_by_text("LAI at CC-One")).to_be_visible()
    settle(page)
    page.get_by_role("combobox", name="Run").click()
    page.get_by_role("option", name="failed").click()
    expect(page.get_by_text("Attempt 1 failed (nan)")).to_be_visible()
    settle(page)
    page.go_back()
    expect(page.get_by_text("LAI at CC-One")).to_be_visible()
    settle(page)


def test_a_running_run_is_followed_to_its_end(page, address, made):
    claim = made.started
    page.goto(f"{address}/run?run={claim.run_id}")
    expect(page.get_by_text("the first epochs appear with the first checkpoint")).to_be_visible()
    with made.workspace.open() as catalog:
        catalog.record(claim.token, [sample.epoch(1), sample.epoch(2)])
        expect(page.get_by_text("epoch 2 of 8")).to_be_visible()
        sample.finish(made.workspace, catalog, claim, made.dataset)
    expect(page.get_by_text("Modelled and observed")).to_be_visible()
    settle(page)
