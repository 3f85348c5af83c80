"""The tables of the catalog; migrations make them, this maps them."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from landlab_mgr.catalog.columns import FLOAT_KINDS, FloatMap, Utc

REVISION = "0005"
"""Of this schema: the last of migrations/versions."""

STATES = ("pending", "running", "completed", "failed", "cancelled")
OUTCOMES = ("ok", "nan", "oom", "lost", "error", "cancelled")
DATASET_KINDS = ("real", "synthetic")
EVENT_KINDS = (
    *("dataset_registered", "registered", "claimed", "ended", "cancelled", "retried", "reclaimed"),
    *("tagged", "untagged", "analysis", "ensemble", "study", "trial", "read_test"),
)


class Base(DeclarativeBase):
    """Every constraint has a name, so that a migration can alter it in any database."""

    metadata = MetaData(
        naming_convention={
            "pk": "pk_%(table_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012
        str: Text,
        float: Double,
        datetime: Utc,
        dict[str, Any]: JSON,
        list[str]: JSON,
    }


def _one_of(column: str, allowed: tuple[str, ...]) -> CheckConstraint:
    return CheckConstraint(f"{column} IN ({', '.join(repr(a) for a in allowed)})", name=column)


def _float_pair(name: str) -> tuple[CheckConstraint, ...]:
    """Constrain a value and its kind: NaN has no value, all else has one."""
    kind = "kind" if name == "value" else f"{name}_kind"
    return (
        _one_of(kind, FLOAT_KINDS),
        CheckConstraint(f"({name} IS NULL) = ({kind} = 'nan')", name=f"{name}_pair"),
    )


class Dataset(Base):
    """A published dataset; the fingerprint is the hash of its decoded arrays."""

    __tablename__ = "dataset"
    __table_args__ = (_one_of("kind", DATASET_KINDS),)
    fingerprint: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    url: Mapped[str]
    kind: Mapped[str]
    n_pixels: Mapped[int]
    n_patches: Mapped[int]
    n_months: Mapped[int]
    source: Mapped[str]
    licence: Mapped[str]
    created: Mapped[datetime]


class DatasetAlias(Base):
    """A further name of a dataset; names and aliases together are unique."""

    __tablename__ = "dataset_alias"
    name: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[str] = mapped_column(ForeignKey(Dataset.fingerprint), index=True)


class Grid(Base):
    """A named grid of experiments, as its specification last stood."""

    __tablename__ = "grid"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    spec: Mapped[dict[str, Any]]
    created: Mapped[datetime]


class Setup(Base):
    """Setup that members of one ensemble share.

    `label` is the predictor groups as people write them.
    """

    __tablename__ = "setup"
    id: Mapped[str] = mapped_column(primary_key=True)
    label: Mapped[str]
    predictors: Mapped[list[str]]
    process: Mapped[dict[str, Any]]
    spec: Mapped[dict[str, Any]]


class LossWeights(Base):
    """The weight of every loss term, defaults included."""

    __tablename__ = "loss_weights"
    id: Mapped[str] = mapped_column(primary_key=True)
    weights: Mapped[dict[str, Any]]


class Run(Base):
    """One member. `position` is the order of registration, in which runs are claimed; `epochs` counts the committed."""

    __tablename__ = "run"
    __table_args__ = (_one_of("state", STATES), Index(None, "state", "position"))
    run_id: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger, index=True)
    dataset: Mapped[str] = mapped_column(ForeignKey(Dataset.fingerprint), index=True)
    setup_id: Mapped[str] = mapped_column(ForeignKey(Setup.id), index=True)
    loss_weights_id: Mapped[str] = mapped_column(ForeignKey(LossWeights.id))
    seed_init: Mapped[int]
    seed_split: Mapped[int]
    seed_shuffle: Mapped[int]
    spec: Mapped[dict[str, Any]]
    state: Mapped[str]
    created: Mapped[datetime]
    updated: Mapped[datetime]
    epochs: Mapped[int] = mapped_column(server_default="0")


class GridRun(Base):
    """Membership of a run in a grid; a run may belong to many."""

    __tablename__ = "grid_run"
    grid_id: Mapped[int] = mapped_column(ForeignKey(Grid.id), primary_key=True)
    run_id: Mapped[str] = mapped_column(ForeignKey(Run.run_id), primary_key=True, index=True)


class Tag(Base):
    """A name that people gave to a run, to find it again."""

    __tablename__ = "tag"
    run_id: Mapped[str] = mapped_column(ForeignKey(Run.run_id), primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True, index=True)
    created: Mapped[datetime]


class Attempt(Base):
    """One try at a run. `outcome` is NULL while it goes on, and a run has at most one that does."""

    __tablename__ = "attempt"
    __table_args__ = (
        _one_of("outcome", OUTCOMES),
        CheckConstraint("(outcome IS NULL) = (ended IS NULL)", name="ended"),
        UniqueConstraint("run_id", "number"),
        Index(
            "uq_attempt_going",
            "run_id",
            unique=True,
            sqlite_where=text("outcome IS NULL"),
            postgresql_where=text("outcome IS NULL"),
        ),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[str] = mapped_column(ForeignKey(Run.run_id))
    number: Mapped[int]
    token: Mapped[str] = mapped_column(unique=True)
    outcome: Mapped[str | None]
    started: Mapped[datetime]
    heartbeat: Mapped[datetime]
    ended: Mapped[datetime | None]
    host: Mapped[str]
    pid: Mapped[int]
    message: Mapped[str | None]
    traceback: Mapped[str | None]
    git_commit: Mapped[str | None]
    dirty_hash: Mapped[str | None]
    versions: Mapped[dict[str, Any]]
    device: Mapped[str | None]
    mode: Mapped[str | None]
    directory: Mapped[str]
    epochs_planned: Mapped[int]


class Epoch(Base):
    """A committed epoch of a run, and the attempt that last wrote it."""

    __tablename__ = "epoch"
    __table_args__ = (*_float_pair("total"), *_float_pair("dev"))
    run_id: Mapped[str] = mapped_column(ForeignKey(Run.run_id), primary_key=True)
    epoch: Mapped[int] = mapped_column(primary_key=True)
    attempt_id: Mapped[int] = mapped_column(ForeignKey(Attempt.id))
    total: Mapped[float | None]
    total_kind: Mapped[str]
    dev: Mapped[float | None]
    dev_kind: Mapped[str]
    terms: Mapped[dict[str, float]] = mapped_column(FloatMap)
    seconds: Mapped[float]


class Metric(Base):
    """One number about a completed run."""

    __tablename__ = "metric"
    __table_args__ = (
        *_float_pair("value"),
        # All that a filter asks, and its answer.
        Index("ix_metric_value", "variable", "statistic", "level", "split", "value", "run_id"),
    )
    run_id: Mapped[str] = mapped_column(ForeignKey(Run.run_id), primary_key=True)
    split: Mapped[str] = mapped_column(primary_key=True)
    variable: Mapped[str] = mapped_column(primary_key=True)
    statistic: Mapped[str] = mapped_column(primary_key=True)
    level: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[float | None]
    kind: Mapped[str]


class Artifact(Base):
    """The one catalogued file of each kind that a run has; only catalogued paths are ever read."""

    __tablename__ = "artifact"
    __table_args__ = (UniqueConstraint("run_id", "kind"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[str] = mapped_column(ForeignKey(Run.run_id))
    attempt_id: Mapped[int] = mapped_column(ForeignKey(Attempt.id))
    kind: Mapped[str]
    path: Mapped[str]
    sha256: Mapped[str]
    bytes: Mapped[int] = mapped_column(BigInteger)


class Event(Base):
    """Something that changed the catalog, or looked at held-back skill; about one run, or about many together."""

    __tablename__ = "event"
    __table_args__ = (_one_of("kind", EVENT_KINDS),)
    # SQLite numbers only a column of exactly the type INTEGER.
    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    time: Mapped[datetime]
    kind: Mapped[str] = mapped_column(index=True)
    run_id: Mapped[str | None] = mapped_column(ForeignKey(Run.run_id), index=True)
    detail: Mapped[dict[str, Any]]


class Analysis(Base):
    """Result computed from runs, and the file in the workspace that holds it."""

    __tablename__ = "analysis"
    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    options: Mapped[dict[str, Any]]
    filter: Mapped[str]
    path: Mapped[str]
    sha256: Mapped[str]
    bytes: Mapped[int] = mapped_column(BigInteger)
    created: Mapped[datetime]
    environment: Mapped[dict[str, Any]]


class AnalysisRun(Base):
    """A run that an analysis used; `evidence` is the hash of those of its metrics that it saw."""

    __tablename__ = "analysis_run"
    analysis_id: Mapped[str] = mapped_column(ForeignKey(Analysis.id), primary_key=True)
    run_id: Mapped[str] = mapped_column(ForeignKey(Run.run_id), primary_key=True, index=True)
    evidence: Mapped[str]


class Ensemble(Base):
    """A named choice of runs by a rule; never changed once made."""

    __tablename__ = "ensemble"
    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    rule: Mapped[dict[str, Any]]
    filter: Mapped[str]
    created: Mapped[datetime]


class Member(Base):
    """A candidate of an ensemble with its rank and score: kept, or dropped for a reason."""

    __tablename__ = "member"
    __table_args__ = (
        *_float_pair("score"),
        CheckConstraint("kept = (reason IS NULL)", name="reason"),
    )
    ensemble_id: Mapped[str] = mapped_column(ForeignKey(Ensemble.id), primary_key=True)
    run_id: Mapped[str] = mapped_column(ForeignKey(Run.run_id), primary_key=True, index=True)
    rank: Mapped[int]
    score: Mapped[float | None]
    score_kind: Mapped[str]
    kept: Mapped[bool]
    reason: Mapped[str | None]


class Study(Base):
    """A tuning study; Optuna's own tables know it by the same name."""

    __tablename__ = "study"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    spec: Mapped[dict[str, Any]]
    created: Mapped[datetime]


class StudyTrial(Base):
    """A run that a trial of a study trained, by Optuna's number of the trial."""

    __tablename__ = "study_trial"
    study_id: Mapped[int] = mapped_column(ForeignKey(Study.id), primary_key=True)
    trial: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[str] = mapped_column(ForeignKey(Run.run_id), primary_key=True, index=True)


class WeightSet(Base):
    """The loss weights that a trial of a study found, under a name that grids may use; never changed once made."""

    __tablename__ = "weight_set"
    name: Mapped[str] = mapped_column(primary_key=True)
    loss_weights_id: Mapped[str] = mapped_column(ForeignKey(LossWeights.id))
    study_id: Mapped[int] = mapped_column(ForeignKey(Study.id))
    trial: Mapped[int]
    created: Mapped[datetime]
