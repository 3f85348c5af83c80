"""Workspace of a group: a directory with the catalog, and a storage. JAX-free.

The storage holds datasets and files of runs. It is that directory, unless `landlab init --storage` named another
place, such as s3://bucket/prefix.
"""

import json
import os
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from landlab_mgr.catalog import Catalog
from landlab_mgr.catalog.session import FILE as DATABASE
from landlab_mgr.catalog.session import parse_url
from landlab_mgr.errors import LandlabError
from landlab_mgr.records import ArtifactRecord
from landlab_mgr.storage.location import (
    Location,
    content,
    expanded,
    folders,
    located,
    make_directory,
    reached,
    read_toml,
    reason,
    write,
)

DEFAULT = "landlab-workspace"
SETTINGS = "landlab.toml"
"""The file in a workspace that names its storage and its catalog, where these are other places."""

_MARKER = ".landlab"
"""The file at a remote storage that says whose it is: a bucket or prefix mistyped later has none."""


@dataclass(frozen=True)
class Workspace:
    """A directory, the URL of its catalog where that is not the SQLite file in it, and its storage where elsewhere."""

    root: Path
    database: str
    storage: str | None = None

    @classmethod
    def at(
        cls, root: str | Path | None = None, database: str | None = None, storage: str | None = None
    ) -> "Workspace":
        """Return the workspace that arguments, LANDLAB_WORKSPACE and LANDLAB_DB name.

        By default it is ./landlab-workspace.

        Its catalog and its storage are what the arguments, LANDLAB_DB and LANDLAB_STORAGE or its landlab.toml say, by
        default landlab.db in it and the workspace itself.
        """
        path = expanded(root or os.environ.get("LANDLAB_WORKSPACE") or DEFAULT).absolute()
        own = _settings(path)
        url = database or os.environ.get("LANDLAB_DB") or own.get("database") or str(path / DATABASE)
        files = storage or os.environ.get("LANDLAB_STORAGE") or own.get("storage")
        return cls(path, _database(url), None if files is None else _normal(files))

    @property
    def files(self) -> Location:
        """Location of datasets and files of runs; catalogued paths are relative to it."""
        return self.root if self.storage is None else located(self.storage)

    @property
    def data(self) -> Location:
        """Location of published datasets."""
        return self.files / "data"

    @property
    def runs(self) -> Location:
        """Location of the files of runs, in run/attempt-token/."""
        return self.files / "runs"

    @property
    def free_bytes(self) -> int:
        """Bytes left on the disk of the workspace; its files may lie elsewhere."""
        return shutil.disk_usage(self.root).free

    def create(self, remember: bool = False, remember_database: bool = False) -> Catalog:
        """Make what is missing and open the catalog for writing.

        Args:
            remember: keep the storage in landlab.toml, for later calls that do not name it.
            remember_database: keep the catalog's URL there too, without its password.

        Raises:
            LandlabError: where something cannot be made, or the workspace keeps its files elsewhere already.
        """
        if self.root.exists() and not self.root.is_dir():
            raise LandlabError(f"workspace {self.root} is a file; name a directory with --workspace")
        own = _settings(self.root)
        if remember and self.storage != _storage_of(own):
            self._refuse_to_move()
            own["storage"] = self.storage or ""
        kept = self.database
        if "://" in kept:
            kept = parse_url(kept).set(password=None).render_as_string()
        inside = self.database == str(self.root / DATABASE)
        if remember_database and not inside and kept != own.get("database"):
            self._refuse_another_catalog(own)
            own["database"] = kept
        self._refuse_a_second_catalog(remember_database)
        for directory in (self.data, self.runs):
            try:
                make_directory(directory)
            except OSError as error:
                if self.storage is None:
                    raise
                raise LandlabError(
                    f"cannot make the storage {directory}: {error.strerror or error}"
                ) from None
        self._mark()
        self.root.mkdir(parents=True, exist_ok=True)
        catalog = Catalog.create(self.database)
        if own != _settings(self.root):
            lines = "".join(f"{key} = {json.dumps(value)}\n" for key, value in sorted(own.items()))
            write(self.root / SETTINGS, lines.encode())
        return catalog

    def open(self, read_only: bool = False) -> Catalog:
        """Open the catalog of an existing workspace."""
        try:
            is_directory = stat.S_ISDIR(self.root.stat().st_mode)
        except OSError as error:
            is_directory = False
            if isinstance(error, PermissionError):
                raise _unreadable(self.root, error) from None
        if not is_directory:
            raise LandlabError(
                f"no workspace at {self.root}; make one with `landlab init`, or name one with --workspace"
            )
        return Catalog(self.database, read_only=read_only)

    def check_storage(self) -> None:
        """LandlabError where a remote storage is not there or cannot be read; local ones are not looked at."""
        if isinstance(self.files, Path):
            return
        try:
            content(self.files / _MARKER)
        except FileNotFoundError:
            raise LandlabError(
                f"no landlab storage at {self.files}; check LANDLAB_STORAGE and {self.root / SETTINGS}, "
                "or make it with `landlab init --storage URL`"
            ) from None

    def directory(self, run_id: str, token: str) -> str:
        """Directory of an attempt, relative to the storage."""
        return f"{self.runs.name}/{run_id}/{token}"

    def path(self, relative: str) -> Location:
        """Make a catalogued path absolute; `str` of it is a path or a URL.

        LandlabError for what leads elsewhere: a catalog or a figure is no authority on where to read or connect.
        """
        parts = PurePosixPath(relative)
        # to fsspec a colon may be a protocol; names of datasets and files have none
        if parts.is_absolute() or ".." in parts.parts or ":" in relative:
            raise LandlabError(
                f"{relative!r} leads out of the workspace; only relative paths below {self.files} are read: "
                "import the data or make the result again"
            )
        return self.files / relative

    def relative(self, path: Location) -> str:
        """Return the path under which the catalog lists what lies in the storage."""
        return path.relative_to(str(self.files)).as_posix()

    def catalogued(self, artifact: ArtifactRecord) -> ArtifactRecord:
        """Return a worker's artifact under its path in the storage.

        So the workspace can move.
        """
        relative = self.relative(located(artifact.path))
        return ArtifactRecord(artifact.kind, relative, artifact.sha256, artifact.bytes)

    def _mark(self) -> None:
        """Make a remote storage, which shows that it can be written."""
        if isinstance(self.files, Path):
            return
        marker = self.files / _MARKER
        try:
            with reached(marker):
                if not marker.exists():
                    write(marker, b"The files of a landlab workspace lie here.\n")
        except FileNotFoundError as error:
            raise LandlabError(
                f"cannot write to {self.files}: {reason(error)}; check the URL, make the bucket if there is none"
            ) from None

    def _refuse_to_move(self) -> None:
        """Catalogued paths are relative to the storage: it does not change under what is catalogued."""
        before = _storage_of(_settings(self.root))
        kept = [d for d in (self.root / "data", self.root / "runs") if d.is_dir() and any(d.iterdir())]
        if before is not None or kept:
            raise LandlabError(
                f"workspace {self.root} keeps its files at {before or self.root}; to move them, copy data/ and runs/ "
                f"to {self.storage} and then name that in {self.root / SETTINGS}"
            )

    def _refuse_another_catalog(self, own: dict[str, str]) -> None:
        """Refuse another catalog than the workspace's own.

        Runs and files are known to one catalog: another one would know nothing of them.
        """
        before = own.get("database") or (self.root / DATABASE if (self.root / DATABASE).exists() else None)
        if before is not None:
            raise LandlabError(
                f"workspace {self.root} has its catalog at {before}; to use another one for good, name it as "
                f"`database` in {self.root / SETTINGS}"
            )

    def _refuse_a_second_catalog(self, asked: bool) -> None:
        """LandlabError where a workspace with files has no catalog at its usual place: it is somewhere else."""
        path = self.root / DATABASE
        if asked or self.database != str(path) or path.exists() or not isinstance(self.files, Path):
            return
        if any(self.data.glob("[!.]*.zarr")) or folders(self.runs, depth=2):
            raise LandlabError(
                f"workspace {self.root} has datasets or runs, but no catalog at {path}; name theirs with --db or "
                f"LANDLAB_DB, or start an empty one with `landlab init --db {path}`"
            )


def _database(url: str) -> str:
    """Return the catalog's URL, or the path of its file, made absolute.

    The path is as people type it.
    """
    return url if "://" in url else str(expanded(url).absolute())


def _unreadable(path: Path, error: OSError) -> LandlabError:
    return LandlabError(f"workspace {path} cannot be read: {error.strerror}; ask its owner for the right to")


def _normal(storage: str) -> str:
    """Return a storage as it is kept: a URL, or an absolute path."""
    where = located(storage)
    return str(where.absolute() if isinstance(where, Path) else where)


def _storage_of(settings: dict[str, str]) -> str | None:
    return _normal(settings["storage"]) if "storage" in settings else None


def _settings(root: Path) -> dict[str, str]:
    """Read what landlab.toml of a workspace says; empty where there is none."""
    path = root / SETTINGS
    try:
        if not path.exists():
            return {}
    except OSError as error:
        raise _unreadable(root, error) from None
    settings = read_toml(path, f"no file {path}")
    if not settings or not settings.keys() <= {"storage", "database"} or not _all_texts(settings):
        raise LandlabError(
            f'{path} may hold two lines: storage = "s3://BUCKET/PREFIX" and database = "postgresql://..."'
        )
    return settings


def _all_texts(settings: dict[str, object]) -> bool:
    return all(isinstance(value, str) and value for value in settings.values())
