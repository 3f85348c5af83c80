"""Importer of the daily towers of DifferLand v1.0 (Fang & Gentine 2024, doi:10.1029/2024MS004308): a file for a site.

Sites have records of other years. The dataset covers all of them; outside a site's own record (`in_record` is 0) its
forcing repeats its own years (the same day of another year), nothing is observed, and the stores of a land model stand
still: its run begins with the record. Uncertainties (`GPPunc`, ...) become weights of observations on request.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from landlab_mgr.data import schema
from landlab_mgr.data.sources import forcing, months, source_files
from landlab_mgr.errors import LandlabError
from landlab_mgr.observations.steps import DAYS_PER_YEAR
from landlab_mgr.observations.streams import STREAMS
from landlab_mgr.observations.variables import FORCING, VARIABLES

FIRST_DAY = np.datetime64("2001-01-01")
"""Day 0 of the files' times."""
FOOTPRINT_M2 = 1e6
"""Area of a tower's footprint, the same for all."""
COORDINATES = "site_coords.csv"
"""File beside the sites' that tells where they are."""
MOST_WEIGHT = 4.0
"""Largest weight of an observation, of half the typical uncertainty: that of a small flux is small by itself."""
_FORCING = {
    "tmin": "T2M_MIN",
    "tmax": "T2M_MAX",
    "ssrd": "SSRD",
    "co2": "CO2",
    "vpd": "VPD",
    "precip": "TOTAL_PREC",
}
_OBSERVED = {
    "lai": "LAI",
    "gpp_fluxnet": "GPP",
    "reco_fluxnet": "RECO",
    "et_fluxnet": "ET",
    "nee_site": "NBE",
}


def read(directory: str | Path, uncertainty: bool = False) -> tuple[xr.Dataset, list[str]]:
    """Read a directory of sites into a daily dataset of a pixel each; nothing is written.

    Args:
        directory: of NetCDF files, named after the sites, and `site_coords.csv`.
        uncertainty: weigh observations by their own: (median uncertainty / uncertainty)^2, at most 4.

    Returns:
        The dataset, and notices of what was assumed or changed, one line each.

    Raises:
        LandlabError: for a missing directory or file, or one that is not of this kind.
    """
    directory = Path(directory)
    paths = sorted(directory.glob("*.nc"))
    if not paths:
        raise LandlabError(f"{directory} holds no .nc file; give the directory of the daily towers")
    where = _coordinates(directory / COORDINATES)
    sites = [path.stem for path in paths]
    unknown = [site for site in sites if site not in where.index]
    if unknown:
        raise LandlabError(
            f"{directory / COORDINATES} has no line for {', '.join(unknown)}; add SITE_ID,lon,lat"
        )
    files = [_opened(path) for path in paths]
    first = min(int(ds["time"].values[0]) for ds in files)
    last = max(int(ds["time"].values[-1]) for ds in files)
    axis = months.axis_of_days(FIRST_DAY + first, last - first + 1)
    ds = months.dataset(axis)
    notices = []

    def place(pixel: int, step: int) -> str:
        return f"{paths[pixel].name}, {axis.time[step].astype('datetime64[D]')}"

    for name, theirs in _FORCING.items():
        values = np.stack(
            [
                forcing.repeated(
                    np.asarray(one[theirs].values, np.float64),
                    int(one["time"].values[0]) - first,
                    len(axis.time),
                    DAYS_PER_YEAR,
                )
                for one in files
            ]
        )
        values, clipped = forcing.sound(name, values, theirs, place)
        notices += clipped
        schema.add(ds, name, values, "forcing", FORCING[name].unit, FORCING[name].meaning)
    burned = FORCING["burned_area"]
    nothing = np.zeros((len(files), len(axis.time)))
    schema.add(ds, "burned_area", nothing, "forcing", burned.unit, burned.meaning)
    _add_streams(ds, files, first, uncertainty)
    _add_geometry(ds, where.loc[sites])
    for name, (values, unit, about) in months.climate(ds).items():
        schema.add(ds, name, values, "predictor", unit, about, group="CLIM", kind="continuous")
    longest = max(len(one["time"]) for one in files)
    if min(len(one["time"]) for one in files) < len(axis.time):
        days = first + np.arange(len(axis.time))
        own = np.stack([np.isin(days, one["time"].values) for one in files])
        forcing.add_record(ds, own)
        notices.append(
            f"sites cover other years: outside its record a site's stores stand still, and nothing is observed "
            f"({len(axis.time)} days from {axis.time[0].astype('datetime64[D]')}, records of up to {longest})"
        )
    notices.append('no pixel is for testing: train with split.kind = "years" or "all"')
    ds.attrs = {
        "name": "daily_towers",
        "kind": "real",
        "source": f"daily towers of DifferLand v1.0: {', '.join(sites)}",
        "licence": "MIT (DifferLand v1.0); FLUXNET2015 data CC-BY-4.0",
        "citation": "Fang & Gentine (2024), Journal of Advances in Modeling Earth Systems 16, "
        "doi:10.1029/2024MS004308; Pastorello et al. (2020), doi:10.1038/s41597-020-0534-3",
        "dt_days": 1.0,
        "origin": axis.origin,
    }
    return schema.validate(ds), notices


def _coordinates(path: Path) -> pd.DataFrame:
    """Place of each site, by name."""
    try:
        table = pd.read_csv(path).set_index("SITE_ID")[["lat", "lon"]].astype(float)
    except FileNotFoundError:
        raise LandlabError(f"no {path}; it tells where the sites are: SITE_ID,lon,lat") from None
    except (KeyError, ValueError, pd.errors.ParserError) as error:
        reason = " ".join(str(error).split())[:100]
        raise LandlabError(f"{path} is no table of SITE_ID, lon and lat: {reason}") from None
    return table


def _opened(path: Path) -> xr.Dataset:
    """Read a site's file into memory.

    Raises:
        LandlabError: where a variable or a day is missing.
    """
    with source_files.open_(path) as opened:
        names = {*_FORCING.values(), *_OBSERVED.values(), *(f"{n}unc" for n in _OBSERVED.values()), "time"}
        missing = sorted({*_FORCING.values(), "time"} - set(map(str, opened.variables)))
        if missing:
            raise LandlabError(
                f"{path} has no {', '.join(missing)}; a daily tower's file has {', '.join(sorted(names))}"
            )
        with source_files.readable(str(path)):
            ds = opened[[n for n in opened.variables if n in names]].load()
    days = np.asarray(ds["time"].values)
    if days.dtype.kind not in "iuf" or days.size < 2 or (np.diff(days) != 1).any():
        raise LandlabError(f"{path}: time must count days since {FIRST_DAY}, each once and in order")
    return ds


def _add_streams(ds: xr.Dataset, files: list[xr.Dataset], first: int, uncertainty: bool) -> None:
    def over_axis(one: xr.Dataset, name: str) -> np.ndarray:
        values = np.full(ds.sizes["time"], np.nan)
        start = int(one["time"].values[0]) - first
        if name in one:
            values[start : start + len(one["time"])] = one[name].values
        return values

    for stream, theirs in _OBSERVED.items():
        variable = VARIABLES[STREAMS[stream].variable]
        values = np.stack([over_axis(one, theirs) for one in files])
        if not np.isfinite(values).any():
            continue
        schema.add(ds, stream, values, "observation", variable.unit, variable.meaning)
        own = np.stack([over_axis(one, f"{theirs}unc") for one in files])
        if uncertainty and np.isfinite(own).any():
            typical = np.array([np.nanmedian(x) if np.isfinite(x).any() else np.nan for x in own])[:, None]
            weight = np.clip((typical / np.where(own > 0, own, np.nan)) ** 2, 0, MOST_WEIGHT)
            weight = np.where(np.isnan(weight) & np.isfinite(values), 1.0, weight)
            schema.add(ds, f"{stream}_weight", weight, "weight", "1", f"weight of {variable.meaning}")


def _add_geometry(ds: xr.Dataset, where: pd.DataFrame) -> None:
    n = len(where)
    schema.add(ds, "patch", np.arange(n, dtype=np.int32), "geometry", "1", "number of the site")
    schema.add(ds, "lat", where["lat"].to_numpy(), "geometry", "degrees_north", "latitude of the tower")
    schema.add(ds, "lon", where["lon"].to_numpy(), "geometry", "degrees_east", "longitude of the tower")
    schema.add(ds, "area_m2", np.full(n, FOOTPRINT_M2), "geometry", "m2", "nominal area, the same for all")
    schema.add(ds, "test", np.zeros(n, bool), "geometry", "1", "the pixel is of a test patch")
    schema.add(ds, "site", np.array(list(where.index), dtype=object), "geometry", "1", "name of the site")
