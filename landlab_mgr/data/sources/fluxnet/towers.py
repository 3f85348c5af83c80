"""Towers' files made into a dataset of a pixel for each site, by month or by day.

The dataset covers the years of all towers (or those that are asked for). Outside its own record a site's forcing is
that of its reanalysis file, with which a model spins up; or else its own years again, and the stores of a land model
stand still (`in_record` is 0). Nothing is observed there. `forcing_source` says where the forcing of a step comes from.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from landlab_mgr.data import schema, split
from landlab_mgr.data.sources import forcing, months, site_table
from landlab_mgr.data.sources.fluxnet import files, steps
from landlab_mgr.data.sources.forcing import ASSUMED, FILLED, OTHER_YEAR, OWN, REPEATED
from landlab_mgr.errors import LandlabError
from landlab_mgr.observations.steps import DAYS_PER_YEAR, MONTHS_PER_YEAR
from landlab_mgr.observations.streams import STREAMS
from landlab_mgr.observations.variables import FORCING, VARIABLES

FOOTPRINT_M2 = 1e6
"""Area of a tower's footprint, the same for all."""
CELL_DEGREES = 0.5
"""Towers within one such cell share a patch, so that no split divides them."""
LEAST_GOOD = 0.7
"""Share of measured or well filled data that a month or day needs (Pastorello et al. 2020 ask for it of half-hours)."""

CO2_2000, CO2_RISE, CO2_ACCELERATION = 368.33, 1.8083, 0.016246
"""ppm, ppm yr-1 and ppm yr-2: parabola fitted to NOAA's global monthly means of 1979 to 2026, within 4 ppm of each."""
CO2_YEARS = (1975, 2030)
"""Years for which the parabola may be used."""

Fill = Literal["era", "own"]
"""Reanalysis of the site, or the same month or day of the nearest other year of its own record."""

_STEPS_FOR: dict[steps.Target, tuple[files.Step, ...]] = {
    "month": ("MM", "DD", "HH", "WW"),
    "day": ("DD", "HH"),
}
"""Steps of files that a dataset's steps are made of, the best first."""
_STREAM_OF = {s.variable: s.name for s in STREAMS.values() if s.tower}
"""Stream of each flux that towers observe."""
_MET = ("tmin", "tmax", "ssrd", "vpd", "precip")
_MET_COLUMNS = ("TA_{}", "TA_{}_NIGHT", "TA_{}_DAY", "SW_IN_{}", "VPD_{}", "P_{}")


@dataclass(frozen=True)
class Options:
    """Choices among what the files hold."""

    step: steps.Target = "month"
    nee: str = "VUT_REF"
    """Variant of NEE, GPP and RECO by friction velocity, such as CUT_REF or VUT_USTAR50."""
    partitioning: Literal["NT", "DT"] = "NT"
    """GPP and RECO from night-time or day-time data."""
    latent_heat: Literal["LE_F_MDS", "LE_CORR"] = "LE_F_MDS"
    share: float = LEAST_GOOD
    fill: tuple[Fill, ...] = ()
    """Sources of forcing that a tower lacks, in turn."""
    assume: dict[str, float] = field(default_factory=dict)
    """Constants by SITE.FORCING, for what no source has."""
    co2: str = "global"
    """global, tower, a number of ppm, or a CSV of monthly means."""
    years: tuple[int, int] | None = None
    units: dict[str, str] = field(default_factory=dict)
    """By column, units that are not the network's."""
    places: dict[str, tuple[float, float]] = field(default_factory=dict)
    """Latitude and longitude by site, for sites that no table tells."""

    def columns(self) -> dict[str, tuple[str, str]]:
        """Column of each stream, and that of its quality."""
        quality = f"NEE_{self.nee}_QC"
        return {
            _STREAM_OF["nee"]: (f"NEE_{self.nee}", quality),
            _STREAM_OF["gpp"]: (f"GPP_{self.partitioning}_{self.nee}", quality),
            _STREAM_OF["reco"]: (f"RECO_{self.partitioning}_{self.nee}", quality),
            _STREAM_OF["et"]: (self.latent_heat, "LE_F_MDS_QC"),
        }


class Imported(NamedTuple):
    """A dataset, what was changed or left out (a line each), and a table of what was kept, by site."""

    dataset: xr.Dataset
    notices: list[str]
    kept: pd.DataFrame


@dataclass
class _Site:
    """A tower: its series by the first instant of each step."""

    name: str
    step: files.Step
    own: pd.DataFrame
    """Forcing of the tower's file."""
    era: pd.DataFrame
    """Forcing of reanalysis; empty where it is not asked for."""
    observed: pd.DataFrame
    offered: dict[str, int]
    """Steps with a value by stream, whatever its quality."""


def read(
    paths: Sequence[str | Path], options: Options | None = None, sites: str | Path | None = None
) -> Imported:
    """Read towers' files into a dataset; nothing is written.

    Args:
        paths: CSV files, zip archives, and folders of them; also BADM files and a table `site,lat,lon,igbp,...`.
        options: choices among what the files hold.
        sites: a table of the sites, beside those among the files.

    Raises:
        LandlabError: for a damaged file, or where no site is left.
    """
    options = options or Options()
    if not 0 <= options.share <= 1:
        raise LandlabError(f"share {options.share:g}: a share of measured data is 0..1")
    unknown = [key for key in options.assume if key.rpartition(".")[2] not in _MET]
    if unknown:
        raise LandlabError(f"assumed {unknown[0]!r}: it is SITE.NAME, with NAME one of {', '.join(_MET)}")
    notices: list[str] = []
    by_kind = _by_kind(paths, sites, notices)
    table = _places(by_kind["sites"], options)
    choices, out = _chosen(by_kind["tower"], options.step, notices)
    eras, _ = _chosen(by_kind["era"], options.step, []) if "era" in options.fill else ({}, {})
    towers = {}
    for name, sources in sorted(choices.items()):
        place = table.loc[name] if name in table.index else None
        if place is None or not place["lat"] or not place["lon"]:
            out[name] = f"no place: give a table site,lat,lon with --sites, or --place {name}=LAT,LON"
            continue
        towers[name] = _site(name, sources, eras.get(name, []), options, notices)
    ds, rows = _dataset(towers, table, options, out, notices)
    for name, why in sorted(out.items()):
        rows[name] = {"site": name, "left out": why}
    kept = pd.DataFrame([rows[name] for name in sorted(rows)]).fillna("")
    return Imported(ds, notices, kept.drop(columns=["unforced"]))


def _by_kind(
    paths: Sequence[str | Path], sites: str | Path | None, notices: list[str]
) -> dict[files.Kind, list[files.Source]]:
    by_kind: dict[files.Kind, list[files.Source]] = {"tower": [], "era": [], "sites": [], "other": []}
    for source in files.sources(paths):
        by_kind[files.kind(source, source.header())].append(source)
    if sites is not None:
        own = files.sources([sites])
        for source in own:
            if files.kind(source, source.header()) != "sites":
                raise LandlabError(
                    f"{source.name} is no table of sites: its first line must name site, lat and lon"
                )
        by_kind["sites"] = own + by_kind["sites"]
    if not by_kind["tower"]:
        what = ", ".join(map(str, paths))
        raise LandlabError(
            f"{what[:120]}: no file of a tower; they are CSV with TIMESTAMP, TA_F, NEE_VUT_REF and so on, "
            "and the site in the name, as FLX_DE-Tha_FLUXNET2015_FULLSET_MM_1996-2014_1-4.csv"
        )
    others = [source.name for source in by_kind["other"]]
    if others:
        more = f" and {len(others) - 1} more" if len(others) > 1 else ""
        notices.append(
            f"neither a tower's file with its site in the name nor a table of sites: {others[0]}{more}"
        )
    return by_kind


def _places(sources: list[files.Source], options: Options) -> pd.DataFrame:
    """Sites by name, all text; those given by hand first."""
    by_hand = pd.DataFrame(
        {
            "lat": {site: str(lat) for site, (lat, _) in options.places.items()},
            "lon": {site: str(lon) for site, (_, lon) in options.places.items()},
        },
        dtype=object,
    )
    tables = [site_table.read(source.text(), source.name) for source in sources]
    return site_table.joined([by_hand, *tables])


def _chosen(
    sources: list[files.Source], target: steps.Target, notices: list[str]
) -> tuple[dict[str, list[files.Source]], dict[str, str]]:
    """Files of each site that are of the best step, and the sites that have none, with why."""
    by_site: dict[str, dict[str, list[files.Source]]] = {}
    for source in sources:
        step = files.step_of(source)
        by_site.setdefault(source.site, {}).setdefault(step, []).append(source)
    chosen: dict[str, list[files.Source]] = {}
    out: dict[str, str] = {}
    for site, by_step in by_site.items():
        best = next((step for step in _STEPS_FOR[target] if step in by_step), None)
        if best is None:
            out[site] = f"its files step by {', '.join(sorted(by_step))}; a {target} cannot be made of that"
            continue
        full = [s for s in by_step[best] if "SUBSET" not in s.name.rpartition("/")[2]]
        chosen[site] = full or by_step[best]
        if best == "WW":
            notices.append(f"{site}: weeks are spread over their days, since it has no other file")
    return chosen, out


def _site(
    name: str,
    sources: list[files.Source],
    eras: list[files.Source],
    options: Options,
    notices: list[str],
) -> _Site:
    fluxes = options.columns()
    met = [column.format(suffix) for suffix in ("F", "ERA") for column in _MET_COLUMNS]
    wanted = [*met, "SW_IN_POT", "CO2_F_MDS", *(c for pair in fluxes.values() for c in pair)]
    tables = [files.read(source, wanted) for source in sources]
    own = _stacked([_frame(steps.forcing(t, "F", options.step, options.units)) for t in tables], tables)
    era = pd.DataFrame()
    if "era" in options.fill:
        beside = [steps.forcing(t, "ERA", options.step, options.units) for t in tables]
        era_tables = [files.read(source, met) for source in eras]
        alone = [steps.forcing(t, "ERA", options.step, options.units) for t in era_tables]
        era = _stacked([_frame(x) for x in beside], tables)
        if alone:
            era = era.combine_first(_stacked([_frame(x) for x in alone], era_tables))
    kept: list[pd.DataFrame] = []
    offered = dict.fromkeys(fluxes, 0)
    for table in tables:
        series = {}
        for stream, (column, quality) in fluxes.items():
            pair = steps.stream(table, stream, column, quality, options.step, options.share, options.units)
            if pair is None:
                variants = sorted(c for c in table.source.header() if c.startswith(column[:3]) and "REF" in c)
                if column.startswith("NEE"):
                    has = f"; it has {', '.join(variants[:4])}" if variants else ""
                    notices.append(f"{name}: {table.source.path.name} has no {column}{has}")
                continue
            series[stream] = pair[0]
            offered[stream] += int(pair[1].notna().sum())
        kept.append(_frame(series))
    return _Site(name, tables[0].step, own, era, _stacked(kept, tables), offered)


def _frame(series: dict[str, "pd.Series[float]"]) -> pd.DataFrame:
    return pd.DataFrame(series)


def _stacked(frames: list[pd.DataFrame], tables: list[files.Table]) -> pd.DataFrame:
    """Frames of several files of a site, one after the other; LandlabError where two have one step."""
    whole = pd.concat(frames)
    twice = whole.index.duplicated()
    if twice.any():
        names = ", ".join(sorted(t.source.name for t in tables))
        raise LandlabError(
            f"{whole.index[twice][0].date()} is in more than one of {names[:200]}; leave one out"
        )
    return whole.sort_index()


def _dataset(
    towers: dict[str, _Site],
    table: pd.DataFrame,
    options: Options,
    out: dict[str, str],
    notices: list[str],
) -> tuple[xr.Dataset, dict[str, dict[str, object]]]:
    code: Literal["M", "D"] = "M" if options.step == "month" else "D"
    usable = {name: site for name, site in towers.items() if _record(site, options, code, out) is not None}
    if not usable:
        reasons = "; ".join(f"{name}: {why}" for name, why in sorted(out.items())[:2])
        raise LandlabError(f"no site is left of {len(out)}: {reasons}")
    axis, index = _axis(usable, options, code)
    met: dict[str, list[np.ndarray]] = {name: [] for name in (*_MET, "co2")}
    flags, names = [], []
    rows: dict[str, dict[str, object]] = {}
    world = _global_co2(options.co2, axis)
    for name, site in usable.items():
        series, flag = _filled(site, index, options)
        if not all(np.isfinite(series[n]).all() for n in _MET):
            out[name] = _gap(site, index, options)
            continue
        site.observed = site.observed.reindex(index[flag != REPEATED])
        own = series.pop("co2")
        series["co2"] = np.where(np.isfinite(own), own, world) if options.co2 == "tower" else world
        for n, values in series.items():
            met[n].append(values)
        flags.append(flag)
        names.append(name)
        rows[name] = _row(site, table.loc[name], index, flag, options)
    if not names:
        reasons = "; ".join(f"{name}: {why}" for name, why in sorted(out.items())[:2])
        raise LandlabError(f"no site is left of {len(out)}: {reasons}")
    ds = months.dataset(axis)
    unit: Literal["M", "D"] = code

    def place(pixel: int, step: int) -> str:
        return f"{names[pixel]}, {np.datetime_as_string(axis.time[step], unit)}"

    for name, stack in met.items():
        values, clipped = forcing.sound(name, np.stack(stack), name, place)
        notices += clipped
        schema.add(ds, name, values, "forcing", FORCING[name].unit, FORCING[name].meaning)
    burned = FORCING["burned_area"]
    nothing = np.zeros((len(names), len(index)))
    schema.add(ds, "burned_area", nothing, "forcing", burned.unit, burned.meaning)
    forcing.add_sources(ds, np.stack(flags))
    for stream, (column, _) in options.columns().items():
        variable = VARIABLES[STREAMS[stream].variable]
        values = np.stack([_over(usable[n].observed, stream, index) for n in names])
        if np.isfinite(values).any():
            schema.add(ds, stream, values, "observation", variable.unit, variable.meaning, column=column)
        else:
            notices.append(f"{stream}: no site has {column} of enough quality (share {options.share:g})")
    _add_geometry(ds, table.loc[names])
    notices += _add_predictors(ds, table.loc[names])
    notices += _notices(ds, rows, options)
    ds.attrs = {
        "name": "towers",
        "kind": "real",
        "source": f"tower files of {len(names)} sites (ONEFlux): {', '.join(names)}",
        "licence": "as the network states it for each site (CC-BY-4.0 for FLUXNET2015, ICOS and most of AmeriFlux)",
        "citation": "Pastorello et al. (2020), doi:10.1038/s41597-020-0534-3, and the sites' own papers",
        "dt_days": axis.dt_days,
        "origin": axis.origin,
    }
    return schema.validate(ds), rows


def _record(
    site: _Site, options: Options, code: Literal["M", "D"], out: dict[str, str]
) -> tuple[pd.Timestamp, pd.Timestamp] | None:
    """First and last step of a site's own file; None, with the reason, where nothing of it can be used."""
    observed = site.observed.dropna(how="all")
    if observed.empty:
        offered = sum(site.offered.values())
        out[site.name] = (
            f"no flux of share {options.share:g} or more of measured data ({offered} values of any quality)"
            if offered
            else "no flux in its file"
        )
        return None
    return site.own.index[0], site.own.index[-1]


def _axis(
    towers: dict[str, _Site], options: Options, code: Literal["M", "D"]
) -> tuple[months.Axis, pd.DatetimeIndex]:
    """Return the steps of the dataset: whole years, so that annual means have all of them."""
    first = min(site.own.index[0] for site in towers.values()).year
    last = max(site.own.index[-1] for site in towers.values()).year
    if options.years is not None:
        first, last = options.years
    begin, end = (np.datetime64(f"{year:04d}-01", "M") for year in (first, last + 1))
    if code == "M":
        axis = months.axis(begin, int((end - begin).astype(int)))
    else:
        axis = months.axis_of_days(
            begin.astype("datetime64[D]"), int((end.astype("datetime64[D]") - begin).astype(int))
        )
    return axis, pd.DatetimeIndex(axis.time.astype(f"datetime64[{code}]").astype("datetime64[ns]"))


def _over(frame: pd.DataFrame, name: str, index: pd.DatetimeIndex) -> np.ndarray:
    if name not in frame:
        return np.full(len(index), np.nan)
    return frame[name].reindex(index).to_numpy(np.float64)


def _filled(
    site: _Site, index: pd.DatetimeIndex, options: Options
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Fill the forcing of a site over the dataset's steps; the second item says where it comes from."""
    series = {name: _over(site.own, name, index) for name in (*_MET, "co2")}
    flag = np.full(len(index), OWN)
    inside = np.asarray((index >= site.own.index[0]) & (index <= site.own.index[-1]))
    per_year = MONTHS_PER_YEAR if options.step == "month" else DAYS_PER_YEAR
    for name in _MET:
        constant = options.assume.get(f"{site.name}.{name}", np.nan)
        for source, values in (
            (FILLED, _over(site.era, name, index)),
            (OTHER_YEAR, _nearest_year(series[name], inside, per_year) if "own" in options.fill else None),
            (ASSUMED, np.where(inside, constant, np.nan)),
        ):
            if values is not None:
                use = ~np.isfinite(series[name]) & np.isfinite(values)
                series[name] = np.where(use, values, series[name])
                flag[use] = source
    lows, highs = series["tmin"], series["tmax"]  # one of the two may be of another source
    series["tmin"], series["tmax"] = np.minimum(lows, highs), np.maximum(lows, highs)
    complete = np.flatnonzero(np.all([np.isfinite(series[name]) for name in _MET], axis=0))
    if complete.size:
        first, last = int(complete[0]), int(complete[-1])
        for name in _MET:
            series[name] = forcing.repeated(series[name][first : last + 1], first, len(index), per_year)
        flag[:first] = flag[last + 1 :] = REPEATED
    return series, flag


def _nearest_year(values: np.ndarray, inside: np.ndarray, per_year: float) -> np.ndarray:
    """Return the values of the nearest other year of a record, at its gaps; NaN where none has one."""
    filled = np.array(values)
    step = np.arange(len(values))
    for years in range(1, int(len(values) // per_year) + 1):
        for shift in (-round(years * per_year), round(years * per_year)):
            at = np.clip(step + shift, 0, len(values) - 1)
            use = inside & ~np.isfinite(filled) & (at == step + shift)
            filled[use] = values[at[use]]
    return filled


def _gap(site: _Site, index: pd.DatetimeIndex, options: Options) -> str:
    """Return why the forcing of a site has gaps, and what would fill them."""
    inside = np.asarray((index >= site.own.index[0]) & (index <= site.own.index[-1]))
    missing = {name: int((~np.isfinite(_over(site.own, name, index)) & inside).sum()) for name in _MET}
    name = max(missing, key=lambda n: missing[n])
    if not missing[name]:
        return f"its forcing of {inside.sum()} {options.step}s is less than a year, and cannot be repeated"
    advice = {0: "--fill era or era+own, or ", 1: "--fill era+own, or "}.get(len(options.fill), "")
    return (
        f"{name} is missing in {missing[name]} of {inside.sum()} {options.step}s: "
        f"{advice}--assume {site.name}.{name}=VALUE"
    )


def _row(
    site: _Site, place: "pd.Series[str]", index: pd.DatetimeIndex, flag: np.ndarray, options: Options
) -> dict[str, object]:
    inside = (index >= site.own.index[0]) & (index <= site.own.index[-1])
    row: dict[str, object] = {
        "site": site.name,
        "igbp": place.get(site_table.IGBP, ""),
        "file": site.step,
        "from": str(site.own.index[0].date())[:7],
        "to": str(site.own.index[-1].date())[:7],
        f"{options.step}s": str(inside.sum()),
    }
    for stream in options.columns():
        kept = int(np.isfinite(_over(site.observed, stream, index)).sum())
        row[STREAMS[stream].variable] = f"{kept} of {site.offered[stream]}"
    row["filled"] = str(np.isin(flag, (FILLED, OTHER_YEAR, ASSUMED)).sum())
    row["repeated"] = str((flag == REPEATED).sum())
    row["unforced"] = str(((flag == REPEATED) & inside).sum())
    row["left out"] = ""
    return row


def _notices(ds: xr.Dataset, rows: dict[str, dict[str, object]], options: Options) -> list[str]:
    lines = ["tmin and tmax are the mean temperatures of nights and days (the files have no extremes)"]
    flag = ds["forcing_source"].values
    if (flag == REPEATED).any():
        lines.append(
            f"{(flag == REPEATED).any(axis=1).sum()} sites have no forcing in some of the years: there the stores of a "
            "model stand still, and nothing is observed; --years FIRST-LAST shortens the record"
        )
    lost = {name: int(str(row["unforced"])) for name, row in rows.items() if row["unforced"] != "0"}
    if lost:
        lines.append(
            f"{sum(lost.values())} {options.step}s of towers without all forcing are not observed "
            f"({', '.join(lost)}): --fill era+own takes what is missing from the nearest other year"
        )
    filled = np.isin(flag, (FILLED, OTHER_YEAR, ASSUMED))
    if filled.any():
        lines.append(
            f"forcing_source says where forcing is not the tower's: {filled.sum()} {options.step}s of "
            f"{filled.any(axis=1).sum()} sites"
        )
    unflagged = [
        name for name, row in rows.items() if str(row["et"]).startswith("0 of") and row["et"] != "0 of 0"
    ]
    if unflagged:
        lines.append(
            f"evapotranspiration of {', '.join(unflagged)} is left out: its quality flags are missing or too low "
            "(--share 0 takes all)"
        )
    if options.co2 == "global":
        lines.append("co2 is the global mean of each date, the same for all (--co2 tower takes the towers')")
    return lines


def _global_co2(given: str, axis: months.Axis) -> np.ndarray:
    """CO2 of each step [time], ppm."""
    time = axis.time
    if given in ("global", "tower"):
        year = time.astype("datetime64[Y]").astype(int) + 1970
        if year[0] < CO2_YEARS[0] or year[-1] > CO2_YEARS[1]:
            raise LandlabError(
                f"the global CO2 is of {CO2_YEARS[0]} to {CO2_YEARS[1]}, and the dataset of {year[0]} to {year[-1]}: "
                "give --co2 PPM, or --co2 FILE.csv"
            )
        since = year + axis.doy / DAYS_PER_YEAR - 2000
        return CO2_2000 + CO2_RISE * since + CO2_ACCELERATION * since**2
    try:
        return np.full(len(time), float(given))
    except ValueError:
        return _co2_file(Path(given), time)


def _co2_file(path: Path, time: np.ndarray) -> np.ndarray:
    """CO2 of a CSV whose lines begin with a month, as 2001-01 or year and month; the value is in the named column."""
    if not path.is_file():
        raise LandlabError(f"--co2 {path}: neither global, tower, a number of ppm nor a file")
    source = files.Source(path)
    lines = [
        line for line in source.path.read_text("utf-8", "replace").splitlines() if not line.startswith("#")
    ]
    names = [name.strip().strip('"').lower() for name in lines[0].split(",")] if lines else []
    column = next((names.index(n) for n in ("average", "co2", "mean") if n in names), None)
    if column is None or not names or names[0] not in ("date", "time", "month", "year"):
        raise LandlabError(f"{path} must have columns date (2001-01) or year and month, and average or co2")
    by_month: dict[np.datetime64, float] = {}
    for number, line in enumerate(lines[1:], start=2):
        cells = [cell.strip() for cell in line.split(",")]
        try:
            day = f"{int(cells[0]):04d}-{int(cells[1]):02d}" if names[0] == "year" else cells[0][:7]
            by_month[np.datetime64(day, "M")] = float(cells[column])
        except (ValueError, IndexError):
            raise LandlabError(f"{path} line {number}: {line[:40]!r} is no month and number") from None
    values = np.array([by_month.get(month, np.nan) for month in time.astype("datetime64[M]")])
    bad = ~((values > 0) & np.isfinite(values))
    if bad.any():
        raise LandlabError(f"{path} has no CO2 of {np.datetime_as_string(time[int(bad.argmax())], 'M')}")
    return values


def _add_geometry(ds: xr.Dataset, sites: pd.DataFrame) -> None:
    lat, lon = (sites[name].to_numpy().astype(float) for name in ("lat", "lon"))
    lon = np.where((lon > 180) & (lon <= 360), lon - 360, lon)
    cells = np.floor(np.stack([lat, lon], axis=1) / CELL_DEGREES)
    patch = np.unique(cells, axis=0, return_inverse=True)[1].reshape(-1).astype(np.int32)
    enough = patch.max() >= 2
    test = split.choose_test_patches(patch) if enough else np.zeros(len(patch), bool)
    about = "number of the 0.5 degree cell, whose sites are never on two sides of a split"
    schema.add(ds, "patch", patch, "geometry", "1", about)
    schema.add(ds, "lat", lat, "geometry", "degrees_north", "latitude of the tower")
    schema.add(ds, "lon", lon, "geometry", "degrees_east", "longitude of the tower")
    area = np.full(len(patch), FOOTPRINT_M2)
    schema.add(ds, "area_m2", area, "geometry", "m2", "nominal area, the same for all")
    schema.add(ds, "test", test, "geometry", "1", "the pixel is of a test patch")
    schema.add(ds, "site", np.array(list(sites.index), dtype=object), "geometry", "1", "name of the site")


def _add_predictors(ds: xr.Dataset, sites: pd.DataFrame) -> list[str]:
    for name, (values, unit, about) in months.climate(ds).items():
        schema.add(ds, name, values, "predictor", unit, about, group="CLIM", kind="continuous")
    notices = site_table.add_predictors(ds, sites)
    if not ds["test"].values.any():
        notices.append('no pixel is kept for testing: train with split.kind = "years" or "all"')
    return notices
