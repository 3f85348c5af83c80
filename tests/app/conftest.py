"""A workspace for the pages to show, and the app on a workspace."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from landlab_mgr.resources import resource

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
