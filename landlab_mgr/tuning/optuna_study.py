"""Optuna's side of a study: its tables in the catalog's database, samplers and pruners by name."""

import logging
import sqlite3
import warnings
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution
from optuna.pruners import BasePruner, HyperbandPruner, MedianPruner, NopPruner, SuccessiveHalvingPruner
from optuna.samplers import (
    BaseSampler,
    CmaEsSampler,
    GPSampler,
    NSGAIIISampler,
    NSGAIISampler,
    RandomSampler,
    TPESampler,
)
from sqlalchemy.exc import DatabaseError

from landlab_mgr.catalog.session import BUSY_SECONDS, parse_url
from landlab_mgr.errors import LandlabError
from landlab_mgr.spec.study import TuneSpec

STARTUP = 10
"""Trials before a model or a median is trusted."""
POPULATION = 20
REDUCTION = 3
"""Of so many trials a rung of ASHA or Hyperband lets one go on."""
STEPS = 20
"""Times in its training that a trial is looked at."""


def opened(database: str, spec: TuneSpec) -> optuna.Study:
    """Open the study in Optuna's tables, made where it is not there yet."""
    study = optuna.create_study(
        study_name=spec.name,
        storage=_storage(database),
        directions=["maximize"] * len(spec.objectives),
        load_if_exists=True,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        study.set_metric_names([objective.name for objective in spec.objectives])
    return study


def existing(database: str, name: str) -> optuna.Study:
    """Open the study of this name for reading only.

    LandlabError where Optuna has none.
    """
    try:
        return optuna.load_study(study_name=name, storage=_storage(database, read_only=True))
    except KeyError:
        raise LandlabError(f"study {name!r} has no trial yet; `landlab tune FILE` starts it") from None


def sampler(spec: TuneSpec, number: int) -> BaseSampler:
    """Return what draws the trial of this number.

    It draws by the study's seed, so that a restarted study draws what is new.
    """
    seed = int(np.random.SeedSequence([spec.sampler_seed, number]).generate_state(1)[0])
    # TPE and NSGA read the trials' constraints by themselves; CMA-ES has no notion of them
    made: dict[str, type[BaseSampler]] = {
        **{"tpe": TPESampler, "gp": GPSampler, "nsga2": NSGAIISampler, "nsga3": NSGAIIISampler},
        **{"cmaes": CmaEsSampler, "random": RandomSampler},
    }
    options: dict[str, int | bool] = {"seed": seed}
    if spec.sampler == "tpe":
        options |= {"n_startup_trials": STARTUP, "multivariate": len(spec.objectives) == 1}
    elif spec.sampler.startswith("nsga"):
        options["population_size"] = POPULATION
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return made[spec.sampler](**options)


def pruner(spec: TuneSpec, steps: int) -> BasePruner:
    """Return what ends trials early, by their value at steps 1 to `steps`.

    What a third of the training says is little.
    """
    if spec.pruner == "median":
        return MedianPruner(n_startup_trials=STARTUP // 2, n_warmup_steps=steps // 3)
    if spec.pruner == "asha":
        return SuccessiveHalvingPruner(min_resource=max(1, steps // 5), reduction_factor=REDUCTION)
    if spec.pruner == "hyperband":
        return HyperbandPruner(
            min_resource=max(1, steps // 5), max_resource=steps, reduction_factor=REDUCTION
        )
    return NopPruner()


def distributions(spec: TuneSpec) -> dict[str, BaseDistribution]:
    """Return the search space in Optuna's words."""
    return {
        key: IntDistribution(round(low), round(high), log=True)
        if key == "optimizer.epochs"
        else FloatDistribution(low, high, log=True)
        for key, (low, high) in spec.space.items()
    }


class _Connection(sqlite3.Connection):
    """As durable as the catalog's own: a power failure may cost the last commits, and damages nothing."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.execute("PRAGMA synchronous=NORMAL")


class _ReadOnly(_Connection):
    """A connection on which every write fails."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.execute("PRAGMA query_only=ON")


def _storage(database: str, read_only: bool = False) -> optuna.storages.RDBStorage:
    """Optuna's tables; KeyError where they are to be read and are not there."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    url = parse_url(database)
    options: dict[str, object] = {}
    if url.get_backend_name() == "sqlite":
        # what reads and then writes in one transaction fails where another has written in between
        factory = _ReadOnly if read_only else _Connection
        settings = {"timeout": BUSY_SECONDS, "isolation_level": "IMMEDIATE", "factory": factory}
        options["connect_args"] = settings
    elif read_only:
        options["connect_args"] = {"options": "-c default_transaction_read_only=on"}
    try:
        storage = optuna.storages.RDBStorage(
            url.render_as_string(hide_password=False), engine_kwargs=options, skip_table_creation=read_only
        )
    except (DatabaseError, RuntimeError, optuna.exceptions.StorageInternalError) as error:
        reason = str(error.__cause__ or error).strip().splitlines()[0]
        if read_only and ("no such table" in reason or "does not exist" in reason):
            raise KeyError(database) from None
        raise LandlabError(f"Optuna cannot use the catalog's database: {reason}") from error
    logging.getLogger("alembic").setLevel(logging.WARNING)
    return storage
