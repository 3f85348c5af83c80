"""Tables of a model: parameters, forcing, loss terms, outputs, processes. JAX-free.

The catalog, the schema of datasets, importers, analyses, the app and the documentation read nothing else of a model.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from landlab_mgr.models.options import NetworkOptions
from landlab_mgr.models.paper import Paper
from landlab_mgr.observations.steps import Step
from landlab_mgr.observations.streams import Average, Level, Stream
from landlab_mgr.observations.variables import Variable


@dataclass(frozen=True)
class Parameter:
    """One parameter of a process model: its bounds, a typical value, and the network head that predicts it."""

    name: str
    low: float
    high: float
    unit: str
    meaning: str
    typical: float
    head: str = "parameters"
    """Heads are linear layers on one embedding."""
    scale: Literal["log", "linear"] = "log"
    period: float | None = None
    """Distance at which values are the same again (days of the year), in the parameter's unit."""

    def share(self, value: float) -> float:
        """Share of the way from the lower to the upper bound, on the parameter's scale."""
        if self.scale == "log":
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def unbounded(self, value: float) -> float:
        """Return the network output that becomes this value, inside the bounds."""
        return math.tan(math.pi * (self.share(value) - 0.5))


@dataclass(frozen=True)
class Derived:
    """A quantity that ecologists read off the parameters; `compute` maps named arrays to an array."""

    name: str
    unit: str
    meaning: str
    compute: Callable[[Mapping[str, Any]], Any]


@dataclass(frozen=True)
class LossTerm:
    """One term of the loss: weight * (output - observation)^2 * the observation's own weight, summed.

    `stream` None marks a penalty on the model alone. `average` says over what both are averaged first, by default what
    the stream is a mean of; `output` names the model's output, by default the stream's variable.
    """

    name: str
    weight: float
    stream: Stream | None = None
    average: Average = "step"
    output: str = ""

    @property
    def variable(self) -> str | None:
        """Observed variable; None for a penalty."""
        return self.stream.variable if self.stream else None

    @property
    def level(self) -> Level:
        """Level of comparison: pixels, or means of patches."""
        return self.stream.level if self.stream else "pixel"


def compared(
    stream: Stream, weight: float, name: str = "", average: Average | None = None, output: str = ""
) -> LossTerm:
    """Make the term that compares a model with a stream.

    It is named after the stream unless told otherwise.
    """
    return LossTerm(name or stream.name, weight, stream, average or stream.average, output or stream.variable)


@dataclass(frozen=True)
class Collapse:
    """Condition under which a pixel of a trained member is dead.

    Nothing is modelled there where something is observed.
    """

    stream: Stream
    observed_above: float
    """Mean of the observations above which a pixel counts."""
    dead: Callable[[Any, Mapping[str, Any]], Any]
    """Of the modelled mean and the parameters, [N] each: which pixels are dead."""
    meaning: str
    """Of what a dead pixel has none, as messages say it."""

    @property
    def metric(self) -> tuple[str, str, str, str]:
        """The metric that holds the share of dead training pixels: split, variable, statistic, level."""
        return ("train", self.stream.variable, "collapsed", "spatial")


@dataclass(frozen=True)
class Kind:
    """A process that can be swapped: implementations by name, each given as `module:attribute`.

    Installed packages offer more under the entry-point group `plugins`.
    """

    name: str
    default: str
    meaning: str
    implementations: Mapping[str, str]
    plugins: str
    reads: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Forcing of the model's `optional_forcing` that an implementation reads, by name."""


@dataclass(frozen=True, eq=False)
class Tables:
    """Everything about a model that needs no arrays.

    `implementation` names its `models.model.Model`, as `module:attribute`.
    """

    name: str
    summary: str
    implementation: str
    label: str = ""
    """Name in figures and tables; `name` where empty."""
    version: int = 1
    """Part of a run's identity where it is not 1: raise it whenever the same run trains to other numbers."""
    opens: tuple[int, ...] = ()
    """Earlier versions whose trained members predict as they did; they cannot go on training."""
    learner: Literal["gradient", "boosting"] = "gradient"
    parameters: tuple[Parameter, ...] = ()
    latitude_heads: tuple[str, ...] = ()
    """Heads of the network that read the latitude beside the embedding."""
    derived: tuple[Derived, ...] = ()
    forcing: tuple[str, ...] | None = ()
    """Names of the forcing that it reads; None: whatever the dataset has."""
    optional_forcing: tuple[str, ...] = ()
    """Names of forcing that some of its processes read, and that a dataset may lack otherwise."""
    switches: tuple[str, ...] = ()
    """Forcing without which part of the model does nothing, so that it is left out where it is 0 everywhere."""
    terms: Mapping[str, LossTerm] = field(default_factory=dict)
    by_variance: bool = False
    """True where a term is the mean squared error of standardised observations: of each batch's own in an update."""
    outputs: tuple[Variable, ...] = ()
    """Outputs for files of predictions, in the order of tables; () where these are what it learned."""
    pools: tuple[str, ...] = ()
    """Outputs that are stocks."""
    always: tuple[str, ...] = ()
    """Outputs that every run keeps, observed or not."""
    processes: Mapping[str, Kind] = field(default_factory=dict)
    collapse: Collapse | None = None
    """Sign of a member that cannot recover, as no gradient is left."""
    network: type[NetworkOptions] = NetworkOptions
    ignores: tuple[str, ...] = ()
    """Fields of a run's specification that it does not read, and that must therefore be left out."""
    optimizer: Mapping[str, float] = field(default_factory=dict)
    """Optimizer fields of a grid file that gives none, where the general defaults do not suit the model."""
    steps: tuple[Step, ...] = ("month",)
    windows: bool = False
    """True where a run may begin at any step, since its stores fill in a warm-up: it may learn from windows."""
    forcing_variables: tuple[Variable, ...] = ()
    """Forcing that the dictionary of variables lacks."""
    references: str = ""
    """Papers, as a file of predictions cites them."""
    title: str = ""
    """Title in files of predictions, before "of SETUP"."""
    subject: str = "monthly land carbon and water"
    """Subject of its predictions."""
    comment: str = ""
    """Comment in files of predictions."""
    notes: Mapping[str, Any] = field(default_factory=dict)
    """Defaults of single analyses, by name: lists of parameters, and the like."""
    paper: Paper | None = None
    """Paper whose figures and tables `landlab reproduce paper` makes."""

    def __post_init__(self) -> None:
        if not self.label:
            object.__setattr__(self, "label", self.name)
        for term in self.terms.values() if self.windows else ():
            if term.average != "step":
                raise ValueError(
                    f"model {self.name!r}: term {term.name!r} is a mean over the {term.average}, which no window "
                    "covers: leave out `windows`, or the term"
                )

    @property
    def by_name(self) -> Mapping[str, Parameter]:
        """Parameters by name."""
        return {p.name: p for p in self.parameters}

    @property
    def heads(self) -> tuple[str, ...]:
        """Heads of the network, in the order in which parameters name them first."""
        return tuple(dict.fromkeys(p.head for p in self.parameters))

    def names_of(self, head: str) -> tuple[str, ...]:
        """Names of the parameters that a head predicts, in table order."""
        return tuple(p.name for p in self.parameters if p.head == head)

    @property
    def weights(self) -> dict[str, float]:
        """Default weight of every loss term."""
        return {name: term.weight for name, term in self.terms.items()}

    @property
    def modelled(self) -> dict[str, str]:
        """Output that is compared with each stream, by stream."""
        return {t.stream.name: t.output for t in self.terms.values() if t.stream and t.name == t.stream.name}
