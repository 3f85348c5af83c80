"""The trials of a study while they train: asked of Optuna, registered, watched, told. A report of the driver.

Order on record: Optuna has the trial and its numbers; its runs are registered and linked to it in one transaction; the
trial gets their ids as an attribute. So a trial that was RUNNING when its driver was killed either has runs, and goes
on, or has none, and nobody will miss it.
"""

import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import optuna
from optuna.trial import FrozenTrial, TrialState

from landlab_mgr.campaign.live import LiveReport
from landlab_mgr.catalog import Catalog, Claim
from landlab_mgr.errors import LandlabError
from landlab_mgr.records import Progress
from landlab_mgr.spec.study import TuneSpec
from landlab_mgr.tuning import optuna_study, score
from landlab_mgr.tuning.records import START, TrialRecord, best_of, feasible, start_of

SPREAD = "spread"
"""The attribute of a study that says what its pruner's values are measured in."""
FAILURES = 5
"""So many trials failed in a row for no reason of their own, and the study stops."""
LOOK_SECONDS = 5.0
"""Seconds between looks at runs that another driver trains."""


class Notice(Protocol):
    """Listener that is told what becomes of trials; the command line draws it."""

    def told(self, trial: TrialRecord, best: TrialRecord | None, counts: dict[str, int]) -> None:
        """Take note that a trial is over; `counts` are all trials by state."""


@dataclass
class _Open:
    """A trial whose runs are not all over."""

    trial: optuna.Trial
    run_ids: list[str]
    curve: list[tuple[int, dict[str, float]]] = field(default_factory=list)
    """Epochs of its first member that were not reported yet: number and terms."""
    reported: set[int] = field(default_factory=set)
    waiting: set[str] = field(default_factory=set)
    """Runs that no driver has claimed."""


class Trials:
    """Asks for trials, and tells what came of them.

    Args:
        catalog: open for writing.
        study: Optuna's.
        spec: what it asks.
        fingerprint: of its dataset.
        lanes: runs are kept waiting for so many workers that become idle.
        report: who draws the runs.
        notice: who hears of trials.
    """

    def __init__(
        self,
        catalog: Catalog,
        study: optuna.Study,
        spec: TuneSpec,
        fingerprint: str,
        lanes: int,
        report: LiveReport,
        notice: Notice,
    ) -> None:
        self._catalog, self._study, self._spec, self._fingerprint = catalog, study, spec, fingerprint
        self._lanes, self._report, self._notice = lanes, report, notice
        self._open: dict[int, _Open] = {}
        self._looked, self._failures, self._why = time.monotonic(), 0, ""
        self._confirmed = False
        self._pruned: set[str] = set()
        """Runs of trials that ended early."""
        epochs = spec.runs(fingerprint, {}, spec.seed_list)[0].optimizer.epochs
        most = round(spec.space.get("optimizer.epochs", (0, epochs))[1])
        self._interval = -(-most // optuna_study.STEPS)
        study.pruner = optuna_study.pruner(spec, most // self._interval)

    # --- what the driver asks --------------------------------------------------------------------

    def attach(self) -> list[str]:
        """Take up what a driver before left: runs that are to be trained. Call it once."""
        links = self._catalog.study(self._spec.name).trials
        for frozen in self._study.get_trials(deepcopy=False):
            run_ids = self._of_trial(links.get(frozen.number, ()))
            if frozen.state == TrialState.RUNNING and not run_ids:
                self._study.tell(frozen.number, state=TrialState.FAIL)
            elif frozen.state == TrialState.RUNNING:
                self._take(optuna.Trial(self._study, frozen._trial_id), run_ids)
            elif frozen.state in (TrialState.PRUNED, TrialState.FAIL):
                self._cancel(run_ids)
        self._have_start()
        return [run_id for entry in self._open.values() for run_id in entry.run_ids]

    def more(self) -> list[str]:
        """Return runs of new trials, as many as are wanted at once.

        Or, where no more are, of the comparison's members.
        """
        if time.monotonic() - self._looked > LOOK_SECONDS:
            self.look()
        added: list[str] = []
        while self._wants_one() and self._may_ask():
            added += self._ask()
        if not self._open and not added and not self._confirmed and not self._may_ask():
            self._confirmed = True
            added += self._fresh()
        return added

    def look(self) -> None:
        """See whether trials are over; another driver may have trained their runs."""
        self._looked = time.monotonic()
        for number in list(self._open):
            self._settle(number)

    @property
    def open(self) -> bool:
        """True if a trial is not over."""
        return bool(self._open)

    @property
    def waiting(self) -> bool:
        """True if a run of a trial that is not over was pending when looked at."""
        return any(entry.waiting for entry in self._open.values())

    @property
    def confirmed(self) -> bool:
        """True if the members were asked for that compare the best trial with trial 0."""
        return self._confirmed

    # --- what the driver reports -----------------------------------------------------------------

    def claimed(self, claim: Claim) -> None:
        """Take note that a worker has it."""
        self._report.claimed(claim)
        for entry in self._open.values():
            entry.waiting.discard(claim.run_id)

    def progress(self, claim: Claim, progress: Progress) -> None:
        """Look at the first member of a trial: is it good enough to go on?"""
        self._report.progress(claim, progress)
        if self._spec.pruner == "none":
            return
        for entry in [e for e in self._open.values() if e.run_ids[0] == claim.run_id]:
            entry.curve += [(record.epoch, dict(record.terms)) for record in progress.epochs]
            self._judge(entry, claim.spec.weights)

    def outage(self, message: str) -> None:
        """Take note that the catalog's database is away, or back."""
        self._report.outage(message)

    def ended(self, claim: Claim, outcome: str, message: str, seconds: float, state: str) -> None:
        """Tell Optuna of trials that are over by this."""
        if claim.run_id in self._pruned:
            outcome, message = "cancelled", "its trial was pruned"
        self._report.ended(claim, outcome, message, seconds, state)
        for number in [n for n, e in self._open.items() if claim.run_id in e.run_ids]:
            self._settle(number)

    # --- trials ----------------------------------------------------------------------------------

    def _wants_one(self) -> bool:
        """Return whether the open trials are too few.

        They leave a worker without work, or are fewer than the study wants at once.
        """
        if self._spec.parallel is not None:
            return len(self._open) < self._spec.parallel
        return sum(len(entry.waiting) for entry in self._open.values()) < self._lanes

    def _may_ask(self) -> bool:
        if self._failures >= FAILURES:
            raise LandlabError(
                f"study {self._spec.name}: {FAILURES} trials failed in a row, the last: {self._why}; mend that and "
                "run it again"
            )
        trials = self._study.get_trials(deepcopy=False)
        if any(t.state == TrialState.WAITING and t.user_attrs.get(START) for t in trials):
            return True
        over = sum(t.state in (TrialState.COMPLETE, TrialState.PRUNED) for t in trials)
        if over + len(self._open) >= self._spec.trials:
            return False
        begun = [t.datetime_start.timestamp() for t in trials if t.datetime_start is not None]
        return self._spec.hours is None or not begun or time.time() - min(begun) < 3600 * self._spec.hours

    def _have_start(self) -> None:
        """Put trial 0 first in line, where there is none or it failed."""
        if start_of(self._study) is None:
            self._study.enqueue_trial(self._spec.start(self._fingerprint), user_attrs={START: True})

    def _ask(self) -> list[str]:
        number = len(self._study.get_trials(deepcopy=False))
        self._study.sampler = optuna_study.sampler(self._spec, number)
        trial = self._study.ask(optuna_study.distributions(self._spec))
        specs = self._spec.runs(self._fingerprint, trial.params, self._spec.seed_list)
        run_ids = self._catalog.register_trial(self._spec.name, trial.number, specs)
        self._take(trial, run_ids)
        return run_ids

    def _take(self, trial: optuna.Trial, run_ids: list[str]) -> None:
        """Wait for the runs of a trial; those that ended without a result in an earlier attempt are tried again."""
        trial.set_user_attr("run_ids", run_ids)
        self._catalog.retry([i for i in run_ids if self._broken(i)])
        entry = _Open(trial, run_ids)
        entry.reported = set(self._frozen(trial.number).intermediate_values)
        self._open[trial.number] = entry
        if self._spec.pruner != "none":
            self._reread(entry)
        self._settle(trial.number)

    def _settle(self, number: int) -> None:
        """Tell of a trial whose runs are over."""
        entry = self._open.get(number)
        if entry is None:  # pruned a moment ago
            return
        states = {run_id: self._state(run_id) for run_id in entry.run_ids}
        entry.waiting = {run_id for run_id, state in states.items() if state == "pending"}
        bad = [i for i in entry.run_ids if self._broken(i)]
        if bad:
            self._fail(entry, f"run {bad[0]} is {states[bad[0]]}")
        elif set(states.values()) <= {"completed", "failed"}:
            try:
                self._complete(entry)
            except LandlabError as error:
                self._fail(entry, str(error))

    def _fail(self, entry: _Open, why: str) -> None:
        """Give a trial up; another takes its place."""
        self._why = why
        self._failures += 1
        self._close(entry.trial.number, TrialState.FAIL)
        self._forego(entry.run_ids)
        self._report.expect(
            len(entry.run_ids), sum(self._catalog.run(i).epochs_planned for i in entry.run_ids)
        )
        self._have_start()

    def _complete(self, entry: _Open) -> None:
        trial, catalog = entry.trial, self._catalog
        members = [score.of_members(catalog, objective, entry.run_ids) for objective in self._spec.objectives]
        share = score.collapsed(catalog, entry.run_ids)
        if share is not None and "collapsed" not in self._frozen(trial.number).constraints:
            trial.set_constraint("collapsed", share - self._spec.collapsed_share)
        trial.set_user_attr("members", members)
        self._failures = 0
        self._close(trial.number, TrialState.COMPLETE, [float(np.mean(m)) for m in members])
        self._measure()

    def _close(self, number: int, state: TrialState, values: Sequence[float] | None = None) -> None:
        with warnings.catch_warnings():  # what CMA-ES does not heed is heeded where the best is chosen
            warnings.filterwarnings("ignore", "Constraints have been set, but CmaEsSampler")
            self._study.tell(number, values, state=state, skip_if_finished=True)
        del self._open[number]
        trials = self._study.get_trials(deepcopy=False)
        counts = {s.name.lower(): sum(t.state == s for t in trials) for s in TrialState}
        self._notice.told(TrialRecord.of(self._frozen(number)), best_of(self._study), counts)

    def _judge(self, entry: _Open, weights: Mapping[str, float]) -> None:
        """Report what the first member reached, and prune the trial where that is too little; never trial 0."""
        spread = self._study.user_attrs.get(SPREAD)
        if spread is None:
            return
        epochs, entry.curve = entry.curve, []
        for epoch, terms in epochs:
            step, rest = divmod(epoch, self._interval)
            value = score.so_far(terms, weights, spread)
            if rest or step in entry.reported or not np.isfinite(value):
                continue
            entry.trial.report(value, step)
            entry.reported.add(step)
            if not entry.trial.user_attrs.get(START) and entry.trial.should_prune():
                self._close(entry.trial.number, TrialState.PRUNED)
                self._forego(entry.run_ids)
                return

    def _measure(self) -> None:
        """Once, from the first member of the first trial that completes: what intermediate values are measured in."""
        if self._spec.pruner == "none" or SPREAD in self._study.user_attrs:
            return
        done = [
            t for t in self._study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)) if feasible(t)
        ]
        for trial in done:
            run_id = trial.user_attrs["run_ids"][0]
            if self._state(run_id) != "completed":
                continue
            objective = self._spec.objectives[0]
            nse = score.efficiencies(self._catalog, run_id, objective.level)
            curve, weights = self._catalog.epochs(run_id), self._catalog.run(run_id).spec.weights
            self._study.set_user_attr(SPREAD, score.spreads(objective, curve, nse, weights))
            for entry in list(self._open.values()):
                self._judge(entry, self._catalog.run(entry.run_ids[0]).spec.weights)
            return

    def _reread(self, entry: _Open) -> None:
        """Take the epochs of a trial's first member from the catalog."""
        rows = self._catalog.epochs(entry.run_ids[0]).to_dict("records")
        entry.curve = [(int(row["epoch"]), {str(n): float(x) for n, x in row.items()}) for row in rows]
        self._judge(entry, self._catalog.run(entry.run_ids[0]).spec.weights)

    # --- runs ------------------------------------------------------------------------------------

    def _fresh(self) -> list[str]:
        """Members of the best trial and of trial 0 with seeds that no trial saw."""
        start, best = start_of(self._study), best_of(self._study)
        if start is None or best is None or not self._spec.fresh:
            return []
        added: list[str] = []
        for trial in {t.number: t for t in (start, best)}.values():
            specs = self._spec.runs(self._fingerprint, trial.numbers, self._spec.fresh)
            added += self._catalog.register_trial(self._spec.name, trial.number, specs)
        self._catalog.retry([i for i in added if self._broken(i)])
        left = [run for run in map(self._catalog.run, added) if run.state != "completed"]
        self._report.expect(len(left), sum(run.epochs_planned - run.epochs for run in left))
        return added

    def _of_trial(self, run_ids: Sequence[str]) -> list[str]:
        """Of the runs linked to a trial, those with its own seeds, in their order."""
        specs = self._catalog.specs(run_ids)
        own = {specs[i].seeds.init: i for i in specs if specs[i].seeds.init in self._spec.seed_list}
        return [own[seed] for seed in sorted(own)]

    def _forego(self, run_ids: Sequence[str]) -> None:
        """Do without the runs of a trial that ended early."""
        self._pruned.update(run_ids)
        for run in map(self._catalog.run, self._cancel(run_ids)):
            self._report.expect(-1, run.epochs - run.epochs_planned)

    def _cancel(self, run_ids: Sequence[str]) -> list[str]:
        """Stop the runs of a trial that is over, but for those that a grid or an open trial wants too."""
        wanted = {i for entry in self._open.values() for i in entry.run_ids}
        return self._catalog.cancel(
            [i for i in run_ids if i not in wanted and not self._catalog.run(i).grids]
        )

    def _state(self, run_id: str) -> str:
        return self._catalog.run(run_id).state

    def _broken(self, run_id: str) -> bool:
        """Return whether a run ended without telling anything of its weights."""
        state = self._state(run_id)
        return state == "cancelled" or (state == "failed" and not score.diverged(self._catalog, run_id))

    def _frozen(self, number: int) -> FrozenTrial:
        return self._study.get_trials(deepcopy=False)[number]
