"""Intervals of predictions, from a calibration of their members. JAX-free."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import xarray as xr

from landlab_mgr.errors import LandlabError


@dataclass(frozen=True)
class Intervals:
    """Intervals to write: mean -+ factor (spread + floor) at each level, of the outputs that are calibrated."""

    levels: tuple[float, ...]
    """Shares of a new place's observations that are inside."""
    factor: Mapping[str, npt.NDArray[np.floating]]
    """[level] by output."""
    floor: Mapping[str, float]
    """By output, in its unit."""
    about: str
    """Method, version and id of the calibration."""

    def bounds(
        self, name: str, mean: npt.NDArray[np.floating], spread: npt.NDArray[np.floating]
    ) -> tuple[npt.NDArray[np.floating], npt.NDArray[np.floating]]:
        """Lower and upper bounds [level, ...] of an output."""
        half = np.multiply.outer(self.factor[name], spread + self.floor[name])
        return mean - half, mean + half


def levels_in(text: str) -> tuple[float, ...]:
    """Levels in a text such as 50,90,95; LandlabError for other than whole numbers of percent from 1 to 99."""
    levels: dict[float, None] = {}
    for item in filter(None, (part.strip() for part in text.split(","))):
        if not (item.isdecimal() and 1 <= int(item) <= 99):
            raise LandlabError(
                f"--intervals {item}: allowed are whole percents from 1 to 99, such as 50,90,95"
            )
        levels[int(item) / 100] = None
    return tuple(sorted(levels))


def intervals_of(
    calibration: xr.Dataset, names: tuple[str, ...], levels: tuple[float, ...], step: str
) -> Intervals:
    """Return the intervals of these outputs.

    Those that nothing observes by step have none. Where several streams observe one, that of the most places counts.

    Args:
        calibration: result of the analysis of that name.
        names: outputs.
        levels: shares of a new place's observations.
        step: step of the dataset that is predicted, month or day.

    Raises:
        LandlabError: for another step, a level that so few places do not reach, or where no output is calibrated.
    """
    about = f"{calibration.attrs['method']}, version {calibration.attrs['version']} ({calibration.attrs['analysis']})"
    if calibration.attrs["step"] != step:
        raise LandlabError(
            f"the calibration is of {calibration.attrs['step']}s, and the dataset has {step}s: predict one by "
            f"{calibration.attrs['step']}, or leave --intervals out"
        )
    factor, floor = {}, {}
    by_places = calibration.sortby("places", ascending=False)
    for name in names:
        of = np.flatnonzero((by_places["output"].values == name) & (by_places["average"].values == "step"))
        if not of.size:
            continue
        one = by_places.isel(variable=of[0])
        factor[name] = one["factor"].sel(level=list(levels), method="nearest").values
        floor[name] = float(one["floor"])
        for level in np.array(levels)[np.isnan(factor[name])]:
            n = int(one["places"])
            raise LandlabError(
                f"--intervals {100 * level:.0f}: {n} places calibrate {name}, which reach {n / (n + 1):.0%} at "
                "most; give a lower level, other --variables, or calibrate with more places"
            )
    if not factor:
        calibrated = dict.fromkeys(
            map(str, calibration["output"].values[calibration["average"].values == "step"])
        )
        raise LandlabError(
            f"none of {', '.join(names)} is calibrated; choose with --variables from {', '.join(calibrated) or 'none'}"
        )
    return Intervals(levels, factor, floor, about)
