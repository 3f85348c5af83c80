"""Where a workspace, its catalog and its files are: as named, as remembered, as people type paths."""

import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from landlab_mgr import cli
from landlab_mgr.catalog import Catalog
from landlab_mgr.errors import LandlabError
from landlab_mgr.workspace.workspace import SETTINGS, Workspace
from tests.conftest import REPOSITORY


@pytest.fixture(autouse=True)
def own_environment(monkeypatch):
    for name in ("LANDLAB_DB", "LANDLAB_STORAGE", "LANDLAB_WORKSPACE"):
        monkeypatch.delenv(name, raising=False)


def run(*arguments):
    return CliRunner().invoke(cli.app, [*map(str, arguments)])


def test_the_catalog_that_init_names_is_remembered(tmp_path, monkeypatch):
    ws, elsewhere = tmp_path / "ws", tmp_path / "group.db"
    assert run("init", "-w", ws, "--db", elsewhere).exit_code == 0
    assert Workspace.at(ws).database == str(elsewhere)
    Workspace.at(ws).create().close()
    assert not (ws / "landlab.db").exists()
    monkeypatch.setenv("LANDLAB_DB", str(tmp_path / "env.db"))
    assert Workspace.at(ws).database == str(tmp_path / "env.db")
    assert Workspace.at(ws, str(tmp_path / "named.db")).database == str(tmp_path / "named.db")
    again = run("init", "-w", ws, "--db", tmp_path / "other.db")
    assert isinstance(again.exception, LandlabError)
    assert f"has its catalog at {elsewhere}" in str(again.exception)
    assert run("init", "-w", ws, "--db", elsewhere).exit_code == 0


def test_the_catalog_and_the_storage_are_remembered_together(tmp_path):
    ws = tmp_path / "ws"
    Workspace.at(ws, None, str(tmp_path / "disk")).create(remember=True).close()
    with pytest.raises(LandlabError, match=r"has its catalog at .*ws/landlab.db"):
        Workspace.at(ws, str(tmp_path / "x.db")).create(remember_database=True)
    ws = tmp_path / "both"
    Workspace.at(ws, str(tmp_path / "y.db"), str(tmp_path / "disk")).create(True, True).close()
    assert (Workspace.at(ws).database, Workspace.at(ws).storage) == (
        str(tmp_path / "y.db"), str(tmp_path / "disk")
    )  # fmt: skip


@pytest.mark.parametrize("content", ["", "database = 3", "database = ''", "data = 'x'", "[a]"])
def test_what_settings_may_hold(tmp_path, content):
    (tmp_path / SETTINGS).write_text(content)
    with pytest.raises(LandlabError, match="may hold two lines: storage = "):
        Workspace.at(tmp_path)


def test_no_second_catalog_is_started_in_silence(tmp_path):
    ws = tmp_path / "ws"
    (ws / "data" / "x-12345678.zarr").mkdir(parents=True)
    with pytest.raises(
        LandlabError, match=r"has datasets or runs, but no catalog at .*name theirs with --db"
    ):
        Workspace.at(ws).create()
    assert not (ws / "landlab.db").exists()
    assert run("init", "-w", ws, "--db", ws / "landlab.db").exit_code == 0
    Workspace.at(ws).create().close()


def test_home_directories(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert run("init", "-w", "~/ws", "--db", "~/c.db", "--storage", "~/disk").exit_code == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["c.db", "disk", "ws"]
    monkeypatch.setenv("LANDLAB_WORKSPACE", "~/ws")
    assert Workspace.at() == Workspace(tmp_path / "ws", str(tmp_path / "c.db"), str(tmp_path / "disk"))


VERBS = """
import sys
from typer.testing import CliRunner
from landlab_mgr import cli
from landlab_mgr.catalog import Catalog
for verb in (["ls"], ["init"], ["doctor"]):
    result = CliRunner().invoke(cli.app, [*verb, "-w", sys.argv[1]])
    print(type(result.exception).__name__, result.exception)
"""


def as_another(script, *arguments):
    """Answers of a program without root's rights over files, a line each."""
    dropped = "--bounding-set=-dac_override,-dac_read_search"
    command = [*(["setpriv", dropped] if os.geteuid() == 0 else []), sys.executable, "-c", script]
    done = subprocess.run([*command, *map(str, arguments)], capture_output=True, text=True, cwd=REPOSITORY)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_a_workspace_that_may_not_be_read(tmp_path):
    ws = tmp_path / "ws"
    Workspace.at(ws).create().close()
    ws.chmod(0o000)
    answers = as_another(VERBS, ws)
    ws.chmod(0o755)
    assert (
        answers
        == [f"LandlabError workspace {ws} cannot be read: Permission denied; ask its owner for the right to"]
        * 3
    )


PUBLISH = """
import sys
from landlab_mgr.data import store
try:
    with store._temporary(__import__("pathlib").Path(sys.argv[1]), "x") as place:
        place.mkdir()
except Exception as error:
    print(type(error).__name__, error)
"""


def test_a_data_directory_that_may_not_be_written(tmp_path):
    (data := tmp_path / "data").mkdir()
    data.chmod(0o555)
    [answer] = as_another(PUBLISH, data)
    data.chmod(0o755)
    assert answer.startswith(
        f"LandlabError cannot publish x under {data}: Permission denied: {data}/.x.zarr."
    )
    assert answer.endswith("allow writing there, or name another place")


def test_a_catalog_opens_by_its_workspace_or_directory(tmp_path):
    workspace = Workspace.at(tmp_path / "ws", str(tmp_path / "elsewhere.db"))
    workspace.create().close()
    with Catalog(workspace) as catalog:
        assert catalog.counts()["completed"] == 0
    with pytest.raises(LandlabError, match="no catalog at"):
        Catalog(tmp_path / "ws")
    Workspace.at(tmp_path / "own", str(tmp_path / "own" / "landlab.db")).create().close()
    for where in (tmp_path / "own", str(tmp_path / "own")):
        with Catalog(where, read_only=True) as catalog:
            assert catalog.datasets() == []
