"""The paper by one command: every item that the data can give, and why others are not."""

import dataclasses
import shutil

import pandas as pd
import pytest

from landlab_mgr.analysis import reproduce
from landlab_mgr.errors import LandlabError
from landlab_mgr.models import registry
from landlab_mgr.models.paper import FULLEST, Item, Number
from landlab_mgr.workspace.workspace import Workspace

from ..cli.command import refused

PAPER = registry.tables("dalec").paper


def test_every_item_asks_an_analysis_for_options_that_it_has():
    from landlab_mgr import analysis

    for item in PAPER.items:
        one = analysis.find(item.analysis)
        analysis.options_of(one, item.options)
        assert not item.variables or "variables" in one.options.model_fields


def test_the_paper_s_own_numbers():
    printed = {n.name: n.published for item in PAPER.items for n in item.numbers if n.published}
    assert printed["R2 of LAI"] == "0.90"
    assert printed["NBE of all land, PgC yr-1"] == "-2.50 ± 0.59"
    assert printed["r of site means, GPP, held out sites"] == "0.85"
    assert printed["variance that three components explain, %"] == "83.3"


def test_numbers_are_cells_of_tables():
    frame = pd.DataFrame(
        {"predictors": ["PFT", "PFT+CLIM"], "et": [0.4, 0.5], "sd of et": [0.1, 0.2], "PC1": [0.5, 0.25]}
    )
    number = Number("R2 of ET", ("et_gleam", "et"), {"predictors": FULLEST}, "0.66", "sd of {column}")
    row = reproduce._beside(frame, number, ("PFT+CLIM",))
    assert row == ["R2 of ET", "0.500", "0.200", "0.66"]
    assert reproduce._beside(frame, number, ("AGE",))[1:] == [reproduce.NOT_HERE, "", "0.66"]
    total = Number("all", ("et", "PC1"), {"predictors": ("SOIL", "PFT")}, total=True, scale=100)
    assert reproduce._beside(frame, total, ())[1:] == ["90.000", "", reproduce.NOT_GIVEN]


@pytest.mark.slow
def test_a_page_of_what_the_data_can_give(gridded, tmp_path, monkeypatch):
    root = shutil.copytree(gridded.root, tmp_path / "ws")
    workspace = Workspace.at(root, str(root / "landlab.db"))
    kept = ("split_map", "skill", "budget", "partition")
    items = [item for item in PAPER.items if item.analysis in kept]
    items += [
        Item("Figure 9", "what is not observed", "skill", variables=("height",)),
        Item("Figure 10", "of one that is not there", "parameters", {"parameters": "cue"}, groups="AGE+SOIL"),
        Item("Figure 11", "a fault", "mapcompare", {"no": "such"}),
    ]
    short = dataclasses.replace(PAPER, items=tuple(items))
    monkeypatch.setattr(reproduce, "_paper", lambda models: (models[0], short))
    told = []
    with workspace.open() as catalog:
        before = catalog.test_reads()
        found = reproduce.gather(workspace, catalog, "gridded", tell=told.append)
        assert catalog.test_reads() > before, "it looks at test, which is counted"
        two = dataclasses.replace(PAPER, items=tuple(items[:2]))
        monkeypatch.setattr(reproduce, "_paper", lambda models: (models[0], two))
        again = reproduce.gather(workspace, catalog, "gridded")
        assert [s.reused for s in again.sections] == [True, True], "what is stored is taken up again"
    assert told[0].startswith(f"1 of {len(items)}: Figure S3: training, dev and test patches")
    assert len(found.sections) + len(found.missing) == len(items)
    why = {m.name: m.why for m in found.missing}
    assert why["Figure 9: what is not observed"].startswith("none of height is in the dataset")
    assert why["Figure 11: a fault"].startswith("analysis mapcompare has no option 'no'")
    assert not any(m.broken for m in found.missing)
    by_title = {s.title: s for s in found.sections}
    instead = by_title["Figure 10: of one that is not there"]
    assert instead.notes[0] == "no run of AGE+SOIL, of which the paper's is: of PFT+CLIM instead"
    numbers = reproduce.numbers(found).set_index(["item", "quantity"])
    of_lai = numbers.loc[("Figures S4-S5: R2 at held-out pixels, mean and SD over members", "R2 of LAI")]
    with workspace.open() as catalog:
        scores = catalog.metrics_array("setup.groups = 'PFT+CLIM'", ["test"], "flat")
    r2 = scores.sel(split="test", variable="lai", statistic="R2").values
    assert float(of_lai["here"].replace(",", "")) == pytest.approx(r2.mean(), rel=1e-2)
    assert float(of_lai["sd of members"].replace(",", "")) == pytest.approx(r2.std(ddof=1), rel=1e-2)
    assert of_lai["the paper"] == "0.90"
    sink = numbers.loc[
        ("Figures S7-S8: the land's sink and carbon fluxes, by region", "NBE of all land, PgC yr-1")
    ]
    assert float(sink["here"]) != 0
    page = reproduce.write(found, tmp_path, "paper")
    content = page.read_text()
    assert "-2.50 ± 0.59" in content
    assert content.count("data:image/png") == len(found.sections)
    assert (
        (tmp_path / "paper-numbers.csv").read_text().startswith("item,quantity,here,sd of members,the paper")
    )


def test_what_cannot_be_reproduced(scored, tmp_path):
    assert refused("reproduce", "figure", "--grid", "scored", workspace=scored.root) == (
        "error: nothing to reproduce is called 'figure'; there is: paper"
    )
    assert "name a grid: --grid GRID" in refused("reproduce", "paper", workspace=scored.root)
    (tmp_path / "file").write_text("")
    taken = refused(
        "reproduce", "paper", "--grid", "scored", "--out", str(tmp_path / "file"), workspace=scored.root
    )
    assert "is a file; name a directory" in taken
    with pytest.raises(LandlabError, match="the runs are of hbv, whose tables note no paper"):
        reproduce._paper([registry.tables("hbv")])
