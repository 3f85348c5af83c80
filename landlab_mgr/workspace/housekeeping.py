"""Contents of a workspace against its catalog: what nothing needs, what is wrong. JAX-free.

Whatever is listed on disk before the catalog is read was claimed before: an attempt enters the catalog first, its
directory comes after. Nothing here follows a link.
"""

import re
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Literal

from landlab_mgr.catalog import Catalog, Contents, DatasetRecord, lease
from landlab_mgr.data import store
from landlab_mgr.errors import LandlabError
from landlab_mgr.records import ArtifactRecord
from landlab_mgr.storage import artifacts
from landlab_mgr.storage.location import Location, folders, reached
from landlab_mgr.workspace.workspace import Workspace

LOW_DISK_BYTES = 2**30
"""Below this, the next checkpoints may not fit."""

_CHECK_WHICH = "check --workspace and --db"
_ID = re.compile(r"[0-9a-f]{16}")
"""A run id or a token."""


@dataclass(frozen=True)
class Waste:
    """A file or directory that nothing needs, and why."""

    path: Location
    bytes: int
    reason: str


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong (error) or that one should know (warning), and what to do about it."""

    severity: Literal["error", "warning"]
    subject: str
    problem: str
    remedy: str


def waste(workspace: Workspace, catalog: Catalog) -> list[Waste]:
    """Find what nothing needs, by path.

    That is leftovers of attempts that ended, stale temporaries, and packed copies without dataset.

    Neither what the catalog lists nor the directory of an attempt that goes on, however silent it is. Files that
    landlab does not write are left alone. LandlabError where the catalog knows none of the attempts in the workspace:
    then it is another workspace's.
    """
    workspace.check_storage()
    directories = _attempt_directories(workspace)
    data = workspace.data
    stale = store.stale_temporaries(data) if isinstance(data, Path) else store.unfinished_uploads(data)
    temporaries = [(p, "a temporary of a writer that is gone") for p in stale]
    packed = [p for p in data.glob(".packed-*.zarr") if p.is_dir() and not p.is_symlink()]
    contents = catalog.inventory()
    if directories and len(_strangers(workspace, directories, contents)) == len(directories):
        raise LandlabError(
            f"the catalog {catalog.url} knows none of the {len(directories)} attempts in {workspace.runs}: "
            f"it is another workspace's; {_CHECK_WHICH}"
        )
    names = {f".packed-{d.fingerprint}.zarr" for d in contents.datasets}
    copies = [
        (p, "a packed copy of a dataset that is not in the catalog") for p in packed if p.name not in names
    ]
    found = [*_leftovers(workspace, directories, contents), *temporaries, *copies]
    return [Waste(path, _bytes(path), reason) for path, reason in sorted(found)]


def remove(found: Sequence[Waste]) -> list[str]:
    """Remove them; returns what could not be removed and why. What is gone already is no problem.

    Directories of runs stay, even empty: an attempt may be about to make its own in one.
    """
    problems = []
    for item in found:
        try:
            if not isinstance(item.path, Path):
                with reached(item.path):
                    item.path.fs.rm(item.path.path, recursive=True)
            elif item.path.is_dir() and not item.path.is_symlink():
                shutil.rmtree(item.path)
            else:
                item.path.unlink()
        except FileNotFoundError:
            continue
        except (OSError, LandlabError) as error:
            problems.append(f"{item.path} ({getattr(error, 'strerror', None) or error})")
    return problems


def files_at(workspace: Workspace, paths: Iterable[str], reason: str) -> list[Waste]:
    """Those of some catalogued paths that are there."""
    places = [workspace.path(path) for path in paths]
    return [Waste(place, _bytes(place), reason) for place in places if place.exists()]


def damaged(workspace: Workspace, catalog: Catalog) -> list[str]:
    """List runs that have a file which is missing or altered."""
    files = [f for f in catalog.inventory().files if _problem(workspace, f.artifact)]
    return list(dict.fromkeys(f.run_id for f in files))


def examine(workspace: Workspace, catalog: Catalog, deep: bool = False) -> list[Finding]:
    """Everything that is wrong, errors first; nothing is changed.

    Every catalogued file is hashed; `deep` also hashes the values of every dataset, and checks every index of the
    database.
    """
    broken = [*_database(workspace, catalog, deep)]
    if broken:
        return broken  # nothing that it says can be relied on
    out_of_reach, directories = None, []
    try:
        workspace.check_storage()
        directories = _attempt_directories(workspace)
    except LandlabError as error:
        out_of_reach = error
    contents = catalog.inventory()
    found = [*_lapsed(contents), *_dirty(contents)]
    if out_of_reach:
        subject = f"storage {workspace.files}"
        remedy = "until then nothing is known of datasets and files"
        found.append(Finding("error", subject, f"is out of reach: {out_of_reach}", remedy))
    else:
        found += [
            *_orphans(workspace, directories, contents),
            *_damaged(workspace, catalog, contents),
            *_datasets(workspace, contents.datasets, deep),
        ]
    free = workspace.free_bytes
    if free < LOW_DISK_BYTES:
        found.append(
            Finding("error", str(workspace.root), f"has {free / 1e6:.0f} MB of disk left", "make room there")
        )
    return sorted(found, key=lambda f: f.severity != "error")


def _attempt_directories(workspace: Workspace) -> list[Location]:
    """Directories run-id/token under runs/; whatever is named otherwise is nobody's business here."""
    found = folders(workspace.runs, depth=2)
    return [p for p in found if _ID.fullmatch(p.parent.name) and _ID.fullmatch(p.name)]


def _strangers(workspace: Workspace, directories: Sequence[Location], contents: Contents) -> list[str]:
    """Directories of attempts that the catalog does not know."""
    known = {a.directory for a in contents.attempts}
    return [name for name in map(workspace.relative, directories) if name not in known]


def _leftovers(
    workspace: Workspace, directories: Sequence[Location], contents: Contents
) -> Iterator[tuple[Location, str]]:
    attempts = {a.directory: a for a in contents.attempts}
    needed = {file.artifact.path for file in contents.files}
    for directory in directories:
        attempt = attempts.get(workspace.relative(directory))
        if attempt is None:
            yield directory, "of an attempt that is not in the catalog"
            continue
        if attempt.outcome is None:
            continue
        unneeded = [p for p in directory.iterdir() if workspace.relative(p) not in needed]
        holds_needed = any(path.startswith(f"{attempt.directory}/") for path in needed)
        reason = f"left by attempt {attempt.number}, which ended: {attempt.outcome}"
        if not holds_needed:
            yield directory, reason
        else:
            yield from ((p, reason) for p in unneeded)


def _bytes(path: Location) -> int:
    """Size of a file, or of all in a directory; what vanishes meanwhile counts nothing."""
    if not isinstance(path, Path):
        return int(path.fs.du(path.path))
    total = 0
    for part in (path, *path.rglob("*")) if path.is_dir() and not path.is_symlink() else (path,):
        try:
            total += part.lstat().st_size if not part.is_dir() else 0
        except OSError:
            continue
    return total


def _lapsed(contents: Contents) -> Iterator[Finding]:
    limit = contents.time - timedelta(seconds=lease.LEASE_SECONDS)
    for attempt in contents.attempts:
        if attempt.outcome is not None:
            continue
        dead = lease.driver_is_dead(attempt.host, attempt.pid)
        if dead or attempt.heartbeat < limit:
            why = (
                "its driver is dead" if dead else f"no heartbeat since {attempt.heartbeat:%Y-%m-%d %H:%M} UTC"
            )
            yield Finding(
                "error",
                f"run {attempt.run_id}",
                f"is held by attempt {attempt.number}, which has lapsed ({why})",
                "`landlab run` takes it back",
            )


def _orphans(workspace: Workspace, directories: Sequence[Location], contents: Contents) -> Iterator[Finding]:
    strangers = _strangers(workspace, directories, contents)
    if strangers and len(strangers) == len(directories):
        problem = f"holds {len(strangers)} attempts, none of which the catalog knows"
        yield Finding("error", workspace.runs.name, problem, _CHECK_WHICH)
        return
    for name in strangers:
        problem = "is the directory of an attempt that the catalog does not know"
        yield Finding("error", name, problem, "`landlab catalog gc --yes` removes it, if you do not want it")


def _damaged(workspace: Workspace, catalog: Catalog, contents: Contents) -> Iterator[Finding]:
    damaged = [(f, problem) for f in contents.files if (problem := _problem(workspace, f.artifact))]
    # whoever trains meanwhile takes its old checkpoints away: only what is still listed should be there
    listed = {f.artifact for f in catalog.inventory().files} if damaged else set()
    for file, problem in damaged:
        if file.artifact not in listed:
            continue
        sha256 = f"SHA-256 {file.artifact.sha256[:16]}..."
        again = f"`landlab run \"run = '{file.run_id}'\" --only damaged`"
        backup = (
            f"restore it from a backup ({sha256}), or {again} gives its result up and trains it again; the run's "
            "metrics are safe in the catalog until then"
        )
        yield Finding(
            "error",
            file.artifact.path,
            f"{problem} ({file.artifact.kind} of run {file.run_id})",
            backup if file.state == "completed" else f"restore it, or {again} trains it from epoch 1",
        )


def _problem(workspace: Workspace, artifact: ArtifactRecord) -> str:
    try:
        path = workspace.path(artifact.path)
        if artifacts.intact(artifact, path):
            return ""
    except (OSError, LandlabError) as error:
        return f"cannot be read: {getattr(error, 'strerror', None) or error}"
    return "is altered" if path.exists() else "is missing"


def _datasets(workspace: Workspace, records: Sequence[DatasetRecord], deep: bool) -> Iterator[Finding]:
    for record in records:
        again = "remove it and import or make the dataset again"
        try:
            path = workspace.path(record.url)
            if not path.exists():
                problem = f"is missing at {record.url}"
                yield Finding("error", f"dataset {record.name}", problem, "import or make it again")
                continue
            ds = store.open_dataset(path)
            found = str(ds.attrs["fingerprint"])
            if found == record.fingerprint and deep:
                found = store.fingerprint(ds)
        except (LandlabError, OSError, ValueError) as error:
            yield Finding("error", f"dataset {record.name}", f"cannot be read ({error})", again)
            continue
        if found != record.fingerprint:
            problem = f"holds {found}, not {record.fingerprint} as when it was published"
            yield Finding("error", f"dataset {record.name}", problem, again)
    urls = {record.url for record in records}
    names = {record.fingerprint: record.name for record in records}
    for published in store.list_published(workspace.data):
        if workspace.relative(published.path) in urls:
            continue
        if published.fingerprint in names:
            problem = f"is a second copy of dataset {names[published.fingerprint]}, which nothing reads"
            yield Finding("warning", workspace.relative(published.path), problem, "remove it")
        else:
            yield Finding(
                "warning",
                workspace.relative(published.path),
                "is published, but not in the catalog",
                "import or make it again to catalogue it, or remove it",
            )


def _database(workspace: Workspace, catalog: Catalog, deep: bool) -> Iterator[Finding]:
    problems = catalog.damage(deep)
    if not problems:
        return
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    file = workspace.database
    if catalog.url.startswith("sqlite"):
        remedy = (
            f"end every landlab that uses it, keep a copy of {file}, {file}-wal and {file}-shm, and put back a copy "
            f"that `landlab catalog copy` made; or save what is left: `sqlite3 {file} .recover | sqlite3 saved.db`, "
            "then `landlab doctor --deep --db saved.db`"
        )
    else:
        remedy = "restore it from a backup of the server"
    yield Finding("error", f"catalog {catalog.url}", f"is damaged: {problems[0]}{more}", remedy)


def _dirty(contents: Contents) -> Iterator[Finding]:
    trained = Counter(
        (a.git_commit or "unknown", a.dirty_hash)
        for a in contents.attempts
        if a.dirty_hash is not None and a.outcome == "ok"
    )
    for (commit, changes), n in trained.items():
        yield Finding(
            "warning",
            f"{n} completed runs",
            f"were trained by uncommitted code (commit {commit[:10]}, changes {changes})",
            "commit before `landlab run`, so that others can repeat it",
        )
