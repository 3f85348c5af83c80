"""A workspace in another place, whole, while it is in use: its catalog at one moment, and every file that it lists."""

import shutil
from pathlib import Path

from landlab_mgr.catalog import Catalog
from landlab_mgr.catalog.copy import copy
from landlab_mgr.errors import LandlabError
from landlab_mgr.storage import artifacts
from landlab_mgr.storage.location import Location, content
from landlab_mgr.workspace.workspace import DATABASE, Workspace

ATTEMPTS = 5


def workspace(source: Workspace, catalog: Catalog, target: Path) -> tuple[int, int]:
    """Copy datasets, files of runs and results of analyses, with their catalog; returns how many files and bytes.

    A run that trains meanwhile takes its old checkpoint away: the catalog is copied anew until its files are there.
    Whoever opens the copy takes such a run back once its lease has lapsed. What other programs put beside is left.

    LandlabError where the target holds something, or a catalogued file is gone.
    """
    if target.exists() and any(target.iterdir()):
        raise LandlabError(f"{target} is not empty; name a new directory")
    source.check_storage()
    part = target.with_name(f".{target.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        part.mkdir(parents=True)
        for attempt in range(1, ATTEMPTS + 1):
            (part / DATABASE).unlink(missing_ok=True)
            copy(catalog, part / DATABASE)
            missing = _files(source, part)
            if not missing:
                break
            if attempt == ATTEMPTS:
                raise LandlabError(
                    f"{len(missing)} catalogued files are missing or altered, such as {missing[0]}; "
                    "`landlab doctor` says what to do about them"
                )
        (part / "runs").mkdir(exist_ok=True)
        (part / "data").mkdir(exist_ok=True)
        if target.exists():
            target.rmdir()
        part.rename(target)
    except OSError as error:
        raise LandlabError(
            f"cannot copy to {target}: {error.strerror or error}; name another place"
        ) from None
    finally:
        shutil.rmtree(part, ignore_errors=True)
    files = [p for p in target.rglob("*") if p.is_file()]
    return len(files), sum(p.stat().st_size for p in files)


def _files(source: Workspace, part: Path) -> list[str]:
    """Copy what a copied catalog lists and is not there yet; returns what could not be, checkpoints first."""
    missing = []
    with Catalog(part / DATABASE, read_only=True) as copied:
        contents, analyses = copied.inventory(), copied.analyses()
    running = sorted(contents.files, key=lambda f: f.state != "running")
    for artifact in [f.artifact for f in running]:
        place = part / artifact.path
        if artifacts.intact(artifact, place):
            continue
        if not (_copied(source.path(artifact.path), place) and artifacts.intact(artifact, place)):
            missing.append(artifact.path)
    for path in dict.fromkeys([d.url for d in contents.datasets] + [a.path for a in analyses]):
        if not (part / path).exists() and not _copied(source.path(path), part / path):
            missing.append(path)
    return missing


def _copied(source: Location, target: Path) -> bool:
    """Copy a file or directory, wherever it lies; False where it is gone."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        if not isinstance(source, Path):
            if source.is_dir():
                source.fs.get(source.path, str(target), recursive=True)
            else:
                target.write_bytes(content(source))
        elif source.is_dir():
            shutil.copytree(source, target)
        else:
            shutil.copyfile(source, target)
    except FileNotFoundError:
        return False
    return True
