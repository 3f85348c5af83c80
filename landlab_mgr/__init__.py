"""Ensembles of differentiable land-model experiments, catalogued, trained and analysed.

The names below are the public ones. Each is imported when it is first used, so that `import landlab_mgr` is quick.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from landlab_mgr.analysis import Result
    from landlab_mgr.analysis.apply import predict
    from landlab_mgr.analysis.contract import Analysis, Needs, Options
    from landlab_mgr.analysis.results import analyse, open_monthly, open_parameters, open_skill
    from landlab_mgr.catalog import Catalog
    from landlab_mgr.catalog.compare import compare
    from landlab_mgr.data.store import open_dataset
    from landlab_mgr.errors import LandlabError
    from landlab_mgr.models.land import Dynamics, land
    from landlab_mgr.models.model import Model
    from landlab_mgr.models.process import Process
    from landlab_mgr.models.tables import Tables
    from landlab_mgr.spec.grid import GridSpec, load_grid
    from landlab_mgr.spec.run import RunSpec
    from landlab_mgr.spec.study import TuneSpec, load_study
    from landlab_mgr.training.device import configure
    from landlab_mgr.workspace.workspace import Workspace

__version__ = "0.1.0"

_MODULES = {
    "Analysis": "analysis.contract",
    "Catalog": "catalog",
    "Dynamics": "models.land",
    "GridSpec": "spec.grid",
    "LandlabError": "errors",
    "Model": "models.model",
    "Needs": "analysis.contract",
    "Options": "analysis.contract",
    "Process": "models.process",
    "Result": "analysis",
    "RunSpec": "spec.run",
    "Tables": "models.tables",
    "TuneSpec": "spec.study",
    "Workspace": "workspace.workspace",
    "analyse": "analysis.results",
    "compare": "catalog.compare",
    "configure": "training.device",
    "land": "models.land",
    "load_grid": "spec.grid",
    "load_study": "spec.study",
    "open_dataset": "data.store",
    "open_monthly": "analysis.results",
    "open_parameters": "analysis.results",
    "open_skill": "analysis.results",
    "predict": "analysis.apply",
}
"""Module of each public name."""

_ROOMS = (
    "analysis",
    "campaign",
    "catalog",
    "cli",
    "data",
    "errors",
    "guide",
    "models",
    "observations",
    "prediction",
    "process",
    "records",
    "spec",
    "storage",
    "training",
    "tuning",
    "workspace",
)
"""Subpackages and modules, for those who look further."""
__all__ = [
    "Analysis",
    "Catalog",
    "Dynamics",
    "GridSpec",
    "LandlabError",
    "Model",
    "Needs",
    "Options",
    "Process",
    "Result",
    "RunSpec",
    "Tables",
    "TuneSpec",
    "Workspace",
    "analyse",
    "compare",
    "configure",
    "land",
    "load_grid",
    "load_study",
    "open_dataset",
    "open_monthly",
    "open_parameters",
    "open_skill",
    "predict",
]
__all__ += _ROOMS


def __getattr__(name: str) -> Any:
    """Import a public name on its first use."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Public names, imported or not."""
    return sorted({*globals(), *__all__})
