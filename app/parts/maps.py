"""Contents of maps: values at places, of members' parameters or skill, or of results that are on record.

Of every member's file the one variable is read that is shown, never the whole file.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
import streamlit as st
import xarray as xr

from landlab_mgr.analysis import partition_map, truth
from landlab_mgr.analysis.base import Ensemble
from landlab_mgr.catalog.events import Version
from landlab_mgr.errors import LandlabError
from landlab_mgr.models.tables import Derived, Parameter, Tables
from landlab_mgr.storage import artifacts
from landlab_mgr.workspace.workspace import Workspace
from parts import reading, series, text

Values = np.ndarray

PIXELS = {
    "seen": ("train", "dev"),
    "dev": ("dev",),
    "test": ("test",),
    "withheld": ("train",),
}
"""By choice, the parts of a member's split at whose pixels its skill is shown; withheld: in withheld months."""
HELD_BACK = ("test", "withheld")
STATISTICS = {
    "R2": "R² (Nash–Sutcliffe)",
    "r2": "r² (squared correlation)",
    "r": "r (correlation)",
    "rmse": "RMSE",
    "mae": "MAE",
    "bias": "bias",
}


@dataclass(frozen=True, eq=False)
class Panel:
    """One map: a name for its column in a table, a title, values [pixel] and how they are coloured."""

    name: str
    title: str
    label: str
    """Quantity and unit, beside the colours."""
    values: Values
    how: Literal["amount", "spread", "signed", "group"]
    low: float
    high: float
    unit: str = ""
    groups: tuple[str, ...] = ()
    """Meanings of the codes 0, 1, ..."""


@dataclass(frozen=True, eq=False)
class Places:
    """Positions of pixels, [pixel], and the names of sites, where they have some."""

    lat: Values
    lon: Values
    site: Values | None = None


@dataclass(frozen=True, eq=False)
class Spread:
    """Mean and standard deviation (of a sample) over the members that have a value, and how many have, [pixel]."""

    mean: Values
    sd: Values
    n: Values


def places(workspace: Workspace, dataset: str) -> Places:
    """Of the pixels of a dataset, by its name."""
    contents = reading.contents(str(workspace.root), workspace.database)
    record = next(d for d in contents.datasets if d.name == dataset)
    return _places(str(workspace.root), workspace.database, record.fingerprint, record.url)


@st.cache_resource(max_entries=4, show_spinner=False)
def _places(root: str, database: str, fingerprint: str, url: str) -> Places:
    ds = open_dataset(Workspace.at(root, database), fingerprint)
    site = np.array([str(name) for name in ds["site"].values]) if "site" in ds else None
    return Places(ds["lat"].values, ds["lon"].values, site)


def open_dataset(workspace: Workspace, fingerprint: str) -> xr.Dataset:
    """The dataset of this fingerprint, its arrays read when they are used."""
    contents = reading.contents(str(workspace.root), workspace.database)
    return reading.dataset(workspace, next(d for d in contents.datasets if d.fingerprint == fingerprint))


def parameters(workspace: Workspace, runs: pd.DataFrame, name: str) -> Spread:
    """Of a parameter, raw or derived, over runs; LandlabError where a run has no file of parameters."""
    return _spread(*_files(workspace, runs, "parameters"), "parameters", name, "", ())


def skill(workspace: Workspace, runs: pd.DataFrame, variable: str, statistic: str, pixels: str) -> Spread:
    """Of a variable's skill over the members to which a pixel is of the chosen kind (PIXELS)."""
    return _spread(*_files(workspace, runs, "skill"), pixels, variable, statistic, PIXELS[pixels])


def look(workspace: Workspace, filter: str, runs: pd.DataFrame, pixels: str) -> None:
    """Count, once in a session, that held-back skill of these runs is looked at; LandlabError where it cannot be."""
    asked = (filter, pixels, *runs["run_id"])
    counted = st.session_state.setdefault("held-back maps", set())
    if pixels in HELD_BACK and asked not in counted:
        with workspace.open() as catalog:
            Ensemble(workspace, catalog, filter, runs).look([pixels])
        counted.add(asked)


def true_parameter(workspace: Workspace, dataset: str, tables: Tables, name: str) -> Values | None:
    """True values of a twin planet, [pixel]; None of real data."""
    contents = reading.contents(str(workspace.root), workspace.database)
    record = next(d for d in contents.datasets if d.name == dataset)
    if record.kind != "synthetic":
        return None
    return truth.parameters(reading.dataset(workspace, record), [name], tables).get(name)


def _files(workspace: Workspace, runs: pd.DataFrame, kind: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Paths and hashes of the runs' files of a kind."""
    found = artifacts_of(str(workspace.root), workspace.database, tuple(runs["run_id"]), kind)
    if lacking := [run_id for run_id in runs["run_id"] if run_id not in found.index]:
        raise LandlabError(f"run {lacking[0]} has no file {kind!r}; choose runs that have one")
    ordered = found.loc[list(runs["run_id"])]
    return tuple(str(workspace.path(path)) for path in ordered["path"]), tuple(ordered["sha256"])


def artifacts_of(root: str, database: str, run_ids: tuple[str, ...], kind: str) -> pd.DataFrame:
    """path and sha256 of the file of a kind, by run_id."""
    return _artifacts_of(root, database, run_ids, kind, reading.version(root, database))


@st.cache_data(max_entries=16, show_spinner=False)
def _artifacts_of(
    root: str, database: str, run_ids: tuple[str, ...], kind: str, version: Version
) -> pd.DataFrame:
    with Workspace.at(root, database).open(read_only=True) as catalog:
        files = catalog.files(run_ids, kind)
    rows = [(run_id, file.path, file.sha256) for run_id, file in files.items()]
    return pd.DataFrame(rows, columns=["run_id", "path", "sha256"]).set_index("run_id")


@st.cache_resource(max_entries=32, show_spinner="Reading the members' maps…")
def _spread(
    paths: tuple[str, ...],
    hashes: tuple[str, ...],
    of: str,
    name: str,
    statistic: str,
    parts: tuple[str, ...],
) -> Spread:
    """Member by member (Welford 1962), so that never more than one is in memory."""
    n = mean = squares = None
    for path in paths:
        x = _values(path, name, "withheld" if of == "withheld" else "observation", statistic, parts)
        if n is None:
            n, mean, squares = np.zeros(x.shape, int), np.zeros(x.shape), np.zeros(x.shape)
        elif x.shape != n.shape:
            raise LandlabError(f"{path} has {x.size} pixels, others {n.size}; choose runs of one dataset")
        there = np.isfinite(x)
        n = n + there
        delta = np.where(there, x - mean, 0.0)
        mean = mean + delta / np.maximum(n, 1)
        squares = squares + delta * np.where(there, x - mean, 0.0)
    if n is None:
        raise LandlabError("no completed run; `landlab run` trains what is pending")
    with np.errstate(invalid="ignore", divide="ignore"):
        return Spread(np.where(n > 0, mean, np.nan), np.where(n > 1, np.sqrt(squares / (n - 1)), np.nan), n)


def _values(path: str, name: str, period: str, statistic: str, parts: tuple[str, ...]) -> Values:
    """One member's values, [pixel]: a parameter, or with a statistic its skill at pixels of these parts."""
    file = artifacts.read(path, [name, "split"] if statistic else [name])
    if name not in file or (statistic and period not in file["period"].values):
        raise LandlabError(f"{path} holds no {name}{f' of {period} months' if statistic else ''}")
    if not statistic:
        return file[name].values.astype(float)
    x = file[name].sel(period=period, statistic=statistic).values.astype(float)
    return np.where(np.isin(series.splits(file), parts), x, np.nan)


# --- panels -----------------------------------------------------------------------------------------


def of_model(tables: Tables) -> dict[str, Parameter | Derived]:
    """Quantities of a model on maps, by name: its parameters, what is derived from them, initial pools last."""
    by_head = [tables.by_name[name] for head in tables.heads for name in tables.names_of(head)]
    pools = [p for p in by_head if p.name in tables.pools]
    others = [p for p in by_head if p.name not in tables.pools]
    return {p.name: p for p in (*others, *tables.derived, *pools)}


def of_parameter(parameter: Parameter | Derived, values: Values, column: str, title: str) -> Panel:
    """The values of a parameter."""
    label, unit = quantity(parameter.name, parameter.unit), text.unit(parameter.unit)
    return Panel(column, title, label, values, "amount", *_range(values), unit)


def variation(name: str, found: Spread) -> Panel:
    """The coefficient of variation of a parameter over the members."""
    with np.errstate(invalid="ignore", divide="ignore"):
        cv = found.sd / np.abs(found.mean)
    title = f"Coefficient of variation over {members(found)}"
    return Panel("cv", title, f"CV of {name.replace('_', ' ')} (sd / mean)", cv, "spread", 0.0, _top(cv))


def of_skill(variable: str, statistic: str, values: Values, column: str, title: str) -> Panel:
    """The skill of a variable; R² and r are coloured from -1 to 1, with what is below at the end."""
    known = text.about(variable)
    unit = known.unit if known and statistic in ("rmse", "mae", "bias") else "1"
    label = quantity(f"{STATISTICS[statistic].split(' (')[0]} of {text.name(variable)}", unit)
    if statistic in ("R2", "r"):
        return Panel(column, title, label, values, "signed", -1.0, 1.0)
    if statistic == "bias":
        bound = _top(np.abs(values))
        return Panel(column, title, label, values, "signed", -bound, bound, text.unit(unit))
    low, high = (0.0, 1.0) if statistic == "r2" else (0.0, _top(values))
    return Panel(column, title, label, values, "amount", low, high, text.unit(unit))


def deviation(label: str, found: Spread) -> Panel:
    """The standard deviation of skill over the members."""
    title = f"Standard deviation over {members(found)}"
    return Panel("sd", title, f"sd of {label}", found.sd, "spread", 0.0, _top(found.sd))


def of_groups(ds: xr.Dataset, variable: str) -> list[Panel]:
    """Group that brings most at each pixel, and how much it brings, of a stored `partition_map`."""
    one = ds.sel(variable=variable)
    groups = [str(g) for g in ds["group"].values]
    code = one["dominant"].values.astype(float)
    code = np.where(code == partition_map.NONE, len(groups), code)
    code = np.where(code == partition_map.STRUCTURE, len(groups) + 1, code)
    code = np.where(code == partition_map.UNKNOWN, np.nan, code)
    part = one["independent"].max("group").values
    part = np.where(code == len(groups) + 1, one["control"].values, part)
    part = np.where(np.isfinite(code), part, np.nan)
    of = f"{ds.attrs['statistic']} of {text.name(variable)}"
    return [
        Panel(
            *("group", "Group that brings most", f"leading group, {of}", code, "group"),
            *(-0.5, len(groups) + 1.5),
            groups=(*groups, "none", "structure"),
        ),
        Panel("independent", "What it brings", f"largest part of {of}", part, "amount", 0.0, _top(part)),
    ]


def of_component(ds: xr.Dataset, component: str) -> Panel:
    """The scores of a principal component, of a stored `pca`."""
    one = ds.sel(component=component)
    values = one["scores"].values.astype(float)
    bound = _top(np.abs(values))
    title = f"{component}: {float(one['explained']):.0%} of the variance"
    return Panel(component, title, "score (standard deviations)", values, "signed", -bound, bound)


def alike(panels: Sequence[Panel]) -> list[Panel]:
    """The panels with one range of colours; those of another quantity stay as they are."""
    first = panels[0]
    same = [p for p in panels if p.how == first.how and p.label == first.label]
    low, high = min(p.low for p in same), max(p.high for p in same)
    return [
        Panel(p.name, p.title, p.label, p.values, p.how, low, high, p.unit, p.groups) if p in same else p
        for p in panels
    ]


def table(where: Places, panels: Sequence[Panel]) -> pd.DataFrame:
    """A row for each pixel that has a value: pixel, lat, lon, site where there are sites, a column of each panel."""
    columns: dict[str, Values] = {"pixel": np.arange(len(where.lat)), "lat": where.lat, "lon": where.lon}
    if where.site is not None:
        columns["site"] = where.site
    for panel in panels:
        values = panel.values
        if panel.groups:
            names = np.array([*panel.groups, ""], object)
            values = names[np.where(np.isfinite(values), values, len(panel.groups)).astype(int)]
        columns[panel.name] = values
    frame = pd.DataFrame(columns)
    there = np.any([np.isfinite(panel.values) for panel in panels], axis=0)
    return frame[there].reset_index(drop=True)


def quantity(name: str, unit: str) -> str:
    """Name and unit beside colours."""
    return f"{name.replace('_', ' ')} ({text.unit(unit) or '1'})"


def members(found: Spread) -> str:
    """Number of members that a pixel's mean is of, in words: 5 members, 1 to 5 members."""
    there = found.n[found.n > 0]
    if not there.size:
        return "no members"
    low, high = int(there.min()), int(there.max())
    return f"{high} member{'s' * (high != 1)}" if low == high else f"{low} to {high} members"


def _range(values: Values) -> tuple[float, float]:
    """2nd and 98th percentile, which a few extreme pixels do not move."""
    there = values[np.isfinite(values)]
    if not there.size:
        return 0.0, 1.0
    low, high = (float(x) for x in np.quantile(there, [0.02, 0.98]))
    return (low, high) if high > low else (low - 0.5 * abs(low) - 1e-12, high + 0.5 * abs(high) + 1e-12)


def _top(values: Values) -> float:
    there = values[np.isfinite(values)]
    return float(np.quantile(there, 0.98)) or 1.0 if there.size else 1.0
