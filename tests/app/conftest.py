"""A workspace for the pages to show, the app on a workspace, and the same in a headless Chromium."""

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import streamlit as st
from playwright.sync_api import Browser, Page
from streamlit.testing.v1 import AppTest

from landlab_mgr.storage.resources import resource
from tests.bench import app as bench

from . import sample

APP = resource("app")


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> sample.Sample:
    """A workspace with a run in every state; tests only look at it."""
    return sample.make(tmp_path_factory.mktemp("app"))


@pytest.fixture
def open_app(monkeypatch: pytest.MonkeyPatch) -> Callable[..., AppTest]:
    """open_app(root, page="views/runs.py", **address): a page on the workspace at this root, run once."""
    monkeypatch.syspath_prepend(str(APP))  # as `streamlit run` does
    monkeypatch.delenv("LANDLAB_DB", raising=False)

    def start(root: Path, page: str = "views/runs.py", **address: str) -> AppTest:
        monkeypatch.setenv("LANDLAB_WORKSPACE", str(root))
        st.cache_data.clear()
        app = AppTest.from_file(str(APP / "Home.py"), default_timeout=30).run()
        app.switch_page(page)
        app.query_params.update(address)
        return app.run()

    return start


@pytest.fixture(autouse=True)
def main_module_kept():
    """AppTest leaves its script as `__main__`, which processes spawned by later tests would run again."""
    main = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = main


# --- in a browser -------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def serve() -> Callable:
    """`with serve(root) as address`: the app on a workspace, as a user starts it."""
    return bench.served


@pytest.fixture(scope="session")
def shown(tmp_path_factory: pytest.TempPathFactory) -> sample.Sample:
    """A workspace of its own for the browser, whose tests change it."""
    return sample.make(tmp_path_factory.mktemp("shown"))


@pytest.fixture(scope="session")
def address(serve: Callable, shown: sample.Sample) -> Iterator[str]:
    """Where the app on `shown` is served."""
    with serve(shown.workspace.root) as address:
        yield address


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page that fails the test by what the browser reports, and by anything that it asks of the network."""
    context = browser.new_context(viewport={"width": 1400, "height": 1500})
    page, problems = context.new_page(), []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda message: _note(message, problems))
    page.on("request", lambda r: None if _is_local(r.url) else problems.append(f"it asks {r.url}"))
    page.on("dialog", lambda dialog: (problems.append(f"a dialog: {dialog.message}"), dialog.dismiss()))
    yield page
    context.close()
    assert problems == []


def _note(message, problems):
    """Errors, but for the 404s with which Streamlit finds its root from a link to a page."""
    if message.type == "error" and "/_stcore/" not in message.location["url"]:
        problems.append(f"{message.text} {message.location['url']}")


def _is_local(url):
    return re.match(r"(http|ws)://127\.0\.0\.1:|data:|blob:", url) is not None
