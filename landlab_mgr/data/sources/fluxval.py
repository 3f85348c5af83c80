"""Importer of CARDAMOM-FluxVal 1.0: FLUXNET2015 towers with monthly forcing, fluxes, LAI and biomass.

Yang et al. (2022, doi:10.5194/gmd-15-1789-2022). A directory holds `location_fluxnet.csv`,
`cbf_files/flux_site_N.cbf` (N = 1-based row of the csv; see `cbf`) and
`validation_data/validation_SITE.csv` (the months withheld from the .cbf).
"""

from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from landlab_mgr.data import schema, split
from landlab_mgr.data.sources import cbf, months, seasons
from landlab_mgr.errors import LandlabError
from landlab_mgr.observations.steps import DAYS_PER_MONTH, MONTHS_PER_YEAR
from landlab_mgr.observations.streams import STREAMS
from landlab_mgr.observations.variables import FORCING, VARIABLES

ORIGIN = "2001-01-01"
TOWER_AREA_M2 = 1e6
CELL_DEGREES = 0.5

_WITHHELD = {"gpp_fluxnet": "GPP", "nee_site": "NEE", "et_fluxnet": "ET"}
"""Streams that the validation files hold, and their columns there."""

_ROUND_OFF = 1e-6
"""Negative precipitation and radiation down to minus this is round-off of the source, set to 0."""

_PLANT_TYPE_OF_IGBP = {
    **{"ENF": "NF", "DNF": "NF", "DBF": "DBF", "EBF": "EBF", "MF": "MF", "OSH": "SH", "CSH": "SH"},
    **{"SAV": "SAV", "WSA": "SAV", "GRA": "GRA", "WET": "WET", "CRO": "CRO"},
    **{"SNO": "NVG", "BSV": "NVG", "URB": "NVG"},
}

_SITE_PREDICTORS = {
    "elevation": ("elevation_m", "CLIM", "m", "elevation"),
    "canopy_height": ("canopy_height_m", "AGE", "m", "canopy height, for want of tree age"),
    "tree_cover": ("tree_cover_pct", "AGE", "%", "tree cover, for want of tree age"),
    "whc_top": ("whc_top_mm_m", "SOIL", "mm m-1", "water-holding capacity of the topsoil"),
    "whc_sub": ("whc_sub_mm_m", "SOIL", "mm m-1", "water-holding capacity of the subsoil"),
    "perc_top": ("perc_top_mm_h", "SOIL", "mm h-1", "percolation of the topsoil"),
    "perc_sub": ("perc_sub_mm_h", "SOIL", "mm h-1", "percolation of the subsoil"),
    "soil_class": ("soil_class_ecmwf", "SOIL", "1", "ECMWF soil texture class"),
}
"""Predictors of the csv: its column, the group, units and meaning."""
_CLASSES = ("soil_class",)
_NO_DATA = {"whc_top": 999.9, "whc_sub": 999.9}


def read(directory: str | Path, predictors_csv: str | Path | None = None) -> tuple[xr.Dataset, list[str]]:
    """Read a CARDAMOM-FluxVal directory into a dataset; nothing is written.

    Forcing and observations are the files' float64 bit for bit, except that -9999 is NaN and round-off
    negatives of precipitation and radiation are 0. A patch is a 0.5 degree cell, whose sites share one
    forcing. Without `predictors_csv` the groups are PFT, CLIM (MAT, MAP) and SEASON (see `seasons`); with it also
    elevation, AGE and SOIL.

    Returns the dataset and notices, one line each, of what was skipped or changed. Raises `LandlabError` for
    a directory or file that is missing or malformed.
    """
    directory = Path(directory)
    sites, notices = _sites(directory)
    columns, som_priors = _read_files(directory, sites)
    time_days, doy = columns["time_days"][0], columns["doy"][0]
    forcing, clip_notices = _forcing(sites, columns)
    observations = {name: columns[name] for name in cbf.OBSERVATION_COLUMNS}
    withheld, withheld_notices = _withheld(directory, sites, observations)
    observations["biomass"] = months.over_years(observations["biomass"])
    observations["som"] = np.repeat(som_priors[:, None], len(time_days), axis=1)
    for streams in (observations, withheld):
        streams["reco_fluxnet"] = streams["gpp_fluxnet"] + streams["nee_site"]

    ds = xr.Dataset(coords={"time": _mid_months(len(time_days))}, attrs=_attributes(directory))
    for name, values in forcing.items():
        schema.add(ds, name, values, "forcing", FORCING[name].unit, FORCING[name].meaning)
    schema.add(ds, "time_days", time_days, "time axis", "d", f"days since {ORIGIN}, mid-month")
    schema.add(ds, "doy", doy, "time axis", "d", "day of year, mid-month")
    for role, streams in (("observation", observations), ("withheld", withheld)):
        for stream, values in streams.items():
            variable = VARIABLES[STREAMS[stream].variable]
            schema.add(
                ds, schema.stream_variable(stream, role), values, role, variable.unit, variable.meaning
            )
    ds["biomass"].attrs["comment"] = (
        "one observed value a site, filled over the 12 months of its calendar year"
    )
    ds["som"].attrs["comment"] = "a prior of the initial pool, no observation; the same in all months"
    _add_geometry(ds, sites)
    _add_climate_and_plant_types(ds, sites)
    predictor_notices = _add_site_predictors(ds, sites, predictors_csv, directory)
    return schema.validate(ds), notices + clip_notices + withheld_notices + predictor_notices


def _attributes(directory: Path) -> dict[str, str | float]:
    readme = directory / "validation_data" / "README.md"
    licence = "CC-BY-4.0 (https://creativecommons.org/licenses/by/4.0/)"
    if readme.is_file():
        licence += "\n" + readme.read_text(encoding="utf-8", errors="replace").strip()
    return {
        "name": "fluxval",
        "kind": "real",
        "source": "CARDAMOM-FluxVal 1.0, derived from FLUXNET2015",
        "licence": licence,
        "citation": "Yang et al. (2022), Geosci. Model Dev. 15, 1789, doi:10.5194/gmd-15-1789-2022; "
        "Pastorello et al. (2020), Sci. Data 7, 225, doi:10.1038/s41597-020-0534-3",
        "dt_days": DAYS_PER_MONTH,
        "origin": ORIGIN,
    }


# --- tables -------------------------------------------------------------------------------------------------


def _table(path: Path, columns: list[str]) -> pd.DataFrame:
    """Read a csv as strings, with the columns that are needed."""
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, skipinitialspace=True)
    except FileNotFoundError:
        raise LandlabError(f"no file {path}; give the directory of CARDAMOM-FluxVal 1.0") from None
    except (OSError, UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise LandlabError(f"{path} cannot be read as csv: {' '.join(str(error).split())[:200]}") from None
    missing = [column for column in columns if column not in table]
    if missing:
        raise LandlabError(
            f"{path} lacks columns {', '.join(missing)}; it has {', '.join(table)[:200] or 'none'}"
        )
    return table


def _numbers(path: Path, table: pd.DataFrame, column: str, allow_empty: bool = False) -> np.ndarray:
    """Return a column as float64.

    An empty cell or "NaN" is NaN where allowed.
    """
    values = pd.to_numeric(table[column], errors="coerce").to_numpy(np.float64)
    empty = table[column].str.strip().str.lower().isin(["", "nan"]).to_numpy()
    bad = ~np.isfinite(values) & ~(empty if allow_empty else np.zeros_like(empty))
    if bad.any():
        row = int(bad.argmax())
        raise LandlabError(f"{path} line {row + 2}: {column} {table[column].iloc[row]!r:.60} is not a number")
    return values


def _sites(directory: Path) -> tuple[pd.DataFrame, list[str]]:
    """Return the sites that have a .cbf, and a notice of the others.

    The columns are number, name, igbp, lat, lon.
    """
    if not directory.is_dir():
        raise LandlabError(
            f"no directory {directory}; give the one that holds location_fluxnet.csv and cbf_files/"
        )
    if not (directory / "cbf_files").is_dir():
        raise LandlabError(f"{directory} has no cbf_files/; give the directory of CARDAMOM-FluxVal 1.0")
    path = directory / "location_fluxnet.csv"
    table = _table(path, ["Flux_name", "LC", "Lat", "lon"])
    sites = pd.DataFrame(
        {
            "number": np.arange(1, len(table) + 1),
            "name": table["Flux_name"],
            "igbp": table["LC"],
            "lat": _numbers(path, table, "Lat"),
            "lon": _numbers(path, table, "lon"),
        }
    )
    twice = sites["name"][sites["name"].duplicated()]
    if len(twice):
        raise LandlabError(f"{path} lists site {twice.iloc[0]:.60} twice; leave one row")
    unknown = sites[~sites["igbp"].isin(list(_PLANT_TYPE_OF_IGBP))]
    if len(unknown):
        site, igbp = unknown.iloc[0][["name", "igbp"]]
        raise LandlabError(
            f"{path}: site {site:.60} has LC {igbp!r:.60}; known: {', '.join(_PLANT_TYPE_OF_IGBP)}"
        )
    unlisted = _cbf_path(directory, len(table) + 1)
    if unlisted.is_file():
        raise LandlabError(
            f"{path} lists {len(table)} sites, but there is {unlisted.name}: it is cut off, get it again"
        )
    present = np.array([_cbf_path(directory, number).is_file() for number in sites["number"]], dtype=bool)
    if not present.any():
        raise LandlabError(f"{directory / 'cbf_files'} holds none of the {len(sites)} listed flux_site_N.cbf")
    notices = []
    if not present.all():
        absent = ", ".join(sites["name"][~present])
        notices.append(
            f"{(~present).sum()} of {len(sites)} listed sites have no .cbf file and are skipped: {absent}"
        )
    return sites[present].reset_index(drop=True), notices


def _cbf_path(directory: Path, number: int) -> Path:
    return directory / "cbf_files" / f"flux_site_{number}.cbf"


# --- forcing ------------------------------------------------------------------------------------------------


def _read_files(directory: Path, sites: pd.DataFrame) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Every column of every site, each [pixel, time], and the SOM priors [pixel]."""
    files: list[cbf.Cbf] = []
    for number, name, lat in zip(sites["number"], sites["name"], sites["lat"], strict=True):
        path = _cbf_path(directory, number)
        file = cbf.read(path)
        if not abs(file.latitude - lat) <= CELL_DEGREES:
            raise LandlabError(
                f"{path} is of latitude {file.latitude:g}, but row {number} of location_fluxnet.csv is "
                f"{name} at {lat:g}: use the csv that came with the files"
            )
        first = files[0] if files else file
        if not all(np.array_equal(file.columns[axis], first.columns[axis]) for axis in schema.TIME_AXIS):
            raise LandlabError(
                f"{path} has other days than the files before it; all must cover the same months"
            )
        files.append(file)
    columns = {name: np.stack([file.columns[name] for file in files]) for name in files[0].columns}
    return columns, np.array([file.som_prior for file in files])


def _forcing(sites: pd.DataFrame, columns: dict[str, np.ndarray]) -> tuple[dict[str, np.ndarray], list[str]]:
    forcing, notices = {}, []
    for name, variable in FORCING.items():
        values = columns[name]
        gaps = ~np.isfinite(values) | (values == cbf.MISSING)
        if gaps.any():
            pixel, month = np.argwhere(gaps)[0]
            site = sites["name"][pixel]
            raise LandlabError(
                f"site {site}: {name} is missing in month {month + 1}; forcing must have no gaps"
            )
        if name in ("precip", "ssrd") and (values < 0).any():
            lowest = values.min()
            if lowest < -_ROUND_OFF:
                site = sites["name"][int(np.argwhere(values == lowest)[0, 0])]
                raise LandlabError(f"site {site}: {name} {lowest:g} {variable.unit}; allowed: 0 or more")
            notices.append(
                f"{(values < 0).sum()} round-off negatives of {name} (down to {lowest:.1e}) are set to 0"
            )
            values = np.where(values < 0, 0.0, values)
        forcing[name] = values
    return forcing, notices


# --- months -------------------------------------------------------------------------------------------------


def _mid_months(count: int) -> np.ndarray:
    """Middle of each calendar month from the origin on, datetime64[ns] [count]."""
    edges = (np.datetime64(ORIGIN, "M") + np.arange(count + 1)).astype("datetime64[s]")
    return (edges[:-1] + (edges[1:] - edges[:-1]) // 2).astype("datetime64[ns]")


def _withheld(
    directory: Path, sites: pd.DataFrame, observations: dict[str, np.ndarray]
) -> tuple[dict[str, np.ndarray], list[str]]:
    """Read the withheld months of each flux, [pixel, time].

    The second item has a notice of the sites that have none.
    """
    n_months = observations["gpp_fluxnet"].shape[1]
    withheld = {stream: np.full_like(observations[stream], np.nan) for stream in _WITHHELD}
    without = []
    for pixel, name in enumerate(sites["name"]):
        path = directory / "validation_data" / f"validation_{name}.csv"
        if not path.is_file():
            without.append(name)
            continue
        table = _table(path, ["ID", "Date", *_WITHHELD.values()])
        month = _numbers(path, table, "ID") - 1
        date = _numbers(path, table, "Date")
        origin_year = int(ORIGIN[:4])
        expected = (origin_year + month // MONTHS_PER_YEAR) * 100 + month % MONTHS_PER_YEAR + 1
        wrong = (month != np.floor(month)) | (month < 0) | (month >= n_months) | (date != expected)
        if wrong.any():
            row = int(wrong.argmax())
            raise LandlabError(
                f"{path} line {row + 2}: ID {table['ID'].iloc[row]:.20} and Date {table['Date'].iloc[row]:.20}; "
                f"ID 1..{n_months} counts the months from {ORIGIN[:7]} that Date names as yyyymm"
            )
        index = month.astype(int)
        if len(np.unique(index)) < len(index):
            raise LandlabError(f"{path} lists a month twice; leave one row for each")
        for stream, column in _WITHHELD.items():
            values = _numbers(path, table, column, allow_empty=True)
            values = np.where(values == cbf.MISSING, np.nan, values)
            both = np.isfinite(values) & np.isfinite(observations[stream][pixel, index])
            if both.any():
                row = int(both.argmax())
                raise LandlabError(
                    f"{path} line {row + 2}: {column} of month {index[row] + 1} is withheld and in the .cbf "
                    "too; withheld months must be disjoint from training months: use the files of one release"
                )
            withheld[stream][pixel, index] = values
    notices = [f"{len(without)} sites have no withheld months: {', '.join(without)}"] if without else []
    return withheld, notices


# --- geometry and predictors --------------------------------------------------------------------------------


def _add_geometry(ds: xr.Dataset, sites: pd.DataFrame) -> None:
    cells = np.floor(sites[["lat", "lon"]].to_numpy() / CELL_DEGREES)
    patch = np.unique(cells, axis=0, return_inverse=True)[1].reshape(-1).astype(np.int64)
    area = np.full(len(sites), TOWER_AREA_M2)
    schema.add(
        ds, "patch", patch, "geometry", "1", "number of the 0.5 degree cell, whose sites share forcing"
    )
    schema.add(ds, "lat", sites["lat"].to_numpy(), "geometry", "degrees_north", "latitude of the tower")
    schema.add(ds, "lon", sites["lon"].to_numpy(), "geometry", "degrees_east", "longitude of the tower")
    schema.add(ds, "area_m2", area, "geometry", "m2", "area of a nominal tower footprint, the same for all")
    schema.add(ds, "test", split.choose_test_patches(patch), "geometry", "1", "the pixel is of a test patch")
    schema.add(ds, "site", sites["name"].to_numpy(dtype=object), "geometry", "1", "FLUXNET name of the site")


def _add_climate_and_plant_types(ds: xr.Dataset, sites: pd.DataFrame) -> None:
    for group, found in (("CLIM", months.climate(ds)), (seasons.GROUP, seasons.predictors(ds))):
        for name, (values, unit, about) in found.items():
            schema.add(ds, name, values, "predictor", unit, about, group=group, kind="continuous")
    plant_type = sites["igbp"].map(_PLANT_TYPE_OF_IGBP).to_numpy()
    for name in schema.PLANT_TYPES:
        fraction = (plant_type == name).astype(np.float64)
        attrs = {"group": "PFT", "kind": "continuous"}
        schema.add(
            ds,
            name,
            fraction,
            "predictor",
            "1",
            f"fraction of plant type {name}, from the IGBP class",
            **attrs,
        )


def _add_site_predictors(
    ds: xr.Dataset, sites: pd.DataFrame, path: str | Path | None, directory: Path
) -> list[str]:
    if path is None:
        hint = directory / "site_predictors.csv"
        advice = f": give --predictors {hint} for them" if hint.is_file() else ""
        return [f"without a predictors csv there is no elevation and no group AGE or SOIL{advice}"]
    path = Path(path)
    table = _table(path, ["site", *(column for column, *_ in _SITE_PREDICTORS.values())])
    if table["site"].duplicated().any():
        raise LandlabError(
            f"{path} lists site {table['site'][table['site'].duplicated()].iloc[0]} twice; leave one row"
        )
    notices = []
    row_of = {name: row for row, name in enumerate(table["site"])}
    rows = np.array([row_of.get(name, -1) for name in sites["name"]])
    if (rows < 0).any():
        absent = ", ".join(sites["name"][rows < 0])
        notices.append(
            f"{(rows < 0).sum()} sites are not in {path.name}; their predictors are missing: {absent}"
        )
    for name, (column, group, units, long_name) in _SITE_PREDICTORS.items():
        listed = _numbers(path, table, column, allow_empty=True)
        values = np.where(rows < 0, np.nan, listed[rows])
        no_data = values == _NO_DATA.get(name)
        if no_data.any():
            notices.append(
                f"{no_data.sum()} values of {column} are the no-data code {_NO_DATA[name]}: missing"
            )
            values[no_data] = np.nan
        attrs: dict[str, object] = {"group": group, "kind": "continuous"}
        if name in _CLASSES:
            attrs |= {
                "kind": "class",
                "classes": [int(code) for code in np.unique(listed[np.isfinite(listed)])],
            }
        schema.add(ds, name, values, "predictor", units, long_name, **attrs)
    return notices
