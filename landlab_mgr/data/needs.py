"""Requirements of a run on its dataset. JAX-free.

They are checked before anything is registered or trained.
"""

import numpy as np
import xarray as xr

from landlab_mgr.data import predictors, split
from landlab_mgr.errors import LandlabError
from landlab_mgr.models import registry
from landlab_mgr.models.process import check_processes
from landlab_mgr.models.tables import Tables
from landlab_mgr.observations.calendar import Calendar
from landlab_mgr.spec.run import RunSpec

OWN_PACKAGE = "landlab-mgr"
"""Package whose models import, as our tests hold; those of others are imported to see."""


def check(spec: RunSpec, ds: xr.Dataset) -> None:
    """Check that this run can be done on this dataset; LandlabError names what cannot, and what is allowed."""
    tables = spec.tables
    if spec.model_version != tables.version:
        raise LandlabError(
            f"the run asks for version {spec.model_version} of model {spec.model!r}, and version {tables.version} is "
            "installed: register the grid again, or install what has the other version"
        )
    predictors.encode(ds, spec.predictors, np.ones(ds.sizes["pixel"], bool), spec.seeds.init)
    check_processes(tables.processes, spec.processes)
    if registry.owner(registry.PLUGINS, spec.model).replace("_", "-") != OWN_PACKAGE:
        registry.model(spec.model)  # must import
    forcing = forcing_names(ds, tables)
    for kind, choice in spec.processes.items():
        lacking = [name for name in tables.processes[kind].reads.get(choice, ()) if name not in forcing]
        if lacking:
            raise LandlabError(
                f"process.{kind} = {choice!r} reads {', '.join(lacking)}, which dataset {ds.attrs.get('name')} does "
                "not have: import it, or choose another process"
            )
    calendar = Calendar.of(ds)
    if calendar.step not in tables.steps:
        raise LandlabError(
            f"model {spec.model!r} takes steps of a {' or a '.join(tables.steps)}, and dataset "
            f"{ds.attrs.get('name')} has steps of a {calendar.step}; choose another model or dataset"
        )
    available = streams_of(ds)
    if not available:
        raise LandlabError(
            f"dataset {ds.attrs.get('name')} observes nothing to learn from: train on another, and apply the ensemble "
            "to it with `landlab ensemble predict`"
        )
    unknown = sorted(set(spec.streams or ()) - set(available))
    if unknown:
        raise LandlabError(
            f"dataset {ds.attrs.get('name')} does not observe {unknown[0]!r}; it has {', '.join(available)}"
        )
    if tables.by_variance:
        learned_streams(spec, ds)
    split.assign(ds, spec.split, spec.seeds.split)
    warmup = calendar.steps_in_months(spec.warmup_months)
    if calendar.steps <= warmup:
        raise LandlabError(
            f"warmup_months = {spec.warmup_months} leaves nothing of {calendar.steps} {calendar.step}s to score"
        )
    withheld = split.withheld_months(ds, spec.split)
    if withheld is not None and np.unique(withheld[warmup:]).size < 2:
        scored = withheld[warmup:].any(axis=1)
        raise LandlabError(
            f"the split holds out {scored.sum()} of the {scored.size} {calendar.step}s after the warm-up; "
            "hold some out and keep some: choose other years, or another warmup_months"
        )


def forcing_names(ds: xr.Dataset, tables: Tables) -> tuple[str, ...]:
    """Names of the forcing of a dataset that a model reads; LandlabError where it lacks some."""
    present = [name for name in registry.forcing() if name in ds]
    optional = [name for name in tables.optional_forcing if name in present]
    wanted = present if tables.forcing is None else [*tables.forcing, *optional]
    missing = [name for name in wanted if name not in present]
    if missing:
        raise LandlabError(
            f"dataset {ds.attrs.get('name')} has no {', '.join(missing)}, which model {tables.name!r} reads; "
            f"it has {', '.join(present)}: import the missing ones, or choose another model"
        )
    return tuple(wanted)


def streams_of(ds: xr.Dataset) -> tuple[str, ...]:
    """Observation streams that a dataset has, in table order."""
    return tuple(name for name in registry.streams() if name in ds)


def learnable_streams(spec: RunSpec, ds: xr.Dataset) -> list[str]:
    """Streams of a dataset that the model of a run can learn from."""
    terms = spec.tables.terms.values()
    return [s for s in streams_of(ds) if any(t.stream and t.stream.name == s for t in terms)]


def learned_streams(spec: RunSpec, ds: xr.Dataset) -> list[str]:
    """Streams of a dataset that a run learns from; LandlabError where its model can learn none of them."""
    chosen = [s for s in learnable_streams(spec, ds) if spec.streams is None or s in spec.streams]
    if not chosen:
        names = [t.stream.name for t in spec.tables.terms.values() if t.stream]
        available = [s for s in streams_of(ds) if spec.streams is None or s in spec.streams]
        raise LandlabError(
            f"model {spec.model!r} learns {', '.join(names)}, and there is only "
            f"{', '.join(available) or 'nothing'}; use another dataset, or another model"
        )
    return chosen
