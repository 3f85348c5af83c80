"""What is said of downloads and imports where nobody watches: a line now and then."""

import io

from rich.console import Console

from landlab_mgr.cli import progress


def test_bytes_are_told_once_a_file_and_then_now_and_then(capsys, monkeypatch):
    clock = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: clock[0])
    with progress.Bytes() as bytes_:
        for done in (0, 1_000_000, 2_000_000):
            bytes_("driver.nc", "fetching", done, 4_000_000)
        clock[0] += 11
        bytes_("driver.nc", "fetching", 3_000_000, 4_000_000)
        bytes_("driver.nc", "checking", 0, 4_000_000)
    assert capsys.readouterr().out.splitlines() == [
        "fetching driver.nc: 0 B of 4.0 MB",
        "fetching driver.nc: 3.0 MB of 4.0 MB",
        "checking driver.nc: 0 B of 4.0 MB",
    ]


def test_steps_tell_what_is_left(capsys, monkeypatch):
    clock = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: clock[0])
    with progress.Steps() as steps:
        steps("reading", "T_min", 1, 5)
        clock[0] += 20
        steps("reading", "T_max", 2, 5)
        clock[0] += 1
        steps("reading", "VPD", 3, 5)
    assert capsys.readouterr().out.splitlines() == ["reading T_max (2 of 5), about 1 min 20 s left"]


def test_without_a_terminal_each_thing_that_is_done_is_a_line(capsys):
    with progress.doing("drawing it") as tell:
        tell("writing it")
    assert capsys.readouterr().out.splitlines() == ["  drawing it", "  writing it"]


def test_on_a_terminal_one_line_says_what_is_done_and_for_how_long(monkeypatch):
    terminal = Console(file=io.StringIO(), force_terminal=True, width=80, no_color=True, color_system=None)
    monkeypatch.setattr(progress, "console", terminal)
    with progress.doing("drawing it") as tell:
        tell("writing it")
    shown = terminal.file.getvalue()
    assert "writing it 0:00:00" in shown
    assert "\n  " not in shown
