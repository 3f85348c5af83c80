"""Fitting of members: by gradients side by side, or by boosting one after the other."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import xarray as xr

from landlab_mgr.models import registry
from landlab_mgr.observations.calendar import Calendar
from landlab_mgr.records import Failed, Progress
from landlab_mgr.training import train
from landlab_mgr.training.checkpoint import Lane


@dataclass(frozen=True)
class Data:
    """A dataset to learn from."""

    ds: xr.Dataset
    """In memory, unless it is streamed."""
    calendar: Calendar
    source: train.Source | None = None
    """Source that gradients learn from: arrays on the device, or a stream."""
    streamed: bool = False


class Fit(Protocol):
    """Fits members to their last epoch, yielding the place of a lane and what became of it."""

    def __call__(
        self, lanes: Sequence[Lane], data: Data, width: int | None, dropped: Callable[[int], bool]
    ) -> Iterator[tuple[int, Progress | Failed]]:
        """Yield epochs as their checkpoints become durable; a lane that diverges ends with Failed."""


class Learner(NamedTuple):
    """Method that fits members of a model.

    Those with gradients train in lanes and go on from a checkpoint.
    """

    fit: Fit
    gradients: bool


def _by_gradients(
    lanes: Sequence[Lane], data: Data, width: int | None, dropped: Callable[[int], bool]
) -> Iterator[tuple[int, Progress | Failed]]:
    assert data.source is not None
    return train.train(lanes, data.source, data.calendar, width, dropped=dropped)


def _by_boosting(
    lanes: Sequence[Lane], data: Data, width: int | None, dropped: Callable[[int], bool]
) -> Iterator[tuple[int, Progress | Failed]]:
    from landlab_mgr.training import boosting  # scikit-learn takes a second to import

    for i, lane in enumerate(lanes):

        def unwanted(i: int = i) -> bool:
            return dropped(i)

        for event in boosting.fit(lane, data.ds, unwanted):
            yield i, event


LEARNERS = {"gradient": Learner(_by_gradients, True), "boosting": Learner(_by_boosting, False)}


def learner_of(model: str) -> Learner:
    """Return the learner of a model; LandlabError where the model is not installed."""
    return LEARNERS[registry.tables(model).learner]
