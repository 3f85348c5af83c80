"""The guide as a site."""

import pytest
import typer

from landlab_mgr import cli
from landlab_mgr.guide import site


@pytest.fixture(scope="session")
def pages(tmp_path_factory):
    """The pages of the site, without the API."""
    root = tmp_path_factory.mktemp("site")
    site.write(root, lambda: typer.main.get_command(cli.app), api=False)
    return root
