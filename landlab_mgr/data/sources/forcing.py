"""Forcing as importers hand it over: without gaps, and without the round-off that other people's arithmetic leaves."""

from collections.abc import Callable, Iterator

import numpy as np
import xarray as xr

from landlab_mgr.data import schema
from landlab_mgr.errors import LandlabError
from landlab_mgr.models import registry
from landlab_mgr.observations.variables import IN_RECORD

ROUND_OFF = 1e-3
"""Values beyond a bound by no more than this, in the variable's unit, are set to it."""

BLOCK_VALUES = 2**22
"""Pixel-months that are looked at at once."""


OWN, FILLED, OTHER_YEAR, ASSUMED, REPEATED = range(5)
SOURCES = ("own", "other_source", "other_year_of_its_own", "assumed", "all_of_another_year")
"""Meanings of `forcing_source`."""


def add_record(ds: xr.Dataset, own: np.ndarray) -> None:
    """Add the steps [pixel, time] of each pixel's own record: outside of it the stores of a land model stand still."""
    about = "1 in the record of the pixel, 0 where its forcing is a filling"
    schema.add(ds, IN_RECORD, own.astype(np.float32), "record", "1", about)


def add_sources(ds: xr.Dataset, flag: np.ndarray) -> None:
    """Add the flag [pixel, time] that says where the forcing of each step comes from, and the record it tells."""
    if (flag == REPEATED).any():
        add_record(ds, flag != REPEATED)
    schema.add(
        ds,
        "forcing_source",
        flag.astype(np.int8),
        "flag",
        "1",
        "source of the forcing",
        flag_values=list(range(len(SOURCES))),
        flag_meanings=" ".join(SOURCES),
    )


def sound(
    name: str, values: np.ndarray, label: str, place: Callable[[int, int], str]
) -> tuple[np.ndarray, list[str]]:
    """Return a forcing variable [pixel, time] with round-off set to its bounds.

    The second item has a notice of that.

    What is further out stays as it is: `check` reports it.

    Args:
        name: of the variable, as `registry.forcing` has it.
        values: changed in place where they can be.
        label: what messages call it, e.g. the key of a mapping.
        place: says where a pixel and month are.

    Raises:
        LandlabError: for a gap.
    """
    gap = _first(values, lambda x: ~np.isfinite(x))
    if gap is not None:
        raise LandlabError(
            f"{label}: missing at {place(*gap)}; forcing must have no gaps: fill them or leave the pixel out"
        )
    low, high = schema.possible(registry.forcing()[name])
    outside = sum(int(((x < low) | (x > high)).sum()) for x in _blocks(values))
    if not outside or _first(values, lambda x: (x < low - ROUND_OFF) | (x > high + ROUND_OFF)) is not None:
        return values, []
    if values.flags.writeable:
        for block in _blocks(values):
            np.clip(block, low, high, out=block)
    else:
        values = np.clip(values, low, high)
    return values, [
        f"{outside} values of {label} are outside {low:g}..{high:g} by round-off: set to the bound"
    ]


def repeated(own: np.ndarray, begin: int, count: int, per_year: float) -> np.ndarray:
    """Repeat a record over a longer axis [time]: outside of it, the same day or month of its whole years, in turn.

    Args:
        own: the record.
        begin: of the record, on the axis.
        count: of the axis' steps.
        per_year: steps of a year. A record shorter than a year is not repeated: NaN.
    """
    place = np.arange(count) - begin
    inside = (place >= 0) & (place < len(own))
    slack = 1 if per_year % 1 else 0  # 365 days are a year of 365.25
    years = int((len(own) + slack) // per_year)
    if not years:
        return np.where(inside, own[np.clip(place, 0, len(own) - 1)], np.nan)
    period = min(len(own), round(years * per_year))
    return own[np.where(inside, place, place % period)]


def _blocks(values: np.ndarray) -> Iterator[np.ndarray]:
    rows = max(1, BLOCK_VALUES // values.shape[1])
    for start in range(0, len(values), rows):
        yield values[start : start + rows]


def _first(values: np.ndarray, where: Callable[[np.ndarray], np.ndarray]) -> tuple[int, int] | None:
    """Pixel and month of the first value of which something is true."""
    start = 0
    for block in _blocks(values):
        places = np.argwhere(where(block))
        if len(places):
            return start + int(places[0, 0]), int(places[0, 1])
        start += len(block)
    return None
