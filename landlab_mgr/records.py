"""What a run reports: plain records that workers make, drivers pass on and the catalog keeps. JAX-free."""

from collections.abc import Mapping
from dataclasses import dataclass

CHECKPOINT = "checkpoint"
"""The kind of artifact that a later attempt resumes from."""


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
"""What a run is scored on, in the order of tables."""
SEEN = ("train", "dev")
"""The splits that tables show unless others are named: looking at test is a decision of its own."""


COLLAPSED = ("train", "lai", "collapsed", "spatial")
"""The metric that says which share of a member's leafy pixels went bare: split, variable, statistic, level."""


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
