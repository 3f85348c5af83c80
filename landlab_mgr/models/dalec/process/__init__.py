"""The processes of the land model, one file each, and the registry of those that a spec can swap by name.

An installed package adds a process under the entry-point group `landlab_mgr.water_stress`: a name, and the
`WaterStress` that it names.
"""

from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any, NamedTuple

from jax import Array

from landlab_mgr.errors import LandlabError
from landlab_mgr.models.dalec.process import water, water_learned
from landlab_mgr.models.dalec.process.water import (
    Stress,
    WaterFluxes,
    WaterState,
    Weather,
    evapotranspiration,
)
from landlab_mgr.spec.run import name_and_version

Weights = Any
"""What a process learns, shared by all pixels: a tree of arrays; {} where it learns nothing."""


class Scale(NamedTuple):
    """Mean and standard deviation of the weather over a member's training pixels; scalars."""

    mean: Weather
    sd: Weather


def _nothing(key: Array) -> Weights:
    return {}


class WaterStress(NamedTuple):
    """A process that a spec names under `process.water_stress`.

    `fluxes` is a pure function of the weights and of arrays of one shape, elementwise in them. `initialise` draws
    float32 weights from a `jax.random.key`. With `weather`, the weather of the state comes standardised by the
    member's `Scale`. `version` is part of a run's identity: raise it whenever the same weights give other fluxes.
    """

    fluxes: Callable[[Weights, WaterState], WaterFluxes]
    initialise: Callable[[Array], Weights] = _nothing
    weather: bool = False
    version: int = 1


WATER_STRESS: Mapping[str, WaterStress] = {
    "linear": WaterStress(water.linear_stress),
    "none": WaterStress(water.no_stress),
    "nn_paw": WaterStress(water_learned.nn_paw, water_learned.initialise_nn_paw),
    "nn_flux": WaterStress(water_learned.nn_flux, water_learned.initialise_nn_flux, weather=True),
    "nn_flux_no_lai": WaterStress(
        water_learned.nn_flux_no_lai, water_learned.initialise_nn_flux_no_lai, weather=True
    ),
    "acm_nn_et": WaterStress(water_learned.acm_nn_et, water_learned.initialise_acm_nn_et, weather=True),
    "nn_flux_terms": WaterStress(
        water_learned.nn_flux_terms, water_learned.initialise_nn_flux_terms, weather=True
    ),
    "acm_nn_et_terms": WaterStress(
        water_learned.acm_nn_et_terms, water_learned.initialise_acm_nn_et_terms, weather=True
    ),
}
"""The processes that come with landlab, by name."""
WATER_STRESS_PLUGINS = "landlab_mgr.water_stress"
"""Entry-point group of the processes of other packages."""


def water_stress(choice: str) -> WaterStress:
    """The water-stress process that a spec asks for by `name`, which is its version 1, or `name@version`.

    LandlabError where there is none of that name or version, and where a package that offers it cannot be used.
    """
    try:
        name, version = name_and_version(choice)
    except ValueError as error:
        raise LandlabError(f"water_stress {error}, not {choice!r}") from None
    offered = list(entry_points(group=WATER_STRESS_PLUGINS))
    process = _registered(name, [plugin for plugin in offered if plugin.name == name])
    if process is None:
        known = dict.fromkeys([*WATER_STRESS, *sorted(plugin.name for plugin in offered)])
        raise LandlabError(f"unknown water_stress process {name!r}; known: {', '.join(known)}")
    if process.version != version:
        installed = name if process.version == 1 else f"{name}@{process.version}"
        raise LandlabError(
            f"water_stress process {name!r} is installed in version {process.version}, not {version}: "
            f"ask for {installed!r}, or install what has version {version}"
        )
    return process


def process_packages() -> dict[str, str]:
    """Version of each installed package that offers a process, by name."""
    offering = [plugin.dist for plugin in entry_points(group=WATER_STRESS_PLUGINS) if plugin.dist]
    return {package.name: package.version for package in offering}


def _registered(name: str, plugins: list[EntryPoint]) -> WaterStress | None:
    """The process of this name, ours or a plugin's; LandlabError where several claim it: neither wins in silence."""
    packages = sorted(plugin.dist.name if plugin.dist else plugin.value for plugin in plugins)
    if name in WATER_STRESS:
        if plugins:
            raise LandlabError(
                f"package {packages[0]} offers a water_stress process {name!r}, which is landlab's own name: "
                f"rename its entry point, or uninstall it"
            )
        return WATER_STRESS[name]
    if len(plugins) > 1:
        raise LandlabError(
            f"packages {' and '.join(packages)} offer a water_stress process {name!r} each: uninstall all but one"
        )
    return _loaded(plugins[0], packages[0]) if plugins else None


def _loaded(plugin: EntryPoint, package: str) -> WaterStress:
    try:
        process = plugin.load()
    except Exception as error:  # whatever a stranger's module raises
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise LandlabError(
            f"package {package}, which offers the water_stress process {plugin.name!r}, does not import "
            f"({reason}): repair or uninstall it"
        ) from error
    if not isinstance(process, WaterStress):
        raise LandlabError(
            f"package {package} offers {plugin.value} as water_stress process {plugin.name!r}, which is a "
            f"{type(process).__name__}: it must be a landlab_mgr.models.dalec.process.WaterStress"
        )
    return process


def bind(process: WaterStress, weights: Weights = None, scale: Scale | None = None) -> Stress:
    """A process with its weights and the scale of its weather: what `model.simulate` takes."""

    def stress(state: WaterState) -> WaterFluxes:
        if scale is not None:
            standard = Weather(*((x - m) / s for x, m, s in zip(state.weather, *scale, strict=True)))
            state = state._replace(weather=standard)
        return process.fluxes(weights, state)

    return stress
