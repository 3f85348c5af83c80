"""Results of members as xarray objects: skill, parameters and series of an ensemble, each in one call. JAX-free."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import xarray as xr

from landlab_mgr import analysis
from landlab_mgr.analysis.base import Ensemble
from landlab_mgr.analysis.contract import Needs
from landlab_mgr.analysis.load import load_needs
from landlab_mgr.records import SEEN
from landlab_mgr.workspace.workspace import Workspace

PLACES = ("lat", "lon", "area_m2", "site", "region")
"""Variables of a dataset that say where a pixel is."""
Where = Workspace | str | Path | None
"""A workspace, its directory, or None for the one that LANDLAB_WORKSPACE names."""


def open_skill(
    workspace: Where = None,
    filter: str = "",
    grid: str | None = None,
    splits: Sequence[str] = SEEN,
    level: str = "flat",
) -> xr.DataArray:
    """Skill of completed runs, [run, split, variable, statistic], with setup, label and seed of each run.

    Args:
        workspace: a workspace or its directory.
        filter: which runs, as `landlab ls` takes it; "" for all that are completed.
        grid: only runs of this grid.
        splits: train and dev; test and withheld by name only, which the catalog counts.
        level: flat, temporal or spatial.

    Raises:
        LandlabError: where no run is completed, or a split is unknown.
    """
    held_back = not set(splits) <= set(SEEN)
    place = workspace_at(workspace)
    with place.open(read_only=not held_back) as catalog:
        ensemble = Ensemble.select(place, catalog, filter, grid)
        skill = ensemble.metrics(splits, level)
        names = {"setup": ("run", ensemble.setups()), "label": ("run", list(ensemble.runs["label"]))}
        return skill.assign_coords(names).rename("skill")


def open_parameters(workspace: Where = None, filter: str = "", grid: str | None = None) -> xr.Dataset:
    """Parameters of completed runs, [run, pixel] each, with the place of each pixel.

    Files are read where values are used, one run at a time. Arguments as of `open_skill`. LandlabError also for a run
    without parameters, such as one of a network.
    """
    return _of_files("parameters", workspace, filter, grid)


def open_monthly(workspace: Where = None, filter: str = "", grid: str | None = None) -> xr.Dataset:
    """Modelled series of completed runs, [run, pixel, time] each, or by patch for large datasets.

    Files are read where values are used, one run at a time. Arguments as of `open_skill`.
    """
    return _of_files("monthly", workspace, filter, grid)


def analyse(
    name: str,
    workspace: Where = None,
    filter: str = "",
    grid: str | None = None,
    options: Mapping[str, Any] | None = None,
) -> analysis.Result:
    """Compute, store and catalogue an analysis of completed runs, as `landlab analyse` does.

    The `dataset` of the result is an xarray.Dataset; its `save_figure` draws it. Other arguments as of `open_skill`.
    """
    place = workspace_at(workspace)
    with place.open() as catalog:
        return analysis.run(place, catalog, name, filter, grid, options)


def workspace_at(where: Where) -> Workspace:
    """Return the workspace that is given, or the one at this directory."""
    return where if isinstance(where, Workspace) else Workspace.at(where)


def _of_files(kind: str, workspace: Where, filter: str, grid: str | None) -> xr.Dataset:
    """Open the files of one kind of all runs.

    Variables keep the names that they have there.
    """
    place = workspace_at(workspace)
    with place.open(read_only=True) as catalog:
        ensemble = Ensemble.select(place, catalog, filter, grid)
        ds = load_needs(ensemble, Needs(files={kind: ()}, dataset="if readable"))
    prefix = f"{kind}."
    places = [n for n in PLACES if n in ds and ds[n].dims == ("pixel",)]
    files = ds[[n for n in ds.data_vars if str(n).startswith(prefix)]]
    opened = files.drop_vars(["spec", *(f"{prefix}{n}" for n in places)], errors="ignore")
    opened = opened.rename({n: str(n).removeprefix(prefix) for n in (*opened.data_vars, *opened.dims)})
    own = [
        n for n in PLACES if n in opened.data_vars
    ]  # where the dataset is out of reach: from the first file
    opened = opened.assign_coords({n: opened[n][0] for n in own} | {n: ds[n] for n in places})
    opened = opened.set_coords([n for n in ("split",) if n in opened])
    return opened.assign_attrs(filter=ensemble.filter, synthetic=ds.attrs["synthetic"])
