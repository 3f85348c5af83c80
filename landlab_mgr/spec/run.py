"""Frozen specification of a run, and its identity. JAX-free.

Everything in a `RunSpec` is scientific: two specs that differ are two runs. How a run is executed
(resources, checkpoint interval, executor) is never here.
"""

import difflib
import hashlib
import json
import math
import re
from datetime import date
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    Field,
    FieldSerializationInfo,
    ValidationError,
    ValidationInfo,
    field_serializer,
    field_validator,
    model_validator,
)

from landlab_mgr.errors import LandlabError
from landlab_mgr.models import registry
from landlab_mgr.models.options import PLACE, Frozen, LandNetwork, NetworkOptions, canonical
from landlab_mgr.models.tables import Tables

SCIENCE_VERSION = 1
"""Raised whenever the stored golden run changes; part of every run's identity."""
GROUP_ORDER = ("PFT", "CLIM", "AGE", "SOIL", "CONTROL", "LATLON")
"""Order in which known predictor groups are named; groups of plugins and datasets follow by name."""


class OptimizerSpec(Frozen):
    """Adam over batches of whole patches; `patches_per_batch = 0` means all training patches at once."""

    learning_rate: float = Field(5e-4, gt=0, description="step size of Adam")
    schedule: Literal["constant", "cosine"] = Field(
        "constant",
        description="course of the learning rate over the epochs: as it is, or along half a cosine towards 0 after the "
        "last one",
    )
    epochs: int = Field(199, ge=1, lt=2**31, description="passes over the training patches")
    patches_per_batch: int = Field(1, ge=0, description="whole patches in an update; 0 = all of them")
    weight_decay: float = Field(0.0, ge=0, description="decoupled weight decay, as in AdamW; 0 = none")
    clip_norm: float = Field(
        0.0,
        ge=0,
        description="largest norm of the gradient, of each place's own where parameters are free; 0 = no limit",
    )
    process_rate: float = Field(
        1.0, gt=0, description="factor of the learning rate for what a process learns, which all pixels share"
    )
    keep: Literal["last", "best_dev"] = Field(
        "last", description="epoch whose weights the member has: the last, or the one of the lowest dev loss"
    )

    def rate(self, epoch: int) -> float:
        """Learning rate of an epoch, counted from 1."""
        if self.schedule == "constant":
            return self.learning_rate
        return self.learning_rate * 0.5 * (1 + math.cos(math.pi * (epoch - 1) / self.epochs))


OF_KIND: dict[str, tuple[str, ...]] = {
    "patch": ("dev_fraction",),
    "kfold": ("dev_fraction", "folds", "fold"),
    "region_out": ("dev_fraction", "regions", "box"),
    "years_out": ("dev_fraction", "years", "months", "warmest", "coolest"),
    "years": ("train_until", "train_fraction", "years", "months", "warmest", "coolest"),
    "all": (),
}
"""Kinds of split, and the fields that each reads."""
WITHOUT_DEV = ("all", "years")
"""Kinds of split whose pixels all train."""


class SplitSpec(Frozen):
    """Split of the data: what trains, what develops, what is held out.

    It divides whole patches, months of all pixels, or both.

    A field that its kind does not read must be left out.
    """

    kind: Literal["patch", "kfold", "region_out", "years_out", "years", "all"] = Field(
        "patch",
        description="patch: the dataset's test patches are held out; kfold: one of `folds` parts of all patches; "
        "region_out: patches that touch a region or box; years_out: as patch, and months of every pixel; "
        "years: time alone, every pixel trains and none is dev; all: nothing, every pixel trains",
    )
    dev_fraction: float = Field(
        0.1, gt=0, lt=1, description="share of the patches not held out that the seed draws for dev"
    )
    folds: int = Field(5, ge=2, description="parts of all patches, the same for every seed and setup")
    fold: int | None = Field(None, ge=0, description="which part is the test set, 0 to folds - 1")
    regions: tuple[str, ...] | None = Field(
        None, min_length=1, description="names of the dataset's regions that are the test set"
    )
    box: tuple[float, float, float, float] | None = Field(
        None, description="south, north, west, east in degrees: the test set; west > east crosses 180"
    )
    years: tuple[int, ...] | None = Field(None, min_length=1, description="calendar years held out")
    months: tuple[str, ...] | None = Field(None, min_length=1, description="months held out, as YYYY-MM")
    warmest: int | None = Field(
        None, ge=1, description="how many years to hold out, the warmest of the dataset"
    )
    coolest: int | None = Field(None, ge=1, description="how many years to hold out, the coolest")
    train_until: date | None = Field(None, description="last day that trains, as 2008-12-31; later ones test")
    train_fraction: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="share of each pixel's own record, from its start, that trains; the rest tests",
    )

    @field_validator("regions", "years", "months")
    @classmethod
    def _sorted(cls, values: tuple[Any, ...] | None) -> tuple[Any, ...] | None:
        return None if values is None else tuple(sorted(set(values)))

    @field_validator("months")
    @classmethod
    def _of_the_calendar(cls, months: tuple[str, ...] | None) -> tuple[str, ...] | None:
        for month in months or ():
            if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", month):
                raise ValueError(f"month {month!r}; write it as 2003-07")
        return months

    @field_validator("box")
    @classmethod
    def _on_the_globe(
        cls, box: tuple[float, float, float, float] | None
    ) -> tuple[float, float, float, float] | None:
        if box is not None:
            south, north, west, east = box
            if not (
                -90 <= south < north <= 90 and all(-180 <= x <= 180 for x in (west, east)) and west != east
            ):
                raise ValueError(
                    f"box {list(box)}; give [south, north, west, east]: -90 <= south < north <= 90, "
                    "west and east different and within -180..180"
                )
        return box

    @model_validator(mode="after")
    def _of_its_kind(self) -> "SplitSpec":
        for name, field in type(self).model_fields.items():
            if name != "kind" and name not in OF_KIND[self.kind] and getattr(self, name) != field.default:
                kinds = " or ".join(repr(kind) for kind, read in OF_KIND.items() if name in read)
                raise ValueError(f"`{name}` belongs to kind {kinds}, not to {self.kind!r}: leave it out")
        if self.kind == "kfold" and (self.fold is None or self.fold >= self.folds):
            raise ValueError(f"kind 'kfold' needs `fold`, one of 0 to {self.folds - 1}, not {self.fold}")
        if self.kind == "region_out" and self.regions is None and self.box is None:
            raise ValueError("kind 'region_out' needs `regions` or `box`")
        if self.kind == "years_out" and all(
            getattr(self, name) is None for name in ("years", "months", "warmest", "coolest")
        ):
            raise ValueError("kind 'years_out' needs `years`, `months`, `warmest` or `coolest`")
        if self.kind == "years" and all(getattr(self, name) is None for name in OF_KIND["years"]):
            raise ValueError(
                f"kind 'years' needs one of {', '.join(f'`{name}`' for name in OF_KIND['years'])}"
            )
        return self


class LossSpec(Frozen):
    """Scale of the squared differences from observations."""

    normalise: Literal["none", "variance"] = Field(
        "none",
        description="none: as they are; variance: relative to the sum of squares of each pixel's training observations "
        "around their mean, so that a term is 1 - NSE of each pixel",
    )


class BatchSpec(Frozen):
    """Stretch of time that an update learns from: the whole record, or a window drawn for each batch."""

    window_years: int = Field(
        0, ge=0, description="years of a window, drawn anew for each batch of each epoch; 0: the whole record"
    )
    warmup_years: int = Field(
        1,
        ge=0,
        description="years of a window, from its start, that only fill the stores: nothing is learned there",
    )

    @model_validator(mode="after")
    def _leaves_something(self) -> "BatchSpec":
        if self.window_years and self.warmup_years >= self.window_years:
            raise ValueError(
                f"warmup_years = {self.warmup_years} leaves nothing of window_years = {self.window_years} to learn "
                "from; give a longer window"
            )
        return self


class Seeds(Frozen):
    """The three draws of a member: network initialisation, dev split, order of the batches."""

    init: int = Field(0, ge=0, lt=2**31, description="seed of the network's first weights")
    split: int = Field(0, ge=0, lt=2**31, description="seed of the dev patches")
    shuffle: int = Field(0, ge=0, lt=2**31, description="seed of the order of the batches")


def canonical_groups(groups: tuple[str, ...]) -> tuple[str, ...]:
    """Predictor groups without repetition, in the order in which they are named."""
    rank = {name: i for i, name in enumerate(GROUP_ORDER)}
    return tuple(sorted(set(groups), key=lambda g: (rank.get(g, len(rank)), g)))


def _tables(name: Any) -> Tables:
    """Return the tables of a model.

    Raises:
        ValueError: where there is no model of that name.
    """
    try:
        return registry.tables(str(name))
    except LandlabError as error:
        raise ValueError(str(error)) from None


class RunSpec(Frozen):
    """One member: a setup on a dataset, with its loss weights and seeds."""

    dataset: str = Field(description="fingerprint of the dataset, as `landlab data ls` prints it")
    model: str = Field(registry.DEFAULT, description="name of an installed model")
    model_version: int = Field(1, ge=1, description="of the model; by default the installed one")
    predictors: tuple[str, ...] = Field(min_length=1, description="names of predictor groups")
    streams: tuple[str, ...] | None = Field(
        None, description="observation streams that train; default: all that the dataset has"
    )
    loss_weights: dict[str, float] = Field(default_factory=dict, description="where not the default")
    process: dict[str, Annotated[str, AfterValidator(canonical)]] = Field(
        default_factory=dict,
        description="implementation of swappable processes, where not the default: `name` or `name@version`",
    )
    network: NetworkOptions = Field(
        default_factory=NetworkOptions, validate_default=True, description="options of the model's network"
    )
    loss: LossSpec = LossSpec()
    batch: BatchSpec = BatchSpec()
    optimizer: OptimizerSpec = OptimizerSpec()
    split: SplitSpec = SplitSpec()
    seeds: Seeds = Seeds()
    warmup_months: int = Field(24, ge=0, description="months at the start that metrics skip")
    science_version: int = SCIENCE_VERSION

    @model_validator(mode="before")
    @classmethod
    def _of_its_time(cls, content: Any) -> Any:
        if not isinstance(content, dict) or "model_version" in content:
            return content
        model = content.get("model", registry.DEFAULT)
        if "science_version" not in content:  # asked for now, of the model that is installed
            return content | {"model_version": _tables(model).version}
        # stored before models had versions, with every default: only one model read these
        return content if model == registry.DEFAULT else {k: v for k, v in content.items() if k not in _LATER}

    @field_validator("model")
    @classmethod
    def _installed(cls, model: str) -> str:
        return _tables(model).name

    @field_validator("process")
    @classmethod
    def _only_other_processes(cls, process: dict[str, str], info: ValidationInfo) -> dict[str, str]:
        if "model" not in info.data:
            return process
        kinds = _tables(info.data["model"]).processes
        for kind in process:
            if kind not in kinds:
                known = f"known: {', '.join(kinds)}" if kinds else "it has none"
                raise ValueError(f"model {info.data['model']!r} has no process {kind!r}; {known}")
        return {kind: process[kind] for kind in sorted(process) if process[kind] != kinds[kind].default}

    @field_validator("network", mode="plain")
    @classmethod
    def _of_its_network(cls, network: Any, info: ValidationInfo) -> NetworkOptions:
        if "model" not in info.data:
            return NetworkOptions()
        options = _tables(info.data["model"]).network
        if isinstance(network, NetworkOptions):
            network = network.model_dump(exclude_unset=True)
        return options.model_validate(network)

    @field_serializer("network")
    def _options_of_its_model(self, network: NetworkOptions, info: FieldSerializationInfo) -> dict[str, Any]:
        return network.model_dump(
            mode=info.mode, exclude_unset=info.exclude_unset, exclude_defaults=info.exclude_defaults
        )

    @model_validator(mode="after")
    def _of_its_model(self) -> "RunSpec":
        for name in self.tables.ignores:
            part, _, field = name.partition(".")
            of = getattr(self, part) if field else self
            if getattr(of, field or part) != type(of).model_fields[field or part].get_default(
                call_default_factory=True
            ):
                raise ValueError(f"`{name}` says nothing to model {self.model!r}: leave it out")
        return self

    @model_validator(mode="after")
    def _may_begin_anywhere(self) -> "RunSpec":
        if self.batch.window_years and not self.tables.windows:
            raise ValueError(
                f"batch.window_years = {self.batch.window_years}: model {self.model!r} begins with stocks that it "
                "learns for the first step, so that a window cannot begin elsewhere: leave it out"
            )
        return self

    @model_validator(mode="after")
    def _has_dev_to_keep_by(self) -> "RunSpec":
        if self.optimizer.keep == "best_dev" and self.split.kind in WITHOUT_DEV:
            raise ValueError(
                f"optimizer.keep 'best_dev' needs dev patches, and split.kind {self.split.kind!r} has none: use 'last'"
            )
        return self

    @model_validator(mode="after")
    def _free_by_place(self) -> "RunSpec":
        free = isinstance(self.network, LandNetwork) and self.network.kind == "free"
        if free and (self.predictors != (PLACE,) or self.split.kind not in WITHOUT_DEV):
            raise ValueError(
                f"network.kind 'free' reads no predictors and learns every place: use predictors [{PLACE!r}] and "
                f"split.kind {' or '.join(map(repr, WITHOUT_DEV))}, not {list(self.predictors)} and {self.split.kind!r}"
            )
        if not free and PLACE in self.predictors:
            raise ValueError(f"predictors {PLACE!r} are for network.kind 'free' alone; name other groups")
        return self

    @field_validator("predictors")
    @classmethod
    def _canonical_predictors(cls, groups: tuple[str, ...]) -> tuple[str, ...]:
        return canonical_groups(groups)

    @field_validator("streams")
    @classmethod
    def _canonical_streams(cls, streams: tuple[str, ...] | None) -> tuple[str, ...] | None:
        return None if streams is None else tuple(sorted(set(streams)))

    @field_validator("loss_weights")
    @classmethod
    def _only_differences(cls, weights: dict[str, float], info: ValidationInfo) -> dict[str, float]:
        if "model" not in info.data:
            return weights
        terms = _tables(info.data["model"]).terms
        for name, weight in weights.items():
            if name not in terms:
                raise ValueError(f"unknown loss term {name!r}; known: {', '.join(terms)}")
            if weight < 0:
                raise ValueError(f"loss weight {name} = {weight} is negative")
        return {n: float(weights[n]) for n in sorted(weights) if weights[n] != terms[n].weight}

    @property
    def tables(self) -> Tables:
        """The tables of its model."""
        return registry.tables(self.model)

    @property
    def weights(self) -> dict[str, float]:
        """The weight of every loss term, defaults included."""
        return self.tables.weights | self.loss_weights

    @property
    def processes(self) -> dict[str, str]:
        """The choice of every swappable process, defaults included."""
        return {name: kind.default for name, kind in self.tables.processes.items()} | self.process

    def complete(self, **dump: Any) -> dict[str, Any]:
        """Every field as JSON holds it, the defaults of processes included; arguments as those of `model_dump`."""
        content = self.model_dump(mode="json", **dump)
        return content | {"process": self.processes} if "process" in content else content

    def differing(self, **dump: Any) -> dict[str, Any]:
        """Return what is not the default, as JSON holds it.

        Arguments are those of `model_dump`.
        """
        content = self.model_dump(mode="json", exclude_defaults=True, **dump)
        if not content.get("network"):
            content.pop("network", None)
        return content | {"science_version": self.science_version}

    @property
    def setup(self) -> dict[str, Any]:
        """Return what members of one ensemble share.

        It is all but dataset, loss weights and seeds.
        """
        return self.differing(exclude={"dataset", "loss_weights", "seeds"})

    @property
    def label(self) -> str:
        """The setup's predictor groups, as people write them: PFT+CLIM."""
        return "+".join(self.predictors)

    @property
    def run_id(self) -> str:
        """First 16 hex digits of the SHA-256 of what is scientific.

        Fields equal to their frozen default are omitted, so that a new field changes no old identity;
        `science_version` is always in, since its default moves.
        """
        return identity(self.differing())


def identity(content: Any) -> str:
    """First 16 hex digits of the SHA-256 of canonical JSON (sorted keys, no spaces, ASCII)."""
    return digest(canonical_json(content))


def canonical_json(content: Any) -> str:
    """JSON by which equal contents are equal texts."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)


def digest(text: str) -> str:
    """First 16 hex digits of the SHA-256 of a text."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class PolicySpec(Frozen):
    """Policy by which the runs of a grid are executed.

    None of it is scientific: it changes no run's identity.
    """

    retries: int = Field(3, ge=0, description="how often in a row a run may be lost without a new epoch")
    stall_minutes: float = Field(
        10, gt=0, description="a worker silent for so long, and 20 times the usual, is lost"
    )
    outage_minutes: float = Field(
        10, ge=0, description="how long a driver trains on while the catalog's database is away"
    )
    members: int = Field(1, ge=1, le=1024, description="runs that train side by side in a worker")
    cpus: float = Field(1, gt=0, description="cores of a worker")
    gpus: float | None = Field(
        None, ge=0, description="GPUs of a worker, or a fraction of one; default: one where there are some"
    )
    memory_gb: float = Field(0, ge=0, description="memory that a worker asks of the cluster; 0 = none")

    def changed(self, values: dict[str, Any]) -> "PolicySpec":
        """With some fields set anew; LandlabError names one that may not be."""
        return validated(PolicySpec, self.model_dump() | values, "policies")


_LATER = ("network", "process")
"""Fields that one model alone read before models had versions."""
_Model = TypeVar("_Model", bound=BaseModel)


def validated(model: type[_Model], content: Any, where: str) -> _Model:
    """Validate content as a specification, and return that.

    Raises:
        LandlabError: where the content is none, in one line that names the key.
    """
    try:
        return model.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "specification"
        message = first["msg"].removeprefix("Value error, ")
        if first["type"] == "extra_forbidden":
            known = _fields_at(model, first["loc"][:-1], content)
            near = difflib.get_close_matches(str(first["loc"][-1]), known, 1, 0.7)
            listed = f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"
            message = "unknown key" + (f"; {listed}" if known else "")
        elif isinstance(first["input"], str | int | float):
            message += f", not {first['input']!r}"
        raise LandlabError(f"{where}: {key}: {message}") from None


def _fields_at(model: type[BaseModel], location: tuple[int | str, ...], content: Any) -> list[str]:
    """Field names of the model that a validation error's location points into."""
    current: Any = model
    for part in location:
        field = current.model_fields.get(part) if isinstance(part, str) else None
        if field is None:
            return []
        if current is RunSpec and part == "network":
            current = _tables(content.get("model", registry.DEFAULT)).network
            continue
        if not (isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)):
            return []
        current = field.annotation
    return list(current.model_fields)
