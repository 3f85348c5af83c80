"""Names that analyses take from the tables of the runs' models. JAX-free."""

from collections.abc import Iterable, Sequence

import xarray as xr

from landlab_mgr.analysis import runs
from landlab_mgr.errors import LandlabError
from landlab_mgr.models import registry
from landlab_mgr.models.tables import Tables
from landlab_mgr.observations.streams import Stream
from landlab_mgr.spec.run import RunSpec


def streams_in(ds: xr.Dataset) -> list[Stream]:
    """Observation streams that a dataset has, in the order of tables."""
    return [stream for name, stream in registry.streams().items() if name in ds]


def in_order(variables: list[str]) -> list[str]:
    """Variables in the order of tables, then, sorted, those that no table has."""
    table = registry.variables()
    return [v for v in table if v in variables] + sorted(v for v in variables if v not in table)


def models_of(specs: Iterable[RunSpec]) -> list[Tables]:
    """Tables of the models of runs, each once, in the order of the registry."""
    models = {spec.model for spec in specs}
    return [registry.tables(name) for name in registry.names() if name in models]


def models_in(ds: xr.Dataset) -> list[Tables]:
    """Tables of the models of the runs of a loaded dataset."""
    return models_of(runs.specs(ds))


def process_model(models: Sequence[Tables]) -> Tables:
    """Return the one process model among these.

    LandlabError where there is none, or several.
    """
    with_parameters = [m for m in models if m.parameters]
    if len(with_parameters) != 1:
        names = ", ".join(m.name for m in with_parameters)
        what = f"{names} have parameters" if names else "none has parameters"
        raise LandlabError(
            f"the runs are of {', '.join(m.name for m in models)}, of which {what}, and this is about those of one: "
            "give a filter such as \"model = 'NAME'\""
        )
    return with_parameters[0]


def units(tables: Tables) -> dict[str, str]:
    """Units of every parameter and derived parameter, in the order of the tables."""
    return {p.name: p.unit for p in tables.parameters} | {d.name: d.unit for d in tables.derived}


def principal(tables: Tables) -> tuple[str, ...]:
    """Parameters that say most of a model, derived ones too: what it notes, or else all."""
    return tuple(tables.notes.get("principal", units(tables)))


def explained(tables: Tables) -> tuple[str, ...]:
    """Parameters that SHAP explains unless told otherwise."""
    return tuple(tables.notes.get("explained", principal(tables)))


def judged(tables: Tables) -> dict[str, str]:
    """Parameters whose agreement between members can be judged, each with the list that it is counted in.

    Lists are the heads of the network, such as initial pools, and what is derived; what no process reads is left out.
    """
    unused = tables.notes.get("unused", ())
    names = tables.notes.get("lists", {})
    by_head = [tables.by_name[n] for head in tables.heads for n in tables.names_of(head)]
    lists = {p.name: str(names.get(p.head, p.head)) for p in by_head} | {
        d.name: DERIVED for d in tables.derived
    }
    return {name: of for name, of in lists.items() if name not in unused}


DERIVED = "derived"
"""List of the derived parameters."""


def mapped(tables: Tables) -> str:
    """Return the parameter that is held against a map unless told otherwise."""
    return str(tables.notes.get("mapped", tables.parameters[0].name))


def latitude_parameters(tables: Tables) -> tuple[str, ...]:
    """Parameters whose network head reads the latitude beside the predictors."""
    return tuple(p.name for p in tables.parameters if p.head in tables.latitude_heads)
