"""Tables of sites: a CSV with a row for each, or the BADM files (BIF) of the networks. Places and predictors."""

import re
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from landlab_mgr.data import schema
from landlab_mgr.data.predictors import IGBP
from landlab_mgr.data.sources import classes
from landlab_mgr.errors import LandlabError

_ALIASES = {
    **dict.fromkeys(("site", "site_id", "siteid", "site_code", "id"), "site"),
    **dict.fromkeys(("lat", "latitude", "site_lat", "location_lat"), "lat"),
    **dict.fromkeys(("lon", "long", "longitude", "site_lon", "location_long"), "lon"),
    **dict.fromkeys((IGBP, "igbp_class"), IGBP),
}
"""By lower case, the columns that are more than predictors."""

_OF_BADM = {
    "LOCATION_LAT": "lat",
    "LOCATION_LONG": "lon",
    "LOCATION_ELEV": "elevation_m",
    "IGBP": IGBP,
}
"""Variables of BADM that are read."""

_GROUPS = {IGBP: "PFT", "elevation": "TOPO", "elevation_m": "TOPO", "elev": "TOPO"}
DEFAULT_GROUP = "SITE"
"""Predictor group of columns without one; GROUP.NAME as a column's name says another."""

_EMPTY = {"", "nan", "na", "n/a", "none", "null", "-9999", "-9999.0"}


def is_badm(columns: Iterable[str]) -> bool:
    """Return whether a header is that of a BADM file."""
    return {"SITE_ID", "VARIABLE", "DATAVALUE"} <= set(columns)


def is_table(columns: Iterable[str]) -> bool:
    """Return whether a header is that of a table of sites with their places."""
    names = {_ALIASES.get(c.strip().lower()) for c in columns}
    return {"site", "lat", "lon"} <= names


def read(table: pd.DataFrame, where: str) -> pd.DataFrame:
    """Return a table of sites, text by site: lat, lon and what else it has.

    Args:
        table: of text, as the file has it.
        where: the file, for messages.

    Raises:
        LandlabError: for a table that lists a site twice, or a place that is no number.
    """
    if is_badm(table.columns):
        rows = table[table["VARIABLE"].isin(list(_OF_BADM))]
        by_site = rows.groupby(["SITE_ID", "VARIABLE"])["DATAVALUE"].first().unstack()
        sites = by_site.rename(columns=_OF_BADM)
    else:
        named = table.rename(columns={c: _ALIASES.get(c.strip().lower(), c.strip()) for c in table.columns})
        twice = named.columns[named.columns.duplicated()]
        if len(twice):
            raise LandlabError(f"{where} has two columns of {twice[0]}; leave one")
        sites = named.set_index("site")
        sites = sites[sites.index.str.strip() != ""]
    sites.index = sites.index.str.strip()
    twice = sites.index[sites.index.duplicated()]
    if len(twice):
        raise LandlabError(f"{where} lists site {twice[0]:.40} twice; leave one row")
    sites = sites.map(lambda x: "" if str(x).strip().lower() in _EMPTY else str(x).strip())
    for name in ("lat", "lon"):
        if name not in sites:
            raise LandlabError(f"{where} tells no {name}; it needs site, lat and lon")
        for site, text in sites[name].items():
            if text and not np.isfinite(_number(text)):
                raise LandlabError(f"{where}: {name} of {site} is {text!r:.40}, no number")
    return sites


def joined(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """Join tables of sites; the first that tells something of a site counts."""
    whole = pd.DataFrame()
    for table in tables:
        whole = whole.replace("", np.nan).combine_first(table.replace("", np.nan))
    return whole.fillna("")


def add_predictors(ds: xr.Dataset, sites: pd.DataFrame) -> list[str]:
    """Add every column but the place as a predictor, [pixel] in the order of the rows.

    Numbers are continuous, words are classes. A column NAME of group GROUP is called GROUP.NAME.

    Returns:
        Notices of the columns that are no predictors.
    """
    notices = []
    for column in sites.columns:
        if column in ("lat", "lon"):
            continue
        given, _, rest = str(column).rpartition(".")
        name = re.sub(r"\W+", "_", rest).strip("_")
        group = given or _GROUPS.get(name.lower(), DEFAULT_GROUP)
        texts = [str(x) for x in sites[column]]
        problem = _problem(ds, name, group, texts)
        if problem:
            notices.append(f"column {column} of the sites is no predictor: {problem}")
        elif np.isnan([_number(x) for x in texts if x]).any():
            classes.add(ds, name, texts, group, f"class {name} of the site")
        else:
            values = np.array([_number(x) if x else np.nan for x in texts])
            attrs: dict[str, Any] = {"group": group, "kind": "continuous"}
            schema.add(ds, name, values, "predictor", "1", f"{name.replace('_', ' ')} of the site", **attrs)
    return notices


def _problem(ds: xr.Dataset, name: str, group: str, texts: list[str]) -> str:
    present = [x for x in texts if x]
    if not present:
        return "it is empty"
    if not name or name in ds.variables or group in schema.IMPLICIT_GROUPS:
        return "its name or group is that of something else"
    words = [x for x in present if np.isnan(_number(x))]
    if len(words) > 3 and len(set(words)) == len(words):
        return "each site has a word of its own"
    return ""


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return np.nan
