"""Downloads of a Zenodo record: resumed where they broke off, checked by MD5, put in place whole."""

import hashlib
import json
import os
import shutil
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from landlab_mgr.errors import LandlabError
from landlab_mgr.storage.location import alone

if TYPE_CHECKING:
    import requests

ZENODO = "https://zenodo.org"
RECORD_FILE = "zenodo-record.json"
"""File of the record's own description: licence, files and checksums; kept beside the files."""

RETRIES = 5
"""Failures in a row, without a byte between them, that a download survives."""
PAUSE_SECONDS = 2.0
"""Before the first retry; twice as long before each further one."""

_LONGEST_PAUSE = 60.0
_TIMEOUT = (10.0, 60.0)
"""Seconds to connect, and between bytes."""
_CHUNK = 2**16
"""Bytes written at once; as many may come again after a connection dropped."""
_AGAIN = (408, 425, 429, 500, 502, 503, 504)
"""Statuses that may pass."""
_NO_SUCH_RANGE = 416

Report = Callable[[str, str, int, int], None]
"""Hears of a file, what is done with it ("fetching", "checking", "unpacking"), bytes so far, and in all."""


@dataclass(frozen=True)
class _File:
    name: str
    size: int
    md5: str


@dataclass(frozen=True)
class _Source:
    """A host that is asked again after failures."""

    base: str
    retries: int
    pause: float
    session: "requests.Session"

    def attempts(self) -> Iterator[float]:
        """Seconds to wait after each failure that is survived."""
        return (min(self.pause * 2**k, _LONGEST_PAUSE) for k in range(self.retries))


class _MayPassError(Exception):
    """A failure that may be over the next time; its text is the reason."""

    def __init__(self, reason: str, wait: float = 0.0) -> None:
        super().__init__(reason)
        self.wait = wait
        """Seconds that the host asks for."""


def fetch(
    record: str,
    names: Sequence[str],
    to: str | Path,
    url: str = ZENODO,
    report: Report = lambda *_: None,
    retries: int = RETRIES,
    pause: float = PAUSE_SECONDS,
) -> list[Path]:
    """Bring files of a Zenodo record into a directory; what is there and right stays, what broke off goes on.

    A name appears when its file is whole and its checksum right; before, it is NAME.part. Where the record has a zip
    archive that holds them, it is fetched and they are taken out of it.

    Args:
        record: number of the record.
        names: the files that are wanted.
        to: directory; made if need be.
        url: Zenodo, or a host with the same paths below this URL.
        retries: failures in a row without progress that are survived.
        pause: seconds before the first retry.

    Returns:
        Where the files are, in the order of their names.

    Raises:
        LandlabError: for a host that cannot be reached, a record or file that is not there, a wrong checksum, no room.
    """
    import requests

    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).netloc:
        raise LandlabError(f"{url!r} is no http(s) URL; give one like {ZENODO}")
    to = Path(to)
    try:
        to.mkdir(parents=True, exist_ok=True)
        # into one directory they would write into one file
        taken = f"another `landlab data fetch` is writing to {to}; wait for it, or stop it"
        with requests.Session() as session, alone(to / ".fetch.lock", taken):
            source = _Source(f"{url.rstrip('/')}/api/records/{record}", retries, pause, session)
            about = _about(source)
            files = _listed(source, about)
            direct = [files[name] for name in names if name in files]
            archives = [file for file in files.values() if file.name.endswith(".zip")]
            absent = [name for name in names if name not in files]
            if absent and not archives:
                listed = ", ".join(files) or "nothing"
                raise LandlabError(f"record {record} has no {absent[0]}; it has {listed[:300]}")
            wanted = direct + (archives if absent else [])
            _refuse_without_room(to, wanted)
            _replace(to / RECORD_FILE, json.dumps(about, indent=1).encode())
            for file in wanted:
                _bring(source, file, to, report)
            if absent:
                _unpack([to / archive.name for archive in archives], absent, to, report)
    except OSError as error:
        raise LandlabError(f"cannot write to {to}: {error.strerror or error}") from None
    return [to / name for name in names]


# --- the record ---------------------------------------------------------------------------------------------


def _about(source: _Source) -> dict[str, Any]:
    """Fetch the record's description of itself."""

    def ask() -> Any:
        with _answer(source, source.base) as answer:
            return answer.json()

    about = _again(source, source.base, ask)
    if not isinstance(about, dict):
        raise LandlabError(f"{source.base} answered with no record of Zenodo; check --url")
    return about


def _listed(source: _Source, about: dict[str, Any]) -> dict[str, _File]:
    """Return the record's files by name.

    Zenodo lists them in one of two ways.
    """
    files = about.get("files")
    try:
        if isinstance(files, dict):
            files = list(files["entries"].values())
        found = [_File(str(f["key"]), int(f["size"]), str(f["checksum"])) for f in files or []]
    except (KeyError, TypeError, ValueError, AttributeError):
        raise LandlabError(
            f"{source.base} lists its files in a way that is not Zenodo's; check --url"
        ) from None
    for file in found:
        kind, _, digest = file.md5.partition(":")
        if kind != "md5" or len(digest) != 32:
            raise LandlabError(f"{source.base}: {file.name} has checksum {file.md5!r}; md5:... is needed")
        if Path(file.name).name != file.name or file.size < 0:
            raise LandlabError(f"{source.base}: {file.name!r} is no plain file name")
    return {file.name: _File(file.name, file.size, file.md5.partition(":")[2]) for file in found}


def _refuse_without_room(to: Path, files: Sequence[_File]) -> None:
    left = 0
    for file in files:
        part = to / f"{file.name}.part"
        if not (to / file.name).exists():
            left += file.size - (min(part.stat().st_size, file.size) if part.exists() else 0)
    free = shutil.disk_usage(to).free
    if left > free:
        raise LandlabError(
            f"{to} has room for {free / 1e9:.1f} GB, {left / 1e9:.1f} GB are to come; give a larger disk with --to"
        )


# --- one file -----------------------------------------------------------------------------------------------


def _bring(source: _Source, file: _File, to: Path, report: Report) -> None:
    """Fetch a file unless it is there, whole and right."""
    target, part = to / file.name, to / f"{file.name}.part"
    if target.exists() and _md5(target, file, report) == file.md5:
        return
    url = f"{source.base}/files/{quote(file.name)}/content"
    for last in (False, True):
        _again(source, url, lambda: _append(source, url, file, part, report), part)
        found = _md5(part, file, report)
        if found == file.md5:
            with part.open("rb") as handle:
                os.fsync(handle.fileno())
            part.replace(target)
            return
        part.unlink()  # nobody can tell where it went wrong
        if last:
            raise LandlabError(
                f"{file.name} came with MD5 {found}, the record says {file.md5}, twice; it is removed: try again "
                "later, or from another --url"
            )


def _append(source: _Source, url: str, file: _File, part: Path, report: Report) -> None:
    """Fetch what is missing of a file; _MayPassError where it breaks off."""
    import requests

    have = part.stat().st_size if part.exists() else 0
    if have > file.size:
        part.unlink()
        have = 0
    if have == file.size and part.exists():
        return
    headers = {"Range": f"bytes={have}-"} if have else {}
    with _answer(source, url, headers) as answer:
        if answer.status_code == _NO_SUCH_RANGE:  # what is here is no beginning of what is there
            part.unlink(missing_ok=True)
            raise _MayPassError("it has no such range")
        resumed = answer.status_code == 206 and answer.headers.get("Content-Range", "").startswith(
            f"bytes {have}-"
        )
        if answer.status_code == 206 and not resumed:
            raise _MayPassError(
                f"it sent {answer.headers.get('Content-Range')!r} when asked for bytes {have}-"
            )
        done = have if resumed else 0  # a host that ignores Range sends everything
        with part.open("ab" if resumed else "wb") as out:
            try:
                for chunk in answer.iter_content(_CHUNK):
                    out.write(chunk)
                    done += len(chunk)
                    report(file.name, "fetching", done, file.size)
                    if done > file.size:
                        break
            except (requests.RequestException, ConnectionError, TimeoutError) as error:
                raise _MayPassError(
                    f"it broke off after {done} of {file.size} bytes: {_reason(error)}"
                ) from None
    if done > file.size:
        part.unlink()
        raise LandlabError(f"{url} sends more than the {file.size} bytes that the record says; check --url")
    if done < file.size:
        raise _MayPassError(f"it broke off after {done} of {file.size} bytes")


def _md5(path: Path, file: _File, report: Report) -> str:
    """MD5 of a file, hex."""
    digest, done = hashlib.md5(usedforsecurity=False), 0
    with path.open("rb") as handle:
        while chunk := handle.read(128 * _CHUNK):
            digest.update(chunk)
            done += len(chunk)
            report(file.name, "checking", done, file.size)
    return digest.hexdigest()


# --- the host -----------------------------------------------------------------------------------------------


def _again(source: _Source, url: str, ask: Callable[[], Any], part: Path | None = None) -> Any:
    """Return what `ask` returns, asked again after each _MayPassError.

    Progress of `part` makes up for failures.
    """
    waits = source.attempts()
    while True:
        before = part.stat().st_size if part is not None and part.exists() else 0
        try:
            return ask()
        except _MayPassError as failure:
            after = part.stat().st_size if part is not None and part.exists() else 0
            if after > before:
                waits = source.attempts()
            wait = next(waits, None)
            if wait is None:
                kept = f"; {after} bytes are kept, the same command goes on" if after else ""
                raise LandlabError(
                    f"cannot fetch {url}: {failure}{kept}; check the network, or --url"
                ) from None
            time.sleep(max(wait, min(failure.wait, _LONGEST_PAUSE)))


@contextmanager
def _answer(
    source: _Source, url: str, headers: dict[str, str] | None = None
) -> "Iterator[requests.Response]":
    """Request an answer with status 200, 206 or 416.

    Raises:
        LandlabError: for a status that will not pass.
        _MayPassError: for one that may, and where nobody answers.
    """
    import requests

    plain = {"Accept-Encoding": "identity"}  # ranges count bytes of the file, not of its compression
    try:
        answer = source.session.get(url, headers=plain | (headers or {}), stream=True, timeout=_TIMEOUT)
    except requests.exceptions.InvalidURL:
        raise LandlabError(f"{url} is no URL; give one like {ZENODO}") from None
    except requests.RequestException as error:
        raise _MayPassError(_reason(error)) from None
    with answer:
        status = answer.status_code
        if status in _AGAIN:
            asked = answer.headers.get("Retry-After", "")
            raise _MayPassError(
                f"it answers {status} {answer.reason}", float(asked) if asked.isdigit() else 0.0
            )
        if status not in (200, 206, _NO_SUCH_RANGE):
            raise LandlabError(f"{url} answers {status} {answer.reason}; check the record and --url")
        try:
            yield answer
        except requests.exceptions.JSONDecodeError:
            raise LandlabError(f"{url} answered with no JSON; check --url") from None
        except requests.RequestException as error:
            raise _MayPassError(_reason(error)) from None


def _reason(error: Exception) -> str:
    """Return the innermost cause, in a line."""
    cause: BaseException = error
    while (inner := cause.__cause__ or cause.__context__) is not None:
        cause = inner
    text = " ".join(str(cause).split())[:160]
    return text or type(cause).__name__


# --- archives -----------------------------------------------------------------------------------------------


def _unpack(archives: Sequence[Path], names: Sequence[str], to: Path, report: Report) -> None:
    """Take files out of archives, wherever in them they lie; what is there with the right length stays."""
    left = set(names)
    for path in archives:
        try:
            with zipfile.ZipFile(path) as archive:
                for member in archive.infolist():
                    name = member.filename.rsplit("/", 1)[-1]
                    if name not in left or member.is_dir():
                        continue
                    left.discard(name)
                    target, part = to / name, to / f"{name}.part"
                    if target.exists() and target.stat().st_size == member.file_size:
                        continue
                    with archive.open(member) as packed, part.open("wb") as out:
                        while chunk := packed.read(128 * _CHUNK):
                            out.write(chunk)
                            report(name, "unpacking", out.tell(), member.file_size)
                        out.flush()
                        os.fsync(out.fileno())
                    part.replace(target)
        except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as error:
            raise LandlabError(
                f"{path} cannot be unpacked: {_reason(error)}; remove it and fetch again"
            ) from None
    if left:
        raise LandlabError(
            f"{', '.join(p.name for p in archives)} hold no {sorted(left)[0]}; the record has changed"
        )


def _replace(path: Path, content: bytes) -> None:
    temporary = path.with_name(f"{path.name}.part")
    temporary.write_bytes(content)
    temporary.replace(path)
