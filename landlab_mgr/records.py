"""Tasks of runs and their events: plain records that drivers, workers and the catalog pass on. JAX-free."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from landlab_mgr.spec.run import RunSpec

Columns: TypeAlias = dict[str, list[Any]]
"""A table: the values of each column by its name. It is what verbs print, as pandas takes a second to import."""

CHECKPOINT = "checkpoint"
"""The kind of artifact that a later attempt resumes from."""
SUMS = "sums"
"""The kind of artifact that holds, by patch, what skill is computed from."""


@dataclass(frozen=True)
class EpochRecord:
    """Losses of one epoch, weighted and per pixel, so that train and dev compare; they may be NaN or infinite.

    `epoch` 1 is the first pass over the training patches; `terms` are the training terms, which sum to `total`,
    and with a `dev_` prefix the dev terms, which sum to `dev`, NaN where the split has no dev pixels; `seconds` is what
    the epoch took.
    """

    epoch: int
    total: float
    dev: float
    terms: Mapping[str, float]
    seconds: float


SPLITS = ("train", "dev", "test", "withheld")
"""Splits that a run is scored on, in the order of tables."""
SEEN = ("train", "dev")
"""The splits that tables show unless others are named: looking at test is a decision of its own."""


@dataclass(frozen=True)
class MetricRecord:
    """One number of a run's skill, which may be NaN or infinite."""

    split: str
    variable: str
    statistic: str
    level: str
    value: float


@dataclass(frozen=True)
class ArtifactRecord:
    """A file that a run wrote, by its path in the workspace or its URL; a run has one of each kind."""

    kind: str
    path: str
    sha256: str
    bytes: int


@dataclass(frozen=True)
class Task:
    """A run to execute: where it writes, and the checkpoint of an earlier attempt to go on from; paths or URLs.

    `key` is the caller's: it signs whatever comes of the task.
    """

    key: str
    spec: "RunSpec"
    dataset: str
    directory: str
    resume: str | None = None


@dataclass(frozen=True)
class Progress:
    """Epochs that are durable, and the checkpoint that holds them."""

    epochs: tuple[EpochRecord, ...]
    checkpoint: ArtifactRecord


@dataclass(frozen=True)
class Result:
    """Metrics and files of a completed run."""

    metrics: tuple[MetricRecord, ...]
    artifacts: tuple[ArtifactRecord, ...]


@dataclass(frozen=True)
class Failed:
    """A task that ended badly, and why; only an executor says `lost`, of a worker that is gone."""

    outcome: Literal["nan", "oom", "error", "lost"]
    message: str
    traceback: str = ""


Event: TypeAlias = Progress | Result | Failed


def ends(event: Event) -> bool:
    """Check whether nothing follows this event of a task."""
    return not isinstance(event, Progress)
