"""Runs with all their settings and metrics: a wide table for other programs, an array for xarray."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from sqlalchemy import Connection, select

from landlab_mgr.catalog.columns import join_float
from landlab_mgr.catalog.filter import compile_filter
from landlab_mgr.catalog.queries import BATCH, SEED_COLUMNS, SEEDS, Queries, rows_of_runs, tabulated
from landlab_mgr.catalog.session import among
from landlab_mgr.catalog.tables import Metric, Run
from landlab_mgr.catalog.tags import Tags
from landlab_mgr.records import SEEN
from landlab_mgr.spec import fields

if TYPE_CHECKING:
    import xarray as xr

_KEY = (Metric.split, Metric.variable, Metric.statistic, Metric.level)

Metrics = dict[tuple[str, str, str, str], dict[str, float]]
"""By split, variable, statistic and level: the value of each run that has one."""


class Export(Queries, Tags):
    """Whole ensembles at once."""

    def table(self, filter: str = "", splits: Sequence[str] = SEEN) -> pd.DataFrame:
        """Tabulate runs that a filter holds for, a row each, in order of registration.

        The columns of `runs` without its headline metrics; tags (comma-separated); the dataset's fingerprint; every
        field of the specification under the name that a filter takes, lists as a filter writes them; every metric of
        these splits as metrics.SPLIT.VARIABLE.STATISTIC.LEVEL, NaN where a run lacks it. LandlabError for an unknown
        split.
        """
        return pd.concat(self.table_in_parts(filter, splits), ignore_index=True)

    def table_in_parts(
        self, filter: str = "", splits: Sequence[str] = SEEN, size: int = 5000
    ) -> Iterator[pd.DataFrame]:
        """Tabulate as `table`, `size` rows at a time: memory does not grow with what the filter holds for."""
        self._look(splits, filter)
        with self.transaction() as tx:
            ids = list(tx.scalars(select(Run.run_id).where(compile_filter(filter)).order_by(Run.position)))
            of_runs = among(tx, Metric.run_id, ids), Metric.split.in_(splits)
            keys = [tuple(row) for row in tx.execute(select(*_KEY).where(*of_runs).distinct())]
        keys.sort(key=lambda key: (splits.index(key[0]), *key[1:]))
        tags, settings = self.tags(), self._settings(ids)
        for start in range(0, max(1, len(ids)), size):
            part = ids[start : start + size]
            with self.transaction() as tx:
                runs = tabulated(tx, rows_of_runs().where(among(tx, Run.run_id, part)))
                scores = _scores(tx, part, keys)
            yield pd.concat(
                [
                    runs[[c for c in runs if not c.startswith("dev.")]],
                    settings.loc[part].reset_index(drop=True),
                    pd.DataFrame({"tags": [",".join(tags.get(run_id, ())) for run_id in part]}, dtype=object),
                    pd.DataFrame(scores, columns=[f"metrics.{'.'.join(key)}" for key in keys]),
                ],
                axis="columns",
            )

    def _settings(self, run_ids: Sequence[str]) -> pd.DataFrame:
        """Tabulate all fields of the specification, by run_id; a table has the dataset's name in `dataset`."""
        keys = self.setup_keys(run_ids)
        examples = {key: run_id for run_id, key in keys.items()}
        values = self.settings(list(examples.values()))
        shared = pd.DataFrame([values[run_id] for run_id in examples.values()], columns=list(fields.fields()))
        place = {key: row for row, key in enumerate(examples)}
        table = shared.iloc[[place[keys[run_id]] for run_id in run_ids]].set_axis(list(run_ids))
        table.insert(0, "fingerprint", table.pop("dataset"))
        with self.transaction() as tx:
            rows = tx.execute(select(Run.run_id, *SEED_COLUMNS).where(among(tx, Run.run_id, run_ids)))
            seeds = {row[0]: row[1:] for row in rows}
        for number, name in enumerate(SEEDS):
            table[name] = [seeds[run_id][number] for run_id in run_ids]
        return table

    def metrics_array(
        self, filter: str = "", splits: Sequence[str] = SEEN, level: str = "flat"
    ) -> "xr.DataArray":
        """Metrics [run, split, variable, statistic] of the runs that a filter holds for and that have some.

        Coordinates of the runs are `setup` (predictor groups and in what else these runs differ: runs of one setup
        differ in their seeds alone), `label` (predictor groups), `seed` and `dataset` (name). NaN where a run lacks
        a metric. `level` is flat, temporal or spatial. LandlabError for an unknown split.
        """
        import xarray as xr  # half a second that `landlab ls` need not wait for

        self._look(splits, filter)
        metrics = {key: by_run for key, by_run in self._metrics(filter, splits).items() if key[3] == level}
        runs = self._runs(filter)
        runs = runs[runs["run_id"].isin({run_id for by_run in metrics.values() for run_id in by_run})]
        ids = list(runs["run_id"])
        variables, statistics = (sorted({key[i] for key in metrics}) for i in (1, 2))
        values = np.full((len(ids), len(splits), len(variables), len(statistics)), np.nan)
        for (split, variable, statistic, _), by_run in metrics.items():
            place = splits.index(split), variables.index(variable), statistics.index(statistic)
            values[:, *place] = _of_runs(by_run, ids)
        return xr.DataArray(
            values,
            {
                "run": ids,
                "split": list(splits),
                "variable": variables,
                "statistic": statistics,
                "setup": ("run", list(self.setups(ids).values())),
                "label": ("run", list(runs["label"])),
                "seed": ("run", runs["seed"].to_numpy(int)),
                "dataset": ("run", list(runs["dataset"])),
            },
            ("run", "split", "variable", "statistic"),
            name="metric",
            attrs={"level": level, "filter": filter},
        )

    def _metrics(self, filter: str, splits: Sequence[str]) -> Metrics:
        key = (Metric.split, Metric.variable, Metric.statistic, Metric.level)
        query = (
            select(*key, Metric.run_id, Metric.value, Metric.kind)
            .join(Run, Run.run_id == Metric.run_id)
            .where(compile_filter(filter), Metric.split.in_(splits))
            .order_by(*key)
        )
        metrics: Metrics = {}
        with self.transaction() as tx:
            for split, variable, statistic, level, run_id, value, kind in tx.execute(query):
                by_run = metrics.setdefault((split, variable, statistic, level), {})
                by_run[run_id] = join_float(value, kind)
        return dict(sorted(metrics.items(), key=lambda item: (splits.index(item[0][0]), *item[0][1:])))


def _scores(tx: Connection, run_ids: Sequence[str], keys: Sequence[tuple[str, ...]]) -> np.ndarray:
    """Metrics [run, key]; NaN where a run lacks one."""
    rows, columns = ({x: place for place, x in enumerate(some)} for some in (run_ids, keys))
    scores = np.full((len(run_ids), len(keys)), np.nan)
    query = select(Metric.run_id, *_KEY, Metric.value, Metric.kind)
    wanted = among(tx, Metric.run_id, run_ids), Metric.split.in_({key[0] for key in keys})
    for some in tx.execute(query.where(*wanted)).partitions(BATCH):
        for run_id, *key, value, kind in some:
            if (column := columns.get(tuple(key))) is not None:  # not written since the keys were read
                scores[rows[run_id], column] = join_float(value, kind)
    return scores


def _of_runs(by_run: dict[str, float], ids: Sequence[str]) -> np.ndarray:
    return np.array([by_run.get(run_id, np.nan) for run_id in ids], float)
