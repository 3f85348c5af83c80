"""Options of models: what a run may ask of the network that a model trains. JAX-free."""

import re
from typing import Literal

from pydantic import BaseModel, Field, field_validator


class Frozen(BaseModel, frozen=True, extra="forbid", allow_inf_nan=False):
    """Read once, never changed; an unknown field is a mistake."""


def name_and_version(choice: str) -> tuple[str, int]:
    """Parts of `name` (its version 1) or `name@version`; ValueError where it is neither."""
    match = re.fullmatch(r"([^@\s]+)(?:@([1-9][0-9]*))?", choice)
    if match is None:
        raise ValueError("must be a name, or name@version with a version of 1 or more")
    return match[1], int(match[2] or 1)


def canonical(choice: str) -> str:
    """A choice as it is stored: `name` for its version 1."""
    name, version = name_and_version(choice)
    return name if version == 1 else f"{name}@{version}"


class NetworkOptions(Frozen):
    """Options of a model's network; each model has a class of its own, every field with a default."""


class StaticNetwork(NetworkOptions):
    """The spatialization network: hidden layer widths, the slope of the leaky ReLU's negative side, and its start."""

    hidden: tuple[int, ...] = Field((32, 32, 32), description="widths of the hidden layers")
    negative_slope: float = Field(0.01, ge=0, le=1, description="slope of the leaky ReLU below 0")
    head_scale: float = Field(
        1.0, gt=0, le=1, description="factor of the heads' initial weights: small, and pixels start alike"
    )
    head_bias: Literal["ones", "typical"] = Field(
        "ones", description="where the heads' biases start: at one, or at the parameters' typical values"
    )

    @field_validator("hidden")
    @classmethod
    def _widths(cls, hidden: tuple[int, ...]) -> tuple[int, ...]:
        if not hidden or min(hidden) < 1:
            raise ValueError("needs at least one hidden layer, each at least 1 wide")
        return hidden


class LstmNetwork(NetworkOptions):
    """The LSTM: width of its hidden state."""

    hidden: int = Field(64, ge=1, description="width of the hidden state")
