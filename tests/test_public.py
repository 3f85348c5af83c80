"""The public names: each is there, typed where it is defined, and imported when it is used."""

import ast
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import landlab_mgr


@pytest.mark.parametrize("name", landlab_mgr._MODULES)
def test_every_public_name_is_there_and_documented(name):
    assert getattr(landlab_mgr, name).__doc__


def test_types_and_modules_name_the_same():
    tree = ast.parse(Path(landlab_mgr.__file__).read_text())
    typed = {
        name.name: node.module.removeprefix("landlab_mgr.")
        for block in tree.body
        if isinstance(block, ast.If)
        for node in block.body
        for name in node.names
    }
    assert typed == landlab_mgr._MODULES
    assert sorted([*typed, *landlab_mgr._ROOMS]) == sorted(landlab_mgr.__all__)


def test_the_rooms_are_those_of_the_package():
    modules = [m.name for m in pkgutil.iter_modules(landlab_mgr.__path__) if not m.name.startswith("_")]
    assert sorted(modules) == sorted(landlab_mgr._ROOMS)


def test_importing_the_package_imports_nothing_large():
    code = "import sys, landlab_mgr; print([m for m in ('numpy', 'jax', 'pandas', 'pydantic') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_an_unknown_name_is_refused():
    with pytest.raises(AttributeError, match="no attribute 'analyze'"):
        landlab_mgr.analyze  # noqa: B018
