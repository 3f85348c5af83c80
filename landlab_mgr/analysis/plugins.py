"""Analyses of other packages: entry points of the group `landlab_mgr.analyses`. JAX-free.

An entry point names an `Analysis` under the analysis' own name. A package that cannot be used stops every analysis with
one line that says what to do: a wrong one never counts as absent.
"""

from collections.abc import Collection
from importlib.metadata import entry_points

from landlab_mgr.analysis.contract import Analysis
from landlab_mgr.errors import LandlabError
from landlab_mgr.models import registry

GROUP = "landlab_mgr.analyses"
"""Entry-point group of the analyses of other packages."""


def analyses(taken: Collection[str]) -> list[Analysis]:
    """Every analysis that an installed package offers, by name.

    LandlabError where one cannot be used, has one of the names `taken`, or where two have one name.
    """
    offered = registry.offered(GROUP)
    return [_loaded(name, taken) for name in dict.fromkeys(entry.name for entry in offered)]


def packages(name: str) -> dict[str, str]:
    """Version of the package that offers an analysis, by the package's name; {} for landlab's own."""
    points = entry_points(group=GROUP, name=name)
    return {point.dist.name: point.dist.version for point in points if point.dist is not None}


def _loaded(name: str, taken: Collection[str]) -> Analysis:
    """Load the analysis of this name; LandlabError where it cannot be used."""
    entry = registry.only(name, registry.offered(GROUP), "analysis")
    assert entry is not None
    package = registry.package_of(entry)
    if name in taken:
        raise LandlabError(
            f"package {package} offers an analysis {name!r}, which is landlab's own name: "
            "rename its entry point, or uninstall it"
        )
    analysis: Analysis = registry.load(entry, "analysis", Analysis)
    if analysis.name != name:
        raise LandlabError(
            f"package {package} offers an analysis named {analysis.name!r} as {name!r}: give its entry "
            "point the analysis' name, or uninstall it"
        )
    return analysis
