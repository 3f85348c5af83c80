"""The completed runs that an analysis is about, as the catalog has them. JAX-free."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
import xarray as xr

from landlab_mgr.analysis.runs import the_setup
from landlab_mgr.catalog import Catalog
from landlab_mgr.catalog.filter import held_back
from landlab_mgr.data import store
from landlab_mgr.errors import LandlabError
from landlab_mgr.records import SEEN, ArtifactRecord
from landlab_mgr.spec import fields
from landlab_mgr.storage import artifacts
from landlab_mgr.storage.location import Location
from landlab_mgr.workspace.workspace import Workspace


@dataclass(frozen=True)
class FileOfRun:
    """One file of a run as catalogued."""

    run_id: str
    record: ArtifactRecord
    path: Location
    layout: str
    """Equal for runs that differ in predictors and seeds only: their files hold the same variables."""

    def checked(self) -> Location:
        """Return the path; LandlabError where the file is not as catalogued."""
        if not artifacts.intact(self.record, self.path):
            raise LandlabError(
                f"{self.path} of run {self.run_id} is missing or altered; `landlab doctor --deep` says what to do"
            )
        return self.path


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
        held_back(filter)  # before the grid is added: a GrammarError names a column
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
        """True if any run learned from synthetic data."""
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

    def files(self, kind: str) -> list[FileOfRun]:
        """Return the file of a kind of every run, in their order.

        LandlabError where a run has none.
        """
        specs, records = self.catalog.specs(self.run_ids), self.catalog.files(self.run_ids, kind)
        files = []
        for run_id in self.run_ids:
            if run_id not in records:
                model = specs[run_id].model
                way_out = "`landlab doctor` says what to do"
                if not specs[run_id].tables.parameters:
                    way_out = f"model {model} leaves none: add model != '{model}' to the filter"
                raise LandlabError(f"run {run_id} has no file {kind!r}; {way_out}")
            record = records[run_id]
            layout = specs[run_id].model_dump_json(exclude={"predictors", "seeds"})
            files.append(FileOfRun(run_id, record, self.workspace.path(record.path), layout))
        return files

    def paths(self, kind: str) -> Iterator[Location]:
        """Yield the path of every run's file of a kind.

        LandlabError where it is not as catalogued.
        """
        for file in self.files(kind):
            yield file.checked()

    def one_setup(self) -> str:
        """Name of the setup of all runs; LandlabError where there are several."""
        return the_setup(self.setups(), list(self.runs["label"]))

    def dataset(self) -> xr.Dataset:
        """Open the dataset of all runs; LandlabError where there are several.

        What is large is read when used.
        """
        names = sorted(set(self.runs["dataset"]))
        if len(names) > 1:
            raise LandlabError(
                f"the runs are of several datasets ({', '.join(names)}); give a filter: dataset = '...'"
            )
        return store.open_dataset(self.workspace.path(self.catalog.dataset(names[0]).url))

    def setups(self) -> list[str]:
        """Return the name of each run's setup.

        It holds the predictor groups, and the settings in which the ensemble varies.
        """
        return list(self.catalog.setups(self.run_ids).values())

    def of_fullest_setup(self) -> str:
        """Narrow the filter to the runs of the setup with the most predictor groups."""
        names = self.catalog.setups(self.run_ids)
        fullest = max(names, key=lambda run_id: names[run_id].partition(",")[0].count("+"))
        return one_setup(self.catalog.settings(self.run_ids), fullest, self.filter)


def one_setup(settings: Mapping[str, Mapping[str, fields.Value]], run_id: str, filter: str) -> str:
    """Narrow a filter to the runs that differ from this one in their seeds alone.

    Args:
        settings: of all runs that the filter holds for, as `Catalog.settings` gives them.
        run_id: one of them.
        filter: the filter.
    """
    own = settings[run_id]
    names = [n for n in fields.differing(settings.values()) if not n.startswith("seeds.")]
    of_setup = [f"{n} is null" if own[n] is None else f"{n} = {_literal(own[n])}" for n in names]
    return " and ".join([f"({filter})" if " or " in filter else filter] * bool(filter) + of_setup)


def _literal(value: fields.Value) -> str:
    return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else f"{value!r}"


def completed(filter: str) -> str:
    """Restrict the filter to completed runs."""
    return f"({filter}) and status = 'completed'" if filter else "status = 'completed'"
