"""The runs in a loaded dataset: their setups, specifications and files. JAX-free, and without a catalog.

`load` gives one dataset, which can also be made by hand. Over `run` it has the coordinates `run` (ids), `setup`,
`label` (predictor groups), `seed`, `dataset` (name), `spec` (JSON) and `train_loss`. The dataset that the runs share
keeps its own names; the variables of the runs' files are called KIND.NAME, such as `monthly.gpp` [run, pixel, time],
and are read when they are used. A dimension that the dataset has otherwise is named likewise, such as `monthly.patch`.
`metric` holds the metrics. The attributes are those of the dataset, and `synthetic`.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence

import numpy as np
import xarray as xr

from landlab_mgr.errors import LandlabError
from landlab_mgr.spec.run import RunSpec


def specs(ds: xr.Dataset) -> list[RunSpec]:
    """Specification of each run."""
    return [RunSpec.model_validate_json(str(text)) for text in ds["spec"].values]


def setups(ds: xr.Dataset) -> list[str]:
    """Name of each run's setup."""
    return [str(name) for name in ds["setup"].values]


def places(ds: xr.Dataset) -> list[str]:
    """Names of the dataset's places: of sites where it has them, or else numbers."""
    return [str(s) for s in (ds["site"].values if "site" in ds else range(ds.sizes["pixel"]))]


def one_setup(ds: xr.Dataset) -> str:
    """Name of the setup of all runs; LandlabError where there are several."""
    return the_setup(setups(ds), [str(label) for label in ds["label"].values])


def the_setup(names: Sequence[str], labels: Sequence[str]) -> str:
    """Return the only one of the setups' names; LandlabError where there are several."""
    several = list(dict.fromkeys(names))
    if len(several) > 1:
        more = ", ..." if len(several) > 3 else ""
        raise LandlabError(
            f"the runs are of {len(several)} setups ({', '.join(several[:3])}{more}), and this is about one: give a "
            f"filter such as \"setup.groups = '{labels[0]}'\""
        )
    return several[0]


def files(
    ds: xr.Dataset, kind: str, rows: Iterable[int] | None = None, wanted: Collection[str] = ()
) -> Iterator[xr.Dataset]:
    """Content of each run's file of a kind, one in memory at a time.

    A variable that is NaN everywhere is left out: the run's file lacks it.

    Args:
        ds: as `load` gives it.
        kind: of file, such as parameters.
        rows: indices of runs; default: all.
        wanted: names of the variables that are read; (): all.
    """
    prefix = f"{kind}."
    names = [str(name) for name in ds.data_vars if str(name).startswith(prefix)]
    if wanted:
        names = [name for name in names if name.removeprefix(prefix) in wanted]
    for row in range(ds.sizes["run"]) if rows is None else rows:
        content = {name: ds.variables[name].isel(run=row).load() for name in names}
        dims = {dim for x in content.values() for dim in x.dims}
        content = {name: x for name, x in content.items() if not _is_empty(x)}
        content |= {str(dim): ds.variables[dim].to_base_variable() for dim in dims if dim in ds.coords}
        yield xr.Dataset(
            {
                name.removeprefix(prefix): ([str(d).removeprefix(prefix) for d in x.dims], x.values, x.attrs)
                for name, x in content.items()
            },
            attrs={"run_id": str(ds["run"].values[row])},
        )


def _is_empty(x: xr.Variable) -> bool:
    """Test for a variable without values; the first value decides for most."""
    if x.dtype.kind != "f" or not x.size or not np.isnan(x.values.flat[0]):
        return False
    return bool(np.isnan(x.values).all())
