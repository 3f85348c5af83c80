"""Who holds a run: how long an attempt may be silent, and whether the process that drives it is alive. JAX-free."""

import os
import socket
from pathlib import Path

HEARTBEAT_SECONDS = 10.0
LEASE_SECONDS = 120.0
"""An attempt without a heartbeat for this long is lost, and its run goes back to pending."""


def this_host() -> str:
    """Name of the place in which process numbers mean something: the host, and on Linux its process namespace."""
    namespace = Path("/proc/self/ns/pid")
    suffix = f":{namespace.stat().st_ino}" if namespace.exists() else ""
    return socket.gethostname() + suffix


def driver_is_dead(host: str, pid: int) -> bool:
    """Whether an attempt's driver is known to be gone; only one of this host can be."""
    if host != this_host() or pid == os.getpid():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
