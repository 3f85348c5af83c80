"""A workspace that cannot be written, on a real read-only mount: every verb that reads, and every page of the app."""

import json
import shutil
import sqlite3
import subprocess
import sys

import pytest

from landlab_mgr.catalog import Catalog
from tests.app import sample
from tests.conftest import REPOSITORY

PAGES = ("overview", "runs", "run", "compare", "tuning", "ensembles", "analyses", "maps", "data")

READ_EVERYTHING = """
import json, sys
from pathlib import Path
from typer.testing import CliRunner
from landlab_mgr import cli
root, run, figure, pages = Path(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4].split(",")
out = root.parent / "out"
out.mkdir(exist_ok=True)
verbs = [
    ["ls"], ["ls", "status = 'completed'", "--json"], ["show", run], ["data", "ls"], ["data", "show", "fluxval"],
    ["data", "check", "fluxval"], ["grid", "ls"], ["grid", "missing", "wide"], ["ensemble", "ls"],
    ["catalog", "current"], ["catalog", "export", str(out / "runs.csv")], ["catalog", "gc"], ["doctor"],
]
answers = {}
for verb in verbs:
    result = CliRunner().invoke(cli.app, [*verb, "-w", str(root)])
    answers[" ".join(verb[:2])] = [result.exit_code, str(result.exception or ""), result.output[-200:]]
try:
    (root / "probe").touch()
    answers["probe"] = [1, "the mount can be written", ""]
except OSError:
    pass
from streamlit.testing.v1 import AppTest
from landlab_mgr.storage.resources import resource
app_directory = Path(resource("app"))
sys.path.insert(0, str(app_directory))
for page in pages:
    app = AppTest.from_file(str(app_directory / "Home.py"), default_timeout=60).run()
    app.switch_page(f"views/{page}.py")
    app.run()
    problems = [e.value for e in (*app.exception, *app.error)]
    answers[page] = [len(problems), "; ".join(problems), ""]
print("\\n" + json.dumps(answers))
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return sample.make(tmp_path_factory.mktemp("made"))


@pytest.mark.slow
def test_every_reading_verb_and_page_on_a_read_only_mount(made, tmp_path):
    root = shutil.copytree(made.workspace.root, tmp_path / "ws")
    with Catalog(root / "landlab.db", read_only=True) as catalog:
        grid, run = catalog.grids()[0].name, catalog.runs()["run_id"][0]
    assert [p.name for p in root.glob("landlab.db*")] == ["landlab.db"]
    script = READ_EVERYTHING.replace('"wide"', repr(grid))
    mounted = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && exec "$2" -c "$3" "$1" "$4" "" "$5"'
    command = ["unshare", "--map-root-user", "--mount", "sh", "-c", mounted, "sh"]
    command += [str(root), sys.executable, script, run, ",".join(PAGES)]
    environment = {
        "PATH": "/usr/bin:/bin:/usr/sbin:/sbin",
        "LANDLAB_WORKSPACE": str(root),
        "HOME": str(tmp_path),
    }
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=REPOSITORY, env=environment, timeout=500
    )
    if "mount" in done.stderr and not done.stdout:
        pytest.skip(f"no mount here: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout.splitlines()[-1])
    no_maps = "has no file 'parameters'; choose runs that have one"  # as where it can be written
    assert {name: x for name, x in answers.items() if (x[0] or x[1]) and not x[1].endswith(no_maps)} == {}
    assert len(answers) == 13 + len(PAGES)
    assert [p.name for p in root.glob("landlab.db*")] == ["landlab.db"]


READ = """
import sys
from landlab_mgr.catalog import Catalog
from landlab_mgr.errors import LandlabError
try:
    with Catalog(sys.argv[1], read_only=True) as catalog:
        print(len(catalog.runs()))
except LandlabError as error:
    print(error)
"""


@pytest.mark.parametrize("index", [True, False], ids=["with -shm", "without -shm"])
def test_changes_that_only_a_writer_can_see_are_not_passed_over(made, tmp_path, index):
    """A colleague's view of a workspace whose owner was killed while writing."""
    (root := tmp_path / "ws").mkdir()
    source = shutil.copyfile(made.workspace.root / "landlab.db", tmp_path / "owner.db")
    owner = sqlite3.connect(source)
    owner.execute("PRAGMA wal_autocheckpoint = 0")
    owner.execute("UPDATE run SET state = 'pending'")
    owner.commit()
    for suffix in ("", "-wal", *["-shm"] * index):
        shutil.copyfile(f"{source}{suffix}", root / f"landlab.db{suffix}")
    owner.close()
    root.chmod(0o555)
    command = ["setpriv", "--bounding-set=-dac_override", sys.executable, "-c", READ, root / "landlab.db"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=REPOSITORY)
    root.chmod(0o755)
    with Catalog(root / "landlab.db") as catalog:
        runs = len(catalog.runs())
    says = f"catalog {root}/landlab.db: has changes pending in its -wal file, which only who can write here can read"
    answer = done.stdout.strip()
    assert answer == str(runs) if index and answer.isdigit() else answer.startswith(says)


def test_a_reader_sees_what_is_written_after_it_opened(made, tmp_path):
    path = shutil.copyfile(made.workspace.root / "landlab.db", tmp_path / "landlab.db")
    tmp_path.chmod(0o555)
    reader = subprocess.Popen(
        ["setpriv", "--bounding-set=-dac_override", sys.executable, "-c", WATCH, path],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY,
    )  # fmt: skip
    seen = [reader.stdout.readline().split()]
    with Catalog(path) as catalog:
        catalog.cancel(list(catalog.runs("status = 'pending'")["run_id"]))
        expected = catalog.counts()["cancelled"]
        reader.stdin.write("again\n")
        reader.stdin.flush()
        seen.append(reader.stdout.readline().split())
    reader.communicate("again\n", timeout=60)
    tmp_path.chmod(0o755)
    assert seen[1] == [str(expected)] != seen[0]


WATCH = """
import sys
from landlab_mgr.catalog import Catalog
with Catalog(sys.argv[1], read_only=True) as catalog:
    print(catalog.counts()["cancelled"], flush=True)
    sys.stdin.readline()
    print(catalog.counts()["cancelled"], flush=True)
"""


def test_what_cannot_be_read_at_all(tmp_path):
    path = tmp_path / "landlab.db"
    Catalog.create(path).close()
    path.chmod(0o000)
    command = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", sys.executable, "-c", READ, path]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=REPOSITORY)
    assert "allow reading the file and its directory" in done.stdout
    assert done.stdout.count("\n") == 1
