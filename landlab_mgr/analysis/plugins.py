"""Analyses of other packages: entry points of the group `landlab_mgr.analyses`. JAX-free.

An entry point names an `Analysis` under the analysis' own name. A package that cannot be used stops every analysis with
one line that says what to do: a wrong one never counts as absent.
"""

from collections.abc import Collection
from importlib.metadata import EntryPoint, entry_points

from landlab_mgr.analysis.contract import Analysis
from landlab_mgr.errors import LandlabError

GROUP = "landlab_mgr.analyses"
"""Entry-point group of the analyses of other packages."""


def analyses(taken: Collection[str]) -> list[Analysis]:
    """Every analysis that an installed package offers, by name.

    LandlabError where one cannot be used, has one of the names `taken`, or where two have one name.
    """
    points = sorted(entry_points(group=GROUP), key=lambda point: (point.name, _package(point)))
    for point in points:
        if point.name in taken:
            raise LandlabError(
                f"package {_package(point)} offers an analysis {point.name!r}, which is landlab's own name: "
                "rename its entry point, or uninstall it"
            )
        packages = [_package(other) for other in points if other.name == point.name]
        if len(packages) > 1:
            raise LandlabError(
                f"packages {' and '.join(packages)} offer an analysis {point.name!r} each: uninstall all but one"
            )
    return [_loaded(point) for point in points]


def packages(name: str) -> dict[str, str]:
    """Version of the package that offers an analysis, by the package's name; {} for landlab's own."""
    points = entry_points(group=GROUP, name=name)
    return {point.dist.name: point.dist.version for point in points if point.dist is not None}


def _package(point: EntryPoint) -> str:
    return point.dist.name if point.dist is not None else point.value


def _loaded(point: EntryPoint) -> Analysis:
    """Load the analysis of an entry point.

    LandlabError where it does not import or is something else.
    """
    try:
        analysis = point.load()
    except Exception as error:  # whatever a stranger's module raises
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise LandlabError(
            f"package {_package(point)}, which offers the analysis {point.name!r}, does not import ({reason}): "
            "repair or uninstall it"
        ) from error
    if not isinstance(analysis, Analysis):
        raise LandlabError(
            f"package {_package(point)} offers {point.value} as analysis {point.name!r}, which is a "
            f"{type(analysis).__name__}: it must be a landlab_mgr.analysis.contract.Analysis; repair or uninstall it"
        )
    if analysis.name != point.name:
        raise LandlabError(
            f"package {_package(point)} offers an analysis named {analysis.name!r} as {point.name!r}: give its entry "
            "point the analysis' name, or uninstall it"
        )
    return analysis
