"""Display of the command line: tables, numbers, durations. JAX-free."""

import json
import math
import sys
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table
from rich.text import Text

from landlab_mgr.records import SPLITS


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


def show(
    frame: pd.DataFrame,
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
        print_rows([frame])
        return
    if title:
        console.print(title, style="italic", markup=False)  # a table's own title wraps at the table's width
    if whole:
        PlainConsole(width=WHOLE, highlight=False, file=console.file).print(_table(frame, digits))
        return
    parts = _parts(frame, digits)
    for part in parts[:1] if brief else parts:
        console.print(_table(frame.iloc[:, part], digits))
    left = len(frame.columns) - len(parts[0])
    if brief and left:
        console.print(f"  and {left} columns more, which `landlab analyse` prints")


def _table(frame: pd.DataFrame, digits: int) -> Table:
    table = Table(header_style="bold", box=None, pad_edge=False)
    for column, values in frame.items():
        wraps = _wraps(values)
        table.add_column(
            Text(printable(str(column))), justify="left" if _is_text(values) else "right", no_wrap=not wraps
        )
    for row in frame.itertuples(index=False):
        table.add_row(*(Text(text(value, digits)) for value in row))
    return table


def _is_text(values: pd.Series) -> bool:
    return not pd.api.types.is_numeric_dtype(values) or values.dtype == bool


def _wraps(values: pd.Series) -> bool:
    return _is_text(values) and values.name != "run_id"


def _parts(frame: pd.DataFrame, digits: int) -> list[list[int]]:
    """Places of the columns of each part that fits the console; the first column is in all of them."""
    widths = []
    for column, values in frame.items():
        own = max([len(str(column)), *(len(text(value, digits)) for value in values)])
        widths.append(2 + (min(own, WRAPPED) if _wraps(values) else own))
    parts: list[list[int]] = [[]]
    for place, width in enumerate(widths):
        if len(parts[-1]) > 1 and sum(widths[i] for i in parts[-1]) + width > console.width + 2:
            parts.append([0])
        parts[-1].append(place)
    return parts


def fitted(frame: pd.DataFrame, optional: list[str], digits: int = 3) -> tuple[pd.DataFrame, list[str]]:
    """Fit a table to the width of the terminal; where there is none, all of it fits.

    Return the table without the optional columns that it has no room for, the most wanted first, and those columns.
    """
    if not console.is_terminal:
        return frame, []
    width = {c: 2 + max([len(str(c)), *(len(text(value, digits)) for value in frame[c])]) for c in frame}
    room = console.width + 2 - sum(width[c] for c in frame if c not in optional)
    left_out = []
    for column in optional:
        if width[column] <= room:
            room -= width[column]
        else:
            left_out.append(column)
    return frame.drop(columns=left_out), left_out


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of a table as plain JSON values."""
    names = [str(name) for name in frame.columns]
    columns = [_plain(frame.iloc[:, place]) for place in range(len(names))]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _plain(values: pd.Series) -> list[Any]:
    """Values of a column as JSON has them; column by column is five times as fast as value by value."""
    kind = values.dtype.kind if isinstance(values.dtype, np.dtype) else "O"
    if kind == "f":
        return [x if math.isfinite(x) else None for x in values.to_numpy().tolist()]
    if kind in "iub":
        return values.to_numpy().tolist()
    if isinstance(values.dtype, pd.StringDtype):
        return [x if isinstance(x, str) else None for x in values.to_numpy(object)]

    def plain(value: Any) -> Any:
        if value is None or isinstance(value, str):
            return value
        if isinstance(value, float | np.floating):
            return float(value) if np.isfinite(value) else None
        if isinstance(value, np.integer | np.bool_):
            return value.item()
        if isinstance(value, datetime):
            return None if pd.isna(value) else value.isoformat()
        return value

    return [plain(value) for value in values]


def print_rows(parts: Iterable[pd.DataFrame]) -> None:
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
    if value is None or value is pd.NaT or (isinstance(value, float) and np.isnan(value)):
        return "–"
    if isinstance(value, float | np.floating):
        number = float(value)
        plain = number == 0 or 1e-3 <= abs(number) < 1e5
        return f"{number:.{digits}f}" if plain else f"{number:.{digits - 1}e}"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    return printable(str(value))


def shortened(text: str, room: int) -> str:
    """Shorten a text to this many characters in its middle: names of setups differ at their ends."""
    if len(text) <= room:
        return text
    first = max((room - 1) // 3, 0)
    return f"{text[:first]}…{text[len(text) - max(room - 1 - first, 0) :]}"


def csv(frame: pd.DataFrame, header: bool = True) -> str:
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


def skill_table(metrics: pd.DataFrame) -> pd.DataFrame:
    """Tabulate the skill, a row for each variable and split.

    Columns are r2, R2, RMSE, spatial r, and how many values they rest on.
    """
    columns = [("r2", "flat"), ("R2", "flat"), ("rmse", "flat"), ("r", "spatial"), ("n", "flat")]
    wide = metrics.pivot_table(
        index=["variable", "split"],
        columns=["statistic", "level"],
        values="value",
        dropna=False,
        observed=True,
    )
    wide = wide.reindex(columns=pd.MultiIndex.from_tuples(columns))
    wide.columns = ["r2", "R2", "RMSE", "spatial r", "n"]
    table = wide.dropna(subset="n").reset_index()
    table["n"] = table["n"].astype(int)
    table["split"] = pd.Categorical(table["split"], SPLITS, ordered=True)
    table = table.sort_values(["variable", "split"]).reset_index(drop=True)
    return table[table["n"] > 0].astype({"split": str})


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
