"""Where a group's work lies: a directory with the catalog, the datasets and the files of runs. JAX-free."""

import os
from dataclasses import dataclass
from pathlib import Path

from landlab_mgr.catalog import Catalog
from landlab_mgr.errors import LandlabError
from landlab_mgr.records import ArtifactRecord

DEFAULT = "landlab-workspace"
DATABASE = "landlab.db"


@dataclass(frozen=True)
class Workspace:
    """A directory, and the URL of its catalog where that is not the SQLite file in it."""

    root: Path
    database: str

    @classmethod
    def at(cls, root: str | Path | None = None, database: str | None = None) -> "Workspace":
        """The workspace that arguments, LANDLAB_WORKSPACE and LANDLAB_DB name; by default ./landlab-workspace."""
        path = Path(root or os.environ.get("LANDLAB_WORKSPACE") or DEFAULT).absolute()
        return cls(path, database or os.environ.get("LANDLAB_DB") or str(path / DATABASE))

    @property
    def data(self) -> Path:
        """Where published datasets lie."""
        return self.root / "data"

    @property
    def runs(self) -> Path:
        """Where the files of runs lie, in run/attempt-token/."""
        return self.root / "runs"

    def create(self) -> Catalog:
        """Make what is missing and open the catalog for writing."""
        if self.root.exists() and not self.root.is_dir():
            raise LandlabError(f"workspace {self.root} is a file; name a directory with --workspace")
        for directory in (self.root, self.data, self.runs):
            directory.mkdir(parents=True, exist_ok=True)
        return Catalog.create(self.database)

    def open(self, read_only: bool = False) -> Catalog:
        """Open the catalog of an existing workspace."""
        if not self.root.is_dir():
            raise LandlabError(
                f"no workspace at {self.root}; make one with `landlab init`, or name one with --workspace"
            )
        return Catalog(self.database, read_only=read_only)

    def directory(self, run_id: str, token: str) -> str:
        """Directory of an attempt, relative to the workspace."""
        return f"{self.runs.name}/{run_id}/{token}"

    def path(self, relative: str) -> Path:
        """A catalogued path, made absolute."""
        return self.root / relative

    def catalogued(self, artifact: ArtifactRecord) -> ArtifactRecord:
        """A worker's artifact under its path in the workspace, so that the workspace can move."""
        relative = Path(artifact.path).relative_to(self.root)
        return ArtifactRecord(artifact.kind, str(relative), artifact.sha256, artifact.bytes)
