"""The figures and tables of a model's paper, from the runs of a grid: one page, each number beside the paper's.

Items are data of the model (`Tables.paper`); each is one analysis, asked as `landlab analyse` does. Results that are
catalogued are taken as they are, so that a run that was killed goes on where it stopped. JAX-free but for analyses
that are not.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from landlab_mgr import analysis
from landlab_mgr.analysis import Result, report
from landlab_mgr.analysis.base import Ensemble
from landlab_mgr.analysis.of_models import models_of, streams_in
from landlab_mgr.analysis.report import Missing, Report, Section, Table
from landlab_mgr.catalog import Catalog
from landlab_mgr.errors import LandlabError
from landlab_mgr.models.paper import FULLEST, Item, Number, Paper
from landlab_mgr.models.tables import Tables
from landlab_mgr.observations.comparable import score_name
from landlab_mgr.workspace.display import text
from landlab_mgr.workspace.workspace import Workspace

NOT_GIVEN = "not given here"
"""Stands for a number of the paper that landlab does not know."""
NOT_HERE = "not in these runs"


@dataclass(frozen=True)
class _Runs:
    """The runs that items are asked of, and what their data have."""

    whole: Ensemble
    fullest: str
    """Label of the predictor set with the most groups."""
    names: tuple[str, ...]
    """Names of its setups."""
    available: frozenset[str]
    """Variables: as they are scored, observed, or kept by every run."""


def gather(
    workspace: Workspace,
    catalog: Catalog,
    grid: str,
    ensemble: str | None = None,
    tell: Callable[[str], None] = lambda line: None,
) -> Report:
    """Every item of the paper of the grid's model that the catalog can give, of its runs or of an ensemble's members.

    Test pixels are looked at, which is counted. An item that cannot be given says why, and the next one follows.
    LandlabError where no run is completed, or where the runs' models note no paper.
    """
    if ensemble is not None:
        catalog.ensemble(ensemble)
    filter = "" if ensemble is None else f"ensemble = {report.quoted(ensemble)}"
    whole = Ensemble.select(workspace, catalog, filter, grid)
    tables, paper = _paper(models_of(catalog.specs(whole.run_ids).values()))
    of, sections, missing = _about(whole, tables), list[Section](), list[Missing]()
    rows = []
    for i, item in enumerate(paper.items, 1):
        title = f"{item.label}: {item.title}"
        tell(f"{i} of {len(paper.items)}: {title} ({item.analysis})")
        start, state = time.perf_counter(), "shown"
        try:
            section = _section(of, item, title)
            sections.append(section)
            how = "from the catalog" if section.reused else f"{time.perf_counter() - start:.0f} s"
        except LandlabError as error:
            missing.append(Missing(title, str(error)))
            state, how = "not shown", f"not given: {error}"
        except Exception as error:  # a page with one item less is more use than none
            missing.append(Missing(title, f"{type(error).__name__}: {error}", broken=True))
            state, how = "not shown", f"an error of landlab: {type(error).__name__}: {error}"
        tell(f"  {how}")
        rows.append({"item": item.label, "shows": item.title, "analysis": item.analysis, "state": state})
    return Report(
        title=f"{paper.citation.rpartition(': ')[2]}, by grid {grid}",
        head={"paper": paper.citation, **report.head_of(whole)} | report.rule_of(catalog, ensemble),
        synthetic=whole.synthetic,
        overview=report.table_of(pd.DataFrame(rows)),
        sections=sections,
        missing=missing,
        overview_title="items",
    )


def numbers(found: Report) -> pd.DataFrame:
    """Return every number of the page, a row each: item, quantity, here, sd of members, the paper."""
    return pd.DataFrame(
        [
            [section.title, *row]
            for section in found.sections
            if section.numbers is not None
            for row in section.numbers.rows
        ],
        columns=["item", *COLUMNS],
    )


COLUMNS = ["quantity", "here", "sd of members", "the paper"]


def _paper(models: list[Tables]) -> tuple[Tables, Paper]:
    for tables in models:
        if tables.paper is not None:
            return tables, tables.paper
    names = ", ".join(tables.name for tables in models)
    raise LandlabError(
        f"the runs are of {names}, whose tables note no paper to reproduce; `landlab report` shows every analysis"
    )


def _about(whole: Ensemble, tables: Tables) -> _Runs:
    labels = list(whole.runs["label"])
    fullest = max(dict.fromkeys(labels), key=lambda label: label.count("+"))
    setups = zip(whole.setups(), labels, strict=True)
    streams = streams_in(whole.dataset())
    available = {score_name(s, streams) for s in streams} | {s.variable for s in streams} | {*tables.always}
    names = tuple(dict.fromkeys(name for name, label in setups if label == fullest))
    return _Runs(whole, fullest, names, frozenset(available))


def _section(of: _Runs, item: Item, title: str) -> Section:
    """Ask the analysis of an item, and put its numbers beside the paper's."""
    options, notes = dict(item.options), []
    if item.variables:
        choices = [(v,) if isinstance(v, str) else v for v in item.variables]
        have = [next((v for v in some if v in of.available), None) for some in choices]
        if not any(have):
            raise LandlabError(
                f"none of {', '.join(some[0] for some in choices)} is in the dataset; "
                "`landlab data show` lists what it has"
            )
        options["variables"] = ",".join(v for v in have if v)
        if absent := [some[0] for some, v in zip(choices, have, strict=True) if v is None]:
            notes.append(f"not in the dataset: {', '.join(absent)}")
    result = _ask(of, item, options, notes)
    section = report.section_of(of.whole.workspace, result)
    frame = result.analysis.table(result.dataset)
    beside = [_beside(frame, number, of.names) for number in item.numbers]
    beside = [row for row in beside if row[1] != NOT_HERE or row[3] != NOT_GIVEN]
    shown = Table(COLUMNS, beside, [False, True, True, True]) if beside else None
    return replace(section, title=title, numbers=shown, notes=[*notes, *section.notes])


def _ask(of: _Runs, item: Item, options: dict[str, str], notes: list[str]) -> Result:
    """Ask of all the runs, or of those of one setup: the item's predictor set, or the fullest."""
    whole = of.whole
    filter = whole.filter
    if item.groups or item.runs == "fullest":
        labels = dict.fromkeys(whole.runs["label"])
        wanted = set(item.groups.split("+"))
        label = next((x for x in labels if item.groups and set(x.split("+")) == wanted), of.fullest)
        if item.groups and set(label.split("+")) != wanted:
            notes.append(f"no run of {item.groups}, of which the paper's is: of {label} instead")
        filter = f"{filter} and setup.groups = '{label}'"
    return analysis.run(whole.workspace, whole.catalog, item.analysis, filter, options=options, reuse=True)


def _beside(frame: pd.DataFrame, number: Number, fullest: tuple[str, ...]) -> list[str]:
    """Row of the page: name, value here, spread over members, value in the paper."""
    value, spread = _cell(frame, number, fullest)
    here = NOT_HERE if value is None else _text(value, number.scale)
    sd = "" if spread is None else _text(spread, number.scale)
    return [number.name, here, sd, number.published or NOT_GIVEN]


def _text(value: Any, scale: float) -> str:
    return value if isinstance(value, str) else text(scale * float(value))


def _cell(frame: pd.DataFrame, number: Number, fullest: tuple[str, ...]) -> tuple[Any, Any]:
    """Value and spread of a number in the table; None where it has none."""
    columns = [c for c in _several(number.column) if c in frame]
    rows = frame
    for name, wanted in number.where.items():
        if name not in rows:
            return None, None
        choices = fullest if wanted == FULLEST else _several(wanted)
        chosen = next((c for c in choices if (rows[name] == c).any()), None)
        rows = rows[rows[name] == chosen]
    if rows.empty or not columns:
        return None, None
    row = rows.iloc[0]
    if number.total:
        return sum(float(row[c]) for c in columns), None
    value, spread = row[columns[0]], number.spread.format(column=columns[0])
    if pd.isna(value):
        return None, None
    return value, row[spread] if spread in frame and not pd.isna(row[spread]) else None


def _several(names: str | tuple[str, ...]) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else names


def write(found: Report, directory: Path, name: str) -> Path:
    """Write the page and its numbers as CSV into a directory; returns the page's path."""
    page = directory / f"{name}.html"
    report.write(found, page)
    numbers(found).to_csv(directory / f"{name}-numbers.csv", index=False)
    return page
