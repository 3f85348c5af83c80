"""The fields of a run's specification by dotted name, as filters, tables and options name them. JAX-free.

Derived from `RunSpec`: a new field of it needs no line here. What a model decides (its loss terms) is in `_tables`.
A field that a model does not read has no value for its runs.
"""

import difflib
import types
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError

from landlab_mgr.errors import LandlabError
from landlab_mgr.models import registry
from landlab_mgr.spec.run import RunSpec, canonical_groups, identity

Value = str | int | float | None
"""A value as tables show it: lists and booleans are text, None is a field that is not set or not read."""
Declared = dict[str, tuple[Any, Any]]
"""Annotation and default by name."""

_SEPARATORS = {"predictors": "+"}
"""Between the items of a list; others have commas."""
_ORDERS: Mapping[str, Callable[[Any], Sequence[Any]]] = {
    "predictors": lambda groups: canonical_groups(tuple(groups)),
    **dict.fromkeys(("streams", "split.regions", "split.years", "split.months"), sorted),
}
"""Orders in which specifications keep lists, where it is not the order given."""


@dataclass(frozen=True)
class SpecField:
    """One field of a specification; `defaults` are by model, of the models that read it."""

    name: str
    kind: Literal["text", "number", "flag", "list"]
    annotation: Any
    defaults: Mapping[str, Value]

    @property
    def separator(self) -> str:
        """Text between the items of a list."""
        return _SEPARATORS.get(self.name, ",")

    def canonical(self, text: str) -> str:
        """Return a list as specifications keep it, from text such as '32, 32'.

        Raises:
            ValueError: where the text is no such list.
        """
        try:
            items = TypeAdapter(self.annotation).validate_python(
                [item.strip() for item in text.split(self.separator)]
            )
        except ValidationError as error:
            problem = error.errors()[0]["msg"]
            raise ValueError(f"{text!r} is no value of {self.name}: {problem}") from None
        return str(shown(_ORDERS.get(self.name, list)(items), self.separator))


@cache
def fields() -> Mapping[str, SpecField]:
    """Every field of a run's specification by dotted name, in the order in which `RunSpec` has them."""
    by_model = {model: _of_model(model) for model in registry.names()}
    merged: dict[str, SpecField] = {}
    for name in dict.fromkeys(name for declared in by_model.values() for name in declared):
        readers = {model: declared[name] for model, declared in by_model.items() if name in declared}
        kinds = {_kind(annotation) for annotation, _ in readers.values()}
        separator = _SEPARATORS.get(name, ",")
        # one number beside lists is a list of one; other kinds have text in common
        kind = kinds.pop() if len(kinds) == 1 else "list" if "list" in kinds else "text"
        annotations = [annotation for annotation, _ in readers.values() if _kind(annotation) == kind]
        defaults = {model: shown(default, separator) for model, (_, default) in readers.items()}
        merged[name] = SpecField(
            name,
            kind,
            annotations[0] if annotations else str,
            {model: _alike(default, kind) for model, default in defaults.items()},
        )
    return types.MappingProxyType(merged)


def values(content: Mapping[str, Any]) -> dict[str, Value]:
    """Value of every field, from a specification as JSON with or without its defaults."""
    model = content.get("model", registry.DEFAULT)
    return {
        name: _value(content, field, field.defaults[model]) if model in field.defaults else None
        for name, field in fields().items()
    }


def differing(rows: Iterable[Mapping[str, Value]]) -> dict[str, list[Value]]:
    """Fields in which rows of `values` differ, of models that read them, with their distinct values, sorted."""
    rows = list(rows)
    distinct = {
        name: {row[name] for row in rows if row["model"] in field.defaults}
        for name, field in fields().items()
    }
    return {
        name: sorted(some, key=lambda value: (value is None, isinstance(value, str), value))
        for name, some in distinct.items()
        if len(some) > 1
    }


WEIGHTS_LISTED = 3
"""So many loss weights that differ are listed in the name of a setup; more are told by their identity."""


def told_apart(rows: Sequence[Mapping[str, Value]]) -> list[str]:
    """Name, for each row of `values`, the settings in which the rows differ, predictors and seeds aside.

    "water_stress acm_nn_et_terms, epochs 100"; "" where all are the same.
    """
    names = [
        n
        for n in dict.fromkeys(n for row in rows for n in row)
        if n != "predictors" and not n.startswith("seeds.") and len({row.get(n) for row in rows}) > 1
    ]
    weights = [n for n in names if n.startswith("loss_weights.")]
    if len(weights) > WEIGHTS_LISTED:
        names = [n for n in names if n not in weights]
    else:
        weights = []
    told = []
    for row in rows:
        parts = [f"{n.rpartition('.')[2]} {_plus(row[n])}" for n in names if row.get(n) is not None]
        if weights:
            parts.append(f"weights {identity({n: row.get(n) for n in weights})[:6]}")
        told.append(", ".join(parts))
    return told


def _plus(value: Value) -> Value:
    """Write a list with + between its items, within a text that has commas."""
    return value.replace(",", "+") if isinstance(value, str) else value


def require_alike(rows: Iterable[Mapping[str, Value]], pooled: Collection[str]) -> None:
    """LandlabError where rows of `values` differ in a field that is neither pooled nor a seed."""
    differences = differing(rows)
    other = {n: v for n, v in differences.items() if n not in pooled and not n.startswith("seeds.")}
    if not other:
        return
    problem = "; ".join(f"{name} ({listed(distinct)})" for name, distinct in other.items())
    first, distinct = next(iter(other.items()))
    example = repr(distinct[0]) if isinstance(distinct[0], str) else distinct[0]
    raise LandlabError(
        f"the members differ in {problem}: narrow the filter, such as {first} = {example}, or average over them with "
        f"--pool {','.join([*pooled, *other])}"
    )


def require_known(names: Iterable[str], option: str) -> None:
    """LandlabError, naming the option, where a name is no field of a specification."""
    for name in names:
        if name not in fields():
            raise LandlabError(
                f"{option} {name}: no such field{hint(name, fields())}; known: {', '.join(fields())}"
            )


def hint(name: str, known: Iterable[str], otherwise: str = "") -> str:
    """Nearest known names, or those of the table that a name begins with, to end a message."""
    known = list(known)
    table, _, rest = name.partition(".")
    # A common table would make any two of its fields look alike.
    if inside := [n for n in known if n.startswith(f"{table}.")]:
        near = difflib.get_close_matches(rest, [n.removeprefix(f"{table}.") for n in inside], 3, 0.7)
        if near:
            return f"; did you mean {' or '.join(f'{table}.{n}' for n in near)}?"
        return f"; {table} has {', '.join(inside)}"
    last = name.rpartition(".")[2]
    near = [n for n in known if n.rpartition(".")[2] == last] or difflib.get_close_matches(
        name, known, 3, 0.7
    )
    if near:
        return f"; did you mean {' or '.join(near)}?"
    return otherwise


def shown(value: Any, separator: str = ",") -> Value:
    """Return a value of a specification as tables show it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return separator.join(map(str, value))
    return value if value is None or isinstance(value, int | float) else str(value)


def listed(distinct: Sequence[Value], most: int = 6) -> str:
    """Values with commas between, the first few of many."""
    some = ", ".join("none" if value is None else str(value) for value in distinct[:most])
    return f"{some}, ... {len(distinct)} values" if len(distinct) > most else some


def _tables(model: str) -> dict[str, Declared]:
    """Tables of a specification whose fields the model decides."""
    tables = registry.tables(model)
    return {
        "loss_weights": {name: (float, weight) for name, weight in tables.weights.items()},
        "process": {name: (str, kind.default) for name, kind in tables.processes.items()},
        "network": _declared(tables.network),
    }


def _of_model(model: str) -> Declared:
    declared = _declared(RunSpec, _tables(model))
    return {
        name: field
        for name, field in declared.items()
        if not any(name == other or name.startswith(f"{other}.") for other in registry.tables(model).ignores)
    }


def _declared(
    specification: type[BaseModel], tables: Mapping[str, Declared] = types.MappingProxyType({})
) -> Declared:
    """Fields of a specification and of those within it, by dotted name."""
    declared: Declared = {}
    for name, field in specification.model_fields.items():
        kind = field.annotation
        if name in tables:
            inner = tables[name]
        elif isinstance(kind, type) and issubclass(kind, BaseModel):
            inner = _declared(kind)
        else:
            default = None if field.is_required() else field.get_default(call_default_factory=True)
            declared[name] = kind, default
            continue
        declared |= {f"{name}.{inside}": of for inside, of in inner.items()}
    return declared


def _kind(annotation: Any) -> Literal["text", "number", "flag", "list"]:
    if get_origin(annotation) in (Union, types.UnionType):
        kinds = {_kind(of) for of in get_args(annotation) if of is not type(None)}
        return kinds.pop() if len(kinds) == 1 else "text"
    if get_origin(annotation) in (tuple, list):
        return "list"
    if annotation is bool:
        return "flag"
    return "number" if annotation in (int, float) else "text"


def _value(content: Mapping[str, Any], field: SpecField, default: Value) -> Value:
    value: Any = content
    for part in field.name.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return default if value is None else _alike(shown(value, field.separator), field.kind)


def _alike(value: Value, kind: str) -> Value:
    """Return a field's value, as text where other models have text or a list."""
    return str(value) if kind in ("text", "list") and value is not None else value
