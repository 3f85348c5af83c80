"""The models that are installed, and what they add up to: streams, variables, forcing. JAX-free.

Models are found under the entry-point group `landlab_mgr.models`, ours as those of other packages: a name, and the
`Tables` that it names.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any

from landlab_mgr.errors import LandlabError, an
from landlab_mgr.models.tables import Kind, LossTerm, Parameter, Tables
from landlab_mgr.observations.streams import STREAMS, Stream
from landlab_mgr.observations.variables import FORCING, VARIABLES, Variable

if TYPE_CHECKING:
    from landlab_mgr.models.model import Model

PLUGINS = "landlab_mgr.models"
DEFAULT = "dalec"
"""The model of a run that names none: what the first runs were of, whose ids must not change."""


def offered(group: str) -> list[EntryPoint]:
    """Entry points of a group, by name."""
    return sorted(entry_points(group=group), key=lambda e: e.name)


def load(entry: EntryPoint, what: str, kind: type, package: str = "") -> Any:
    """Object that an entry point names; LandlabError where it does not import, or is no `kind`."""
    package = package or package_of(entry)
    try:
        value = entry.load()
    except Exception as error:  # whatever a stranger's module raises
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise LandlabError(
            f"package {package}, which offers the {what} {entry.name!r}, does not import ({reason}): "
            "repair or uninstall it"
        ) from error
    if not isinstance(value, kind):
        raise LandlabError(
            f"package {package} offers {entry.value} as {what} {entry.name!r}, which is {an(type(value).__name__)}: "
            f"it must be {an(f'{kind.__module__}.{kind.__name__}')}"
        )
    return value


def only(name: str, entries: Sequence[EntryPoint], what: str) -> EntryPoint | None:
    """Return the entry point of this name, None where there is none.

    LandlabError where several packages offer it: neither wins in silence.
    """
    same = [e for e in entries if e.name == name]
    packages = sorted({package_of(e) for e in same})
    if len(packages) > 1:
        raise LandlabError(
            f"packages {' and '.join(packages)} offer {an(what)} {name!r} each: uninstall all but one"
        )
    return same[0] if same else None


def package_of(entry: EntryPoint) -> str:
    """Name of the package that an entry point belongs to."""
    return entry.dist.name if entry.dist else entry.value


def owner(group: str, name: str) -> str:
    """Name of the package that offers this name in a group; empty where none does."""
    return next((package_of(e) for e in offered(group) if e.name == name), "")


def names() -> tuple[str, ...]:
    """Names of the installed models; the default first."""
    others = [e.name for e in offered(PLUGINS) if e.name != DEFAULT]
    return (DEFAULT, *dict.fromkeys(others))


@cache
def tables(name: str) -> Tables:
    """Return the tables of a model.

    LandlabError where none of that name is installed, or its package cannot be used.
    """
    entry = only(name, offered(PLUGINS), "model")
    if entry is None:
        raise LandlabError(f"unknown model {name!r}; known: {', '.join(names())}")
    loaded: Tables = load(entry, "model", Tables)
    if loaded.name != name:
        raise LandlabError(
            f"package {package_of(entry)} offers the model {name!r}, whose tables call it {loaded.name!r}: "
            "give both the same name"
        )
    return loaded


@cache
def model(name: str) -> "Model":
    """Return the model itself, which imports JAX; LandlabError as `tables`."""
    # by its name: an import statement would count as an import of JAX by everything that reads this module
    kind = import_module("landlab_mgr.models.model").Model
    entry = EntryPoint(name, tables(name).implementation, PLUGINS)
    value: Model = load(entry, "model", kind, owner(PLUGINS, name))
    return value


def _all() -> list[Tables]:
    """Tables of every model that can be read; one whose package is broken is found out when it is asked for."""
    usable = []
    for name in names():
        try:
            usable.append(tables(name))
        except LandlabError:
            continue
    return usable


@cache
def streams() -> Mapping[str, Stream]:
    """Observation streams by name: the dictionary's, then those that models add."""
    added = {t.stream.name: t.stream for m in _all() for t in m.terms.values() if t.stream}
    return {**STREAMS, **{n: s for n, s in added.items() if n not in STREAMS}}


@cache
def variables() -> Mapping[str, Variable]:
    """Variables by name: the dictionary's, then what models add."""
    added = {v.name: v for m in _all() for v in m.outputs if v.name not in VARIABLES}
    return {**VARIABLES, **added}


@cache
def forcing() -> Mapping[str, Variable]:
    """Return the forcing by name: the dictionary's, then what models add."""
    added = {v.name: v for m in _all() for v in m.forcing_variables if v.name not in FORCING}
    return {**FORCING, **added}


@cache
def parameters() -> Mapping[str, Parameter]:
    """Parameters of all models by name."""
    return {p.name: p for m in reversed(_all()) for p in m.parameters}


@cache
def terms() -> Mapping[str, LossTerm]:
    """Loss terms of all models by name."""
    return {t.name: t for m in reversed(_all()) for t in m.terms.values()}


@cache
def kinds() -> Mapping[str, Kind]:
    """Swappable processes of all models by name."""
    return {k.name: k for m in reversed(_all()) for k in m.processes.values()}


def packages() -> dict[str, str]:
    """Version of each package, other than landlab, that offers a model or a process, by name."""
    groups = [PLUGINS, *(k.plugins for k in kinds().values())]
    distributions = [e.dist for g in groups for e in offered(g) if e.dist]
    return {d.name: d.version for d in distributions if d.name != "landlab-mgr" and d.name != "landlab_mgr"}
