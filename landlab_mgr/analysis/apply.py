"""Trained members of a workspace, applied to one of its datasets."""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast, get_args

import xarray as xr

from landlab_mgr import analysis
from landlab_mgr.analysis.base import Ensemble
from landlab_mgr.analysis.results import Where, workspace_at
from landlab_mgr.catalog import Catalog
from landlab_mgr.catalog.records import AnalysisRecord
from landlab_mgr.data import store
from landlab_mgr.errors import LandlabError
from landlab_mgr.observations.calendar import Calendar
from landlab_mgr.prediction import cf, intervals
from landlab_mgr.records import CHECKPOINT
from landlab_mgr.spec import fields
from landlab_mgr.workspace.workspace import Workspace

if TYPE_CHECKING:
    from landlab_mgr.prediction.scenario import Scenario


class Predicted(NamedTuple):
    """A file of predictions: its path, its variables, and what they are of."""

    path: Path
    variables: tuple[str, ...]
    setup: str
    members: int
    pixels: int
    months: int
    with_interval: tuple[str, ...] = ()


CALIBRATION = "calibration"
"""Analysis whose results are the calibrations of ensembles."""


def calibrate(
    which: str,
    workspace: Where = None,
    method: str = "conformal",
    places: str = "dev",
    pool: Sequence[str] = (),
) -> analysis.Result:
    """Calibrate the intervals of an ensemble, as a new version of its calibration.

    Args:
        which: name of an ensemble, or a filter, of members of one setup (of several with `pool`, and of all folds).
        workspace: a workspace or its directory.
        method: conformal.
        places: dev, or folds: also cells that some members hold out and others do not, which is counted.
        pool: fields of the run specification in which members may differ.

    Raises:
        LandlabError: for members of several setups, and where no place has two that did not learn from it.
    """
    place = workspace_at(workspace)
    with place.open() as catalog:
        ensemble = _members(place, catalog, which)
        before = calibrations(catalog, ensemble.run_ids)
        options = {
            "method": method,
            "places": places,
            "pool": ",".join(pool),
            "version": 1 + max((int(c.options["version"]) for c in before), default=0),
        }
        return analysis.run(place, catalog, CALIBRATION, ensemble.filter, options=options)


def calibrations(catalog: Catalog, run_ids: Collection[str], within: bool = False) -> list[AnalysisRecord]:
    """Calibrations of exactly these runs, oldest first; with `within` also those of some of them."""
    records = [(record, catalog.evidence_of(record.id).keys()) for record in catalog.analyses(CALIBRATION)]
    return [record for record, of in records if of == set(run_ids) or (within and of <= set(run_ids))]


def _members(place: Workspace, catalog: Catalog, which: str) -> Ensemble:
    """Completed runs of an ensemble's name, or of a filter."""
    names = {e.name for e in catalog.ensembles()}
    return Ensemble.select(place, catalog, f"ensemble = '{which}'" if which in names else which)


def _silent(number: int, total: int) -> None:
    """Report no progress."""


def predict(
    which: str,
    data: str,
    out: str | Path,
    workspace: Where = None,
    scenario: "Scenario | str | Path | None" = None,
    variables: Sequence[str] = (),
    quantiles: bool = False,
    members: bool = False,
    layout: str = "auto",
    pool: Sequence[str] = (),
    tell: Callable[[int, int], None] = _silent,
    levels: Sequence[float] = (),
    novelty: bool = False,
) -> Predicted:
    """Apply trained members to a dataset: mean and spread by place and month, as a CF file.

    Args:
        which: name of an ensemble, or a filter, of members of one setup (of several with `pool`).
        data: name or fingerprint of a dataset of the workspace.
        out: FILE.nc or DIRECTORY.zarr that does not exist yet.
        workspace: a workspace or its directory.
        scenario: changes of forcing and predictors, or the TOML file that lists them.
        variables: outputs to write; (): those that every run of the model keeps.
        quantiles: whether to write 5, 25, 50, 75 and 95 % of the members too.
        members: whether to write every member too.
        layout: grid, points, or auto.
        pool: fields of the run specification in which members may differ.
        tell: called with the number of each block and how many there are.
        levels: write lower and upper bounds of intervals that hold these shares of a new place's observations.
        novelty: whether to write how far each place and month is from those that the members learned from.

    Raises:
        LandlabError: for a target that exists, an unknown dataset, layout, field or variable, members that differ in
            another field, and intervals of members that are not calibrated.
    """
    cf.check_target(str(out))
    if layout not in get_args(cf.Layout):
        raise LandlabError(f"layout {layout}: choose one of {', '.join(get_args(cf.Layout))}")
    fields.require_known(pool, "pool")
    place = workspace_at(workspace)
    with place.open(read_only=True) as catalog:
        ensemble = _members(place, catalog, which)
        setup, values = _pooled(ensemble, pool)
        target = catalog.dataset(data)
        used = set(ensemble.runs["dataset"])
        learned = {d.name: d.fingerprint for d in catalog.datasets() if d.name in used}
        calibration = _calibration(ensemble, which, pool) if levels else None
        origin = ensemble.dataset() if novelty else None
        synthetic, paths = ensemble.synthetic, list(ensemble.paths(CHECKPOINT))
    ds = store.open_dataset(place.path(target.url))

    from landlab_mgr.prediction import predict as prediction  # JAX takes seconds: mistakes come first
    from landlab_mgr.prediction import scenario as scenarios

    changes = scenarios.load(scenario) if isinstance(scenario, str | Path) else scenario
    trained = {
        run_id: prediction.Trained.open(path) for run_id, path in zip(ensemble.run_ids, paths, strict=True)
    }
    names = [v.name for v in prediction.chosen(trained, list(variables))]
    wide = None
    if calibration is not None:
        wide = intervals.intervals_of(calibration, tuple(names), tuple(levels), Calendar.of(ds).step)
    attrs: dict[str, Any] = prediction.attributes(trained, setup, learned, synthetic, ds, changes)
    attrs["landlab_filter"] = ensemble.filter
    if pool:
        attrs["landlab_pooled"] = json.dumps(values)
    if wide:
        attrs["landlab_calibration"] = wide.about
    prediction.write(
        trained,
        ds,
        out,
        names,
        changes,
        quantiles,
        members,
        cast(cf.Layout, layout),
        attrs,
        tell,
        pool,
        wide,
        origin,
    )
    counts = len(trained), target.n_pixels, target.n_months
    return Predicted(Path(out), tuple(names), setup, *counts, tuple(wide.factor) if wide else ())


def _calibration(ensemble: Ensemble, which: str, pool: Sequence[str]) -> xr.Dataset:
    """Latest calibration of exactly these members; LandlabError where there is none, or they changed since."""
    catalog, run_ids = ensemble.catalog, ensemble.run_ids
    records = calibrations(catalog, run_ids)
    folds = len({spec.split.fold for spec in catalog.specs(run_ids).values()}) > 1
    other = ",".join(name for name in pool if name != "split.fold")
    command = (
        f'landlab ensemble calibrate "{which}"' + " --places folds" * folds + f" --pool {other}" * bool(other)
    )
    if not records:
        raise LandlabError(f"no calibration of these {len(run_ids)} runs together: `{command}` makes one")
    result = analysis.recorded(ensemble.workspace, catalog, records[-1])
    needs = result.analysis.needs(analysis.options_of(result.analysis, result.record.options))
    if catalog.evidence(run_ids, needs.splits, needs.evidence) != catalog.evidence_of(result.record.id):
        raise LandlabError(f"runs changed since calibration {result.record.id}: `{command}` makes a new one")
    return result.dataset


def _pooled(ensemble: Ensemble, pooled: Sequence[str]) -> tuple[str, Mapping[str, list[fields.Value]]]:
    """Name of what the members are, and the values of each pooled field; LandlabError where another field differs."""
    settings = ensemble.catalog.settings(ensemble.run_ids)
    names = dict(zip(ensemble.run_ids, ensemble.runs["dataset"], strict=True))
    rows = [row | {"dataset": names[run_id]} for run_id, row in settings.items()]
    fields.require_alike(rows, pooled)
    differences = fields.differing(rows)
    values = {name: differences.get(name, [rows[0][name]]) for name in pooled}
    setup = " and ".join(dict.fromkeys(ensemble.runs["label"]))
    over = [f"{name} {fields.listed(v)}" for name, v in values.items() if name != "predictors" and len(v) > 1]
    return setup + (f", pooled over {' and '.join(over)}" if over else ""), values
