"""Downloads against a real server on this machine that drops, refuses, lies and dies."""

import fcntl
import io
import signal
import socket
import subprocess
import sys
import time
import zipfile
from types import SimpleNamespace

import numpy as np
import pytest

from landlab_mgr.data.sources import fetch
from landlab_mgr.errors import LandlabError

from .zenodo import RECORD, Zenodo

LARGE = np.random.default_rng(0).bytes(3_000_000)
FILES = {
    "driver.nc": LARGE,
    "co2 & more.csv": b"year,month,average\n",
    "empty.txt": b"",
    "other.pdf": b"%PDF",
}
WANTED = ("driver.nc", "co2 & more.csv", "empty.txt")


@pytest.fixture
def zenodo():
    # the server knows files by their quoted names
    with Zenodo(dict(FILES)).running() as server:
        server.files["co2%20%26%20more.csv"] = server.files["co2 & more.csv"]
        yield server


def bring(server, to, names=WANTED, **options):
    return fetch.fetch(RECORD, names, to, server.url, **({"pause": 0.01} | options))


def complete(to, names=WANTED):
    assert {p.name for p in to.iterdir() if not p.name.startswith(".")} == {*names, fetch.RECORD_FILE}
    return all((to / name).read_bytes() == FILES[name] for name in names)


def times(server, name):
    return sum(path.endswith(f"/{name}/content") for path, *_ in server.requests)


def test_files_come_whole_with_the_record(zenodo, tmp_path):
    told = []
    to = tmp_path / "new" / "folder"
    found = bring(zenodo, to, report=lambda *news: told.append(news))
    assert [p.name for p in found] == list(WANTED)
    assert complete(to)
    assert b"cc-by-4.0" in (to / fetch.RECORD_FILE).read_bytes()
    assert ("driver.nc", "fetching", 3_000_000, 3_000_000) in told
    assert ("driver.nc", "checking", 3_000_000, 3_000_000) in told


def test_again_fetches_nothing(zenodo, tmp_path):
    bring(zenodo, tmp_path)
    served = zenodo.served
    bring(zenodo, tmp_path)
    assert zenodo.served == served


def test_a_file_that_was_altered_comes_again(zenodo, tmp_path):
    bring(zenodo, tmp_path)
    (tmp_path / "driver.nc").write_bytes(LARGE[:-1] + b"x")
    bring(zenodo, tmp_path)
    assert complete(tmp_path)


@pytest.mark.parametrize("entries", [False, True])
def test_connections_that_drop_are_resumed(zenodo, tmp_path, entries):
    zenodo.entries = entries
    zenodo.faults = [("drop", 1_000_000), ("drop", 0), ("drop", 500_000), ("status", 503), ("drop", 7)]
    bring(zenodo, tmp_path)
    assert complete(tmp_path)
    ranges = [asked for path, asked, _ in zenodo.requests if path.endswith("driver.nc/content")]
    assert ranges[0] is None
    assert ranges[-1].startswith("bytes=14")
    assert zenodo.served < len(LARGE) + 2 * fetch._CHUNK + 1000  # what was written does not come twice


def test_progress_makes_up_for_failures(zenodo, tmp_path):
    zenodo.faults = [("drop", 100_000)] * 12
    bring(zenodo, tmp_path, retries=1)
    assert complete(tmp_path)


def test_a_host_that_ignores_ranges_sends_everything_again(zenodo, tmp_path):
    zenodo.faults = [("drop", 1_000_000), "no range"]
    bring(zenodo, tmp_path)
    assert complete(tmp_path)
    zenodo.faults = [("drop", 1_000_000), "wrong range"]
    bring(zenodo, tmp_path / "b")
    assert complete(tmp_path / "b")


def test_what_was_left_by_an_earlier_try_goes_on(zenodo, tmp_path):
    (tmp_path / "driver.nc.part").write_bytes(LARGE[:2_999_000])
    bring(zenodo, tmp_path)
    assert complete(tmp_path)
    assert zenodo.served < 2000


@pytest.mark.parametrize("left", [LARGE[:-5] + b"wrong", LARGE + b"more", b"x" * 1000])
def test_what_was_left_may_be_wrong(zenodo, tmp_path, left):
    (tmp_path / "driver.nc.part").write_bytes(left)
    bring(zenodo, tmp_path)
    assert complete(tmp_path)


def test_a_wrong_checksum_is_tried_twice_and_leaves_nothing(zenodo, tmp_path):
    zenodo.checksums["driver.nc"] = "0" * 32
    with pytest.raises(
        LandlabError, match=r"driver.nc came with MD5 \w{32}, the record says 0{32}, twice"
    ) as error:
        bring(zenodo, tmp_path)
    assert "\n" not in str(error.value)
    assert times(zenodo, "driver.nc") == 2
    assert not list(tmp_path.glob("driver.nc*"))


def test_a_record_that_is_not_there(zenodo, tmp_path):
    zenodo.record_status = 404
    with pytest.raises(LandlabError, match=rf"/api/records/{RECORD} answers 404 Not Found; check the record"):
        bring(zenodo, tmp_path)
    assert not (tmp_path / fetch.RECORD_FILE).exists()


def test_a_file_that_is_not_there(zenodo, tmp_path):
    with pytest.raises(LandlabError, match=r"has no absent.nc; it has driver.nc, "):
        bring(zenodo, tmp_path, ["absent.nc"])
    zenodo.faults = [("status", 410)]
    with pytest.raises(LandlabError, match=r"driver.nc/content answers 410"):
        bring(zenodo, tmp_path)


def test_a_host_that_is_down_for_too_long(zenodo, tmp_path):
    zenodo.faults = [("drop", 100_000), *[("status", 500)] * 10]
    with pytest.raises(
        LandlabError, match="answers 500 Internal Server Error; 65536 bytes are kept, the same command"
    ):
        bring(zenodo, tmp_path, retries=3)
    assert times(zenodo, "driver.nc") == 1 + 3
    zenodo.faults = []
    bring(zenodo, tmp_path)
    assert complete(tmp_path)


def test_a_host_that_asks_for_patience(zenodo, tmp_path):
    zenodo.faults = [("status", 429, ("Retry-After", "1"))]
    started = time.monotonic()
    bring(zenodo, tmp_path)
    assert time.monotonic() - started >= 1


def test_no_host(tmp_path):
    with socket.socket() as free:
        free.bind(("localhost", 0))
        url = f"http://localhost:{free.getsockname()[1]}"
    with pytest.raises(
        LandlabError, match=r"cannot fetch http://localhost:\d+/.*refused; check the network, or --url"
    ):
        fetch.fetch(RECORD, WANTED, tmp_path, url, retries=1, pause=0.01)
    with pytest.raises(LandlabError, match="is no http"):
        fetch.fetch(RECORD, WANTED, tmp_path, "ftp://localhost")


def test_something_that_is_not_zenodo(zenodo, tmp_path, monkeypatch):
    for answer in (
        [],
        {"files": [{"key": "a"}]},
        {"files": [{"key": "a", "size": 1, "checksum": "sha1:00"}]},
    ):
        monkeypatch.setattr(zenodo, "record", lambda answer=answer: answer)
        with pytest.raises(LandlabError, match=r"no record|not Zenodo's|md5:... is needed"):
            bring(zenodo, tmp_path, ["a"])
    zenodo.files["../evil"] = b"x"
    monkeypatch.undo()
    with pytest.raises(LandlabError, match=r"'../evil' is no plain file name"):
        bring(zenodo, tmp_path)


def test_a_record_without_json(zenodo, tmp_path, monkeypatch):
    monkeypatch.setattr("tests.data.sources.zenodo.json.dumps", lambda _: "<html>busy</html>")
    with pytest.raises(LandlabError, match="answered with no JSON"):
        bring(zenodo, tmp_path)


def archive(content):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as out:
        for name, data in content.items():
            out.writestr(name, data)
    return packed.getvalue()


def test_files_in_an_archive_are_taken_out(zenodo, tmp_path):
    zenodo.files = {
        "data.zip": archive({"global/driver.nc": LARGE, "global/": b"", "x/empty.txt": b"", "../evil": b"x"}),
        "co2%20%26%20more.csv": FILES["co2 & more.csv"],
        "co2 & more.csv": FILES["co2 & more.csv"],
    }
    bring(zenodo, tmp_path)
    served = zenodo.served
    bring(zenodo, tmp_path)
    assert zenodo.served == served
    (tmp_path / "data.zip").unlink()
    assert complete(tmp_path)
    with pytest.raises(LandlabError, match=r"data.zip hold no absent.nc"):
        bring(zenodo, tmp_path, ["absent.nc"])
    zenodo.files["data.zip"] = b"no archive"
    with pytest.raises(LandlabError, match=r"data.zip cannot be unpacked"):
        bring(zenodo, tmp_path, ["driver.nc"])


def test_no_room(zenodo, tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=10**6))
    with pytest.raises(LandlabError, match=r"has room for 0.0 GB, 0.0 GB are to come"):
        bring(zenodo, tmp_path)
    assert zenodo.served == 0


def test_two_at_once(zenodo, tmp_path):
    with (tmp_path / ".fetch.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        with pytest.raises(LandlabError, match="another `landlab data fetch` is writing to"):
            bring(zenodo, tmp_path)


def test_a_directory_that_cannot_be(zenodo, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(LandlabError, match="cannot write to"):
        bring(zenodo, tmp_path / "file")


SLOW = """
import sys, time
from landlab_mgr.data.sources import fetch
fetch._CHUNK = 10_000
fetch.fetch(sys.argv[1], ["driver.nc"], sys.argv[2], sys.argv[3], report=lambda *_: time.sleep(0.002))
"""


def test_killed_anywhere_it_goes_on(zenodo, tmp_path):
    """SIGKILL: what has a final name is whole, and in the end not much came twice."""
    rng = np.random.default_rng(3)
    for _ in range(3):
        process = subprocess.Popen([sys.executable, "-c", SLOW, RECORD, str(tmp_path), zenodo.url])
        part = tmp_path / "driver.nc.part"
        size, deadline = int(rng.integers(1, 900_000)), time.monotonic() + 60
        before = part.stat().st_size if part.exists() else 0
        while time.monotonic() < deadline and not (part.exists() and part.stat().st_size >= before + size):
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert not (tmp_path / "driver.nc").exists()
        assert part.stat().st_size > before
    kept = part.stat().st_size
    served = zenodo.served
    bring(zenodo, tmp_path, ["driver.nc"])
    assert (tmp_path / "driver.nc").read_bytes() == LARGE
    assert zenodo.served - served == len(LARGE) - kept
