"""Analyses of other packages: one is installed and shown everywhere, and each way to be wrong is one line."""

import json
import sys
import textwrap

import pytest
from typer.testing import CliRunner

from landlab_mgr import analysis, cli
from landlab_mgr.analysis import report
from landlab_mgr.errors import LandlabError
from landlab_mgr.workspace.workspace import Workspace

from . import sample

COUNT = """
from landlab_mgr.analysis import Analysis, Needs, Options
from landlab_mgr.analysis.figures import style

def figure(ds):
    from matplotlib.figure import Figure
    fig = Figure()
    fig.add_subplot().barh(list(ds["setup"].values), ds["runs"].values)
    style.headline(fig, "Runs", ds.attrs)
    return fig

def compute(ds, options):
    return ds["seed"].groupby(ds["setup"]).count().to_dataset(name="runs")

ANALYSIS = Analysis(
    "count", "how many runs a setup has", Options, lambda options: Needs(dataset="never"), compute,
    lambda ds: ds["runs"].to_dataframe().reset_index(), figure,
)
"""


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A directory of installed packages."""
    directory = tmp_path / "site"
    directory.mkdir()
    monkeypatch.syspath_prepend(directory)
    monkeypatch.delitem(sys.modules, "stranger", raising=False)
    analysis.registry.cache_clear()
    yield directory
    analysis.registry.cache_clear()


def install(site, entry, code, name="foreign"):
    info = site / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[landlab_mgr.analyses]\n{entry}\n")
    (site / "stranger.py").write_text(textwrap.dedent(code))


def test_it_is_listed_run_drawn_and_reported(site, planet, tmp_path):
    install(site, "count = stranger:ANALYSIS", COUNT)
    workspace = sample.make(tmp_path / "ws", planet)
    listed = json.loads(CliRunner().invoke(cli.app, ["analyse", "--json"]).stdout)
    assert "how many runs a setup has" in [row["what it answers"] for row in listed]
    figure = tmp_path / "count.png"
    arguments = ["analyse", "count", "-w", str(workspace.root), "--figure", str(figure), "--json"]
    done = CliRunner().invoke(cli.app, arguments)
    assert done.exit_code == 0, done.output
    assert {(row["setup"], row["runs"]) for row in json.loads(done.stdout)["table"]} == {
        ("CONTROL", 2),
        ("PFT", 2),
        ("PFT+CLIM", 2),
    }
    assert figure.stat().st_size > 0
    with workspace.open() as catalog:
        [record] = catalog.analyses("count")
        assert record.environment["versions"]["foreign"] == "1.0"
        others = [name for name in analysis.registry() if name != "count"]
        page = report.gather(workspace, catalog, "scored", without=others)
    assert [(section.name, section.reused) for section in page.sections] == [("count", False)]


def test_a_catalogued_result_names_the_missing_package(site, planet, tmp_path):
    install(site, "count = stranger:ANALYSIS", COUNT)
    workspace = sample.make(tmp_path / "ws", planet)
    with workspace.open() as catalog:
        record = analysis.run(workspace, catalog, "count").record
        (site / "foreign-1.0.dist-info" / "entry_points.txt").unlink()
        analysis.registry.cache_clear()
        with pytest.raises(LandlabError, match="no analysis 'count'; there are: "):
            analysis.recorded(workspace, catalog, record)


@pytest.mark.parametrize(
    ("entry", "code", "message"),
    [
        (
            "skill = stranger:ANALYSIS",
            COUNT,
            "package foreign offers an analysis 'skill', which is landlab's own name: rename its entry point",
        ),
        (
            "mine = stranger:ANALYSIS",
            "raise RuntimeError('no\\nlicence')",
            "package foreign, which offers the analysis 'mine', does not import (RuntimeError: no licence): repair",
        ),
        ("mine = stranger:absent", COUNT, "does not import (AttributeError: "),
        (
            "mine = stranger:ANALYSIS",
            "ANALYSIS = 3",
            "which is an int: it must be a landlab_mgr.analysis.contract.",
        ),
        (
            "mine = stranger:ANALYSIS",
            COUNT,
            "package foreign offers an analysis named 'count' as 'mine': give",
        ),
    ],
)
def test_a_wrong_package_is_one_line(site, tmp_path, entry, code, message):
    install(site, entry, code)
    with pytest.raises(LandlabError) as error:
        analysis.registry()
    assert message in str(error.value)
    assert "\n" not in str(error.value)
    done = CliRunner().invoke(cli.app, ["analyse", "skill", "-w", str(Workspace.at(tmp_path / "ws").root)])
    assert message in str(done.exception)


def test_two_packages_cannot_share_a_name(site):
    for name in ("one", "two"):
        install(site, "mine = stranger:ANALYSIS", COUNT, name)
    with pytest.raises(LandlabError, match="packages one and two offer an analysis 'mine' each"):
        analysis.registry()
