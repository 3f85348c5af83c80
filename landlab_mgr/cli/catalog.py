"""Verbs about the catalog database and what it lists: `landlab catalog ...`."""

import itertools
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from landlab_mgr.catalog import Catalog, held_back
from landlab_mgr.cli.options import DatabaseOption, FilterArgument, JsonOption, WorkspaceOption
from landlab_mgr.errors import LandlabError
from landlab_mgr.records import SEEN
from landlab_mgr.workspace.display import console, csv, show, size, tabulated
from landlab_mgr.workspace.workspace import Workspace

if TYPE_CHECKING:
    import pandas as pd

app = typer.Typer(help="The catalog database.", no_args_is_help=True)


@app.command()
def upgrade(workspace: WorkspaceOption = None, db: DatabaseOption = None) -> None:
    """Bring the catalog's schema to what this version of landlab expects."""
    ws = Workspace.at(workspace, db)
    with Catalog.upgrade(ws.database):
        console.print(f"catalog at revision {Catalog.current(ws.database)}", markup=False)


@app.command()
def current(workspace: WorkspaceOption = None, db: DatabaseOption = None) -> None:
    """Revision of the catalog's schema."""
    console.print(Catalog.current(Workspace.at(workspace, db).database), markup=False)


@app.command()
def gc(
    yes: Annotated[bool, typer.Option("--yes", help="Remove it; without, only say what would go")] = False,
    workspace: WorkspaceOption = None,
    db: DatabaseOption = None,
    json: JsonOption = False,
) -> None:
    """Files that nothing needs: leftovers of attempts that ended, stale temporaries. Says which, unless --yes."""
    from landlab_mgr.workspace import housekeeping

    ws = Workspace.at(workspace, db)
    with ws.open(read_only=True) as catalog:
        found = housekeeping.waste(ws, catalog)
    rows = [{"path": ws.relative(w.path), "bytes": w.bytes, "reason": w.reason} for w in found]
    if json:
        show(tabulated(rows), as_json=True)
    elif found and not yes:
        show(tabulated([row | {"bytes": size(w.bytes)} for row, w in zip(rows, found, strict=True)]))
    problems = housekeeping.remove(found) if yes else []
    if problems:
        raise LandlabError(f"{len(problems)} could not be removed, such as {problems[0]}; run it again")
    if not json:
        total = f"{len(found)} things, {size(sum(w.bytes for w in found))}"
        done = "removed" if yes else "`landlab catalog gc --yes` removes them"
        console.print(f"{total}: {done}" if found else "nothing to remove")


@app.command("copy")
def copy_catalog(
    target: Annotated[
        str, typer.Argument(help="New directory, file or postgresql://... URL", show_default=False)
    ],
    workspace: WorkspaceOption = None,
    db: DatabaseOption = None,
) -> None:
    """Copy a workspace that may be in use to a new directory, or its catalog alone to a file or server.

    A directory gets the catalog, datasets and files of runs: a backup, and a way to move. A file (.db) or a
    URL gets the catalog alone. Copying landlab.db by other means loses what landlab.db-wal holds.
    """
    from landlab_mgr.catalog.copy import copy

    ws = Workspace.at(workspace, db)
    with ws.open(read_only=True) as catalog:
        if "://" in target or target.endswith(".db"):
            counts = copy(catalog, target)
            console.print(f"{counts['run']} runs, {counts['attempt']} attempts copied", markup=False)
            console.print(f"next: `landlab ls -w {ws.root} --db URL`, with LANDLAB_DB for good", markup=False)
            return
        from landlab_mgr.workspace import backup

        files, count = backup.workspace(ws, catalog, Path(target).absolute())
    console.print(f"{target}: {files} files, {size(count)}", markup=False)
    console.print(f"next: `landlab doctor -w {target}`", markup=False)


Format = Literal["csv", "parquet"]


@app.command()
def export(
    target: Annotated[str, typer.Argument(help="File, or a directory for runs.csv", show_default=False)],
    filter: FilterArgument = "",
    format: Annotated[Format | None, typer.Option(help="Default: the file's suffix, else csv")] = None,
    splits: Annotated[
        str,
        typer.Option(
            help="Splits whose metrics are wanted; test and withheld by name only, which is counted"
        ),
    ] = "train,dev",
    workspace: WorkspaceOption = None,
    db: DatabaseOption = None,
) -> None:
    """Write a row for each run, a column for each setting and metric, named as in filters, as CSV or Parquet."""
    from landlab_mgr.storage.artifacts import replace_durably

    path, chosen = _destination(target, format)
    wanted = [s.strip() for s in splits.split(",")]
    looks = bool(held_back(filter) or {*wanted} - {*SEEN})  # which is counted
    with Workspace.at(workspace, db).open(read_only=not looks) as catalog:
        parts = catalog.table_in_parts(filter, wanted)
        first = next(parts)  # a mistake is said before anything is written
        rows = 0

        def write(temporary: Path) -> None:
            nonlocal rows
            rows = _write(itertools.chain([first], parts), temporary, chosen)

        try:
            replace_durably(path, write)
        except OSError as error:
            raise LandlabError(
                f"cannot write {path}: {error.strerror or error}; name another place"
            ) from None
    console.print(f"{path}: {rows} runs x {len(first.columns)} columns", markup=False)


def _destination(target: str, format: Format | None) -> tuple[Path, Format]:
    path = Path(target)
    if path.is_dir():
        return path / f"runs.{format or 'csv'}", format or "csv"
    by_suffix: dict[str, Format] = {".csv": "csv", ".parquet": "parquet"}
    named = by_suffix.get(path.suffix.lower())
    if named is None and format is None:
        raise LandlabError(f"{path}: neither a directory nor .csv nor .parquet; name one, or give --format")
    if named and format and named != format:
        raise LandlabError(f"{path} looks like {named}, but --format says {format}; leave one of them")
    return path, format or named or "csv"


def _write(parts: "Iterable[pd.DataFrame]", path: Path, format: Format) -> int:
    """Write parts of a table below each other; return how many rows they have."""
    if format == "parquet":
        import pandas as pd

        table = pd.concat(parts, ignore_index=True)
        table.to_parquet(path, index=False)
        return len(table)
    rows = 0
    with path.open("w", encoding="utf-8") as file:
        for part in parts:
            file.write(csv(part, header=not rows))
            rows += len(part)
    return rows
