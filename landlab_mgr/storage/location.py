"""Locations of files: a local path, or a URL that fsspec knows (s3://bucket/prefix). JAX-free.

What is local stays an ordinary `pathlib.Path`. Credentials come from the environment (AWS_* and the like), never from
a URL, which the catalog keeps and messages show.
"""

import os
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, Union
from urllib.parse import urlsplit

from landlab_mgr.errors import LandlabError

if TYPE_CHECKING:  # a third of a second that local work need not wait for
    from upath import UPath

Location: TypeAlias = Union[Path, "UPath"]
"""A place for files. Remote ones have the methods of a Path as far as storages can; a remote put is atomic."""


def located(where: str | Location) -> Location:
    """Return the location that a path or URL names; read nothing.

    Raises:
        LandlabError: for a URL with a password, or one whose protocol is unknown or needs a package.
    """
    if not isinstance(where, str):
        return where
    if "://" not in where:
        return expanded(where)
    parts = urlsplit(where)
    if parts.password is not None:
        raise LandlabError(
            f"the {parts.scheme}:// URL holds a password; leave it out, credentials belong in the environment "
            "(AWS_ACCESS_KEY_ID and the like)"
        )
    if parts.scheme in ("file", "local"):
        return Path(parts.path)
    if not parts.netloc:
        raise LandlabError(f"{where} names no bucket; write {parts.scheme}://BUCKET/PREFIX")
    from upath import UPath

    try:
        # what another host wrote meanwhile must be seen
        location = UPath(where.rstrip("/"), use_listings_cache=False)
        _ = location.fs  # imports what the protocol needs
    except ValueError:
        raise LandlabError(
            f"fsspec knows no {parts.scheme}:// ({where}); s3://BUCKET/PREFIX is one it knows"
        ) from None
    except ImportError as error:
        extra = "pip install 'landlab_mgr[s3]'" if parts.scheme in ("s3", "s3a") else str(error)
        raise LandlabError(f"{parts.scheme}:// needs a package that is not installed: {extra}") from None
    return location


def replace_durably(path: Path, fill: Callable[[Path], object]) -> None:
    """Let `fill` write a temporary file, then put it at `path` durably: readers see nothing or the whole."""
    temporary = path.with_name(f".{os.getpid()}-{path.name}")
    try:
        fill(temporary)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def write(path: Location, content: bytes) -> None:
    """Write a file durably; readers see nothing or the whole.

    Raises:
        LandlabError: where a remote storage cannot be reached.
    """
    if isinstance(path, Path):
        replace_durably(path, lambda temporary: temporary.write_bytes(content))
    else:
        with reached(path):
            path.fs.pipe_file(path.path, content)


def content(path: Location) -> bytes:
    """Read the content of a file, by one request where it is remote.

    Raises:
        FileNotFoundError: where there is none.
        LandlabError: where a remote storage cannot be reached.
    """
    if isinstance(path, Path):
        return path.read_bytes()
    with reached(path):
        return path.fs.cat_file(path.path)


def make_directory(location: Location) -> None:
    """Make a directory and its parents; a remote storage has none."""
    if isinstance(location, Path):
        location.mkdir(parents=True, exist_ok=True)


def folders(root: Location, depth: int = 1) -> list[Location]:
    """Directories `depth` levels below a root, sorted; links are not followed."""
    if isinstance(root, Path):
        found = [p for p in root.glob("/".join(["*"] * depth)) if p.is_dir()]
        return sorted(p for p in found if not any(q.is_symlink() for q in (p, *list(p.parents)[: depth - 1])))
    with reached(root):
        names = (name.removeprefix(root.path).strip("/").split("/") for name in root.fs.find(root.path))
        return [
            root.joinpath(*parts) for parts in sorted({tuple(n[:depth]) for n in names if len(n) > depth})
        ]


def read_toml(path: Path, missing: str) -> dict[str, Any]:
    """Read the content of a TOML file.

    Raises:
        LandlabError: where there is no file, with the message `missing`, and where it is not TOML.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))  # editors of Windows begin with a mark
    except (FileNotFoundError, NotADirectoryError):
        raise LandlabError(missing) from None
    except OSError as error:
        raise LandlabError(f"{path} cannot be read: {error.strerror or error}") from None
    except RecursionError:
        raise LandlabError(f"{path} is not valid TOML: it is nested too deep") from None
    except ValueError as error:  # of TOML, of UTF-8, and of integers with thousands of digits
        raise LandlabError(f"{path} is not valid TOML: {' '.join(str(error).split())[:200]}") from None
    huge = _huge_integer(content)
    if huge is not None:
        raise LandlabError(
            f"{path}: {huge} is an integer of more than 64 bits; TOML's end at 9223372036854775807"
        )
    return content


def _huge_integer(content: Any) -> str | None:
    """Dotted key of an integer that no TOML may have; None without one."""
    if isinstance(content, int):
        return "" if not -(2**63) <= content < 2**63 else None
    items = (
        content.items()
        if isinstance(content, dict)
        else enumerate(content)
        if isinstance(content, list)
        else ()
    )
    for key, value in items:
        inside = _huge_integer(value)
        if inside is not None:
            return f"{key}.{inside}".rstrip(".")
    return None


def expanded(path: str | Path) -> Path:
    """Expand a path as people type it: ~ and ~user are home directories.

    Raises:
        LandlabError: for a user that is not known.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise LandlabError(f"{path}: no home directory is known for {Path(path).parts[0]}") from None


def check_place(path: Path) -> Path:
    """Check that a file can go to a path, and return it.

    Raises:
        LandlabError: for a directory, and where the path's own directory is missing.
    """
    if path.is_dir() or not path.parent.is_dir():
        why = "it is a directory" if path.is_dir() else f"there is no directory {path.parent}"
        raise LandlabError(f"cannot write {path}: {why}; name another place")
    return path


@contextmanager
def alone(lock: Path, taken: str) -> Iterator[None]:
    """Hold a lock, which the kernel takes from a process that is killed; LandlabError, `taken`, where another does."""
    from filelock import FileLock, Timeout  # imports asyncio, and no start should wait for it

    held = FileLock(lock)
    try:
        held.acquire(blocking=False)
    except Timeout:
        raise LandlabError(taken) from None
    try:
        yield
    finally:
        held.release()


def cache_directory() -> Path:
    """Return this host's cache directory: LANDLAB_CACHE, or ~/.cache/landlab.

    It keeps copies of what is remote, and compiled programs.
    """
    return Path(os.environ.get("LANDLAB_CACHE") or "~/.cache/landlab").expanduser().absolute()


@contextmanager
def reached(location: Location) -> Iterator[None]:
    """Turn a failure at a remote storage into an error of one line.

    Local errors pass, and so does FileNotFoundError.

    Raises:
        LandlabError: names the storage and why it cannot be reached.
    """
    try:
        yield
    except (LandlabError, FileNotFoundError):
        raise
    except Exception as error:  # each storage has error classes of its own
        if isinstance(location, Path):
            raise
        raise LandlabError(f"cannot reach {location}: {reason(error)}") from None


def reason(error: Exception) -> str:
    """Describe an error in a line, with advice where credentials are the matter."""
    text = " ".join(str(error).split())[:200] or type(error).__name__
    if isinstance(error, PermissionError) and error.filename is not None:
        return f"{error.strerror or text}: {error.filename}; allow writing there, or name another place"
    if isinstance(error, PermissionError) or "credential" in text.lower():
        return f"{text}; check the credentials in the environment (AWS_ACCESS_KEY_ID, AWS_PROFILE, ...)"
    return text
