"""Verbs that put into the catalog what is asked for: datasets, runs and the grids that hold them."""

import re
from collections.abc import Iterable
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, delete, func, select, update

from landlab_mgr.catalog.events import happened
from landlab_mgr.catalog.records import DatasetRecord, Registration
from landlab_mgr.catalog.session import Database, among, insert, upsert
from landlab_mgr.catalog.tables import (
    DATASET_KINDS,
    Base,
    Dataset,
    DatasetAlias,
    Grid,
    GridRun,
    LossWeights,
    Run,
    Setup,
)
from landlab_mgr.errors import LandlabError
from landlab_mgr.spec.grid import GridSpec
from landlab_mgr.spec.run import RunSpec, identity


class Register(Database):
    """Registration; every verb is idempotent."""

    def register_dataset(self, dataset: DatasetRecord) -> None:
        """Add a dataset, or give a known fingerprint a further name and bring its URL and the rest up to date.

        A dataset keeps the name that it had first. A name that another fingerprint holds moves if no run uses that
        other one, which is forgotten with its last name (a dataset published again while it was being made);
        otherwise LandlabError.
        """
        if dataset.kind not in DATASET_KINDS:
            raise LandlabError(
                f"dataset {dataset.name}: kind {dataset.kind!r} is none of {', '.join(DATASET_KINDS)}"
            )
        row = asdict(replace(dataset, url=redacted(dataset.url), created=datetime.now(UTC)))
        del row["aliases"]
        with self.transaction(write=True) as tx:
            _free_name(tx, dataset.name, dataset.fingerprint)
            of_dataset = Dataset.fingerprint == dataset.fingerprint
            known = tx.execute(select(Dataset.name, Dataset.created).where(of_dataset)).one_or_none()
            if known is not None:
                row |= {"name": known.name, "created": known.created}
            upsert(tx, Dataset, ["fingerprint"], [row])
            if row["name"] != dataset.name:
                alias = {"name": dataset.name, "fingerprint": dataset.fingerprint}
                _insert_missing(tx, DatasetAlias, [alias])
            happened(tx, "dataset_registered", fingerprint=dataset.fingerprint, name=dataset.name)

    def register_runs(self, specs: Iterable[RunSpec], grid: GridSpec | None = None) -> Registration:
        """Add the runs that are not there yet as pending, in the order given, and put all into the grid.

        A grid of that name takes the new specification: it may gain setups and seeds, and keeps the runs it
        had. One whose dataset or base differs is another grid: LandlabError.
        """
        wanted = {spec.run_id: spec for spec in specs}
        now = datetime.now(UTC)
        with self.transaction(write=True) as tx:
            done = put_runs(tx, wanted, now)
            if grid is not None:
                grid_id = _put_grid(tx, grid, now)
                _insert_missing(tx, GridRun, [{"grid_id": grid_id, "run_id": run_id} for run_id in wanted])
            name = None if grid is None else grid.name
            happened(tx, "registered", grid=name, added=done.added, existing=done.existing)
        return done


def _free_name(tx: Connection, name: str, fingerprint: str) -> None:
    """Take a name from another dataset that no run uses; LandlabError where one does."""
    alias = select(DatasetAlias.fingerprint).where(DatasetAlias.name == name)
    holder = tx.scalar(select(Dataset.fingerprint).where(Dataset.name == name)) or tx.scalar(alias)
    if holder is None or holder == fingerprint:
        return
    runs = tx.scalar(select(func.count()).select_from(Run).where(Run.dataset == holder))
    if runs:
        raise LandlabError(
            f"the dataset name {name!r} belongs to {holder}, which {runs} runs use; "
            f"publish {fingerprint} under another name"
        )
    if tx.execute(delete(DatasetAlias).where(DatasetAlias.name == name)).rowcount:
        return
    others = select(DatasetAlias.name).where(DatasetAlias.fingerprint == holder)
    further = tx.scalar(others.order_by(DatasetAlias.name))
    if further is None:
        tx.execute(delete(Dataset).where(Dataset.fingerprint == holder))
        return
    tx.execute(delete(DatasetAlias).where(DatasetAlias.name == further))
    tx.execute(update(Dataset).where(Dataset.fingerprint == holder).values(name=further))


def redacted(url: str) -> str:
    """Return a URL without the secrets it carries.

    These are its password, and what its query says (signatures, tokens).
    """
    if "://" not in url:
        return url
    url = re.sub(r"://([^/@:]*):[^/]*@", r"://\1:***@", url)
    return re.sub(r"(?<=[?&])([^=&#]+)=[^&#]*", r"\1=***", url)


def require_runs(tx: Connection, run_ids: Iterable[str]) -> None:
    """LandlabError, naming it, where a run is not in the catalog."""
    run_ids = list(run_ids)
    known = set(tx.scalars(select(Run.run_id).where(among(tx, Run.run_id, run_ids))))
    for unknown in (run_id for run_id in run_ids if run_id not in known):
        raise LandlabError(f"no run {unknown!r}; nothing was changed; see `landlab ls`")


def put_runs(tx: Connection, wanted: dict[str, RunSpec], now: datetime) -> Registration:
    """Add the runs that are not there yet, by id, as pending; LandlabError where a dataset is not registered."""
    _require_datasets(tx, {spec.dataset for spec in wanted.values()})
    existing = set(tx.scalars(select(Run.run_id).where(among(tx, Run.run_id, wanted))))
    new = {run_id: spec for run_id, spec in wanted.items() if run_id not in existing}
    _insert_runs(tx, new, now)
    return Registration(added=len(new), existing=len(existing))


def _require_datasets(tx: Connection, fingerprints: set[str]) -> None:
    known = {row.fingerprint: row.name for row in tx.execute(select(Dataset.fingerprint, Dataset.name))}
    for fingerprint in sorted(fingerprints - known.keys()):
        names = ", ".join(f"{name} ({key})" for key, name in known.items()) or "none"
        raise LandlabError(
            f"no dataset has the fingerprint {fingerprint}; registered: {names}; see `landlab data ls`"
        )


def _insert_runs(tx: Connection, specs: dict[str, RunSpec], now: datetime) -> None:
    first = (tx.scalar(select(func.max(Run.position))) or 0) + 1
    setups: dict[str, dict[str, Any]] = {}
    weights: dict[str, dict[str, Any]] = {}
    runs = []
    for position, (run_id, spec) in enumerate(specs.items(), start=first):
        setup_id, weights_id = identity(spec.setup), identity(spec.weights)
        if setup_id not in setups:
            setups[setup_id] = {
                "id": setup_id,
                "label": spec.label,
                "predictors": list(spec.predictors),
                "process": spec.processes,
                "spec": spec.setup,
            }
        weights[weights_id] = {"id": weights_id, "weights": spec.weights}
        runs.append(
            {
                "run_id": run_id,
                "position": position,
                "dataset": spec.dataset,
                "setup_id": setup_id,
                "loss_weights_id": weights_id,
                "seed_init": spec.seeds.init,
                "seed_split": spec.seeds.split,
                "seed_shuffle": spec.seeds.shuffle,
                "spec": spec.model_dump(mode="json"),
                "state": "pending",
                "created": now,
                "updated": now,
            }
        )
    _insert_missing(tx, Setup, list(setups.values()))
    _insert_missing(tx, LossWeights, list(weights.values()))
    _insert_missing(tx, Run, runs)


def _insert_missing(tx: Connection, table: type[Base], rows: list[dict[str, Any]]) -> None:
    if rows:
        tx.execute(insert(tx, table).on_conflict_do_nothing(), rows)


def _put_grid(tx: Connection, grid: GridSpec, now: datetime) -> int:
    spec = grid.model_dump(mode="json")
    known = tx.execute(select(Grid.id, Grid.spec).where(Grid.name == grid.name)).one_or_none()
    if known is None:
        statement = insert(tx, Grid).values(name=grid.name, spec=spec, created=now).returning(Grid.id)
        return int(tx.execute(statement).scalar_one())
    for part in ("dataset", "base"):
        if known.spec[part] != spec[part]:
            raise LandlabError(
                f"grid {grid.name!r} is registered with another `{part}` ({known.spec[part]!r}, not "
                f"{spec[part]!r}); a grid may gain setups and seeds: give this one another name"
            )
    tx.execute(update(Grid).where(Grid.id == known.id).values(spec=spec))
    return int(known.id)
