"""Verbs that take things out of the catalog; what others rest on stays, unless they go with it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, select, update

from landlab_mgr.catalog.events import happened, happened_to
from landlab_mgr.catalog.register import require_runs
from landlab_mgr.catalog.session import Database, among, clock
from landlab_mgr.catalog.tables import (
    Analysis,
    AnalysisRun,
    Artifact,
    Attempt,
    Dataset,
    DatasetAlias,
    Ensemble,
    Epoch,
    Event,
    Grid,
    GridRun,
    Member,
    Metric,
    Run,
    Study,
    StudyTrial,
    Tag,
)
from landlab_mgr.errors import LandlabError


@dataclass(frozen=True)
class Removed:
    """Removed runs with their attempts' directories, and the results that rested on them."""

    run_ids: tuple[str, ...]
    directories: tuple[str, ...]
    ensembles: tuple[str, ...]
    analyses: tuple[str, ...]
    paths: tuple[str, ...]
    """Files of those analyses."""


class Removal(Database):
    """Taking out."""

    def redo(self, run_ids: Sequence[str]) -> list[str]:
        """Give up what runs have come to, and make them pending; returns those that were not running."""
        with self.transaction(write=True) as tx:
            require_runs(tx, run_ids)
            chosen = list(
                tx.scalars(
                    update(Run)
                    .where(among(tx, Run.run_id, run_ids), Run.state != "running")
                    .values(state="pending", epochs=0, updated=clock(tx))
                    .returning(Run.run_id)
                )
            )
            for table in (Metric, Artifact, Epoch):
                tx.execute(delete(table).where(among(tx, table.run_id, chosen)))
            happened_to(tx, "retried", chosen, given_up="metrics, files and epochs")
        return chosen

    def delete_runs(self, run_ids: Sequence[str], with_results: bool = False, dry: bool = False) -> Removed:
        """Delete runs and all that is theirs; `with_results` also the ensembles and analyses that rest on them.

        LandlabError where a run is running, is a trial of a study, or a result rests on it that shall stay.
        """
        with self.transaction(write=not dry) as tx:
            require_runs(tx, run_ids)
            going = tx.scalar(
                select(Run.run_id).where(among(tx, Run.run_id, run_ids), Run.state == "running").limit(1)
            )
            if going is not None:
                raise LandlabError(f"run {going} is running; nothing was deleted; `landlab cancel` it first")
            study = tx.execute(
                select(Study.name, StudyTrial.run_id)
                .join(StudyTrial, StudyTrial.study_id == Study.id)
                .where(among(tx, StudyTrial.run_id, run_ids))
                .limit(1)
            ).one_or_none()
            if study is not None:
                raise LandlabError(
                    f"run {study.run_id} is a trial of study {study.name!r}, which needs all its runs; nothing deleted"
                )
            removed = _needed(tx, run_ids)
            if (removed.ensembles or removed.analyses) and not with_results:
                names = [f"ensemble {n!r}" for n in removed.ensembles] + [
                    f"analysis {a}" for a in removed.analyses
                ]
                raise LandlabError(
                    f"{', '.join(names[:4])}{' and others' if len(names) > 4 else ''} rest on these runs; nothing was "
                    "deleted; --with-results deletes them too"
                )
            if not dry:
                _delete_results(tx, removed.ensembles, removed.analyses)
                _delete_runs(tx, run_ids)
        return removed

    def delete_grid(self, name: str) -> int:
        """Delete a grid; its runs stay. Returns how many it held."""
        with self.transaction(write=True) as tx:
            grid = tx.scalar(select(Grid.id).where(Grid.name == name))
            if grid is None:
                raise LandlabError(f"no grid {name!r}; see `landlab grid ls`")
            held = tx.execute(delete(GridRun).where(GridRun.grid_id == grid)).rowcount
            tx.execute(delete(Grid).where(Grid.id == grid))
            happened(tx, "registered", grid=name, added=0, existing=0, deleted="grid")
        return held

    def delete_dataset(self, fingerprint: str) -> None:
        """Delete a dataset with all its names; LandlabError where runs use it."""
        with self.transaction(write=True) as tx:
            runs = tx.scalar(select(func.count()).select_from(Run).where(Run.dataset == fingerprint))
            if runs:
                raise LandlabError(
                    f"{runs} runs use the dataset {fingerprint}; nothing was deleted; delete them first: "
                    f"`landlab delete \"dataset = '{fingerprint}'\"`"
                )
            for table in (DatasetAlias, Dataset):
                tx.execute(delete(table).where(table.fingerprint == fingerprint))
            happened(tx, "dataset_registered", fingerprint=fingerprint, deleted=True)

    def delete_analysis(self, id: str) -> None:
        """Delete the result of an analysis."""
        with self.transaction(write=True) as tx:
            _delete_results(tx, (), (id,))
            happened(tx, "analysis", id=id, deleted=True)

    def prune(self, name: str, run_ids: Sequence[str]) -> list[str]:
        """Take runs out of a grid; those that are pending and in no other grid are cancelled, and returned."""
        with self.transaction(write=True) as tx:
            grid = select(Grid.id).where(Grid.name == name).scalar_subquery()
            tx.execute(delete(GridRun).where(GridRun.grid_id == grid, among(tx, GridRun.run_id, run_ids)))
            elsewhere = select(GridRun.run_id)
            alone = among(tx, Run.run_id, run_ids), Run.state == "pending", Run.run_id.not_in(elsewhere)
            stop = update(Run).where(*alone).values(state="cancelled", updated=clock(tx))
            cancelled = list(tx.scalars(stop.returning(Run.run_id)))
            happened_to(tx, "cancelled", cancelled)
            happened(tx, "registered", grid=name, added=0, existing=0, pruned=len(run_ids))
        return cancelled

    def shrink(self) -> None:
        """Give the space of what was deleted back to the disk, where the database is a file that nobody else uses."""
        if self.file is None:
            return
        try:
            with self.transaction() as tx:
                tx.exec_driver_sql("COMMIT")  # VACUUM stands alone
                tx.exec_driver_sql("VACUUM")
                tx.exec_driver_sql("BEGIN")
        except LandlabError:
            return  # the pages are used again


def _needed(tx: Connection, run_ids: Sequence[str]) -> Removed:
    directories = tx.scalars(select(Attempt.directory).where(among(tx, Attempt.run_id, run_ids)))
    members = select(Member.ensemble_id).where(among(tx, Member.run_id, run_ids))
    used = select(AnalysisRun.analysis_id).where(among(tx, AnalysisRun.run_id, run_ids))
    analyses = tx.execute(select(Analysis.id, Analysis.path).where(Analysis.id.in_(used))).all()
    return Removed(
        tuple(run_ids),
        tuple(directories),
        tuple(tx.scalars(select(Ensemble.name).where(Ensemble.id.in_(members)))),
        tuple(a.id for a in analyses),
        tuple(a.path for a in analyses),
    )


def _delete_results(tx: Connection, ensembles: Iterable[str], analyses: Iterable[str]) -> None:
    chosen = select(Ensemble.id).where(among(tx, Ensemble.name, ensembles))
    tx.execute(delete(Member).where(Member.ensemble_id.in_(chosen)))
    tx.execute(delete(Ensemble).where(among(tx, Ensemble.name, ensembles)))
    tx.execute(delete(AnalysisRun).where(among(tx, AnalysisRun.analysis_id, analyses)))
    tx.execute(delete(Analysis).where(among(tx, Analysis.id, analyses)))


def _delete_runs(tx: Connection, run_ids: Sequence[str]) -> None:
    for table in (Tag, GridRun, Metric, Artifact, Epoch, Event, Attempt, Run):
        tx.execute(delete(table).where(among(tx, table.run_id, run_ids)))
    happened(tx, "registered", grid=None, added=0, existing=0, deleted=len(run_ids))
