"""The CARDAMOM binary file (.cbf) of one site, of FluxVal 1.0 or any run: named columns out of positions.

Little-endian float64: 100 static values, 4 blocks of 50 (parameter priors, their uncertainties, other priors,
theirs), then months x (forcing + observations), row by row.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import xarray as xr

from landlab_mgr.errors import LandlabError
from landlab_mgr.observations.steps import MONTHS_PER_YEAR

MISSING = -9999.0

FORCING_COLUMNS = ("time_days", "tmin", "tmax", "ssrd", "co2", "doy", "burned_area", "vpd", "precip")
OBSERVATION_COLUMNS = ("gpp_fluxnet", "lai", "nee_site", "biomass", "et_fluxnet")
"""In the file's order and units, which are the dictionary's (`observations.variables`); further columns are unused."""

FORCING_NAMES = ("time", "T2M_MIN", "T2M_MAX", "SSRD", "CO2", "DOY", "BURNED_AREA", "VPD", "TOTAL_PREC")
OBSERVATION_NAMES = ("GPP", "LAI", "NBE", "ABGB", "ET")
"""The same columns as CARDAMOM's NetCDF files call them."""

_HEADER = 300
_LATITUDE, _MONTHS, _N_FORCING, _N_OBSERVATIONS = 1, 2, 3, 4
_SOM_PRIOR = 100 + 22
_MAX_MONTHS = MONTHS_PER_YEAR * 500
_MAX_FORCING = 50
_MAX_OBSERVATIONS = 1000


class Cbf(NamedTuple):
    """One site's file: `columns` maps every name of the two tuples above to float64 [months]."""

    latitude: float
    """Of the centre of the forcing's cell, degrees north."""
    som_prior: float
    """Initial soil organic matter, gC m-2; NaN = none."""
    columns: dict[str, np.ndarray]


def read(path: Path) -> Cbf:
    """Read a file; missing observations are NaN, everything else is bit for bit what the file holds.

    Raises `LandlabError` for a size or header that is no FluxVal file's.
    """
    n_forcing = len(FORCING_COLUMNS)
    header, table = _parts(path, (n_forcing, n_forcing), (len(OBSERVATION_COLUMNS), _MAX_OBSERVATIONS))
    columns = {name: table[:, index].copy() for index, name in enumerate(FORCING_COLUMNS)}
    for index, name in enumerate(OBSERVATION_COLUMNS, start=n_forcing):
        columns[name] = np.where(table[:, index] == MISSING, np.nan, table[:, index])
    som_prior = float(header[_SOM_PRIOR])
    return Cbf(float(header[_LATITUDE]), np.nan if som_prior == MISSING else som_prior, columns)


def dataset(path: Path) -> xr.Dataset:
    """Read a file of any run by the names of CARDAMOM's NetCDF files; -9999 stays.

    Runs differ in how many columns they have: forcing beyond precipitation (snowfall, which is in it) and observations
    beyond evapotranspiration are left alone, since their order is not the same in all.

    Raises:
        LandlabError: for a size or header that is no such file's.
    """
    header, table = _parts(path, (len(FORCING_NAMES), _MAX_FORCING), (1, _MAX_OBSERVATIONS))
    n_forcing = int(header[_N_FORCING])
    names = [*FORCING_NAMES, *([""] * (n_forcing - len(FORCING_NAMES))), *OBSERVATION_NAMES]
    columns = {name: ("time", table[:, i].copy()) for i, name in enumerate(names[: table.shape[1]]) if name}
    ds = xr.Dataset(columns | {"LAT": ((), float(header[_LATITUDE]))})
    if header[_SOM_PRIOR] != MISSING:
        ds["PEQ_iniSOM"] = ((), float(header[_SOM_PRIOR]))
    return ds


def _parts(path: Path, forcing: tuple[int, int], observed: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Header and table [month, column] of a file, with so many columns of each kind."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise LandlabError(f"{path} cannot be read: {error.strerror or error}") from None
    if len(raw) < 8 * _HEADER:
        raise LandlabError(
            f"{path} has {len(raw)} bytes, less than its header's {8 * _HEADER}: fetch it again"
        )
    header = np.frombuffer(raw, "<f8", count=_HEADER)
    n_months = _count(path, "months", header[_MONTHS], 1, _MAX_MONTHS)
    n_forcing = _count(path, "forcing columns", header[_N_FORCING], *forcing)
    n_observed = _count(path, "observation columns", header[_N_OBSERVATIONS], *observed)
    expected = 8 * (_HEADER + n_months * (n_forcing + n_observed))
    if len(raw) != expected:
        shape = f"{n_months} months x {n_forcing + n_observed} columns"
        raise LandlabError(f"{path} has {len(raw)} bytes, but {shape} need {expected}: fetch it again")
    table = np.frombuffer(raw, "<f8", offset=8 * _HEADER).reshape(n_months, n_forcing + n_observed)
    return header, table


def _count(path: Path, what: str, value: float, low: int, high: int) -> int:
    if np.isfinite(value) and value == np.floor(value) and low <= value <= high:
        return int(value)
    allowed = str(low) if low == high else f"a whole number {low}..{high}"
    raise LandlabError(f"{path}: its header says {value:g} {what}; allowed: {allowed}: is it such a file?")
