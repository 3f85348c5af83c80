"""Tuning studies: what they search, and the runs that their trials trained. Optuna keeps the rest, by study name."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select

from landlab_mgr.catalog.analyses import plain
from landlab_mgr.catalog.events import happened
from landlab_mgr.catalog.records import StudyRecord
from landlab_mgr.catalog.register import require_runs
from landlab_mgr.catalog.session import Database, insert
from landlab_mgr.catalog.tables import Study, StudyTrial
from landlab_mgr.errors import LandlabError


class Studies(Database):
    """Studies and their trials."""

    def register_study(self, name: str, spec: Mapping[str, Any]) -> None:
        """Add a study; the same again changes nothing. LandlabError where the name has another specification."""
        row = {"name": name, "spec": plain(spec), "created": datetime.now(UTC)}
        with self.transaction(write=True) as tx:
            added = insert(tx, Study).values(row).on_conflict_do_nothing().returning(Study.id)
            if tx.execute(added).one_or_none() is not None:
                happened(tx, "study", name=name)
            elif tx.scalar(select(Study.spec).where(Study.name == name)) != row["spec"]:
                raise LandlabError(
                    f"study {name!r} is registered with another specification; give this another name"
                )

    def link_trial(self, name: str, trial: int, run_ids: Sequence[str]) -> None:
        """Say that a trial of a study trains these runs, with those that it has; saying it again changes nothing."""
        with self.transaction(write=True) as tx:
            study_id = tx.scalar(select(Study.id).where(Study.name == name))
            if study_id is None:
                known = ", ".join(tx.scalars(select(Study.name).order_by(Study.id))) or "none"
                raise LandlabError(f"no study {name!r}; registered: {known}")
            require_runs(tx, run_ids)
            rows = [{"study_id": study_id, "trial": trial, "run_id": run_id} for run_id in run_ids]
            if rows:
                tx.execute(insert(tx, StudyTrial).on_conflict_do_nothing(), rows)
                happened(tx, "trial", study=name, trial=trial, runs=len(rows))

    def studies(self) -> list[StudyRecord]:
        """All studies, oldest first, with the runs of their trials."""
        trials: dict[int, dict[int, tuple[str, ...]]] = {}
        columns = (StudyTrial.study_id, StudyTrial.trial, StudyTrial.run_id)
        with self.transaction() as tx:
            for study_id, trial, run_id in tx.execute(select(*columns).order_by(*columns)):
                of_study = trials.setdefault(study_id, {})
                of_study[trial] = (*of_study.get(trial, ()), run_id)
            found = tx.execute(select(*Study.__table__.columns).order_by(Study.id)).all()
        return [StudyRecord(s.name, s.spec, trials.get(s.id, {}), s.created) for s in found]
