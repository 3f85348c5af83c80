"""Statistical models that stand beside the land model: what weather and statics alone teach of what it learns.

Each learns what is observed month by month at pixels, from the training pixels of its split; it knows no physics and
has no parameters. A run chooses one with `RunSpec.model`.
"""

from collections.abc import Callable, Iterator
from typing import Protocol

import numpy as np
import xarray as xr

from landlab_mgr.data.batch import Member
from landlab_mgr.spec.run import RunSpec
from landlab_mgr.storage.location import Location
from landlab_mgr.training import features
from landlab_mgr.training.train import Committed, Diverged


class Baseline(Protocol):
    """One member of a statistical model on a dataset."""

    @property
    def variables(self) -> tuple[str, ...]:
        """What it predicts."""

    def fit(self, dropped: Callable[[], bool]) -> Iterator[Committed | Diverged]:
        """Learn to the last epoch, yielding epochs as their checkpoints become durable.

        Args:
            dropped: whether nobody wants it any more; asked before every epoch.
        """

    def predict(self, ds: xr.Dataset, pixels: np.ndarray) -> dict[str, np.ndarray]:
        """Monthly predictions [T, N] by variable, float32, once it is trained.

        Args:
            ds: forcing of N pixels of the dataset, in memory.
            pixels: their indices.
        """


def make(
    spec: RunSpec, ds: xr.Dataset, member: Member, directory: Location, resume: Location | None
) -> Baseline:
    """The baseline that a specification asks for; LandlabError where its checkpoint does not fit.

    Args:
        spec: whose `model` is a baseline.
        ds: the dataset, in memory.
        member: its split and statics.
        directory: where checkpoints go.
        resume: checkpoint of an earlier attempt to go on from.
    """
    learned = features.targets(spec, ds, member)
    if spec.model == "gradient_boosting":
        from landlab_mgr.training.boosting import Boosting  # scikit-learn takes a second to import

        return Boosting(spec, ds, member, learned, directory)
    from landlab_mgr.training.lstm import Lstm

    return Lstm(spec, ds, member, learned, directory, resume)
