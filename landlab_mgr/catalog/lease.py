"""Leases of runs. JAX-free.

How long an attempt may be silent, and whether the process that drives it is alive.
"""

import hashlib
import os
import secrets
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path

HEARTBEAT_SECONDS = 10.0
LEASE_SECONDS = 120.0
"""An attempt without a heartbeat for this long is lost, and its run goes back to pending."""

_MACHINE = Path("/etc/machine-id")
_BOOT = Path("/proc/sys/kernel/random/boot_id")
_NAMESPACE = Path("/proc/self/ns/pid")


def this_host() -> str:
    """Name of the place in which process numbers mean something: the host's, and a digest of what it is.

    That is the machine, its boot and the process namespace. No two of them are enough: clones share the machine's id,
    and every machine's first namespace has the same number.
    """
    return f"{socket.gethostname()}:{_place()}"


@cache
def _place() -> str:
    machine = _MACHINE.read_text().strip() if _MACHINE.exists() else ""  # small containers have none
    try:
        parts = [machine, _BOOT.read_text().strip(), str(_NAMESPACE.stat().st_ino)]
    except OSError:  # not Linux: nobody is known to be dead, and leases alone decide
        parts = [secrets.token_hex(16)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]


def driver_is_dead(host: str, pid: int) -> bool:
    """Check whether an attempt's driver is known to be gone.

    Only a driver of this host can be.
    """
    if host != this_host() or pid == os.getpid():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


@dataclass(frozen=True)
class Silence:
    """Time for which an attempt has given no sign. `watched`: a sign of it has come since we began to look."""

    seconds: float
    watched: bool


class Watch:
    """Silence of attempts by this process's own steady clock: no clock of any machine is believed.

    A heartbeat that differs from the one before is a sign, whatever time it names.
    """

    def __init__(self) -> None:
        self._signs: dict[int, tuple[datetime, float, bool]] = {}

    def silences(self, heartbeats: Mapping[int, datetime]) -> dict[int, Silence]:
        """Look at the heartbeats of all going attempts, by id."""
        now = time.monotonic()
        for attempt, heartbeat in heartbeats.items():
            last = self._signs.get(attempt)
            if last is None or last[0] != heartbeat:
                self._signs[attempt] = (heartbeat, now, last is not None)
        self._signs = {attempt: self._signs[attempt] for attempt in heartbeats}
        return {a: Silence(now - since, watched) for a, (_, since, watched) in self._signs.items()}
