"""Options of models: what a run may ask of the network that a model trains. JAX-free."""

import re
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, Field, ValidationInfo, field_validator, model_validator


class Frozen(BaseModel, frozen=True, extra="forbid", allow_inf_nan=False):
    """Read once, never changed; an unknown field is a mistake, and so is `true` for a number."""

    @field_validator("*", mode="before")
    @classmethod
    def _no_truth_for_numbers(cls, value: Any, info: ValidationInfo) -> Any:
        allowed = cls.model_fields[str(info.field_name)].annotation
        inside = value if isinstance(value, list | tuple) else [value]
        if isinstance(value, dict) and get_origin(allowed) is dict:
            inside = list(value.values())
        if any(isinstance(x, bool) for x in inside) and not _allows_truth(allowed):
            raise ValueError(f"must be no {str(next(x for x in inside if isinstance(x, bool))).lower()}")
        return value


def _allows_truth(annotation: Any) -> bool:
    """Check whether true or false is among the values of a type."""
    return annotation in (bool, Any, True, False) or any(_allows_truth(a) for a in get_args(annotation))


def name_and_version(choice: str) -> tuple[str, int]:
    """Parts of `name` (its version 1) or `name@version`; ValueError where it is neither."""
    match = re.fullmatch(r"([^@\s]+)(?:@([1-9][0-9]*))?", choice)
    if match is None:
        raise ValueError("must be a name, or name@version with a version of 1 or more")
    return match[1], int(match[2] or 1)


def canonical(choice: str) -> str:
    """Return a choice as it is stored: `name` for its version 1."""
    name, version = name_and_version(choice)
    return name if version == 1 else f"{name}@{version}"


class NetworkOptions(Frozen):
    """Options of a model's network; each model has a class of its own, every field with a default."""


PLACE = "PLACE"
"""Predictor group of local calibration: which place of the dataset a pixel is, and nothing else."""

_OF_KIND = {
    "static": ("hidden", "negative_slope", "head_scale", "head_bias", "latitude"),
    "free": ("spread",),
}
"""Kinds of parameterisation of a land model, and the options that each reads."""


class LandNetwork(NetworkOptions):
    """Parameters of a land model: a network of the predictors, or a free vector for each place.

    An option that its kind does not read must be left out.
    """

    kind: Literal["static", "free"] = Field(
        "static",
        description="static: a network gives them from the predictors; free: each place has its own, and learned "
        "processes of its own, for local calibration with the one predictor group PLACE",
    )
    hidden: tuple[int, ...] = Field((32, 32, 32), description="widths of the hidden layers")
    negative_slope: float = Field(0.01, ge=0, le=1, description="slope of the leaky ReLU below 0")
    head_scale: float = Field(
        1.0, gt=0, le=1, description="factor of the heads' initial weights: small, and pixels start alike"
    )
    head_bias: Literal["ones", "typical"] = Field(
        "ones", description="where the heads' biases start: at one, or at the parameters' typical values"
    )
    spread: float = Field(
        0.5,
        ge=0,
        le=1,
        description="share of the way between bounds over which members start, around the typical values",
    )
    latitude: Literal["raw", "standardised"] = Field(
        "raw",
        description="how sigmoid(latitude) enters the heads that read it: as it is, or standardised over the training "
        "pixels as published",
    )

    @field_validator("hidden")
    @classmethod
    def _widths(cls, hidden: tuple[int, ...]) -> tuple[int, ...]:
        if not hidden or min(hidden) < 1:
            raise ValueError("needs at least one hidden layer, each at least 1 wide")
        return hidden

    @model_validator(mode="after")
    def _of_its_kind(self) -> "LandNetwork":
        for kind, names in _OF_KIND.items():
            for name in names if kind != self.kind else ():
                if getattr(self, name) != type(self).model_fields[name].default:
                    raise ValueError(f"`{name}` belongs to kind {kind!r}, not to {self.kind!r}: leave it out")
        return self


class LstmNetwork(NetworkOptions):
    """The LSTM: width of its hidden state."""

    hidden: int = Field(64, ge=1, description="width of the hidden state")
