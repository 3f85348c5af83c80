"""Specification of a tuning study. JAX-free.

It has the search space, the objective on dev, and the seeds that all its trials share.
"""

from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from landlab_mgr.errors import LandlabError
from landlab_mgr.models import registry
from landlab_mgr.spec import axes
from landlab_mgr.spec.run import Frozen, PolicySpec, RunSpec, validated
from landlab_mgr.storage.location import read_toml

WEIGHT = "loss_weights."
OPTIMIZER = ("learning_rate", "weight_decay", "clip_norm", "epochs")
"""Fields of the optimiser that a study may search."""
MULTI_OBJECTIVE = ("tpe", "gp", "nsga2", "nsga3", "random")
EXECUTION = ("trials", "hours", "parallel", "fresh_seeds", "policies")
"""Fields that say how much of a study is done and how: they may change while it goes on."""
DIGITS = 6
"""Significant digits of a drawn number: what a run's identity and a promoted weight are made of."""


class Objective(Frozen):
    """The mean of NNSE = 1 / (2 - NSE) on dev over some observed variables and over a trial's seeds; 1 is perfect."""

    variables: tuple[str, ...] = Field((), description="default: all that the dataset observes")
    level: Literal["flat", "spatial", "temporal"] = Field(
        "flat", description="over all months and places, of the places' means, or of each place over time"
    )

    @property
    def name(self) -> str:
        """As tables show it."""
        variables = "+".join(self.variables) or "all variables"
        return f"NNSE of {variables}" + ("" if self.level == "flat" else f" ({self.level})")


class TuneSpec(Frozen):
    """A study: trials of one setup, each with the same seeds, that differ in the numbers that `space` spans."""

    name: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", description="letters, digits, '_', '.' and '-'"
    )
    dataset: str = Field(description="name or fingerprint of a published dataset")
    predictors: tuple[str, ...] = Field(min_length=1, description="names of predictor groups")
    space: dict[str, tuple[float, float]] = Field(
        description="low and high of each number, drawn log-uniformly: loss_weights.TERM as a multiple of the weight "
        "that [base] or the default gives the term; optimizer.learning_rate and others as they are"
    )
    seeds: int | tuple[int, ...] = Field(1, description="of every trial: how many (0..n-1), or which")
    objectives: tuple[Objective, ...] = Field(
        (Objective(),), min_length=1, description="what is maximised; several make a Pareto front"
    )
    sampler: Literal["tpe", "gp", "nsga2", "nsga3", "cmaes", "random"] = Field(
        "tpe", description="tpe, gp (needs PyTorch), nsga2, nsga3, cmaes or random, as in Optuna"
    )
    sampler_seed: int = Field(0, ge=0, lt=2**31, description="seed of the sampler")
    pruner: Literal["none", "median", "asha", "hyperband"] = Field(
        "none", description="none, median, asha or hyperband: ends poor trials early; for one objective"
    )
    collapsed_share: float = Field(
        0.05,
        ge=0,
        le=1,
        description="a trial of which a member has a larger share of dead pixels is no solution",
    )
    base: dict[str, Any] = Field(default_factory=dict, description="fields of the run specification: trial 0")
    trials: int = Field(60, ge=1, description="that end with a value or pruned")
    hours: float | None = Field(None, gt=0, description="start no trial later than this after the first one")
    parallel: int | None = Field(
        None, ge=1, description="trials at once; default: as many as keep the workers busy"
    )
    fresh_seeds: int = Field(
        10, ge=0, description="seeds that no trial saw, over which the best is compared with trial 0"
    )
    policies: PolicySpec = PolicySpec()

    @field_validator("space", mode="before")
    @classmethod
    def _dotted(cls, tables: Any) -> Any:
        try:
            return axes.flattened(tables) if isinstance(tables, dict) else tables
        except ValueError:
            raise ValueError("every number needs its range, such as loss_weights.TERM = [0.1, 10]") from None

    @field_validator("space")
    @classmethod
    def _known(cls, space: dict[str, tuple[float, float]]) -> dict[str, tuple[float, float]]:
        if not space:
            raise ValueError(
                "is empty: name at least one number to search, such as loss_weights.TERM = [0.1, 10]"
            )
        for key, (low, high) in space.items():
            _check_name(key)
            if not 0 < low < high:
                raise ValueError(f"{key} = [{low:g}, {high:g}]: give a low above 0 and a higher high")
            if key == "optimizer.epochs" and low < 1:
                raise ValueError(f"{key} = [{low:g}, {high:g}]: a run has at least 1 epoch")
        return {key: space[key] for key in sorted(space)}

    @model_validator(mode="after")
    def _consistent(self) -> "TuneSpec":
        if not self.seed_list:
            raise ValueError("no seeds: give how many, or a list of them")
        for field in ("dataset", "predictors", "seeds"):
            if field in self.base:
                raise ValueError(f"`{field}` belongs to the study, not to [base]")
        if len(self.objectives) > 1:
            if self.pruner != "none":
                raise ValueError(f"several objectives cannot prune: leave out pruner = {self.pruner!r}")
            if self.sampler not in MULTI_OBJECTIVE:
                raise ValueError(
                    f"sampler {self.sampler!r} has one objective; allowed for several: {', '.join(MULTI_OBJECTIVE)}"
                )
        if len(set(self.objectives)) < len(self.objectives):
            raise ValueError("an objective is given twice: leave one of them")
        return self

    @property
    def seed_list(self) -> tuple[int, ...]:
        """The seeds of every trial, sorted and without repetition."""
        return tuple(range(self.seeds)) if isinstance(self.seeds, int) else tuple(sorted(set(self.seeds)))

    @property
    def fresh(self) -> tuple[int, ...]:
        """Seeds after those of the trials."""
        first = self.seed_list[-1] + 1
        return tuple(range(first, first + self.fresh_seeds))

    @property
    def asked(self) -> dict[str, Any]:
        """Return what makes it this study and no other.

        It is all but how much of the study is done, and how.
        """
        return self.model_dump(mode="json", exclude=set(EXECUTION))

    @property
    def settings(self) -> dict[str, Any]:
        """Return how much of the study is done and how, as JSON holds it."""
        return self.model_dump(mode="json", include=set(EXECUTION))

    def runs(self, fingerprint: str, numbers: dict[str, float], seeds: tuple[int, ...]) -> list[RunSpec]:
        """Return the members of a trial that drew these numbers, one per seed.

        Raises:
            LandlabError: where base is no run's.
        """
        start = self._run(fingerprint, self.base, seeds[0])
        weights = dict(start.loss_weights)
        optimizer = start.optimizer.model_dump()
        as_started = self.start(fingerprint)
        for key, number in numbers.items():
            field, _, name = key.partition(".")
            if number == as_started[key]:
                continue
            if field == "optimizer":
                optimizer[name] = round(number) if name == "epochs" else _rounded(number)
            else:
                weights[name] = _rounded(start.weights[name] * number)
        fields = self.base | {"loss_weights": weights, "optimizer": optimizer}
        return [self._run(fingerprint, fields, seed) for seed in seeds]

    def start(self, fingerprint: str = "0" * 16) -> dict[str, float]:
        """Trial 0's numbers: what base or the defaults say. LandlabError where they lie outside the space."""
        spec = self._run(fingerprint, self.base, self.seed_list[0])
        numbers = {}
        for key, (low, high) in self.space.items():
            field, _, name = key.partition(".")
            if field != "optimizer" and name not in spec.weights:
                raise LandlabError(
                    f"study {self.name}: space: {key}: model {spec.model!r} has no such loss term; it has "
                    f"{', '.join(spec.weights)}"
                )
            value = getattr(spec.optimizer, name) if field == "optimizer" else 1.0
            if not low <= value <= high:
                raise LandlabError(
                    f"study {self.name}: space: {key} = [{low:g}, {high:g}] leaves out {value:g}, where trial 0 starts"
                    + (
                        "; a range of multiples of the weight holds 1"
                        if field != "optimizer"
                        else "; see [base]"
                    )
                )
            if field != "optimizer" and not spec.weights[name]:
                raise LandlabError(f"study {self.name}: space: {key}: [base] sets this weight to 0")
            numbers[key] = value
        return numbers

    def _run(self, fingerprint: str, fields: dict[str, Any], seed: int) -> RunSpec:
        own = {
            "dataset": fingerprint,
            "predictors": self.predictors,
            "seeds": {"init": seed, "split": seed, "shuffle": seed},
        }
        return validated(RunSpec, fields | own, f"study {self.name}: base")


def load_study(path: str | Path) -> TuneSpec:
    """Read a study from a TOML file; every mistake is one line that names the key."""
    path = Path(path)
    content = read_toml(path, f"no study file {path}; the bundled ones are experiments/tune_*.toml")
    spec = validated(TuneSpec, content, str(path))
    spec.start()
    if spec.sampler == "gp" and find_spec("torch") is None:
        raise LandlabError(f"{path}: sampler 'gp' needs PyTorch: pip install torch, or use sampler = 'tpe'")
    return spec


def _check_name(key: str) -> None:
    field, _, name = key.partition(".")
    if field == "loss_weights":
        if name not in registry.terms():  # of any model; `start` asks the study's own
            raise ValueError(f"unknown loss term {name!r}; known: {', '.join(registry.terms())}")
    elif field != "optimizer" or name not in OPTIMIZER:
        raise ValueError(
            f"{key} cannot be searched; allowed: loss_weights.TERM, {', '.join(f'optimizer.{n}' for n in OPTIMIZER)}"
        )


def _rounded(number: float) -> float:
    return float(f"{number:.{DIGITS}g}")
