"""Swappable processes of land models: what one is, and how a specification's choice is found. JAX-free."""

from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint
from typing import TYPE_CHECKING, Any, NamedTuple

from landlab_mgr.errors import LandlabError, an
from landlab_mgr.models import registry
from landlab_mgr.models.options import name_and_version
from landlab_mgr.models.tables import Kind

if TYPE_CHECKING:
    from jax import Array

Params = Any
"""Trainable parameters of a process, shared by all pixels: a tree of arrays; {} where it learns nothing."""


def _nothing(key: "Array") -> Params:
    return {}


class Process(NamedTuple):
    """One implementation of a swappable process.

    `fluxes` is a pure function of what it learns and of the state that its kind passes, elementwise in arrays of one
    shape. `initialise` draws float32 arrays from a `jax.random.key`. With `weather`, the weather of the state comes
    standardised over the member's training pixels. `version` is part of a run's identity: raise it whenever the same
    parameters give other fluxes.
    """

    fluxes: Callable[[Params, Any], Any]
    initialise: Callable[["Array"], Params] = _nothing
    weather: bool = False
    version: int = 1


def process(kind: Kind, choice: str) -> Process:
    """Return the implementation that a specification asks for.

    It asks by `name`, which is its version 1, or `name@version`.

    LandlabError where there is none of that name or version, and where a package that offers it cannot be used.
    """
    try:
        name, version = name_and_version(choice)
    except ValueError as error:
        raise LandlabError(f"{kind.name} {error}, not {choice!r}") from None
    implementation = _loaded(kind, name)
    if implementation.version != version:
        installed = name if implementation.version == 1 else f"{name}@{implementation.version}"
        raise LandlabError(
            f"{kind.name} process {name!r} is installed in version {implementation.version}, not {version}: "
            f"ask for {installed!r}, or install what has version {version}"
        )
    return implementation


def _loaded(kind: Kind, name: str) -> Process:
    loaded: Process = registry.load(_entry(kind, name), f"{kind.name} process", Process)
    return loaded


def _entry(kind: Kind, name: str) -> EntryPoint:
    what = f"{kind.name} process"
    offered = registry.offered(kind.plugins)
    entry = registry.only(name, offered, what)
    if name in kind.implementations:
        if entry is not None:
            raise LandlabError(
                f"package {registry.package_of(entry)} offers {an(what)} {name!r}, which the model has itself: "
                "rename its entry point, or uninstall it"
            )
        entry = EntryPoint(name, kind.implementations[name], kind.plugins)
    if entry is None:
        known = dict.fromkeys([*kind.implementations, *(e.name for e in offered)])
        raise LandlabError(f"unknown {what} {name!r}; known: {', '.join(known)}")
    return entry


def processes(kinds: Mapping[str, Kind], choices: Mapping[str, str]) -> dict[str, Process]:
    """Return the implementation of every kind, by kind."""
    return {name: process(kind, choices[name]) for name, kind in kinds.items()}


def check_processes(kinds: Mapping[str, Kind], choices: Mapping[str, str]) -> None:
    """Refuse choices that `processes` would; the model's defaults are not imported for that."""
    for name, kind in kinds.items():
        if choices[name] == kind.default:
            _entry(kind, kind.default)
        else:
            process(kind, choices[name])
