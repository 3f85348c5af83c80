"""What is said of downloads and imports where nobody watches: a line now and then."""

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
