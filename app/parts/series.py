"""Series that a run modelled at one place beside those observed there: from its monthly file and its dataset."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from landlab_mgr.models import registry
from landlab_mgr.models.tables import Tables
from landlab_mgr.observations.streams import Stream, stream_variable
from landlab_mgr.records import SEEN
from landlab_mgr.storage import artifacts


@dataclass(frozen=True)
class Observed:
    """A stream at one place: steps to learn from and steps held back from training, NaN where there is none."""

    stream: str
    seen: np.ndarray
    withheld: np.ndarray


@dataclass(frozen=True)
class Series:
    """Monthly or daily values at one place, [time], in the unit of the variable."""

    variable: str
    unit: str
    time: np.ndarray
    modelled: np.ndarray
    observed: tuple[Observed, ...]

    @property
    def daily(self) -> bool:
        """True where a step is a day, not a month."""
        return len(self.time) > 1 and bool(self.time[1] - self.time[0] < np.timedelta64(2, "D"))


def variables(monthly: xr.Dataset, ds: xr.Dataset, tables: Tables) -> list[str]:
    """Variables that a run of a model keeps by month: those observed by pixel first, then by patch, then the rest.

    An output that is compared with a variable of another name goes by the name of that variable.
    """
    outputs = output_of(tables)
    renamed = {output for variable, output in outputs.items() if output != variable}
    kept = [
        v
        for v in registry.variables()
        if v not in renamed and "time" in getattr(monthly.get(outputs.get(v, v)), "dims", ())
    ]
    order = {"pixel": 0, "patch": 1}
    return sorted(kept, key=lambda v: min((order[s.level] for s in streams_of(v, ds)), default=2))


def output_of(tables: Tables) -> dict[str, str]:
    """Output of a model that is compared with each observed variable, by variable."""
    pairs = [(registry.streams()[stream].variable, output) for stream, output in tables.modelled.items()]
    return dict(reversed(pairs))  # of several streams of a variable the first counts


def streams_of(variable: str, ds: xr.Dataset) -> list[Stream]:
    """Streams of the dataset that observe a variable."""
    return [s for s in registry.streams().values() if s.variable == variable and s.name in ds]


def splits(monthly: xr.Dataset) -> np.ndarray:
    """Split of each place by name, [place]; runs of early versions kept it as text, later ones as codes."""
    split = monthly["split"]
    return artifacts.labels(split) if "flag_meanings" in split.attrs else split.values.astype(str)


def place_dim(monthly: xr.Dataset) -> str:
    """`pixel`, or `patch` where the dataset has too many pixels to keep each."""
    return "pixel" if "pixel" in monthly.dims else "patch"


def places(monthly: xr.Dataset) -> list[str]:
    """Names of the places, [place]: sites by name, else pixels by their coordinates, else patches by number."""
    if place_dim(monthly) == "patch":
        return [f"patch {number}" for number in range(monthly.sizes["patch"])]
    sites = monthly["site"].values if "site" in monthly else [""] * monthly.sizes["pixel"]
    where = zip(monthly["lat"].values, monthly["lon"].values, strict=True)
    return [
        str(site) or f"pixel {number}, {_degrees(lat, 'NS')} {_degrees(lon, 'EW')}"
        for number, (site, (lat, lon)) in enumerate(zip(sites, where, strict=True))
    ]


def _degrees(angle: float, letters: str) -> str:
    return f"{abs(angle):.2f}°{letters[int(angle < 0)]}"


def steps_observed(
    monthly: xr.Dataset, ds: xr.Dataset, variable: str, withheld: np.ndarray | None = None
) -> np.ndarray:
    """Number of steps of a variable that were observed and not withheld at each place, [place]."""
    streams = streams_of(variable, ds)
    if place_dim(monthly) == "patch" or not streams:
        return np.zeros(monthly.sizes[place_dim(monthly)], int)
    learned = True if withheld is None else ~withheld
    return sum((np.isfinite(ds[s.name].transpose("time", "pixel").values) & learned).sum(0) for s in streams)


def series(
    monthly: xr.Dataset,
    ds: xr.Dataset,
    variable: str,
    place: int,
    tables: Tables,
    withheld: np.ndarray | None = None,
    held_back: bool = False,
) -> Series:
    """Model and observation of a variable at a place.

    Args:
        monthly: what a run modelled.
        ds: its dataset.
        variable: what is modelled and observed.
        place: number of the pixel or patch.
        tables: of its model. An anomaly is compared as one: less the mean over the observed months, each.
        withheld: steps that its split withholds, bool [time, 1] or [time, pixel]; None: none.
        held_back: with the observations that it did not learn from: withheld steps, and all of a test place.
    """
    modelled = monthly[output_of(tables).get(variable, variable)].isel({place_dim(monthly): place}).values
    pixels = np.flatnonzero(ds["patch"].values == place) if place_dim(monthly) == "patch" else [place]
    unseen = np.full(monthly.sizes["time"], splits(monthly)[place] not in SEEN)
    if withheld is not None:
        unseen = unseen | withheld[:, pixels if withheld.shape[1] > 1 else [0]].any(axis=1)
    observed = []
    for stream in streams_of(variable, ds):
        observations, apart = (_mean_of(ds, name, pixels) for name in _names(stream.name))
        seen = np.where(unseen, np.nan, observations)
        apart = np.where(unseen & np.isfinite(observations), observations, apart)
        if stream.average == "anomaly":
            there = np.isfinite(seen)
            if there.any():
                seen, modelled = seen - seen[there].mean(), modelled - modelled[there].mean()
        observed.append(Observed(stream.name, seen, apart if held_back else np.full_like(apart, np.nan)))
    unit = registry.variables()[variable].unit
    return Series(variable, unit, monthly["time"].values, modelled, tuple(observed))


def table(what: Series) -> pd.DataFrame:
    """Steps as a table: month or day, modelled, and of each stream what was seen and what was withheld."""
    dates = what.time.astype("datetime64[D]" if what.daily else "datetime64[M]").astype(str)
    columns = {"day" if what.daily else "month": dates, "modelled": what.modelled}
    for observed in what.observed:
        columns[observed.stream] = observed.seen
        if np.isfinite(observed.withheld).any():
            columns[f"{observed.stream} withheld"] = observed.withheld
    return pd.DataFrame(columns)


def _names(stream: str) -> tuple[str, str]:
    return stream, stream_variable(stream, "withheld")


def _mean_of(ds: xr.Dataset, name: str, pixels: np.ndarray | list[int]) -> np.ndarray:
    """Mean over pixels, [time], NaN where one of them has none, as patches are scored."""
    if name not in ds:
        return np.full(ds.sizes["time"], np.nan)
    return ds[name].isel(pixel=pixels).transpose("time", "pixel").values.mean(axis=1)
