"""What is shown of names from data: nothing that a terminal, rich or a spreadsheet obeys."""

import io
import json

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from landlab_mgr import cli
from landlab_mgr.catalog import DatasetRecord
from landlab_mgr.errors import LandlabError
from landlab_mgr.workspace import display
from landlab_mgr.workspace.display import PlainConsole
from landlab_mgr.workspace.workspace import Workspace

EVIL = "x\x1b[2J\x1b]0;owned\x07[/]\u202e[bold]\r"


@pytest.fixture
def shown(monkeypatch):
    screen = PlainConsole(
        file=io.StringIO(), force_terminal=True, width=200, highlight=False, color_system=None
    )
    monkeypatch.setattr(display, "console", screen)
    return lambda: screen.file.getvalue()


def test_a_table_shows_names_as_they_are(shown):
    display.show(pd.DataFrame({"name": [EVIL, "[red]y"], EVIL: [1, 2]}), EVIL)
    assert "[red]y" in shown()
    assert "x\\x1b[2J\\x1b]0;owned\\x07[/]\\u202e[bold]\\r" in shown()
    assert not {"\x07", "\u202e"} & set(shown())
    assert "\x1b[2J" not in shown()


def test_a_line_shows_names_as_they_are(shown):
    display.console.print(f"dataset {EVIL}\nnext", soft_wrap=True)
    display.bullet([EVIL])
    assert shown().startswith("dataset x\\x1b[2J")
    assert shown().splitlines()[1] == "next"
    assert not {"\x07", "\u202e", "\x1b", "\r"} & set(shown())


def test_a_list_of_datasets_of_strangers(tmp_path):
    ws = Workspace.at(tmp_path / "ws", str(tmp_path / "ws" / "landlab.db"))
    licence = "CC-BY-4.0 \x1b[2J\n" + "of many lines\n" * 20
    with ws.create() as catalog:
        catalog.register_dataset(DatasetRecord("f" * 16, EVIL, "data/x", "real", 1, 1, 1, "s", licence))
    for options, lines in (([], 0), (["--json"], 20)):
        listed = CliRunner().invoke(
            cli.app, ["data", "ls", "-w", str(ws.root), "--db", ws.database, *options]
        )
        assert listed.exit_code == 0
        assert not {"\x1b", "\x07", "\r"} & set(listed.output)
        assert "CC-BY-4.0" in listed.output
        assert listed.output.count("of many lines") == lines
    refused = CliRunner().invoke(cli.app, ["data", "show", EVIL, "-w", str(ws.root), "--db", ws.database])
    assert isinstance(refused.exception, LandlabError)


def test_cells_of_csv_are_no_formulas():
    frame = pd.DataFrame(
        {
            "text": ["=1+1", "+x", "-x", "@x", "\tx", "\rx", "-1.5", "+2", "a=1", None],
            "number": np.arange(10) - 5.0,
            "=column": pd.Categorical(["-x"] * 10),
        }
    )
    read = pd.read_csv(io.StringIO(display.csv(frame)), dtype=str, keep_default_na=False)
    assert list(read) == ["text", "number", "'=column"]
    assert read["text"].tolist() == ["'=1+1", "'+x", "'-x", "'@x", r"\tx", r"\rx", "-1.5", "+2", "a=1", ""]
    assert read["number"].tolist() == frame["number"].astype(str).tolist()
    assert set(read["'=column"]) == {"'-x"}


def wide(columns=30):
    numbers = {f"variable_{k}": [k + 0.123, -k - 0.456] for k in range(columns)}
    return pd.DataFrame({"setup": ["PFT+CLIM", "CONTROL"], **numbers})


@pytest.mark.parametrize("width", [80, 160])
def test_a_wide_table_is_printed_in_parts_and_nothing_is_cut(monkeypatch, capsys, width):
    monkeypatch.setattr(display, "console", display.PlainConsole(width=width, highlight=False))
    display.show(wide())
    out = capsys.readouterr().out
    assert "…" not in out
    assert max(map(len, out.splitlines())) <= width
    for k in range(30):
        assert f"variable_{k} " in out.replace("\n", " \n")
        assert f"{k + 0.123:.3f}" in out
    assert out.count("PFT+CLIM") == out.count("setup") > 1


def test_a_brief_table_says_what_it_leaves_out(monkeypatch, capsys):
    monkeypatch.setattr(display, "console", display.PlainConsole(width=80, highlight=False))
    display.show(wide(), brief=True)
    out = capsys.readouterr().out
    assert out.count("PFT+CLIM") == 1
    shown = out.count("variable_")
    assert f"and {30 - shown} columns more" in out
    display.show(wide(2), brief=True)
    assert "columns more" not in capsys.readouterr().out


@pytest.mark.parametrize("nested", [False, True])
def test_rows_are_json_as_the_standard_library_writes_it(capsys, nested):
    frame = pd.DataFrame(
        {
            "text": ['a\n"é', None],
            "float": [np.nan, 0.1],
            "single": np.array([np.inf, 0.5], np.float32),
            "whole": [1, 2],
            "flag": [True, False],
            "time": pd.to_datetime(["2026-01-31 12:00", None], utc=True),
            "mixed": pd.Series([np.int64(3), float("nan")], dtype=object),
        }
    )
    if nested:
        frame["list"] = [[1, {"a": None}], []]
    rows = [
        ['a\n"é', None, None, 1, True, "2026-01-31T12:00:00+00:00", 3],
        [None, 0.1, 0.5, 2, False, None, None],
    ]
    if nested:
        rows = [[*rows[0], [1, {"a": None}]], [*rows[1], []]]
    expected = json.dumps([dict(zip(frame.columns, row, strict=True)) for row in rows], indent=1)
    display.print_rows([frame[:1], frame[:0], frame[1:]])
    display.show(frame, as_json=True)
    display.print_rows([frame[:0]])
    assert capsys.readouterr().out == f"{expected}\n{expected}\n[]\n"
