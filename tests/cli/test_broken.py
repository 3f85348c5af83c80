"""Every verb where its surroundings are broken: what cannot be done is one line, never a traceback."""

import json
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from tests.conftest import REPOSITORY

from .broken import ARGUMENTS, ELSEWHERE, call_all, verbs
from .command import grid_file, landlab

READ = (
    *("doctor", "ls", "show", "data ls", "data show", "grid ls", "grid missing", "ensemble ls"),
    *("catalog current", "catalog gc", "delete"),
)
"""Verbs that a workspace answers that may not be written."""


@pytest.fixture(scope="module")
def place(twin_workspace, tmp_path_factory):
    """A directory with a workspace of two trained runs, a grid file, a run's id and a picture that is none."""
    place = tmp_path_factory.mktemp("broken")
    shutil.copytree(twin_workspace, place / "ws")
    grid_file(place / "grid.toml", "twin-6x2x3-s0", seeds=2)
    [first, *_] = json.loads(landlab("ls", "--json", workspace=place / "ws").stdout)
    (place / "run").write_text(first["run_id"])
    (place / "figure.png").write_bytes(b"no picture")
    return place


def judge(answers, works=(), refused=None):
    """One line and exit code 2 for what cannot be done; 1 where a verb says so in its help; no traceback."""
    for verb, (code, out, err) in answers.items():
        assert "Traceback" not in out + err, f"{verb}: {err[-1500:]}"
        assert code in (0, 1, 2), f"{verb}: {code}"
        lines = [line for line in err.splitlines() if line.strip()]
        if code == 2:
            assert len(lines) == 1, f"{verb}: {err}"
            assert lines[0].startswith("error: "), f"{verb}: {err}"
        if code == 1:
            assert verb in ("doctor", "run", "trace", "data check"), f"{verb}: {out}{err}"
        if verb in works:
            assert code < 2, f"{verb}: {err}"
        if refused is not None and verb not in refused:
            assert code == 2, f"{verb} went on: {out}"


def change(root, statement):
    with closing(sqlite3.connect(root / "landlab.db")) as database, database:
        database.execute(statement)


def test_every_verb_is_called():
    assert {*ARGUMENTS, *ELSEWHERE} <= {*verbs()}


@pytest.mark.parametrize("broken", ["missing", "future", "no server"])
def test_every_verb_where_no_catalog_can_be_read(place, tmp_path, broken):
    root, options = tmp_path / "ws", []
    if broken != "missing":
        shutil.copytree(place / "ws", root)
    if broken == "future":
        change(root, "UPDATE landlab_version SET version_num = '9999'")
    if broken == "no server":
        options = ["--db", "postgresql://landlab:secret@127.0.0.1:1/landlab"]
    answers = call_all(root, place, *options)
    judge(answers, refused=("catalog current",) if broken == "future" else ())
    assert not any("secret" in out + err for _, out, err in answers.values())
    assert not (place / "copy").exists()
    assert not (place / "runs.csv").exists()


@pytest.mark.slow
def test_every_verb_where_clocks_went_wrong(place, tmp_path):
    root = shutil.copytree(place / "ws", tmp_path / "ws")
    change(
        root, "UPDATE run SET created = '2199-01-01 00:00:00.000000', updated = '1970-01-01 00:00:00.000000'"
    )
    change(
        root,
        "UPDATE attempt SET started = '2199-01-01 00:00:00.000000', heartbeat = '1970-01-01 00:00:00.000000'",
    )
    for name in ("grid.toml", "run", "figure.png"):
        shutil.copy(place / name, tmp_path)
    judge(call_all(root, tmp_path), READ)


@pytest.mark.slow
@pytest.mark.parametrize("broken", ["read-only", "full"])
def test_every_verb_on_a_disk_that_takes_nothing(place, tmp_path, broken):
    """A real file system, mounted where only the child sees it; copies and exports go there as well."""
    (tmp_path / "disk").mkdir()
    ending = "mount -o remount,ro ." if broken == "read-only" else "cat /dev/zero > ballast 2>/dev/null"
    mounted = (
        f'mount -t tmpfs -o size=60m landlab "$1" && cd "$1" && cp -r "$2"/. . && {{ {ending}; true; }} && '
    )
    mounted += 'cd "$3" && exec "$4" -m tests.cli.broken "$1/ws" "$1"'
    command = ["unshare", "--map-root-user", "--mount", "sh", "-c", mounted, "sh", str(tmp_path / "disk")]
    done = subprocess.run(
        [*command, str(place), str(REPOSITORY), sys.executable], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    judge(json.loads(done.stdout.splitlines()[-1]), READ)
