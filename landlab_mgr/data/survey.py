"""A dataset looked through by blocks of pixels, so that it need not fit in memory: its table of variables. JAX-free."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import xarray as xr

from landlab_mgr.data import schema

BLOCK_VALUES = 2**22
"""Pixel-steps of each variable that are in memory at once."""


def blocks(ds: xr.Dataset) -> Iterator[tuple[int, xr.Dataset]]:
    """Blocks of pixels of what varies by step: the first pixel of each, and its variables in memory."""
    varying = [str(name) for name, variable in ds.data_vars.items() if variable.ndim > 1]
    rows = max(1, BLOCK_VALUES // ds.sizes["time"])
    for start in range(0, ds.sizes["pixel"], rows):
        yield start, ds[varying].isel(pixel=slice(start, start + rows)).load()


@dataclass
class _Numbers:
    size: int = 0
    present: int = 0
    total: float = 0.0
    low: float = np.nan
    high: float = np.nan

    def add(self, values: np.ndarray) -> None:
        finite = values[np.isfinite(values)]
        self.size += values.size
        if finite.size:
            self.present += finite.size
            self.total += float(finite.sum(dtype=np.float64))
            self.low = float(np.fmin(self.low, finite.min()))
            self.high = float(np.fmax(self.high, finite.max()))


@dataclass
class Table:
    """The numbers of a table of variables, gathered block by block."""

    numbers: dict[str, _Numbers] = field(default_factory=dict)

    def add(self, part: xr.Dataset) -> None:
        """Count the numbers of a block, or of any variables."""
        for name, variable in part.data_vars.items():
            if variable.dtype.kind in "fiub":
                values = variable.values
                values = values.astype(float) if values.dtype.kind == "b" else values
                self.numbers.setdefault(str(name), _Numbers()).add(values)

    def frame(self, ds: xr.Dataset) -> pd.DataFrame:
        """Return the table, in the order of the roles; see `summary`."""
        self.add(ds.drop_vars([name for name, variable in ds.data_vars.items() if variable.ndim > 1]))
        rows = []
        for role in schema.ROLES:
            for name in schema.names(ds, role):
                attrs = ds[name].attrs
                n = self.numbers.get(name, _Numbers())
                coverage = 100 * n.present / n.size if n.size else 100.0
                mean = n.total / n.present if n.present else np.nan
                rows.append(
                    (name, role, attrs.get("group", ""), attrs["units"], coverage, n.low, mean, n.high)
                )
        columns = ["variable", "role", "group", "units", "coverage", "min", "mean", "max"]
        return pd.DataFrame(rows, columns=columns)


def summary(ds: xr.Dataset) -> pd.DataFrame:
    """Table of the variables, in the order of the roles.

    Columns: variable, role, group (of a predictor, else ""), units, coverage (% of values that are not missing),
    min, mean, max (NaN for strings, and where all is missing).
    """
    table = Table()
    for _, part in blocks(ds):
        table.add(part)
    return table.frame(ds)
