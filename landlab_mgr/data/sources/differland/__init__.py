"""Importer of DifferLand's global drivers: predictors, forcing and observations of 0.25 degrees, monthly 2001-2023.

Fang et al., doi:10.5281/zenodo.13984226; `landlab data fetch differland` brings the files. What they hold is known
from the published code, https://github.com/JianingFang/DifferLand_Global. As there,

- a pixel counts where `era_valid` holds, it has a rank in `run_simulation_idx`, and no predictor is missing;
- a patch is what shares a rank (a box of 4 x 5 degrees); negative ranks are the test set;
- a tower's value weighs what its `*_weight` says, 1 where that says nothing.

As there, NBE and EWT count only in patches of which 80 % are valid, and fire where it is an inversion's. The published
code's months have 30 days; `dt_days=30` does the same but for runoff, which there is per step and here per month of
30.4375 days: 1.4 % less in ours, and the pool of water differs by more. The code's is the process
`runoff = "per_step"`.
"""

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from landlab_mgr.data import parts, schema, store
from landlab_mgr.data.sources import fetch, gridded, units
from landlab_mgr.data.sources.differland import files as source
from landlab_mgr.data.sources.differland.files import DRIVER, FILES, PREDICTORS, VALID, Grid, Units
from landlab_mgr.data.sources.differland.land import Land, choose
from landlab_mgr.data.sources.source_files import readable
from landlab_mgr.errors import LandlabError
from landlab_mgr.observations.steps import DAYS_PER_MONTH
from landlab_mgr.observations.streams import STREAMS
from landlab_mgr.observations.variables import FORCING, VARIABLES

RECORD = "13984226"
CONCEPT_DOI = "10.5281/zenodo.13984225"
"""Of all versions."""
MEDIAN_STEP = 16
"""Every so manieth pixel of a block gives the medians of the forcing."""
DOI = f"10.5281/zenodo.{RECORD}"

SOURCES: Mapping[str, tuple[str, ...]] = {
    "sif": ("LCSPP",),
    "lai": ("LAI", "LAI_COPERNICUS"),
    "biomass": ("agb_yan+bgb_yan", "IB_AGC+IB_BGC"),
    "som": ("initial_som",),
    "nbe": ("NBE", "CAMS_NBE"),
    "fire": ("GFED_FIRE_EMISSION", "fire_emission"),
    "ewt": ("LWE_normalized",),
    "et_gleam": ("ET",),
    "gpp_fluxnet": ("gpp_fluxnet", "gpp_fluxnet_10percent", "gpp_fluxnet_50percent"),
    "reco_fluxnet": ("reco_fluxnet", "reco_fluxnet_10percent", "reco_fluxnet_50percent"),
    "et_fluxnet": ("et_fluxnet", "et_fluxnet_10percent", "et_fluxnet_50percent"),
}
"""Variables of the file that a stream may be, the default first; a sum is written a+b."""

INVERSIONS = ("fire_emission",)
"""Sources that are inversions of whole patches, beside the streams that always are."""
NONE = "none"
"""As a stream's source: leave the stream out."""
EXAMPLE = "lai=LAI_COPERNICUS"
"""A stream and its source, as the command line takes them."""

MIN_PIXELS = 32
PART_VALUES = 2**20
"""Pixel-months that are handed on at once: 4 MB of each variable."""

_FORCING = {
    **{"tmin": "T_min", "tmax": "T_max", "ssrd": "SOLR", "vpd": "VPD"},
    **{"precip": "PREC", "burned_area": "BURNED_AREA"},
}
_BOUNDS = {name: schema.possible(FORCING[name]) for name in _FORCING if FORCING[name].never_negative}
_ROUND_OFF = 1e-4
"""Forcing may be out of its bounds by this much, in its unit: round-off, set to the bound."""

_LICENCE = "CC-BY-4.0 (https://creativecommons.org/licenses/by/4.0/)"
_CITATION = (
    "Fang, Bowman, Zhao, Lian, Gentine (2026), Differentiable Land Model Reveals Global Environmental Controls on "
    f"Latent Ecological Functions, Nature Communications, in press; data: doi:{DOI} (all versions: doi:{CONCEPT_DOI})"
)


@dataclass(frozen=True)
class _Term:
    """A variable of the file: lazy [time, lat, lon], and how its values become ours."""

    array: xr.DataArray
    unit: str
    want: str

    def finish(self, values: np.ndarray) -> np.ndarray:
        return units.convert(source.with_gaps(values), self.unit, self.want, str(self.array.name))


@dataclass(frozen=True)
class Opened:
    """The files, checked as far as their structure goes; what varies by month is not read yet."""

    skeleton: xr.Dataset
    """A valid dataset whose variables over [pixel, time] are declared only, as `store.publish_parts` wants it."""
    notices: list[str]
    """A line for each thing that was left out or changed; complete when the parts are."""
    _land: Land = field(repr=False)
    _terms: Mapping[str, tuple[_Term, ...]] = field(repr=False)
    """Terms whose sum is a variable over [pixel, time]; of a weight, the weight and the stream."""
    _chosen: Mapping[str, str] = field(repr=False)
    """Variable of the file by stream."""
    _fixed: Mapping[str, np.ndarray] = field(repr=False)
    """[pixel, 1] or [1, time]: what does not vary by month, or by pixel."""

    def parts(
        self, scratch: str | Path, report: Callable[[str, int, int], None] = lambda *_: None
    ) -> Iterator[store.Part]:
        """Blocks of whole patches, in order, each with every variable over months, float32.

        Args:
            scratch: directory for a copy of the land's values, 4 bytes each; nothing stays there.
            report: hears of the variable that is read, its number, and how many there are.

        Raises:
            LandlabError: for what cannot be read, and gaps in the forcing.
        """
        ds, patch = self.skeleton, self._land.patch
        spooled = store.temporary_of(Path(scratch) / f"{ds.attrs['name']}-scratch.zarr")
        clipped = dict.fromkeys(_BOUNDS, 0)
        some: dict[str, list[np.ndarray]] = {name: [] for name in _FORCING}
        try:
            read = self._spool(spooled, report)
            for block in _blocks(patch, ds.sizes["time"]):
                values = {name: self._assembled(name, [x[block] for x in read[name]], block) for name in read}
                for name in _FORCING:
                    values[name], count = self._sound(name, values[name], block)
                    some[name].append(values[name][::MEDIAN_STEP].copy())  # a view would keep the block
                    if count:
                        clipped[name] += count
                shape = (block.stop - block.start, ds.sizes["time"])
                for name, fixed in self._fixed.items():
                    of_block = fixed if len(fixed) == 1 else fixed[block]
                    values[name] = np.broadcast_to(of_block.astype(np.float32), shape)
                yield block, values
        finally:
            shutil.rmtree(spooled, ignore_errors=True)
        medians = [f"{n} {np.median(np.concatenate(x)):.3g} {FORCING[n].unit}" for n, x in some.items() if x]
        self.notices.append(f"medians of the forcing, after conversion: {', '.join(medians)}")
        for name, count in clipped.items():
            if count:
                self.notices.append(
                    f"{count} values of {name} beyond its bounds by round-off are set to the bound"
                )

    def _spool(
        self, directory: Path, report: Callable[[str, int, int], None]
    ) -> dict[str, list[gridded.Spool]]:
        """Spool the land's values of every term to files in `directory`."""
        distinct = {_key(term): term for terms in self._terms.values() for term in terms}
        n, months = self.skeleton.sizes["pixel"], self.skeleton.sizes["time"]
        try:
            directory.mkdir(parents=True)
            files = {
                key: gridded.Spool.reserve(directory / f"{i}.f4", (n, months))
                for i, key in enumerate(distinct)
            }
        except OSError as error:
            needed = 4 * n * months * len(distinct) / 1e9
            raise LandlabError(
                f"cannot keep {needed:.1f} GB for the import in {directory.parent}: {error.strerror or error}"
            ) from None
        for number, (key, term) in enumerate(distinct.items(), start=1):
            report(key[0], number, len(distinct))
            with readable(f"{DRIVER}: {key[0]}"):
                files[key].fill(term.array, self._land.row, self._land.column, term.finish)
        return {name: [files[_key(term)] for term in terms] for name, terms in self._terms.items()}

    def _assembled(self, name: str, terms: list[np.ndarray], block: slice) -> np.ndarray:
        """Assemble a variable of a block from what was read for it."""
        if name not in FORCING and schema.stream_of(name) != name:
            weight, stream = terms[0], np.sum(terms[1:], axis=0)
            given = np.where(weight > 0, weight, np.float32(1))
            return np.where(np.isfinite(stream), given, np.float32(0))
        values = terms[0] if len(terms) == 1 else np.sum(terms, axis=0, dtype=np.float32)
        if name in STREAMS and (STREAMS[name].whole_patches or self._chosen.get(name) in INVERSIONS):
            return np.where(self._land.counts[block, None], values, np.float32(np.nan))
        return np.array(values)

    def _sound(self, name: str, values: np.ndarray, block: slice) -> tuple[np.ndarray, int]:
        """Return forcing without gaps, round-off set to the bounds.

        The second item is how many values that were.
        """
        gaps = ~np.isfinite(values)
        if gaps.any():
            pixel, month = np.argwhere(gaps)[0]
            lat, lon = (float(self.skeleton[at][block.start + pixel]) for at in ("lat", "lon"))
            when = np.datetime_as_string(self.skeleton["time"].values[month], "M")
            raise LandlabError(
                f"{DRIVER}: {_FORCING[name]} has no value at lat {lat:g}, lon {lon:g} in {when}; forcing must have "
                f"no gaps where {VALID} says valid"
            )
        if name not in _BOUNDS:
            return values, 0
        low, high = _BOUNDS[name]
        inside = np.clip(values, low, high)
        slightly = (values != inside) & (np.abs(values - inside) <= _ROUND_OFF)
        return np.where(slightly, inside, values), int(slightly.sum())


@contextmanager
def open_files(
    directory: str | Path,
    streams: Mapping[str, str] | None = None,
    unit_of: Mapping[str, str] | None = None,
    assume_units: bool = False,
    min_pixels: int = MIN_PIXELS,
    dt_days: float = DAYS_PER_MONTH,
) -> Iterator[Opened]:
    """Open the files of a directory and check their structure.

    Args:
        directory: holds files.FILES.
        streams: variable of the file (or a+b) by observation stream, or NONE; see SOURCES.
        unit_of: units by variable of the file, or for a whole group of predictors, in place of what the file says.
        assume_units: take the units that the published code takes for granted where the file gives none.
        min_pixels: a patch needs as many.
        dt_days: days of a month in the model.

    Raises:
        LandlabError: for whatever is missing, malformed, or in a unit that cannot be read or converted.
    """
    directory = Path(directory)
    if not directory.is_dir():
        raise LandlabError(
            f"no directory {directory}; `landlab data fetch differland --to {directory}` brings the files"
        )
    chosen = {stream: found[0] for stream, found in SOURCES.items()} | dict(streams or {})
    unknown = [stream for stream in chosen if stream not in STREAMS]
    if unknown:
        raise LandlabError(f"no observation stream {unknown[0]!r}; there are {', '.join(STREAMS)}")
    chosen = {stream: found for stream, found in chosen.items() if found != NONE}
    reader = Units(dict(unit_of or {}), assume_units)
    with ExitStack() as stack:
        driver, runs, valid, bulk = (
            stack.enter_context(source.netcdf(directory / name)) for name in FILES if name.endswith(".nc")
        )
        grid = Grid.of(driver)
        time = source.months(driver)
        predictors = source.predictors(driver, grid, reader)
        land, notices = choose(grid, predictors, runs, valid, bulk, min_pixels)
        shape = (len(time), *grid.shape)
        time_days, doy, origin = source.time_axis(driver, shape, time, land.row, land.column, notices)
        fixed = {"co2": source.co2(directory / source.CO2, time)[None]}
        terms: dict[str, tuple[_Term, ...]] = {
            name: (_term(driver, of_file, shape, reader, FORCING[name].unit),)
            for name, of_file in _FORCING.items()
        }
        for stream, summands in chosen.items():
            want = VARIABLES[STREAMS[stream].variable].unit
            names = [name.strip() for name in summands.split("+")]
            for name in names:
                source.require(driver, name, f"; --stream {stream}={NONE} does without the stream")
            if stream == "som" and all(driver[name].dims == ("lat", "lon") for name in names):
                maps = [
                    source.map_of(driver, name, grid, reader.of(driver[name], want, want), want)
                    for name in names
                ]
                fixed[stream] = np.sum(maps, axis=0)[land.row, land.column][:, None]
                continue
            terms[stream] = tuple(_term(driver, name, shape, reader, want) for name in names)
            if stream.endswith("_fluxnet"):
                weight = _Term(source.shaped(driver, weight_of(names[0]), source.MONTHLY, shape), "1", "1")
                terms[schema.stream_variable(stream, "weight")] = (weight, *terms[stream])
        if abs(dt_days - DAYS_PER_MONTH) > 1e-9:
            less = 1 - dt_days / DAYS_PER_MONTH
            notices.append(
                f"dt {dt_days:g}: runoff stays that of a month of {DAYS_PER_MONTH} days, {less:.1%} less than "
                "the published code's, which divides by dt; the pool of water differs by more; a grid with "
                '[base.process] runoff = "per_step" has the published code\'s'
            )
        _check_vpd(terms["vpd"][0], land, reader.by_hand)
        reader.refuse_unused()
        ds = xr.Dataset(coords={"time": time})
        _add_geometry(ds, grid, land)
        for name, (_, group, unit, _, meaning) in PREDICTORS.items():
            about = {
                "role": "predictor",
                "group": group,
                "kind": "continuous",
                "units": unit,
                "long_name": meaning,
            }
            ds[name] = ("pixel", predictors[name][land.row, land.column], about)
        for name, values, meaning in (
            ("time_days", time_days, f"days since {origin}"),
            ("doy", doy, "day of year"),
        ):
            ds[name] = ("time", values, {"role": "time axis", "units": "d", "long_name": meaning})
        for name in (*terms, *fixed):
            ds[name] = (("pixel", "time"), parts.declared((len(land.row), len(time))), _about(name, chosen))
        ds.attrs = {
            "name": "differland",
            "kind": "real",
            "source": f"DifferLand global drivers v6, doi:{DOI}",
            "licence": _licence(directory),
            "citation": _CITATION,
            "dt_days": float(dt_days),
            "origin": origin,
            "files": json.dumps({name: os.path.getsize(directory / name) for name in FILES}),
            "streams": json.dumps(chosen),
        }
        yield Opened(schema.validate(ds), notices, land, terms, chosen, fixed)


def read(directory: str | Path, scratch: str | Path, **options: Any) -> tuple[xr.Dataset, list[str]]:
    """Read the whole dataset into memory, for small files, and the notices.

    Options are those of `open_files`.
    """
    with open_files(directory, **options) as opened:
        ds = opened.skeleton.copy()
        values = {name: np.empty(ds[name].shape, np.float32) for name in parts.monthly(ds)}
        for block, part in opened.parts(scratch):
            for name, x in part.items():
                values[name][block] = x
        return ds.assign({name: ds[name].copy(data=x) for name, x in values.items()}), opened.notices


VPD_RANGE = (1.0, 40.0)
"""Median over the land of a January and a July, hPa; one in kPa called hPa, or in Pa, is outside."""


def _check_vpd(term: _Term, land: Land, by_hand: Mapping[str, str]) -> None:
    """LandlabError where the size of VPD contradicts its unit, unless the unit was said by hand."""
    name = str(term.array.name)
    if name in by_hand:
        return
    sizes = []
    for month in sorted({0, min(6, term.array.shape[0] - 1)}):
        with readable(f"{DRIVER}: {name}"):
            sizes.append(term.finish(term.array[month].values)[land.row, land.column])
    median = float(np.nanmedian(np.concatenate(sizes)))
    low, high = VPD_RANGE
    if not low <= median <= high:
        likely = {True: "kPa", False: "Pa"}[median < low]
        raise LandlabError(
            f"{DRIVER}: {name} in {term.unit} has a median of {median:.3g} hPa over the land; allowed: {low:g} to "
            f"{high:g}. It looks like {likely}: say --units {name}={likely}, or "
            f"--units {name}={term.unit} where that is right"
        )


def weight_of(tower: str) -> str:
    """Variable that weighs a tower's: gpp_fluxnet_weight_10percent for gpp_fluxnet_10percent."""
    flux, network, share = tower.partition("_fluxnet")
    return f"{flux}{network}_weight{share}"


def _term(ds: xr.Dataset, name: str, shape: tuple[int, int, int], reader: Units, want: str) -> _Term:
    array = source.shaped(ds, name, source.MONTHLY, shape)
    return _Term(array, reader.of(array, want, assumed=want), want)


def _key(term: _Term) -> tuple[str, str]:
    return str(term.array.name), term.want


def _about(name: str, chosen: Mapping[str, str]) -> dict[str, str]:
    if name in FORCING:
        variable = FORCING[name]
        return {"role": "forcing", "units": variable.unit, "long_name": variable.meaning}
    stream = schema.stream_of(name)
    if name != stream:
        return {"role": "weight", "units": "1", "long_name": f"weight of {stream}, 0 where it is missing"}
    variable = VARIABLES[STREAMS[stream].variable]
    about = {
        "role": "observation",
        "units": variable.unit,
        "long_name": variable.meaning,
        "source": chosen[stream],
    }
    return about | ({"comment": "the same in all months"} if stream == "som" else {})


def _add_geometry(ds: xr.Dataset, grid: Grid, land: Land) -> None:
    areas = gridded.cell_areas(grid.lat, grid.height, grid.width)[land.row]
    geometry = {
        "lat": (grid.lat[land.row], "degrees_north", "latitude of the pixel's centre"),
        "lon": (grid.lon[land.column], "degrees_east", "longitude of the pixel's centre"),
        "area_m2": (areas, "m2", "area of the pixel"),
        "patch": (land.patch, "1", "number of the box of 4 x 5 degrees"),
        "test": (land.test, "1", "the pixel is of a test patch"),
    }
    for name, (values, unit, meaning) in geometry.items():
        ds[name] = ("pixel", values, {"role": "geometry", "units": unit, "long_name": meaning})


def _blocks(patch: np.ndarray, months: int) -> Iterator[slice]:
    """Whole patches in order, within PART_VALUES pixel-months unless one patch is larger."""
    ends = [int(end) for end in np.flatnonzero(np.diff(patch, append=-1)) + 1]
    start = 0
    for end, following in zip(ends, [*ends[1:], None], strict=True):
        if following is None or (following - start) * months > PART_VALUES:
            yield slice(start, end)
            start = end


def _licence(directory: Path) -> str:
    """Of the data, as the record says that `landlab data fetch` left, and what licence files lie beside them."""
    text = f"the one that the Zenodo record {DOI} states, which was not at hand"
    saved = directory / fetch.RECORD_FILE
    if saved.is_file():
        try:
            about = json.loads(saved.read_text())["metadata"]
            stated = str(about["license"]["id"] if "license" in about else about["rights"][0]["id"])
        except (OSError, ValueError, KeyError, TypeError, IndexError):
            pass  # it says nothing else
        else:
            stated = _LICENCE if stated.lower() == "cc-by-4.0" else stated
            text = f"{stated}, as the Zenodo record {DOI} says"
    for path in sorted(directory.glob("LICEN[CS]E*")):
        text += "\n" + path.read_text(encoding="utf-8", errors="replace").strip()
    return text
