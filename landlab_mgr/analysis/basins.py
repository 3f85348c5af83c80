"""Skill by place as hydrologists read it: NSE, KGE with its parts, biases of peaks and low flows. JAX-free.

Of each member, and of the mean prediction of a setup's members, at every place by itself; then over places the medians
and the share below 0.
"""

from collections.abc import Iterator
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from pydantic import Field

from landlab_mgr.analysis import members, runs
from landlab_mgr.analysis.contract import Analysis, Needs, Options
from landlab_mgr.analysis.figures.basins import figure
from landlab_mgr.analysis.of_models import streams_in
from landlab_mgr.errors import LandlabError
from landlab_mgr.models import registry
from landlab_mgr.observations import metrics
from landlab_mgr.observations.comparable import score_name
from landlab_mgr.observations.streams import Stream

Values = npt.NDArray[np.floating]

STATISTICS = ("nse", *metrics.KLING_GUPTA, "bias", "fhv", "flv")
"""Statistics of a place, in the order of the table."""
FEWEST = 12
"""Steps compared without which a place has no statistics."""


class BasinsOptions(Options):
    """Options: what is scored, where, and what the table lists."""

    split: Literal["train", "dev", "test", "withheld"] = Field(
        "train", description="places scored; withheld: steps that the split holds out, at places that train"
    )
    variable: str = Field("", description="what is scored; none: the first that is observed step by step")
    rows: Literal["setup", "place"] = Field(
        "setup", description="rows of the table: medians of each setup, or every place of each"
    )


def check(ds: xr.Dataset, options: BasinsOptions) -> None:
    """LandlabError where nothing is observed step by step, or not the variable that is asked for."""
    stream_of(ds, options.variable)


def stream_of(ds: xr.Dataset, variable: str = "") -> Stream:
    """Return the observation stream of a variable that is observed step by step, by default the first.

    LandlabError where there is none.
    """
    streams = streams_in(ds)
    by_name = {score_name(s, streams): s for s in streams if (s.level, s.average) == ("pixel", "step")}
    if not by_name:
        raise LandlabError(f"nothing of dataset {ds.attrs['name']} is observed step by step at its places")
    if variable and variable not in by_name:
        raise LandlabError(
            f"option variable: nothing observes {variable!r} step by step; there are: {', '.join(by_name)}"
        )
    return by_name[variable] if variable else next(iter(by_name.values()))


def of_runs(
    ds: xr.Dataset, part: str, name: str
) -> Iterator[tuple[int, str, members.Target, Values, members.Mask]]:
    """Yield each run that predicts a variable: its number, setup, target, prediction, and where it is scored.

    LandlabError where the files hold means of patches, and where no run predicts it.
    """
    none = True
    for row, (file, targets) in enumerate(members.predictions(ds, part, [name])):
        for target in targets:
            if target.level != "pixel":
                raise LandlabError(
                    f"the runs' files hold means of patches, and this is about {name} of places"
                )
            none = False
            scored = members.scored(target.labels(file), part)
            yield row, runs.setups(ds)[row], target, target.of(file), scored
    if none:
        raise LandlabError(f"none of {ds.sizes['run']} runs predicts {name}")


def compute(ds: xr.Dataset, options: BasinsOptions) -> xr.Dataset:
    """`mean` [setup, statistic, place] of the mean prediction of a setup's runs, `member` [run, statistic, place].

    NaN at places where a run is not scored, or that have fewer than 12 steps compared (`n` [place]). LandlabError for
    runs of several datasets, and where no run is scored.
    """
    stream = stream_of(ds, options.variable)
    name, names = score_name(stream, streams_in(ds)), runs.setups(ds)
    flows = registry.variables()[stream.variable].never_negative
    alone = np.full((len(names), len(STATISTICS), ds.sizes["pixel"]), np.nan, np.float32)
    means: dict[str, members.Mean] = {}
    for row, setup, target, modelled, scored in of_runs(ds, options.split, name):
        alone[row][:, scored] = statistics(modelled[:, scored], target.observed[:, scored], flows)
        means.setdefault(setup, members.Mean(target)).add(modelled, scored)
    together = np.full((len(means), *alone.shape[1:]), np.nan, np.float32)
    for row, mean in enumerate(means.values()):
        scored = mean.count > 0
        together[row][:, scored] = statistics(mean.of(scored), mean.target.observed[:, scored], flows)
    if not np.isfinite(together).any():
        raise LandlabError(
            f"none of {len(names)} runs is scored in {name} on {options.split}; -o split= train, dev, test or withheld"
        )
    n = np.isfinite(next(iter(means.values())).target.observed).sum(axis=0)
    return xr.Dataset(
        {
            "mean": (("setup", "statistic", "place"), together),
            "member": (("run", "statistic", "place"), alone),
            "setup_of": ("run", names),
            "n": ("place", n),
            "lat": ("place", ds["lat"].values),
            "lon": ("place", ds["lon"].values),
        },
        {
            "setup": list(means),
            "run": list(ds["run"].values),
            "statistic": list(STATISTICS),
            "place": runs.places(ds),
        },
        options.model_dump() | {"synthetic": ds.attrs["synthetic"], "scored": name, "notes": _notes()},
    )


def statistics(modelled: Values, observed: Values, flows: bool) -> Values:
    """Statistics [statistic, place] of series [T, place]; `flows` are never negative."""
    moments = metrics.moments(modelled, observed)
    own = metrics.statistics_of(moments)
    values = {"nse": own["R2"], "bias": own["bias"]} | metrics.kling_gupta(moments)
    values |= metrics.duration_biases(modelled, observed) if flows else {}
    nothing = np.full(modelled.shape[1], np.nan)
    of_places = np.stack([values.get(s, nothing) for s in STATISTICS])
    return np.where(moments.n >= FEWEST, of_places, np.nan)


def _notes() -> str:
    return "\n".join(
        (
            "members: median over the runs of the median NSE of each; the other columns are of the mean prediction of "
            "a setup's runs",
            "medians over places; kge = 1 - sqrt((r - 1)^2 + (alpha - 1)^2 + (beta - 1)^2); fhv, flv: bias of the "
            "highest 2 % and the lowest 30 % of the flows, %",
        )
    )


def table(ds: xr.Dataset) -> pd.DataFrame:
    """Return a row for each setup, with medians over places; or one for every place of each setup."""
    frames = []
    for setup in ds["setup"].values:
        own = ds["mean"].sel(setup=setup)
        if ds.attrs["rows"] == "place":
            frame = own.transpose("place", "statistic").to_pandas().assign(steps=ds["n"].values).reset_index()
            frame.insert(0, "setup", str(setup))
            frames.append(frame.dropna(subset="nse").rename_axis(None, axis=1))
            continue
        nse = own.sel(statistic="nse").values
        nse = nse[np.isfinite(nse)]
        alone = ds["member"].sel(run=ds["setup_of"] == setup, statistic="nse").values
        medians = [metrics.median(x) for x in alone]
        row = {
            "setup": str(setup),
            "runs": len(medians),
            "places": len(nse),
            "members": metrics.median(np.array(medians)),
            **{str(s): metrics.median(own.sel(statistic=s).values) for s in STATISTICS},
        }
        below = float((nse < 0).mean()) if len(nse) else np.nan
        items = list(row.items())
        at = list(row).index("nse") + 1
        frames.append(pd.DataFrame([dict([*items[:at], ("nse < 0", below), *items[at:]])]))
    return pd.concat(frames, ignore_index=True)


ANALYSIS = Analysis(
    name="basins",
    summary="NSE, KGE and biases of peaks and low flows at every place, and their distribution over places",
    options=BasinsOptions,
    needs=lambda options: Needs((options.split,), files={"monthly": ()}, hashed=False),
    check=check,
    compute=compute,
    table=table,
    figure=figure,
)
