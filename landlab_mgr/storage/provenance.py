"""Provenance of this code: commit and hash of uncommitted changes. JAX-free."""

import hashlib
import subprocess
from functools import cache
from pathlib import Path
from typing import NamedTuple


class Code(NamedTuple):
    """Commit of the checkout, and 16 hex digits over its uncommitted changes; None where there is no such thing."""

    commit: str | None
    dirty_hash: str | None


@cache
def code() -> Code:
    """Return the code of this process, asked once.

    Both fields are None for an installed package.
    """
    commit, dirty = _git("rev-parse", "HEAD"), _git("diff", "HEAD", "--", "landlab_mgr")
    return Code(commit or None, hashlib.sha256(dirty.encode()).hexdigest()[:16] if dirty else None)


def _git(*arguments: str) -> str:
    here = Path(__file__).parents[2]
    if not (here / ".git").exists():  # an installed package may lie inside somebody else's repository
        return ""
    try:
        done = subprocess.run(
            ["git", "-C", str(here), *arguments], capture_output=True, text=True, timeout=20, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()
