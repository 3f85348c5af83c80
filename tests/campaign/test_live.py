"""What a driver shows while it trains: runs told apart, and the time left on any terminal."""

import io
from types import SimpleNamespace

import pytest
from rich.console import Console

from landlab_mgr.campaign import live
from landlab_mgr.catalog import Claim, EpochRecord
from landlab_mgr.spec.run import RunSpec, Seeds

LONG = "PFT+CLIM+AGE+SOIL+SEASON, water_stress acm_nn_et_terms, epochs 199"


def claims(count):
    for seed in range(count):
        spec = RunSpec(dataset="0123456789abcdef", predictors=("PFT",), seeds=Seeds(init=seed))
        yield Claim(spec.run_id, f"token {seed}", 1, 1, "", spec, None, 0)


@pytest.mark.parametrize(("width", "height"), [(80, 24), (140, 12)])
def test_a_terminal_shows_what_differs_and_the_time_left(width, height, monkeypatch):
    terminal = Console(file=io.StringIO(), force_terminal=True, width=width, height=height, color_system=None)
    monkeypatch.setattr(live, "console", terminal)
    clock = [100.0]
    monkeypatch.setattr(live.time, "monotonic", lambda: clock[0])
    running = list(claims(30))
    report = live.LiveReport(600, 60_000, setups={c.run_id: LONG for c in running})
    for claim in running:
        report.claimed(claim)
        report.progress(claim, SimpleNamespace(epochs=[EpochRecord(50, 12345.6, 23456.7, {}, 0.5)]))
        clock[0] += 10
    terminal.print(report._drawn())
    lines = terminal.file.getvalue().splitlines()
    assert len(lines) <= height
    assert "left; 5 min 00 s so far" in " ".join(lines[-2:]).replace("  ", " ")
    first = next(line for line in lines if line.startswith(running[0].run_id[:8]))
    assert "epochs 199 " in first
    assert first.split()[-3:] == ["50/199", "12345.600", "23456.700"] or "━" in first


def test_lines_name_the_setup_too(capsys):
    [claim] = claims(1)
    report = live.LiveReport(1, 100, setups={claim.run_id: LONG})
    report.claimed(claim)
    assert capsys.readouterr().out == f"{claim.run_id[:8]} {LONG} seed 0: started\n"
