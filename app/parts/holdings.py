"""Contents of a workspace: datasets with their variables and splits, and the files of runs."""

from pathlib import Path

import pandas as pd
import streamlit as st
import xarray as xr

from landlab_mgr.catalog import DatasetRecord
from landlab_mgr.catalog.events import Version
from landlab_mgr.data import schema, split
from landlab_mgr.errors import LandlabError
from landlab_mgr.spec.run import SplitSpec
from landlab_mgr.workspace.workspace import Workspace
from parts import reading, text


def listed(datasets: tuple[DatasetRecord, ...]) -> pd.DataFrame:
    """A row for each dataset, all that the catalog knows of it."""
    columns = {"n_pixels": "pixels", "n_patches": "patches", "n_months": "steps", "url": "path"}
    return pd.DataFrame([vars(d) for d in datasets]).rename(columns=columns)


def variables(ds: xr.Dataset) -> pd.DataFrame:
    """Variables by role: variable, role, group, unit, over, meaning. Reads attributes, no values."""
    rows = [
        (
            n,
            role,
            a.get("group", ""),
            text.unit(a.get("units", "")),
            ", ".join(map(str, ds[n].dims)),
            a.get("long_name", ""),
        )
        for role in schema.ROLES
        for n in schema.names(ds, role)
        for a in (ds[n].attrs,)
    ]
    return pd.DataFrame(rows, columns=["variable", "role", "group", "unit", "over", "meaning"])


def bytes_of(workspace: Workspace, record: DatasetRecord) -> int:
    """Size of a dataset in the storage."""
    return _bytes(str(workspace.path(record.url)), record.fingerprint)


@st.cache_data(max_entries=32, show_spinner=False)
def _bytes(path: str, fingerprint: str) -> int:
    from landlab_mgr.storage.location import located

    where = located(path)
    if isinstance(where, Path):
        return sum(p.stat().st_size for p in where.rglob("*") if p.is_file())
    return int(where.fs.du(where.path))


def splits(workspace: Workspace, record: DatasetRecord) -> pd.DataFrame:
    """Division of a dataset by its grids: grids, split in words, pixels of each part for the seed 0."""
    asked: dict[SplitSpec, list[str]] = {}
    for grid in reading.contents(str(workspace.root), workspace.database).grids:
        if grid.spec.dataset in record.names or record.fingerprint.startswith(grid.spec.dataset):
            for spec in grid.spec.splits:
                asked.setdefault(spec, []).append(grid.name)
    rows = [
        {"grids": ", ".join(names), "split": said(spec)}
        | _parts(str(workspace.path(record.url)), record.fingerprint, spec.model_dump_json())
        for spec, names in asked.items()
    ]
    return pd.DataFrame(rows)


def said(spec: SplitSpec) -> str:
    """A split in words: patch, 10 % of the other patches for dev."""
    own = spec.model_dump(exclude_defaults=True, exclude={"kind", "dev_fraction"})
    more = "".join(f", {name} {value}" for name, value in own.items())
    return f"{spec.kind}{more}, {spec.dev_fraction:.0%} of the rest for dev"


@st.cache_data(max_entries=32, show_spinner=False)
def _parts(path: str, fingerprint: str, spec: str) -> dict[str, int]:
    from landlab_mgr.data import store

    ds = store.open_dataset(path)  # geometry is in memory, nothing that varies by month is read
    try:
        labels = split.assign(ds, SplitSpec.model_validate_json(spec), 0)
    except LandlabError:  # a split that this dataset does not allow; its runs were refused
        return {}
    counts = pd.Series(labels).value_counts()
    return {part: int(counts[part]) for part in ("train", "dev", "test", "unused") if part in counts}


def files(root: str, database: str) -> pd.DataFrame:
    """Catalogued files of runs: run_id, state, kind, path, sha256, bytes."""
    return _files(root, database, reading.version(root, database))


@st.cache_data(max_entries=2, show_spinner="Listing the files of runs…")
def _files(root: str, database: str, version: Version) -> pd.DataFrame:
    with Workspace.at(root, database).open(read_only=True) as catalog:
        return pd.DataFrame(catalog.files_of_runs())
