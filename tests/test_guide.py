"""The chapter on models: every field of the contract, code of the tested examples."""

import dataclasses
import inspect
import re
import tomllib
from pathlib import Path

import pytest

from landlab_mgr.models import land, model, tables

from .models.test_plugin_model import CUBIC

REPOSITORY = Path(__file__).parents[1]
CHAPTER = (REPOSITORY / "landlab_mgr" / "guide" / "model-of-your-own.md").read_text(encoding="utf-8")
MODELS = REPOSITORY / "tests" / "models"
WITH_FIELDS = (tables.Tables, tables.Parameter, tables.Kind, tables.LossTerm, model.Model)
FIELDS = sorted(
    {(of.__name__, f.name) for of in WITH_FIELDS for f in dataclasses.fields(of)}
    | {("compared", name) for name in inspect.signature(tables.compared).parameters}
    | {("Dynamics", name) for name in land.Dynamics._fields}
)


def table_after(heading):
    """The first table after a text."""
    rest = CHAPTER[CHAPTER.index(heading) :]
    return re.search(r"(?:^\|.*\n)+", rest, re.MULTILINE)[0]


HEADINGS = {
    "Tables": "\n`Tables` (",
    "Parameter": "\n`Parameter`:",
    "Kind": "\n`Kind`:",
    "LossTerm": "\n`compared(",
    "compared": "\n`compared(",
    "Dynamics": "\n| field of `Dynamics`",
    "Model": "\n| field of `Model`",
}


@pytest.mark.parametrize(("of", "field"), FIELDS)
def test_every_field_is_in_the_table_of_its_class(of, field):
    names = [row.split("|")[1] for row in table_after(HEADINGS[of]).splitlines()]
    assert any(f"`{field}`" in name for name in names)


@pytest.mark.parametrize("name", ["bucket_tables.py", "bucket.py", "pyproject.toml"])
def test_the_bucket_is_shown_in_full(name):
    text = (MODELS / "example_plugin" / name).read_text()
    language = "toml" if name.endswith(".toml") else "python"
    assert f"```{language}\n{text}```\n" in CHAPTER


def test_the_process_of_another_package_is_shown():
    folder = MODELS / "dalec" / "example_plugin"
    code = (folder / "curved_stress.py").read_text()
    assert code[code.index("import jax.numpy") :] in CHAPTER
    assert (folder / "pyproject.toml").read_text() in CHAPTER
    assert CUBIC in CHAPTER


def test_the_grid_and_every_toml_of_the_chapter_parses():
    blocks = re.findall(r"```toml\n(.*?)```", CHAPTER, re.DOTALL)
    assert any(tomllib.loads(block).get("base", {}).get("model") == "bucket" for block in blocks)


def test_files_that_the_chapter_names_are_there():
    for name in re.findall(r"`((?:landlab_mgr|tests)/[\w/]+\.py)`", CHAPTER):
        assert (REPOSITORY / name).is_file(), name
