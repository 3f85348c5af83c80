"""Tuning studies: what they search, and the runs that their trials trained. Optuna keeps the rest, by study name."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, select, update

from landlab_mgr.catalog.analyses import plain
from landlab_mgr.catalog.events import happened
from landlab_mgr.catalog.records import StudyRecord, WeightSetRecord
from landlab_mgr.catalog.register import put_runs, require_runs
from landlab_mgr.catalog.session import Database, insert
from landlab_mgr.catalog.tables import LossWeights, Study, StudyTrial, WeightSet
from landlab_mgr.errors import LandlabError
from landlab_mgr.spec.run import RunSpec, identity
from landlab_mgr.spec.study import EXECUTION


class Studies(Database):
    """Studies and their trials."""

    def register_study(
        self, name: str, spec: Mapping[str, Any], settings: Mapping[str, Any] = MappingProxyType({})
    ) -> None:
        """Add a study; the same again changes nothing but its settings.

        Args:
            name: of the study.
            spec: what makes it this study and no other; LandlabError where the name has another.
            settings: how much of it is done and how, which may change while it goes on.
        """
        asked: dict[str, Any] = plain(spec)
        whole = asked | plain(settings)
        row = {"name": name, "spec": whole, "created": datetime.now(UTC)}
        with self.transaction(write=True) as tx:
            added = insert(tx, Study).values(row).on_conflict_do_nothing().returning(Study.id)
            if tx.execute(added).one_or_none() is not None:
                happened(tx, "study", name=name)
                return
            known = tx.scalar(select(Study.spec).where(Study.name == name)) or {}
            for key in sorted((known.keys() - {*EXECUTION}) | asked.keys()):
                if known.get(key) != asked.get(key):
                    raise LandlabError(
                        f"study {name!r} is registered with another specification: `{key}` is {known.get(key)!r}, not "
                        f"{asked.get(key)!r}; give this one another name"
                    )
            if settings and known != whole:
                tx.execute(update(Study).where(Study.name == name).values(spec=whole))
                happened(tx, "study", name=name)

    def link_trial(self, name: str, trial: int, run_ids: Sequence[str]) -> None:
        """Say that a trial of a study trains these runs, with those that it has; saying it again changes nothing."""
        with self.transaction(write=True) as tx:
            require_runs(tx, run_ids)
            _link(tx, name, trial, run_ids)

    def register_trial(self, name: str, trial: int, specs: Iterable[RunSpec]) -> list[str]:
        """Add what a trial trains, where it is not there yet, and link it, both or neither; returns the run_ids."""
        wanted = {spec.run_id: spec for spec in specs}
        with self.transaction(write=True) as tx:
            done = put_runs(tx, wanted, datetime.now(UTC))
            happened(tx, "registered", study=name, added=done.added, existing=done.existing)
            _link(tx, name, trial, list(wanted))
        return list(wanted)

    def study(self, name: str) -> StudyRecord:
        """Return the study of this name; LandlabError where there is none."""
        found = {s.name: s for s in self.studies()}
        if name not in found:
            raise LandlabError(
                f"no study {name!r}; there is: {', '.join(found) or 'none'}; see `landlab tune`"
            )
        return found[name]

    def name_weights(self, name: str, weights: Mapping[str, float], study: str, trial: int) -> None:
        """Give the weights that a trial found a name that grids may use; LandlabError where it has other weights."""
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", name):
            raise LandlabError(
                f"--as {name!r}: letters, digits, '_', '.' and '-' only, the first a letter or digit"
            )
        weights_id, row = (
            identity(dict(weights)),
            {"name": name, "trial": trial, "created": datetime.now(UTC)},
        )
        with self.transaction(write=True) as tx:
            known = tx.scalar(select(WeightSet.loss_weights_id).where(WeightSet.name == name))
            if known == weights_id:
                return
            if known is not None:
                raise LandlabError(
                    f"there is a weight set {name!r} with other weights, and none changes; give this another name"
                )
            tx.execute(
                insert(tx, LossWeights).on_conflict_do_nothing(),
                [{"id": weights_id, "weights": dict(weights)}],
            )
            row |= {"loss_weights_id": weights_id, "study_id": _study_id(tx, study)}
            tx.execute(insert(tx, WeightSet), [row])
            happened(tx, "study", name=study, trial=trial, promoted=name)

    def weight_sets(self) -> list[WeightSetRecord]:
        """Named weights, by name."""
        query = (
            select(WeightSet.name, LossWeights.weights, Study.name, WeightSet.trial, WeightSet.created)
            .join(LossWeights, LossWeights.id == WeightSet.loss_weights_id)
            .join(Study, Study.id == WeightSet.study_id)
            .order_by(WeightSet.name)
        )
        with self.transaction() as tx:
            return [WeightSetRecord(*row) for row in tx.execute(query)]

    def weight_set(self, name: str) -> WeightSetRecord:
        """Return the weights of this name; LandlabError where there are none."""
        found = {w.name: w for w in self.weight_sets()}
        if name not in found:
            known = ", ".join(found) or "none"
            raise LandlabError(f"no weight set {name!r}; there is: {known}; see `landlab tune promote`")
        return found[name]

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


def _study_id(tx: Connection, name: str) -> int:
    study_id = tx.scalar(select(Study.id).where(Study.name == name))
    if study_id is None:
        known = ", ".join(tx.scalars(select(Study.name).order_by(Study.id))) or "none"
        raise LandlabError(f"no study {name!r}; registered: {known}")
    return study_id


def _link(tx: Connection, name: str, trial: int, run_ids: Sequence[str]) -> None:
    study_id = _study_id(tx, name)
    rows = [{"study_id": study_id, "trial": trial, "run_id": run_id} for run_id in run_ids]
    if rows:
        tx.execute(insert(tx, StudyTrial).on_conflict_do_nothing(), rows)
        happened(tx, "trial", study=name, trial=trial, runs=len(rows))
