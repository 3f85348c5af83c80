"""Tags: names that people give to runs, to find them again."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import delete, select

from landlab_mgr.catalog.events import happened_to
from landlab_mgr.catalog.register import require_runs
from landlab_mgr.catalog.session import Database, among, insert
from landlab_mgr.catalog.tables import Tag
from landlab_mgr.errors import LandlabError


class Tags(Database):
    """A run may have many tags; none is part of what it asks."""

    def tag(self, run_ids: Sequence[str], name: str) -> int:
        """Give runs a tag; returns how many did not have it. LandlabError for a malformed name or unknown runs."""
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", name):
            raise LandlabError(
                f"tag {name!r}: letters, digits, '_', '.' and '-' only, the first a letter or digit"
            )
        added: list[str] = []
        now = datetime.now(UTC)
        with self.transaction(write=True) as tx:
            require_runs(tx, run_ids)
            rows = [{"run_id": run_id, "name": name, "created": now} for run_id in run_ids]
            if rows:
                new = insert(tx, Tag).on_conflict_do_nothing().returning(Tag.run_id)
                added += tx.scalars(new, rows)
            happened_to(tx, "tagged", added, tag=name)
        return len(added)

    def untag(self, run_ids: Sequence[str], name: str) -> int:
        """Take a tag away; returns how many runs had it."""
        with self.transaction(write=True) as tx:
            gone = delete(Tag).where(Tag.name == name, among(tx, Tag.run_id, run_ids))
            removed = tx.scalars(gone.returning(Tag.run_id)).all()
            happened_to(tx, "untagged", removed, tag=name)
        return len(removed)

    def tags(self) -> dict[str, tuple[str, ...]]:
        """Return the tags of every run that has some, in order of name."""
        found: dict[str, list[str]] = {}
        with self.transaction() as tx:
            for run_id, name in tx.execute(select(Tag.run_id, Tag.name).order_by(Tag.name)):
                found.setdefault(run_id, []).append(name)
        return {run_id: tuple(names) for run_id, names in found.items()}
