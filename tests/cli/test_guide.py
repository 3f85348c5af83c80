"""`landlab guide`: pages in the terminal."""

import json

import pytest
from typer.testing import CliRunner

from landlab_mgr import cli, guide
from landlab_mgr.errors import LandlabError


def landlab(*arguments):
    return CliRunner().invoke(cli.app, ["guide", *arguments])


def test_without_a_page_it_lists_them():
    listed = landlab().output
    assert all(page.name in listed and page.title in listed for page in guide.pages())
    rows = json.loads(landlab("--json").output)
    assert [row["name"] for row in rows] == [page.name for page in guide.pages()]


def test_a_page_with_its_table():
    shown = landlab("grids").output
    assert "warmup_months" in shown
    assert "<!--" not in shown
    assert "(landlab guide filters)" not in shown
    assert "A model of your own (landlab guide model-of-your-own)" in " ".join(
        landlab("index").output.split()
    )
    assert "landlab ensemble predict" in landlab("commands").output
    page = json.loads(landlab("tuning", "--json").output)
    assert "`fresh_seeds`" in page["text"]


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("grid", "did you mean grids"),
        ("skill", "did you mean analysis-skill"),
        ("xyz", "`landlab guide` lists the pages"),
    ],
)
def test_an_unknown_page_is_one_line_with_near_names(name, hint):
    error = landlab(name).exception
    assert isinstance(error, LandlabError)
    assert hint in str(error)
    assert "\n" not in str(error)


def test_a_site_does_not_overwrite_something_else(tmp_path):
    (tmp_path / "thesis.tex").write_text("")
    assert "holds something else" in str(landlab("--site", str(tmp_path)).exception)
    assert "leave out PAGE" in str(landlab("grids", "--site", str(tmp_path / "new")).exception)
    assert not (tmp_path / "new").exists()
