"""Files of towers: found in folders and archives, told apart by their header, and read as numbers by time.

ONEFlux names a file by its network, site, product and step, as FLX_DE-Tha_FLUXNET2015_FULLSET_MM_1996-2014_1-4.csv.
Only the site is read from the name; what a file holds is what its columns and times say.
"""

import re
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

import numpy as np
import pandas as pd

from landlab_mgr.data.sources import site_table, source_files
from landlab_mgr.errors import LandlabError

MISSING = -9999
Kind = Literal["tower", "era", "sites", "other"]
Step = Literal["HH", "HR", "DD", "WW", "MM", "YY"]

_SITE = re.compile(r"(?<![A-Za-z0-9])([A-Z]{2}-[A-Za-z0-9]{3})(?![A-Za-z0-9])")
_STAMPS = ("TIMESTAMP_START", "TIMESTAMP")
_DIGITS: dict[int, tuple[Step, str]] = {
    4: ("YY", "%Y"),
    6: ("MM", "%Y%m"),
    8: ("DD", "%Y%m%d"),
    12: ("HH", "%Y%m%d%H%M"),
}
"""Step and format of a time by its number of digits."""


@dataclass(frozen=True)
class Source:
    """A CSV file, by itself or in an archive."""

    path: Path
    member: str = ""
    """Name in the archive."""

    @property
    def name(self) -> str:
        """Name for messages."""
        return f"{self.path}:{self.member}" if self.member else str(self.path)

    @property
    def site(self) -> str:
        """Site that the file's own name tells, or ""."""
        found = _SITE.search(Path(self.member or self.path.name).name)
        return found[1] if found else ""

    def open(self) -> IO[bytes]:
        """Open the file."""
        if self.member:
            with zipfile.ZipFile(self.path) as archive:
                return archive.open(self.member)
        return self.path.open("rb")

    def header(self) -> list[str]:
        """Names of the columns."""
        with source_files.readable(self.name), self.open() as file:
            line = file.readline(2**20).decode("utf-8-sig", "replace")
        return [name.strip().strip('"') for name in line.strip().split(",")]

    def text(self) -> pd.DataFrame:
        """Whole table as text; of no place or value more than it says."""
        encodings = ("utf-8-sig", "latin-1")
        for encoding in encodings:
            try:
                with source_files.readable(self.name), self.open() as file:
                    return pd.read_csv(
                        file, dtype=str, keep_default_na=False, skipinitialspace=True, encoding=encoding
                    )
            except LandlabError:
                if encoding == encodings[-1]:
                    raise
        raise AssertionError


def sources(paths: Iterable[str | Path]) -> list[Source]:
    """CSV files of paths: files, archives, folders with them.

    Raises:
        LandlabError: for a path where nothing is, or an archive that cannot be read.
    """
    every: dict[Source, None] = {}
    for path in map(Path, paths):
        if path.is_dir():
            inside = sorted(p for p in path.rglob("*") if p.suffix.lower() in (".csv", ".zip"))
            if not inside:
                raise LandlabError(f"{path} holds no .csv and no .zip; give the folder of the towers' files")
        elif path.is_file():
            inside = [path]
        else:
            raise LandlabError(f"no file or folder {path}")
        for file in inside:
            for source in _of_archive(file) if file.suffix.lower() == ".zip" else [Source(file)]:
                every[source] = None
    return list(every)


def _of_archive(path: Path) -> list[Source]:
    with source_files.readable(str(path)), zipfile.ZipFile(path) as archive:
        names = sorted(n for n in archive.namelist() if n.lower().endswith(".csv"))
    return [Source(path, name) for name in names]


def kind(source: Source, columns: list[str]) -> Kind:
    """Kind of a file by its columns."""
    if site_table.is_badm(columns) or site_table.is_table(columns):
        return "sites"
    if not set(columns) & set(_STAMPS):
        return "other"
    if "TA_F" in columns or any(c.startswith("NEE_") and "REF" in c for c in columns):
        return "tower" if source.site else "other"
    return "era" if "TA_ERA" in columns and source.site else "other"


@dataclass(frozen=True)
class Table:
    """Numbers of a file by time, NaN where they are missing."""

    source: Source
    step: Step
    per_day: int
    """Steps of a day where they are shorter than it; else 1."""
    values: pd.DataFrame
    """By the first instant of each step."""


def read(source: Source, wanted: Iterable[str]) -> Table:
    """Read the columns of a tower's file that are wanted and there.

    Raises:
        LandlabError: for a file that is damaged, or whose times repeat or run backwards; it names the line.
    """
    columns = source.header()
    stamp = next(name for name in _STAMPS if name in columns)
    needed = {*wanted, stamp}
    with source_files.readable(source.name), source.open() as file:
        table = pd.read_csv(
            file,
            usecols=lambda c: c in needed,
            dtype={stamp: str},
            skipinitialspace=True,
            encoding="utf-8-sig",
        )
    if not len(table):
        raise LandlabError(f"{source.name} has a header and no line of values; get it again")
    step, index = _times(table.pop(stamp), "TIMESTAMP_END" in columns, source.name)
    values = pd.DataFrame(
        {name: _numbers(table[name], source.name) for name in table.columns}, index=index, dtype=float
    )
    minutes = np.diff(index[:2].to_numpy()) / np.timedelta64(1, "m")
    per_day = round(1440 / float(minutes[0])) if step == "HH" and minutes.size else 1
    if step == "HH":
        if per_day not in (24, 48):
            raise LandlabError(f"{source.name} steps by {minutes}: half-hours or hours are needed")
        step = "HH" if per_day == 48 else "HR"
    return Table(source, step, per_day, values)


def step_of(source: Source) -> Step:
    """Step of a tower's file, by its first time."""
    columns = source.header()
    stamp = next(name for name in _STAMPS if name in columns)
    with source_files.readable(source.name), source.open() as file:
        first = pd.read_csv(file, usecols=[stamp], dtype=str, nrows=1, encoding="utf-8-sig")
    digits = len(str(first[stamp].iloc[0])) if len(first) else 0
    if digits not in _DIGITS:
        shown = str(first[stamp].iloc[0])[:20] if len(first) else ""
        raise LandlabError(f"{source.name} line 2: {stamp} {shown!r} is no time such as 202001 or 20200131")
    step = _DIGITS[digits][0]
    return "WW" if step == "DD" and stamp == "TIMESTAMP_START" else step


def _times(stamps: "pd.Series[str]", ends: bool, where: str) -> tuple[Step, pd.DatetimeIndex]:
    digits = stamps.str.len()
    length = int(digits.iloc[0]) if pd.notna(digits.iloc[0]) else 0
    if length not in _DIGITS:
        raise LandlabError(
            f"{where} line 2: time {str(stamps.iloc[0])[:20]!r} is none such as 202001 or 20200131"
        )
    step, pattern = _DIGITS[length]
    times = pd.to_datetime(stamps.where(digits == length), format=pattern, errors="coerce")
    bad = times.isna().to_numpy()
    if bad.any():
        row = int(bad.argmax())
        raise LandlabError(
            f"{where} line {row + 2}: time {str(stamps.iloc[row])[:20]!r} is none like {stamps.iloc[0]!r} in line 2"
        )
    back = np.diff(times.to_numpy()) <= np.timedelta64(0)
    if back.any():
        row = int(back.argmax()) + 1
        raise LandlabError(
            f"{where} line {row + 2}: time {stamps.iloc[row]} follows {stamps.iloc[row - 1]}; each time once, in order"
        )
    return "WW" if step == "DD" and ends else step, pd.DatetimeIndex(times)


def _numbers(column: "pd.Series[float]", where: str) -> np.ndarray:
    numbers = pd.to_numeric(column, errors="coerce")
    bad = (numbers.isna() & column.notna()).to_numpy()
    if bad.any():
        row = int(bad.argmax())
        raise LandlabError(
            f"{where} line {row + 2}: {column.name} {str(column.iloc[row])[:40]!r} is no number"
        )
    values = numbers.to_numpy(np.float64)
    return np.where(np.isfinite(values) & (values != MISSING), values, np.nan)
