"""Reading the workspace: the catalog, opened for reading only, and the files that it names.

What changes (the catalog) is read again after SECONDS; what is known by its hash is read once.
"""

from dataclasses import dataclass

import pandas as pd
import streamlit as st
import xarray as xr

from landlab_mgr import artifacts
from landlab_mgr.catalog import DatasetRecord, RunRecord
from landlab_mgr.data import store
from landlab_mgr.errors import LandlabError
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


def workspace() -> Workspace:
    """The workspace that `landlab app` was started on."""
    return Workspace.at(None, None)


@st.cache_data(ttl=SECONDS, show_spinner=False)
def contents(root: str, database: str) -> Contents:
    """Datasets, grids and the number of runs; LandlabError where there is no catalog that this code reads."""
    with Workspace.at(root, database).open(read_only=True) as catalog:
        return Contents(
            tuple(catalog.datasets()),
            tuple(grid.name for grid in catalog.grids()),
            sum(catalog.counts().values()),
        )


@st.cache_data(ttl=SECONDS, show_spinner=False)
def runs(root: str, database: str, filter: str) -> pd.DataFrame:
    """The runs that a filter holds for, as `Catalog.runs` gives them; GrammarError where it is no filter."""
    with Workspace.at(root, database).open(read_only=True) as catalog:
        return catalog.runs(filter)


@st.cache_data(ttl=SECONDS, show_spinner=False)
def run(root: str, database: str, run_id: str) -> RunView:
    """One run; LandlabError where there is none of that id."""
    with Workspace.at(root, database).open(read_only=True) as catalog:
        record = catalog.run(run_id)
        return RunView(
            record,
            catalog.dataset(record.dataset),
            catalog.epochs(record.run_id),
            catalog.metrics(record.run_id),
            catalog.attempts(record.run_id),
            catalog.artifacts(record.run_id),
        )


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
