"""Tags: names that people give to runs, to find them again."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import delete, select

from landlab_mgr.catalog.session import Database, chunks, insert
from landlab_mgr.catalog.tables import Run, Tag
from landlab_mgr.errors import LandlabError


class Tags(Database):
    """A run may have many tags; none is part of what it asks."""

    def tag(self, run_ids: Sequence[str], name: str) -> int:
        """Give runs a tag; returns how many did not have it. LandlabError for a malformed name or unknown runs."""
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", name):
            raise LandlabError(
                f"tag {name!r}: letters, digits, '_', '.' and '-' only, the first a letter or digit"
            )
        added, now = 0, datetime.now(UTC)
        with self.transaction(write=True) as tx:
            for part in chunks(run_ids):
                known = set(tx.scalars(select(Run.run_id).where(Run.run_id.in_(part))))
                for unknown in (run_id for run_id in part if run_id not in known):
                    raise LandlabError(f"no run {unknown!r}; nothing was changed; see `landlab ls`")
                rows = [{"run_id": run_id, "name": name, "created": now} for run_id in part]
                new = insert(tx, Tag).values(rows).on_conflict_do_nothing().returning(Tag.run_id)
                added += len(tx.scalars(new).all())
        return added

    def untag(self, run_ids: Sequence[str], name: str) -> int:
        """Take a tag away; returns how many runs had it."""
        with self.transaction(write=True) as tx:
            return sum(
                tx.execute(delete(Tag).where(Tag.name == name, Tag.run_id.in_(part))).rowcount
                for part in chunks(run_ids)
            )

    def tags(self) -> dict[str, tuple[str, ...]]:
        """The tags of every run that has some, by name."""
        found: dict[str, list[str]] = {}
        with self.transaction() as tx:
            for run_id, name in tx.execute(select(Tag.run_id, Tag.name).order_by(Tag.name)):
                found.setdefault(run_id, []).append(name)
        return {run_id: tuple(names) for run_id, names in found.items()}
