"""Importer of CAMELS-US (Newman et al. 2015, Addor et al. 2017): basins with daily forcing, discharge and attributes.

A directory holds the attribute tables `camels_*.txt` somewhere, and either one NetCDF file with all basins (prcp, tmin,
tmax, srad, vp, q_obs over basin and time) or the archive's own files, a pair for each gauge in any folders:
`GAUGE_*streamflow_qc.txt` (cubic feet a second) and Daymet's `GAUGE_*.txt`. Attributes are predictors in the groups
CLIM, TOPO, SOIL, VEGE and GEOL; signatures of the streamflow are never among them. A basin is a patch, its hydrologic
unit (huc_02) the region.
"""

import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from landlab_mgr.data import schema, split
from landlab_mgr.data.sources import classes, forcing, months, source_files, units
from landlab_mgr.errors import LandlabError
from landlab_mgr.models.sun import saturation, sun
from landlab_mgr.observations.streams import STREAMS
from landlab_mgr.observations.variables import FORCING, VARIABLES

GROUPS = {
    "CLIM": (
        *("p_mean", "pet_mean", "p_seasonality", "frac_snow", "aridity", "high_prec_freq", "high_prec_dur"),
        *("high_prec_timing", "low_prec_freq", "low_prec_dur", "low_prec_timing"),
    ),
    "TOPO": ("elev_mean", "slope_mean", "area_gages2"),
    "SOIL": (
        *("soil_depth_pelletier", "soil_depth_statsgo", "soil_porosity", "soil_conductivity"),
        *(
            "max_water_content",
            "sand_frac",
            "silt_frac",
            "clay_frac",
            "water_frac",
            "organic_frac",
            "other_frac",
        ),
    ),
    "VEGE": (
        *(
            "frac_forest",
            "lai_max",
            "lai_diff",
            "gvf_max",
            "gvf_diff",
            "dom_land_cover_frac",
            "dom_land_cover",
        ),
        *("root_depth_50", "root_depth_99"),
    ),
    "GEOL": (
        *(
            "geol_1st_class",
            "glim_1st_class_frac",
            "carbonate_rocks_frac",
            "geol_porostiy",
            "geol_permeability",
        ),
    ),
}
"""Attributes of each predictor group, as the tables call them."""
UNITS = {"prcp": "mm d-1", "tmin": "degC", "tmax": "degC", "srad": "W m-2", "vp": "Pa", "q_obs": "mm d-1"}
"""Series of a basin, and their units."""
MOST_RUNOFF = 2.0
"""Discharge over precipitation that the basins' median cannot exceed: 0.4 is usual, other units give tens."""
PLACE = ("gauge_lat", "gauge_lon", "huc_02")
MISSING = -999.0
CUBIC_FOOT = 0.3048**3
"""m3."""
SECONDS = 86400.0


class Series(NamedTuple):
    """Daily series of basins, [basin, time], in the source's units but discharge, mm d-1."""

    basins: list[str]
    first: np.datetime64
    values: dict[str, np.ndarray]
    """prcp (mm d-1), tmin, tmax (degC), srad (W m-2 of daylight), vp (Pa), q_obs (mm d-1)."""


def read(directory: str | Path) -> tuple[xr.Dataset, list[str]]:
    """Read CAMELS into a daily dataset of a pixel for each basin; nothing is written.

    Returns:
        The dataset, and notices of what was assumed or left out, one line each.

    Raises:
        LandlabError: for missing files, basins without attributes, gaps in the days, or values that cannot be.
    """
    directory = Path(directory)
    if not directory.is_dir():
        raise LandlabError(f"no directory {directory}; give the one that holds CAMELS-US")
    table = _attributes(directory)
    packed = sorted(directory.glob("*.nc"))
    series, notices = (_of_netcdf(packed[0]), []) if packed else _of_text(directory)
    without = [basin for basin in series.basins if basin not in table.index]
    if without:
        raise LandlabError(
            f"no attributes of {len(without)} of {len(series.basins)} basins, {without[0]} the first; "
            f"they are in camels_*.txt under {directory}: get the whole tables, or take the basins out"
        )
    table = table.loc[series.basins]
    count = series.values["prcp"].shape[1]
    axis = months.axis_of_days(series.first, count)
    ds = months.dataset(axis)
    notices += _add_forcing(ds, series, table["gauge_lat"].to_numpy(float))
    _add_discharge(ds, series)
    notices += _add_predictors(ds, table)
    _add_geometry(ds, series, table)
    ds.attrs = {
        "name": "camels",
        "kind": "real",
        "source": f"CAMELS-US: {len(series.basins)} basins, Daymet forcing, USGS discharge",
        "licence": "not stated; citation is asked for",
        "citation": "Newman et al. (2015), doi:10.5194/hess-19-209-2015; Addor et al. (2017), "
        "doi:10.5194/hess-21-5293-2017",
        "dt_days": 1.0,
        "origin": axis.origin,
    }
    return schema.validate(ds), notices


def _attributes(directory: Path) -> pd.DataFrame:
    """All attribute tables side by side, by gauge."""
    tables = {p.stem: p for p in sorted(directory.rglob("camels_*.txt")) if p.stem != "camels_hydro"}
    if not tables:
        raise LandlabError(f"{directory} holds no camels_*.txt; the attribute tables of CAMELS are needed")
    parts = []
    for path in tables.values():
        try:
            parts.append(
                pd.read_csv(
                    path, sep=";", skipinitialspace=True, dtype={"gauge_id": str, "huc_02": str}
                ).set_index("gauge_id")
            )
        except (KeyError, ValueError, pd.errors.ParserError) as error:
            reason = " ".join(str(error).split())[:100]
            raise LandlabError(f"{path} is no table of gauge_id;...: {reason}") from None
    joined = pd.concat(parts, axis=1)
    missing = [name for name in PLACE if name not in joined]
    if missing:
        raise LandlabError(
            f"the attribute tables under {directory} have no {', '.join(missing)}; "
            f"camels_topo.txt and camels_name.txt hold them"
        )
    return joined


def _of_netcdf(path: Path) -> Series:
    names = tuple(UNITS)
    with source_files.open_(path) as opened:
        missing = [n for n in (*names, "basin", "time") if n not in opened.variables]
        if missing:
            raise LandlabError(
                f"{path} has no {', '.join(missing)}; it needs {', '.join(names)} over basin and time"
            )
        axis = months.read(opened["time"], None, str(path), daily=True)
        if axis.step != "day":
            raise LandlabError(f"{path}: time steps by months; CAMELS is daily")
        with source_files.readable(str(path)):
            ds = opened[list(names)].load()
            basins = [str(b) for b in np.asarray(opened["basin"].values).astype(str)]
    values = {}
    for name in names:
        own = ds[name].transpose("basin", "time").values.astype(np.float64)
        if unit := ds[name].attrs.get("units"):
            advice = f"correct the attribute `units` of {name}, or its values"
            own = units.convert(own, str(unit), UNITS[name], f"{path}: {name}", advice)
        values[name] = own
    return Series(basins, axis.time[0].astype("datetime64[D]"), values)


def _of_text(directory: Path) -> tuple[Series, list[str]]:
    """Read the archive's own files, and tell which gauges lack one of their two.

    Basins share the days that all of them have forcing for.
    """
    gauges = {
        m[1]: p for p in sorted(directory.rglob("*streamflow_qc.txt")) if (m := re.match(r"(\d{8})", p.name))
    }
    forcings = {
        m[1]: p
        for p in sorted(directory.rglob("*.txt"))
        if (m := re.match(r"(\d{8})", p.name)) and "streamflow" not in p.name
    }
    both = [gauge for gauge in gauges if gauge in forcings]
    if not both:
        raise LandlabError(
            f"{directory} holds no .nc file and no pair GAUGE_*streamflow_qc.txt, GAUGE_*daymet*.txt; "
            "give the directory of CAMELS-US"
        )
    frames = {gauge: _forcing_of_text(forcings[gauge]) for gauge in both}
    days = None
    for frame, _ in frames.values():
        days = frame.index if days is None else days.intersection(frame.index)
    assert days is not None
    if len(days) == 0 or (np.diff(days.values.astype("datetime64[D]")).astype(int) != 1).any():
        raise LandlabError(
            f"the basins under {directory} share no unbroken days of forcing; every day once, leap days included"
        )
    rows: dict[str, list[np.ndarray]] = {n: [] for n in UNITS}
    for gauge in both:
        frame, area = frames[gauge]
        for name in ("prcp", "tmin", "tmax", "srad", "vp"):
            rows[name].append(frame.loc[days, name].to_numpy(float))
        feet = _discharge_of_text(gauges[gauge]).reindex(days).to_numpy(float)
        rows["q_obs"].append(feet * CUBIC_FOOT * SECONDS / area * 1000)
    first = days.values[0].astype("datetime64[D]")
    notices = []
    for own, others, lack in ((gauges, forcings, "forcing"), (forcings, gauges, "streamflow")):
        if alone := sorted({*own} - {*others}):
            notices.append(f"left out: {len(alone)} gauges without a file of {lack}, {alone[0]} the first")
    return Series(both, first, {name: np.stack(values) for name, values in rows.items()}), notices


def _forcing_of_text(path: Path) -> tuple[pd.DataFrame, float]:
    """Read forcing by day, and the area of the basin in m2.

    The third line tells the area.
    """
    try:
        with path.open() as file:
            area = float([next(file) for _ in range(3)][2])
        frame = pd.read_csv(path, sep=r"\s+", skiprows=3)
        frame.columns = [re.sub(r"\(.*\)", "", c).lower() for c in frame.columns]
        frame.index = pd.to_datetime(
            {"year": frame["year"], "month": frame["mnth"], "day": frame["day"]}, errors="raise"
        )
        return frame[["prcp", "srad", "tmax", "tmin", "vp"]].astype(float), area
    except (ValueError, KeyError, StopIteration, pd.errors.ParserError) as error:
        reason = " ".join(str(error).split())[:100]
        raise LandlabError(f"{path} is no forcing file of CAMELS: {reason}") from None


def _discharge_of_text(path: Path) -> pd.Series:
    """Discharge by day, cubic feet a second; missing ones are NaN."""
    try:
        columns = ["gauge", "year", "month", "day", "flow", "flag"]
        frame = pd.read_csv(path, sep=r"\s+", names=columns, header=None)
        index = pd.DatetimeIndex(pd.to_datetime(frame[["year", "month", "day"]], errors="raise"))
        flow = frame["flow"].astype(float).to_numpy()
    except (ValueError, KeyError, pd.errors.ParserError) as error:
        reason = " ".join(str(error).split())[:100]
        raise LandlabError(f"{path} is no streamflow file of CAMELS: {reason}") from None
    return pd.Series(np.where(flow == MISSING, np.nan, flow), index=index)


def _add_forcing(ds: xr.Dataset, series: Series, latitude: np.ndarray) -> list[str]:
    v = series.values
    light = sun(ds["doy"].values, latitude).daylight.T * SECONDS / 24
    dry = 10 * 0.5 * (saturation(v["tmin"]) + saturation(v["tmax"])) - v["vp"] / 100
    given = {
        "precip": v["prcp"],
        "tmin": np.minimum(v["tmin"], v["tmax"]),
        "tmax": np.maximum(v["tmin"], v["tmax"]),
        "ssrd": v["srad"] * light / 1e6,
        "vpd": np.where(np.isfinite(dry), np.maximum(dry, 0.0), np.nan),
    }
    notices = ["ssrd is Daymet's radiation of daylight times the length of the day, from latitude and date"]
    crossed = v["tmax"] < v["tmin"]
    if crossed.any():
        notices.append(f"{crossed.sum()} days whose tmax is below tmin: the two are exchanged")

    def place(pixel: int, step: int) -> str:
        return f"basin {series.basins[pixel]}, {series.first + step}"

    for name, values in given.items():
        sound, clipped = forcing.sound(name, values, name, place)
        notices += clipped
        schema.add(ds, name, sound, "forcing", FORCING[name].unit, FORCING[name].meaning)
    return notices


def _add_discharge(ds: xr.Dataset, series: Series) -> None:
    flow = series.values["q_obs"]
    negative = np.argwhere(flow < 0)
    if len(negative):
        basin, step = negative[0]
        raise LandlabError(
            f"discharge of basin {series.basins[basin]} is {flow[basin, step]:g} mm d-1 on {series.first + step}; "
            f"it cannot be negative: write missing values as {MISSING:g} or NaN"
        )
    rain = series.values["prcp"]
    both = np.isfinite(flow) & np.isfinite(rain)
    total = np.where(both, rain, 0.0).sum(axis=1)
    share = np.where(both, flow, 0.0).sum(axis=1)[total > 0] / total[total > 0]
    if len(share) and np.median(share) > MOST_RUNOFF:
        raise LandlabError(
            f"discharge is {np.median(share):.0f} times the precipitation in the median basin, above {MOST_RUNOFF:g}: "
            f"are both in mm d-1? Cubic feet a second times {1000 * CUBIC_FOOT * SECONDS:.0f} over the area in m2 are"
        )
    stream = STREAMS["discharge"]
    variable = VARIABLES[stream.variable]
    schema.add(ds, stream.name, flow, "observation", variable.unit, variable.meaning)


def _add_predictors(ds: xr.Dataset, table: pd.DataFrame) -> list[str]:
    """Attributes as predictors; a text attribute as classes, numbered by the alphabet."""
    absent = []
    for group, names in GROUPS.items():
        for name in names:
            if name not in table:
                absent.append(name)
                continue
            column, about = table[name], f"CAMELS attribute {name}"
            numbers = pd.to_numeric(column, errors="coerce")
            if numbers.notna().sum() == column.notna().sum():
                if numbers.notna().any():
                    values = numbers.to_numpy(float)
                    schema.add(ds, name, values, "predictor", "1", about, group=group, kind="continuous")
                continue
            classes.add(ds, name, column.tolist(), group, about)
    return [f"attributes that the tables lack: {', '.join(absent)}"] if absent else []


def _add_geometry(ds: xr.Dataset, series: Series, table: pd.DataFrame) -> None:
    n = len(series.basins)
    patch = np.arange(n, dtype=np.int32)
    area = table["area_gages2"].to_numpy(float) * 1e6 if "area_gages2" in table else np.ones(n)
    test = split.choose_test_patches(patch) if n >= 3 else np.zeros(n, bool)
    schema.add(ds, "patch", patch, "geometry", "1", "number of the basin")
    schema.add(
        ds, "lat", table["gauge_lat"].to_numpy(float), "geometry", "degrees_north", "latitude of the gauge"
    )
    schema.add(
        ds, "lon", table["gauge_lon"].to_numpy(float), "geometry", "degrees_east", "longitude of the gauge"
    )
    schema.add(ds, "area_m2", area, "geometry", "m2", "area of the basin")
    schema.add(ds, "test", test, "geometry", "1", "the pixel is of a test patch")
    schema.add(ds, "site", np.array(series.basins, dtype=object), "geometry", "1", "number of the gauge")
    regions = np.array([f"huc_{x}" for x in table["huc_02"]], dtype=object)
    schema.add(ds, "region", regions, "geometry", "1", "hydrologic unit of two digits")
