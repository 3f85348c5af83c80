"""The catalog: what was asked, what was tried, what came out. Records go in and come out, never rows."""

from landlab_mgr.catalog.export import Export
from landlab_mgr.catalog.filter import GrammarError
from landlab_mgr.catalog.inventory import Contents, Inventory
from landlab_mgr.catalog.records import (
    Claim,
    DatasetRecord,
    Environment,
    GridRecord,
    Registration,
    RunRecord,
    StaleToken,
)
from landlab_mgr.catalog.register import Register
from landlab_mgr.catalog.verbs import Attempts
from landlab_mgr.records import CHECKPOINT, ArtifactRecord, EpochRecord, MetricRecord

__all__ = [
    "CHECKPOINT",
    "ArtifactRecord",
    "Catalog",
    "Claim",
    "Contents",
    "DatasetRecord",
    "Environment",
    "EpochRecord",
    "GrammarError",
    "GridRecord",
    "MetricRecord",
    "Registration",
    "RunRecord",
    "StaleToken",
]


class Catalog(Register, Attempts, Inventory, Export):
    """One catalog database: registration, the life of attempts, tags, queries, and taking stock."""
