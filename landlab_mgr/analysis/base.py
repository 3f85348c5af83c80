"""What an analysis is: a name, typed options, what it computes from an ensemble, and how that is shown. JAX-free."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd
import xarray as xr
from pydantic import BaseModel, ConfigDict

from landlab_mgr.catalog import Catalog
from landlab_mgr.catalog.compare import flattened
from landlab_mgr.catalog.filter import held_back
from landlab_mgr.data import store
from landlab_mgr.errors import LandlabError
from landlab_mgr.records import SEEN, ArtifactRecord
from landlab_mgr.storage import artifacts
from landlab_mgr.storage.location import Location
from landlab_mgr.workspace.workspace import Workspace

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Options(BaseModel):
    """Options of one analysis: each analysis has a frozen model of its own, every field with a default."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


@dataclass(frozen=True)
class Ensemble:
    """The completed runs that an analysis is about; `filter` finds them again, `runs` is as `Catalog.runs` gives it."""

    workspace: Workspace
    catalog: Catalog
    filter: str
    runs: pd.DataFrame

    @classmethod
    def select(
        cls, workspace: Workspace, catalog: Catalog, filter: str = "", grid: str | None = None
    ) -> "Ensemble":
        """Completed runs that the filter holds for and the grid has, where given; LandlabError where there is none."""
        held_back(filter)  # a GrammarError points into what was given
        if grid is not None:
            of_grid = f"grid = '{catalog.grid(grid).name}'"
            filter = f"({filter}) and {of_grid}" if filter else of_grid
        runs = catalog.runs(completed(filter))
        if runs.empty:
            of = f" for {filter}" if filter else ""
            raise LandlabError(
                f"no completed run{of}; `landlab ls` shows what there is, `landlab run` trains"
            )
        return cls(workspace, catalog, filter, runs)

    @property
    def run_ids(self) -> list[str]:
        """Ids in order of registration."""
        return list(self.runs["run_id"])

    @property
    def synthetic(self) -> bool:
        """Whether any run learned from synthetic data."""
        kinds = {d.name: d.kind for d in self.catalog.datasets()}
        return any(kinds[name] == "synthetic" for name in set(self.runs["dataset"]))

    def metrics(self, splits: Sequence[str], level: str = "flat") -> xr.DataArray:
        """Metrics [run, split, variable, statistic] of every run; NaN where it lacks one."""
        return self.catalog.metrics_array(completed(self.filter), splits, level).reindex(run=self.run_ids)

    def look(self, splits: Sequence[str]) -> None:
        """Count that files are read for the skill on held-back splits, as reading their metrics would be counted.

        LandlabError where it cannot be: the catalog is open for reading only.
        """
        for split in set(splits) - {*SEEN}:
            self.catalog.metrics_of(completed(self.filter), split, "", "")

    def files(self, kind: str) -> Iterator[xr.Dataset]:
        """The file of a kind of every run, in their order, as it was catalogued; LandlabError where it is not."""
        for path in self.paths(kind):
            yield artifacts.read(path)

    def paths(self, kind: str) -> Iterator[Location]:
        """Where the file of a kind of every run is, which is as catalogued; LandlabError where it is not."""
        for run_id in self.run_ids:
            known = self.catalog.artifacts(run_id).set_index("kind")
            if kind not in known.index:
                model = self.catalog.specs([run_id])[run_id].model
                way_out = "`landlab doctor` says what to do"
                if model != "dalec":
                    way_out = f"model {model} leaves none: add setup.model = 'dalec' to the filter"
                raise LandlabError(f"run {run_id} has no file {kind!r}; {way_out}")
            row = known.loc[kind]
            path = self.workspace.path(row["path"])
            if not artifacts.intact(
                ArtifactRecord(kind, row["path"], row["sha256"], int(row["bytes"])), path
            ):
                raise LandlabError(
                    f"{path} of run {run_id} is missing or altered; `landlab doctor --deep` says what to do"
                )
            yield path

    def one_setup(self) -> str:
        """What the setup of all runs is called; LandlabError where there are several."""
        setups = list(dict.fromkeys(self.setups()))
        if len(setups) > 1:
            more = ", ..." if len(setups) > 3 else ""
            raise LandlabError(
                f"the runs are of {len(setups)} setups ({', '.join(setups[:3])}{more}), and this is about one: give a "
                f"filter such as \"setup.groups = '{self.runs['label'].iloc[0]}'\""
            )
        return setups[0]

    def dataset(self) -> xr.Dataset:
        """The dataset of all runs, what is large read when used; LandlabError where there are several."""
        names = sorted(set(self.runs["dataset"]))
        if len(names) > 1:
            raise LandlabError(
                f"the runs are of several datasets ({', '.join(names)}); give a filter: dataset = '...'"
            )
        return store.open_dataset(self.workspace.path(self.catalog.dataset(names[0]).url))

    def setups(self) -> list[str]:
        """What each run's setup is called: its predictor groups, and the settings in which the ensemble varies."""
        specs = self.catalog.specs(self.run_ids)
        settings = []
        for run_id, dataset in zip(self.run_ids, self.runs["dataset"], strict=True):
            content = specs[run_id].model_dump(mode="json", exclude={"predictors", "seeds"})
            settings.append(flattened(content | {"dataset": dataset}))
        fields = dict.fromkeys(field for s in settings for field in s)
        varying = [f for f in fields if len({json.dumps(s.get(f)) for s in settings}) > 1]
        names = []
        for label, s in zip(self.runs["label"], settings, strict=True):
            differs = [f"{f.rpartition('.')[2]} {_text(s[f])}" for f in varying if s.get(f) is not None]
            names.append(", ".join([label, *differs]))
        return names


def completed(filter: str) -> str:
    """The filter, for completed runs only."""
    return f"({filter}) and status = 'completed'" if filter else "status = 'completed'"


def _text(value: Any) -> str:
    return "+".join(map(str, value)) if isinstance(value, list) else str(value)


@dataclass(frozen=True)
class Analysis:
    """One analysis; a module of this package makes one and calls it ANALYSIS.

    Args:
        name: as `landlab analyse NAME` takes it.
        summary: one line about what it answers.
        options: the model of its options; the functions below get an instance.
        splits: whose metrics it reads.
        compute: the result, which depends on nothing else.
        table: the result for people, a few columns.
        figure: the result as a picture, from the dataset alone.
        kinds: of which kinds of the runs' files it reads.
    """

    name: str
    summary: str
    options: type[Options]
    splits: Callable[[Any], tuple[str, ...]]
    compute: Callable[[Ensemble, Any], xr.Dataset]
    table: Callable[[xr.Dataset], pd.DataFrame]
    figure: "Callable[[xr.Dataset], Figure]"
    kinds: tuple[str, ...] = ()
