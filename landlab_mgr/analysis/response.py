"""Response: how one modelled quantity follows another, at each place and by each member. JAX-free.

Such as the factor of water stress against soil water: what a learned process made of it, place by place, and how far
its restarts agree. `compute` predicts the members at their places with JAX, and imports it.
"""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from pydantic import Field

from landlab_mgr.analysis import complexity, of_models, runs
from landlab_mgr.analysis.contract import Analysis, Needs, Options
from landlab_mgr.analysis.figures.response import figure
from landlab_mgr.data import schema
from landlab_mgr.errors import LandlabError
from landlab_mgr.models import registry
from landlab_mgr.models.tables import Tables
from landlab_mgr.observations.calendar import Calendar
from landlab_mgr.observations.variables import IN_RECORD
from landlab_mgr.storage.location import located

Values = npt.NDArray[np.floating]

NOTE = "response"
"""Name under which a model notes the two quantities that are shown where none are named."""


class ResponseOptions(Options):
    """Options: which quantity against which, in how many bins, at which places."""

    x: str = Field(
        "", description="output of the model or forcing along the axis; default: what the model notes"
    )
    y: str = Field("", description="output of the model that answers; default: what the model notes")
    bins: int = Field(12, ge=2, le=100, description="bins of equally many steps of a place")
    pixels: int = Field(12, ge=1, description="places, at most: drawn where the dataset has more")
    seed: int = Field(0, ge=0, lt=2**31, description="of that draw")

    def filled(self, models: Sequence[Tables]) -> Self:
        """With the quantities that the model notes, where none are named."""
        x, y = of_models.process_model(models).notes.get(NOTE, ("", ""))
        return self.model_copy(update={"x": self.x or x, "y": self.y or y})


def check(ds: xr.Dataset, options: ResponseOptions) -> None:
    """LandlabError for a quantity that the model does not give."""
    options = options.filled(of_models.models_in(ds))
    tables = of_models.process_model(of_models.models_in(ds))
    outputs = [v.name for v in tables.outputs]
    forcing = [name for name in schema.names(ds, "forcing") if name in (tables.forcing or (name,))]
    for option, known in (("x", [*outputs, *forcing]), ("y", outputs)):
        if getattr(options, option) not in known:
            raise LandlabError(
                f"option {option}: {getattr(options, option)!r} is none of what model {tables.name} gives; known: "
                f"{', '.join(known)}"
            )


def compute(ds: xr.Dataset, options: ResponseOptions) -> xr.Dataset:
    """`response` and `at` [run, place, bin]: means of y and of x over the steps of a bin.

    Bins part the steps of a place and member by x into equally many; the warm-up, and steps outside a place's own
    record, count for nothing. `chosen` [setup, place] is the run of the best training skill there, summed over the
    variables: of restarts of a local calibration, the one that speaks for the place.
    """
    from landlab_mgr.prediction import predict  # JAX

    check(ds, options)
    options = options.filled(of_models.models_in(ds))
    places = np.arange(ds.sizes["pixel"])
    if len(places) > options.pixels:
        drawn = np.random.default_rng(options.seed).choice(places, options.pixels, replace=False)
        places = np.sort(drawn)
    data = (
        ds[[n for n, x in ds.data_vars.items() if {*x.dims} <= {"pixel", "time"}]].isel(pixel=places).load()
    )
    counted = _counted(data, ds)
    at, response = [], []
    for path in ds["checkpoint"].values:
        member = predict.Trained.open(located(str(path)))
        modelled = predict.series(member, data, (options.x, options.y))
        x, y = modelled[options.x], modelled[options.y]
        means = [_binned(x[steps, i], y[steps, i], options.bins) for i, steps in enumerate(counted.T)]
        at.append([x for x, _ in means])
        response.append([y for _, y in means])
    names = runs.setups(ds)
    setups = list(dict.fromkeys(names))
    loss = _losses(ds, places)
    rows = {s: np.flatnonzero([n == s for n in names]) for s in setups}
    chosen = [ds["run"].values[rows[s]][loss[rows[s]].argmin(axis=0)] for s in setups]
    known = {**registry.forcing(), **registry.variables()}
    units = [known[name].unit for name in (options.x, options.y)]
    dims = ("run", "place", "bin")
    sites = runs.places(ds)
    return xr.Dataset(
        {
            "response": (dims, np.array(response, np.float32), {"units": units[1]}),
            "at": (dims, np.array(at, np.float32), {"units": units[0]}),
            "chosen": (("setup", "place"), np.stack(chosen)),
        },
        {
            "run": ds["run"].values,
            "of_setup": ("run", names),
            "setup": setups,
            "place": [sites[i] for i in places],
        },
        options.model_dump() | {"synthetic": ds.attrs["synthetic"]},
    )


def _counted(data: xr.Dataset, ds: xr.Dataset) -> npt.NDArray[np.bool_]:
    """Mark the steps [time, place] that are shown: after the longest warm-up, inside the place's record."""
    calendar = Calendar.of(data)
    warmup = max(calendar.steps_in_months(spec.warmup_months) for spec in runs.specs(ds))
    counted = np.ones((data.sizes["time"], data.sizes["pixel"]), bool)
    if IN_RECORD in data:
        counted &= data[IN_RECORD].transpose("time", "pixel").values > 0
    counted[:warmup] = False
    return counted


def _binned(x: Values, y: Values, bins: int) -> tuple[Values, Values]:
    """Means of x and y in bins of equally many steps by x, [bin] each; NaN where there are fewer steps than bins."""
    there = np.isfinite(x) & np.isfinite(y)
    x, y = x[there], y[there]
    if len(x) < bins:
        return np.full(bins, np.nan), np.full(bins, np.nan)
    order = np.argsort(x, kind="stable")
    parts = np.array_split(order, bins)
    return np.array([x[p].mean() for p in parts]), np.array([y[p].mean() for p in parts])


def _losses(ds: xr.Dataset, places: npt.NDArray[np.integer]) -> Values:
    """Return `complexity.losses` of the runs at these places; 0 where runs keep no skill."""
    skill: dict[str, Values] = {}
    shape = ds.sizes["run"], len(places)
    for row, file in enumerate(runs.files(ds, "skill")):
        for name in (str(n) for n in file.data_vars if n != "split"):
            own = file[name].sel(period="observation", statistic="R2")
            skill.setdefault(name, np.full(shape, np.nan))[row] = own.values[places]
    return complexity.losses(np.stack([*skill.values()], axis=1)) if skill else np.zeros(shape)


def table(ds: xr.Dataset) -> pd.DataFrame:
    """Return a row for each setup and place: y in the lowest and the highest bin of x, and its sd over the members."""
    rows = []
    x, y = ds.attrs["x"], ds.attrs["y"]
    for setup in ds["setup"].values:
        own = ds.isel(run=np.flatnonzero(ds["of_setup"].values == setup))
        for i, place in enumerate(ds["place"].values):
            best = own.sel(run=ds["chosen"].sel(setup=setup).values[i])
            row: dict[str, Any] = {"setup": setup, "place": place, "members": own.sizes["run"]}
            for word, k in (("lowest", 0), ("highest", -1)):
                row[f"{word} {x}"] = float(best["at"].values[i, k])
                row[f"{y} at the {word}"] = float(best["response"].values[i, k])
                row[f"sd at the {word}"] = float(own["response"].values[:, i, k].std())
            rows.append(row)
    return pd.DataFrame(rows)


ANALYSIS = Analysis(
    name="response",
    summary="how one modelled quantity follows another at each place, such as water stress soil water",
    options=ResponseOptions,
    needs=lambda options: Needs(if_kept={"skill": ()}, checkpoints=True),
    check=check,
    compute=compute,
    table=table,
    figure=figure,
)
