"""Reading the workspace: the catalog, opened for reading only, and the files that it names.

What changes (the catalog) is read again when something has changed; what is known by its hash is read once.
"""

from dataclasses import dataclass

import pandas as pd
import streamlit as st
import xarray as xr

from landlab_mgr import artifacts
from landlab_mgr.catalog import DatasetRecord, RunRecord
from landlab_mgr.catalog.events import Version
from landlab_mgr.data import store
from landlab_mgr.errors import LandlabError
from landlab_mgr.records import SEEN, SPLITS
from landlab_mgr.workspace import Workspace

SECONDS = 2
"""How old a view of the catalog may be: several people who look at once cost one query."""


@dataclass(frozen=True)
class Contents:
    """What the whole catalog holds: its datasets, names of its grids, and how many runs there are."""

    datasets: tuple[DatasetRecord, ...]
    grids: tuple[str, ...]
    runs: int


@dataclass(frozen=True)
class RunView:
    """Everything that the catalog knows of one run."""

    record: RunRecord
    dataset: DatasetRecord
    epochs: pd.DataFrame
    metrics: pd.DataFrame
    attempts: pd.DataFrame
    files: pd.DataFrame
    test_reads: int
    """How often its test or withheld metrics were looked at."""


def workspace() -> Workspace:
    """The workspace that `landlab app` was started on."""
    return Workspace.at(None, None)


@st.cache_data(ttl=SECONDS, show_spinner=False)
def version(root: str, database: str) -> Version:
    """The state of the catalog, by which all that is read from it is cached."""
    with Workspace.at(root, database).open(read_only=True) as catalog:
        return catalog.version()


def contents(root: str, database: str) -> Contents:
    """Datasets, grids and the number of runs; LandlabError where there is no catalog that this code reads."""
    return _contents(root, database, version(root, database))


@st.cache_data(max_entries=8, show_spinner=False)
def _contents(root: str, database: str, version: Version) -> Contents:
    with Workspace.at(root, database).open(read_only=True) as catalog:
        return Contents(
            tuple(catalog.datasets()),
            tuple(grid.name for grid in catalog.grids()),
            sum(catalog.counts().values()),
        )


def runs(root: str, database: str, filter: str) -> pd.DataFrame:
    """The runs that a filter holds for, as `Catalog.runs` gives them; GrammarError where it is no filter."""
    return _runs(root, database, filter, version(root, database))


@st.cache_data(max_entries=32, show_spinner=False)
def _runs(root: str, database: str, filter: str, version: Version) -> pd.DataFrame:
    with Workspace.at(root, database).open(read_only=True) as catalog:
        return catalog.runs(filter)


def run(root: str, database: str, run_id: str) -> RunView:
    """One run, with its train and dev metrics; LandlabError where there is none of that id."""
    return _run(root, database, run_id, version(root, database))


@st.cache_data(max_entries=32, show_spinner=False)
def _run(root: str, database: str, run_id: str, version: Version) -> RunView:
    with Workspace.at(root, database).open(read_only=True) as catalog:
        record = catalog.run(run_id)
        return RunView(
            record,
            catalog.dataset(record.dataset),
            catalog.epochs(record.run_id),
            catalog.metrics(record.run_id),
            catalog.attempts(record.run_id),
            catalog.artifacts(record.run_id),
            catalog.test_reads(record.run_id),
        )


def held_back(workspace: Workspace, run_id: str) -> pd.DataFrame:
    """Test and withheld metrics of a run, read now and counted; LandlabError where they cannot be counted."""
    with workspace.open() as catalog:
        return catalog.metrics(run_id, [split for split in SPLITS if split not in SEEN])


def artifact(workspace: Workspace, files: pd.DataFrame, kind: str) -> xr.Dataset | None:
    """What a run wrote under this kind; None where the catalog has no such file."""
    chosen = files[files["kind"] == kind]
    if chosen.empty:
        return None
    return _artifact(str(workspace.path(chosen["path"].iloc[0])), chosen["sha256"].iloc[0])


@st.cache_resource(max_entries=8, show_spinner="Reading the run's files…")
def _artifact(path: str, sha256: str) -> xr.Dataset:
    return artifacts.read(path)


def dataset(workspace: Workspace, record: DatasetRecord) -> xr.Dataset:
    """A published dataset, its arrays read when they are used."""
    return _dataset(str(workspace.path(record.url)), record.fingerprint)


@st.cache_resource(max_entries=4, show_spinner="Opening the dataset…")
def _dataset(path: str, fingerprint: str) -> xr.Dataset:
    ds = store.open_dataset(path)
    if ds.attrs["fingerprint"] != fingerprint:
        raise LandlabError(
            f"{path} holds the dataset {ds.attrs['fingerprint']}, not {fingerprint} of the catalog; "
            "import the run's dataset again"
        )
    return ds
