"""Every pixel of one setup's members: its mean against the observed one, and a statistic of its series. JAX-free.

From the runs' files of skill, read one after the other. What is compared by patches counts at every pixel of its
patch on the map, and once among the means.
"""

from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from pydantic import Field

from landlab_mgr.analysis import levels, members, parts, runs
from landlab_mgr.analysis.contract import Analysis, Needs, Options
from landlab_mgr.analysis.figures.pixels import figure
from landlab_mgr.analysis.of_models import in_order, streams_in
from landlab_mgr.errors import LandlabError
from landlab_mgr.observations import metrics
from landlab_mgr.observations.comparable import score_name

Values = npt.NDArray[np.floating]

FEWEST_MONTHS = 12
"""Months compared without which a pixel has no statistic of its own."""
OBSERVED = "observed"
"""Statistic of the files that is the mean of the observations."""


class PixelsOptions(Options):
    """Options: which pixels, and which statistic is mapped."""

    split: parts.Part = Field("seen", description=parts.MEANING)
    statistic: Literal["r", "r2", "R2"] = Field(
        "r", description="over the months of a pixel; r: Pearson; R2: Nash-Sutcliffe"
    )
    variables: str = Field("", description="variables, with commas between; none: every one that is scored")


def check(ds: xr.Dataset, options: PixelsOptions) -> None:
    """LandlabError for several setups."""
    runs.one_setup(ds)


def compute(ds: xr.Dataset, options: PixelsOptions) -> xr.Dataset:
    """`observed`, `modelled` (means over time) and `skill` [variable, pixel], means over the members.

    NaN where a pixel has too few months, or is not of the part; `first` [pixel] marks one pixel of each patch, `level`
    [variable] says of what the values are. LandlabError for several setups or datasets, an unknown variable, or where
    no pixel is scored.
    """
    check(ds, options)
    setup, wanted = runs.one_setup(ds), members.names_in(options.variables)
    streams = {score_name(s, streams_in(ds)): s for s in streams_in(ds)}
    n_pixels, statistics = ds.sizes["pixel"], (options.statistic, "bias", OBSERVED, "n")
    total: dict[str, Values] = {}
    count: dict[str, Values] = {}
    scored: dict[str, None] = {}
    for file in runs.files(ds, "skill"):
        counts = parts.counted(file["split"].values, options.split)
        names = [str(n) for n in file.data_vars if n != "split" and "observation" in file.get("period", ())]
        scored |= dict.fromkeys(names)
        for name in names:
            if wanted and name not in wanted:
                continue
            own = file[name].sel(period="observation").reindex(statistic=list(statistics))
            skill, bias, observed, n = own.transpose("statistic", "pixel").values.astype(float)
            yearly = name in streams and streams[name].average == "year"
            long = counts & (n >= (levels.MIN_YEARS if yearly else FEWEST_MONTHS))
            values = np.stack([observed + bias, observed, np.where(long, skill, np.nan)])
            there = counts & np.isfinite(values)
            total.setdefault(name, np.zeros((3, n_pixels)))
            count.setdefault(name, np.zeros((3, n_pixels)))
            total[name] += np.where(there, values, 0.0)
            count[name] += there
    if unknown := [v for v in wanted if v not in scored]:
        raise LandlabError(
            f"option variables: no run has skill of {unknown[0]!r} by pixel; there are: "
            f"{', '.join(in_order(list(scored))) or 'none'}"
        )
    variables = in_order([v for v, n in count.items() if n.any()])
    if not variables:
        raise LandlabError(
            f"no pixel is scored ({options.split}); name another part with -o split=..., one of "
            f"{', '.join(parts.PARTS)}"
        )
    means = np.stack(
        [np.where(count[v] > 0, total[v] / np.maximum(count[v], 1), np.nan) for v in variables], axis=1
    )
    anomalies = [v in streams and streams[v].average == "anomaly" for v in variables]
    means[:2, anomalies] = np.nan
    notes = [
        f"means over {ds.sizes['run']} members at {options.split} pixels; of patches at each of their pixels"
    ]
    if without := [v for v, x in zip(variables, means[1], strict=True) if not np.isfinite(x).any()]:
        notes.append(
            f"no means: {', '.join(without)} (an anomaly, or runs of a version that kept no mean of the observations: "
            "run the grid in a new workspace)"
        )
    patch = ds["patch"].values
    first = np.zeros(n_pixels, bool)
    first[np.unique(patch, return_index=True)[1]] = True
    return xr.Dataset(
        {
            **{
                name: (("variable", "pixel"), x.astype(np.float32))
                for name, x in zip(("modelled", "observed", "skill"), means, strict=True)
            },
            "first": ("pixel", first),
            "level": ("variable", [streams[v].level if v in streams else "pixel" for v in variables]),
            "lat": ("pixel", ds["lat"].values),
            "lon": ("pixel", ds["lon"].values),
        },
        {"variable": variables},
        options.model_dump()
        | {"synthetic": ds.attrs["synthetic"], "setup": setup, "members": ds.sizes["run"]}
        | {"notes": "\n".join(notes)},
    )


def table(ds: xr.Dataset) -> pd.DataFrame:
    """Return a row for each variable: skill of the means of places, and quantiles over places of the statistic."""
    rows = []
    for variable in ds["variable"].values:
        one = ds.sel(variable=variable)
        places = one["first"].values if one["level"].item() == "patch" else np.ones(ds.sizes["pixel"], bool)
        own, seen, skill = (one[n].values[places].astype(float) for n in ("modelled", "observed", "skill"))
        n = int((np.isfinite(skill) | np.isfinite(own)).sum())
        of_means, skill = metrics.statistics(own, seen), skill[np.isfinite(skill)]
        low, middle, high = np.quantile(skill, (0.05, 0.5, 0.95)) if len(skill) else 3 * (np.nan,)
        s = ds.attrs["statistic"]
        rows.append(
            {
                "variable": variable,
                "places": n,
                "of": f"{one['level'].item()}s" if one["level"].item() == "pixel" else "patches",
                "r of means": of_means["r"],
                "R2 of means": of_means["R2"],
                "bias": of_means["bias"],
                f"median {s}": middle,
                f"5 % of {s}": low,
                f"95 % of {s}": high,
            }
        )
    return pd.DataFrame(rows)


ANALYSIS = Analysis(
    name="pixels",
    summary="means of all pixels against the observed ones, and a map of each pixel's skill",
    options=PixelsOptions,
    needs=lambda options: Needs(parts.PARTS[options.split], files={"skill": ()}),
    check=check,
    compute=compute,
    table=table,
    figure=figure,
)
