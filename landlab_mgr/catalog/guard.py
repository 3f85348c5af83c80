"""Held-back skill: whoever looks at more than train and dev says so, and is counted.

What is held back, the kind of a run's split says (`spec.SplitSpec`): its test pixels, and as `withheld` the months of
training pixels that nobody learned from. Pixels and months that a split leaves unused are scored nowhere.
"""

from collections.abc import Sequence

from sqlalchemy import func, select

from landlab_mgr.catalog.events import happened
from landlab_mgr.catalog.filter import compile_filter, held_back
from landlab_mgr.catalog.session import Database
from landlab_mgr.catalog.tables import Event, Run
from landlab_mgr.errors import LandlabError
from landlab_mgr.records import SEEN, SPLITS


class Guard(Database):
    """Guard between a choice of runs and the skill that will judge it."""

    def test_reads(self, run_id: str | None = None) -> int:
        """Count how often test or withheld metrics were read.

        Of this run alone, or without one, of all together.
        """
        with self.transaction() as tx:
            reads = select(func.count()).where(Event.kind == "read_test", Event.run_id == run_id)
            return tx.scalar(reads) or 0

    def _look(self, splits: Sequence[str], filter: str = "", run_id: str | None = None) -> None:
        """Count the reading of splits, and of those that a filter compares, before it is done.

        LandlabError for an unknown split, and where it cannot be counted.
        """
        for split in splits:
            if split not in SPLITS:
                raise LandlabError(f"no split {split!r}; there are {', '.join(SPLITS)}")
        seen = {*splits, *held_back(filter)} - {*SEEN}
        if not seen:
            return
        runs = select(func.count()).select_from(Run).where(compile_filter(filter))
        names = [split for split in SPLITS if split in seen]
        if self.read_only:
            raise LandlabError(
                f"reading {' and '.join(names)} metrics is counted in the catalog, which is open for reading only; "
                "open it for writing, or choose by train and dev"
            )
        with self.transaction(write=True) as tx:
            count = 1 if run_id else tx.scalar(runs)
            happened(tx, "read_test", run_id, splits=names, runs=count, filter=filter)
