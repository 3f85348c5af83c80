"""Analyses of ensembles, behind one registry. JAX-free.

A module here that has an ANALYSIS is one; other packages add theirs as entry points (`plugins`). `run` loads what one
needs, computes it, stores the result, and catalogues it with the runs that it used.
"""

import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import xarray as xr
from pydantic import ValidationError

from landlab_mgr import __version__
from landlab_mgr.analysis import plugins
from landlab_mgr.analysis.base import Ensemble, completed
from landlab_mgr.analysis.contract import Analysis, Needs, Options
from landlab_mgr.analysis.load import load
from landlab_mgr.analysis.of_models import models_of
from landlab_mgr.catalog import Catalog
from landlab_mgr.catalog.filter import ensembles_named, held_back
from landlab_mgr.catalog.records import AnalysisRecord
from landlab_mgr.errors import LandlabError
from landlab_mgr.records import ArtifactRecord
from landlab_mgr.spec.run import identity
from landlab_mgr.storage import artifacts, provenance
from landlab_mgr.storage import figures as figure_files  # `figures` is a package here
from landlab_mgr.storage.location import make_directory
from landlab_mgr.workspace.workspace import Workspace

NO_ANALYSIS = ("apply", "figures", "report", "reproduce", "results", "trace")
"""Modules that import much, or import this one, and hold no analysis."""
DIRECTORY = "analyses"
"""Directory of results in the workspace, with one named after each analysis' id."""


@cache
def registry() -> Mapping[str, Analysis]:
    """Every analysis by name, landlab's own first; LandlabError for a package whose analysis cannot be used."""
    names = [m.name for m in pkgutil.iter_modules(__path__) if m.name not in NO_ANALYSIS]
    modules = [import_module(f"{__name__}.{name}") for name in names]
    own = {module.ANALYSIS.name: module.ANALYSIS for module in modules if hasattr(module, "ANALYSIS")}
    return own | {analysis.name: analysis for analysis in plugins.analyses(own)}


def find(name: str) -> Analysis:
    """Return the analysis of this name; LandlabError where there is none."""
    if name not in registry():
        raise LandlabError(f"no analysis {name!r}; there are: {', '.join(registry())}; see `landlab analyse`")
    return registry()[name]


def options_of(analysis: Analysis, given: Mapping[str, Any]) -> Options:
    """Its options where those given differ from the defaults; LandlabError for unknown ones and bad values."""
    try:
        return analysis.options.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        if first["type"] == "extra_forbidden":
            known = ", ".join(analysis.options.model_fields)
            raise LandlabError(
                f"analysis {analysis.name} has no option {key!r}; its options: {known}"
            ) from None
        message = f"{first['msg']}, not {first['input']!r}"
        raise LandlabError(f"option {key} of analysis {analysis.name}: {message}") from None


@dataclass(frozen=True)
class Result:
    """Result of an analysis: its catalogued record, its dataset and its provenance.

    The provenance is what a figure of it says of its making.
    """

    analysis: Analysis
    record: AnalysisRecord
    dataset: xr.Dataset
    provenance: Mapping[str, Any]
    reused: bool = False
    """True if it was catalogued before."""

    def save_figure(self, path: str | Path) -> None:
        """Draw the result into a PNG, SVG or PDF that `landlab trace` can explain; the same pixels every time."""
        import matplotlib
        import matplotlib.style

        figure_files.check_target(path)
        # not in the user's style, which the provenance does not know
        with matplotlib.style.context("default"), matplotlib.rc_context({"svg.hashsalt": "landlab"}):
            figure_files.save(self.analysis.figure(self.dataset), path, self.provenance)


def run(
    workspace: Workspace,
    catalog: Catalog,
    name: str,
    filter: str = "",
    grid: str | None = None,
    options: Mapping[str, Any] | None = None,
    reuse: bool = False,
) -> Result:
    """Compute an analysis of the completed runs that a filter holds for and a grid has, store and catalogue it.

    The same question of the same runs with the same metrics is the same analysis: it is computed again and takes
    its old place, or with `reuse` is taken as it is where the same code made it. LandlabError for an unknown name, bad
    options, or no run.
    """
    analysis = find(name)
    chosen = options_of(analysis, options or {})
    ensemble = Ensemble.select(workspace, catalog, filter, grid)
    changed = chosen.model_dump(mode="json", exclude_defaults=True)  # a new option changes no old id
    chosen = chosen.filled(models_of(catalog.specs(ensemble.run_ids).values()))
    needs = analysis.needs(chosen)
    evidence = catalog.evidence(ensemble.run_ids, needs.splits, needs.evidence)
    analysis_id = identity(
        {"name": name, "options": changed, "filter": ensemble.filter, "evidence": sorted(evidence.items())}
    )
    about = {"splits": list(needs.splits), "kinds": list(needs.evidence)}
    if reuse and (record := _stored(workspace, catalog, analysis_id)) is not None:
        ensemble.look(needs.splits)
        stored = artifacts.read(workspace.path(record.path))
        return Result(analysis, record, stored, _provenance(ensemble, record, evidence, about), reused=True)
    result = analysis.compute(load(ensemble, analysis, chosen), chosen)
    result = result.assign_attrs(analysis=analysis_id, filter=ensemble.filter)
    directory = workspace.path(f"{DIRECTORY}/{analysis_id}")
    make_directory(directory)
    file = workspace.catalogued(artifacts.write(name, result, directory))
    packages = {p: version(p) for p in ("numpy", "pandas", "xarray", "matplotlib")}
    record = AnalysisRecord(
        id=analysis_id,
        name=name,
        options=chosen.model_dump(mode="json"),
        filter=ensemble.filter,
        path=file.path,
        sha256=file.sha256,
        bytes=file.bytes,
        environment={**_code(), "versions": _versions(name) | packages},
    )
    catalog.record_analysis(record, evidence)
    return Result(analysis, record, result, _provenance(ensemble, record, evidence, about))


def recorded(workspace: Workspace, catalog: Catalog, record: AnalysisRecord) -> Result:
    """Return a catalogued result as it was made, with the provenance of then.

    Nothing is computed, counted or written.

    LandlabError where its file is missing or altered, or this code has no such analysis or options.
    """
    analysis, path = find(record.name), workspace.path(record.path)
    needs = analysis.needs(options_of(analysis, record.options))
    file = ArtifactRecord(record.name, record.path, record.sha256, record.bytes)
    if not artifacts.intact(file, path):
        raise LandlabError(f"{path} is missing or altered; `landlab analyse {record.name}` makes it again")
    evidence = catalog.evidence_of(record.id)
    runs = catalog.runs("" if held_back(record.filter) else completed(record.filter))
    ensemble = Ensemble(workspace, catalog, record.filter, runs[runs["run_id"].isin(evidence)])
    about = {"splits": list(needs.splits), "kinds": list(needs.evidence)}
    then: dict[str, Any] = {"code": {key: record.environment.get(key) for key in _code()}}
    if record.created is not None:
        then["created"] = record.created.isoformat(timespec="seconds")
    made = _provenance(ensemble, record, evidence, about) | then
    return Result(analysis, record, artifacts.read(path), made, reused=True)


def _versions(name: str) -> dict[str, str]:
    """Versions of the code of an analysis: landlab's, and that of the package that offers it."""
    return {"landlab_mgr": __version__} | plugins.packages(name)


def _code() -> dict[str, Any]:
    return provenance.code()._asdict()


def _stored(workspace: Workspace, catalog: Catalog, analysis_id: str) -> AnalysisRecord | None:
    """Return a catalogued result that this code made, its file intact."""
    for record in catalog.analyses():
        if record.id == analysis_id:
            environment = record.environment
            file = ArtifactRecord(record.name, record.path, record.sha256, record.bytes)
            code = {**environment, **environment.get("versions", {})}
            same = (_code() | _versions(record.name)).items() <= code.items()
            return record if same and artifacts.intact(file, workspace.path(record.path)) else None
    return None


def _provenance(
    ensemble: Ensemble, record: AnalysisRecord, evidence: Mapping[str, str], about: Mapping[str, Any]
) -> dict[str, Any]:
    used = set(ensemble.runs["dataset"])
    return {
        **origin(ensemble.workspace, ensemble.catalog, used),
        "analysis": {
            "id": record.id,
            "name": record.name,
            "options": dict(record.options),
            "filter": record.filter,
            **about,
        },
        "runs": dict(evidence),
        "grids": _grids(ensemble),
        "ensembles": _ensembles(ensemble),
        "result": {"path": record.path, "sha256": record.sha256, "bytes": record.bytes},
    }


def origin(workspace: Workspace, catalog: Catalog, datasets: set[str]) -> dict[str, Any]:
    """Return what every figure says of its origin.

    The datasets, by name, that it rests on, where the catalog is, which code, and when.
    """
    return {
        "datasets": [
            {"name": d.name, "fingerprint": d.fingerprint, "kind": d.kind, "source": d.source}
            for d in catalog.datasets()
            if d.name in datasets
        ],
        "workspace": str(workspace.root),
        "catalog": catalog.url,
        "code": provenance.code()._asdict(),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _ensembles(ensemble: Ensemble) -> list[dict[str, Any]]:
    """Names and rules of the ensembles that the filter names."""
    named = {*ensembles_named(ensemble.filter)}
    return [{"name": e.name, "rule": dict(e.rule)} for e in ensemble.catalog.ensembles() if e.name in named]


def _grids(ensemble: Ensemble) -> list[dict[str, Any]]:
    """Specifications of the fewest grids that hold the runs, largest share first; some runs may be in none.

    A grid that an ensemble was selected from is always among them: its other runs were candidates.
    """
    members: dict[str, set[str]] = {}
    for run_id, names in zip(ensemble.run_ids, ensemble.runs["grids"], strict=True):
        for name in filter(None, names.split(",")):
            members.setdefault(name, set()).add(run_id)
    specs = {grid.name: grid.spec for grid in ensemble.catalog.grids()}
    left = set().union(*members.values())
    selected_from = [str(e["rule"].get("grid")) for e in _ensembles(ensemble)]
    first = [name for name in dict.fromkeys(selected_from) if name in specs]
    left = left.difference(*(members.get(name, set()) for name in first))
    chosen = [specs[name].model_dump(mode="json", exclude_defaults=True) for name in first]
    while left:
        # of equal ones that which the filter names, so that what it finds is there again
        best = max(
            sorted(members), key=lambda n: (len(members[n] & left), f"grid = '{n}'" in ensemble.filter)
        )
        left -= members[best]
        chosen.append(specs[best].model_dump(mode="json", exclude_defaults=True))
    return chosen
