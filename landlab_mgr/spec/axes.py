"""The axes of a grid: fields of a run's specification, by dotted name, each with the values that it takes. JAX-free."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any


def flattened(tables: Mapping[str, Any]) -> dict[str, Any]:
    """Tables in tables as one table of dotted names: TOML reads an unquoted `a.b = [...]` as {a: {b: [...]}}."""
    flat: dict[str, Any] = {}
    for key, value in tables.items():
        if isinstance(value, dict):
            inner = {f"{key}.{name}": values for name, values in flattened(value).items()}
        elif isinstance(value, list | tuple):
            inner = {key: value}
        else:
            raise ValueError(f"axis `{key}` needs a list of values: [{value!r}, ...]")
        for name in sorted(inner.keys() & flat.keys()):
            raise ValueError(f"axis `{name}` is given twice: leave one of them")
        flat |= inner
    return flat


def check(axes: Mapping[str, Sequence[Any]], base: Mapping[str, Any]) -> None:
    """ValueError where an axis has no values or one twice, or sets what the base or another axis sets."""
    for key, values in axes.items():
        if not values:
            raise ValueError(f"axis `{key}` has no values: give some, or leave it out")
        for i, value in enumerate(values):
            if value in values[:i]:
                raise ValueError(f"axis `{key}` has the value {value!r} twice: leave one of them")
        if _is_set(base, key):
            raise ValueError(f"`{key}` is in [axes] and in [base]: leave it in one of them")
        for other in axes:
            if other.startswith(f"{key}."):
                raise ValueError(f"axes `{key}` and `{other}` set the same field: leave one of them")


def combinations(axes: Mapping[str, Sequence[Any]]) -> tuple[dict[str, Any], ...]:
    """Every choice of a value for each axis, the last axis fastest; one empty choice without axes."""
    return tuple(dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values()))


def applied(fields: Mapping[str, Any], choice: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a specification, with those of the choice set."""
    content = dict(fields)
    for key, value in choice.items():
        content = _with(content, key, value)
    return content


def _is_set(tables: Any, key: str) -> bool:
    """Return whether tables give a dotted name a value.

    It is also true where something that is no table is on the way to it.
    """
    if not isinstance(tables, dict):
        return True
    first, _, rest = key.partition(".")
    return first in tables and (not rest or _is_set(tables[first], rest))


def _with(tables: Mapping[str, Any], key: str, value: Any) -> dict[str, Any]:
    first, _, rest = key.partition(".")
    return {**tables, first: _with(tables.get(first, {}), rest, value) if rest else value}
