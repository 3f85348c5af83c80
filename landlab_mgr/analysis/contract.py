"""The contract of an analysis: name, options, needs, compute, table, figure. JAX-free, and without a catalog."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Self

import pandas as pd
import xarray as xr
from pydantic import BaseModel, ConfigDict

from landlab_mgr.models.tables import Tables
from landlab_mgr.records import CHECKPOINT

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Options(BaseModel):
    """Options of one analysis: a frozen model, every field with a default."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def filled(self, models: Sequence[Tables]) -> Self:
        """Fill what is left empty from the tables of the runs' models.

        Filling again changes nothing.
        """
        return self


@dataclass(frozen=True)
class Needs:
    """Metrics and files that `load` reads for one analysis.

    Args:
        splits: splits whose skill is read; held-back ones (test, withheld) are counted in the catalog.
        level: level of the metrics in `metric`; "" for no metrics.
        files: kinds of the runs' files, each with the variables that are read; () for all of them.
        checkpoints: whether the coordinate `checkpoint` holds the path of each run's checkpoint.
        dataset: when the variables of the runs' dataset are there.
        if_kept: likewise, of files that runs of older versions lack: none is read where any run has none; they are no
            part of the evidence, since the metrics stand for them.
        hashed: whether the content of the files is part of the evidence; False where the metrics stand for it.
    """

    splits: tuple[str, ...] = ()
    level: str = ""
    files: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    checkpoints: bool = False
    dataset: Literal["always", "if synthetic", "if readable", "never"] = "always"
    hashed: bool = True
    if_kept: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def evidence(self) -> tuple[str, ...]:
        """Kinds of files whose hashes identify the result."""
        return (*self.files, *([CHECKPOINT] if self.checkpoints else [])) if self.hashed else ()


def no_check(ds: xr.Dataset, options: Any) -> None:
    """Refuse nothing."""


@dataclass(frozen=True)
class Analysis:
    """One analysis. A module of this package calls it ANALYSIS; another package names it as an entry point.

    Args:
        name: as `landlab analyse NAME` takes it.
        summary: one line about what it answers.
        options: model of its options; the functions below get an instance.
        needs: what `load` reads for these options.
        compute: the result, from what `load` gives and the options alone.
        table: the result for people, a few columns.
        figure: the result as a picture, from the result alone.
        check: LandlabError for runs that cannot be analysed, from the runs and the dataset: it is called before
            held-back splits are counted and files are opened.
    """

    name: str
    summary: str
    options: type[Options]
    needs: Callable[[Any], Needs]
    compute: Callable[[xr.Dataset, Any], xr.Dataset]
    table: Callable[[xr.Dataset], pd.DataFrame]
    figure: "Callable[[xr.Dataset], Figure]"
    check: Callable[[xr.Dataset, Any], None] = no_check
