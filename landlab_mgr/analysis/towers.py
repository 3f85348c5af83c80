"""Towers: site means and months of one setup's members against eddy-covariance fluxes, seen and held out. JAX-free.

A large dataset has monthly series of its pixels with a tower, beside those of patches.
"""

from collections.abc import Sequence
from typing import Self

import numpy as np
import pandas as pd
import xarray as xr
from pydantic import Field

from landlab_mgr.analysis import members, runs
from landlab_mgr.analysis.contract import Analysis, Needs, Options
from landlab_mgr.analysis.figures.towers import SITES, figure, text
from landlab_mgr.analysis.of_models import models_in, streams_in
from landlab_mgr.data import split
from landlab_mgr.errors import LandlabError
from landlab_mgr.models import registry
from landlab_mgr.models.tables import Tables
from landlab_mgr.observations import metrics
from landlab_mgr.observations.comparable import score_name

MIN_SITES = 3
"""Sites without which a correlation of them says nothing."""
NONE = "none"
"""As option `together`: no flux needs another."""
STATISTICS = {
    "r": "r of site means",
    "R2_sites": "R2 of site means",
    "rmse_sites": "RMSE of site means",
    "R2": "R2 of months",
    "rmse": "RMSE of months",
}


class TowersOptions(Options):
    """Options: which sites count."""

    min_months: int = Field(
        13,
        ge=1,
        description="months after the warm-up that a site must have, of all fluxes in `together` at once",
    )
    together: str = Field(
        "",
        description="fluxes, with commas between, that a site must have in the same months; none: each by itself; "
        "default: what the model notes",
    )

    def filled(self, models: Sequence[Tables]) -> Self:
        """With the fluxes that a model notes, where none are named."""
        noted = [m.notes["towers"] for m in models if "towers" in m.notes]
        return self.model_copy(update={"together": self.together or (",".join(noted[0]) if noted else NONE)})


def check(ds: xr.Dataset, options: TowersOptions) -> None:
    """LandlabError for a dataset without tower streams, or several setups."""
    if not _variables(ds):
        raise LandlabError(
            f"dataset {ds.attrs['name']} has no tower streams ({', '.join(_tower_streams())}); "
            "`landlab analyse skill` scores what it has"
        )
    runs.one_setup(ds)
    _together(ds, options.filled(models_in(ds)))


def _together(ds: xr.Dataset, options: TowersOptions) -> list[str]:
    """Fluxes of the dataset that a site must have at once; LandlabError for one that no tower observes."""
    fluxes = dict.fromkeys(registry.streams()[name].variable for name in _tower_streams())
    wanted = [] if options.together == NONE else members.names_in(options.together)
    if unknown := [name for name in wanted if name not in fluxes]:
        raise LandlabError(
            f"option together: no tower flux {unknown[0]!r}; there are: {', '.join(fluxes)}, {NONE}"
        )
    return [name for name in wanted if any(s.tower and s.variable == name for s in streams_in(ds))]


def _tower_streams() -> list[str]:
    return [name for name, stream in registry.streams().items() if stream.tower]


def _variables(ds: xr.Dataset) -> list[str]:
    """Names under which the tower streams of a dataset are scored."""
    streams = streams_in(ds)
    return [score_name(s, streams) for s in streams if s.tower]


def compute(ds: xr.Dataset, options: TowersOptions) -> xr.Dataset:
    """Skill of each member and of their mean, over all sites and those held out (the test pixels of every member).

    `member` [run, variable, sites, statistic] and `mean` [variable, sites, statistic], of the mean prediction; r is
    that of site means, R2 and RMSE are of months or of site means. `n_sites` and `n_months` [variable, sites];
    `modelled`, `spread` (sd over the members) and `observed` [variable, pixel] are site means, of the pixels of the
    dataset, or of those with a tower where only these have series. LandlabError for several setups or datasets, or
    where no tower was compared.
    """
    check(ds, options)
    options = options.filled(models_in(ds))
    setup, observed, together = runs.one_setup(ds), _variables(ds), _together(ds, options)
    stacks = members.stacks(ds, split.TEST, observed, at_towers=True)
    fluxes = [_Variable(s, _months(s, stacks, together) >= options.min_months) for s in stacks]
    order = [observed.index(v.target.name) for v in fluxes]
    compared = [fluxes[i] for i in np.argsort(order) if fluxes[i].n_sites[0]]
    if not compared:
        raise LandlabError(
            f"no tower of dataset {ds.attrs['name']} has {options.min_months} months of "
            f"{', '.join(together or observed)}{' at once' * bool(together)} after the warm-up; give a smaller "
            f"min_months, or -o together={NONE}"
        )
    names = [v.target.name for v in compared]
    notes = [
        f"all: every site, which most members learned from; held out: the {compared[0].n_sites[1]} test sites that "
        "none did (this look at test is counted)",
        "member: mean and sd of the runs' own statistics; ensemble mean: of the mean prediction of the runs",
    ]
    if together:
        notes.append(f"sites with {options.min_months} months or more of {', '.join(together)} at once")
    if absent := [s for s in _tower_streams() if s not in ds]:
        notes.append(f"not in the dataset: {', '.join(absent)}")
    if empty := [v.target.name for v in fluxes if not v.n_sites[0]]:
        notes.append(f"no site with {options.min_months} months: {', '.join(empty)}")
    few = [v.target.name for v in compared if v.n_sites[1] < MIN_SITES]
    if few:
        notes.append(f"fewer than {MIN_SITES} held-out sites, whose means have no r and R2: {', '.join(few)}")
    if ds.sizes["run"] == 1:
        notes.append("one run only: its own mean, and no spread")
    return xr.Dataset(
        {
            "member": (("run", "variable", "sites", "statistic"), np.stack([v.member for v in compared], 1)),
            "mean": (("variable", "sites", "statistic"), np.stack([v.mean for v in compared])),
            "n_sites": (("variable", "sites"), [v.n_sites for v in compared]),
            "n_months": (("variable", "sites"), [v.n_months for v in compared]),
            "modelled": (("variable", "pixel"), np.stack([v.modelled.mean(axis=0) for v in compared])),
            "spread": (("variable", "pixel"), np.stack([_sd(v.modelled) for v in compared])),
            "observed": (("variable", "pixel"), np.stack([v.observed for v in compared])),
            "held_out": ("pixel", compared[0].held_out),
            "units": ("variable", [v.target.unit for v in compared]),
        },
        {
            "run": list(ds["run"].values),
            "variable": names,
            "sites": list(SITES),
            "statistic": list(STATISTICS),
        },
        options.model_dump()
        | {"synthetic": ds.attrs["synthetic"], "setup": setup, "notes": "\n".join(notes)},
    )


def _months(stack: members.Stack, stacks: Sequence[members.Stack], together: Sequence[str]) -> np.ndarray:
    """Count the months that each place has of a flux.

    A month counts if it also has the fluxes that it must be observed with.
    """
    variable = stack.target.stream.variable
    of = [s for s in stacks if s.target.stream.variable in together] if variable in together else [stack]
    count: np.ndarray = np.logical_and.reduce([np.isfinite(s.target.observed) for s in of]).sum(axis=0)
    return count


class _Variable:
    """One flux at the sites: site means over the months that were observed, and the statistics of each member."""

    def __init__(self, stack: members.Stack, enough: np.ndarray) -> None:
        self.target = stack.target
        x, observed = stack.modelled.astype(float), stack.target.observed
        label = stack.label
        n = np.isfinite(observed).sum(axis=0)
        enough = enough & (label != split.UNUSED).all(axis=0)
        self.held_out = (label == split.TEST).all(axis=0)
        observed = np.where(enough, observed, np.nan)
        chosen = (enough, enough & self.held_out)
        self.n_sites = [int(c.sum()) for c in chosen]
        self.n_months = [int(n[c].sum()) for c in chosen]
        moments = [metrics.moments(member, observed) for member in (*x, x.mean(axis=0))]
        nowhere = ~enough
        self.modelled = np.stack([np.where(nowhere, np.nan, m.model) for m in moments[:-1]])
        self.observed = np.where(nowhere, np.nan, moments[-1].observed)
        scores = np.array([[_statistics(m.of(c)) for c in chosen] for m in moments])
        self.member, self.mean = scores[:-1], scores[-1]


def _statistics(x: metrics.Moments) -> list[float]:
    """As STATISTICS, of the sites whose moments these are."""
    seen = x.of(x.n > 0)
    sites = metrics.statistics(seen.model, seen.observed)
    months = {name: float(v[0]) for name, v in metrics.statistics_of(metrics.pooled(x)).items()}
    few = len(seen.n) < MIN_SITES
    r, r2 = (np.nan, np.nan) if few else (sites["r"], sites["R2"])
    return [r, r2, sites["rmse"], months["R2"], months["rmse"]]


def _sd(x: np.ndarray) -> np.ndarray:
    return x.std(axis=0, ddof=1) if len(x) > 1 else np.full(x.shape[1], np.nan)


def table(ds: xr.Dataset) -> pd.DataFrame:
    """Rows for each flux over all and held-out sites: the members' mean +- sd, and the ensemble mean's own."""
    rows = []
    for name, unit in zip(ds["variable"].values, ds["units"].values, strict=True):
        for sites in ds["sites"].values:
            one = ds.sel(variable=name, sites=sites)
            if not int(one["n_sites"]):
                continue
            about = {
                "variable": name,
                "sites": sites,
                "n": int(one["n_sites"]),
                "months": int(one["n_months"]),
            }
            members_, mean = one["member"].values, one["mean"].values
            columns = list(STATISTICS)
            texts = {c: _mean_and_sd(members_[:, i]) for i, c in enumerate(columns)}
            rows.append({**about, "of": f"{len(members_)} members", **texts, "units": unit})
            plain = {c: text(mean[i]) for i, c in enumerate(columns)}
            rows.append({**about, "of": "ensemble mean", **plain, "units": unit})
    return pd.DataFrame(rows).rename(columns=STATISTICS)


def _mean_and_sd(x: np.ndarray) -> str:
    x = x[np.isfinite(x)]
    if not x.size:
        return "undefined"
    return text(float(x.mean())) + (f" ± {x.std(ddof=1):.2f}" if x.size > 1 else "")


ANALYSIS = Analysis(
    name="towers",
    summary="one setup's site means and months against tower fluxes, all and held-out sites",
    options=TowersOptions,
    # the numbers over all sites are of train and dev pixels too, which anybody may read
    needs=lambda options: Needs((split.TEST,), files={"monthly": ()}),
    check=check,
    compute=compute,
    table=table,
    figure=figure,
)
