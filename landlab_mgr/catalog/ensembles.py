"""Ensembles: which runs a rule kept of which candidates, and why not the others. None ever changes."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, select

from landlab_mgr.catalog.analyses import plain
from landlab_mgr.catalog.columns import join_float, split_float
from landlab_mgr.catalog.events import happened
from landlab_mgr.catalog.records import EnsembleRecord, MemberRecord
from landlab_mgr.catalog.register import require_runs
from landlab_mgr.catalog.session import Database, insert
from landlab_mgr.catalog.tables import Ensemble, Member
from landlab_mgr.errors import LandlabError
from landlab_mgr.spec.run import identity


class Ensembles(Database):
    """Named choices of runs."""

    def create_ensemble(
        self, name: str, rule: Mapping[str, Any], filter: str, members: Sequence[MemberRecord]
    ) -> EnsembleRecord:
        """Keep what a rule chose among the runs that a filter found; `members` are all candidates.

        LandlabError where the name is taken, a candidate comes twice or is unknown, or none is kept.
        """
        members = sorted(members, key=lambda m: (m.rank, m.run_id))
        if not name.strip():
            raise LandlabError("an ensemble needs a name")
        if len({m.run_id for m in members}) < len(members):
            raise LandlabError(f"ensemble {name!r}: a run is a candidate twice; nothing was changed")
        if not any(m.kept for m in members):
            raise LandlabError(
                f"ensemble {name!r}: the rule keeps none of {len(members)} candidates; widen it"
            )
        rule = plain(rule)
        content = [[m.run_id, m.rank, float(m.score).hex(), m.reason] for m in members]
        ensemble_id = identity({"name": name, "rule": rule, "filter": filter, "members": content})
        made = EnsembleRecord(ensemble_id, name, rule, filter, tuple(members), datetime.now(UTC))
        row = {"id": made.id, "name": name, "rule": rule, "filter": filter, "created": made.created}
        with self.transaction(write=True) as tx:
            require_runs(tx, [m.run_id for m in members])
            statement = insert(tx, Ensemble).values(row).on_conflict_do_nothing().returning(Ensemble.id)
            if tx.execute(statement).one_or_none() is None:
                raise LandlabError(
                    f"there is an ensemble {name!r}, and none changes; give this one another name"
                )
            tx.execute(insert(tx, Member), [_row(made.id, member) for member in members])
            kept = sum(m.kept for m in members)
            happened(tx, "ensemble", id=made.id, name=name, kept=kept, candidates=len(members))
        return made

    def ensembles(self) -> list[EnsembleRecord]:
        """All ensembles, oldest first."""
        with self.transaction() as tx:
            return _read(tx)

    def ensemble(self, name: str) -> EnsembleRecord:
        """Return the ensemble of this name; LandlabError where there is none."""
        found = {e.name: e for e in self.ensembles()}
        if name not in found:
            raise LandlabError(f"no ensemble {name!r}; there is: {', '.join(found) or 'none'}")
        return found[name]


def _row(ensemble_id: str, member: MemberRecord) -> dict[str, Any]:
    score, kind = split_float(member.score)
    return {
        "ensemble_id": ensemble_id,
        "run_id": member.run_id,
        "rank": member.rank,
        "score": score,
        "score_kind": kind,
        "kept": member.kept,
        "reason": member.reason,
    }


def _read(tx: Connection) -> list[EnsembleRecord]:
    members: dict[str, list[MemberRecord]] = {}
    for m in tx.execute(select(*Member.__table__.columns).order_by(Member.rank, Member.run_id)):
        record = MemberRecord(m.run_id, m.rank, join_float(m.score, m.score_kind), m.reason)
        members.setdefault(m.ensemble_id, []).append(record)
    found = tx.execute(select(*Ensemble.__table__.columns).order_by(Ensemble.created, Ensemble.id))
    return [EnsembleRecord(e.id, e.name, e.rule, e.filter, tuple(members[e.id]), e.created) for e in found]
