"""The model as training sees it: one signature for land models and for networks.

Shapes: T steps, N pixels; arrays over both are [T, N], with the pixels contiguous.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array

from landlab_mgr.models.options import NetworkOptions
from landlab_mgr.models.tables import Tables
from landlab_mgr.observations.calendar import Calendar

Number = Array | np.ndarray | np.float32
Params = Any
"""Trainable parameters: a tree of float32 arrays."""
Weather = Any
"""Forcing as a model prepares it, whatever its parameters: a tree of [T, N], [T] and []."""
PREDICTORS = "predictors"
"""Name of the encoded predictors in the scale of a model that standardises them."""


class Forcing(NamedTuple):
    """Forcing of a set of pixels; units as in the dictionary of variables."""

    series: dict[str, Array]
    """[T, N] by name."""
    climatology: dict[str, Array]
    """[N] by name: what the model compares each step with (`Model.climatology`)."""
    latitude: Array
    """[N] degrees north."""
    time_days: Array
    """[T] days since the dataset's origin."""
    doy: Array
    """[T] day of year in the middle of each step."""
    dt: Array
    """[] length of a step, days."""
    record: Array | None = None
    """[T, N] 1 in the record of each pixel, else 0; None: the record covers all steps."""


class Scale(NamedTuple):
    """Mean and standard deviation over a member's training pixels, by name: scalars, [P] of the encoded predictors."""

    mean: dict[str, Number]
    sd: dict[str, Number]


class Inputs(NamedTuple):
    """Inputs of a prediction."""

    weather: Weather
    latitude: Array
    """[N] degrees north."""
    predictors: Array
    """[N, P] encoded predictors, padded with zero columns; of group PLACE, the number of the place."""
    scale: Scale | None = None
    """Of what `Model.standardised` names."""
    targets: Scale | None = None
    """Of the training observations, by variable, where the model learns standardised ones."""


@dataclass(frozen=True)
class Setup:
    """Choices of a specification that a compiled program depends on; hashable."""

    model: str
    network: NetworkOptions
    process: tuple[tuple[str, str], ...] = ()
    """Choice of each kind, by name; sorted."""
    outputs: tuple[str, ...] = ()
    """Variables that a model without fixed outputs learns."""

    @property
    def choices(self) -> dict[str, str]:
        """Choice of each kind of process."""
        return dict(self.process)


class Sizes(NamedTuple):
    """Sizes that the shapes of a network's parameters depend on."""

    forcing: tuple[str, ...]
    """Names of the forcing that it reads."""
    predictors: int
    """Columns of the encoded predictors that hold something."""
    width: int
    """Columns with the padding."""
    places: int = 0
    """Pixels of the dataset, of which a free parameterisation has a vector each."""


class Penalty(NamedTuple):
    """A loss term on the model alone: outputs that it reads, and its value, [N] or [T, N].

    The value is a function of parameters and outputs by name, the weather and the calendar.
    """

    needs: frozenset[str]
    value: Callable[[Mapping[str, Array], Mapping[str, Array], Weather, Calendar], Array]


def _nothing_of_weather(setup: Setup) -> Mapping[str, Callable[[Mapping[str, Any]], Any]]:
    return {}


def _no_climatology(series: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
    return {}


@dataclass(frozen=True, eq=False)
class Model:
    """A model: its tables, and four pure functions.

    `prepare` makes of a forcing what needs no parameters, once per dataset. `initialise` draws parameters from a seed.
    `predict` gives parameters of the process model ([N] or [T, N], {} for a network) and the outputs that are asked
    for ([T, N]), by name; `off` names switches (`Tables.switches`) that are 0 everywhere. `standardised` names
    functions of the forcing and `doy` whose mean and sd over training pixels it reads; `climatology` gives means over
    time [N], in float64, of the climate that parameters were learned in.
    """

    tables: Tables
    prepare: Callable[[Forcing], Weather]
    initialise: Callable[[Setup, int, Sizes], Params]
    predict: Callable[
        [Params, Inputs, Setup, Collection[str], Collection[str]],
        tuple[dict[str, Array], dict[str, Array]],
    ]
    standardised: Callable[[Setup], Mapping[str, Callable[[Mapping[str, Any]], Any]]] = _nothing_of_weather
    climatology: Callable[[Mapping[str, np.ndarray]], Mapping[str, np.ndarray]] = _no_climatology
    penalties: Mapping[str, Penalty] = field(default_factory=dict)
    standardises_forcing: bool = False
    """True where `Inputs.scale` holds every forcing, beside what `standardised` names."""
    standardises_predictors: bool = False
    """True where `Inputs.scale` holds the encoded predictors too, as PREDICTORS."""
    takes_turns: bool = False
    """True where one member keeps a CPU core busy: there lanes take turns, each with the core's cache to itself."""

    def outputs_needed(self, terms: Collection[str]) -> frozenset[str]:
        """Names of the outputs that these loss terms read."""
        needed: set[str] = set()
        for name in terms:
            term = self.tables.terms[name]
            needed |= {term.output} if term.stream else self.penalties[name].needs
        return frozenset(needed)


def bounded(tables: Tables, raw: Mapping[str, Array]) -> dict[str, Array]:
    """Physical parameters from unbounded network outputs: the share arctan(x) / pi + 1/2 of the way between bounds.

    On a logarithmic scale: low (high / low)^share; on a linear one: low + (high - low) share.
    """
    physical = {}
    for name, x in raw.items():
        p = tables.by_name[name]
        share = jnp.arctan(x) / jnp.pi + 0.5
        if p.scale == "log":
            physical[name] = p.low * jnp.exp(jnp.log(p.high / p.low) * share)
        else:
            physical[name] = p.low + (p.high - p.low) * share
    return physical


def make_forcing(
    model: Model,
    series: Mapping[str, np.ndarray],
    latitude: np.ndarray,
    time_days: np.ndarray,
    doy: np.ndarray,
    dt: float,
    dtype: Any,
    record: np.ndarray | None = None,
) -> Forcing:
    """Make the forcing of a model from float64 arrays [T, N] by name.

    It has what the model keeps of the climate.
    """

    def cast(x: Any) -> Array:
        return jnp.asarray(x, dtype)

    return Forcing(
        series={name: cast(x) for name, x in series.items()},
        climatology={name: cast(x) for name, x in model.climatology(series).items()},
        latitude=cast(latitude),
        time_days=cast(time_days),
        doy=cast(doy),
        dt=cast(np.asarray(dt)),
        record=None if record is None else cast(record),
    )
