"""Runs that a driver is to claim, a few at a time: what a claim costs does not grow with what is pending."""

import itertools
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence

from landlab_mgr.catalog import Catalog, Claim
from landlab_mgr.training import run

WINDOW = 100
"""Candidates of one claim."""
LOOKAHEAD = 2000
"""So many of those in line are looked at for runs that may train beside another."""


class Queue:
    """Runs in the order in which they shall start.

    Args:
        catalog: knows which are pending.
        run_ids: those that are wanted.
    """

    def __init__(self, catalog: Catalog, run_ids: Sequence[str]) -> None:
        self._catalog = catalog
        self._open: dict[str, None] = {}
        """All that are wanted and have not ended here."""
        self._line: OrderedDict[str, None] = OrderedDict()
        """Those of them that may be pending; who comes back later is found once the others are taken."""
        self._kinds: dict[str, Hashable] = {}
        self.add(run_ids)

    @property
    def run_ids(self) -> list[str]:
        """Runs that are wanted and have not ended here."""
        return list(self._open)

    def add(self, run_ids: Sequence[str]) -> None:
        """Put further runs at the end."""
        self._open.update(dict.fromkeys(run_ids))
        self._line.update(dict.fromkeys(run_ids))

    def end(self, run_id: str) -> None:
        """Expect no more of a run."""
        self._open.pop(run_id, None)

    def claim(
        self, claim: Callable[[Sequence[str]], Claim | None], kind: Hashable | None = None
    ) -> Claim | None:
        """Claim the first that is pending, of a kind (`run.group_key`) where one is given; None where none is."""
        claimed = self._claim(claim, kind)
        if claimed is None and not self._line and self._refill():
            claimed = self._claim(claim, kind)
        return claimed

    def _claim(self, claim: Callable[[Sequence[str]], Claim | None], kind: Hashable | None) -> Claim | None:
        candidates = None if kind is None else iter(self._alike(kind))
        while window := list(itertools.islice(self._line if candidates is None else candidates, WINDOW)):
            claimed = claim(window)
            for run_id in window if claimed is None else [claimed.run_id]:
                self._line.pop(run_id, None)
            if claimed is not None:
                return claimed
        return None

    def _alike(self, kind: Hashable) -> list[str]:
        """Those in line, as far as is looked, that are of a kind."""
        near = list(itertools.islice(self._line, LOOKAHEAD))
        unknown = [run_id for run_id in near if run_id not in self._kinds]
        self._kinds |= {i: run.group_key(spec) for i, spec in self._catalog.specs(unknown).items()}
        return [run_id for run_id in near if self._kinds.get(run_id) == kind]

    def _refill(self) -> bool:
        """Take up what became pending again, such as runs that were lost."""
        self._line.update(dict.fromkeys(self._catalog.pending(self.run_ids)))
        return bool(self._line)
