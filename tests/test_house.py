"""The house: no module but a model's own names what it is made of, and the rooms stay few."""

import ast
from pathlib import Path

import pytest

import landlab_mgr
from landlab_mgr.models import registry
from landlab_mgr.observations.streams import STREAMS

PACKAGE = Path(landlab_mgr.__file__).parent
REPOSITORY = PACKAGE.parent
LARGEST_ROOT = 18
DALEC = registry.tables("dalec")
OWN = (
    "models/dalec/",
    "models/exphydro/",
    "models/hbv/",
    "data/sources/camels.py",
    "data/sources/cbf.py",
    "data/sources/cardamom_nc.py",
    "data/sources/differland_daily.py",
    "data/sources/fluxval.py",
    "data/sources/differland/",
)
"""Models themselves, and the importers of their own formats."""
DICTIONARIES = ("observations/streams.py", "observations/variables.py")
"""What is observed, whatever the model: the one place where streams and variables are named."""
FLUXES = {"gpp", "nee", "reco", "et"}
"""Names of variables, not of streams, that everybody measures."""
NAMES = (
    {p.name for p in DALEC.parameters}
    | {d.name for d in DALEC.derived}
    | set(DALEC.pools)
    | set(DALEC.terms)
    | set(STREAMS)
    | set(DALEC.processes)
    | {name for kind in DALEC.processes.values() for name in kind.implementations if name != "none"}
) - FLUXES


def modules():
    for root in (PACKAGE, REPOSITORY / "app", REPOSITORY / "migrations"):
        for path in sorted(root.rglob("*.py")):
            name = str(path.relative_to(root if root == PACKAGE else REPOSITORY))
            if "_bundled" not in name and not name.startswith((*OWN, *DICTIONARIES)):
                yield pytest.param(path, id=name)


def literals(path):
    """Strings of a module that are not its documentation, with their lines."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    documentation = {id(n.value) for n in ast.walk(tree) if isinstance(n, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation:
            yield node.value, node.lineno


SCALES = {"models/tables.py": {"linear"}}
"""A parameter's scale is called as one of DALEC's processes."""


@pytest.mark.parametrize("path", list(modules()))
def test_no_module_names_what_a_model_is_made_of(path):
    allowed = SCALES.get(str(path.relative_to(REPOSITORY)).removeprefix("landlab_mgr/"), set())
    named = [f"{value} in line {line}" for value, line in literals(path) if value in NAMES - allowed]
    assert not named


@pytest.mark.parametrize("path", list(modules()))
def test_no_module_decides_by_the_name_of_a_model(path):
    if path == PACKAGE / "models" / "registry.py":  # the model of runs that name none
        return
    assert not [line for value, line in literals(path) if value == DALEC.name]


def test_the_package_root_is_small():
    entries = [p.name for p in PACKAGE.iterdir() if p.name not in ("__pycache__", "_bundled")]
    assert len(entries) <= LARGEST_ROOT, sorted(entries)
