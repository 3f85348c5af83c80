"""Identifiability: do members that differ in their seeds find the same parameters? JAX-free.

A parameter's coefficient of variation (sd / mean) over the members of a setup is taken at each pixel; the parameter is
identifiable where its median over the pixels is below a threshold. On a twin planet the ensemble mean is held against
the truth too, so that the judgement itself can be judged.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from pydantic import Field

from landlab_mgr.analysis import style
from landlab_mgr.analysis.pattern import Analysis, Ensemble, Options
from landlab_mgr.errors import LandlabError
from landlab_mgr.parameters import BY_NAME, DERIVED, names_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Values = npt.NDArray[np.floating]

PARAMETERS = (*names_of("ecological"), *(d.name for d in DERIVED))
UNUSED = ("iwue",)
"""No process reads them, so that nothing can identify them."""
WELL_KNOWN = 0.9
"""Pearson r with the truth over the test pixels from which on a parameter counts as found."""


class IdentifyOptions(Options):
    """What counts as identifiable."""

    threshold: float = Field(0.5, gt=0, description="median over the pixels of the coefficient of variation")


def compute(ensemble: Ensemble, options: IdentifyOptions) -> xr.Dataset:
    """`cv` [setup, parameter, quantile] over the pixels, `identifiable` [setup, parameter], `members` [setup].

    On a twin planet also `r_truth` [setup, parameter], of the members' mean with the truth over the test pixels.
    LandlabError for several datasets, a setup with one member, or a run without its parameters.
    """
    data = ensemble.dataset()
    names = [p for p in PARAMETERS if p not in UNUSED]
    setups = list(dict.fromkeys(ensemble.setups()))
    of_run = [setups.index(s) for s in ensemble.setups()]
    alone = [s for i, s in enumerate(setups) if of_run.count(i) < 2]
    if alone:
        raise LandlabError(
            f"{len(alone)} of {len(setups)} setups have one member ({', '.join(alone[:4])}); "
            "a spread needs 2 or more: run more seeds, or give a filter that leaves those setups out"
        )
    moments = [_Spread() for _ in setups]
    for i, file in zip(of_run, ensemble.files("parameters"), strict=True):
        moments[i].add(np.stack([file[n].values for n in names]).astype(float))
    quantiles = np.array([0.25, 0.5, 0.75])
    cv = np.stack([np.nanquantile(m.cv, quantiles, axis=1).T for m in moments])
    ds = xr.Dataset(
        {
            "cv": (("setup", "parameter", "quantile"), cv),
            "identifiable": (("setup", "parameter"), cv[:, :, 1] < options.threshold),
            "members": ("setup", [m.n for m in moments]),
        },
        {"setup": setups, "parameter": names, "quantile": quantiles},
        options.model_dump()
        | {"synthetic": int(ensemble.synthetic), "pixels": int(moments[0].mean.shape[1])},
    )
    truth = dict(_truth(data, names)) if ensemble.synthetic else {}
    if truth:
        r = np.full(cv.shape[:2], np.nan)
        for i, m in enumerate(moments):
            for j, name in enumerate(names):
                if name in truth:
                    true, test = truth[name]
                    r[i, j] = _correlation(m.mean[j][test], true[test])
        ds["r_truth"] = (("setup", "parameter"), r)
    return ds


class _Spread:
    """Mean and sum of squared deviations, [parameter, pixel], member by member (Welford 1962)."""

    def __init__(self) -> None:
        self.n = 0

    def add(self, x: Values) -> None:
        if not self.n:
            self.mean, self.squares = np.zeros_like(x), np.zeros_like(x)
        elif x.shape != self.mean.shape:
            raise LandlabError(f"parameters of {x.shape[1]} pixels, after some of {self.mean.shape[1]}")
        self.n += 1
        delta = x - self.mean
        self.mean += delta / self.n
        self.squares += delta * (x - self.mean)

    @property
    def cv(self) -> Values:
        return np.sqrt(self.squares / (self.n - 1)) / np.abs(self.mean)


def _truth(ds: xr.Dataset, names: list[str]) -> Iterator[tuple[str, tuple[Values, npt.NDArray[np.bool_]]]]:
    """By name the true values, and which pixels are test ones; derived ones follow from the others."""
    true = {p: ds[f"true_{p}"].values.astype(float) for p in BY_NAME if f"true_{p}" in ds}
    derived = {d.name: d for d in DERIVED}
    for name in names:
        try:
            values = true[name] if name in true else derived[name].compute(true)
        except KeyError:
            continue
        yield name, (np.asarray(values), ds["test"].values)


def _correlation(a: Values, b: Values) -> float:
    if len(a) < 3 or a.std() == 0 or b.std() == 0:
        return float("nan")
    return float(np.corrcoef(a, b)[0, 1])


def table(ds: xr.Dataset) -> pd.DataFrame:
    """A row for each setup: members, how many parameters are identifiable, and on a twin how many truly are."""
    rows = []
    for s in ds["setup"].values:
        one = ds.sel(setup=s)
        said = one["identifiable"].values
        row = {
            "setup": s,
            "members": int(one["members"]),
            "parameters": said.size,
            "identifiable": int(said.sum()),
        }
        if "r_truth" in ds:
            found = one["r_truth"].values >= WELL_KNOWN
            row |= {
                f"r >= {WELL_KNOWN} to truth": int(found.sum()),
                "precision": float((said & found).sum() / said.sum()) if said.any() else np.nan,
                "recall": float((said & found).sum() / found.sum()) if found.any() else np.nan,
            }
        rows.append(row)
    return pd.DataFrame(rows)


def figure(ds: xr.Dataset) -> "Figure":
    """Of the two largest setups: each parameter's median and quartiles of the coefficient of variation."""
    from matplotlib.figure import Figure

    size = [s.split(",")[0].count("+") for s in ds["setup"].values]
    shown = ds.isel(setup=sorted(range(len(size)), key=lambda i: -size[i])[:2])
    order = np.argsort(shown["cv"].isel(setup=0).sel(quantile=0.5).values)
    shown = shown.isel(parameter=order)
    names = list(shown["parameter"].values)
    fig = Figure(figsize=(8.5, 2.2 + 0.2 * len(names)), layout="constrained")
    ax = fig.add_subplot()
    rows = np.arange(len(names))
    for row in rows[::2]:
        ax.axhspan(row - 0.5, row + 0.5, color="0.96", linewidth=0)
    for i, setup in enumerate(shown["setup"].values):
        low, middle, high = shown["cv"].sel(setup=setup).values.T
        y = rows + (i - (shown.sizes["setup"] - 1) / 2) * 0.36
        ax.hlines(y, low, high, color=style.PALETTE[i], linewidth=1.5)
        n = int(shown["members"].sel(setup=setup))
        ax.scatter(
            middle,
            y,
            s=24,
            color=style.PALETTE[i],
            marker=style.MARKERS[i],
            label=f"{setup} ({n} members)",
            zorder=3,
        )
    ax.axvline(ds.attrs["threshold"], color="0.4", linestyle="--", linewidth=1)
    ax.set_xscale("log")
    ax.set_yticks(rows, [n.replace("_", " ") for n in names], fontsize=8)
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.set_xlabel(
        f"coefficient of variation over members: median and quartiles of {ds.attrs['pixels']} pixels"
    )
    style.quiet(ax)
    synthetic = ", synthetic data" if ds.attrs["synthetic"] else ""
    style.entitle(ax, f"Which parameters the members agree on{synthetic}", ds.attrs)
    fig.legend(loc="outside lower center", ncols=1, frameon=False)
    return fig


ANALYSIS = Analysis(
    name="identify",
    summary="which parameters members that differ in their seeds agree on",
    options=IdentifyOptions,
    splits=lambda options: (),
    compute=compute,
    table=table,
    figure=figure,
    kinds=("parameters",),
)
