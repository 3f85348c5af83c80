"""The guide as web pages: no dead link, a search that finds, pages that fit; in a real browser, without a network."""

import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from urllib.parse import unquote

import pytest
import typer
from playwright.sync_api import expect

from landlab_mgr import cli, guide
from landlab_mgr.guide import site


class Links(HTMLParser):
    """Targets and anchors of a web page."""

    def __init__(self, text):
        super().__init__()
        self.targets, self.anchors = [], set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        named = dict(attrs)
        self.anchors.add(named.get("id"))
        self.targets += [named[key] for key in ("href", "src") if named.get(key)]


def dead_links(root, anchors=True):
    """Links of every page below a directory that lead nowhere."""
    pages = {path: Links(path.read_text(encoding="utf-8")) for path in root.rglob("*.html")}
    dead = []
    for path, page in pages.items():
        for target in page.targets:
            if re.match(r"https?:|data:|mailto:|javascript:", target):
                continue
            file, _, anchor = unquote(target).partition("#")
            there = (path.parent / file).resolve() if file else path
            if not there.is_file() or (anchors and anchor and anchor not in pages[there].anchors):
                dead.append((path.name, target))
    return dead


def test_no_link_of_a_page_is_dead(pages):
    names = {path.stem for path in pages.glob("*.html")}
    assert names == {page.name for page in guide.pages()}
    assert dead_links(pages) == []


def test_an_older_site_is_replaced(tmp_path):
    for _ in range(2):
        site.write(tmp_path, lambda: typer.main.get_command(cli.app), api=False)
        assert not (tmp_path / "gone.html").exists()
        (tmp_path / "gone.html").write_text("a page of an older guide")


def test_the_search_knows_every_page_and_heading(pages):
    index = json.loads(
        (pages / "search.js").read_text(encoding="utf-8").removeprefix("window.GUIDE = ").rstrip(";\n")
    )
    assert {piece["url"].split("#")[0] for piece in index} == {f"{page.name}.html" for page in guide.pages()}
    for piece in index:
        file, _, anchor = piece["url"].partition("#")
        assert not anchor or f'id="{anchor}"' in (pages / file).read_text(encoding="utf-8"), piece["url"]


@pytest.fixture
def page(browser):
    """A page that fails the test by what the browser reports, and by anything that it asks of a network."""
    context = browser.new_context(viewport={"width": 1440, "height": 1000}, offline=True)
    page, problems = context.new_page(), []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda m: problems.append(m.text) if m.type in ("error", "warning") else None)
    page.on("requestfailed", lambda request: problems.append(f"{request.url} failed"))
    page.on(
        "request",
        lambda r: None if r.url.startswith(("file:", "data:")) else problems.append(f"it asks {r.url}"),
    )
    yield page
    context.close()
    assert problems == []


@pytest.mark.slow
def test_a_reader_searches_follows_a_link_and_goes_on(pages, page):
    page.goto(f"file://{pages}/index.html")
    page.get_by_role("searchbox").fill("withheld months")
    expect(page.locator("#results li").first).to_be_visible()
    page.get_by_role("searchbox").fill("warmup_months")
    page.locator("#results a", has_text="Fields of a run").click()
    expect(page).to_have_url(re.compile(r"grids\.html#fields-of-a-run$"))
    expect(page.get_by_role("cell", name="warmup_months")).to_be_visible()
    page.get_by_role("link", name="Filters", exact=True).first.click()
    expect(page.get_by_role("heading", name="Filters", exact=True)).to_be_visible()
    page.get_by_role("searchbox").fill("no such thing anywhere")
    expect(page.get_by_text("Nothing found")).to_be_visible()


@pytest.mark.slow
@pytest.mark.parametrize("width", [1440, 390])
def test_every_page_fits_and_its_pictures_load(pages, page, width):
    page.set_viewport_size({"width": width, "height": 844})
    for one in guide.pages():
        page.goto(f"file://{pages}/{one.name}.html")
        expect(page.locator("h1")).to_have_text(one.title)
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, one.name
        broken = "[...document.images].filter(i => !(i.complete && i.naturalWidth)).map(i => i.src)"
        assert page.evaluate(broken) == [], one.name
    if width == 390:
        page.mouse.wheel(0, 600)
        page.get_by_role("button", name="Pages").click()
        assert page.locator("nav").evaluate("e => e.getBoundingClientRect().top") > 40, "below the header"
        page.get_by_role("link", name="Grids", exact=True).first.click()
        expect(page).to_have_url(re.compile("grids.html"))


@pytest.mark.slow
def test_one_command_writes_the_pages_and_the_api(tmp_path, page):
    command = [sys.executable, "-m", "landlab_mgr.cli", "guide", "--site", str(tmp_path / "site")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert f"{len(guide.pages())} pages" in done.stdout
    assert "pdoc" not in done.stdout
    api = tmp_path / "site" / "api" / "landlab_mgr"
    assert "as in DifferLand" in (api / "models" / "network.html").read_text()
    assert (api / "models" / "dalec" / "process" / "water.html").is_file()
    assert dead_links(tmp_path / "site", anchors=False) == []
    page.goto(f"file://{tmp_path}/site/index.html")
    page.get_by_role("link", name="API", exact=True).click()
    expect(page.get_by_role("heading", name="landlab_mgr", exact=True)).to_be_visible()
