"""Runs with all their settings and metrics: a wide table for other programs, an array for xarray."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from sqlalchemy import Connection, select

from landlab_mgr.catalog.columns import join_float
from landlab_mgr.catalog.filter import METRICS, compile_filter, present_spelling
from landlab_mgr.catalog.queries import BATCH, SEED_COLUMNS, SEEDS, Queries, frame, rows_of_runs, tabulated
from landlab_mgr.catalog.session import among
from landlab_mgr.catalog.tables import Metric, Run
from landlab_mgr.catalog.tags import Tags
from landlab_mgr.errors import LandlabError
from landlab_mgr.records import SEEN, SPLITS, Columns
from landlab_mgr.spec import fields

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import xarray as xr

_KEY = (Metric.split, Metric.variable, Metric.statistic, Metric.level)

Metrics = dict[tuple[str, str, str, str], dict[str, float]]
"""By split, variable, statistic and level: the value of each run that has one."""


class Export(Queries, Tags):
    """Whole ensembles at once."""

    def table(self, filter: str = "", splits: Sequence[str] = SEEN) -> "pd.DataFrame":
        """Tabulate runs that a filter holds for, a row each, in order of registration.

        The columns of `runs` without its headline metrics; tags (comma-separated); the dataset's fingerprint; every
        field of the specification under the name that a filter takes, lists as a filter writes them; every metric of
        these splits as metrics.SPLIT.VARIABLE.STATISTIC.LEVEL, NaN where a run lacks it. LandlabError for an unknown
        split.
        """
        import pandas as pd

        return pd.concat(self.table_in_parts(filter, splits), ignore_index=True)

    def table_in_parts(
        self, filter: str = "", splits: Sequence[str] = SEEN, size: int = 5000
    ) -> "Iterator[pd.DataFrame]":
        """Tabulate as `table`, `size` rows at a time: memory does not grow with what the filter holds for."""
        import pandas as pd

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

    def _settings(self, run_ids: Sequence[str]) -> "pd.DataFrame":
        """Tabulate all fields of the specification, by run_id; a table has the dataset's name in `dataset`."""
        import pandas as pd

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

    def columns(self, names: Sequence[str], filter: str = "") -> "pd.DataFrame":
        """Tabulate fields of the runs that a filter holds for: `run_id`, and a column for each name.

        Names are those of filters (`predictors`, `optimizer.epochs`, `metrics.dev.gpp.R2`, which may leave `metrics.`
        out), those of `runs`, and `setup`. Held-back metrics are counted. LandlabError for an unknown name.
        """
        return frame(self.columns_by_name(names, filter))

    def columns_by_name(self, names: Sequence[str], filter: str = "") -> Columns:
        """Tabulate as `columns`."""
        keys = {name: column_of(name) for name in names}
        self._look([key.split(".")[1] for key in keys.values() if key.startswith("metrics.")], filter)
        quick = {*keys.values()} <= {*OUTLINE, "setup", "tags", *fields.fields()} | {
            key for key in keys.values() if key.startswith("metrics.")
        }
        runs = self.outline_columns(filter) if quick else self._runs_columns(filter)
        ids, tags = runs["run_id"], self.tags()
        specified = self.settings(ids) if ({*keys.values()} & {*fields.fields()}) - {"dataset"} else {}
        setups = self.setups(ids) if "setup" in keys.values() else {}
        chosen: Columns = {"run_id": ids}
        for name, key in keys.items():
            if key.startswith("metrics."):
                of_metric = self._values_of(filter, key)
                chosen[name] = [of_metric.get(run_id, math.nan) for run_id in ids]
            elif key in fields.fields() and key != "dataset":
                chosen[name] = [specified[run_id][key] for run_id in ids]
            elif key == "setup":
                chosen[name] = [setups[run_id] for run_id in ids]
            elif key == "tags":
                chosen[name] = [",".join(tags.get(run_id, ())) for run_id in ids]
            else:
                chosen[name] = runs[key]
        return chosen

    def _values_of(self, filter: str, metric: str) -> dict[str, float]:
        """Values of one metric by run_id."""
        split, variable, statistic, *level = metric.split(".")[1:]
        query = (
            select(Metric.run_id, Metric.value, Metric.kind)
            .join(Run, Run.run_id == Metric.run_id)
            .where(compile_filter(filter), Metric.split == split, Metric.variable == variable)
            .where(Metric.statistic == statistic, Metric.level == (level or ["flat"])[0])
        )
        with self.transaction() as tx:
            return {run_id: join_float(value, kind) for run_id, value, kind in tx.execute(query)}

    def metrics_array(
        self, filter: str = "", splits: Sequence[str] = SEEN, level: str = "flat"
    ) -> "xr.DataArray":
        """Metrics [run, split, variable, statistic] of the runs that a filter holds for and that have some.

        Coordinates of the runs are `setup` (predictor groups and in what else these runs differ: runs of one setup
        differ in their seeds alone), `label` (predictor groups), `seed` and `dataset` (name). NaN where a run lacks
        a metric. `level` is flat, temporal or spatial. LandlabError for an unknown split.
        """
        import numpy as np
        import xarray as xr

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


def by_setup(runs: Columns, setups: Mapping[str, str]) -> Columns:
    """Tabulate runs, as `Catalog.runs` gives them, by their setups, as `Catalog.setups` names them.

    Columns: setup, runs, completed, and of each metric the mean and the standard deviation over the setup's runs.
    """
    rows: dict[str, list[int]] = {}
    for place, run_id in enumerate(runs["run_id"]):
        rows.setdefault(setups[run_id], []).append(place)
    table: Columns = {
        "setup": list(rows),
        "runs": [len(places) for places in rows.values()],
        "completed": [sum(runs["state"][k] == "completed" for k in places) for places in rows.values()],
    }
    for name, values in runs.items():
        if name.startswith("dev.") and not all(map(math.isnan, values)):
            known = [[x for k in places if not math.isnan(x := values[k])] for places in rows.values()]
            table[name] = [math.fsum(some) / len(some) if some else math.nan for some in known]
            table[f"{name} sd"] = [
                math.sqrt(math.fsum((x - mean) ** 2 for x in some) / (len(some) - 1))
                if len(some) > 1
                else math.nan
                for some, mean in zip(known, table[name], strict=True)
            ]
    return table


TABLE = (
    *("run_id", "state", "grids", "dataset", "label", "setup", "tags", "epochs", "epochs_planned"),
    *("train_loss", "dev_loss", "outcome", "message", "created", "updated"),
)
"""Columns of a table of runs beside fields of the specification and metrics."""
OUTLINE = ("run_id", "state", "dataset", "label", "epochs", "epochs_planned")
"""Those that are read quickly, however many runs there are."""
_OF_FILTERS = {"run": "run_id", "status": "state", "grid": "grids", "tag": "tags"}
"""Columns by the name that filters have for them."""


def column_of(name: str) -> str:
    """Return the column, the field of the specification or the metric of a name; LandlabError where it is none."""
    key = name if name in TABLE else present_spelling(name)
    key = _OF_FILTERS.get(key, key)
    if key in TABLE or key in fields.fields():
        return key
    if key.startswith("metrics."):
        split, *rest = key.split(".")[1:]
        if split in SPLITS and len(rest) in (2, 3):
            return key
        raise LandlabError(
            f"column {name!r}: write metrics.SPLIT.VARIABLE.STATISTIC, such as metrics.dev.gpp.R2; "
            f"splits are {', '.join(SPLITS)}"
        )
    near = fields.hint(
        key, (*TABLE, *_OF_FILTERS, *fields.fields()), f"; known: {', '.join(TABLE)}, {METRICS}"
    )
    raise LandlabError(f"no column {name!r}{near}")


def _scores(tx: Connection, run_ids: Sequence[str], keys: Sequence[tuple[str, ...]]) -> "np.ndarray":
    """Metrics [run, key]; NaN where a run lacks one."""
    rows, columns = ({x: place for place, x in enumerate(some)} for some in (run_ids, keys))
    import numpy as np

    scores = np.full((len(run_ids), len(keys)), np.nan)
    query = select(Metric.run_id, *_KEY, Metric.value, Metric.kind)
    wanted = among(tx, Metric.run_id, run_ids), Metric.split.in_({key[0] for key in keys})
    for some in tx.execute(query.where(*wanted)).partitions(BATCH):
        for run_id, *key, value, kind in some:
            if (column := columns.get(tuple(key))) is not None:  # not written since the keys were read
                scores[rows[run_id], column] = join_float(value, kind)
    return scores


def _of_runs(by_run: dict[str, float], ids: Sequence[str]) -> "np.ndarray":
    import numpy as np

    return np.array([by_run.get(run_id, np.nan) for run_id in ids], float)
