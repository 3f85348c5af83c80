"""CSV tables of anybody's data, as datasets over sites and time that the generic importer reads like a file.

Wide tables have a column for each variable: `site,date,GPP,t2m_min`; long ones name it: `site,date,variable,value`.
Without a date they hold what does not vary in time: `site,lat,lon,igbp`. Without a site they are of one. A column that
is the same at all dates of each site is static too.
"""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from landlab_mgr.data.sources import source_files
from landlab_mgr.data.sources.mapping import Dims, one_of
from landlab_mgr.errors import LandlabError

SUFFIXES = (".csv", ".tsv", ".txt")
ONE_SITE = "pixel"
"""Dimension of a dataset whose files have none over places."""
_LONG = ("variable", "value")
_FORMATS = ((r"\d{4}-\d{1,2}", "%Y-%m"), (r"\d{6}", "%Y%m"), (r"\d{8}", "%Y%m%d"))
"""Dates by their form; others are as ISO 8601 has them."""


def is_table(path: str | Path) -> bool:
    """Return whether a path names a CSV table."""
    return Path(path).suffix.lower() in SUFFIXES


def read(paths: list[Path], dims: Dims, missing: tuple[float, ...] = ()) -> xr.Dataset:
    """Read tables into one dataset over the sites and dates of all of them.

    Args:
        paths: of the tables.
        dims: names of the columns with the site and the date.
        missing: codes of missing values, which do not make a column vary.

    Raises:
        LandlabError: for a table that cannot be read; it names the line.
    """
    frames = [_frame(path, dims) for path in paths]
    whole: dict[str, pd.DataFrame] = {}
    for path, frame in zip(paths, frames, strict=True):
        for name in frame.columns:
            part = frame[[name]].dropna()
            if name not in whole:
                whole[name] = part
                continue
            if whole[name].index.names != part.index.names or whole[name].index.intersection(part.index).size:
                raise LandlabError(
                    f"{path}: {name!r} is in another table too, of the same site or dates; leave one"
                )
            whole[name] = pd.concat([whole[name], part])
    site = dims.pixel or ONE_SITE
    sites = sorted({s for frame in frames for s in frame.index.get_level_values(site)})
    dates = [frame.index.get_level_values(dims.time) for frame in frames if dims.time in frame.index.names]
    ds = xr.Dataset(coords={site: np.array(sites, object)})
    if dates:
        time = _axis(np.unique(np.concatenate([d.to_numpy() for d in dates])))
        ds = ds.assign_coords(
            {dims.time: (dims.time, time.astype(float), {"units": "days since 1970-01-01"})}
        )
    for name, frame in whole.items():
        series = frame[name]
        if dims.time not in series.index.names:
            ds[name] = (site, series.reindex(sites).to_numpy())
            continue
        days = _of_axis(series.index.get_level_values(dims.time).to_numpy(), time)
        index = pd.MultiIndex.from_arrays([series.index.get_level_values(site), days])
        table = pd.Series(series.to_numpy(), index).unstack().reindex(index=sites, columns=time)
        ds[name] = ((site, dims.time), table.to_numpy())
    for name in list(ds.data_vars):
        if ds[name].ndim == 2 and (fixed := _static(ds[name].values, missing)) is not None:
            ds[name] = (site, fixed)
    return ds


def _frame(path: Path, dims: Dims) -> pd.DataFrame:
    """Return a table by site, and date if it has them."""
    with source_files.readable(str(path)):
        table = pd.read_csv(
            path, sep=None, engine="python", skipinitialspace=True, comment="#", encoding="utf-8-sig"
        )
    table.columns = [str(c).strip() for c in table.columns]
    if not len(table):
        raise LandlabError(f"{path} has no line of values; get it again")
    site = dims.pixel or ONE_SITE
    if dims.pixel is None:
        table[site] = "site"
    elif site not in table:
        raise LandlabError(f"dims.pixel: {path} has {one_of('column', site, table.columns)}")
    table[site] = [str(x).strip() for x in table[site]]
    keys = [site]
    if dims.time in table:
        keys.append(dims.time)
        table[dims.time] = _dates(table[dims.time], path)
    twice = table.duplicated([*keys, *([_LONG[0]] if _LONG[0] in table else [])])
    if twice.any():
        row = int(twice.to_numpy().argmax())
        what = ", ".join(str(table[key].iloc[row])[:30] for key in keys)
        raise LandlabError(f"{path} line {row + 2}: {what} is there already; one line for each")
    if set(_LONG) <= set(table.columns):
        try:
            return table.pivot(index=keys, columns=_LONG[0], values=_LONG[1])
        except ValueError as error:
            raise LandlabError(
                f"{path} cannot be read as {', '.join(keys)}, variable, value: {error}"
            ) from None
    return table.set_index(keys)


def _dates(column: "pd.Series[str]", path: Path) -> np.ndarray:
    """Days of a column, datetime64[D]; a month is its fifteenth."""
    texts = pd.Series([str(x).strip() for x in column], dtype=object)
    form, monthly = next(
        (
            (form, form in ("%Y-%m", "%Y%m"))
            for pattern, form in _FORMATS
            if re.fullmatch(pattern, texts.iloc[0])
        ),
        ("ISO8601", False),
    )
    dates = pd.to_datetime(texts, format=form, errors="coerce")
    bad = dates.isna().to_numpy()
    if bad.any():
        row = int(bad.argmax())
        raise LandlabError(
            f"{path} line {row + 2}: date {texts.iloc[row][:30]!r}; write it as 2001-01 or 2001-01-31"
        )
    days = dates.to_numpy().astype("datetime64[D]")
    return days.astype("datetime64[M]").astype("datetime64[D]") + 14 if monthly else days


def _axis(days: np.ndarray) -> np.ndarray:
    """Every day between the first and last, or the fifteenth of every month; days since 1970."""
    step = np.median(np.diff(days).astype("timedelta64[D]").astype(int)) if len(days) > 1 else 31
    if step < 20:
        return np.arange(
            days[0].astype("datetime64[D]").astype(int), days[-1].astype("datetime64[D]").astype(int) + 1
        )
    months = np.arange(days[0].astype("datetime64[M]"), days[-1].astype("datetime64[M]") + 1)
    return (months.astype("datetime64[D]") + 14).astype(int)


def _of_axis(days: np.ndarray, time: np.ndarray) -> np.ndarray:
    """Place dates on the axis: of months by their month."""
    if len(time) < 2 or np.diff(time).min() > 1:
        days = days.astype("datetime64[M]").astype("datetime64[D]") + 14
    return days.astype("datetime64[D]").astype(int)


def _static(values: np.ndarray, missing: tuple[float, ...]) -> np.ndarray | None:
    """Return what a variable is at each site, where it is the same at all its dates and never misses."""
    if values.shape[1] < 2:
        return None
    gaps = pd.isna(values)
    if values.dtype.kind == "f" and missing:
        gaps |= np.isin(values, missing)
    first = values[:, :1]
    return values[:, 0] if not gaps.any() and (values == first).all() else None


def beside(ds: xr.Dataset, table: xr.Dataset, names: np.ndarray, dim: str, path: str) -> xr.Dataset:
    """Add static variables of a table to a dataset of a list of places, by the names of its sites.

    Raises:
        LandlabError: where a table has series, or none of the sites.
    """
    [site] = [d for d in table.dims if table[d].dtype.kind == "O"]
    if len(table.dims) > 1:
        raise LandlabError(
            f"{path}: beside NetCDF files a table holds what does not vary in time: site and values"
        )
    known = [str(x) for x in table[site].values]
    index = np.array([known.index(name) if name in known else -1 for name in names])
    if (index < 0).all():
        raise LandlabError(
            f"{path} has none of the sites {', '.join(names[:3])}; it has {', '.join(known[:3])}"
        )
    for name in table.data_vars:
        values = table[name].values
        filler = np.nan if values.dtype.kind in "fiu" else None
        column = np.array([values[i] if i >= 0 else filler for i in index])
        ds = ds.assign({str(name): (dim, column)})
    return ds
