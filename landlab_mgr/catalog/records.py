"""Records that go into and come out of the catalog: frozen, never live rows."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from landlab_mgr.errors import LandlabError
from landlab_mgr.records import ArtifactRecord
from landlab_mgr.spec.grid import GridSpec
from landlab_mgr.spec.run import RunSpec


class StaleToken(LandlabError):  # noqa: N818 - the name that drivers know
    """The attempt has ended or was taken over; whoever still runs it must stop. Nothing was written."""


@dataclass(frozen=True)
class DatasetRecord:
    """A published dataset. `kind` is real or synthetic; `created` is set at registration.

    `aliases` are the names that it got after its first.
    """

    fingerprint: str
    name: str
    url: str
    kind: str
    n_pixels: int
    n_patches: int
    n_months: int
    source: str
    licence: str
    created: datetime | None = None
    aliases: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """All its names, the first one first."""
        return self.name, *self.aliases


@dataclass(frozen=True)
class Registration:
    """Numbers of runs that a registration added, and that were there."""

    added: int
    existing: int


@dataclass(frozen=True)
class GridRecord:
    """A grid, with how many of its runs are in each state."""

    name: str
    spec: GridSpec
    created: datetime
    counts: Mapping[str, int]


@dataclass(frozen=True)
class RunRecord:
    """One run; `epochs` counts those committed, `dataset` is the fingerprint."""

    run_id: str
    state: str
    dataset: str
    dataset_name: str
    setup_id: str
    loss_weights_id: str
    label: str
    grids: tuple[str, ...]
    spec: RunSpec
    epochs: int
    epochs_planned: int
    created: datetime
    updated: datetime


@dataclass(frozen=True)
class Environment:
    """Provenance of an attempt; none of it is scientific."""

    git_commit: str | None = None
    dirty_hash: str | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    device: str | None = None
    mode: str | None = None


@dataclass(frozen=True)
class Claim:
    """The right to run one run, until the attempt ends; `token` signs every write.

    `resume` is the run's latest catalogued checkpoint, `epochs_done` the number of its committed epochs.
    """

    run_id: str
    token: str
    attempt_id: int
    number: int
    directory: str
    spec: RunSpec
    resume: ArtifactRecord | None
    epochs_done: int


@dataclass(frozen=True)
class AnalysisRecord:
    """Result of an analysis of the runs that a filter found.

    `path` is the result's, in the workspace.

    `id` is 16 hex digits, `environment` what computed it; `created` is set when it is first recorded.
    """

    id: str
    name: str
    options: Mapping[str, Any]
    filter: str
    path: str
    sha256: str
    bytes: int
    environment: Mapping[str, Any]
    created: datetime | None = None


@dataclass(frozen=True)
class MemberRecord:
    """A candidate of an ensemble: its rank (1 is best) and score, and why it was dropped; None where it was kept."""

    run_id: str
    rank: int
    score: float
    reason: str | None = None

    @property
    def kept(self) -> bool:
        """True where it is a member."""
        return self.reason is None


@dataclass(frozen=True)
class EnsembleRecord:
    """The candidates that a rule ranked, best first, those that it dropped among them. It never changes."""

    id: str
    name: str
    rule: Mapping[str, Any]
    filter: str
    members: tuple[MemberRecord, ...]
    created: datetime


@dataclass(frozen=True)
class StudyRecord:
    """A tuning study and the runs of its trials, by Optuna's number of the trial."""

    name: str
    spec: Mapping[str, Any]
    trials: Mapping[int, tuple[str, ...]]
    created: datetime


@dataclass(frozen=True)
class WeightSetRecord:
    """The weight of every loss term under a name, and the trial of a study that found it."""

    name: str
    weights: Mapping[str, float]
    study: str
    trial: int
    created: datetime
