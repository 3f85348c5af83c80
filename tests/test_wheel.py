"""The wheel: what it holds, and that it works in a new environment, far from any checkout."""

import json
import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).resolve().parents[1]
WHERE = """
import json, landlab_mgr
from landlab_mgr.storage.resources import NAMES, resource
print(json.dumps([landlab_mgr.__file__, *(str(resource(name)) for name in NAMES)]))
"""


def uv(*arguments):
    program = os.environ.get("UV") or shutil.which("uv")
    assert program, "uv is not on the PATH: `pip install uv`, or name it in the environment variable UV"
    done = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    directory = tmp_path_factory.mktemp("dist")
    uv("build", "--wheel", "--out-dir", directory, REPOSITORY)
    [path] = directory.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """A function that runs a program of a new environment: nothing but the wheel and what it asks for."""
    root = tmp_path_factory.mktemp("installed")
    pinned = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["tool"]["uv"][
        "constraint-dependencies"
    ]
    constraints = root / "constraints.txt"
    constraints.write_text("\n".join(pinned))
    environment = root / "environment"
    uv("venv", "--python", sys.executable, environment)
    uv("pip", "install", "--python", environment, "--constraint", constraints, wheel)
    programs = environment / "bin"
    paths = f"{programs}{os.pathsep}/usr/bin{os.pathsep}/bin"
    variables = {"HOME": str(root), "PATH": paths, "RAY_worker_niceness": "0"}

    def run(program, *arguments, cwd):
        done = subprocess.run(
            [programs / program, *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=600,
            cwd=cwd,
            env=variables,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def files(directory):
    return {
        str(path.relative_to(REPOSITORY))
        for path in (REPOSITORY / directory).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_the_wheel_holds_the_package_and_its_resources_and_nothing_else(wheel):
    bundled = {f"landlab_mgr/_bundled/{n}" for d in ("migrations", "app", "experiments") for n in files(d)}
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert "landlab_mgr/_bundled/experiments/twin.toml" in bundled
    assert names == files("landlab_mgr") | bundled


def test_a_new_environment_runs_the_demo(installed, tmp_path):
    package, *resources = json.loads(installed("python", "-c", WHERE, cwd=tmp_path))
    assert str(REPOSITORY) not in package
    assert all(path.startswith(str(Path(package).parent / "_bundled")) for path in resources)
    assert "demo" in installed("landlab", "--help", cwd=tmp_path)

    installed("landlab", "demo", "--quick", cwd=tmp_path)
    for name in ("skill.png", "partition.png"):
        assert (tmp_path / "landlab-demo" / name).stat().st_size > 10_000
    here = ("-w", "landlab-demo")
    listed = json.loads(installed("landlab", "ls", "--json", *here, cwd=tmp_path))
    assert [row["state"] for row in listed] == ["completed"] * 17 * 3
    newest = max(path.name[:4] for path in (REPOSITORY / "migrations" / "versions").glob("[0-9]*.py"))
    assert installed("landlab", "catalog", "current", *here, cwd=tmp_path).startswith(newest)
