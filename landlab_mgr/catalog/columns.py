"""The column types that no database stores alike: times and floats."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, DateTime, Dialect, TypeDecorator

FLOAT_KINDS = ("finite", "nan", "inf", "-inf", "-0")


def split_float(number: float) -> tuple[float | None, str]:
    """Split a float into the pair (value, kind) that every database returns unchanged.

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
    """Return the float that `split_float` took apart."""
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
