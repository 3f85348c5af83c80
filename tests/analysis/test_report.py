"""The page: it stands alone, says where all comes from, escapes what it is given, and looks at test only if told."""

import base64
import shutil
from html.parser import HTMLParser

import pytest
from typer.testing import CliRunner

from landlab_mgr import analysis, cli
from landlab_mgr.analysis import report, selection, trace
from landlab_mgr.errors import LandlabError
from landlab_mgr.storage import figures
from landlab_mgr.workspace import register
from landlab_mgr.workspace.workspace import Workspace

from . import sample
from .test_mapcompare import parameters

pytestmark = pytest.mark.slow

NAME = "<script>alert('1')</script>"
SLOW = ("shap", "trust", "curve")
ALL_BUT_SKILL = tuple(name for name in analysis.registry() if name not in ("skill", "towers"))


class Page(HTMLParser):
    """Tags with their attributes, the text, and the sections' headings."""

    def __init__(self, content):
        super().__init__()
        self.tags, self.text, self.headings, self._tag = [], "", [], ""
        self.feed(content)

    def handle_starttag(self, tag, attrs):
        self._tag = tag
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data
        if self._tag == "h2" and data.strip():
            self.headings.append(data)
        self._tag = ""


@pytest.fixture
def workspace(scored_workspace, tmp_path):
    shutil.copytree(scored_workspace.root, tmp_path / "ws")
    return Workspace.at(tmp_path / "ws", str(tmp_path / "ws" / "landlab.db"))


@pytest.fixture(scope="module")
def scored_workspace(planet, tmp_path_factory):
    root = tmp_path_factory.mktemp("reported") / "ws"
    workspace = sample.make_with_files(root, planet, parameters(planet))
    with workspace.open() as catalog:
        selection.select(catalog, "scored", keep=1, by="dev.lai.R2", name=NAME)
    return workspace


def gather(workspace, **more):
    with workspace.open() as catalog:
        return report.gather(workspace, catalog, **{"grid": "scored", "without": SLOW, **more})


def reads(workspace):
    with workspace.open() as catalog:
        return catalog.test_reads()


def test_a_page_that_stands_alone_and_escapes(workspace, tmp_path):
    found = gather(workspace, grid=None, ensemble=NAME)
    report.write(found, tmp_path / "page.html")
    content = (tmp_path / "page.html").read_text()
    page = Page(content)
    assert "<script" not in content
    assert NAME in page.text
    assert found.title == f"Ensemble {NAME}"
    named = [tag for tag, _ in page.tags]
    assert not {"script", "link", "iframe", "object"} & {*named}
    assert not [a for _, attrs in page.tags for a in attrs if a.startswith("on")]
    for _, attrs in page.tags:
        assert attrs.get("src", "data:image/png;base64,").startswith("data:image/png;base64,")
        assert attrs.get("href", "#").startswith("#")
    assert named.count("img") == len(found.sections) >= 2
    assert all(attrs.get("alt") for tag, attrs in page.tags if tag == "img")
    assert page.headings == ["summary", "settings", "runs", *(s.title for s in found.sections), "not shown"]
    assert "synthetic data" in page.text
    assert found.summary.columns[:3] == ["variable", "best setup", "R2 on dev"]
    assert [row[0] for row in found.summary.rows] == ["lai"] or len(found.summary.rows) > 1
    assert "predictors" in [row[0] for row in found.settings.rows]
    assert not any("rank" in row[-1] and "ranked lower" not in row[-1] for row in found.overview.rows)
    assert found.head["kept"].startswith("grid scored, keep 1, by dev.lai.R2")
    kept = {row[0]: row[1] for row in found.overview.rows}
    assert kept == {"PFT+CLIM": "1", "PFT": "1", "CONTROL": "1"}


def test_every_figure_leads_back_to_its_runs(workspace, tmp_path):
    found = gather(workspace)
    for section in found.sections:
        path = tmp_path / f"{section.name} saved from the page.png"
        path.write_bytes(base64.b64decode(section.image.partition(",")[2]))
        made = figures.read(path)
        assert made["analysis"]["name"] == section.name
        assert sorted(made["runs"]) == sorted(section.runs)
        assert trace.changes(made, workspace) == []
        assert section.commands == trace.commands(made, f"{section.name}.png", workspace)
    [skill] = [s for s in found.sections if s.name == "skill"]
    assert len(skill.runs) == 6


def test_results_are_taken_from_the_catalog_while_the_evidence_is_the_same(workspace, monkeypatch):
    first = gather(workspace, without=ALL_BUT_SKILL)
    assert not any(s.reused for s in first.sections)
    again = gather(workspace, without=ALL_BUT_SKILL)
    assert all(s.reused for s in again.sections)
    assert [(s.name, s.table) for s in again.sections] == [(s.name, s.table) for s in first.sections]
    with workspace.open() as catalog:
        made = {a.name: a for a in catalog.analyses()}
        workspace.path(made["skill"].path).write_bytes(b"altered")
    assert not any(s.reused for s in gather(workspace, without=ALL_BUT_SKILL).sections)
    # other evidence: a third seed of each setup
    with workspace.open() as catalog:
        register.grid(workspace, catalog, sample.grid(catalog.grid("scored").spec.dataset, seeds=3))
        sample.complete_all(workspace, catalog)
    assert not any(s.reused for s in gather(workspace, without=ALL_BUT_SKILL).sections)
    assert all(s.reused for s in gather(workspace, without=ALL_BUT_SKILL).sections)
    monkeypatch.setattr(report.provenance, "code", lambda: report.provenance.Code("another", None))
    assert not any(s.reused for s in gather(workspace, without=ALL_BUT_SKILL).sections)


def test_test_is_read_only_when_asked_and_counted(workspace):
    found = gather(workspace, without=ALL_BUT_SKILL)
    assert reads(workspace) == 0
    assert not [s for s in found.sections if "split=test" in s.about["options"]]
    assert "towers" in {m.name for m in found.missing}
    found = gather(workspace, without=ALL_BUT_SKILL, test=True)
    sides = [s.about["options"] for s in found.sections if s.name == "skill"]
    assert len(sides) == 2
    assert "split=test" in sides[1]
    assert reads(workspace) >= 1
    before = reads(workspace)
    gather(workspace, without=ALL_BUT_SKILL, test=True)  # from the catalog, and counted all the same
    assert reads(workspace) > before


def test_what_cannot_be_computed_is_said(workspace):
    why = {m.name: m.why for m in gather(workspace).missing}
    assert why["partition"].startswith("1 of 4 setups have no completed run: CLIM;")
    assert "needs a map" in why["mapcompare"]
    assert "has no file 'monthly'" in why["budget"], "asked of one setup, not refused for three"
    assert why["shap"] == "left out on request"


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"grid": None}, "name one: --grid GRID or --ensemble ENSEMBLE"),
        ({"ensemble": "x"}, "name one: --grid GRID or --ensemble ENSEMBLE"),
        ({"grid": "nothing"}, "nothing"),
        ({"grid": None, "ensemble": "x'y"}, 'no ensemble "x\'y"'),
        ({"without": ("magic",)}, "no analysis 'magic'"),
    ],
)
def test_what_is_refused(workspace, asked, message):
    with pytest.raises(LandlabError, match=message):
        gather(workspace, **asked)


def test_the_verb(workspace, tmp_path):
    page = tmp_path / "page.html"
    leave = [word for name in ALL_BUT_SKILL for word in ("--without", name)]
    asked = ["report", "--grid", "scored", "--out", str(page), *leave, "-w", str(workspace.root)]
    done = CliRunner().invoke(cli.app, asked)
    assert done.exit_code == 0, done.output
    assert "page.html: " in done.output
    assert page.read_text().startswith("<!doctype html>")
    for bad, message in (
        (["--out", str(tmp_path / "page.pdf")], "give it the ending .html"),
        (["--out", str(tmp_path / "no" / "page.html")], "there is no directory"),
    ):
        done = CliRunner().invoke(cli.app, ["report", "--grid", "scored", *bad, "-w", str(workspace.root)])
        assert isinstance(done.exception, LandlabError)
        assert message in str(done.exception)
    assert report.file_name("a/b <c>") == "report-a_b_c_.html"
