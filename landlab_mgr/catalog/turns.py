"""Turns for those who write to one SQLite file, which SQLite itself does not give."""

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def turn(directory: Path, patience: float) -> Iterator[None]:
    """Hold the turn of all that write to catalogs in a directory; after `patience` seconds go on without it.

    Who waits for SQLite's own lock looks ever less often whether it is free: who came last goes first, and of 16
    processes some wait for seconds. An flock of the directory makes a queue; the kernel ends it with its holder. It
    is a courtesy, BEGIN IMMEDIATE protects the data: where a file system has no such lock, only fairness is lost.
    """
    try:
        place = os.open(directory, os.O_RDONLY)
    except OSError:
        yield
        return
    try:
        try:
            fcntl.flock(place, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            # No call waits for a lock and gives up after a time. A thread left waiting takes the lock when its time
            # comes and loses it at once, as the file behind it was closed.
            waiting = threading.Thread(target=fcntl.flock, args=(place, fcntl.LOCK_EX), daemon=True)
            waiting.start()
            waiting.join(patience)
        except OSError:
            pass
        yield
    finally:
        os.close(place)
