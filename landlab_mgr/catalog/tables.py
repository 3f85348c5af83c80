"""The tables of the catalog and the two column types that no database stores alike: times and floats."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    DateTime,
    Dialect,
    Double,
    ForeignKey,
    Index,
    MetaData,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

STATES = ("pending", "running", "completed", "failed", "cancelled")
OUTCOMES = ("ok", "nan", "oom", "lost", "error", "cancelled")
DATASET_KINDS = ("real", "synthetic")
FLOAT_KINDS = ("finite", "nan", "inf", "-inf", "-0")


def split_float(number: float) -> tuple[float | None, str]:
    """A float as the pair (value, kind) that every database returns unchanged.

    SQLite stores NaN as NULL and loses the sign of -0.0. The infinities stay in the value as well, so
    that a filter or an ORDER BY on it means what it says.
    """
    if math.isnan(number):
        return None, "nan"
    if math.isinf(number):
        return number, "inf" if number > 0 else "-inf"
    if number == 0 and math.copysign(1, number) < 0:
        return 0.0, "-0"
    return float(number), "finite"


def join_float(value: float | None, kind: str) -> float:
    """The float that `split_float` took apart."""
    if kind == "finite":
        assert value is not None  # held by a CHECK of every table with such a pair
        return value
    return {"nan": math.nan, "inf": math.inf, "-inf": -math.inf, "-0": -0.0}[kind]


class Utc(TypeDecorator[datetime]):
    """An aware UTC datetime; SQLite keeps no time zone, so it is put back on reading."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Convert to UTC; a naive time is a programming error."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"naive datetime {value!r}; times in the catalog are aware")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Put the time zone back."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class FloatMap(TypeDecorator[Mapping[str, float]]):
    """Named floats as JSON, which knows no NaN and no infinity: those travel as text."""

    impl = JSON
    cache_ok = True

    def process_bind_param(self, value: Mapping[str, float] | None, dialect: Dialect) -> Any:
        """Write what JSON cannot hold as text."""
        if value is None:
            return None
        return {n: float(x) if math.isfinite(x) else str(float(x)) for n, x in value.items()}

    def process_result_value(self, value: Any, dialect: Dialect) -> dict[str, float] | None:
        """Read text and numbers alike."""
        return None if value is None else {name: float(number) for name, number in value.items()}


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
    """What holds between a value and its kind: NaN has no value, all else has one."""
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


class Grid(Base):
    """A named grid of experiments, as its specification last stood."""

    __tablename__ = "grid"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    spec: Mapped[dict[str, Any]]
    created: Mapped[datetime]


class Setup(Base):
    """What members of one ensemble share; `label` is the predictor groups as people write them."""

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
    """One member. `position` is the order of registration, in which runs are claimed."""

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


class GridRun(Base):
    """Which runs a grid holds; a run may belong to many."""

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
    __table_args__ = _float_pair("value")
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
