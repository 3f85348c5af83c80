"""The guide covers every verb, option, field and analysis; what it shows parses, compiles and leads somewhere."""

import re
import tomllib

import pandas as pd
import pytest
import typer

from landlab_mgr import __version__, cli, guide
from landlab_mgr.analysis import registry
from landlab_mgr.catalog.filter import compile_filter
from landlab_mgr.guide import site, tables
from landlab_mgr.models import registry as models
from landlab_mgr.spec.grid import GridSpec
from landlab_mgr.spec.run import PolicySpec, RunSpec
from landlab_mgr.spec.study import Objective, TuneSpec
from landlab_mgr.storage import figures
from tests.app import sample

from .written import PAGES, README, REPOSITORY, SOURCES, blocks, commands

ROOT = typer.main.get_command(cli.app)
VERBS = dict(tables.verbs(ROOT))
OWN = [name for name, a in registry().items() if a.compute.__module__.startswith("landlab_mgr.")]
PARTS = ("## Formula", "## Command", "![", "## How to read it", "## Pitfalls", "## Options")
FIELDS = [
    *((RunSpec, "grids", name, field) for name, field in tables.documented(RunSpec)),
    *(
        (specification, page, name, field)
        for specification, page in (
            (GridSpec, "grids"),
            (PolicySpec, "grids"),
            (TuneSpec, "tuning"),
            (Objective, "tuning"),
        )
        for name, field in specification.model_fields.items()
        if name != "policies"
    ),
    *(
        (models.tables(m).network, "grids", f"network.{name}", field)
        for m in models.names()
        for name, field in models.tables(m).network.model_fields.items()
    ),
]


@pytest.fixture(scope="module")
def texts():
    """Every page with its tables."""
    return {name: tables.text(name, lambda: ROOT) for name in PAGES}


def test_every_file_is_a_page_and_every_page_has_a_title_and_an_opening():
    files = {path.stem for path in guide.FOLDER.glob("*.md")}
    assert files == set(PAGES)
    for page in guide.pages():
        assert page.title
        assert page.summary.rstrip().endswith((".", "?")), page


@pytest.mark.parametrize("path", sorted(VERBS))
def test_every_verb_and_option_is_in_the_guide(path, texts):
    entry = texts["commands"].split(f"### `{path}`\n")[1].split("\n### ")[0]
    assert VERBS[path].help
    for parameter in VERBS[path].params:
        if parameter.param_type_name == "option":
            common = {*tables.COMMON} & {*parameter.opts}
            assert all(f"`{option}`" in entry for option in common or parameter.opts)
            assert common or parameter.help, parameter.name


@pytest.mark.parametrize(
    ("specification", "page", "name", "field"), FIELDS, ids=lambda x: x if isinstance(x, str) else ""
)
def test_every_field_is_in_the_guide_with_its_meaning(specification, page, name, field, texts):
    assert field.description, f"{specification.__name__}.{name} needs Field(description=...)"
    assert re.search(
        rf"^\| `{re.escape(name)}` \|.*{re.escape(field.description)}", texts[page], re.MULTILINE
    )


@pytest.mark.parametrize("name", OWN)
def test_every_analysis_has_a_page_with_all_its_parts(name, texts):
    text = texts[f"analysis-{name}"]
    places = [text.index(part) for part in PARTS]
    assert places == sorted(places)
    assert text.splitlines()[2].startswith("**Question.**")
    assert any(words[:2] == ["analyse", name] for words in commands(text))
    for option, field in registry()[name].options.model_fields.items():
        assert f"| `-o {option}=` |" in text
        assert field.description, option


def test_no_table_is_left_out(texts):
    assert not [name for name, text in texts.items() if "<!-- table" in text]


@pytest.mark.parametrize("name", SOURCES)
def test_commands_parse(name):
    for words in commands(SOURCES[name]):
        verb, context = ROOT, typer.Context(ROOT, info_name="landlab")
        rest = list(words)
        while hasattr(verb, "list_commands"):
            context = verb.make_context(context.info_name, list(rest), parent=context)
            _, verb, rest = verb.resolve_command(context, [*context._protected_args, *context.args])
        try:
            parsed = verb.make_context(verb.name, list(rest), parent=context)
        except typer.Exit:  # --example prints and ends
            continue
        if isinstance(text := parsed.params.get("filter"), str) and "evaporation" not in text:  # of a plug-in
            compile_filter(text)


@pytest.mark.parametrize("name", SOURCES)
def test_toml_parses_and_grids_are_grids(name):
    for block in blocks(SOURCES[name], "toml"):
        content = tomllib.loads(block)
        if (
            {"dataset", "seeds"} <= set(content)
            and {"factorial", "setups"} & set(content)
            and content["name"] != "hills"
        ):
            assert GridSpec.model_validate(content).predictor_sets
        if "space" in content:
            assert TuneSpec.model_validate(content).start()


@pytest.mark.parametrize("name", SOURCES)
def test_python_compiles(name):
    for block in blocks(SOURCES[name], "python"):
        compile(block, name, "exec")


def test_the_examples_of_python_run(tmp_path, monkeypatch):
    made = sample.make(tmp_path / "landlab-workspace")
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "guide"}
    examples = [block for block in blocks(SOURCES["python"], "python") if "landlab-demo" not in block]
    for example in examples:
        exec(compile(example, "python.md", "exec"), names)
    assert len(examples) == 3
    assert list(names["runs"]["run_id"]) == [made.runs["completed"]]
    assert isinstance(names["table"], pd.DataFrame)
    assert len(names["table"]) == len(made.runs)
    assert names["by_setup"].sel(setup="PFT", variable="gpp").notnull()
    assert names["mean"].dims == ("pixel", "time")
    assert names["comparison"].a.run_id == made.runs["completed"]
    assert any(d.field == "predictors" for d in names["comparison"].differences)


@pytest.mark.parametrize("name", PAGES)
def test_links_and_pictures_lead_somewhere(name, texts):
    text = re.sub(r"^```.*?^```|`[^`]*`", "", texts[name], flags=re.DOTALL | re.MULTILINE)
    for target in re.findall(r"\]\(([^)]+)\)", text):
        if target.startswith("https://"):
            continue
        file, _, anchor = target.partition("#")
        assert (guide.FOLDER / file).is_file(), target
        if anchor:
            _, headings = site.rendered(texts[file.removesuffix(".md")])
            assert anchor in [a for _, a, _ in headings], target


@pytest.mark.parametrize("name", OWN)
def test_the_picture_of_an_analysis_is_real_output(name):
    [(_, file)] = guide.PICTURE.findall(guide.source(f"analysis-{name}"))
    assert figures.read(guide.FOLDER / file)["analysis"]["name"] == name
    assert (guide.FOLDER / file).stat().st_size < 120_000


@pytest.mark.parametrize("name", SOURCES)
def test_files_that_are_named_are_there(name):
    for path in re.findall(r"`((?:landlab_mgr|tests|experiments|app)/[\w./-]+)`", SOURCES[name]):
        assert (REPOSITORY / path).exists(), path


def test_the_readme_is_short_and_its_links_lead_somewhere():
    text = README.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 150
    assert len(text.split()) <= 1200
    for target in re.findall(r"\]\((?!https:)([^)#]+)", text):
        assert (REPOSITORY / target).exists(), target


def test_one_version():
    text = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
    assert f'version = "{__version__}"' in text
