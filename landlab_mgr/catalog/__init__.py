"""The catalog: what was asked, what was tried, what came out. Records go in and come out, never rows."""

from landlab_mgr.catalog.analyses import Analyses
from landlab_mgr.catalog.ensembles import Ensembles
from landlab_mgr.catalog.events import Events
from landlab_mgr.catalog.export import Export
from landlab_mgr.catalog.filter import GrammarError, held_back
from landlab_mgr.catalog.inventory import Contents, Inventory
from landlab_mgr.catalog.records import (
    AnalysisRecord,
    Claim,
    DatasetRecord,
    EnsembleRecord,
    Environment,
    GridRecord,
    MemberRecord,
    Registration,
    RunRecord,
    StaleToken,
    StudyRecord,
    WeightSetRecord,
)
from landlab_mgr.catalog.register import Register
from landlab_mgr.catalog.removal import Removal
from landlab_mgr.catalog.session import CatalogAway
from landlab_mgr.catalog.studies import Studies
from landlab_mgr.catalog.verbs import Attempts
from landlab_mgr.records import CHECKPOINT, ArtifactRecord, EpochRecord, MetricRecord


class Catalog(Register, Attempts, Removal, Inventory, Export, Analyses, Ensembles, Studies, Events):
    """One catalog database: registration, the life of attempts, results, queries, events, and taking stock."""
