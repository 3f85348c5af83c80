"""Display of the command line: tables, numbers, durations. JAX-free."""

import json
import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from numbers import Real
from typing import TYPE_CHECKING, Any, TypeAlias

from rich.console import Console
from rich.table import Table
from rich.text import Text

from landlab_mgr.records import SPLITS, Columns

if TYPE_CHECKING:
    import pandas as pd

Tabular: TypeAlias = "Columns | pd.DataFrame"


def printable(text: str) -> str:
    """Text of unknown origin in one line, with nothing in it that a terminal obeys."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _spelled(text: str) -> str:
    return "\n".join(map(printable, text.split("\n")))


class PlainConsole(Console):
    """A console on which names from data mean nothing: no markup unless asked for, no control characters."""

    def print(self, *objects: Any, markup: bool | None = False, **options: Any) -> None:
        """Print as rich does; texts line by line, with what a terminal would obey spelled out."""
        shown = [_spelled(o) if isinstance(o, str) else o for o in objects]
        super().print(*shown, markup=markup, **options)


console = PlainConsole(width=None if sys.stdout.isatty() else 160, highlight=False)
errors = PlainConsole(stderr=True, highlight=False, width=None if sys.stderr.isatty() else 1000)


WHOLE = 10_000
"""Characters of a line that no terminal shows, for whoever reads it by a program."""
WRAPPED = 40
"""Characters to which a column of text may be wrapped before others move to a part of their own."""


def tabulated(rows: Sequence[Mapping[str, Any]], names: Iterable[str] = ()) -> Columns:
    """Make a table of rows: these columns, or all that a row has."""
    names = list(names) or list(dict.fromkeys(name for row in rows for name in row))
    return {name: [row.get(name) for row in rows] for name in names}


def _columns(table: Tabular) -> Columns:
    if isinstance(table, dict):
        return table
    return {str(name): table.iloc[:, place].tolist() for place, name in enumerate(table.columns)}


def show(
    table: Tabular,
    title: str = "",
    as_json: bool = False,
    digits: int = 3,
    brief: bool = False,
    whole: bool = False,
) -> None:
    """Print a table for people, or as a JSON list of records (NaN and infinities as null).

    A table wider than the console is printed in parts, each with the first column: no number is cut short. `brief`
    prints the first part alone and says how many columns are left. `whole` prints a row in one line, however wide.
    """
    if as_json:
        print_rows([table])
        return
    columns = _columns(table)
    if title:
        console.print(title, style="italic", markup=False)  # a table's own title wraps at the table's width
    if whole:
        PlainConsole(width=WHOLE, highlight=False, file=console.file).print(_table(columns, digits))
        return
    parts = _parts(columns, digits)
    for part in parts[:1] if brief else parts:
        console.print(_table({name: columns[name] for name in part}, digits))
    left = len(columns) - len(parts[0])
    if brief and left:
        console.print(f"  and {left} columns more, which `landlab analyse` prints")


def _table(columns: Columns, digits: int) -> Table:
    table = Table(header_style="bold", box=None, pad_edge=False)
    for name, values in columns.items():
        table.add_column(
            Text(printable(name)),
            justify="left" if _is_text(values) else "right",
            no_wrap=not _wraps(name, values),
        )
    for row in zip(*columns.values(), strict=True):
        table.add_row(*(Text(text(value, digits)) for value in row))
    return table


def _is_text(values: list[Any]) -> bool:
    present = [x for x in values if x is not None]
    return not present or not all(isinstance(x, Real) and not isinstance(x, bool) for x in present)


def _wraps(name: str, values: list[Any]) -> bool:
    return name != "run_id" and _is_text(values)


def _width(name: str, values: list[Any], digits: int) -> int:
    return max([len(name), *(len(text(value, digits)) for value in values)])


def _parts(columns: Columns, digits: int) -> list[list[str]]:
    """Names of the columns of each part that fits the console; the first column is in all of them."""
    widths = {}
    for name, values in columns.items():
        own = _width(name, values, digits)
        widths[name] = 2 + (min(own, WRAPPED) if _wraps(name, values) else own)
    parts: list[list[str]] = [[]]
    for name, width in widths.items():
        if len(parts[-1]) > 1 and sum(widths[n] for n in parts[-1]) + width > console.width + 2:
            parts.append([next(iter(columns))])
        parts[-1].append(name)
    return parts


def fitted(columns: Columns, optional: list[str], digits: int = 3) -> tuple[Columns, list[str]]:
    """Fit a table to the width of the terminal; where there is none, all of it fits.

    Return the table without the optional columns that it has no room for, the most wanted first, and those columns.
    """
    if not console.is_terminal:
        return columns, []
    width = {name: 2 + _width(name, values, digits) for name, values in columns.items()}
    room = console.width + 2 - sum(width[name] for name in columns if name not in optional)
    left_out = []
    for name in optional:
        if width[name] <= room:
            room -= width[name]
        else:
            left_out.append(name)
    return {name: values for name, values in columns.items() if name not in left_out}, left_out


def records(table: Tabular) -> list[dict[str, Any]]:
    """Rows of a table as plain JSON values."""
    columns = _columns(table)
    rows = zip(*(_plain(values) for values in columns.values()), strict=True)
    return [dict(zip(columns, row, strict=True)) for row in rows]


def _plain(values: list[Any]) -> list[Any]:
    """Values of a column as JSON has them; column by column is five times as fast as value by value."""
    kinds = {*map(type, values)} - {type(None)}
    if kinds <= {str, int, bool}:
        return values
    if kinds == {float}:
        return [x if x is not None and math.isfinite(x) else None for x in values]
    return [_plain_value(value) for value in values]


def _plain_value(value: Any) -> Any:
    value = _scalar(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, datetime):
        return None if _is_missing(value) else value.isoformat()
    return value


def _scalar(value: Any) -> Any:
    """Return a number of numpy as one of Python."""
    return value.item() if hasattr(value, "item") and not getattr(value, "ndim", 1) else value


def _is_missing(value: Any) -> bool:
    """Check for None, NaN and pandas' NaT; only the last two differ from themselves."""
    return value is None or (isinstance(value, float | datetime) and value != value)


def print_rows(parts: Iterable[Tabular]) -> None:
    """Print tables, one after the other, as one JSON list of records; no more than one of them is held."""
    first = True
    for part in parts:
        rows = records(part)
        nested = any(isinstance(x, dict | list | tuple) for row in rows for x in row.values())
        lines = [json.dumps(row, indent=1).replace("\n", "\n ") if nested else _flat(row) for row in rows]
        if lines:
            print("[\n " if first else ",\n ", ",\n ".join(lines), sep="", end="")
            first = False
    print("[]" if first else "\n]")


def _flat(row: dict[str, Any]) -> str:
    """Return a record of plain values as `json.dumps(..., indent=1)` writes it in a list, five times as fast."""
    return f"{{\n  {_ROW.encode(row)[1:-1]}\n }}" if row else "{}"


_ROW = json.JSONEncoder(separators=(",\n  ", ": "))


def text(value: Any, digits: int = 3) -> str:
    """One cell: numbers short, times to the second, missing as a dash."""
    value = _scalar(value)
    if _is_missing(value):
        return "–"
    if isinstance(value, float):
        plain = value == 0 or 1e-3 <= abs(value) < 1e5
        return f"{value:.{digits}f}" if plain else f"{value:.{digits - 1}e}"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    return printable(str(value))


def shortened(text: str, room: int) -> str:
    """Shorten a text to this many characters in its middle: names of setups differ at their ends."""
    if len(text) <= room:
        return text
    first = max((room - 1) // 3, 0)
    return f"{text[:first]}…{text[len(text) - max(room - 1 - first, 0) :]}"


def csv(frame: "pd.DataFrame", header: bool = True) -> str:
    """Return a table as CSV in which no spreadsheet takes a text for a formula.

    A text that it would take for one begins with an apostrophe.
    """

    def plain(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        spelled = _spelled(value)
        return (
            f"'{spelled}" if spelled.startswith(("=", "+", "-", "@")) and not _is_number(spelled) else spelled
        )

    safe = frame.apply(lambda column: column.map(plain) if column.dtype.kind not in "biufmM" else column)
    return str(safe.rename(columns=plain).to_csv(index=False, header=header))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def skill_table(metrics: Columns) -> Columns:
    """Tabulate the skill, a row for each variable and split.

    Columns are r2, R2, RMSE, spatial r, and how many values they rest on.
    """
    shown = {
        ("r2", "flat"): "r2",
        ("R2", "flat"): "R2",
        ("rmse", "flat"): "RMSE",
        ("r", "spatial"): "spatial r",
        ("n", "flat"): "n",
    }
    empty = dict.fromkeys(shown.values(), math.nan)
    rows: dict[tuple[str, int], dict[str, Any]] = {}
    keys = zip(*(metrics[name] for name in ("variable", "split", "statistic", "level", "value")), strict=True)
    for variable, split, statistic, level, value in keys:
        key = variable, SPLITS.index(split)
        row = rows.setdefault(key, {"variable": variable, "split": split, **empty})
        if (statistic, level) in shown:
            row[shown[statistic, level]] = value
    counted = [row | {"n": int(row["n"])} for _, row in sorted(rows.items()) if row["n"] > 0]
    return tabulated(counted, ("variable", "split", *shown.values()))


def duration(seconds: float) -> str:
    """Seconds as people say them: 42 s, 3 min 05 s, 2 h 10 min."""
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60:02d} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60:02d} min"


def size(count: int) -> str:
    """Bytes as people say them: 640 B, 1.5 kB, 12.0 GB."""
    number, unit = float(count), "B"
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if number < 1000 or unit == "TB":
            break
        number /= 1000
    return f"{count} B" if unit == "B" else f"{number:.1f} {unit}"


def bullet(lines: Iterable[str]) -> None:
    """Print lines as a list."""
    for line in lines:
        console.print(f"  {line}")
