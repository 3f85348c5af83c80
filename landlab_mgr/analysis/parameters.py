"""Parameters: what one setup's members say of each, over the land, by plant type and by latitude. JAX-free.

Means are weighted by area. The spread is that of the members' own means. Parameters that members trade for each other
(equifinality) go up and down together over the members: their correlation, over the members, of the members' means.
"""

from collections.abc import Sequence
from typing import Self

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from pydantic import Field

from landlab_mgr.analysis import members, of_models, runs
from landlab_mgr.analysis.contract import Analysis, Needs, Options
from landlab_mgr.analysis.figures.parameters import figure
from landlab_mgr.data import schema
from landlab_mgr.errors import LandlabError
from landlab_mgr.models.tables import Tables

Values = npt.NDArray[np.floating]
Points = npt.NDArray[np.complexfloating]

ALL = "all land"
BANDS = ((-90, -23.5), (-23.5, 23.5), (23.5, 45), (45, 60), (60, 90))
"""Latitudes between which means are taken, degrees."""
RANGE = (0.05, 0.5, 0.95)
"""Quantiles over the land, by area."""
FEWEST_FOR_TRADE = 5
"""Members without which correlations over them say nothing."""
STRONG = 0.8
"""Size of a correlation over the members from which on two parameters are called traded."""


class ParametersOptions(Options):
    """Options: which parameters are summarised."""

    parameters: str = Field("", description="parameters, derived ones too, with commas between; default: all")

    def filled(self, models: Sequence[Tables]) -> Self:
        """With every parameter that is judged, where none are named."""
        chosen = self.parameters or ",".join(of_models.judged(of_models.process_model(models)))
        return self.model_copy(update={"parameters": chosen})


def check(ds: xr.Dataset, options: ParametersOptions) -> None:
    """LandlabError for an unknown parameter, or several setups."""
    known = of_models.units(of_models.process_model(of_models.models_in(ds)))
    wanted = members.names_in(options.filled(of_models.models_in(ds)).parameters)
    if unknown := [n for n in wanted if n not in known]:
        raise LandlabError(f"option parameters: no parameter {unknown[0]!r}; known: {', '.join(known)}")
    runs.one_setup(ds)


def compute(ds: xr.Dataset, options: ParametersOptions) -> xr.Dataset:
    """`mean`, `sd` [parameter, place]: area-weighted means of the members' mean map, and sd over the members of theirs.

    `place` is all the land, each plant type (pixels of which it is the largest) and each band of latitudes; `area`
    [place] its share of the land. `quantile_of` [parameter, quantile] of the mean map, by area; `traded` [parameter,
    other]: correlation over the members of their means over all land, NaN for fewer than FEWEST_FOR_TRADE members. Of
    days of the year means and spreads are circular. LandlabError for several setups or datasets, or an unknown
    parameter.
    """
    check(ds, options)
    options = options.filled(of_models.models_in(ds))
    names, setup = members.names_in(options.parameters), runs.one_setup(ds)
    tables = of_models.process_model(of_models.models_in(ds))
    periods = [tables.by_name[n].period if n in tables.by_name else None for n in names]
    places, weights = _places(ds)
    maps: Points | None = None
    means: list[Points] = []
    for file in runs.files(ds, "parameters", wanted=names):
        x = np.stack([file[name].values for name in names]).astype(float)
        z = np.stack([_point(v, period) for v, period in zip(x, periods, strict=True)])
        maps = z if maps is None else maps + z
        means.append(z @ weights.T)
    assert maps is not None
    n = len(means)
    by_member: Points = np.stack(means)  # [run, parameter, place]
    mean = np.stack([_value(z, period) for z, period in zip(maps @ weights.T / n, periods, strict=True)])
    sd = np.stack([_sd(by_member[:, i], period) for i, period in enumerate(periods)])
    area = ds["area_m2"].values.astype(float)
    whole = np.stack([_value(z, period) for z, period in zip(maps / n, periods, strict=True)])
    units = of_models.units(tables)
    result = xr.Dataset(
        {
            "mean": (("parameter", "place"), mean),
            "sd": (("parameter", "place"), sd),
            "area": ("place", weights_of_land(weights, area)),
            "quantile_of": (("parameter", "quantile"), [_quantiles(x, area) for x in whole]),
            "traded": (("parameter", "other"), _traded(by_member[:, :, 0], periods)),
            "units": ("parameter", [units[name] for name in names]),
        },
        {"parameter": names, "place": places, "other": names, "quantile": list(RANGE)},
        options.model_dump() | {"synthetic": ds.attrs["synthetic"], "setup": setup, "members": n},
    )
    return result.assign_attrs(notes="\n".join(_notes(result)))


def _places(ds: xr.Dataset) -> tuple[list[str], Values]:
    """Names of the places, and the weights [place, pixel] of their means."""
    area, lat = ds["area_m2"].values.astype(float), ds["lat"].values
    types = [
        n
        for n in schema.names(ds, "predictor")
        if ds[n].attrs["group"] == "PFT" and ds[n].attrs["kind"] == "continuous"
    ]
    inside = {ALL: np.ones(len(area), bool)}
    if types:
        fractions = np.nan_to_num(np.stack([ds[n].values.astype(float) for n in types]))
        largest = np.where(fractions.max(axis=0) > 0, fractions.argmax(axis=0), -1)
        inside |= {name: largest == i for i, name in enumerate(types)}
    for low, high in BANDS:
        inside[f"{low:g} to {high:g}°"] = (lat >= low) & (lat < high)
    inside = {name: here for name, here in inside.items() if here.any()}
    weights = np.stack([np.where(here, area, 0.0) for here in inside.values()])
    return list(inside), weights / weights.sum(axis=1, keepdims=True)


def weights_of_land(weights: Values, area: Values) -> Values:
    """Share of the land [place] that weights [place, pixel] are of."""
    share: Values = (weights > 0) @ area / area.sum()
    return share


def _point(x: Values, period: float | None) -> Points:
    """Values as complex numbers: points on the circle where they have a period."""
    return x.astype(complex) if period is None else np.exp(2j * np.pi * x / period)


def _value(z: Points, period: float | None) -> Values:
    return z.real if period is None else np.angle(z) % (2 * np.pi) * period / (2 * np.pi)


def _sd(z: Points, period: float | None) -> Values:
    """Compute the standard deviation over members [run, place]; NaN of one."""
    if len(z) < 2:
        return np.full(z.shape[1], np.nan)
    if period is None:
        spread: Values = z.real.std(axis=0, ddof=1)
        return spread
    length = np.abs((z / np.abs(z)).mean(axis=0))
    return np.sqrt(-2 * np.log(np.clip(length, 1e-300, 1.0))) * period / (2 * np.pi)


def _quantiles(x: Values, area: Values) -> Values:
    order = np.argsort(x)
    middle = np.cumsum(area[order]) - 0.5 * area[order]
    quantiles: Values = np.interp(np.array(RANGE) * area.sum(), middle, x[order])
    return quantiles


def _traded(by_member: Points, periods: Sequence[float | None]) -> Values:
    """Correlation over the members [run, parameter] of each pair; NaN of few members, and of days of the year."""
    n, k = by_member.shape
    if n < FEWEST_FOR_TRADE:
        return np.full((k, k), np.nan)
    x = by_member.real.copy()
    x[:, [period is not None for period in periods]] = np.nan
    size = np.abs(x).max(axis=0)
    x = x - x.mean(axis=0)
    length = np.linalg.norm(x, axis=0)
    x = x / np.where(length > 1e-9 * size, length, np.nan)  # what members agree on to rounding is not traded
    return x.T @ x


def _notes(ds: xr.Dataset) -> list[str]:
    notes = [
        "means are weighted by area; sd: over the members, of their means; a plant type has the pixels of which it "
        "is the largest"
    ]
    r = ds["traded"].values
    if not np.isfinite(r).any():
        notes.append(f"fewer than {FEWEST_FOR_TRADE} members: correlations over them are not shown")
        return notes
    first, second = np.nonzero(np.triu(np.nan_to_num(np.abs(r)) >= STRONG, 1))
    names = ds["parameter"].values
    order = np.argsort(-np.abs(r[first, second]))[:8]
    pairs = [f"{names[first[i]]} with {names[second[i]]} {r[first[i], second[i]]:+.2f}" for i in order]
    if pairs:
        notes.append(f"traded for each other over the members (|r| >= {STRONG}): {', '.join(pairs)}")
    return notes


def table(ds: xr.Dataset) -> pd.DataFrame:
    """Return a row for each parameter.

    Mean and sd over the land, its range by area, and the means of each place.
    """
    rows = []
    for name in ds["parameter"].values:
        one = ds.sel(parameter=name)
        low, _, high = one["quantile_of"].values
        row = {"parameter": name, "units": one["units"].item(), "mean": float(one["mean"][0])}
        row |= {"sd of members": float(one["sd"][0]), "5 %": float(low), "95 %": float(high)}
        rows.append(row | dict(zip(ds["place"].values[1:], one["mean"].values[1:], strict=True)))
    return pd.DataFrame(rows)


ANALYSIS = Analysis(
    name="parameters",
    summary="each parameter's mean and spread over one setup's members, by plant type and latitude",
    options=ParametersOptions,
    needs=lambda options: Needs(files={"parameters": tuple(members.names_in(options.parameters))}),
    check=check,
    compute=compute,
    table=table,
    figure=figure,
)
