"""Scenarios: a dataset whose forcing or predictors are changed, from a TOML file; what is asked, and its application.

The land model compares each month with the mean climate of its pixel. A changed climate is compared with the mean of
the unchanged one (or of some of its years), as the parameters were learned: warming by 2 degC everywhere would else
change no respiration at all.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import xarray as xr
from pydantic import BeforeValidator, Field, field_validator, model_validator

from landlab_mgr.data import batch, schema
from landlab_mgr.errors import LandlabError
from landlab_mgr.models import registry
from landlab_mgr.models.model import Forcing, Model
from landlab_mgr.models.options import Frozen
from landlab_mgr.spec.run import validated
from landlab_mgr.storage.location import read_toml

EXAMPLE = """name = "warmer"
reference_years = [2001, 2006]   # whose mean climate the model compares each month with; without: all years

[forcing]                        # in the dataset's units: tmin tmax ssrd co2 vpd precip burned_area
co2 = "+100"
tmin = "+2"
tmax = "+2"
precip = "*0.9"

[predictors]                     # what the network sees; without, the parameters stay as they are
MAT = "+2"
"""
"""Of a scenario file."""

_CHANGE = re.compile(r"([+*-])\s*([0-9]*\.?[0-9]+(?:[eE][+-]?[0-9]+)?)")


class Change(NamedTuple):
    """x -> factor * x + offset."""

    factor: float
    offset: float

    @classmethod
    def of(cls, text: str) -> "Change":
        """Parse a change such as "+100", "-2" or "*0.9".

        Raises:
            ValueError: where the text is none of them.
        """
        found = _CHANGE.fullmatch(text.strip())
        if found is None:
            raise ValueError('must be a text such as "+100", "-2" or "*0.9"')
        sign, number = found[1], float(found[2])
        return cls(number, 0.0) if sign == "*" else cls(1.0, -number if sign == "-" else number)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Return the changed values."""
        return self.factor * x + self.offset


def _a_change(text: Any) -> Any:
    Change.of(str(text) if isinstance(text, str) else "")
    return text


_ChangeText = Annotated[str, BeforeValidator(_a_change)]


class Scenario(Frozen):
    """Changes to a dataset; none by default."""

    name: str = ""
    reference_years: tuple[int, int] | None = Field(
        None, description="first and last year of the mean climate that months are compared with"
    )
    forcing: dict[str, _ChangeText] = Field(default_factory=dict)
    predictors: dict[str, _ChangeText] = Field(default_factory=dict)

    @field_validator("forcing")
    @classmethod
    def _known(cls, forcing: dict[str, str]) -> dict[str, str]:
        known = registry.forcing()
        unknown = [name for name in forcing if name not in known]
        if unknown:
            raise ValueError(f"has no {unknown[0]!r}; there are {', '.join(known)}")
        return forcing

    @model_validator(mode="after")
    def _in_order(self) -> "Scenario":
        if self.reference_years and self.reference_years[0] > self.reference_years[1]:
            raise ValueError("reference_years: give the first year before the last")
        return self

    def check(self, ds: xr.Dataset) -> None:
        """LandlabError where the dataset cannot be changed so: what is unknown, or no longer possible."""
        self.predictors_of(ds)
        self._months(ds)
        rows = max(1, batch.BLOCK_VALUES // ds.sizes["time"])
        wanted = ds[list({*self.forcing, "tmin", "tmax"})] if self.forcing else ds[[]]
        for start in range(0, ds.sizes["pixel"] if self.forcing else 0, rows):
            before = wanted.isel(pixel=slice(start, start + rows)).load()
            self._check_block(before, self.forcing_of(before))

    def _check_block(self, before: xr.Dataset, after: xr.Dataset) -> None:
        """Check that what was possible before the change is so after it."""
        for name, change in self.forcing.items():
            v, old, new = registry.forcing()[name], before[name].values, after[name].values
            bad = (old >= v.low) & (old <= v.high) & ((new < v.low) | (new > v.high))
            if bad.any():
                raise LandlabError(
                    f'scenario: {name} = "{change}" makes {new[bad][0]:g} {v.unit} of {old[bad][0]:g}; '
                    f"allowed: {v.low:g} to {v.high:g}"
                )
        bad = (before["tmax"] >= before["tmin"]).values & (after["tmax"] < after["tmin"]).values
        if bad.any():
            low, high = after["tmin"].values[bad][0], after["tmax"].values[bad][0]
            raise LandlabError(
                f"scenario: tmin {low:g} degC is above tmax {high:g} degC; change both, or by less"
            )

    def forcing_of(self, ds: xr.Dataset) -> xr.Dataset:
        """Return the dataset with its forcing changed."""
        changed = {
            name: ds[name].copy(data=Change.of(text)(ds[name].values).astype(ds[name].dtype))
            for name, text in self.forcing.items()
        }
        return ds.assign(changed)

    def predictors_of(self, ds: xr.Dataset) -> xr.Dataset:
        """Return the dataset with its predictors changed.

        Raises:
            LandlabError: for an unknown predictor, and for classes.
        """
        known = [n for n in schema.names(ds, "predictor") if ds[n].attrs["kind"] == "continuous"]
        changed = {}
        for name, text in self.predictors.items():
            if name not in known:
                raise LandlabError(
                    f"scenario: the dataset has no continuous predictor {name!r}; it has {', '.join(known)}"
                )
            changed[name] = ds[name].copy(data=Change.of(text)(ds[name].values.astype(np.float64)))
        return ds.assign(changed)

    def climate_of(self, ds: xr.Dataset, model: Model) -> Callable[[xr.Dataset], Forcing]:
        """Return a function that gives a model's forcing of some pixels.

        The forcing has the climatology of the unchanged dataset.
        """
        months = self._months(ds)

        def forcing(part: xr.Dataset) -> Forcing:
            reference = batch.forcing_of(part if months.all() else part.isel(time=months), model)
            if not self.forcing and months.all():
                return reference
            changed = batch.forcing_of(self.forcing_of(part), model)
            return changed._replace(climatology=reference.climatology)

        return forcing

    def _months(self, ds: xr.Dataset) -> np.ndarray:
        years = ds["time"].dt.year.values
        if self.reference_years is None:
            return np.ones(len(years), bool)
        first, last = self.reference_years
        within = (years >= first) & (years <= last)
        if not within.any():
            raise LandlabError(
                f"scenario: reference_years {first} to {last} are not in the dataset, which has "
                f"{years.min()} to {years.max()}"
            )
        return within


def load(path: str | Path) -> Scenario:
    """Read a scenario; LandlabError names the file and the key of a mistake."""
    path = Path(path)
    content = read_toml(path, f"no scenario file {path}; `landlab guide predictions` shows one")
    return validated(Scenario, content, str(path))
