"""Running a study: checked, locked, driven to its end."""

import time

import optuna
import xarray as xr
from optuna.trial import TrialState

from landlab_mgr.campaign import launch
from landlab_mgr.campaign.driver import Driver, graceful_interrupt
from landlab_mgr.campaign.live import LiveReport
from landlab_mgr.catalog import Catalog, lease
from landlab_mgr.data import batch, store
from landlab_mgr.errors import LandlabError
from landlab_mgr.models import registry
from landlab_mgr.observations.comparable import score_name
from landlab_mgr.spec.study import TuneSpec
from landlab_mgr.storage.location import alone
from landlab_mgr.training import run
from landlab_mgr.tuning import optuna_study
from landlab_mgr.tuning.trials import Notice, Trials
from landlab_mgr.workspace.workspace import Workspace

WAIT_SECONDS = 2.0


def search(
    ws: Workspace,
    catalog: Catalog,
    spec: TuneSpec,
    workers: launch.Workers,
    report: LiveReport,
    notice: Notice,
) -> bool:
    """Run a study until it has all its trials, or go on with it; True where it was interrupted.

    Then the best trial and trial 0 are trained with fresh seeds. One process at a time drives a study; its workers
    may be many.

    Raises:
        LandlabError: where the study cannot be done on its dataset, its name belongs to another, or another process
            of this machine drives it.
    """
    ws.check_storage()
    record = catalog.dataset(spec.dataset)
    _check(spec, record.fingerprint, store.open_dataset(ws.path(record.url)))
    catalog.register_study(spec.name, spec.asked, spec.settings)
    taken = f"another process drives study {spec.name!r}; give it more --workers instead, or wait"
    with alone(ws.root / f"tune-{spec.name}.lock", taken):
        study = optuna_study.opened(ws.database, spec)
        _discount(report, catalog, study, spec)
        while True:
            catalog.reclaim(lease.LEASE_SECONDS, lease.driver_is_dead, spec.policies.retries)
            runs = (spec.parallel or spec.trials) * len(spec.seed_list)
            executor = launch.executor_for(workers, spec.policies, runs)
            trials = Trials(catalog, study, spec, record.fingerprint, executor.width, report, notice)
            driver = Driver(ws, catalog, executor, trials, spec.policies)
            said = ("stopping after the next checkpoint (Ctrl-C again: at once)", "stopping at once")
            with graceful_interrupt(driver, said):
                summary = driver.run(trials.attach(), trials.more)
            if summary.interrupted:
                return True
            trials.look()
            while trials.open and not trials.waiting:  # others train the rest
                time.sleep(WAIT_SECONDS)
                catalog.reclaim(lease.LEASE_SECONDS, lease.driver_is_dead, spec.policies.retries)
                trials.look()
            if not trials.open and trials.confirmed:
                return False


def _check(spec: TuneSpec, fingerprint: str, ds: xr.Dataset) -> None:
    """LandlabError where a trial could not be trained on this dataset, or not be judged."""
    first = spec.runs(fingerprint, spec.start(fingerprint), spec.seed_list)[0]
    run.check(first, ds)
    if first.split.kind == "all":
        raise LandlabError(f"study {spec.name}: split 'all' has no dev pixels, by which trials are judged")
    streams = batch.streams_of(ds)
    learned = first.streams or streams
    for key in spec.space:
        field, _, term = key.partition(".")
        stream = first.tables.terms[term].stream if field == "loss_weights" else None
        if stream is not None and stream.name not in learned:
            raise LandlabError(
                f"study {spec.name}: space: {key}: nothing of {stream.name} is learned from dataset "
                f"{spec.dataset}; its streams are {', '.join(learned)}"
            )
    known = [registry.streams()[name] for name in streams]
    observed = tuple(dict.fromkeys(score_name(stream, known) for stream in known))
    for objective in spec.objectives:
        for variable in objective.variables:
            if variable not in observed:
                raise LandlabError(
                    f"study {spec.name}: objectives: dataset {spec.dataset} does not observe {variable!r}; "
                    f"it has {', '.join(observed)}"
                )


def _discount(report: LiveReport, catalog: Catalog, study: optuna.Study, spec: TuneSpec) -> None:
    """Take what a driver before trained out of what the report expects."""
    links = catalog.study(spec.name).trials
    epochs = spec.runs("0" * 16, {}, spec.seed_list)[0].optimizer.epochs
    for trial in study.get_trials(deepcopy=False):
        if trial.state in (TrialState.COMPLETE, TrialState.PRUNED):
            report.expect(-len(spec.seed_list), -len(spec.seed_list) * epochs)
        elif trial.state == TrialState.RUNNING:
            for run_id in links.get(trial.number, ()):
                known = catalog.run(run_id)
                report.expect(-int(known.state == "completed"), -known.epochs)
