"""The filter grammar: from text as people write it to a condition on runs, with bound values only.

    metrics.dev.gpp.r2 > 0.8 and predictors = 'PFT+CLIM' or status in ('failed', 'running')

Every field of a run's specification is one under its dotted name, at its default where a run does not set it; one that
the run's model does not read, or that is not set, is missing. A list is text with commas between its items
(`network.hidden = '32,32'`), predictors with plus signs.

`and` binds tighter than `or`. A comparison with something missing or NaN is false, so that `not` of it is true, and
`a != b` is `not a = b`. `like` takes % and _ and ignores case. `a is null`, like `a = nan`, holds for what is missing
or NaN; `a between 1 and 2` includes both. Keywords and names of fields may be of either case, but for those of metrics,
where r2 and R2 are two statistics; `==` is `=`.
"""

import json
import operator
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import Any, Literal, cast

from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken
from sqlalchemy import ColumnElement, Select, and_, case, false, func, not_, or_, select, true, tuple_

from landlab_mgr.catalog.tables import (
    OUTCOMES,
    STATES,
    Attempt,
    Dataset,
    DatasetAlias,
    Ensemble,
    Grid,
    GridRun,
    LossWeights,
    Member,
    Metric,
    Run,
    Setup,
    Tag,
)
from landlab_mgr.errors import LandlabError
from landlab_mgr.models import registry
from landlab_mgr.records import SEEN, SPLITS
from landlab_mgr.spec import fields as spec_fields
from landlab_mgr.spec.fields import SpecField

GRAMMAR = r"""
?start: any
?any: all (_OR all)*
?all: negation (_AND negation)*
?negation: _NOT negation -> no
    | "(" any ")"
    | FIELD COMPARE literal -> compare
    | FIELD [NOT] _IN "(" literal ("," literal)* ")" -> contains
    | FIELD [NOT] _LIKE TEXT -> like
    | FIELD [NOT] _BETWEEN literal _AND literal -> between
    | FIELD _IS [NOT] MISSING -> missing
?literal: TEXT | NUMBER | MISSING

_OR.2: /or\b/i
_AND.2: /and\b/i
_NOT.2: /not\b/i
NOT.1: /not\b/i
_IN.2: /in\b/i
_LIKE.2: /like\b/i
_BETWEEN.2: /between\b/i
_IS.2: /is\b/i
MISSING.1: /(null|none|nan)\b/i
FIELD: /[A-Za-z_]\w*(\.\w+)*/
COMPARE: /[<>!=]=|[=<>]/
NUMBER: /[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?/i
TEXT: /'([^']|'')*'|"([^"]|"")*"/
%ignore /[ \t\r\n]+/
"""
EXPECTED = {
    "FIELD": "a field",
    "COMPARE": "= != < <= > >=",
    "NUMBER": "a number",
    "TEXT": "text in quotes",
    "MISSING": "null",
    "LPAR": "(",
    "RPAR": ")",
    "COMMA": ",",
    "$END": "the end",
} | {
    name: name.strip("_").lower()
    for name in ("_OR", "_AND", "_NOT", "NOT", "_IN", "_LIKE", "_BETWEEN", "_IS")
}

# SQLite refuses expressions deeper than 1,000, and Python's own stack ends near there.
MAX_LENGTH = 4000
MAX_COMPARISONS = 200
MAX_DEPTH = 40
_NO_ESCAPE = "\x1f"  # LIKE's escape character must exist; control characters are refused in filters

Value = str | float | datetime
Test = Callable[[Any], ColumnElement[bool]]


class GrammarError(LandlabError):
    """A filter that cannot be read; the message points at the place."""


@dataclass(frozen=True)
class Field:
    """Field that a filter can ask about.

    `holds(test)` is the condition that the field's value passes a test;
    `read` turns a literal into what is compared, raising ValueError where it is none; `equals` is for =.
    """

    kind: Literal["text", "number", "time", "list"]
    holds: Callable[[Test], ColumnElement[bool]]
    read: Callable[[Any], Value] = lambda literal: literal
    equals: Callable[[Any, Any], ColumnElement[bool]] = operator.eq


def compile_filter(text: str) -> ColumnElement[bool]:
    """Return the condition on `Run` that a filter states; an empty one holds for every run.

    GrammarError where the text is not a filter, names an unknown field or compares unlike things.
    """
    return _condition(text, _parsed(text), 0) if text.strip() else true()


def held_back(text: str) -> set[str]:
    """Return the splits other than train and dev whose metrics a filter compares.

    GrammarError where the text is no filter.
    """
    fields = (
        [present_spelling(str(c.children[0])) for c in _comparisons(_parsed(text))] if text.strip() else []
    )
    metrics = [field.split(".") for field in fields if field.startswith("metrics.")]
    return {split for _, split, *_ in metrics if split in SPLITS and split not in SEEN}


def ensembles_named(text: str) -> list[str]:
    """Return the ensembles that a filter names with = or in.

    GrammarError where the text is no filter.
    """
    comparisons = _comparisons(_parsed(text)) if text.strip() else []
    named = [c for c in comparisons if _is(c.children[0], "ensemble") and c.data in ("compare", "contains")]
    return list(dict.fromkeys(_unquoted(x) for c in named for x in cast("list[Token]", c.children[2:])))


@lru_cache(maxsize=128)
def _parsed(text: str) -> Tree[Token]:
    bad = next(
        (i for i, c in enumerate(text) if (c < " " and c not in "\t\r\n") or "\ud800" <= c <= "\udfff"), None
    )
    if bad is not None:
        raise _error(text, bad, f"the character {text[bad]!r} is not allowed")
    if len(text) > MAX_LENGTH:
        raise _error(text, MAX_LENGTH, f"a filter has at most {MAX_LENGTH} characters, not {len(text)}")
    try:
        tree = _parser().parse(text)
    except UnexpectedInput as error:
        raise _syntax_error(text, error) from None
    comparisons = _comparisons(tree)
    if len(comparisons) > MAX_COMPARISONS:
        raise _error(text, 0, f"a filter has at most {MAX_COMPARISONS} comparisons, not {len(comparisons)}")
    return tree


COMPARISONS = ("compare", "contains", "like", "between", "missing")


def _comparisons(tree: Tree[Token]) -> list[Tree[Token]]:
    return list(tree.find_pred(lambda t: t.data in COMPARISONS))


@cache
def _parser() -> Lark:
    return Lark(GRAMMAR, parser="lalr", propagate_positions=True, maybe_placeholders=True)


def _condition(text: str, tree: Tree[Token], depth: int) -> ColumnElement[bool]:
    if depth > MAX_DEPTH:
        raise _error(text, tree.meta.start_pos, f"a filter is nested at most {MAX_DEPTH} deep")
    if tree.data in ("any", "all", "no"):
        parts = [_condition(text, part, depth + 1) for part in tree.children if isinstance(part, Tree)]
        return not_(parts[0]) if tree.data == "no" else (or_ if tree.data == "any" else and_)(*parts)
    name, middle, *literals = cast("list[Token]", tree.children)
    field = _field(text, name)
    if tree.data == "missing" or (tree.data == "compare" and literals[0].type == "MISSING"):
        present = field.holds(lambda column: column.is_not(None))
        if tree.data == "missing":
            return not_(present) if middle is None else present
        if str(middle) not in ("=", "==", "!="):
            raise _error(text, middle, f"nothing is less or more than {literals[0]}: write {name} is null")
        return present if str(middle) == "!=" else not_(present)
    if tree.data == "between":
        if field.kind not in ("number", "time"):
            raise _error(text, name, f"{name} is no number and no date: compare it with =, !=, in or like")
        low, high = (_value(text, name, field, literal) for literal in literals)
        condition = field.holds(lambda column: and_(column >= low, column <= high))
        return condition if middle is None else not_(condition)
    if tree.data == "compare":
        sign = "=" if str(middle) == "==" else str(middle)
        value = _value(text, name, field, literals[0])
        if field.kind in ("text", "list") and sign not in ("=", "!="):
            what = "text" if field.kind == "text" else "a list"
            raise _error(text, middle, f"{name} is {what}: compare it with =, !=, in or like")
        if sign == "!=":
            return not_(field.holds(lambda column: field.equals(column, value)))
        test = {
            "=": field.equals,
            "<": operator.lt,
            "<=": operator.le,
            ">": operator.gt,
            ">=": operator.ge,
        }[sign]
        return field.holds(lambda column: test(column, value))
    if tree.data == "like":
        if field.kind not in ("text", "list"):
            raise _error(text, name, f"{name} is a {field.kind}: `like` is for text")
        pattern = _unquoted(literals[0]) if field.kind == "text" else _stripped_json(_unquoted(literals[0]))
        condition = field.holds(lambda column: column.ilike(pattern, escape=_NO_ESCAPE))
    else:
        values = [_value(text, name, field, literal) for literal in literals]
        condition = field.holds(lambda column: or_(*(field.equals(column, value) for value in values)))
    return condition if middle is None else not_(condition)


def _value(text: str, name: Token, field: Field, literal: Token) -> Value:
    is_number = literal.type == "NUMBER"
    if literal.type == "MISSING":
        raise _error(text, literal, f"{literal} is no value: write {name} is null")
    if is_number != (field.kind == "number"):
        wanted = {
            "number": "a number",
            "text": "text in quotes",
            "time": "a date in quotes",
            "list": "its items in quotes, such as 'PFT+CLIM' for predictors and '32,32' for others",
        }[field.kind]
        raise _error(text, literal, f"{name} compares with {wanted}, not {literal}")
    if is_number:
        return float(literal)
    try:
        return field.read(_unquoted(literal))
    except ValueError as error:
        raise _error(text, literal, str(error)) from None


def _unquoted(literal: Token) -> str:
    quote = literal[0]
    return str(literal[1:-1]).replace(quote * 2, quote)


# --- fields ---------------------------------------------------------------------------------------


def _status(literal: str) -> str:
    if literal not in STATES:
        raise ValueError(f"{literal!r} is no status; they are {', '.join(STATES)}")
    return literal


def _outcome(literal: str) -> str:
    if literal not in OUTCOMES:
        raise ValueError(f"{literal!r} is no outcome of an attempt; they are {', '.join(OUTCOMES)}")
    return literal


def _prefix(literal: str) -> str:
    if not literal:
        raise ValueError(
            "an empty text is the start of every run's id; leave the condition out to mean every run"
        )
    return literal


def _time(literal: str) -> datetime:
    try:
        time = datetime.fromisoformat(literal)
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(f"{literal!r} is no date: write '2026-01-31' or '2026-01-31 12:00' (UTC)") from None


def _starts_with(column: Any, prefix: str) -> ColumnElement[bool]:
    return func.substr(column, 1, len(prefix)) == prefix if prefix else false()


def _plain(column: ColumnElement[Any]) -> Callable[[Test], ColumnElement[bool]]:
    return lambda test: test(column)


def _in_grid(test: Test) -> ColumnElement[bool]:
    return Run.run_id.in_(select(GridRun.run_id).join(Grid).where(test(Grid.name)))


def _in_ensemble(test: Test) -> ColumnElement[bool]:
    kept = select(Member.run_id).join(Ensemble).where(Member.kept, test(Ensemble.name))
    return Run.run_id.in_(kept)


def _tagged(test: Test) -> ColumnElement[bool]:
    return Run.run_id.in_(select(Tag.run_id).where(test(Tag.name)))


def _ended(test: Test) -> ColumnElement[bool]:
    """Condition on how the last attempt that is over ended."""
    last = select(func.max(Attempt.number)).where(Attempt.outcome.is_not(None)).group_by(Attempt.run_id)
    last = last.add_columns(Attempt.run_id)
    over = select(Attempt.run_id).where(
        tuple_(Attempt.number, Attempt.run_id).in_(last), test(Attempt.outcome)
    )
    return Run.run_id.in_(over)


def _of_dataset(test: Test) -> ColumnElement[bool]:
    named = select(Dataset.fingerprint).where(or_(test(Dataset.name), test(Dataset.fingerprint)))
    also_named = select(DatasetAlias.fingerprint).where(test(DatasetAlias.name))
    return Run.dataset.in_(named.union(also_named))


def _setting(field: SpecField) -> Field:
    """Make the filter's field of a specification's field, wherever the catalog keeps it."""
    if field.name in _SEEDS:
        return Field("number", _plain(_SEEDS[field.name]))
    table, _, term = field.name.partition(".")
    if table == "loss_weights":
        weight = LossWeights.weights[term].as_float()
        reads_it = Run.setup_id.in_(select(Setup.id).where(_model_name.in_(field.defaults)))
        of_all = len(field.defaults) == len(registry.names())

        def weighs(test: Test) -> ColumnElement[bool]:
            weighted = Run.loss_weights_id.in_(select(LossWeights.id).where(test(weight)))
            return weighted if of_all else and_(weighted, reads_it)

        return Field("number", weighs)
    value = _value_in_setup(field)

    def in_setup(test: Test) -> ColumnElement[bool]:
        return Run.setup_id.in_(select(Setup.id).where(test(value)))

    if field.kind == "number":
        return Field("number", in_setup)
    if field.kind == "list":
        return Field("list", in_setup, read=lambda literal: _stripped_json(field.canonical(literal)))
    return Field("text", in_setup)


def setting(field: SpecField) -> Any:
    """Return a field of a query's runs as a value; the query joins their setups."""
    if field.name in _SEEDS:
        return _SEEDS[field.name]
    if field.name == "dataset":
        return Run.dataset
    table, _, term = field.name.partition(".")
    if table != "loss_weights":
        return _value_in_setup(field)
    weight = select(LossWeights.weights[term].as_float()).where(LossWeights.id == Run.loss_weights_id)
    return case((_model_name.in_(field.defaults), weight.correlate(Run).scalar_subquery()))


def _value_in_setup(field: SpecField) -> ColumnElement[Any]:
    """Return a field as the setup has it, or else its default.

    NULL of a model that does not read it.
    """
    path = Setup.spec[tuple(field.name.split("."))]
    stored: ColumnElement[Any] = path.as_float() if field.kind == "number" else path.as_string()
    if field.kind == "flag":  # SQLite reads JSON's true as 1
        stored = case((stored.in_(("true", "1")), "true"), (stored.in_(("false", "0")), "false"))
    if field.kind == "list":  # SQLite writes JSON without spaces, PostgreSQL as it was stored
        between = ('", "', field.separator), ('","', field.separator)
        for old, new in (*between, *_STRIPPED):
            stored = func.replace(stored, old, new)

    def or_default(default: spec_fields.Value) -> ColumnElement[Any]:
        if default is None:
            return stored
        return func.coalesce(stored, float(default) if field.kind == "number" else str(default))

    if len(field.defaults) == len(registry.names()) and len(set(field.defaults.values())) == 1:
        return or_default(next(iter(field.defaults.values())))
    return case(*((_model_name == model, or_default(default)) for model, default in field.defaults.items()))


_STRIPPED = ((", ", ","), ('"', ""), ("[", ""), ("]", ""))
"""Replacements that leave the items of a JSON list, alike in both engines."""


def _stripped_json(text: str) -> str:
    """Text of a list as it compares with a stored JSON list."""
    stripped = json.dumps(text)[1:-1]
    for old, new in _STRIPPED:
        stripped = stripped.replace(old, new)
    return stripped


def _metric(
    split: str, variable: str, statistic: str, level: str = "flat"
) -> Callable[[Test], ColumnElement[bool]]:
    key = (
        Metric.split == split,
        Metric.variable == variable,
        Metric.statistic == statistic,
        Metric.level == level,
    )
    return lambda test: Run.run_id.in_(select(Metric.run_id).where(*key, test(Metric.value)))


_model_name = func.coalesce(Setup.spec["model"].as_string(), registry.DEFAULT)
_SEEDS = {"seeds.init": Run.seed_init, "seeds.split": Run.seed_split, "seeds.shuffle": Run.seed_shuffle}

FIELDS = {
    "run": Field("text", _plain(Run.run_id), read=_prefix, equals=_starts_with),
    "status": Field("text", _plain(Run.state), read=_status),
    "grid": Field("text", _in_grid),
    "ensemble": Field("text", _in_ensemble),
    "tag": Field("text", _tagged),
    "dataset": Field("text", _of_dataset),
    "outcome": Field("text", _ended, read=_outcome),
    "epochs": Field("number", _plain(Run.epochs)),
    "created": Field("time", _plain(Run.created), read=_time),
}
"""Fields that a filter can ask about beside the specification and the metrics."""

METRICS = "metrics.<split>.<variable>.<statistic>[.<level>]"
OLD_SPELLINGS = {
    "seed": "seeds.init",
    "setup.groups": "predictors",
    "setup.model": "model",
    "state": "status",
    "label": "predictors",
    "run_id": "run",
    "grids": "grid",
    "tags": "tag",
    "setup.process.": "process.",
    "weights.": "loss_weights.",
}
"""Earlier names of fields, and those that tables have as columns."""


def field_names() -> list[str]:
    """Every field that a filter can ask about, in its present spelling."""
    return list(dict.fromkeys((*FIELDS, METRICS, *spec_fields.fields())))


def _known() -> str:
    """List the fields in short: tables of the specification by their name alone."""
    specified = dict.fromkeys(f"{n.partition('.')[0]}{'.<name>' * ('.' in n)}" for n in spec_fields.fields())
    return ", ".join(dict.fromkeys((*FIELDS, METRICS, *specified)))


def _field(text: str, name: Token) -> Field:
    current = present_spelling(name)
    if current in FIELDS:
        return FIELDS[current]
    if current in spec_fields.fields():
        return _setting(spec_fields.fields()[current])
    match current.split("."):
        case ["metrics", split, *_] if split not in SPLITS:
            raise _error(text, name, f"no split {split!r}; known: {', '.join(SPLITS)}")
        case ["metrics", *key] if len(key) in (3, 4):
            return Field("number", _metric(*key))
        case ["metrics", *_]:
            raise _error(text, name, f"unknown field {str(name)!r}; write {METRICS}")
    whole = [old for old in OLD_SPELLINGS if not old.endswith(".")]
    near = spec_fields.hint(current, (*FIELDS, *whole, *spec_fields.fields()), f"; known: {_known()}")
    raise _error(text, name, f"unknown field {str(name)!r}{near}")


def _is(token: Any, field: str) -> bool:
    return present_spelling(str(token)) == field


def present_spelling(name: str) -> str:
    """Return the name of a field as filters write it today, from an earlier one or another case."""
    lowered = name.lower()
    if lowered.partition(".")[0] in SPLITS and "." in name:  # a column of `ls`
        return present_spelling(f"metrics.{name}")
    if lowered.startswith("metrics."):  # r2 and R2 are two statistics
        split, _, rest = name[len("metrics.") :].partition(".")
        return f"metrics.{split.lower()}.{rest}" if rest else f"metrics.{split.lower()}"
    whole = {n.lower(): n for n in (*FIELDS, *spec_fields.fields(), *OLD_SPELLINGS)}
    name = whole.get(lowered, name)
    for old, new in OLD_SPELLINGS.items():
        if name == old or (old.endswith(".") and name.startswith(old)):
            return new + name.removeprefix(old)
    return name


# --- errors ---------------------------------------------------------------------------------------


def _error(text: str, place: int | Token, message: str) -> GrammarError:
    """One line, then the part of the filter around the place, and a caret under it."""
    position = (place.start_pos or 0) if isinstance(place, Token) else place
    start = max(0, position - 60)
    shown = "".join(c if c.isprintable() else " " for c in text[start : position + 40])
    return GrammarError(f"filter, column {position + 1}: {message}\n  {shown}\n  {' ' * (position - start)}^")


def _syntax_error(text: str, error: UnexpectedInput) -> GrammarError:
    position, found = len(text.rstrip()), "the filter ends"
    expected: set[str] = set()
    if isinstance(error, UnexpectedToken):
        expected = error.accepts
        if error.token.type != "$END":
            position, found = error.token.start_pos or 0, f"found {str(error.token)!r}"
    elif isinstance(error, UnexpectedCharacters):
        expected = error.allowed or set()
        position = error.pos_in_stream or 0
        found = f"found {text[position]!r}"
    wanted = ", ".join(sorted({EXPECTED[name] for name in expected if name in EXPECTED}))
    return _error(text, position, f"{found}; expected {wanted or 'something else'}; fields: {_known()}")


# --- values that no run has -----------------------------------------------------------------------


@dataclass(frozen=True)
class Asked:
    """A text that a filter compares a field with: the field's present name, the text, and a query of all values."""

    name: str
    value: str
    values: Select[Any]


def asked(text: str) -> list[Asked]:
    """Return what a filter asks of texts and metrics.

    It is to be looked up where no run matches.
    """
    found: list[Asked] = []
    for comparison in _comparisons(_parsed(text)) if text.strip() else ():
        name = present_spelling(str(comparison.children[0]))
        if name.startswith("metrics."):
            _, _split, variable, statistic, *level = name.split(".")
            keys = (
                (Metric.variable, variable),
                (Metric.statistic, statistic),
                *((Metric.level, x) for x in level),
            )
            found += [Asked(name, value, select(column).distinct()) for column, value in keys]
        elif comparison.data in ("compare", "contains"):
            literals = [x for x in cast("list[Token]", comparison.children[2:]) if x.type == "TEXT"]
            values, field = _values_of(name), spec_fields.fields().get(name)
            texts = [_unquoted(x) for x in literals if values is not None]
            if field is not None and field.kind == "list":
                texts = [field.canonical(x) for x in texts]
            found += [Asked(name, x, values) for x in texts if values is not None]
    return found


def _values_of(name: str) -> Select[Any] | None:
    """Every value of a field that is text; None of those whose values are fixed or no text."""
    columns = {"grid": Grid.name, "ensemble": Ensemble.name, "tag": Tag.name}
    if name in columns:
        return select(columns[name]).distinct()
    if name == "dataset":
        return select(Dataset.name).union(select(Dataset.fingerprint)).subquery().select()
    field = spec_fields.fields().get(name)
    if field is None or field.kind == "number" or name in _SEEDS or name.startswith("loss_weights."):
        return None
    return select(_value_in_setup(field)).select_from(Setup).distinct()
