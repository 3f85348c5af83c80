"""Loading: from the catalog, the runs' files and their dataset to the one dataset that `compute` gets. JAX-free.

Files are read when their values are used, one run at a time, and checked against the catalog then: those of 160 runs
at 164,040 pixels do not fit in memory.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr
from xarray.backends import BackendArray
from xarray.core import indexing

from landlab_mgr.analysis.base import Ensemble, FileOfRun
from landlab_mgr.analysis.contract import Analysis, Needs, Options
from landlab_mgr.analysis.of_models import models_of
from landlab_mgr.errors import LandlabError
from landlab_mgr.records import CHECKPOINT
from landlab_mgr.storage import artifacts

RESERVED = ("run", "setup", "label", "seed", "dataset", "spec", "checkpoint", "metric", "train_loss")
"""Names of what a loaded dataset holds of the runs; no variable of their dataset may have one."""


def load(ensemble: Ensemble, analysis: Analysis, options: Options) -> xr.Dataset:
    """Load what an analysis computes on; `runs` says what it holds.

    LandlabError where the analysis refuses the runs, where a file is missing, or where a held-back split is read in a
    catalog that is open for reading only.
    """
    options = options.filled(models_of(ensemble.catalog.specs(ensemble.run_ids).values()))
    return load_needs(ensemble, analysis.needs(options), lambda ds: analysis.check(ds, options))


def refusal(ensemble: Ensemble, analysis: Analysis, options: Options) -> str | None:
    """Say why an analysis refuses these runs; None where nothing that is told before files are opened forbids it."""
    try:
        options = options.filled(models_of(ensemble.catalog.specs(ensemble.run_ids).values()))
        needs = analysis.needs(options)
        analysis.check(_with_runs(_dataset(ensemble, needs), ensemble), options)
        for kind in (*needs.files, *([CHECKPOINT] if needs.checkpoints else [])):
            ensemble.files(kind)
    except LandlabError as error:
        return str(error)
    return None


def load_needs(
    ensemble: Ensemble, needs: Needs, check: Callable[[xr.Dataset], None] = lambda ds: None
) -> xr.Dataset:
    """Load metrics and files of an ensemble; `check` may refuse the runs before files are opened."""
    ds = _with_runs(_dataset(ensemble, needs), ensemble)
    check(ds)
    metric = None
    if needs.level:
        metric = ensemble.metrics(needs.splits, needs.level).reset_coords(drop=True)
    else:
        ensemble.look(needs.splits)
    for kind, names in needs.files.items():
        ds = _with_files(ds, _Files(kind, ensemble.files(kind), names))
    for kind, names in needs.if_kept.items():
        with suppress(LandlabError):
            ds = _with_files(ds, _Files(kind, ensemble.files(kind), names))
    if metric is not None:
        same = {dim: ds.indexes[dim] for dim in metric.dims if dim in ds.indexes}
        ds = ds.assign(metric=metric.reindex(same))
    if needs.checkpoints:
        paths = [str(path) for path in ensemble.paths(CHECKPOINT)]
        ds = ds.assign_coords(checkpoint=("run", np.array(paths, object)))
    return ds


def _dataset(ensemble: Ensemble, needs: Needs) -> xr.Dataset:
    """Return the dataset of the runs where it is needed, else an empty one."""
    ds = xr.Dataset()
    if needs.dataset == "always" or (needs.dataset == "if synthetic" and ensemble.synthetic):
        ds = ensemble.dataset()
    elif needs.dataset == "if readable":
        with suppress(LandlabError):  # several datasets, or one that is elsewhere
            ds = ensemble.dataset()
    if clash := [name for name in RESERVED if name in ds.variables]:
        raise LandlabError(
            f"dataset {ds.attrs['name']} has a variable {clash[0]!r}, a name that analyses keep for the runs; "
            "rename it and publish the dataset again"
        )
    return ds.assign_attrs(synthetic=int(ensemble.synthetic))


def _with_runs(ds: xr.Dataset, ensemble: Ensemble) -> xr.Dataset:
    """Add the coordinates of the runs to the dataset."""
    specs = ensemble.catalog.specs(ensemble.run_ids)
    texts = [specs[run_id].model_dump_json() for run_id in ensemble.run_ids]
    return ds.assign_coords(
        run=ensemble.run_ids,
        setup=("run", ensemble.setups()),
        label=("run", list(ensemble.runs["label"])),
        seed=("run", ensemble.runs["seed"].to_numpy(int)),
        dataset=("run", list(ensemble.runs["dataset"])),
        spec=("run", np.array(texts, object)),
        train_loss=("run", ensemble.catalog.member_losses(ensemble.run_ids)["train_loss"].to_numpy(float)),
    )


@dataclass(frozen=True)
class _Shape:
    """Dimensions, sizes, type and attributes of one variable in the file of a run."""

    dims: tuple[str, ...]
    sizes: tuple[int, ...]
    dtype: np.dtype
    attrs: Mapping[str, Any]


class _Files:
    """Files of one kind, in the order of the runs; the last one read stays in memory."""

    def __init__(self, kind: str, files: Sequence[FileOfRun], names: Sequence[str]) -> None:
        self.kind, self.files, self._names = kind, files, names
        self._last: tuple[int, xr.Dataset] | None = None
        self.coords: dict[str, npt.NDArray] = {}
        self.shapes: dict[str, _Shape] = {}
        self._survey()

    def values(self, row: int, name: str) -> npt.NDArray:
        """Read a variable of one run's file; NaN or "" where the file lacks it."""
        file, shape = self._read(row), self.shapes[name]
        if name not in file:
            if shape.dtype.kind not in "fUO":
                raise self._fault(row, f"no {name}")
            return np.full(shape.sizes, np.nan if shape.dtype.kind == "f" else "", shape.dtype)
        x = file[name]
        for dim in x.dims:
            if dim in self.coords and not np.array_equal(x[dim].values, self.coords[str(dim)]):
                x = x.reindex({dim: self.coords[str(dim)]})
        if x.dims != shape.dims or x.shape != shape.sizes:
            raise self._fault(
                row, f"{name} of {_sizes(x.dims, x.shape)}, others {_sizes(shape.dims, shape.sizes)}"
            )
        return x.values.astype(shape.dtype, copy=False)

    def _survey(self) -> None:
        """Note the variables and coordinates of all files.

        Runs that differ in predictors and seeds only leave files of one layout: the first of them is read for it.
        """
        firsts: dict[str, int] = {}
        for row, file in enumerate(self.files):
            firsts.setdefault(file.layout, row)
        contents = [self._read(row) for row in sorted(firsts.values(), reverse=True)][::-1]
        for content in contents:
            for dim in content.indexes:
                known = self.coords.setdefault(str(dim), content[dim].values)
                if known.dtype.kind in "OU":
                    more = [x for x in content[dim].values if x not in known]
                    self.coords[str(dim)] = np.append(known, more) if more else known
        for content in contents:
            for name, x in content.data_vars.items():
                dims = tuple(map(str, x.dims))
                sizes = tuple(len(self.coords[d]) if d in self.coords else x.sizes[d] for d in dims)
                before = self.shapes.get(str(name))
                dtype = x.dtype if before is None else np.promote_types(before.dtype, x.dtype)
                if before is None or before.dtype != dtype:
                    self.shapes[str(name)] = _Shape(dims, sizes, dtype, x.attrs)

    def _read(self, row: int) -> xr.Dataset:
        if self._last is None or self._last[0] != row:
            self._last = None  # two files at once would take twice the memory
            file = artifacts.read(self.files[row].checked(), self._names or None)
            labels = {n: (x.dims, artifacts.labels(x)) for n, x in file.data_vars.items() if _is_label(x)}
            self._last = row, file.assign(labels)
        return self._last[1]

    def _fault(self, row: int, what: str) -> LandlabError:
        run_id = self.files[row].run_id
        return LandlabError(
            f"the {self.kind} file of run {run_id} has {what}; `landlab doctor --deep` says what to do"
        )


def _is_label(x: xr.DataArray) -> bool:
    return "flag_meanings" in x.attrs


def _sizes(dims: Sequence[Any], sizes: Sequence[int]) -> str:
    return " x ".join(f"{n} {dim}" for dim, n in zip(dims, sizes, strict=True)) or "one value"


class _OfRuns(BackendArray):
    """One variable of all runs' files, [run, ...], read where it is indexed."""

    def __init__(self, files: _Files, name: str) -> None:
        self._files, self._name = files, name
        self.shape = (len(files.files), *files.shapes[name].sizes)
        self.dtype = files.shapes[name].dtype

    def __getitem__(self, key: indexing.ExplicitIndexer) -> npt.NDArray:
        return indexing.explicit_indexing_adapter(
            key, self.shape, indexing.IndexingSupport.OUTER, self._values
        )

    def _values(self, key: tuple[Any, ...]) -> npt.NDArray:
        rows = np.arange(self.shape[0])[key[0]]
        if rows.ndim == 0:
            return self._of_run(int(rows), key[1:])
        if not rows.size:
            return np.empty((0, *self._of_run(0, key[1:]).shape), self.dtype)
        return np.stack([self._of_run(int(row), key[1:]) for row in rows])

    def _of_run(self, row: int, key: tuple[Any, ...]) -> npt.NDArray:
        x = self._files.values(row, self._name)
        for axis in reversed(range(len(key))):  # from the last: an integer takes its axis away
            x = x[(slice(None),) * axis + (key[axis],)]
        return x


def _with_files(ds: xr.Dataset, files: _Files) -> xr.Dataset:
    """Add the files' variables to the dataset as KIND.NAME, and their coordinates.

    A dimension that the dataset has in another size, or as a variable (`patch`), is called KIND.DIM.
    """
    sizes = {d: n for shape in files.shapes.values() for d, n in zip(shape.dims, shape.sizes, strict=True)}
    clash = {
        d for d, n in sizes.items() if ds.sizes.get(d, n) != n or (d in ds.variables and d not in ds.dims)
    }
    dims = {d: f"{files.kind}.{d}" if d in clash else d for d in sizes}
    variables = {
        f"{files.kind}.{name}": xr.Variable(
            ("run", *(dims[d] for d in shape.dims)),
            indexing.LazilyIndexedArray(_OfRuns(files, name)),
            dict(shape.attrs),
        )
        for name, shape in files.shapes.items()
    }
    coords = {dims[d]: x for d, x in files.coords.items() if d in dims and dims[d] not in ds.coords}
    return ds.assign_coords({d: (d, x) for d, x in coords.items()}).assign(variables)
