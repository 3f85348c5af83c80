"""Tables of the guide, made from the code: fields of TOML files, options of analyses, commands."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import typer
import typer.core
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from landlab_mgr import guide
from landlab_mgr.models import registry
from landlab_mgr.models.tables import LossTerm
from landlab_mgr.observations.metrics import MEANINGS
from landlab_mgr.spec.grid import GridSpec
from landlab_mgr.spec.run import PolicySpec, RunSpec
from landlab_mgr.spec.study import Objective, TuneSpec

OF_THE_GRID = ("dataset", "predictors", "seeds", "science_version", "loss_weights", "process", "network")
"""Fields of a run that [base] does not set, or that have tables of their own."""
SPECIFICATIONS: dict[str, type[BaseModel]] = {
    "grid": GridSpec,
    "policies": PolicySpec,
    "study": TuneSpec,
    "objective": Objective,
}
AVERAGES = {
    "step": "",
    "year": ", yearly means",
    "run": ", mean over all years",
    "anomaly": ", less its mean over all years",
}
COMMON = ("--workspace", "--db", "--json")
"""Options that are explained once."""
GENERAL = "General"
"""Heading of the verbs that are in no group."""
Commands = typer.core.TyperGroup


def text(name: str, commands: Callable[[], Commands]) -> str:
    """Return a page with its tables.

    `commands` gives the root of the command line, for the page that lists it.
    """

    def table(mark: str) -> str:
        kind, _, of = mark.partition(" ")
        if kind == "commands":
            return _commands(commands())
        if kind == "options":
            return _options(of)
        if kind in SPECIFICATIONS:
            return _fields(SPECIFICATIONS[kind])
        return TABLES[kind]()

    return guide.TABLE.sub(lambda match: table(match[1]), guide.source(name))


def documented(specification: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Fields of a specification by their dotted names, those of its parts one by one."""
    for name, field in specification.model_fields.items():
        if specification is RunSpec and name in OF_THE_GRID:
            continue
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from documented(kind, f"{prefix}{name}.")
        else:
            yield prefix + name, field


def _run() -> str:
    return _rows(documented(RunSpec))


def _fields(specification: type[BaseModel]) -> str:
    return _rows((n, f) for n, f in specification.model_fields.items() if n != "policies")


def _rows(fields: Iterable[tuple[str, FieldInfo]]) -> str:
    rows = [(f"`{name}`", _default(field), field.description or "") for name, field in fields]
    return markdown(("field", "default", "meaning"), rows)


def _network() -> str:
    rows: dict[tuple[str, str, str], list[str]] = {}
    for model in registry.names():
        for name, field in registry.tables(model).network.model_fields.items():
            row = f"`network.{name}`", _default(field), field.description or ""
            rows.setdefault(row, []).append(f"`{model}`")
    return markdown(
        ("field", "models", "default", "meaning"), [(f, ", ".join(m), d, w) for (f, d, w), m in rows.items()]
    )


def _models() -> str:
    rows = [(f"`{name}`", registry.tables(name).summary) for name in registry.names()]
    return markdown(("`model`", "what it is"), rows)


def _terms() -> str:
    models = [m for m in registry.names() if registry.tables(m).terms]
    weights = {m: registry.tables(m).weights for m in models}
    rows = []
    for name in dict.fromkeys(name for m in models for name in registry.tables(m).terms):
        term = next(registry.tables(m).terms[name] for m in models if name in weights[m])
        rows.append(
            (
                f"`loss_weights.{name}`",
                _compared(term),
                *(f"{weights[m][name]:g}" if name in weights[m] else "" for m in models),
            )
        )
    return markdown(("field", "compares", *(f"default, {m}" for m in models)), rows)


def _compared(term: LossTerm) -> str:
    if term.stream is None:
        return "a penalty on the model alone"
    variable = registry.variables()[term.stream.variable]
    place = ", means over patches" if term.level == "patch" else ""
    return f"{variable.meaning}{place}{AVERAGES[term.average]}"


def _processes() -> str:
    rows = []
    for model in registry.names():
        for name, kind in registry.tables(model).processes.items():
            choices = ", ".join(f"`{c}`" for c in kind.implementations)
            rows.append(
                (f"`process.{name}`", f"`{model}`", f"`{kind.default}`", f"{kind.meaning}: {choices}")
            )
    return markdown(("field", "model", "default", "meaning and choices"), rows)


def _parameters() -> str:
    parts = []
    for model in registry.names():
        rows = [
            (f"`{p.name}`", f"{p.low:g} .. {p.high:g}", f"{p.typical:g}", p.unit, p.meaning)
            for p in registry.tables(model).parameters
        ]
        if rows:
            parts.append(
                f"`{model}`:\n\n" + markdown(("parameter", "bounds", "typical", "unit", "meaning"), rows)
            )
    return "\n\n".join(parts)


def _forcing() -> str:
    readers: dict[str, list[str]] = {}
    for model in registry.names():
        for name in registry.tables(model).forcing or ():
            readers.setdefault(name, []).append(f"`{model}`")
    rows = [
        (f"`{v.name}`", v.unit, v.meaning, ", ".join(readers.get(v.name, ())))
        for v in registry.forcing().values()
    ]
    return markdown(("forcing", "unit", "meaning", "read by"), rows)


def _streams() -> str:
    rows = []
    for stream in registry.streams().values():
        variable = registry.variables()[stream.variable]
        place = "patch" if stream.level == "patch" else "pixel"
        rows.append(
            (f"`{stream.name}`", variable.unit, f"{variable.meaning}{AVERAGES[stream.average]}", place)
        )
    return markdown(("stream", "unit", "one value is", "of a"), rows)


def _statistics() -> str:
    return markdown(("statistic", "meaning"), [(f"`{name}`", text) for name, text in MEANINGS.items()])


def _variables() -> str:
    streams: dict[str, list[str]] = {}
    for stream in registry.streams().values():
        streams.setdefault(stream.variable, []).append(f"`{stream.name}`")
    rows = [
        (f"`{v.name}`", v.symbol or v.name, v.unit, v.meaning, ", ".join(streams[v.name]))
        for v in registry.variables().values()
        if v.name in streams
    ]
    return markdown(("variable", "in figures", "unit", "meaning", "observed by the streams"), rows)


def _options(analysis: str) -> str:
    from landlab_mgr.analysis import find

    rows = [
        (f"`-o {n}=`", _default(f), f.description or "")
        for n, f in find(analysis).options.model_fields.items()
    ]
    return markdown(("option", "default", "meaning"), rows)


def _default(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True, validated_data={})
    if value is PydanticUndefined:
        return "required"
    if isinstance(value, tuple | list):
        return ", ".join(map(str, value)) if value and not isinstance(value[0], BaseModel) else "–"
    return "–" if value in (None, "", {}) else f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def _commands(root: Commands) -> str:
    parts: dict[str, list[str]] = {}
    for path, command in verbs(root):
        words = path.split()
        parts.setdefault(words[1] if len(words) > 2 else GENERAL, []).append(_command(path, command))
    return "\n\n".join(f"## {group}\n\n" + "\n\n".join(entries) for group, entries in parts.items())


def _command(path: str, command: Any) -> str:
    """Describe a verb: how it is called, and what it does.

    Also its arguments and options but the common ones.
    """
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    options = [p for p in command.params if p.param_type_name == "option"]
    rows = [(f"`{_argument(a)}`", "", _plain(a.help)) for a in arguments if a.help]
    rows += [
        (", ".join(f"`{o}`" for o in [*p.opts, *p.secondary_opts]), _shown(p), _plain(p.help or ""))
        for p in options
        if not set(p.opts) & {*COMMON}
    ]
    lines = [f"### `{path}`", *_paragraphs(command.help or "")]
    if arguments:
        lines.append(f"`{' '.join([path, *map(_argument, arguments)])}`")
    if rows:
        lines.append(markdown(("argument or option", "default", "meaning"), rows))
    if common := [o for p in options for o in p.opts if o in COMMON]:
        lines.append("Also " + ", ".join(f"`{o}`" for o in common) + ".")
    return "\n\n".join(lines)


def verbs(command: Any, path: str = "landlab") -> Iterator[tuple[str, Any]]:
    """Every verb of a command line by its path, in order."""
    for name in command.list_commands(typer.Context(command)):
        verb = command.commands[name]  # the verb itself: get_command may give its name and line alone
        if hasattr(verb, "list_commands"):
            yield from verbs(verb, f"{path} {name}")
        elif not verb.hidden:
            yield f"{path} {name}", verb


def _argument(argument: Any) -> str:
    name = (argument.metavar or argument.name.upper()).strip("[]")
    return name if argument.required else f"[{name}]"


def _shown(option: Any) -> str:
    value = option.default
    if value is None or value == "" or isinstance(value, bool) or callable(value):
        return ""
    return f"`{value}`"


def _paragraphs(text: str) -> list[str]:
    return [" ".join(p.split()) for p in text.strip().split("\n\n")]


def _plain(text: str) -> str:
    return " ".join(text.split())


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Make a table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(
        "| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines
    )


TABLES: dict[str, Callable[[], str]] = {
    "run": _run,
    "network": _network,
    "models": _models,
    "processes": _processes,
    "terms": _terms,
    "parameters": _parameters,
    "forcing": _forcing,
    "streams": _streams,
    "statistics": _statistics,
    "variables": _variables,
}
"""Tables without an argument, by the name that a page gives them."""
