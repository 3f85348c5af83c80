"""The README covers every verb of the command line and every field of a run's specification; the API has its pages."""

import subprocess
import sys
from pathlib import Path

import pytest
import typer
from pydantic import BaseModel

from landlab_mgr import __version__, cli
from landlab_mgr.analysis import registry
from landlab_mgr.spec.run import RunSpec
from landlab_mgr.spec.study import TuneSpec

README = (Path(__file__).parents[1] / "README.md").read_text()
BELONGS_TO_THE_GRID = ("dataset", "predictors", "seeds", "science_version")


def verbs(command, path="landlab"):
    for name, sub in getattr(command, "commands", {}).items():
        if getattr(sub, "commands", None):
            yield from verbs(sub, f"{path} {name}")
        else:
            yield f"{path} {name}"


def fields(specification, prefix=""):
    for name, field in specification.model_fields.items():
        kind = field.annotation
        if prefix + name in BELONGS_TO_THE_GRID:
            continue
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from fields(kind, f"{prefix}{name}.")
        else:
            yield prefix + name


@pytest.mark.parametrize("verb", sorted(verbs(typer.main.get_command(cli.app))))
def test_every_verb_is_in_the_readme(verb):
    assert verb in README


@pytest.mark.parametrize("field", sorted(fields(RunSpec)))
def test_every_field_is_in_the_readme(field):
    assert f"`{field}`" in README


@pytest.mark.parametrize("field", sorted(TuneSpec.model_fields))
def test_every_field_of_a_study_is_in_the_readme(field):
    assert f"`{field}`" in README


@pytest.mark.parametrize("name", sorted(registry()))
def test_every_analysis_is_in_the_readme(name):
    assert f"| `{name}` |" in README


def test_one_version():
    text = (Path(__file__).parents[1] / "pyproject.toml").read_text()
    assert f'version = "{__version__}"' in text


@pytest.mark.slow
def test_the_api_documentation_is_built(tmp_path):
    subprocess.run(
        [sys.executable, "-m", "pdoc", "landlab_mgr", "-o", tmp_path], check=True, capture_output=True
    )
    pages = tmp_path / "landlab_mgr"
    assert "as in DifferLand" in (pages / "models" / "network.html").read_text()
    assert (pages / "models" / "dalec" / "process" / "water.html").is_file()
