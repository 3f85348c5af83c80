"""Reading the workspace: the catalog, opened for reading only, and the files that it names.

What changes (the catalog) is read again when something has changed; what is known by its hash is read once.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st
import xarray as xr

from landlab_mgr.catalog import Catalog, DatasetRecord, GridRecord, RunRecord
from landlab_mgr.catalog.compare import Comparison, compare
from landlab_mgr.catalog.events import Version
from landlab_mgr.catalog.export import by_setup
from landlab_mgr.catalog.progress import progress as progress_of
from landlab_mgr.data import store
from landlab_mgr.data.split import withheld_months
from landlab_mgr.errors import LandlabError
from landlab_mgr.records import SEEN, SPLITS
from landlab_mgr.spec.grid import GridSpec
from landlab_mgr.spec.run import SplitSpec
from landlab_mgr.storage import artifacts
from landlab_mgr.workspace.workspace import Workspace

SECONDS = 2
"""Greatest age of a view of the catalog: several people who look at once cost one query."""


LISTED = 10_000
"""So many runs a table shows: more take long to read and to send, and nobody scrolls through them."""

NAMED = 150
"""So many runs fit into a filter that names them."""


@dataclass(frozen=True)
class Contents:
    """Contents of the whole catalog: datasets, grids with their runs counted, how many runs are and go on."""

    datasets: tuple[DatasetRecord, ...]
    grids: tuple[GridRecord, ...]
    runs: int
    going: int


@dataclass(frozen=True)
class RunView:
    """Everything that the catalog knows of one run."""

    record: RunRecord
    setup: str
    """Its predictor groups, and what else tells it apart from the other runs of its grids."""
    dataset: DatasetRecord
    epochs: pd.DataFrame
    metrics: pd.DataFrame
    attempts: pd.DataFrame
    files: pd.DataFrame
    test_reads: int
    """Number of looks at its test or withheld metrics."""


def workspace() -> Workspace:
    """The workspace that `landlab app` was started on."""
    return Workspace.at(None, None)


@st.cache_data(ttl=SECONDS, show_spinner=False)
def version(root: str, database: str) -> Version:
    """The state of the catalog, by which all that is read from it is cached."""
    with Workspace.at(root, database).open(read_only=True) as catalog:
        return catalog.version()


def _catalog(root: str, database: str) -> Catalog:
    """The catalog, open for reading; `version`, which comes before, has seen that it is there and of this schema."""
    file = Path(database)
    return _opened(root, database, file.stat().st_ino if file.is_file() else 0)


@st.cache_resource(max_entries=4, show_spinner=False)
def _opened(root: str, database: str, inode: int) -> Catalog:
    # kept open: its connections and compiled queries are used again
    return Workspace.at(root, database).open(read_only=True)


def contents(root: str, database: str) -> Contents:
    """Datasets, grids and the number of runs; LandlabError where there is no catalog that this code reads."""
    return _contents(root, database, version(root, database))


@st.cache_data(max_entries=8, show_spinner=False)
def _contents(root: str, database: str, version: Version) -> Contents:
    catalog = _catalog(root, database)
    counts = catalog.counts()
    return Contents(
        tuple(catalog.datasets()), tuple(catalog.grids()), sum(counts.values()), counts["running"]
    )


def recorded(root: str, database: str, what: str) -> list:
    """All that the catalog records of a kind, oldest first: ensembles, analyses, studies, weight_sets."""
    return _recorded(root, database, what, version(root, database))


@st.cache_data(max_entries=16, show_spinner=False)
def _recorded(root: str, database: str, what: str, version: Version) -> list:
    return getattr(_catalog(root, database), what)()


def runs(root: str, database: str, filter: str, order: str = "") -> pd.DataFrame:
    """The first LISTED runs that a filter holds for, as `Catalog.runs` gives them, and their tags (comma-separated).

    GrammarError where it is no filter.
    """
    return _runs(root, database, filter, order, version(root, database))


@st.cache_data(max_entries=32, show_spinner=False)
def _runs(root: str, database: str, filter: str, order: str, version: Version) -> pd.DataFrame:
    return _tagged(_catalog(root, database), filter, LISTED, order)


def every_run(root: str, database: str, filter: str, order: str = "") -> pd.DataFrame:
    """All runs that a filter holds for, as `runs` gives the first: for a file, as reading 100,000 takes a while."""
    return _tagged(_catalog(root, database), filter, None, order)


def _tagged(catalog: Catalog, filter: str, limit: int | None, order: str) -> pd.DataFrame:
    runs, tags = catalog.runs(filter, limit, order=order), catalog.tags()
    return runs.assign(tags=[",".join(tags.get(run_id, ())) for run_id in runs["run_id"]])


def counts(root: str, database: str, filter: str) -> dict[str, int]:
    """Number of runs in each state, of those that a filter holds for."""
    return _counts(root, database, filter, version(root, database))


@st.cache_data(max_entries=32, show_spinner=False)
def _counts(root: str, database: str, filter: str, version: Version) -> dict[str, int]:
    return _catalog(root, database).counts(filter)


def differing(root: str, database: str, filter: str, order: str = "") -> pd.DataFrame:
    """The fields in which all runs of a filter differ, of those of `runs`: a column for each by its dotted name."""
    return _settings(root, database, filter, order, version(root, database))


@st.cache_data(max_entries=32, show_spinner=False)
def _settings(root: str, database: str, filter: str, order: str, version: Version) -> pd.DataFrame:
    return settings(root, database, filter, _runs(root, database, filter, order, version)["run_id"])


def settings(root: str, database: str, filter: str, run_ids: Iterable[str]) -> pd.DataFrame:
    """The fields in which all runs of a filter differ, of these runs."""
    names, run_ids = _differing(root, database, filter, version(root, database)), list(run_ids)
    values = _catalog(root, database).settings(run_ids) if names else {}
    return pd.DataFrame({name: [values[run_id][name] for run_id in run_ids] for name in names})


@st.cache_data(max_entries=32, show_spinner=False)
def _differing(root: str, database: str, filter: str, version: Version) -> list[str]:
    return list(_catalog(root, database).differing_in(filter))


def setups(root: str, database: str, run_ids: tuple[str, ...]) -> dict[str, str]:
    """Name of each run's setup, told apart from those of its grids, as `Catalog.setups_in_grids` gives them."""
    return _setups(root, database, run_ids, version(root, database))


@st.cache_data(max_entries=16, show_spinner=False)
def _setups(root: str, database: str, run_ids: tuple[str, ...], version: Version) -> dict[str, str]:
    return _catalog(root, database).setups_in_grids(run_ids)


def grouped(root: str, database: str, filter: str) -> pd.DataFrame:
    """All runs that a filter holds for by setup, as `landlab ls --group` lists them."""
    return _grouped(root, database, filter, version(root, database))


@st.cache_data(max_entries=16, show_spinner=False)
def _grouped(root: str, database: str, filter: str, version: Version) -> pd.DataFrame:
    catalog = _catalog(root, database)
    runs = catalog.runs_columns(filter)
    return pd.DataFrame(by_setup(runs, catalog.setups(runs["run_id"])))


def columns(root: str, database: str, names: tuple[str, ...], filter: str) -> pd.DataFrame:
    """Fields and metrics by name of all runs that a filter holds for, as `Catalog.columns` gives them."""
    return _columns(root, database, names, filter, version(root, database))


@st.cache_data(max_entries=16, show_spinner=False)
def _columns(root: str, database: str, names: tuple[str, ...], filter: str, version: Version) -> pd.DataFrame:
    return _catalog(root, database).columns(names, filter)


def run(root: str, database: str, run_id: str) -> RunView:
    """One run, with its train and dev metrics; LandlabError where there is none of that id."""
    return _run(root, database, run_id, version(root, database))


@st.cache_data(max_entries=32, show_spinner=False)
def _run(root: str, database: str, run_id: str, version: Version) -> RunView:
    catalog = _catalog(root, database)
    record = catalog.run(run_id)
    return RunView(
        record,
        catalog.setup_of(record.run_id),
        catalog.dataset(record.dataset),
        catalog.epochs(record.run_id),
        catalog.metrics(record.run_id),
        catalog.attempts(record.run_id),
        catalog.artifacts(record.run_id),
        catalog.test_reads(record.run_id),
    )


def progress(root: str, database: str) -> pd.DataFrame:
    """Every run in every grid that holds it, as `landlab_mgr.catalog.progress` gives them."""
    return _progress(root, database, version(root, database))


@st.cache_data(max_entries=4, show_spinner=False)
def _progress(root: str, database: str, version: Version) -> pd.DataFrame:
    catalog = _catalog(root, database)
    return progress_of(catalog)


def epoch_seconds(root: str, database: str, dataset: str) -> float | None:
    """Time that an epoch on a dataset (its name) has taken lately; None where no run on it has completed."""
    return _epoch_seconds(root, database, dataset, version(root, database))


@st.cache_data(max_entries=16, show_spinner=False)
def _epoch_seconds(root: str, database: str, dataset: str, version: Version) -> float | None:
    catalog = _catalog(root, database)
    return catalog.epoch_seconds(dataset)


def events(root: str, database: str, kinds: tuple[str, ...], limit: int) -> pd.DataFrame:
    """The newest events of each of these kinds, newest first, as `Catalog.events` gives them."""
    return _events(root, database, kinds, limit, version(root, database))


@st.cache_data(max_entries=16, show_spinner=False)
def _events(root: str, database: str, kinds: tuple[str, ...], limit: int, version: Version) -> pd.DataFrame:
    catalog = _catalog(root, database)
    found = [catalog.events(kind=kind, limit=limit) for kind in kinds]
    return pd.concat(found, ignore_index=True).sort_values("id", ascending=False).head(limit)


@st.cache_data(max_entries=16, show_spinner=False)
def variants(grid: str, fingerprint: str) -> dict[str, str]:
    """Settings of the axes of a grid (its specification as JSON), in words, by run_id; for grids that have axes."""
    spec = GridSpec.model_validate_json(grid)
    said = [", ".join(f"{field} = {value}" for field, value in variant.items()) for variant in spec.variants]
    names = [text for _ in spec.seed_list for text in said for _ in spec.predictor_sets]
    return {run.run_id: name for run, name in zip(spec.expand(fingerprint), names, strict=True)}


def table(root: str, database: str, run_ids: tuple[str, ...]) -> pd.DataFrame:
    """Every setting and every train and dev metric of these runs, as `Catalog.table` gives them, and their setup."""
    return _table(root, database, run_ids, version(root, database))


@st.cache_data(max_entries=8, show_spinner="Reading settings and skill…")
def _table(root: str, database: str, run_ids: tuple[str, ...], version: Version) -> pd.DataFrame:
    shares = [run_ids[i : i + NAMED] for i in range(0, len(run_ids), NAMED)]
    catalog = _catalog(root, database)
    found = [catalog.table(f"run in ({', '.join(map(repr, share))})") for share in shares]
    whole = pd.concat(found, ignore_index=True)
    return whole.assign(setup=whole["run_id"].map(catalog.setups(run_ids)))


def curves(root: str, database: str, run_ids: tuple[str, ...]) -> pd.DataFrame:
    """Learning curves of runs below each other, as `Catalog.epochs` gives them, after a column run_id."""
    return _curves(root, database, run_ids, version(root, database))


@st.cache_data(max_entries=8, show_spinner="Reading the learning curves…")
def _curves(root: str, database: str, run_ids: tuple[str, ...], version: Version) -> pd.DataFrame:
    catalog = _catalog(root, database)
    found = [catalog.epochs(run_id).assign(run_id=run_id) for run_id in run_ids]
    found = [curve for curve in found if not curve.empty]
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=["run_id", "epoch"])


def difference(root: str, database: str, a: str, b: str) -> Comparison:
    """Differences between two runs, as `landlab show A B` says; LandlabError where they are one."""
    return _difference(root, database, a, b, version(root, database))


@st.cache_data(max_entries=8, show_spinner=False)
def _difference(root: str, database: str, a: str, b: str, version: Version) -> Comparison:
    catalog = _catalog(root, database)
    return compare(catalog, a, b)


HELD_BACK = "held back"


def held_back(run_id: str) -> pd.DataFrame:
    """Test and withheld metrics of a run, read and counted once each time that somebody switches them on.

    LandlabError where they cannot be counted.
    """
    if (metrics := held_back_of(run_id)) is None:
        with workspace().open() as catalog:
            metrics = catalog.metrics(run_id, [split for split in SPLITS if split not in SEEN])
        st.session_state[HELD_BACK] = run_id, metrics
    return metrics


def held_back_of(run_id: str) -> pd.DataFrame | None:
    """Test and withheld metrics of a run where its reader has switched them on; None elsewhere."""
    shown, metrics = st.session_state.get(HELD_BACK, (None, None))
    return metrics if shown == run_id else None


def withheld(workspace: Workspace, record: DatasetRecord, split: str) -> np.ndarray | None:
    """Steps of a dataset that a split (as JSON) withholds, bool [time, 1] or [time, pixel]; None: none."""
    return _withheld(str(workspace.path(record.url)), record.fingerprint, split)


@st.cache_resource(max_entries=8, show_spinner=False)
def _withheld(path: str, fingerprint: str, split: str) -> np.ndarray | None:
    return withheld_months(_dataset(path, fingerprint), SplitSpec.model_validate_json(split))


def artifact(workspace: Workspace, files: pd.DataFrame, kind: str) -> xr.Dataset | None:
    """File that a run wrote under this kind; None where the catalog has no such file."""
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
