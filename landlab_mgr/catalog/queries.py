"""Everything that is read from the catalog: records, and tables as pandas data frames.

A method of the same name that ends in `_columns` gives a table without pandas, which takes a second to import.
"""

import difflib
import math
from collections.abc import Collection, Hashable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Connection, Select, func, select

from landlab_mgr.catalog.columns import join_float
from landlab_mgr.catalog.filter import asked as asked_of
from landlab_mgr.catalog.filter import compile_filter, setting
from landlab_mgr.catalog.guard import Guard
from landlab_mgr.catalog.inventory import dataset_records
from landlab_mgr.catalog.records import DatasetRecord, GridRecord, RunRecord
from landlab_mgr.catalog.session import among
from landlab_mgr.catalog.tables import (
    STATES,
    Artifact,
    Attempt,
    Dataset,
    Epoch,
    Grid,
    GridRun,
    LossWeights,
    Metric,
    Run,
    Setup,
    StudyTrial,
)
from landlab_mgr.errors import LandlabError
from landlab_mgr.records import SEEN, ArtifactRecord, Columns
from landlab_mgr.spec import fields
from landlab_mgr.spec.grid import GridSpec
from landlab_mgr.spec.run import RunSpec, validated

if TYPE_CHECKING:
    import pandas as pd

HEADLINE = {"split": "dev", "statistic": "R2", "level": "flat"}
"""The metrics that a table of runs shows; dev, since looking at test is a decision of its own."""

SEEDS = ("seeds.init", "seeds.split", "seeds.shuffle")
SEED_COLUMNS = (Run.seed_init, Run.seed_split, Run.seed_shuffle)

BATCH = 10_000
"""Rows that are fetched at once."""

RECENT_RUNS = 20
"""So many tell how long an epoch takes."""


class Queries(Guard):
    """Reading; each call sees one state of the database.

    What reads metrics of other splits than train and dev, or has a filter that compares them, leaves an event, and
    is a LandlabError where the catalog is open for reading only.
    """

    def datasets(self) -> list[DatasetRecord]:
        """All datasets, by name."""
        with self.transaction() as tx:
            return dataset_records(tx)

    def dataset(self, name: str) -> DatasetRecord:
        """Return the dataset with this name, or else with a fingerprint that starts so.

        The name is its first or a further one.
        """
        datasets = self.datasets()
        found = [d for d in datasets if name in d.names] or [
            d for d in datasets if name and d.fingerprint.startswith(name)
        ]
        if len(found) == 1:
            return found[0]
        known = ", ".join(f"{d.name} ({d.fingerprint})" for d in found or datasets) or "none"
        problem = "is the start of several fingerprints" if found else "is not registered"
        raise LandlabError(f"dataset {name!r} {problem}; there is: {known}; see `landlab data ls`")

    def grids(self) -> list[GridRecord]:
        """All grids, oldest first, with their runs counted by state."""
        counted = (
            select(GridRun.grid_id, Run.state, func.count())
            .join(Run, Run.run_id == GridRun.run_id)
            .group_by(GridRun.grid_id, Run.state)
        )
        with self.transaction() as tx:
            grids = tx.execute(select(Grid.id, Grid.name, Grid.spec, Grid.created).order_by(Grid.id)).all()
            counts: dict[int, dict[str, int]] = {grid.id: dict.fromkeys(STATES, 0) for grid in grids}
            for grid_id, state, n in tx.execute(counted):
                counts[grid_id][state] = n
        return [GridRecord(g.name, GridSpec.model_validate(g.spec), g.created, counts[g.id]) for g in grids]

    def grid(self, name: str) -> GridRecord:
        """Return the grid of this name; LandlabError where there is none."""
        grids = {grid.name: grid for grid in self.grids()}
        if name not in grids:
            known = ", ".join(grids) or "none"
            raise LandlabError(f"no grid {name!r}; registered: {known}; see `landlab grid register`")
        return grids[name]

    def run(self, run_id: str) -> RunRecord:
        """Return the run whose id starts so; LandlabError if there is none or several."""
        columns = (
            *(Run.run_id, Run.state, Run.dataset, Dataset.name.label("dataset_name"), Run.setup_id),
            *(Run.loss_weights_id, Setup.label, Run.spec, Run.epochs),
            *(Run.created, Run.updated),
        )
        with self.transaction() as tx:
            full_id = _resolve(tx, run_id)
            row = tx.execute(_joined(select(*columns)).where(Run.run_id == full_id)).mappings().one()
            grids = _grids_of(tx, [full_id]).get(full_id, [])
        spec = validated(RunSpec, row["spec"], f"run {full_id}")
        return RunRecord(
            **{**row, "spec": spec, "grids": tuple(grids), "epochs_planned": spec.optimizer.epochs}
        )

    def runs(
        self, filter: str = "", limit: int | None = None, offset: int = 0, order: str = ""
    ) -> "pd.DataFrame":
        """Tabulate runs that a filter holds for, a row each.

        There are at most `limit`, after `offset` others, in order of registration, or by one of the columns below or
        a field of the specification, ascending, or descending after a minus; those without a value come last.

        Columns: run_id, state, grids (comma-separated), dataset (name), label, seed, epochs, epochs_planned,
        train_loss and dev_loss (of the last epoch), outcome and message (of the last attempt that ended badly, where
        the run has not completed since), created, updated, and a column dev.<variable>.R2 for every variable that
        has one.
        """
        self._look((), filter)
        return self._runs(filter, limit, offset, order)

    def run_ids(self, filter: str = "", limit: int | None = None, offset: int = 0) -> list[str]:
        """Ids of the runs that `runs` tabulates, in order of registration."""
        self._look((), filter)
        query = select(Run.run_id).where(compile_filter(filter)).order_by(Run.position)
        with self.transaction() as tx:
            return list(tx.scalars(_some(query, limit, offset)))

    def runs_in_parts(self, run_ids: Sequence[str], size: int = 5000) -> Iterator[Columns]:
        """Tabulate these runs in their order, `size` rows at a time, so that memory does not grow with their number.

        Each part shows the database as it is then; all have the same columns. There is one at least.
        """
        with self.transaction() as tx:
            variables = _headline_variables(tx, run_ids)
        for start in range(0, max(1, len(run_ids)), size):
            with self.transaction() as tx:
                part = run_ids[start : start + size]
                columns = _tabulated(tx, rows_of_runs().where(among(tx, Run.run_id, part)), variables)
            place = {run_id: k for k, run_id in enumerate(columns["run_id"])}
            order = [place[run_id] for run_id in part if run_id in place]
            yield {name: [values[k] for k in order] for name, values in columns.items()}

    def runs_columns(self, filter: str = "") -> Columns:
        """Tabulate as `runs`."""
        self._look((), filter)
        return self._runs_columns(filter)

    def _runs_columns(self, filter: str) -> Columns:
        with self.transaction() as tx:
            return _tabulated(tx, rows_of_runs().where(compile_filter(filter)))

    def _runs(
        self, filter: str, limit: int | None = None, offset: int = 0, order: str = ""
    ) -> "pd.DataFrame":
        query = _some(rows_of_runs().where(compile_filter(filter)), limit, offset)
        if order:
            query = query.order_by(None).order_by(*_ordered_by(order))
        with self.transaction() as tx:
            return tabulated(tx, query)

    def differing(self, run_ids: Sequence[str]) -> dict[str, list[fields.Value]]:
        """Return fields of the specification in which these runs differ, with their values, sorted.

        Many runs share few setups: it is quick, however many.
        """
        with self.transaction() as tx:
            return _differing(tx, among(tx, Run.run_id, run_ids))

    def differing_in(self, filter: str = "") -> dict[str, list[fields.Value]]:
        """Return the same of the runs that a filter holds for."""
        self._look((), filter)
        with self.transaction() as tx:
            return _differing(tx, compile_filter(filter))

    def outline(self, filter: str = "") -> "pd.DataFrame":
        """Tabulate the few things about runs by which they are chosen.

        Runs are in order of registration; it is quick, however many.

        Columns: run_id, state, dataset (name), label, seed, epochs, epochs_planned.
        """
        return frame(self.outline_columns(filter))

    def outline_columns(self, filter: str = "") -> Columns:
        """Tabulate as `outline`."""
        self._look((), filter)
        planned = epochs_planned().label("epochs_planned")
        query = _joined(
            select(
                *(Run.run_id, Run.state, Dataset.name.label("dataset"), Setup.label),
                *(Run.seed_init.label("seed"), Run.epochs, planned),
            )
        )
        with self.transaction() as tx:
            columns = _columns(tx, query.where(compile_filter(filter)).order_by(Run.position))
        return columns | {"epochs_planned": [int(n) for n in columns["epochs_planned"]]}

    def unknown(self, filter: str) -> list[str]:
        """List what a filter asks for and no run has, a line each.

        A line has what is near: it says why the filter matches nothing.
        """
        lines = []
        with self.transaction() as tx:
            for asked in asked_of(filter):
                values = [str(v) for v in tx.scalars(asked.values) if v is not None]
                if asked.value.replace(" ", "") not in {v.replace(" ", "") for v in values}:
                    lines.append(f"{asked.name}: nothing has {asked.value!r}{_near(asked.value, values)}")
        return list(dict.fromkeys(lines))

    def states(self, grid: str) -> dict[str, str]:
        """Return the state of every run that a grid holds, by run_id.

        Runs are in order of registration.
        """
        query = (
            select(Run.run_id, Run.state)
            .join(GridRun, GridRun.run_id == Run.run_id)
            .join(Grid, Grid.id == GridRun.grid_id)
            .where(Grid.name == grid)
            .order_by(Run.position)
        )
        with self.transaction() as tx:
            return {row[0]: row[1] for row in tx.execute(query)}

    def pending(self, run_ids: Sequence[str]) -> list[str]:
        """Those of these runs that are pending, in the order given."""
        with self.transaction() as tx:
            waiting = set(
                tx.scalars(select(Run.run_id).where(Run.state == "pending", among(tx, Run.run_id, run_ids)))
            )
        return [run_id for run_id in run_ids if run_id in waiting]

    def specs(self, run_ids: Sequence[str]) -> dict[str, RunSpec]:
        """Return what these runs ask, by run_id in the order given.

        Ids that are not there are left out.
        """
        query = select(Run.run_id, Run.spec)
        with self.transaction() as tx:
            found = {r.run_id: r.spec for r in tx.execute(query.where(among(tx, Run.run_id, run_ids))).all()}
        return {i: validated(RunSpec, found[i], f"run {i}") for i in run_ids if i in found}

    def setup_keys(self, run_ids: Sequence[str]) -> dict[str, Hashable]:
        """Return a key of each run that those share that differ in seeds alone, by run_id; unknown ids are left out."""
        query = select(Run.run_id, Run.dataset, Run.setup_id, Run.loss_weights_id)
        with self.transaction() as tx:
            rows = tx.execute(query.where(among(tx, Run.run_id, run_ids)))
            return {row[0]: tuple(row[1:]) for row in rows}

    def labels(self, filter: str = "") -> list[str]:
        """Labels of the setups of the runs that a filter holds for, in order of registration."""
        self._look((), filter)
        first = func.min(Run.position)
        query = select(Setup.label).join(Run, Run.setup_id == Setup.id).where(compile_filter(filter))
        with self.transaction() as tx:
            return list(tx.scalars(query.group_by(Setup.label).order_by(first)))

    def skilled(self, run_ids: Sequence[str]) -> list[str]:
        """Variables of the headline metrics of which one of these runs has a number, in alphabetical order."""
        with self.transaction() as tx:
            return _headline_variables(tx, run_ids, Metric.kind != "nan")

    def settings(self, run_ids: Sequence[str]) -> dict[str, dict[str, fields.Value]]:
        """Every field of these runs' specifications by dotted name, by run_id; unknown ids are left out."""
        of_run = Run.run_id, Run.dataset, Run.setup_id, Run.loss_weights_id
        with self.transaction() as tx:
            rows = {
                r.run_id: r
                for r in tx.execute(select(*of_run, *SEED_COLUMNS).where(among(tx, Run.run_id, run_ids)))
            }
            shared = _shared_settings(tx, {(r.setup_id, r.loss_weights_id) for r in rows.values()})
        return {
            run_id: shared[r.setup_id, r.loss_weights_id]
            | {
                "dataset": r.dataset,
                "seeds.init": r.seed_init,
                "seeds.split": r.seed_split,
                "seeds.shuffle": r.seed_shuffle,
            }
            for run_id in run_ids
            if (r := rows.get(run_id)) is not None
        }

    def setups(self, run_ids: Sequence[str]) -> dict[str, str]:
        """Name the setup of each of these runs: its predictor groups, and in what else they differ but seeds.

        By run_id in the order given; unknown ids are left out. Runs of one name differ in their seeds alone.
        """
        of_run = Run.run_id, Run.setup_id, Run.loss_weights_id, Dataset.name, Setup.label
        with self.transaction() as tx:
            rows = {
                row.run_id: tuple(row)[1:]
                for row in tx.execute(_joined(select(*of_run)).where(among(tx, Run.run_id, run_ids)))
            }
        one_of = {setup: run_id for run_id, setup in rows.items()}  # many runs share few setups
        settings = self.settings(list(one_of.values()))
        told = fields.told_apart([settings[i] | {"dataset": setup[2]} for setup, i in one_of.items()])
        names = {
            setup: ", ".join(filter(None, (setup[3], more))) for setup, more in zip(one_of, told, strict=True)
        }
        return {run_id: names[rows[run_id]] for run_id in run_ids if run_id in rows}

    def setups_in_grids(self, run_ids: Sequence[str]) -> dict[str, str]:
        """Name the setup of each run as it is told apart from those of its grids, or else of its studies.

        Of the others one run of each setup stands for all, as they are many.
        """
        setup = Run.dataset, Run.setup_id, Run.loss_weights_id
        with self.transaction() as tx:
            holders: dict[str, set[tuple[str, int]]] = {run_id: set() for run_id in run_ids}
            members: dict[tuple[str, int], list[str]] = {}
            for kind, link, of in (
                ("grid", GridRun.run_id, GridRun.grid_id),
                ("study", StudyTrial.run_id, StudyTrial.study_id),
            ):
                free = [run_id for run_id, some in holders.items() if not some]
                for run_id, holder in tx.execute(select(link, of).where(among(tx, link, free)).distinct()):
                    holders[run_id].add((kind, holder))
                ids = {holder for some in holders.values() for of_kind, holder in some if of_kind == kind}
                one_of_each = select(of, func.min(Run.run_id)).join(Run, Run.run_id == link)
                for holder, run_id in tx.execute(one_of_each.where(of.in_(ids)).group_by(of, *setup)):
                    members.setdefault((kind, holder), []).append(run_id)
        alike: dict[frozenset[tuple[str, int]], list[str]] = {}
        for run_id, some in holders.items():
            alike.setdefault(frozenset(some), []).append(run_id)
        names: dict[str, str] = {}
        for together, ids_alike in alike.items():
            peers = dict.fromkeys([*ids_alike, *(i for holder in together for i in members[holder])])
            told = self.setups(list(peers))
            names |= {i: told[i] for i in ids_alike if i in told}
        return {i: names[i] for i in run_ids if i in names}

    def setup_of(self, run_id: str) -> str:
        """Name a run's setup as `setups_in_grids` does; the id may be shortened."""
        with self.transaction() as tx:
            full_id = _resolve(tx, run_id)
        return self.setups_in_grids([full_id])[full_id]

    def epoch_seconds(self, dataset: str) -> float | None:
        """Mean seconds of an epoch of the runs on a dataset (its name) that completed last; None where none has."""
        newest = (
            select(Run.run_id)
            .where(Run.dataset == self.dataset(dataset).fingerprint, Run.state == "completed")
            .order_by(Run.updated.desc())
            .limit(RECENT_RUNS)
        )
        with self.transaction() as tx:
            return tx.scalar(select(func.avg(Epoch.seconds)).where(Epoch.run_id.in_(newest)))

    def counts(self, filter: str = "") -> dict[str, int]:
        """Count the runs that a filter holds for in each state, all states named."""
        self._look((), filter)
        query = select(Run.state, func.count()).where(compile_filter(filter)).group_by(Run.state)
        with self.transaction() as tx:
            return dict.fromkeys(STATES, 0) | {row[0]: row[1] for row in tx.execute(query)}

    def metrics_of(
        self, filter: str, split: str, variable: str, statistic: str, level: str = "flat"
    ) -> "pd.DataFrame":
        """One metric, a row for each run that has it and passes: run_id, dataset, label, seed, value."""
        self._look((split,), filter)
        query = (
            _joined(
                select(
                    *(Run.run_id, Dataset.name.label("dataset"), Setup.label, Run.seed_init.label("seed")),
                    *(Metric.value, Metric.kind),
                )
            )
            .join(Metric, Metric.run_id == Run.run_id)
            .where(compile_filter(filter), Metric.split == split, Metric.variable == variable)
            .where(Metric.statistic == statistic, Metric.level == level)
            .order_by(Run.position)
        )
        with self.transaction() as tx:
            return frame(_with_values(_columns(tx, query))).astype({"value": float})

    def member_losses(self, run_ids: Sequence[str]) -> "pd.DataFrame":
        """train_loss and dev_loss, by run_id, of the epoch whose weights each member is; NaN without epochs.

        That is the last epoch, or with `optimizer.keep = "best_dev"` the one of the lowest dev loss.
        """
        import pandas as pd

        specs, losses = self.specs(run_ids), {}
        with self.transaction() as tx:
            last = (
                select(Epoch.run_id, Epoch.epoch, Epoch.total, Epoch.total_kind, Epoch.dev, Epoch.dev_kind)
                .join(Run, (Run.run_id == Epoch.run_id) & (Run.epochs == Epoch.epoch))
                .where(among(tx, Epoch.run_id, list(run_ids)))
            )
            for r in tx.execute(last):
                losses[r.run_id] = join_float(r.total, r.total_kind), join_float(r.dev, r.dev_kind)
        for run_id, spec in specs.items():
            if spec.optimizer.keep == "best_dev" and run_id in losses:
                epochs = self.epochs(run_id)
                if epochs["dev"].notna().any():
                    best = epochs.loc[epochs["dev"].idxmin()]
                    losses[run_id] = float(best["total"]), float(best["dev"])
        rows = [losses.get(run_id, (math.nan, math.nan)) for run_id in run_ids]
        return pd.DataFrame(rows, list(run_ids), ["train_loss", "dev_loss"], dtype=float)

    def epochs(self, run_id: str) -> "pd.DataFrame":
        """Learning curve of a run: epoch, total, dev, a column for each loss term, seconds."""
        table = frame(self.epochs_columns(run_id))
        return table.astype({name: float for name in table if name != "epoch"})

    def epochs_columns(self, run_id: str) -> Columns:
        """Tabulate as `epochs`."""
        losses = Epoch.total, Epoch.total_kind, Epoch.dev, Epoch.dev_kind
        query = select(Epoch.epoch, *losses, Epoch.terms, Epoch.seconds).order_by(Epoch.epoch)
        with self.transaction() as tx:
            rows = tx.execute(query.where(Epoch.run_id == _resolve(tx, run_id))).all()
        terms = list(dict.fromkeys(name for r in rows for name in r.terms))
        return {
            "epoch": [r.epoch for r in rows],
            "total": [join_float(r.total, r.total_kind) for r in rows],
            "dev": [join_float(r.dev, r.dev_kind) for r in rows],
            **{term: [r.terms.get(term, math.nan) for r in rows] for term in terms},
            "seconds": [r.seconds for r in rows],
        }

    def metrics(self, run_id: str, splits: Sequence[str] = SEEN) -> "pd.DataFrame":
        """Metrics of a run on these splits, a row each: split, variable, statistic, level, value."""
        return frame(self.metrics_columns(run_id, splits)).astype({"value": float})

    def metrics_columns(self, run_id: str, splits: Sequence[str] = SEEN) -> Columns:
        """Tabulate as `metrics`."""
        key = (Metric.split, Metric.variable, Metric.statistic, Metric.level)
        query = select(*key, Metric.value, Metric.kind).order_by(*key)
        with self.transaction() as tx:
            full_id = _resolve(tx, run_id)
        self._look(splits, run_id=full_id)
        with self.transaction() as tx:
            return _with_values(_columns(tx, query.where(Metric.run_id == full_id, Metric.split.in_(splits))))

    def artifacts(self, run_id: str) -> "pd.DataFrame":
        """Catalogued files of a run: kind, path, sha256, bytes, attempt (its number)."""
        return frame(self.artifacts_columns(run_id))

    def artifacts_columns(self, run_id: str) -> Columns:
        """Tabulate as `artifacts`."""
        of_file = Artifact.kind, Artifact.path, Artifact.sha256, Artifact.bytes
        query = (
            select(*of_file, Attempt.number.label("attempt"))
            .join(Attempt, Attempt.id == Artifact.attempt_id)
            .order_by(Artifact.kind)
        )
        with self.transaction() as tx:
            return _columns(tx, query.where(Artifact.run_id == _resolve(tx, run_id)))

    def files(self, run_ids: Sequence[str], kind: str) -> dict[str, ArtifactRecord]:
        """Return the catalogued file of a kind of each of these runs that has one, by run_id in one query."""
        columns = (Artifact.run_id, Artifact.kind, Artifact.path, Artifact.sha256, Artifact.bytes)
        with self.transaction() as tx:
            of_runs = Artifact.kind == kind, among(tx, Artifact.run_id, run_ids)
            return {row[0]: ArtifactRecord(*row[1:]) for row in tx.execute(select(*columns).where(*of_runs))}

    def attempts(self, run_id: str) -> "pd.DataFrame":
        """Every try at a run, first to last, with all that is known of it; no outcome while it goes on."""
        table = frame(self.attempts_columns(run_id))
        for column in ("started", "heartbeat", "ended"):
            table[column] = _times(table[column])
        return table

    def attempts_columns(self, run_id: str) -> Columns:
        """Tabulate as `attempts`."""
        query = select(*(c for c in Attempt.__table__.columns if c.name != "run_id")).order_by(Attempt.number)
        with self.transaction() as tx:
            return _columns(tx, query.where(Attempt.run_id == _resolve(tx, run_id)))


_HEADLINES = select(Metric.run_id, Metric.variable, Metric.value, Metric.kind).where(
    *(getattr(Metric, column) == value for column, value in HEADLINE.items())
)


def _near(value: str, values: Sequence[str]) -> str:
    """Values that look like one, or a few of all, to end a message."""
    lowered = {v.lower(): v for v in values}
    near = [lowered[n] for n in difflib.get_close_matches(value.lower(), lowered, 3, 0.6)]
    if near:
        return f"; did you mean {' or '.join(near)}?"
    few = sorted(values)[:6]
    return (
        f"; there is {', '.join(few)}{', ...' if len(values) > len(few) else ''}"
        if few
        else "; there is none"
    )


def _differing(tx: Connection, of_runs: ColumnElement[bool]) -> dict[str, list[fields.Value]]:
    own: dict[str, Any] = {"dataset": Run.dataset, **dict(zip(SEEDS, SEED_COLUMNS, strict=True))}
    pairs = tx.execute(select(Run.setup_id, Run.loss_weights_id).where(of_runs).distinct()).all()
    rows = tx.execute(select(*own.values()).where(of_runs).distinct()).all()
    distinct = fields.differing(
        _shared_settings(tx, [(r.setup_id, r.loss_weights_id) for r in pairs]).values()
    )
    for place, name in enumerate(own):
        distinct[name] = sorted({row[place] for row in rows})
    return {name: distinct[name] for name in fields.fields() if len(distinct.get(name, ())) > 1}


def _shared_settings(
    tx: Connection, pairs: Collection[tuple[str, str]]
) -> dict[tuple[str, str], dict[str, fields.Value]]:
    """Return all settings but dataset and seeds, by setup and loss weights: their JSON is read once for many runs."""
    of_setup, of_weights = select(Setup.id, Setup.spec), select(LossWeights.id, LossWeights.weights)
    setup_ids, weights_ids = {pair[0] for pair in pairs}, {pair[1] for pair in pairs}
    setups = {r.id: r.spec for r in tx.execute(of_setup.where(among(tx, Setup.id, setup_ids)))}
    weights = {r.id: r.weights for r in tx.execute(of_weights.where(among(tx, LossWeights.id, weights_ids)))}
    return {
        (setup_id, weights_id): fields.values(setups[setup_id] | {"loss_weights": weights[weights_id]})
        for setup_id, weights_id in pairs
    }


def _headline_variables(
    tx: Connection, run_ids: Sequence[str], *conditions: ColumnElement[bool]
) -> list[str]:
    """Variables of the headline metrics that one of these runs has: each looked up, as no index lists them."""
    variables: list[str] = []
    following = select(func.min(Metric.variable))
    variable = tx.scalar(following)
    while variable is not None:
        of_runs = Metric.variable == variable, among(tx, Metric.run_id, run_ids)
        if tx.execute(_HEADLINES.where(*of_runs, *conditions).limit(1)).first() is not None:
            variables.append(variable)
        variable = tx.scalar(following.where(Metric.variable > variable))
    return variables


def tabulated(tx: Connection, query: Select, variables: Iterable[str] = ()) -> "pd.DataFrame":
    """Tabulate the runs of a query of `rows_of_runs`; columns of skill are those that a run has, beside `variables`."""
    import pandas as pd

    columns = _tabulated(tx, query, variables)
    times = {name: _times(columns.pop(name)) for name in ("created", "updated")}
    numbers = [name for name in columns if name in ("train_loss", "dev_loss") or name.startswith("dev.")]
    table = frame(columns).astype(dict.fromkeys(numbers, float))
    skills = [name for name in numbers if name.startswith("dev.")]
    return pd.concat([table.drop(columns=skills), pd.DataFrame(times), table[skills]], axis="columns")


def _tabulated(tx: Connection, query: Select, variables: Iterable[str] = ()) -> Columns:
    rows = tx.execute(query).all()
    # By id: a planner may well ask the filter again for every metric.
    ids = [r.run_id for r in rows]
    place = {run_id: i for i, run_id in enumerate(ids)}
    skills = {v: [math.nan] * len(ids) for v in variables}
    grids = _grids_of(tx, ids)
    headlines = tx.execute(_HEADLINES.where(among(tx, Metric.run_id, ids)))
    for some in headlines.partitions(BATCH):  # row by row takes twice as long, all at once their memory
        for run_id, variable, value, kind in some:
            if variable not in skills:
                skills[variable] = [math.nan] * len(ids)
            skills[variable][place[run_id]] = value if kind == "finite" else join_float(value, kind)
    return {
        "run_id": ids,
        "state": [r.state for r in rows],
        "grids": [",".join(grids.get(run_id, ())) for run_id in ids],
        "dataset": [r.dataset for r in rows],
        "label": [r.label for r in rows],
        "seed": [r.seed_init for r in rows],
        "epochs": [r.epochs for r in rows],
        "epochs_planned": [int(r.planned) for r in rows],
        "train_loss": _floats((r.total, r.total_kind) for r in rows),
        "dev_loss": _floats((r.dev, r.dev_kind) for r in rows),
        "outcome": [r.outcome for r in rows],
        "message": [r.message for r in rows],
        "created": [r.created for r in rows],
        "updated": [r.updated for r in rows],
        **{f"dev.{variable}.R2": skills[variable] for variable in sorted(skills)},
    }


def epochs_planned() -> ColumnElement[Any]:
    """Select the epochs that a run is to train; few setups are read, not the specification of every run."""
    of_run = Run.spec["optimizer"]["epochs"].as_float()
    return func.coalesce(setting(fields.fields()["optimizer.epochs"]), of_run)


def _some(query: Select, limit: int | None, offset: int) -> Select:
    """Make a query return at most `limit` rows after `offset` others; SQLite has no offset without a limit."""
    return query.limit(limit if limit is not None or not offset else 2**62).offset(offset or None)


def _joined(query: Select) -> Select:
    """Join a query on runs with their dataset and setup."""
    return (
        query.select_from(Run)
        .join(Dataset, Dataset.fingerprint == Run.dataset)
        .join(Setup, Setup.id == Run.setup_id)
    )


def _of_last_failure(column: ColumnElement[Any]) -> Any:
    """Select what a run's last attempt that ended badly says.

    Only of a run that has not completed since.
    """
    bad = Attempt.run_id == Run.run_id, Attempt.outcome.is_not(None), Attempt.outcome != "ok"
    query = select(column).where(*bad, Run.state != "completed").order_by(Attempt.number.desc()).limit(1)
    return query.correlate(Run).scalar_subquery()


def _of_last_epoch(column: ColumnElement[Any]) -> Any:
    """Select a column of each run's last epoch.

    One by one, as a planner that may join reads all epochs of all runs.
    """
    newest = select(column).where(Epoch.run_id == Run.run_id).order_by(Epoch.epoch.desc()).limit(1)
    return newest.correlate(Run).scalar_subquery().label(column.key)


def rows_of_runs() -> Select:
    """Select of each run what a table of runs shows, beside its grids and its skill."""
    query = select(
        *(Run.run_id, Run.state, Dataset.name.label("dataset"), Setup.label, Run.seed_init),
        *(epochs_planned().label("planned"), Run.epochs),
        *(_of_last_epoch(c) for c in (Epoch.total, Epoch.total_kind, Epoch.dev, Epoch.dev_kind)),
        _of_last_failure(Attempt.outcome).label("outcome"),
        _of_last_failure(Attempt.message).label("message"),
        *(Run.created, Run.updated),
    )
    return _joined(query).order_by(Run.position)


_ORDERS: dict[str, Any] = {
    **{"run_id": Run.run_id, "state": Run.state, "dataset": Dataset.name, "label": Setup.label},
    **{"seed": Run.seed_init, "epochs": Run.epochs, "created": Run.created, "updated": Run.updated},
    **{"train_loss": _of_last_epoch(Epoch.total), "dev_loss": _of_last_epoch(Epoch.dev)},
}


def _ordered_by(order: str) -> tuple[Any, ...]:
    """Return by what the rows of `rows_of_runs` are sorted; LandlabError where there is no such column."""
    name = order.removeprefix("-")
    value: Any
    if name in _ORDERS:
        value = _ORDERS[name]
    elif name.startswith("dev.") and name.count(".") == 2:
        of_run = _HEADLINES.where(Metric.variable == name.split(".")[1], Metric.run_id == Run.run_id)
        value = of_run.with_only_columns(Metric.value).correlate(Run).scalar_subquery()
    elif name in fields.fields():
        value = setting(fields.fields()[name])
    else:
        known = ", ".join((*_ORDERS, "dev.<variable>.R2"))
        raise LandlabError(f"no order {name!r}; there are {known} and the fields of the specification")
    return value.is_(None), value.desc() if name != order else value.asc(), Run.position


def _resolve(tx: Connection, prefix: str) -> str:
    starts = func.substr(Run.run_id, 1, len(prefix)) == prefix
    found = list(tx.scalars(select(Run.run_id).where(starts).order_by(Run.run_id).limit(4)))
    if not prefix or not found:
        raise LandlabError(f"no run {prefix!r}; see `landlab ls`")
    if len(found) > 1 and prefix not in found:
        raise LandlabError(f"several runs start with {prefix!r}: {', '.join(found)}; give more of the id")
    return prefix if prefix in found else found[0]


def _grids_of(tx: Connection, run_ids: Sequence[str]) -> dict[str, list[str]]:
    query = select(GridRun.run_id, Grid.name).join(Grid, Grid.id == GridRun.grid_id).order_by(Grid.name)
    grids: dict[str, list[str]] = {}
    for run_id, name in tx.execute(query.where(among(tx, GridRun.run_id, run_ids))).all():
        grids.setdefault(run_id, []).append(name)
    return grids


def frame(columns: Columns) -> "pd.DataFrame":
    """Make a data frame; an object column keeps None and dictionaries, pandas types the rest by what is in it."""
    import pandas as pd

    return pd.DataFrame({name: pd.Series(values) for name, values in columns.items()}, columns=list(columns))


def _columns(tx: Connection, query: Select) -> Columns:
    result = tx.execute(query)
    names, rows = list(result.keys()), result.all()
    return {name: [row[place] for row in rows] for place, name in enumerate(names)}


def _with_values(columns: Columns) -> Columns:
    values = _floats(zip(columns.pop("value"), columns.pop("kind"), strict=True))
    return columns | {"value": values}


def _floats(pairs: Iterable[tuple[Any, Any]]) -> list[float]:
    """Floats from (value, kind) pairs; a pair without a kind is a row that was not there."""
    return [math.nan if kind is None else join_float(value, kind) for value, kind in pairs]


def _times(values: "Sequence[Any] | pd.Series") -> "pd.Series":
    import pandas as pd

    return pd.Series(pd.to_datetime(pd.Series(values, dtype=object), utc=True))
