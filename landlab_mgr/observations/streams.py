"""Observation streams: what is observed, at which resolution in space and time. JAX-free."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Level = Literal["pixel", "patch"]
Average = Literal["step", "year", "run", "anomaly"]


@dataclass(frozen=True)
class Stream:
    """Observations of one variable; `level` and `average` say what one value of them is the mean of.

    `average`: a step of the dataset (month, day), a year, the whole run, or a step less the mean over the run.
    """

    name: str
    variable: str
    level: Level = "pixel"
    average: Average = "step"
    tower: bool = False
    """True where eddy-covariance towers observe it."""
    whole_patches: bool = False
    """True where inversions or gravity see a patch as a whole, so that a part of it is not observed."""


def _by_name(*streams: Stream) -> Mapping[str, Stream]:
    return {s.name: s for s in streams}


STREAMS = _by_name(
    Stream("sif", "sif"),
    Stream("lai", "lai"),
    Stream("biomass", "biomass", average="year"),
    Stream("som", "som", average="run"),
    Stream("nbe", "nbe", level="patch", whole_patches=True),
    Stream("fire", "fire", level="patch"),
    Stream("ewt", "ewt", level="patch", average="anomaly", whole_patches=True),
    Stream("vod", "vod", average="year"),
    Stream("gpp_fluxnet", "gpp", tower=True),
    Stream("reco_fluxnet", "reco", tower=True),
    Stream("et_fluxnet", "et", tower=True),
    Stream("et_gleam", "et"),
    Stream("nee_site", "nee", tower=True),
    Stream("discharge", "discharge"),
)
"""Streams that are known by name, in the order of tables; models of other packages add theirs."""

_SUFFIX = {"weight": "_weight", "withheld": "_withheld"}
"""Endings of the names of a stream's weights, and of its months that are kept for scores."""


def stream_variable(stream: str, role: str = "observation") -> str:
    """Name of a stream's variable in a role: observation, weight or withheld."""
    return stream + _SUFFIX.get(role, "")


def stream_of(name: str) -> str:
    """Return the observation stream that a weight or withheld variable belongs to.

    A stream belongs to itself.
    """
    return name.removesuffix(_SUFFIX["weight"]).removesuffix(_SUFFIX["withheld"])
