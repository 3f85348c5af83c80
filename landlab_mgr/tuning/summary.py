"""Summary of what a study found.

Its best trial, the gain over trial 0 on fresh seeds, importances, the Pareto front, the cost.

JAX-free.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import optuna
import pandas as pd
from optuna.importance import FanovaImportanceEvaluator
from optuna.trial import TrialState
from scipy import stats

from landlab_mgr.catalog import Catalog
from landlab_mgr.catalog.records import WeightSetRecord
from landlab_mgr.errors import LandlabError
from landlab_mgr.records import SEEN
from landlab_mgr.spec.study import TuneSpec
from landlab_mgr.tuning import optuna_study, score
from landlab_mgr.tuning.records import TrialRecord, best_of, start_of
from landlab_mgr.workspace.workspace import Workspace

CONFIDENCE = 0.95
FEWEST = 5
"""Trials below which importances say nothing."""


@dataclass(frozen=True)
class Summary:
    """A study as it stands; tables are empty where there is nothing to say yet."""

    spec: TuneSpec
    counts: dict[str, int]
    """Trials by state: complete, pruned, fail, running, waiting."""
    infeasible: int
    """Trials that completed and broke the constraint."""
    trials: pd.DataFrame
    """A row each: trial, state, a column for each objective, feasible, then the numbers drawn."""
    best: TrialRecord | None
    start: TrialRecord | None
    numbers: pd.DataFrame
    """Numbers that trial 0 and the best one drew, by name, with their importance for the objective (fANOVA)."""
    gain: pd.DataFrame
    """On fresh seeds: split, score, trial 0, best, gain, low, high (95 % interval of the mean gain), seeds."""
    pareto: pd.DataFrame
    """Trials that none beats in every objective; of a study with several."""
    cost: dict[str, float]
    """hours_training (of all workers), hours (from the first run's start to the last one's end), epochs."""

    @property
    def verdict(self) -> Literal["better", "worse", "level", "open"]:
        """Judge the best trial against trial 0 by the gain on dev, over fresh seeds.

        level: the interval holds 0; open: there is no gain to tell yet, or several objectives.
        """
        on_dev = self.gain[self.gain["split"] == "dev"] if len(self.gain) else self.gain
        if on_dev.empty:
            return "open"
        low, high = on_dev.iloc[0][["low", "high"]]
        return "better" if low > 0 else "worse" if high < 0 else "level"


def summarise(ws: Workspace, catalog: Catalog, name: str, splits: Sequence[str] = SEEN) -> Summary:
    """Everything about a study. Other splits than train and dev in the gain are counted as looks.

    LandlabError where there is no such study.
    """
    record = catalog.study(name)
    spec = TuneSpec.model_validate(dict(record.spec))
    study = optuna_study.existing(ws.database, name)
    trials = [TrialRecord.of(t) for t in study.get_trials(deepcopy=False)]
    best, start = best_of(study), start_of(study)
    front = map(TrialRecord.of, study.best_trials) if len(spec.objectives) > 1 else ()
    run_ids = [run_id for of_trial in record.trials.values() for run_id in of_trial]
    return Summary(
        spec=spec,
        counts={s.name.lower(): sum(t.state == s.name.lower() for t in trials) for s in TrialState},
        infeasible=sum(t.state == "complete" and not t.feasible for t in trials),
        trials=_table(spec, trials),
        best=best,
        start=start,
        numbers=_numbers(spec, catalog, study, start, best),
        gain=_gain(spec, catalog, record.trials, start, best, splits),
        pareto=_table(spec, [t for t in front if t.feasible]),
        cost=_cost(catalog, run_ids),
    )


def promote(ws: Workspace, catalog: Catalog, name: str, as_name: str, trial: int | None) -> WeightSetRecord:
    """Name the loss weights of a study's best trial, or of this one, so that grids may use them.

    LandlabError where the study has no such trial, or the name has other weights.
    """
    record = catalog.study(name)
    study = optuna_study.existing(ws.database, name)
    best = best_of(study)
    if trial is None and best is None:
        several = len(study.directions) > 1
        why = "several objectives" if several else "no trial that completed and keeps the constraint"
        raise LandlabError(f"study {name!r} has {why}; name a trial with --trial")
    number = best.number if trial is None and best is not None else trial
    done = [t.number for t in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))]
    if number not in done:
        raise LandlabError(f"--trial {trial}: study {name!r} completed {', '.join(map(str, done)) or 'none'}")
    run_id = record.trials[number][0]
    catalog.name_weights(as_name, catalog.run(run_id).spec.weights, name, number)
    return catalog.weight_set(as_name)


def _table(spec: TuneSpec, trials: Sequence[TrialRecord]) -> pd.DataFrame:
    rows: list[dict[str, Any]] = []
    for t in trials:
        values = t.values or (np.nan,) * len(spec.objectives)
        scores = {o.name: v for o, v in zip(spec.objectives, values, strict=True)}
        told = {"trial": t.number, "state": t.state, **scores, "feasible": t.feasible}
        rows.append(told | t.numbers)
    return pd.DataFrame(rows)


def _numbers(
    spec: TuneSpec,
    catalog: Catalog,
    study: optuna.Study,
    start: TrialRecord | None,
    best: TrialRecord | None,
) -> pd.DataFrame:
    importance = _importance(study)
    rows: list[dict[str, Any]] = []
    of_start, of_best = (None if t is None else _spec_of(catalog, t) for t in (start, best))
    for key in spec.space:
        field, _, name = key.partition(".")
        row: dict[str, Any] = {"number": key}
        for column, found in (("trial 0", of_start), ("best", of_best)):
            if found is None:
                continue
            row[column] = found.weights[name] if field == "loss_weights" else getattr(found.optimizer, name)
        if best is not None and field == "loss_weights":
            row["times"] = best.numbers[key]
        rows.append(row | ({"importance": importance[key]} if key in importance else {}))
    table = pd.DataFrame(rows)
    return table.sort_values("importance", ascending=False) if "importance" in table else table


def _spec_of(catalog: Catalog, trial: TrialRecord) -> Any:
    return catalog.run(trial.run_ids[0]).spec if trial.run_ids else None


def _importance(study: optuna.Study) -> dict[str, float]:
    """Share of the (first) objective's variance over the space that each number explains alone, by fANOVA."""
    done = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if len(done) < FEWEST or len({t.values[0] for t in done}) < 2:
        return {}
    evaluator = FanovaImportanceEvaluator(seed=0)
    return optuna.importance.get_param_importances(study, evaluator=evaluator, target=lambda t: t.values[0])


def _gain(
    spec: TuneSpec,
    catalog: Catalog,
    links: Any,
    start: TrialRecord | None,
    best: TrialRecord | None,
    splits: Sequence[str],
) -> pd.DataFrame:
    """Best minus trial 0 over the seeds that both were trained with after the study, seed by seed."""
    columns = ["split", "score", "trial 0", "best", "gain", "low", "high", "seeds"]
    if start is None or best is None or start.number == best.number:
        return pd.DataFrame(columns=columns)
    pair = [_by_seed(spec, catalog, links.get(t.number, ()), splits) for t in (start, best)]
    seeds = sorted(pair[0].keys() & pair[1].keys())
    rows = []
    for key in dict.fromkeys(key for by in pair for s in seeds for key in by[s]):
        both = np.array([[by[s].get(key, np.nan) if by[s] else 0.0 for s in seeds] for by in pair])
        both = both[:, np.isfinite(both).all(axis=0)]
        if not both.size:
            continue
        gain = both[1] - both[0]
        low, high = _interval(gain)
        rows.append((*key, both[0].mean(), both[1].mean(), gain.mean(), low, high, gain.size))
    table = pd.DataFrame(rows, columns=columns)
    order = {split: i for i, split in enumerate(splits)}
    return table.sort_values("split", key=lambda s: s.map(order), kind="stable").reset_index(drop=True)


def _by_seed(
    spec: TuneSpec, catalog: Catalog, run_ids: Sequence[str], splits: Sequence[str]
) -> dict[int, dict[tuple[str, str], float]]:
    """Return the objective and the NNSE of every variable by split.

    They are of a trial's fresh members; none where one diverged.
    """
    fresh = [i for i, s in catalog.specs(run_ids).items() if s.seeds.init not in spec.seed_list]
    if not fresh:
        return {}
    objective = spec.objectives[0]
    filter = f"status = 'completed' and run in ({', '.join(map(repr, fresh))})"
    nse = catalog.metrics_array(filter, splits, objective.level)  # one look, however many runs
    found: dict[int, dict[tuple[str, str], float]] = {}
    for run_id in fresh:
        if score.diverged(catalog, run_id):
            found[catalog.run(run_id).spec.seeds.init] = {}
    for member in nse.sel(statistic="R2") if "R2" in nse.coords["statistic"] else ():
        scores = found.setdefault(int(member["seed"]), {})
        for split in splits:
            series = member.sel(split=split).dropna("variable")
            by_variable = dict(zip(series["variable"].values.tolist(), series.values.tolist(), strict=True))
            scores[split, objective.name] = score.skill(objective, by_variable)
            scores |= {(split, f"NNSE of {name}"): score.nnse(value) for name, value in by_variable.items()}
    return found


def _interval(gain: np.ndarray) -> tuple[float, float]:
    """Student's interval of the mean; NaN of a single seed."""
    if gain.size < 2:
        return np.nan, np.nan
    half = stats.t.ppf((1 + CONFIDENCE) / 2, gain.size - 1) * gain.std(ddof=1) / np.sqrt(gain.size)
    return float(gain.mean() - half), float(gain.mean() + half)


def _cost(catalog: Catalog, run_ids: Sequence[str]) -> dict[str, float]:
    spans, epochs = [], 0.0
    for run_id in dict.fromkeys(run_ids):
        attempts = catalog.attempts(run_id)
        spans.append(attempts[["started", "ended"]].dropna())
        epochs += catalog.run(run_id).epochs
    over = pd.concat(spans) if spans else pd.DataFrame()
    if over.empty:
        return {"hours_training": 0.0, "hours": 0.0, "epochs": epochs}
    training = (over["ended"] - over["started"]).dt.total_seconds().sum()
    whole = (over["ended"].max() - over["started"].min()).total_seconds()
    return {"hours_training": float(training) / 3600, "hours": whole / 3600, "epochs": epochs}
