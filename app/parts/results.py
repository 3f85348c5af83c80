"""Results of analyses as the catalog has them: nothing here computes or records one."""

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from landlab_mgr import analysis
from landlab_mgr.analysis import Result, trace
from landlab_mgr.analysis.base import Ensemble, completed
from landlab_mgr.analysis.load import refusal
from landlab_mgr.catalog.events import Version
from landlab_mgr.catalog.filter import ensembles_named
from landlab_mgr.catalog.records import AnalysisRecord
from landlab_mgr.errors import LandlabError
from landlab_mgr.workspace.workspace import Workspace
from parts import download, reading
from parts.ensembles import Choice, shell

UPSTREAM = ("runs", "dataset", "result", "workspace")
"""Facts that, when they change, make a result one of other things than there are now; new code may say the same."""


@dataclass(frozen=True)
class Shown:
    """A result, its table, and what changed since it was made."""

    result: Result
    table: pd.DataFrame
    changes: tuple[trace.Change, ...]

    @property
    def stale(self) -> list[trace.Change]:
        """Changes of what it rests on."""
        return [change for change in self.changes if change.what in UPSTREAM]


def records(root: str, database: str) -> list[AnalysisRecord]:
    """All results, newest first."""
    return reading.recorded(root, database, "analyses")[::-1]


@dataclass(frozen=True)
class Way:
    """A verb that computes an analysis of some of the runs, and why it would be refused, where it would."""

    verb: str
    refused: str | None


def ways(root: str, database: str, name: str, filter: str) -> list[Way]:
    """Ways to compute an analysis: of all these completed runs, and of those of the fullest setup."""
    return _ways(root, database, name, filter, reading.version(root, database))


@st.cache_data(max_entries=32, show_spinner=False)
def _ways(root: str, database: str, name: str, filter: str, version: Version) -> list[Way]:
    workspace, chosen = Workspace.at(root, database), analysis.find(name)
    with workspace.open(read_only=True) as catalog:
        whole = Ensemble(workspace, catalog, filter, catalog.runs(completed(filter)))
        filters = [filter, *([whole.of_fullest_setup()] if len({*whole.setups()}) > 1 else [])]
        found = []
        for narrow in filters:
            ensemble = Ensemble(workspace, catalog, narrow, catalog.runs(completed(narrow)))
            of = f" {shell(narrow)}" if narrow else ""
            found.append(Way(f"analyse {name}{of}", refusal(ensemble, chosen, chosen.options())))
    return found


def refused(ways: list[Way]) -> str:
    """Reasons against an analysis of all the runs and of one setup, a line each."""
    return "\n".join(f"{way.verb}: {way.refused}" for way in ways)


def about(found: list[AnalysisRecord], choice: Choice) -> list[AnalysisRecord]:
    """Those of the results that are about these runs, or some of them; every completed run stands for all results."""
    kind, _, name = choice.key.partition(":")
    if kind == "ensemble":
        return [r for r in found if name in _named(r.filter)]
    if kind == "grid":
        said = re.compile(rf"\bgrid\s*=\s*(['\"]){re.escape(name)}\1", re.IGNORECASE)
        return [r for r in found if said.search(r.filter)]
    return [r for r in found if r.filter == choice.filter] if kind == "run" else found


def _named(filter: str) -> list[str]:
    try:
        return ensembles_named(filter)
    except LandlabError:  # of an older grammar
        return []


def shown(root: str, database: str, id: str) -> Shown:
    """A result; LandlabError where its file is gone or altered."""
    with Workspace.at(root, database).open(read_only=True) as catalog:
        record = catalog.analysis(id)
    return _shown(root, database, id, record.sha256, reading.version(root, database))


@st.cache_resource(max_entries=16, show_spinner="Reading the result…")
def _shown(root: str, database: str, id: str, sha256: str, version: Version) -> Shown:
    workspace = Workspace.at(root, database)
    with workspace.open(read_only=True) as catalog:
        result = analysis.recorded(workspace, catalog, catalog.analysis(id))
    table = result.analysis.table(result.dataset)
    changes = tuple(trace.changes(result.provenance, workspace))
    return Shown(result, table, changes)


def png(shown: Shown) -> bytes:
    """The figure of a result, drawn by its analysis, once."""
    return _picture(shown.result.record.id, shown.result.record.sha256, shown.result)


@st.cache_data(max_entries=32, show_spinner="Drawing the figure…")
def _picture(id: str, sha256: str, _result: Result) -> bytes:
    return picture(_result, "png")


def picture(result: Result, kind: str) -> bytes:
    """The figure as a file of this kind, with its provenance, the same as `landlab analyse --figure` writes."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / f"figure.{kind}"
        result.save_figure(path)
        return path.read_bytes()


def file_name(result: Result, suffix: str) -> str:
    """A file for a result: its analysis, and the start of its id."""
    return download.file_name(f"{result.record.name} {result.record.id[:8]}", suffix)


def said(record: AnalysisRecord) -> str:
    """The options of a result that differ from the defaults, in words."""
    model = analysis.registry()[record.name].options if record.name in analysis.registry() else None
    defaults: dict[str, Any] = {} if model is None else {k: f.default for k, f in model.model_fields.items()}
    changed = {k: v for k, v in record.options.items() if v != defaults.get(k)}
    return ", ".join(f"{k}={v}" for k, v in changed.items()) or "defaults"


def options(name: str) -> pd.DataFrame:
    """Options of an analysis: their names, their defaults and meanings."""
    rows = [
        {"option": key, "default": str(field.default), "meaning": field.description or ""}
        for key, field in analysis.registry()[name].options.model_fields.items()
    ]
    return pd.DataFrame(rows, columns=["option", "default", "meaning"])
