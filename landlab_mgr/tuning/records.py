"""Plain records of what Optuna knows of a study's trials. JAX-free."""

from dataclasses import dataclass

import optuna
from optuna.trial import FrozenTrial, TrialState

START = "start"
"""The attribute of the trial that begins where base does: trial 0, unless a kill came while it was asked."""


@dataclass(frozen=True)
class TrialRecord:
    """A trial as it stands: its state in lower case, objectives on dev, numbers drawn, whether it keeps the constraint.

    A pruned trial's value is the last that its first member reached.
    """

    number: int
    state: str
    values: tuple[float, ...]
    numbers: dict[str, float]
    feasible: bool
    run_ids: tuple[str, ...]

    @classmethod
    def of(cls, trial: FrozenTrial) -> "TrialRecord":
        """Make the record of what matters of Optuna's trial."""
        values, run_ids = tuple(trial.values or ()), tuple(trial.user_attrs.get("run_ids", ()))
        state = trial.state.name.lower()
        return cls(trial.number, state, values, dict(trial.params), feasible(trial), run_ids)


def best_of(study: optuna.Study) -> TrialRecord | None:
    """Return the best trial of a study that keeps the constraints.

    None where there is none, or where the study has several objectives.
    """
    done = [TrialRecord.of(t) for t in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))]
    done = [t for t in done if t.feasible]
    if len(study.directions) > 1 or not done:
        return None
    return max(done, key=lambda t: (t.values[0], -t.number))


def start_of(study: optuna.Study) -> TrialRecord | None:
    """Return the trial that began where base does and did not fail.

    None where there is none.
    """
    for trial in study.get_trials(deepcopy=False):
        if trial.user_attrs.get(START) and trial.state != TrialState.FAIL:
            return TrialRecord.of(trial)
    return None


def feasible(trial: FrozenTrial) -> bool:
    """Return whether a trial keeps the constraints."""
    return all(value <= 0 for value in trial.constraints.values())
