"""Towers: site means and months of one setup's members against eddy-covariance fluxes, seen and held out. JAX-free."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr
from pydantic import Field

from landlab_mgr.analysis import members
from landlab_mgr.analysis.base import Analysis, Ensemble, Options
from landlab_mgr.analysis.figures import style
from landlab_mgr.data import split
from landlab_mgr.errors import LandlabError
from landlab_mgr.models.dalec.parameters import STREAMS
from landlab_mgr.observations import metrics
from landlab_mgr.observations.comparable import score_name

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TOWERS = ("gpp_fluxnet", "reco_fluxnet", "et_fluxnet", "nee_site")
"""Streams that towers observe."""
MIN_SITES = 3
"""Sites without which a correlation of them says nothing."""
SITES = ("all", "held out")
STATISTICS = {
    "r": "r of site means",
    "R2_sites": "R2 of site means",
    "rmse_sites": "RMSE of site means",
    "R2": "R2 of months",
    "rmse": "RMSE of months",
}


class TowersOptions(Options):
    """Which sites count."""

    min_months: int = Field(1, ge=1, description="months after the warm-up that a site must have")


def compute(ensemble: Ensemble, options: TowersOptions) -> xr.Dataset:
    """Skill of each member and of their mean, over all sites and those held out (the test pixels of every member).

    `member` [run, variable, sites, statistic] and `mean` [variable, sites, statistic], of the mean prediction; r is
    that of site means, R2 and RMSE are of months or of site means. `n_sites` and `n_months` [variable, sites];
    `modelled`, `spread` (sd over the members) and `observed` [variable, pixel] are site means. LandlabError for
    several setups or datasets, or where no tower was compared.
    """
    data = ensemble.dataset()
    streams = [s for s in STREAMS if s in data]
    there = [score_name(s, streams) for s in TOWERS if s in data]
    if not there:
        raise LandlabError(
            f"dataset {data.attrs['name']} has no tower streams ({', '.join(TOWERS)}); "
            "`landlab analyse skill` scores what it has"
        )
    setup = ensemble.one_setup()
    ensemble.look([split.TEST])
    found = [
        _Variable(s, options.min_months) for s in members.stacks(ensemble, split.TEST, there, pixels=True)
    ]
    order = [there.index(v.target.name) for v in found]
    compared = [found[i] for i in np.argsort(order) if found[i].n_sites[0]]
    if not compared:
        raise LandlabError(
            f"no tower of dataset {data.attrs['name']} has {options.min_months} months of {', '.join(there)} "
            "after the warm-up; give a smaller min_months"
        )
    names = [v.target.name for v in compared]
    notes = [
        f"all: every site, which most members learned from; held out: the {compared[0].n_sites[1]} test sites that "
        "none did (this look at test is counted)",
        "member: mean and sd of the runs' own statistics; ensemble mean: of the mean prediction of the runs",
    ]
    if absent := [s for s in TOWERS if s not in data]:
        notes.append(f"not in the dataset: {', '.join(absent)}")
    if empty := [v.target.name for v in found if not v.n_sites[0]]:
        notes.append(f"no site with {options.min_months} months: {', '.join(empty)}")
    few = [v.target.name for v in compared if v.n_sites[1] < MIN_SITES]
    if few:
        notes.append(f"fewer than {MIN_SITES} held-out sites, whose means have no r and R2: {', '.join(few)}")
    if len(ensemble.runs) == 1:
        notes.append("one run only: its own mean, and no spread")
    runs, statistics = {"run": ensemble.run_ids}, {"statistic": list(STATISTICS)}
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
        {**runs, "variable": names, "sites": list(SITES), **statistics},
        options.model_dump()
        | {"synthetic": int(ensemble.synthetic), "setup": setup, "notes": "\n".join(notes)},
    )


class _Variable:
    """One flux at the sites: site means over the months that were observed, and the statistics of each member."""

    def __init__(self, stack: members.Stack, min_months: int) -> None:
        self.target = stack.target
        x, observed = stack.modelled.astype(float), stack.target.observed
        label = stack.label
        n = np.isfinite(observed).sum(axis=0)
        enough = (n >= min_months) & (label != split.UNUSED).all(axis=0)
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
            plain = {c: _text(mean[i]) for i, c in enumerate(columns)}
            rows.append({**about, "of": "ensemble mean", **plain, "units": unit})
    return pd.DataFrame(rows).rename(columns=STATISTICS)


def _mean_and_sd(x: np.ndarray) -> str:
    x = x[np.isfinite(x)]
    if not x.size:
        return "undefined"
    return _text(float(x.mean())) + (f" ± {x.std(ddof=1):.2f}" if x.size > 1 else "")


def _text(x: float) -> str:
    return f"{x:.2f}" if np.isfinite(x) else "undefined"


def figure(ds: xr.Dataset) -> "Figure":
    """For each flux the sites' means, ensemble mean against observed; held-out ones with the members' sd."""
    from matplotlib.figure import Figure

    n = ds.sizes["variable"]
    across = min(n, 2)
    down = -(-n // across)
    sd_of = ", bars: sd of the members" if ds.sizes["run"] > 1 else ""
    fig = Figure(figsize=(4.4 * across, 0.9 + 4.2 * down), layout="constrained")
    for i, name in enumerate(ds["variable"].values):
        one = ds.sel(variable=name)
        ax = fig.add_subplot(down, across, i + 1)
        x, y, sd = (one[v].values for v in ("observed", "modelled", "spread"))
        sd = np.where(ds["held_out"].values, np.nan_to_num(sd), 0.0)
        low, high = _range(np.concatenate([x, y - sd, y + sd]))
        ax.plot([low, high], [low, high], color="0.5", linewidth=1, zorder=1)
        held_out = ds["held_out"].values
        here, there = np.isfinite(x) & held_out, np.isfinite(x) & ~held_out
        bars: dict[str, Any] = {
            "fmt": "none",
            "ecolor": style.PALETTE[1],
            "alpha": 0.5,
            "linewidth": 0.9,
            "zorder": 2,
        }
        ax.errorbar(x[here], y[here], sd[here], **bars)
        marks: dict[str, Any] = {"s": 22, "edgecolor": "white", "linewidth": 0.4, "zorder": 3}
        ax.scatter(
            x[here], y[here], color=style.PALETTE[1], marker="D", label=f"held-out sites{sd_of}", **marks
        )
        ax.scatter(x[there], y[there], color="0.6", label="other sites", **marks | {"zorder": 1})
        ax.set(xlim=(low, high), ylim=(low, high), aspect="equal")
        ax.set_xlabel(f"observed {style.named(name)} ({one['units'].item()})")
        ax.set_ylabel(f"modelled {style.named(name)} ({one['units'].item()})")
        lines = []
        for sites in SITES:
            count = int(one["n_sites"].sel(sites=sites))
            r = _text(float(one["mean"].sel(sites=sites, statistic="r")))
            lines.append(f"{sites}: r = {r} (n = {count})" if count else f"{sites}: none")
        ax.set_title("   ".join(lines), loc="left", fontsize=9)
        ax.spines[["top", "right"]].set_visible(False)
    handles, labels = fig.axes[0].get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False)
    runs = f"mean of {ds.sizes['run']} runs of {ds.attrs['setup']}"
    synthetic = ", synthetic data" if ds.attrs["synthetic"] else ""
    style.headline(fig, f"Site means at towers: {runs}{synthetic}", ds.attrs)
    return fig


def _range(x: np.ndarray) -> tuple[float, float]:
    low, high = float(np.nanmin(x)), float(np.nanmax(x))
    margin = 0.05 * (high - low) or 1.0
    return low - margin, high + margin


ANALYSIS = Analysis(
    name="towers",
    summary="one setup's site means and months against tower fluxes, all and held-out sites",
    options=TowersOptions,
    splits=lambda options: (split.TEST,),
    compute=compute,
    table=table,
    figure=figure,
    kinds=("monthly",),
)
"""Its numbers over all sites are of train and dev pixels too, which anybody may read."""
