"""The tables of the catalog; migrations make them, this maps them."""

from typing import Any, ClassVar, TypeVar

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.schema import SchemaItem
from sqlalchemy.sql.elements import KeyedColumnElement
from sqlalchemy.types import TypeEngine

from landlab_mgr.catalog.columns import FLOAT_KINDS, FloatMap, Utc

T = TypeVar("T")

REVISION = "0005"
"""Of this schema: the last of migrations/versions."""

STATES = ("pending", "running", "completed", "failed", "cancelled")
OUTCOMES = ("ok", "nan", "oom", "lost", "error", "cancelled")
DATASET_KINDS = ("real", "synthetic")
EVENT_KINDS = (
    *("dataset_registered", "registered", "claimed", "ended", "cancelled", "retried", "reclaimed"),
    *("tagged", "untagged", "analysis", "ensemble", "study", "trial", "read_test"),
)


class Base:
    """A table as a class whose attributes are its columns; no mapper, whose import and rows take their time.

    Every constraint has a name, so that a migration can alter it in any database.
    """

    metadata = MetaData(
        naming_convention={
            "pk": "pk_%(table_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
        }
    )
    __tablename__: ClassVar[str]
    __table__: ClassVar[Table]
    __table_args__: ClassVar[tuple[SchemaItem, ...]] = ()

    def __init_subclass__(cls) -> None:
        """Make the table."""
        columns = {name: item for name, item in vars(cls).items() if isinstance(item, Column)}
        for name, item in columns.items():
            item.name = item.key = name
        cls.__table__ = Table(cls.__tablename__, cls.metadata, *columns.values(), *cls.__table_args__)

    @classmethod
    def __clause_element__(cls) -> Table:
        """Return what SQLAlchemy takes the class for in a statement."""
        return cls.__table__


def column(
    kind: type[TypeEngine[T]] | TypeEngine[T],
    *constraints: SchemaItem,
    nullable: bool = False,
    **options: Any,
) -> KeyedColumnElement[T]:
    """Make a column, which holds a value in every row unless `nullable`."""
    return Column(kind, *constraints, nullable=nullable, **options)


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
    fingerprint = column(Text, primary_key=True)
    name = column(Text, unique=True)
    url = column(Text)
    kind = column(Text)
    n_pixels = column(Integer)
    n_patches = column(Integer)
    n_months = column(Integer)
    source = column(Text)
    licence = column(Text)
    created = column(Utc)


class DatasetAlias(Base):
    """A further name of a dataset; names and aliases together are unique."""

    __tablename__ = "dataset_alias"
    name = column(Text, primary_key=True)
    fingerprint = column(Text, ForeignKey("dataset.fingerprint"), index=True)


class Grid(Base):
    """A named grid of experiments, as its specification last stood."""

    __tablename__ = "grid"
    id = column(Integer, primary_key=True)
    name = column(Text, unique=True)
    spec = column(JSON)
    created = column(Utc)


class Setup(Base):
    """Setup that members of one ensemble share.

    `label` is the predictor groups as people write them.
    """

    __tablename__ = "setup"
    id = column(Text, primary_key=True)
    label = column(Text)
    predictors = column(JSON)
    process = column(JSON)
    spec = column(JSON)


class LossWeights(Base):
    """The weight of every loss term, defaults included."""

    __tablename__ = "loss_weights"
    id = column(Text, primary_key=True)
    weights = column(JSON)


class Run(Base):
    """One member. `position` is the order of registration, in which runs are claimed; `epochs` counts the committed."""

    __tablename__ = "run"
    __table_args__ = (_one_of("state", STATES), Index(None, "state", "position"))
    run_id = column(Text, primary_key=True)
    position = column(BigInteger, index=True)
    dataset = column(Text, ForeignKey("dataset.fingerprint"), index=True)
    setup_id = column(Text, ForeignKey("setup.id"), index=True)
    loss_weights_id = column(Text, ForeignKey("loss_weights.id"))
    seed_init = column(Integer)
    seed_split = column(Integer)
    seed_shuffle = column(Integer)
    spec = column(JSON)
    state = column(Text)
    created = column(Utc)
    updated = column(Utc)
    epochs = column(Integer, server_default="0")


class GridRun(Base):
    """Membership of a run in a grid; a run may belong to many."""

    __tablename__ = "grid_run"
    grid_id = column(Integer, ForeignKey("grid.id"), primary_key=True)
    run_id = column(Text, ForeignKey("run.run_id"), primary_key=True, index=True)


class Tag(Base):
    """A name that people gave to a run, to find it again."""

    __tablename__ = "tag"
    run_id = column(Text, ForeignKey("run.run_id"), primary_key=True)
    name = column(Text, primary_key=True, index=True)
    created = column(Utc)


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
    id = column(Integer, primary_key=True)
    run_id = column(Text, ForeignKey("run.run_id"))
    number = column(Integer)
    token = column(Text, unique=True)
    outcome = column(Text, nullable=True)
    started = column(Utc)
    heartbeat = column(Utc)
    ended = column(Utc, nullable=True)
    host = column(Text)
    pid = column(Integer)
    message = column(Text, nullable=True)
    traceback = column(Text, nullable=True)
    git_commit = column(Text, nullable=True)
    dirty_hash = column(Text, nullable=True)
    versions = column(JSON)
    device = column(Text, nullable=True)
    mode = column(Text, nullable=True)
    directory = column(Text)
    epochs_planned = column(Integer)


class Epoch(Base):
    """A committed epoch of a run, and the attempt that last wrote it."""

    __tablename__ = "epoch"
    __table_args__ = (*_float_pair("total"), *_float_pair("dev"))
    run_id = column(Text, ForeignKey("run.run_id"), primary_key=True)
    epoch = column(Integer, primary_key=True)
    attempt_id = column(Integer, ForeignKey("attempt.id"))
    total = column(Double, nullable=True)
    total_kind = column(Text)
    dev = column(Double, nullable=True)
    dev_kind = column(Text)
    terms = column(FloatMap)
    seconds = column(Double)


class Metric(Base):
    """One number about a completed run."""

    __tablename__ = "metric"
    __table_args__ = (
        *_float_pair("value"),
        # All that a filter asks, and its answer.
        Index("ix_metric_value", "variable", "statistic", "level", "split", "value", "run_id"),
    )
    run_id = column(Text, ForeignKey("run.run_id"), primary_key=True)
    split = column(Text, primary_key=True)
    variable = column(Text, primary_key=True)
    statistic = column(Text, primary_key=True)
    level = column(Text, primary_key=True)
    value = column(Double, nullable=True)
    kind = column(Text)


class Artifact(Base):
    """The one catalogued file of each kind that a run has; only catalogued paths are ever read."""

    __tablename__ = "artifact"
    __table_args__ = (UniqueConstraint("run_id", "kind"),)
    id = column(Integer, primary_key=True)
    run_id = column(Text, ForeignKey("run.run_id"))
    attempt_id = column(Integer, ForeignKey("attempt.id"))
    kind = column(Text)
    path = column(Text)
    sha256 = column(Text)
    bytes = column(BigInteger)


class Event(Base):
    """Something that changed the catalog, or looked at held-back skill; about one run, or about many together."""

    __tablename__ = "event"
    __table_args__ = (_one_of("kind", EVENT_KINDS),)
    # SQLite numbers only a column of exactly the type INTEGER.
    id = column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    time = column(Utc)
    kind = column(Text, index=True)
    run_id = column(Text, ForeignKey("run.run_id"), index=True, nullable=True)
    detail = column(JSON)


class Analysis(Base):
    """Result computed from runs, and the file in the workspace that holds it."""

    __tablename__ = "analysis"
    id = column(Text, primary_key=True)
    name = column(Text)
    options = column(JSON)
    filter = column(Text)
    path = column(Text)
    sha256 = column(Text)
    bytes = column(BigInteger)
    created = column(Utc)
    environment = column(JSON)


class AnalysisRun(Base):
    """A run that an analysis used; `evidence` is the hash of those of its metrics that it saw."""

    __tablename__ = "analysis_run"
    analysis_id = column(Text, ForeignKey("analysis.id"), primary_key=True)
    run_id = column(Text, ForeignKey("run.run_id"), primary_key=True, index=True)
    evidence = column(Text)


class Ensemble(Base):
    """A named choice of runs by a rule; never changed once made."""

    __tablename__ = "ensemble"
    id = column(Text, primary_key=True)
    name = column(Text, unique=True)
    rule = column(JSON)
    filter = column(Text)
    created = column(Utc)


class Member(Base):
    """A candidate of an ensemble with its rank and score: kept, or dropped for a reason."""

    __tablename__ = "member"
    __table_args__ = (
        *_float_pair("score"),
        CheckConstraint("kept = (reason IS NULL)", name="reason"),
    )
    ensemble_id = column(Text, ForeignKey("ensemble.id"), primary_key=True)
    run_id = column(Text, ForeignKey("run.run_id"), primary_key=True, index=True)
    rank = column(Integer)
    score = column(Double, nullable=True)
    score_kind = column(Text)
    kept = column(Boolean)
    reason = column(Text, nullable=True)


class Study(Base):
    """A tuning study; Optuna's own tables know it by the same name."""

    __tablename__ = "study"
    id = column(Integer, primary_key=True)
    name = column(Text, unique=True)
    spec = column(JSON)
    created = column(Utc)


class StudyTrial(Base):
    """A run that a trial of a study trained, by Optuna's number of the trial."""

    __tablename__ = "study_trial"
    study_id = column(Integer, ForeignKey("study.id"), primary_key=True)
    trial = column(Integer, primary_key=True)
    run_id = column(Text, ForeignKey("run.run_id"), primary_key=True, index=True)


class WeightSet(Base):
    """The loss weights that a trial of a study found, under a name that grids may use; never changed once made."""

    __tablename__ = "weight_set"
    name = column(Text, primary_key=True)
    loss_weights_id = column(Text, ForeignKey("loss_weights.id"))
    study_id = column(Integer, ForeignKey("study.id"))
    trial = column(Integer)
    created = column(Utc)
